"""What an implementation would compute, written down plainly: a recipe of choices, and the numbers that follow from it.

A right implementation is the recipe without changes. A convention or a fault is a change of some of its steps, so every
formula stands here once, and faults are data. All is dense and in double precision: recipes are for small orders.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._arrays import UnstableDiscretizationWarning
from ..discretization import discretize
from ..state_space import StateSpace
from ._probes import Case

Arrays = dict[str, np.ndarray]
Vector = np.ndarray


def powers(A_bar: np.ndarray, B_bar: Vector, C: Vector, L: int) -> Vector:
    """C A_bar^l B_bar for l < L, one by one."""
    K, x = np.zeros(L, dtype=complex), B_bar
    for l in range(L):
        K[l] = C @ x
        x = A_bar @ x
    return K


@dataclass(frozen=True)
class Recipe:
    """The choices on the way from arrays to a kernel; a change replaces some, and appends to `before` and `after`."""

    rule: str = "bilinear"
    alpha: float | None = None
    before: tuple[Callable[[Arrays], Arrays], ...] = ()  # the arrays that were given
    partners: bool = True  # stored modes of a pair system get their partners
    time: Callable[[float], float] = float  # the step that the rule sees
    forcing: Callable[[Vector, Vector, float], Vector] | None = None  # B_bar from (the rule's B_bar, B, dt)
    transition: Callable[[np.ndarray], np.ndarray] | None = None  # A_bar from the rule's
    row: Callable[[Vector, np.ndarray, int], Vector] | None = None  # C from (C, A_bar, L)
    output: bool = False  # C and D changed, and read before the state moves, as SciPy's bilinear transform has it
    start: int = 0  # K_l = C A_bar^(l + start) B_bar, and 0 where the exponent is negative
    evaluate: Callable[[np.ndarray, Vector, Vector, int], Vector] = powers
    direct: float = 1.0  # the factor of D in a response
    after: tuple[Callable[[Vector, Case], Vector], ...] = ()  # the kernel or impulse response

    def changed(self, change: dict[str, Any]) -> Recipe:
        """This recipe with a change."""
        joined: dict[str, Any] = {}
        for name in ("before", "after"):
            if name in change:
                joined[name] = getattr(self, name) + tuple(change[name])
        return replace(self, **{**change, **joined})


@dataclass(frozen=True)
class Step:
    """One discrete step over all modes; `previous` is the earlier tap of first-order hold."""

    A_bar: np.ndarray
    B_bar: Vector
    C: Vector
    D: complex
    previous: Vector | None


def matrices(case: Case, recipe: Recipe) -> tuple[np.ndarray, Vector, Vector]:
    """A, B and C over all modes, complex."""
    arrays = dict(case.arrays)
    for change in recipe.before:
        arrays = change(arrays)
    if "Lambda" not in arrays:
        return arrays["A"] + 0j, arrays["B"] + 0j, arrays["C"] + 0j
    if case.pairs and recipe.partners:
        arrays = {name: np.concatenate([array, array.conj()]) for name, array in arrays.items() if name != "D"}
    A = np.diag(arrays["Lambda"] + 0j)
    if "P" in arrays:
        A = A - arrays["P"] @ arrays["Q"].conj().T
    return A, arrays["B"] + 0j, arrays["C"] + 0j


def step(case: Case, recipe: Recipe) -> Step:
    """One step as the recipe takes it."""
    A, B, C = matrices(case, recipe)
    dt, D = recipe.time(case.dt), complex(case.arrays["D"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnstableDiscretizationWarning)
        discrete: Any = discretize(StateSpace(A, B, C), dt, recipe.rule, recipe.alpha)
    A_bar, B_bar, previous = discrete.A_bar, discrete.B_bar, discrete.B_bar_previous
    if recipe.output:
        alpha = {"euler": 0.0, "backward_euler": 1.0, "bilinear": 0.5}.get(recipe.rule, recipe.alpha)
        if alpha is None:
            raise ValueError("Holds change no output.")
        C, D = np.linalg.solve(np.eye(len(B)) - alpha * dt * A.T, C), D + alpha * C @ B_bar
    if recipe.forcing is not None:
        if previous is not None:
            raise ValueError("First-order hold has two taps.")
        B_bar = recipe.forcing(B_bar, B, dt)
    if recipe.transition is not None:
        A_bar = recipe.transition(A_bar)
    return Step(A_bar, B_bar, C, D, previous)


def kernel(case: Case, recipe: Recipe) -> np.ndarray:
    """K_0, ..., K_{L-1}; real where the case is a real system and the recipe keeps its partners."""
    one, length = step(case, recipe), case.L + max(recipe.start, 0)
    C = one.C if recipe.row is None else recipe.row(one.C, one.A_bar, case.L)
    K = recipe.evaluate(one.A_bar, one.B_bar, C, length)
    if recipe.output:
        K = np.append(one.D - case.arrays["D"], K)[:length]
    if one.previous is not None and length > 1:
        K[1:] += recipe.evaluate(one.A_bar, one.previous, C, length - 1)
    K = np.concatenate([np.zeros(-min(recipe.start, 0)), K[max(recipe.start, 0) :]])[: case.L]
    if case.system == "dense" or (case.pairs and recipe.partners):
        K = K.real
    for change in recipe.after:
        K = change(K, case)
    return K


def response(case: Case, recipe: Recipe) -> np.ndarray:
    """y = K * u + D u from the state zero."""
    y = np.convolve(kernel(case, recipe), case.u)[: case.L]
    return y + recipe.direct * case.arrays["D"] * case.u


def one_step(case: Case, recipe: Recipe) -> tuple[np.ndarray, ...]:
    """A_bar (its diagonal for a diagonal system), B_bar, C and D; in the modes that are stored."""
    one = step(case, recipe)
    A_bar = np.diagonal(one.A_bar) if case.system == "diagonal" else one.A_bar
    parts = (A_bar, one.B_bar, one.C, np.asarray(one.D))
    return tuple(part.real for part in parts) if case.system == "dense" else parts
