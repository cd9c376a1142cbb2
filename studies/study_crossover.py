"""Which method computes a kernel fastest for which N and L, and does `auto` find it?
==================================================================================

The kernel of one LegS system of N states and L samples can be had from the dense matrix, from its O(N) operator, or
from the normal plus low-rank form; the kernel of a diagonal system also from sums of powers. Every applicable method is
timed on a grid of N and L, with discretization and everything else a call does. For each form `auto` must be as good
as the best method, up to a factor of two that the cost model is allowed to miss.

Algorithm 1 of S4 has to form C Ā^L first, which costs as much as the recurrence that gives the kernel itself, or as the
powers of Ā that the blocked product also needs. For a single kernel it is therefore rarely the fastest: small systems
belong to the blocked product, large ones to the circle that needs no power. It pays where many heads with different
matrices make the dense powers expensive.

Times are processor seconds of all threads, the least of a few runs. Methods that would take half a second or more are
left out, as are dense matrices of more than 256 states. With 32 heads, each has a step and an output of its own.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[S4] Theorem 3 and section 3.3 compare operation counts; times are this project's"
METHOD = "processor time of the whole call, the least of a few runs, every method on every system that it takes"
ON_REQUEST = True
SEED = 2
HEADS = 32
ROUTES = {
    ("dense", "krylov"): "recurrence, dense",
    ("structured", "krylov"): "recurrence, O(N) operator",
    ("dplr", "krylov"): "recurrence, diagonal + low rank",
    ("dense", "krylov_blocked"): "blocked product",
    ("dplr", "cauchy"): "Algorithm 1 of S4",
    ("dplr", "contour"): "contour",
}
ALT = (
    "Left: a grid of N against L with one mark for the fastest way to the LegS kernel in each cell. The blocked "
    "product holds the cells of small N and large L, recurrences those of small L, the contour those where both are "
    "large; "
    "Algorithm 1 holds few or none. Right: times at the largest L against N, on logarithmic axes: the blocked product "
    "rises with the third power, the others about in proportion, the contour least."
)


def compute(small=False):
    """Times of all methods on the grid, and what `auto` took."""
    orders, lengths = ((4, 32), (64, 2048)) if small else ((4, 16, 64, 256, 1024, 4096), (64, 1024, 16_384))
    rng = np.random.default_rng(SEED)
    cases = []
    for kind, most in (("dense", 256), ("structured", 4096), ("dplr", 4096), ("diagonal", 1024)):
        for N in (order for order in orders if order <= most):
            for heads in (1, HEADS):
                if heads * N <= (4096 if heads == 1 else 2048):
                    system = form(kind, N, heads, rng)
                    cases += [case(kind, system, N, L, heads) for L in lengths]
    return {"cases": cases}


def form(kind, N, heads, rng):
    """LegS systems of N states in one of its forms, with random output weights; or the diagonal part alone."""
    op = ssm.hippo("legs", N)
    if kind in ("dense", "structured"):
        C = rng.normal(size=(heads, N))
        return op.state_space(C) if kind == "dense" else op.structured_state_space(C)
    half = (N + 1) // 2
    C = rng.normal(size=(heads, half)) + 1j * rng.normal(size=(heads, half))
    if kind == "dplr":
        return ssm.nplr(op).to_dplr(C, basis="modal")
    start = ssm.diagonal_init("s4d-legs", N)
    return ssm.Diagonal(start.Lambda, start.B, C, conjugate_pairs=start.conjugate_pairs)


def steps(L, heads):
    """A step for each head, from 1/L to 10/L."""
    return np.geomspace(1 / L, 10 / L, heads) if heads > 1 else 1 / L


def case(kind, system, N, L, heads):
    """Seconds of every affordable method, and the choice of `auto`."""
    _, info = ssm.convolution_kernel(system, L, steps(L, heads), return_info=True)
    methods = [m for m in METHODS[kind] if m == info.method or heads * flops(kind, m, N, L) < 1.2e9]
    seconds = {method: timed(system, L, steps(L, heads), method) for method in methods}
    return {"kind": kind, "N": N, "L": L, "heads": heads, "auto": info.method, "seconds": seconds}


METHODS = {
    "dense": ("krylov", "krylov_blocked"),
    "structured": ("krylov", "krylov_blocked"),
    "dplr": ("krylov", "krylov_blocked", "cauchy", "contour"),
    "diagonal": ("krylov", "krylov_blocked", "vandermonde", "cauchy", "contour"),
}


def flops(kind, method, N, L):
    """Roughly, and matrix products at a tenth, so that all count alike."""
    if method == "krylov_blocked":
        return N**3 * np.log2(L) / 5
    if method == "krylov":
        return 2 * L * (N**2 if kind == "dense" else 8 * N)
    return 4 * N * L


def timed(system, L, dt, method):
    """The least processor time of three runs or more; the first run, which may compile, does not count."""
    from time import process_time

    ssm.convolution_kernel(system, L, dt, method=method)
    best, total, runs = np.inf, 0.0, 0
    while runs < 3 or (total < 0.02 and runs < 20):
        begin = process_time()
        ssm.convolution_kernel(system, L, dt, method=method)
        seconds = process_time() - begin
        best, total, runs = min(best, seconds), total + seconds, runs + 1
    return best


def factor(case):
    """How much longer `auto` takes than the fastest method."""
    return case["seconds"][case["auto"]] / min(case["seconds"].values())


def routes(results):
    """Seconds of every route to the LegS kernel, by (N, L)."""
    table = {}
    for c in (c for c in results["cases"] if c["heads"] == 1):
        for method, seconds in c["seconds"].items():
            if (c["kind"], method) in ROUTES:
                table.setdefault((c["N"], c["L"]), {})[ROUTES[c["kind"], method]] = seconds
    return table


def claims(results):
    """What `auto` loses, and where the crossovers are."""
    cases, table = results["cases"], routes(results)
    largest_n, largest_l = max(n for n, _ in table), max(length for _, length in table)
    out = [
        Claim(
            f"{label}: time of auto relative to the fastest method, worst of the grid", max(map(factor, some)), "<=", 2
        )
        for label, some in (
            (kind, [c for c in cases if c["kind"] == kind]) for kind in ("dense", "structured", "dplr", "diagonal")
        )
    ]
    small = [row for (n, _), row in table.items() if n <= 64]
    out.append(
        Claim(
            "LegS, N ≤ 64: time of Algorithm 1 relative to the fastest route, least of the grid",
            min(row["Algorithm 1 of S4"] / min(row.values()) for row in small),
            ">=",
            1,
        )
    )
    if largest_n >= 4096:
        corner = table[largest_n, largest_l]
        rest = min(seconds for name, seconds in corner.items() if name != "contour")
        out += [
            Claim(
                f"LegS, N = 64, L = {largest_l:,}: time of Algorithm 1 relative to the blocked product",
                table[64, largest_l]["Algorithm 1 of S4"] / table[64, largest_l]["blocked product"],
                ">=",
                1,
            ),
            Claim(
                f"LegS, N = {largest_n:,}, L = {largest_l:,}: time of the fastest other route relative to the contour",
                rest / corner["contour"],
                ">=",
                3,
            ),
        ]
    return out


def figure(results):
    """The map of winners, and times at the largest L."""
    from ssm_numerics import plotting

    table = routes(results)
    orders, lengths = (sorted({key[axis] for key in table}) for axis in (0, 1))
    with plotting.style():
        fig, ((left, right),) = plotting.new_figure(1, 2, width=11.0, height=4.2)
        for index, name in enumerate(ROUTES.values()):
            won = [key for key, row in table.items() if name in row and row[name] == min(row.values())]
            near = [
                key
                for key, row in table.items()
                if name in row and key not in won and row[name] < 1.3 * min(row.values())
            ]
            look = plotting.series(index, line=False)
            left.plot([n for n, _ in won], [length for _, length in won], label=name, **{**look, "markersize": 13})
            left.plot([n for n, _ in near], [length for _, length in near], **{**look, "markersize": 6})
            held = [n for n in orders if name in table[n, lengths[-1]]]
            times = [1e3 * table[n, lengths[-1]][name] for n in held]
            right.loglog(held, times, label=name, **plotting.series(index))
        left.set_xscale("log", base=2)
        left.set_yscale("log", base=2)
        left.set_xticks(orders, [f"{n:,}" for n in orders])
        left.set_yticks(lengths, [f"{length:,}" for length in lengths])
        left.set(
            xlabel="number of states N",
            ylabel="number of samples L",
            title="Fastest route to one LegS kernel (small: within 30 %)",
            xlim=(orders[0] / 2, orders[-1] * 2),
            ylim=(lengths[0] / 3, lengths[-1] * 3),
        )
        right.set(xlabel="number of states N", ylabel="milliseconds", title=f"Times at L = {lengths[-1]:,}")
        fig.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
