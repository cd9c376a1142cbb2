"""Matrices near the identity, held as their increment: the delta form.

A discretized matrix with a small step is I + X with X small, and rounding its entries to A_bar loses eps / ||X|| of the
dynamics in every step. Held as X (the delta operator of Middleton and Goodwin), the same matrix keeps eps relative to
X, through products, (I + X) v = v + X v, and through squarings, (I + X)^2 = I + (2 X + X^2). Once the powers have
decayed, the plain form is the smaller and the more accurate one. `Power` always keeps the smaller of the two, head by
head: the steps of a batch may lie many powers of ten apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import factorial
from typing import Any

import numpy as np

TAYLOR_DEGREE = 16
"""For ||M||_1 <= 1/2 the remainder of the series, relative to M, is below (1/2)^16/17! < 2^-64."""


SMALLEST_HALVED = 64
"""Triangular matrices up to this order are squared whole: smaller products would be slower than they save."""


@dataclass(frozen=True)
class Power:
    """Matrices keep I + `matrix`, (..., N, N), with keep (..., 1, 1) one for increments and zero otherwise.

    `zero_side` says which side of the diagonal is zero in all of them, "upper", "lower" or "": squares profit.
    """

    matrix: np.ndarray
    keep: np.ndarray
    zero_side: str = ""

    def times(self, columns: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The matrix applied to columns (..., N, k)."""
        product = np.matmul(self.matrix, columns, out=out)
        if self.keep.any():
            product += self.keep * columns
        return product

    def after(self, rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Rows (..., k, N) applied to the matrix."""
        product = np.matmul(rows, self.matrix, out=out)
        if self.keep.any():
            product += self.keep * rows
        return product

    def squared(self) -> Power:
        """The square, in whichever form is smaller."""
        side = self.zero_side
        square = _square(self.matrix, side)
        if not self.keep.any():
            return Power(square, self.keep, side)
        if self.keep.all():
            square += self.matrix
            square += self.matrix
        else:
            square += 2 * self.keep * self.matrix
        return _smaller(square, self.keep, side)

    def plain(self) -> np.ndarray:
        """The matrix itself."""
        return self.matrix + self.keep * identity_like(self.matrix)

    def increment(self) -> np.ndarray:
        """The matrix minus I, for increments without rounding."""
        return self.matrix - (1 - self.keep) * identity_like(self.matrix)


def transition(discrete: Any) -> Power:
    """A_bar of a dense discrete system, in the form it holds most accurately."""
    A_bar, increment = discrete.A_bar, discrete.increment
    if increment is None:
        return Power(A_bar, np.zeros((1, 1), dtype=A_bar.real.dtype))
    keep = np.ones((1, 1), dtype=A_bar.real.dtype) * _is_smaller(increment)
    return Power(increment if keep.all() else np.where(keep, increment, A_bar), keep)


def zero_side(matrix: np.ndarray) -> str:
    """Which side of the diagonal is zero in all matrices of a stack, "upper", "lower", or ""."""
    first = matrix[(0,) * (matrix.ndim - 2)]  # usually tells
    stacks = [first, matrix] if matrix.size > first.size else [first]
    for side, part in (("upper", partial(np.triu, k=1)), ("lower", partial(np.tril, k=-1))):
        if not any(part(stack).any() for stack in stacks):
            return side
    return ""


def identity_like(matrix: np.ndarray) -> np.ndarray:
    """The identity of the order and dtype of a stack of matrices."""
    return np.eye(matrix.shape[-1], dtype=matrix.dtype)


def smaller_form(increment: np.ndarray) -> Power:
    """I + increment, held as the increment or as the sum, whichever has the smaller Frobenius norm."""
    return _smaller(increment, np.ones((1, 1), dtype=increment.real.dtype))


def _smaller(matrix: np.ndarray, held: np.ndarray, side: str = "") -> Power:
    """held I + matrix, the same where `held` is zero; |X|_F <= |I + X|_F just where the trace of X is at least -N/2."""
    keep = held * _is_smaller(matrix)
    return Power(matrix if keep.all() else matrix + (held - keep) * identity_like(matrix), keep, side)


def _is_smaller(matrix: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        trace = np.trace(matrix, axis1=-2, axis2=-1).real
    return np.asarray(trace >= -matrix.shape[-1] / 2)[..., None, None]


def _square(matrix: np.ndarray, zero_side: str) -> np.ndarray:
    """The square; of triangular matrices by halves, which saves up to two thirds of the work."""
    n = matrix.shape[-1]
    if not zero_side or n <= SMALLEST_HALVED:
        return np.asarray(matrix @ matrix)
    first, last = slice(n // 2), slice(n // 2, n)
    square = np.zeros_like(matrix)
    for block in (first, last):
        square[..., block, block] = _square(matrix[..., block, block], zero_side)
    rows, columns = (last, first) if zero_side == "upper" else (first, last)
    corner = matrix[..., rows, columns]
    square[..., rows, columns] = corner @ matrix[..., columns, columns] + matrix[..., rows, rows] @ corner
    return square


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
