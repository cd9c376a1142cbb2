"""Cauchy sums for kernels: several right-hand sides, nodes given as a quotient, conjugate pairs under one division."""

from __future__ import annotations

import math

import numpy as np

from . import _arrays, _pairs, _parallel


def cauchy_sums(
    v: np.ndarray, a: np.ndarray, s: np.ndarray, poles: np.ndarray, pairs: np.ndarray | None = None
) -> np.ndarray:
    """sum_n v[..., j, n] / (a[..., k] - s[..., k] poles[..., n]) of shape (..., J, K), complex.

    With pairs the partners conj(v)/(a - s conj(pole)) are added, and modes without one count by Re v. The error is at
    most 50u sum_n |v_n| (|a| + |s p_n|) / |a - s p_n|^2, and where s = 1 even 50u sum_n |v_n / (a - p_n)|, partners
    included.
    """
    dtype = np.result_type(v, a, s, poles, np.complex64)
    real_type = _arrays.real_dtype(dtype)
    lead = np.broadcast_shapes(v.shape[:-2], a.shape[:-1], s.shape[:-1], poles.shape[:-1])
    n_rows, (n_sums, n_modes), n_nodes = math.prod(lead), v.shape[-2:], max(a.shape[-1], s.shape[-1])
    padded = n_sums + n_sums % 2
    scale, largest = _pole_range(poles)
    scaled = poles * scale[..., None]
    places = np.empty((*lead, 2, n_modes), dtype=real_type)
    places[..., 0, :], places[..., 1, :] = scaled.real, scaled.imag
    sides = np.zeros((*lead, padded, 2, n_modes), dtype=real_type)
    sides[..., :n_sums, 0, :], sides[..., :n_sums, 1, :] = v.real, v.imag
    if pairs is not None:
        sides *= _pairs.weights(pairs, n_modes)
        sides[..., 1, :] *= places[..., None, 1, :]
    out = np.empty((*lead, n_sums, n_nodes), dtype=dtype)
    a, s = (_rows(nodes, (*lead, n_nodes), dtype) for nodes in (a, s))
    scale, largest = (np.array(np.broadcast_to(x, lead), dtype=real_type).reshape(n_rows) for x in (scale, largest))
    sides, places = sides.reshape(n_rows, padded, 2, n_modes), places.reshape(n_rows, 2, n_modes)
    _fill(sides, a, s, places, scale, largest, pairs is not None, out.reshape(n_rows, n_sums, n_nodes))
    return out


def _fill(
    v: np.ndarray,
    a: np.ndarray,
    s: np.ndarray,
    poles: np.ndarray,
    scale: np.ndarray,
    largest: np.ndarray,
    paired: bool,
    out: np.ndarray,
) -> None:
    """Blocks of nodes, of one head or of many, shared among threads."""
    from .compiled import cauchy

    limit = 2 ** v.dtype.type(60 if v.dtype == np.float64 else 30)

    def work(begin: int, end: int) -> None:
        w = _arrays.aligned((cauchy.WORK,), v.dtype)
        cauchy.cauchy_loop(v, a, s, poles, scale, largest, limit, paired, w, out, begin, end)

    _parallel.over_rows(work, out.shape[0] * -(-out.shape[2] // cauchy.BLOCK), 8.0 * v.shape[-1] * out.size)


def _rows(nodes: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Nodes as a matrix (H, K), or (1, K) where all heads share them."""
    if math.prod(nodes.shape[:-1]) == 1:
        nodes, shape = nodes.reshape(nodes.shape[-1]), shape[-1:]
    return _arrays.writable(_arrays.spread(nodes, shape), dtype).reshape(-1, shape[-1])


def _pole_range(poles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A power of two that brings the poles' magnitudes around one, and the largest magnitude after it."""
    size = np.abs(poles.real) + np.abs(poles.imag)
    largest = size.max(axis=-1)
    least = np.where(size == 0, largest[..., None], size).min(axis=-1)
    some = largest > 0
    limit = np.finfo(size.dtype).max ** 0.49  # beyond, the scale itself would overflow, or its squares
    middle = np.clip(np.where(some, np.sqrt(largest) * np.sqrt(least), 1), 1 / limit, limit)
    scale = np.ldexp(np.ones_like(size[..., 0]), -np.frexp(middle)[1])
    return scale, np.where(some, largest * scale, 1)
