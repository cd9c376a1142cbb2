"""O(N) arithmetic of semiseparable HiPPO matrices, -A = diag(d) + strictly lower l r' + strictly upper v w'.

`I - hA` has an LU factorization of the same form, found by one scalar recurrence. With g_i the sum of rho_k lam_k
over k < i (and l, v, d scaled by h, 1 added to d):

    pivot_i = d_i - l_i g_i w_i,    lam_i = v_i - l_i g_i,    rho_i = (r_i - g_i w_i) / pivot_i,
    L_ij = l_i rho_j  (i > j),      U_ij = lam_i w_j  (i < j),      U_ii = pivot_i.

The generators come as the rows of one array `generators` (5, N): d, l, r, v, w; the factors as the rows of `factors`
(3, N): 1/pivot, rho, lam.
"""

from __future__ import annotations

import math

from ._jit import jit, jit_fused, jit_part, jit_sum

HUGE = 2.0**500


@jit
def is_lower(generators):
    """Whether the strictly upper part vanishes, which saves the backward pass."""
    return generators[3, 0] == 0.0


@jit_fused
def apply(generators, x, y):
    """y = A x by two running sums."""
    d, l, r, v, w = generators
    total = x.dtype.type(0)
    for i in range(d.size):
        y[i] = -(d[i] * x[i] + l[i] * total)
        total += r[i] * x[i]
    if is_lower(generators):
        return
    total = x.dtype.type(0)
    for i in range(d.size - 1, -1, -1):
        y[i] -= v[i] * total
        total += w[i] * x[i]


@jit
def factor_loop(generators, h, factors):
    """The LU factors of I - hA, the pivots inverted."""
    d, l, r, v, w = generators
    inverse, rho, lam = factors
    g = 0.0
    for i in range(d.size):
        lg = h * l[i] * g
        inverse[i] = 1.0 / ((1.0 + h * d[i]) - lg * w[i])
        lam[i] = h * v[i] - lg
        rho[i] = (r[i] - g * w[i]) * inverse[i]
        g += rho[i] * lam[i]


@jit_fused
def solve(generators, factors, h, b, x):
    """x = (I - hA)^{-1} b by substitution; b and x may be the same array."""
    l, w = generators[1], generators[4]
    inverse, rho, lam = factors
    total = b.dtype.type(0)
    for i in range(b.size):
        below = b[i] - h * l[i] * total
        total += rho[i] * below
        x[i] = below * inverse[i]
    if is_lower(generators):
        return
    total = b.dtype.type(0)
    for i in range(b.size - 1, -1, -1):
        x[i] -= lam[i] * inverse[i] * total
        total += w[i] * x[i]


@jit
def apply_loop(generators, x, y, begin, end):
    for row in range(begin, end):
        apply(generators, x[row], y[row])


@jit
def solve_loop(generators, factors, h, b, x, begin, end):
    for row in range(begin, end):
        solve(generators, factors, h, b[row], x[row])


@jit_part
def gbt_step(generators, factors, h, alpha, B, u, c, work):
    """c = (I - alpha h A)^{-1} ((I + (1-alpha) h A) c + h B u), in place.

    For alpha >= 1/2 no product with A is needed: I + (1-alpha) h A = (I - (1-alpha) (I - alpha h A)) / alpha, and both
    terms stay of the size of c.
    """
    if alpha >= 0.5:
        for i in range(c.size):
            work[i] = c[i] + alpha * h * u * B[i]
        solve(generators, factors, alpha * h, work, work)
        for i in range(c.size):
            c[i] = (work[i] - (1.0 - alpha) * c[i]) / alpha
    else:
        apply(generators, c, work)
        for i in range(c.size):
            c[i] += (1.0 - alpha) * h * work[i] + h * u * B[i]
        solve(generators, factors, alpha * h, c, c)


@jit
def compress_loop(generators, factors, h, alpha, B, u, c, history, work, begin, end):
    """Time-invariant compression of the signals u (rows, T) into c (rows, N); a non-empty history keeps every step."""
    for row in range(begin, end):
        for k in range(u.shape[1]):
            gbt_step(generators, factors, h, alpha, B, u[row, k], c[row], work[row])
            if history.shape[1]:
                for n in range(c.shape[1]):
                    history[row, k, n] = c[row, n]


