"""Do all ways to compute the convolution kernel agree, and to how many digits?
===============================================================================

The kernel K_l = C Āˡ B̄ can be had from powers of Ā (krylov, krylov_blocked), from the diagonal form by sums of
powers (vandermonde), and from the diagonal plus low-rank form by Algorithm 1 of S4 (cauchy). Every number here is
compared with ball arithmetic, which encloses the true kernel of exactly the same data. Errors are relative to the
largest entry of the kernel.

Algorithm 1 evaluates the generating function of the kernel at nodes on a circle. On the unit circle, the published
choice, these nodes can be poles of its sums: for odd N the normal parts of LegT, LagT and FouT have the eigenvalue
0, which belongs to the node 1. On the slightly smaller circle r^L = 1/2 that cannot happen.
"""

import warnings

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[LSSL] section 3 (one kernel, many views); [S4] Algorithm 1"
METHOD = "every entry of every kernel against an enclosing ball"
SEED = 7
U = 2.0**-53
FAMILIES = ("legs", "legt", "lagt", "fout")
DIAGONAL = ("s4d-lin", "s4d-inv", "s4d-legs", "s4d-real")
ALT = (
    "Errors of the kernel in units of u on a logarithmic axis, one row of dots for each method, one mark for each "
    "family. All methods of the package stay between 1 u and their bounds; Algorithm 1 on the unit circle loses "
    "every digit for three of the four families where N is odd."
)


def compute(small=False):
    """Errors over families, sizes, lengths and steps."""
    shapes = [(N, L) for N in (1, 5, 16, 65) for L in (63, 1024)] + [(128, 4096)]
    if small:
        shapes = [(5, 64), (16, 64)]
    rng = np.random.default_rng(SEED)
    cases = []
    for family in FAMILIES:
        for N, L in shapes:
            cases += dense_cases(family, N, L, rng, "bilinear") + structured_cases(family, N, L, rng)
        cases += dense_cases(family, *shapes[-2], rng, "zoh")
    for name in DIAGONAL:
        cases += [diagonal_case(name, N + N % 2, L, rng) for N, L in shapes]
    return {"cases": cases, "views_in_u": [views(family, 33, 128 if small else 2048, rng) for family in FAMILIES]}


def original(family, N, rng):
    """The dense system of a family with random output weights."""
    op = ssm.hippo(family, N)
    return ssm.StateSpace(op.A, op.B, rng.normal(size=N))


def in_u(K, exact):
    """Largest error relative to the largest entry, in u; a kernel that is not finite counts as 100 % wrong."""
    difference = np.max(np.abs(K - exact)) / np.max(np.abs(exact))
    return float(difference if np.isfinite(difference) else 1.0) / U


def dense_cases(family, N, L, rng, discretization):
    """Powers of Ā, step by step and in blocks."""
    system, dt = original(family, N, rng), 2.0 / L
    exact, _ = ssm.certified.convolution_kernel(system, L, dt, discretization)
    case = {"family": family, "N": N, "L": L, "discretization": discretization}
    out = []
    for method in ("krylov", "krylov_blocked"):
        K = ssm.convolution_kernel(system, L, dt, discretization=discretization, method=method)
        out.append({**case, "method": method, "error_in_u": in_u(K, exact)})
    return out


def structured_cases(family, N, L, rng):
    """Algorithm 1 on the safe circle and on the unit circle."""
    system, dt = ssm.nplr(family, N).to_dplr(rng.normal(size=N)), 2.0 / L
    exact, _ = ssm.certified.convolution_kernel(system, L, dt)
    K = ssm.convolution_kernel(system, L, dt, method="cauchy")
    case = {"family": family, "N": N, "L": L, "discretization": "bilinear"}
    out = [{**case, "method": "cauchy", "error_in_u": in_u(K, exact)}]
    if N <= 65:
        risky = on_unit_circle(system, L, dt)
        out.append({**case, "method": "unit circle", "error_in_u": in_u(risky, exact)})
    return out


