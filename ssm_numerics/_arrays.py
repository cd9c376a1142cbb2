"""Argument checks, dtype rules, and every error sentence of the package.

A check either returns the value in the one form the rest of the package works with (a C-contiguous, native-endian array
of float32, float64, complex64 or complex128, never the caller's own memory made writable) or raises one sentence that
names the argument, the rule and the offending value.
"""

from __future__ import annotations

import math
import operator
import sys
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ._parallel import over_rows, serial_blas

DEFAULT_MAX_MEMORY = 8.0 * 2**30
"""Requests that would allocate more than this many bytes are refused before they allocate."""

CACHE_LINE = 64
"""Bytes."""

SUMMED_SIZE = 4096
"""Up to so many entries one pass of BLAS is faster than a pass of NumPy and its temporary array."""

PART, PARTS = 2**16, 64
"""A large array, of so many parts or more, is read by as many threads as there are."""

_SILENT = ContextVar("_SILENT", default=False)

MOST_AXES = 24
"""NumPy has 64, its broadcasting 32, and the package adds some of its own."""

_SINGLE, _DOUBLE = (np.dtype(np.float32), np.dtype(np.complex64)), (np.dtype(np.float64), np.dtype(np.complex128))
_REAL = {dtype: precision[0] for precision in (_SINGLE, _DOUBLE) for dtype in precision}
_COMPLEX = {dtype: precision[1] for precision in (_SINGLE, _DOUBLE) for dtype in precision}


class UnstableDiscretizationWarning(UserWarning):
    """A discretized system has a spectral radius above one, so its response grows without bound."""


class ConditioningWarning(UserWarning):
    """A result rests on an ill-conditioned transformation and may have few correct digits."""


def fail(name: str, rule: str, found: str, kind: type[Exception] = ValueError) -> NoReturn:
    """Raise the house's error sentence: `name` must <rule>, but <found>."""
    raise kind(f"`{name}` must {rule}, but {found}.")


def shown(value: Any, length: int = 40) -> str:
    """The kind of a value and the beginning of its repr on one line, whatever the value is."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a value's own repr may fail in any way; the error about the value must not
        text = ""
    return f"{type(value).__name__} {text[:length]}".strip()


@contextmanager
def unwarned() -> Iterator[None]:
    """No warning of the package inside, in this thread and task alone: `warnings.catch_warnings` is everyone's."""
    token = _SILENT.set(True)
    try:
        yield
    finally:
        _SILENT.reset(token)


def warn(text: str, category: type[Warning]) -> None:
    """Warn where the package was called, so that each such place is warned about once."""
    if _SILENT.get():
        return
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)


def is_weak(value: Any) -> bool:
    """Whether a value is a Python scalar, which adapts to the dtype of the arrays beside it (NumPy 2 promotion)."""
    return isinstance(value, (int, float, complex)) and not isinstance(value, np.generic)


def numeric(name: str, value: Any, *, min_ndim: int = 0, real: bool = False) -> np.ndarray:
    """A finite, non-empty, C-contiguous array of one of the four inexact dtypes; integers become float64."""
    if type(value) is np.ndarray and _is_plain(value, min_ndim, real):
        return value
    if value is None or isinstance(value, (str, bytes, dict, set)):
        fail(name, "be an array of numbers", f"it is {shown(value)}", TypeError)
    if isinstance(value, np.ma.MaskedArray):
        fail(name, "be a plain array (fill or drop masked entries first)", "it is a masked array", TypeError)
    array = readable(name, value)
    if array.ndim > MOST_AXES:
        fail(name, f"have at most {MOST_AXES} axes", f"it has {array.ndim}")
    if array.dtype.kind in "iu":
        array = exact_float(name, array)
    if array.dtype.newbyteorder("=") not in _REAL:
        fail(name, "hold float32, float64, complex64, complex128 or integers", f"its dtype is {array.dtype}", TypeError)
    if real and array.dtype.kind == "c":
        fail(name, "be real", f"its dtype is {array.dtype}", TypeError)
    if array.ndim < min_ndim:
        fail(name, f"have at least {min_ndim} dimension{'s' * (min_ndim > 1)}", f"its shape is {array.shape}")
    if array.size == 0:
        fail(name, "not be empty", f"its shape is {array.shape}")
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(map(int, np.unravel_index(int(np.argmin(finite)), array.shape)))
        fail(name, "be finite", f"{f'its entry {where}' if where else 'it'} is {array[where]}")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(array.shape)


def readable(name: str, value: Any) -> np.ndarray:
    """What NumPy makes of a value; its conversion may fail in any way, since objects bring their own.

    A view of a few numbers may have any size: what would not fit into memory is refused before it is read.
    """
    try:
        array = np.asarray(value)
    except Exception as error:
        found = f"NumPy cannot read {shown(value)} ({type(error).__name__})"
        fail(name, "be a rectangular array of numbers", found, TypeError)
    memory(name, array.size * (array.itemsize + 1.0))
    return array


