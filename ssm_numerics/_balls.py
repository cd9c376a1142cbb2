"""Ball arithmetic: the one importer of python-flint, with exact ways in and outward-rounded ways out.

python-flint takes Python numbers only and keeps its precision in one global setting, so every computation runs inside
`precision`, which takes a lock and restores the setting. Floats enter exactly; balls leave as a midpoint in float64 and
a radius that also covers the rounding of the midpoint.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from . import _arrays

DEFAULT_BITS = 60
"""Ball radii are below 2**-60 of the result unless a caller asks for more."""
MOST_BITS = 8192
"""A computation that is not accurate enough at this working precision is given up: it is singular."""
NEGLIGIBLE_EXPONENT = -1080
"""Radii below 2**-1080, less than the smallest float64, count as zero whatever they belong to."""

_lock = threading.RLock()


class Certified(NamedTuple):
    """A midpoint and a radius: every true entry lies within `rad` of `mid`."""

    mid: np.ndarray
    rad: np.ndarray


def library() -> Any:
    """The module python-flint, imported at first use."""
    try:
        import flint
    except ImportError:
        raise ImportError(
            'Certified results need python-flint: python -m pip install "ssm-numerics[report]".'
        ) from None
    return flint


@contextmanager
def precision(bits: int) -> Iterator[Any]:
    """Hold python-flint's global precision at `bits`, alone, and give it back as it was."""
    flint = library()
    with _lock:
        saved = flint.ctx.prec
        flint.ctx.prec = bits
        try:
            yield flint
        finally:
            flint.ctx.prec = saved


def accuracy(value: Any) -> int:
    """The checked argument `accuracy_bits`."""
    bits = _arrays.count("accuracy_bits", value)
    if bits > MOST_BITS // 2:
        _arrays.fail("accuracy_bits", f"be at most {MOST_BITS // 2}", f"it is {bits}")
    return bits


def scalars(array: Any) -> list:
    """A vector of floats as exact balls: arb if real, acb if complex."""
    flint = library()
    kind = flint.acb if np.iscomplexobj(array) else flint.arb
    return [kind(x) for x in np.asarray(array).tolist()]


def matrix(array: Any) -> Any:
    """A two-dimensional array of floats as an exact arb_mat or acb_mat."""
    flint = library()
    kind = flint.acb_mat if np.iscomplexobj(array) else flint.arb_mat
    return kind(np.asarray(array).tolist())


def from_rows(rows: list[list]) -> Any:
    """A matrix of balls; complex as soon as one entry is."""
    flint = library()
    is_complex = any(isinstance(x, flint.acb) for row in rows for x in row)
    return (flint.acb_mat if is_complex else flint.arb_mat)(rows)


def identity(like: Any) -> Any:
    """The identity matrix of the kind and order of a ball matrix."""
    return type(like)(np.eye(like.nrows()).tolist())


def radius(ball: Any) -> Any:
    """The radius of a ball as an exact number; for a complex one the sum of both radii, which bounds the modulus."""
    return ball.real.rad() + ball.imag.rad() if isinstance(ball, library().acb) else ball.rad()


def accurate(balls: list, bits: int) -> bool:
    """Whether every radius is at most 2**-bits times the largest modulus among the balls, or negligible."""
    flint = library()
    if not all(ball.is_finite() for ball in balls):
        return False
    worst, largest = flint.arb(0), flint.arb(0)
    for ball in balls:
        error, size = radius(ball), ball.abs_lower()
        worst, largest = (error if error > worst else worst), (size if size > largest else largest)
    allowed = largest * flint.arb(2) ** -bits
    return bool(worst <= allowed or worst <= flint.arb(2) ** NEGLIGIBLE_EXPONENT)


def certify(
    compute: Callable[[], list[list]], bits: int, start: int, what: str, each: bool = False
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Raise the working precision until the groups of balls that `compute` returns are accurate to `bits`; round out.

    Accurate relative to the largest ball of its group or, with `each`, every ball relative to itself.
    """
    working = start
    while working <= max(MOST_BITS, start):
        with precision(working):
            try:
                groups = compute()
                parts = [[ball] for group in groups for ball in group] if each else groups
                if all(accurate(part, bits) for part in parts):
                    return [round_out(group) for group in groups]
            except ZeroDivisionError:  # a matrix or number that contains a singular one at this precision
                pass
        working *= 2
    cause = "it divides by zero or inverts a singular matrix"
    raise ArithmeticError(f"{what} has no certificate with {MOST_BITS} bits: {cause}.")


def round_out(balls: list) -> tuple[np.ndarray, np.ndarray]:
    """Midpoints in float64 or complex128 and radii in float64 that contain the balls; call it inside `precision`."""
    mid = np.array([_nearest(ball) for ball in balls])
    if not np.isfinite(mid).all():
        raise OverflowError("The certified result leaves the range of float64.")
    errors = [ball - type(ball)(m) for ball, m in zip(balls, mid.tolist(), strict=True)]
    return mid + 0.0, np.array([_upper(error.abs_upper()) for error in errors])


def _nearest(ball: Any) -> float | complex:
    return complex(ball) if isinstance(ball, library().acb) else float(ball)


def _upper(bound: Any) -> float:
    """A float64 not below a non-negative number."""
    value = float(bound)
    return value if library().arb(value) >= bound else float(np.nextafter(value, np.inf))
