"""Kernels of diagonal plus low-rank systems in ball arithmetic, as power series: O(N L) operations, no dense matrix.

The generating function sum_l K_l w^l = scale C (a - s (diag(Lambda) - P Q*))^-1 B, with a = 1 - w and
s = dt (alpha + (1 - alpha) w) for a GBT rule, a = 1 and s = w for a discrete system, is the Schur complement of
I + s k11 in

    [[k00,   k01        ],
     [s k10, I + s k11  ]],     k_ij(w) = sum_n v_n d_n / (1 - z_n w),   d_n / (1 - z_n w) = 1/(a - s lambda_n).

The coefficients of every k_ij are sums of powers of z, and the complement is formed with truncated power series.
"""

from __future__ import annotations

import numpy as np

from . import _balls, _pairs


def is_cheaper(head: dict[str, np.ndarray], length: int) -> bool:
    """Whether (1 + r)^2 N L operations on complex balls are fewer than N^3 log L on real ones."""
    low_rank = head.get("P", head.get("P_bar"))
    if low_rank is None:
        return False
    n, rank = low_rank.shape
    return 4 * (1 + rank) ** 2 * length < n**2 * length.bit_length()


def kernel(
    head: dict[str, np.ndarray], pairs: np.ndarray | None, dt: float | None, alpha: float | None, length: int
) -> list:
    """K_0, ..., K_{L-1} of one head; dt and alpha are None for a discrete system."""
    flint = _balls.library()
    names = {name.removesuffix("_bar"): array for name, array in head.items()}
    poles = [flint.acb(x) for x in names["Lambda"].tolist()]
    left = [names["C"], *names["Q"].conj().T]
    right = [names["B"], *names["P"].T]
    if dt is None or alpha is None:
        z, d, scale, s = poles, [flint.acb(1)] * len(poles), flint.arb(1), [0, 1]
    else:
        h, a = flint.arb(dt), flint.arb(alpha)
        d = [1 / (1 - a * h * x) for x in poles]
        z, scale, s = [(1 + (1 - a) * h * x) * y for x, y in zip(poles, d, strict=True)], h, [h * a, h * (1 - a)]
    weights = _pairs.weights(pairs, len(poles)).tolist() if pairs is not None else [1] * len(poles)
    d = [w * x for w, x in zip(weights, d, strict=True)]
    sides = [[_scaled(x, y, d) for y in right] for x in left]
    table = _power_sums(sides, z, length, pairs is not None)
    return [scale * x for x in _schur_complement(table, s, length, pairs is not None)]


def _scaled(x: np.ndarray, y: np.ndarray, d: list) -> list:
    flint = _balls.library()
    return [flint.acb(p) * flint.acb(q) * r for p, q, r in zip(x.tolist(), y.tolist(), d, strict=True)]


def _power_sums(sides: list[list[list]], z: list, length: int, is_real: bool) -> list[list[list]]:
    """sum_n v_n z_n^l for l < L, or its real part, by a product of two thin tables of powers."""
    flint = _balls.library()
    width = min(1 << ((len(sides) ** 2 * length).bit_length() // 2), length)  # the coarse table is made for every side
    fine, coarse = _powers(z, width), _powers([x**width for x in z], -(-length // width))
    if is_real:  # Re(xy) = Re x Re y - Im x Im y
        right = flint.arb_mat([[x.real for x in row] + [-x.imag for x in row] for row in fine]).transpose()
    else:
        right = flint.acb_mat(fine).transpose()
    out: list[list[list]] = []
    for row in sides:
        out.append([])
        for v in row:
            left = [[x * y for x, y in zip(v, powers, strict=True)] for powers in coarse]
            if is_real:
                product = flint.arb_mat([[x.real for x in part] + [x.imag for x in part] for part in left]) * right
            else:
                product = flint.acb_mat(left) * right
            out[-1].append(product.entries()[:length])
    return out


def _powers(z: list, count: int) -> list[list]:
    """z^0, ..., z^(count - 1) so that no radius passes through more than log2(count) products."""
    rows = [[type(x)(1) for x in z]]
    if count > 1:
        rows.append(list(z))
    for k in range(2, count):
        rows.append([x * y for x, y in zip(rows[k // 2], rows[k - k // 2], strict=True)])
    return rows


def _schur_complement(table: list[list[list]], s: list, length: int, is_real: bool) -> list:
    """k00 - s k01 (I + s k11)^-1 k10 by elimination from the last row up; truncated to `length` coefficients."""
    flint = _balls.library()
    kind = flint.arb_series if is_real else flint.acb_series
    saved, flint.ctx.cap = flint.ctx.cap, length
    try:
        multiplier = kind(s[:length], length)
        m = [[kind(entries, length) for entries in row] for row in table]
        order = len(m)
        for i in range(1, order):
            m[i] = [multiplier * entry + (1 if i == j else 0) for j, entry in enumerate(m[i])]
        for p in range(order - 1, 0, -1):
            factors = [m[i][p] / m[p][p] for i in range(p)]
            for i in range(p):
                m[i] = [m[i][j] - factors[i] * m[p][j] for j in range(p)]
        coefficients = m[0][0].coeffs()
    finally:
        flint.ctx.cap = saved
    zero = flint.arb(0) if is_real else flint.acb(0)
    return coefficients + [zero] * (length - len(coefficients))
