"""Inside other people's @njit code: a system's step, sample by sample, and public functions on one-dimensional arrays.

Importing this module is what makes `vandermonde_product`, `cauchy_product` and `convolve` known to Numba.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload
from numba.np.numpy_support import as_dtype

from .. import _arrays
from .._steppers import Stepper
from .._stepping import prepared
from ..compiled._jit import jit
from ..compiled.cauchy import pole_factors
from ..compiled.recurrence import dense_run, modal_run, structured_loop, turn_complex, turn_pairs
from ..compiled.vandermonde import power_tables_loop
from ..convolution import convolve as _convolve
from ..products import cauchy_product as _cauchy_product
from ..products import vandermonde_product as _vandermonde_product

__all__ = ["compiled_step", "run"]


def compiled_step(
    system: Any,
    dt: Any = None,
    discretization: str | None = None,
    *,
    alpha: float | None = None,
    x0: Any = None,
    u_before: Any = 0.0,
    dtype: Any = np.float64,
) -> tuple[Callable[..., Any], Any, np.ndarray]:
    """One step of a system as a function that @njit code can call.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR, or one of their discrete twins
        Without leading axes: one head.
    dt, discretization, alpha, x0, u_before
        As in `Stream`.
    dtype : dtype
        Of the samples: complex for complex ones.

    Returns
    -------
    step : compiled function
        ``step(u_k, memory)`` returns y_k. The same few functions serve all systems: compiled once for each structure
        and dtype, they can be called, stored in closures and passed to compiled functions.
    memory : tuple of arrays
        The system and its state, which `step` changes; for one caller at a time.
    state : ndarray
        The state in `memory`, to be read or written in place: (N,), or the 2 N real and imaginary parts of stored
        pairs.

    Raises
    ------
    ValueError, TypeError
        As `Stream`, and for a system with leading axes.

    Notes
    -----
    *Accuracy*: bit for bit the outputs of `Stream`. *Cost*: that of the recurrence; below a microsecond for a dense
    system of 64 states (``ssm-numerics bench --only stream-dense``).

    Examples
    --------
    >>> import numba, ssm_numerics as ssm
    >>> from ssm_numerics.interop.numba import compiled_step
    >>> step, memory, state = compiled_step(ssm.Diagonal([-1.0], [1.0], [1.0]), 0.5, "backward_euler")
    >>> @numba.njit
    ... def rise(memory, level):  # the number of samples until the output has risen to a level
    ...     count = 1
    ...     while step(1.0, memory) < level:
    ...         count += 1
    ...     return count
    >>> rise(memory, 0.7)
    3
    """
    stepper = Stepper.of(system, dt, discretization, alpha)
    if stepper.discrete.batch_shape:
        _arrays.fail("system", "be one head", f"its leading axes are {stepper.discrete.batch_shape}")
    try:
        sample = np.zeros(1, dtype=dtype)
    except Exception:  # whatever NumPy makes of what is no dtype
        _arrays.fail("dtype", "be a dtype of numbers", f"it is {_arrays.shown(dtype)}", TypeError)
    before, sample = _arrays.numeric("u_before", u_before), _arrays.numeric("dtype", sample)
    state = stepper.entering(None if x0 is None else stepper.check_state(x0), sample, before)
    for name, leading in (("u_before", before.shape), ("x0", () if state is None else state.shape[:-1])):
        if leading:
            _arrays.fail(name, "belong to one signal", f"its leading axes are {leading}")
    kind, (head, signal, runs, *operators, C, u, last, x, work, y), _, _ = prepared(
        stepper.discrete, sample, state, before, None, {}
    )
    D = stepper.discrete.D.astype(np.result_type(stepper.discrete.D, y))[()]
    if kind == "structured":
        return structured_step, ((head, signal, runs, *operators, C, u, last, x, work, y), D), x[0]
    row = (*(operator[0, 0] for operator in operators), C[0])
    return _STEPS[kind], (row, u[0], last, x[0], work[0], y[0], D), x[0]


@jit
def dense_step(now, memory):  # type: ignore[no-untyped-def]
    """One step of a system with a matrix."""
    (keep, A, b, b_prev, c), source, before, state, work, y, D = memory
    source[0] = now
    before[0] = dense_run(keep, A, b, b_prev, c, source, 0, 1, before[0], state, work, y)
    return y[0] + D * now


@jit
def modes_step(now, memory):  # type: ignore[no-untyped-def]
    """One step of a diagonal or DPLR system with every mode stored."""
    (modes, P, Q, c), source, before, state, work, y, D = memory
    source[0] = now
    before[0] = modal_run(turn_complex, modes, P, Q, c, source, 0, 1, before[0], state, work, y)
    return y[0] + D * now


@jit
def pairs_step(now, memory):  # type: ignore[no-untyped-def]
    """One step of a diagonal or DPLR system stored by conjugate pairs."""
    (modes, P, Q, c), source, before, state, work, y, D = memory
    source[0] = now
    before[0] = modal_run(turn_pairs, modes, P, Q, c, source, 0, 1, before[0], state, work, y)
    return y[0] + D * now


@jit
def structured_step(now, memory):  # type: ignore[no-untyped-def]
    """One step of the system of a HiPPO operator."""
    arguments, D = memory
    arguments[-5][0, 0] = now
    structured_loop(0, 1, *arguments)
    return arguments[-1][0, 0] + D * now


_STEPS = {"dense": dense_step, "modes": modes_step, "pairs": pairs_step}


@jit
def run(step, memory, u, y):  # type: ignore[no-untyped-def]
    """y[k] = step(u[k], memory) for all samples; from Python or from @njit code.

    Examples
    --------
    >>> import numpy as np, ssm_numerics as ssm
    >>> from ssm_numerics.interop.numba import compiled_step, run
    >>> step, memory, state = compiled_step(ssm.Diagonal([-1.0], [1.0], [1.0]), 0.5, "backward_euler")
    >>> y = np.empty(3)
    >>> run(step, memory, np.ones(3), y)
    >>> y.round(4), state.round(4)
    (array([0.3333, 0.5556, 0.7037]), array([0.7037]))
    """
    for k in range(u.size):
        y[k] = step(u[k], memory)


# Public functions on one-dimensional arrays


def _vector_dtype(*arrays: Any) -> np.dtype | None:
    """The working dtype of one-dimensional arrays of numbers, else None: Numba then says that it knows no such call."""
    if not all(
        isinstance(a, types.Array) and a.ndim == 1 and isinstance(a.dtype, (types.Float, types.Complex)) for a in arrays
    ):
        return None
    return np.result_type(*(as_dtype(a.dtype) for a in arrays))


@jit
def power_sums(c, z, L):  # type: ignore[no-untyped-def]
    """sum_n c_n z_n^l for l < L, in complex double precision, from the tables of `vandermonde_product`."""
    if c.size != z.size or c.size == 0 or L < 1:
        raise ValueError("`z` must have the length of `c`, at least 1, and `L` must be at least 1.")
    radix = math.ceil(L**0.25)
    M = radix * radix
    given = np.zeros((3, 1, c.size), dtype=np.complex128)
    for n in range(c.size):
        given[0, 0, n], given[1, 0, n] = c[n], z[n]
    fine = np.empty((1, M, c.size), dtype=np.complex128)
    coarse = np.empty((1, (L - 1) // M + 1, c.size), dtype=np.complex128)
    work, small = np.empty((3, 4, c.size)), np.empty((radix, 2, c.size))
    power_tables_loop(given, 1.0, (radix, radix), work, small, fine, coarse, 0, 1)
    out = np.zeros(L, dtype=np.complex128)
    for l in range(L):
        for n in range(c.size):
            out[l] += coarse[0, l // M, n] * fine[0, l % M, n]
    return out


@jit
def fraction_sums(v, z, poles):  # type: ignore[no-untyped-def]
    """sum_n v_n / (z_l - p_n) in complex double precision."""
    if v.size != poles.size:
        raise ValueError("`poles` must have the length of `v`.")
    out = np.zeros(z.size, dtype=np.complex128)
    for l in range(z.size):
        for i in range(v.size):
            f_re, f_im = pole_factors(z[l].real, z[l].imag, poles[i].real, poles[i].imag)
            out[l] += v[i] * complex(f_re, -f_im)
    return out


@overload(_vandermonde_product)
def _overload_vandermonde(c, z, L, method="auto", backend="cpu"):  # type: ignore[no-untyped-def]
    dtype, wide = _vector_dtype(c, z), np.complex128
    if dtype is None or not isinstance(L, types.Integer):
        return None
    if dtype.kind == "f":
        return lambda c, z, L, method="auto", backend="cpu": power_sums(c.astype(wide), z.astype(wide), L).real.astype(
            dtype
        )
    return lambda c, z, L, method="auto", backend="cpu": power_sums(c.astype(wide), z.astype(wide), L).astype(dtype)


@overload(_cauchy_product)
def _overload_cauchy(v, z, poles, method="auto", backend="cpu"):  # type: ignore[no-untyped-def]
    dtype, wide = _vector_dtype(v, z, poles), np.complex128
    if dtype is None:
        return None
    if dtype.kind == "f":
        return lambda v, z, poles, method="auto", backend="cpu": fraction_sums(
            v.astype(wide), z.astype(wide), poles.astype(wide)
        ).real.astype(dtype)
    return lambda v, z, poles, method="auto", backend="cpu": fraction_sums(
        v.astype(wide), z.astype(wide), poles.astype(wide)
    ).astype(dtype)


@overload(_convolve)
def _overload_convolve(K, u, D=0.0, axis=-1):  # type: ignore[no-untyped-def]
    dtype = _vector_dtype(K, u)
    if dtype is None or not isinstance(D, (types.Float, types.Integer, types.Omitted, float)):
        return None

    def convolved(K, u, D=0.0, axis=-1):  # type: ignore[no-untyped-def]
        y = np.empty(u.size, dtype=dtype)
        for k in range(u.size):
            total = u[k] * K[0] * 0
            for l in range(min(k + 1, K.size)):
                total += K[l] * u[k - l]
            y[k] = total + D * u[k]
        return y

    return convolved
