"""Matrices near the identity, held as their increment: the delta form.

A discretized matrix with a small step is I + X with X small, and rounding its entries to A_bar loses eps / ||X|| of the
dynamics in every step. Held as X (the delta operator of Middleton and Goodwin), the same matrix keeps eps relative to
X, through products, (I + X) v = v + X v, and through squarings, (I + X)^2 = I + (2 X + X^2). Once the powers have
decayed, the plain form is the smaller and the more accurate one. `Power` always keeps the smaller of the two.
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
    """A stack of matrices (..., N, N): `matrix` itself, or I + `matrix` where `incremental`."""

    matrix: np.ndarray
    incremental: bool

    def times(self, columns: np.ndarray) -> np.ndarray:
        """The matrix applied to columns (..., N, k)."""
        product = self.matrix @ columns
        return columns + product if self.incremental else product

    def after(self, rows: np.ndarray) -> np.ndarray:
        """Rows (..., k, N) applied to the matrix."""
        product = rows @ self.matrix
        return rows + product if self.incremental else product

    def squared(self) -> Power:
        """The square, in whichever form is smaller."""
        square = self.matrix @ self.matrix
        return smaller_form(2 * self.matrix + square) if self.incremental else Power(square, False)

    def plain(self) -> np.ndarray:
        """The matrix itself."""
        return self.matrix + identity_like(self.matrix) if self.incremental else self.matrix


def transition(discrete: Any) -> Power:
    """A_bar of a dense discrete system, in the form it holds most accurately."""
    return Power(discrete.A_bar, False) if discrete.increment is None else Power(discrete.increment, True)


def identity_like(matrix: np.ndarray) -> np.ndarray:
    """The identity of the order and dtype of a stack of matrices."""
    return np.eye(matrix.shape[-1], dtype=matrix.dtype)


def smaller_form(increment: np.ndarray) -> Power:
    """I + increment, held as the increment or as the sum, whichever has the smaller Frobenius norm."""
    total = increment + identity_like(increment)
    return Power(total, False) if np.linalg.norm(total) < np.linalg.norm(increment) else Power(increment, True)


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
