"""The catalogue: what a user may hand over by mistake, or in a form that means the same as a good argument.

Every entry makes a value from a good argument. `SAME` entries hold the same numbers in another form: a call must refuse
them or return what it returns for the plain array, bit for bit. Any other call must be refused or give a result without
NaN; a complex number where a real one was meant must be refused or make a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

import ssm_numerics as ssm

HUGE = 10**12


class Opaque:
    """An object that is no number."""


class Lying:
    """An object whose conversion to an array fails."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise RuntimeError("no")


def _array(good: Any) -> np.ndarray:
    array = np.asarray(good)
    return array if array.dtype.kind in "ifc" else np.ones(3)


def _with(good: Any, entry: Any) -> np.ndarray:
    """The good array with its last entry replaced."""
    array = np.array(_array(good), dtype=complex if np.iscomplexobj(good) or isinstance(entry, complex) else float)
    array[(-1,) * array.ndim] = entry
    return array


def _strided(good: Any) -> np.ndarray:
    return np.repeat(_array(good)[..., None], 3, axis=-1)[..., 1]


def _reversed(good: Any) -> np.ndarray:
    array = np.atleast_1d(_array(good))
    return np.ascontiguousarray(np.flip(array))[(slice(None, None, -1),) * array.ndim].reshape(array.shape)


def _read_only(good: Any) -> np.ndarray:
    array = _array(good).copy()
    array.setflags(write=False)
    return array


def _subclass(good: Any) -> np.ndarray:
    return _array(good).view(type("Subclass", (np.ndarray,), {}))


def _swapped(good: Any) -> np.ndarray:
    array = _array(good)
    return array.astype(array.dtype.newbyteorder())


BAD: dict[str, Callable[[Any], Any]] = {
    "None": lambda good: None,
    "word": lambda good: "nonsense",
    "number as a word": lambda good: "1.0",
    "bytes": lambda good: b"1.0",
    "object": lambda good: Opaque(),
    "class": lambda good: float,
    "function": lambda good: len,
    "object that lies": lambda good: Lying(),
    "array of objects": lambda good: np.array([Opaque(), None]),
    "dictionary": lambda good: {"A": 1.0},
    "set": lambda good: {1.0, 2.0},
    "generator": lambda good: (x for x in (1.0, 2.0)),
    "slice": lambda good: slice(3),
    "ellipsis": lambda good: ...,
    "ragged": lambda good: [[1.0, 2.0], [3.0]],
    "empty list": lambda good: [],
    "empty array": lambda good: np.zeros((3, 0)),
    "no matrices": lambda good: np.zeros((0, 3, 3)),
    "fraction": lambda good: Fraction(1, 2),
    "decimal": lambda good: Decimal("0.5"),
    "dates": lambda good: np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]"),
    "durations": lambda good: np.ones(3, dtype="timedelta64[s]"),
    "records": lambda good: np.zeros(3, dtype=[("a", float), ("b", float)]),
    "words in an array": lambda good: np.array(["a", "b", "c"]),
    "masked": lambda good: np.ma.masked_invalid(_with(good, np.nan)),
    "0-d": lambda good: np.array(1.5),
    "one more axis": lambda good: np.ones((2, 2, 2)) * 0.5,
    "33 axes": lambda good: np.ones((1,) * 33),
    "one entry too many": lambda good: np.concatenate([np.atleast_1d(_array(good))] * 2)[: np.size(good) + 1],
    "batch that does not broadcast": lambda good: np.stack([_array(good)] * 5),
    "not square": lambda good: np.ones((3, 4)),
    "NaN": lambda good: np.nan,
    "infinity": lambda good: np.inf,
    "minus infinity": lambda good: -np.inf,
    "NaN inside": lambda good: _with(good, np.nan),
    "infinity inside": lambda good: _with(good, np.inf),
    "complex NaN inside": lambda good: _with(good, complex(0.0, np.nan)),
    "zero": lambda good: 0,
    "zero as a float": lambda good: 0.0,
    "zeros": lambda good: np.zeros_like(_array(good)),
    "minus one": lambda good: -1,
    "negative": lambda good: -_array(good),
    "true": lambda good: True,
    "booleans": lambda good: np.ones(3, dtype=bool),
    "float for a count": lambda good: 3.0,
    "half": lambda good: 2.5,
    "denormal": lambda good: 5e-324,
    "denormals": lambda good: np.full(np.shape(_array(good)), 5e-324),
    "largest float": lambda good: np.finfo(float).max,
    "largest floats": lambda good: np.full(np.shape(_array(good)), np.finfo(float).max),
    "1e200": lambda good: 1e200 * _array(good),
    "1e-200": lambda good: 1e-200 * _array(good),
    "huge count": lambda good: HUGE,
    "beyond 64 bits": lambda good: 2**70,
    "beyond float64": lambda good: 10**400,
    "integers float64 cannot hold": lambda good: np.array([2**63 + 1, 1, 1], dtype=np.uint64),
    "terabytes of a view": lambda good: np.broadcast_to(1.0, (HUGE,)),
    "terabytes of rows": lambda good: np.broadcast_to(_array(good), (HUGE, *np.shape(_array(good)))),
    "float16": lambda good: np.sign(_array(good).real).astype(np.float16),
    "longdouble": lambda good: _array(good).astype(np.result_type(_array(good), np.longdouble)),
    "complex without an imaginary part": lambda good: _array(good).real + 0j,
    "complex where real": lambda good: _array(good) * (1 + 0.5j),
    "number for an object": lambda good: 1.5,
    "system": lambda good: ssm.StateSpace(np.eye(3), np.ones(3), np.ones(3)),
    "matrix with a defect": lambda good: np.eye(3) - np.diag(np.ones(2), 1),
    "singular matrix": lambda good: np.ones((3, 3)),
}

