"""How the package compiles: the one place that decides flags.

Functions release the GIL and are serial; parallelism over a batch comes from threads above them (`_parallel.py`), so no
Numba threading layer is involved and concurrent callers and forked processes are safe. Nothing is cached on disk:
Numba's cache does not notice when a callee in another file changes, and serves stale code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core.registry import CPUDispatcher

REASSOCIATE = {"contract", "reassoc", "nsz", "arcp"}
"""Flags that let a sum be vectorized and keep NaN and infinity right."""

COMMON = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
"""NumPy's rules for division by zero, no GIL, and no entry point for C, whose compilation takes a tenth of the time."""

DRIVER = "_loop"
"""How the names of functions of this package end that are called from Python; the others are parts of them."""


class Part(CPUDispatcher):  # type: ignore[misc]
    """A function without an entry point for Python, whose compilation would take a sixth of the time.

    Compiled code calls it as any other; called from Python it runs as Python.
    """

    def __call__(self, *arguments: Any) -> Any:
        """The function as it is written."""
        return self.py_func(*arguments)


def _compiled(function: Callable[..., Any], **flags: Any) -> Callable[..., Any]:
    is_here = function.__module__.startswith(f"{__package__}.")
    is_part = is_here and not function.__name__.endswith(DRIVER)
    compiled = numba.njit(**COMMON, no_cpython_wrapper=is_part, **flags)(function)
    if is_part and isinstance(compiled, CPUDispatcher):
        compiled.__class__ = Part
    elif is_here and compiled is function and not is_part:  # without the compiler, as silent as with it
        return np.errstate(all="ignore")(function)
    return compiled  # type: ignore[no-any-return]


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile with IEEE arithmetic: no reassociation, no contraction, division by zero gives infinity."""
    return _compiled(function)


def jit_part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile only as a part of its callers, with their flags: by itself it would be compiled once more for nothing."""
    return _compiled(function, inline="always")


def jit_inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """IEEE arithmetic for short functions that a loop must absorb to be vectorized (error-free transformations)."""
    return _compiled(function, forceinline=True)


def jit_fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """IEEE arithmetic with fused multiply-adds, but no reassociation: vectorized across independent results."""
    return _compiled(function, fastmath={"contract"})


def jit_fused_inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for short functions that a loop must absorb to be vectorized."""
    return _compiled(function, fastmath={"contract"}, forceinline=True)


def jit_sum(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a reduction whose order of summation may change for speed."""
    return _compiled(function, fastmath=REASSOCIATE)


def jit_plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile as a user in a hurry would, with every flag for speed: only for what benchmarks compare with."""
    return numba.njit(fastmath=True)(function)  # type: ignore[no-any-return]
