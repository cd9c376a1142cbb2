"""Diagonal systems fitted to kernels by least squares in poles or step, the weights eliminated; choice of the order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._kernel_search import SEARCHES, ProjectedResidual
from ._matrices import UNIT
from ._mode_basis import RULES, Projection, Rule, weights_of
from ._results import Number, SystemResult
from .discretization import discretize
from .realization import LARGEST_WINDOW, METHODS, hankel_svd, kernel_rows, realize_kernel, scaled, stored_nodes
from .state_space import Diagonal

CRITERIA = ("bic", "aic", "gap")

LARGEST_STEP = 1e6
"""What |dt Lambda| may begin with; the bilinear rule maps larger ones to -1 within 4e-6."""


@dataclass(frozen=True)
class KernelFit(SystemResult):
    """A stable Diagonal system and its step, fitted to kernels.

    `error` and `initial_error` are |K - fit| / |K|, `condition` that of the columns z^l at unit length. `uncertainty`
    holds the standard deviations of what was free, if the residual is white noise: of Re Lambda + i Im Lambda (n,), or
    of dt. `aic` and `bic` count order and weights; `converged` is False where `max_iterations` ended the search.
    """

    system: Any
    dt: float
    discretization: str
    error: float
    initial_error: float
    condition: float
    uncertainty: np.ndarray
    aic: float
    bic: float
    iterations: int
    converged: bool
    kernel: np.ndarray
    fitted: np.ndarray

    def plot(self, ax: Any = None) -> Any:
        """Draw the kernel and the fit, of the first head; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.fitted_kernel(self, ax)


