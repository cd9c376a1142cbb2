"""Vandermonde sums for kernels: double-word nodes, conjugate pairs, and the two-level split into a matrix product."""

from __future__ import annotations

import functools
import math

import numpy as np

from . import _arrays, _pairs, _parallel

CHUNK_BYTES = 2**19
"""Tables of this size are built and used while they are in cache."""

SERIAL_GEMM = 2**18
"""BLAS libraries run a product of fewer multiplications on the calling thread, as batches in several threads need."""

THREADED_GEMM = 2**21
"""One head with more terms than this leaves its single large product to the threads of the BLAS library."""


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
    """out (H, L) from c, z, z_low (3, H, N): tables for a few rows at a time, then one matrix product per row."""
    from .compiled.vandermonde import power_tables_loop

    (n_rows, L), n_modes, real_output = out.shape, given.shape[-1], out.dtype.kind == "f"
    radix, (fine_rows, coarse_rows) = _split(L)
    sign = -1.0 if real_output else 1.0  # Re(xy) is a dot product of x with conj(y)
    chunk = max(1, CHUNK_BYTES // ((fine_rows + coarse_rows) * n_modes * complex_type.itemsize))
    block = max(8, SERIAL_GEMM // (fine_rows * n_modes * (2 if real_output else 1)))
    if n_rows == 1 and L * n_modes > THREADED_GEMM:
        block = L

    def work(begin: int, end: int) -> None:
        rows = min(chunk, end - begin)
        fine = np.empty((rows, fine_rows, n_modes), dtype=complex_type)
        coarse = np.empty((rows, coarse_rows, n_modes), dtype=complex_type)
        space, small = np.empty((3, 4, n_modes)), np.empty((max(radix), 2, n_modes))
        left, right = (coarse.view(out.dtype), fine.view(out.dtype)) if real_output else (coarse, fine)
        right = right.swapaxes(1, 2)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for first in range(begin, end, rows):
                last = min(first + rows, end)
                power_tables_loop(given, sign, radix, space, small, fine, coarse, first, last)
                _multiply(left[: last - first], right[: last - first], out[first:last], block)

    _parallel.over_rows(work, n_rows, 4.0 * n_rows * L * n_modes)


def _multiply(left: np.ndarray, right: np.ndarray, out: np.ndarray, block: int) -> None:
    """out[h, qM + r] = (left[h] right[h])[q, r], in place, by products of `block` rows; the last row is partial."""
    (n_rows, inner, M), L = right.shape, out.shape[-1]
    done = 0
    for size in (min(block, L // M), L // M % block):
        if size:
            count = (L // M - done) // size
            rows = slice(done, done + count * size)
            target = out[:, done * M : rows.stop * M].reshape(n_rows, count, size, M)
            np.matmul(left[:, rows].reshape(n_rows, count, size, inner), right[:, None], out=target)
            done = rows.stop
    if done * M < L:
        np.matmul(left[:, done:], right[:, :, : L - done * M], out=out[:, None, done * M :])


@functools.cache
def _split(L: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The radices and the rows of the fine and the coarse table that cover L powers with the least work."""
    radix = 2 ** round(math.log2(L) / 4)
    fine_rows = radix * math.ceil(math.sqrt(L) / radix)
    coarse_rows = math.ceil(L / fine_rows)
    return (radix, math.ceil(math.sqrt(coarse_rows))), (fine_rows, coarse_rows)
