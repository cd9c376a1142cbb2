"""What elementary work costs, in seconds of one 2020s core; ratios matter, for the choice among methods.

Rates are measured by `python studies/study_crossover.py`, which fails where they mislead.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .state_space import DiscreteDiagonal, DiscreteDPLR, DiscreteStateSpace
from .structured import DiscreteStructuredStateSpace

GEMM_RATE = 3e10
"""Flops per second in matrix products."""

SQUARED_ENTRY, FORMED_ENTRY = 3e-9, 1e-8
"""Per entry of a matrix: what a square costs besides its product; forming the dense matrix of a structured system."""

STEP, STATE, ENTRY, MODE = 8e-8, 4e-9, 1.4e-10, 1.8e-9
"""Recurrence: seconds per step, per state of a structured step, per matrix entry, and per stored mode."""

CACHED_MODES, BEYOND = 256, 2.0
"""Stored modes whose parameters stay in the first-level cache; more of them cost so many times as much."""


def rank(discrete: Any) -> int:
    """The rank of the low-rank part."""
    return int(discrete.P_bar.shape[-1]) if isinstance(discrete, DiscreteDPLR) else 0


def matrices(discrete: Any) -> int:
    """How many different matrices A_bar the heads have."""
    if isinstance(discrete, DiscreteStructuredStateSpace):
        return int(np.size(discrete.dt))
    return int(
        math.prod(discrete.Lambda_bar.shape[:-1] if hasattr(discrete, "Lambda_bar") else discrete.A_bar.shape[:-2])
    )


def seconds_of_steps(discrete: Any, length: int) -> float:
    """The recurrence for every head."""
    n, is_real = discrete.n_states, discrete.output_dtype.kind == "f"
    if isinstance(discrete, (DiscreteDiagonal, DiscreteDPLR)):
        modes = discrete.C.shape[-1] * (1 if is_real else 2)
        step = MODE * modes * (1 + 0.5 * rank(discrete)) * (1 if modes <= CACHED_MODES else BEYOND)
    elif isinstance(discrete, DiscreteStructuredStateSpace):
        step = STATE * n
    else:
        step = (ENTRY * n**2 + STATE * n) * (1 if is_real else 4)
    return math.prod(discrete.batch_shape) * length * (STEP + step)


def seconds_of_squares(discrete: Any, squares: float) -> float:
    """So many squarings of A_bar, of every matrix once."""
    arithmetic = 1 if discrete.output_dtype.kind == "f" else 4
    n = discrete.n_states
    formed = 0.0 if isinstance(discrete, DiscreteStateSpace) else FORMED_ENTRY
    each = n**2 * (squares * (2.0 * n / GEMM_RATE + SQUARED_ENTRY) + formed)
    return float(arithmetic * matrices(discrete) * each)
