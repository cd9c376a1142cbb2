"""Cauchy sums in real arithmetic that vectorizes over a block of nodes: two poles or pairs at a time.

A denominator a - s p is written (s / scale) (t - scale p) with t = scale a / s, so that a pole costs one subtraction.
Poles arrive multiplied by `scale`, a power of two that brings them around one.

All rows of the work space lie in one array at constant distances, which lets the compiler see that they do not overlap.
"""

from __future__ import annotations

from typing import Any

from ._jit import jit, jit_fused, jit_fused_inline, jit_inline, jit_part

BLOCK = 128
"""Nodes that are treated together; their rows of work space stay in the first-level cache."""

WORK = 22 * BLOCK
"""Entries of work space: t (2 rows), g (2), 2 Im(t) and scale of a pair's denominator (2), e and f (8), sums (8)."""

TERMS, SUMS = 6 * BLOCK, 14 * BLOCK
"""Where e and f of two poles or pairs, and the sums, begin."""


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
def _place_nodes(w: Any, count: int, a: Any, s: Any, scale: Any, largest: Any, limit: Any) -> None:
    """Rows t and g of the work space."""
    for k in range(count):
        a_re, a_im, s_re, s_im = a[k].real, a[k].imag, s[k].real, s[k].imag
        t_re, t_im, g_re, g_im = placed_node(a_re, a_im, s_re, s_im, scale, largest, limit)
        w[k], w[k + BLOCK], w[k + 2 * BLOCK], w[k + 3 * BLOCK] = t_re, t_im, g_re, g_im


@jit_part
def _place_for_pairs(w: Any, count: int, a: Any, s: Any, scale: Any, largest: Any, limit: Any) -> None:
    """The same, and the rows 2 Im(t) and scale of a pair's denominator."""
    _place_nodes(w, count, a, s, scale, largest, limit)
    for k in range(count):
        shrink = pair_shrink(w[k], w[k + BLOCK])
        w[k + 4 * BLOCK] = (w[k + BLOCK] + w[k + BLOCK]) * shrink
        w[k + 5 * BLOCK] = shrink
        w[k + 2 * BLOCK] *= shrink
        w[k + 3 * BLOCK] *= shrink


@jit_fused
def _set_pole(w: Any, to: Any, count: int, x: Any, y: Any) -> Any:
    """e and f of a pole, by parts, such that v / (t - p) = Re(v) e - Im(v) f; returns the factor of Im(v), one."""
    for k in range(count):
        f_re, f_im = pole_factors(w[k], w[k + BLOCK], x, y)
        to[k], to[k + BLOCK], to[k + 2 * BLOCK], to[k + 3 * BLOCK] = f_re, -f_im, -f_im, -f_re
    return type(x)(1)


@jit_fused
def _set_pair(w: Any, to: Any, count: int, x: Any, y: Any) -> Any:
    """e and f of a conjugate pair of poles, such that its fractions are 2 Re(v) e - 2 Im(v) y f; returns y."""
    for k in range(count):
        e_re, e_im, f_re, f_im = pair_factors(w[k], w[k + BLOCK], w[k + 4 * BLOCK], w[k + 5 * BLOCK], x, y)
        to[k], to[k + BLOCK], to[k + 2 * BLOCK], to[k + 3 * BLOCK] = e_re, e_im, f_re, f_im
    return y


@jit_inline
def _weighed(v: Any, u: Any, u_f: Any, next_v: Any, t: Any, t_f: Any) -> tuple[Any, Any, Any, Any]:
    """What e and f of two poles are multiplied by: their residues with weights u and t, for f with u_f and t_f."""
    return u * v.real, u_f * v.imag, t * next_v.real, t_f * next_v.imag


