"""Cauchy sums in real arithmetic that vectorizes over a block of nodes: pole by pole, or one conjugate pair at a time.

A denominator a - s p is written (s / scale) (t - scale p) with t = scale a / s, so that a pole costs one subtraction.
Poles arrive multiplied by `scale`, a power of two that brings them around one.

All rows of the work space lie in one array at constant distances, which lets the compiler see that they do not overlap.
"""

from __future__ import annotations

from typing import Any

from ._jit import jit, jit_fused

BLOCK = 128
"""Nodes that are treated together; their 14 rows of work space stay in the first-level cache."""

WORK = 14 * BLOCK
"""Entries of work space: t (2 rows), g (2), Im(t^2) and scale of a pair's denominator (2), four complex sums (8)."""


@jit
def _place_nodes(w: Any, a: Any, s: Any, first: int, count: int, scale: Any, largest: Any, limit: Any) -> None:
    """Rows t and g of the work space such that 1 / (a - s p) = g / (t - scale p) for every |scale p| <= largest.

    Where |s p| < |a| / limit, less than an ulp of a, s is enlarged within that ulp: s = 0 needs no case of its own.
    """
    one = type(scale)(1)
    for k in range(count):
        a_re, a_im, s_re, s_im = a[first + k].real, a[first + k].imag, s[first + k].real, s[first + k].imag
        size = abs(s_re) + abs(s_im)
        least = (abs(a_re) + abs(a_im)) * scale / (limit * largest)
        if size < least:
            size, s_re, s_im = least, least, type(scale)(0)
        unit = one / size
        s_re, s_im, unit = s_re * unit, s_im * unit, unit * scale
        inverse = one / (s_re * s_re + s_im * s_im)
        s_re, s_im, a_re, a_im = s_re * inverse, -(s_im * inverse), a_re * unit, a_im * unit
        w[k] = a_re * s_re - a_im * s_im
        w[k + BLOCK] = a_re * s_im + a_im * s_re
        w[k + 2 * BLOCK] = s_re * unit
        w[k + 3 * BLOCK] = s_im * unit


@jit
def _shrink_pairs(w: Any, count: int) -> None:
    """A pair's denominator is scaled by 1 / max(1, |t|)^2, so that its square stays in range; g makes up for it."""
    one = type(w[0])(1)
    for k in range(count):
        size = max(one, abs(w[k]) + abs(w[k + BLOCK]))
        shrink = one / (size * size)
        w[k + 4 * BLOCK] = (w[k + BLOCK] + w[k + BLOCK]) * shrink
        w[k + 5 * BLOCK] = shrink
        w[k + 2 * BLOCK] *= shrink
        w[k + 3 * BLOCK] *= shrink


@jit_fused
def _add_pole(w: Any, count: int, x: Any, y: Any, v_re: Any, v_im: Any) -> None:
    """Add v / (t - p), p = x + iy, to the first sum."""
    one = type(x)(1)
    for k in range(count):
        d_re, d_im = w[k] - x, w[k + BLOCK] - y
        inverse = one / (d_re * d_re + d_im * d_im)
        w[k + 6 * BLOCK] += (v_re * d_re + v_im * d_im) * inverse
        w[k + 7 * BLOCK] += (v_im * d_re - v_re * d_im) * inverse


