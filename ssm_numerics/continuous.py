"""The continuous view: impulse responses, and exact responses to piecewise inputs and to functions of time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _arrays, _pairs
from ._exponential import holds
from ._steppers import step_blocks, with_step_axis
from ._stepping import CONTINUOUS, refuse_complex, run
from .convolution_kernel import METHODS, Problem
from .discretization import exact_steps
from .state_space import DPLR, Diagonal, DiscreteStateSpace, StateSpace
from .structured import StructuredStateSpace

MOST_EVALUATIONS = 300_000
"""The ODE solver gives up after reading the input this often, about half a minute."""

BLOCK_BYTES = 2**26
"""Working memory for the exponentials of many different steps."""


def impulse_response(system: Any, t: Any) -> np.ndarray:
    """The continuous kernel h(t) = C e^{tA} B at times t >= 0 (the impulse D delta(t) is not part of it).

    Parameters
    ----------
    system : StateSpace, Diagonal or DPLR
    t : array_like, any shape, time

    Returns
    -------
    h : ndarray, shape batch_shape + t.shape

    Raises
    ------
    ValueError, TypeError
        For a negative time or a discrete system.

    Notes
    -----
    *Accuracy*: diagonal systems (2 + |t Lambda|) eps relative to sum |C e^{t Lambda} B|, plus N eps for the sum; dense
    ones 2 (N + ||tA||) eps times ||C|| ||e^{tA/4}||^4 ||B||, what the last squarings of the delta form commit.
    *Cost*: O(N) per time for diagonal systems; dense: on an evenly spaced grid one exponential and a blocked Krylov
    product, otherwise one exponential, O(N^3), per distinct time.

    References
    ----------
    [S4] section 2.3, equation (5) is its discrete twin.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.impulse_response(ssm.Diagonal([-1.0], [1.0], [2.0]), [0.0, 1.0]).round(4)
    array([2.    , 0.7358])
    """
    _require_continuous(system)
    times = _arrays.numeric("t", t, real=True)
    if (times < 0).any():
        _arrays.fail("t", "not be negative", f"its least entry is {times.min()}")
    with np.errstate(all="ignore"):
        flat = times.reshape(-1).astype(_arrays.real_dtype(system.dtype))
        is_diagonal = isinstance(system, Diagonal)
        h = _diagonal_response(system, flat) if is_diagonal else _dense_response(system.to_dense(), flat)
    if not np.isfinite(h).all():
        _arrays.fail("t", "keep t A and e^{tA} finite", f"the response overflows for a time up to {times.max():.3g}")
    return h.reshape(h.shape[:-1] + times.shape)


def _diagonal_response(system: Diagonal, t: np.ndarray) -> np.ndarray:
    weighted = system.weights.astype(t.dtype) * system.C * system.B
    block = max(1, BLOCK_BYTES // (16 * max(1, weighted.size, system.Lambda.size)))
    parts = [np.exp(part[:, None] * system.Lambda[..., None, :]) @ weighted[..., None] for part in _blocks(t, block)]
    h = np.concatenate(parts, axis=-2)[..., 0]
    h = np.broadcast_to(h, (*system.batch_shape, t.size))
    return _pairs.real_part(h, system.pairs).astype(system.output_dtype)


def _dense_response(system: StateSpace, t: np.ndarray) -> np.ndarray:
    step = even_step(t)
    if step is not None and t.size > 2:
        discrete = exact_steps(system, np.asarray(step, dtype=t.dtype), "zoh")
        start = holds(t[0] * system.A, system.B, with_ramp=False)[0].times(system.B[..., None])[..., 0]
        if not np.isfinite(start).all():
            return start
        even = DiscreteStateSpace(discrete.A_bar, start, system.C, 0.0, discrete.dt, None, discrete.increment)
        h = METHODS["krylov_blocked"].run(Problem(even, t.size))
        return np.ascontiguousarray(np.broadcast_to(h, (*system.batch_shape, t.size)))
    distinct, where = np.unique(t, return_inverse=True)
    block = max(1, BLOCK_BYTES // (64 * system.A.size))
    parts = []
    for part in _blocks(distinct, block):
        hA = part.reshape(-1, *([1] * (len(system.batch_shape) + 2))) * system.A
        states = holds(hA, system.B, with_ramp=False)[0].times(system.B[..., None])
        parts.append((system.C[..., None, :] @ states)[..., 0, 0])
    h = np.moveaxis(np.concatenate(parts, axis=0), 0, -1)[..., where]
    return np.ascontiguousarray(np.broadcast_to(h, (*system.batch_shape, t.size)))


def respond(
    system: Any,
    u: Any,
    t: Any,
    hold: str | Callable[..., Any] = "zoh",
    *,
    x0: Any = None,
    t0: float = 0.0,
    u_before: Any = 0.0,
    rtol: float = 1e-10,
) -> np.ndarray:
    """The output y(t) of the continuous system, from state x0 at time t0, at increasing times t >= t0.

    Parameters
    ----------
    system : StateSpace, Diagonal or DPLR
    u : array_like, shape (..., T), or callable
        Samples at the times t, or a function of time that returns numbers or arrays of the system's batch shape.
    t : array_like, shape (T,), time
        Strictly increasing; the spacing may vary.
    hold : {"zoh", "foh"} or callable
        What u does between samples. "zoh": u_k on (t_{k-1}, t_k], so that even times t_k = (k+1) dt give exactly what
        `simulate` gives under ZOH. "foh": linear from (t_{k-1}, u_{k-1}) to (t_k, u_k), with u_before at t0. A callable
        hold(t, u), called with time as the first axis of u, returns the input as a function of time, as
        scipy.interpolate.CubicSpline does.
    x0 : array_like, shape (..., N), default 0
        State at t0 in the stored basis of `system`.
    t0 : float, time
    u_before : array_like, shape (...), default 0
        u(t0), which only "foh" reads.
    rtol : float
        Relative tolerance of the ODE solver, which only functions of time need.

    Returns
    -------
    y : ndarray, shape (..., T)

    Raises
    ------
    ValueError, TypeError
        For times that do not increase, shapes that do not broadcast, or an ODE solver that fails.

    Notes
    -----
    *Accuracy*: for "zoh" and "foh" exact up to the rounding of `discretize` and `simulate`; for functions SciPy's Radau
    method with the given `rtol`, an independent check of the other two.
    *Cost*: one exponential per distinct step and one recurrence; evenly spaced times share one.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.respond(ssm.Diagonal([-1.0], [1.0], [1.0]), [1.0, 1.0], [1.0, 3.0]).round(4)
    array([0.6321, 0.9502])
    """
    _require_continuous(system)
    start = _arrays.real_number("t0", t0)
    times = _increasing(t, start)
    _arrays.real_number("rtol", rtol, least=100 * float(np.finfo(float).eps), below=1.0)
    if not callable(hold):
        _arrays.choice("hold", hold, ("zoh", "foh"))
    if callable(u) or callable(hold):
        interpolate: Any = hold
        function = u if callable(u) else interpolate(times, np.moveaxis(_samples(u, times), -1, 0))
        if not callable(function):
            _arrays.fail("hold", "return a function of time", f"it returned {type(function).__name__}", TypeError)
        return _integrate(system, function, times, start, x0, rtol)
    signal = _samples(u, times)
    modes = system.pairs if isinstance(system, DPLR) else None
    state = None if x0 is None else _state(system, x0)
    if isinstance(system, (DPLR, StructuredStateSpace)):
        system = system.to_dense()
        state = state if state is None or modes is None else _pairs.realify(state, modes)
    before = _arrays.numeric("u_before", u_before)
    if modes is not None:
        refuse_complex(u=signal, u_before=before)
    steps = np.diff(times, prepend=start)
    even = even_step(times)
    if even is not None:
        steps[1:] = even
    expanded = with_step_axis(system)
    parts = []
    for begin, end in step_blocks(steps, system):
        distinct, which = np.unique(steps[begin:end], return_inverse=True)
        discrete = exact_steps(expanded, distinct.astype(_arrays.real_dtype(system.dtype)), hold)
        y, state = run(discrete, signal[..., begin:end], state, before, step=which.astype(np.int64))
        before = signal[..., end - 1]
        parts.append(y)
    y = np.concatenate(parts, axis=-1)
    with np.errstate(all="ignore"):
        y = y + system.D[..., None] * signal if np.any(system.D) else y
    return _finite(y)


def _finite(y: np.ndarray) -> np.ndarray:
    if not np.isfinite(y).all():
        _arrays.fail("u", "keep the response finite", "it overflows; shorten the signal or scale it down")
    return y


def even_step(t: np.ndarray) -> float | None:
    """The common step of times that are evenly spaced up to their own rounding, else None."""
    if t.size < 2:
        return None
    step = float(t[-1] - t[0]) / (t.size - 1)
    rounding = 4 * np.finfo(t.dtype).eps * float(np.abs(t).max())
    return step if step > 0 and np.abs(np.diff(t) - step).max() <= rounding else None


def _require_continuous(system: Any) -> None:
    if not isinstance(system, CONTINUOUS):
        _arrays.fail(
            "system", "be a continuous StateSpace, Diagonal or DPLR", f"it is {type(system).__name__}", TypeError
        )


def _increasing(t: Any, start: float) -> np.ndarray:
    times = _arrays.numeric("t", t, min_ndim=1, real=True).astype(np.float64)
    if times.ndim != 1:
        _arrays.fail("t", "have one dimension", f"its shape is {times.shape}")
    if times[0] < start:
        _arrays.fail("t", f"not begin before t0 = {start}", f"its first entry is {times[0]}")
    if times.size > 1 and not (np.diff(times) > 0).all():
        _arrays.fail("t", "increase strictly", f"its least difference is {np.diff(times).min()}")
    return times


def _samples(u: Any, times: np.ndarray) -> np.ndarray:
    signal = _arrays.numeric("u", u, min_ndim=1)
    _arrays.trailing("u", signal, times.shape, f"{times.size} times")
    return signal


def _state(system: Any, x0: Any) -> np.ndarray:
    state = _arrays.numeric("x0", x0, min_ndim=1)
    stored = system.C.shape[-1]
    _arrays.trailing("x0", state, (stored,), f"the system's {stored} stored states")
    pairs = getattr(system, "pairs", None)
    if pairs is not None:
        _pairs.require_real("x0", state, pairs)
    return state


def _blocks(t: np.ndarray, length: int) -> list[np.ndarray]:
    return [t[i : i + length] for i in range(0, t.size, length)]


def _integrate(system: Any, function: Any, t: np.ndarray, start: float, x0: Any, rtol: float) -> np.ndarray:
    """Radau on x' = A x + B u(t), head by head."""
    state = None if x0 is None else _state(system, x0)
    pairs = getattr(system, "pairs", None)
    dense = system.to_dense()
    if state is not None and pairs is not None:
        state = _pairs.realify(state, pairs)
    inputs = np.stack([_input_at(function, now) for now in t], axis=-1)
    if pairs is not None:
        refuse_complex(u=inputs)
    batch = _arrays.batch(system=dense.batch_shape, u=inputs.shape[:-1], x0=() if state is None else state.shape[:-1])
    A = np.broadcast_to(dense.A, (*batch, *dense.A.shape[-2:]))
    B, C = (np.broadcast_to(v, (*batch, v.shape[-1])) for v in (dense.B, dense.C))
    initial = np.broadcast_to(np.zeros(B.shape[-1]) if state is None else state, B.shape)
    y = dense.D[..., None] * inputs + np.zeros((*batch, t.size))
    is_complex = any(np.iscomplexobj(v) for v in (dense.A, inputs, initial))
    y = y.astype(_arrays.complex_dtype(np.float64)) if is_complex or np.iscomplexobj(C) else y
    evaluations = 0
    for head in np.ndindex(*batch):

        def drive(now: float, head: tuple[int, ...] = head) -> Any:
            nonlocal evaluations
            evaluations += 1
            if evaluations > MOST_EVALUATIONS * max(1, math.prod(batch)):
                found = f"it has read `u` {evaluations - 1} times and is at {now:.6g}"
                _arrays.fail("t", "end where the ODE solver can reach it (shorten it, or sample `u`)", found)
            return np.broadcast_to(_input_at(function, now), batch)[head]

        states = _radau(A[head], B[head], drive, initial[head], start, t, rtol, is_complex)
        y[head] += C[head] @ states
    return _finite(y)


