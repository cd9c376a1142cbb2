"""Drive the compiled recurrence: lay a discrete system out for the loops, broadcast heads and signals, run the rows."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from . import _arrays, _pairs
from ._increments import transition
from ._parallel import over_rows
from .discretization import discretize, rule
from .state_space import DPLR, Diagonal, DiscreteDiagonal, DiscreteDPLR, DiscreteStateSpace, StateSpace
from .structured import DiscreteStructuredStateSpace, StructuredStateSpace

CONTINUOUS = (StateSpace, Diagonal, DPLR, StructuredStateSpace)
DISCRETE = (DiscreteStateSpace, DiscreteDiagonal, DiscreteDPLR, DiscreteStructuredStateSpace)


def as_discrete(system: Any, dt: Any, discretization: str | None, alpha: float | None) -> Any:
    """A discrete system: discretized here with `dt`, or given as such without one."""
    if isinstance(system, DISCRETE):
        for name, value in (("dt", dt), ("discretization", discretization), ("alpha", alpha)):
            if value is not None:
                _arrays.fail(name, "be omitted for a system that is already discrete", f"it is {_arrays.shown(value)}")
        return system
    if not isinstance(system, CONTINUOUS):
        _arrays.fail(
            "system", "be a continuous or discrete state space system", f"it is {type(system).__name__}", TypeError
        )
    if dt is None:
        _arrays.fail("dt", "be a positive step for a continuous system", "it is None")
    word = rule("bilinear" if discretization is None else discretization, alpha, "discretization")[0]
    return discretize(system, dt, word, alpha)


def refuse_complex(**signals: np.ndarray) -> None:
    """Conjugate pairs stand for a real system: a complex signal would need the modes that they do not store."""
    for name, signal in signals.items():
        if np.iscomplexobj(signal):
            rule = "be real for a system stored by conjugate pairs (use system.full())"
            _arrays.fail(name, rule, f"its dtype is {signal.dtype}", TypeError)


def run(
    discrete: Any,
    u: np.ndarray,
    x0: Any,
    u_before: np.ndarray,
    step: np.ndarray | None = None,
    kept: dict[Any, Any] | None = None,
) -> Any:
    """Outputs (..., T) and final stored states (..., N) of a discrete system; what can be used again is put in `kept`.

    With `step` (T,), the last leading axis of the system counts discretizations and sample k uses number step[k].
    """
    from .compiled import recurrence as compiled

    kind, arguments, batch, flops = prepared(discrete, u, x0, u_before, step, {} if kept is None else kept)
    loops: dict[str, Any] = {
        "dense": compiled.dense_loop,
        "modes": partial(compiled.modal_loop, compiled.turn_complex),
        "pairs": partial(compiled.modal_loop, compiled.turn_pairs),
        "structured": compiled.structured_loop,
    }
    *_, x, _, y = arguments
    with np.errstate(all="ignore"):
        over_rows(lambda begin, end: loops[kind](begin, end, *arguments), len(y), flops)
        y = y.reshape(*batch, u.shape[-1])
        y = y + discrete.D[..., None] * u if np.any(discrete.D) else y
    final = x.reshape(*batch, -1)
    return y, as_modes(final) if kind == "pairs" else final


def prepared(
    discrete: Any, u: np.ndarray, x0: Any, u_before: np.ndarray, step: np.ndarray | None, kept: dict[Any, Any]
) -> tuple[str, tuple[Any, ...], tuple[int, ...], float]:
    """Which loop runs a system, what it takes after the range of rows, the leading axes, and its work in flops.

    The last arguments are the signals (signals, T), the samples before them (rows,), the states (rows, n), scratch of
    that shape, and the outputs (rows, T).
    """
    pairs = getattr(discrete, "pairs", None)
    if pairs is not None:
        refuse_complex(u=u, u_before=u_before)
        if x0 is not None:
            _pairs.require_real("x0", x0, pairs)
            x0 = np.concatenate([x0.real, x0.imag], axis=-1)
    dtype = np.result_type(discrete.output_dtype, u.dtype, *([] if x0 is None else [x0.dtype]))
    if discrete.B_bar_previous is None:
        u_before = np.zeros(u_before.shape)
    elif np.iscomplexobj(u_before):
        dtype = np.result_type(dtype, np.complex64)
    heads = discrete.batch_shape if step is None else discrete.batch_shape[:-1]
    structured = isinstance(discrete, DiscreteStructuredStateSpace)
    if dtype not in kept:
        operators, C = (_structured_operators if structured else _operators)(discrete, heads, dtype)
        kept[dtype] = operators, _arrays.writable(C, dtype)
    operators, C = kept[dtype]
    initial = np.zeros(C.shape[-1]) if x0 is None else x0
    batch = _arrays.batch(system=heads, u=u.shape[:-1], x0=initial.shape[:-1], u_before=u_before.shape)
    n_rows, n_samples = math.prod(batch), u.shape[-1]
    _arrays.memory("u", n_rows * n_samples * dtype.itemsize)
    signals = _arrays.writable(u.reshape(-1, n_samples), dtype)
    x = np.array(_arrays.spread(initial, (*batch, C.shape[-1])), dtype=dtype, order="C").reshape(n_rows, -1)
    before = np.array(_arrays.spread(u_before, batch), dtype=dtype).reshape(n_rows)
    y = np.empty((n_rows, n_samples), dtype=dtype)
    shapes = u.shape, batch
    if step is not None or kept.get("shapes") != shapes:
        rows = _arrays.row_index(heads, batch), _arrays.row_index(u.shape[:-1], batch), _runs(step, n_samples)
        kept |= {"shapes": shapes, "rows": rows}
    rows = kept["rows"]
    work = np.empty((n_rows, x.shape[1]), dtype=dtype)
    if structured:
        kind, per_sample = "structured", 30.0 * x.shape[1]
    elif isinstance(discrete, DiscreteStateSpace):
        kind, per_sample = "dense", 2.0 * x.shape[1] ** 2
    else:
        kind, per_sample = "modes" if pairs is None else "pairs", 8.0 * x.shape[1] * (1 + operators[1].shape[2])
    arguments = (*rows, *operators, C, signals, before, x, work, y)
    return kind, arguments, batch, per_sample * n_rows * n_samples


def _runs(step: np.ndarray | None, n_samples: int) -> np.ndarray:
    """First sample, end and number of every run of samples that use the same discretization, (R, 3)."""
    if step is None:
        return np.array([[0, n_samples, 0]])
    edges = np.concatenate([[0], np.flatnonzero(np.diff(step)) + 1, [n_samples]])
    return _arrays.writable(np.stack([edges[:-1], edges[1:], step[edges[:-1]]], axis=-1), np.int64)


def _operators(discrete: Any, heads: tuple[int, ...], dtype: np.dtype) -> tuple[list[np.ndarray], np.ndarray]:
    """The arrays the compiled loops read, flattened to (heads, steps, ...), and C as (heads, n)."""

    steps = discrete.batch_shape[len(heads) :]

    def by_step(array: np.ndarray, axes: int) -> np.ndarray:
        """With an axis of steps before the last ones, of one step where the system has none."""
        return (
            array if steps else array.reshape(*array.shape[: array.ndim - axes], 1, *array.shape[array.ndim - axes :])
        )

    def flat(array: np.ndarray, axes: int) -> np.ndarray:
        shape = *(steps or (1,)), *array.shape[array.ndim - axes :]
        whole = _arrays.spread(by_step(array, axes), (*heads, *shape))
        return _arrays.writable(whole.reshape(math.prod(heads), *shape), dtype)

    B_prev = np.zeros_like(discrete.B_bar) if discrete.B_bar_previous is None else discrete.B_bar_previous
    if isinstance(discrete, DiscreteStateSpace):
        held = transition(discrete)
        vectors = [flat(v, 1) for v in (discrete.B_bar, B_prev)]
        return [flat(held.keep[..., 0, 0], 0), flat(held.matrix, 2), *vectors], flat(discrete.C, 1)[:, 0]
    keep, z = smaller_modes(discrete)
    none = np.zeros((z.shape[-1], 0), dtype=z.dtype)
    P, Q = (discrete.P_bar, discrete.Q_bar) if isinstance(discrete, DiscreteDPLR) else (none, none)
    P, Q, C, vectors = P.mT, Q.mT.conj(), discrete.C, [z, discrete.B_bar, B_prev]
    if discrete.pairs is not None:
        vectors = [part for vector in vectors for part in (vector.real, vector.imag)]
        P, Q, C = halves(P), halves(discrete.weights * Q, conjugate=True), halves(discrete.weights * C, conjugate=True)
    vectors = [keep, *vectors]
    modes = np.empty((*heads, *(steps or (1,)), len(vectors), z.shape[-1]), dtype=dtype)
    for place, vector in enumerate(vectors):
        modes[..., place, :] = by_step(vector, 1)
    return [modes.reshape(-1, *modes.shape[-3:]), flat(P, 2), flat(Q, 2)], flat(C, 1)[:, 0]


def _structured_operators(discrete: Any, heads: tuple[int, ...], dtype: np.dtype) -> tuple[list[Any], np.ndarray]:
    """The generators of A, and per head the step, its LU factors, and C."""
    operator, n = discrete.operator, discrete.operator.N
    C = np.ascontiguousarray(np.broadcast_to(discrete.C, (*heads, n)).reshape(-1, n), dtype=dtype)
    dt = np.array(np.broadcast_to(discrete.dt, heads)).reshape(-1)
    factors = np.array(np.broadcast_to(discrete.factors(), (*heads, 3, n))).reshape(-1, 3, n)
    return [operator._structure.generators, factors, dt, discrete.alpha, operator.B], C


def smaller_modes(discrete: Any) -> tuple[np.ndarray, np.ndarray]:
    """Every pole as keep + z with keep 0 or 1, whichever makes z smaller."""
    if discrete.increment is None:
        return np.zeros_like(discrete.Lambda_bar.real), discrete.Lambda_bar
    smaller = np.abs(discrete.increment) < np.abs(discrete.Lambda_bar)
    return smaller.astype(discrete.C.real.dtype), np.where(smaller, discrete.increment, discrete.Lambda_bar)


def halves(v: np.ndarray, conjugate: bool = False) -> np.ndarray:
    """Real and imaginary parts side by side; `conjugate` makes the plain product with a state Re(sum v x)."""
    return np.concatenate([v.real, -v.imag if conjugate else v.imag], axis=-1)


def as_modes(halves: np.ndarray) -> np.ndarray:
    n_modes = halves.shape[-1] // 2
    modes = np.empty((*halves.shape[:-1], n_modes), dtype=_arrays.complex_dtype(halves.dtype))
    modes.real, modes.imag = halves[..., :n_modes], halves[..., n_modes:]
    return modes
