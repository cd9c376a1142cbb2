"""Simulation in blocks of M samples, almost all of it in matrix products.

Let w_k = A_bar x_{k-1} + B_prev u_{k-1} be the state before sample k enters. Then, for FOH as for every other rule,

    w_{k+1} = A_bar w_k + F u_k,    y_k = C w_k + (C B_bar + D) u_k,    F = A_bar B_bar + B_prev,

and a block of M samples after w is one row [w, u_0, ..., u_{M-1}] times one table for the outputs (C A_bar^j above a
Toeplitz matrix of the kernel) and one for the next w (A_bar^(M-1-j) F); only w <- A_bar^M w + g goes block by block.
The tables are built by doubling with powers in the delta form, so they carry no more rounding than M steps would.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from . import _arrays, _pairs
from ._increments import Power, transition
from ._parallel import over_rows, serial_blas
from ._stepping import as_modes, halves, refuse_complex, smaller_modes
from .state_space import DiscreteDiagonal, DiscreteStateSpace

STRIP = 64
"""Outputs of a block are computed in strips this wide, each from the inputs before its end: no product with zeros."""

SEGMENT_BYTES = 2**18
"""Rows [w, u] of this size are filled, multiplied and emptied while they are in cache."""

TABLE_BYTES = 2**22
"""Tables are built for as many heads at a time as this holds."""

LONG_SEGMENT_BYTES = 2**24
"""The states of so many blocks of one signal are computed at once, divided among threads in time."""


@dataclass(frozen=True)
class Tables:
    """What a few heads need: products per block, the hop from block to block, and powers below M for the last block."""

    inputs: np.ndarray  # (heads, M, n): row j is A_bar^(M-1-j) F
    outputs: np.ndarray  # (heads, n + M, M): C A_bar^j above the Toeplitz matrix of the kernel
    hop: Callable[[np.ndarray, np.ndarray, int], None]  # (x, rows, count), see compiled.blocks
    power: Callable[[np.ndarray, int], np.ndarray]  # (w, r) -> A_bar^r w for w (heads, signals, n)
    start: Callable[[np.ndarray, np.ndarray], np.ndarray]  # (x_{-1}, u_{-1}) -> w_0
    B: np.ndarray  # (heads or 1, n)


def run_chunked(
    discrete: Any,
    u: np.ndarray,
    x0: np.ndarray | None,
    u_before: np.ndarray,
    block: int,
    kept: dict[Any, Any] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (..., T) and final stored states (..., N), as `_stepping.run`; `block` is M, a power of two.

    The tables of one head are put in `kept`, or found there.
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
    parts = DiagonalParts(discrete, dtype) if is_diagonal else DenseParts(discrete.to_dense(), dtype)
    state = np.zeros(parts.n) if x0 is None else to_real(x0)
    batch = _arrays.batch(system=heads, u=u.shape[:-1], x0=state.shape[:-1], u_before=u_before.shape)
    n_rows, n_heads = math.prod(batch), math.prod(heads)
    _arrays.memory("u", n_rows * n_samples * dtype.itemsize)
    order = np.argsort(_arrays.row_index(heads, batch), kind="stable").reshape(n_heads, -1)  # the rows of every head
    signal = _arrays.row_index(u.shape[:-1], batch)
    signals = u.reshape(-1, n_samples)
    x = np.broadcast_to(state, (*batch, parts.n)).reshape(n_rows, -1).astype(dtype)
    before = np.broadcast_to(u_before, batch).reshape(n_rows).astype(dtype)
    y = np.empty((n_rows, n_samples), dtype=dtype)

    def run(tables: Tables, chosen: np.ndarray) -> None:
        w = tables.start(x[chosen], before[chosen])
        _run_rows(tables, signals, signal[chosen], w, y, chosen)
        x[chosen] = w

    per_table = parts.table_bytes(block)
    group = max(1, TABLE_BYTES // per_table)

    def over_heads(begin: int, end: int) -> None:
        for first in range(begin, end, group):
            last = min(first + group, end)
            run(parts.tables(first, last, block), order[first:last])

    flops = 4.0 * n_rows * n_samples * (parts.n + block)
    with np.errstate(all="ignore"), serial_blas():
        if n_heads > 1:
            over_rows(over_heads, n_heads, flops)
        else:
            tables = None if kept is None else kept.get((block, dtype))
            if tables is None:
                tables = parts.tables(0, 1, block)
            if kept is not None:
                kept[block, dtype] = tables
            over_rows(lambda begin, end: run(tables, order[:, begin:end]), n_rows, flops)
    return y.reshape(*batch, n_samples), to_stored(x.reshape(*batch, -1))


def _run_rows(
    tables: Tables, signals: np.ndarray, which: np.ndarray, w: np.ndarray, y: np.ndarray, rows: np.ndarray
) -> None:
    """Outputs of rows (heads, signals) of y from signals[which]; w (heads, signals, n) ends as the state after all."""
    (n_heads, n_signals, n), n_samples, block = w.shape, y.shape[1], tables.inputs.shape[1]
    n_blocks = -(-n_samples // block)
    piece = min(n_blocks, max(8, SEGMENT_BYTES // ((n + block) * w.itemsize * n_heads * n_signals)))
    alone = len(signals) == len(y) == 1  # one long signal is divided among threads in time
    segment = min(n_blocks, LONG_SEGMENT_BYTES // (n * w.itemsize) + 1) if alone else piece
    states = np.empty((n_heads, n_signals, segment, n), dtype=w.dtype)
    for first in range(0, n_blocks, segment):
        count = min(segment, n_blocks - first)

        def inputs(begin: int, end: int, first: int = first) -> np.ndarray:
            """Samples of blocks begin to end of this segment, (heads, signals, blocks, M), the last padded by zeros."""
            span = slice((first + begin) * block, (first + end) * block)
            given = (signals[None, :, span] if alone else signals[which, span]).astype(w.dtype, copy=False)
            missing = (end - begin) * block - given.shape[-1]
            given = np.pad(given, [(0, 0), (0, 0), (0, missing)]) if missing else given
            return given.reshape(n_heads, n_signals, end - begin, block)

        def force(begin: int, end: int, inputs: Any = inputs) -> None:
            np.matmul(inputs(begin, end), tables.inputs[:, None], out=states[:, :, begin:end])

        def respond(begin: int, end: int, inputs: Any = inputs, first: int = first) -> None:
            size = min(piece, end - begin)
            wide = np.empty((n_heads, n_signals, size, n + block), dtype=w.dtype)
            found = np.empty((n_heads, n_signals, size, block), dtype=w.dtype)
            for start in range(begin, end, size):
                stop = min(start + size, end)
                given, out = wide[:, :, : stop - start], found[:, :, : stop - start]
                given[..., :n], given[..., n:] = states[:, :, start:stop], inputs(start, stop)
                for left in range(0, block, STRIP):
                    right = min(left + STRIP, block)
                    used, table = given[..., : n + right], tables.outputs[:, None, : n + right, left:right]
                    np.matmul(used, table, out=out[..., left:right])
                span = slice((first + start) * block, min((first + stop) * block, n_samples))
                y[rows, span] = out.reshape(n_heads, n_signals, -1)[..., : span.stop - span.start]

        over_rows(force, count, 2.0 * count * n * block if alone else 0)
        tables.hop(w, states, count)
        over_rows(respond, count, 2.0 * count * (n + block) * block if alone else 0)
    used, last = (n_samples - 1) % block, inputs(count - 1, count)[:, :, 0]
    w[...] = tables.power(states[:, :, count - 1], used)
    w += last[..., :used] @ tables.inputs[:, block - used :]
    w += tables.B[:, None] * last[..., used, None]


class DenseParts:
    """The tables of systems with a matrix, for any range of heads; what all heads share is kept once."""

    def __init__(self, discrete: DiscreteStateSpace, dtype: np.dtype) -> None:
        self.n, self._heads = discrete.C.shape[-1], discrete.batch_shape
        held = transition(discrete)
        previous = np.zeros_like(discrete.B_bar) if discrete.B_bar_previous is None else discrete.B_bar_previous
        self._matrix = self._flat(held.matrix, 2, dtype)
        self._keep = self._flat(held.keep, 2, dtype)
        self._B, self._previous, self._C = (self._flat(v, 1, dtype) for v in (discrete.B_bar, previous, discrete.C))
        self._D = self._flat(discrete.D, 0, dtype)
        self._powers: dict[int, list[Power]] = {}

    def _flat(self, array: np.ndarray, axes: int, dtype: np.dtype) -> np.ndarray:
        """Leading axes as one, of length 1 where all heads share the array."""
        own = array.shape[array.ndim - axes :]
        lead = self._heads if math.prod(array.shape[: array.ndim - axes]) > 1 else ()
        array = array if lead else array.reshape(own)
        return np.broadcast_to(array, (*lead, *own)).reshape(-1, *own).astype(dtype, copy=False)

    def table_bytes(self, block: int) -> int:
        """The size of one head's tables."""
        powers = self.n**2 * (2 + int(math.log2(block)))
        return self._matrix.itemsize * (powers + 2 * self.n * block + block**2)

    def _doublings(self, first: int, last: int, block: int) -> list[Power]:
        """A_bar, its square, ..., A_bar^M."""
        key = block if len(self._matrix) == 1 else -1
        if key in self._powers:
            return self._powers[key]
        powers = [Power(_part(self._matrix, first, last), _part(self._keep, first, last))]
        while len(powers) <= math.log2(block):
            powers.append(powers[-1].squared())
        if key > 0:
            self._powers[key] = powers
        return powers

    def tables(self, first: int, last: int, block: int) -> Tables:
        """Tables of heads first to last."""
        from .compiled.blocks import dense_hop_loop

        B, previous, C, D = (_part(a, first, last) for a in (self._B, self._previous, self._C, self._D))
        powers = self._doublings(first, last, block)
        n_heads = last - first
        columns = np.empty((n_heads, self.n, block), dtype=self._matrix.dtype)
        rows = np.empty((n_heads, block, self.n), dtype=self._matrix.dtype)
        columns[..., :1] = powers[0].times(B[..., None]) + previous[..., None]
        rows[:, :1] = C[:, None, :]
        for j, power in enumerate(powers[:-1]):
            old, new = slice(1 << j), slice(1 << j, 2 << j)
            columns[..., new] = power.times(columns[..., old])
            rows[:, new] = power.after(rows[:, old])
        direct = np.sum(B * C, axis=-1) + D
        kernel = (C[:, None, :] @ columns)[:, 0]
        matrix = np.array(np.broadcast_to(powers[-1].matrix.mT, (n_heads, self.n, self.n)), order="C")
        keep = np.array(np.broadcast_to(powers[-1].keep[..., 0, 0], (n_heads,)))

        def power_times(w: np.ndarray, exponent: int) -> np.ndarray:
            for bit, power in enumerate(powers):
                w = power.times(w.mT).mT if exponent >> bit & 1 else w
            return w

        return Tables(
            np.ascontiguousarray(np.flip(columns, -1).mT),
            _output_table(rows.mT, direct, kernel),
            lambda x, rows, count: dense_hop_loop(keep, matrix, np.empty(self.n, dtype=matrix.dtype), x, rows, count),
            power_times,
            lambda x, before: power_times(x, 1) + previous[:, None] * before[..., None],
            B,
        )


