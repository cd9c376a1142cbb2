"""Read-outs: C and D of a given system by least squares or ridge regression on its states, in blocks of any size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import _arrays, _pairs
from ._least_squares import METHODS, solve
from ._parallel import serial_blas
from ._results import SystemResult
from ._state_blocks import StateBlocks
from ._stepping import as_discrete, refuse_complex
from ._systems import System
from .structured import as_matrix_system

LARGEST_NORM = 1e150
"""Beyond it squares of a block would overflow."""

BLOCK = 4096
"""Samples whose states are held at once."""

RIDGES = np.concatenate([[0.0], np.geomspace(1e-16, 1e2, 37)])
"""Penalties, relative to the largest squared singular value, among which generalized cross-validation chooses."""


@dataclass(frozen=True)
class ReadoutFit(SystemResult):
    """The system with the fitted C and D, and how well they are determined.

    `error` (...) is |y - fit| / |y| of every output, `condition` that of the penalized least-squares problem,
    `degrees_of_freedom` the trace of the smoother, `gcv` its cross-validation score, `samples` how many were used.
    """

    system: Any
    error: np.ndarray
    condition: float
    degrees_of_freedom: float
    gcv: float
    ridge: float
    samples: int
    singular_values: np.ndarray

    def plot(self, ax: Any = None) -> Any:
        """Draw the singular values of states and input; returns the matplotlib axes."""
        from . import _diagnostic_plots

        title = f"States of the signal: condition {self.condition:.3g}"
        return _diagnostic_plots.decay(self.singular_values, ax, "singular values", title, "k")


class ReadoutFitter:
    """Fit a read-out to a signal that arrives in blocks, in memory that does not grow with it.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR, or one of their discrete twins, with one A and B
        Its C and D are not used.
    dt, discretization, alpha
        As in `simulate`.
    x0 : array_like, shape (N,), optional
        State before the first sample, in the basis of `system.to_dense()`.
    direct : bool
        Whether D is fitted too; otherwise it is 0.
    method : {"qr", "normal"}
        What is kept of the samples: the triangular factor of the least-squares problem, or the normal equations.

    Notes
    -----
    *Accuracy*: see `fit_readout`. *Cost* per sample: O(N^2), by matrix products.

    Examples
    --------
    >>> import numpy as np
    >>> import ssm_numerics as ssm
    >>> u = np.random.default_rng(0).normal(size=1000)
    >>> y = ssm.simulate(ssm.Diagonal([-1.0, -2.0], [1.0, 1.0], [3.0, 4.0], D=5.0), u, 0.1)
    >>> fitter = ssm.ReadoutFitter(ssm.Diagonal([-1.0, -2.0], [1.0, 1.0], [0.0, 0.0]), 0.1)
    >>> for part in (slice(0, 300), slice(300, 1000)):
    ...     fitter.update(u[part], y[part])
    >>> fitter.solve().system.C.round(10)
    array([3., 4.])
    """

    def __init__(
        self,
        system: Any,
        dt: Any = None,
        discretization: str | None = None,
        *,
        alpha: float | None = None,
        x0: Any = None,
        direct: bool = True,
        method: str = "qr",
    ) -> None:
        given: Any = as_matrix_system(system)
        if isinstance(given, System):
            given = replace(given, C=np.zeros(given.C.shape[-1], given.dtype), D=0.0)  # type: ignore[type-var]
        discrete = as_discrete(given, dt, discretization, alpha)
        if discrete.batch_shape:
            _arrays.fail("system", "have one A, B and step", f"its batch shape is {discrete.batch_shape}")
        self._system, self._pairs, self._direct = given, getattr(given, "pairs", None), _arrays.flag("direct", direct)
        self._method = METHODS[_arrays.choice("method", method, METHODS)]
        self._states = StateBlocks(discrete.to_dense())
        self._kept: np.ndarray | None = None
        self._outputs: tuple[int, ...] = ()
        self._samples = 0
        self.restart(x0)

    def restart(self, x0: Any = None) -> None:
        """Begin another recording, from rest or from a state x0 (N,) in the basis of `system.to_dense()`."""
        n = self._states.n_states
        state = np.zeros(n) if x0 is None else _arrays.numeric("x0", x0, min_ndim=1)
        if state.shape != (n,):
            _arrays.fail("x0", f"have shape ({n},)", f"its shape is {state.shape}")
        self._states.begin(state)

    def update(self, u: Any, y: Any, where: Any = None) -> None:
        """Take the next samples: u (T,), y (..., T), and `where` (T,) a mask of those that y is known at."""
        signal, wanted = _arrays.numeric("u", u, min_ndim=1), _arrays.numeric("y", y, min_ndim=1)
        if signal.ndim > 1:
            _arrays.fail("u", "be one signal of shape (T,)", f"its shape is {signal.shape}")
        _arrays.trailing("y", wanted, signal.shape, "`u`")
        if self._samples and wanted.shape[:-1] != self._outputs:
            _arrays.fail("y", f"have shape {(*self._outputs, 'T')} as before", f"its shape is {wanted.shape}")
        if self._pairs is not None:
            refuse_complex(u=signal, y=wanted)
        known = np.ones(signal.shape, dtype=bool) if where is None else _arrays.mask("where", where)
        if known.shape != signal.shape:
            _arrays.fail("where", f"have shape {signal.shape}, that of `u`", f"its shape is {known.shape}")
        self._outputs = wanted.shape[:-1]
        targets = wanted.reshape(-1, signal.size).T
        if not _size(targets[known]) < LARGEST_NORM:
            _arrays.fail("y", "have squares within float64", f"it reaches {np.abs(targets[known]).max():.3g}")
        for first in range(0, signal.size, BLOCK):
            part = slice(first, first + BLOCK)
            inputs = signal[part, None][:, : int(self._direct)]
            rows = np.concatenate([self._states.push(signal[part]), inputs, targets[part]], axis=1)[known[part]]
            if not _size(rows) < LARGEST_NORM:
                found = "they overflow: the system is not stable enough, its step too long, or a value too large"
                _arrays.fail("u", "keep the squares of states and inputs finite", found)
            if len(rows):
                with serial_blas():
                    self._kept = self._method.update(self._kept, rows)
        self._samples += int(known.sum())

    def solve(self, ridge: float | str = 0.0) -> ReadoutFit:
        """The read-out of all samples so far, with the penalty `ridge` |C|^2, or "gcv"; more samples may follow."""
        n, p = self._states.n_states, self._states.n_states + self._direct
        if self._kept is None:
            _arrays.fail("y", "have been given to `update` before", "there are no samples")
        problem, penalized = self._method.reduce(self._kept, p, self._samples), np.arange(p) < n
        if isinstance(ridge, str):
            _arrays.choice("ridge", ridge, ("gcv",))
            largest = np.linalg.norm(problem.factor, 2) ** 2
            best = min((solve(problem, value, penalized) for value in RIDGES * largest), key=lambda one: one.gcv)
        else:
            best = solve(problem, _arrays.real_number("ridge", ridge, least=0.0), penalized)
        if not np.isfinite(best.coefficients).all():
            _arrays.fail("u", "be large enough for finite C and D", "they overflow")
        C = best.coefficients[:n]
        D = best.coefficients[n] if self._direct else np.zeros_like(C, shape=C.shape[1])
        return ReadoutFit(
            system=self._fitted(C.T.reshape(*self._outputs, n), D.reshape(self._outputs)),
            error=best.error.reshape(self._outputs),
            condition=best.condition,
            degrees_of_freedom=best.degrees_of_freedom,
            gcv=best.gcv,
            ridge=best.ridge,
            samples=self._samples,
            singular_values=best.singular_values,
        )

    def _fitted(self, C: np.ndarray, D: np.ndarray) -> Any:
        if self._pairs is not None:  # C of the dense form is `realify` of the stored conj(C)
            C = _pairs.from_coordinates(C / _pairs.unitary_scale(self._pairs), self._pairs).conj()
        return replace(self._system, C=C, D=D)


def _size(rows: np.ndarray) -> float:
    """The norm of all entries, infinite or NaN where their squares are."""
    with np.errstate(all="ignore"):
        return float(np.linalg.norm(rows))


def fit_readout(
    system: Any,
    u: Any,
    y: Any,
    dt: Any = None,
    discretization: str | None = None,
    *,
    alpha: float | None = None,
    ridge: float | str = 0.0,
    x0: Any = None,
    where: Any = None,
    direct: bool = True,
    method: str = "qr",
) -> ReadoutFit:
    """C and D of a system, from a signal and the outputs that are wanted, by least squares or ridge regression.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR, or one of their discrete twins, with one A and B
        Its C and D are not used.
    u : array_like, shape (T,)
    y : array_like, shape (..., T)
        One output, or several, which get a C each.
    dt, discretization, alpha
        As in `simulate`.
    ridge : float or "gcv"
        The penalty `ridge` |C|^2 in the basis of `system.to_dense()`, D free; "gcv" chooses the one of least
        generalized cross-validation, which takes residuals for independent.
    x0 : array_like, shape (N,), optional
        State before the first sample, in the basis of `system.to_dense()`.
    where : array_like of bool, shape (T,), optional
        The samples that y is known at, or that count; states run on through the others.
    direct : bool
        Whether D is fitted too; otherwise it is 0.
    method : {"qr", "normal"}
        "qr": the triangular factor of states and outputs, updated block by block. "normal": the normal equations.

    Returns
    -------
    ReadoutFit
        `.system` is the given one with the new C (..., N) and D (...).

    Raises
    ------
    ValueError, TypeError
        For a system with several heads, or shapes that do not match.

    Notes
    -----
    *Accuracy*: with X the states and inputs of all samples, p columns of condition kappa, and y in their range, "qr"
    errs by at most 8 p u kappa |c| (a residual r adds 8 p u kappa^2 |r| / |X|), "normal" by 8 p u kappa^2 |c|: past
    kappa = 1e8 it has no digit. Directions within rounding of zero are left out by both. Several recordings, or blocks:
    `ReadoutFitter`.

    *Cost*: O(T N^2) in matrix products; nothing is compiled.

    References
    ----------
    N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002, chapter 20; G. H. Golub, M. Heath, G. Wahba,
    Technometrics 21 (1979), 215-223.

    Examples
    --------
    >>> import numpy as np
    >>> import ssm_numerics as ssm
    >>> u = np.random.default_rng(0).normal(size=2000)
    >>> smooth = ssm.convolve(np.hanning(90), u)  # a window of 0.9 s
    >>> fit = ssm.fit_readout(ssm.hippo("legt", 24).state_space(np.zeros(24)), u, smooth, 0.01, "zoh")
    >>> fit.system.C.shape, bool(fit.error < 0.01)
    ((24,), True)
    """
    options = {"alpha": alpha, "x0": x0, "direct": direct, "method": method}
    fitter = ReadoutFitter(system, dt, discretization, **options)
    fitter.update(u, y, where)
    return fitter.solve(ridge)
