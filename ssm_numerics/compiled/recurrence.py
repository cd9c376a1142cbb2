"""The recurrence x_k = A_bar x_{k-1} + B_bar u_k + B_prev u_{k-1}, y_k = C x_k, sample by sample.

Every loop runs rows begin..end of a batch. `head[row]` and `signal[row]` say which parameters and which input a row
uses, so nothing shared is copied; `step[k]` says which of several discretizations sample k uses. A row's arithmetic
does not depend on the other rows or on where the signal was cut, and the order of every sum depends on its length only:
the same bits for blocks of any size.
"""

from __future__ import annotations

from ._jit import jit, jit_sum
from .hippo_steps import gbt_step


@jit_sum
def dot(a, b):
    """sum_n a_n b_n on vectors, in an order that depends on the length only."""
    total = a.dtype.type(0)
    for n in range(a.size):
        total += a[n] * b[n]
    return total


@jit_sum
def four_dots(a, b, c, d, x):
    """The products of four rows with x, which is read once for all of them."""
    zero = x.dtype.type(0)
    s0, s1, s2, s3 = zero, zero, zero, zero
    for n in range(x.size):
        s0 += a[n] * x[n]
        s1 += b[n] * x[n]
        s2 += c[n] * x[n]
        s3 += d[n] * x[n]
    return s0, s1, s2, s3


@jit
def multiply(A, x, product):
    """product <- A x."""
    whole = x.size - x.size % 4
    for i in range(0, whole, 4):
        rows = four_dots(A[i], A[i + 1], A[i + 2], A[i + 3], x)
        product[i], product[i + 1], product[i + 2], product[i + 3] = rows
    for i in range(whole, x.size):
        product[i] = dot(A[i], x)


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
    re, im = product[:n_modes], product[n_modes:]
    for n in range(n_modes):  # two loops, since one that writes both halves is not vectorized
        re[n] = z[0, n] * x[n] - z[1, n] * x[n_modes + n]
    for n in range(n_modes):
        im[n] = z[0, n] * x[n_modes + n] + z[1, n] * x[n]


@jit
def dense_loop(begin, end, head, signal, step, keep, A, B, B_prev, C, u, before, x, work, y):
    """Dense systems: A (heads, steps, N, N) holds A_bar - keep I; keep (heads, steps) is 0 or 1.

    B (heads, steps, N), C (heads, N), u (signals, T), x (rows, N), y (rows, T); `before` (rows,) holds u_{-1} and ends
    as the last sample, `work` (rows, N) is scratch.
    """
    for row in range(begin, end):
        state, product, h, source = x[row], work[row], head[row], u[signal[row]]
        for k in range(source.size):
            s = step[k]
            multiply(A[h, s], state, product)
            add_forcing(B[h, s], source[k], B_prev[h, s], before[row], product)
            for n in range(state.size):
                state[n] = keep[h, s] * state[n] + product[n]
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
