"""What result objects share: their numbers as JSON types."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np


class Result:
    """A frozen dataclass of numbers."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types: lists for arrays, {"real", "imag"} for complex numbers; integers stay exact."""
        return {field.name: plain(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]


def plain(value: Any) -> Any:
    """A value as JSON types; what is not finite becomes None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, np.ndarray):
        return (
            plain(value.tolist()) if value.dtype.kind != "c" else {"real": plain(value.real), "imag": plain(value.imag)}
        )
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, complex):
        return {"real": plain(value.real), "imag": plain(value.imag)}
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


class Number(Result):
    """A result that is one number, `value`, with what belongs to it."""

    value: float

    def __float__(self) -> float:
        return float(self.value)


class SystemResult(Result):
    """A result whose `system` is a state space system, written out by its arrays."""

    system: Any

    def to_dict(self) -> dict[str, Any]:
        """The numbers, and the system by its arrays."""
        arrays = {name: getattr(self.system, name) for name in (*self.system._SPEC, "dt") if hasattr(self.system, name)}
        stored = {name: value for name, value in arrays.items() if value is not None}
        if getattr(self.system, "pairs", None) is not None:
            stored["conjugate_pairs"] = self.system.pairs
        return Result.to_dict(replace(self, system=stored))  # type: ignore[type-var]
