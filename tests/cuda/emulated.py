"""A device made of NumPy arrays and the kernels' generated code on this processor, for the whole path of a call.

Memory comes filled with NaN, the grid is cut to a few blocks, so that kernels have more work than it covers, and
streams are recorded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ssm_numerics.compiled import _cuda

from . import on_cpu

LARGEST_GRID = 3


class DeviceArray(np.ndarray):
    """NumPy memory that plays device memory; `stream` is what its interface names."""

    stream: int | None = None

    def copy_to_host(self, stream: Any = None) -> np.ndarray:
        """Its numbers."""
        return np.array(self.view(np.ndarray))

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        described = {"shape": self.shape, "strides": self.strides, "typestr": self.dtype.str, "version": 3}
        return {**described, "data": (self.ctypes.data, False), "stream": self.stream}


class _Host:
    def __init__(self, described: dict[str, Any], owner: Any) -> None:
        self.__array_interface__, self.owner = {**described, "version": 3}, owner


def on_device(array: Any, stream: int | None = None) -> DeviceArray:
    """A device array with the memory layout of a host array."""
    there = np.asarray(array).view(DeviceArray)
    there.stream = stream
    return there


def install(patch: pytest.MonkeyPatch, fused: bool = False) -> list[Any]:
    """Put the emulated device in place of CUDA; the list returned grows by (kernel's name, stream) per launch."""
    launches: list[Any] = []

    def launch(kernel: Any, n_blocks: int, block: int, stream: Any, *arguments: Any) -> None:
        launches.append((kernel.py_func.__name__, stream))
        if n_blocks > 0:
            plain = tuple(a.view(np.ndarray) if isinstance(a, np.ndarray) else a for a in arguments)
            on_cpu.run(kernel.py_func.__name__, plain, min(n_blocks, LARGEST_GRID), block, fused)

    def empty(shape: Any, dtype: Any, stream: Any) -> DeviceArray:
        return np.full(shape, np.nan, dtype).view(DeviceArray)

    patch.setattr(_cuda, "obstacle", lambda: None)
    patch.setattr(_cuda, "empty", empty)
    patch.setattr(_cuda, "to_device", lambda array, stream: np.array(array, order="C").view(DeviceArray))
    patch.setattr(_cuda, "view", lambda described, owner: np.asarray(_Host(described, owner)).view(DeviceArray))
    patch.setattr(_cuda, "stream_of", lambda number: number)
    patch.setattr(_cuda, "wait", lambda stream, other: launches.append(("wait", stream, other)))
    patch.setattr(_cuda, "launch", launch)
    return launches
