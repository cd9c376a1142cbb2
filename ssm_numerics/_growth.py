"""Growth of the HiPPO eigenvector matrix with its order, measured from exact integers (see `lemma`)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._parallel import serial_blas
from ._results import Result

LIMITS = {
    "largest_entry": 2 * math.log2((1 + math.sqrt(5)) / 2),
    "condition_raw": 2 + 2 * math.log2((1 + math.sqrt(5)) / 2),
    "condition_scaled": 2 * math.log2(1 + math.sqrt(2)),
    "eigenvalue_condition": 2 * math.log2(1 + math.sqrt(2)),
}
"""Bits per state in the limit of large N: log2 of phi^2, 4 phi^2, (1+sqrt2)^2 and (1+sqrt2)^2."""


@dataclass(frozen=True)
class Growth(Result):
    """How the eigenvector matrix of HiPPO-LegS degrades with the order; arrays of shape (N_max - 1,).

    `log2_condition_raw` belongs to the 2-norm condition number of V as printed, `log2_condition_scaled` to that of D V
    with unit columns, `log2_eigenvalue_condition` to the largest eigenvalue condition number of A, below which no
    scaling of the columns can go. `entry_ratio` is j/i of the largest entry, `worst_ratio` is j/N of the worst
    eigenvalue. `slopes` are bits per state fitted over the upper half of N, `corrected_slopes` the same with a term in
    log2 N, and `limits` what they tend to. `slope_errors` and `corrected_slope_errors` are half-widths of 95 %
    confidence intervals of the fits; the data are exact, so they measure how far the model is from the truth over that
    range.
    """

    N: np.ndarray
    log2_largest_entry: np.ndarray
    log2_condition_raw: np.ndarray
    log2_condition_scaled: np.ndarray
    log2_eigenvalue_condition: np.ndarray
    entry_ratio: np.ndarray
    worst_ratio: np.ndarray
    slopes: dict[str, float]
    corrected_slopes: dict[str, float]
    slope_errors: dict[str, float]
    corrected_slope_errors: dict[str, float]
    limits: dict[str, float]

    @property
    def float64_limit(self) -> int | None:
        """The first N whose scaled condition number reaches 2^53, so that float64 keeps no digit; None beyond N_max."""
        beyond = np.flatnonzero(self.log2_condition_scaled >= 53)
        return int(self.N[beyond[0]]) if beyond.size else None

    def plot(self, ax: Any = None) -> Any:
        """Draw the three growth curves with their limits; returns the matplotlib axes."""
        from . import plotting

        return plotting.growth(self, ax)


def measure(V: np.ndarray, W: np.ndarray) -> Growth:
    """Growth for N = 2, ..., N_max from the integer eigenvectors V of order N_max and their inverse W.

    Both are lower triangular, so their leading blocks are the matrices of every smaller order.
    """
    N_max = len(V)
    sizes = abs(V)
    odd = [2 * i + 1 for i in range(N_max)]
    common = math.lcm(*odd)
    shares = [common // d for d in odd]  # left[j] is common |w_j D^-1|^2
    left = [sum(share * w * w for share, w in zip(shares, row, strict=True)) for row in W.tolist()]
    squares = np.array([[d * v * v for v in row] for d, row in zip(odd, V.tolist(), strict=True)], dtype=object)
    orders = np.arange(2, N_max + 1)
    rows: dict[str, list] = {name: [] for name in (*LIMITS, "entry_ratio", "worst_ratio")}
    mantissas = _floats(V), _floats(W)
    right = squares[0].copy()  # |D v_j|^2 over the first N rows
    with serial_blas():
        for N in orders.tolist():
            right += squares[N - 1]
            bits = [(math.log2(right[j] * left[j]) - math.log2(common)) / 2 for j in range(N)]
            worst = int(np.argmax(bits))
            j = int(np.argmax(sizes[N - 1, :N]))
            raw = [_log2_norm(*(part[:N, :N] for part in pair)) for pair in mantissas]
            lengths = np.array([math.log2(right[j]) / 2 for j in range(N)])
            scaled = _scaled_norms(mantissas, lengths, N)
            values = (math.log2(sizes[N - 1, j]), sum(raw), sum(scaled), bits[worst], j / (N - 1), worst / N)
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    data = {name: np.array(values) for name, values in rows.items()}
    fits = [{name: _slope(orders, data[name], corrected) for name in LIMITS} for corrected in (False, True)]
    named = {f"log2_{name}" if name in LIMITS else name: values for name, values in data.items()}
    return Growth(
        N=orders,
        **named,
        slopes={name: fit[0] for name, fit in fits[0].items()},
        corrected_slopes={name: fit[0] for name, fit in fits[1].items()},
        slope_errors={name: fit[1] for name, fit in fits[0].items()},
        corrected_slope_errors={name: fit[1] for name, fit in fits[1].items()},
        limits=dict(LIMITS),
    )


def _scaled_norms(mantissas: tuple, lengths: np.ndarray, N: int) -> list[float]:
    """log2 of the 2-norms of X = D V diag(1/lengths) and of its inverse, `lengths` given as logarithms."""
    half_odd = np.log2(2 * np.arange(N) + 1) / 2
    (v, v_bits), (w, w_bits) = ((part[:N, :N] for part in pair) for pair in mantissas)
    return [
        _log2_norm(v, v_bits + half_odd[:, None] - lengths[None, :]),
        _log2_norm(w, w_bits + lengths[:, None] - half_odd[None, :]),
    ]


def _log2_norm(mantissa: np.ndarray, bits: np.ndarray) -> float:
    """log2 of the 2-norm of the matrix mantissa * 2^bits; entries far below the largest may underflow."""
    shift = np.where(mantissa == 0, -np.inf, bits)
    top = float(shift.max())
    return top + math.log2(float(np.linalg.norm(mantissa * np.exp2(shift - top), 2)))


def _floats(integers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integers of any size as mantissa and binary exponent, both float64; the mantissa keeps the leading 60 bits."""
    values = integers.ravel().tolist()
    extra = [max(x.bit_length() - 60, 0) for x in values]
    parts = [math.frexp(float(abs(x) >> more) * (1 if x > 0 else -1)) for x, more in zip(values, extra, strict=True)]
    exponents = [e + more for (_, e), more in zip(parts, extra, strict=True)]
    shape = integers.shape
    return np.array([m for m, _ in parts]).reshape(shape), np.array(exponents, dtype=float).reshape(shape)


def _slope(N: np.ndarray, bits: np.ndarray, corrected: bool) -> tuple[float, float]:
    """Least-squares bits per state over the upper half of N, with or without a term in log2 N, and its 95 %
    half-width."""
    from scipy.special import stdtrit

    upper = N[-1] // 2 <= N
    matrix = np.stack([N[upper], np.ones(upper.sum())] + ([np.log2(N[upper])] if corrected else []), axis=1)
    coefficients = np.linalg.lstsq(matrix, bits[upper], rcond=None)[0]
    freedom = len(matrix) - matrix.shape[1]
    if freedom < 1:
        return float(coefficients[0]), np.inf
    variance = float(np.sum((bits[upper] - matrix @ coefficients) ** 2)) / freedom
    spread = np.sqrt(variance * np.linalg.inv(matrix.T @ matrix)[0, 0])
    return float(coefficients[0]), float(stdtrit(freedom, 0.975) * spread)
