"""Lay device arrays out as the other kernels read them: contiguous rows, one precision, real and imaginary parts."""

from __future__ import annotations

from typing import Any

from .._cuda import cuda, kernel

BLOCK = 256


@kernel
def pack_kernel(source: Any, rows: Any) -> None:
    """rows (R, n, 2) from source (a, b, c, n, 1 or 2) of any strides, R = abc; a real source has imaginary parts 0."""
    second, third, length = source.shape[1], source.shape[2], source.shape[3]
    for i in range(cuda.grid(1), rows.shape[0] * length, cuda.gridsize(1)):
        row, n = i // length, i % length
        entry = source[row // (second * third), row // third % second, row % third, n]
        rows[row, n, 0] = entry[0]
        if rows.shape[2] > 1:
            rows[row, n, 1] = entry[1] if source.shape[4] > 1 else entry[0] - entry[0]
