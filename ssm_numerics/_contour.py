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

from ._generating_function import PoleForm, circle, generating_function, pole_form
from ._nufft import cauchy_at_circle, log_nodes
from .products import gbt_nodes

OVERSAMPLING = (1, 2, 3, 4, 6, 8, 12)
"""The multiples m of L that are considered."""

NEAR_LINEAR_TERMS = 2**28
"""From so many modes times nodes the sums go through Fourier transforms."""

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
    """K of a DPLR or diagonal problem of spectral radius at most one; its measured error goes to `measured`."""
    from scipy import fft

    discrete, length = problem.discrete, problem.length
    is_real = discrete.output_dtype.kind == "f"
    chosen = choose_circle(problem.rtol, problem.unit)
    nodes = max(chosen.multiple * length, FEWEST_NODES)
    around = circle(nodes, nodes // 2 + 1 if is_real else nodes, np.log(chosen.epsilon))
    form = pole_form(problem, around)
    if is_near_linear(problem, nodes):
        K_hat = form.scale * _by_nufft(problem, form, nodes, np.log(chosen.epsilon))
    else:
        K_hat = form.scale * generating_function(form, discrete.C, discrete.pairs)
    raw = fft.irfft(K_hat, nodes) if is_real else fft.ifft(K_hat, nodes)
    K = raw[..., :length] * np.exp(-np.log(chosen.epsilon) * (np.arange(length) / nodes))
    noise = np.abs(raw[..., nodes - nodes // 32 :]).max(axis=-1)
    largest = np.maximum(np.abs(K).max(axis=-1), np.finfo(K.dtype).tiny)
    problem.measured.append(float((noise * chosen.epsilon ** (-length / nodes) / largest).max()))
    return K.astype(discrete.output_dtype if is_real else discrete.dtype)


def is_near_linear(problem: Any, nodes: int) -> bool:
    """Whether the nodes' sums go through transforms: many terms, double precision, poles known, rank at most one."""
    source, alpha, discrete = problem.continuous, problem.alpha, problem.discrete
    rank = discrete.P_bar.shape[-1] if hasattr(discrete, "P_bar") else 0
    fits = source is not None and alpha is not None and rank <= 1 and discrete.dtype == np.complex128
    return fits and discrete.n_states * nodes >= NEAR_LINEAR_TERMS


def _by_nufft(problem: Any, form: PoleForm, nodes: int, log_power: float) -> np.ndarray:
    """C (a - s (diag(lambda) - P Q*))^-1 B with every sum over modes a Fourier transform, in O((N + M) log) operations.

    1/((1 - omega) - s lambda) = d/(1 - z omega) with d = 1/(1 - alpha dt lambda), z the pole of the step. The sum over
    |p|^2 is not needed where the system brings its closed form (LegS, LagT).
    """
    source, discrete = problem.continuous, problem.discrete
    z, z_low = gbt_nodes(source.Lambda, discrete.dt, problem.alpha)
    log_z, log_low = log_nodes(z, z_low)
    d = 1 / (1 - problem.alpha * discrete.dt[..., None] * source.Lambda)
    C, B = discrete.C, source.B
    rows = [C * B]
    if form.P is not None:
        P, Q = source.P[..., 0], source.Q[..., 0].conj()
        rows += [C * P, Q * B] + ([] if source.coupling is not None else [Q * P])
    v = d[..., None, :] * np.stack(np.broadcast_arrays(*rows), axis=-2)
    sums = cauchy_at_circle(v, log_z, nodes, log_power / nodes, pairs=discrete.pairs, log_low=log_low)
    if form.P is None:
        return sums[..., 0, :]
    s_k11 = form.s * sums[..., 3, :] if source.coupling is None else source.coupling(form.a / form.s)
    return sums[..., 0, :] - form.s * sums[..., 1, :] * sums[..., 2, :] / (1 + s_k11)
