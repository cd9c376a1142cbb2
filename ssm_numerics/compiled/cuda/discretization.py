"""GBT discretization of many diagonal and DPLR heads on the device."""

from __future__ import annotations

from typing import Any

from .._cuda import SIMULATED, cuda, kernel
from .._jit import jit
from ..recurrence import turned
from .generating_function import divided

BLOCK = 8 if SIMULATED else 128


@kernel
def gbt_modes_kernel(Lambda: Any, B: Any, dt: Any, alpha: Any, Lambda_bar: Any, increment: Any, B_bar: Any) -> None:
    """(1 + (1 - alpha) z) i, z i and dt B i with z = dt Lambda and i = 1/(1 - alpha z), mode by mode; dt (H,).

    Lambda and B (H, N, 2); the results (H, N, 1 or 2).
    """
    n_modes, one = Lambda.shape[1], type(alpha)(1)
    zero, beta = one - one, one - alpha
    for i in range(cuda.grid(1), Lambda.shape[0] * n_modes, cuda.gridsize(1)):
        h, n = i // n_modes, i % n_modes
        z_re, z_im = dt[h] * Lambda[h, n, 0], dt[h] * Lambda[h, n, 1]
        i_re, i_im = divided(one, zero, one - alpha * z_re, -(alpha * z_im))
        re, im = turned(one + beta * z_re, beta * z_im, i_re, i_im)
        d_re, d_im = turned(z_re, z_im, i_re, i_im)
        b_re, b_im = turned(dt[h] * B[h, n, 0], dt[h] * B[h, n, 1], i_re, i_im)
        Lambda_bar[h, n, 0], increment[h, n, 0], B_bar[h, n, 0] = re, d_re, b_re
        if Lambda_bar.shape[2] > 1:
            Lambda_bar[h, n, 1], increment[h, n, 1], B_bar[h, n, 1] = im, d_im, b_im


@jit
def project(weights: Any, Q: Any, implicit: Any, b: Any, paired: int, drive: Any) -> None:
    """drive_j = sum_n w_n conj(Q_nj) i_n b_n, its real part where modes are paired."""
    for j in range(Q.shape[1]):
        re, im = b[0, 0] - b[0, 0], b[0, 0] - b[0, 0]
        for n in range(Q.shape[0]):
            i_re, i_im = turned(implicit[n, 0], implicit[n, 1], b[n, 0], b[n, 1])
            d_re, d_im = turned(Q[n, j, 0], -Q[n, j, 1], i_re, i_im)
            re += weights[n] * d_re
            im += weights[n] * d_im
        drive[j, 0], drive[j, 1] = re, im if paired == 0 else re - re


@jit
def invert(m: Any) -> None:
    """[M, I] -> [I, M^-1] in place by Gauss and Jordan with partial pivoting; m (r, 2r, 2)."""
    rank = m.shape[0]
    for pivot in range(rank):
        best, size = pivot, abs(m[pivot, pivot, 0]) + abs(m[pivot, pivot, 1])
        for row in range(pivot + 1, rank):
            other = abs(m[row, pivot, 0]) + abs(m[row, pivot, 1])
            if other > size:
                best, size = row, other
        for column in range(2 * rank):
            for part in range(2):
                kept = m[pivot, column, part]
                m[pivot, column, part] = m[best, column, part]
                m[best, column, part] = kept
        p_re, p_im = m[pivot, pivot, 0], m[pivot, pivot, 1]
        for column in range(2 * rank):
            re, im = divided(m[pivot, column, 0], m[pivot, column, 1], p_re, p_im)
            m[pivot, column, 0], m[pivot, column, 1] = re, im
        for row in range(rank):
            f_re, f_im = m[row, pivot, 0], m[row, pivot, 1]
            if row != pivot:
                for column in range(2 * rank):
                    d_re, d_im = turned(f_re, f_im, m[pivot, column, 0], m[pivot, column, 1])
                    m[row, column, 0] -= d_re
                    m[row, column, 1] -= d_im


@jit
def add_advanced(h: Any, alpha: Any, implicit: Any, P_bar: Any, drive: Any, b: Any, B_bar: Any) -> None:
    """B_bar += (I - alpha h A)^-1 h b, with the drive of b."""
    for n in range(b.shape[0]):
        re, im = turned(implicit[n, 0], implicit[n, 1], h * b[n, 0], h * b[n, 1])
        for j in range(drive.shape[0]):
            d_re, d_im = turned(P_bar[n, j, 0], P_bar[n, j, 1], drive[j, 0], drive[j, 1])
            re -= alpha * h * d_re
            im -= alpha * h * d_im
        B_bar[n, 0] += re
        B_bar[n, 1] += im


