"""P* (sigma - S)^{-1} P of sign-semiseparable matrices: tanh of the sum of atanh(a_i / sigma).

The hyperbolic addition theorem makes the sum a product, tau = prod (sigma - a_i)/(sigma + a_i), and the value is
(1 - tau)/(1 + tau). A term with a_i > |sigma| is taken as atanh(sigma / a_i), which differs by i pi/2: `flips` counts
those, and an odd number of them turns tanh into coth. Complex functions are spelled out in real ones, so that small
arguments keep their relative accuracy.
"""

from __future__ import annotations

import math

from ._jit import jit
from .sign_semiseparable import BERNOULLI, HEAD


@jit
def atanh(z):
    x, y = z.real, z.imag
    square = (1.0 - x) * (1.0 - x) + y * y
    if square == 0.0:
        return complex(math.inf, 0.0)
    return complex(0.25 * math.log1p(4.0 * x / square), 0.5 * math.atan2(2.0 * y, (1.0 - x) * (1.0 + x) - y * y))


@jit
def log1p(z):
    x, y = z.real, z.imag
    return complex(0.5 * math.log1p(x * (2.0 + x) + y * y), math.atan2(y, 1.0 + x))


@jit
def hyperbolic(z, flips):
    """tanh z, or coth z for an odd number of flips; infinite at a pole."""
    if abs(z.real) > 20.0:
        return complex(math.copysign(1.0, z.real), 0.0)
    sinh, cosh = math.sinh(z.real), math.cosh(z.real)
    sine, cosine = math.sin(z.imag), math.cos(z.imag)
    if flips % 2:
        cosine, sine = sine, -cosine
    square = sinh * sinh + cosine * cosine
    return complex(sinh * cosh, sine * cosine) / square if square > 0.0 else complex(math.inf, 0.0)


@jit
def resolvent_of_weights(a, sigma):
    """The value by its definition, one atanh for every a_i; Re sigma >= 0."""
    total, flips, size = complex(0.0, 0.0), 0, abs(sigma)
    for a_i in a:
        if a_i <= size:
            total += atanh(a_i / sigma)
        else:
            total += atanh(sigma / a_i)
            flips += 1
    return hyperbolic(total, flips)


@jit
def resolvent_of_lagt(n, sigma):
    """The value for a_i = 1/2, i < n."""
    if abs(sigma) >= 0.5:
        return hyperbolic(n * atanh(0.5 / sigma), 0)
    return hyperbolic(n * atanh(2.0 * sigma), n)


@jit
def end_correction(x, sigma):
    """Euler-Maclaurin end terms at x of the midpoint sum of atanh(x / sigma), with no cancellation for small sigma.

    The term of order 2j is proportional to q^{2j-1} - r^{2j-1} = (q - r) (q^{2j-2} + q^{2j-3} r + ... + r^{2j-2}) with
    q = 1/(x + sigma), r = 1/(x - sigma), q - r = -2 sigma q r.
    """
    q, r = 1.0 / (x + sigma), 1.0 / (x - sigma)
    total, inner, power = complex(0.0, 0.0), complex(1.0, 0.0), r
    for j in range(len(BERNOULLI)):
        order = 2.0 * (j + 1)
        total += BERNOULLI[j] / (order * (order - 1.0)) * inner
        inner = q * q * inner + power * (q + r)
        power *= r * r
    return -sigma * q * r * total


@jit
def resolvent_of_legs(n, sigma):
    """The value for a_i = i + 1/2, i < n, in O(1): terms near sigma one by one, Euler-Maclaurin for the others."""
    begin = end = 0
    if abs(sigma.imag) < HEAD and sigma.real < n + HEAD:
        begin, end = max(0, int(sigma.real) - HEAD), min(n, int(sigma.real) + HEAD + 1)
    total, flips, size = complex(0.0, 0.0), 0, abs(sigma)
    for i in range(begin, end):
        a = i + 0.5
        if a <= size:
            total += atanh(a / sigma)
        else:
            total += atanh(sigma / a)
            flips += 1
    below = n if begin == end and size >= n else begin  # terms [0, below) as atanh(a/sigma), [end, n) as atanh(sigma/a)
    if below > 0:
        ratio = below / sigma
        total += below * atanh(ratio) + 0.5 * sigma * log1p(-ratio * ratio)
        total += end_correction(float(below), sigma) - end_correction(0.0, sigma)
    if below < n and end < n:
        flips += n - end
        width = (float(n) - end) * (float(n) + end)
        total += n * atanh(sigma / n) + 0.5 * sigma * log1p(width / ((end - sigma) * (end + sigma)))
        if end > 0:
            total -= end * atanh(sigma / end)
        total += end_correction(float(n), sigma) - end_correction(float(end), sigma)
    return hyperbolic(total, flips)


@jit
def resolvent_loop(value, weights, sigma, out, begin, end):
    """The value at every sigma; it is odd in sigma."""
    for k in range(begin, end):
        if sigma[k].real < 0.0:
            out[k] = -value(weights, -sigma[k])
        else:
            out[k] = value(weights, sigma[k])