class DiagonalParts:
    """The tables of diagonal systems: powers from double-words; states are modes, or real and imaginary halves."""

    def __init__(self, discrete: DiscreteDiagonal, dtype: np.dtype) -> None:
        self._pairs, heads = discrete.pairs, discrete.batch_shape
        n_modes = discrete.C.shape[-1]
        self.n = n_modes * (1 if self._pairs is None else 2)
        self._dtype, self._complex = dtype, _arrays.complex_dtype(dtype)

        def flat(array: np.ndarray) -> np.ndarray:
            return np.broadcast_to(array, (*heads, n_modes)).reshape(-1, n_modes)

        keep, small = smaller_modes(discrete)
        z = keep + small
        low = np.where(keep > 0, (keep - z.real) + small.real, 0)  # 1 + small in two numbers, as |Re small| < 1
        previous = 0 if discrete.B_bar_previous is None else discrete.B_bar_previous
        self._given = np.stack([np.ones_like(flat(z)), flat(z), flat(low)]).astype(np.complex128)
        self._A, self._B, self._C = (flat(v) for v in (z, discrete.B_bar, discrete.weights * discrete.C))
        self._previous = flat(np.asarray(previous))
        self._forcing = flat(keep * discrete.B_bar + small * discrete.B_bar) + self._previous
        self._D = np.broadcast_to(discrete.D, heads).reshape(-1)

    def table_bytes(self, block: int) -> int:
        """The size of one head's tables."""
        return self._dtype.itemsize * (4 * self.n * block + block**2)

    def tables(self, first: int, last: int, block: int) -> Tables:
        """Tables of heads first to last."""
        from .compiled import blocks
        from .compiled.vandermonde import power_tables_loop

        n_heads, n_modes = last - first, self._given.shape[-1]
        radix = 1 << (int(math.log2(block)) + 1) // 2
        z = np.empty((n_heads, block, n_modes), dtype=self._complex)
        hop = np.empty((n_heads, 2, n_modes), dtype=self._complex)
        space, small = np.empty((3, 4, n_modes)), np.empty((max(radix, 2), 2, n_modes))
        power_tables_loop(self._given, 1.0, (radix, 2), space, small, z, hop, first, last)
        parts = (self._A, self._B, self._C, self._forcing, self._previous)
        A_bar, B, C, forcing, previous = (a[first:last] for a in parts)
        inputs, rows = z[:, ::-1] * forcing[:, None], z * C[:, None]
        direct = self._real(np.sum(C * B, axis=-1)) + self._D[first:last]
        kernel = self._real((rows @ forcing[..., None])[..., 0])
        at_once = np.ascontiguousarray(self._turn(hop[:, 1]))
        loop = partial(blocks.modal_hop_loop, at_once)

        def times(w: np.ndarray, factor: np.ndarray) -> np.ndarray:
            if self._pairs is None:
                return self._real(w * factor[:, None]).astype(self._dtype, copy=False)
            return halves(as_modes(w) * factor[:, None])

        return Tables(
            np.ascontiguousarray(self._stored(inputs), dtype=self._dtype),
            _output_table(self._stored(rows, conjugate=True).mT, direct, kernel).astype(self._dtype, copy=False),
            lambda x, rows, count: loop(np.empty(self.n, dtype=self._dtype), x, rows, count),
            lambda w, exponent: times(w, z[:, exponent]),
            lambda x, before: times(x, A_bar) + self._stored(previous)[:, None] * before[..., None],
            self._stored(B),
        )

    def _real(self, values: np.ndarray) -> np.ndarray:
        return values if self._dtype.kind == "c" else values.real

    def _stored(self, v: np.ndarray, conjugate: bool = False) -> np.ndarray:
        """Modes as this system's states are laid out."""
        if self._pairs is not None:
            return halves(v, conjugate).astype(self._dtype, copy=False)
        return self._real(v).astype(self._dtype, copy=False)

    def _turn(self, z: np.ndarray) -> np.ndarray:
        if self._pairs is not None:
            return np.stack([z.real, z.imag], axis=-2).astype(self._dtype)
        return self._real(z)[:, None].astype(self._dtype)


