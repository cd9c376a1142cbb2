"""GBT discretization of many diagonal heads on a CUDA device; systems live in host memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _arrays
from ._device import Call
from .state_space import Diagonal


def discretize_on_device(system: Diagonal, dt: np.ndarray, alpha: float) -> tuple[Any, ...]:
    """Lambda_bar, increment and B_bar of a diagonal system under a GBT rule."""
    from .compiled.cuda import discretization as kernels

    lead, n_modes = np.broadcast_shapes(system.batch_shape, dt.shape), system.Lambda.shape[-1]
    precision, call = _arrays.real_dtype(system.dtype), Call()
    Lambda, B = call.rows(system.Lambda, lead, precision), call.rows(system.B, lead, precision)
    steps = call.to_device(np.array(np.broadcast_to(dt, lead), dtype=precision).reshape(-1))
    parts = 2 if system.dtype.kind == "c" else 1
    out = [call.empty((math.prod(lead), n_modes, parts), precision) for _ in range(3)]
    blocks = -(-math.prod(lead) * n_modes // kernels.BLOCK)
    call.launch(kernels.gbt_modes_kernel, blocks, kernels.BLOCK, Lambda, B, steps, precision.type(alpha), *out)
    Lambda_bar, increment, B_bar = (call.result(array, (*lead, n_modes)) for array in out)
    own = np.broadcast_shapes(system.Lambda.shape[:-1], dt.shape)  # heads that differ in B only share their poles
    missing = len(lead) - len(own)
    distinct = (0,) * missing + tuple(slice(None if n == m else 1) for n, m in zip(own, lead[missing:], strict=True))
    return Lambda_bar[distinct], increment[distinct], B_bar
