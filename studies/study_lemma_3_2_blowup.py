"""Why does nobody diagonalize the HiPPO matrix?
==============================================

Diagonalizing A would make every kernel a sum of powers. Lemma 3.2 of the S4 paper says why that fails: the
eigenvectors of the HiPPO-LegS matrix have entries of exponential size. This study checks the lemma in exact integers
and finds two corrections: the printed matrix needs the sign (-1)^i and a diagonal scaling to hold eigenvectors at
all, and its entries grow faster than the 2^(4N/3) that is printed, like φ^(2N) ≈ 2^(1.3885 N) with the golden ratio
φ.

Normalizing the columns does not help: the condition number still grows like (1 + √2)^(2N) ≈ 2^(2.5431 N), so that
float64 has no digit left from N ≈ 23. No other scaling helps either: none gets below the largest condition number of
an eigenvalue, which grows at the same rate and sits at the index j ≈ N/√2. Unit columns are within a factor N of
that, so the best scaling would gain one or two states. The basis of the normal plus low-rank form is unitary, with
condition number 1 for every N.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "[S4] Lemma 3.2 and its remark on 2^(4N/3); the corrections are this project's"
METHOD = "exact integers for the eigenvectors, ball arithmetic for condition numbers and kernels"
SEED = 32
U = 2.0**-53
ALT = (
    "Left: base-two logarithms of the largest eigenvector entry and of three condition numbers against N, straight "
    "lines that cross the 53 bits of float64 between N = 18 and N = 40. Right: error of the LegS convolution "
    "kernel on a logarithmic axis; through eigenvectors it climbs from rounding level to above one near N = 20, "
    "through the unitary basis it stays at rounding level."
)


def compute(small=False):
    """Integers, growth rates, and what they do to a kernel in float64."""
    growth = ssm.lemma.growth(48 if small else 128)
    checks = [ssm.lemma.verify(N) for N in range(2, 13 if small else 41)]
    sizes = (4, 12, 32) if small else (2, 4, 6, 8, 12, 16, 20, 24, 28, 32, 40, 48, 64)
    shown = slice(None, None, 2)
    return {
        "N": growth.N[shown],
        "log2_largest_entry": growth.log2_largest_entry[shown],
        "log2_condition_raw": growth.log2_condition_raw[shown],
        "log2_condition_scaled": growth.log2_condition_scaled[shown],
        "log2_eigenvalue_condition": growth.log2_eigenvalue_condition[shown],
        "unit_over_best_over_N": np.max(
            np.exp2(growth.log2_condition_scaled - growth.log2_eigenvalue_condition) / growth.N
        ),
        "largest_N": growth.N[-1],
        "worst_ratio": growth.worst_ratio[-1],
        "best_float64_limit": next(iter(growth.N[growth.log2_eigenvalue_condition >= 53]), None),
        "bits_per_state": growth.corrected_slopes,
        "limits": growth.limits,
        "float64_limit": growth.float64_limit,
        "orders_checked": len(checks),
        "orders_where_signed_fails": sum(not (check.eigenvectors and check.inverse) for check in checks),
        "orders_where_printed_holds": sum(not (c.fails_without_sign and c.fails_without_scaling) for c in checks),
        "kernel": {"N": sizes, **kernel_errors(sizes, 64 if small else 256)},
        "unitary_condition_minus_1_in_Nu": [abs(np.linalg.cond(ssm.nplr("legs", N).V) - 1) / (N * U) for N in sizes],
    }


def kernel_errors(sizes, L):
    """Relative error of the LegS kernel by eigenvectors and by the unitary form, both in float64."""
    rng, dt = np.random.default_rng(SEED), 1.0 / L
    errors = {"eigenvectors": [], "unitary": []}
    for N in sizes:
        op, C = ssm.hippo("legs", N), rng.normal(size=N)
        system = ssm.StateSpace(op.A, op.B, C)
        exact, _ = ssm.certified.convolution_kernel(system, L, dt)
        scale = np.sqrt(2 * np.arange(N) + 1.0)
        V = scale[:, None] * ssm.lemma.hippo_eigenvectors(N).astype(float)
        V /= np.linalg.norm(V, axis=0)
        diagonal = ssm.Diagonal(-np.arange(1.0, N + 1), np.linalg.solve(V, op.B), C @ V)
        unitary = ssm.nplr("legs", N).to_dplr(C)
        for name, form, method in (("eigenvectors", diagonal, "vandermonde"), ("unitary", unitary, "cauchy")):
            K = ssm.convolution_kernel(form, L, dt, method=method)
            errors[name].append(np.max(np.abs(K - exact)) / np.max(np.abs(exact)))
    return errors


def claims(results):
    """The exact statements, the rates, and the consequence."""
    rate, limit, kernel = results["bits_per_state"], results["limits"], results["kernel"]
    orders = results["orders_checked"]
    lost = max(kernel["eigenvectors"])
    kept = max(error / N for N, error in zip(kernel["N"], kernel["unitary"], strict=True)) / U
    return [
        Claim(
            f"With sign and scaling the lemma holds in integers: orders of {orders} where not",
            results["orders_where_signed_fails"],
            "=",
            0,
        ),
        Claim(
            f"As printed it does not: orders of {orders} where it does", results["orders_where_printed_holds"], "=", 0
        ),
        Claim("Largest entry: bits per state, more than the printed 4/3", rate["largest_entry"], ">=", 4 / 3),
        Claim(
            "Largest entry: distance from 2 log₂ φ = 1.3885 bits",
            abs(rate["largest_entry"] - limit["largest_entry"]),
            "<=",
            0.02,
        ),
        Claim(
            "Condition, columns normalized: distance from 2 log₂(1+√2) = 2.5431 bits",
            abs(rate["condition_scaled"] - limit["condition_scaled"]),
            "<=",
            0.02,
        ),
        # κ₂ ≤ ‖V‖_F ‖V⁻¹‖_F = √N (Σ κ_j²)^(1/2) for unit columns, and no scaling is below max κ_j.
        Claim(
            "Unit columns: condition over the largest eigenvalue condition number, which no scaling gets below, over N",
            results["unit_over_best_over_N"],
            "<=",
            1,
        ),
        Claim(
            "Largest eigenvalue condition number: distance from 2 log₂(1+√2) = 2.5431 bits",
            abs(rate["eigenvalue_condition"] - limit["eigenvalue_condition"]),
            "<=",
            0.02,
        ),
        Claim(
            f"The worst eigenvalue -(j+1) at N = {results['largest_N']}: distance of j/N from 1/√2",
            abs(results["worst_ratio"] - np.sqrt(0.5)),
            "<=",
            2 / results["largest_N"],
        ),
        Claim(
            "The order at which float64 has no digit left, unit columns", results["float64_limit"] or np.inf, "<=", 23
        ),
        Claim("The same for the best scaling there can be", results["best_float64_limit"] or np.inf, "<=", 24),
        Claim("The kernel through eigenvectors in float64: largest relative error", lost, ">=", 1.0),
        # Algorithm 1 on the circle r^L = 1/2 keeps 2e-13, and the rounding of the unitary form adds a few N u.
        Claim("The kernel through the unitary form: largest relative error over N", kept, "<=", 1000, "u"),
        Claim(
            "Condition number of the unitary basis, minus 1, over N",
            max(results["unitary_condition_minus_1_in_Nu"]),
            "<=",
            100,
            "u",
        ),
    ]


def figure(results):
    """Growth in bits, and the error it causes."""
    from types import SimpleNamespace

    from ssm_numerics import plotting

    with plotting.style():
        fig, ((left, right),) = plotting.new_figure(1, 2, height=3.6)
        plotting.growth(SimpleNamespace(**results), left)
        kernel = results["kernel"]
        for index, (name, label) in enumerate(
            (("eigenvectors", "through eigenvectors"), ("unitary", "through the unitary form"))
        ):
            right.semilogy(kernel["N"], np.maximum(kernel[name], U), label=label, **plotting.series(index))
        right.axhline(1.0, color="#666666", linewidth=0.8)
        right.text(1, 1.6, "100 % error", fontsize=8, va="bottom")
        right.set(xlabel="number of states N", ylabel="relative error", title="LegS convolution kernel in float64")
        right.legend(loc="center right")
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
