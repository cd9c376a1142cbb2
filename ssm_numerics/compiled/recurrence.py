"""The recurrence x_k = A_bar x_{k-1} + B_bar u_k + B_prev u_{k-1}, y_k = C x_k, sample by sample.

Every loop runs rows begin..end of a batch. `head[row]` and `signal[row]` say which parameters and which input a row
uses, so nothing shared is copied; `runs` (R, 3) holds the first sample, the end and the number of every run of samples
under one discretization. A row's arithmetic does not depend on the other rows or on where the signal was cut: the same
bits for blocks of any size. Only the sums over one state are reassociated, in an order that the number of states
decides.
"""

from __future__ import annotations

from ._jit import jit, jit_fused, jit_fused_inline, jit_inline, jit_part, jit_sum
from .hippo_steps import gbt_step


@jit_sum
def dot(a, b):
    """sum_n a_n b_n, in an order that depends on the length only."""
    total = a[0] - a[0]
    for n in range(a.size):
        total += a[n] * b[n]
    return total


@jit_sum
def four_dots(rows, i, x):
    """The products of rows i to i + 3 with x, which is read once."""
    a, b, c, d = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
    zero = x[0] - x[0]
    s, t, v, w = zero, zero, zero, zero
    for n in range(x.size):
        s += a[n] * x[n]
        t += b[n] * x[n]
        v += c[n] * x[n]
        w += d[n] * x[n]
    return s, t, v, w


@jit_part
def row_products(rows, x, product):
    """product <- rows x, a matrix times a vector."""
    whole = rows.shape[0] - rows.shape[0] % 4
    for i in range(0, whole, 4):
        product[i], product[i + 1], product[i + 2], product[i + 3] = four_dots(rows, i, x)
    for i in range(whole, rows.shape[0]):
        product[i] = dot(rows[i], x)


@jit_fused
def set_multiple(factor, p, add, x):
    """x <- factor p, or x <- x + factor p."""
    if add:
        for n in range(x.size):
            x[n] += factor * p[n]
    else:
        for n in range(x.size):
            x[n] = factor * p[n]


@jit_fused
def add_drive(keep, product, b, now, b_prev, before, x):
    """x <- keep x + (product + b u_k + b_prev u_{k-1}): one rounding of x, however small the rest; keep is a number."""
    for n in range(x.size):
        x[n] = keep * x[n] + (product[n] + (b[n] * now + b_prev[n] * before))


@jit_inline
def turned(z_re, z_im, x_re, x_im):
    """z x by parts."""
    return z_re * x_re - z_im * x_im, z_re * x_im + z_im * x_re


@jit_fused_inline
def turn_complex(modes, now, before, rest, x):
    """x <- keep x + (z x + b u_k + b_prev u_{k-1} + rest) for complex or real modes x and rest (1, N).

    `modes` (4, N) holds keep, z, b and b_prev: few arrays are told apart soon enough for the loop to be vectorized.
    """
    for n in range(modes.shape[1]):
        drive = modes[2, n] * now + (modes[3, n] * before + rest[0, n])
        x[0, n] = modes[0, n].real * x[0, n] + (modes[1, n] * x[0, n] + drive)


@jit_fused_inline
def turn_pairs(modes, now, before, rest, x):
    """The same by real and imaginary parts, x and rest (2, N); `modes` (7, N) holds keep, then z, b and b_prev."""
    for n in range(modes.shape[1]):
        re, im = turned(modes[1, n], modes[2, n], x[0, n], x[1, n])
        re += modes[3, n] * now + (modes[5, n] * before + rest[0, n])
        im += modes[4, n] * now + (modes[6, n] * before + rest[1, n])
        x[0, n] = modes[0, n] * x[0, n] + re
        x[1, n] = modes[0, n] * x[1, n] + im


@jit_part
def dense_run(keep, A, b, b_prev, c, source, first, last, before, state, product, y):
    """Samples first to last under one discretization; returns the last of them."""
    for k in range(first, last):
        row_products(A, state, product)
        add_drive(keep, product, b, source[k], b_prev, before, state)
        before = source[k]
        y[k] = dot(c, state)
    return before


@jit
def dense_loop(begin, end, head, signal, runs, keep, A, B, B_prev, C, u, before, x, work, y):
    """Dense systems: A (heads, steps, N, N) holds A_bar - keep I; keep (heads, steps) is 0 or 1.

    B (heads, steps, N), C (heads, N), u (signals, T), x (rows, N), y (rows, T); `before` (rows,) holds u_{-1} and ends
    as the last sample, `work` (rows, N) is scratch.
    """
    for row in range(begin, end):
        h, source = head[row], u[signal[row]]
        for first, last, s in runs:
            before[row] = dense_run(
                keep[h, s], A[h, s], B[h, s], B_prev[h, s], C[h],
                source, first, last, before[row], x[row], work[row], y[row],
            )  # fmt: skip


@jit_part
def modal_run(turn, modes, P, Q, c, source, first, last, before, state, rest, y):
    """Samples first to last under one discretization; returns the last of them."""
    parts = (state.size // modes.shape[1], modes.shape[1])
    x, coupled = state.reshape(parts), rest.reshape(parts)
    rest[:] = 0
    for k in range(first, last):
        for j in range(P.shape[0]):
            set_multiple(-dot(Q[j], state), P[j], j > 0, rest)
        turn(modes, source[k], before, coupled, x)
        before = source[k]
        y[k] = dot(c, state)
    return before


@jit
def modal_loop(turn, begin, end, head, signal, runs, modes, P, Q, C, u, before, x, work, y):
    """Diagonal plus low rank: A_bar = diag(keep + z) - P Q^T, one O(N r) step per sample ([S4] Theorem 2).

    modes (heads, steps, 4 or 7, N) as `turn` takes them, with keep one where z holds an increment; P and Q (heads,
    steps, r, n), C (heads, n), x (rows, n), work (rows, n), where n is N for complex modes and 2 N for real and
    imaginary halves; Q and C are already conjugated and weighted, so that Q^T x and C^T x are plain sums.
    """
    for row in range(begin, end):
        h, source = head[row], u[signal[row]]
        for first, last, s in runs:
            before[row] = modal_run(
                turn, modes[h, s], P[h, s], Q[h, s], C[h],
                source, first, last, before[row], x[row], work[row], y[row],
            )  # fmt: skip


@jit
def structured_loop(begin, end, head, signal, runs, generators, factors, dt, alpha, B, C, u, before, x, work, y):
    """HiPPO operators in their own basis: one O(N) GBT step per sample; factors (heads, 3, N), dt (heads,), B (N,)."""
    for row in range(begin, end):
        state, h, source = x[row], head[row], u[signal[row]]
        for k in range(source.size):
            gbt_step(generators, factors[h], dt[h], alpha, B, source[k], state, work[row])
            before[row] = source[k]
            y[row, k] = dot(C[h], state)