def on_unit_circle(system, L, dt):
    """Algorithm 1 as published: Cauchy sums at g = (2/Δ)(1 - ω)/(1 + ω), ω the L-th roots of unity, and Woodbury."""
    form = system.full()
    step = ssm.discretize(form, dt).to_dense()
    C = form.C - form.C @ np.linalg.matrix_power(step.A_bar, L)
    omega = np.exp(-2j * np.pi * np.arange(L // 2 + 1) / L)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cauchy = 1 / ((2 / dt) * ((1 - omega) / (1 + omega))[:, None] - form.Lambda)
        k00, k01 = cauchy @ (C * form.B), (cauchy * C) @ form.P
        k10 = (cauchy * form.B) @ form.Q.conj()
        k11 = form.Q.conj().T @ (cauchy[:, :, None] * form.P)
        if not np.isfinite(k11).all():
            return np.full(L, np.nan)
        inner = np.linalg.solve(np.eye(form.P.shape[-1]) + k11, k10[..., None])[..., 0]
        return np.fft.irfft(2 / (1 + omega) * (k00 - np.sum(k01 * inner, axis=-1)), L)


def diagonal_case(name, N, L, rng):
    """Sums of powers, with the error also relative to the sum of the weights, which cancellation cannot hide."""
    start = ssm.diagonal_init(name, N)
    system = ssm.Diagonal(start.Lambda, start.B, rng.normal(size=start.C.shape), conjugate_pairs=start.conjugate_pairs)
    dt = 2.0 / L
    exact, _ = ssm.certified.convolution_kernel(system, L, dt)
    K = ssm.convolution_kernel(system, L, dt, method="vandermonde")
    step = ssm.discretize(system, dt)
    weights = float(np.sum(step.weights * np.abs(step.C * step.B_bar)))
    error = in_u(K, exact)
    case = {"family": name, "N": N, "L": L, "discretization": "bilinear", "method": "vandermonde"}
    return {**case, "error_in_u": error, "error_over_weights_in_u": error * np.max(np.abs(exact)) / weights}


def views(family, N, T, rng):
    """Recurrence against convolution, relative to the norms of kernel and input, in u."""
    system, dt, u = original(family, N, rng), 4.0 / T, rng.normal(size=T)
    K = ssm.convolution_kernel(system, T, dt)
    difference = ssm.simulate(system, u, dt) - ssm.convolve(K, u)
    return float(np.max(np.abs(difference)) / (np.linalg.norm(K) * np.linalg.norm(u)) / U)


def worst(results, method, key="error_in_u"):
    """The largest number of one method."""
    return max(case[key] for case in results["cases"] if case["method"] == method)


def claims(results):
    """One bound for each method, the agreement of two views, and what the unit circle costs."""
    risky = [case for case in results["cases"] if case["method"] == "unit circle" and case["N"] % 2]
    lost = {case["family"] for case in risky if case["error_in_u"] * U > 0.1}
    return [
        Claim(
            "krylov: largest error over families, sizes, lengths and rules", worst(results, "krylov"), "<=", 1000, "u"
        ),
        Claim("krylov_blocked: largest error over the same cases", worst(results, "krylov_blocked"), "<=", 1000, "u"),
        Claim("cauchy: largest error on the circle r^L = 1/2", worst(results, "cauchy"), "<=", round(2e-13 / U), "u"),
        Claim(
            "vandermonde: largest error relative to the sum of all weights |c|, four initializations",
            worst(results, "vandermonde", "error_over_weights_in_u"),
            "<=",
            50,
            "u",
        ),
        # The FFT adds a few u log2 T, the recurrence a few u N, both relative to the norms.
        Claim("Recurrence and convolution give the same output", max(results["views_in_u"]), "<=", 1000, "u"),
        Claim("Algorithm 1 on the unit circle, odd N: families of four that lose every digit", len(lost), "=", 3),
    ]


def figure(results):
    """Every case as a mark, one band for each method."""
    from ssm_numerics import plotting

    methods = ("krylov", "krylov_blocked", "vandermonde", "cauchy", "unit circle")
    bounds = {"krylov": 1000, "krylov_blocked": 1000, "cauchy": 2e-13 / U}
    ceiling = 1e17
    with plotting.style():
        fig, ((ax,),) = plotting.new_figure(width=9.0, height=4.0)
        families = (*FAMILIES, "diagonal inits")
        for index, family in enumerate(families):
            chosen = [c for c in results["cases"] if c["family"] == family or (index == 4 and c["family"] in DIAGONAL)]
            x = [min(max(c["error_in_u"], 0.1), ceiling) for c in chosen]
            y = [methods.index(c["method"]) + 0.13 * (index - 2) for c in chosen]
            ax.plot(x, y, label=family, alpha=0.8, **plotting.series(index, line=False))
        for method, bound in bounds.items():
            row = methods.index(method)
            ax.plot([bound, bound], [row - 0.4, row + 0.4], color="black", linewidth=1.5)
        ax.axvline(1 / U, color="#666666", linewidth=0.8)
        ax.text(1 / U, -0.62, "100 % error ", ha="right", va="center", fontsize=8)
        ax.set_xscale("log")
        ax.set_yticks(range(len(methods)), [*methods[:-1], "Algorithm 1 on\nthe unit circle"])
        ax.set(
            xlabel="error relative to max |K|, in u = 2⁻⁵³ (bar: the promised bound)",
            xlim=(0.08, 3e17),
            ylim=(4.6, -0.8),
        )
        ax.grid(visible=False, axis="y")
        ax.legend(loc="upper right", bbox_to_anchor=(0.93, 0.8))
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
