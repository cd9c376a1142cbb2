"""The combination step of Algorithm 1 on the device: Woodbury's formula at every node, for any rank."""

from __future__ import annotations

from typing import Any

from .._cuda import SIMULATED, cuda, kernel
from .._jit import jit
from ..recurrence import turned

BLOCK = 8 if SIMULATED else 128


@jit
def divided(a_re: Any, a_im: Any, b_re: Any, b_im: Any) -> Any:
    """a / b by parts, b scaled so that its square stays in range."""
    unit = type(b_re)(1) / max(abs(b_re), abs(b_im))
    b_re, b_im = b_re * unit, b_im * unit
    inverse = unit / (b_re * b_re + b_im * b_im)
    return (a_re * b_re + a_im * b_im) * inverse, (a_im * b_re - a_re * b_im) * inverse


@kernel
def combine_kernel(k: Any, s: Any, rank: int, out: Any) -> None:
    """out[h, l] = k00 - s k01 (I + s k11)^-1 k10 at every node, from k (H, (1 + r)^2, L, 2), which is overwritten.

    s (H or 1, L, 2), out (H, L, 2). One thread per node eliminates with partial pivoting in its own column of k, where
    neighbouring threads touch neighbouring memory.
    """
    n_nodes, width = out.shape[1], rank + 1
    for i in range(cuda.grid(1), out.shape[0] * n_nodes, cuda.gridsize(1)):
        h, node = i // n_nodes, i % n_nodes
        m, step = k[h, :, node], s[h % s.shape[0], node]
        one = type(step[0])(1)
        for row in range(1, width):
            for column in range(1, width):
                at = m[row * width + column]
                at[0], at[1] = turned(step[0], step[1], at[0], at[1])
            m[row * width + row, 0] += one
        for pivot in range(1, width):
            best, size = pivot, abs(m[pivot * width + pivot, 0]) + abs(m[pivot * width + pivot, 1])
            for row in range(pivot + 1, width):
                other = abs(m[row * width + pivot, 0]) + abs(m[row * width + pivot, 1])
                if other > size:
                    best, size = row, other
            for column in range(width):
                top, low = m[pivot * width + column], m[best * width + column]
                top_re, top_im, low_re, low_im = top[0], top[1], low[0], low[1]
                low[0], low[1], top[0], top[1] = top_re, top_im, low_re, low_im
            p = m[pivot * width + pivot]
            p_re, p_im = p[0], p[1]
            for column in range(width):
                at = m[pivot * width + column]
                at[0], at[1] = divided(at[0], at[1], p_re, p_im)
            for row in range(1, width):
                f_re, f_im = m[row * width + pivot, 0], m[row * width + pivot, 1]
                if row != pivot:
                    for column in range(width):
                        at, by = m[row * width + column], m[pivot * width + column]
                        d_re, d_im = turned(f_re, f_im, by[0], by[1])
                        at[0], at[1] = at[0] - d_re, at[1] - d_im
        re, im = m[0, 0], m[0, 1]
        for j in range(1, width):
            x_re, x_im = turned(m[j, 0], m[j, 1], m[j * width, 0], m[j * width, 1])
            x_re, x_im = turned(step[0], step[1], x_re, x_im)
            re, im = re - x_re, im - x_im
        out[h, node, 0], out[h, node, 1] = re, im


@kernel
def quotient_kernel(k: Any, s: Any, out: Any) -> None:
    """out[h, l] = k[h, 0, l] / (1 + s k[h, 1, l]): the same for rank one where the input is in proportion to P."""
    n_nodes = out.shape[1]
    for i in range(cuda.grid(1), out.shape[0] * n_nodes, cuda.gridsize(1)):
        h, node = i // n_nodes, i % n_nodes
        above, below, step = k[h, 0, node], k[h, 1, node], s[h % s.shape[0], node]
        re, im = turned(step[0], step[1], below[0], below[1])
        out[h, node, 0], out[h, node, 1] = divided(above[0], above[1], type(re)(1) + re, im)
