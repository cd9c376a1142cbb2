"""The nodes of diagonal discretizations as double-words, from lambda and dt taken as exact."""

from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np

from . import _parallel


def exp_nodes(Lambda: np.ndarray, dt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """e^(dt Lambda) as an unevaluated sum of two complex doubles, good to 2^-95; Lambda (..., N) and dt (...) exact."""
    from .compiled.nodes import LARGEST_PHASE, exp_nodes_loop

    Lambda, dt, z, z_low, shape = _node_arrays(Lambda, dt)
    with np.errstate(over="ignore"):
        far = np.abs(Lambda.imag * dt[:, None]) > LARGEST_PHASE
    some_far = far.any()
    near = np.where(far, Lambda.real, Lambda) if some_far else Lambda
    _parallel.over_rows(lambda i, j: exp_nodes_loop(near, dt, z, z_low, i, j), dt.size, 2000.0 * z.size)
    for h, n in np.argwhere(far) if some_far else ():
        z[h, n], z_low[h, n] = _far_node(Lambda[h, n], dt[h])
    return z.reshape(shape), z_low.reshape(shape)


def gbt_nodes(Lambda: np.ndarray, dt: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """(1 + (1-alpha) dt Lambda)/(1 - alpha dt Lambda) as an unevaluated sum of two complex doubles.

    The error is at most 2^-95 (1 + |(1-alpha) h|) (1 + |alpha h|) / |1 - alpha h|^2 with h = dt Lambda; in the left
    half plane that is about 2^-94 of the larger of |z| and 1.
    """
    from .compiled.nodes import gbt_nodes_loop

    Lambda, dt, z, z_low, shape = _node_arrays(Lambda, dt)
    alpha = float(alpha)
    _parallel.over_rows(lambda i, j: gbt_nodes_loop(Lambda, dt, alpha, z, z_low, i, j), dt.size, 500.0 * z.size)
    return z.reshape(shape), z_low.reshape(shape)


def _node_arrays(
    Lambda: np.ndarray, dt: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[int, ...]]:
    """Lambda (H, N) and dt (H,) broadcast over heads, room for z and z_low, and the shape of the result."""
    Lambda, dt = np.asarray(Lambda), np.asarray(dt, dtype=np.float64)
    shape = (*np.broadcast_shapes(Lambda.shape[:-1], dt.shape), Lambda.shape[-1])
    exact = np.empty(shape, dtype=np.complex128)
    exact[...] = Lambda
    exact = exact.reshape(-1, shape[-1])
    steps = np.array(np.broadcast_to(dt, shape[:-1])).reshape(-1)
    return exact, steps, np.empty_like(exact), np.empty_like(exact), shape


def _far_node(Lambda: np.complex128, dt: np.float64) -> tuple[complex, complex]:
    """A node whose phase is too large for three words of pi: it is reduced in exact rational arithmetic."""
    from .compiled.double_word import times
    from .compiled.nodes import exp_node

    phase = Fraction(float(Lambda.imag)) * Fraction(float(dt)) % _two_pi()
    high = float(phase)
    low = float(phase - Fraction(high))
    turned = times(exp_node(0.0, high, 1.0), (1.0, low, 0.0, 0.0))  # e^(i low) = 1 + i low
    re, im, re_low, im_low = times(exp_node(float(Lambda.real), 0.0, float(dt)), turned)
    return complex(re, im), complex(re_low, im_low)


@functools.cache
def _two_pi(bits: int = 2200) -> Fraction:
    """2 pi to more bits than any product of two doubles has before and 100 after the point (Machin's formula)."""

    def inverse_tangent(x: int) -> int:
        total, term, k = 0, 2 ** (bits + 16) // x, 1
        while term:
            total, term, k = total + term // k * (2 - k % 4), term // x**2, k + 2
        return total

    return Fraction(2 * (16 * inverse_tangent(5) - 4 * inverse_tangent(239)), 2 ** (bits + 16))
