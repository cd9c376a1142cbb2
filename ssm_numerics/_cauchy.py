"""Cauchy sums for kernels: several right-hand sides, nodes given as a quotient, conjugate pairs under one division."""

from __future__ import annotations

import math

import numpy as np

from . import _arrays, _pairs, _parallel

LIMITS = {
    np.dtype(real): (2 ** real(exponent), np.finfo(real).max ** real(0.49))
    for real, exponent in ((np.float64, 60), (np.float32, 30))
}
"""By precision: how much less than a node a pole may count, and the largest power of two that poles are scaled by."""


def cauchy_sums(
    v: np.ndarray, a: np.ndarray, s: np.ndarray, poles: np.ndarray, pairs: np.ndarray | None = None
) -> np.ndarray:
    """sum_n v[..., j, n] / (a[..., k] - s[..., k] poles[..., n]) of shape (..., J, K), complex.

    With pairs the partners conj(v)/(a - s conj(pole)) are added, and modes without one count by Re v. The error is at
    most 50u sum_n |v_n| (|a| + |s p_n|) / |a - s p_n|^2, and where s = 1 even 50u sum_n |v_n / (a - p_n)|, partners
    included.
    """
    from .compiled import cauchy

    dtype = np.result_type(v, a, s, poles, np.complex64)
    n_sums, n_modes = v.shape[-2:]
    n_nodes, precision = max(a.shape[-1], s.shape[-1]), _arrays.real_dtype(dtype)
    lead = _arrays.batch(v=v.shape[:-2], a=a.shape[:-1], s=s.shape[:-1], poles=poles.shape[:-1])
    n_rows, out = math.prod(lead), np.empty((*lead, n_sums, n_nodes), dtype=dtype)
    limit, far = LIMITS[precision]
    poles = _rows(poles, lead, (n_modes,), dtype)
    given = (
        _rows(v, lead, (n_sums, n_modes), dtype),
        *(_rows(nodes, lead, (n_nodes if nodes.shape[-1] > 1 else cauchy.BLOCK,), dtype) for nodes in (a, s)),
        poles,
        _pairs.weights(pairs, n_modes).astype(precision, copy=False),
        *_pole_range(poles, far),
        limit,
    )
    rows = out.reshape(n_rows, n_sums, n_nodes)
    loop = cauchy.cauchy_loop if pairs is None else cauchy.cauchy_pairs_loop

    def work(begin: int, end: int) -> None:
        loop(*given, _arrays.aligned((cauchy.WORK,), precision), rows, begin, end)

    _parallel.over_rows(work, n_rows * -(-n_nodes // cauchy.BLOCK), 14.0 * n_modes * out.size)
    return out


def _rows(array: np.ndarray, lead: tuple[int, ...], shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """One entry of the given shape for each head, or a single one where all heads share it."""
    own = array.shape[: array.ndim - len(shape)]
    if math.prod(own) == 1:
        array, lead = array.reshape(array.shape[len(own) :]), ()
    return _arrays.writable(_arrays.spread(array, (*lead, *shape)), dtype).reshape(-1, *shape)


def _pole_range(poles: np.ndarray, far: np.floating) -> tuple[np.ndarray, np.ndarray]:
    """By rows, a power of two that brings the poles' magnitudes around one, and the largest magnitude after it.

    Beyond far or below 1 / far the scale itself would leave the range, or its squares.
    """
    size = np.abs(poles.real) + np.abs(poles.imag)
    most, least = size.max(axis=1), size.min(axis=1)
    if not least.all():
        most[most == 0] = 1
        least = np.where(size == 0, most[:, None], size).min(axis=1)
    middle = np.minimum(np.maximum(np.sqrt(most) * np.sqrt(least), 1 / far), far)
    scale = np.ldexp(size.dtype.type(1), -np.frexp(middle)[1])
    return scale, most * scale
