"""Vandermonde sums for kernels: double-word nodes, conjugate pairs, and the two-level split into a matrix product."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from . import _arrays, _pairs, _parallel

CHUNK_BYTES = 2**19
"""Tables of this size are built and used while they are in cache."""

ROWS = 64
"""Rows of the one product of a single kernel that a thread takes: its bits depend on how many are multiplied."""

TINY = 2.0**-40
"""What is far below one."""

SERIAL_GEMM = {"f": 2**18, "c": 2**15}
"""OpenBLAS does a product of up to so many real or complex multiplications on the calling thread without being told."""


def vandermonde_sums(
    c: np.ndarray, z: np.ndarray, L: int, pairs: np.ndarray | None = None, z_low: np.ndarray | None = None
) -> np.ndarray:
    """sum_n c_n (z_n + z_low_n)^l for l < L, or the real sum over conjugate pairs; the precision is that of c."""
    if pairs is not None:
        c = c * _pairs.weights(pairs, z.shape[-1]).astype(c.real.dtype)
    is_real = pairs is not None or not (np.iscomplexobj(c) or np.iscomplexobj(z))
    dtype = _arrays.real_dtype(c.dtype) if is_real else _arrays.complex_dtype(c.dtype)
    with np.errstate(all="ignore"):
        return power_sums(terms(c, z, z_low), L, dtype)


def terms(c: np.ndarray, z: np.ndarray, z_low: np.ndarray | None = None) -> np.ndarray:
    """c, z and z_low in one array (3, ..., N), as the compiled loop takes them."""
    shape = c.shape if c.shape == z.shape else np.broadcast_shapes(c.shape, z.shape)
    given = np.zeros((3, *shape), dtype=np.complex128)
    given[0], given[1] = c, z
    if z_low is not None:
        given[2] = z_low
    return given


def power_sums(given: np.ndarray, L: int, dtype: np.dtype) -> np.ndarray:
    """The sums of `terms`, or their real parts if `dtype` is real; it also says in what precision to sum.

    NumPy's warnings about overflow are the caller's to silence.
    """
    _, *lead, n_modes = given.shape
    given = given.reshape(3, -1, n_modes)
    if given.shape[1] == 1:
        return _one_row(given, L, dtype).reshape(*lead, L)
    out = np.empty((*lead, L), dtype=dtype)
    _fill_rows(given, out.reshape(-1, L))
    return out


def are_bounded(c: np.ndarray, z: np.ndarray, z_low: np.ndarray | None = None) -> bool:
    """Whether no |z| exceeds one, so that no sum exceeds sum |c|, and that is far below where double-words overflow."""
    if not (np.abs(z) <= 1).all() or not (z_low is None or (np.abs(z_low) <= TINY).all()):
        return False
    return bool(np.abs(c).sum(axis=-1).max() <= TINY * np.finfo(c.dtype).max)


def _one_row(given: np.ndarray, L: int, dtype: np.dtype) -> np.ndarray:
    """The sums (L,) of one row: two tables and one product, whose blocks threads share if it is large."""
    n_modes = given.shape[-1]
    left, right = _tables(given, L, dtype, _room(1, n_modes, L, dtype))
    left, right = left[0], right[0]
    if L * n_modes <= SERIAL_GEMM[dtype.kind]:
        return np.dot(left, right).reshape(-1)[:L]
    out = np.empty((len(left), right.shape[1]), dtype)

    def work(begin: int, end: int) -> None:
        with np.errstate(all="ignore"):
            for first in range(begin, end, ROWS):
                last = min(first + ROWS, end)
                np.dot(left[first:last], right, out=out[first:last])

    with _parallel.serial_blas():
        _parallel.over_rows(work, len(left), 4.0 * L * n_modes, ROWS)
    return out.reshape(-1)[:L]


def _fill_rows(given: np.ndarray, out: np.ndarray) -> None:
    """out (H, L) from c, z, z_low (3, H, N), for rows in parallel: tables of a few, then one matrix product per row."""
    (n_rows, L), n_modes = out.shape, given.shape[-1]
    chunk = max(1, CHUNK_BYTES // (sum(_split(L)[1]) * n_modes * _arrays.complex_dtype(out.dtype).itemsize))

    def work(begin: int, end: int) -> None:
        room = _room(min(chunk, end - begin), n_modes, L, out.dtype)
        for first in range(begin, end, chunk):
            last = min(first + chunk, end)
            _multiply(*_tables(given[:, first:last], L, out.dtype, room), out[first:last])

    with _parallel.serial_blas(L * n_modes > SERIAL_GEMM[out.dtype.kind]):
        _parallel.over_rows(work, n_rows, 4.0 * n_rows * L * n_modes)


def _room(n_rows: int, n_modes: int, L: int, dtype: np.dtype) -> tuple[np.ndarray, ...]:
    """Work space of both kinds, and room for the fine and the coarse tables of a few rows."""
    radix, (M, rows) = _split(L)
    space, small = np.empty((3, 4, n_modes)), np.empty((max(radix), 2, n_modes))
    kind = _arrays.complex_dtype(dtype)
    return space, small, np.empty((n_rows, M, n_modes), kind), np.empty((n_rows, rows, n_modes), kind)


def _tables(given: np.ndarray, L: int, dtype: np.dtype, room: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """left (H, rows, n) with c z^(qM) and right (H, n, M) with z^r, as real numbers where the sums are real."""
    space, small, fine, coarse = room
    n_rows = given.shape[1]
    sign = -1.0 if dtype.kind == "f" else 1.0  # Re(xy) is a dot product of x with conj(y)
    _loops().power_tables_loop(given, sign, _split(L)[0], space, small, fine, coarse, 0, n_rows)
    return coarse.view(dtype)[:n_rows], fine.view(dtype)[:n_rows].mT


def _multiply(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    """out[h, qM + r] = (left[h] right[h])[q, r], in place; the last row may be partial."""
    (n_rows, _, M), L = right.shape, out.shape[-1]
    whole = L // M
    with np.errstate(all="ignore"):
        np.matmul(left[:, :whole], right, out=out[:, : whole * M].reshape(n_rows, whole, M))
        if whole * M < L:
            np.matmul(left[:, whole:], right[:, :, : L - whole * M], out=out[:, None, whole * M :])


@functools.cache
def _loops() -> Any:
    """The compiled loops; an import statement would take its time in every call."""
    from .compiled import vandermonde

    return vandermonde


@functools.cache
def _split(L: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The radices and the rows of the fine and the coarse table that cover L powers with the least work."""
    radix = 2 ** round(math.log2(L) / 4)
    fine_rows = radix * math.ceil(math.sqrt(L) / radix)
    coarse_rows = math.ceil(L / fine_rows)
    return (radix, math.ceil(math.sqrt(coarse_rows))), (fine_rows, coarse_rows)
