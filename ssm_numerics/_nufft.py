"""Vandermonde sums in near-linear time: one Fourier transform at nonuniform complex frequencies.

sum_n c_n z_n^l with z_n = e^{-a_n + i beta_n} is a Fourier sum whose frequencies have imaginary parts a_n. The classical
nonuniform transform (Gaussians spread onto a grid twice as fine, one FFT, one division) is analytic in the frequency, so
it holds for damped modes as it stands, as long as the spread of a_n L stays moderate: its aliases grow by the exponential
of that spread, and the Gaussian is widened to pay for it. Modes are taken in bands of decay, each with the length after
which its slowest mode has died out; fast ones are left to the direct sum.

Cauchy sums at the roots of unity, times any radius, are the FFT of such a sum.

References: A. Dutt, V. Rokhlin, SIAM J. Sci. Comput. 14 (1993); L. Greengard, J.-Y. Lee, SIAM Review 46 (2004).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from . import _arrays, _pairs, _parallel

RTOL = 2e-16
"""The default bound on truncation and aliases; rounding adds about 20u."""

BAND = 8.0
"""Decays in one band differ by at most this over its length: wider bands need wider Gaussians and amplify rounding."""

OVERSAMPLING = (1.5, 1.6, 1.75, 2.0, 2.25, 2.5)
"""Grid points per output: the first is taken whose division by the Gaussian amplifies rounding by no more than asked."""

DIRECT_REACH, DIRECT_MODES = 64, 64
"""A band that dies out within so few powers, or has so few modes, is summed directly."""

UNIT, FINEST = 2.0**-53, 30 * 2.0**-53
"""The unit roundoff, and the smallest magnified rounding worth a finer grid."""

ROWS = 2
"""Grids held at the same time."""


class Modes(NamedTuple):
    """Nodes e^{-a + i beta}: decay per step, and beta as a fraction of a turn in double-word."""

    a: np.ndarray
    turn: np.ndarray
    turn_low: np.ndarray

    def take(self, which: Any) -> Modes:
        return Modes(*(part[which] for part in self))


def log_nodes(z: np.ndarray, z_low: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """log(z + z_low) as an unevaluated sum of two complex doubles, good to a few u^2; zero gives a real part -1000."""
    from .compiled.nufft import log_nodes_loop

    exact = np.ascontiguousarray(z, dtype=np.complex128)
    low = np.zeros_like(exact) if z_low is None else np.ascontiguousarray(z_low, dtype=np.complex128)
    high, rest = np.empty_like(exact), np.empty_like(exact)
    arrays = exact.ravel(), low.ravel(), high.reshape(-1), rest.reshape(-1)
    _parallel.over_rows(lambda i, j: log_nodes_loop(*arrays, i, j), exact.size, 2000.0 * exact.size)
    return high, rest


def vandermonde_nufft(
    c: np.ndarray,
    log_z: np.ndarray,
    L: int,
    rtol: float = RTOL,
    pairs: np.ndarray | None = None,
    log_low: np.ndarray | None = None,
) -> np.ndarray:
    """sum_n c[..., n] e^{l log_z[..., n]} for l < L, or the real sum over conjugate pairs; Re log_z <= 0.

    log_z + log_low is taken as exact. The error is at most (rtol + 50u) sum |c|, whatever L is.
    """
    c, log_z = np.asarray(c), np.asarray(log_z)
    low = np.zeros_like(log_z) if log_low is None else log_low
    n_modes = c.shape[-1]
    lead = np.broadcast_shapes(c.shape[:-1], log_z.shape[:-1])
    real_output = pairs is not None
    given = np.broadcast_to(c * _pairs.weights(pairs, n_modes), (*lead, n_modes)).reshape(-1, 1, n_modes)
    high, low = (np.broadcast_to(x, (*lead, n_modes)).reshape(-1, n_modes) for x in (log_z, low))
    out = np.empty((len(given), L), dtype=np.float64 if real_output else np.complex128)
    for row in range(len(given)):
        out[row] = power_sums(given[row], modes(high[row], low[row]), L, rtol, real_output)[0]
    kind = _arrays.real_dtype(c.dtype) if real_output else _arrays.complex_dtype(c.dtype)
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
    """sum_n v[..., j, n] / (1 - z_n w_k) at w_k = e^{log_radius - 2 pi i k/M}: the FFT of a Vandermonde sum.

    log_z has shape (..., N), the result (..., J, M); with pairs partners are summed too and only k <= M/2 is returned.
    The error is at most (rtol + 50u log2 M) sqrt(M) sum |v_n / (1 - (radius z_n)^M)|, in practice without the root.
    """
    from scipy import fft

    v, log_z = np.asarray(v), np.asarray(log_z)
    low = np.zeros_like(log_z) if log_low is None else log_low
    n_modes = v.shape[-1]
    lead = np.broadcast_shapes(v.shape[:-2], log_z.shape[:-1])
    sides = np.broadcast_to(v * _pairs.weights(pairs, n_modes), (*lead, *v.shape[-2:])).reshape(-1, *v.shape[-2:])
    high, low = (np.broadcast_to(x, (*lead, n_modes)).reshape(-1, n_modes) for x in (log_z, low))
    n_nodes = M if pairs is None else M // 2 + 1
    out = np.empty((len(sides), v.shape[-2], n_nodes), dtype=np.complex128)
    transform: Any = fft.fft if pairs is None else fft.rfft
    for row, side in enumerate(sides):
        nodes = modes(high[row] + log_radius, low[row] + _lost(high[row].real, log_radius))
        sums = power_sums(side / _one_minus_power(nodes, M), nodes, M, rtol, pairs is not None)
        out[row] = transform(sums, overwrite_x=True, workers=_parallel.cores())
    return out.reshape(*lead, v.shape[-2], n_nodes)


def modes(log_z: np.ndarray, log_low: np.ndarray) -> Modes:
    """Decays and turns of nodes given by their logarithms."""
    from .compiled.nufft import turns_loop

    angle, angle_low = np.ascontiguousarray(log_z.imag), np.ascontiguousarray(log_low.imag)
    turn, turn_low = np.empty_like(angle), np.empty_like(angle)
    turns_loop(angle, angle_low, turn, turn_low, 0, angle.size)
    return Modes(-log_z.real - log_low.real, turn, turn_low)


def power_sums(c: np.ndarray, nodes: Modes, L: int, rtol: float, real_output: bool) -> np.ndarray:
    """sum_n c[j, n] z_n^l, or its real part: a complex sum is two real ones."""
    if not real_output:
        both = power_sums(np.concatenate([c, -1j * c]), nodes, L, rtol, True)
        return both[: len(c)] + 1j * both[len(c) :]
    rtol = max(rtol, 2 * UNIT)
    c = np.ascontiguousarray(c, dtype=np.complex128)
    out = np.zeros((len(c), L))
    for members, least, reach, direct in _bands(nodes.a, L, rtol):
        whole = len(members) == nodes.a.size
        some, part = (c, nodes) if whole else (np.ascontiguousarray(c[:, members]), nodes.take(members))
        if direct:
            out[:, :reach] += _direct(some, part, reach)
            continue
        for first in range(0, len(c), ROWS):
            rows = slice(first, first + ROWS)
            _add_transform(some[rows], part, least, rtol, out[rows, :reach])
    return out


def _bands(a: np.ndarray, L: int, rtol: float) -> Iterator[tuple[np.ndarray, float, int, bool]]:
    """Modes by increasing decay: members, their least decay, the length after which it falls below rtol, how to sum."""
    order = np.argsort(a, kind="stable")
    decays = a[order]
    first = 0
    while first < a.size:
        least = float(decays[first])
        reach = L if least * L <= -math.log(rtol) else math.ceil(-math.log(rtol) / least)
        if reach <= DIRECT_REACH:
            yield order[first:], least, reach, True
            return
        last = int(np.searchsorted(decays, least + BAND / reach, side="right"))
        yield order[first:last], least, reach, last - first <= DIRECT_MODES
        first = last


def _direct(c: np.ndarray, nodes: Modes, reach: int) -> np.ndarray:
    """The real part of the sum by the two-level split, from nodes in double-word."""
    from ._nodes import exp_nodes
    from ._vandermonde import vandermonde_sums

    angle = 2 * math.pi * nodes.turn
    z, z_low = exp_nodes(-nodes.a + 1j * angle, np.ones(()))
    return vandermonde_sums(c, z, reach, np.zeros(nodes.a.size, dtype=bool), z_low)


def _add_transform(c: np.ndarray, nodes: Modes, least: float, rtol: float, out: np.ndarray) -> None:
    """Add Re sum_n c[j, n] z_n^l to out (J, L): spread, transform, read."""
    from scipy import fft

    from .compiled.nufft import read_loop, spread_loop

    L = out.shape[1]
    decays = nodes.a - least
    n_grid, b, m = _gaussian(float(decays.max()) * L, L, rtol)
    gauss = np.exp(-(np.arange(m + 1.0) ** 2) / b)
    grid = np.empty((len(c), n_grid // 2 + 1 + 2 * m), dtype=np.complex128)
    flops = 50.0 * m * c.size
    spread = (c, decays, nodes.turn, nodes.turn_low, float(L // 2), n_grid, gauss, b, grid)
    _parallel.over_rows(lambda i, j: spread_loop(*spread, i, j), len(c), flops)
    period = grid[:, m : m + n_grid // 2 + 1]
    sums = fft.irfft(period, n_grid, norm="forward", overwrite_x=True, workers=_parallel.cores())
    del grid, period, spread
    _parallel.over_rows(lambda i, j: read_loop(sums, L // 2, least, b, out, i, j), L, 50.0 * out.size)


def _gaussian(width: float, L: int, rtol: float) -> tuple[int, float, int]:
    """Points of the grid, b of e^{-q^2/b}, and the cells m on either side, for decays spread by `width` over L.

    With s = n_grid/L, the first alias is e^{-(pi^2 b/s - width) (s - 1)} of the value it perturbs, and what is cut off
    beyond m cells is e^{-m^2/b}, magnified at the ends of the range by e^{(pi/(2 s))^2 b}; both are set to rtol / 4.
    Rounding is magnified there alike, u being the smallest error of an FFT.
    """
    from scipy import fft

    digits = math.log(4 / rtol)
    for ratio in OVERSAMPLING:
        n_grid = 2 * fft.next_fast_len(math.ceil(ratio * L / 2), real=True)
        s = n_grid / L
        b = (digits / (s - 1) + width) * s / math.pi**2
        magnified = b * (math.pi / (2 * s)) ** 2
        if magnified <= math.log(max(rtol, FINEST) / UNIT):
            break
    return n_grid, b, math.ceil(math.sqrt(b * (digits + magnified)))


def _one_minus_power(nodes: Modes, M: int) -> np.ndarray:
    """1 - z^M without cancellation."""
    from .compiled.nufft import fractions_loop

    part = np.empty_like(nodes.turn)
    fractions_loop(nodes.turn, nodes.turn_low, float(M), part, 0, part.size)
    return -np.expm1(-nodes.a * M + 2j * math.pi * part)


def _lost(x: np.ndarray, y: float) -> np.ndarray:
    """The rounding error of x + y."""
    total = x + y
    part = total - x
    return (x - (total - part)) + (y - part)
