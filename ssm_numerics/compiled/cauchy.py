"""Cauchy sums in real arithmetic that vectorizes over a block of nodes: pole by pole, or one conjugate pair at a time.

A denominator a - s p is written (s / scale) (t - scale p) with t = scale a / s, so that a pole costs one subtraction.
Poles arrive multiplied by `scale`, a power of two that brings them around one.

All rows of the work space lie in one array at constant distances, which lets the compiler see that they do not overlap.
"""

from __future__ import annotations

from typing import Any

from ._jit import jit, jit_fused, jit_fused_inline, jit_inline

BLOCK = 128
"""Nodes that are treated together; their 14 rows of work space stay in the first-level cache."""

WORK = 14 * BLOCK
"""Entries of work space: t (2 rows), g (2), Im(t^2) and scale of a pair's denominator (2), four complex sums (8)."""


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


@jit
def _place_nodes(w: Any, a: Any, s: Any, scale: Any, largest: Any, limit: Any) -> None:
    """Rows t and g of the work space."""
    for k in range(a.size):
        a_re, a_im, s_re, s_im = a[k].real, a[k].imag, s[k].real, s[k].imag
        t_re, t_im, g_re, g_im = placed_node(a_re, a_im, s_re, s_im, scale, largest, limit)
        w[k], w[k + BLOCK], w[k + 2 * BLOCK], w[k + 3 * BLOCK] = t_re, t_im, g_re, g_im


@jit
def _shrink_pairs(w: Any, count: int) -> None:
    """Rows 2 Im(t) and scale of a pair's denominator."""
    for k in range(count):
        shrink = pair_shrink(w[k], w[k + BLOCK])
        w[k + 4 * BLOCK] = (w[k + BLOCK] + w[k + BLOCK]) * shrink
        w[k + 5 * BLOCK] = shrink
        w[k + 2 * BLOCK] *= shrink
        w[k + 3 * BLOCK] *= shrink


@jit_fused
def _add_pole_to_one(w: Any, count: int, x: Any, y: Any, v_re: Any, v_im: Any) -> None:
    """Add v / (t - p), p = x + iy, to the first sum."""
    for k in range(count):
        f_re, f_im = pole_factors(w[k], w[k + BLOCK], x, y)
        w[k + 6 * BLOCK] = (w[k + 6 * BLOCK] + v_re * f_re) + v_im * f_im
        w[k + 7 * BLOCK] = (w[k + 7 * BLOCK] + v_im * f_re) - v_re * f_im


@jit_fused
def _add_pole_to_four(
    w: Any, count: int, x: Any, y: Any, a: Any, a_i: Any, b: Any, b_i: Any, c: Any, c_i: Any, d: Any, d_i: Any
) -> None:
    """The same to four sums, under one division; their residues are a + i a_i, and so on."""
    for k in range(count):
        f_re, f_im = pole_factors(w[k], w[k + BLOCK], x, y)
        w[k + 6 * BLOCK] = (w[k + 6 * BLOCK] + a * f_re) + a_i * f_im
        w[k + 7 * BLOCK] = (w[k + 7 * BLOCK] + a_i * f_re) - a * f_im
        w[k + 8 * BLOCK] = (w[k + 8 * BLOCK] + b * f_re) + b_i * f_im
        w[k + 9 * BLOCK] = (w[k + 9 * BLOCK] + b_i * f_re) - b * f_im
        w[k + 10 * BLOCK] = (w[k + 10 * BLOCK] + c * f_re) + c_i * f_im
        w[k + 11 * BLOCK] = (w[k + 11 * BLOCK] + c_i * f_re) - c * f_im
        w[k + 12 * BLOCK] = (w[k + 12 * BLOCK] + d * f_re) + d_i * f_im
        w[k + 13 * BLOCK] = (w[k + 13 * BLOCK] + d_i * f_re) - d * f_im


@jit_fused
def _add_pair_to_one(w: Any, count: int, x: Any, y: Any, a: Any, a_y: Any) -> None:
    """Add the fractions of a conjugate pair of poles to the first sum; the residue v comes as 2 Re(v) and 2 Im(v) y."""
    for k in range(count):
        e_re, e_im, f_re, f_im = pair_factors(w[k], w[k + BLOCK], w[k + 4 * BLOCK], w[k + 5 * BLOCK], x, y)
        w[k + 6 * BLOCK] = (w[k + 6 * BLOCK] + a * e_re) - a_y * f_re
        w[k + 7 * BLOCK] = (w[k + 7 * BLOCK] + a * e_im) - a_y * f_im


@jit_fused
def _add_pair_to_two(w: Any, count: int, x: Any, y: Any, a: Any, a_y: Any, b: Any, b_y: Any) -> None:
    """The same to two sums, under one division."""
    for k in range(count):
        e_re, e_im, f_re, f_im = pair_factors(w[k], w[k + BLOCK], w[k + 4 * BLOCK], w[k + 5 * BLOCK], x, y)
        w[k + 6 * BLOCK] = (w[k + 6 * BLOCK] + a * e_re) - a_y * f_re
        w[k + 7 * BLOCK] = (w[k + 7 * BLOCK] + a * e_im) - a_y * f_im
        w[k + 8 * BLOCK] = (w[k + 8 * BLOCK] + b * e_re) - b_y * f_re
        w[k + 9 * BLOCK] = (w[k + 9 * BLOCK] + b * e_im) - b_y * f_im


