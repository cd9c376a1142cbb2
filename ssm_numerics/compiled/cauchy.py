"""Cauchy sums in real arithmetic that vectorizes over a block of nodes: one pole or pair at a time.

A denominator a - s p is written (s / scale) (t - scale p) with t = scale a / s, so that a pole costs one subtraction.
Poles arrive multiplied by `scale`, a power of two that brings them around one.

All rows of the work space lie in one array at constant distances, which lets the compiler see that they do not overlap.
"""

from __future__ import annotations

from typing import Any

from ._jit import jit, jit_fused, jit_fused_inline, jit_inline, jit_part

BLOCK = 128
"""Nodes that are treated together; their rows of work space stay in the first-level cache."""

WORK = 18 * BLOCK
"""Entries of work space: t (2 rows), g (2), Im(t^2) and scale of a pair's denominator (2), e and f (4), sums (8)."""

TERMS, SUMS = 6 * BLOCK, 10 * BLOCK
"""Where e and f, and the sums, begin."""


@jit_inline
def placed_node(a_re: Any, a_im: Any, s_re: Any, s_im: Any, scale: Any, largest: Any, limit: Any) -> tuple[Any, ...]:
    """t and g, by parts, such that 1 / (a - s p) = g / (t - scale p) for every |scale p| <= largest.

    Where |s p| < |a| / limit, less than an ulp of a, s is enlarged within that ulp: s = 0 needs no case of its own.
    """
    one = type(scale)(1)
    size = abs(s_re) + abs(s_im)
    least = (abs(a_re) + abs(a_im)) * scale / (limit * largest)
    if size < least:
        size, s_re, s_im = least, least, type(scale)(0)
    unit = one / size
    s_re, s_im, unit = s_re * unit, s_im * unit, unit * scale
    inverse = one / (s_re * s_re + s_im * s_im)
    s_re, s_im, a_re, a_im = s_re * inverse, -(s_im * inverse), a_re * unit, a_im * unit
    return a_re * s_re - a_im * s_im, a_re * s_im + a_im * s_re, s_re * unit, s_im * unit


@jit_inline
def pair_shrink(t_re: Any, t_im: Any) -> Any:
    """1 / max(1, |t|)^2, which keeps the square of a pair's denominator in range; g makes up for it."""
    one = type(t_re)(1)
    size = max(one, abs(t_re) + abs(t_im))
    return one / (size * size)


