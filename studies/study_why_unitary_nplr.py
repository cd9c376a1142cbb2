"""Why normal plus low rank, and not simply diagonal?
===================================================

Diagonalizing A turns a kernel into a sum of powers, the cheapest form there is. What it costs is the condition number
κ of the eigenvectors: rounding comes back κ times larger. For LegS, LegT and LMU κ grows exponentially with N, LagT is
a single Jordan block that has no basis of eigenvectors at all, and only the two Fourier families can be diagonalized
without loss. Every family but LMU has a unitary basis in which it is normal plus low rank, with κ = 1, and
there the kernel loses a few roundings whatever N is.

The eigenvectors are LAPACK's, as anyone would compute them; the exact ones of LegS are no better (study
lemma_3_2_blowup). From κ = 1/u on LAPACK's own κ means nothing but "too large".
"""

import warnings

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[S4] section 3.1 and Theorem 1"
METHOD = "both kernels of the same real system, L = 128, bilinear rule, against an enclosing ball"
SEED = 20
U = 2.0**-53
FAMILIES = ("legs", "legt", "lmu", "lagt", "fout", "foud")
UNITARY = ("legs", "legt", "lagt", "fout", "foud")
L, LARGEST = 128, 1e20
ALT = (
    "Left: relative error of the kernel against N on a logarithmic axis, one line for each family through "
    "eigenvectors: LegS, LegT and LMU climb from rounding to 100 %, LagT is always wrong, both Fourier families stay "
    "low; one band at rounding level for the unitary forms. Right: the same errors against the condition number of "
    "the eigenvectors; the marks follow the diagonal of error equal to condition number times rounding."
)


def compute(small=False):
    """Errors by both routes over families and orders."""
    orders = (4, 8, 16) if small else (4, 8, 12, 16, 24, 32, 48, 64)
    rng = np.random.default_rng(SEED)
    return {
        "orders": orders,
        "cases": {family: [case(family, N, rng) for N in orders] for family in FAMILIES},
    }


def case(family, N, rng):
    """Relative errors of one kernel through eigenvectors and, where there is one, through the unitary form."""
    op, C = ssm.hippo(family, N), rng.normal(size=N)
    exact, _ = ssm.certified.convolution_kernel(op.state_space(C), L, 1 / L)
    condition, diagonal = through_eigenvectors(op, C)
    out = {"N": N, "condition": min(condition, LARGEST), "eigenvectors": relative(diagonal, exact), "unitary": None}
    if family in UNITARY:
        out["unitary"] = relative(ssm.convolution_kernel(ssm.nplr(op).to_dplr(C), L, 1 / L), exact)
    return out


def through_eigenvectors(op, C):
    """The condition number of LAPACK's eigenvectors, and the kernel as a sum of powers."""
    values, V = np.linalg.eig(op.A)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            system = ssm.Diagonal(values + 0j, np.linalg.solve(V, op.B) + 0j, C @ V + 0j)
            return float(np.linalg.cond(V)), ssm.convolution_kernel(system, L, 1 / L, method="vandermonde")
    except (np.linalg.LinAlgError, ValueError):  # V is singular, or its solution overflows
        return np.inf, np.full(L, np.nan)


def relative(K, exact):
    """Largest error relative to the largest entry, in no unit; a kernel that is not finite counts as 100 % wrong."""
    error = np.max(np.abs(K - exact)) / np.max(np.abs(exact))
    return float(error) if np.isfinite(error) else 1.0


def first_lost(cases):
    """The least N at which nothing is left of the kernel through eigenvectors, or infinity."""
    return next((case["N"] for case in cases if case["eigenvectors"] >= 0.01), np.inf)


def claims(results):
    """The unitary route, what κ predicts, and each family's fate."""
    cases, largest = results["cases"], results["orders"][-1]
    kept = max(c["unitary"] / (c["N"] + 8) for family in UNITARY for c in cases[family]) / U
    predicted = [c for family in cases.values() for c in family if c["condition"] * U < 0.01]
    ratio = max(c["eigenvectors"] / (c["condition"] * c["N"] * U) for c in predicted)
    fourier = max(c["eigenvectors"] / c["N"] for family in ("fout", "foud") for c in cases[family]) / U
    out = [
        Claim(f"Unitary form, five families, N ≤ {largest}: largest error over N + 8", kept, "<=", 16, "u"),
        Claim("Through eigenvectors: largest error over κ N u, where κ u < 1 %", ratio, "<=", 16),
        Claim(
            "LagT, a Jordan block: least error through eigenvectors",
            min(c["eigenvectors"] for c in cases["lagt"]),
            ">=",
            1,
        ),
        Claim("FouT and FouD can be diagonalized: largest error over N", fourier, "<=", 100, "u"),
    ]
    if largest >= 32:
        for family, limit in (("legs", 32), ("legt", 48), ("lmu", 48)):
            out.append(
                Claim(
                    f"{family}: N from which eigenvectors keep less than two digits",
                    first_lost(cases[family]),
                    "<=",
                    limit,
                )
            )
    return out


def figure(results):
    """Errors against N and against the condition number."""
    from ssm_numerics import plotting

    with plotting.style():
        fig, ((left, right),) = plotting.new_figure(1, 2, width=10.0, height=4.0)
        for index, family in enumerate(FAMILIES):
            cases = results["cases"][family]
            errors = [min(max(c["eigenvectors"], U), 1e3) for c in cases]
            left.semilogy(results["orders"], errors, label=family, **plotting.series(index))
            condition = [c["condition"] for c in cases]
            right.loglog(condition, errors, label=family, **plotting.series(index, line=False))
        unitary = [[max(c["unitary"], U) for c in results["cases"][family]] for family in UNITARY]
        left.fill_between(
            results["orders"],
            np.min(unitary, 0),
            np.max(unitary, 0),
            color="#999999",
            label="unitary form, all families",
        )
        left.set(
            xlabel="number of states N",
            ylabel="relative error of the kernel",
            title="Through eigenvectors, cut off at 10³",
        )
        left.legend(loc="center right", bbox_to_anchor=(1.0, 0.38), fontsize=8, ncols=2)
        right.plot([1, 1 / U], [U, 1], color="#666666", linewidth=0.8, label="κ u")
        right.set(
            xlabel="condition number κ of the eigenvectors (10²⁰: or more)", title="What the condition number predicts"
        )
        right.legend(loc="upper left")
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
