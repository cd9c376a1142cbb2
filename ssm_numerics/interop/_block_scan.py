"""A linear recurrence over dask arrays that are cut in time, in two passes.

The first pass runs every block of samples from rest and keeps its last state g_j; blocks are independent. The states at
the cuts follow one another,

    x_j = A_bar^(L_j) x_{j-1} + g_j,

N numbers per channel and block. The second pass runs every block again, from the state before it: no response is
corrected, so none is subtracted. A_bar^L is applied as a product of I + X_i, one for each bit of L, with increments
X_i = A_bar^(2^i) - I squared by X <- 2 X + X^2, which keeps the digits of small steps and never loses more than
L (N + 3) u in all.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import dask
import dask.array
import numpy as np

from .. import _arrays, _pairs
from .._increments import identity_like
from ..hippo import HiPPO
from ..online_compression import compress
from ..recurrence import simulate
from ..state_space import DiscreteDiagonal, DiscreteDPLR


def stored_state(system: Any, discrete: Any, x0: Any) -> tuple[Any, np.ndarray]:
    """The discrete system to run, dense if its powers are, and x0 of `system` in its coordinates."""
    pairs = getattr(system, "pairs", None)
    n_stored = system.C.shape[-1]
    start = np.zeros(n_stored, dtype=system.dtype) if x0 is None else _arrays.numeric("x0", x0, min_ndim=1)
    _arrays.trailing("x0", start, (n_stored,), f"the system's {n_stored} stored states")
    if pairs is not None:
        _pairs.require_real("x0", start, pairs)
    if isinstance(discrete, DiscreteDiagonal):
        return discrete, start
    dense = discrete.to_dense() if isinstance(discrete, DiscreteDPLR) else discrete
    return dense, start if pairs is None else _pairs.realify(start, pairs)


def responses(discrete: Any, x0: np.ndarray, u: Any) -> Any:
    """Outputs (..., *heads, T) of signals u (..., *heads or ones, T), cut where they are but not along heads."""
    blocks = Blocks(discrete, u, x0.dtype)
    states = blocks.states(x0, len(blocks.parts) - 1)
    y = [blocks.run(_outputs, part, state, blocks.time) for part, state in zip(blocks.parts, states, strict=True)]
    return dask.array.concatenate(y, axis=-1)


def coefficients(op: HiPPO, discrete: Any, u: Any) -> Any:
    """The last states (..., N) of a HiPPO operator at rest before signals u (..., T)."""
    blocks = Blocks(discrete, u, discrete.dtype)
    return blocks.states(np.zeros(op.N), len(blocks.parts))[-1].astype(u.dtype)


def coefficients_of_all(op: HiPPO, u: Any, discretization: str, alpha: float | None) -> Any:
    """Coefficients of the time-varying operator, for signals (..., T) that are one chunk in time."""
    run = partial(compress, op, discretization=discretization, alpha=alpha, scaled=True)
    return u.map_blocks(run, chunks=(*u.chunks[:-1], (op.N,)), meta=np.empty((0,) * u.ndim, dtype=u.dtype))


class Blocks:
    """The blocks in time of signals, each with the sample before it where the system reads that, and their states."""

    def __init__(self, discrete: Any, u: Any, dtype: np.dtype) -> None:
        heads = discrete.batch_shape
        first = u.ndim - 1 - len(heads)
        u = u.rechunk(dict.fromkeys(range(first, u.ndim - 1), -1))
        cuts = np.cumsum([0, *u.chunks[-1]]).tolist()
        two_taps = discrete.B_bar_previous is not None
        self.parts = [
            (u[..., begin:end], u[..., begin - 1] if two_taps and begin else None) for begin, end in pairwise(cuts)
        ]
        by_pairs = getattr(discrete, "pairs", None) is not None
        dtype = _arrays.real_dtype(dtype) if by_pairs else dtype
        self.dtype = np.result_type(discrete.output_dtype, u.dtype, dtype)
        self._state_dtype = _arrays.complex_dtype(self.dtype) if by_pairs else self.dtype
        self._shape = (*u.shape[:first], *heads, discrete.C.shape[-1])
        self._chunks = (*u.chunks[:first], *heads, discrete.C.shape[-1])
        self._lead, self.time, self.state = tuple(range(u.ndim - 1)), u.ndim - 1, u.ndim  # names of axes, as numbers
        self._discrete = dask.delayed(discrete)
        self._advance = partial(_advance, diagonal=isinstance(discrete, DiscreteDiagonal))
        lengths = set(u.chunks[-1])
        self._factors = {length: dask.delayed(transition_factors)(self._discrete, length) for length in lengths}

    def run(self, function: Any, part: tuple[Any, Any], state: Any, last: int) -> Any:
        """function(discrete, block, state, sample before) for all channels; the result ends with axis `last`."""
        block, before = part
        past = (None, None) if before is None else (before, self._lead)
        dtype = self.dtype if last == self.time else self._state_dtype
        arrays = (self._discrete, None, block, (*self._lead, self.time), state, (*self._lead, self.state), *past)
        meta = np.empty((0,) * block.ndim, dtype=dtype)
        return dask.array.blockwise(function, (*self._lead, last), *arrays, concatenate=True, dtype=dtype, meta=meta)

    def states(self, x0: np.ndarray, count: int) -> list[Any]:
        """The states before the first block and after each of the first `count` ones."""
        rest = dask.array.zeros(self._shape, chunks=self._chunks, dtype=self._state_dtype)
        states = [rest + x0.astype(self._state_dtype)]
        axes = (*self._lead, self.state)
        for part in self.parts[:count]:
            forced = self.run(_last_state, part, rest, self.state)
            factors, meta = self._factors[part[0].shape[-1]], np.empty((0,) * forced.ndim, dtype=forced.dtype)
            arrays = (factors, None, states[-1], axes, forced, axes)
            states.append(dask.array.blockwise(self._advance, axes, *arrays, dtype=forced.dtype, meta=meta))
        return states


def _outputs(discrete: Any, u: np.ndarray, x0: np.ndarray, u_before: np.ndarray | None) -> np.ndarray:
    """The second pass."""
    return simulate(discrete, u, x0=x0 if x0.any() else None, u_before=0.0 if u_before is None else u_before)


def _last_state(discrete: Any, u: np.ndarray, rest: np.ndarray, u_before: np.ndarray | None) -> np.ndarray:
    """The first pass."""
    return simulate(discrete, u, u_before=0.0 if u_before is None else u_before, return_state=True)[1].astype(
        rest.dtype
    )


def _advance(factors: list[np.ndarray], x: np.ndarray, forced: np.ndarray, diagonal: bool) -> np.ndarray:
    """A_bar^L x + g."""
    with np.errstate(all="ignore"):
        for X in factors:
            x = x + (X * x if diagonal else (X @ x[..., None])[..., 0])
        return x + forced


def transition_factors(discrete: Any, length: int) -> list[np.ndarray]:
    """Increments X_i of A_bar^(2^i), for the bits i of `length`: the product of all I + X_i is A_bar^length."""
    diagonal = isinstance(discrete, DiscreteDiagonal)
    held = discrete if diagonal else discrete.to_dense()
    X = held.increment
    if X is None:
        X = held.A_bar - (1 if diagonal else identity_like(held.A_bar))
    factors = []
    with np.errstate(all="ignore"):
        while length:
            if length & 1:
                factors.append(X)
            length >>= 1
            if length:
                X = 2 * X + (X * X if diagonal else X @ X)
    return factors
