"""Simulation of diagonal and DPLR systems on a CUDA device, sample by sample or in blocks of time at once.

Blocks: the recurrence runs over all blocks at once from zero states, then over M silent samples from every unit state,
which gives A_bar^M; with it the true states before the blocks follow one from the other, and the recurrence runs again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _arrays, _pairs
from ._device import Call
from ._stepping import refuse_complex, smaller_modes
from .state_space import DiscreteDiagonal, DiscreteDPLR

WANTED_BLOCKS = 1024
"""Blocks of threads that keep a device busy."""

LEAST_SAMPLES = 64
"""A shorter block of time would not repay its share of the work between blocks."""


def simulate_on_device(
    discrete: Any, u: Any, x0: Any, u_before: np.ndarray, method: str, axis: int = -1
) -> tuple[Any, Any]:
    """Outputs, with time along `axis`, and final stored states."""
    if not isinstance(discrete, (DiscreteDiagonal, DiscreteDPLR)):
        found = f"it is {type(discrete).__name__} once discretized"
        _arrays.fail("system", "stay diagonal or DPLR to run on a CUDA device", found, TypeError)
    if discrete.pairs is not None:
        for name, signal in (("u", u), ("u_before", u_before)):
            if signal.dtype.kind == "c":
                refuse_complex(**{name: np.zeros(0, dtype=signal.dtype)})
    if x0 is not None:
        n_stored = discrete.C.shape[-1]
        _arrays.trailing("x0", x0, (n_stored,), f"the system's {n_stored} stored states")
        if discrete.pairs is not None and isinstance(x0, np.ndarray):
            _pairs.require_real("x0", x0, discrete.pairs)
    call = Call(u, x0)
    heads, n_modes, n_samples = discrete.batch_shape, discrete.C.shape[-1], u.shape[-1]
    state_dtype = np.float32 if x0 is None else x0.dtype
    dtype = np.result_type(discrete.output_dtype, u.dtype)
    dtype = np.result_type(dtype, _arrays.real_dtype(state_dtype) if discrete.pairs is not None else state_dtype)
    precision, parts = _arrays.real_dtype(dtype), 2 if dtype.kind == "c" else 1
    state_lead = () if x0 is None else x0.shape[:-1]
    batch = _arrays.batch(system=heads, u=u.shape[:-1], x0=state_lead, u_before=u_before.shape)
    n_rows = math.prod(batch)
    _arrays.memory("u", n_rows * n_samples * dtype.itemsize)
    given = 2 if u.dtype.kind == "c" else 1
    signals = call.rows(u, u.shape[:-1], precision, given)
    operators = [call.to_device(array) for array in _planes(discrete, precision)]
    head, signal = (
        call.to_device(_arrays.row_index(heads, batch)),
        call.to_device(_arrays.row_index(u.shape[:-1], batch)),
    )
    before = call.rows(np.broadcast_to(u_before, batch).reshape(n_rows, 1), (n_rows,), precision, given)
    before = before.reshape(n_rows, given)
    start = call.zeros((n_rows, n_modes, 2), precision) if x0 is None else call.rows(x0, batch, precision)
    y = call.empty((n_rows, n_samples, parts), precision)
    n_blocks = 1 if method == "recurrence" else _blocks(n_rows, n_samples)
    samples = -(-n_samples // n_blocks)
    runner = _Runner(call, operators, n_modes, discrete, precision)
    n_blocks = -(-n_samples // samples)
    if n_blocks == 1:
        states = call.packed(start, 0, call.empty((n_rows, n_modes, 2), precision)).reshape(n_rows, 1, n_modes, 2)
    else:
        after = call.zeros((n_rows, n_blocks, n_modes, 2), precision)
        runner.run(head, signal, samples, signals, before, after, y)
        states = runner.carried(head, samples, start, after)
    runner.run(head, signal, samples, signals, before, states, y)
    final = call.empty((n_rows, n_modes, 2 if discrete.pairs is not None else parts), precision)
    call.packed(states, n_blocks - 1, final)
    return call.result(y, (*batch, n_samples), axis), call.result(final, (*batch, n_modes))


def _blocks(n_rows: int, n_samples: int) -> int:
    """Into how many blocks of time the signals are cut."""
    return max(1, min(-(-WANTED_BLOCKS // n_rows), n_samples // LEAST_SAMPLES))


def _planes(discrete: Any, precision: np.dtype) -> list[np.ndarray]:
    """keep, z, P, Q, B, B_prev, C and D of every head by real and imaginary parts, as `modal_kernel` reads them."""
    heads, n_modes = discrete.batch_shape, discrete.C.shape[-1]
    n_heads, weights = math.prod(heads), discrete.weights
    keep, z = smaller_modes(discrete)
    none = np.zeros((n_modes, 0))
    P, Q = (discrete.P_bar, discrete.Q_bar) if isinstance(discrete, DiscreteDPLR) else (none, none)
    previous = np.zeros(n_modes) if discrete.B_bar_previous is None else discrete.B_bar_previous

    def flat(array: np.ndarray, axes: int) -> np.ndarray:
        own = array.shape[array.ndim - axes :]
        whole = np.broadcast_to(array, (*heads, *own)).reshape(n_heads, *own)
        return np.stack([whole.real, whole.imag], axis=-1, dtype=precision)

    vectors = [flat(v, 1) for v in (discrete.B_bar, previous, weights * discrete.C)]
    low_rank = [flat(matrix, 2) for matrix in (P.mT, weights * Q.mT.conj())]
    return [np.ascontiguousarray(flat(keep, 1)[..., 0]), flat(z, 1), *low_rank, *vectors, flat(discrete.D, 0)]


class _Runner:
    """The kernels of one system."""

    def __init__(self, call: Call, operators: list[Any], n_modes: int, discrete: Any, precision: np.dtype) -> None:
        from .compiled.cuda import modal

        self._call, self._operators, self._modal, self._precision = call, operators, modal, precision
        self._paired = int(discrete.pairs is not None)
        self._n_modes, self._rank = n_modes, int(operators[2].shape[1])
        self._n_heads = int(operators[0].shape[0])
        least = min(32, modal.LARGEST_BLOCK)
        self._threads = min(modal.LARGEST_BLOCK, max(least, 1 << (n_modes - 1).bit_length()))

    def run(self, head: Any, signal: Any, samples: int, u: Any, before: Any, x: Any, y: Any) -> None:
        """One pass over all rows and blocks."""
        rows, blocks = int(x.shape[0]), int(x.shape[1])
        coupling = self._call.empty((rows, blocks, max(1, self._rank), 2), self._precision)
        given = (head, signal, samples, self._paired, *self._operators, u, before, x, coupling, y)
        self._call.launch(self._modal.modal_kernel, rows * blocks, self._threads, *given)

    def carried(self, head: Any, samples: int, start: Any, after: Any) -> Any:
        """The states before all blocks, from the first ones and what each block adds."""
        call, modal, n_modes = self._call, self._modal, self._n_modes
        n_rows, n_blocks = int(after.shape[0]), int(after.shape[1])
        states = call.empty((n_rows, n_blocks, n_modes, 2), self._precision)
        if self._rank == 0:
            power = self._response(np.ones((1, n_modes), dtype=complex), samples)
            blocks = -(-n_rows * n_modes // self._threads)
            call.launch(modal.carry_modes_kernel, blocks, self._threads, head, power, start, states, after)
            return states
        order = 2 * n_modes
        units = np.eye(order).reshape(order, n_modes, 2)
        power = self._response(units[..., 0] + 1j * units[..., 1], samples).reshape(self._n_heads, order, order)
        flat = [array.reshape(n_rows, n_blocks, order) for array in (states, after)]
        call.launch(modal.carry_kernel, n_rows, self._threads, head, power, start.reshape(n_rows, order), *flat)
        return states

    def _response(self, states: np.ndarray, samples: int) -> Any:
        """The states (rows, N), of every head, after so many silent samples: (heads * rows, N, 2)."""
        call, n_rows = self._call, self._n_heads * len(states)
        x = call.rows(np.tile(states, (self._n_heads, 1)), (n_rows,), self._precision)
        head = call.to_device(np.repeat(np.arange(self._n_heads), len(states)))
        signal, silent = call.to_device(np.zeros(n_rows, dtype=np.int64)), call.zeros((1, samples, 1), self._precision)
        before, y = call.zeros((n_rows, 1), self._precision), call.empty((n_rows, samples, 1), self._precision)
        self.run(head, signal, samples, silent, before, x.reshape(n_rows, 1, self._n_modes, 2), y)
        return x
