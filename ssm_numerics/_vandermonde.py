"""Vandermonde sums for kernels: double-word nodes, conjugate pairs, and the two-level split into a matrix product."""

from __future__ import annotations

import functools
import math

import numpy as np

from . import _arrays, _pairs, _parallel

CHUNK_BYTES = 2**19
"""Tables of this size are built and used while they are in cache."""

ROWS = 64
"""Rows of the one product of a single kernel that a thread takes: its bits depend on how many are multiplied."""

SHORT = 2**17
"""One row of up to so many terms is summed as its powers are formed: a matrix product would not pay for its tables."""

SERIAL_GEMM = {"f": 2**18, "c": 2**15}
"""OpenBLAS does a product of up to so many real or complex multiplications on the calling thread without being told."""


def vandermonde_sums(
    c: np.ndarray, z: np.ndarray, L: int, pairs: np.ndarray | None = None, z_low: np.ndarray | None = None
) -> np.ndarray:
    """sum_n c_n (z_n + z_low_n)^l for l < L, or the real sum over conjugate pairs; the precision is that of c."""
    real_output = pairs is not None or not (np.iscomplexobj(c) or np.iscomplexobj(z))
    complex_type = _arrays.complex_dtype(c.dtype)
    dtype = _arrays.real_dtype(c.dtype) if real_output else complex_type
    shape = c.shape if c.shape == z.shape else np.broadcast_shapes(c.shape, z.shape)
    lead, n_modes = shape[:-1], shape[-1]
    if pairs is not None:
        c = c * _pairs.weights(pairs, n_modes)
    if math.prod(shape) == n_modes and n_modes * L <= SHORT:
        return _short_sums(c, z, z_low, L, real_output).astype(dtype, copy=False).reshape(*lead, L)
    given = np.zeros((3, *lead, n_modes), dtype=np.complex128)
    given[0], given[1] = c, z
    if z_low is not None:
        given[2] = z_low
    out = np.empty((*lead, L), dtype=dtype)
    _fill_vandermonde(given.reshape(3, -1, n_modes), complex_type, out.reshape(-1, L))
    return out


def _short_sums(c: np.ndarray, z: np.ndarray, z_low: np.ndarray | None, L: int, real_output: bool) -> np.ndarray:
    """One row (L,) in double precision: a table of z^r, and anchors c z^(qM) used as they are formed."""
    from .compiled.vandermonde import power_sums_loop

    c, z = c.astype(np.complex128, copy=False).reshape(-1), z.astype(np.complex128, copy=False).reshape(-1)
    low = np.zeros(z.size, np.complex128) if z_low is None else z_low.reshape(-1)
    rows, parts = math.ceil(math.sqrt(L)), 1 if real_output else 2
    work, fine, out = np.empty((2, 4, c.size)), np.empty((rows, 2, c.size)), np.empty(parts * L)
    power_sums_loop(c, z, low, work, fine, out, parts)
    return out if real_output else out.view(np.complex128)


def _fill_vandermonde(given: np.ndarray, complex_type: np.dtype, out: np.ndarray) -> None:
    """out (H, L) from c, z, z_low (3, H, N): tables for a few rows at a time, then one matrix product per row.

    Threads share the rows, or the blocks of the one product if there is one row.
    """
    (n_rows, L), n_modes = out.shape, given.shape[-1]
    fine_rows, coarse_rows = _split(L)[1]
    is_small = L * n_modes <= SERIAL_GEMM[out.dtype.kind]
    if n_rows == 1:
        left, right = _Tables(1, n_modes, L, complex_type, out.dtype).of(given)
        if is_small:
            return _multiply(left, right, out)

        def work(begin: int, end: int) -> None:
            for first in range(begin, end, ROWS):
                last = min(first + ROWS, end)
                _multiply(left[:, first:last], right, out[:, first * fine_rows : last * fine_rows])

    else:
        chunk = max(1, CHUNK_BYTES // ((fine_rows + coarse_rows) * n_modes * complex_type.itemsize))

        def work(begin: int, end: int) -> None:
            tables = _Tables(min(chunk, end - begin), n_modes, L, complex_type, out.dtype)
            for first in range(begin, end, chunk):
                last = min(first + chunk, end)
                _multiply(*tables.of(given[:, first:last]), out[first:last])

    with _parallel.serial_blas(not is_small):
        rows, group = (coarse_rows, ROWS) if n_rows == 1 else (n_rows, 1)
        _parallel.over_rows(work, rows, 4.0 * n_rows * L * n_modes, group)


class _Tables:
    """Room for the two tables of a few rows, as real numbers of twice the order where the sums are real."""

    def __init__(self, n_rows: int, n_modes: int, L: int, complex_type: np.dtype, dtype: np.dtype) -> None:
        self.radix, sizes = _split(L)
        self.sign = -1.0 if dtype.kind == "f" else 1.0  # Re(xy) is a dot product of x with conj(y)
        self.fine, self.coarse = (np.empty((n_rows, size, n_modes), dtype=complex_type) for size in sizes)
        self.space, self.small = np.empty((3, 4, n_modes)), np.empty((max(self.radix), 2, n_modes))
        self.left, self.right = self.coarse.view(dtype), self.fine.view(dtype).mT

    def of(self, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """left (H, rows, n) with c z^(qM) and right (H, n, M) with z^r."""
        from .compiled.vandermonde import power_tables_loop

        n_rows = given.shape[1]
        work = self.space, self.small, self.fine, self.coarse
        power_tables_loop(given, self.sign, self.radix, *work, 0, n_rows)
        return self.left[:n_rows], self.right[:n_rows]


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
