"""The recurrence x_k = A_bar x_{k-1} + B_bar u_k + B_prev u_{k-1}, y_k = C x_k, sample by sample.

Every loop runs rows begin..end of a batch. `head[row]` and `signal[row]` say which parameters and which input a row
uses, so nothing shared is copied; `step[k]` says which of several discretizations sample k uses. A row's arithmetic
does not depend on the other rows or on where the signal was cut, and no sum is reassociated: the same bits for blocks
of any size.
"""

from __future__ import annotations

from ._jit import jit
from .hippo_steps import gbt_step


@jit
def dot(a, b):
    """sum_n a_n b_n in eight interleaved partial sums, so that the order of summation depends on the length only."""
    zero = a[0] - a[0]
    s0, s1, s2, s3, s4, s5, s6, s7 = zero, zero, zero, zero, zero, zero, zero, zero
    whole = a.size - a.size % 8
    for n in range(0, whole, 8):
        s0 += a[n] * b[n]
        s1 += a[n + 1] * b[n + 1]
        s2 += a[n + 2] * b[n + 2]
        s3 += a[n + 3] * b[n + 3]
        s4 += a[n + 4] * b[n + 4]
        s5 += a[n + 5] * b[n + 5]
        s6 += a[n + 6] * b[n + 6]
        s7 += a[n + 7] * b[n + 7]
    total = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
    for n in range(whole, a.size):
        total += a[n] * b[n]
    return total


@jit
def add_multiple(factor, p, x):
    """x <- x + factor p."""
    for n in range(x.size):
        x[n] += factor * p[n]


@jit
def add_forcing(b, now, b_prev, before, x):
    """x <- x + b u_k + b_prev u_{k-1}."""
    for n in range(x.size):
        x[n] += b[n] * now + b_prev[n] * before


@jit
def turn_complex(z, x, product):
    """product <- z x for complex (or real) modes x (N,) and z (1, N)."""
    for n in range(x.size):
        product[n] = z[0, n] * x[n]


@jit
def turn_pairs(z, x, product):
    """product <- z x for modes stored as real and imaginary halves: x (2N,), z (2, N)."""
    n_modes = z.shape[1]
    for n in range(n_modes):
        product[n] = z[0, n] * x[n] - z[1, n] * x[n_modes + n]
        product[n_modes + n] = z[0, n] * x[n_modes + n] + z[1, n] * x[n]


@jit
def dense_loop(begin, end, head, signal, step, keep, A, B, B_prev, C, u, before, x, work, y):
    """Dense systems: A (heads, steps, N, N) holds A_bar - keep I transposed, by columns; keep (heads, steps) is 0 or 1.

    B (heads, steps, N), C (heads, N), u (signals, T), x (rows, N), y (rows, T); `before` (rows,) holds u_{-1} and ends
    as the last sample, `work` (rows, N) is scratch.
    """
    for row in range(begin, end):
        state, product, h, source = x[row], work[row], head[row], u[signal[row]]
        for k in range(source.size):
            s = step[k]
            for n in range(state.size):
                product[n] = keep[h, s] * state[n]
            for n in range(state.size):
                add_multiple(state[n], A[h, s, n], product)
            add_forcing(B[h, s], source[k], B_prev[h, s], before[row], product)
            state[:] = product
            before[row] = source[k]
            y[row, k] = dot(C[h], state)


@jit
def modal_loop(turn, begin, end, head, signal, step, keep, z, P, Q, B, B_prev, C, u, before, x, work, y):
    """Diagonal plus low rank: A_bar = diag(keep + z) - P Q^T, one O(N r) step per sample ([S4] Theorem 2).

    keep (heads, steps, n) is one where z holds an increment, z (heads, steps, 1 or 2, N), P and Q (heads, steps, r, n),
    B (heads, steps, n), C (heads, n), x (rows, n), work (rows, r + n), where n is N for complex modes and 2 N for real
    and imaginary halves; Q and C are already conjugated and weighted, so that Q^T x and C^T x are plain sums.
    """
    rank = P.shape[2]
    for row in range(begin, end):
        state, coupling, product = x[row], work[row, :rank], work[row, rank:]
        h, source = head[row], u[signal[row]]
        for k in range(source.size):
            s = step[k]
            for j in range(rank):
                coupling[j] = dot(Q[h, s, j], state)
            turn(z[h, s], state, product)
            for j in range(rank):
                add_multiple(-coupling[j], P[h, s, j], product)
            add_forcing(B[h, s], source[k], B_prev[h, s], before[row], product)
            for n in range(state.size):
                state[n] = keep[h, s, n] * state[n] + product[n]
            before[row] = source[k]
            y[row, k] = dot(C[h], state)


@jit
def structured_loop(begin, end, head, signal, step, generators, factors, dt, alpha, B, C, u, before, x, work, y):
    """HiPPO operators in their own basis: one O(N) GBT step per sample; factors (heads, 3, N), dt (heads,), B (N,)."""
    for row in range(begin, end):
        state, h, source = x[row], head[row], u[signal[row]]
        for k in range(source.size):
            gbt_step(generators, factors[h], dt[h], alpha, B, source[k], state, work[row])
            before[row] = source[k]
            y[row, k] = dot(C[h], state)
