"""The circle of nodes of Algorithm 1 ([S4]): its distance to the poles, and the conditioning of the truncation."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._matrices import doubled, is_diagonal
from ._results import Number
from .state_space import DPLR, Diagonal, StateSpace
from .structured import as_matrix_system


@dataclass(frozen=True)
class NodePoleDistance(Number):
    """The least |1 - z_n omega_k| over poles z_n and nodes omega_k = radius e^{-2 pi i k/L}, and where it occurs."""

    value: float
    radius: float
    pole: complex
    node: int


def node_pole_distance(
    system: Any,
    dt: Any,
    L: int,
    radius: float | None = None,
    discretization: str = "bilinear",
    alpha: float | None = None,
) -> NodePoleDistance:
    """How close the nodes of Algorithm 1 come to the poles of the sums it evaluates there.

    Parameters
    ----------
    system : StateSpace, Diagonal or DPLR
    dt : float or array_like, shape (...), time
    L : int
    radius : float, optional
        Of the circle of nodes; by default r^L = 1/2.
    discretization : str, default "bilinear"
    alpha : float, only for "gbt"

    Returns
    -------
    NodePoleDistance

    Notes
    -----
    The poles are those of the diagonal part of a DPLR system under a GBT rule, and those of A_bar otherwise. A distance
    d loses about log10(1/d) digits; on r^L = 1/2 it is at least 1 - r = log(2)/L for poles in the unit disc.
    *Accuracy*: absolute error a few u. *Cost*: O(N) after the poles.

    References
    ----------
    [S4] Algorithm 1.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.Diagonal([-1.0], [1.0], [1.0])
    >>> round(float(ssm.node_pole_distance(system, 1.0, 8, radius=1.0)), 6)
    0.666667
    """
    poles = discrete_poles(system, dt, discretization, alpha)[1]
    return distance(poles, _arrays.count("L", L), radius)


def distance(poles: np.ndarray, L: int, radius: float | None) -> NodePoleDistance:
    """The least |1 - z omega_k|; only the two nodes next to a pole in angle can be the nearest ones."""
    r = 0.5 ** (1 / L) if radius is None else _arrays.real_number("radius", radius, above=0.0)
    z = poles.ravel()
    nearest = np.floor(np.angle(z) * L / (2 * np.pi))
    k = np.stack([nearest, nearest + 1]) % L
    distances = np.abs(1 - z * (r * np.exp(-2j * np.pi * (k / L))))
    row, n = np.unravel_index(int(np.argmin(distances)), distances.shape)
    return NodePoleDistance(float(distances[row, n]), r, complex(z[n]), int(k[row, n]))


def discrete_poles(system: Any, dt: Any, discretization: str, alpha: float | None) -> tuple[Any, np.ndarray]:
    """The discretized system in double precision, and the poles Algorithm 1 meets."""
    from .discretization import discretize, rule

    system = as_matrix_system(system)
    if not isinstance(system, (StateSpace, Diagonal, DPLR)):
        _arrays.fail("system", "be a continuous state space system", f"it is {type(system).__name__}", TypeError)
    system = doubled(system)
    parameter = rule(discretization, alpha, "discretization")[1]
    with warnings.catch_warnings():  # stability is part of the report
        warnings.simplefilter("ignore", _arrays.UnstableDiscretizationWarning)
        discrete = discretize(system, dt, discretization, alpha)
    if isinstance(system, DPLR) and parameter is not None:
        h = _arrays.steps(dt)[..., None] * system.full().Lambda
        return discrete, (1 + (1 - parameter) * h) / (1 - parameter * h)
    return discrete, discrete.poles()


def truncation_condition(A_bar: np.ndarray, L: int, factor: float) -> float:
    """cond_2(I - factor A_bar^L); infinite if singular to working precision or out of range."""
    with np.errstate(all="ignore"):
        if is_diagonal(A_bar):
            values = np.abs(1 - factor * np.diagonal(A_bar) ** L)
            return float(values.max() / values.min()) if values.min() else np.inf
        matrix = np.eye(len(A_bar)) - factor * np.linalg.matrix_power(A_bar, L)
        return float(np.linalg.cond(matrix)) if np.isfinite(matrix).all() else np.inf
