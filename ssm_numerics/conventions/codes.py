"""How packages write numbers: logarithms, signs, real and imaginary parts as a last axis; and how their axes lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import _arrays
from .table import Field


class Code(NamedTuple):
    """Two functions that undo each other, and the rule for what the first can write, if any."""

    write: Callable[[np.ndarray], np.ndarray]
    read: Callable[[np.ndarray], np.ndarray]
    rule: str = ""
    holds: Callable[[np.ndarray], Any] = lambda x: True


def _split(values: np.ndarray) -> np.ndarray:
    return np.stack([values.real, values.imag], axis=-1)


def _join(parts: np.ndarray) -> np.ndarray:
    """Real and imaginary parts put together without arithmetic, which would lose the sign of a zero."""
    joined = np.empty(parts.shape[:-1], dtype=_arrays.complex_dtype(parts.dtype))
    joined.real, joined.imag = parts[..., 0], parts[..., 1]
    return joined


CODES: dict[str, Code] = {
    "plain": Code(np.array, np.array),
    "negated": Code(np.negative, np.negative),
    "log": Code(np.log, np.exp, "be positive", lambda x: (x > 0).all()),
    "log of negative": Code(
        lambda x: np.log(-x), lambda x: -np.exp(x), "be negative, as its logarithm is stored", lambda x: (x < 0).all()
    ),
    "softplus": Code(
        lambda x: x + np.log(-np.expm1(-x)), lambda x: np.logaddexp(0, x), "be positive", lambda x: (x > 0).all()
    ),
    "re im": Code(_split, _join),
    "re im of conjugate": Code(lambda x: _split(x.conj()), lambda x: _join(x).conj()),
    "diagonal": Code(
        np.diagonal, np.diag, "connect each input to its own output", lambda x: (x == np.diag(np.diagonal(x))).all()
    ),
}
"""What packages write; "diagonal" turns an axis into two."""


def write(field: Field, values: np.ndarray, axes: str) -> np.ndarray:
    """The array of a package from ours, whose axes are `axes`; axes that it lacks must not vary."""
    for letter in [letter for letter in axes if letter not in field.axes]:
        axis = axes.index(letter)
        first = values.take(0, axis=axis)
        if letter == "r" and values.shape[axis] > 1:
            _arrays.fail(field.quantity, "have one column", f"it has {values.shape[axis]}")
        if not (values == np.expand_dims(first, axis)).all():
            _arrays.fail(field.quantity, f"be the same for all {NAMES[letter]}, as it is stored once", "it varies")
        values, axes = first, axes.replace(letter, "")
    values = values.transpose([axes.index(letter) for letter in field.axes if letter != "1"])
    values = np.expand_dims(values, [axis for axis, letter in enumerate(field.axes) if letter == "1"])
    code = CODES[field.code]
    if not code.holds(values):
        base, _, part = field.quantity.partition(".")
        found = f"{f'its {part} part' if part else 'it'} ranges from {values.min():.6g} to {values.max():.6g}"
        _arrays.fail(base, code.rule, found)
    return np.array(code.write(values), order="C")


POSITIVE = ("dt", "steps")
NAMES = {"h": "heads", "i": "inputs", "o": "outputs"}


def read(field: Field, array: Any, axes: str) -> np.ndarray:
    """Our array, with axes `axes`, from a package's; axes that it lacks have length one, and so may a head's."""
    base, _, part = field.quantity.partition(".")
    given = _arrays.numeric(field.name, array, real=bool(part) or base in POSITIVE)
    parts = field.code.startswith("re im")
    if parts and (given.shape[-1:] != (2,) or np.iscomplexobj(given)):
        found = f"its shape is {given.shape} and its dtype {given.dtype}"
        _arrays.fail(field.name, "hold real and imaginary parts along a last axis of length 2", found)
    with np.errstate(over="ignore", under="ignore"):
        values = CODES[field.code].read(given)
    if not np.isfinite(values).all() or (base in POSITIVE and not (values > 0).all()):
        found = f"it ranges from {given.min():.6g} to {given.max():.6g}, stored as {field.code}"
        _arrays.fail(field.name, f"stand for finite {'positive ' * (base in POSITIVE)}numbers", found)
    if values.ndim == len(field.axes) - 1 and "h" in field.axes:
        values = np.expand_dims(values, field.axes.index("h"))
    ones = tuple(axis for axis, letter in enumerate(field.axes) if letter == "1")
    if values.ndim != len(field.axes) or any(values.shape[axis] != 1 for axis in ones):
        shape = ", ".join([*field.axes, *"2" * parts])
        _arrays.fail(field.name, f"have shape ({shape})", f"its shape is {given.shape}")
    letters = field.axes.replace("1", "")
    values = values.squeeze(ones).transpose([letters.index(letter) for letter in axes if letter in letters])
    return np.expand_dims(values, [axis for axis, letter in enumerate(axes) if letter not in letters])