SAME: dict[str, Callable[[Any], Any]] = {
    "list": lambda good: _array(good).tolist(),
    "tuple": lambda good: tuple(_array(good)) if np.ndim(good) else _array(good).item(),
    "read-only": _read_only,
    "non-contiguous": _strided,
    "negative strides": _reversed,
    "Fortran order": lambda good: np.asfortranarray(_array(good)),
    "byte-swapped": _swapped,
    "subclass": _subclass,
    "memory view": lambda good: memoryview(_array(good).copy()) if np.ndim(good) else good,
    "NumPy scalar": lambda good: good if np.ndim(good) else _array(good)[()],
    "int16": lambda good: np.round(4 * _array(good).real).astype(np.int64).astype(np.int16),
    "uint64": lambda good: np.round(4 * np.abs(_array(good))).astype(np.uint64),
}

BAD_SYSTEMS: dict[str, Callable[[Any], Any]] = {
    "unstable": lambda good: _scaled(good, -1.0),
    "very unstable": lambda good: _scaled(good, -1e6),
    "stiff": lambda good: _scaled(good, 1e12),
    "at rest": lambda good: _scaled(good, 0.0),
    "huge": lambda good: _scaled(good, 1e300),
    "tiny": lambda good: _scaled(good, 1e-300),
    "silent": lambda good: replace(good, C=np.zeros_like(good.C)),
    "two heads": lambda good: replace(good, C=np.stack([good.C, 2 * good.C])),
    "100 heads": lambda good: replace(good, D=np.zeros(100)),
    "single precision": lambda good: _cast(good),
}


def _scaled(system: Any, factor: float) -> Any:
    """The system with its matrix scaled."""
    names = ("A", "Lambda", "A_bar", "Lambda_bar")
    dynamics = {field.name: factor * getattr(system, field.name) for field in fields(system) if field.name in names}
    forgotten = {"increment": None} if getattr(system, "increment", None) is not None else {}
    return replace(system, **dynamics, **forgotten) if dynamics else system


def _cast(system: Any) -> Any:
    stored = {name: getattr(system, name) for name in system._SPEC if getattr(system, name) is not None}
    return replace(system, **{name: a.astype(f"{a.dtype.kind}{a.dtype.itemsize // 2}") for name, a in stored.items()})


def plain(good: Any, value: Any) -> Any:
    """The good form of a `SAME` value: a plain float64 or complex128 array, or a Python number."""
    array = np.array(np.asarray(value), order="C")
    if array.dtype.kind in "iu":
        array = array.real.astype(float)
    return array.item() if not np.ndim(good) and not array.ndim else array.astype(array.dtype.newbyteorder("="))


def bad_values(good: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of everything to be tried in the place of a good argument."""
    for name, make in BAD.items():
        yield name, make(good)
    if isinstance(good, ssm.StateSpace | ssm.Diagonal | ssm.DPLR | ssm.DiscreteStateSpace):
        for name, make in BAD_SYSTEMS.items():
            yield name, make(good)


def same_values(good: Any) -> Iterator[tuple[str, Any, Any]]:
    """Name, value and plain value of a good array or number in other forms."""
    if isinstance(good, (np.ndarray, float)) and np.asarray(good).dtype.kind in "fc":
        for name, make in SAME.items():
            value = make(good)
            yield name, value, plain(good, value)
