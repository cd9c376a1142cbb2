"""Transient growth: how large |e^{tA}| and |A^k| get before they decay, and the Kreiss constants that foretell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._level_sets import CIRCLES, GAP, LINES, Curves, least_on_curve, sigma_min
from ._matrices import UNIT, eigensystem, is_discrete, one_matrix
from ._parallel import SERIAL_ORDER, serial_blas
from ._results import Number
from .field_of_values import numerical_range

MOST_CURVES = 400
"""Lines or circles at which the search for a Kreiss constant gives up."""

PER_OCTAVE = 12
"""Times of an automatic grid between t and 2t."""


@dataclass(frozen=True)
class KreissConstant(Number):
    """K = sup Re z |(z - A)^-1| over Re z > 0, or sup (|z| - 1) |(z - A)^-1| over |z| > 1, and the point it is found
    at.

    `value` is attained at `point`; `upper` bounds the supremum. The largest |e^{tA}|, or |A^k|, lies between `value`
    and `growth_upper` = e N `upper` (the Kreiss matrix theorem).
    """

    value: float
    upper: float
    point: complex
    growth_upper: float
    discrete: bool
    profile: np.ndarray
    statement: str

    def plot(self, ax: Any = None) -> Any:
        """Draw x max |(z - A)^-1| against the distance x from the axis or circle; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.kreiss_constant(self, ax)


