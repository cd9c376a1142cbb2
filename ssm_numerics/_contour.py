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

from . import _pairs
from ._fft import inverse
from ._generating_function import circle, generating_function, pole_form, ratio_of
from ._nufft import cauchy_at_circle, log_nodes
from ._parallel import cores
from .products import gbt_nodes

OVERSAMPLING = (1, 2, 3, 4, 6, 8, 12)
"""The multiples m of L that are considered."""

NEAR_LINEAR_TERMS = 2**22
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
    discrete, length = problem.discrete, problem.length
    is_real = discrete.output_dtype.kind == "f"
    chosen = choose_circle(problem.rtol, problem.unit)
    nodes = max(chosen.multiple * length, FEWEST_NODES)
    log_power = float(np.log(chosen.epsilon))
    if is_near_linear(problem, nodes):
        K_hat = _by_nufft(problem, nodes, log_power)
    else:
        form = pole_form(problem, circle(nodes, nodes // 2 + 1 if is_real else nodes, log_power))
        K_hat = form.scale * generating_function(form, discrete.C, discrete.pairs)
    raw = inverse(K_hat, nodes, is_real, cores())
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


def _by_nufft(problem: Any, nodes: int, log_power: float) -> np.ndarray:
    """The generating function with every sum over modes a Fourier transform, in O((N + M) log(N + M)) operations.

    With d = 1/(1 - alpha dt lambda) and z the pole of the step, 1/((1 - omega) - s lambda) = d/(1 - z omega), and s
    times it is dt (alpha d + omega d^2/(1 - z omega)), whose terms stay bounded as lambda grows. No node is rounded, so
    the error does not grow with their number as it does where 1 - omega is.
    """
    source, discrete, alpha, pairs = problem.continuous, problem.discrete, problem.alpha, problem.discrete.pairs
    step = discrete.dt[..., None]
    log_z, log_low = log_nodes(*gbt_nodes(source.Lambda, discrete.dt, alpha))
    d = 1 / (1 - alpha * step * source.Lambda)
    C, B = d * discrete.C, source.B
    if not hasattr(source, "P"):
        rows, ratio = [C * B], None
    else:
        P, Q = source.P[..., 0], d * source.Q[..., 0].conj()
        ratio = ratio_of(B, P, pairs)
        rows = [C * P, d * Q * P] if ratio is not None else [C * B, C * P, d * Q * P, d * Q * B]
    v = np.stack(np.broadcast_arrays(*rows), axis=-2)
    sums = cauchy_at_circle(v, log_z, nodes, log_power / nodes, pairs=pairs, log_low=log_low)
    if len(rows) == 1:
        return step * sums[..., 0, :]
    omega = circle(nodes, sums.shape[-1], log_power).omega
    if ratio is not None:
        return step * ratio * sums[..., 0, :] / (1 + _with_constant(step, alpha, omega, sums[..., 1, :], Q * P, pairs))
    s_k11, s_k10 = (
        _with_constant(step, alpha, omega, sums[..., 2 + i, :], Q * right, pairs) for i, right in enumerate((P, B))
    )
    return step * (sums[..., 0, :] - sums[..., 1, :] * s_k10 / (1 + s_k11))


def _with_constant(
    step: np.ndarray, alpha: float, omega: np.ndarray, sums: np.ndarray, v: np.ndarray, pairs: np.ndarray | None
) -> np.ndarray:
    """dt (alpha sum v + omega sums), the first sum over partners too."""
    terms = v if pairs is None else (_pairs.weights(pairs, v.shape[-1]) * v).real
    return np.asarray(step * (alpha * terms.sum(axis=-1, keepdims=True) + omega * sums))
