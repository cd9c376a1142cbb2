"""The circle of nodes of Algorithm 1 ([S4]): its distance to the poles, and the conditioning of the truncation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._matrices import UNIT, dense_matrix, doubled, is_diagonal
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
    omega: complex

    def plot(self, ax: Any = None) -> Any:
        """Draw the circle of nodes, the nearest node and the inverse of the pole; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.node_pole_distance(self, ax)


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
    node = int(k[row, n])
    omega = complex(r * np.exp(-2j * np.pi * (node / L)))
    return NodePoleDistance(float(distances[row, n]), r, complex(z[n]), node, omega)


@dataclass(frozen=True)
class TruncationCondition(Number):
    """What the radius of Algorithm 1 costs, over factors q = r^L.

    `conditions` are cond_2(I - q A_bar^L), `magnification` = 1/q is what r^{-l} multiplies the last samples' rounding
    with, `distances` those of nodes to poles. `amplification` is conditions/q, divided by L distances (at least u)
    where these are below one. `value` is the least amplification, at `recommended_factor` and `recommended_radius`;
    `at_half` is that of q = 1/2.
    """

    value: float
    factors: np.ndarray
    conditions: np.ndarray
    magnification: np.ndarray
    distances: np.ndarray
    amplification: np.ndarray
    recommended_factor: float
    recommended_radius: float
    at_half: float

    def plot(self, ax: Any = None) -> Any:
        """Draw the three against q; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.truncation_condition(self, ax)


def truncation_condition(
    system: Any, dt: Any, L: int, factors: Any = None, discretization: str = "bilinear", alpha: float | None = None
) -> TruncationCondition:
    """cond(I - r^L A_bar^L) over the radius r of Algorithm 1, and the radius that costs least.

    Parameters
    ----------
    system : StateSpace, Diagonal or DPLR
    dt : float or array_like, shape (...), time
    L : int
    factors : array_like, shape (F,), optional
        q = r^L to look at; by default 57 between 1e-8 and 1.
    discretization : str, default "bilinear"
    alpha : float, only for "gbt"

    Returns
    -------
    TruncationCondition
        Of several heads the worst.

    Notes
    -----
    If |A_bar| <= 1, cond <= (1 + q)/(1 - q), and (1 + q)/(q (1 - q)) is least at q = sqrt(2) - 1, where it is 3 + 2
    sqrt(2) = 5.83; at q = 1/2, the circle of this package, it is 6. Poles in the unit disk are farther than log(1/q)/L
    from the nodes, which costs no more than 1/log(2) = 1.44 at q = 1/2, and everything at q = 1.

    *Accuracy*: conditions to N u cond relative. *Cost*: one power, and one singular value decomposition per factor.

    References
    ----------
    [S4] Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> import ssm_numerics as ssm
    >>> result = ssm.truncation_condition(ssm.Diagonal([-1.0, -2.0], [1.0, 1.0], [1.0, 1.0]), 0.1, 8)
    >>> bool(1.0 <= float(result) <= result.at_half <= 6 / np.log(2))
    True
    """
    L = _arrays.count("L", L)
    grid = np.append(np.geomspace(1e-8, 0.1, 29), np.linspace(0.1, 1.0, 29)[1:]) if factors is None else None
    q = _arrays.numeric("factors", factors, min_ndim=1, real=True).astype(float) if grid is None else grid
    if q.ndim != 1:
        _arrays.fail("factors", "have one dimension", f"its shape is {q.shape}")
    if not (q > 0).all():
        _arrays.fail("factors", "be positive", f"the least is {q.min()}")
    discrete, poles = discrete_poles(system, dt, discretization, alpha)
    matrices = dense_matrix(discrete)
    matrices = matrices.reshape(-1, *matrices.shape[-2:])
    powers = [_power(m, L) for m in matrices]

    def worst(factor: float) -> float:
        return max(_condition(power, factor) for power in powers)

    def cost(factor: np.ndarray, condition: np.ndarray, gap: np.ndarray) -> np.ndarray:
        return condition / factor / np.clip(L * gap, UNIT, 1.0)

    conditions = np.array([worst(factor) for factor in q.tolist()])
    distances = np.array([float(distance(poles, L, factor ** (1 / L))) for factor in q.tolist()])
    with np.errstate(over="ignore"):
        amplification, magnification = cost(q, conditions, distances), 1 / q
    half = cost(np.array(0.5), np.array(worst(0.5)), np.array(float(distance(poles, L, None))))
    best = int(np.argmin(amplification))
    return TruncationCondition(
        value=float(amplification[best]),
        factors=q,
        conditions=conditions,
        magnification=magnification,
        distances=distances,
        amplification=amplification,
        recommended_factor=float(q[best]),
        recommended_radius=float(q[best] ** (1 / L)),
        at_half=float(half),
    )


def discrete_poles(system: Any, dt: Any, discretization: str, alpha: float | None) -> tuple[Any, np.ndarray]:
    """The discretized system in double precision, and the poles Algorithm 1 meets."""
    from .discretization import discretize, rule

    system = as_matrix_system(system)
    if not isinstance(system, (StateSpace, Diagonal, DPLR)):
        _arrays.fail("system", "be a continuous state space system", f"it is {type(system).__name__}", TypeError)
    system = doubled(system)
    parameter = rule(discretization, alpha, "discretization")[1]
    with _arrays.unwarned():  # stability is part of the report
        discrete = discretize(system, dt, discretization, alpha)
    if isinstance(system, DPLR) and parameter is not None:
        h = _arrays.steps(dt)[..., None] * system.full().Lambda
        return discrete, (1 + (1 - parameter) * h) / (1 - parameter * h)
    return discrete, discrete.poles()


def _power(A_bar: np.ndarray, L: int) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.diag(np.diagonal(A_bar) ** L) if is_diagonal(A_bar) else np.linalg.matrix_power(A_bar, L)


def _condition(power: np.ndarray, factor: float) -> float:
    """cond_2(I - factor A_bar^L); infinite if singular to working precision or out of range."""
    with np.errstate(all="ignore"):
        matrix = np.eye(len(power)) - factor * power
        if is_diagonal(power):
            values = np.abs(np.diagonal(matrix))
            return float(values.max() / values.min()) if values.min() else np.inf
        return float(np.linalg.cond(matrix)) if np.isfinite(matrix).all() else np.inf