@kernel
def gbt_low_rank_kernel(
    Lambda: Any,
    P: Any,
    Q: Any,
    B: Any,
    weights: Any,
    dt: Any,
    alpha: Any,
    paired: int,
    refinements: int,
    implicit: Any,
    matrix: Any,
    drive: Any,
    left: Any,
    P_bar: Any,
    Q_bar: Any,
    B_bar: Any,
) -> None:
    """Woodbury's formula for I - dt alpha (diag(Lambda) - P Q*), a thread per head, then refinement of B_bar.

    Lambda and B (H, N, 2), P and Q (H, N, r, 2), weights (N,), dt (H,); scratch implicit and left (H, N, 2), matrix
    (H, r, 2r, 2), drive (H, r, 2). The results are P_bar and Q_bar (H, N, r, 2) and B_bar (H, N, 2).
    """
    n_modes, rank, one = P.shape[1], P.shape[2], type(alpha)(1)
    zero = one - one
    for h in range(cuda.grid(1), P.shape[0], cuda.gridsize(1)):
        for n in range(n_modes):
            z_re, z_im = alpha * (dt[h] * Lambda[h, n, 0]), alpha * (dt[h] * Lambda[h, n, 1])
            re, im = divided(one, zero, one - z_re, -z_im)
            implicit[h, n, 0], implicit[h, n, 1] = re, im
            left[h, n, 0], left[h, n, 1] = B[h, n, 0], B[h, n, 1]
            B_bar[h, n, 0], B_bar[h, n, 1] = zero, zero
            for j in range(rank):
                Q_bar[h, n, j, 0], Q_bar[h, n, j, 1] = turned(re, -im, Q[h, n, j, 0], Q[h, n, j, 1])
        for j in range(rank):
            project(weights, Q[h], implicit[h], P[h, :, j], paired, drive[h])
            for i in range(rank):
                identity = one if i == j else zero
                matrix[h, i, j, 0] = identity + alpha * dt[h] * drive[h, i, 0]
                matrix[h, i, j, 1] = alpha * dt[h] * drive[h, i, 1]
                matrix[h, i, rank + j, 0], matrix[h, i, rank + j, 1] = identity, zero
        invert(matrix[h])
        for n in range(n_modes):
            for j in range(rank):
                re, im = zero, zero
                for i in range(rank):
                    m = matrix[h, i, rank + j]
                    d_re, d_im = turned(P[h, n, i, 0], P[h, n, i, 1], m[0], m[1])
                    re += d_re
                    im += d_im
                re, im = turned(implicit[h, n, 0], implicit[h, n, 1], re, im)
                P_bar[h, n, j, 0], P_bar[h, n, j, 1] = dt[h] * re, dt[h] * im
        for turn in range(refinements + 1):
            if turn > 0:
                for j in range(rank):
                    re, im = zero, zero
                    for n in range(n_modes):
                        d_re, d_im = turned(Q[h, n, j, 0], -Q[h, n, j, 1], B_bar[h, n, 0], B_bar[h, n, 1])
                        re += weights[n] * d_re
                        im += weights[n] * d_im
                    drive[h, j, 0], drive[h, j, 1] = re, im if paired == 0 else zero
                for n in range(n_modes):
                    re, im = turned(Lambda[h, n, 0], Lambda[h, n, 1], B_bar[h, n, 0], B_bar[h, n, 1])
                    for j in range(rank):
                        d_re, d_im = turned(P[h, n, j, 0], P[h, n, j, 1], drive[h, j, 0], drive[h, j, 1])
                        re -= d_re
                        im -= d_im
                    left[h, n, 0] = B[h, n, 0] - (B_bar[h, n, 0] / dt[h] - alpha * re)
                    left[h, n, 1] = B[h, n, 1] - (B_bar[h, n, 1] / dt[h] - alpha * im)
            project(weights, Q[h], implicit[h], left[h], paired, drive[h])
            add_advanced(dt[h], alpha, implicit[h], P_bar[h], drive[h], left[h], B_bar[h])
