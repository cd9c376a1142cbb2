"""What a check returns: numbers, the worst and the smallest failing case, and the likely cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._results import Result, plain


@dataclass(frozen=True)
class Report(Result):
    """What a check found; made by the `check_…` functions.

    Attributes
    ----------
    check : str
        Which check, with its options.
    cases, failures : int
        How many cases were tried, and how many missed their bound.
    dtype : str
        Dtype of the callable's output; errors are in its eps (2^-52 for double, 2^-23 for single precision).
    error, bound : float, eps
        Of the worst case (the one with the largest ratio of the two): largest error over largest entry of the
        reference, and what rounding in any order explains.
    worst, smallest : dict
        The worst case, and the smallest that fails (empty if none does): arrays as the callable got them.
    cause : str
        The likely cause of failure in one sentence, "" if the check passed.
    causes : tuple of str
        Names of all explanations that fit every case, from the table of `ssm_numerics.testing.faults()`; two names
        joined by " + " are two faults at once.
    errors, bounds : list of float, eps
        Of all cases, in ascending order of their size; an error is NaN where the callable returned nothing to compare.
    """

    check: str
    cases: int
    failures: int
    dtype: str
    error: float
    bound: float
    worst: dict[str, Any]
    smallest: dict[str, Any]
    cause: str
    causes: tuple[str, ...]
    errors: list[float]
    bounds: list[float]

    @property
    def passed(self) -> bool:
        """Whether every case kept its bound."""
        return self.failures == 0

    def to_dict(self) -> dict[str, Any]:
        """The numbers and words as JSON types."""
        return {"passed": self.passed, **super().to_dict()}

    def raise_if_failed(self) -> Report:
        """Itself, or an AssertionError that says what this report says."""
        if not self.passed:
            raise AssertionError(str(self))
        return self

    def plot(self, ax: Any = None) -> Any:
        """Draw errors and bounds of all cases; returns the matplotlib axes."""
        from .. import _diagnostic_plots

        return _diagnostic_plots.check_report(self, ax)

    def __str__(self) -> str:
        verdict = "passed" if self.passed else f"FAILED in {self.failures} of"
        lines = [
            f"{self.check}: {verdict} {self.cases} cases, output {self.dtype}",
            f"  worst error {self.error:.3g} eps, bound {self.bound:.3g} eps, at {_title(self.worst)}",
        ]
        if not self.passed:
            lines.append(f"  likely cause: {self.cause}")
            lines.append(f"  smallest failing case: {_title(self.smallest)}")
            lines += [f"    {name} = {_short(value)}" for name, value in self.smallest.items() if name not in _TITLE]
        return "\n".join(lines)


_TITLE = ("regime", "of", "system")


def _title(case: dict[str, Any]) -> str:
    sizes = [f"N = {case['B'].size}"] if isinstance(case.get("B"), np.ndarray) else []
    sizes += [f"{name} = {case[name]!r}" for name in ("family", "N", "L", "dt") if name in case]
    words = [str(case[name]) for name in ("of", "regime") if case.get(name)]
    return ", ".join(sizes) + (f" ({', '.join(words[:1])})" if words else "")


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=8, separator=", ", threshold=20, max_line_width=100).replace("\n", "")
    return str(plain(value))
