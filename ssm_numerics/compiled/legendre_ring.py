"""Spectra of alternating sign-semiseparable matrices through a ring: h_{k+1} + h_{k-1} = z d_k h_k, h_{k+n} = sign h_k.

The ring has even n and positive weights d; its eigenvalues z are real and symmetric about 0, those of LegT simple. z
solves trace M(z) = 2 sign, M the product of the matrices [[0, 1], [-1, d_k z]], (h_{k-1}, h_k) -> (h_k, h_{k+1}).
"""

from __future__ import annotations

import math

from ._jit import jit
from .double_word import two_product, two_sum

HUGE = 2.0**400
TINY = 1e-150
"""Vectors decay below any double where d_k z > 2; entries, at most 1, are set to zero before they are subnormal."""


@jit
def trace_residual(weights, sign, z):
    """trace M - 2 sign in double-word arithmetic and its derivative in z, both up to a common power of two."""
    target = 2.0 * sign
    before, before_low, before_d = 1.0, 0.0, 0.0
    now, now_low, now_d = 0.0, 0.0, 0.0
    other_before, other_before_low, other_before_d = 0.0, 0.0, 0.0
    other, other_low, other_d = 1.0, 0.0, 0.0
    for k in range(weights.size):
        d = weights[k]
        q, q_low = two_product(d, z)
        next_d = d * now + q * now_d - before_d
        other_next_d = d * other + q * other_d - other_before_d
        product, product_low = two_product(q, now)
        following, following_low = two_sum(product, -before)
        following_low += product_low + (q * now_low + q_low * now) - before_low
        before, before_low, before_d = now, now_low, now_d
        now, now_low = two_sum(following, following_low)
        now_d = next_d
        product, product_low = two_product(q, other)
        following, following_low = two_sum(product, -other_before)
        following_low += product_low + (q * other_low + q_low * other) - other_before_low
        other_before, other_before_low, other_before_d = other, other_low, other_d
        other, other_low = two_sum(following, following_low)
        other_d = other_next_d
        if abs(now) + abs(other) > HUGE:
            before, before_low, before_d = before / HUGE, before_low / HUGE, before_d / HUGE
            now, now_low, now_d = now / HUGE, now_low / HUGE, now_d / HUGE
            other_before, other_before_low = other_before / HUGE, other_before_low / HUGE
            other, other_low, other_d = other / HUGE, other_low / HUGE, other_d / HUGE
            other_before_d /= HUGE
            target /= HUGE
    total, total_low = two_sum(before, other)
    total_low += before_low + other_low
    total, error = two_sum(total, -target)
    return total + (error + total_low), before_d + other_d


@jit
def newton_loop(weights, sign, z, begin, end):
    """Refine approximate eigenvalues to full accuracy, in place."""
    for m in range(begin, end):
        for _ in range(20):
            residual, derivative = trace_residual(weights, sign, z[m])
            change = residual / derivative
            z[m] -= change
            if abs(change) <= 1e-12 * z[m]:
                break


@jit
def solve_cut(weights, sign, z, cut, h, upper, second, diagonal):
    """The ring vector with h_cut = 1 and its other equations, by elimination with partial pivoting along the cut ring.

    Rows j = 1..n-1 read g_{j+1} - z d_{cut+j} g_j + g_{j-1} = 0 with g_0 = 1 and g_n = sign; the arrays are scratch.
    """
    n = weights.size
    wrap = n - cut  # g_j belongs to node cut + j before the wrap, and is sign h_{j - wrap} from there on
    for j in range(n):
        diagonal[j] = -z * (weights[cut + j] if j < wrap else weights[j - wrap])
        upper[j], second[j], h[j] = 1.0, 0.0, 0.0
    upper[n - 1] = 0.0
    h[1] -= 1.0
    h[n - 1] -= sign
    for j in range(1, n - 1):
        if abs(diagonal[j]) >= 1.0:
            factor = 1.0 / diagonal[j]
            diagonal[j + 1] -= factor * upper[j]
            h[j + 1] -= factor * h[j]
        else:  # the row below, (1, diagonal_{j+1}, upper_{j+1}), becomes the pivot row
            factor = diagonal[j]
            diagonal[j] = 1.0
            below, above = diagonal[j + 1], upper[j]
            upper[j], second[j] = below, upper[j + 1]
            diagonal[j + 1] = above - factor * below
            upper[j + 1] = -factor * second[j]
            h[j], h[j + 1] = h[j + 1], h[j] - factor * h[j + 1]
        if abs(h[j + 1]) < TINY:
            h[j + 1] = 0.0
    h[n - 1] /= diagonal[n - 1]
    if n > 2:
        h[n - 2] = (h[n - 2] - upper[n - 2] * h[n - 1]) / diagonal[n - 2]
    for j in range(n - 3, 0, -1):
        h[j] = (h[j] - upper[j] * h[j + 1] - second[j] * h[j + 2]) / diagonal[j]
        if abs(h[j]) < TINY:
            h[j] = 0.0
    h[0] = 1.0
    for j in range(n):
        second[j] = h[j]
    for j in range(wrap):
        h[cut + j] = second[j]
    for j in range(wrap, n):
        h[j - wrap] = sign * second[j]


@jit
def vectors_loop(weights, sign, z, vectors, work, begin, end):
    """Ring vectors with sum of d_k h_k^2 = 1, one row per eigenvalue; the cut is moved to where the vector is large."""
    n = weights.size
    for m in range(begin, end):
        h = vectors[m]
        solve_cut(weights, sign, z[m], 0, h, work[0], work[1], work[2])
        cut, largest = 0, 0.0
        for k in range(n):
            size = weights[k] * h[k] * h[k]
            if size > largest:
                cut, largest = k, size
        solve_cut(weights, sign, z[m], cut, h, work[0], work[1], work[2])
        total = 0.0
        for k in range(n):
            total += weights[k] * h[k] * h[k]
        scale = 1.0 / math.sqrt(total)
        for k in range(n):
            h[k] *= scale
