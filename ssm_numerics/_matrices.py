"""Dense matrices of systems and operators, and their eigenvalues with condition numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import _arrays
from ._systems import System

UNIT = 2.0**-53

LARGEST_SQUARED = 1e150
"""Numbers up to this size have a square, and sums of squares."""


@dataclass(frozen=True)
class Eigensystem:
    """Eigenvalues, unit right eigenvectors, condition numbers 1/|y*x|, Frobenius norm."""

    values: np.ndarray
    vectors: np.ndarray
    conditions: np.ndarray
    norm: float
    is_triangular: bool
    is_normal: bool

    @property
    def uncertainty(self) -> np.ndarray:
        """First-order error bounds N u |A|_F kappa_j of the eigenvalues; zero where they stand on the diagonal."""
        if self.is_triangular or self.norm == 0:
            return np.zeros(len(self.values))
        return len(self.values) * UNIT * self.norm * self.conditions

    @property
    def condition(self) -> float:
        """The 2-norm condition number of the eigenvectors with unit columns."""
        if self.is_normal:
            return 1.0
        value = float(np.linalg.cond(self.vectors))
        return value if np.isfinite(value) else np.inf


def dense_matrix(source: Any, name: str = "A") -> np.ndarray:
    """The matrix (..., N, N) of a system, a HiPPO operator or an array, in double precision."""
    if isinstance(source, System):
        dense = source.to_dense()  # type: ignore[attr-defined]
        source = dense.A if hasattr(dense, "A") else dense.A_bar
    elif hasattr(source, "family") and hasattr(source, "A"):
        source = source.A
    matrix = _arrays.numeric(name, source, min_ndim=2)
    require_squares(name, matrix)
    _arrays.square(name, matrix)
    return matrix.astype(np.result_type(matrix.dtype, np.float64))


def one_matrix(A: Any) -> np.ndarray:
    """The one matrix (N, N) of a system, an operator or an array, in double precision."""
    matrix = dense_matrix(A)
    if matrix.ndim != 2:
        _arrays.fail("A", "be one matrix of shape (N, N)", f"its shape is {matrix.shape}")
    return matrix


def require_squares(name: str, values: Any) -> None:
    """Norms and singular values come from squares, which must be finite."""
    largest = float(np.abs(values).max())
    if largest > LARGEST_SQUARED:
        _arrays.fail(name, f"be at most {LARGEST_SQUARED:.0e} in modulus", f"it reaches {largest:.3g}")


def is_discrete(A: Any, discrete: bool | None) -> bool:
    """Whether powers of the matrix are meant, not its exponential; a system says so itself."""
    if discrete is not None:
        discrete = _arrays.flag("discrete", discrete)
    if not isinstance(A, System):
        return bool(discrete)
    stepped = hasattr(A, "dt")
    if discrete is not None and discrete != stepped:
        _arrays.fail("discrete", f"be left out or {stepped} for a {type(A).__name__}", f"it is {discrete}")
    return stepped


def eigensystem(matrix: np.ndarray) -> Eigensystem:
    """Eigenvalues and vectors of one matrix: by a Schur form if that shows it normal, else by LAPACK's geev.

    Normal means a strictly upper Schur part of at most 10 N u |A|_F, what rounding leaves of zero. The eigenvalues of a
    triangular matrix are its diagonal.
    """
    from scipy.linalg import eig, schur

    order, norm = len(matrix), float(np.linalg.norm(matrix))
    triangular = not np.tril(matrix, -1).any() or not np.triu(matrix, 1).any()
    form, unitary = schur(matrix, output="complex")
    if np.linalg.norm(np.triu(form, 1)) <= 10 * order * UNIT * norm:
        values = np.diagonal(matrix).astype(complex) if is_diagonal(matrix) else np.diagonal(form).copy()
        vectors = np.eye(order, dtype=complex) if is_diagonal(matrix) else unitary
        return Eigensystem(values, vectors, np.ones(order), norm, is_diagonal(matrix), True)
    values, left, right = eig(matrix, left=True, right=True)
    with np.errstate(divide="ignore", over="ignore"):
        conditions = 1 / np.abs(np.sum(left.conj() * right, axis=0))
    return Eigensystem(values.astype(complex), right, np.maximum(conditions, 1.0), norm, triangular, False)


def is_diagonal(matrix: np.ndarray) -> bool:
    """Whether every entry off the diagonal is zero."""
    return not (matrix - np.diag(np.diagonal(matrix))).any()


def doubled(system: Any) -> Any:
    """The same system with its parameters in double precision."""
    stored = {name: getattr(system, name) for name in system._SPEC if getattr(system, name) is not None}
    return replace(system, **{name: a.astype(np.result_type(a.dtype, np.float64)) for name, a in stored.items()})
