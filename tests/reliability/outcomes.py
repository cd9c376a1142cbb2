"""Results taken apart into arrays, compared bit for bit, and searched for NaN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def parts(value: Any, name: str = "") -> dict[str, Any]:
    """Every number in a result, by where it stands; arrays are copied. What holds no number is left out."""
    if isinstance(value, (np.ndarray, np.generic)):
        large = value.nbytes > 2**24
        return {name: (value.shape, value.dtype) if large else np.array(value, copy=True)}
    if isinstance(value, (bool, int, float, complex, str)):
        return {name: value}
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, (tuple, list)):
        items = enumerate(value)
    elif is_dataclass(value) and not isinstance(value, type):
        items = ((field.name, getattr(value, field.name)) for field in fields(value) if not field.name.startswith("_"))
    elif type(value).__module__.startswith("ssm_numerics") and not isinstance(value, type):
        items = vars(value).items()
    else:
        return {}
    found: dict[str, Any] = {}
    for key, item in items:
        found |= parts(item, f"{name}.{key}")
    return found


def differences(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """Where two results differ in a bit, in kind or in what they have."""
    return [name for name in a.keys() | b.keys() if name not in a or name not in b or not _same(a[name], b[name])]


def _same(a: Any, b: Any) -> bool:
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return type(a) is type(b) and (a == b or (a != a and b != b))
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def has_nan(value: Any) -> bool:
    """Whether a number in a result is undefined."""
    return any(
        np.asarray(part).dtype.kind in "fc" and bool(np.isnan(part).any())
        for part in parts(value).values()
        if isinstance(part, (np.ndarray, float, complex))
    )
