"""Diagonal recurrences x_k = decay_k x_{k-1} + input_k u_k, y_k = C_k x_k whose coefficients change with every sample.

Coefficients are (heads, T, N), signals (heads, channels, T) and states (heads, channels, N): all channels of a head
share its coefficients.
"""

from __future__ import annotations

from ._jit import jit, jit_fused_inline
from .recurrence import dot


@jit_fused_inline
def advance(decay, given, now, x):
    """x <- decay x + given now."""
    for n in range(x.size):
        x[n] = decay[n] * x[n] + given[n] * now


@jit
def scan_loop(decay, given, C, u, x, y):
    """The recurrence with its outputs; x ends as the last state."""
    for h in range(u.shape[0]):
        for c in range(u.shape[1]):
            for k in range(u.shape[2]):
                advance(decay[h, k], given[h, k], u[h, c, k], x[h, c])
                y[h, c, k] = dot(C[h, k], x[h, c])


@jit
def reduce_loop(decay, given, u, product, x):
    """The recurrence without outputs; `product` (heads, N) gathers the decays."""
    for h in range(u.shape[0]):
        for k in range(u.shape[2]):
            for n in range(product.shape[1]):
                product[h, n] *= decay[h, k, n]
        for c in range(u.shape[1]):
            for k in range(u.shape[2]):
                advance(decay[h, k], given[h, k], u[h, c, k], x[h, c])


@jit
def hop_loop(decay, forcing, x):
    """x <- decay_q x + forcing_q over the pieces q of time; each forcing (pieces, heads, channels, N) is replaced by
    the state before its piece."""
    for q in range(forcing.shape[0]):
        for h in range(x.shape[0]):
            for c in range(x.shape[1]):
                for n in range(x.shape[2]):
                    before = x[h, c, n]
                    x[h, c, n] = decay[q, h, n] * before + forcing[q, h, c, n]
                    forcing[q, h, c, n] = before
