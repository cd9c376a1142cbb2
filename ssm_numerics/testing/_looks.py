"""Faults that no recipe foretells: they show in what the failing cases have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._causes import Look, Trial

DOUBLE_PRECISION, SINGLE_PRECISION = 2.0**-52, 2.0**-23
SLACK = 4.0
"""Errors that are explained stay below this many bounds of their explanation."""

VISIBLE = 0.02
"""Single precision inside shows: errors above this many of its eps in at least half of the cases."""

SLACK_OF_EIGENVECTORS = 16.0
"""Errors through eigenvectors stay below this many bounds times their condition number."""


def all_single(trials: Sequence[Trial]) -> bool:
    """Double precision outside, single precision inside: every error is within the bound of single precision."""
    if any(trial.eps != DOUBLE_PRECISION or trial.trouble for trial in trials):
        return False
    within = all(trial.ratio * DOUBLE_PRECISION <= SLACK * SINGLE_PRECISION for trial in trials)
    return within and float(np.median([_largest_digit(trial) for trial in trials])) >= VISIBLE * SINGLE_PRECISION


def _largest_digit(trial: Trial) -> float:
    """The largest error of a part relative to its largest entry."""
    sizes = [float(np.abs(part).max(initial=0.0)) or 1.0 for part in trial.truth]
    return max(difference / size for difference, size in zip(trial.difference, sizes, strict=True))


def only_zero_poles(trials: Sequence[Trial]) -> bool:
    """Diagonal systems with a pole at exactly 0 alone fail, and give what is not finite."""
    failing = [trial for trial in trials if trial.failed]
    return all(
        getattr(trial.case, "system", "").startswith("diagonal")
        and bool(np.any(trial.case.arrays["Lambda"] == 0))
        and np.isinf(trial.ratio)
        for trial in failing
    )


def only_collisions(trials: Sequence[Trial]) -> bool:
    """Undamped systems alone fail, and those that are not finite or wrong have a pole on a node of the unit circle."""
    failing = [trial for trial in trials if trial.failed]
    undamped = [trial for trial in trials if _undamped(trial.case)]
    return all(_undamped(trial.case) for trial in failing) and 2 * len(failing) >= min(len(undamped), 2)


def _undamped(case: Any) -> bool:
    return "Lambda" in getattr(case, "arrays", {}) and bool(np.any(case.arrays["Lambda"].real == 0))


def only_small_steps(trials: Sequence[Trial]) -> bool:
    """Short steps alone fail, the shorter the worse: the error is at most what 1/|dt Lambda| explains."""
    failing, passing = ([t for t in trials if t.failed is wanted] for wanted in (True, False))
    return bool(passing) and all(_reach(t.case) < 0.1 and _fits_reach(t) for t in failing)


def _fits_reach(trial: Trial) -> bool:
    """Whether cancellation at |dt Lambda| explains the error; at 0 it explains anything."""
    reach = _reach(trial.case)
    return reach == 0 or trial.ratio * reach <= SLACK


def _reach(case: Any) -> float:
    """The least |dt Lambda|, or dt ||A||."""
    if "Lambda" in getattr(case, "arrays", {}):
        return float(case.dt * np.abs(case.arrays["Lambda"]).min())
    return float(case.dt * np.linalg.norm(case.arrays["A"], 2)) if "A" in getattr(case, "arrays", {}) else np.inf


def only_ill_conditioned(trials: Sequence[Trial]) -> bool:
    """Errors follow the condition number of the eigenvectors of A."""
    failing = [trial for trial in trials if trial.failed]
    if not all("A" in getattr(trial.case, "arrays", {}) for trial in failing) or len(failing) == len(trials):
        return False
    return (
        all(trial.ratio <= SLACK_OF_EIGENVECTORS * _condition(trial.case) for trial in failing)
        and min(_condition(trial.case) for trial in failing) > 30
    )


def _condition(case: Any) -> float:
    return float(np.linalg.cond(np.linalg.eig(case.arrays["A"])[1]))


SINGLE = Look(
    "single_precision_inside",
    "Single precision inside: the output is float64, its digits are those of float32.",
    all_single,
)

LOOKS = (
    SINGLE,
    Look(
        "division_by_zero",
        "Only systems with a pole at 0 fail: B_bar divides by Lambda; (e^z - 1)/z is 1 there.",
        only_zero_poles,
    ),
    Look(
        "pole_on_a_node",
        "Only systems with undamped modes fail: a pole of Lambda meets a node of the unit circle. Use "
        "the circle r^L = 1/2.",
        only_collisions,
    ),
    Look(
        "cancellation_at_small_steps",
        "Only steps with small dt Lambda fail: (e^z - 1)/z cancels; use expm1.",
        only_small_steps,
    ),
    Look(
        "eigenvectors",
        "Only matrices with ill-conditioned eigenvectors fail: A is diagonalized, and its "
        "eigenvectors lose the digits; use a unitary form, or no eigenvectors.",
        only_ill_conditioned,
    ),
)
