"""The recurrent view: run a discretized system over a signal, sample by sample, with the state carried."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from . import _arrays, _pairs
from ._increments import transition
from ._parallel import over_rows
from .discretization import discretize
from .state_space import DPLR, Diagonal, DiscreteDiagonal, DiscreteDPLR, DiscreteStateSpace, StateSpace

CONTINUOUS = (StateSpace, Diagonal, DPLR)
DISCRETE = (DiscreteStateSpace, DiscreteDiagonal, DiscreteDPLR)


def simulate(
    system: Any,
    u: Any,
    dt: Any = None,
    discretization: str | None = None,
    *,
    alpha: float | None = None,
    x0: Any = None,
    u_before: Any = 0.0,
    return_state: bool = False,
    method: str = "auto",
    axis: int = -1,
) -> Any:
    """The response y_k = C x_k + D u_k, x_k = A_bar x_{k-1} + B_bar u_k, of a system to a sampled signal.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR, or one of their discrete twins
    u : array_like, shape (..., T) with time along `axis`
        One signal for all heads, one per head, or many per head: the axes other than time broadcast with the system's
        leading axes, so u of shape (T, P) with axis=0 drives P heads, or P copies of one head.
    dt, discretization, alpha
        As in `discretize` ("bilinear" by default) for a continuous system; must be omitted for a discrete one.
    x0 : array_like, shape (..., N), default 0
        State before the first sample, in the stored basis of `system` (complex modes for conjugate-pair storage).
    u_before : array_like, shape (...), default 0
        The input before the first sample, which only FOH reads.
    return_state : bool
        Return (y, x) with the state x (..., N) after the last sample, ready to be the next call's x0.
    method : {"auto", "recurrence"}
    axis : int
        Time axis of `u` and `y`.

    Returns
    -------
    y : ndarray, real for real systems and signals
        Shape of `u` broadcast with the heads; time stays along `axis`.

    Raises
    ------
    ValueError, TypeError
        For shapes that do not broadcast, NaN in `u`, or a complex signal into a system stored by conjugate pairs.

    Notes
    -----
    *Accuracy*: each step commits a relative error of at most (N + 3) eps of ||A_bar|| ||x|| + ||B_bar|| |u|; a signal cut
    into blocks, with x0 carried, gives the same bits as the whole.
    *Cost*: 2 N^2 T flops dense, 8 N T diagonal, 8 N (1 + r) T DPLR per row, in parallel over rows.

    References
    ----------
    [S4] Theorem 2 and Appendix C.2.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.Diagonal([-1.0], [1.0], [1.0])
    >>> ssm.simulate(system, [1.0, 1.0, 1.0], 0.5, "backward_euler").round(4)
    array([0.3333, 0.5556, 0.7037])
    """
    _arrays.choice("method", method, ("auto", "recurrence"))
    modes = system.pairs if isinstance(system, (Diagonal, DPLR)) else None
    discrete = as_discrete(system, dt, discretization, alpha)
    signal = time_last("u", u, axis)
    start = None if x0 is None else _arrays.numeric("x0", x0, min_ndim=1)
    stored = system.C.shape[-1]
    if start is not None:
        _arrays.trailing("x0", start, (stored,), f"the system's {stored} stored states")
    in_coordinates = modes is not None and isinstance(discrete, DiscreteStateSpace)
    if in_coordinates:
        discrete = _unscaled(discrete, modes)
        start = None if start is None else _pairs.coordinates(start, modes)
    y, x = run(discrete, signal, start, _arrays.numeric("u_before", u_before))
    y = np.moveaxis(y, -1, axis) if y.ndim else y
    if not return_state:
        return y
    return y, _pairs.from_coordinates(x, modes) if in_coordinates else x


def as_discrete(system: Any, dt: Any, discretization: str | None, alpha: float | None) -> Any:
    """A discrete system: discretized here with `dt`, or given as such without one."""
    if isinstance(system, CONTINUOUS):
        if dt is None:
            _arrays.fail("dt", "be a positive step for a continuous system", "it is None")
        return discretize(system, dt, "bilinear" if discretization is None else discretization, alpha)
    if not isinstance(system, DISCRETE):
        _arrays.fail("system", "be a continuous or discrete state space system", f"it is {type(system).__name__}", TypeError)
    for name, value in (("dt", dt), ("discretization", discretization), ("alpha", alpha)):
        if value is not None:
            _arrays.fail(name, "be omitted for a system that is already discrete", f"it is {value!r}")
    return system


def _unscaled(discrete: DiscreteStateSpace, pairs: np.ndarray) -> DiscreteStateSpace:
    """The dense form of a DPLR system in plain coordinates, so that states are carried over exactly, without sqrt 2."""
    scale = _pairs.unitary_scale(pairs, discrete.dtype)
    inputs = [b if b is None else b / scale for b in (discrete.B_bar, discrete.B_bar_previous)]
    matrices = [m if m is None else m * scale / scale[:, None] for m in (discrete.A_bar, discrete.increment)]
    C = discrete.C * scale
    return DiscreteStateSpace(matrices[0], inputs[0], C, discrete.D, discrete.dt, inputs[1], matrices[1])


def time_last(name: str, u: Any, axis: int) -> np.ndarray:
    """A signal with its time axis moved to the end."""
    signal = _arrays.numeric(name, u, min_ndim=1)
    if not -signal.ndim <= axis < signal.ndim:
        _arrays.fail("axis", f"be an axis of `{name}`", f"it is {axis} and `{name}` has shape {signal.shape}")
    return np.moveaxis(signal, axis, -1)


def run(discrete: Any, u: np.ndarray, x0: Any, u_before: np.ndarray, step: np.ndarray | None = None) -> Any:
    """Outputs (..., T) and final stored states (..., N) of a discrete system.

    With `step` (T,), the last leading axis of the system counts discretizations and sample k uses number step[k].
    """
    from .compiled import recurrence as compiled

    pairs = getattr(discrete, "pairs", None)
    if pairs is not None:
        if np.iscomplexobj(u) or np.iscomplexobj(u_before):
            found = f"its dtype is {u.dtype}"
            _arrays.fail("u", "be real for a system stored by conjugate pairs (use system.full())", found, TypeError)
        if x0 is not None:
            _pairs.require_real("x0", x0, pairs)
            x0 = np.concatenate([x0.real, x0.imag], axis=-1)
    dtype = np.result_type(discrete.output_dtype, u.dtype, *([] if x0 is None else [x0.dtype]))
    heads = discrete.batch_shape if step is None else discrete.batch_shape[:-1]
    operators, C = _operators(discrete, heads, dtype)
    initial = np.zeros(C.shape[-1]) if x0 is None else x0
    batch = _arrays.batch(system=heads, u=u.shape[:-1], x0=initial.shape[:-1], u_before=u_before.shape)
    n_rows, n_samples = math.prod(batch), u.shape[-1]
    _arrays.memory("u", n_rows * n_samples * dtype.itemsize)
    signals = np.ascontiguousarray(u.reshape(-1, n_samples), dtype=dtype)
    x = np.array(np.broadcast_to(initial, (*batch, C.shape[-1])), dtype=dtype).reshape(n_rows, -1)
    before = np.array(np.broadcast_to(u_before, batch), dtype=dtype).reshape(n_rows)
    y = np.empty((n_rows, n_samples), dtype=dtype)
    which = np.zeros(n_samples, dtype=np.int64) if step is None else step
    rows = (_index(heads, batch), _index(u.shape[:-1], batch), which)
    if isinstance(discrete, DiscreteStateSpace):
        loop, width = partial(compiled.dense_loop, discrete.increment is not None), x.shape[1]
    else:
        rotate = compiled.rotate_complex if pairs is None else compiled.rotate_pairs
        loop, width = partial(compiled.modal_loop, rotate), operators[1].shape[2]
    work = np.empty((n_rows, width), dtype=dtype)
    flops = 2.0 * n_rows * n_samples * operators[0][0, 0].size + 6.0 * n_rows * n_samples * x.shape[1] * (1 + width)
    with np.errstate(all="ignore"):
        over_rows(lambda begin, end: loop(begin, end, *rows, *operators, C, signals, before, x, work, y), n_rows, flops)
        y = y.reshape(*batch, n_samples) + discrete.D[..., None] * u if np.any(discrete.D) else y.reshape(*batch, n_samples)
    final = x.reshape(*batch, -1)
    return y, final if pairs is None else _as_modes(final)


def _operators(discrete: Any, heads: tuple[int, ...], dtype: np.dtype) -> tuple[list[np.ndarray], np.ndarray]:
    """The arrays the compiled loops read, flattened to (heads, steps, ...), and C as (heads, n)."""

    def flat(array: np.ndarray, axes: int) -> np.ndarray:
        trailing = array.shape[array.ndim - axes :]
        steps = discrete.batch_shape[len(heads) :] or (1,)
        array = array if discrete.batch_shape[len(heads) :] else np.expand_dims(array, -1 - axes)
        whole = np.broadcast_to(array, (*heads, *steps, *trailing))
        return np.ascontiguousarray(whole.reshape(math.prod(heads), *steps, *trailing), dtype=dtype)

    B_prev = np.zeros_like(discrete.B_bar) if discrete.B_bar_previous is None else discrete.B_bar_previous
    if isinstance(discrete, DiscreteStateSpace):
        return [flat(transition(discrete).matrix.mT, 2), flat(discrete.B_bar, 1), flat(B_prev, 1)], flat(discrete.C, 1)[:, 0]
    z = discrete.Lambda_bar
    none = np.zeros((z.shape[-1], 0), dtype=z.dtype)
    P, Q = (discrete.P_bar, discrete.Q_bar) if isinstance(discrete, DiscreteDPLR) else (none, none)
    P, Q, C = P.mT, Q.mT.conj(), discrete.C
    if discrete.pairs is None:
        z = z[..., None, :]
        return [flat(z, 2), flat(P, 2), flat(Q, 2), flat(discrete.B_bar, 1), flat(B_prev, 1)], flat(C, 1)[:, 0]
    weighted = [flat(_halves(discrete.weights * row, conjugate=True), axes) for row, axes in ((Q, 2), (C, 1))]
    z = np.stack([z.real, z.imag], axis=-2)
    vectors = [flat(_halves(v), 1) for v in (discrete.B_bar, B_prev)]
    return [flat(z, 2), flat(_halves(P), 2), weighted[0], *vectors], weighted[1][:, 0]


def _halves(v: np.ndarray, conjugate: bool = False) -> np.ndarray:
    """Real and imaginary parts side by side; `conjugate` makes the plain product with a state Re(sum v x)."""
    return np.concatenate([v.real, -v.imag if conjugate else v.imag], axis=-1)


def _as_modes(halves: np.ndarray) -> np.ndarray:
    n_modes = halves.shape[-1] // 2
    modes = np.empty((*halves.shape[:-1], n_modes), dtype=_arrays.complex_dtype(halves.dtype))
    modes.real, modes.imag = halves[..., :n_modes], halves[..., n_modes:]
    return modes


def _index(shape: tuple[int, ...], batch: tuple[int, ...]) -> np.ndarray:
    """For every row of the batch, the number of the entry of a smaller array that broadcasts to it."""
    numbers = np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
    return np.ascontiguousarray(np.broadcast_to(numbers, batch)).reshape(-1)
