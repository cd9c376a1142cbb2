"""GBT discretization of many diagonal or DPLR heads on a CUDA device; systems live in host memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _arrays
from ._device import Call
from .state_space import DPLR, Diagonal


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
    own = np.broadcast_shapes(system.Lambda.shape[:-1], dt.shape)
    return _distinct(Lambda_bar, own, lead), _distinct(increment, own, lead), B_bar


def discretize_low_rank_on_device(system: DPLR, dt: np.ndarray, alpha: float, refinements: int) -> tuple[Any, ...]:
    """Lambda_bar, increment, P_bar, Q_bar and B_bar of a DPLR system under a GBT rule."""
    from .compiled.cuda import discretization as kernels

    lead, (n_modes, rank) = np.broadcast_shapes(system.batch_shape, dt.shape), system.P.shape[-2:]
    n_heads, precision, call = math.prod(lead), _arrays.real_dtype(system.dtype), Call()
    modes = Diagonal(system.Lambda, system.B, system.C, conjugate_pairs=system.conjugate_pairs)
    Lambda_bar, increment, _ = discretize_on_device(modes, dt, alpha)
    Lambda, B = call.rows(system.Lambda, lead, precision), call.rows(system.B, lead, precision)
    P, Q = (
        call.rows(np.broadcast_to(m, (*lead, n_modes, rank)), (*lead, n_modes), precision) for m in (system.P, system.Q)
    )
    P, Q = P.reshape(n_heads, n_modes, rank, 2), Q.reshape(n_heads, n_modes, rank, 2)
    steps = call.to_device(np.array(np.broadcast_to(dt, lead), dtype=precision).reshape(-1))
    weights = call.to_device(system.weights.astype(precision))
    shapes = [(n_heads, n_modes, 2), (n_heads, rank, 2 * rank, 2), (n_heads, rank, 2), (n_heads, n_modes, 2)]
    scratch = [call.empty(shape, precision) for shape in shapes]
    out = [call.empty((n_heads, *own, 2), precision) for own in ((n_modes, rank), (n_modes, rank), (n_modes,))]
    given = (Lambda, P, Q, B, weights, steps, precision.type(alpha), int(system.pairs is not None), refinements)
    call.launch(kernels.gbt_low_rank_kernel, -(-n_heads // kernels.BLOCK), kernels.BLOCK, *given, *scratch, *out)
    P_bar, Q_bar = (call.result(array, (*lead, n_modes, rank)) for array in out[:2])
    B_bar = call.result(out[2], (*lead, n_modes))
    own = np.broadcast_shapes(system.Lambda.shape[:-1], dt.shape, system.Q.shape[:-2])
    P_bar = _distinct(P_bar, np.broadcast_shapes(own, system.P.shape[:-2]), lead)
    found = (P_bar, _distinct(Q_bar, own, lead), B_bar)
    return Lambda_bar, increment, *(found if system.dtype.kind == "c" else (array.real.copy() for array in found))


def _distinct(array: np.ndarray, own: tuple[int, ...], lead: tuple[int, ...]) -> np.ndarray:
    """Of results for all heads `lead`, those that differ: heads that share poles share what depends on them only."""
    missing = len(lead) - len(own)
    return array[(0,) * missing + tuple(slice(None if n == m else 1) for n, m in zip(own, lead[missing:], strict=True))]
