"""What does the closed form of the HiPPO eigenvalues gain over an eigensolver?
============================================================================

Every kernel of the S4 family starts from the normal plus low-rank form A = V(Λ - PP*)V*. It is usually computed by an
eigensolver for Hermitian matrices, in O(N³) operations, whose error is small relative to the largest eigenvalue only:
the largest is N²/π and the smallest below one, so the small ones lose digits as N grows.

For LegS and LagT each eigenvalue iω solves one monotone scalar equation, and the weight |P|² is the reciprocal of its
derivative there: O(N) operations, and every eigenvalue is accurate relative to itself. LegT has a scalar equation too,
a recurrence of N terms. The reference is ball arithmetic; at large N it encloses a sample of the modes.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "the closed forms are this project's (docs/nplr.md); [S4] section 3 takes an eigensolver"
METHOD = "every mode against an enclosing ball up to N = 512, a sample beyond; times are the least of three runs"
SEED = 5
U = 2.0**-53
EVERY = 512
"""Up to this order every mode is compared, beyond it a sample."""
ALT = (
    "Three panels against the number of states, both axes logarithmic. Left: worst relative error of an eigenvalue in "
    "units of u; the eigensolver climbs to thousands of u at 512 states, the closed forms stay "
    "below ten u up to a million. Middle: the same for the weights. Right: time, which rises with the third power for "
    "the eigensolver and with the first for the closed forms of LegS and LagT."
)


def compute(small=False):
    """Errors and times of both methods over orders; unitarity of V where it can be formed."""
    dense = (16, 33, 64) if small else (16, 33, 64, 128, 255, 512)
    closed = (*dense, 1001, 4096) if small else (*dense, 1024, 4095, 4096, 16_384, 99_999, 300_000, 1_000_000)
    for method in ("eigh", "closed_form"):  # what is compiled at first use is not part of the times
        for family in ("legs", "lagt", "legt"):
            ssm.nplr(family, 40, method=method)
    rng = np.random.default_rng(SEED)
    cases = []
    for family in ("legs", "lagt"):
        cases += [case(family, N, "eigh", rng) for N in dense]
        cases += [case(family, N, "closed_form", rng) for N in closed]
    for N in dense[: 3 if small else 4]:
        cases += [case("legt", N, method, rng) for method in ("eigh", "closed_form")]
    return {"cases": cases}


def case(family, N, method, rng):
    """One form: its time, the worst relative errors of eigenvalues and weights, and how far V is from unitary."""
    seconds, form = timed(lambda: ssm.nplr(family, N, method=method))
    modes = np.arange((N + 1) // 2) if N <= EVERY else sample(N, rng)
    omega, weights = form.Lambda.imag[modes], np.abs(form.P[modes]) ** 2
    exact = ssm.certified.nplr_eigenvalues(family, N, modes=modes)
    exact_weights = ssm.certified.nplr_weights(family, N, modes=modes)
    return {
        "family": family,
        "N": N,
        "method": method,
        "modes": int(modes.size),
        "seconds": seconds,
        "omega_in_u": in_u(omega, exact.mid.imag, exact.rad, exact.mid.imag),
        # A row of LegT has two weights, and only their sum is away from zero.
        "weights_in_u": in_u(weights, *exact_weights, exact_weights.mid.sum(axis=1, keepdims=True)),
        "unitarity_in_u": form.unitarity() / U if N <= 256 else None,
    }


def timed(run):
    """The least time of three runs, and the last result."""
    from time import perf_counter

    best = np.inf
    for _ in range(3):
        begin = perf_counter()
        result = run()
        best = min(best, perf_counter() - begin)
    return best, result


def sample(N, rng):
    """Modes at both ends of the positive half, on a logarithmic grid from either end, and at random."""
    half = N // 2
    from_end = np.unique(np.geomspace(1, half, 20).astype(int)) - 1
    return np.unique(np.concatenate([from_end, half - 1 - from_end, rng.integers(0, half, 20)]))


def in_u(values, mid, radius, scale):
    """Worst relative error in u, radii added; what is exactly zero must be zero."""
    scale = np.broadcast_to(scale, values.shape)
    zero = scale == 0
    if np.any(values[zero]):
        return np.inf
    return float(np.max(((np.abs(values - mid) + radius) / np.where(zero, 1, scale))[~zero]) / U)


def chosen(results, method, families=("legs", "lagt"), least=1, most=10**9):
    """The cases of one method within a range of orders."""
    return [
        c for c in results["cases"] if c["method"] == method and c["family"] in families and least <= c["N"] <= most
    ]


def exponent(cases):
    """The slope of log(seconds) in log(N)."""
    return float(np.polyfit(np.log([c["N"] for c in cases]), np.log([c["seconds"] for c in cases]), 1)[0])


def claims(results):
    """Accuracy in two ranges of N, what the eigensolver loses, unitarity, and time."""
    moderate, every = chosen(results, "closed_form", most=4096), chosen(results, "closed_form")
    dense, legt = chosen(results, "eigh", ("legs",)), chosen(results, "closed_form", ("legt",))
    legs = chosen(results, "closed_form", ("legs",))
    worst, last = dense[-1], legs[-1]
    same = next(c for c in legs if c["N"] == worst["N"])
    unitary = [c for c in results["cases"] if c["method"] == "closed_form" and c["unitarity_in_u"] is not None]
    out = [
        Claim("LegS, LagT, N ≤ 4096: worst relative error of ω", max(c["omega_in_u"] for c in moderate), "<=", 16, "u"),
        Claim(
            "LegS, LagT, N ≤ 4096: worst relative error of |P|²",
            max(c["weights_in_u"] for c in moderate),
            "<=",
            16,
            "u",
        ),
        Claim(
            f"LegS, LagT, N ≤ {last['N']:,}, sampled: worst relative error of ω or |P|²",
            max(max(c["omega_in_u"], c["weights_in_u"]) for c in every),
            "<=",
            64,
            "u",
        ),
        Claim("LegT: worst relative error of ω", max(c["omega_in_u"] for c in legt), "<=", 4, "u"),
        Claim(
            f"LegS, N = {worst['N']}: factor by which the eigensolver's worst error of ω is larger",
            worst["omega_in_u"] / same["omega_in_u"],
            ">=",
            100,
        ),
        # Entry i of a column is a product of i factors of modulus one, each rounded to a few u.
        Claim(
            "‖V*V - I‖ of the closed forms, over N", max(c["unitarity_in_u"] / c["N"] for c in unitary), "<=", 8, "u"
        ),
        Claim(f"LegS, N = {last['N']:,}: seconds for Λ, P and B", last["seconds"], "<=", 5),
        Claim(
            f"LegS, N = {worst['N']}: factor by which the eigensolver is slower",
            worst["seconds"] / same["seconds"],
            ">=",
            10 if worst["N"] > 64 else 1,
        ),
    ]
    large = chosen(results, "closed_form", ("legs",), least=4096)
    if len(large) > 2:
        out.append(Claim("LegS, N ≥ 4096: exponent of the time in N", exponent(large), "<=", 1.25))
    return out


def figure(results):
    """Errors of ω and of |P|², and time, against N."""
    from ssm_numerics import plotting

    panels = (
        ("omega_in_u", "worst relative error of ω, in u", "Eigenvalues"),
        ("weights_in_u", "worst relative error of |P|², in u", "Weights"),
        ("seconds", "seconds", "Time"),
    )
    with plotting.style():
        fig, (axes,) = plotting.new_figure(1, 3, width=11.0, height=3.8)
        for ax, (key, label, title) in zip(axes, panels, strict=True):
            index = 0
            for family in ("legs", "lagt", "legt"):
                for method, name in (("eigh", "eigensolver"), ("closed_form", "closed form")):
                    cases = chosen(results, method, (family,))
                    values = [max(c[key], 0.1) if key != "seconds" else c[key] for c in cases]
                    ax.loglog([c["N"] for c in cases], values, label=f"{family}, {name}", **plotting.series(index))
                    index += 1
            ax.set(xlabel="number of states N", ylabel=label, title=title)
        axes[0].legend(loc="upper right")
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
