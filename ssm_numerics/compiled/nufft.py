"""Spreading onto a grid and reading off: the two ends of a Fourier sum over damped, nonuniform complex frequencies.

A mode e^{(i beta - a) l} has the complex frequency beta + i a. A Gaussian is entire, so Poisson's formula

    sum_q exp(-(q - s)^2 / b) e^{2 pi i k q / n} = sqrt(pi b) e^{-(pi k / n)^2 b} e^{2 pi i k s / n} + aliases

holds at the complex place s = n (beta + i a) / (2 pi) too, with aliases larger by e^{2 pi Im s} at most: a damped mode
costs as much as an undamped one. Angles are fractions of a turn in double-word, so no phase l beta is ever rounded.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._jit import jit
from .double_word import two_product, two_sum
from .nodes import exp_node, times

_TURN, _TURN_LOW = 0.15915494309189535, -9.839338337591243e-18  # 1/(2 pi)
FASTEST_DECAY = 1000.0
"""Stands for the decay of a node zero: its powers vanish from the first on."""


@jit
def log_nodes_loop(z: Any, z_low: Any, log_z: Any, log_low: Any, begin: int, end: int) -> None:
    """log(z + z_low) as double-words: a logarithm in double, and one Newton step z e^{-w} - 1 in double-word."""
    for n in range(begin, end):
        size = np.hypot(z[n].real, z[n].imag)
        re, im, more_re, more_im = -FASTEST_DECAY, 0.0, 0.0, 0.0
        if size > 0.0:
            re, im = math.log(size), math.atan2(z[n].imag, z[n].real)
        if abs(re) < 200.0:
            inverse = exp_node(-re, -im, 1.0)
            product = times((z[n].real, z[n].imag, z_low[n].real, z_low[n].imag), inverse)
            more_re, more_im = (product[0] - 1.0) + product[2], product[1] + product[3]
        re, re_low = two_sum(re, more_re)
        im, im_low = two_sum(im, more_im)
        log_z[n], log_low[n] = complex(re, im), complex(re_low, im_low)


@jit
def turns_loop(angle: Any, angle_low: Any, turn: Any, turn_low: Any, begin: int, end: int) -> None:
    """angle / (2 pi), reduced to half a turn on either side, as double-words."""
    for n in range(begin, end):
        whole, rest = two_product(angle[n], _TURN)
        rest += angle[n] * _TURN_LOW + angle_low[n] * _TURN
        turn[n], turn_low[n] = two_sum(whole - np.rint(whole), rest)


@jit
def fraction(turn: Any, turn_low: Any, count: Any) -> Any:
    """count * turn modulo one, between -1/2 and 1/2, for an integer count."""
    whole, rest = two_product(turn, count)
    return (whole - np.rint(whole)) + (rest + turn_low * count)


@jit
def fractions_loop(turn: Any, turn_low: Any, count: Any, out: Any, begin: int, end: int) -> None:
    """`fraction` entry by entry."""
    for n in range(begin, end):
        out[n] = fraction(turn[n], turn_low[n], count)


@jit
def spread_loop(
    c: Any,
    a: Any,
    turn: Any,
    turn_low: Any,
    shift: Any,
    n_grid: int,
    gauss: Any,
    b: Any,
    grid: Any,
    begin: int,
    end: int,
) -> None:
    """Rows begin to end of the half grid (J, n_grid/2 + 1 + 2m): c_n e^{shift (i beta_n - a_n)} times its Gaussian.

    gauss holds e^{-q^2/b} for q = 0, ..., m; cell q of the period is column q + m. Only the real part of the sum is
    wanted, so a mode of negative frequency is replaced by its conjugate, and what is spread beyond either end of the
    half period is folded back, conjugated. With s = x + iy the place relative to the nearest cell,
    e^{-(q - s)^2/b} = e^{-s^2/b} e^{-q^2/b} (e^{2s/b})^q: one exponential a mode and two products a cell.
    """
    m, half = gauss.size - 1, n_grid // 2
    cells = n_grid / (2.0 * math.pi)
    for j in range(begin, end):
        row = grid[j]
        row[:] = 0.0
        for n in range(a.size):
            angle = 2.0 * math.pi * fraction(turn[n], turn_low[n], shift)
            size = math.exp(-a[n] * shift)
            power = c[j, n] * complex(size * math.cos(angle), size * math.sin(angle))
            place, rest = turn[n], turn_low[n]
            if place < 0.0 or (place == 0.0 and rest < 0.0):
                place, rest, power = -place, -rest, power.conjugate()
            place, error = two_product(place, float(n_grid))
            nearest = np.rint(place)
            x, y = (place - nearest) + (error + rest * n_grid), a[n] * cells
            size, angle = math.exp((y * y - x * x) / b), -2.0 * x * y / b
            power *= complex(size * math.cos(angle), size * math.sin(angle))
            size, angle = math.exp(2.0 * x / b), 2.0 * y / b
            cosine, sine = math.cos(angle), math.sin(angle)
            up, down = complex(size * cosine, size * sine), complex(cosine / size, -sine / size)
            middle = int(nearest) + m
            row[middle] += power
            above, below = power, power
            for q in range(1, m + 1):
                above *= up
                below *= down
                row[middle + q] += gauss[q] * above
                row[middle - q] += gauss[q] * below
        for q in range(m + 1):
            row[m + q] += row[m - q].conjugate()
            row[m + half - q] += row[m + half + q].conjugate()


@jit
def read_loop(sums: Any, shift: int, least: Any, b: Any, out: Any, begin: int, end: int) -> None:
    """out[j, l] += e^{-least l} times entry l - shift of the periodic sums (J, n_grid), divided by the Gaussian's."""
    n_grid = sums.shape[1]
    rate = b * (math.pi / n_grid) ** 2
    scale = 0.5 / math.sqrt(math.pi * b)
    for l in range(begin, end):
        k = l - shift
        factor = scale * math.exp(rate * (float(k) * float(k)) - least * l)
        if k < 0:
            k += n_grid
        for j in range(sums.shape[0]):
            out[j, l] += factor * sums[j, k]
