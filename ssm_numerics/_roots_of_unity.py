"""Cauchy sums at equally spaced nodes of a circle, as the Fourier transform of a sum of powers.

With nodes z_k = z_0 e^{2 pi i k/M} and q = p/z_0, a pole inside the circle contributes v/(z - p) = (v/z_k) / (1 - q
e^{-2 pi i k/M}), one outside -(v/p) / (1 - e^{2 pi i k/M}/q): both are sums at the roots of unity, which
`_nufft.cauchy_at_circle` forms in near-linear time.
"""

from __future__ import annotations

import numpy as np

from . import _arrays
from ._nufft import cauchy_at_circle, log_nodes

NODE_TOLERANCE = 16
"""How many units of rounding a node may be off its place on the circle."""


def cauchy_at_roots(v: np.ndarray, z: np.ndarray, s: np.ndarray, poles: np.ndarray) -> np.ndarray:
    """sum_n v[..., j, n] / (z_k - poles[..., n]) of shape (..., J, M) at all M equally spaced nodes z_k of a circle."""
    nodes = np.asarray(z, dtype=np.complex128)
    backward = _direction(nodes)
    M = nodes.size
    q = poles.astype(np.complex128) / nodes[0]
    inside = np.abs(q) <= 1
    log_q, low = log_nodes(np.where(inside, q, 1 / np.where(inside, 1, q)))
    shape = np.broadcast_shapes(v.shape, (*q.shape[:-1], 1, q.shape[-1]))
    inside, poles = inside[..., None, :], poles[..., None, :]
    total = np.zeros((*shape[:-1], M), dtype=np.complex128)
    mirrored = np.concatenate([[0], np.arange(M - 1, 0, -1)])
    if inside.any():
        sums = cauchy_at_circle(np.broadcast_to(np.where(inside, v, 0), shape), log_q, M, 0.0, log_low=low)
        total += (sums[..., mirrored] if backward else sums) / nodes
    if not inside.all():
        weights = np.where(inside, 0, -v / np.where(inside, 1, poles))
        sums = cauchy_at_circle(np.broadcast_to(weights, shape), log_q, M, 0.0, log_low=low)
        total += sums if backward else sums[..., mirrored]
    return total.astype(np.result_type(v, z, poles, np.complex64))


def _direction(nodes: np.ndarray) -> bool:
    """Whether the nodes run clockwise; an error unless they are z_0 times all roots of unity in order."""
    if nodes.ndim == 1 and nodes[0] != 0:
        turns = 2 * np.pi * (np.arange(nodes.size) / nodes.size)
        allowed = NODE_TOLERANCE * np.finfo(np.float64).eps * abs(nodes[0])
        for sign in (1, -1):
            if np.abs(nodes - nodes[0] * np.exp(1j * sign * turns)).max() <= allowed:
                return sign < 0
    rule = "be z_0 exp(2 pi i k/M), k = 0, ..., M-1, one vector in order (or its conjugate order), for the method nufft"
    _arrays.fail("z", rule, f"its shape is {nodes.shape}, and its nodes are not those")
