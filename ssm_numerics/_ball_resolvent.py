"""What lies below rounding: inverses and eigenvectors in ball arithmetic, their norms in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _balls

ACCURACY = 56
"""Radii of the inverse are at most 2^-56 times its largest entry: less than the rounding of its midpoints."""


def least_singular_values(matrix: np.ndarray, z: np.ndarray) -> np.ndarray:
    """1/|(z - A)^-1|_2, the inverse known entry by entry to rounding, so that only the error of its norm is left."""
    return np.array([_least(matrix, point) for point in z.tolist()])


def _least(matrix: np.ndarray, z: complex) -> float:
    order = len(matrix)

    def compute() -> list[list]:
        shift = _balls.identity(A) * (z if z.imag else z.real)
        return [(shift - A).inv().entries()]

    _balls.library()
    A = _balls.matrix(matrix if z.imag == 0 else matrix.astype(complex))
    try:
        inverse = _balls.certify(compute, ACCURACY, 128, "The resolvent")[0][0]
    except ArithmeticError:
        return 0.0
    return 1 / float(np.linalg.norm(inverse.reshape(order, order), 2))


def eigenvector_conditions(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Proven eigenvalues, their condition numbers |x||y|/|y*x|, and that of the eigenvectors with unit columns.

    The eigenvectors are scaled to unit columns in balls, and inverted there; only the two norms are taken in float64.
    """
    order = len(matrix)

    def compute() -> list[list]:
        try:
            values, right = A.eig(right=True, algorithm="rump")
        except ValueError as error:
            raise ZeroDivisionError("eigenvalues are not isolated at this precision") from error
        columns = right.transpose().tolist()
        lengths = [sum(_square(x) for x in column).sqrt() for column in columns]
        unit = _balls.from_rows([[x / size for x in column] for column, size in zip(columns, lengths, strict=True)])
        inverse = unit.transpose().inv()
        conditions = [sum(_square(x) for x in row).sqrt() for row in inverse.tolist()]
        return [list(values), conditions, unit.entries(), inverse.entries()]

    flint = _balls.library()
    A = flint.acb_mat(matrix.tolist())
    groups = _balls.certify(compute, ACCURACY, 128 + 8 * order, "The eigenvector condition")
    (values, _), (conditions, _), (vectors, _), (inverse, _) = groups
    norms = [float(np.linalg.norm(part.reshape(order, order), 2)) for part in (vectors, inverse)]
    return values, conditions.real, norms[0] * norms[1]


def _square(x: Any) -> Any:
    return x.real * x.real + x.imag * x.imag
