"""Convolution kernels with their loops on a CUDA device; systems live in host memory."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from . import _arrays
from ._device import Call
from ._device_products import cauchy_on_device, vandermonde_on_device
from ._device_simulation import simulate_on_device
from ._fft import inverse
from ._generating_function import (
    circle,
    pole_form,
    products_in_proportion,
    products_of,
    ratio_of,
    truncated_output,
)
from ._parallel import cores
from .products import exp_nodes, gbt_nodes
from .state_space import DiscreteDiagonal


def vandermonde_kernel(problem: Any) -> np.ndarray:
    """sum_n C_n B_n z_n^l; from poles and steps the nodes are known to twice the working precision."""
    discrete, source, alpha = problem.discrete, problem.continuous, problem.alpha
    z, low = discrete.Lambda_bar, np.zeros(1)
    if source is not None:
        steps = (source.Lambda, discrete.dt)
        z, low = exp_nodes(*steps) if alpha is None else gbt_nodes(*steps, alpha)
    c, precision = discrete.residues, _arrays.real_dtype(discrete.dtype)
    high = z.astype(_arrays.complex_dtype(precision))
    low = (z - high) + low
    lead = np.broadcast_shapes(c.shape[:-1], z.shape[:-1])
    call = Call()
    real_output = discrete.output_dtype.kind == "f"
    out = vandermonde_on_device(call, c, high, lead, problem.length, real_output, precision, low)
    return call.result(out, (*lead, problem.length))


def cauchy_kernel(problem: Any) -> np.ndarray:
    """Algorithm 1 of [S4]: powers, Cauchy sums and Woodbury's formula on the device, then the caller's FFT."""
    from .compiled.cuda import generating_function as kernels

    discrete, length = problem.discrete, problem.length
    is_real, precision = discrete.output_dtype.kind == "f", _arrays.real_dtype(discrete.dtype)
    n_nodes = length // 2 + 1 if is_real else length
    form = pole_form(problem, circle(length, n_nodes, -np.log(2)))
    C, rank = truncated_output(discrete, length, _final_state), 0 if form.P is None else form.P.shape[-1]
    ratio = ratio_of(form.B, form.P[..., 0], discrete.pairs) if rank == 1 and form.P is not None else None
    flat = products_of(form, C) if ratio is None else products_in_proportion(form, C)
    lead = np.broadcast_shapes(flat.shape[:-2], form.s.shape[:-1], form.poles.shape[:-1])
    n_sums, n_modes = flat.shape[-2:]
    call = Call()
    v = call.rows(flat, (*lead, n_sums), precision).reshape(math.prod(lead), n_sums, n_modes, 2)
    s_lead = lead if math.prod(form.s.shape[:-1]) > 1 else ()
    s = np.broadcast_to(form.s, (*form.s.shape[:-1], n_nodes)).reshape(*(form.s.shape[:-1] if s_lead else ()), n_nodes)
    a, s = call.rows(form.a.reshape(n_nodes), (), precision), call.rows(s, s_lead, precision)
    poles = call.rows(form.poles, lead, precision)
    sums = cauchy_on_device(call, v, a, s, poles, False, precision, discrete.pairs)
    K_hat = call.empty((math.prod(lead), n_nodes, 2), precision)
    blocks = -(-math.prod(lead) * n_nodes // kernels.BLOCK)
    if ratio is None:
        call.launch(kernels.combine_kernel, blocks, kernels.BLOCK, sums, s, rank, K_hat)
    else:
        call.launch(kernels.quotient_kernel, blocks, kernels.BLOCK, sums, s, K_hat)
    K = _inverse_transform(_scaled(call.result(K_hat, (*lead, n_nodes)), ratio), length, is_real)
    K = form.scale * K * np.exp2(np.arange(length) / length)
    return K.astype(discrete.output_dtype if is_real else discrete.dtype)


def _scaled(K_hat: np.ndarray, ratio: np.ndarray | None) -> np.ndarray:
    return K_hat if ratio is None else ratio * K_hat


def _final_state(discrete: Any, u: np.ndarray, x0: np.ndarray, u_before: np.ndarray) -> Any:
    """The recurrence on the device, as `_stepping.run`."""
    return simulate_on_device(discrete, u, x0, u_before, "recurrence")


def _inverse_transform(K_hat: np.ndarray, length: int, is_real: bool) -> np.ndarray:
    """By CuPy where the caller has loaded it, else on the host."""
    if "cupy" in sys.modules:
        cupy = sys.modules["cupy"]
        there = cupy.asarray(K_hat)
        return (cupy.fft.irfft(there, length) if is_real else cupy.fft.ifft(there, length)).get()
    return inverse(K_hat, length, is_real, cores())


METHODS = {"vandermonde": vandermonde_kernel, "cauchy": cauchy_kernel}
"""The kernel methods that have a device form."""


def choose(discrete: Any) -> tuple[str, str]:
    """Sums of powers for diagonal systems, Algorithm 1 for others."""
    name = "vandermonde" if isinstance(discrete, DiscreteDiagonal) else "cauchy"
    return name, "what the device has for this structure"
