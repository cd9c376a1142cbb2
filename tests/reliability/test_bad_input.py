"""Every public callable against the whole catalogue of bad inputs, argument by argument."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import signal
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from ssm_numerics._systems import System
from tests.reliability import bad_inputs, surface
from tests.reliability.outcomes import differences, has_nan, parts

SECONDS = 20
"""A call that takes longer hangs."""

SENTENCE = re.compile(r"^`\w+`(, `\w+`)* must [^\n]+, but [^\n]+\.$")
INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") == "1"
interpreted = pytest.mark.skipif(
    not INTERPRETED, reason="asked with the JIT off, where no dtype has to be compiled for"
)
UNDEFINED = {
    "vandermonde_product": "powers may overflow",
    "cauchy_product": "a node may be a pole",
    "vandermonde_condition": "singular values of a matrix that overflows; the condition number comes from balls",
    "pseudospectrum": "what is inside of a level that no point of the grid reaches",
    **{
        name: "the error of a callable that raises or returns nothing to compare"
        for name in surface.calls()
        if name.startswith("testing.")
    },
}
"""Calls whose documentation says which entries are undefined."""
CALLBACKS = {
    "respond": ("u", "hold"),
    **{call: ("convert",) for call in surface.calls() if call.startswith("testing.")},
}
"""Arguments that may be functions, whose own exceptions are passed on."""
COINCIDE = ("kreiss_constant",)
"""Equal for a matrix and its complex multiple: K = 1 as long as the numerical range stays in the half-plane."""


DOCUMENTED = {"certified.": ArithmeticError, "Stream.load": OSError, "Stream.save": OSError}
"""Errors that are not of the house's form, where the documentation names them, by how the call's name begins."""


def documented(call: str, error: Exception) -> bool:
    """Whether the documentation of a call names that kind of error."""
    return any(call.startswith(name) and isinstance(error, kind) for name, kind in DOCUMENTED.items())


@cache
def calls() -> dict[str, Any]:
    return surface.calls()


def arguments() -> list[Any]:
    named = [(call, argument) for call, (_, given) in calls().items() for argument in given]
    return [pytest.param(*pair, id="-".join(pair)) for pair in named]


def test_every_public_callable_has_an_entry() -> None:
    assert set(surface.public()) == {name.partition("[")[0] for name in calls()}


def test_the_catalogue_is_large_enough() -> None:
    assert len(bad_inputs.BAD) + len(bad_inputs.SAME) + len(bad_inputs.BAD_SYSTEMS) >= 80


@contextlib.contextmanager
def time_limit(what: str) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise AssertionError(f"{what} takes more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(call: str, changed: dict[str, Any]) -> Any:
    """What a call returns, or the ValueError or TypeError that refuses it; its arguments stay as they were."""
    function, given = calls()[call]
    given = {**given, **changed}
    before = {name: parts(value) for name, value in given.items()}
    with warnings.catch_warnings(), time_limit(call):
        warnings.simplefilter("error")
        if INTERPRETED:  # Numba's arithmetic is silent, Python's is not
            warnings.simplefilter("ignore", RuntimeWarning)
        for kind in (surface.ssm.UnstableDiscretizationWarning, surface.ssm.ConditioningWarning):
            warnings.simplefilter("ignore", kind)
        try:
            found = function(**given)
        except (ValueError, TypeError) as refusal:
            found = refusal
        except (ArithmeticError, OSError) as refusal:
            if not documented(call, refusal):
                raise
            found = refusal
    for name, value in given.items():
        assert not differences(parts(value), before[name]), f"`{name}` was modified"
    return found


@cache
def arguments_of(function: Any) -> list[list[str]]:
    return [[name] for name in inspect.signature(function).parameters]


def judge(call: str, argument: str, name: str, found: Any) -> list[str]:
    """What is wrong with an outcome: a refusal is one sentence that names an argument, a result has no NaN."""
    if isinstance(found, Exception):
        function, given = calls()[call]
        named = isinstance(given[argument], System) or re.findall(r"`(\w+)`", str(found))[:1] in arguments_of(function)
        fine = documented(call, found) or (SENTENCE.match(str(found)) and named)
        return [] if fine else [f"{name}: {type(found).__name__} {found}"]
    return [f"{name}: NaN in the result"] if has_nan(found) and call not in UNDEFINED else []


@interpreted
@pytest.mark.parametrize(("call", "argument"), arguments())
def test_bad_input_is_refused_in_one_sentence_or_answered_correctly(call: str, argument: str) -> None:
    good = calls()[call][1][argument]
    wrong = []
    for name, value in bad_inputs.bad_values(good):
        if callable(value) and argument in CALLBACKS.get(call.partition("[")[0], ()):
            continue
        try:
            found = outcome(call, {argument: value})
        except Exception as error:  # whatever else is raised is what this test looks for
            wrong.append(f"{name}: {type(error).__name__} {error}")
            continue
        wrong += judge(call, argument, name, found)
        meant_real = name == "complex where real" and not isinstance(good, (str, bool)) and not np.iscomplexobj(good)
        if not meant_real or isinstance(found, Exception) or call in COINCIDE:
            continue
        if not differences(parts(found), parts(outcome(call, {argument: np.real(value)}))):
            wrong.append(f"{name}: the imaginary part makes no difference")
    assert not wrong, "\n".join(wrong)


@interpreted
@pytest.mark.parametrize(("call", "argument"), arguments())
def test_the_same_numbers_in_another_form_give_the_same_bits(call: str, argument: str) -> None:
    wrong = []
    for name, value, plain in bad_inputs.same_values(calls()[call][1][argument]):
        try:
            found = outcome(call, {argument: value})
        except Exception as error:
            wrong.append(f"{name}: {type(error).__name__} {error}")
            continue
        wrong += judge(call, argument, name, found)
        if not isinstance(found, Exception):
            expected = outcome(call, {argument: plain})
            if isinstance(expected, Exception):
                wrong.append(f"{name}: accepted where the plain form is refused with: {expected}")
            elif differences(parts(found), parts(expected)):
                wrong.append(f"{name}: differs from the plain form")
    assert not wrong, "\n".join(wrong)
