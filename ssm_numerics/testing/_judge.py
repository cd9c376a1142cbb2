"""Runs a callable over cases and judges each output by its own precision."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _arrays
from ._causes import Fault, Look, Trial, explain
from ._recipes import Recipe
from ._report import Report

Parts = tuple[np.ndarray, ...]
UNCHANGED = Recipe()
DOUBLE = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Subject:
    """What a check compares: how the callable is called, what is right, and what a changed recipe would give."""

    title: str
    arguments: Callable[[Any], tuple]
    truth: Callable[[Any], tuple[Parts, tuple[float, ...]]]  # the right parts, and their tolerances per eps
    foretold: Callable[[Trial, Recipe], Parts]
    faults: Iterable[Fault]
    looks: Iterable[Look]
    recipe: Recipe = UNCHANGED
    read: Callable[[Any, Any], Parts] | None = None  # parts from (what was returned, the case)
    hides: tuple[str, ...] = ()  # what of a case the callable never sees


def judge(subject: Subject, fn: Callable[..., Any], cases: Sequence[Any], convert: Any = None) -> Report:
    """Call `fn` on every case and report; cases in double precision are for callables that answer in it."""
    check_functions(convert, fn=fn)
    return report(subject, trials_of(subject, fn, cases, convert))


def check_functions(convert: Any, **functions: Any) -> None:
    """What is handed over to be called can be."""
    for name, function in functions.items() if convert is None else [*functions.items(), ("convert", convert)]:
        _arrays.function(name, function)


def trials_of(subject: Subject, fn: Callable[..., Any], cases: Sequence[Any], convert: Any = None) -> list[Trial]:
    """Trials of all cases in their order, without the fine ones if any output is not double."""
    coarse = {case: trial(subject, fn, case, convert) for case in cases if not case.fine}
    if all(one.eps == DOUBLE for one in coarse.values() if not one.trouble):
        coarse |= {case: trial(subject, fn, case, convert) for case in cases if case.fine}
    return [coarse[case] for case in cases if case in coarse]


def trial(subject: Subject, fn: Callable[..., Any], case: Any, convert: Any = None) -> Trial:
    """One call, its output as arrays, and its distance from what is right."""
    truth, tolerances = subject.truth(case)
    arguments = subject.arguments(case)
    if convert is not None:
        arguments = tuple(convert(value) if isinstance(value, np.ndarray) else value for value in arguments)
    else:
        arguments = tuple(value.copy() if isinstance(value, np.ndarray) else value for value in arguments)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            raw = as_arrays(fn(*arguments))
            parts = subject.read(raw, case) if subject.read else raw
    except Exception as error:  # whatever a stranger's code raises is what is reported
        return Trial(case, truth, tolerances, trouble=f"raised {type(error).__name__}: {error}")
    if len(parts) != len(truth):
        return Trial(case, truth, tolerances, trouble=f"has shape trouble: {len(parts)} arrays, not {len(truth)}")
    parts = tuple(
        part.reshape(right.shape) if part.size == right.size and part.squeeze().shape == right.squeeze().shape else part
        for part, right in zip(parts, truth, strict=True)
    )
    for part, right in zip(parts, truth, strict=True):
        if part.shape != right.shape:
            trouble = f"has shape {part.shape} in its output, not {right.shape}"
            return Trial(case, truth, tolerances, trouble=trouble)
    with np.errstate(all="ignore"):
        difference = tuple(
            float(np.abs(part - right).max(initial=0.0)) if np.isfinite(part).all() else np.inf
            for part, right in zip(parts, truth, strict=True)
        )
    return Trial(case, truth, tolerances, raw, parts, precision(raw), "", difference)


def as_arrays(value: Any) -> Parts:
    """What a callable returned as NumPy arrays: one, or a tuple or list of them; tensors are detached first."""
    values = value if isinstance(value, (tuple, list)) and not np.isscalar(value) else (value,)
    if len(values) and all(isinstance(item, (int, float, complex)) for item in values):
        values = (value,)
    arrays = []
    for item in values:
        if hasattr(item, "detach"):
            item = item.detach().cpu()
            item = item.resolve_conj() if hasattr(item, "resolve_conj") else item
        array = np.asarray(item)
        arrays.append(array if array.dtype.kind in "fc" else array.astype(float))
    return tuple(arrays)


def precision(parts: Parts) -> float:
    """The eps of the narrowest dtype among outputs."""
    return max(float(np.finfo(part.dtype).eps) for part in parts)


def report(subject: Subject, trials: Sequence[Trial]) -> Report:
    """The numbers of all trials, the worst and the smallest failing case, and the cause."""
    failing = [trial for trial in trials if trial.failed]
    names, cause = explain(trials, subject.recipe, subject.foretold, subject.faults, subject.looks)
    worst = max(trials, key=lambda trial: trial.ratio)
    measured = [_relative(trial) for trial in trials]
    error, bound = _relative(worst)
    dtypes = sorted({str(part.dtype) for trial in trials for part in trial.parts})
    return Report(
        check=subject.title,
        cases=len(trials),
        failures=len(failing),
        dtype="/".join(dtypes) or "none",
        error=error,
        bound=bound,
        worst=_described(subject, worst.case),
        smallest=_described(subject, failing[0].case) if failing else {},
        cause=cause,
        causes=names,
        errors=[pair[0] for pair in measured],
        bounds=[pair[1] for pair in measured],
    )


def _described(subject: Subject, case: Any) -> dict[str, Any]:
    return {name: value for name, value in case.describe().items() if name not in subject.hides}


def _relative(trial: Trial) -> tuple[float, float]:
    """Error and bound of the worst part in eps, relative to the largest entry of its reference."""
    sizes = [float(np.abs(right).max(initial=0.0)) or 1.0 for right in trial.truth]
    bounds = [tolerance / size for tolerance, size in zip(trial.tolerances, sizes, strict=True)]
    if trial.trouble:
        return float("nan"), max(bounds)
    errors = [difference / trial.eps / size for difference, size in zip(trial.difference, sizes, strict=True)]
    return max(zip(errors, bounds, strict=True), key=lambda pair: pair[0] / pair[1] if pair[1] else pair[0])
