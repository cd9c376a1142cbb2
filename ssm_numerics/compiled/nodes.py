"""The nodes of diagonal discretizations, e^(dt lambda) and (1 + (1-alpha) dt lambda)/(1 - alpha dt lambda), to 95 bits.

A kernel sum c_n z_n^l raises its nodes to high powers, so a node rounded to double costs l u of it. Here lambda and dt
are taken as the exact numbers they are, and z is a double-word.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._jit import jit
from .double_word import ComplexDoubleWord, plus, quotient, scaled_by, scaled_plus_one, times, two_product, two_sum

LARGEST_PHASE = 2.0**50
"""Above this |Im(dt lambda)| three words of pi/2 no longer reduce the phase; the caller must reduce it exactly."""

_HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
_LOG_2 = (0.6931471805599453, 2.3190468138462996e-17, 5.707708438416212e-34)
_INVERSE_FACTORIAL = np.array([1 / math.factorial(k) for k in range(17)])
_INVERSE_FACTORIAL_LOW = np.array(
    [0.0, 0.0, 0.0, 9.25185853854297e-18, 2.3129646346357427e-18, 1.1564823173178714e-19, -5.300543954373577e-20]
    + [1.7209558293420705e-22, 2.1511947866775882e-23]
)


@jit
def _reduced(x: Any, x_low: Any, unit: Any) -> tuple[Any, Any, Any]:
    """k, and x - k unit as a double-word, with k the nearest integer to x / unit; unit is a triple-word."""
    k = np.rint(x / unit[0])
    first, first_error = two_product(k, unit[0])
    second, second_error = two_product(k, unit[1])
    rest, rest_low = two_sum(x, -first)  # no larger than unit and a few u |x|
    rest, rest_low = plus(rest, rest_low, x_low)
    rest, rest_low = plus(rest, rest_low, -first_error)
    rest, rest_low = plus(rest, rest_low, -second)
    rest, rest_low = plus(rest, rest_low, -(second_error + k * unit[2]))
    return k, rest, rest_low


@jit
def _exp_of_small(w: ComplexDoubleWord) -> ComplexDoubleWord:
    """e^w for |w| < 0.87: Taylor at w/16, the terms beyond w^8 (at most 2^-56) in double, then four squarings."""
    w = scaled_by(0.0625, w)
    re, im = _INVERSE_FACTORIAL[16], 0.0
    for k in range(15, 8, -1):
        re, im = re * w[0] - im * w[1] + _INVERSE_FACTORIAL[k], re * w[1] + im * w[0]
    z = (re, im, 0.0, 0.0)
    for k in range(8, -1, -1):
        re, im, re_low, im_low = times(z, w)
        re, re_low = plus(re, re_low, _INVERSE_FACTORIAL[k])
        z = (re, im, re_low + _INVERSE_FACTORIAL_LOW[k], im_low)
    for _ in range(4):
        z = times(z, z)
    return z


@jit
def exp_node(lambda_re: Any, lambda_im: Any, dt: Any) -> ComplexDoubleWord:
    """e^(dt lambda): the real part reduced by multiples of log 2, the imaginary part by quarter turns."""
    x, x_low = two_product(dt, lambda_re)
    y, y_low = two_product(dt, lambda_im)
    if x < -800.0:
        return 0.0, 0.0, 0.0, 0.0
    if x > 800.0:
        return math.inf, math.inf, 0.0, 0.0
    exponent, x, x_low = _reduced(x, x_low, _LOG_2)
    turns, y, y_low = _reduced(y, y_low, _HALF_PI)
    z = _exp_of_small((x, y, x_low, y_low))
    quarter = turns - 4.0 * np.floor(0.25 * turns)
    if quarter == 1.0:
        z = (-z[1], z[0], -z[3], z[2])
    elif quarter == 2.0:
        z = (-z[0], -z[1], -z[2], -z[3])
    elif quarter == 3.0:
        z = (z[1], -z[0], z[3], -z[2])
    half = int(exponent) // 2  # 2^exponent itself may be out of range where z is not
    return scaled_by(math.ldexp(1.0, int(exponent) - half), scaled_by(math.ldexp(1.0, half), z))


@jit
def gbt_node(lambda_re: Any, lambda_im: Any, dt: Any, alpha: Any) -> ComplexDoubleWord:
    """(1 + (1-alpha) dt lambda) / (1 - alpha dt lambda), both sides scaled so that the division stays in range."""
    x, x_low = two_product(dt, lambda_re)
    y, y_low = two_product(dt, lambda_im)
    h = (x, y, x_low, y_low)
    beta, beta_low = two_sum(1.0, -alpha)
    above, below = scaled_plus_one(beta, beta_low, h), scaled_plus_one(-alpha, 0.0, h)
    scale = math.ldexp(1.0, -math.frexp(max(abs(below[0]), abs(below[1])))[1])
    return quotient(scaled_by(scale, above), scaled_by(scale, below))


@jit
def exp_nodes_loop(Lambda: Any, dt: Any, z: Any, z_low: Any, begin: int, end: int) -> None:
    """Rows begin to end of z (H, N) from Lambda (H, N) and dt (H,)."""
    for h in range(begin, end):
        for n in range(z.shape[1]):
            node = exp_node(Lambda[h, n].real, Lambda[h, n].imag, dt[h])
            z[h, n], z_low[h, n] = complex(node[0], node[1]), complex(node[2], node[3])


@jit
def gbt_nodes_loop(Lambda: Any, dt: Any, alpha: Any, z: Any, z_low: Any, begin: int, end: int) -> None:
    """Rows begin to end of z (H, N) from Lambda (H, N), dt (H,) and one alpha."""
    for h in range(begin, end):
        for n in range(z.shape[1]):
            node = gbt_node(Lambda[h, n].real, Lambda[h, n].imag, dt[h], alpha)
            z[h, n], z_low[h, n] = complex(node[0], node[1]), complex(node[2], node[3])
