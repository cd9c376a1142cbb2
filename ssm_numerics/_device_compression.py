"""Online compression on a CUDA device, in double precision."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _arrays
from ._device import Call


def compress_on_device(op: Any, u: Any, step: float | None, alpha: Any, return_history: bool) -> Any:
    """Coefficients of signals u (..., T) under the O(N) steps of an operator; step None means the scaled operator."""
    from .compiled.cuda import hippo as kernels

    double, call = np.dtype(np.float64), Call(u)
    lead, n_samples, parts = u.shape[:-1], u.shape[-1], 2 if u.dtype.kind == "c" else 1
    n_rows, kept = math.prod(lead), n_samples if return_history else 1
    _arrays.memory("u", 8.0 * n_rows * op.N * kept * parts)
    signals = call.rows(u, lead, double, parts)
    c = call.zeros((op.N, n_rows * parts), double)
    out = call.empty((n_rows, kept, op.N, parts), _arrays.real_dtype(u.dtype))
    blocks = -(-n_rows * parts // kernels.BLOCK)
    B = call.to_device(op.B)  # sqrt(2n+1) where the operator is scaled LegS
    if step is None:
        work = call.empty((3, op.N, n_rows * parts), double)
        call.launch(kernels.compress_scaled_kernel, blocks, kernels.BLOCK, alpha, B, signals, c, work, out)
    else:
        generators, factors = (
            call.to_device(a) for a in (op._structure.generators, op._structure.factor(alpha * step))
        )
        work = call.empty((op.N, n_rows * parts), double)
        given = (generators, factors, step, alpha, B, signals, c, work, out)
        call.launch(kernels.compress_kernel, blocks, kernels.BLOCK, *given)
    return call.result(out, (*lead, n_samples, op.N) if return_history else (*lead, op.N))
