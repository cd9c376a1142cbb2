"""What spectra do state space models start from?
===============================================

The HiPPO-LegS matrix has the real eigenvalues -1, …, -N. S4 does not use them: it uses the eigenvalues of the normal
part of A, which all have the real part -1/2 and reach up the imaginary axis to ω₀ = N²/π - π/6 + O(1/N²), a law that
was known from experiment and follows from the equation Σ atan(ω/(i + 1/2)) = π/2 · (N - 1). The diagonal
initializations of S4D imitate that second spectrum: S4D-Inv follows it over its whole reach, S4D-Lin is evenly spaced
and stops at π(N/2 - 1).

The references are enclosures by ball arithmetic; the distance of ω₀ from the law is known to many digits.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[S4D] section 4 for the initializations and, from experiment, the leading term of the law"
METHOD = "every mode of the closed form against an enclosing ball"
U = 2.0**-53
NEXT_TERM = 0.607
INITS = ("s4d-legs", "s4d-inv", "s4d-lin")
ALT = (
    "Left: eigenvalues of the LegS matrix on the real axis and those of its normal part on the line of real part "
    "minus one half. Middle: frequencies of the S4D initializations by index; Inv follows LegS, Lin is evenly "
    "spaced. Right: distance of the top frequency from its law against N, a straight line of slope minus two."
)


def compute(small=False):
    """Spectra of one size, and the top frequency over sizes."""
    N = 16 if small else 64
    op = ssm.hippo("legs", N)
    form = ssm.nplr(op)
    orders = (8, 16, 32) if small else (8, 16, 32, 64, 128, 256)
    exact = {order: ssm.certified.nplr_eigenvalues("legs", order) for order in orders}
    top = [float(exact[order].mid.imag.max()) for order in orders]
    gap = [w - (order**2 / np.pi - np.pi / 6) for w, order in zip(top, orders, strict=True)]
    inits = {name: np.sort(ssm.diagonal_init(name, N).Lambda.imag)[::-1] for name in INITS}
    families = ("legs", "legt", "lagt", "fout")
    forms = {(family, size): ssm.nplr(family, size) for family in families for size in (1, 2, 5, N, N + 1)}
    true = np.sort(np.real(ssm.spectrum(op).eigenvalues))
    distance = max(frequency_error(ssm.nplr("legs", order).Lambda.imag, exact[order].mid.imag) for order in orders)
    return {
        "size": N,
        "legs": {"true": true, "real": form.Lambda.real, "imag": form.Lambda.imag},
        "true_difference": np.max(np.abs(true + np.arange(N, 0, -1))),
        "real_part_difference_in_u": np.max(np.abs(form.Lambda.real + 0.5)) / U,
        "frequency_difference_in_u": distance / U,
        "orders": orders,
        "top": top,
        "gap_times_N2": [g * order**2 for g, order in zip(gap, orders, strict=True)],
        "gap": gap,
        "inits": inits,
        "top_by_init": {name: float(values[0]) for name, values in inits.items()},
        "residual_in_Nu": max(f.residual() / (size * U) for (_, size), f in forms.items()),
        "unitarity_in_Nu": max(f.unitarity() / (size * U) for (_, size), f in forms.items()),
    }


def frequency_error(omega, exact):
    """The largest relative error of any frequency, the smallest included; an exact zero must be zero."""
    zero = exact == 0
    if np.any(omega[zero]):
        return float("inf")
    return float(np.max(np.abs(omega[~zero] / exact[~zero] - 1)))


def claims(results):
    """The two spectra, the law with its next term, the initializations, and the quality of the unitary form."""
    N, top = results["size"], results["top_by_init"]
    return [
        Claim("LegS has the eigenvalues -1, …, -N: largest difference", results["true_difference"], "=", 0),
        Claim(
            "Its normal part has the real part -1/2: largest difference",
            results["real_part_difference_in_u"],
            "<=",
            4,
            "u",
        ),
        Claim(
            f"Every frequency, relative to itself, for N up to {results['orders'][-1]}: largest error",
            results["frequency_difference_in_u"],
            "<=",
            16,
            "u",
        ),
        # The next term of the expansion is of relative size 1/N², at most 1/64 for the last order.
        Claim(
            f"(ω₀ - N²/π + π/6) N² tends to {NEXT_TERM}: distance at the largest N",
            abs(results["gap_times_N2"][-1] - NEXT_TERM),
            "<=",
            0.01,
        ),
        Claim(
            "S4D-Inv reaches ω₀ up to a factor 1 - 1/N: difference times N²",
            abs(top["s4d-inv"] / top["s4d-legs"] - 1 + 1 / N) * N**2,
            "<=",
            2,
        ),
        Claim(
            "S4D-Lin reaches only π(N/2 - 1): share of ω₀", top["s4d-lin"] / top["s4d-legs"], "<=", np.pi**2 / (2 * N)
        ),
        Claim(
            "Residual of A = V(Λ - PP*)V* for four families, odd and even N", results["residual_in_Nu"], "<=", 100, "Nu"
        ),
        Claim("Distance of V*V from the identity over the same cases", results["unitarity_in_Nu"], "<=", 100, "Nu"),
    ]


def figure(results):
    """The two spectra, the initializations, and the law."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((plane, inits, law),) = plotting.new_figure(1, 3, width=11.0, height=3.6)
        legs = results["legs"]
        plane.plot(legs["true"], np.zeros(len(legs["true"])), label="of A", **plotting.series(1, line=False))
        plane.plot(legs["real"], legs["imag"], label="of its normal part", **plotting.series(0, line=False))
        plane.set(xlabel="Re λ", ylabel="Im λ", title=f"LegS, N = {results['size']}")
        plane.legend(loc="upper left")
        for index, name in enumerate(INITS):
            values = np.array(results["inits"][name])
            inits.semilogy(np.arange(len(values)), np.maximum(values, 0.1), label=name, **plotting.series(index))
        inits.set(xlabel="index, from the top", ylabel="frequency ω", title="Initializations of S4D")
        inits.legend(loc="upper right")
        law.loglog(results["orders"], results["gap"], label="ω₀ - (N²/π - π/6)", **plotting.series(0))
        guide = NEXT_TERM / np.array(results["orders"], dtype=float) ** 2
        law.loglog(results["orders"], guide, label=f"{NEXT_TERM}/N²", **plotting.series(1, marker=False))
        law.set(xlabel="number of states N", title="The law of the top frequency")
        law.legend(loc="upper right")
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
