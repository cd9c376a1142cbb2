"""The numerical range W(A) = {x*Ax : |x| = 1}: the convex set that bounds the growth of e^{tA} at its start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._matrices import one_matrix
from ._parallel import serial_blas
from ._results import Result


@dataclass(frozen=True)
class NumericalRange(Result):
    """The numerical range between two polygons.

    `boundary` holds n points x*Ax of it, the vertices of a polygon inside; `outer` holds those of the polygon of
    tangents around it. `abscissa` is the largest real part, that is the numerical abscissa, `radius` the numerical
    radius max |z|, at least the largest |boundary| and at most `radius_upper`.
    """

    boundary: np.ndarray
    outer: np.ndarray
    eigenvalues: np.ndarray
    abscissa: float
    radius: float
    radius_upper: float

    def plot(self, ax: Any = None) -> Any:
        """Draw both polygons and the eigenvalues; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.numerical_range(self, ax)


def numerical_range(A: Any, n: int = 64) -> NumericalRange:
    """The numerical range (field of values) of a matrix, from n of its tangents.

    Parameters
    ----------
    A : array_like, shape (N, N), or a system or HiPPO operator of that order
    n : int, default 64
        Directions, at least 4, spread evenly.

    Returns
    -------
    NumericalRange

    Notes
    -----
    In direction theta the tangent's distance is the largest eigenvalue of the Hermitian part of e^{-i theta} A, and its
    eigenvector touches the boundary. The set is convex, holds the eigenvalues, and is their hull if A is normal.

    *Accuracy*: every tangent within N u |A|_2; the radius lies within 1/cos(pi/n) of its upper bound.
    *Cost*: n Hermitian eigenproblems, O(n N^3).

    References
    ----------
    C. R. Johnson, SIAM J. Numer. Anal. 15 (1978), 595-602; Trefethen & Embree, Spectra and Pseudospectra, section 17.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> W = ssm.numerical_range([[0.0, 1.0], [0.0, 0.0]])  # the disk of radius 1/2
    >>> round(W.abscissa, 12), round(W.radius, 12)
    (0.5, 0.5)
    """
    matrix = one_matrix(A)
    n = _arrays.count("n", n, least=4)
    _arrays.memory("n", 16.0 * n)
    angles = 2 * np.pi * np.arange(n) / n
    boundary, support = np.empty(n, complex), np.empty(n)
    with serial_blas():
        for k, angle in enumerate(angles):
            turned = np.exp(-1j * angle) * matrix
            values, vectors = np.linalg.eigh((turned + turned.conj().T) / 2)
            x = vectors[:, -1]
            boundary[k], support[k] = x.conj() @ matrix @ x, values[-1]
        eigenvalues = np.linalg.eigvals(matrix).astype(complex)
    following = np.roll(support, -1)
    step = 2 * np.pi / n
    outer = np.exp(1j * angles) * (support + 1j * (following - support * np.cos(step)) / np.sin(step))
    radius_upper = float(np.abs(outer).max())
    return NumericalRange(boundary, outer, eigenvalues, float(support[0]), float(np.abs(boundary).max()), radius_upper)
