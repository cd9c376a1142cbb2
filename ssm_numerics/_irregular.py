"""Samples that come when they come, or not at all: steps that vary, and gaps."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _arrays

FILLS = ("hold", "zero")


def checked_steps(dt: Any, n_samples: int) -> np.ndarray:
    """Steps (..., T), one for each sample."""
    if dt is None:
        _arrays.fail("dt", f"hold one step for each of {n_samples} samples", "it is None")
    steps = _arrays.steps(dt)
    _arrays.trailing("dt", steps, (n_samples,), f"{n_samples} samples")
    return steps


def with_gaps_filled(name: str, u: Any, axis: int, missing: Any, fill: str, u_before: np.ndarray) -> np.ndarray:
    """A checked signal (..., T) in which missing samples are the last one present (at first `u_before`) or 0."""
    _arrays.choice("fill", fill, FILLS)
    if missing is None:
        return _arrays.time_last(name, u, axis)
    mask = _arrays.mask("missing", missing)
    signal = _arrays.time_last(name, _with_zeros(name, u, mask, axis), axis)
    mask = mask if mask.ndim == 1 else np.moveaxis(mask, axis, -1)
    if fill == "zero" or not mask.any():
        return signal
    latest = np.maximum.accumulate(np.where(mask, -1, np.arange(mask.shape[-1])), axis=-1)
    latest = np.broadcast_to(latest, signal.shape)
    held = np.take_along_axis(signal, np.maximum(latest, 0), axis=-1)
    return np.where(latest < 0, u_before[..., None], held)


def _with_zeros(name: str, u: Any, mask: np.ndarray, axis: int) -> Any:
    """The signal with zeros in place of what is missing; one that is no array of numbers is left for the checks."""
    array = _arrays.readable(name, u)
    if array.dtype.kind not in "iufc" or array.ndim == 0 or isinstance(u, np.ma.MaskedArray):
        return u
    if not -array.ndim <= _arrays.integer("axis", axis) < array.ndim:
        return u
    if mask.shape not in (array.shape, array.shape[axis : axis + 1 or None]):
        rule = f"have the shape {array.shape} of `{name}`, or that of its time axis"
        _arrays.fail("missing", rule, f"its shape is {mask.shape}")
    along = (
        mask if mask.shape == array.shape else np.moveaxis(np.expand_dims(mask, tuple(range(array.ndim - 1))), -1, axis)
    )
    return np.where(along, array.dtype.type(0), array)
