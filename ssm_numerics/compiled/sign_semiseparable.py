"""Spectra of sign-semiseparable skew matrices S_ij = -p_i p_j sgn(i - j) / 2, with a_i = p_i^2 / 2.

i omega_m is an eigenvalue iff theta(omega_m) = (N - 1 - 2m) pi/2, where theta(omega) = sum of atan(omega / a_i). An
evaluation of theta returns (count, rest, slope): theta = count pi/2 + rest with a whole or half count that keeps rest
small, and slope = theta'. Every equation is solved by Newton's method where theta is concave, so that the iterates
increase to the solution.
"""

from __future__ import annotations

import math

from ._jit import jit

HALF_PI = math.pi / 2

HEAD = 16
"""Terms summed one by one before the Euler-Maclaurin formula takes over; its next term is below 1e-17 from here on."""

BERNOULLI = (-1 / 12, 7 / 240, -31 / 1344, 127 / 3840, -2555 / 33792, 1414477 / 5591040)
"""The Bernoulli polynomials B_2, B_4, ..., B_12 at 1/2: coefficients of the midpoint Euler-Maclaurin formula."""


def area_series(terms: int) -> tuple[float, ...]:
    """Coefficients 2/3 4/5 ... (2k-2)/(2k-1) - 1/(2k) of q^k, k = 1..terms, in r atan(r) - log(1 + r^2)/2, rounded."""
    from fractions import Fraction

    product, coefficients = Fraction(1), []
    for k in range(1, terms + 1):
        coefficients.append(float(product - Fraction(1, 2 * k)))
        product *= Fraction(2 * k, 2 * k + 1)
    return tuple(coefficients)


AREA = area_series(36)


@jit
def theta_of_weights(a, omega):
    """theta by its definition; every term is taken as an arctangent of a number at most one."""
    count, slope = 0.0, 0.0
    rest, carry = 0.0, 0.0
    for a_i in a:
        if a_i < omega:
            ratio = a_i / omega
            count += 1.0
            term = -math.atan(ratio)
            slope += ratio / (1.0 + ratio * ratio)
        else:
            ratio = omega / a_i
            term = math.atan(ratio)
            slope += ratio / (1.0 + ratio * ratio)
        total = rest + term
        carry += (rest - total) + term if abs(rest) >= abs(term) else (term - total) + rest
        rest = total
    if omega > 0.0:
        return count, rest + carry, slope / omega
    for a_i in a:
        slope += 1.0 / a_i
    return count, rest, slope


@jit
def euler_maclaurin(x, omega):
    """The end corrections at x of the sums of atan((i+1/2)/omega) and of its derivative in omega, sign reversed."""
    scale = 1.0 / (x * x + omega * omega)
    re, im = x * scale, omega * scale  # 1 / (x - i omega)
    re2, im2 = re * re - im * im, 2.0 * re * im
    power_re, power_im = re, im
    angle, slope = 0.0, 0.0
    for j in range(len(BERNOULLI)):
        order = 2.0 * (j + 1)
        angle += BERNOULLI[j] / (order * (order - 1.0)) * power_im
        slope -= BERNOULLI[j] / order * (power_re * re - power_im * im)
        power_re, power_im = power_re * re2 - power_im * im2, power_re * im2 + power_im * re2
    return angle, slope


@jit
def arctangent_area(q):
    """The integral of atan from 0 to r, as a series of positive terms in q = r^2 / (1 + r^2), for q <= 0.34."""
    total = 0.0
    for k in range(len(AREA) - 1, -1, -1):
        total = AREA[k] + q * total
    return q * total


@jit
def theta_of_legs(n, omega):
    """theta for a_i = i + 1/2, i < n, in O(1): a few terms, and the Euler-Maclaurin formula for the others.

    Its integral is n atan(omega/n) + (omega/2) log(1 + n^2/omega^2). Near omega = n the multiple n/2 of pi/2 is split
    off, above it n: what rests is then at most 2.2 omega theta'(omega) in size, so its rounding moves omega little.
    """
    head = 0 if omega >= HEAD else HEAD
    angle, slope = 0.0, 0.0
    for i in range(head):
        a = i + 0.5
        angle += math.atan(omega / a)
        slope += a / (a * a + omega * omega)
    angle_end, slope_end = euler_maclaurin(float(n), omega)
    angle_start, slope_start = euler_maclaurin(float(head), omega)
    logarithm = 0.5 * math.log1p((float(n) - head) * (float(n) + head) / (head * head + omega * omega))
    slope += logarithm + (slope_end - slope_start)
    if omega >= 1.4 * n:
        count, area = float(n), -omega * arctangent_area(n / omega * n / (omega + n / omega * n))
    elif omega >= 0.5 * n:
        count, area = 0.5 * n, n * math.atan((omega - n) / (omega + n)) + omega * logarithm
    else:
        count, area = 0.0, n * math.atan(omega / n) + omega * logarithm
    if head:
        area -= head * math.atan(omega / head)
    return count, angle + area - (angle_end - angle_start), slope


@jit
def solve_loop(theta, weights, n, inverse_sum, weight_sum, omega, slope, begin, end):
    """omega_m and theta'(omega_m) for m in [begin, end), m < n/2.

    Below the middle of the range theta is concave in omega and theta(omega) <= omega sum(1/a); above it the
    complementary sum of atan(a / omega) is concave in 1/omega and at most sum(a) / omega.
    """
    for m in range(begin, end):
        upper = 2 * (2 * m + 1) < n
        target = n - 1 - 2 * m
        w = weight_sum / (HALF_PI * (2 * m + 1)) if upper else HALF_PI * target / inverse_sum
        for _ in range(200):
            count, rest, d = theta(weights, w)
            if target == 0:
                break
            change = ((target - count) * HALF_PI - rest) / (w * d)
            w = w / (1.0 - change) if upper else w * (1.0 + change)
            if abs(change) < 1e-9:
                count, rest, d = theta(weights, w)
                break
        omega[m] = w
        slope[m] = d


@jit
def columns_loop(p, omega, slope, t, V, begin, end):
    """Columns of V for the modes [begin, end): V_im = p_i t_i / (a_i + i omega_m) / sqrt(2 theta'_m).

    t_0 = 1, t_{i+1} = t_i (i omega - a_i) / (i omega + a_i); t holds real and imaginary parts in two rows.
    """
    for m in range(begin, end):
        t[0, m] = 1.0 / math.sqrt(2.0 * slope[m])
        t[1, m] = 0.0
    for i in range(p.size):
        a = 0.5 * p[i] * p[i]
        for m in range(begin, end):
            w = omega[m]
            scale = 1.0 / (a * a + w * w)
            re, im = t[0, m], t[1, m]
            V[i, m] = p[i] * scale * complex(a * re + w * im, a * im - w * re)
            cosine, sine = (w - a) * (w + a) * scale, 2.0 * a * w * scale
            t[0, m] = re * cosine - im * sine
            t[1, m] = re * sine + im * cosine
