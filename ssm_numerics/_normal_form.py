"""Unitary diagonalization of normal matrices by dense factorizations, with conjugate pairs kept exact.

Each function returns (Lambda, V, pairs): the stored eigenvalues by descending imaginary part, their orthonormal
eigenvectors as columns, and the mask of those that stand for a conjugate pair (None for a complex matrix: all are
stored).
"""

from __future__ import annotations

import math

import numpy as np

from . import _arrays

NormalForm = tuple[np.ndarray, np.ndarray, np.ndarray | None]


def normal_form(matrix: np.ndarray) -> NormalForm:
    """Diagonalize a normal matrix; ValueError with its departure from normality if it is not."""
    N = matrix.shape[-1]
    tolerance = 100 * N * 2.0**-53 * np.linalg.norm(matrix)
    center = np.trace(matrix).real / N
    hermitian = (matrix + matrix.conj().T) / 2 - center * np.eye(N)
    if np.linalg.norm(hermitian) <= tolerance:
        skew = (matrix - matrix.conj().T) / 2
        Lambda, V, pairs = hermitian_form(skew) if np.iscomplexobj(matrix) else skew_form(skew)
        return Lambda + center, V, pairs
    form, departure = complex_schur_form(matrix) if np.iscomplexobj(matrix) else real_schur_form(matrix)
    if departure > tolerance:
        found = f"the Schur form of that sum departs from a diagonal one by {departure:.3g} (Frobenius norm)"
        _arrays.fail("P", "make A + P Q* a normal matrix", found)
    return form


def skew_form(S: np.ndarray) -> NormalForm:
    """A real skew-symmetric matrix, in real arithmetic.

    Where S couples only even with odd states it is [[0, K], [-K', 0]], and a singular triple K w = sigma u gives the
    eigenvectors (u, +-i w)/sqrt2 of +-i sigma: exact pairs from one SVD of half the size. Any other S is first reduced
    to tridiagonal, hence even-odd, form by an orthogonal similarity.
    """
    N = S.shape[0]
    if N == 1:
        return np.zeros(1, complex), np.ones((1, 1), complex), np.zeros(1, bool)
    H = None
    if S[::2, ::2].any() or S[1::2, 1::2].any():
        from scipy.linalg import hessenberg

        T, H = hessenberg(S, calc_q=True)
        coupling = (np.diagonal(T, 1) - np.diagonal(T, -1)) / 2
        S = np.diag(coupling, 1) - np.diag(coupling, -1)
    left, sigma, right = np.linalg.svd(S[::2, 1::2])
    V = np.zeros((N, left.shape[0]), complex)
    V[::2] = left
    V[1::2, : sigma.size] = 1j * right.T
    V[:, : sigma.size] /= math.sqrt(2)
    Lambda = np.zeros(left.shape[0], complex)
    Lambda[: sigma.size] = 1j * sigma
    return Lambda, V if H is None else H @ V, np.arange(left.shape[0]) < sigma.size


def hermitian_form(S: np.ndarray) -> NormalForm:
    """A complex skew-Hermitian matrix, by the eigendecomposition of the Hermitian -iS."""
    omega, V = np.linalg.eigh(-1j * S)
    return 1j * omega[::-1], V[:, ::-1], None


def real_schur_form(matrix: np.ndarray) -> tuple[NormalForm, float]:
    """A real normal matrix: its real Schur form has only blocks [a] and [[a, b], [-b, a]]."""
    from scipy.linalg import schur

    T, Z = schur(matrix, output="real")
    N = T.shape[0]
    first = np.flatnonzero(np.diagonal(T, -1))
    b = (T[first, first + 1] - T[first + 1, first]) / 2
    alone = np.setdiff1d(np.arange(N), np.concatenate([first, first + 1]))
    block = np.diag(np.diagonal(T))
    block[first, first + 1], block[first + 1, first] = b, -b
    Lambda = np.concatenate([(T[first, first] + T[first + 1, first + 1]) / 2 + 1j * np.abs(b), T[alone, alone]])
    paired = (Z[:, first] + 1j * np.copysign(1.0, b) * Z[:, first + 1]) / math.sqrt(2)
    V = np.concatenate([paired, Z[:, alone]], axis=1)
    pairs = np.arange(Lambda.size) < first.size
    order = np.lexsort((-Lambda.real, -Lambda.imag, ~pairs))
    return (Lambda[order], V[:, order], pairs[order]), float(np.linalg.norm(T - block))


def complex_schur_form(matrix: np.ndarray) -> tuple[NormalForm, float]:
    """A complex normal matrix: its Schur form is diagonal."""
    from scipy.linalg import schur

    T, Z = schur(matrix, output="complex")
    Lambda = np.diagonal(T)
    order = np.argsort(-Lambda.imag, kind="stable")
    return (Lambda[order], Z[:, order], None), float(np.linalg.norm(np.triu(T, 1)))
