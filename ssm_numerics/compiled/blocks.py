"""Simulation in blocks: the sequential part, where the state hops from block to block, x_{q+1} = A^M x_q + g_q, and all
of it for small real matrices, so that threads share the heads without the interpreter between their products.

For hops, `forcing` (heads, signals, Q, n) holds g_q for blocks q < count; the state before each block is put at the
beginning of its row of `wide` (heads, signals, Q, n or more), and `x` (heads, signals, n) ends as the state after the
last of them.
"""

from __future__ import annotations

from ._jit import jit, jit_fused
from .recurrence import turned
from .small_matrices import multiply, square_and_double


@jit_fused
def add_columns(A, x, out):
    """out <- out + sum_j A[j] x_j, four columns at a time; the rows of A are the columns of the matrix."""
    n = x.size
    for j in range(0, n - 3, 4):
        x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
        a0, a1, a2, a3 = A[j], A[j + 1], A[j + 2], A[j + 3]
        for i in range(n):
            out[i] += (a0[i] * x0 + a1[i] * x1) + (a2[i] * x2 + a3[i] * x3)
    for j in range(n - n % 4, n):
        column, x0 = A[j], x[j]
        for i in range(n):
            out[i] += column[i] * x0


@jit_fused
def hops(keep, A, work, state, forcing, wide, count):
    """One signal: A^M = keep I + A^T, and `work` (n,) is scratch."""
    n = work.size
    for q in range(count):
        g, before = forcing[q], wide[q]
        for i in range(n):
            before[i] = state[i]
            work[i] = keep * state[i] + g[i]
        add_columns(A, state, work)
        for i in range(n):
            state[i] = work[i]


@jit
def dense_hop_loop(keep, A, work, x, forcing, wide, count):
    """A^M = keep I + A^T with A (heads, n, n), keep (heads,)."""
    for h in range(x.shape[0]):
        for s in range(x.shape[1]):
            hops(keep[h], A[h], work, x[h, s], forcing[h, s], wide[h, s], count)


@jit_fused
def modal_hop_loop(z, x, forcing, wide, count):
    """Diagonal A^M: complex or real modes, z (heads, 1, modes), or real and imaginary parts, z (heads, 2, modes)."""
    n, modes = x.shape[2], z.shape[2]
    for h in range(x.shape[0]):
        for s in range(x.shape[1]):
            state = x[h, s]
            for q in range(count):
                g, before = forcing[h, s, q], wide[h, s, q]
                for i in range(n):
                    before[i] = state[i]
                if z.shape[1] == 1:
                    for i in range(n):
                        state[i] = z[h, 0, i] * before[i] + g[i]
                else:
                    for i in range(modes):
                        re, im = turned(z[h, 0, i], z[h, 1, i], before[i], before[modes + i])
                        state[i], state[modes + i] = re + g[i], im + g[modes + i]


@jit
def tables_loop(powers, keep, is_lower, F, C, direct, inputs, outputs, hop, rows, work):
    """Tables of small real systems: inputs (H, M, N), outputs (H, N + M, M) and hop (H, N, N), which is A^M transposed.

    A = keep[h, 0] I + powers[h, 0], whose squares up to A^M follow in powers (H, 1 + log2 M, N, N) and keep; F and C
    (H, N), direct (H,). Work space: rows (2, M, N), work (N, N).
    """
    n_heads, M, n = inputs.shape
    columns, rows = rows[0], rows[1]
    for h in range(n_heads):
        for i in range(n):
            columns[0, i], rows[0, i] = F[h, n - 1 - i], C[h, i]
        square_and_double(powers[h], keep[h], is_lower, columns, rows, work)
        power = powers[h, powers.shape[1] - 1]
        for i in range(n):
            for j in range(n):
                hop[h, j, i] = power[i, j]
        for j in range(M):
            kernel = 0.0
            for i in range(n):
                inputs[h, M - 1 - j, n - 1 - i] = columns[j, i]
                outputs[h, i, j] = rows[j, i]
                kernel += columns[j, i] * C[h, n - 1 - i]
            for i in range(M - 1 - j):
                outputs[h, n + i, i + j + 1] = kernel
            for i in range(j):
                outputs[h, n + j, i] = 0.0
            outputs[h, n + j, j] = direct[h]


@jit
def copy(source, target, size):
    """The first `size` numbers of the target; zeros are put behind them."""
    for j in range(size):
        target[j] = source[j]
    for j in range(size, target.size):
        target[j] = 0


@jit
def enter_loop(inputs, keep, hop, samples, state, given, forcing, wide, work):
    """Rows [w, u] of `wide` for the blocks of some samples after `state`, which ends as that after the last of them."""
    M, n = inputs.shape
    count = (samples.size + M - 1) // M
    for q in range(count):
        copy(samples[q * M :], given[q], min(M, samples.size - q * M))
        copy(given[q], wide[q, n:], M)
    multiply(given, count, inputs, M, False, 0.0, forcing)
    hops(keep, hop, work, state, forcing, wide, count)


@jit
def leave_loop(outputs, wide, found, y):
    """The outputs y of the blocks whose rows [w, u] are in `wide`."""
    terms, M = outputs.shape
    count = (y.size + M - 1) // M
    multiply(wide, count, outputs, terms, False, 0.0, found)
    for q in range(count):
        size = min(M, y.size - q * M)
        copy(found[q], y[q * M : q * M + size], size)


@jit
def in_blocks_loop(inputs, outputs, keep, hop, u, signal, w, y, row, given, forcing, wide, found, work):
    """y[row[h, s]] from u[signal[h, s]] by the tables of `tables_loop`; w (H, S, N) ends as the state before the last
    block. Work space for a few blocks at a time: rows of M, N, N + M and M numbers, and work (N,).
    """
    (n_heads, M, n), T = inputs.shape, y.shape[1]
    for h in range(n_heads):
        for s in range(signal.shape[1]):
            for first in range(0, T, M * wide.shape[0]):
                last = min(first + M * wide.shape[0], T)
                samples, outputs_there = u[signal[h, s], first:last], y[row[h, s], first:last]
                enter_loop(inputs[h], keep[h], hop[h], samples, w[h, s], given, forcing, wide, work)
                leave_loop(outputs[h], wide, found, outputs_there)
            copy(wide[(last - first - 1) // M], w[h, s], n)