def _part(array: np.ndarray, first: int, last: int) -> np.ndarray:
    return array if len(array) == 1 else array[first:last]


def _output_table(rows: np.ndarray, direct: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Rows (heads, n, M) above the Toeplitz matrix of `direct`, kernel_0, kernel_1, ...: row i is the answer to u_i."""
    block = rows.shape[-1]
    lead = np.broadcast_shapes(rows.shape[:-2], direct.shape, kernel.shape[:-1])
    padded = np.zeros((*lead, 2 * block - 1), dtype=np.result_type(rows, direct, kernel))
    padded[..., block - 1], padded[..., block:] = direct, kernel[..., : block - 1]
    windows = np.lib.stride_tricks.sliding_window_view(padded, block, axis=-1)[..., ::-1, :]
    return np.concatenate([np.broadcast_to(rows, (*lead, *rows.shape[-2:])), windows], axis=-2)


def _coordinates(pairs: Any, is_diagonal: bool, dtype: np.dtype) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Stored states to the coordinates of the blocks, and back."""
    if pairs is None:
        return lambda x: x, lambda x: x
    if is_diagonal:
        return halves, as_modes
    scale = _pairs.unitary_scale(pairs, dtype)
    return lambda x: _pairs.realify(x, pairs), lambda x: _pairs.from_coordinates(x / scale, pairs)