@dataclass(frozen=True)
class OrderSelection(Number):
    """The order chosen, `value`, the criterion of every order tried, and the Hankel singular values of the data."""

    value: int
    criterion: str
    orders: np.ndarray
    scores: np.ndarray
    hankel_singular_values: np.ndarray

    def plot(self, ax: Any = None) -> Any:
        """Draw the criterion against the order; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.order_selection(self, ax)


def fit_kernel(
    K: Any,
    order: int | None = None,
    dt: float = 1.0,
    *,
    start: Diagonal | None = None,
    free: str = "Lambda",
    discretization: str = "zoh",
    initial: str = "era",
    max_iterations: int = 200,
) -> KernelFit:
    """A stable diagonal system whose convolution kernel is closest to K in the mean square.

    Parameters
    ----------
    K : array_like, shape (..., L)
        One kernel, or several that share poles and get a C each; real or complex.
    order : int
        Number of states, unless `start` has them. A real pole on the negative real axis takes two.
    dt : float, time
        The step; where it is fitted, the first guess.
    start : Diagonal, optional
        Poles to start from, instead of `initial`, and needed for "dt"; by conjugate pairs for real K. Its B and C are
        not used.
    free : {"Lambda", "dt"}
        What is fitted beside the weights B C: the poles, or one factor of all of them, which is the step (only the
        product of both acts, so never both).
    discretization : {"zoh", "bilinear"}
    initial : {"era", "aaa"}
        Where poles start, see `realize_kernel`.
    max_iterations : int
        Evaluations of the residual that are allowed.

    Returns
    -------
    KernelFit
        `.system`: Diagonal with B = 1, real poles and conjugate pairs for real K; use it with `.dt` and the rule.

    Raises
    ------
    ValueError, TypeError
        For arguments that do not fit together.

    Notes
    -----
    Variable projection: for given poles the weights are a linear least-squares problem, so SciPy's `least_squares` sees
    poles only, through the projected residual and its exact derivative. With the columns F of z_n^l, their pseudo-
    inverse F+, weights c and residual r, it is (I - F F+) dF c + (F+)* dF* r, and dz^l = l z^l d log z. Stable by
    construction: dt Lambda = -exp(a) + i omega. The minimum is local: where it is poor, try the other start, or an
    order more.

    *Accuracy*: poles of a kernel of this order that only rounding has touched come back within
    8 L max|log z| u |K| |J+|, J the derivative; `uncertainty` holds the norms of the rows of J+ times the residual's
    standard deviation.
    *Cost*: per iteration O(L n (n + q) H) for n modes, q parameters, H kernels.

    References
    ----------
    G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973), 413-432.

    Examples
    --------
    >>> import numpy as np
    >>> import ssm_numerics as ssm
    >>> t = 0.1 * np.arange(100)
    >>> K = np.exp(-t) * np.cos(3 * t) + 0.01 * np.random.default_rng(0).normal(size=100)
    >>> fit = ssm.fit_kernel(K, 2, dt=0.1)
    >>> fit.system.Lambda.round(1), fit.uncertainty.round(2)
    (array([-1.+3.j]), array([0.01+0.01j]))
    """
    data = kernel_rows(K)
    scale = float(np.abs(data).max())
    y = data / scale
    step = _arrays.real_number("dt", dt, above=0.0)
    _arrays.choice("free", free, SEARCHES)
    rule = RULES[_arrays.choice("discretization", discretization, RULES)]
    most = _arrays.count("max_iterations", max_iterations)
    if free == "dt" and start is None:
        _arrays.fail("start", "be given where `free` is 'dt'", "it is None")
    x, pairs = _found(K, order, initial, rule) if start is None else _given(start, order, step, np.isrealobj(y))
    search = SEARCHES[free](x, pairs, rule)
    fitted = ProjectedResidual(search, y, pairs, rule)
    first, per_number = fitted.at(search.first), 1 + np.iscomplexobj(y)
    unknowns = search.first.size + per_number * first.coefficients.size
    if unknowns > per_number * y.size:
        _arrays.fail("K", f"have at least {unknowns} samples for {unknowns} parameters", f"it has {y.size}")
    best, iterations, converged = fitted.minimize(most)
    fit = fitted.at(best)
    weights = weights_of(fit.coefficients, pairs)
    spread = search.spread(fitted.deviations(best, unknowns), search.nodes(best))
    if free == "dt":
        Lambda, step = x / step, step * float(np.exp(best[0]))
        uncertainty = step * spread
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            Lambda, uncertainty = rule.slowest(search.nodes(best)) / step, spread / step
        if pairs is not None:  # a mode and its partner are one: the upper half-plane names both
            weights = np.where(Lambda.imag < 0, weights.conj(), weights)
            Lambda = np.where(Lambda.imag < 0, Lambda.conj(), Lambda)
    if not np.isfinite(Lambda).all():
        _arrays.fail("dt", "leave the poles within the range of float64", f"it is {step:.3g}")
    ones, stored = np.ones(Lambda.size), False if pairs is None else pairs
    B_bar = discretize(Diagonal(Lambda, ones, ones, 0.0, stored), step, discretization).B_bar
    with np.errstate(over="ignore"):
        C = scale * (weights / B_bar)
    if not np.isfinite(C).all():
        _arrays.fail("K", "leave C within the range of float64", f"it overflows for entries up to {scale:.3g}")
    heads, size = np.shape(K)[:-1], float(np.linalg.norm(y))
    aic, bic = _criteria(fit, y, unknowns)
    return KernelFit(
        system=Diagonal(Lambda, ones, C.reshape(*heads, -1), 0.0, stored),
        dt=step,
        discretization=discretization,
        error=float(np.linalg.norm(fit.residual)) / size,
        initial_error=float(np.linalg.norm(first.residual)) / size,
        condition=fit.condition,
        uncertainty=uncertainty,
        aic=aic,
        bic=bic,
        iterations=iterations,
        converged=converged,
        kernel=data.reshape(np.shape(K)),
        fitted=(scale * (y - fit.residual)).reshape(np.shape(K)),
    )


def kernel_order(K: Any, largest: int = 12, *, criterion: str = "bic", initial: str = "era") -> OrderSelection:
    """The number of states that a kernel needs.

    Parameters
    ----------
    K : array_like, shape (..., L)
    largest : int
        Orders 1, ..., largest are tried.
    criterion : {"bic", "aic", "gap"}
        "bic", "aic": n log(|r|^2 / n) + k log n, or + 2 k, for the fit of each order to n real samples with k real
        parameters, poles and weights: for kernels with white noise of unknown size. "gap": the largest ratio
        sigma_r / sigma_{r+1} of Hankel singular values, those below 16 u sigma_1 counted as that much: for kernels
        without noise.
    initial : {"era", "aaa"}
        As in `fit_kernel`.

    Returns
    -------
    OrderSelection
        `float(result)` or `.value` is the order; `.scores` of "gap" are the ratios, largest is best.

    Notes
    -----
    Residuals below rounding, |r| <= u sqrt(n) |K|, count as that, so the least order that reaches them wins. BIC finds
    the order of data that have one as L grows; AIC predicts well, and takes more states than there are.

    *Cost*: `largest` fits; "gap" one SVD.

    References
    ----------
    H. Akaike, IEEE Trans. Autom. Control 19 (1974), 716-723; G. Schwarz, Ann. Statist. 6 (1978), 461-464.

    Examples
    --------
    >>> import numpy as np
    >>> import ssm_numerics as ssm
    >>> K = 0.9 ** np.arange(60) * np.cos(np.arange(60)) + 0.001 * np.random.default_rng(0).normal(size=60)
    >>> ssm.kernel_order(K, 5).value
    2
    """
    y, scale = scaled(kernel_rows(K))
    _arrays.choice("criterion", criterion, CRITERIA)
    n_rows = min(-(-y.shape[-1] // 2), LARGEST_WINDOW)
    largest = _arrays.count("largest", largest)
    if largest > (most := min(n_rows - 1, y.shape[-1] - n_rows + 1)):
        _arrays.fail("largest", f"be at most {most} for L = {y.shape[-1]}", f"it is {largest}")
    values = hankel_svd(y, n_rows)[1]
    orders = np.arange(1, largest + 1)
    if criterion == "gap":
        raised = np.maximum(values, 16 * UNIT * values[0])
        scores = raised[:largest] / np.append(raised[1:], raised[-1])[:largest]
        return OrderSelection(int(orders[np.argmax(scores)]), criterion, orders, scores, scale * values)
    scores = np.array([getattr(fit_kernel(K, int(n), initial=initial), criterion) for n in orders])
    return OrderSelection(int(orders[np.argmin(scores)]), criterion, orders, scores, scale * values)


def _criteria(fit: Projection, y: np.ndarray, k: int) -> tuple[float, float]:
    """AIC and BIC of k real parameters, up to a constant that all orders share."""
    n = (1 + np.iscomplexobj(y)) * y.size
    energy = max(np.linalg.norm(fit.residual) ** 2, n * (UNIT * np.linalg.norm(y)) ** 2)
    spread = n * math.log(energy / n)
    return spread + 2 * k, spread + k * math.log(n)


def _found(K: Any, order: int | None, initial: str, rule: Rule) -> tuple[np.ndarray, np.ndarray | None]:
    """Poles of a realization, moved inside the unit disk where they are not."""
    if order is None:
        _arrays.fail("order", "be given unless `start` is", "it is None")
    _arrays.choice("initial", initial, METHODS)
    z, pairs = realize_kernel(K, order, method=initial).system.poles().astype(complex), None
    if np.isrealobj(np.asarray(K)):
        z, pairs = stored_nodes(z)
        pairs = pairs | (z.real < 0)  # on the negative real axis no real pole of a continuous system lands
    size = np.clip(np.abs(z), math.exp(-8.0), 1 - 0.1 / np.shape(K)[-1])
    angle = np.angle(z)
    x = rule.from_node(size * np.exp(1j * angle))
    return np.where(angle == 0, x.real, x), pairs


def _given(start: Any, order: int | None, dt: float, real: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """dt Lambda of the system to start from, and its mask."""
    if not isinstance(start, Diagonal):
        _arrays.fail("start", "be a Diagonal system", f"it is {type(start).__name__}", TypeError)
    if start.Lambda.ndim > 1:
        _arrays.fail("start", "be one system", f"its poles have shape {start.Lambda.shape}")
    if order is not None and _arrays.count("order", order) != start.n_states:
        _arrays.fail("order", f"be that of `start`, {start.n_states}, or omitted", f"it is {order}")
    if not start.Lambda.real.max() < 0:
        _arrays.fail("start", "be stable", f"the largest real part of its poles is {start.Lambda.real.max():.3g}")
    with np.errstate(over="ignore"):
        reach = float(np.abs(dt * start.Lambda).max())
    if not reach <= LARGEST_STEP:
        _arrays.fail("start", f"have |dt Lambda| at most {LARGEST_STEP:.0e}", f"it reaches {reach:.3g}")
    pairs = start.pairs
    if not real:
        return dt * start.full().Lambda.astype(complex), None
    if pairs is None and np.any(start.Lambda.imag):
        _arrays.fail("start", "be stored by conjugate pairs where `K` is real", "it is stored in full")
    x = dt * start.Lambda.astype(complex)
    return x, np.zeros(x.size, dtype=bool) if pairs is None else pairs
