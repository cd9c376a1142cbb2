"""Least singular values below rounding: the inverse in ball arithmetic, its norm in float64."""

from __future__ import annotations

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
