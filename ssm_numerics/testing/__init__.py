"""Tests for state space code, this package's and anyone's: strategies, checks that name the fault, conventions.

Checks take a callable and return a `Report`: :func:`check_kernel`, :func:`check_recurrence`,
:func:`check_discretization`, :func:`check_equivalence`, :func:`check_nplr`, :func:`check_hippo`,
:func:`check_vandermonde`, :func:`check_cauchy`. :func:`identify_convention` names the conventions of a callable. They
need no test framework.
Strategies (:func:`systems`, :func:`step_sizes`, :func:`signals`, ...) need Hypothesis, and are loaded at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ._catalogue import faults
from ._equivalence import check_equivalence
from ._forms import check_hippo, check_nplr
from ._identify import Convention, identify_convention
from ._probes import REGIMES, SYSTEMS
from ._report import Report
from ._sums import check_cauchy, check_vandermonde
from .checks import check_discretization, check_kernel, check_recurrence

_STRATEGIES = (
    "batches",
    "diagonal_inits",
    "discrete_systems",
    "general_dplr",
    "hippo_operators",
    "hippo_systems",
    "lengths",
    "rules",
    "signals",
    "step_sizes",
    "stiff_systems",
    "systems",
)

__all__ = [
    "REGIMES",
    "SYSTEMS",
    "Convention",
    "Report",
    "check_cauchy",
    "check_discretization",
    "check_equivalence",
    "check_hippo",
    "check_kernel",
    "check_nplr",
    "check_recurrence",
    "check_vandermonde",
    "faults",
    "identify_convention",
    *_STRATEGIES,
]


def __getattr__(name: str) -> Any:
    if name in (*_STRATEGIES, "DTYPES", "KINDS"):
        return getattr(import_module(".strategies", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
