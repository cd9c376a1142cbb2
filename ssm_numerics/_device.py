"""Arrays on a CUDA device, and the stream of a call: the wrappers' side of `backend="cuda"`.

A call with NumPy arrays copies them to the device and the result back. A call with at least one device array (any
object with `__cuda_array_interface__`) runs on the stream that the array names, copies nothing that is there already,
waits for nothing, and returns a device array.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._results import Result

LEADING_AXES = 3
"""Device arrays may have so many axes before the last one; with more, they must be reshaped by the caller."""


def is_device_array(value: Any) -> bool:
    """Whether a value lives on a device; nothing is imported to find out."""
    return hasattr(type(value), "__cuda_array_interface__") or hasattr(value, "copy_to_host")


def on_device(backend: str, *arguments: Any) -> bool:
    """Whether a call runs on a device: it was asked to, or it was given device arrays."""
    _arrays.choice("backend", backend, ("cpu", "cuda"))
    if backend == "cpu" and not any(map(is_device_array, arguments)):
        return False
    _require_device()
    return True


@dataclass(frozen=True)
class CudaInfo(Result):
    """What `cuda_info` found."""

    available: bool
    reason: str
    device: dict[str, Any]

    def __str__(self) -> str:
        lines = [f"{'cuda':<20} {'available' if self.available else f'not available: {self.reason}'}"]
        return "\n".join(lines + [f"{name:<20} {value}" for name, value in self.device.items()])


def cuda_info() -> CudaInfo:
    """Whether `backend="cuda"` works here, and on what device.

    Returns
    -------
    CudaInfo
        `.available`; `.reason`, why not, and what to install; `.device`, name, compute capability, memory and versions.
        It prints readably, and `.to_dict()` is JSON-able.

    Notes
    -----
    Never raises and never imports CUDA before it is called. Numba's simulator (NUMBA_ENABLE_CUDASIM=1) counts as a
    device.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> info = ssm.cuda_info()
    >>> info.available == (info.reason == "")
    True
    """
    from .compiled import _cuda

    obstacle = _cuda.obstacle()
    if obstacle is None:
        return CudaInfo(True, "", _cuda.describe())
    return CudaInfo(False, f"{obstacle}; {REMEDY}", {})


REMEDY = "on a machine with an NVIDIA driver, pip install 'ssm-numerics[cuda12]' or 'ssm-numerics[cuda13]'"


def _require_device() -> None:
    from .compiled import _cuda

    obstacle = _cuda.obstacle()
    if obstacle is not None:
        _arrays.fail("backend", "be cpu, and arrays NumPy's, on this machine", f"{obstacle}: {REMEDY}", RuntimeError)


@dataclass(frozen=True)
class Shaped:
    """A device array as its metadata, which may present its axes in another order."""

    value: Any
    shape: tuple[int, ...]
    dtype: np.dtype
    strides: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)


def numeric(name: str, value: Any, min_ndim: int = 1) -> Any:
    """An argument checked: all of a host array, but only the kind and shape of a device array, not its entries."""
    if not is_device_array(value):
        return _arrays.numeric(name, value, min_ndim=min_ndim)
    described = _interface(value)
    dtype, shape = np.dtype(described["typestr"]), tuple(described["shape"])
    if dtype not in (np.float32, np.float64, np.complex64, np.complex128):
        _arrays.fail(name, "hold float32, float64, complex64 or complex128", f"its dtype is {dtype}", TypeError)
    if not min_ndim <= len(shape) <= 1 + LEADING_AXES:
        _arrays.fail(name, f"have {min_ndim} to {1 + LEADING_AXES} axes on a device", f"its shape is {shape}")
    if 0 in shape:
        _arrays.fail(name, "not be empty", f"its shape is {shape}")
    return Shaped(value, shape, dtype, tuple(described["strides"]))


def time_last(name: str, value: Any, axis: int) -> Any:
    """A signal with its time axis moved to the end; that of a device array is only described so."""
    if not is_device_array(value):
        return _arrays.time_last(name, value, axis)
    signal = numeric(name, value)
    if not -signal.ndim <= _arrays.integer("axis", axis) < signal.ndim:
        _arrays.fail("axis", f"be an axis of `{name}`", f"it is {axis} and `{name}` has shape {signal.shape}")
    order = [i for i in range(signal.ndim) if i != axis % signal.ndim] + [axis % signal.ndim]
    shape, strides = (tuple(x[i] for i in order) for x in (signal.shape, signal.strides))
    return Shaped(value, shape, signal.dtype, strides)


def _interface(value: Any) -> dict[str, Any]:
    from .compiled import _cuda

    return _cuda.interface(value)


class Call:
    """One call: its stream, where its arrays live, and where its result goes."""

    def __init__(self, *arguments: Any) -> None:
        from .compiled import _cuda

        given = [argument.value for argument in arguments if isinstance(argument, Shaped)]
        numbers = [_cuda.interface(value)["stream"] for value in given]
        self._cuda, self._given = _cuda, given
        self._number = next((number for number in numbers if number is not None), None)
        self.stream = _cuda.stream_of(self._number)
        for number in set(numbers) - {None, self._number}:
            _cuda.wait(self.stream, _cuda.stream_of(number))

    def launch(self, kernel: Any, n_blocks: int, block: int, *arguments: Any) -> None:
        """Start a kernel on the call's stream."""
        self._cuda.launch(kernel, n_blocks, block, self.stream, *arguments)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Memory on the device."""
        return self._cuda.empty(shape, dtype, self.stream)

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Zeros on the device."""
        return self._cuda.to_device(np.zeros(shape, dtype), self.stream)

    def to_device(self, array: np.ndarray) -> Any:
        """A host array, contiguous and as it is."""
        return self._cuda.to_device(np.require(array, requirements=["C", "W"]), self.stream)

    def rows(self, value: Any, lead: tuple[int, ...], precision: np.dtype, parts: int = 2) -> Any:
        """An argument (..., n) broadcast to (*lead, n), as contiguous rows (R, n, parts) of real numbers.

        What a device array has as such rows already is not copied.
        """
        whole = (math.prod(lead), value.shape[-1], parts)
        if not isinstance(value, Shaped):
            planes = np.zeros((*lead, value.shape[-1], parts), dtype=precision)
            planes[..., 0] = value.real
            if parts == 2:
                planes[..., 1] = value.imag
            return self.to_device(planes.reshape(whole))
        given = 2 if value.dtype.kind == "c" else 1
        natural = _natural_strides(value.shape, value.dtype.itemsize)
        same = given == parts and _arrays.real_dtype(value.dtype) == precision
        if same and value.strides == natural and math.prod(value.shape[:-1]) == whole[0]:
            return self.view(value.value, whole, _natural_strides(whole, precision.itemsize), precision)
        missing = 1 + LEADING_AXES - value.ndim
        old = zip((1,) * missing + value.shape, (0,) * missing + value.strides, strict=True)
        strides = tuple(stride if n > 1 else 0 for n, stride in old)
        shape = (1,) * (LEADING_AXES - len(lead)) + lead + (value.shape[-1], given)
        real = _arrays.real_dtype(value.dtype)
        return self._pack(self.view(value.value, shape, (*strides, real.itemsize), real), self.empty(whole, precision))

    def packed(self, array: Any, block: int, out: Any) -> Any:
        """out (R, n, parts) from one block of a contiguous array (R, blocks, n, 2), or (R, n, 2)."""
        (n_rows, n, _), dtype = out.shape, np.dtype(out.dtype)
        n_blocks = int(array.size) // (2 * n_rows * n)
        strides = (0, 0, *_natural_strides((n_rows, n_blocks * n, 2), dtype.itemsize))
        offset = block * 2 * n * dtype.itemsize
        return self._pack(self.view(array, (1, 1, n_rows, n, 2), strides, dtype, offset), out)

    def _pack(self, source: Any, out: Any) -> Any:
        from .compiled.cuda import pack

        self.launch(pack.pack_kernel, -(-out.shape[0] * out.shape[1] // pack.BLOCK), pack.BLOCK, source, out)
        return out

    def view(
        self, array: Any, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype, offset: int = 0
    ) -> Any:
        """The memory of a device array, from `offset` bytes on, under another shape."""
        described = {**self._cuda.interface(array), "shape": shape, "strides": strides, "typestr": dtype.str}
        described["data"] = (described["data"][0] + offset, described["data"][1])
        described.pop("descr", None)
        return self._cuda.view(described, array)

    def result(self, out: Any, shape: tuple[int, ...], axis: int = -1) -> Any:
        """What the call returns, of the given shape, from a real array whose last axis of two means complex numbers.

        Its last axis is moved to `axis`.
        """
        dtype = np.dtype(out.dtype)
        dtype = dtype if out.shape[len(out.shape) - 1] == 1 else _arrays.complex_dtype(dtype)
        if not self._given:
            return np.moveaxis(out.copy_to_host(stream=self.stream).view(dtype).reshape(shape), -1, axis)
        library = type(self._given[0]).__module__.partition(".")[0]
        order = list(range(len(shape) - 1))
        order.insert(axis % len(shape), len(shape) - 1)
        strides = _natural_strides(shape, dtype.itemsize)
        described: dict[str, Any] = {
            "shape": tuple(shape[i] for i in order),
            "strides": tuple(strides[i] for i in order),
        }
        described |= {"typestr": dtype.str, "version": 3, "data": self._cuda.interface(out)["data"]}
        described["stream"] = None if library in _VIEWS else self._number
        array = self._cuda.view(described, out)
        return _VIEWS[library](array) if library in _VIEWS else array


def _natural_strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The strides, in bytes, of a contiguous array."""
    return tuple(itemsize * math.prod(shape[i + 1 :]) for i in range(len(shape)))


def _in_cupy(array: Any) -> Any:
    import cupy

    return cupy.asarray(array)


def _in_torch(array: Any) -> Any:
    import torch

    return torch.as_tensor(array, device="cuda")


_VIEWS = {"cupy": _in_cupy, "torch": _in_torch}
"""How the caller's library sees a result; the caller's stream has it in order, so nobody needs to wait."""