@jit_fused
def _add(terms: Any, sums: Any, count: int, a: Any, b: Any) -> None:
    """To a sum a[0] e - a[1] f of one pole and a[2] e - a[3] f of the next, and the same with b to the next sum."""
    for k in range(count):
        e_re, e_im, f_re, f_im = terms[k], terms[k + BLOCK], terms[k + 2 * BLOCK], terms[k + 3 * BLOCK]
        g_re, g_im, h_re, h_im = terms[k + 4 * BLOCK], terms[k + 5 * BLOCK], terms[k + 6 * BLOCK], terms[k + 7 * BLOCK]
        i, j, m = k + BLOCK, k + 2 * BLOCK, k + 3 * BLOCK
        sums[k] = (((sums[k] + a[0] * e_re) - a[1] * f_re) + a[2] * g_re) - a[3] * h_re
        sums[i] = (((sums[i] + a[0] * e_im) - a[1] * f_im) + a[2] * g_im) - a[3] * h_im
        sums[j] = (((sums[j] + b[0] * e_re) - b[1] * f_re) + b[2] * g_re) - b[3] * h_re
        sums[m] = (((sums[m] + b[0] * e_im) - b[1] * f_im) + b[2] * g_im) - b[3] * h_im


@jit_part
def _add_all(
    set_terms: Any, w: Any, count: int, poles: Any, scale: Any, v: Any, h: int, first: int, weights: Any
) -> None:
    """Four sums from v[h, first] on, over all poles or pairs, two at a time: sums are loaded and stored less often.

    What is missing is taken from the last one again: a sum for nothing, a pole or pair with weight zero.
    """
    terms, others, sums = w[TERMS:], w[TERMS + 4 * BLOCK :], w[SUMS:]
    last, end = v.shape[1] - 1, poles.size - 1
    for at in range(8 * BLOCK):
        sums[at] = 0
    for n in range(0, end + 1, 2):
        m = min(n + 1, end)
        u, t = weights[n], weights[m] if m > n else weights[m] - weights[m]
        u_f = u * set_terms(w, terms, count, poles[n].real * scale, poles[n].imag * scale)
        t_f = t * set_terms(w, others, count, poles[m].real * scale, poles[m].imag * scale)
        for j in range(first, min(first + 4, last + 1), 2):
            k = min(j + 1, last)
            a = _weighed(v[h, j, n], u, u_f, v[h, j, m], t, t_f)
            b = _weighed(v[h, k, n], u, u_f, v[h, k, m], t, t_f)
            _add(terms, w[SUMS + 2 * (j - first) * BLOCK :], count, a, b)


@jit_part
def _store_sum(w: Any, total: Any, out: Any) -> None:
    """out = g times a sum, which starts at the two rows `total`."""
    for k in range(out.size):
        g_re, g_im, re, im = w[k + 2 * BLOCK], w[k + 3 * BLOCK], total[k], total[k + BLOCK]
        out[k] = complex(re * g_re - im * g_im, re * g_im + im * g_re)


def _over_blocks(place: Any, set_terms: Any) -> Any:
    """A driver for poles or for pairs, as half of one for both would be compiled for nothing.

    It does blocks begin to end, counted through all rows of out (H, J, K), from v (H, J, N), nodes a and s (H, K), or
    (H, BLOCK) where all nodes of a row are the same, and poles (H, N), or one row that all share; weights (N,) is 2
    where a mode stands for a pair and 1 elsewhere; for every row of poles, scale is a power of two that brings their
    magnitudes around one, and largest the largest magnitude after it.
    """

    @jit
    def in_blocks_loop(v, a, s, poles, weights, scale, largest, limit, w, out, begin, end):
        blocks = (out.shape[2] + BLOCK - 1) // BLOCK
        for block in range(begin, end):
            h, first = block // blocks, (block % blocks) * BLOCK
            count = min(BLOCK, out.shape[2] - first)
            places = poles[h % poles.shape[0]]
            nodes, signs = a[h % a.shape[0], first % a.shape[1] :], s[h % s.shape[0], first % s.shape[1] :]
            unit = scale[h % scale.size]
            place(w, count, nodes, signs, unit, largest[h % scale.size], limit)
            for j in range(0, out.shape[1], 4):
                _add_all(set_terms, w, count, places, unit, v, h % v.shape[0], j, weights)
                for i in range(min(4, out.shape[1] - j)):
                    _store_sum(w, w[SUMS + 2 * i * BLOCK :], out[h, j + i, first : first + count])

    return in_blocks_loop


cauchy_loop = _over_blocks(_place_nodes, _set_pole)
cauchy_pairs_loop = _over_blocks(_place_for_pairs, _set_pair)
