"""What can single precision do, and what do nodes by repeated powers cost?
=========================================================================

State space models are trained in float32 and complex64. This study runs four methods of this package in both
precisions over lengths up to 16,384, in units of the rounding u = 2^-24 or 2^-53, so that a method that only rounds
shows the same number in both. The float32 data are the float64 data rounded, and what that rounding alone does to the
kernel, computed exactly, is drawn beside: for the diagonal system it is nearly all of the float32 error, for LegS a
small part.

The nodes of Algorithm 1 are roots of unity. Taken one by one from the exponential each is right to a rounding; taken as
powers of the first, as state-spaces/s4 takes them in complex64, their error grows with L, and the kernel of a lightly
damped system loses two digits more.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "the nodes are those of the repository state-spaces/s4; the rest is measurement"
METHOD = "every kernel against an enclosing ball of the float64 data"
SEED = 60
UNITS = {"float32": 2.0**-24, "float64": 2.0**-53}
METHODS = ("krylov", "krylov_blocked", "cauchy", "vandermonde")
NODES = ("one by one", "repeated powers")
ALT = (
    "Left: errors of all methods against kernel length, in units of the rounding of each precision, one line for each "
    "method, filled marks for float32 and hollow ones for float64, all within 100 units. Right: largest error of the "
    "nodes against length in complex64; flat one by one, growing in proportion to length by repeated powers; and the "
    "error of the kernel that follows from each."
)


def compute(small=False):
    """Errors of every method in both precisions over lengths; nodes two ways."""
    N, lengths = (16, (64, 256)) if small else (64, (256, 1024, 4096, 16_384))
    rng = np.random.default_rng(SEED)
    C = rng.normal(size=N)
    return {
        "N": N,
        "lengths": lengths,
        "errors": [errors_at(N, C, L) for L in lengths],
        "nodes": [nodes_at(L, rng) for L in lengths],
    }


def systems(N, C):
    """LegS as a matrix and in its unitary form, and the S4D-Lin initialization, each with the methods that take it."""
    start = ssm.diagonal_init("s4d-lin", N)
    return (
        (ssm.hippo("legs", N).state_space(C), ("krylov", "krylov_blocked")),
        (ssm.nplr("legs", N).to_dplr(C), ("cauchy",)),
        (ssm.Diagonal(start.Lambda, start.B, C[: N // 2] + 0j, conjugate_pairs=True), ("vandermonde",)),
    )


def converted(system, real):
    """The same system with its numbers in the precision of a real dtype."""
    from dataclasses import fields

    def number(value):
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fc":
            return value
        return value.astype(np.result_type(real, np.complex64) if value.dtype.kind == "c" else real)

    return type(system)(**{f.name: number(getattr(system, f.name)) for f in fields(system) if f.init})


def errors_at(N, C, L):
    """Errors relative to the largest entry, in units of each precision's rounding."""
    dt, out = 1 / L, {"L": L, "float32": {}, "float64": {}, "rounded data": {}}
    for system, methods in systems(N, C):
        single = converted(system, np.float32)
        exact = ssm.certified.convolution_kernel(system, L, dt).mid
        of_rounded = ssm.certified.convolution_kernel(converted(single, np.float64), L, dt).mid
        for method in methods:
            for name, given in (("float32", single), ("float64", system)):
                K = ssm.convolution_kernel(given, L, np.float32(dt) if name == "float32" else dt, method=method)
                out[name][method] = relative(K, exact) / UNITS[name]
            out["rounded data"][method] = relative(of_rounded, exact) / UNITS["float32"]
    return out


def relative(K, exact):
    """Largest error relative to the largest entry."""
    return float(np.max(np.abs(K - exact)) / np.max(np.abs(exact)))


