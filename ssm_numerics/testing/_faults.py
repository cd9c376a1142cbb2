"""The faults that checks know: a name, the sentence a report says, and the change of the recipe that has this fault."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ._causes import Fault
from ._probes import single


def on(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict], dict]:
    """A change of one array; a KeyError where a system has none of that name says that the fault does not apply."""
    return lambda arrays: {**arrays, name: change(arrays[name])}


def clipped(B: np.ndarray) -> np.ndarray:
    """B as state-spaces/s4 stores it."""
    return B.real + 1j * np.clip(B.imag, -2, 2)


def truncated(C: np.ndarray, A_bar: np.ndarray, L: int) -> np.ndarray:
    """C (I - A_bar^L)."""
    return C - C @ np.linalg.matrix_power(A_bar, L)


def aliased(C: np.ndarray, A_bar: np.ndarray, L: int) -> np.ndarray:
    """C (I - A_bar^L)^-1: sums K_l + K_{l+L} + K_{l+2L} + ... in place of K_l."""
    return wrapped(1.0, C, A_bar, L)


def wrapped(weight: float, C: np.ndarray, A_bar: np.ndarray, L: int) -> np.ndarray:
    """C (I - weight A_bar^L)^-1; on the circle r^L = 1/2 what wraps around has weight 1/2."""
    return np.linalg.solve((np.eye(len(C)) - weight * np.linalg.matrix_power(A_bar, L)).T, C)


def by_rounded_nodes(A_bar: np.ndarray, B_bar: np.ndarray, C: np.ndarray, L: int) -> np.ndarray:
    """Algorithm 1 with the nodes w^k of a w that was rounded to single precision."""
    omega = complex(np.complex64(np.exp(-2j * np.pi / L))) ** np.arange(L)
    resolvents = np.eye(len(C)) - omega[:, None, None] * A_bar
    rows = truncated(C, A_bar, L)
    return np.fft.ifft(np.linalg.solve(resolvents, np.broadcast_to(B_bar[:, None], (L, len(C), 1)))[..., 0] @ rows)


def counted_odd_mode(weight: float) -> Callable[[dict], dict]:
    """The dense HiPPO system whose mode without a partner counts `weight` times."""

    def change(arrays: dict) -> dict:
        A, C = arrays["A"], arrays["C"]
        skew = (A - A.T) / 2
        values, V = np.linalg.eigh(-1j * skew)
        alone = np.abs(values) <= 64 * len(A) * 2.0**-53 * np.abs(values).max(initial=0.0)
        if len(A) % 2 == 0 or alone.sum() != 1:
            return arrays
        v = V[:, alone][:, 0]
        return {**arrays, "C": C + (weight - 1) * (C @ v) * v.conj()}

    return change


ARRAYS = (
    Fault(
        "conjugated_C",
        "C is conjugated (or conj(C) is what the implementation calls C).",
        {"before": [on("C", np.conj)]},
    ),
    Fault("conjugated_B", "B is conjugated.", {"before": [on("B", np.conj)]}),
    Fault(
        "omega_sign",
        "The sign of omega is wrong: the modes are those of the negative half, B and C are not.",
        {"before": [on("Lambda", np.conj)]},
    ),
    Fault(
        "clipped_B",
        "The imaginary part of B is clipped to [-2, 2], as state-spaces/s4 does.",
        {"before": [on("B", clipped)]},
    ),
    Fault("transposed_A", "A is transposed.", {"before": [on("A", np.transpose)]}),
    Fault(
        "sign_of_A",
        "A has the wrong sign: HiPPO matrices carry the minus, x' = A x + B u.",
        {"before": [on("A", np.negative)]},
    ),
    Fault(
        "sign_of_Lambda", "The real part of Lambda has the wrong sign.", {"before": [on("Lambda", lambda x: -x.conj())]}
    ),
    Fault("undamped", "The real part of Lambda is left out.", {"before": [on("Lambda", lambda x: 1j * x.imag)]}),
    Fault(
        "Q_is_P",
        "P stands in place of Q: A = Lambda - P P*, although Q is another factor.",
        {"before": [lambda a: {**a, "Q": a["P"]}]},
    ),
    Fault(
        "P_is_Q",
        "Q stands in place of P: A = Lambda - Q Q*, although P is another factor.",
        {"before": [lambda a: {**a, "P": a["Q"]}]},
    ),
    Fault(
        "P_and_Q_exchanged",
        "P and Q are exchanged: A = Lambda - Q P*.",
        {"before": [lambda a: {**a, "P": a["Q"], "Q": a["P"]}]},
    ),
    Fault("Q_not_conjugated", "Q enters without its conjugate: A = Lambda - P Q^T.", {"before": [on("Q", np.conj)]}),
    Fault(
        "plus_low_rank", "The low-rank part has the wrong sign: A = Lambda + P Q*.", {"before": [on("Q", np.negative)]}
    ),
    Fault("no_low_rank", "The low-rank part is left out: A = Lambda.", {"before": [on("Q", np.zeros_like)]}),
    Fault(
        "mixed_factors",
        "P and Q are of two conventions: sqrt(n + 1/2) goes with itself, sqrt(2n + 1)/2 with sqrt(2n + 1).",
        {"before": [on("Q", lambda Q: 2**0.5 * Q)]},
    ),
    Fault("low_rank_twice", "The low-rank part counts twice.", {"before": [on("Q", lambda Q: 2 * Q)]}),
    Fault("half_low_rank", "The low-rank part counts half.", {"before": [on("Q", lambda Q: Q / 2)]}),
    Fault(
        "first_column_only",
        "Only the first column of P and Q is used: a rank-2 correction (LegT) needs both.",
        {"before": [lambda a: {**a, "P": a["P"][:, :1], "Q": a["Q"][:, :1]}]},
    ),
    Fault("B_left_out", "B is left out, as if it were 1.", {"before": [on("B", np.ones_like)]}),
    Fault(
        "odd_mode_twice",
        "For odd N the mode without a partner (omega = 0) counts twice.",
        {"before": [counted_odd_mode(2.0)]},
    ),
    Fault(
        "odd_mode_dropped",
        "For odd N the mode without a partner (omega = 0) is dropped.",
        {"before": [counted_odd_mode(0.0)]},
    ),
)


def rounded_arrays(arrays: dict) -> dict:
    """All arrays in single precision."""
    return {name: single(array) for name, array in arrays.items()}


STEP = (
    Fault(
        "single_precision_input",
        "The arrays are rounded to single precision before they are used in double precision.",
        {"before": [rounded_arrays]},
    ),
    Fault(
        "B_bar_is_dt_B",
        "B_bar = dt B, Mamba's simplification, in place of the rule's.",
        {"forcing": lambda B_bar, B, dt: dt * B},
    ),
    Fault("B_bar_is_B", "B_bar = B: the input is not discretized.", {"forcing": lambda B_bar, B, dt: B}),
    Fault("dt_ignored", "dt is ignored, as if it were 1.", {"time": lambda dt: 1.0}),
    Fault(
        "dt_doubled",
        "dt counts twice: (I - dt A)^-1 (I + dt A) has a half too few, or A a factor 2 too many.",
        {"time": lambda dt: 2 * dt},
    ),
    Fault("dt_halved", "dt counts half.", {"time": lambda dt: dt / 2}),
    Fault("dt_squared", "The rule sees dt^2: dt multiplies a matrix that has it already.", {"time": lambda dt: dt**2}),
    Fault(
        "single_A_bar",
        "A_bar (the nodes z) is rounded to single precision, and its powers multiply the error.",
        {"transition": lambda A: A.astype(np.complex64).astype(complex)},
    ),
    Fault("transposed_A_bar", "A_bar is transposed.", {"transition": np.transpose}),
    Fault(
        "inverse_A_bar",
        "A_bar is inverted: (I + dt A/2) and (I - dt A/2) are exchanged, or time runs backwards.",
        {"transition": np.linalg.inv},
    ),
)

TRUNCATION = (
    "The correction C (I - A_bar^L) of the truncated generating function is forgotten, or C is taken for the C~ that "
    "holds it: the kernel wraps around."
)

SAMPLES = (
    Fault(
        "one_sample_late",
        "One sample late: h = (D, K_0, K_1, ...), the convention x_{k+1} = A_bar x_k + B_bar u_k "
        "of SciPy and python-control; here K_0 = C B_bar.",
        {"start": -1},
    ),
    Fault(
        "one_sample_early",
        "One sample early: C A_bar^(l+1) B_bar, the state is read after one step too many.",
        {"start": 1},
    ),
    Fault(
        "factor_2_missing",
        "The factor 2 of conjugate pairs is missing (the partners are lost), or the result is halved.",
        {"after": [lambda K, case: K / 2]},
    ),
    Fault(
        "factor_2_too_many",
        "A factor 2 too many: 2 Re of a sum that holds both partners already.",
        {"after": [lambda K, case: 2 * K]},
    ),
    Fault(
        "partners_do_not_couple",
        "The conjugate partners are missing from the low-rank part: 2 Re of a system of the stored modes alone.",
        {"partners": False, "after": [lambda K, case: 2 * K.real]},
    ),
    Fault(
        "stored_modes_only",
        "Only the stored modes count: the conjugate partners are lost.",
        {"partners": False, "after": [lambda K, case: K.real]},
    ),
    Fault("complex_sum", "The sum over stored modes is left complex: 2 Re is missing.", {"partners": False}),
    Fault(
        "complex_sum_doubled",
        "The sum over stored modes is doubled but left complex: Re is missing.",
        {"partners": False, "after": [lambda K, case: 2 * K]},
    ),
    Fault(
        "imaginary_part_dropped",
        "The imaginary part is dropped, but this system is complex.",
        {"after": [lambda K, case: K.real]},
    ),
    Fault("conjugated_output", "The output is conjugated.", {"after": [lambda K, case: K.conj()]}),
    Fault("sign", "The sign of the output is wrong.", {"after": [lambda K, case: -K]}),
    Fault(
        "over_dt",
        "Everything is divided by dt: an impulse of height 1/dt (control, harold), or a B_bar without its dt.",
        {"after": [lambda K, case: K / case.dt]},
    ),
    Fault("times_dt", "Everything is multiplied by dt once too often.", {"after": [lambda K, case: K * case.dt]}),
    Fault("reversed", "The kernel is reversed in time.", {"after": [lambda K, case: K[::-1]]}),
    Fault(
        "step_response",
        "This is the step response, the cumulative sum of the kernel.",
        {"after": [lambda K, case: np.cumsum(K)]},
    ),
    Fault("truncation_forgotten", TRUNCATION, {"row": aliased}),
    Fault("truncation_forgotten", TRUNCATION, {"row": partial(wrapped, 0.5)}),  # on the circle r^L = 1/2
    Fault("truncation_twice", "C (I - A_bar^L) is used without a generating function, or twice.", {"row": truncated}),
    Fault(
        "single_nodes",
        "Wrong node accuracy: the roots of unity are powers of one number in single precision; "
        "compute each exp(-2 pi i k/L) for itself.",
        {"evaluate": by_rounded_nodes},
    ),
)

RULES = ("bilinear", "zoh", "backward_euler", "euler", "foh")


def other_rules(rule: str, alpha: float | None) -> tuple[Fault, ...]:
    """Another discretization than the one asked for, and C and D that SciPy's bilinear transform changes."""
    used = tuple(
        Fault(
            f"rule_{name}",
            f"The discretization is {name}, another one than was asked for.",
            {"rule": name, "alpha": None},
        )
        for name in RULES
        if name != rule
    )
    known = {"euler": 0.0, "bilinear": 0.5, "backward_euler": 1.0, "gbt": alpha}.get(rule)
    if known is None:
        return used
    changed = Fault(
        "output_changed_by_gbt",
        "C and D are changed by the discretization, as scipy.signal.cont2discrete does for bilinear and gbt: "
        "h_l = alpha K_l + (1 - alpha) K_{l-1}.",
        {"output": True},
    )
    return (*used, changed)


DIRECT = (
    Fault("D_missing", "D u is missing from the output.", {"direct": 0.0}),
    Fault("D_twice", "D u counts twice.", {"direct": 2.0}),
)
