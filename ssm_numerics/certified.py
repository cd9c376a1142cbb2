"""Certified references: ball arithmetic (python-flint) that returns a midpoint and a proven error radius.

Inputs are taken as the exact numbers their floats are. The working precision is raised until every radius is below
2**-accuracy_bits times the largest entry of the result, so a certificate is never vacuous; what remains is the rounding
of the midpoint to float64. The inner loops are ball matrix products, and for DPLR systems products of power series.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from . import _arrays, _ball_series, _ball_systems, _balls
from ._ball_spectra import hippo_eigenvalues, nplr_eigenvalues, nplr_weights
from ._balls import DEFAULT_BITS, Certified
from .state_space import DPLR, Diagonal, DiscreteDiagonal, DiscreteDPLR, DiscreteStateSpace, StateSpace
from .structured import as_matrix_system

__all__ = [
    "Certified",
    "CertifiedDiscretization",
    "cauchy_product",
    "convolution_kernel",
    "discretize",
    "hippo_eigenvalues",
    "nplr_eigenvalues",
    "nplr_weights",
    "vandermonde_product",
]

CONTINUOUS = (StateSpace, Diagonal, DPLR)
DISCRETE = (DiscreteStateSpace, DiscreteDiagonal, DiscreteDPLR)


class CertifiedDiscretization(NamedTuple):
    """Certified A_bar, B_bar and, for first-order hold, B_bar_previous (else None)."""

    A_bar: Certified
    B_bar: Certified
    B_bar_previous: Certified | None


def convolution_kernel(
    system: Any,
    L: int,
    dt: Any = None,
    discretization: str = "bilinear",
    alpha: float | None = None,
    accuracy_bits: int = DEFAULT_BITS,
) -> Certified:
    """The convolution kernel K_l = C A_bar^l B_bar, l < L, with a proven error bound.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR or a discrete system
        A discrete system is expanded as it is; then leave `dt` at None.
    L : int
    dt : float or array_like, shape (...), time
    discretization : {"euler", "backward_euler", "bilinear", "gbt", "zoh", "foh"}
    alpha : float in [0, 1], only for "gbt"
    accuracy_bits : int, default 60
        Ball radii are at most 2**-accuracy_bits max|K| per head before the midpoints are rounded to float64.

    Returns
    -------
    Certified
        (mid, rad), each of shape batch + (L,); `mid` is real for real systems and conjugate-pair storage.

    Raises
    ------
    ImportError
        Without python-flint.
    ArithmeticError
        If the step makes I - alpha dt A singular, or the kernel leaves the range of float64 (OverflowError).

    Notes
    -----
    *Accuracy*: rad <= 2**-53 |K_l| + 2**-accuracy_bits max|K|, proven for the floats given. Under first-order hold
    K_0 = C B_bar and K_l = C A_bar^{l-1} (A_bar B_bar + B_bar_previous).
    *Cost*: N^3 log2 L + N^2 sqrt(L) + N L ball operations per head, 1 s at N = 128,
    L = 4096; N L for diagonal systems; (1 + r)^2 N L for DPLR systems under a GBT rule, as power series, 3 s at
    N = L = 2048.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.StateSpace([[-1.0]], [1.0], [1.0])
    >>> mid, rad = ssm.certified.convolution_kernel(system, 3, 1.0, "backward_euler")
    >>> mid
    array([0.5  , 0.25 , 0.125])
    >>> bool((rad < 1e-16).all())
    True
    """
    L = _arrays.count("L", L)
    _arrays.memory("L", 128.0 * L)
    bits = _balls.accuracy(accuracy_bits)
    system = as_matrix_system(system)
    method, alpha, dt = _step(system, dt, discretization, alpha, "discretization")
    _balls.library()

    pairs = getattr(system, "pairs", None)
    start = bits + 64 + 4 * (system.n_states * L).bit_length()

    def compute(head: dict[str, np.ndarray], step: float) -> list[list]:
        if (dt is None or alpha is not None) and _ball_series.is_cheaper(head, L):
            return [_ball_series.kernel(head, pairs, None if dt is None else step, alpha, L)]
        ball = _ball_systems.from_head(head, pairs)
        return [_ball_systems.kernel(ball if dt is None else _ball_systems.discretized(ball, step, method, alpha), L)]

    rows = []
    for head, step in _ball_systems.heads(system, dt):
        rows += _balls.certify(partial(compute, head, step), bits, start, "The kernel")
    return _stacked(rows, _ball_systems.batch_shape(system, dt))


def discretize(
    system: Any,
    dt: Any,
    method: str = "bilinear",
    alpha: float | None = None,
    accuracy_bits: int = DEFAULT_BITS,
) -> CertifiedDiscretization:
    """A_bar and B_bar of one step, with proven error bounds.

    Parameters
    ----------
    system : StateSpace, Diagonal or DPLR
    dt : float or array_like, shape (...), time
    method : {"euler", "backward_euler", "bilinear", "gbt", "zoh", "foh"}
    alpha : float in [0, 1], only for "gbt"
    accuracy_bits : int, default 60

    Returns
    -------
    CertifiedDiscretization
        A_bar (..., N, N), or its diagonal (..., N) over the stored modes of a Diagonal; B_bar (..., N); and
        B_bar_previous (..., N) for "foh". A DPLR system is returned dense, in the basis of `system.to_dense()`.

    Notes
    -----
    *Accuracy*: as `convolution_kernel`, relative to the largest entry of each array.
    *Cost*: one ball solve, O(N^3), or about twenty ball products for the exponential.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> step = ssm.certified.discretize(ssm.Diagonal([-1e-8], [1.0], [1.0]), 1.0, "zoh")
    >>> step.B_bar.mid.tolist()
    [0.999999995]
    """
    system = as_matrix_system(system)
    if not isinstance(system, CONTINUOUS):
        _arrays.fail("system", "be a continuous system", f"it is {type(system).__name__}", TypeError)
    bits = _balls.accuracy(accuracy_bits)
    method, alpha, dt = _step(system, dt, method, alpha, "method")
    pairs = getattr(system, "pairs", None)
    start = bits + 64 + 4 * system.n_states.bit_length()

    def compute(head: dict[str, np.ndarray], step: float) -> list[list]:
        ball = _ball_systems.from_head(head, pairs)
        return _ball_systems.entries(_ball_systems.discretized(ball, step, method, alpha))

    parts: list[list] = []
    for head, step in _ball_systems.heads(system, dt):
        parts.append(_balls.certify(partial(compute, head, step), bits, start, "The discretization"))
    shape = _ball_systems.batch_shape(system, dt)
    A_bar, B_bar, *previous = (_stacked(list(part), shape) for part in zip(*parts, strict=True))
    if not isinstance(system, Diagonal):
        order = system.n_states
        A_bar = Certified(*(part.reshape(*shape, order, order) for part in A_bar))
    return CertifiedDiscretization(A_bar, B_bar, previous[0] if previous else None)


def vandermonde_product(c: Any, z: Any, L: int, accuracy_bits: int = DEFAULT_BITS) -> Certified:
    """sum_n c[..., n] z[..., n]**l for l < L, with a proven error bound relative to the largest entry.

    Parameters
    ----------
    c, z : array_like, shape (..., N)
    L : int
    accuracy_bits : int, default 60

    Returns
    -------
    Certified
        (mid, rad) of shape (..., L); real if `c` and `z` are.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.certified.vandermonde_product([1.0, 1.0], [0.5, -0.5], 3).mid
    array([2. , 0. , 0.5])
    """
    L = _arrays.count("L", L)
    _arrays.memory("L", 128.0 * L)
    bits = _balls.accuracy(accuracy_bits)
    rows, shape = _rows(c=c, z=z)

    def compute(row: dict[str, np.ndarray]) -> list[list]:
        poles, weights = _balls.scalars(row["z"]), _balls.scalars(row["c"])
        ones = [type(x)(1) for x in poles]
        return [_ball_systems.kernel(_ball_systems.Modes(poles, ones, weights, False), L)]

    result = []
    for row in rows:
        result += _balls.certify(partial(compute, row), bits, bits + 64 + 4 * L.bit_length(), "The Vandermonde product")
    return _stacked(result, shape)


def cauchy_product(v: Any, z: Any, poles: Any, accuracy_bits: int = DEFAULT_BITS) -> Certified:
    """sum_n v[..., n] / (z[..., l] - poles[..., n]), with a proven error bound relative to the largest entry.

    Parameters
    ----------
    v, poles : array_like, shape (..., N)
    z : array_like, shape (..., L)
        Nodes; none may equal a pole (ArithmeticError).
    accuracy_bits : int, default 60

    Returns
    -------
    Certified
        (mid, rad) of shape (..., L); real if all arguments are.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.certified.cauchy_product([1.0, 1.0], [0.0, 3.0], [1.0, -1.0]).mid
    array([0.  , 0.75])
    """
    bits = _balls.accuracy(accuracy_bits)
    nodes = _arrays.numeric("z", z, min_ndim=1)
    rows, shape = _rows(nodes.shape[:-1], v=v, poles=poles)
    nodes = np.broadcast_to(nodes, (*shape, nodes.shape[-1])).reshape(-1, nodes.shape[-1])

    def compute(row: dict[str, np.ndarray], points: np.ndarray) -> list[list]:
        weights, roots = _balls.scalars(row["v"]), _balls.scalars(row["poles"])
        terms = list(zip(weights, roots, strict=True))
        return [[sum(w / (node - p) for w, p in terms) for node in _balls.scalars(points)]]

    result = []
    for row, points in zip(rows, nodes, strict=True):
        result += _balls.certify(partial(compute, row, points), bits, bits + 64, "The Cauchy product")
    return _stacked(result, shape)


def _step(system: Any, dt: Any, method: str, alpha: Any, name: str) -> tuple[str, float | None, np.ndarray | None]:
    """The checked rule and step of a continuous system; no step for a discrete one."""
    from .discretization import rule

    if isinstance(system, DISCRETE):
        if dt is not None:
            _arrays.fail("dt", "be None for a discrete system, which carries its step", f"it is {_arrays.shown(dt)}")
        return method, None, None
    if not isinstance(system, CONTINUOUS):
        _arrays.fail("system", "be a state space system of this package", f"it is {type(system).__name__}", TypeError)
    if dt is None:
        _arrays.fail("dt", "be given for a continuous system", "it is None", TypeError)
    method, alpha = rule(method, alpha, name)
    dt = _arrays.steps(dt)
    _arrays.batch(system=system.batch_shape, dt=dt.shape)
    return method, alpha, dt


def _rows(extra: tuple[int, ...] = (), **arrays: Any) -> tuple[list[dict[str, np.ndarray]], tuple[int, ...]]:
    """Checked vectors over a common last axis, broadcast and flattened to rows, and the batch shape."""
    checked = {name: _arrays.numeric(name, value, min_ndim=1) for name, value in arrays.items()}
    (first, one), (second, other) = checked.items()
    _arrays.trailing(second, other, (one.shape[-1],), f"`{first}`")
    shape = _arrays.batch(**{name: array.shape[:-1] for name, array in checked.items()}, others=extra)
    flat = {name: np.broadcast_to(a, (*shape, a.shape[-1])).reshape(-1, a.shape[-1]) for name, a in checked.items()}
    return [{name: array[i] for name, array in flat.items()} for i in range(len(flat[first]))], shape


def _stacked(rows: list[tuple[np.ndarray, np.ndarray]], shape: tuple[int, ...]) -> Certified:
    mid, rad = (np.stack(part).reshape(*shape, -1) for part in zip(*rows, strict=True))
    return Certified(mid, rad)
