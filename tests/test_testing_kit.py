"""The kit is tested by mutation: every planted fault is found and named, and no right implementation is accused."""

import json
from functools import partial

import matplotlib.pyplot
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


def as_single(array):
    """Rounded to single precision, in double."""
    return kit.single(array).astype(array.dtype)


def first_order(Lambda, B, C, dt, L):
    """The kernel of first-order hold: (z - 1 - log z)/log(z)^2 now, the rest of the hold from the sample before."""
    z, hold = kit.nodes_and_inputs(Lambda, B, dt, "zoh")
    ramp = (hold - dt * B) / (dt * Lambda)
    powers = z[:, None] ** np.arange(L)
    return (C * ramp) @ powers + np.append(0, (C * (hold - ramp)) @ powers[:, : L - 1])


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
    "sign_of_Lambda": before(DIAGONAL, _0=lambda Lambda: -Lambda.conj()),
    "single_precision_input": before(DIAGONAL, _0=as_single, _1=as_single, _2=as_single),
    "raises": lambda *arguments: 1 / 0,
    "shape": after(DIAGONAL, lambda K, *_: np.append(K, 0.0)),
}

FULL = partial(DIAGONAL, weight=1.0, real=False)

FULL_FAULTS = {
    "imaginary_part_dropped": partial(FULL, real=True),
    "conjugated_output": after(FULL, lambda K, *_: K.conj()),
    "truncation_twice": lambda Lambda, B, C, dt, L: FULL(
        Lambda, B, C * (1 - kit.nodes_and_inputs(Lambda, B, dt)[0] ** L), dt, L
    ),
    "rule_foh": lambda Lambda, B, C, dt, L: first_order(Lambda, B, C, dt, L),
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


def test_division_by_a_pole_at_zero():
    def hold(Lambda, B, C, dt, L):
        z = np.exp(dt * Lambda)
        return ((C * B * (z - 1) / Lambda) @ z[:, None] ** np.arange(L)) * 1.0

    assert_named(testing.check_kernel(hold, "diagonal", "zoh"), "division_by_zero")


def test_division_by_a_pole_at_zero_beside_another_fault():
    def half(Lambda, B, C, dt, L):
        z = np.exp(dt * Lambda)
        return (C * B * (z - 1) / Lambda * z ** np.arange(L)[:, None]).sum(axis=1).real

    with np.errstate(all="ignore"):
        causes = testing.check_kernel(half, discretization="zoh").causes
    assert "factor_2_missing + division_by_zero" in causes


@pytest.mark.parametrize("name", FULL_FAULTS)
def test_faults_of_complex_kernels(name):
    regimes = ("stable", "stiff", "init") if name == "rule_foh" else testing.REGIMES
    assert_named(testing.check_kernel(FULL_FAULTS[name], "diagonal", regimes=regimes), name)


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


@pytest.mark.parametrize("seed", range(3))
def test_unstable_rules_can_be_checked(seed):
    def euler(Lambda, B, C, dt, L):
        return 2 * ((C * dt * B) @ (1 + dt * Lambda)[:, None] ** np.arange(L)).real

    testing.check_kernel(euler, discretization="euler", cases=8, seed=seed).raise_if_failed()


# Reports


def test_two_faults_at_once():
    late = after(DIAGONAL, lambda K, Lambda, B, C, dt, L: np.append(0.0, K[:-1]) / dt)
    assert testing.check_kernel(late).causes in (("one_sample_late + over_dt",), ("over_dt + one_sample_late",))


def test_what_no_fault_explains_is_described():
    tripled = testing.check_kernel(after(DIAGONAL, lambda K, *_: 3 * K), cases=8)
    assert tripled.causes == () and "the reference times 3" in tripled.cause
    noise = testing.check_kernel(lambda *arguments: np.ones(arguments[-1]), cases=8)
    assert noise.causes == () and "every case is wrong" in noise.cause


def test_report_is_numbers_words_and_a_picture():
    report = testing.check_kernel(DIAGONAL_FAULTS["one_sample_late"])
    again = json.loads(json.dumps(report.to_dict()))
    assert again["passed"] is False and again["causes"] == ["one_sample_late"]
    assert set(again["smallest"]) == {"system", "regime", "of", "dt", "L", "Lambda", "B", "C"}
    assert report.smallest["Lambda"].size == 1  # one mode is enough to see it
    case, L = report.smallest, report.smallest["L"]
    K = DIAGONAL(case["Lambda"], case["B"], case["C"], case["dt"], L)
    assert np.abs(K).max() > 0 and L <= 3
    axes = report.plot()
    assert len(axes.get_lines()) >= 2
    matplotlib.pyplot.close(axes.figure)
    assert testing.check_kernel(DIAGONAL).raise_if_failed().smallest == {}


def test_seeds_and_conversion():
    first, same, other = (testing.check_kernel(DIAGONAL, cases=8, seed=seed) for seed in (0, 0, 1))
    assert first.errors == same.errors and first.errors != other.errors

    def of_lists(Lambda, B, C, dt, L):
        return DIAGONAL(np.array(Lambda), np.array(B), np.array(C), dt, L).tolist()

    assert testing.check_kernel(of_lists, cases=8, convert=np.ndarray.tolist).passed


def test_callables_cannot_spoil_the_reference():
    def vandal(Lambda, B, C, dt, L):
        K = DIAGONAL(Lambda, B, C, dt, L)
        C[:] = 0
        return K

    assert testing.check_kernel(vandal, cases=8).passed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"system": "nonsense"}, "`system` must be one of"),
        ({"regimes": ("nonsense",)}, "`regimes` must be one of"),
        ({"discretization": "nonsense"}, "`discretization` must be one of"),
        ({"cases": 0}, "`cases` must be at least 1"),
    ],
)
def test_bad_input(change, words):
    with pytest.raises(ValueError, match=words):
        testing.check_kernel(DIAGONAL, **change)
