"""Simulation in blocks of M samples, almost all of it in matrix products.

Let w_k = A_bar x_{k-1} + B_prev u_{k-1} be the state before sample k enters. Then, for FOH as for every other rule,

    w_{k+1} = A_bar w_k + F u_k,    y_k = C w_k + (C B_bar + D) u_k,    F = A_bar B_bar + B_prev,

and a block of M samples after w is one row [w, u_0, ..., u_{M-1}] times one table for the outputs (C A_bar^j above a
Toeplitz matrix of the kernel) and one for the next w (A_bar^(M-1-j) F); only w <- A_bar^M w + g goes block by block.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _arrays, _pairs
from ._block_tables import DenseParts, DiagonalParts, Tables
from ._krylov_blocks import COMPILED_ORDER
from ._parallel import in_order, over_rows, serial_blas
from ._stepping import as_modes, halves, refuse_complex
from .state_space import DiscreteDiagonal

STRIP = 64
"""Outputs of a block are computed in strips this wide, each from the inputs before its end: no product with zeros."""

SEGMENT_BYTES, ROWS_BYTES = 2**17, 2**19
"""Rows [w, u] of this size, of one signal and of all, are filled, multiplied and emptied while they are in cache."""

TABLE_BYTES = 2**22
"""Tables are built for as many heads at a time as this holds."""


def run_chunked(
    discrete: Any,
    u: np.ndarray,
    x0: np.ndarray | None,
    u_before: np.ndarray,
    block: int,
    kept: dict[Any, Any] | None = None,
    with_state: bool = True,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Outputs (..., T) and final stored states (..., N), as `_stepping.run`; `block` is M, a power of two.

    The tables of one head are put in `kept`, or found there; those of the small systems that were simulated last are
    kept in any case. States are left out where they are not asked for.
    """
    pairs = getattr(discrete, "pairs", None)
    if pairs is not None:
        refuse_complex(u=u, u_before=u_before)
        if x0 is not None:
            _pairs.require_real("x0", x0, pairs)
    dtype = np.result_type(discrete.output_dtype, u.dtype, *([] if x0 is None or pairs is not None else [x0.dtype]))
    if x0 is not None and pairs is not None:
        dtype = np.result_type(dtype, x0.real.dtype)
    is_diagonal = isinstance(discrete, DiscreteDiagonal)
    to_real, to_stored = _coordinates(pairs, is_diagonal, dtype)
    n_samples, heads = u.shape[-1], discrete.batch_shape
    parts, of_one = _prepared(discrete, dtype, block, {} if kept is None else kept)
    state = np.zeros(parts.n) if x0 is None else to_real(x0)
    batch = _arrays.batch(system=heads, u=u.shape[:-1], x0=state.shape[:-1], u_before=u_before.shape)
    n_rows, n_heads = math.prod(batch), math.prod(heads)
    _arrays.memory("u", n_rows * n_samples * dtype.itemsize)
    order = np.argsort(_arrays.row_index(heads, batch), kind="stable").reshape(n_heads, -1)  # the rows of every head
    signal = _arrays.row_index(u.shape[:-1], batch)
    signals = u.reshape(-1, n_samples)
    if parts.is_small:
        signals = _arrays.writable(signals, dtype)
    x = np.broadcast_to(state, (*batch, parts.n)).reshape(n_rows, -1).astype(dtype)
    before = np.broadcast_to(u_before, batch).reshape(n_rows).astype(dtype)
    y = np.empty((n_rows, n_samples), dtype=dtype)

    row_bytes = (parts.n + block) * dtype.itemsize
    piece = min(-(-n_samples // block), max(8, SEGMENT_BYTES // row_bytes))
    at_once = max(1, ROWS_BYTES // (piece * row_bytes))
    group = max(1, min(TABLE_BYTES // parts.table_bytes(block), at_once // order.shape[1]))

    def run(tables: Tables, rows: np.ndarray) -> None:
        for first in range(0, rows.shape[1], at_once):
            chosen = rows[:, first : first + at_once]
            w = tables.start(x[chosen], before[chosen])
            if tables.small:
                samples = _run_small(tables, signals, signal[chosen], w, y, chosen, piece)
            else:
                out = _rows(y, chosen)
                samples = _run_rows(tables, _rows(signals, signal[chosen]), w, out, piece)
                if not np.may_share_memory(y, out):
                    y[chosen] = out
            if with_state:
                x[chosen] = _finished(tables, w, samples, (n_samples - 1) % block)

    def over_heads(begin: int, end: int) -> None:
        for first in range(begin, end, group):
            last = min(first + group, end)
            run(parts.tables(first, last, block), order[first:last])

    flops = 4.0 * n_rows * n_samples * (parts.n + block)
    with np.errstate(all="ignore"), serial_blas(not parts.is_small):
        if of_one is None:
            over_rows(over_heads, n_heads, flops)
        else:
            over_rows(lambda begin, end: run(of_one, order[:, begin:end]), n_rows, flops)
    return y.reshape(*batch, n_samples), to_stored(x.reshape(*batch, -1)) if with_state else None


def _prepared(discrete: Any, dtype: np.dtype, block: int, kept: dict[Any, Any]) -> tuple[Any, Tables | None]:
    """What the tables of a system are built from, and where there is one head its tables."""
    if math.prod(discrete.batch_shape) != 1:
        return _parts(discrete, dtype), None
    if (block, dtype) not in kept:
        is_small = not isinstance(discrete, DiscreteDiagonal) and discrete.n_states <= COMPILED_ORDER[False]
        kept[block, dtype] = (_of_small if is_small else _of_one)(discrete, dtype, block)
    found: tuple[Any, Tables] = kept[block, dtype]
    return found


def _parts(discrete: Any, dtype: np.dtype) -> Any:
    if isinstance(discrete, DiscreteDiagonal):
        return DiagonalParts(discrete, dtype)
    return DenseParts(discrete.to_dense(), dtype)


def _of_one(discrete: Any, dtype: np.dtype, block: int) -> tuple[Any, Tables]:
    parts = _parts(discrete, dtype)
    with np.errstate(all="ignore"), serial_blas(not parts.is_small):
        return parts, parts.tables(0, 1, block)


_of_small = functools.lru_cache(maxsize=8)(_of_one)
"""Systems cannot change, and their tables take as long as thousands of samples."""


def _rows(array: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Rows of a matrix by their numbers (heads, signals), as a view where they follow one another or are the same."""
    first, shape = int(which.flat[0]), (*which.shape, array.shape[1])
    if (which == first).all():
        return np.broadcast_to(array[first], shape) if which.size > 1 else array[first].reshape(shape)
    if (which.reshape(-1) == np.arange(first, first + which.size)).all():
        return array[first : first + which.size].reshape(shape)
    return array[which]


def _run_rows(tables: Tables, u: np.ndarray, w: np.ndarray, y: np.ndarray, piece: int) -> np.ndarray:
    """Outputs y of signals u (heads, signals, T); w (heads, signals, n) ends as the state before the last block.

    Returns the samples of that block.
    """
    (n_heads, n_signals, n), n_samples, block = w.shape, y.shape[2], tables.inputs.shape[1]
    n_blocks, n_rows = -(-n_samples // block), n_heads * n_signals
    last = np.empty((n_heads, n_signals, n + block), dtype=w.dtype)

    def start(number: int) -> tuple[slice, np.ndarray]:
        """Samples and rows [w, u] of a piece, after which w is the state at its end."""
        begin, end = number * piece, min((number + 1) * piece, n_blocks)
        span = slice(begin * block, min(end * block, n_samples))
        given = _in_blocks(u[..., span], end - begin, block, w.dtype)
        forcing, wide = (_arrays.aligned((n_heads, n_signals, end - begin, k), w.dtype) for k in (n, n + block))
        np.matmul(given, tables.inputs[:, None], out=forcing)
        wide[..., n:] = given
        tables.hop(w, forcing, wide, end - begin)
        last[...] = wide[:, :, -1]
        return span, wide

    def respond(begun: tuple[slice, np.ndarray]) -> None:
        span, wide = begun
        out, size = y[..., span], wide.shape[2] * block
        is_whole = out.shape[2] == size
        found = (out if is_whole else np.empty((n_heads, n_signals, size), w.dtype)).reshape(*wide.shape[:3], block)
        for left in range(0, block, STRIP):
            right = min(left + STRIP, block)
            table = tables.outputs[:, None, : n + right, left:right]
            np.matmul(wide[..., : n + right], table, out=found[..., left:right])
        if not is_whole:
            out[...] = found.reshape(n_heads, n_signals, size)[..., : out.shape[2]]

    in_order(start, respond, -(-n_blocks // piece), 2.0 * n_rows * n_samples * (3 * n + block))
    w[...] = last[..., :n]
    return last[..., n:]


def _run_small(
    tables: Tables, u: np.ndarray, signal: np.ndarray, w: np.ndarray, y: np.ndarray, rows: np.ndarray, piece: int
) -> np.ndarray:
    """The same for small real matrices: rows of y (R, T) from those of u (S, T) by their numbers (heads, signals)."""
    from .compiled.blocks import in_blocks_loop

    (_, block, n), n_samples = tables.inputs.shape, y.shape[1]
    if rows.size == 1:
        _run_one(tables, u[signal[0, 0]], w[0, 0], y[rows[0, 0]], piece)
    else:
        sizes = (piece, block), (piece, n), (piece, n + block), (piece, block), (n,)
        work = [_arrays.aligned(size, w.dtype) for size in sizes]
        in_blocks_loop(tables.inputs, tables.outputs, *tables.small, u, signal, w, y, rows, *work)
    return u[signal, (n_samples - 1) // block * block :]


def _run_one(tables: Tables, u: np.ndarray, w: np.ndarray, y: np.ndarray, piece: int) -> None:
    """One signal u (T,), whose pieces begin in turn and end in whatever thread is free."""
    from .compiled.blocks import enter_loop, leave_loop

    (_, block, n), n_samples = tables.inputs.shape, y.size
    (keep, hop), samples = tables.small, piece * block
    given, forcing, work = (_arrays.aligned(size, w.dtype) for size in ((piece, block), (piece, n), (n,)))
    idle: list[tuple[np.ndarray, np.ndarray]] = []

    def start(number: int) -> tuple[slice, np.ndarray, np.ndarray]:
        span = slice(number * samples, min((number + 1) * samples, n_samples))
        sizes = (piece, n + block), (piece, block)
        wide, found = idle.pop() if idle else (_arrays.aligned(size, w.dtype) for size in sizes)
        enter_loop(tables.inputs[0], keep[0], hop[0], u[span], w, given, forcing, wide, work)
        if span.stop == n_samples:
            w[:] = wide[(span.stop - span.start - 1) // block, :n]
        return span, wide, found

    def respond(begun: tuple[slice, np.ndarray, np.ndarray]) -> None:
        span, wide, found = begun
        leave_loop(tables.outputs[0], wide, found, y[span])
        idle.append((wide, found))

    in_order(start, respond, -(-n_samples // samples), 2.0 * n_samples * (3 * n + block))


def _finished(tables: Tables, w: np.ndarray, samples: np.ndarray, used: int) -> np.ndarray:
    """The state after sample `used` of the last block, from the state before it and its samples."""
    block = tables.inputs.shape[1]
    forced = samples[..., None, :used] @ tables.inputs[:, None, block - used :]
    x = tables.power(w, used) + forced[..., 0, :]
    return x + tables.B[:, None] * samples[..., used, None]


def _in_blocks(u: np.ndarray, count: int, block: int, dtype: np.dtype) -> np.ndarray:
    """Samples (heads, signals, T) as (heads, signals, count, M), the last block padded by zeros."""
    missing = count * block - u.shape[2]
    padded = np.pad(u, [(0, 0), (0, 0), (0, missing)]) if missing else u
    return padded.astype(dtype, copy=False).reshape(*u.shape[:2], count, block)


def _coordinates(pairs: Any, is_diagonal: bool, dtype: np.dtype) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Stored states to the coordinates of the blocks, and back."""
    if pairs is None:
        return lambda x: x, lambda x: x
    if is_diagonal:
        return halves, as_modes
    scale = _pairs.unitary_scale(pairs, dtype)
    return lambda x: _pairs.realify(x, pairs), lambda x: _pairs.from_coordinates(x / scale, pairs)
