"""Vandermonde products on the device: tables of powers in double-words, then one tiled real matrix product.

The two-level split is that of the CPU, out[qM + r] = sum_n (c_n z_n^(qM)) z_n^r. Here a table comes from one chain of
products per mode, since the modes are the parallel axis and need not be vectorized over.
"""

from __future__ import annotations

from typing import Any

from .._cuda import SIMULATED, cuda, kernel, times

BLOCK = 8 if SIMULATED else 128
"""Threads of a block that build tables."""

SIDE = 2 if SIMULATED else 16
"""A block of SIDE x SIDE threads forms 4 SIDE x 4 SIDE entries of a matrix product."""

TILE = 4 * SIDE

DEPTH = 3 if SIMULATED else 16
"""Terms of the sums that are in shared memory at once."""

PANEL = (TILE, DEPTH + 1)
"""A tile's rows of one factor; the odd length keeps the threads of a warp on different memory banks."""


@kernel
def power_tables_kernel(c: Any, z: Any, z_low: Any, coarse: Any, fine: Any) -> None:
    """fine[h, r] = z^r and coarse[h, q] = c z^(qM), M rows in fine, as the factors of a real matrix product.

    c, z and z_low (H, N, 2), fine (H, M, 2N), coarse (H, Q, 1 or 2, 2N): a row of `fine` holds real parts, then
    imaginary parts; the rows of `coarse` are those that give the real part, and the imaginary part if it is wanted. One
    thread per head and mode.
    """
    n_modes = z.shape[1]
    for i in range(cuda.grid(1), z.shape[0] * n_modes, cuda.gridsize(1)):
        h, n = i // n_modes, i % n_modes
        step = (z[h, n, 0], z[h, n, 1], z_low[h, n, 0], z_low[h, n, 1])
        zero = z.dtype.type(0)
        power = (z.dtype.type(1), zero, zero, zero)
        for r in range(fine.shape[1]):
            fine[h, r, n], fine[h, r, n + n_modes] = power[0], power[1]
            power = times(power, step)
        step = power
        power = (c[h, n, 0], c[h, n, 1], zero, zero)
        for q in range(coarse.shape[1]):
            coarse[h, q, 0, n], coarse[h, q, 0, n + n_modes] = power[0], -power[1]
            if coarse.shape[2] > 1:
                coarse[h, q, 1, n], coarse[h, q, 1, n + n_modes] = power[1], power[0]
            power = times(power, step)


@kernel
def matmul_kernel(left: Any, right: Any, out: Any) -> None:
    """out[h, qM + r, part] = sum_k left[h, q * parts + part, k] right[h, r, k] for every qM + r < L.

    left (H, Q parts, K), right (H, M, K), out (H, L, parts). A block of SIDE^2 threads takes a tile at a time, a thread
    sixteen entries of it.
    """
    a = cuda.shared.array(PANEL, left.dtype)
    b = cuda.shared.array(PANEL, left.dtype)
    sums = cuda.local.array((4, 4), left.dtype)
    zero = left.dtype.type(0)
    n_rows, n_columns, length, parts = left.shape[1], right.shape[1], out.shape[1], out.shape[2]
    down, across = (n_rows + TILE - 1) // TILE, (n_columns + TILE - 1) // TILE
    x, y = cuda.threadIdx.x % SIDE, cuda.threadIdx.x // SIDE
    for block in range(cuda.blockIdx.x, left.shape[0] * down * across, cuda.gridDim.x):
        h = block // (down * across)
        top, first = block // across % down * TILE, block % across * TILE
        for i in range(4):
            for j in range(4):
                sums[i, j] = zero
        for begin in range(0, left.shape[2], DEPTH):
            for place in range(cuda.threadIdx.x, TILE * DEPTH, SIDE * SIDE):
                row, k = place // DEPTH, begin + place % DEPTH
                inside = k < left.shape[2]
                a[row, place % DEPTH] = left[h, top + row, k] if inside and top + row < n_rows else zero
                b[row, place % DEPTH] = right[h, first + row, k] if inside and first + row < n_columns else zero
            cuda.syncthreads()
            for k in range(DEPTH):
                for i in range(4):
                    for j in range(4):
                        sums[i, j] += a[y + i * SIDE, k] * b[x + j * SIDE, k]
            cuda.syncthreads()
        for i in range(4):
            for j in range(4):
                row, column = top + y + i * SIDE, first + x + j * SIDE
                at = row // parts * n_columns + column
                if row < n_rows and column < n_columns and at < length:
                    out[h, at, row % parts] = sums[i, j]