@jit_fused
def scaled_step(k, alpha, u, e, innovation, gain, factor):
    """One GBT step of e' = (A e + B u)/t with h = 1/k, for the coefficients e_n = c_n / sqrt(2n+1) of LegS, in place.

    The inner stage x = (I - alpha h A)^{-1} (e + alpha h B u) enters only through what it has not explained of u,
    V_n = u - sum_{m<n} (2m+1) x_m. With g_n = 1/(k + alpha (n+1)),

        V_{n+1} = g_n ((k - alpha n) V_n - (2n+1) k e_n),    e_n <- e_n + g_n (V_n - (n+1) e_n).

    As |k - alpha n| g_n <= 1, the recurrence of V damps its rounding. It is the only part that is not vectorized: one
    multiply-add per state, whose latency is the limit.
    """
    for n in range(e.size):
        g = 1.0 / (k + alpha * (n + 1.0))
        gain[n] = g
        factor[n] = g * (k - alpha * n)
        innovation[n] = -(2.0 * n + 1.0) * k * g * e[n]
    left = u
    for n in range(e.size):
        added, innovation[n] = innovation[n], left
        left = factor[n] * left + added
    for n in range(e.size):
        e[n] += gain[n] * (innovation[n] - (n + 1.0) * e[n])


@jit
def compress_scaled_loop(alpha, scale, u, c, history, work, begin, end):
    """Compression by the time-varying operator c' = (A c + B u) / t, whose step at sample k is h = 1/k for any dt.

    `scale` (N,) is sqrt(2n+1); `work` (rows, 3, N) is scratch. c_0 = (u_0, 0, ...).
    """
    for row in range(begin, end):
        e = c[row]
        e[:] = 0.0
        for k in range(u.shape[1]):
            if k == 0:
                e[0] = u[row, 0]
            else:
                scaled_step(k, alpha, u[row, k], e, work[row, 0], work[row, 1], work[row, 2])
            if history.shape[1]:
                for n in range(e.size):
                    history[row, k, n] = scale[n] * e[n]
        for n in range(e.size):
            e[n] *= scale[n]


@jit_sum
def row_times(a, x):
    """The product of one row with a vector."""
    total = 0.0
    for j in range(x.size):
        total += a[j] * x[j]
    return total


@jit
def dense_loop(keep, A, inputs, u, c, history, work, begin, end):
    """c_k = (keep I + A) c_{k-1} + inputs_0 u_k + inputs_1 u_{k-1}, u_{-1} = 0; a non-empty history gets every step."""
    for row in range(begin, end):
        before = 0.0
        for k in range(u.shape[1]):
            for i in range(c.shape[1]):
                forced = inputs[0, i] * u[row, k] + inputs[1, i] * before
                work[row, i] = keep * c[row, i] + (row_times(A[i], c[row]) + forced)
            for i in range(c.shape[1]):
                c[row, i] = work[row, i]
            before = u[row, k]
            if history.shape[1]:
                for n in range(c.shape[1]):
                    history[row, k, n] = c[row, n]


@jit
def polynomials_loop(coefficients, x, log_weight, table, begin, end):
    """Weighted polynomials g_{n+1} = (slope_n x + offset_n) g_n - back_n g_{n-1}, g_0 = exp(log_weight), at every x.

    The running values are rescaled as they grow, so that a tiny weight times a huge polynomial neither under- nor
    overflows.
    """
    slope, offset, back = coefficients
    for j in range(begin, end):
        before, now = 0.0, 1.0
        exponent = log_weight[j]
        weight = math.exp(exponent)
        for n in range(table.shape[0]):
            table[n, j] = weight * now
            before, now = now, (slope[n] * x[j] + offset[n]) * now - back[n] * before
            if abs(now) > HUGE:
                before, now = before / HUGE, now / HUGE
                exponent += 500.0 * 0.6931471805599453
                weight = math.exp(exponent)
