"""Exponentials and phi functions: phi_1(z) = (e^z - 1)/z and phi_2(z) = (e^z - 1 - z)/z^2 of scalars and matrices."""

from __future__ import annotations

from math import factorial

import numpy as np

from ._increments import Power, expm1_series, smaller_form
from ._parallel import SERIAL_ORDER, serial_blas

SERIES_RADIUS = 1.0
SERIES_TERMS = 20
"""1/(SERIES_TERMS + 2)! < 2^-69, so the truncated series is exact to rounding inside the unit disc."""

_COEFFICIENTS = (
    [1 / factorial(k + 2) for k in range(SERIES_TERMS)],
    [(k + 1) / factorial(k + 2) for k in range(SERIES_TERMS)],
)


def phi_1(z: np.ndarray) -> np.ndarray:
    """(e^z - 1)/z entry by entry, within 5 eps for complex z away from its zeros."""
    safe = np.where(z == 0, 1, z)
    return np.where(z == 0, 1, np.expm1(safe) / safe)


def phi_2_and_rest(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """phi_2 and phi_1 - phi_2, entry by entry, each within 5 eps for complex z away from their own zeros.

    Inside the unit disc their Taylor series; outside it closed forms in which nothing cancels: e^z - 1 by expm1, and
    phi_1 - phi_2 = ((z - 1) e^z + 1)/z^2.
    """
    small = np.abs(z) < SERIES_RADIUS
    near = np.where(small, z, 0)
    far = np.where(small, 1, z)
    two, difference = (_series(near, coefficients) for coefficients in _COEFFICIENTS)
    return (
        np.where(small, two, (np.expm1(far) / far - 1) / far),
        np.where(small, difference, ((far - 1) * np.exp(far) + 1) / far / far),
    )


def _series(z: np.ndarray, coefficients: list[float]) -> np.ndarray:
    real = z.real.dtype.type
    total = np.zeros_like(z)
    for coefficient in reversed(coefficients):
        total = total * z + real(coefficient)
    return total


def holds(hA: np.ndarray, B: np.ndarray, with_ramp: bool) -> tuple[Power, np.ndarray, np.ndarray | None]:
    """e^hA, phi_1(hA) B and, with_ramp, phi_2(hA) B; A may be singular.

    They are blocks of e^M, M = [[hA, B, 0], [0, 0, 1], [0, 0, 0]], computed by scaling and squaring in delta form: the
    series of e^M - I at M/2^s, then s times X <- 2 X + X^2. In this form scaling further than necessary costs no
    digits, which is what spoils the classical method for matrices as far from normal as the HiPPO family. Where e^hA
    decays below its increment it is squared on in plain form. B is scaled by a power of two, exactly.
    """
    n = hA.shape[-1]
    leading = np.broadcast_shapes(hA.shape[:-2], B.shape[:-1])
    magnitude = np.exp2(np.frexp(np.abs(B).max(axis=-1, keepdims=True))[1] - 1).astype(B.real.dtype)
    M = np.zeros((*leading, n + 1 + with_ramp, n + 1 + with_ramp), dtype=np.result_type(hA, B))
    M[..., :n, :n] = hA
    M[..., :n, n] = B / magnitude
    if with_ramp:
        M[..., n, n + 1] = 1
    size = float(np.abs(M).sum(axis=-2).max())
    squarings = max(0, int(np.frexp(size)[1]) + 1) if np.isfinite(size) else 0
    with serial_blas(n <= SERIAL_ORDER):
        X = expm1_series(M * np.ldexp(M.real.dtype.type(1), -squarings))
        transition = smaller_form(X[..., :n, :n])
        for _ in range(squarings):
            transition = transition.squared()
            X = 2 * X + X @ X
            X[..., :n, :n] = transition.increment()
    return transition, X[..., :n, n] * magnitude, X[..., :n, n + 1] * magnitude if with_ramp else None
