"""The kit's checks of recurrences, discretizations, sums and forms, by planted faults."""

from functools import partial

import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics import testing

from .test_testing_kit import (
    DENSE_FAULTS,
    DIAGONAL_FAULTS,
    FULL_FAULTS,
    LOW_RANK_FAULTS,
    after,
    as_single,
    assert_named,
    before,
    clipped,
    kit,
)

SCAN = kit.scan

SCAN_FAULTS = {
    "one_sample_late": partial(SCAN, read="before"),
    "D_missing": partial(SCAN, direct=0.0),
    "D_twice": partial(SCAN, direct=2.0),
    "factor_2_missing": partial(SCAN, weight=1.0, direct=1.0),
    "rule_backward_euler": partial(SCAN, rule="backward_euler"),
    "conjugated_C": before(SCAN, _2=np.conj),
    "single_precision_inside": lambda Lambda, B, C, D, dt, u: SCAN(
        kit.single(Lambda), kit.single(B), kit.single(C), np.float32(D), np.float32(dt), kit.single(u)
    ).astype(float),
}


def dense_gbt(A, B, C, D, dt, alpha=0.5):
    """As scipy.signal.cont2discrete has it, C and D changed."""
    left = np.linalg.inv(np.eye(len(B)) - alpha * dt * A)
    A_bar, B_bar = left @ (np.eye(len(B)) + (1 - alpha) * dt * A), left @ B * dt
    return A_bar, B_bar, C @ left, D + alpha * C @ B_bar


def by_eigenvectors(A, B, dt):
    """ZOH through the eigenvectors of A."""
    values, V = np.linalg.eig(A)
    inverse = np.linalg.inv(V)
    weights = np.where(values == 0, dt, np.expm1(dt * values) / np.where(values == 0, 1, values))
    return ((V * np.exp(dt * values)) @ inverse).real, ((V * weights) @ inverse @ B).real


def cancelling(Lambda, B, dt):
    """ZOH by (e^z - 1)/z."""
    z = np.where(Lambda == 0, 1e-300, dt * Lambda)
    return np.exp(z), dt * B * (np.exp(z) - 1) / z


STEP_FAULTS = {
    ("output_changed_by_gbt", "dense", "bilinear"): dense_gbt,
    ("transposed_A_bar", "dense", "bilinear"): lambda A, B, dt: (
        kit.dense_step(A, B, dt)[0].T,
        kit.dense_step(A, B, dt)[1],
    ),
    ("inverse_A_bar", "dense", "bilinear"): lambda A, B, dt: (
        np.linalg.inv(kit.dense_step(A, B, dt)[0]),
        kit.dense_step(A, B, dt)[1],
    ),
    ("eigenvectors", "dense", "zoh"): by_eigenvectors,
    ("B_bar_is_dt_B", "diagonal", "zoh"): partial(kit.nodes_and_inputs, rule="zoh", B_bar="dt B"),
    ("rule_bilinear", "diagonal", "zoh"): kit.nodes_and_inputs,
    ("rule_euler", "diagonal", "zoh"): lambda Lambda, B, dt: (1 + dt * Lambda, dt * B),
    ("cancellation_at_small_steps", "diagonal", "zoh"): cancelling,
    ("single_A_bar", "diagonal", "bilinear"): lambda Lambda, B, dt: (
        kit.nodes_and_inputs(Lambda, B, dt)[0].astype(np.complex64).astype(complex),
        kit.nodes_and_inputs(Lambda, B, dt)[1],
    ),
}


def cauchy_pairs(v, z, poles):
    return kit.fractions(v, z, poles) + kit.fractions(v, z.conj(), poles).conj()


VANDERMONDE_FAULTS = {
    "one_power_too_many": partial(kit.powers, first=1),
    "conjugated_weights": before(kit.powers, _0=np.conj),
    "conjugated_nodes": before(kit.powers, _1=np.conj),
    "single_precision_input": before(kit.powers, _0=as_single, _1=as_single),
    "moduli": before(kit.powers, _1=np.abs),
    "imaginary_part_dropped": after(kit.powers, lambda K, *_: K.real),
    "reversed": after(kit.powers, lambda K, *_: K[::-1]),
    "cumulative": after(kit.powers, lambda K, *_: np.cumsum(K)),
    "one_sample_late": after(kit.powers, lambda K, *_: np.append(0, K[:-1])),
    "conjugated_output": after(kit.powers, lambda K, *_: K.conj()),
    "factor_2_missing": after(kit.powers, lambda K, *_: K / 2),
    "factor_2_too_many": after(kit.powers, lambda K, *_: 2 * K),
    "single_precision_inside": lambda c, z, L: kit.narrow(kit.powers)(c, z, L).astype(complex),
}

