"""Vandermonde sums in near-linear time: one Fourier transform at nonuniform complex frequencies.

sum_n c_n z_n^l with z_n = e^{-a_n + i beta_n} is a Fourier sum whose frequencies have imaginary parts a_n. The
classical nonuniform transform (Gaussians spread onto a finer grid, one FFT, one division) is analytic in the frequency,
so it holds for damped modes as it stands. Where a_n L varies by W its aliases grow by up to e^{W(s-1)}, s the
oversampling, and a somewhat wider Gaussian makes up for that: no low-rank factor of e^{-a l}, hence one transform and
not a dozen. Modes are taken in bands of decay, each with the length after which its slowest mode has died out; those
that die out at once are summed directly.

Angles are held as fractions of a turn in double-word, so that the error does not grow with L.

Cauchy sums at the roots of unity, times any radius, are the FFT of such a sum.

References: A. Dutt, V. Rokhlin, SIAM J. Sci. Comput. 14 (1993); L. Greengard, J.-Y. Lee, SIAM Review 46 (2004).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from . import _arrays, _pairs, _parallel

UNIT = 2.0**-53
RTOL, RTOL_SINGLE = 2 * UNIT, 2.0**-28
"""The default bounds on truncation and aliases, and on amplified rounding where that is larger than 48u."""

BAND = 8.0
"""Decays in one band differ by at most this over its length: wider bands need wider Gaussians and amplify rounding."""

OVERSAMPLING = (1.5, 1.6, 1.75, 2.0, 2.5, 3.0)
"""Grid points per output: the first is taken whose division by the Gaussian keeps the rounding below what is asked."""

FFT_ROUNDING, LEAST_ROUNDING = 4 * UNIT, 48 * UNIT
"""The error of a long FFT of a few modes, relative to sum |c|; and the amplified error that is small enough."""

DIRECT_REACH, DIRECT_MODES = 64, 256
"""A band that dies out within so few powers, or has so few modes, is summed directly."""

NEAR_LINEAR_MODES = 512
"""The order from which a transform is faster than the two-level split, at every length measured."""

ROWS = 2
"""Grids held at the same time."""


class Modes(NamedTuple):
    """Logarithms -a + i beta of nodes, and beta as a fraction of a turn, all of them double-words."""

    log_z: np.ndarray
    log_low: np.ndarray
    turn: np.ndarray
    turn_low: np.ndarray

    def take(self, which: Any) -> Modes:
        """Some of the modes."""
        return Modes(*(part[which] for part in self))


def is_near_linear(z: np.ndarray, L: int) -> bool:
    """Whether transforms beat the matrix products of the two-level split for nodes z (..., N) and L powers."""
    enough = z.shape[-1] >= NEAR_LINEAR_MODES and L >= NEAR_LINEAR_MODES
    return enough and z.dtype in (np.float64, np.complex128) and float(np.abs(z).max()) <= 1


def nufft_sums(c: np.ndarray, z: np.ndarray, L: int) -> np.ndarray:
    """sum_n c[..., n] z[..., n]^l for l < L, from nodes taken as exact; real if both are."""
    largest = float(np.abs(z).max())
    if largest > 1 and L * math.log(largest) > 1:
        _arrays.fail("z", "have |z|**L <= e for the method nufft", f"its largest magnitude is {largest}")
    log_z, log_low = log_nodes(z)
    alone = None if np.iscomplexobj(c) or np.iscomplexobj(z) else np.zeros(z.shape[-1], dtype=bool)
    rtol = RTOL if c.real.dtype == np.float64 else RTOL_SINGLE
    return vandermonde_nufft(c, log_z, L, rtol, alone, log_low)


def log_nodes(z: np.ndarray, z_low: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """log(z + z_low) as an unevaluated sum of two complex doubles, good to a few u^2; zero gives a real part -1000."""
    from .compiled.nufft import log_nodes_loop

    exact = np.ascontiguousarray(z, dtype=np.complex128)
    low = np.zeros_like(exact) if z_low is None else np.ascontiguousarray(z_low, dtype=np.complex128)
    log_z, log_low = np.empty_like(exact), np.empty_like(exact)
    arrays = exact.reshape(-1), low.reshape(-1), log_z.reshape(-1), log_low.reshape(-1)
    _parallel.over_rows(lambda i, j: log_nodes_loop(*arrays, i, j), exact.size, 1000.0 * exact.size)
    return log_z, log_low


def vandermonde_nufft(
    c: np.ndarray,
    log_z: np.ndarray,
    L: int,
    rtol: float = RTOL,
    pairs: np.ndarray | None = None,
    log_low: np.ndarray | None = None,
) -> np.ndarray:
    """sum_n c[..., n] e^{l log_z[..., n]} for l < L, or the real sum over conjugate pairs; Re log_z <= 0.

    log_z + log_low is taken as exact. The error is at most (2 rtol + 50u) sum |c|, partners included, whatever L is;
    with hundreds of modes and more it is about u sum |c|.
    """
    c, log_z = np.asarray(c), np.asarray(log_z)
    n_modes = c.shape[-1]
    lead = np.broadcast_shapes(c.shape[:-1], log_z.shape[:-1])
    sides = np.broadcast_to(c * _pairs.weights(pairs, n_modes), (*lead, n_modes))
    shared = math.prod(log_z.shape[:-1]) == 1
    sides = sides.reshape((1, -1, n_modes) if shared else (-1, 1, n_modes))
    out = np.empty((*sides.shape[:2], L), dtype=np.float64 if pairs is not None else np.complex128)
    for row, nodes in enumerate(_modes(log_z, log_low, () if shared else lead)):
        out[row] = _power_sums(sides[row], nodes, L, rtol, pairs is not None)
    kind = _arrays.complex_dtype(c.dtype) if pairs is None else _arrays.real_dtype(c.dtype)
    return out.reshape(*lead, L).astype(kind, copy=False)


def cauchy_at_circle(
    v: np.ndarray,
    log_z: np.ndarray,
    M: int,
    log_radius: float,
    rtol: float = RTOL,
    pairs: np.ndarray | None = None,
    log_low: np.ndarray | None = None,
) -> np.ndarray:
    """sum_n v[..., j, n] / (1 - z_n w_k) at w_k = e^{log_radius - 2 pi i k/M}; the products z_n w_k in the unit disk.

    log_z has shape (..., N), the result (..., J, M). With pairs the partners are summed too, and only k <= M/2 is
    returned: the other half is its conjugate. The sum is

        FFT_l [sum_n x_n (radius z_n)^l],   x_n = v_n / (1 - (radius z_n)^M),

    whose error, at most (2 rtol + 50u) sum |x|, the FFT makes at most sqrt(M) times larger in root mean square over k.
    """
    from scipy import fft

    v, log_z = np.asarray(v), np.asarray(log_z)
    n_sums, n_modes = v.shape[-2:]
    lead = np.broadcast_shapes(v.shape[:-2], log_z.shape[:-1])
    sides = np.broadcast_to(v * _pairs.weights(pairs, n_modes), (*lead, n_sums, n_modes)).reshape(-1, n_sums, n_modes)
    out = np.empty((len(sides), n_sums, M if pairs is None else M // 2 + 1), dtype=np.complex128)
    transform: Any = fft.fft if pairs is None else fft.rfft
    for row, nodes in enumerate(_modes(log_z + log_radius, log_low, lead)):
        sums = _power_sums(sides[row] / _one_minus_power(nodes, M), nodes, M, rtol, pairs is not None)
        out[row] = transform(sums, overwrite_x=True, workers=_parallel.cores())
    return out.reshape(*lead, n_sums, out.shape[-1])


def _modes(log_z: np.ndarray, log_low: np.ndarray | None, lead: tuple[int, ...]) -> Iterator[Modes]:
    """The nodes of one head after the other."""
    from .compiled.nufft import turns_loop

    shape = (*lead, log_z.shape[-1])
    low = np.zeros(1) if log_low is None else log_low
    high, low = (np.broadcast_to(x.reshape(x.shape[-len(shape) :]), shape) for x in (log_z, low))
    for log, rest in zip(high.reshape(-1, shape[-1]), low.reshape(-1, shape[-1]), strict=True):
        turn, turn_low = np.empty(shape[-1]), np.empty(shape[-1])
        angle, angle_low = np.ascontiguousarray(log.imag), np.ascontiguousarray(rest.imag)
        turns_loop(angle, angle_low, turn, turn_low, 0, turn.size)
        yield Modes(log, rest, turn, turn_low)


def _power_sums(c: np.ndarray, nodes: Modes, L: int, rtol: float, real: bool) -> np.ndarray:
    """sum_n c[j, n] z_n^l, or its real part: a complex sum is two real ones."""
    if not real:
        both = _power_sums(np.concatenate([c, -1j * c]), nodes, L, rtol, True)
        return both[: len(c)] + 1j * both[len(c) :]
    c = np.ascontiguousarray(c, dtype=np.complex128)
    out = np.zeros((len(c), L))
    for members, reach, direct in _bands(-nodes.log_z.real, L, max(rtol, RTOL)):
        whole = len(members) == c.shape[1]
        some, part = (c, nodes) if whole else (np.ascontiguousarray(c[:, members]), nodes.take(members))
        if direct:
            out[:, :reach] += _direct(some, part, reach)
        else:
            for first in range(0, len(c), ROWS):
                rows = slice(first, first + ROWS)
                _add_transform(some[rows], part, max(rtol, RTOL), out[rows, :reach])
    return out


def _bands(a: np.ndarray, L: int, rtol: float) -> Iterator[tuple[np.ndarray, int, bool]]:
    """Modes by increasing decay: members, the length after which they fall below rtol, and whether to sum directly."""
    order = np.argsort(a, kind="stable")
    decays = a[order]
    first = 0
    while first < a.size:
        least, life = float(decays[first]), -math.log(rtol)
        reach = L if least * L <= life else math.ceil(life / least)
        fast = reach <= DIRECT_REACH
        last = a.size if fast else int(np.searchsorted(decays, least + BAND / reach, side="right"))
        yield np.sort(order[first:last]), reach, fast or last - first <= DIRECT_MODES
        first = last


def _direct(c: np.ndarray, nodes: Modes, reach: int) -> np.ndarray:
    """The real part of the sum by the two-level split, its nodes in double-word."""
    from ._nodes import exp_nodes
    from ._vandermonde import vandermonde_sums

    z, z_low = exp_nodes(nodes.log_z, np.ones(()))
    return vandermonde_sums(c, z, reach, np.zeros(z.size, dtype=bool), z_low + z * nodes.log_low)


def _add_transform(c: np.ndarray, nodes: Modes, rtol: float, out: np.ndarray) -> None:
    """Add Re sum_n c[j, n] z_n^l to out (J, L): spread, transform, read off."""
    from scipy import fft

    from .compiled.nufft import read_loop

    L = out.shape[1]
    least = float(-nodes.log_z.real.max())
    decays = -nodes.log_z.real - least
    n_grid, b, m = _gaussian(float(decays.max()) * L, L, rtol)
    grid = _spread(c, nodes, decays, L // 2, n_grid, b, m)
    sums = fft.irfft(grid, n_grid, norm="forward", overwrite_x=True, workers=_parallel.cores())
    del grid
    _parallel.over_rows(lambda i, j: read_loop(sums, L // 2, least, b, out, i, j), L, 50.0 * out.size)


def _spread(c: np.ndarray, nodes: Modes, decays: np.ndarray, shift: int, n_grid: int, b: float, m: int) -> np.ndarray:
    """Half a period of the grid: every mode, `shift` steps on, as a Gaussian of m cells on either side."""
    from .compiled.nufft import spread_loop

    gauss = np.exp(-(np.arange(m + 1.0) ** 2) / b)
    grid = np.empty((len(c), n_grid // 2 + 1 + 2 * m), dtype=np.complex128)

    def work(begin: int, end: int) -> None:
        spread_loop(c, decays, nodes.turn, nodes.turn_low, float(shift), n_grid, gauss, b, grid, begin, end)

    _parallel.over_rows(work, len(c), 50.0 * m * c.size)
    return grid[:, m : m + n_grid // 2 + 1]


def _gaussian(width: float, L: int, rtol: float) -> tuple[int, float, int]:
    """Points of the grid, b of e^{-q^2/b}, and the cells m on either side, for decays that differ by `width` over L.

    With s = n_grid/L the first alias is e^{-(pi^2 b/s - width)(s - 1)} of what it perturbs, and what is cut off beyond
    m cells is e^{-m^2/b}, amplified at the ends of the range by e^{(pi/(2 s))^2 b}, as rounding is. Alias and cut are
    set to rtol / 4.
    """
    from scipy import fft

    digits = math.log(4 / rtol)
    for ratio in OVERSAMPLING:
        n_grid = 2 * fft.next_fast_len(math.ceil(ratio * L / 2), real=True)
        s = n_grid / L
        b = (digits / (s - 1) + width) * s / math.pi**2
        amplified = b * (math.pi / (2 * s)) ** 2
        if amplified <= math.log(max(rtol, LEAST_ROUNDING) / FFT_ROUNDING):
            break
    return n_grid, b, math.ceil(math.sqrt(b * (digits + amplified)))


def _one_minus_power(nodes: Modes, M: int) -> np.ndarray:
    """1 - z^M without cancellation."""
    from .compiled.nufft import fractions_loop

    part = np.empty_like(nodes.turn)
    fractions_loop(nodes.turn, nodes.turn_low, float(M), part, 0, part.size)
    return -np.expm1(nodes.log_z.real * M + 2j * math.pi * part)
