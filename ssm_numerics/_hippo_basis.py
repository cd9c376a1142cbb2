"""The functions g_n that bring the past back, u(t - tau) ~ sum_n c_n(t) g_n(tau), family by family.

Every function takes the operator, the lags, how many orders are wanted, and whether lags are positions s/t in the
history of the time-varying LegS operator; it returns the table g_n(t_j), shape (count, t.size).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _arrays
from ._hippo_structure import laguerre_gain, laguerre_scale
from ._parallel import over_rows

if TYPE_CHECKING:
    from .hippo import HiPPO


def _polynomials(slope: Any, offset: Any, back: Any, x: np.ndarray, log_weight: Any) -> np.ndarray:
    """The table (n, x) of weighted polynomials that a three-term recurrence gives."""
    from .compiled import hippo_steps

    weights = np.ascontiguousarray(np.broadcast_to(np.asarray(log_weight, dtype=float), x.shape))
    coefficients = np.stack(np.broadcast_arrays(slope, offset, back)).astype(float)
    table = np.empty((coefficients.shape[1], x.size))

    def work(begin: int, end: int) -> None:
        hippo_steps.polynomials_loop(coefficients, x, weights, table, begin, end)

    over_rows(work, x.size, 6.0 * table.size)
    return table


def _legendre(x: np.ndarray, count: int) -> np.ndarray:
    n = np.arange(count)
    return _polynomials((2 * n + 1) / (n + 1), 0.0, n / (n + 1), x, 0.0)


def _laguerre(t: np.ndarray, count: int, alpha: float, log_weight: Any) -> np.ndarray:
    n = np.arange(count)
    return _polynomials(-1 / (n + 1), (2 * n + 1 + alpha) / (n + 1), (n + alpha) / (n + 1), t, log_weight)


def _dual_legs(op: HiPPO, t: np.ndarray, count: int, scaled: bool) -> np.ndarray:
    x = 2 * t - 1 if scaled else 2 * np.exp(-t) - 1
    return np.sqrt(2.0 * np.arange(count) + 1)[:, None] * _legendre(x, count)


def _dual_legt(op: HiPPO, t: np.ndarray, count: int, scaled: bool) -> np.ndarray:
    return np.sqrt(2.0 * np.arange(count) + 1)[:, None] * _legendre(1 - 2 * t / op.parameters["theta"], count)


def _dual_lmu(op: HiPPO, t: np.ndarray, count: int, scaled: bool) -> np.ndarray:
    return _legendre(2 * t / op.parameters["theta"] - 1, count)


def _dual_lagt(op: HiPPO, t: np.ndarray, count: int, scaled: bool) -> np.ndarray:
    return _laguerre(t, count, 0.0, -t / 2)


def _dual_glagt(op: HiPPO, t: np.ndarray, count: int, scaled: bool) -> np.ndarray:
    """L_n^{(alpha)}(t) t^alpha e^{-(1-beta)t/2} / (lambda_n kappa); infinite at t = 0 where alpha < 0."""
    alpha, beta = op.parameters["alpha"], op.parameters["beta"]
    power = alpha * np.log(np.maximum(t, np.finfo(float).tiny)) if alpha else np.zeros_like(t)
    table = _laguerre(t, count, alpha, power - (1 - beta) * t / 2)
    if alpha:
        table[:, t == 0] = 0.0 if alpha > 0 else math.inf
    return table / (laguerre_scale(count, alpha) * laguerre_gain(alpha, beta))[:, None]


def _fourier_table(frequency: float, t: np.ndarray, count: int) -> np.ndarray:
    """The rows 1, 0, sqrt2 cos, sqrt2 sin, ... at multiples of one frequency."""
    order = np.arange(count)
    phase = frequency * (order // 2)[:, None] * t
    table = math.sqrt(2) * np.where((order % 2)[:, None], np.sin(phase), np.cos(phase))
    table[0] = 1.0
    return table


def _dual_fout(op: HiPPO, t: np.ndarray, count: int, scaled: bool) -> np.ndarray:
    """Twice the limit of e^{tA} B for large N, which is orthogonal with squared norms 1/2 on the window of length 2."""
    if op.N % 2:
        _arrays.fail("N", "be even for the basis of fout (its last cosine has no sine)", f"it is {op.N}")
    return _fourier_table(math.pi, t, count)


def _dual_foud(op: HiPPO, t: np.ndarray, count: int, scaled: bool) -> np.ndarray:
    """W^+ h(t): W_jk = integral of h_j h_k solves A W + W A' + B B' = 0; it is singular (a sine of frequency 0)."""
    from scipy.linalg import pinvh, solve_continuous_lyapunov

    gramian = solve_continuous_lyapunov(op.A, -np.outer(op.B, op.B))
    responses = np.exp(-t / 2) * _fourier_table(2 * math.pi, t, op.N)
    if op.N % 2:
        responses[-1] = math.sqrt(2) * np.exp(-t / 2)
    return (pinvh(gramian) @ responses)[:count]


DUALS: dict[str, Callable[[HiPPO, np.ndarray, int, bool], np.ndarray]] = {
    "legs": _dual_legs,
    "legt": _dual_legt,
    "lmu": _dual_lmu,
    "lagt": _dual_lagt,
    "glagt": _dual_glagt,
    "fout": _dual_fout,
    "foud": _dual_foud,
}