@dataclass(frozen=True)
class TransientGrowth(Number):
    """Norms of e^{tA}, or of A^k, at `times`, with bounds at every time and for all time.

    `lower` is e^{alpha t} (or rho^k); `upper` the least of e^{omega t} (|A|^k), kappa(V) e^{alpha t} and e N K.
    `value` is the largest norm found, at `peak_time`; for all times the supremum lies between it and `peak_upper`.
    """

    value: float
    peak_time: float
    peak_upper: float
    times: np.ndarray
    norms: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    kreiss: KreissConstant | None
    discrete: bool

    def plot(self, ax: Any = None) -> Any:
        """Draw the norms between their bounds against time; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.transient_growth(self, ax)


def kreiss_constant(A: Any, discrete: bool | None = None, rtol: float = 0.01) -> KreissConstant:
    """The Kreiss constant of a matrix, enclosed.

    Parameters
    ----------
    A : array_like, shape (N, N), or a system or HiPPO operator of that order
    discrete : bool, optional
        True for powers A^k, False for e^{tA}; a system says so itself, and for the rest False is the default.
    rtol : float
        `upper` is at most (1 + rtol) `value`, where the search can decide it.

    Returns
    -------
    KreissConstant

    Notes
    -----
    On a vertical line (circle) at distance x the largest resolvent norm g(x) is found to 0.1 % by level sets. log g is
    convex (Hadamard's three lines, three circles), so values of g bound x g(x) between them; lines are added until
    gamma = (1 + rtol) `value` is nowhere exceeded. Before the first line x g(0) <= 1, beyond the last one the numerical
    range does the rest: g <= 1/(x - omega). If e^{tA} is a contraction (omega <= 0; numerical radius at most 1), K = 1,
    and no search is made.

    *Accuracy*: resolvents to N u |A|/sigma_min; beyond the trust limit `statement` says so. *Cost*: about 100
    eigenproblems of order 2N.

    References
    ----------
    Trefethen & Embree, Spectra and Pseudospectra, section 14 (e^{tA}) and 18 (A^k); T. Mitchell, SIAM J. Matrix Anal.
    Appl. 41 (2020), 1944-1975.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> K = ssm.kreiss_constant([[-1.0, 20.0], [0.0, -2.0]])
    >>> round(float(K), 3), K.upper / float(K) < 1.0101
    (3.506, True)
    """
    matrix = one_matrix(A)
    discrete = is_discrete(A, discrete)
    rtol = _arrays.real_number("rtol", rtol, above=0.0)
    order, size = len(matrix), float(np.linalg.norm(matrix, 2))
    system = eigensystem(matrix)
    slack = 4 * order * UNIT * max(size, 1.0)
    eigenvalues = system.values
    if discrete:
        curves, beyond = CIRCLES, float(np.abs(eigenvalues).max()) - 1
        excess = min(numerical_range(matrix).radius_upper, size) - 1
    else:
        curves, beyond = LINES, float(eigenvalues.real.max())
        excess = float(np.linalg.eigvalsh((matrix + matrix.conj().T) / 2)[-1])
    if excess <= slack:
        why = "K = 1: the numerical range stays within the half-plane or disk, so resolvents are bounded by it."
        return _kreiss(1.0, 1.0, 0j, order, discrete, np.zeros((0, 2)), why)
    if beyond > slack * min(float(system.conditions.max()), 1 / slack):
        why = "K is infinite: A has an eigenvalue beyond the axis or circle, and powers or exponentials grow for ever."
        return _kreiss(np.inf, np.inf, complex(eigenvalues[np.argmax(eigenvalues.real)]), order, discrete, None, why)
    starts = np.unique(np.append(curves.heights(eigenvalues), 0.0))
    with serial_blas(order <= SERIAL_ORDER):
        return _enclosed(matrix, curves, starts, excess, rtol, discrete)


def _enclosed(
    A: np.ndarray, curves: Curves, starts: np.ndarray, excess: float, rtol: float, discrete: bool
) -> KreissConstant:
    """A search and its proof: curves are added where the bound between two of them is above gamma."""
    order, size = len(A), float(np.linalg.norm(A, 2))
    axis = least_on_curve(A, curves, 0.0, starts)
    first = max(axis[0] * (1 - GAP), np.sqrt(UNIT) * size)
    norms: dict[float, float] = {}  # x -> g(x), at most 1/(1 - GAP) too small
    best, point = 1.0, 0j

    def visit(x: float) -> None:
        nonlocal best, point
        sigma, t = least_on_curve(A, curves, x, starts)
        norms[x] = 1 / sigma
        if x / sigma > best:
            best, point = x / sigma, complex(curves.point(x, np.array(t)))

    for x in np.geomspace(first, max(10 * excess, 2 * first), 9):
        visit(float(x))
    while True:
        best, point = max((best, point), _polished(A, curves, point), key=lambda pair: pair[0])
        gamma = (1 + rtol) * best
        last = excess * gamma / max(gamma - 1, UNIT)  # beyond it the numerical range proves x g(x) <= gamma
        if max(norms) < last:
            visit(last)
        open_intervals = [x for x in _bounds(norms, discrete, gamma) if x not in norms]
        if not open_intervals or len(norms) > MOST_CURVES:
            break
        for x in open_intervals:
            visit(x)
    upper = gamma
    if len(norms) > MOST_CURVES or axis[0] <= 100 * order * UNIT * size:
        why = f"At least {best:.6g}. The spectrum touches the axis or circle to rounding: no upper bound in float64."
        upper = np.inf
    else:
        why = f"The supremum lies between {best:.6g} and {upper:.6g}."
    profile = np.array([(x, x * norms[x]) for x in sorted(norms)])
    return _kreiss(best, upper, point, order, discrete, profile, why)


def _bounds(norms: dict[float, float], discrete: bool, gamma: float) -> list[float]:
    """Where to look next: the middle of every interval on which the convexity of log g leaves room for x g(x) > gamma.

    log g is convex in x on lines (three lines theorem), in log(1 + x) on circles (three circles): between neighbours it
    lies below the chord, on which x g(x) has one maximum, in closed form.
    """
    x = np.array(sorted(norms))
    logs = np.log([norms[value] / (1 - GAP) for value in x.tolist()])
    place = np.log1p(x) if discrete else x
    slope = np.minimum(np.diff(logs) / np.diff(place), -np.finfo(float).tiny)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        turning = np.where(slope < -1, -1 / (1 + slope), np.inf) if discrete else -1 / slope
    peak = np.clip(turning, x[:-1], x[1:])
    above = logs[:-1] + slope * ((np.log1p(peak) if discrete else peak) - place[:-1])
    is_open = np.log(peak) + above > np.log(gamma)
    return [float(np.sqrt(low * high)) for low, high in zip(x[:-1][is_open], x[1:][is_open], strict=True)]


def _polished(A: np.ndarray, curves: Curves, point: complex) -> tuple[float, complex]:
    """A local maximum of x/sigma_min near a point, by the simplex method."""
    from scipy.optimize import minimize

    if point == 0:
        return 1.0, point
    circle = curves is CIRCLES
    x, t = (abs(point) - 1, np.angle(point)) if circle else (point.real, point.imag)

    def place(v: np.ndarray) -> np.ndarray:
        return curves.point(float(x * np.exp(v[0])), np.array([t + x * v[1]]))

    def loss(v: np.ndarray) -> float:
        return -float(x * np.exp(v[0]) / sigma_min(A, place(v))[0])

    simplex = np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1]])
    options: Any = {"initial_simplex": simplex, "xatol": 1e-5, "fatol": 1e-9 * abs(loss(simplex[0]))}
    found = minimize(loss, simplex[0], method="Nelder-Mead", options=options)
    return -float(found.fun), complex(place(found.x)[0])


def _kreiss(
    value: float, upper: float, point: complex, order: int, discrete: bool, profile: Any, why: str
) -> KreissConstant:
    table = np.zeros((0, 2)) if profile is None else profile
    return KreissConstant(value, upper, point, float(np.e * order * upper), discrete, table, why)


def transient_growth(
    A: Any, times: Any = None, discrete: bool | None = None, with_kreiss: bool = True
) -> TransientGrowth:
    """|e^{tA}|_2 over time, or |A^k|_2 over powers, with lower and upper bounds.

    Parameters
    ----------
    A : array_like, shape (N, N), or a system or HiPPO operator of that order
    times : array_like, shape (T,), optional
        Non-negative, ascending; integers for powers. By default twelve per octave until the norm has fallen below 0.1.
    discrete : bool, optional
        As in `kreiss_constant`.
    with_kreiss : bool, default True
        Compute the Kreiss constant too, the most expensive part.

    Returns
    -------
    TransientGrowth

    Notes
    -----
    Between two times s < t a norm is at most that at s times the largest on [0, t - s], which earlier times bound (at
    the very start e^{omega t}, or |A|): hence `peak_upper`, valid for all time once a norm is below one.

    *Accuracy*: about N u log2(t |A|) times the largest norm up to t (scaling and squaring in delta form). *Cost*: one
    product and one singular value decomposition of order N per time.

    References
    ----------
    Trefethen & Embree, Spectra and Pseudospectra, sections 14-16.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> growth = ssm.transient_growth([[-1.0, 20.0], [0.0, -2.0]])
    >>> bool(growth.kreiss.value < float(growth) <= growth.peak_upper)
    True
    """
    matrix = one_matrix(A)
    discrete = is_discrete(A, discrete)
    system = eigensystem(matrix)
    size = float(np.linalg.norm(matrix, 2))
    if discrete:
        decay, start = float(np.abs(system.values).max()), size
    else:
        with np.errstate(over="ignore"):
            decay = float(np.exp(system.values.real.max()))
        start = float(np.exp(min(np.linalg.eigvalsh((matrix + matrix.conj().T) / 2)[-1], 700.0)))
    with np.errstate(over="ignore", invalid="ignore"):
        grid, norms = (
            _measured(matrix, size, discrete) if times is None else _at(matrix, _checked(times, discrete), discrete)
        )
    kreiss = kreiss_constant(matrix, discrete) if _arrays.flag("with_kreiss", with_kreiss) else None
    with np.errstate(over="ignore", invalid="ignore"):
        lower = decay**grid
        upper = np.minimum(start**grid, system.condition * lower)
        upper = upper if kreiss is None else np.minimum(upper, kreiss.growth_upper)
    upper = np.where(grid == 0, 1.0, upper)
    peak = int(np.argmax(norms))
    bound = _between(grid, norms, start)
    peak_upper = bound if norms[-1] < 1 else np.inf
    peak_upper = min(peak_upper, np.inf if kreiss is None else kreiss.growth_upper)
    return TransientGrowth(
        float(norms[peak]), float(grid[peak]), float(peak_upper), grid, norms, lower, upper, kreiss, discrete
    )


def _checked(times: Any, discrete: bool) -> np.ndarray:
    grid = _arrays.numeric("times", times, min_ndim=1, real=True).astype(float)
    if grid.ndim != 1 or grid[0] < 0 or (np.diff(grid) <= 0).any():
        _arrays.fail("times", "be non-negative and ascending, of shape (T,)", f"it begins {grid.ravel()[:4].tolist()}")
    if discrete and (grid != np.round(grid)).any():
        _arrays.fail("times", "be integers for the powers of a matrix", f"one of them is {grid[grid % 1 != 0][0]}")
    return grid


def _measured(A: np.ndarray, size: float, discrete: bool) -> tuple[np.ndarray, np.ndarray]:
    """Norms on the automatic grid: zero, then times in geometric progression until the norm is below 0.1."""
    from ._exponential import holds

    grid, norms = [0.0], [1.0]
    with serial_blas():
        if discrete:
            k, power = 1, A
            while k < 2**53:
                grid.append(float(k))
                norms.append(_norm(power))
                if not 0.1 <= norms[-1] < 1e100:
                    break
                more = max(1, int(k * (2 ** (1 / PER_OCTAVE) - 1)))
                k, power = k + more, power @ np.linalg.matrix_power(A, more)
            return np.array(grid), np.array(norms)
        first = 2.0**-6 / max(size, np.finfo(float).tiny)
        steps = first * 2.0 ** (np.arange(PER_OCTAVE) / PER_OCTAVE)
        powers = [holds(t * A, np.zeros(len(A)), False)[0] for t in steps]
        for octave in range(64):
            for i, t in enumerate(steps):
                grid.append(float(t * 2.0**octave))
                norms.append(_norm(powers[i].plain()))
                if not 0.1 <= norms[-1] < 1e100:
                    return np.array(grid), np.array(norms)
            powers = [power.squared() for power in powers]
    return np.array(grid), np.array(norms)


def _norm(matrix: np.ndarray) -> float:
    """||matrix||_2, infinite where the matrix has overflowed."""
    return float(np.linalg.norm(matrix, 2)) if np.isfinite(matrix).all() else np.inf


def _at(A: np.ndarray, grid: np.ndarray, discrete: bool) -> tuple[np.ndarray, np.ndarray]:
    from ._exponential import holds

    if discrete:
        powers = (np.linalg.matrix_power(A, int(k)) for k in grid)
    else:
        powers = (holds(t * A, np.zeros(len(A)), False)[0].plain() for t in grid)
    return grid, np.array([_norm(power) for power in powers])


def _between(grid: np.ndarray, norms: np.ndarray, start: float) -> float:
    """A bound of every norm up to the last time; `bounds[i]` is one up to grid[i]."""
    bounds = np.ones(len(grid))
    with np.errstate(over="ignore"):
        for i in range(len(grid) - 1):
            gap = grid[i + 1] - grid[i]
            j = int(np.searchsorted(grid[: i + 1], gap))
            within = bounds[j] if j <= i else max(1.0, start**gap)
            bounds[i + 1] = max(bounds[i], norms[i] * min(within, max(1.0, start**gap)))
    return float(bounds[-1])
