"""What is lost when a discretized matrix near the identity is stored as such?
============================================================================

With a small step Ā is the identity plus a small X, and float64 stores I + X with an error of u, not of u‖X‖. That
error is the same in every step, so over L samples it grows to L u: the exact kernel of the rounded Ā is already wrong
by that much. Held as the increment X, the same matrix loses L u‖X‖ only, and its powers are squared without ever
adding the identity, X ← 2X + X². The gain is large where ‖X‖ is small, as for LagT, and nothing where it is not.

The exponential is computed the same way. In this form squaring more often than necessary costs nothing, while the
classical form doubles its error with every squaring. The reference is ball arithmetic in all cases.
"""

import numpy as np

import ssm_numerics as ssm
from ssm_numerics.study import Claim, run_as_script

SOURCE = "this project's (docs/discretization.md)"
METHOD = "kernels and exponentials against enclosing balls, with the increment and without it"
SEED = 11
U = 2.0**-53
FAMILIES = ("legs", "legt", "lagt")
FINE = 1 / 4096
EXTRA = (0, 5, 10, 15, 20)
ALT = (
    "Left: error of the blocked kernel with and without the increment, in units of u on a logarithmic axis, one row "
    "for each family, order and step; the two marks are far apart for LagT and together for LegS at step 0.01. Right: "
    "error of the exponential against additional squarings: flat in delta form, growing by a factor of two each time "
    "in plain form."
)


def compute(small=False):
    """Kernel errors with and without the increment, and errors of the exponential."""
    orders, L = ((16,), 1024) if small else ((64, 128), 4096)
    rng = np.random.default_rng(SEED)
    kernels = [kernel_case(family, N, L, dt, rng) for family in FAMILIES for N in orders for dt in (FINE, 0.01)]
    exponentials = [exponential_case(family, orders[0], dt) for family in FAMILIES[:2] for dt in (0.01, 1.0)]
    return {"kernels": kernels, "exponentials": exponentials}


def kernel_case(family, N, L, dt, rng):
    """Errors of the bilinear kernel by blocked powers, and of the exact kernel of the rounded matrix."""
    from dataclasses import replace

    system = ssm.hippo(family, N).state_space(rng.normal(size=N))
    exact, _ = ssm.certified.convolution_kernel(system, L, dt)
    discrete = ssm.discretize(system, dt)
    rounded = replace(discrete, increment=None)
    with_increment, without = (
        in_u(ssm.convolution_kernel(form, L, method="krylov_blocked"), exact) for form in (discrete, rounded)
    )
    true_of_rounded = ssm.certified.convolution_kernel(rounded, L).mid if N <= 64 else None
    held = discrete.increment is not None
    step = float(np.linalg.norm(discrete.increment, 2)) if held else 1.0
    weight = np.linalg.norm(discrete.C) * np.linalg.norm(discrete.B_bar) / np.max(np.abs(exact))
    return {
        "family": family,
        "N": N,
        "L": L,
        "dt": dt,
        "held_as_increment": held,
        "norm_of_increment": step,
        "with_increment_in_u": with_increment,
        "without_in_u": without,
        "step_by_step_in_u": in_u(ssm.convolution_kernel(discrete, L, method="krylov"), exact),
        "rounded_matrix_exactly_in_u": None if true_of_rounded is None else in_u(true_of_rounded, exact),
        "bound_in_u": float((L * min(1.0, step) + N) * weight),
    }


def in_u(K, exact):
    """Largest error relative to the largest entry, in u."""
    return float(np.max(np.abs(K - exact)) / np.max(np.abs(exact))) / U


def exponential_case(family, N, dt):
    """Errors of e^{ΔA} in the 2-norm, in u: of the package, of SciPy, and of two forms of squaring at will."""
    from scipy.linalg import expm

    system = ssm.hippo(family, N).state_space(np.ones(N))
    exact = ssm.certified.discretize(system, dt, "zoh").A_bar.mid
    M = dt * system.A
    needed = max(0, int(np.ceil(np.log2(np.linalg.norm(M, 1)))) + 1)

    def error(matrix):
        return float(np.linalg.norm(matrix - exact, 2)) / U

    return {
        "family": family,
        "N": N,
        "dt": dt,
        "norm": float(np.linalg.norm(exact, 2)),
        "package": error(ssm.discretize(system, dt, "zoh").A_bar),
        "scipy": error(expm(M)),
        "delta_form": [error(by_squaring(M, needed + extra, True)) for extra in EXTRA],
        "plain_form": [error(by_squaring(M, needed + extra, False)) for extra in EXTRA],
    }


