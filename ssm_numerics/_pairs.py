"""Conjugate-pair storage: one stored mode of a real system stands for itself and its conjugate partner.

The boolean mask says which stored modes have a partner. A sum over all modes of a real system is then
Re(sum of weight * stored term) with weight 2 where the mask is set and 1 elsewhere. The order of the full system is
fixed here once: stored modes first, then the partners in reverse, so modes stored by descending frequency stay sorted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _arrays


def mask(value: Any, n_modes: int) -> np.ndarray | None:
    """The pair mask of `conjugate_pairs`: None for full storage, else a boolean per stored mode."""
    if isinstance(value, (bool, np.bool_)):
        return _arrays.owned(np.ones(n_modes, dtype=bool)) if value else None
    if value is None:
        return None
    pairs = _arrays.readable("conjugate_pairs", value)
    if pairs.dtype != np.bool_ or pairs.shape != (n_modes,):
        found = f"it has dtype {pairs.dtype} and shape {pairs.shape}"
        _arrays.fail("conjugate_pairs", f"be True, False or a boolean mask of shape ({n_modes},)", found, TypeError)
    return _arrays.owned(pairs)


def require_real(name: str, array: np.ndarray, pairs: np.ndarray, axis: int = -1) -> None:
    """A mode without a partner belongs to a real system only if it is real."""
    if pairs.all():
        return
    alone = np.compress(~pairs, array, axis=axis)
    if np.iscomplexobj(alone) and np.any(alone.imag):
        found = f"its largest imaginary part there is {np.abs(alone.imag).max():.3g}"
        _arrays.fail(name, "be real in modes that `conjugate_pairs` leaves without a partner", found)


def weights(pairs: np.ndarray | None, n_modes: int) -> np.ndarray:
    """2 for a mode that stands for a pair, 1 for one that stands for itself."""
    return np.ones(n_modes) if pairs is None else np.where(pairs, 2.0, 1.0)


def real_part(values: np.ndarray, pairs: np.ndarray | None) -> np.ndarray:
    """What a weighted sum over stored modes means: itself in full storage, its real part in pair storage."""
    return values if pairs is None else np.ascontiguousarray(values.real)


def expand(array: np.ndarray, pairs: np.ndarray, axis: int = -1) -> np.ndarray:
    """All modes from the stored ones: the stored modes, then the partners' conjugates in reverse order."""
    partners = np.flip(np.compress(pairs, array, axis=axis), axis).conj()
    return np.concatenate([array, partners], axis=axis)


def coordinates(array: np.ndarray, pairs: np.ndarray, axis: int = -1) -> np.ndarray:
    """Real coordinates of a vector of modes: real parts of pairs, imaginary parts of pairs, then the modes alone."""
    paired, alone = np.compress(pairs, array, axis=axis), np.compress(~pairs, array, axis=axis)
    return np.concatenate([paired.real, paired.imag, alone.real], axis=axis)


def from_coordinates(values: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The stored modes with the given real coordinates; inverts `coordinates` on the last axis exactly."""
    n_pairs = int(pairs.sum())
    modes = np.zeros((*values.shape[:-1], pairs.size), dtype=_arrays.complex_dtype(values.dtype))
    modes.real[..., pairs], modes.imag[..., pairs] = values[..., :n_pairs], values[..., n_pairs : 2 * n_pairs]
    modes.real[..., ~pairs] = values[..., 2 * n_pairs :]
    return modes


def unitary_scale(pairs: np.ndarray, dtype: Any = np.float64) -> np.ndarray:
    """The factors, sqrt 2 for the coordinates of pairs, that make `coordinates` part of a unitary change of basis."""
    n_pairs = int(pairs.sum())
    return np.where(np.arange(pairs.size + n_pairs) < 2 * n_pairs, np.sqrt(2.0), 1.0).astype(_arrays.real_dtype(dtype))


def realify(array: np.ndarray, pairs: np.ndarray, axis: int = -1) -> np.ndarray:
    """Coordinates in the orthonormal real basis: norms and conditioning are those of the full complex system."""
    scale = unitary_scale(pairs, array.dtype)
    with np.errstate(over="ignore"):  # what overflows is refused as infinite where it is stored
        return coordinates(array, pairs, axis) * (scale if axis == -1 else scale[:, None])


def real_blocks(Lambda: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """diag(Lambda) and its conjugates as a real matrix in the basis of `realify`: [[Re, -Im], [Im, Re]] per pair."""
    n_pairs, n_modes = int(pairs.sum()), pairs.size
    matrix = np.zeros((*Lambda.shape[:-1], n_pairs + n_modes, n_pairs + n_modes), dtype=Lambda.real.dtype)
    p, q, rest = np.arange(n_pairs), np.arange(n_pairs, 2 * n_pairs), np.arange(2 * n_pairs, n_pairs + n_modes)
    matrix[..., p, p] = matrix[..., q, q] = Lambda[..., pairs].real
    matrix[..., q, p] = Lambda[..., pairs].imag
    matrix[..., p, q] = -Lambda[..., pairs].imag
    matrix[..., rest, rest] = Lambda[..., ~pairs].real
    return matrix
