"""Cauchy sums on the device: a thread per node, poles and residues shared by a block, four sums at a time."""

from __future__ import annotations

import math
from typing import Any

from .. import cauchy
from .._cuda import SIMULATED, cuda, device_form, kernel
from .._jit import jit
from ..cauchy import pair_shrink, placed_node

pole_factors, pair_factors = device_form(cauchy.pole_factors), device_form(cauchy.pair_factors)

BLOCK = 8 if SIMULATED else 128
"""Threads of a block, nodes that it treats together, and poles that it holds in shared memory at once."""

SUMS = 4
"""Right-hand sides that share a division."""

SHARED = (2 + 2 * SUMS, BLOCK)
"""Poles and their residues, by parts."""


@jit
def store(out: Any, h: int, j: int, k: int, g_re: Any, g_im: Any, re: Any, im: Any) -> None:
    """out[h, j, k] = g times a sum, or its real part, if there is a j-th right-hand side."""
    if j < out.shape[1]:
        out[h, j, k, 0] = re * g_re - im * g_im
        if out.shape[3] > 1:
            out[h, j, k, 1] = re * g_im + im * g_re


@kernel
def pole_range_kernel(poles: Any, scale: Any, largest: Any, limit: Any) -> None:
    """Per head, a power of two that brings the poles' magnitudes around one, and the largest magnitude after it.

    poles (H, N, 2), scale and largest (H,); beyond limit or below 1/limit the scale itself would leave the range.
    """
    most = cuda.shared.array(BLOCK, poles.dtype)
    least = cuda.shared.array(BLOCK, poles.dtype)
    zero, one = poles.dtype.type(0), poles.dtype.type(1)
    i = cuda.threadIdx.x
    for h in range(cuda.blockIdx.x, poles.shape[0], cuda.gridDim.x):
        most[i] = zero
        least[i] = zero
        for n in range(i, poles.shape[1], BLOCK):
            size = abs(poles[h, n, 0]) + abs(poles[h, n, 1])
            if size > zero:
                least[i] = size if least[i] == zero else min(least[i], size)
                most[i] = max(most[i], size)
        cuda.syncthreads()
        if i == 0:
            for j in range(1, BLOCK):
                if most[j] > zero:
                    most[0] = max(most[0], most[j])
                    least[0] = least[j] if least[0] == zero else min(least[0], least[j])
            unit = one
            if most[0] > zero:
                middle = min(max(math.sqrt(most[0]) * math.sqrt(least[0]), one / limit), limit)
                unit = math.ldexp(one, -math.frexp(middle)[1])
            scale[h] = unit
            largest[h] = most[0] * unit if most[0] > zero else one
        cuda.syncthreads()


@kernel
def cauchy_kernel(v: Any, a: Any, s: Any, poles: Any, scale: Any, largest: Any, limit: Any, out: Any) -> None:
    """out[h, j, k] = sum_n v[h, j, n] / (a[h, k] - s[h, k] poles[h, n]), pole by pole.

    v (H, J, N, 2), poles (H, N, 2), nodes a and s (H or 1, K, 2), scale and largest (H,), out (H, J, K, 1 or 2).
    """
    shared = cuda.shared.array(SHARED, v.dtype)
    zero = v.dtype.type(0)
    n_modes, n_nodes, n_sums, i = v.shape[2], out.shape[2], v.shape[1], cuda.threadIdx.x
    tiles = (n_nodes + BLOCK - 1) // BLOCK
    for block in range(cuda.blockIdx.x, out.shape[0] * tiles, cuda.gridDim.x):
        h, k = block // tiles, min(block % tiles * BLOCK + i, n_nodes - 1)
        at, of = a[h % a.shape[0], k], s[h % s.shape[0], k]
        t_re, t_im, g_re, g_im = placed_node(at[0], at[1], of[0], of[1], scale[h], largest[h], limit)
        for first in range(0, n_sums, SUMS):
            re0, im0, re1, im1, re2, im2, re3, im3 = zero, zero, zero, zero, zero, zero, zero, zero
            for begin in range(0, n_modes, BLOCK):
                n = min(begin + i, n_modes - 1)
                shared[0, i], shared[1, i] = poles[h, n, 0] * scale[h], poles[h, n, 1] * scale[h]
                for j in range(SUMS):
                    inside = first + j < n_sums
                    shared[2 + 2 * j, i] = v[h, first + j, n, 0] if inside else zero
                    shared[3 + 2 * j, i] = v[h, first + j, n, 1] if inside else zero
                cuda.syncthreads()
                for m in range(min(BLOCK, n_modes - begin)):
                    f_re, f_im = pole_factors(t_re, t_im, shared[0, m], shared[1, m])
                    re0 = re0 + shared[2, m] * f_re + shared[3, m] * f_im
                    im0 = im0 + shared[3, m] * f_re - shared[2, m] * f_im
                    re1 = re1 + shared[4, m] * f_re + shared[5, m] * f_im
                    im1 = im1 + shared[5, m] * f_re - shared[4, m] * f_im
                    re2 = re2 + shared[6, m] * f_re + shared[7, m] * f_im
                    im2 = im2 + shared[7, m] * f_re - shared[6, m] * f_im
                    re3 = re3 + shared[8, m] * f_re + shared[9, m] * f_im
                    im3 = im3 + shared[9, m] * f_re - shared[8, m] * f_im
                cuda.syncthreads()
            if block % tiles * BLOCK + i < n_nodes:
                store(out, h, first, k, g_re, g_im, re0, im0)
                store(out, h, first + 1, k, g_re, g_im, re1, im1)
                store(out, h, first + 2, k, g_re, g_im, re2, im2)
                store(out, h, first + 3, k, g_re, g_im, re3, im3)


