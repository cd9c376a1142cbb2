"""The recurrent view: run a discretized system over a signal, sample by sample, with the state carried."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _arrays, _device, _pairs
from ._device_simulation import simulate_on_device
from ._simulation import METHODS, Problem, simulate_rows
from ._stepping import as_discrete, refuse_complex
from .state_space import DPLR, DiscreteStateSpace


def simulate(
    system: Any,
    u: Any,
    dt: Any = None,
    discretization: str | None = None,
    *,
    alpha: float | None = None,
    x0: Any = None,
    u_before: Any = 0.0,
    return_state: bool = False,
    method: str = "auto",
    axis: int = -1,
    backend: str = "cpu",
) -> Any:
    """The response y_k = C x_k + D u_k, x_k = A_bar x_{k-1} + B_bar u_k, of a system to a sampled signal.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR, or one of their discrete twins
    u : array_like, shape (..., T) with time along `axis`
        One signal for all heads, one per head, or many per head: the axes other than time broadcast with the system's
        leading axes, so u of shape (T, P) with axis=0 drives P heads, or P copies of one head.
    dt, discretization, alpha
        As in `discretize` ("bilinear" by default) for a continuous system; must be omitted for a discrete one.
    x0 : array_like, shape (..., N), default 0
        State before the first sample, in the stored basis of `system` (complex modes for conjugate-pair storage).
    u_before : array_like, shape (...), default 0
        The input before the first sample, which only FOH reads.
    return_state : bool
        Return (y, x) with the state x (..., N) after the last sample, ready to be the next call's x0.
    method : {"auto", "recurrence", "chunked", "fft"}
        "recurrence": the definition, one step per sample; its bits do not depend on how a signal is cut or batched.
        "chunked": blocks of samples in matrix products. "fft": convolution with the kernel; it has no final state.
        "auto": whichever is estimated fastest, "fft" only where ||A_bar||_2 <= 1. Ask for "recurrence", or use
        `Stream`, where a signal will be cut and the bits must not change.
    axis : int
        Time axis of `u` and `y`.
    backend : {"cpu", "cuda"}
        Where to compute, for diagonal and DPLR systems; a signal on a device is computed with there (:doc:`cuda`).

    Returns
    -------
    y : ndarray, real for real systems and signals
        Shape of `u` broadcast with the heads; time stays along `axis`.

    Raises
    ------
    ValueError, TypeError
        For shapes that do not broadcast, NaN in `u`, a complex signal into a system stored by conjugate pairs, a method
        that does not apply, or a response that overflows.

    Notes
    -----
    *Accuracy*: each step of "recurrence" commits a relative error of at most (N + 3) eps of ||A_bar|| ||x|| +
    ||B_bar|| |u|; a signal cut into blocks, with x0 carried, gives the same bits as the whole. For every method, where
    ||A_bar||_2 <= 1, |error| <= 64 T (N + 4) u ||C|| (||B_bar|| sum |u| + ||x0||), u = eps/2; where powers grow to
    G = max ||A_bar^l||, G^2 times that.
    *Cost*: "recurrence" 2 N^2 T flops dense, 8 N T diagonal, 8 N (1 + r) T DPLR per row, in parallel over rows;
    "chunked" (4 N + M) T in matrix products for blocks of M samples, 2 N^2 T/M in between, and 2 N^3 log2 M for the
    tables of a matrix; "fft" as `convolution_kernel` and `convolve`.

    References
    ----------
    [S4] Theorem 2 and Appendix C.2.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.Diagonal([-1.0], [1.0], [1.0])
    >>> ssm.simulate(system, [1.0, 1.0, 1.0], 0.5, "backward_euler").round(4)
    array([0.3333, 0.5556, 0.7037])
    """
    there = _device.on_device(backend, u, x0)
    _arrays.choice("method", method, ("auto", "recurrence", "chunked") if there else ("auto", *METHODS))
    if there:
        discrete, signal = as_discrete(system, dt, discretization, alpha), _device.time_last("u", u, axis)
        state = None if x0 is None else _device.numeric("x0", x0)
        y, final = simulate_on_device(discrete, signal, state, _arrays.numeric("u_before", u_before), method, axis)
        return (y, final) if return_state else y
    return_state = _arrays.flag("return_state", return_state)
    stepper = Stepper(system, dt, discretization, alpha)
    signal = _arrays.time_last("u", u, axis)
    state = None if x0 is None else stepper.check_state(x0)
    y, final = stepper.run(signal, state, _arrays.numeric("u_before", u_before), method, return_state)
    y = np.moveaxis(y, -1, axis)
    return (y, final) if return_state else y


class Stream:
    """Run a system over a signal that arrives in blocks, with the state carried from one to the next.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR, or one of their discrete twins
    dt, discretization, alpha, x0, u_before
        As in `simulate`.

    Attributes
    ----------
    state : ndarray or None
        The state after the last sample, in the stored basis; `x0` before the first block.

    Notes
    -----
    The outputs are bit for bit those of `simulate` on the whole signal, however it is cut. The system is discretized
    once, so a block costs its samples only.

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
    ) -> None:
        self._stepper = Stepper(system, dt, discretization, alpha)
        self.state = None if x0 is None else self._stepper.check_state(x0)
        self._u_before = _arrays.numeric("u_before", u_before)

    def push(self, block: Any, axis: int = -1) -> np.ndarray:
        """The outputs (..., T) for the next block of samples (..., T), time along `axis`."""
        signal = _arrays.time_last("block", block, axis)
        y, self.state = self._stepper.run(signal, self.state, self._u_before, "recurrence", True, "block")
        self._u_before = signal[..., -1].copy()
        return np.moveaxis(y, -1, axis)


