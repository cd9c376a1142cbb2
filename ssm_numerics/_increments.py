"""Matrices near the identity, held as their increment: the delta form.

A discretized matrix with a small step is I + X with X small, and rounding its entries to A_bar loses eps / ||X|| of the
dynamics in every step. Held as X (the delta operator of Middleton and Goodwin), the same matrix keeps eps relative to
X, through products, (I + X) v = v + X v, and through squarings, (I + X)^2 = I + (2 X + X^2). Once the powers have
decayed, the plain form is the smaller and the more accurate one. `Power` always keeps the smaller of the two, head by
head: the steps of a batch may lie many powers of ten apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np

TAYLOR_DEGREE = 16
"""For ||M||_1 <= 1/2 the remainder of the series, relative to M, is below (1/2)^16/17! < 2^-64."""


@dataclass(frozen=True)
class Power:
    """Matrices keep I + `matrix`, (..., N, N), with keep (..., 1, 1) one for increments and zero otherwise."""

    matrix: np.ndarray
    keep: np.ndarray

    def times(self, columns: np.ndarray) -> np.ndarray:
        """The matrix applied to columns (..., N, k)."""
        return self.keep * columns + self.matrix @ columns

    def after(self, rows: np.ndarray) -> np.ndarray:
        """Rows (..., k, N) applied to the matrix."""
        return self.keep * rows + rows @ self.matrix

    def squared(self) -> Power:
        """The square, in whichever form is smaller."""
        square = self.matrix @ self.matrix
        if not self.keep.any():
            return Power(square, self.keep)
        grown = smaller_form(2 * self.matrix + square)
        return Power(np.where(self.keep, grown.matrix, square), self.keep * grown.keep)

    def plain(self) -> np.ndarray:
        """The matrix itself."""
        return self.matrix + self.keep * identity_like(self.matrix)

    def increment(self) -> np.ndarray:
        """The matrix minus I, for increments without rounding."""
        return self.matrix - (1 - self.keep) * identity_like(self.matrix)


def transition(discrete: Any) -> Power:
    """A_bar of a dense discrete system, in the form it holds most accurately."""
    if discrete.increment is None:
        return Power(discrete.A_bar, np.zeros((1, 1), dtype=discrete.A_bar.real.dtype))
    return _smaller(discrete.increment, discrete.A_bar)


def identity_like(matrix: np.ndarray) -> np.ndarray:
    """The identity of the order and dtype of a stack of matrices."""
    return np.eye(matrix.shape[-1], dtype=matrix.dtype)


def smaller_form(increment: np.ndarray) -> Power:
    """I + increment, held as the increment or as the sum, whichever has the smaller Frobenius norm."""
    return _smaller(increment, increment + identity_like(increment))


def _smaller(increment: np.ndarray, total: np.ndarray) -> Power:
    sizes = (np.linalg.norm(m, axis=(-2, -1), keepdims=True) for m in (increment, total))
    keep = np.less_equal(*sizes)
    return Power(np.where(keep, increment, total), keep.astype(increment.real.dtype))


def expm1_series(M: np.ndarray) -> np.ndarray:
    """e^M - I for ||M||_1 <= 1/2: the Taylor polynomial of degree 16 in six products (Paterson and Stockmeyer)."""
    real = M.real.dtype.type
    c = [real(1 / factorial(k)) for k in range(TAYLOR_DEGREE + 1)]
    eye = identity_like(M)
    M2 = M @ M
    M3 = M2 @ M
    M4 = M2 @ M2
    total = c[16] * M4 + (c[12] * eye + c[13] * M + c[14] * M2 + c[15] * M3)
    for k in (8, 4):
        total = total @ M4 + (c[k] * eye + c[k + 1] * M + c[k + 2] * M2 + c[k + 3] * M3)
    return total @ M4 + (M + (c[2] * M2 + c[3] * M3))
