"""Diagonal recurrences x_k = decay_k x_{k-1} + input_k u_k, y_k = C_k x_k whose coefficients change with every sample.

Coefficients are (heads, T, N), signals (heads, channels, T) and states (heads, channels, N): all channels of a head
share its coefficients.
"""

from __future__ import annotations

from ._jit import jit, jit_fused_inline, jit_sum


@jit_fused_inline
def advance(decay, given, k, now, x):
    """x <- decay_k x + given_k now."""
    for n in range(x.size):
        x[n] = decay[k, n] * x[n] + given[k, n] * now


@jit_sum
def output(C, k, x):
    """C_k x, in an order that depends on the number of states only."""
    total = x[0] - x[0]
    for n in range(x.size):
        total += C[k, n] * x[n]
    return total


@jit
def scan_run(decay, given, C, u, x, y):
    """One channel."""
    for k in range(u.size):
        advance(decay, given, k, u[k], x)
        y[k] = output(C, k, x)


@jit
def scan_loop(decay, given, C, u, x, y):
    """The recurrence with its outputs; x ends as the last state."""
    for h in range(u.shape[0]):
        for c in range(u.shape[1]):
            scan_run(decay[h], given[h], C[h], u[h, c], x[h, c], y[h, c])


@jit
def reduce_run(decay, given, u, x):
    """One channel without outputs."""
    for k in range(u.size):
        advance(decay, given, k, u[k], x)


@jit
def reduce_loop(decay, given, u, product, x):
    """The recurrence without outputs; `product` (heads, N) gathers the decays."""
    for h in range(u.shape[0]):
        for k in range(u.shape[2]):
            for n in range(product.shape[1]):
                product[h, n] *= decay[h, k, n]
        for c in range(u.shape[1]):
            reduce_run(decay[h], given[h], u[h, c], x[h, c])


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