PAIR_FAULTS = {
    "stored_modes_only": kit.powers,
    "stored_modes_doubled": after(kit.powers, lambda K, *_: 2 * K),
}

CAUCHY_FAULTS = {
    "sign": after(cauchy_pairs, lambda K, *_: -K),
    "sign_of_poles": before(cauchy_pairs, _2=np.negative),
    "stored_modes_only": kit.fractions,
    "stored_modes_doubled": after(kit.fractions, lambda K, *_: 2 * K),
    "doubled_real_part": after(kit.fractions, lambda K, *_: 2 * K.real),
    "conjugated_weights": before(cauchy_pairs, _0=np.conj),
    "conjugated_points": before(cauchy_pairs, _1=np.conj),
    "conjugated_poles": before(cauchy_pairs, _2=np.conj),
    "reversed": after(cauchy_pairs, lambda K, *_: K[::-1]),
    "conjugated_output": after(cauchy_pairs, lambda K, *_: K.conj()),
    "factor_2_missing": after(cauchy_pairs, lambda K, *_: K / 2),
    "factor_2_too_many": after(cauchy_pairs, lambda K, *_: 2 * K),
    "imaginary_part_dropped": after(cauchy_pairs, lambda K, *_: K.real),
    "single_precision_input": before(cauchy_pairs, _0=as_single, _1=as_single, _2=as_single),
    "inverted_points": before(cauchy_pairs, _1=lambda z: 1 / z),
    "single_precision_inside": lambda v, z, poles: cauchy_pairs(kit.single(v), kit.single(z), kit.single(poles)).astype(
        complex
    ),
}


@pytest.mark.parametrize("name", SCAN_FAULTS)
def test_faults_of_recurrences(name):
    assert_named(testing.check_recurrence(SCAN_FAULTS[name]), name)


@pytest.mark.parametrize("case", STEP_FAULTS, ids=lambda case: case[0])
def test_faults_of_discretizations(case):
    name, system, rule = case
    report = testing.check_discretization(STEP_FAULTS[case], system, rule, output=name.startswith("output"))
    assert_named(report, name)


@pytest.mark.parametrize("name", VANDERMONDE_FAULTS)
def test_faults_of_vandermonde_sums(name):
    assert_named(testing.check_vandermonde(VANDERMONDE_FAULTS[name]), name)


@pytest.mark.parametrize("name", PAIR_FAULTS)
def test_faults_of_vandermonde_sums_over_pairs(name):
    assert_named(testing.check_vandermonde(PAIR_FAULTS[name], pairs=True), name)


@pytest.mark.parametrize("name", CAUCHY_FAULTS)
def test_faults_of_cauchy_sums(name):
    assert_named(testing.check_cauchy(CAUCHY_FAULTS[name], pairs=True), name)


def legs_form(N, gauge=0):
    """(Lambda, P, B, V) of LegS as annotated S4 makes them, V with other phases for another gauge."""
    p = np.sqrt(2.0 * np.arange(N) + 1)
    A = -np.tril(np.outer(p, p)) + np.diag(np.arange(N))
    S = A + np.outer(p, p) / 2
    values, V = np.linalg.eigh(-1j * (S - np.diag(np.diag(S))))
    V = V * np.exp(1j * gauge * np.arange(N))
    return np.mean(np.diag(S)) + 1j * values, V.conj().T @ (p / 2**0.5), V.conj().T @ p, V


def form(family, N, **changes):
    """(Lambda, P, Q, B, V) of a family, LegS's from scratch in a basis of other phases, with changed entries."""
    if family == "legs":
        Lambda, P, B, V = legs_form(N, gauge=1)
        P = P[:, None]
    else:
        f = ssm.nplr(family, N, method="eigh")
        Lambda, P, B, V = f.Lambda, f.P, f.B, f.V
    parts = {"Lambda": Lambda, "P": P, "Q": P, "B": B, "V": V}
    for key, change in changes.items():
        parts[key] = change(parts)
    return tuple(parts.values())


def halved(family, N):
    """LegT of state-spaces/s4."""
    f = ssm.nplr(family, N, method="eigh")
    Lambda, P, Q, B, V = f.Lambda, f.P, f.Q, f.B, f.V
    h = 0.5 if family == "legt" else 1.0
    return h * Lambda, h**0.5 * P, h**0.5 * Q, h * B, V


def stored_half(family, N, odd=True):
    """One mode of every pair, by descending frequency; the mode of an odd order at the end, or dropped."""
    f = ssm.nplr(family, N, method="eigh")
    m = (N + 1) // 2 if odd else max(N // 2, 1)
    return f.Lambda[:m], f.P[:m], f.Q[:m], f.B[:m], f.V[:, :m]


