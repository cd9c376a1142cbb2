"""The tables of a simulation in blocks of M samples (`_chunked.py`), for a few heads of dense or diagonal systems.

They are built by doubling with powers in the delta form, so they carry no more rounding than M steps would.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from . import _arrays
from ._increments import Power, transition, zero_side
from ._krylov_blocks import COMPILED_ORDER, COMPILED_WORK
from ._stepping import as_modes, halves, smaller_modes
from .state_space import DiscreteDiagonal, DiscreteStateSpace


@dataclass(frozen=True)
class Tables:
    """What a few heads need: products per block, the hop from block to block, and powers below M for the last block."""

    inputs: np.ndarray  # (heads, M, n): row j is A_bar^(M-1-j) F
    outputs: np.ndarray  # (heads, n + M, M): C A_bar^j above the Toeplitz matrix of the kernel
    hop: Callable[..., None]  # (x, forcing, wide, count), see compiled.blocks
    power: Callable[[np.ndarray, int], np.ndarray]  # (w, r) -> A_bar^r w for w (heads, signals, n)
    start: Callable[[np.ndarray, np.ndarray], np.ndarray]  # (x_{-1}, u_{-1}) -> w_0
    B: np.ndarray  # (heads or 1, n)
    small: tuple[np.ndarray, ...] = ()  # keep and A_bar^M transposed, where `compiled.blocks.in_blocks_loop` serves


Built = tuple[list[Power], np.ndarray, np.ndarray, np.ndarray]


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
        self._side, n_matrices = zero_side(self._matrix), len(self._matrix)
        is_light = self.n <= COMPILED_ORDER[self._side == "upper"] and dtype.kind == "f"
        is_own = n_matrices == math.prod(self._heads)
        self.is_small = is_light and is_own and n_matrices * self.n**3 >= COMPILED_WORK

    def _flat(self, array: np.ndarray, axes: int, dtype: np.dtype) -> np.ndarray:
        """Leading axes as one, of length 1 where all heads share the array."""
        own = array.shape[array.ndim - axes :]
        is_shared = math.prod(array.shape[: array.ndim - axes]) == 1
        array = array if is_shared else np.broadcast_to(array, (*self._heads, *own))
        return array.reshape(-1, *own).astype(dtype, copy=False)

    def table_bytes(self, block: int) -> int:
        """The size of one head's tables."""
        powers = self.n**2 * (2 + int(math.log2(block)))
        return self._matrix.itemsize * (powers + 2 * self.n * block + block**2)

    def _doublings(self, first: int, last: int, block: int) -> list[Power]:
        """A_bar, its square, ..., A_bar^M."""
        key = block if len(self._matrix) == 1 else -1
        if key in self._powers:
            return self._powers[key]
        powers = [Power(_part(self._matrix, first, last), _part(self._keep, first, last), self._side)]
        while len(powers) <= math.log2(block):
            powers.append(powers[-1].squared())
        if key > 0:
            self._powers[key] = powers
        return powers

    def tables(self, first: int, last: int, block: int) -> Tables:
        """Tables of heads first to last."""
        from .compiled.blocks import dense_hop_loop

        B, previous, C, D = (_part(a, first, last) for a in (self._B, self._previous, self._C, self._D))
        direct = np.sum(B * C, axis=-1) + D
        build = self._compiled if self.is_small else self._by_blas
        powers, inputs, outputs, hop = build(first, last, block, direct)
        keep = np.array(np.broadcast_to(powers[-1].keep[..., 0, 0], (last - first,)))

        def power_times(w: np.ndarray, exponent: int) -> np.ndarray:
            for bit, power in enumerate(powers):
                if exponent >> bit & 1:  # signal by signal, so that their number does not change the bits
                    w = Power(power.matrix[:, None], power.keep[..., None, :, :]).times(w[..., None])[..., 0]
            return w

        return Tables(
            inputs,
            outputs,
            lambda *rest: dense_hop_loop(keep, hop, _arrays.aligned((self.n,), hop.dtype), *rest),  # in many threads
            power_times,
            lambda x, before: power_times(x, 1) + previous[:, None] * before[..., None],
            B,
            (keep, hop) if self.is_small else (),
        )

    def _by_blas(self, first: int, last: int, block: int, direct: np.ndarray) -> Built:
        """A_bar and its squares up to A_bar^M, the two tables, and A_bar^M transposed."""
        powers, n_heads, dtype = self._doublings(first, last, block), last - first, self._matrix.dtype
        columns, C = np.empty((n_heads, self.n, block), dtype=dtype), _part(self._C, first, last)
        rows = np.empty((n_heads, block, self.n), dtype=dtype)
        columns[..., 0], rows[:, 0] = self._forcing(powers[0], first, last), C
        for j, power in enumerate(powers[:-1]):
            old, new = slice(1 << j), slice(1 << j, 2 << j)
            columns[..., new] = power.times(columns[..., old])
            rows[:, new] = power.after(rows[:, old])
        kernel = (C[:, None, :] @ columns)[:, 0]
        hop = _arrays.aligned((n_heads, self.n, self.n), dtype)
        hop[:] = powers[-1].matrix.mT
        return powers, np.ascontiguousarray(columns[..., ::-1].mT), _output_table(rows.mT, direct, kernel), hop

    def _compiled(self, first: int, last: int, block: int, direct: np.ndarray) -> Built:
        """The same of small real matrices, without the interpreter between products."""
        from .compiled.blocks import tables_loop

        n_heads, n, dtype, count = last - first, self.n, self._matrix.dtype, int(math.log2(block)) + 1
        powers, keep = _arrays.aligned((n_heads, count, n, n), dtype), np.empty((n_heads, count), dtype=dtype)
        powers[:, 0], keep[:, :1] = _part(self._matrix, first, last), _part(self._keep, first, last)[..., 0]
        squares = [Power(powers[:, j], keep[:, j, None, None]) for j in range(count)]
        vectors = self._forcing(squares[0], first, last), _part(self._C, first, last)
        F, C = (np.array(np.broadcast_to(vector, (n_heads, n))) for vector in vectors)
        direct = np.array(np.broadcast_to(direct, (n_heads,)))
        sizes = (n_heads, block, n), (n_heads, n + block, block), (n_heads, n, n), (2, block, n), (n, n)
        inputs, outputs, hop, rows, work = (_arrays.aligned(size, dtype) for size in sizes)
        tables_loop(powers, keep, self._side == "upper", F, C, direct, inputs, outputs, hop, rows, work)
        return squares, inputs, outputs, hop

    def _forcing(self, A_bar: Power, first: int, last: int) -> np.ndarray:
        """F = A_bar B_bar + B_prev."""
        return A_bar.times(_part(self._B, first, last)[..., None])[..., 0] + _part(self._previous, first, last)


class DiagonalParts:
    """The tables of diagonal systems: powers from double-words; states are modes, or real and imaginary halves."""

    is_small = False

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

        def times(w: np.ndarray, factor: np.ndarray) -> np.ndarray:
            if self._pairs is None:
                return self._real(w * factor[:, None]).astype(self._dtype, copy=False)
            return halves(as_modes(w) * factor[:, None])

        return Tables(
            np.ascontiguousarray(self._stored(inputs), dtype=self._dtype),
            _output_table(self._stored(rows, conjugate=True).mT, direct, kernel).astype(self._dtype, copy=False),
            partial(blocks.modal_hop_loop, at_once),
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
