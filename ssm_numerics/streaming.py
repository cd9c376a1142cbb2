"""`Stream`: a system run over a signal that arrives in blocks, whose state can be read, set, saved and loaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _arrays, _stream_files
from ._irregular import checked_steps, with_gaps_filled
from ._steppers import Stepper, VaryingStepper
from ._stepping import CONTINUOUS

METHODS = ("recurrence", "auto", "chunked")


class Stream:
    """Run a system over a signal that arrives in blocks, with the state carried from one to the next.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR, or one of their discrete twins
    dt : float or array_like, shape (...), time
        As in `simulate`. A continuous system without it is sampled irregularly: every block brings its own steps.
    discretization, alpha, x0, u_before
        As in `simulate`.
    method : {"recurrence", "auto", "chunked"}
        "recurrence": the same bits however the signal is cut. "auto": for each block whatever is estimated fastest;
        equal to rounding only, many times faster for long blocks of dense systems. "chunked": always matrix products.

    Attributes
    ----------
    state : ndarray, shape (..., N), or None
        The state after the last sample, in the stored basis; `x0` before the first block, None for zero. A copy; may
        be set.
    u_before : ndarray, shape (...)
        The last sample, which FOH and held gaps read. A copy; may be set.

    Raises
    ------
    ValueError, TypeError
        As `simulate`. A block that is refused, an empty one for instance, leaves the stream as it was.

    Notes
    -----
    With "recurrence" the outputs are bit for bit those of `simulate(..., method="recurrence")` on the whole signal,
    however it is cut. The pair (state, u_before) is all that is carried, as zi and zf of scipy.signal.lfilter: another
    stream of the same system that is given the pair as x0 and u_before goes on in its place. A stream is for one caller
    at a time; an interrupted `push` leaves the pair as it was, so that the block can be pushed again.

    *Accuracy*: as `simulate`. *Cost*: the system is discretized once, so a block costs its samples only.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> stream = ssm.Stream(ssm.Diagonal([-1.0], [1.0], [1.0]), 0.5, "backward_euler")
    >>> stream.push([1.0, 1.0]).round(4), stream.push([1.0]).round(4)
    (array([0.3333, 0.5556]), array([0.7037]))
    """

    def __init__(
        self,
        system: Any,
        dt: Any = None,
        discretization: str | None = None,
        *,
        alpha: float | None = None,
        x0: Any = None,
        u_before: Any = 0.0,
        method: str = "recurrence",
    ) -> None:
        self._is_irregular = dt is None and isinstance(system, CONTINUOUS)
        self._method = _arrays.choice("method", method, METHODS[:1] if self._is_irregular else METHODS)
        self._stepper: Any = (
            VaryingStepper(system, discretization, alpha)
            if self._is_irregular
            else Stepper.of(system, dt, discretization, alpha)
        )
        state = None if x0 is None else self._stepper.check_state(x0).copy()
        self._carried = state, _arrays.numeric("u_before", u_before).copy()

    @property
    def state(self) -> np.ndarray | None:
        """The state after the last sample."""
        state = self._carried[0]
        return None if state is None else state.copy()

    @state.setter
    def state(self, x0: Any) -> None:
        self._carried = None if x0 is None else self._stepper.check_state(x0, "state").copy(), self._carried[1]

    @property
    def u_before(self) -> np.ndarray:
        """The last sample."""
        return self._carried[1].copy()

    @u_before.setter
    def u_before(self, value: Any) -> None:
        self._carried = self._carried[0], _arrays.numeric("u_before", value).copy()

    def push(
        self, block: Any, axis: int = -1, *, dt: Any = None, missing: Any = None, fill: str = "hold"
    ) -> np.ndarray:
        """The outputs for the next block of samples.

        Parameters
        ----------
        block : array_like, shape (..., T) with time along `axis`
            At least one sample; the other axes are heads and batch, as in `simulate`.
        axis : int
            Time axis of `block` and of the outputs.
        dt : array_like, shape (T,) or (..., T), time
            Steps that lead to the samples, for a stream that was made without a step, and only for such a one.
        missing, fill
            As in `simulate`; a gap at the beginning of a block holds the last sample of the block before.

        Returns
        -------
        y : ndarray, shape of `block` broadcast with the heads
        """
        state, before = self._carried
        signal = with_gaps_filled("block", block, axis, missing, fill, before)
        if self._is_irregular:
            y, state = self._stepper.run(signal, checked_steps(dt, signal.shape[-1]), state, before, "block")
        else:
            if dt is not None:
                _arrays.fail("dt", "be omitted for a stream with a step of its own", "steps are given")
            y, state = self._stepper.run(signal, state, before, self._method, True, "block")
        self._carried = state, signal[..., -1].copy()
        return np.moveaxis(y, -1, axis)

    def save(self, path: Any) -> None:
        """Write the stream, its system and its state into one file, which `load` reads back bit for bit.

        The file is an npz archive of plain arrays (no pickle) with a format version and a checksum of every byte; it
        appears whole or not at all (:doc:`streaming`).

        Raises
        ------
        OSError
            For a file that cannot be written there.
        """
        _stream_files.save(path, self._stepper, self._carried, self._method)

    @classmethod
    def load(cls, path: Any) -> Stream:
        """A stream from a file that `save` wrote.

        Raises
        ------
        ValueError
            For a file that is cut short, altered in any byte, of a later format, or no state file at all. Nothing in a
            file is ever executed.
        OSError
            For a file that is not there or cannot be read.
        """
        stream = cls.__new__(cls)
        stream._stepper, stream._carried, stream._method = _stream_files.load(path)
        stream._is_irregular = isinstance(stream._stepper, VaryingStepper)
        return stream