def of_eigenvectors(family, N):
    """Eigenvectors of A itself, where the normal part is meant."""
    op, f = ssm.hippo(family, N), ssm.nplr(family, N, method="eigh")
    values, V = np.linalg.eig(op.A + 1e-3 * np.diag(np.arange(N)))
    P = V.conj().T @ (f.V @ f.P)
    return values, P, P, np.linalg.solve(V, op.B), V


FORM_FAULTS = {
    "plus_low_rank": partial(form, Q=lambda p: -p["P"]),
    "mixed_factors": partial(form, Q=lambda p: 2**0.5 * p["P"]),
    "no_low_rank": partial(form, Q=lambda p: 0 * p["P"]),
    "half_low_rank": partial(form, Q=lambda p: p["P"] / 2),
    "low_rank_twice": partial(form, Q=lambda p: 2 * p["P"]),
    "first_column_only": partial(form, P=lambda p: p["P"][:, :1], Q=lambda p: p["Q"][:, :1]),
    "clipped_B": partial(form, B=lambda p: clipped(p["B"])),
    "conjugated_B": partial(form, B=lambda p: p["B"].conj()),
    "B_not_rotated": partial(form, B=lambda p: p["V"] @ p["B"]),
    "omega_sign": partial(form, Lambda=lambda p: p["Lambda"].conj()),
    "undamped": partial(form, Lambda=lambda p: 1j * p["Lambda"].imag),
    "V_adjoint": partial(form, V=lambda p: p["V"].conj().T),
    "V_conjugated": partial(form, V=lambda p: p["V"].conj()),
    "legt_halved": halved,
    "odd_mode_dropped": partial(stored_half, odd=False),
    "V_not_unitary": of_eigenvectors,
}


@pytest.mark.parametrize("name", FORM_FAULTS)
def test_faults_of_forms(name):
    assert_named(testing.check_nplr(FORM_FAULTS[name]), name)


def test_right_forms_in_every_division_and_basis():
    divided = partial(form, P=lambda p: p["P"] / 2**0.5, Q=lambda p: p["Q"] * 2**0.5)
    for right, families in ((form, 4), (divided, 4), (stored_half, 3)):
        testing.check_nplr(right, ("legs", "legt", "lagt", "fout")[:families]).raise_if_failed()


def matrices(family, N, **changes):
    """A and B with changes."""
    op = ssm.hippo(family, N)
    return changes.get("A", lambda A, f: A)(op.A, family), changes.get("B", lambda B, f: B)(op.B, family)


HIPPO_FAULTS = {
    "sign_of_A": partial(matrices, A=lambda A, f: -A),
    "transposed_A": partial(matrices, A=lambda A, f: A.T),
    "legt_halved": partial(matrices, A=lambda A, f: A / (1 + (f == "legt")), B=lambda B, f: B / (1 + (f == "legt"))),
    "legt_is_lmu": lambda family, N: matrices("lmu" if family == "legt" else family, N),
    "legs_diagonal": partial(matrices, A=lambda A, f: A + np.eye(len(A)) * (f == "legs")),
    "lagt_diagonal": partial(matrices, A=lambda A, f: A - np.eye(len(A)) / 2 * (f == "lagt")),
}


def unnormalized(family, N):
    """LegS for Legendre polynomials that are not normalized."""
    if family != "legs":
        return matrices(family, N)
    n = np.arange(N)
    return -np.tril(np.broadcast_to(2.0 * n + 1, (N, N)), -1) - np.diag(n + 1.0), np.ones(N)


HIPPO_FAULTS["legs_not_normalized"] = unnormalized


@pytest.mark.parametrize("name", HIPPO_FAULTS)
def test_faults_of_hippo_matrices(name):
    assert_named(testing.check_hippo(HIPPO_FAULTS[name]), name)
    assert testing.check_hippo(matrices).passed


def step(Lambda, B, C, dt, x, u, weight=2.0, late=False):
    z, forced = kit.nodes_and_inputs(Lambda, B, dt)
    new = z * x + forced * u
    return new, weight * (C @ (x if late else new)).real


def test_which_view_is_to_blame():
    kernel = kit.diagonal_kernel
    assert testing.check_equivalence(kernel, step).passed
    late = testing.check_equivalence(kernel, partial(step, late=True))
    assert late.causes == ("step: one_sample_late",) and "The kernel is right" in late.cause
    half = testing.check_equivalence(partial(kernel, weight=1.0), step)
    assert half.causes == ("kernel: factor_2_missing",)
    both = testing.check_equivalence(partial(kernel, first=1), partial(step, weight=1.0))
    assert both.causes == ("kernel: one_sample_early", "step: factor_2_missing")
    agreed = testing.check_equivalence(partial(kernel, weight=1.0), partial(step, weight=1.0))
    assert agreed.passed  # two views of one system, in a convention of their own


