"""Kernels sum_n w_n z_n^l as linear combinations of columns, with the derivatives of the columns in the nodes.

Nodes are z = exp(phi(x)) with x = dt Lambda in the left half-plane, so every point of it is a stable system under both
rules. Real kernels: columns [2 Re z^l, -2 Im z^l] of modes with a conjugate partner and z^l of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import _pairs


@dataclass(frozen=True)
class Rule:
    """How x = dt Lambda becomes log z, with derivative and inverse; x of least frequency; the search's limits.

    -Re x is at most `fastest`, Im x at most `widest` away from where it starts.
    """

    log_node: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]
    from_node: Callable[[np.ndarray], np.ndarray]
    slowest: Callable[[np.ndarray], np.ndarray]
    fastest: float
    widest: float


NEGLIGIBLE = 2.0**-26
"""The length of an imaginary part, relative to its mode, below which it does not count."""

RULES = {
    "zoh": Rule(
        lambda x: x, np.ones_like, np.log, lambda x: x - 2j * np.pi * np.round(x.imag / (2 * np.pi)), 50.0, np.pi
    ),
    "bilinear": Rule(
        lambda x: np.log1p(x / 2) - np.log1p(-x / 2),
        lambda x: 1 / ((1 - x / 2) * (1 + x / 2)),
        lambda z: 2 * (z - 1) / (z + 1),
        lambda x: x,
        1e6,
        1e6,
    ),
}
"""Both map the open left half-plane onto the open unit disk (zoh: without its centre)."""


def powers(log_z: np.ndarray, length: int) -> np.ndarray:
    """z_n^l, shape (length, n)."""
    return np.exp(np.arange(length)[:, None] * log_z)


def columns(modes: np.ndarray, pairs: np.ndarray | None) -> np.ndarray:
    """What multiplies the coordinates of w in Re(sum weight w_n modes[:, n]), or in the plain sum for complex data."""
    if pairs is None:
        return modes
    return _pairs.coordinates(_pairs.weights(pairs, modes.shape[-1]) * modes.conj(), pairs)


def weights_of(coefficients: np.ndarray, pairs: np.ndarray | None) -> np.ndarray:
    """The weights w_n of the stored modes (..., n) with the given coordinates."""
    return coefficients if pairs is None else _pairs.from_coordinates(coefficients, pairs)


@dataclass(frozen=True)
class Projection:
    """The least-squares fit of columns to data rows y (H, L): coefficients (H, p), residuals y - fit, and the SVD."""

    coefficients: np.ndarray
    residual: np.ndarray
    left: np.ndarray
    values: np.ndarray
    right: np.ndarray
    scale: np.ndarray

    @property
    def condition(self) -> float:
        """The condition number of the columns at unit length."""
        return float(self.values[0] / self.values[-1])

    def transposed_inverse(self, v: np.ndarray) -> np.ndarray:
        """The adjoint of the pseudoinverse times vectors v (..., p): shape (..., L)."""
        return ((v / self.scale) @ self.right.conj() / self.values) @ self.left.T


def project(modes: np.ndarray, pairs: np.ndarray | None, y: np.ndarray) -> Projection:
    """Least squares by the SVD of the columns at unit length; what is zero within rounding is left out.

    So is the imaginary part of modes that are all but real: its weight would be large without bound, and cancel.
    """
    basis, size = columns(modes, pairs), np.linalg.norm(modes, axis=0)
    scale = np.linalg.norm(basis, axis=0)
    if pairs is not None:
        negligible = scale < NEGLIGIBLE * np.concatenate([size[pairs], size[pairs], size[~pairs]])
        basis[:, negligible], scale[negligible] = 0.0, 1.0
    left, values, right = np.linalg.svd(basis / scale, full_matrices=False)
    kept = values > len(basis) * np.finfo(float).eps * values[0]
    left, values, right = left[:, kept], values[kept], right[kept].conj().T
    inside = y @ left.conj()
    coefficients = (inside / values) @ right.T / scale
    return Projection(coefficients, y - inside @ left.T, left, values, right, scale)


def jacobian(fit: Projection, modes: np.ndarray, pairs: np.ndarray | None, slopes: np.ndarray) -> np.ndarray:
    """Derivatives of fit - y, shape (H, L, q), in parameters with d log z_n / d theta_j = slopes[n, j].

    With the columns F, their derivative D, the coefficients c and the residual r it is (I - F F+) D c + (F+)* D* r.
    """
    moved = np.arange(len(modes))[:, None] * modes  # dz^l / d log z
    stored = weights_of(fit.coefficients, pairs)  # (H, n)
    if pairs is not None:
        stored = stored * _pairs.weights(pairs, stored.shape[-1])
    change = np.einsum("ln,hn,nj->hjl", moved, stored, slopes, optimize=True)
    change = change if pairs is None else change.real
    outside = change - (change @ fit.left.conj()) @ fit.left.T
    seen = (fit.residual.conj() @ moved)[:, None, :] * slopes.T  # (H, q, n)
    turned = seen.conj() if pairs is None else columns(seen, pairs)
    return np.moveaxis(outside + fit.transposed_inverse(turned), 1, 2)
