"""The kit is tested by mutation: every planted fault is found and named, and no right implementation is accused."""

from functools import partial

import numpy as np
import pytest

from ssm_numerics import study, testing

kit = study.load("testing_kit")


def after(kernel, change):
    """A kernel with a change of what it returns."""
    return lambda *arguments: change(kernel(*arguments), *arguments)


def before(kernel, **changes):
    """A kernel with changes of the arrays it is given, by their position."""
    return lambda *arguments: kernel(*(changes.get(f"_{i}", lambda x: x)(value) for i, value in enumerate(arguments)))


def clipped(B):
    return B.real + 1j * np.clip(B.imag, -2, 2)


def powers_of_one_node(L):
    """The nodes of state-spaces/s4: powers of a number in single precision."""
    return np.complex64(np.exp(-2j * np.pi / L)) ** np.arange(L)


DIAGONAL = kit.diagonal_kernel
LOW_RANK = kit.low_rank_kernel

DIAGONAL_FAULTS = {
    "factor_2_missing": partial(DIAGONAL, weight=1.0),
    "factor_2_too_many": partial(DIAGONAL, weight=4.0),
    "complex_sum": partial(DIAGONAL, weight=1.0, real=False),
    "complex_sum_doubled": partial(DIAGONAL, weight=2.0, real=False),
    "one_sample_early": partial(DIAGONAL, first=1),
    "one_sample_late": after(DIAGONAL, lambda K, *_: np.append(0.0, K[:-1])),
    "output_changed_by_gbt": after(DIAGONAL, lambda K, *_: (K + np.append(0.0, K[:-1])) / 2),
    "B_bar_is_dt_B": partial(DIAGONAL, B_bar="dt B"),
    "B_bar_is_B": partial(DIAGONAL, B_bar="B"),
    "rule_zoh": partial(DIAGONAL, rule="zoh"),
    "rule_backward_euler": partial(DIAGONAL, rule="backward_euler"),
    "over_dt": after(DIAGONAL, lambda K, *arguments: K / arguments[3]),
    "times_dt": after(DIAGONAL, lambda K, *arguments: K * arguments[3]),
    "dt_ignored": before(DIAGONAL, _3=lambda dt: 1.0),
    "dt_doubled": before(DIAGONAL, _3=lambda dt: 2 * dt),
    "dt_halved": before(DIAGONAL, _3=lambda dt: dt / 2),
    "dt_squared": before(DIAGONAL, _3=lambda dt: dt**2),
    "omega_sign": before(DIAGONAL, _0=np.conj),
    "undamped": before(DIAGONAL, _0=lambda Lambda: 1j * Lambda.imag),
    "conjugated_B": before(DIAGONAL, _1=np.conj),
    "clipped_B": before(DIAGONAL, _1=clipped),
    "B_left_out": before(DIAGONAL, _1=np.ones_like),
    "conjugated_C": before(DIAGONAL, _2=np.conj),
    "reversed": after(DIAGONAL, lambda K, *_: K[::-1]),
    "step_response": after(DIAGONAL, lambda K, *_: np.cumsum(K)),
    "sign": after(DIAGONAL, lambda K, *_: -K),
    "single_precision_inside": lambda Lambda, B, C, dt, L: DIAGONAL(
        kit.single(Lambda), kit.single(B), kit.single(C), np.float32(dt), L
    ).astype(float),
    "raises": lambda *arguments: 1 / 0,
    "shape": after(DIAGONAL, lambda K, *_: np.append(K, 0.0)),
}

LOW_RANK_FAULTS = {
    "Q_is_P": lambda Lambda, P, Q, *rest: LOW_RANK(Lambda, P, P, *rest),
    "P_is_Q": lambda Lambda, P, Q, *rest: LOW_RANK(Lambda, Q, Q, *rest),
    "P_and_Q_exchanged": lambda Lambda, P, Q, *rest: LOW_RANK(Lambda, Q, P, *rest),
    "Q_not_conjugated": before(LOW_RANK, _2=np.conj),
    "plus_low_rank": before(LOW_RANK, _2=np.negative),
    "no_low_rank": before(LOW_RANK, _1=np.zeros_like),
    "mixed_factors": before(LOW_RANK, _2=lambda Q: 2**0.5 * Q),
    "low_rank_twice": before(LOW_RANK, _2=lambda Q: 2 * Q),
    "half_low_rank": before(LOW_RANK, _2=lambda Q: Q / 2),
    "first_column_only": before(LOW_RANK, _1=lambda P: P[:, :1], _2=lambda Q: Q[:, :1]),
    "partners_do_not_couple": lambda *arguments: 2 * LOW_RANK(*arguments, pairs=False).real,
    "stored_modes_only": lambda *arguments: LOW_RANK(*arguments, pairs=False).real,
    "complex_sum": partial(LOW_RANK, pairs=False),
    "truncation_forgotten": partial(kit.algorithm_1, truncate=False),
    "single_nodes": partial(kit.algorithm_1, circle=1.0, nodes=powers_of_one_node, dtype=np.complex64),
    "pole_on_a_node": partial(kit.algorithm_1, circle=1.0),
}

DENSE_FAULTS = {
    "transposed_A": before(kit.dense_kernel, _0=np.transpose),
    "sign_of_A": before(kit.dense_kernel, _0=np.negative),
    "odd_mode_twice": partial(kit.half_of_a_matrix, odd_mode=2.0),
    "odd_mode_dropped": partial(kit.half_of_a_matrix, odd_mode=0.0),
}


def assert_named(report, name):
    assert not report.passed
    assert name in report.causes, str(report)
    assert len(report.causes) <= 2, report.causes
    assert report.cause in str(report)
    with pytest.raises(AssertionError, match="likely cause"):
        report.raise_if_failed()


@pytest.mark.parametrize("name", DIAGONAL_FAULTS)
def test_faults_of_diagonal_kernels(name):
    assert_named(testing.check_kernel(DIAGONAL_FAULTS[name]), name)


@pytest.mark.parametrize("name", LOW_RANK_FAULTS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_faults_of_low_rank_kernels(name):
    regimes = ("stable", "stiff") if name in ("truncation_forgotten", "single_nodes") else testing.REGIMES
    assert_named(testing.check_kernel(LOW_RANK_FAULTS[name], "dplr_pairs", regimes=regimes), name)


@pytest.mark.parametrize("name", DENSE_FAULTS)
def test_faults_of_dense_kernels(name):
    regimes = ("init",) if name.startswith("odd") else testing.REGIMES
    assert_named(testing.check_kernel(DENSE_FAULTS[name], "dense", regimes=regimes), name)


# No right implementation is accused


@pytest.mark.parametrize("name", [*kit.RIGHT, *(pytest.param(name, marks=pytest.mark.jit) for name in kit.OURS)])
def test_no_false_alarm(name):
    """About 200 systems here; `python studies/study_testing_kit.py` tries thousands."""
    check, fn, options = {**kit.RIGHT, **kit.OURS}[name]
    check(fn, cases=8, **options).raise_if_failed()
