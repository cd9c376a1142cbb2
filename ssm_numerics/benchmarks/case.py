"""What a benchmark is: a task with its sizes, those that do it, and how far each may be from the truth."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np

U = 2.0**-53
U32 = 2.0**-24
OURS = "ssm-numerics"
"""The implementation that ratios are taken against."""


@dataclass(frozen=True)
class Implementation:
    """One way to do a task.

    Parameters
    ----------
    call : callable
        From the case's prepared inputs to the output.
    slack : float or callable of the sizes
        Allowed error in units of `unit` times the case's scale.
    needs : str
        A module that must be installed.
    units : int or None
        How many units (heads or samples) are run where all would take too long; times are scaled, and the row says so.
    unit : float
        The unit roundoff of its arithmetic.
    note : str
        What a reader must know about this row.
    limit : bool
        Not an implementation but bare library calls of the same size, with an output that means nothing.
    """

    call: Callable[[Any], Any]
    slack: Any
    needs: str = "numpy"
    units: int | None = None
    unit: float = U
    note: str = ""
    limit: bool = False

    @property
    def installed(self) -> bool:
        """Whether what it needs is there."""
        return find_spec(self.needs) is not None


@dataclass(frozen=True)
class Case:
    """One task: how to make its inputs, who does it, and the truth.

    `prepare(**sizes)` returns the inputs, `reference(inputs)` the exact value of `checked(output)`, and
    `scale(inputs, exact)` the quantity that errors are relative to. `cut` names the size that may be cut down for slow
    implementations.
    """

    name: str
    title: str
    sizes: Mapping[str, int]
    small: Mapping[str, int]
    prepare: Callable[..., Any]
    flops: Callable[..., float]
    reference: Callable[[Any], np.ndarray]
    checked: Callable[[Any], np.ndarray]
    scale: Callable[[Any, np.ndarray], Any]
    implementations: Mapping[str, Implementation]
    cut: str = "H"
    targets: Mapping[str, float] = field(default_factory=dict)

    def available(self) -> dict[str, Implementation]:
        """The implementations whose packages are installed."""
        return {name: each for name, each in self.implementations.items() if each.installed}

    def sizes_of(self, implementation: Implementation, sizes: Mapping[str, int]) -> dict[str, int]:
        """The sizes an implementation is run on."""
        if implementation.units is None:
            return dict(sizes)
        return {**sizes, self.cut: min(implementation.units, sizes[self.cut])}

    def error(self, implementation: Implementation, output: Any, inputs: Any, exact: np.ndarray) -> float:
        """The largest error of an output, in units of its unit roundoff times the scale."""
        difference = np.abs(np.asarray(self.checked(output)) - exact)
        return float((difference / self.scale(inputs, exact)).max()) / implementation.unit

    def allowed(self, implementation: Implementation, sizes: Mapping[str, int]) -> float:
        """The error an implementation may have, in the same units."""
        slack = implementation.slack
        return float(slack(**sizes) if callable(slack) else slack)


def single(array: np.ndarray) -> np.ndarray:
    """The numbers rounded to single precision but held in double, so that both precisions work on the same ones."""
    return array.astype(np.complex64 if np.iscomplexobj(array) else np.float32).astype(array.dtype)


def narrow(array: np.ndarray) -> np.ndarray:
    """The same numbers held in single precision."""
    return array.astype(np.complex64 if np.iscomplexobj(array) else np.float32)


def draw(name: str, *shape: int) -> np.ndarray:
    """Normal random numbers that depend on the name and the shape only."""
    return np.random.default_rng(zlib.crc32(name.encode())).normal(size=shape)


def uniform(name: str, least: float, most: float, *shape: int) -> np.ndarray:
    """The same, uniform in an interval."""
    return np.random.default_rng(zlib.crc32(name.encode())).uniform(least, most, size=shape)