@jit_fused
def _add_pair_to_four(
    w: Any, count: int, x: Any, y: Any, a: Any, a_y: Any, b: Any, b_y: Any, c: Any, c_y: Any, d: Any, d_y: Any
) -> None:
    """The same to four sums."""
    for k in range(count):
        e_re, e_im, f_re, f_im = pair_factors(w[k], w[k + BLOCK], w[k + 4 * BLOCK], w[k + 5 * BLOCK], x, y)
        w[k + 6 * BLOCK] = (w[k + 6 * BLOCK] + a * e_re) - a_y * f_re
        w[k + 7 * BLOCK] = (w[k + 7 * BLOCK] + a * e_im) - a_y * f_im
        w[k + 8 * BLOCK] = (w[k + 8 * BLOCK] + b * e_re) - b_y * f_re
        w[k + 9 * BLOCK] = (w[k + 9 * BLOCK] + b * e_im) - b_y * f_im
        w[k + 10 * BLOCK] = (w[k + 10 * BLOCK] + c * e_re) - c_y * f_re
        w[k + 11 * BLOCK] = (w[k + 11 * BLOCK] + c * e_im) - c_y * f_im
        w[k + 12 * BLOCK] = (w[k + 12 * BLOCK] + d * e_re) - d_y * f_re
        w[k + 13 * BLOCK] = (w[k + 13 * BLOCK] + d * e_im) - d_y * f_im


@jit
def _clear_sums(w: Any) -> None:
    for k in range(6 * BLOCK, WORK):
        w[k] = 0


@jit
def _store_sum(w: Any, total: Any, out: Any) -> None:
    """out = g times a sum, which starts at the two rows `total`."""
    for k in range(out.size):
        g_re, g_im, re, im = w[k + 2 * BLOCK], w[k + 3 * BLOCK], total[k], total[k + BLOCK]
        out[k] = complex(re * g_re - im * g_im, re * g_im + im * g_re)


@jit
def cauchy_loop(
    v: Any, a: Any, s: Any, poles: Any, scale: Any, largest: Any, limit: Any, w: Any, out: Any, begin: int, end: int
) -> None:
    """Blocks begin to end, counted through all rows of out (H, J, K), pole by pole, up to four sums at a time.

    v (H, J or more, 2, N), padded by zeros to a multiple of four unless J = 1; poles (H, 2, N), scale and largest (H,);
    nodes a and s (H or 1, K).
    """
    blocks = (out.shape[2] + BLOCK - 1) // BLOCK
    for block in range(begin, end):
        h, first = block // blocks, (block % blocks) * BLOCK
        last = min(first + BLOCK, out.shape[2])
        nodes = a[h % a.shape[0], first:last], s[h % s.shape[0], first:last]
        _place_nodes(w, nodes[0], nodes[1], scale[h], largest[h], limit)
        for j in range(0, out.shape[1], 4):
            _clear_sums(w)
            if out.shape[1] == 1:
                _add_poles_to_one(w, last - first, poles[h], v[h, j])
            else:
                _add_poles_to_four(w, last - first, poles[h], v[h, j], v[h, j + 1], v[h, j + 2], v[h, j + 3])
            _store_sums(w, out[h], j, first, last)


@jit
def cauchy_pairs_loop(
    v: Any, a: Any, s: Any, poles: Any, scale: Any, largest: Any, limit: Any, w: Any, out: Any, begin: int, end: int
) -> None:
    """The same over conjugate pairs; v has a multiple of four sums in any case."""
    blocks = (out.shape[2] + BLOCK - 1) // BLOCK
    for block in range(begin, end):
        h, first = block // blocks, (block % blocks) * BLOCK
        last = min(first + BLOCK, out.shape[2])
        nodes = a[h % a.shape[0], first:last], s[h % s.shape[0], first:last]
        _place_nodes(w, nodes[0], nodes[1], scale[h], largest[h], limit)
        _shrink_pairs(w, last - first)
        for j in range(0, out.shape[1], 4):
            sums = min(4, out.shape[1] - j)
            _clear_sums(w)
            _add_pairs(w, last - first, poles[h], v[h, j], v[h, j + 1], v[h, j + 2], v[h, j + 3], sums)
            _store_sums(w, out[h], j, first, last)


@jit
def _store_sums(w: Any, out: Any, j: int, first: int, last: int) -> None:
    """Up to four sums, into rows j, j + 1, ... of out (J, K)."""
    for i in range(min(4, out.shape[0] - j)):
        _store_sum(w, w[(6 + 2 * i) * BLOCK :], out[j + i, first:last])


@jit
def _add_poles_to_one(w: Any, count: int, poles: Any, a: Any) -> None:
    """Add all fractions to the first sum, whose residues are a (2, N)."""
    for n in range(poles.shape[1]):
        _add_pole_to_one(w, count, poles[0, n], poles[1, n], a[0, n], a[1, n])


@jit
def _add_poles_to_four(w: Any, count: int, poles: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    """Add all fractions to the four sums, whose residues (2, N) come in this order."""
    for n in range(poles.shape[1]):
        x, y = poles[0, n], poles[1, n]
        _add_pole_to_four(w, count, x, y, a[0, n], a[1, n], b[0, n], b[1, n], c[0, n], c[1, n], d[0, n], d[1, n])


@jit
def _add_pairs(w: Any, count: int, poles: Any, a: Any, b: Any, c: Any, d: Any, sums: int) -> None:
    """Add all pairs to the first `sums` sums, whose residues (2, N) come in this order."""
    for n in range(poles.shape[1]):
        x, y = poles[0, n], poles[1, n]
        if sums == 1:
            _add_pair_to_one(w, count, x, y, a[0, n], a[1, n])
        elif sums == 2:
            _add_pair_to_two(w, count, x, y, a[0, n], a[1, n], b[0, n], b[1, n])
        else:
            _add_pair_to_four(w, count, x, y, a[0, n], a[1, n], b[0, n], b[1, n], c[0, n], c[1, n], d[0, n], d[1, n])
