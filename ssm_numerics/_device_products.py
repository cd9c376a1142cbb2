"""The structured products on a CUDA device."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _pairs
from ._cauchy import LIMITS
from ._device import Call


def vandermonde_on_device(
    call: Call, c: Any, z: Any, lead: tuple[int, ...], L: int, real_output: bool, precision: np.dtype, z_low: Any = None
) -> Any:
    """sum_n c_n (z_n + z_low_n)^l on the device, (H, L, 1 or 2), from c, z (..., N) that broadcast to (*lead, N)."""
    from .compiled.cuda import vandermonde as kernels

    heads, n_modes, parts = math.prod(lead), c.shape[-1], 1 if real_output else 2
    fine_rows = math.ceil(math.sqrt(L))
    coarse_rows = math.ceil(L / fine_rows)
    c, z = call.rows(c, lead, precision), call.rows(z, lead, precision)
    z_low = call.zeros((heads, n_modes, 2), precision) if z_low is None else call.rows(z_low, lead, precision)
    coarse = call.empty((heads, coarse_rows, parts, 2 * n_modes), precision)
    fine = call.empty((heads, fine_rows, 2 * n_modes), precision)
    threads = -(-heads * n_modes // kernels.BLOCK)
    call.launch(kernels.power_tables_kernel, threads, kernels.BLOCK, c, z, z_low, coarse, fine)
    out = call.empty((heads, L, parts), precision)
    tiles = heads * -(-coarse_rows * parts // kernels.TILE) * -(-fine_rows // kernels.TILE)
    left = coarse.reshape(heads, coarse_rows * parts, 2 * n_modes)
    call.launch(kernels.matmul_kernel, tiles, kernels.SIDE**2, left, fine, out)
    return out


def cauchy_on_device(
    call: Call,
    v: Any,
    a: Any,
    s: Any,
    poles: Any,
    real_output: bool,
    precision: np.dtype,
    pairs: np.ndarray | None = None,
) -> Any:
    """The sums of `cauchy_sums` on the device, (H, J, K, 1 or 2), from rows v (H, J, N, 2), a, s (., K, 2), poles."""
    from .compiled.cuda import cauchy as kernels

    (heads, n_modes, _), n_sums, n_nodes = poles.shape, v.shape[1], a.shape[1]
    scale, largest = call.empty((heads,), precision), call.empty((heads,), precision)
    limit, far = LIMITS[precision]
    call.launch(kernels.pole_range_kernel, heads, kernels.BLOCK, poles, scale, largest, far)
    out = call.empty((heads, n_sums, n_nodes, 1 if real_output else 2), precision)
    blocks = heads * -(-n_nodes // kernels.BLOCK)
    if pairs is None:
        call.launch(kernels.cauchy_kernel, blocks, kernels.BLOCK, v, a, s, poles, scale, largest, limit, out)
        return out
    weights = call.to_device(_pairs.weights(pairs, n_modes).astype(precision))
    given = (v, a, s, poles, weights, scale, largest, limit, out)
    call.launch(kernels.cauchy_pairs_kernel, blocks, kernels.BLOCK, *given)
    return out