def nodes_at(L, rng):
    """Error of complex64 nodes taken two ways, and of a lightly damped kernel computed at them."""
    exact = np.exp(-2j * np.pi * (np.arange(L) / L))
    first = np.complex64(np.exp(-2j * np.pi / L))
    nodes = {"one by one": exact.astype(np.complex64), "repeated powers": first ** np.arange(L).astype(np.float32)}
    modes, dt = 32, 10.0 / L
    Lambda = -0.5 + 1j * np.pi * np.arange(modes)
    weights = (rng.normal(size=modes) + 1j * rng.normal(size=modes)) * dt
    z = (1 + dt / 2 * Lambda) / (1 - dt / 2 * Lambda)
    v = weights / (1 - dt / 2 * Lambda) * (1 - z**L)
    true = ((weights / (1 - dt / 2 * Lambda)) @ z[:, None] ** np.arange(L)).real
    out = {"L": L}
    for name, omega in nodes.items():
        wide = omega.astype(complex)  # only the nodes are rounded
        hat = (v / (1 - wide[:, None] * z)).sum(axis=1)
        out[name] = {"nodes": float(np.max(np.abs(wide - exact))), "kernel": relative(np.fft.ifft(hat).real, true)}
    return out


def claims(results):
    """Both precisions, the gap between them, and the nodes."""
    errors, nodes = results["errors"], results["nodes"]
    single = max(max(case["float32"].values()) for case in errors)
    double = max(max(case["float64"].values()) for case in errors)
    powers, one = nodes[-1]["repeated powers"], nodes[-1]["one by one"]
    return [
        Claim(f"float32, N = {results['N']}, every length: largest error of any method", single, "<=", 1801, "u₃₂"),
        Claim(f"float64, N = {results['N']}, every length: largest error of any method", double, "<=", 1801, "u₆₄"),
        Claim(
            "float32, diagonal system: error over that of the exact kernel of the rounded data",
            max(case["float32"]["vandermonde"] / case["rounded data"]["vandermonde"] for case in errors),
            "<=",
            2,
        ),
        Claim(
            "Nodes one by one in complex64: largest error, L up to the largest",
            one["nodes"] / UNITS["float32"],
            "<=",
            2,
            "u₃₂",
        ),
        Claim(
            f"Nodes by repeated powers: error at L = {nodes[-1]['L']:,} over that one by one",
            powers["nodes"] / one["nodes"],
            ">=",
            nodes[-1]["L"] / 50,
        ),
        Claim(
            f"The kernel from them: factor by which repeated powers are worse at L = {nodes[-1]['L']:,}",
            powers["kernel"] / one["kernel"],
            ">=",
            100 if nodes[-1]["L"] > 1000 else 1,
        ),
    ]


def figure(results):
    """Errors against length in both precisions; the nodes."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((left, right),) = plotting.new_figure(1, 2, width=10.0, height=4.0)
        lengths = results["lengths"]
        for index, method in enumerate(METHODS):
            for name in UNITS:
                look = plotting.series(index) | (
                    {"markerfacecolor": plotting.COLORS[index]} if name == "float32" else {}
                )
                values = [max(case[name][method], 0.1) for case in results["errors"]]
                left.loglog(lengths, values, label=f"{method}, {name}", **look)
        values = [max(case["rounded data"].values()) for case in results["errors"]]
        left.loglog(lengths, values, label="exact, of rounded data", color="black", linewidth=2.2, alpha=0.5)
        left.set(xlabel="length L", ylabel="error in u of each precision", title="Every method, two precisions")
        left.legend(loc="upper left", ncols=2, fontsize=7)
        for index, name in enumerate(NODES):
            for offset, (key, label) in enumerate((("nodes", "nodes"), ("kernel", "kernel"))):
                values = [case[name][key] for case in results["nodes"]]
                right.loglog(lengths, values, label=f"{label}, {name}", **plotting.series(2 * index + offset))
        right.set(xlabel="length L", ylabel="error", title="Roots of unity in complex64")
        right.legend(loc="upper left")
        for ax in (left, right):
            ax.set_xticks(lengths, [f"{L:,}" for L in lengths])
            ax.xaxis.set_minor_formatter("")
        left.set_ylim(None, 50 * max(max(c[n].values()) for c in results["errors"] for n in UNITS))
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
