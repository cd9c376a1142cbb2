"""The kernel from its generating function on one small circle: no power of A_bar is formed.

With M = m L nodes on the circle of radius rho, rho^M = epsilon, the inverse FFT of C (I - omega A_bar)^-1 B_bar gives
rho^l (K_l + epsilon K_{l+M} + ...). The aliased tail costs epsilon, undoing rho^l magnifies rounding by up to
epsilon^{-1/m}; epsilon = u^{m/(m+1)} balances the two at u^{m/(m+1)}. The last outputs, where the true values have sunk
below epsilon, show the noise that the transform really carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._generating_function import circle, generating_function, pole_form

OVERSAMPLING = (1, 2, 3, 4, 6, 8, 12)
"""The multiples m of L that are considered."""

FEWEST_NODES = 64
"""Enough for the last thirty-second of the outputs to be a sample of the noise."""

ROUNDING = 8.0
"""Errors of the nodes' sums and of the FFT, in units of u^{m/(m+1)}: measured below 4 on LegS, LegT, LagT and FouT."""


@dataclass(frozen=True)
class Circle:
    """The circle of one computation: M = m L nodes at radius rho with rho^M = epsilon, and the error to expect."""

    multiple: int
    epsilon: float
    expected_error: float


def choose_circle(rtol: float, unit: float) -> Circle:
    """The fewest nodes whose balanced error is at most `rtol`, or the most accurate circle offered."""
    for multiple in OVERSAMPLING:
        epsilon = unit ** (multiple / (multiple + 1))
        if ROUNDING * epsilon <= rtol:
            break
    return Circle(multiple, epsilon, ROUNDING * epsilon)


def kernel_by_contour(problem: Any) -> np.ndarray:
    """K of a DPLR or diagonal problem; spectral radius of A_bar at most one. Leaves its measured error in `measured`."""
    from scipy import fft

    discrete, length = problem.discrete, problem.length
    is_real = discrete.output_dtype.kind == "f"
    chosen = choose_circle(problem.rtol, problem.unit)
    nodes = max(chosen.multiple * length, FEWEST_NODES)
    around = circle(nodes, nodes // 2 + 1 if is_real else nodes, np.log(chosen.epsilon))
    form = pole_form(problem, around)
    K_hat = form.scale * generating_function(form, discrete.C, discrete.pairs)
    raw = fft.irfft(K_hat, nodes) if is_real else fft.ifft(K_hat, nodes)
    K = raw[..., :length] * np.exp(-np.log(chosen.epsilon) * (np.arange(length) / nodes))
    noise = np.abs(raw[..., nodes - nodes // 32 :]).max(axis=-1)
    largest = np.maximum(np.abs(K).max(axis=-1), np.finfo(K.dtype).tiny)
    problem.measured.append(float((noise * chosen.epsilon ** (-length / nodes) / largest).max()))
    return np.asarray(K, dtype=discrete.output_dtype if is_real else discrete.dtype)
