"""Checks of the two structured products: Vandermonde sums and Cauchy sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .. import _arrays
from ._causes import Fault
from ._faults import on, rounded_arrays
from ._judge import Parts, Subject, judge
from ._looks import SINGLE
from ._probes import FINE, LENGTHS, checked_draw, single
from ._recipes import Recipe
from ._report import Report


@dataclass(frozen=True, eq=False)
class SumCase:
    """Weights, nodes and, for Cauchy sums, points."""

    arrays: dict[str, np.ndarray]
    L: int
    pairs: bool
    fine: bool = False

    def describe(self) -> dict[str, Any]:
        """What a reader needs to repeat the case by hand."""
        return {"L": self.L, **self.arrays}


def check_vandermonde(
    fn: Callable[..., Any],
    *,
    pairs: bool = False,
    cases: int = 40,
    seed: int = 0,
    convert: Callable[[np.ndarray], Any] | None = None,
) -> Report:
    """Check an implementation of sum_n c_n z_n^l, l < L.

    Parameters
    ----------
    fn : callable
        ``fn(c, z, L)`` with complex c and z of shape (n,), |z| <= 1; it returns an array of shape (L,).
    pairs : bool
        True: the result is 2 Re of the sum.
    cases, seed, convert
        As in `check_kernel`.

    Returns
    -------
    Report

    Notes
    -----
    *Accuracy*: 4 (n + 8) eps max_l sum_n (1 + l) |c_n| |z_n|^l: every power may have been multiplied up one by one.

    Examples
    --------
    >>> import numpy as np
    >>> from ssm_numerics import testing
    >>> testing.check_vandermonde(lambda c, z, L: c @ z[:, None] ** np.arange(1, L + 1)).causes
    ('one_power_too_many',)
    """
    pairs = _arrays.flag("pairs", pairs)
    subject = Subject(
        f"check_vandermonde{'(pairs)' if pairs else ''}",
        lambda case: (case.arrays["c"], case.arrays["z"], case.L),
        vandermonde_truth,
        lambda trial, recipe: (vandermonde_sum(trial.case, recipe),),
        (*VANDERMONDE, *SUMS),
        (SINGLE,),
    )
    return judge(subject, fn, sum_cases("z", pairs, *checked_draw(cases, seed)), convert)


def check_cauchy(
    fn: Callable[..., Any],
    *,
    pairs: bool = False,
    cases: int = 40,
    seed: int = 0,
    convert: Callable[[np.ndarray], Any] | None = None,
) -> Report:
    """Check an implementation of sum_n v_n / (z_l - poles_n).

    Parameters
    ----------
    fn : callable
        ``fn(v, z, poles)`` with complex v, poles of shape (n,) and z of shape (L,); it returns shape (L,).
    pairs : bool
        True: the conjugates of v and poles count too, sum_n v_n/(z - p_n) + conj(v_n)/(z - conj(p_n)).
    cases, seed, convert
        As in `check_kernel`.

    Returns
    -------
    Report

    Notes
    -----
    *Accuracy*: 4 (n + 8) eps max_l sum_n |v_n| (|z_l| + |p_n|) / |z_l - p_n|^2. The points lie on |z| = 1 and on the
    imaginary axis, the poles inside the left half-plane.

    Examples
    --------
    >>> from ssm_numerics import testing
    >>> testing.check_cauchy(lambda v, z, poles: (v / (z[:, None] - poles)).sum(axis=1)).passed
    True
    """
    pairs = _arrays.flag("pairs", pairs)
    subject = Subject(
        f"check_cauchy{'(pairs)' if pairs else ''}",
        lambda case: (case.arrays["v"], case.arrays["z"], case.arrays["poles"]),
        cauchy_truth,
        lambda trial, recipe: (cauchy_sum(trial.case, recipe),),
        (*CAUCHY, *SUMS),
        (SINGLE,),
    )
    return judge(subject, fn, sum_cases("poles", pairs, *checked_draw(cases, seed)), convert)


@lru_cache(maxsize=64)
def sum_cases(kind: str, pairs: bool, count: int, seed: int) -> tuple[SumCase, ...]:
    """Cases in ascending order, every number exact in single precision."""
    rng = np.random.default_rng(seed)
    cases = []
    for i in range(count + FINE):
        n, L = min(1 + 8 * i // count, 8), int(rng.choice(LENGTHS[: min(3 + 6 * i // count, 8)]))
        rounded = single if i < count else np.asarray
        weights = rng.normal(size=n) + 1j * rng.normal(size=n)
        if kind == "z":
            nodes = np.exp(-(10.0 ** rng.uniform(-3, 0.5)) + 1j * rng.uniform(-np.pi, np.pi, n))
            arrays = {"c": weights, "z": nodes}
        else:
            poles = -rng.uniform(0.05, 2, n) + 1j * rng.uniform(-4, 4, n)
            angles = 2 * np.pi * np.arange(L) / L
            points = np.exp(1j * angles) if i % 2 else 1j * rng.uniform(-5, 5, L)
            arrays = {"v": weights, "z": points, "poles": poles}
        cases.append(SumCase({name: rounded(array) for name, array in arrays.items()}, L, pairs, i >= count))
    return tuple(sorted(cases, key=lambda case: (len(next(iter(case.arrays.values()))) * case.L, case.L)))


def _with_partners(case: SumCase, recipe: Recipe, names: str) -> dict[str, np.ndarray]:
    arrays = dict(case.arrays)
    for change in recipe.before:
        arrays = change(arrays)
    if case.pairs and recipe.partners:
        both = names.split()
        return {name: np.append(x, x.conj()) if name in both else x for name, x in arrays.items()}
    return arrays


def vandermonde_sum(case: SumCase, recipe: Recipe) -> np.ndarray:
    """sum_n c_n z_n^(l + start)."""
    arrays = _with_partners(case, recipe, "c z")
    result = arrays["c"] @ arrays["z"][:, None] ** (np.arange(case.L) + recipe.start)
    result = result.real if case.pairs and recipe.partners else result
    for change in recipe.after:
        result = change(result, case)  # type: ignore[arg-type]
    return result


def cauchy_sum(case: SumCase, recipe: Recipe) -> np.ndarray:
    """sum_n v_n / (z_l - p_n)."""
    arrays = _with_partners(case, recipe, "v poles")
    result = (arrays["v"] / (arrays["z"][:, None] - arrays["poles"])).sum(axis=1)
    for change in recipe.after:
        result = change(result, case)  # type: ignore[arg-type]
    return result


@lru_cache(maxsize=4096)
def vandermonde_truth(case: SumCase) -> tuple[Parts, tuple[float, ...]]:
    """By ball arithmetic where it is there."""
    c, z = case.arrays["c"], case.arrays["z"]
    l = np.arange(case.L)
    size = ((1 + l) * (np.abs(c) @ np.abs(z)[:, None] ** l)).max() * (1 + case.pairs)
    return _real(_exact("vandermonde_product", c, z, case.L), case, vandermonde_sum), (4 * (len(c) + 8) * float(size),)


@lru_cache(maxsize=4096)
def cauchy_truth(case: SumCase) -> tuple[Parts, tuple[float, ...]]:
    """By ball arithmetic where it is there."""
    arrays = _with_partners(case, Recipe(), "v poles")
    v, z, poles = arrays["v"], arrays["z"], arrays["poles"]
    gaps = np.abs(z[:, None] - poles)
    size = (np.abs(v) * (np.abs(z)[:, None] + np.abs(poles)) / gaps**2).sum(axis=1).max()
    exact = _exact("cauchy_product", v, z, poles)
    return (cauchy_sum(case, Recipe()) if exact is None else exact,), (4 * (len(v) + 8) * float(size),)


def _exact(name: str, *arguments: Any) -> np.ndarray | None:
    from .. import certified

    try:
        return getattr(certified, name)(*arguments).mid
    except ImportError:
        return None


def _real(exact: np.ndarray | None, case: SumCase, plain: Callable[[SumCase, Recipe], np.ndarray]) -> Parts:
    if exact is None:
        return (plain(case, Recipe()),)
    return (2 * exact.real if case.pairs else exact,)


VANDERMONDE = (
    Fault("one_power_too_many", "The sum starts at z^1: one sample early.", {"start": 1}),
    Fault("one_sample_late", "The result is one sample late.", {"after": [lambda K, case: np.append(0.0, K[:-1])]}),
    Fault("conjugated_nodes", "The nodes z are conjugated.", {"before": [on("z", np.conj)]}),
    Fault(
        "conjugated_weights",
        "The weights c are conjugated (an inner product where a plain sum is meant).",
        {"before": [on("c", np.conj)]},
    ),
    Fault("moduli", "The moduli |z| are used: the phases of the nodes are lost.", {"before": [on("z", np.abs)]}),
    Fault("reversed", "The result is reversed in time.", {"after": [lambda K, case: K[::-1]]}),
    Fault("cumulative", "This is the cumulative sum.", {"after": [lambda K, case: np.cumsum(K)]}),
)

CAUCHY = (
    Fault("sign_of_poles", "The poles have the wrong sign: v / (z + p).", {"before": [on("poles", np.negative)]}),
    Fault("sign", "The sign of the result is wrong: v / (p - z).", {"after": [lambda K, case: -K]}),
    Fault("conjugated_weights", "The weights v are conjugated.", {"before": [on("v", np.conj)]}),
    Fault("conjugated_poles", "The poles are conjugated.", {"before": [on("poles", np.conj)]}),
    Fault(
        "conjugated_points",
        "The points z are conjugated (or run around the circle the other way).",
        {"before": [on("z", np.conj)]},
    ),
    Fault(
        "inverted_points",
        "The points are inverted, v / (1/z - p): z^-1 stands for z.",
        {"before": [on("z", lambda z: 1 / z)]},
    ),
    Fault("reversed", "The order of the points is reversed.", {"after": [lambda K, case: K[::-1]]}),
    Fault(
        "doubled_real_part",
        "2 Re of the sum over stored poles: right only for real z.",
        {"partners": False, "after": [lambda K, case: 2 * K.real + 0j]},
    ),
)

SUMS = (
    Fault(
        "single_precision_input",
        "Wrong node accuracy: arguments are rounded to single precision before they are used in double precision.",
        {"before": [rounded_arrays]},
    ),
    Fault(
        "factor_2_missing",
        "The factor 2 of conjugate pairs is missing, or the result is halved.",
        {"after": [lambda K, case: K / 2]},
    ),
    Fault("factor_2_too_many", "A factor 2 too many.", {"after": [lambda K, case: 2 * K]}),
    Fault("stored_modes_only", "The conjugate partners are lost.", {"partners": False}),
    Fault(
        "stored_modes_doubled",
        "The sum over stored modes is doubled, but partners are conjugates of them.",
        {"partners": False, "after": [lambda K, case: 2 * K]},
    ),
    Fault(
        "imaginary_part_dropped",
        "The imaginary part is dropped, but the result is complex.",
        {"after": [lambda K, case: K.real]},
    ),
    Fault("conjugated_output", "The result is conjugated.", {"after": [lambda K, case: K.conj()]}),
)
