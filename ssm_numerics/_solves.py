"""Solutions with stacks of small matrices: triangular ones by substitution, others by elimination."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NoReturn

import numpy as np

from . import _arrays
from ._parallel import SERIAL_ORDER, over_rows, serial_blas

SUBSTITUTED = 2**21
"""Multiplications with triangular matrices from which compiled loops, which see their zeros, pay for being compiled."""

PANEL = 128
"""Rows that are substituted at once; what is before them is a matrix product."""


def solve(matrix: np.ndarray, right: np.ndarray, side: str, full: int) -> np.ndarray:
    """matrix^-1 right for stacks of matrices; triangular ones by substitution, whose error is componentwise small.

    `side` of the diagonal is zero. All columns of `right` but the last `full` ones have the same zeros.
    """
    leading, n, columns = np.broadcast_shapes(matrix.shape[:-2], right.shape[:-2]), matrix.shape[-1], right.shape[-1]
    if not side:
        substitute = _eliminate
    elif not np.diagonal(matrix, axis1=-2, axis2=-1).all():
        _singular()
    else:
        work = math.prod(leading) * n * n * columns
        substitute = _substitute if work > SUBSTITUTED else _substitute_by_lapack
    matrix = np.broadcast_to(matrix, (*leading, n, n)).reshape(-1, n, n)
    right = np.broadcast_to(right, (*leading, n, columns)).reshape(-1, n, columns)
    return substitute(matrix, right, side, full).reshape(*leading, n, columns)


def _eliminate(matrix: np.ndarray, right: np.ndarray, side: str, full: int) -> np.ndarray:
    """Heads of full matrices, shared among threads."""
    x = np.empty(right.shape, dtype=np.result_type(matrix, right))
    n = matrix.shape[-1]

    def work(begin: int, end: int) -> None:
        x[begin:end] = solve_any(matrix[begin:end], right[begin:end])

    with serial_blas(len(x) > 1 or n <= SERIAL_ORDER):
        over_rows(work, len(x), x.size * (2.0 * n + n * n / x.shape[-1]))
    return x


def _substitute_by_lapack(matrix: np.ndarray, right: np.ndarray, side: str, full: int) -> np.ndarray:
    """One head after another, for little work."""
    from scipy.linalg.lapack import get_lapack_funcs

    substitute: Any = get_lapack_funcs("trtrs", (matrix, right))
    is_upper = side == "upper"  # zero above the diagonal: LAPACK's columns are our rows, and its `lower` our upper
    with serial_blas(matrix.shape[-1] <= SERIAL_ORDER):
        return np.array(
            [substitute(m.T, r, lower=not is_upper, trans=1)[0] for m, r in zip(matrix, right, strict=True)]
        )


def _substitute(matrix: np.ndarray, right: np.ndarray, side: str, full: int) -> np.ndarray:
    """The heads shared among threads; upper triangular matrices are lower ones when all rows are reversed."""
    from .compiled.small_matrices import substitute_loop

    if side == "lower":
        return _substitute(matrix[:, ::-1, ::-1], right[:, ::-1], "upper", right.shape[-1])[:, ::-1]
    dtype = np.result_type(matrix, right)
    x = np.empty(right.shape, dtype)
    for first in range(0, x.shape[1], PANEL):
        rows = slice(first, first + PANEL)
        reach = full + first  # with the full columns first, the rows before have zeros from here on
        panel = np.roll(right[:, rows], full, axis=-1).astype(dtype, copy=False)
        lower = _arrays.writable(matrix[:, rows, rows], dtype)
        panel[..., :reach] -= matrix[:, rows, :first] @ x[:, :first, :reach]
        work = partial(substitute_loop, lower, panel, reach)
        over_rows(work, len(x), 1.0 * panel.size * panel.shape[1])
        x[:, rows] = panel
    return np.roll(x, -full, axis=-1)


def solve_any(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """np.linalg.solve with the house's error."""
    try:
        return np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        _singular()


def _singular() -> NoReturn:
    _arrays.fail("dt", "keep I - alpha dt A invertible", "1/(alpha dt) is an eigenvalue of A")