def mask(name: str, value: Any) -> np.ndarray:
    """An array of booleans, and of nothing that merely counts as them."""
    array = readable(name, value)
    if array.dtype != np.bool_:
        fail(name, "be an array of booleans", f"its dtype is {array.dtype}", TypeError)
    return array


def _is_plain(array: np.ndarray, min_ndim: int, real: bool) -> bool:
    """Whether nothing is to be said about an array or done to it."""
    dtype = array.dtype
    if dtype not in _REAL or (real and dtype.kind == "c") or not (array.size and array.flags.c_contiguous):
        return False
    return min_ndim <= array.ndim <= MOST_AXES and all_finite(array)


def all_finite(array: np.ndarray) -> bool:
    """Whether no entry is NaN or infinite; sums of squares usually say so, in less time than NumPy takes."""
    if array.flags.c_contiguous:
        if array.size <= SUMMED_SIZE:
            is_known = math.isfinite(np.vdot(array, array).real)
        else:
            is_known = array.size >= PART * PARTS and _is_finite_by_parts(array.reshape(-1))
        if is_known:
            return True
    return bool(np.isfinite(array).all())


def _is_finite_by_parts(flat: np.ndarray) -> bool:
    sums: list[float] = []

    def look(begin: int, end: int) -> None:
        parts = (flat[i * PART : (i + 1) * PART] for i in range(begin, end))
        sums.extend(np.vdot(part, part).real for part in parts)

    with serial_blas():
        over_rows(look, -(-flat.size // PART), 10.0 * flat.size)
    return all(map(math.isfinite, sums))


def exact_float(name: str, array: np.ndarray) -> np.ndarray:
    """Integers as float64, refused where float64 cannot hold them exactly."""
    if array.size and max(-int(array.min()), int(array.max())) > 2**53:
        fail(name, "hold integers that float64 represents exactly", f"it reaches {array.max()}")
    return array.astype(np.float64)


def working_dtype(*values: Any) -> np.dtype:
    """The one dtype of a computation: single precision only if every array is single; Python scalars adapt."""
    dtypes = {value.dtype for value in values if type(value) is np.ndarray}
    if len(dtypes) == 1 and dtypes <= _REAL.keys() and all(type(value) is np.ndarray for value in values):
        return dtypes.pop()
    kinds = [value if is_weak(value) else getattr(value, "dtype", None) or np.asarray(value).dtype for value in values]
    kinds = [np.float64 if isinstance(kind, np.dtype) and kind.kind in "iu" else kind for kind in kinds]
    if all(is_weak(value) for value in values):
        kinds.append(np.dtype(np.float64))
    return np.result_type(np.float32, *kinds)


def real_dtype(dtype: Any) -> np.dtype:
    """float32 for float32 and complex64, float64 for float64 and complex128."""
    return _REAL[np.dtype(dtype)]


def complex_dtype(dtype: Any) -> np.dtype:
    """complex64 for single precision, complex128 for double."""
    return _COMPLEX[np.dtype(dtype)]


def owned(array: Any, dtype: Any = None) -> np.ndarray:
    """A read-only, contiguous copy that no caller can change behind an object's back."""
    copy = np.array(array, dtype=dtype, order="C", copy=True)
    copy.setflags(write=False)
    return copy


def owned_within(name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """`owned` in a dtype that has to hold every entry: a Python number adapts to single precision, if it fits."""
    if array.dtype == dtype:
        return owned(array)
    with np.errstate(over="ignore"):
        copy = owned(array, dtype)
    if not all_finite(copy):
        fail(name, f"fit into {dtype}, the dtype of the other arrays", f"it reaches {np.abs(array).max():.3g}")
    return copy


def writable(array: np.ndarray, dtype: Any) -> np.ndarray:
    """The array as loops are compiled for: contiguous and writable, whatever it was, so that they compile once."""
    ready = np.asarray(array, dtype, order="C")
    return ready if ready.flags.writeable else ready.copy()


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Work space that begins at a line of the cache: vectors stored across two lines take twice the time."""
    size, item = math.prod(shape), np.dtype(dtype).itemsize
    space = np.empty(size + CACHE_LINE // item, dtype=dtype)
    first = -space.__array_interface__["data"][0] % CACHE_LINE // item
    return space[first : first + size].reshape(shape)


def steps(dt: Any, name: str = "dt", zero: bool = False) -> np.ndarray:
    """Positive (or, with `zero`, non-negative), finite, real step sizes in float64, one or one per head."""
    if type(dt) is float and 0.0 < dt < math.inf:
        return np.array(dt)
    array = numeric(name, dt, real=True).astype(np.float64)
    if not ((array > 0) | (zero & (array == 0))).all():
        fail(name, "be positive", f"its least entry is {array.min()}")
    return array


def integer(name: str, value: Any) -> int:
    """An integer of at most 64 bits; floats and booleans are refused."""
    if isinstance(value, (bool, np.bool_)):
        fail(name, "be an integer", f"it is {value}", TypeError)
    try:
        number = operator.index(value)
    except TypeError:
        fail(name, "be an integer", f"it is {shown(value)}", TypeError)
    if number.bit_length() > 63:
        fail(name, "fit into 64 bits", f"it has {number.bit_length()} bits")
    return number


def flag(name: str, value: Any) -> bool:
    """True or False, nothing that merely counts as one of them."""
    if not isinstance(value, (bool, np.bool_)):
        fail(name, "be True or False", f"it is {shown(value)}", TypeError)
    return bool(value)


def count(name: str, value: Any, least: int = 1) -> int:
    """An integer of at least `least`."""
    number = integer(name, value)
    if number < least:
        fail(name, f"be at least {least}", f"it is {number}")
    return number


def real_number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    below: float | None = None,
    least: float | None = None,
    most: float | None = None,
) -> float:
    """One finite real number, with open (`above`, `below`) or closed (`least`, `most`) bounds."""
    if type(value) is float and math.isfinite(value):
        number = value
    else:
        array = numeric(name, value, real=True)
        if array.ndim:
            fail(name, "be one number", f"its shape is {array.shape}")
        number = float(array)
    if above is not None and not number > above:
        fail(name, f"be greater than {above}", f"it is {number}")
    if below is not None and not number < below:
        fail(name, f"be less than {below}", f"it is {number}")
    if least is not None and not number >= least:
        fail(name, f"be at least {least}", f"it is {number}")
    if most is not None and not number <= most:
        fail(name, f"be at most {most}", f"it is {number}")
    return number


def choice(name: str, value: Any, options: Collection[str]) -> str:
    """One of the valid words; the error lists them all."""
    if not isinstance(value, str):
        fail(name, f"be one of {', '.join(options)}", f"it is {shown(value)}", TypeError)
    if value not in options:
        fail(name, f"be one of {', '.join(options)}", f"it is {value!r:.40}")
    return value


def words(name: str, values: Any, options: Collection[str]) -> tuple[str, ...]:
    """At least one of the valid words, in a tuple or a list."""
    if not isinstance(values, (tuple, list)) or not values:
        kind = ValueError if isinstance(values, (tuple, list)) else TypeError
        fail(name, "be a tuple of words, at least one", f"it is {shown(values)}", kind)
    return tuple(choice(name, value, options) for value in values)


def function(name: str, value: Any) -> None:
    """Something that can be called."""
    if not callable(value):
        fail(name, "be a function", f"it is {shown(value)}", TypeError)


def path(name: str, value: Any, of: str = "file") -> Path:
    """The name of a file or a folder."""
    try:
        return Path(value)
    except TypeError:
        fail(name, f"be the name of a {of}", f"it is {type(value).__name__}", TypeError)


def square(name: str, array: np.ndarray) -> int:
    """The order N of a stack of square matrices (..., N, N)."""
    if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
        fail(name, "have shape (..., N, N)", f"its shape is {array.shape}")
    return int(array.shape[-1])


def trailing(name: str, array: np.ndarray, shape: tuple[int, ...], of: str) -> None:
    """Check the last axes of an array against the sizes that another argument fixed."""
    if array.shape[array.ndim - len(shape) :] != shape or array.ndim < len(shape):
        wanted = ", ".join(["...", *map(str, shape)])
        fail(name, f"have shape ({wanted}) to match {of}", f"its shape is {array.shape}")


def batch(**shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The common batch shape of named leading axes."""
    different = {shape for shape in shapes.values() if shape}
    if len(different) <= 1:
        return different.pop() if different else ()
    try:
        return np.broadcast_shapes(*different)
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        names = "`, `".join(shapes)
        raise ValueError(f"`{names}` must have leading axes that broadcast, but these are {listed}.") from None


def row_index(shape: tuple[int, ...], batch: tuple[int, ...]) -> np.ndarray:
    """For every row of the batch, the number of the entry of a smaller array that broadcasts to it."""
    numbers = np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
    return writable(spread(numbers, batch).reshape(-1), np.int64)


def spread(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array broadcast to a shape; where it only lacks axes of one, the view costs a tenth of NumPy's."""
    return array.reshape(shape) if array.size == math.prod(shape) else np.broadcast_to(array, shape)


def time_last(name: str, u: Any, axis: int) -> np.ndarray:
    """A signal with its time axis moved to the end."""
    signal = numeric(name, u, min_ndim=1)
    if not -signal.ndim <= integer("axis", axis) < signal.ndim:
        fail("axis", f"be an axis of `{name}`", f"it is {axis} and `{name}` has shape {signal.shape}")
    return np.moveaxis(signal, axis, -1)


def memory(what: str, nbytes: float, max_memory: float = DEFAULT_MAX_MEMORY) -> None:
    """Refuse a request before it allocates more than `max_memory` bytes."""
    if nbytes > max_memory:
        raise ValueError(
            f"`{what}` must fit into max_memory = {max_memory / 2**30:.3g} GiB, but it needs {nbytes / 2**30:.3g} GiB."
        )