@jit_fused
def _add_pair(
    w: Any, count: int, x: Any, y: Any, a: Any, a_y: Any, b: Any, b_y: Any, c: Any, c_y: Any, d: Any, d_y: Any
) -> None:
    """Add the fractions of a conjugate pair of poles x +- iy to the four sums, with one division.

    v/(t-p) + conj(v)/(t - conj(p)) = 2 (Re(v) e - Im(v) y) / ((e - iy)(e + iy)), e = t - x. The denominator is kept as
    the product of its two factors, and no term of the numerator exceeds their sum, so nothing cancels. The arguments
    are 2 Re(v) and 2 Im(v) y of the four residues v.
    """
    one = type(x)(1)
    for k in range(count):
        e, t_im = w[k] - x, w[k + BLOCK]
        q_re = (e * e - (t_im - y) * (t_im + y)) * w[k + 5 * BLOCK]
        q_im = e * w[k + 4 * BLOCK]
        inverse = one / (q_re * q_re + q_im * q_im)
        f_re, f_im = q_re * inverse, -(q_im * inverse)
        e_re, e_im = e * f_re - t_im * f_im, e * f_im + t_im * f_re
        w[k + 6 * BLOCK] += a * e_re - a_y * f_re
        w[k + 7 * BLOCK] += a * e_im - a_y * f_im
        w[k + 8 * BLOCK] += b * e_re - b_y * f_re
        w[k + 9 * BLOCK] += b * e_im - b_y * f_im
        w[k + 10 * BLOCK] += c * e_re - c_y * f_re
        w[k + 11 * BLOCK] += c * e_im - c_y * f_im
        w[k + 12 * BLOCK] += d * e_re - d_y * f_re
        w[k + 13 * BLOCK] += d * e_im - d_y * f_im


@jit
def _clear_sums(w: Any) -> None:
    for k in range(6 * BLOCK, WORK):
        w[k] = type(w[k])(0)


@jit
def _store_sum(w: Any, i: int, out: Any, first: int, count: int) -> None:
    """out = g times the i-th sum."""
    row = (6 + 2 * i) * BLOCK
    for k in range(count):
        g_re, g_im, re, im = w[k + 2 * BLOCK], w[k + 3 * BLOCK], w[k + row], w[k + row + BLOCK]
        out[first + k] = complex(re * g_re - im * g_im, re * g_im + im * g_re)


@jit
def cauchy_loop(
    v: Any, a: Any, s: Any, poles: Any, scale: Any, largest: Any, limit: Any, w: Any, out: Any, begin: int, end: int
) -> None:
    """Blocks begin to end, counted through all rows of out (H, J, K), pole by pole.

    v (H, J, 2, N), poles (H, 2, N), scale and largest (H,); nodes a and s (H or 1, K).
    """
    blocks = (out.shape[2] + BLOCK - 1) // BLOCK
    for block in range(begin, end):
        h, first = block // blocks, (block % blocks) * BLOCK
        count = min(BLOCK, out.shape[2] - first)
        _place_nodes(w, a[h % a.shape[0]], s[h % s.shape[0]], first, count, scale[h], largest[h], limit)
        for j in range(out.shape[1]):
            _clear_sums(w)
            for n in range(poles.shape[2]):
                _add_pole(w, count, poles[h, 0, n], poles[h, 1, n], v[h, j, 0, n], v[h, j, 1, n])
            _store_sum(w, 0, out[h, j], first, count)


@jit
def cauchy_pairs_loop(
    v: Any, a: Any, s: Any, poles: Any, scale: Any, largest: Any, limit: Any, w: Any, out: Any, begin: int, end: int
) -> None:
    """The same over conjugate pairs, four sums at a time: J of v, but not of out, must be a multiple of four."""
    blocks = (out.shape[2] + BLOCK - 1) // BLOCK
    for block in range(begin, end):
        h, first = block // blocks, (block % blocks) * BLOCK
        count = min(BLOCK, out.shape[2] - first)
        _place_nodes(w, a[h % a.shape[0]], s[h % s.shape[0]], first, count, scale[h], largest[h], limit)
        _shrink_pairs(w, count)
        for j in range(0, out.shape[1], 4):
            _clear_sums(w)
            for n in range(poles.shape[2]):
                x, y, v0, v1, v2, v3 = poles[h, 0, n], poles[h, 1, n], v[h, j], v[h, j + 1], v[h, j + 2], v[h, j + 3]
                _add_pair(
                    w, count, x, y, v0[0, n], v0[1, n], v1[0, n], v1[1, n], v2[0, n], v2[1, n], v3[0, n], v3[1, n]
                )
            for i in range(min(4, out.shape[1] - j)):
                _store_sum(w, i, out[h, j + i], first, count)
