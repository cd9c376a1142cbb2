"""How the package compiles: the one place that decides flags.

Functions release the GIL and are serial; parallelism over a batch comes from threads above them (`_parallel.py`), so no
Numba threading layer is involved and concurrent callers and forked processes are safe. Nothing is cached on disk:
Numba's cache does not notice when a callee in another file changes, and serves stale code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

REASSOCIATE = {"contract", "reassoc", "nsz", "arcp"}
"""Flags that let a sum be vectorized and keep NaN and infinity right."""


COMMON = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
"""NumPy's rules for division by zero, no GIL, and no entry point for C, whose compilation takes a tenth of the time."""


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile with IEEE arithmetic: no reassociation, no contraction, division by zero gives infinity."""
    return numba.njit(**COMMON)(function)


def jit_inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """IEEE arithmetic for short functions that a loop must absorb to be vectorized (error-free transformations)."""
    return numba.njit(**COMMON, forceinline=True)(function)


def jit_fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """IEEE arithmetic with fused multiply-adds, but no reassociation: vectorized across independent results."""
    return numba.njit(**COMMON, fastmath={"contract"})(function)


def jit_fused_inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for short functions that a loop must absorb to be vectorized."""
    return numba.njit(**COMMON, fastmath={"contract"}, forceinline=True)(function)


def jit_sum(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a reduction whose order of summation may change for speed."""
    return numba.njit(**COMMON, fastmath=REASSOCIATE)(function)


def jit_plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile as a user in a hurry would, with every flag for speed: only for what benchmarks compare with."""
    return numba.njit(fastmath=True)(function)
