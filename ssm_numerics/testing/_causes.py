"""The likely cause of a failure: the measured output against what implementations with known faults put out.

A fault explains a callable if it foretells every output, right ones included. If no fault alone does, two at once are
tried, then what the failing cases have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from ._recipes import Recipe

SLACK = 4.0
"""A faulty output is met within this many bounds: rounding errors are those of other numbers than the reference's."""

CLOSE = 1e-3
"""... and where a fault makes the output grow, within this much of it at most."""

DECISIVE = 100.0
"""Outputs that miss their bound by this much come first in a search."""


@dataclass(frozen=True)
class Fault:
    """A convention or mistake as data: its name, its sentence, and what it changes in a recipe."""

    name: str
    sentence: str
    change: dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """One case and what the callable made of it."""

    case: Any
    truth: tuple[np.ndarray, ...]
    tolerances: tuple[float, ...]  # absolute, per eps of the output
    raw: Any = None
    parts: tuple[np.ndarray, ...] = ()
    eps: float = 2.0**-52
    trouble: str = ""  # an exception, or a shape that does not fit
    difference: tuple[float, ...] = field(default=())

    @property
    def ratio(self) -> float:
        """The largest error over its bound; infinite where nothing can be compared."""
        if self.trouble:
            return np.inf
        pairs = zip(self.difference, self.tolerances, strict=True)
        ratio = max(d / (self.eps * t) if t else (np.inf if d else 0.0) for d, t in pairs)
        return np.inf if np.isnan(ratio) else ratio

    @property
    def failed(self) -> bool:
        """Whether the bound was missed."""
        return self.ratio > 1


@dataclass(frozen=True)
class Look:
    """A fault that shows in what the failing cases have in common, not in its very numbers."""

    name: str
    sentence: str
    seen: Callable[[Sequence[Trial]], bool]


Foretold = Callable[[Trial, Recipe], tuple[np.ndarray, ...]]


def explain(
    trials: Sequence[Trial], recipe: Recipe, foretold: Foretold, faults: Iterable[Fault], looks: Iterable[Look]
) -> tuple[tuple[str, ...], str]:
    """Names of the explanations and the sentence of the first; no names where nothing is known to fit."""
    failing = [trial for trial in trials if trial.failed]
    if not failing:
        return (), ""
    for name, word in (("raises", "raised"), ("shape", "has shape")):
        with_trouble = [trial for trial in trials if word in trial.trouble]
        if with_trouble:
            return (name,), f"the callable {with_trouble[0].trouble} (first of {len(with_trouble)} cases)."
    order = sorted(trials, key=lambda trial: trial.ratio < DECISIVE)  # the smallest of those that exclude most first
    faults = list(faults)
    looks = list(looks)
    single = [fault for fault in faults if fits(order, recipe.changed(fault.change), foretold)]
    if single:
        return tuple(fault.name for fault in single), single[0].sentence
    for look in looks:
        if look.seen(trials):
            return (look.name,), look.sentence
    infinite = [trial for trial in failing if np.isinf(trial.ratio)]
    for look in (look for look in looks if infinite and look.seen(infinite)):  # what is not finite fails for itself
        finite = [trial for trial in order if not np.isinf(trial.ratio)]
        single = [fault for fault in faults if fits(finite, recipe.changed(fault.change), foretold)]
        if single and len(infinite) < len(failing):
            names = tuple(f"{fault.name} + {look.name}" for fault in single)
            return names, f"{single[0].sentence} And: {look.sentence}"
    for one, other in combinations(faults, 2):
        shared = set(one.change) & set(other.change) - {"before", "after"}
        if not shared and fits(order, recipe.changed(one.change).changed(other.change), foretold):
            return (f"{one.name} + {other.name}",), f"{one.sentence} And: {other.sentence}"
    return (), pattern(failing, trials)


def fits(trials: Sequence[Trial], recipe: Recipe, foretold: Foretold) -> bool:
    """Whether a recipe foretells every output, and failing ones clearly better than the reference does."""
    for trial in trials:
        try:
            with np.errstate(all="ignore"):
                expected = foretold(trial, recipe)
        except (ArithmeticError, ValueError, KeyError, np.linalg.LinAlgError):
            return False
        parts = zip(trial.parts, expected, trial.truth, trial.tolerances, trial.difference, strict=True)
        for got, other, truth, tolerance, wrong_by in parts:
            if got.shape != other.shape or np.isfinite(got).all() != np.isfinite(other).all():
                return False
            if not np.isfinite(got).all():
                continue
            allowed, distance = trial.eps * tolerance, np.abs(got - other).max(initial=0.0)
            size = grown(other, truth)
            most = max(SLACK * allowed, min(SLACK * size * size * allowed, CLOSE * np.abs(other).max()))
            if not distance <= most or (wrong_by > allowed and distance > wrong_by / 2):
                return False
    return True


def grown(other: np.ndarray, truth: np.ndarray) -> float:
    """How much larger than the reference a faulty output is, or how much longer it lasts; at least 1."""
    with np.errstate(over="ignore"):
        size = np.abs(truth).sum()
        return max(1.0, float(np.abs(other).sum() / size)) if size else 1.0


def pattern(failing: Sequence[Trial], trials: Sequence[Trial]) -> str:
    """What can be said of a failure that no known fault explains."""
    said = []
    passing = [trial for trial in trials if not trial.failed]
    if all(not np.isfinite(np.concatenate([np.ravel(part) for part in trial.parts])).all() for trial in failing):
        said.append("the output is not finite")
    if passing:
        said.append(f"{len(passing)} of {len(trials)} cases are right")
    ratios = [ratio for ratio in map(_factor, failing) if ratio is not None]
    if len(ratios) == len(failing):
        first = ratios[0]
        if all(abs(ratio - first) <= 1e-3 * abs(first) for ratio in ratios) and abs(first - 1) > 1e-2:
            said.append(f"every failing output is the reference times {first.real if not first.imag else first:.6g}")
        elif max(abs(ratio - 1) for ratio in ratios) > 1e-2:
            said.append("every failing output is proportional to the reference, by a factor that depends on the case")
    regimes = {getattr(trial.case, "regime", "") for trial in failing}
    if len(regimes) == 1 and passing and regimes != {""}:
        said.append(f"only {regimes.pop()} systems fail")
    return "no known fault explains this; " + ("; ".join(said) or "every case is wrong") + "."


def _factor(trial: Trial) -> complex | None:
    """The factor between output and reference, if they are proportional to a thousandth."""
    got, truth = (np.concatenate([np.ravel(part) for part in parts]) for parts in (trial.parts, trial.truth))
    size = np.vdot(truth, truth).real
    if not np.isfinite(got).all() or not size:
        return None
    factor = complex(np.vdot(truth, got) / size)
    close = np.abs(got - factor * truth).max() <= 1e-3 * np.abs(got).max()
    return (complex(factor.real) if abs(factor.imag) <= 1e-3 * abs(factor) else factor) if close and factor else None
