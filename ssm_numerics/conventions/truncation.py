"""C and C~ = C (I - A_bar^L): what S4 stores instead of C, and how much is lost on the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _arrays, _pairs
from .._increments import transition
from .._results import Result
from ..discretization import discretize
from ..state_space import DPLR, Diagonal, StateSpace


@dataclass(frozen=True)
class Truncation(Result):
    """An output vector in its new form, and cond_2(I - A_bar^L), of several heads the worst.

    Errors of C~ reach C magnified by no more than `condition`, relative to norms.
    """

    C: np.ndarray
    condition: float


def truncate(system: Any, dt: Any, L: int, discretization: str = "bilinear") -> Truncation:
    """C~ = C (I - A_bar^L), the output vector whose generating function ends after L samples.

    Parameters
    ----------
    system : StateSpace, Diagonal or DPLR
    dt : float or array_like, shape (...), time
    L : int
    discretization : str, default "bilinear"

    Returns
    -------
    Truncation
        `C`, shape (..., N), in the stored basis, and `condition`.

    Notes
    -----
    *Accuracy*: 4 N L u ||C|| where |A_bar| <= 1. *Cost*: N^3 log L.

    References
    ----------
    [S4] Algorithm 1.

    Examples
    --------
    >>> from ssm_numerics import StateSpace, conventions
    >>> conventions.truncate(StateSpace([[-1.0]], [1.0], [1.0]), 1.0, 2, "backward_euler").C
    array([0.75])
    """
    row, gap, condition = _gap(system, dt, L, discretization)
    with np.errstate(all="ignore"):
        return Truncation(_stored(system, (row[..., None, :] @ gap)[..., 0, :]), condition)


def restore(system: Any, dt: Any, L: int, discretization: str = "bilinear") -> Truncation:
    """C = C~ (I - A_bar^L)^-1, from a system whose C is C~.

    Parameters
    ----------
    system : StateSpace, Diagonal or DPLR
    dt : float or array_like, shape (...), time
    L : int
    discretization : str, default "bilinear"

    Returns
    -------
    Truncation
        `C`, shape (..., N), in the stored basis, and `condition`.

    Raises
    ------
    ValueError
        If I - A_bar^L is singular, as FouT's is for every L.

    Notes
    -----
    *Accuracy*: 4 N L u `condition` ||C|| where |A_bar| <= 1. *Cost*: N^3 log L.

    Examples
    --------
    >>> from ssm_numerics import StateSpace, conventions
    >>> conventions.restore(StateSpace([[-1.0]], [1.0], [0.75]), 1.0, 2, "backward_euler").C
    array([1.])
    """
    row, gap, condition = _gap(system, dt, L, discretization)
    if not condition * np.finfo(gap.dtype).eps < 1:
        found = f"the condition number of I - A_bar^L is {condition:.3g}: A_bar has an eigenvalue with z^L = 1"
        _arrays.fail("L", "leave I - A_bar^L invertible", found)
    with np.errstate(all="ignore"):
        return Truncation(_stored(system, np.linalg.solve(gap.mT, row[..., None])[..., 0]), condition)


def _gap(system: Any, dt: Any, L: int, discretization: str) -> tuple[np.ndarray, np.ndarray, float]:
    """C and I - A_bar^L in the basis of `to_dense`, and the worst condition number.

    Powers are kept as increments, (I + X)(I + Y) = I + X + Y + X Y, so that a small gap keeps its digits.
    """
    if not isinstance(system, (StateSpace, Diagonal, DPLR)):
        _arrays.fail("system", "be a StateSpace, Diagonal or DPLR system", f"it is {type(system).__name__}", TypeError)
    left = _arrays.count("L", L)
    dense = discretize(system, dt, discretization).to_dense()
    power = transition(dense)
    increment = np.zeros_like(power.matrix)
    while left:
        if left & 1:
            factor = power.increment()
            increment = increment + factor + increment @ factor
        left >>= 1
        power = power.squared() if left else power
    return dense.C, -increment, float(np.max(np.linalg.cond(increment)))


def _stored(system: Any, row: np.ndarray) -> np.ndarray:
    """An output vector of `to_dense` in the coordinates of the stored modes, if it is finite."""
    if not _arrays.all_finite(row):
        _arrays.fail("dt", "keep C finite where it is multiplied or divided by I - A_bar^L", "it overflows")
    pairs = getattr(system, "pairs", None)
    if pairs is None:
        return row
    return _pairs.from_coordinates(row / _pairs.unitary_scale(pairs, row.dtype), pairs).conj()
