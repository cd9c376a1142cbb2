"""Double-word arithmetic: numbers as unevaluated sums high + low of two doubles, for powers that plain doubles lose.

A complex double-word is the 4-tuple (re, im, re_low, im_low). The building blocks are error-free transformations, so
nothing here may be compiled with reassociation or contraction. Products are split by Veltkamp and Dekker instead of a
fused multiply-add: the same bits on every processor, and without the compiler, for magnitudes below 2^996.

References: T. J. Dekker, Numer. Math. 18 (1971); M. Joldes, J.-M. Muller, V. Popescu, ACM TOMS 44:15 (2017).
"""

from __future__ import annotations

from typing import Any

from ._jit import jit_inline as jit

ComplexDoubleWord = tuple[Any, Any, Any, Any]


@jit
def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """The rounded sum and its rounding error, exactly: a + b = sum + error (Knuth)."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


@jit
def split(a: Any) -> tuple[Any, Any]:
    """The leading 26 bits and the rest, exactly (Veltkamp)."""
    scaled = 134217729.0 * a  # 2^27 + 1
    high = scaled - (scaled - a)
    return high, a - high


@jit
def two_product(a: Any, b: Any) -> tuple[Any, Any]:
    """The rounded product and its rounding error, exactly unless it underflows (Dekker)."""
    product = a * b
    a_high, a_low = split(a)
    b_high, b_low = split(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@jit
def times(a: ComplexDoubleWord, b: ComplexDoubleWord) -> ComplexDoubleWord:
    """The product a b, with an error of at most 16 u^2 |a| |b|.

    The four leading products and the two sums of them are exact; the low parts, each of order u |a| |b|, are summed in
    double.
    """
    a_re, a_im, a_re_low, a_im_low = a
    b_re, b_im, b_re_low, b_im_low = b
    rr, rr_error = two_product(a_re, b_re)
    ii, ii_error = two_product(a_im, b_im)
    ri, ri_error = two_product(a_re, b_im)
    ir, ir_error = two_product(a_im, b_re)
    re, re_error = two_sum(rr, -ii)
    im, im_error = two_sum(ri, ir)
    re_cross = (a_re * b_re_low - a_im * b_im_low) + (a_re_low * b_re - a_im_low * b_im)
    im_cross = (a_re * b_im_low + a_im * b_re_low) + (a_re_low * b_im + a_im_low * b_re)
    re, re_low = two_sum(re, re_error + ((rr_error - ii_error) + re_cross))
    im, im_low = two_sum(im, im_error + ((ri_error + ir_error) + im_cross))
    return re, im, re_low, im_low


@jit
def plus(high: Any, low: Any, term: Any) -> tuple[Any, Any]:
    """A real double-word plus a double, to 2 u^2 of the result's and the term's magnitude."""
    total, error = two_sum(high, term)
    return two_sum(total, error + low)


@jit
def scaled_plus_one(factor: Any, factor_low: Any, h: ComplexDoubleWord) -> ComplexDoubleWord:
    """1 + factor h for a real double-word factor."""
    re, im, re_low, im_low = times((factor, 0.0, factor_low, 0.0), h)
    re, re_low = plus(re, re_low, 1.0)
    return re, im, re_low, im_low


@jit
def scaled_by(scale: Any, a: ComplexDoubleWord) -> ComplexDoubleWord:
    """A complex double-word times a power of two, exactly."""
    return a[0] * scale, a[1] * scale, a[2] * scale, a[3] * scale


@jit
def quotient(a: ComplexDoubleWord, b: ComplexDoubleWord) -> ComplexDoubleWord:
    """a / b by one division in double and one correction: a few u^2 |a / b|; |b|^2 must neither over- nor underflow."""
    inverse = 1.0 / (b[0] * b[0] + b[1] * b[1])
    q_re, q_im = (a[0] * b[0] + a[1] * b[1]) * inverse, (a[1] * b[0] - a[0] * b[1]) * inverse
    re, im, re_low, im_low = times((q_re, q_im, 0.0, 0.0), b)
    left_re = (a[0] - re) + (a[2] - re_low)
    left_im = (a[1] - im) + (a[3] - im_low)
    more_re, more_im = (left_re * b[0] + left_im * b[1]) * inverse, (left_im * b[0] - left_re * b[1]) * inverse
    z_re, z_re_low = two_sum(q_re, more_re)
    z_im, z_im_low = two_sum(q_im, more_im)
    return z_re, z_im, z_re_low, z_im_low
