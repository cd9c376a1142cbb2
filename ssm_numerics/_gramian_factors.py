"""Factors L of Gramians W = L L*, computed without W, so that small Hankel singular values keep their digits.

Everything is continuous here: A W + W A* + b b* = 0. A stable step A_bar has the Gramian of its inverse bilinear
transform (A_bar + I)^-1 (A_bar - I) with the input sqrt(2) (A_bar + I)^-1 B_bar, formed from increments A_bar - I.
"""

from __future__ import annotations

import numpy as np


def diagonal_factor(Lambda: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The Cholesky factor, pivots in descending order, of W_ij = -b_i conj(b_j)/(lambda_i + conj(lambda_j)).

    A Schur complement of this Cauchy matrix is one again: after pivot k, b_i becomes b_i (lambda_i -
    lambda_k)/(lambda_i + conj(lambda_k)). Every entry is a product of quotients, and nothing cancels but given numbers.
    """
    order = len(Lambda)
    factor, b, left = np.zeros((order, order), complex), b.astype(complex), np.ones(order, bool)
    for column in range(order):
        diagonal = np.where(left, np.abs(b) ** 2 / (-2 * Lambda.real), -1.0)
        k = int(np.argmax(diagonal))
        if diagonal[k] <= 0:
            break
        factor[:, column] = -b * b[k].conj() / (Lambda + Lambda[k].conj()) / np.sqrt(diagonal[k])
        b = b * ((Lambda - Lambda[k]) / (Lambda + Lambda[k].conj()))
        left[k] = False
    return factor


def triangular_factor(T: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hammarling's method for upper triangular T: the upper triangular L with T L L* + L L* T* + b b* = 0.

    From the last row up: with tau the new diagonal entry and e = beta/tau, (T_1 + conj(t)) l = -(tau a + conj(e) b_1),
    and what is left is the same problem with b_1 - e l.
    """
    from scipy.linalg import solve_triangular

    order = len(T)
    factor, b = np.zeros((order, order), complex), b.astype(complex)
    for j in range(order - 1, -1, -1):
        rate = np.sqrt(-2 * T[j, j].real)
        e = rate * (b[j] / abs(b[j]) if b[j] else 1.0)
        factor[j, j] = abs(b[j]) / rate
        if j:
            shifted = T[:j, :j] + T[j, j].conj() * np.eye(j)
            right = -(factor[j, j] * T[:j, j] + e.conj() * b[:j])
            factor[:j, j] = solve_triangular(shifted, right, check_finite=False)
            b = b[:j] - e * factor[:j, j]
    return factor


def dense_factor(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hammarling's method through a Schur form; for a real matrix its columns are made real."""
    from scipy.linalg import schur

    if not np.tril(A, -1).any():
        factor = triangular_factor(A, b)
    else:
        form, unitary = schur(A, output="complex")
        factor = unitary @ triangular_factor(form, unitary.conj().T @ b)
    return factor if np.iscomplexobj(A) or np.iscomplexobj(b) else np.concatenate([factor.real, factor.imag], axis=1)
