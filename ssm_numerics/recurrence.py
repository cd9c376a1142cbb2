"""The recurrent view: run a discretized system over a signal, sample by sample, with the state carried."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _arrays, _device
from ._device_simulation import simulate_on_device
from ._irregular import checked_steps, with_gaps_filled
from ._simulation import METHODS
from ._steppers import Stepper, VaryingStepper
from ._stepping import as_discrete


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
    irregular: bool = False,
    missing: Any = None,
    fill: str = "hold",
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
    irregular : bool
        Samples that do not come at even times: `dt` then has shape (T,), or (..., T) with steps of their own for every
        head, and dt[k] leads from sample k-1 to sample k, so that np.diff(t, prepend=t0) serves for times t. Always
        computed by "recurrence".
    missing : array_like of bool, shape of `u` or (T,), optional
        True where there is no sample; what `u` holds there, NaN perhaps, is not read. Outputs are given all the same.
    fill : {"hold", "zero"}
        What drives the system where samples are missing: the last one that is not (at the beginning `u_before`), or
        nothing.
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
    tables of a matrix, which are kept for the last 8 systems of order up to 64; "fft" as `convolution_kernel` and
    `convolve`. Irregular steps: each distinct one is discretized once and by itself; a DPLR system stays O(N r) a
    sample under GBT rules.

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
    return_state, irregular = _arrays.flag("return_state", return_state), _arrays.flag("irregular", irregular)
    there = _device.on_device(backend, u, x0)
    _arrays.choice("method", method, ("auto", "recurrence") if irregular else _methods(there))
    if there:
        if irregular or missing is not None:
            _arrays.fail("backend", "be cpu for irregular or missing samples", "the signal is on a device")
        discrete, signal = as_discrete(system, dt, discretization, alpha), _device.time_last("u", u, axis)
        state = None if x0 is None else _device.numeric("x0", x0)
        y, final = simulate_on_device(discrete, signal, state, _arrays.numeric("u_before", u_before), method, axis)
        return (y, final) if return_state else y
    before = _arrays.numeric("u_before", u_before)
    stepper: Any = VaryingStepper(system, discretization, alpha) if irregular else None
    stepper = stepper or Stepper.of(system, dt, discretization, alpha)
    signal = with_gaps_filled("u", u, axis, missing, fill, before)
    state = None if x0 is None else stepper.check_state(x0)
    if irregular:
        y, final = stepper.run(signal, checked_steps(dt, signal.shape[-1]), state, before, "u")
    else:
        y, final = stepper.run(signal, state, before, method, return_state, "u")
    y = np.moveaxis(y, -1, axis)
    return (y, final) if return_state else y


def _methods(there: bool) -> tuple[str, ...]:
    return ("auto", "recurrence", "chunked") if there else ("auto", *METHODS)