def by_squaring(M, squarings, incremental):
    """e^M from the Taylor series at M / 2^squarings; as an increment until the plain form is the smaller one."""
    eye, h = np.eye(len(M)), M * 2.0**-squarings
    series = eye
    for k in range(18, 1, -1):
        series = eye + h @ series / k
    X = h @ series  # e^h - I
    for done in range(squarings):
        if not incremental or np.linalg.norm(X + eye) < np.linalg.norm(X):
            P = X + eye
            for _ in range(squarings - done):
                P = P @ P
            return P
        X = 2 * X + X @ X
    return X + eye


def claims(results):
    """What the increment gains, where it gains nothing, and what squaring costs."""
    kernels, exponentials = results["kernels"], results["exponentials"]
    held = [case for case in kernels if case["held_as_increment"]]
    slow = [case for case in kernels if case["family"] == "lagt" and case["dt"] == FINE]
    rounded = [c for c in slow if c["rounded_matrix_exactly_in_u"] is not None]
    return [
        Claim(
            "Kernel with the increment: largest error", max(c["with_increment_in_u"] for c in kernels), "<=", 1000, "u"
        ),
        # L steps of a contraction pass on L times a perturbation of at most u‖X‖, weighted by ‖C‖‖B̄‖ / max|K|.
        Claim(
            "Kernel with the increment: error relative to (L min(1, ‖X‖) + N) u ‖C‖‖B̄‖ / max|K|",
            max(c["with_increment_in_u"] / c["bound_in_u"] for c in kernels),
            "<=",
            1,
        ),
        Claim(
            "LagT, Δ = 1/4096: least factor by which the increment lowers the error",
            min(c["without_in_u"] / c["with_increment_in_u"] for c in slow),
            ">=",
            10,
        ),
        Claim(
            "LagT, Δ = 1/4096: least factor by which the exact kernel of the rounded Ā is worse than the computed one",
            min(c["rounded_matrix_exactly_in_u"] / c["with_increment_in_u"] for c in rounded),
            ">=",
            5,
        ),
        Claim(
            "Nowhere does the increment cost accuracy: largest factor",
            max(c["with_increment_in_u"] / c["without_in_u"] for c in held),
            "<=",
            2,
        ),
        # The bound that tests/test_discretization.py holds for every family and step.
        Claim(
            "Exponential of LegS and LegT: largest error in the 2-norm, over N",
            max(c["package"] / c["N"] for c in exponentials),
            "<=",
            32,
            "u",
        ),
        Claim(
            "Exponential: error relative to that of scipy.linalg.expm, largest",
            max(c["package"] / c["scipy"] for c in exponentials),
            "<=",
            1,
        ),
        Claim(
            f"Exponential in delta form, {EXTRA[-1]} squarings more than needed: largest growth of the error",
            max(c["delta_form"][-1] / c["delta_form"][0] for c in exponentials),
            "<=",
            4,
        ),
        Claim(
            f"Exponential in plain form, {EXTRA[-1]} squarings more than needed: least growth of the error",
            min(c["plain_form"][-1] / c["plain_form"][0] for c in exponentials),
            ">=",
            1e4,
        ),
    ]


def figure(results):
    """Pairs of kernel errors, and the exponential against the number of squarings."""
    from ssm_numerics import plotting

    kernels = results["kernels"]
    with plotting.style():
        fig, ((left, right),) = plotting.new_figure(1, 2, width=10.0, height=4.2)
        rows = range(len(kernels))
        for row, case in zip(rows, kernels, strict=True):
            ends = [case["with_increment_in_u"], case["without_in_u"]]
            left.plot(ends, [row, row], color="#bbbbbb", linewidth=1.2, zorder=1)
        for index, (key, label) in enumerate(
            (("with_increment_in_u", "held as X = Ā - I"), ("without_in_u", "held as Ā"))
        ):
            left.plot([case[key] for case in kernels], rows, label=label, **plotting.series(index, line=False))
        names = [f"{c['family']}, {c['N']}, {'1/4096' if c['dt'] == FINE else c['dt']}" for c in kernels]
        left.set_yticks(rows, names)
        left.set_xscale("log")
        left.invert_yaxis()
        left.set(xlabel="error relative to max |K|, in u", title="Kernel: family, N, Δ")
        left.legend(loc="best")
        for index, case in enumerate(results["exponentials"]):
            label = f"{case['family']}, Δ = {case['dt']:g}"
            right.semilogy(EXTRA, case["delta_form"], label=label, **plotting.series(index))
            right.semilogy(EXTRA, case["plain_form"], **plotting.series(index, marker=False))
        right.set_xticks(EXTRA)
        right.set(
            xlabel="squarings more than needed",
            ylabel="error in the 2-norm, in u",
            title="Exponential: marked delta form, bare plain form",
        )
        right.legend(loc="best")
    return fig


if __name__ == "__main__":
    run_as_script(__file__)
