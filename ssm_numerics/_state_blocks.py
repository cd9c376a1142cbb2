"""All states of one dense discrete system under a signal that arrives in blocks, by matrix products."""

from __future__ import annotations

import numpy as np

from ._parallel import serial_blas
from .state_space import DiscreteStateSpace

SPAN, ENTRIES = 32, 2**23
"""Samples that one row of matrix products takes, and the entries that powers of A_bar may have in all."""


class StateBlocks:
    """x_k = A_bar x_{k-1} + B_bar u_k for one signal, the state carried from block to block.

    Of M samples x_{k+r} = A_bar^{r+1} x_{k-1} + sum_j A_bar^{r-j} B_bar u_{k+j}: two products for all spans together,
    and one hop A_bar^M from each to the next. First-order hold also sees the previous input: it becomes one state more,
    which is not shown.
    """

    def __init__(self, discrete: DiscreteStateSpace) -> None:
        n = self.n_states = discrete.n_states
        A, b = discrete.A_bar, discrete.B_bar
        if discrete.B_bar_previous is not None:
            A = np.block([[A, discrete.B_bar_previous[:, None]], [np.zeros((1, n + 1))]])
            b = np.append(b, 1.0)
        span = min(SPAN, max(ENTRIES // A.size, 1))
        powers = A[None]
        with np.errstate(over="ignore", invalid="ignore"):
            while len(powers) < span:
                powers = np.concatenate([powers, powers[-1] @ powers])
            powers = powers[:span]
            forced = np.concatenate([b[None], powers[:-1] @ b, np.zeros((1, b.size))])  # A^r b, and zero for r = -1
        lags = np.maximum(np.arange(span) - np.arange(span)[:, None], -1)
        self._inputs = forced[lags].reshape(span, -1)
        self._starts = powers.transpose(2, 0, 1).reshape(b.size, -1)
        self._hop = powers[-1]
        self.begin(np.zeros(n))

    def begin(self, state: np.ndarray) -> None:
        """Start again from a state (N,), with no input before."""
        self._state = np.append(state, np.zeros(len(self._hop) - self.n_states))

    def push(self, u: np.ndarray) -> np.ndarray:
        """The states (T, N) after each of the next samples (T,)."""
        span, n = len(self._inputs), len(self._hop)
        signal = np.append(u, np.zeros(-u.size % span)).reshape(-1, span)
        with serial_blas(), np.errstate(over="ignore", invalid="ignore"):
            states = (signal @ self._inputs).reshape(-1, span, n)
            starts = np.empty((len(states), n), np.result_type(states, self._state, self._hop))
            x = self._state
            for start, answer in zip(starts, states[:, -1], strict=True):
                start[:] = x
                x = self._hop @ x + answer
            every = states.reshape(-1, n) + (starts @ self._starts).reshape(-1, n)
        self._state = every[u.size - 1].copy()
        return every[: u.size, : self.n_states]
