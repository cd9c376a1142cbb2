"""Vandermonde sums for kernels: double-word nodes, conjugate pairs, and the two-level split into a matrix product."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from . import _arrays, _pairs, _parallel

CHUNK_BYTES = 2**19
"""Tables of this size are built and used while they are in cache."""

SERIAL_GEMM = 2**18
"""BLAS libraries run a product of fewer multiplications on the calling thread without being told."""

SHORT_TERMS = 2**17
"""Modes times powers times rows up to which one compiled loop is faster than tables and matrix products."""


def vandermonde_sums(
    c: np.ndarray, z: np.ndarray, L: int, pairs: np.ndarray | None = None, z_low: np.ndarray | None = None
) -> np.ndarray:
    """sum_n c_n (z_n + z_low_n)^l for l < L, or the real sum over conjugate pairs; the precision is that of c."""
    real_output = pairs is not None or not (np.iscomplexobj(c) or np.iscomplexobj(z))
    shape = c.shape if c.shape == z.shape else np.broadcast_shapes(c.shape, z.shape)
    lead, n_modes = shape[:-1], shape[-1]
    given = np.zeros((3, *lead, n_modes), dtype=np.complex128)
    given[0], given[1] = c, z
    if pairs is not None:
        given[0] *= _pairs.weights(pairs, n_modes)
    if z_low is not None:
        given[2] = z_low
    complex_type = _arrays.complex_dtype(c.dtype)
    out = np.empty((*lead, L), dtype=_arrays.real_dtype(c.dtype) if real_output else complex_type)
    _fill_vandermonde(given.reshape(3, -1, n_modes), complex_type, out.reshape(-1, L))
    return out


def _fill_vandermonde(given: np.ndarray, complex_type: np.dtype, out: np.ndarray) -> None:
    """out (H, L) from c, z, z_low (3, H, N): tables for a few rows at a time, then one matrix product per row.

    Threads share the rows, or the blocks of the one product if there is one row.
    """
    (n_rows, L), n_modes = out.shape, given.shape[-1]
    if n_rows * L * n_modes <= SHORT_TERMS:
        return _fill_short(given, complex_type, out)
    sizes = radix, (fine_rows, coarse_rows) = _split(L)
    chunk = max(1, CHUNK_BYTES // ((fine_rows + coarse_rows) * n_modes * complex_type.itemsize))

    def work(begin: int, end: int) -> None:
        for first in range(begin, end, chunk):
            last = min(first + chunk, end)
            _multiply(*_tables(given[:, first:last], complex_type, sizes, out.dtype), out[first:last])

    with _parallel.serial_blas(L * n_modes > SERIAL_GEMM):
        if n_rows > 1:
            return _parallel.over_rows(work, n_rows, 4.0 * n_rows * L * n_modes)
        left, right = _tables(given, complex_type, sizes, out.dtype)
        _parallel.over_rows(
            lambda i, j: _multiply(left[:, i:j], right, out[:, i * fine_rows : j * fine_rows]),
            coarse_rows,
            4.0 * L * n_modes,
        )


def _fill_short(given: np.ndarray, complex_type: np.dtype, out: np.ndarray) -> None:
    """The same in one compiled call, for work so little that matrix products would wait for Python."""
    from .compiled import vandermonde as compiled

    radix, (fine_rows, coarse_rows) = _split(out.shape[1])
    n_modes, real_type = given.shape[-1], _arrays.real_dtype(complex_type)
    fine, coarse = (np.empty((1, rows, n_modes), dtype=complex_type) for rows in (fine_rows, coarse_rows))
    space, small = np.empty((3, 4, n_modes)), np.empty((max(radix), 2, n_modes))
    planes, sums = np.empty((2, n_modes, fine_rows), dtype=real_type), np.empty((2, fine_rows), dtype=real_type)
    loop = compiled.short_real_sums_loop if out.dtype.kind == "f" else compiled.short_sums_loop
    loop(given, radix, space, small, fine, coarse, planes, sums, out)


def _tables(given: np.ndarray, complex_type: np.dtype, sizes: Any, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """left (H, rows, n) with c z^(qM) and right (H, n, M) with z^r, as real numbers of twice the order for real sums."""
    from .compiled.vandermonde import power_tables_loop

    radix, (fine_rows, coarse_rows) = sizes
    n_rows, n_modes = given.shape[1:]
    fine = np.empty((n_rows, fine_rows, n_modes), dtype=complex_type)
    coarse = np.empty((n_rows, coarse_rows, n_modes), dtype=complex_type)
    sign = -1.0 if dtype.kind == "f" else 1.0  # Re(xy) is a dot product of x with conj(y)
    space, small = np.empty((3, 4, n_modes)), np.empty((max(radix), 2, n_modes))
    power_tables_loop(given, sign, radix, space, small, fine, coarse, 0, n_rows)
    return coarse.view(dtype), fine.view(dtype).mT


def _multiply(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    """out[h, qM + r] = (left[h] right[h])[q, r], in place; the last row may be partial."""
    (n_rows, _, M), L = right.shape, out.shape[-1]
    whole = L // M
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        np.matmul(left[:, :whole], right, out=out[:, : whole * M].reshape(n_rows, whole, M))
        if whole * M < L:
            np.matmul(left[:, whole:], right[:, :, : L - whole * M], out=out[:, None, whole * M :])


@functools.cache
def _split(L: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The radices and the rows of the fine and the coarse table that cover L powers with the least work."""
    radix = 2 ** round(math.log2(L) / 4)
    fine_rows = radix * math.ceil(math.sqrt(L) / radix)
    coarse_rows = math.ceil(L / fine_rows)
    return (radix, math.ceil(math.sqrt(coarse_rows))), (fine_rows, coarse_rows)
