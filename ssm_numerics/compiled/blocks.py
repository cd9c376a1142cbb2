"""The sequential part of a chunked simulation: the state hops from block to block, x_{q+1} = A^M x_q + g_q.

`rows` (heads, signals, Q, n) holds the forcing g_q of blocks q < count and gets the state before each block instead;
`x` (heads, signals, n) ends as the state after the last of them. `work` (n,) is scratch.
"""

from __future__ import annotations

from ._jit import jit_fused
from .recurrence import turned


@jit_fused
def add_columns(A, x, out):
    """out <- out + sum_j A[j] x_j, four columns at a time; the rows of A are the columns of the matrix."""
    n = x.size
    for j in range(0, n - 3, 4):
        x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
        a0, a1, a2, a3 = A[j], A[j + 1], A[j + 2], A[j + 3]
        for i in range(n):
            out[i] = out[i] + a0[i] * x0 + a1[i] * x1 + a2[i] * x2 + a3[i] * x3
    for j in range(n - n % 4, n):
        column, x0 = A[j], x[j]
        for i in range(n):
            out[i] += column[i] * x0


@jit_fused
def dense_hop_loop(keep, A, work, x, rows, count):
    """A^M = keep I + A^T with A (heads, n, n), keep (heads,)."""
    n = work.size
    for h in range(x.shape[0]):
        for s in range(x.shape[1]):
            state = x[h, s]
            for q in range(count):
                forcing = rows[h, s, q]
                for i in range(n):
                    work[i] = keep[h] * state[i] + forcing[i]
                add_columns(A[h], state, work)
                for i in range(n):
                    forcing[i] = state[i]
                    state[i] = work[i]


@jit_fused
def modal_hop_loop(z, work, x, rows, count):
    """Diagonal A^M: complex or real modes, z (heads, 1, modes), or real and imaginary parts, z (heads, 2, modes)."""
    n, modes = work.size, z.shape[2]
    for h in range(x.shape[0]):
        for s in range(x.shape[1]):
            state = x[h, s]
            for q in range(count):
                forcing = rows[h, s, q]
                if z.shape[1] == 1:
                    for i in range(n):
                        work[i] = z[h, 0, i] * state[i] + forcing[i]
                else:
                    for i in range(modes):
                        re, im = turned(z[h, 0, i], z[h, 1, i], state[i], state[modes + i])
                        work[i], work[modes + i] = re + forcing[i], im + forcing[modes + i]
                for i in range(n):
                    forcing[i] = state[i]
                    state[i] = work[i]