def _radau(A: Any, B: Any, drive: Any, x0: Any, start: float, t: np.ndarray, rtol: float, is_complex: bool) -> Any:
    """States (N, T) of x' = A x + B drive(t); SciPy's Radau is real: complex systems run as [[Re, -Im], [Im, Re]]."""
    from scipy import integrate

    if t[-1] == start:
        return np.asarray(x0)[:, None]
    n = B.size

    def real(v: Any) -> np.ndarray:
        return np.concatenate([v.real, v.imag]) if is_complex else v

    jacobian = np.block([[A.real, -A.imag], [A.imag, A.real]]) if is_complex else A
    scale = float(np.abs(x0).max() + np.abs(B).max())

    def derivative(now: float, x: np.ndarray) -> np.ndarray:
        return jacobian @ x + real(B * drive(now))

    solve: Any = integrate.solve_ivp
    tolerances = {"rtol": rtol, "atol": rtol * (scale or 1.0)}
    try:
        with np.errstate(all="ignore"):
            span, first = (start, t[-1]), real(x0 + 0 * B)
            solved = solve(derivative, span, first, "Radau", t, jac=jacobian, **tolerances)
    except ValueError as error:
        if "infs or NaNs" not in str(error):
            raise
        return _finite(np.full((n, t.size), np.inf))
    if not solved.success:
        _arrays.fail("u", "be integrable by the ODE solver", f"Radau says: {solved.message}")
    return solved.y[:n] + 1j * solved.y[n:] if is_complex else solved.y


def _input_at(function: Any, now: float) -> np.ndarray:
    return _arrays.numeric("u", function(now))
