"""The recurrence of diagonal plus low-rank systems on the device: one O(N r) step per sample, blocks of time at once.

A block of threads runs one row of the batch over one block of samples, its threads sharing the modes. The order in
which a sum over modes is formed is a tree, not the eight interleaved sums of the CPU: threads add in parallel.
"""

from __future__ import annotations

from typing import Any

from .._cuda import SIMULATED, cuda, device_function, kernel
from ..recurrence import turned

LARGEST_BLOCK = 2 if SIMULATED else 128
"""Threads of a block at most; a power of two that suits the number of modes is launched."""

SHARED = (2, LARGEST_BLOCK)


@device_function
def block_sum(shared: Any, re: Any, im: Any) -> Any:
    """The sum over the threads of a block, whose number is a power of two, in every one of them."""
    i, half = cuda.threadIdx.x, cuda.blockDim.x // 2
    shared[0, i], shared[1, i] = re, im
    cuda.syncthreads()
    while half > 0:
        if i < half:
            shared[0, i] += shared[0, i + half]
            shared[1, i] += shared[1, i + half]
        cuda.syncthreads()
        half //= 2
    re, im = shared[0, 0], shared[1, 0]
    cuda.syncthreads()
    return re, im


@kernel
def modal_kernel(
    head: Any,
    signal: Any,
    samples: int,
    paired: int,
    keep: Any,
    z: Any,
    P: Any,
    Q: Any,
    B: Any,
    B_prev: Any,
    C: Any,
    D: Any,
    u: Any,
    before: Any,
    x: Any,
    coupling: Any,
    y: Any,
) -> None:
    """x <- (keep + z) x - P (Q x) + B u_k + B_prev u_{k-1}, y_k = C x + D u_k, [S4] Theorem 2, for every row and block.

    head and signal (R,) name what a row uses; keep (H, N), z, B, B_prev and C (H, N, 2), P and Q (H, r, N, 2), D
    (H, 2), u (S, T, parts), before (R, parts) holds u_{-1}, y (R, T, parts). x (R, blocks, N, 2) holds the state before
    each block of `samples` samples, and ends as the state after it; coupling (R, blocks, r, 2) is scratch. Where modes
    are `paired`, products with Q and C mean their real parts.
    """
    shared = cuda.shared.array(SHARED, z.dtype)
    zero = z.dtype.type(0)
    n_modes, rank, n_blocks, i = z.shape[1], P.shape[1], x.shape[1], cuda.threadIdx.x
    for place in range(cuda.blockIdx.x, x.shape[0] * n_blocks, cuda.gridDim.x):
        row, block = place // n_blocks, place % n_blocks
        h, s, state = head[row], signal[row], x[row, block]
        first = block * samples
        for k in range(first, min(first + samples, u.shape[1])):
            now_re, now_im = u[s, k, 0], zero
            was_re, was_im = before[row, 0], zero
            if k > 0:
                was_re = u[s, k - 1, 0]
            if u.shape[2] > 1:
                now_im = u[s, k, 1]
                was_im = u[s, k - 1, 1] if k > 0 else before[row, 1]
            for j in range(rank):
                re, im = zero, zero
                for n in range(i, n_modes, cuda.blockDim.x):
                    q_re, q_im = turned(Q[h, j, n, 0], Q[h, j, n, 1], state[n, 0], state[n, 1])
                    re += q_re
                    im += q_im
                re, im = block_sum(shared, re, im)
                coupling[row, block, j, 0] = re
                coupling[row, block, j, 1] = im if paired == 0 else zero
            re, im = zero, zero
            for n in range(i, n_modes, cuda.blockDim.x):
                x_re, x_im = turned(z[h, n, 0], z[h, n, 1], state[n, 0], state[n, 1])
                for j in range(rank):
                    p = coupling[row, block, j]
                    p_re, p_im = turned(P[h, j, n, 0], P[h, j, n, 1], p[0], p[1])
                    x_re -= p_re
                    x_im -= p_im
                b_re, b_im = turned(B[h, n, 0], B[h, n, 1], now_re, now_im)
                d_re, d_im = turned(B_prev[h, n, 0], B_prev[h, n, 1], was_re, was_im)
                x_re = keep[h, n] * state[n, 0] + (x_re + (b_re + d_re))
                x_im = keep[h, n] * state[n, 1] + (x_im + (b_im + d_im))
                state[n, 0], state[n, 1] = x_re, x_im
                c_re, c_im = turned(C[h, n, 0], C[h, n, 1], x_re, x_im)
                re += c_re
                im += c_im
            re, im = block_sum(shared, re, im)
            if i == 0:
                d_re, d_im = turned(D[h, 0], D[h, 1], now_re, now_im)
                y[row, k, 0] = re + d_re
                if y.shape[2] > 1:
                    y[row, k, 1] = im + d_im


@kernel
def carry_kernel(head: Any, power: Any, start: Any, x: Any, after: Any) -> None:
    """The state before each block: x[row, 0] = start[row], x[row, b + 1] = power x[row, b] + after[row, b].

    power (H, n, n) holds A_bar^M by columns for the n real coordinates of a state, x and after (R, blocks, n) the
    states before the blocks, and those that the blocks end with if they start from zero.
    """
    order, n_blocks = x.shape[2], x.shape[1]
    for row in range(cuda.blockIdx.x, x.shape[0], cuda.gridDim.x):
        h = head[row]
        for n in range(cuda.threadIdx.x, order, cuda.blockDim.x):
            x[row, 0, n] = start[row, n]
        cuda.syncthreads()
        for block in range(n_blocks - 1):
            for n in range(cuda.threadIdx.x, order, cuda.blockDim.x):
                total = after[row, block, n]
                for m in range(order):
                    total += power[h, m, n] * x[row, block, m]
                x[row, block + 1, n] = total
            cuda.syncthreads()


@kernel
def carry_modes_kernel(head: Any, power: Any, start: Any, x: Any, after: Any) -> None:
    """The same for diagonal systems: power (H, N, 2) holds z^M, and a thread carries one mode of one row."""
    n_modes, n_blocks = x.shape[2], x.shape[1]
    for i in range(cuda.grid(1), x.shape[0] * n_modes, cuda.gridsize(1)):
        row, n = i // n_modes, i % n_modes
        h = head[row]
        x[row, 0, n, 0], x[row, 0, n, 1] = start[row, n, 0], start[row, n, 1]
        for block in range(n_blocks - 1):
            re, im = turned(power[h, n, 0], power[h, n, 1], x[row, block, n, 0], x[row, block, n, 1])
            x[row, block + 1, n, 0] = re + after[row, block, n, 0]
            x[row, block + 1, n, 1] = im + after[row, block, n, 1]
