"""What is right, and what rounding may do to it: kernels, responses and steps of the systems that are tried."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ._judge import Parts
from ._probes import Case
from ._recipes import Recipe, step

FACTOR = 4.0
"""Bounds are FACTOR (n + 8)(1 + dt ||A||) times what roundings of eps in every step add up to."""


@lru_cache(maxsize=16384)
def reference(case: Case, recipe: Recipe) -> tuple[np.ndarray, float]:
    """The kernel of a case, by ball arithmetic where it is there, and what eps may do to it."""
    from .. import certified
    from ..convolution_kernel import convolution_kernel

    arguments = case.continuous(), case.L, case.dt, recipe.rule, recipe.alpha
    try:
        K = certified.convolution_kernel(*arguments).mid
    except ImportError:
        K = convolution_kernel(*arguments)
    return K, tolerance(case, recipe)


def tolerance(case: Case, recipe: Recipe) -> float:
    """FACTOR (n + 8)(1 + dt ||A||) max_l sum_j ||C A_bar^{l-j}|| ||A_bar^j B_bar||."""
    one = step(case, recipe)
    order = len(one.B_bar)
    b, c = (np.zeros(case.L) for _ in "bc")
    x, y = one.B_bar if one.previous is None else abs(one.B_bar) + abs(one.previous), one.C
    for l in range(case.L):
        b[l], c[l] = np.linalg.norm(x), np.linalg.norm(y)
        x, y = one.A_bar @ x, y @ one.A_bar
    return float(FACTOR * (order + 8) * (1 + stretch(case)) * np.convolve(b, c)[: case.L].max())


def stretch(case: Case) -> float:
    """dt ||A||, from above."""
    arrays = case.arrays
    if "A" in arrays:
        return case.dt * float(np.linalg.norm(arrays["A"], 2))
    low_rank = np.linalg.norm(arrays["P"]) * np.linalg.norm(arrays["Q"]) if "P" in arrays else 0.0
    return case.dt * float(np.abs(arrays["Lambda"]).max() + 2 * low_rank)


def kernel_truth(case: Case, recipe: Recipe) -> tuple[Parts, tuple[float, ...]]:
    K, allowed = reference(case, recipe)
    return (K,), (allowed,)


def response_truth(case: Case, recipe: Recipe) -> tuple[Parts, tuple[float, ...]]:
    K, allowed = reference(case, recipe)
    direct = case.arrays["D"] * case.u
    y = np.convolve(K, case.u)[: case.L] + direct
    return (y,), (allowed * float(np.abs(case.u).sum()) + 4 * float(np.abs(direct).max()),)


def step_truth(output: bool, case: Case, recipe: Recipe) -> tuple[Parts, tuple[float, ...]]:
    A_bar, B_bar = rule_reference(case, recipe)
    size = FACTOR * (case.n + 8) * (1 + stretch(case))
    allowed = (size * max(1.0, float(np.linalg.norm(A_bar))), size * float(np.linalg.norm(B_bar)))
    if not output:
        return (A_bar, B_bar), allowed
    C, D = case.arrays["C"], np.asarray(case.arrays["D"])
    return (A_bar, B_bar, C, D), (*allowed, 4 * float(np.abs(C).max()), 4 * float(np.abs(D)))


@lru_cache(maxsize=16384)
def rule_reference(case: Case, recipe: Recipe) -> Parts:
    """A_bar and B_bar by ball arithmetic where it is there."""
    from .. import certified
    from ..discretization import discretize

    try:
        exact = certified.discretize(case.continuous(), case.dt, recipe.rule, recipe.alpha)
        return exact.A_bar.mid, exact.B_bar.mid
    except ImportError:
        discrete: Any = discretize(case.continuous(), case.dt, recipe.rule, recipe.alpha)
        discrete = discrete.to_dense() if case.system == "dplr" else discrete
        return discrete.A_bar, discrete.B_bar
