"""The only place that imports `numba.cuda`: kernels are compiled, launched and fed through here.

The package numba-cuda provides `numba.cuda`; should a successor take another name, the import below changes. Kernels
are decorated without signatures, so that importing them needs no driver, and read and write real arrays only: complex
numbers are a last axis of two. With NUMBA_ENABLE_CUDASIM=1 all of it runs on Numba's simulator.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
from numba import config, cuda, types

from . import double_word
from ._jit import jit

SIMULATED = bool(config.ENABLE_CUDASIM)
"""Whether the simulator stands for the device; it starts a Python thread per CUDA thread, so its blocks are small."""

MAX_BLOCKS = 2**16
"""Kernels loop over whatever lies beyond this many blocks."""


class _Quiet:
    """A kernel for the simulator, whose threads would otherwise warn where arithmetic over- or underflows."""

    def __init__(self, function: Callable[..., None]) -> None:
        self.function, self.__globals__ = function, function.__globals__
        functools.update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> None:
        with np.errstate(all="ignore"):
            self.function(*arguments)


def kernel(function: Callable[..., None]) -> Any:
    """Compile a CUDA kernel at its first launch."""
    return cuda.jit(_Quiet(function) if SIMULATED else function)


def device_function(function: Callable[..., Any]) -> Any:
    """A function for kernels of the same file, which may use barriers."""
    return function if SIMULATED else cuda.jit(device=True)(function)


def device_form(function: Any, **replaced: Any) -> Any:
    """A compiled function of the CPU for the device, with some of the functions that it calls replaced.

    NVVM fuses multiplications and additions in any case; a function that asks for it would get inexact division too.
    """
    python = getattr(function, "py_func", function)
    return jit(FunctionType(python.__code__, {**python.__globals__, **replaced}, python.__name__))


def two_product(a: Any, b: Any) -> tuple[Any, Any]:
    """The rounded product and its rounding error, exactly, in either precision.

    On the device the product is one that no compiler may fuse, and the error comes from a fused multiply-add; this body
    is the simulator's.
    """
    if type(a) is not np.float32:
        return double_word.two_product(a, b)
    product = a * b
    return product, np.float32(np.float64(a) * np.float64(b) - np.float64(product))


if not SIMULATED:
    from numba.cuda import libdevice
    from numba.extending import overload

    @overload(two_product, target="cuda")
    def _two_product(a: Any, b: Any) -> Any:
        if a == types.float32:

            def exact(a: Any, b: Any) -> tuple[Any, Any]:
                product = libdevice.fmul_rn(a, b)
                return product, cuda.fma(a, b, -product)
        else:

            def exact(a: Any, b: Any) -> tuple[Any, Any]:
                product = libdevice.dmul_rn(a, b)
                return product, cuda.fma(a, b, -product)

        return exact


times = device_form(double_word.times, two_product=two_product)
"""The product of two complex double-words; two words of single precision where the arguments are single."""


def launch(kernel_function: Any, n_blocks: int, block: Any, stream: Any, *arguments: Any) -> None:
    """Start a kernel on a stream, on no more than MAX_BLOCKS blocks; nothing starts where there is no work."""
    if n_blocks > 0:
        kernel_function[min(n_blocks, MAX_BLOCKS), block, stream](*arguments)


def obstacle() -> str | None:
    """What keeps this machine from running kernels, or None."""
    if SIMULATED:
        return None
    if cuda.implementation == "Built-in":
        return "the package numba-cuda is not installed"
    if not cuda.is_available():
        return "no CUDA driver with a device was found"
    return None


def describe() -> dict[str, Any]:
    """Name, compute capability and memory of the current device, and the versions behind it."""
    if SIMULATED:
        return {"name": "simulator"}
    device, (free, total) = cuda.get_current_device(), cuda.current_context().get_memory_info()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    return {
        "name": name,
        "compute_capability": tuple(device.compute_capability),
        "multiprocessors": int(device.MULTIPROCESSOR_COUNT),
        "memory_bytes": int(total),
        "free_bytes": int(free),
        "runtime": ".".join(map(str, cuda.runtime.get_version())),
    }


def empty(shape: Any, dtype: Any, stream: Any) -> Any:
    """An array on the device, not initialized."""
    return cuda.device_array(shape, dtype, stream=stream)


def to_device(array: np.ndarray, stream: Any) -> Any:
    """A copy of a contiguous host array."""
    return cuda.to_device(array, stream=stream)


def interface(value: Any) -> dict[str, Any]:
    """The CUDA array interface of a device array, its strides written out."""
    described = value.__array_interface__ if _is_simulated(value) else value.__cuda_array_interface__
    described = {"strides": None, "stream": None, **described}
    if described["strides"] is None:
        itemsize, shape = np.dtype(described["typestr"]).itemsize, described["shape"]
        described["strides"] = tuple(itemsize * int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    return described


def view(described: dict[str, Any], owner: Any) -> Any:
    """The device array that an interface describes, without a copy or a synchronization; `owner` is kept alive."""
    if not SIMULATED:
        return cuda.from_cuda_array_interface(described, owner=owner, sync=False)
    host = np.asarray(_Host(described, owner))
    return cuda.cudadrv.devicearray.FakeCUDAArray(host)


class _Host:
    """Memory of the simulated device, as NumPy reads it."""

    def __init__(self, described: dict[str, Any], owner: Any) -> None:
        self.__array_interface__ = {**described, "version": 3}
        self.owner = owner


def _is_simulated(value: Any) -> bool:
    return SIMULATED and not hasattr(type(value), "__cuda_array_interface__") and hasattr(value, "copy_to_host")


def stream_of(number: int | None) -> Any:
    """A stream by its number in the CUDA array interface: 1 is the legacy default, 2 the one of the thread."""
    if number is None:
        return 0
    defaults = {1: cuda.legacy_default_stream, 2: cuda.per_thread_default_stream} if not SIMULATED else {}
    return 0 if SIMULATED else defaults[number]() if number in defaults else cuda.external_stream(number)


def wait(stream: Any, other: Any) -> None:
    """Let a stream wait on the device for what another one has been given so far."""
    event = cuda.event(timing=False) if not SIMULATED else cuda.event()
    event.record(other)
    event.wait(stream)