def test_every_fault_of_the_catalogue_is_planted_somewhere():
    systems = {*DIAGONAL_FAULTS, *FULL_FAULTS, *LOW_RANK_FAULTS, *DENSE_FAULTS, *SCAN_FAULTS}
    planted = {
        "check_recurrence": systems | {key[0] for key in STEP_FAULTS} | {"division_by_zero"},
        "check_vandermonde": {*VANDERMONDE_FAULTS, *PAIR_FAULTS},
        "check_cauchy": {*CAUCHY_FAULTS},
        "check_nplr": {*FORM_FAULTS},
        "check_hippo": {*HIPPO_FAULTS},
    }
    assert [(check, set(testing.faults(check)) - names) for check, names in planted.items()] == [
        (check, set()) for check in planted
    ]


# Conventions


def test_conventions_of_kernels():
    def s4(Lambda, B, C, dt, L):
        return kit.diagonal_kernel(Lambda, clipped(B), C.conj(), dt, L, rule="zoh")

    found = testing.identify_convention(s4)
    assert (found.discretization, found.C, found.B) == ("zoh", "conjugated", "imaginary part clipped to [-2, 2]")
    assert (found.first_sample, found.impulse, found.pairs) == ("K_0 = C B_bar", "1", "2 Re")
    assert found.understood and found.candidates == {} and "discretization: zoh" in str(found)
    mamba = testing.identify_convention(partial(kit.diagonal_kernel, rule="zoh", B_bar="dt B", weight=1.0))
    assert (mamba.discretization, mamba.B_bar, mamba.pairs) == ("zoh", "dt B", "Re")
    control = testing.identify_convention(
        after(kit.diagonal_kernel, lambda K, *arguments: np.append(0, K[:-1]) / arguments[3])
    )
    assert control.first_sample.startswith("h_0 = D") and control.impulse.startswith("1/dt")
    assert control.to_dict()["discretization"] == "bilinear"
    scipys = testing.identify_convention(after(kit.diagonal_kernel, lambda K, *_: (K + np.append(0, K[:-1])) / 2))
    assert scipys.first_sample.startswith("C and D changed")
    other_half = testing.identify_convention(before(kit.diagonal_kernel, _0=np.conj))
    assert other_half.half == "conjugates of the given Lambda"


def test_conventions_of_low_rank_and_dense_kernels():
    wrapped = partial(kit.algorithm_1, circle=1.0, truncate=False)
    found = testing.identify_convention(lambda Lambda, P, Q, *rest: wrapped(Lambda, P, P, *rest), system="dplr_pairs")
    assert (found.low_rank, found.C) == ("Lambda - P P*", "C~ = C (I - A_bar^L)")
    dense = testing.identify_convention(kit.dense_kernel, system="dense")
    assert dense.C == "cannot tell" and dense.candidates["C"] == ("as given", "conjugated")
    assert dense.pairs == "cannot tell" and "pairs" not in dense.candidates
    nothing = testing.identify_convention(lambda *arguments: 1 / 0)
    assert not nothing.understood and nothing.discretization == "cannot tell"


def test_conventions_of_recurrences_forms_and_initializations():
    late = testing.identify_convention(partial(kit.scan, read="before"), "recurrence")
    assert late.first_sample.startswith("h_0 = D") and late.discretization == "bilinear"

    def annotated(family, N):
        if family != "legs":
            raise ValueError(family)
        Lambda, P, B, V = legs_form(N, gauge=1)
        return Lambda, P / 2**0.5, P * 2**0.5, B, V

    found = testing.identify_convention(annotated, "nplr")
    assert found.low_rank == "Lambda - P Q*, P = sqrt(2n + 1)/2, Q = sqrt(2n + 1)" and found.half == "all modes"
    assert found.legt == "cannot tell"

    def stored(family, N):
        Lambda, P, _, B, V = halved(family, N)
        return Lambda[: N // 2], P[: N // 2], B[: N // 2], V[:, : N // 2]

    s4 = testing.identify_convention(stored, "nplr")
    assert (s4.legt, s4.half) == ("halved, theta = 2", "positive half")
    assert s4.low_rank == "Lambda - P P*, P = sqrt(n + 1/2)"
    matrix = testing.identify_convention(lambda family, N: matrices("lmu", N), "hippo")
    assert matrix.legt == "LMU's scaling"

    def modes(name, N):
        n = np.arange(N)
        return -0.5 + 1j * (np.pi * n if name == "s4d-lin" else N / np.pi * (N / (2 * n + 1) - 1))

    assert testing.identify_convention(modes, "initializer").s4d_inv == "N counts stored modes"
    other = testing.identify_convention(lambda name, N: ssm.diagonal_init(name, N).Lambda.conj(), "initializer")
    assert (other.s4d_inv, other.half) == ("N counts states", "negative half")
