"""Level sets of sigma_min(z - A) on lines, rays and circles, as eigenvalues of matrices of order 2N; searches with
them.

sigma is a singular value of x + iy - A exactly if iy is an eigenvalue of [[A - x, -sigma], [sigma, x - A*]] (Byers),
and of r e^{it} - A exactly if e^{it} is one of the pencil [[A, -sigma], [0, r]] - lambda [[r, 0], [-sigma, A*]].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._matrices import UNIT

MOST_STEPS = 40
"""Searches converge quadratically in fewer than ten steps; rounding may keep them moving."""

GAIN = 1e-9
"""A criss-cross search ends when a step gains less than this times |A|."""

GAP = 1e-3
"""Along a curve the least sigma_min is known to lie within this of the value found."""


@dataclass(frozen=True)
class Curves:
    """Vertical lines at distance x to the right of the imaginary axis, or circles at distance x outside the unit
    circle.

    `point(x, t)` lies on curve x at height or angle t; `crossings(A, x, sigma)` are the t at which sigma is a singular
    value; `heights(z)` are the t of points.
    """

    point: Callable[[float, np.ndarray], np.ndarray]
    crossings: Callable[[np.ndarray, float, float], np.ndarray]
    heights: Callable[[np.ndarray], np.ndarray]


def sigma_min(A: np.ndarray, z: np.ndarray) -> np.ndarray:
    """sigma_min(z - A) by LAPACK at a vector of points."""
    return np.linalg.svd(z[:, None, None] * np.eye(len(A)) - A, compute_uv=False)[:, -1]


def on_vertical_line(A: np.ndarray, x: float, sigma: float) -> np.ndarray:
    """All y, ascending, where sigma is a singular value of x + iy - A; near tangents they come or go."""
    eye = np.eye(len(A))
    values = np.linalg.eigvals(np.block([[A - x * eye, -sigma * eye], [sigma * eye, x * eye - A.conj().T]]))
    return np.sort(values[np.abs(values.real) <= _slack(values)].imag)


def on_horizontal_line(A: np.ndarray, y: float, sigma: float) -> float:
    """The largest x where sigma is a singular value of x + iy - A; -inf if there is none."""
    eye = np.eye(len(A))
    shifted = A - 1j * y * eye if y else A
    values = np.linalg.eigvals(np.block([[shifted, -sigma * eye], [-sigma * eye, shifted.conj().T]]))
    real = values[np.abs(values.imag) <= _slack(values)].real
    return float(real.max()) if real.size else -np.inf


def on_circle(A: np.ndarray, r: float, sigma: float) -> np.ndarray:
    """All angles, ascending, where sigma is a singular value of r e^{it} - A."""
    from scipy.linalg import eigvals

    eye, zero = np.eye(len(A)), np.zeros(A.shape)
    pencil = np.block([[A, -sigma * eye], [zero, r * eye]]), np.block([[r * eye, zero], [-sigma * eye, A.conj().T]])
    with np.errstate(all="ignore"):
        values = eigvals(*pencil)
    values = values[np.isfinite(values)]
    return np.sort(np.angle(values[np.abs(np.abs(values) - 1) <= np.sqrt(UNIT)]))


def _slack(values: np.ndarray) -> float:
    """Eigenvalues this close to a line count as on it: a double one is known to sqrt(u) of the largest."""
    return float(np.sqrt(UNIT) * np.abs(values).max())


LINES = Curves(lambda x, t: x + 1j * t, on_vertical_line, np.imag)
CIRCLES = Curves(lambda x, t: (1 + x) * np.exp(1j * t), lambda A, x, sigma: on_circle(A, 1 + x, sigma), np.angle)


def least_on_curve(A: np.ndarray, curves: Curves, x: float, starts: np.ndarray) -> tuple[float, float]:
    """The least sigma_min on curve x, found to GAP, and where: levels just below the best point until none is crossed.

    (Boyd & Balakrishnan 1990; Bruinsma & Steinbuch 1990.) Every maximal arc below a level has its midpoint tried.
    """
    t = np.asarray(starts, float)
    best, where = np.inf, 0.0
    for _ in range(MOST_STEPS):
        sigma = sigma_min(A, curves.point(x, t))
        k = int(np.argmin(sigma))
        if sigma[k] >= best * (1 - GAP):
            best, where = min((best, where), (float(sigma[k]), float(t[k])))
            break
        best, where = float(sigma[k]), float(t[k])
        ends = curves.crossings(A, x, best * (1 - GAP))
        if not ends.size or best == 0:
            break
        t = _middles(ends, curves)
    return best, where


def _middles(ends: np.ndarray, curves: Curves) -> np.ndarray:
    """Midpoints of neighbouring crossings; on a circle also of the last and the first."""
    middles = (ends[1:] + ends[:-1]) / 2
    if curves is CIRCLES:
        middles = np.append(middles, (ends[-1] + ends[0]) / 2 + np.pi)
    return np.append(middles, ends)


def rightmost(A: np.ndarray, epsilon: float) -> np.ndarray:
    """The points of largest real part with sigma_min(z - A) <= epsilon, by the criss-cross method."""
    eigenvalues = np.linalg.eigvals(A)
    top = eigenvalues[np.argmax(eigenvalues.real)]
    return _criss_cross(
        A,
        epsilon,
        complex(top),
        lambda z: on_vertical_line(A, z.real, epsilon),
        lambda x, t: x.real + 1j * t,
        lambda t: on_horizontal_line(A, t, epsilon) + 1j * t,
        np.real,
        LINES,
    )


def outermost(A: np.ndarray, epsilon: float) -> np.ndarray:
    """The points of largest modulus with sigma_min(z - A) <= epsilon."""
    eigenvalues = np.linalg.eigvals(A)
    top = eigenvalues[np.argmax(np.abs(eigenvalues))]
    return _criss_cross(
        A,
        epsilon,
        complex(top),
        lambda z: on_circle(A, abs(z), epsilon) if z else np.zeros(1),
        lambda x, t: abs(x) * np.exp(1j * t),
        lambda t: on_horizontal_line(A * np.exp(-1j * t), 0.0, epsilon) * np.exp(1j * t),
        np.abs,
        CIRCLES,
    )


def _criss_cross(
    A: np.ndarray,
    epsilon: float,
    start: complex,
    across: Callable[[complex], np.ndarray],
    place: Callable[[complex, np.ndarray], np.ndarray],
    outward: Callable[[float], complex],
    size: Callable,
    curves: Curves,
) -> np.ndarray:
    """From the best point: where its curve meets the level set, the middles of the parts inside, and outward from
    each."""
    norm = float(np.linalg.norm(A, 2)) + epsilon
    best = np.array([outward(float(curves.heights(np.array(start))))])
    for _ in range(MOST_STEPS):
        point = complex(best[0])
        ends = across(point)
        if not ends.size:
            break
        middles = _middles(ends, curves)
        inside = middles[sigma_min(A, place(point, middles)) <= epsilon * (1 + GAP)]
        moved = np.array([outward(float(t)) for t in inside])
        moved = moved[np.isfinite(moved)]
        if not moved.size or size(moved).max() <= size(point) + GAIN * norm:
            break
        best = moved[size(moved) >= size(moved).max() - GAIN * norm]
    return best