@jit_fused_inline
def pole_factors(t_re: Any, t_im: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """The parts of d / |d|^2, d = t - p, p = x + iy: a fraction v / d is v times the conjugate of that."""
    d_re, d_im = t_re - x, t_im - y
    inverse = type(x)(1) / (d_re * d_re + d_im * d_im)
    return d_re * inverse, d_im * inverse


@jit_fused_inline
def pair_factors(t_re: Any, t_im: Any, twice: Any, shrink: Any, x: Any, y: Any) -> tuple[Any, Any, Any, Any]:
    """e / q and 1 / q of a conjugate pair of poles x +- iy: e = t - x, q = (e - iy)(e + iy) shrink, one division.

    v/(t-p) + conj(v)/(t - conj(p)) = 2 (Re(v) e - Im(v) y) / q. The denominator is kept as the product of its two
    factors, and no term of the numerator exceeds their sum, so nothing cancels. `twice` is 2 Im(t) shrink.
    """
    e = t_re - x
    q_re, q_im = (e * e - (t_im - y) * (t_im + y)) * shrink, e * twice
    inverse = type(x)(1) / (q_re * q_re + q_im * q_im)
    f_re, f_im = q_re * inverse, -(q_im * inverse)
    return e * f_re - t_im * f_im, e * f_im + t_im * f_re, f_re, f_im


@jit_part
def _place_nodes(w: Any, a: Any, s: Any, scale: Any, largest: Any, limit: Any) -> None:
    """Rows t and g of the work space."""
    for k in range(a.size):
        a_re, a_im, s_re, s_im = a[k].real, a[k].imag, s[k].real, s[k].imag
        t_re, t_im, g_re, g_im = placed_node(a_re, a_im, s_re, s_im, scale, largest, limit)
        w[k], w[k + BLOCK], w[k + 2 * BLOCK], w[k + 3 * BLOCK] = t_re, t_im, g_re, g_im


@jit_part
def _shrink_pairs(w: Any, count: int) -> None:
    """Rows 2 Im(t) and scale of a pair's denominator."""
    for k in range(count):
        shrink = pair_shrink(w[k], w[k + BLOCK])
        w[k + 4 * BLOCK] = (w[k + BLOCK] + w[k + BLOCK]) * shrink
        w[k + 5 * BLOCK] = shrink
        w[k + 2 * BLOCK] *= shrink
        w[k + 3 * BLOCK] *= shrink


@jit_fused
def _set_pole(w: Any, to: Any, count: int, x: Any, y: Any) -> None:
    """e and f of a pole, by parts, such that v / (t - p) = Re(v) e - Im(v) f."""
    for k in range(count):
        f_re, f_im = pole_factors(w[k], w[k + BLOCK], x, y)
        to[k], to[k + BLOCK], to[k + 2 * BLOCK], to[k + 3 * BLOCK] = f_re, -f_im, -f_im, -f_re


@jit_fused
def _set_pair(w: Any, to: Any, count: int, x: Any, y: Any) -> None:
    """e and f of a conjugate pair of poles, such that its fractions are 2 Re(v) e - 2 Im(v) y f."""
    for k in range(count):
        e_re, e_im, f_re, f_im = pair_factors(w[k], w[k + BLOCK], w[k + 4 * BLOCK], w[k + 5 * BLOCK], x, y)
        to[k], to[k + BLOCK], to[k + 2 * BLOCK], to[k + 3 * BLOCK] = e_re, e_im, f_re, f_im


@jit_fused
def _add(terms: Any, sums: Any, count: int, a: Any, a_f: Any, b: Any, b_f: Any) -> None:
    """sums += a e - a_f f, and b e - b_f f to the next one."""
    for k in range(count):
        e_re, e_im, f_re, f_im = terms[k], terms[k + BLOCK], terms[k + 2 * BLOCK], terms[k + 3 * BLOCK]
        sums[k] = (sums[k] + a * e_re) - a_f * f_re
        sums[k + BLOCK] = (sums[k + BLOCK] + a * e_im) - a_f * f_im
        sums[k + 2 * BLOCK] = (sums[k + 2 * BLOCK] + b * e_re) - b_f * f_re
        sums[k + 3 * BLOCK] = (sums[k + 3 * BLOCK] + b * e_im) - b_f * f_im


@jit_part
def _add_all(w: Any, count: int, poles: Any, v: Any, paired: bool) -> None:
    """Up to four sums over all poles or pairs, whose residues are v (2 or 4, 2, N)."""
    terms, first, second = w[TERMS:], w[SUMS:], w[SUMS + 4 * BLOCK :]
    for k in range(8 * BLOCK):
        first[k] = 0
    for n in range(poles.shape[1]):
        x, y = poles[0, n], poles[1, n]
        if paired:
            _set_pair(w, terms, count, x, y)
        else:
            _set_pole(w, terms, count, x, y)
        _add(terms, first, count, v[0, 0, n], v[0, 1, n], v[1, 0, n], v[1, 1, n])
        if v.shape[0] > 2:
            _add(terms, second, count, v[2, 0, n], v[2, 1, n], v[3, 0, n], v[3, 1, n])


@jit_part
def _store_sum(w: Any, total: Any, out: Any) -> None:
    """out = g times a sum, which starts at the two rows `total`."""
    for k in range(out.size):
        g_re, g_im, re, im = w[k + 2 * BLOCK], w[k + 3 * BLOCK], total[k], total[k + BLOCK]
        out[k] = complex(re * g_re - im * g_im, re * g_im + im * g_re)


@jit
def cauchy_loop(
    v: Any,
    a: Any,
    s: Any,
    poles: Any,
    scale: Any,
    largest: Any,
    limit: Any,
    paired: bool,
    w: Any,
    out: Any,
    begin: int,
    end: int,
) -> None:
    """Blocks begin to end, counted through all rows of out (H, J, K), over poles or conjugate pairs.

    v (H, J or J + 1, 2, N) with an even number of sums; poles (H, 2, N), scale and largest (H,); nodes a and s
    (H or 1, K).
    """
    blocks = (out.shape[2] + BLOCK - 1) // BLOCK
    for block in range(begin, end):
        h, first = block // blocks, (block % blocks) * BLOCK
        last = min(first + BLOCK, out.shape[2])
        nodes = a[h % a.shape[0], first:last], s[h % s.shape[0], first:last]
        _place_nodes(w, nodes[0], nodes[1], scale[h], largest[h], limit)
        if paired:
            _shrink_pairs(w, last - first)
        for j in range(0, out.shape[1], 4):
            _add_all(w, last - first, poles[h], v[h, j : j + 4], paired)
            for i in range(min(4, out.shape[1] - j)):
                _store_sum(w, w[SUMS + 2 * i * BLOCK :], out[h, j + i, first:last])
