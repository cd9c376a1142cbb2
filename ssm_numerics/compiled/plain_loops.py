"""What a user would write: one plain Numba loop per formula, with `fastmath` and without a thought about vectors.

Nothing in the package calls these. The benchmarks do: they are the simple loops that nothing here may be slower than.
"""

from __future__ import annotations

import math

import numpy as np

from ._jit import jit_plain


@jit_plain
def kernel_by_exponentials(c, log_z, K):
    """K[h, l] = 2 Re sum_n c_n exp(l log z_n), an exponential, a sine and a cosine per term."""
    for h in range(K.shape[0]):
        for l in range(K.shape[1]):
            total = 0.0
            for n in range(c.shape[1]):
                size, angle = math.exp(l * log_z[h, n].real), l * log_z[h, n].imag
                total += size * (c[h, n].real * math.cos(angle) - c[h, n].imag * math.sin(angle))
            K[h, l] = 2.0 * total


@jit_plain
def kernel_by_recurrence(c, z, K):
    """K[h, l] = 2 Re sum_n p_n, p_n <- p_n z_n."""
    power = np.empty(c.shape[1], dtype=c.dtype)
    for h in range(K.shape[0]):
        power[:] = c[h]
        for l in range(K.shape[1]):
            total = 0.0
            for n in range(power.size):
                total += power[n].real
                power[n] *= z[h, n]
            K[h, l] = 2.0 * total


@jit_plain
def cauchy(v, z, poles, out):
    """out[j, l] = sum_n v[j, n] / (z_l - p_n), one complex division per term and all sums at once."""
    for l in range(z.size):
        for j in range(v.shape[0]):
            out[j, l] = 0.0
        for n in range(poles.size):
            inverse = 1.0 / (z[l] - poles[n])
            for j in range(v.shape[0]):
                out[j, l] += v[j, n] * inverse


@jit_plain
def simulate_dense(A, B, C, u, y):
    """x <- A x + B u_k, y_k = C x for rows of u (H, T) and matrices A (H, N, N)."""
    x, following = np.zeros(B.shape[1]), np.zeros(B.shape[1])
    for h in range(u.shape[0]):
        x[:] = 0.0
        for k in range(u.shape[1]):
            for i in range(x.size):
                total = B[h, i] * u[h, k]
                for j in range(x.size):
                    total += A[h, i, j] * x[j]
                following[i] = total
            x[:] = following
            total = 0.0
            for i in range(x.size):
                total += C[h, i] * x[i]
            y[h, k] = total


@jit_plain
def simulate_diagonal(z, b, c, u, y):
    """x_n <- z_n x_n + b_n u_k, y_k = 2 Re sum_n c_n x_n, in complex arithmetic."""
    x = np.zeros(z.size, dtype=z.dtype)
    for k in range(u.size):
        total = 0.0
        for n in range(z.size):
            x[n] = z[n] * x[n] + b[n] * u[k]
            total += (c[n] * x[n]).real
        y[k] = 2.0 * total


@jit_plain
def compress_scaled_legs(B, u, c):
    """The time-varying LegS operator by bilinear steps, using that A is lower triangular of rank one: O(N) a step.

    A_ij = -B_i B_j below the diagonal and -(i+1) on it; (I - A/2k) c <- (I + A/2k) c + B u / k from (u_0, 0, ...).
    """
    c[:] = 0.0
    c[0] = u[0]
    for k in range(1, u.size):
        half = 0.5 / k
        below, solved = 0.0, 0.0
        for i in range(c.size):
            right = c[i] - half * (B[i] * below + (i + 1) * c[i]) + B[i] * u[k] / k
            below += B[i] * c[i]
            c[i] = (right - half * B[i] * solved) / (1.0 + half * (i + 1))
            solved += B[i] * c[i]