class Stepper:
    """A discretized system ready to run, which takes and returns states in the stored basis of the original system."""

    def __init__(self, system: Any, dt: Any, discretization: str | None, alpha: float | None) -> None:
        discrete = as_discrete(system, dt, discretization, alpha)
        self._stored = system.C.shape[-1]
        went_dense = isinstance(system, DPLR) and isinstance(discrete, DiscreteStateSpace)
        self._pairs = system.pairs if went_dense else None
        self._discrete = discrete if self._pairs is None else _unscaled(discrete, self._pairs)

    def check_state(self, x0: Any) -> np.ndarray:
        """A state in the stored basis, checked."""
        state = _arrays.numeric("x0", x0, min_ndim=1)
        _arrays.trailing("x0", state, (self._stored,), f"the system's {self._stored} stored states")
        if self._pairs is not None:
            _pairs.require_real("x0", state, self._pairs)
        return state

    def run(
        self,
        u: np.ndarray,
        state: np.ndarray | None,
        u_before: np.ndarray,
        method: str,
        with_state: bool,
        name: str = "u",
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Outputs and, where asked for, the final state."""
        if self._pairs is None:
            return simulate_rows(Problem(self._discrete, u, state, u_before, with_state), method, name)
        refuse_complex(u=u, u_before=u_before)
        state = None if state is None else _pairs.coordinates(state, self._pairs)
        y, final = simulate_rows(Problem(self._discrete, u, state, u_before, with_state), method, name)
        return y, None if final is None else _pairs.from_coordinates(final, self._pairs)


def _unscaled(discrete: DiscreteStateSpace, pairs: np.ndarray) -> DiscreteStateSpace:
    """The dense form of a DPLR system in plain coordinates, so that states are carried over exactly, without sqrt 2."""
    scale = _pairs.unitary_scale(pairs, discrete.dtype)
    inputs = [b if b is None else b / scale for b in (discrete.B_bar, discrete.B_bar_previous)]
    matrices = [m if m is None else m * scale / scale[:, None] for m in (discrete.A_bar, discrete.increment)]
    C = discrete.C * scale
    return DiscreteStateSpace(matrices[0], inputs[0], C, discrete.D, discrete.dt, inputs[1], matrices[1])
