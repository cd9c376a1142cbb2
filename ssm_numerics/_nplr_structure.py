"""What is known about the matrices that have a closed form: their shift, low-rank part and input vector."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from . import _arrays
from ._closed_form import ClosedForm, fourier, legt, sign_semiseparable
from .hippo import HiPPO


@dataclass(frozen=True)
class Structure:
    """A = shift I + skew - P P', its input vector B, the closed form of the skew part, and the dense A on demand.

    What an `NPLR` keeps of it (the maker of A, columns, k11) are partials of functions of modules: they can be pickled.
    """

    shift: float
    P: np.ndarray
    B: np.ndarray
    form: Callable[[], ClosedForm]
    matrix: Callable[[], np.ndarray]


def of_operator(op: HiPPO) -> Structure:
    """The structure of a HiPPO operator; ValueError where it is similar to normal plus low rank, but not unitarily."""
    if op.family in _REFUSED and op.parameters.get("alpha", 1.0) != 0:
        raise ValueError(f"`source` must have a unitary NPLR form, but {_REFUSED[op.family]}.")
    return _STRUCTURES[op.family](op)


def of_weights(p: Any, shift: float) -> Structure:
    """A_ij = -p_i p_j below the diagonal, shift - p_i^2/2 on it, 0 above."""
    weights = _arrays.numeric("p", p, min_ndim=1, real=True).astype(float)
    if weights.ndim != 1:
        _arrays.fail("p", "have shape (N,)", f"its shape is {weights.shape}")
    if not (weights.min() >= 1e-70 and weights.max() <= 1e70):
        _arrays.fail("p", "lie between 1e-70 and 1e70", f"it ranges from {weights.min()} to {weights.max()}")
    P = weights[:, None] / math.sqrt(2)
    return Structure(shift, P, weights, lambda: sign_semiseparable(weights), partial(_of_weights, weights, shift))


def _of_weights(weights: np.ndarray, shift: float) -> np.ndarray:
    _arrays.memory("A", 8.0 * weights.size**2)
    return np.diag(shift - weights**2 / 2) - np.tril(np.outer(weights, weights), -1)


def _legs(op: HiPPO) -> Structure:
    P = op.B[:, None] / math.sqrt(2)
    return Structure(-0.5, P, op.B, lambda: sign_semiseparable(op.B, "legs"), partial(getattr, op, "A"))


def _lagt(op: HiPPO) -> Structure:
    """lagt, and glagt with alpha = 0: the same skew part, shifted by -beta/2, with B = sqrt(beta) instead of 1."""
    ones, beta = np.ones(op.N), op.parameters.get("beta", 0.0)

    def form() -> ClosedForm:
        unscaled = sign_semiseparable(ones, "lagt")
        return replace(unscaled, B=op.B[0] * unscaled.B)

    return Structure(-beta / 2, ones[:, None] / math.sqrt(2), op.B, form, partial(getattr, op, "A"))


def _legt(op: HiPPO) -> Structure:
    theta, P = op.parameters["theta"], np.zeros((op.N, 2))
    P[0::2, 0], P[1::2, 1] = math.sqrt(theta) * op.B[0::2], math.sqrt(theta) * op.B[1::2]
    return Structure(0.0, P, op.B, lambda: legt(op.N, theta), partial(getattr, op, "A"))


def _fout(op: HiPPO) -> Structure:
    return Structure(0.0, op.B[:, None], op.B, lambda: fourier(op.N, math.pi, rank=1), partial(getattr, op, "A"))


def _foud(op: HiPPO) -> Structure:
    return Structure(
        -0.5, np.zeros((op.N, 0)), op.B, lambda: fourier(op.N, 2 * math.pi, rank=0), partial(getattr, op, "A")
    )


_STRUCTURES = {"legs": _legs, "lagt": _lagt, "glagt": _lagt, "legt": _legt, "fout": _fout, "foud": _foud}

_REFUSED = {
    "lmu": "lmu is similar to legt by D = diag(sqrt(2n+1) (-1)^n), which is not unitary; use legt",
    "glagt": "glagt with alpha != 0 is similar to such a form only by a diagonal matrix that is not unitary",
}