@kernel
def cauchy_pairs_kernel(
    v: Any, a: Any, s: Any, poles: Any, weights: Any, scale: Any, largest: Any, limit: Any, out: Any
) -> None:
    """The same over conjugate pairs; weights (N,) is 2 where a mode stands for a pair and 1 elsewhere."""
    shared = cuda.shared.array(SHARED, v.dtype)
    zero = v.dtype.type(0)
    n_modes, n_nodes, n_sums, i = v.shape[2], out.shape[2], v.shape[1], cuda.threadIdx.x
    tiles = (n_nodes + BLOCK - 1) // BLOCK
    for block in range(cuda.blockIdx.x, out.shape[0] * tiles, cuda.gridDim.x):
        h, k = block // tiles, min(block % tiles * BLOCK + i, n_nodes - 1)
        at, of = a[h % a.shape[0], k], s[h % s.shape[0], k]
        t_re, t_im, g_re, g_im = placed_node(at[0], at[1], of[0], of[1], scale[h], largest[h], limit)
        shrink = pair_shrink(t_re, t_im)
        twice, g_re, g_im = (t_im + t_im) * shrink, g_re * shrink, g_im * shrink
        for first in range(0, n_sums, SUMS):
            re0, im0, re1, im1, re2, im2, re3, im3 = zero, zero, zero, zero, zero, zero, zero, zero
            for begin in range(0, n_modes, BLOCK):
                n = min(begin + i, n_modes - 1)
                y = poles[h, n, 1] * scale[h]
                shared[0, i], shared[1, i] = poles[h, n, 0] * scale[h], y
                for j in range(SUMS):
                    inside = first + j < n_sums
                    shared[2 + 2 * j, i] = weights[n] * v[h, first + j, n, 0] if inside else zero
                    shared[3 + 2 * j, i] = weights[n] * v[h, first + j, n, 1] * y if inside else zero
                cuda.syncthreads()
                for m in range(min(BLOCK, n_modes - begin)):
                    e_re, e_im, f_re, f_im = pair_factors(t_re, t_im, twice, shrink, shared[0, m], shared[1, m])
                    re0 = re0 + shared[2, m] * e_re - shared[3, m] * f_re
                    im0 = im0 + shared[2, m] * e_im - shared[3, m] * f_im
                    re1 = re1 + shared[4, m] * e_re - shared[5, m] * f_re
                    im1 = im1 + shared[4, m] * e_im - shared[5, m] * f_im
                    re2 = re2 + shared[6, m] * e_re - shared[7, m] * f_re
                    im2 = im2 + shared[6, m] * e_im - shared[7, m] * f_im
                    re3 = re3 + shared[8, m] * e_re - shared[9, m] * f_re
                    im3 = im3 + shared[8, m] * e_im - shared[9, m] * f_im
                cuda.syncthreads()
            if block % tiles * BLOCK + i < n_nodes:
                store(out, h, first, k, g_re, g_im, re0, im0)
                store(out, h, first + 1, k, g_re, g_im, re1, im1)
                store(out, h, first + 2, k, g_re, g_im, re2, im2)
                store(out, h, first + 3, k, g_re, g_im, re3, im3)
