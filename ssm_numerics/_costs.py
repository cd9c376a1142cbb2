"""What elementary work costs, in seconds of one 2020s core; ratios matter, for the choice among methods.

Rates are measured by `python studies/study_crossover.py`, which fails where they mislead.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .state_space import DiscreteDiagonal, DiscreteDPLR
from .structured import DiscreteStructuredStateSpace

GEMM_RATE = 3e10
"""Flops per second in matrix products."""

STEP, STATE, ENTRY, MODE = 8e-8, 5e-9, 2e-10, 2.6e-9
"""Recurrence: seconds per step, per state of a structured step, per matrix entry, and per stored mode and rank."""


def rank(discrete: Any) -> int:
    """The rank of the low-rank part."""
    return int(discrete.P_bar.shape[-1]) if isinstance(discrete, DiscreteDPLR) else 0


def matrices(discrete: Any) -> int:
    """How many different matrices A_bar the heads have."""
    if isinstance(discrete, DiscreteStructuredStateSpace):
        return int(np.size(discrete.dt))
    return int(
        np.prod(discrete.Lambda_bar.shape[:-1] if hasattr(discrete, "Lambda_bar") else discrete.A_bar.shape[:-2])
    )


def seconds_of_steps(discrete: Any, length: int) -> float:
    """The recurrence for every head."""
    n = discrete.n_states
    if isinstance(discrete, (DiscreteDiagonal, DiscreteDPLR)):
        step = MODE * discrete.C.shape[-1] * (1 + rank(discrete))
    elif isinstance(discrete, DiscreteStructuredStateSpace):
        step = STATE * n
    else:
        step = (ENTRY * n**2 + 1.5 * STATE * n) * (1 if discrete.output_dtype.kind == "f" else 4)
    return int(np.prod(discrete.batch_shape)) * length * (STEP + step)


def seconds_of_squarings(discrete: Any, length: int) -> float:
    """All squares of A_bar up to the power `length`, of every matrix once."""
    arithmetic = 1 if discrete.output_dtype.kind == "f" else 4
    return arithmetic * matrices(discrete) * 2.0 * discrete.n_states**3 * np.log2(2 * length) / GEMM_RATE
