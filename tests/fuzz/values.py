"""What fuzz cases are made of: numbers, arrays, words, systems, and good arguments varied."""

from __future__ import annotations

import contextlib
import math
import struct
import warnings
from functools import cache
from typing import Any, Protocol

import numpy as np

import ssm_numerics as ssm
from ssm_numerics._systems import System
from tests.reliability import bad_inputs

DTYPES = ("f8", "f4", "f2", "c16", "c8", "i8", "i4", "u1", "?", ">f8", "O", "U3", "M8[s]", "g")
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-300, 1e300, 5e-324, math.inf, -math.inf, math.nan, 1e16, 1 + 2**-52)
OPTIONS = (
    *(
        "auto",
        "direct",
        "nufft",
        "krylov",
        "krylov_blocked",
        "vandermonde",
        "cauchy",
        "contour",
        "recurrence",
        "chunked",
    ),
    *(
        "euler",
        "backward_euler",
        "backward_diff",
        "bilinear",
        "gbt",
        "zoh",
        "foh",
        "hold",
        "interpolate",
        "zero",
        "linear",
    ),
    *("legs", "legt", "lagt", "glagt", "fout", "foud", "lmu", "s4d-lin", "s4d-inv", "s4d-real", "eigh", "closed_form"),
    *(
        "era",
        "aaa",
        "bic",
        "aic",
        "Lambda",
        "dt",
        "original",
        "modal",
        "cpu",
        "cuda",
        "float64",
        "one_tap",
        "s4",
        "scipy",
    ),
)
"""Words that some argument takes."""

LARGE = 50
"""One size in so many is large."""


class Chooser(Protocol):
    """Where decisions come from: a random generator, or the bytes of a coverage-guided fuzzer."""

    def below(self, n: int) -> int: ...

    def octets(self, n: int) -> bytes: ...


def one_of(choose: Chooser, things: Any) -> Any:
    """An entry of a sequence."""
    return things[choose.below(len(things))]


def size(choose: Chooser, largest: int = 2048) -> int:
    """A size up to 8, seldom up to the largest."""
    return 1 + choose.below(8) if choose.below(LARGE) else 1 << choose.below(largest.bit_length())


def number(choose: Chooser) -> float:
    """A special number, or any bits."""
    return one_of(choose, SPECIAL) if choose.below(2) else struct.unpack("d", choose.octets(8))[0]


def value(choose: Chooser, good: Any, largest: int = 2048) -> Any:
    """Something in the place of a good argument; the good one where what was chosen cannot be made."""
    make = one_of(choose, KINDS)
    if make is varied and type(good) is int:
        return size(choose, largest)
    with contextlib.suppress(ValueError, TypeError, IndexError, OverflowError, MemoryError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with np.errstate(all="ignore"):
            return make(choose, good)
    return good


def _bad(choose: Chooser, good: Any) -> Any:
    return one_of(choose, tuple(bad_inputs.BAD.values()))(_number_like(good))


def _same(choose: Chooser, good: Any) -> Any:
    return one_of(choose, tuple(bad_inputs.SAME.values()))(_number_like(good))


def _number_like(good: Any) -> Any:
    return good if isinstance(good, (np.ndarray, float, int)) and np.size(good) else np.ones(3)


def _altered(choose: Chooser, good: Any) -> Any:
    """A good array with an entry replaced; a good number replaced."""
    if not isinstance(good, np.ndarray):
        return number(choose)
    array = np.array(good)
    array.flat[choose.below(array.size)] = number(choose)
    return array


def _count(choose: Chooser, good: Any) -> int:
    return choose.below(12) - 2


def _array(choose: Chooser, good: Any) -> Any:
    """An array of up to four axes, any numbers and any kind."""
    shape = [choose.below(4) for _ in range(choose.below(5))]
    if shape and not choose.below(LARGE):
        shape[-1] = size(choose)
    array = np.array([number(choose) for _ in range(math.prod(shape))]).reshape(shape)
    return array if choose.below(2) else np.nan_to_num(array, posinf=9, neginf=-9).astype(one_of(choose, DTYPES))


def varied(choose: Chooser, good: Any) -> Any:
    """Most often as good as the good one: another size, scale, shape, precision, word or system."""
    if isinstance(good, System):
        return one_of(choose, systems()) if choose.below(2) else one_of(choose, _BAD_SYSTEMS)(good)
    if isinstance(good, (bool, str)) or good is None:
        return one_of(choose, OPTIONS) if isinstance(good, str) else not good
    if isinstance(good, float):
        return good * 2.0 ** (choose.below(41) - 20)
    if not isinstance(good, np.ndarray):
        return good
    return one_of(choose, _VARIATIONS)(choose, good)


_BAD_SYSTEMS = tuple(bad_inputs.BAD_SYSTEMS.values())
_VARIATIONS = (
    lambda choose, good: np.resize(good, (*good.shape[:-1], size(choose))),
    lambda choose, good: np.resize(good, (size(choose), *good.shape)) if good.size < 99 else good,
    lambda choose, good: good * 2.0 ** (choose.below(41) - 20),
    lambda choose, good: good.astype("F" if np.iscomplexobj(good) else "f"),
    lambda choose, good: np.flip(good),
)
KINDS = (_bad, _same, _altered, _count, _array, varied, varied)


@cache
def systems() -> tuple[Any, ...]:
    """Systems of every structure and of several sizes, with one output and with two, continuous and discrete."""
    found: list[Any] = []
    for n, family in ((1, "lagt"), (2, "legs"), (5, "legt"), (8, "fout"), (32, "legs")):
        op, C = ssm.hippo(family, n), np.cos(np.arange(n))
        found += [op.state_space(C), op.state_space(np.stack([C, 2 * C]), 0.5)]
        found += [ssm.nplr(family, n).to_dplr(C)] if family != "fout" else []
        found += [op.structured_state_space(C)] if family in ("legs", "lagt") else []
        found += [ssm.Diagonal(-1.0 + 1j * np.arange(n), C, C, 0.0, True)]
        found += [ssm.Diagonal(np.float32(-1.0 - np.arange(n)), np.float32(C), np.float32(C))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (*found, *(ssm.discretize(system, 0.25) for system in found))
