"""The HiPPO family: matrices that make a linear system remember the past of its input in N numbers.

c'(t) = A c(t) + B u(t) keeps c_n(t) = integral of h_n(tau) u(t - tau) over lags tau, h(tau) = e^{tau A} B, and the past
comes back as u(t - tau) ~ sum_n c_n(t) g_n(tau) with the dual functions g_n (`HiPPO.basis`). The matrices are defined
in the table at the end. All but the Fourier ones are semiseparable, so products and solves cost O(N).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from . import _arrays
from ._hippo_basis import DUALS
from ._hippo_structure import Fourier, Semiseparable, laguerre_gain, laguerre_scale
from .state_space import StateSpace
from .structured import StructuredStateSpace


@dataclass(frozen=True, eq=False, repr=False)
class HiPPO:
    """One HiPPO operator c' = A c + B u; made by `hippo`.

    Attributes
    ----------
    family : str
    N : int
        Number of states.
    B : ndarray, shape (N,)
    parameters : dict
        The family's own parameters: `theta`, or `alpha` and `beta`.
    """

    family: str
    N: int
    B: np.ndarray
    parameters: dict[str, float]
    _structure: Semiseparable | Fourier = field(repr=False)

    def __repr__(self) -> str:
        listed = "".join(f", {name}={value:g}" for name, value in self.parameters.items())
        return f"HiPPO({self.family!r}, N={self.N}{listed})"

    @cached_property
    def A(self) -> np.ndarray:
        """The dense matrix, shape (N, N), built at first use and then kept, read-only."""
        _arrays.memory("A", 8.0 * self.N**2)
        return _arrays.owned(self._structure.dense())

    def matvec(self, x: Any) -> np.ndarray:
        """A x in O(N) for x of shape (..., N), real or complex; float32 comes back as float32.

        Notes
        -----
        *Accuracy*: componentwise backward stable, |error| <= 2 N u |A| |x|.
        """
        vectors = self._vectors("x", x)
        with np.errstate(all="ignore"):
            product = self._structure.apply(vectors.astype(np.result_type(vectors, np.float64))).astype(vectors.dtype)
        return self._finite("x", product)

    def solve(self, h: float, b: Any) -> np.ndarray:
        """(I - hA)^{-1} b in O(N) for one step h >= 0 and b of shape (..., N).

        Notes
        -----
        *Accuracy*: the LU factorization without pivoting that it applies is as accurate as LAPACK's with pivoting
        (relative error below 20 u measured for N <= 512 and 1e-8 <= h <= 1e6; tested to N u (1 + h ||A||)).
        """
        h = _arrays.real_number("h", h, least=0.0)
        vectors = self._vectors("b", b)
        with np.errstate(all="ignore"):
            solved = self._structure.solve(h, vectors.astype(np.result_type(vectors, np.float64)))
            solved = solved.astype(vectors.dtype)
        return self._finite("h", solved)

    def _finite(self, name: str, vectors: np.ndarray) -> np.ndarray:
        if not np.isfinite(vectors).all():
            _arrays.fail(name, "keep the result finite", f"it overflows with A of {self!r}")
        return vectors

    def _vectors(self, name: str, value: Any) -> np.ndarray:
        vectors = _arrays.numeric(name, value, min_ndim=1)
        _arrays.trailing(name, vectors, (self.N,), f"N = {self.N} states")
        return vectors

    def state_space(self, C: Any, D: Any = 0.0) -> StateSpace:
        """The dense system x' = A x + B u, y = C x + D u; C has shape (..., N)."""
        return StateSpace(self.A, self.B, C, D)

    def structured_state_space(self, C: Any, D: Any = 0.0) -> StructuredStateSpace:
        """The same system with A unformed: views step in O(N) under GBT rules (alpha >= 1/2, or N > 512)."""
        return StructuredStateSpace(self, C, D)

    def measure(self, t: Any) -> np.ndarray:
        """The probability density over lags t >= 0 in which the family's basis is orthogonal.

        Uniform on the window for legt, lmu and fout; e^{-t} for legs (uniform in e^{-t}), lagt and foud;
        t^alpha e^{-t} / Gamma(1 + alpha) for glagt.
        """
        lags = self._lags(t)
        window = self._window()
        if window < math.inf:
            return np.where(lags <= window, 1 / window, 0.0)
        alpha = self.parameters.get("alpha", 0.0)
        with np.errstate(divide="ignore"):
            return lags**alpha * np.exp(-lags) / math.gamma(1 + alpha)

    def basis(self, n: Any, t: Any) -> np.ndarray:
        """The functions g_n(t) of `reconstruct`, shape n.shape + t.shape, at lags t >= 0 for orders 0 <= n < N."""
        orders = _arrays.readable("n", n)
        if orders.dtype.kind not in "iu":
            _arrays.fail("n", "hold integers", f"its dtype is {orders.dtype}", TypeError)
        if orders.size == 0 or orders.min() < 0 or orders.max() >= self.N:
            _arrays.fail("n", f"lie between 0 and N - 1 = {self.N - 1}", f"it is {_arrays.shown(n)}")
        lags = self._lags(t)
        table = self._table(lags.reshape(-1), int(orders.max()) + 1)
        return table[orders].reshape(orders.shape + lags.shape)

    def reconstruct(self, c: Any, t: Any, scaled: bool = False) -> np.ndarray:
        """The remembered signal at lag t: u(now - t) ~ sum_n c_n g_n(t).

        Parameters
        ----------
        c : array_like, shape (..., N)
            Coefficients, as `compress` returns them.
        t : array_like, any shape, units of time
            Lags, t >= 0; at most theta for legt and lmu, at most 2 for fout. With `scaled=True` the position s/t in
            the history, between 0 (its beginning) and 1 (now).
        scaled : bool
            The coefficients come from the time-varying LegS operator, `compress(..., scaled=True)`.

        Returns
        -------
        ndarray, shape c.shape[:-1] + t.shape

        Raises
        ------
        ValueError
            For a lag outside the window, or `scaled` with another family than legs.

        Notes
        -----
        legs: g_n(t) = sqrt(2n+1) P_n(2 e^{-t} - 1); scaled: sqrt(2n+1) P_n(2 s/t - 1). legt:
        sqrt(2n+1) P_n(1 - 2t/theta). lmu: P_n(2t/theta - 1). lagt: L_n(t) e^{-t/2}. glagt: generalized Laguerre.
        fout: (1, 0, sqrt2 cos(pi m t), sqrt2 sin(pi m t), ...). foud: the rows of W^+ h(t), h = e^{tA} B and W the
        controllability Gramian: its responses are not orthogonal, and this is the least-squares approximation of the
        past by them, that is by e^{-t/2} times functions of period 1.
        *Accuracy*: N u times max|g| sum|c|. *Cost*: O(N) for every lag and vector.

        References
        ----------
        Gu, Dao, Ermon, Rudra, Re: HiPPO, NeurIPS 2020, appendix D; Gu et al.: How to Train Your HiPPO, ICLR 2023.

        Examples
        --------
        >>> import ssm_numerics as ssm
        >>> op = ssm.hippo("legt", 3, theta=2.0)
        >>> op.reconstruct([1.0, 0.0, 0.0], [0.0, 1.0, 2.0])
        array([1., 1., 1.])
        """
        coefficients = self._vectors("c", c)
        places = self._lags(t)
        flat = places.reshape(-1)
        if _arrays.flag("scaled", scaled):
            if self.family != "legs":
                _arrays.fail("scaled", "be False for every family but legs", f"the family is {self.family}")
            if flat.max() > 1:
                _arrays.fail("t", "lie between 0 and 1 where `scaled` is True", f"it reaches {flat.max()}")
        if flat.max() > self._window():
            _arrays.fail("t", f"lie in the window, between 0 and {self._window():g}", f"it reaches {flat.max()}")
        dtype = np.result_type(coefficients, np.float64)
        values = np.empty((*coefficients.shape[:-1], flat.size), dtype=dtype)
        chunk = max(1, 2**22 // self.N)
        for start in range(0, flat.size, chunk):
            part = slice(start, start + chunk)
            with np.errstate(all="ignore"):
                values[..., part] = coefficients.astype(dtype) @ self._table(flat[part], self.N, scaled)
        with np.errstate(all="ignore"):
            values = values.reshape(coefficients.shape[:-1] + places.shape).astype(coefficients.dtype)
        return self._finite("c", values)

    def _window(self) -> float:
        """The longest lag that is remembered."""
        return 2.0 if self.family == "fout" else self.parameters.get("theta", math.inf)

    def _lags(self, t: Any) -> np.ndarray:
        lags = _arrays.numeric("t", t, real=True).astype(np.float64)
        if (lags < 0).any():
            _arrays.fail("t", "be at least 0 (it counts into the past)", f"its least entry is {lags.min()}")
        return lags

    def _table(self, t: np.ndarray, count: int, scaled: bool = False) -> np.ndarray:
        """g_n(t) for n < count, shape (count, t.size)."""
        return DUALS[self.family](self, t, count, scaled)


def hippo(
    family: str, N: int, *, theta: float | None = None, alpha: float | None = None, beta: float | None = None
) -> HiPPO:
    """A member of the HiPPO family, with the stable (minus) sign.

    Parameters
    ----------
    family : str
        legs (scaled Legendre: all history), legt and lmu (Legendre on a window of length `theta`), lagt (Laguerre),
        glagt (generalized Laguerre), fout (Fourier on a window of length 2), foud (Fourier, exponential window).
    N : int
        Number of states.
    theta : float, units of time, default 1
        The window of legt and lmu.
    alpha, beta : float, default 0 and 1
        The order -1 < alpha < 1 and the decay beta > 0 of glagt.

    Returns
    -------
    HiPPO

    Raises
    ------
    ValueError, TypeError
        For an unknown family, a parameter that the family does not have, or a value out of range.

    Notes
    -----
    The dense matrix is built when `.A` is first read; products, solves and `compress` never need it.

    *Accuracy*: every entry of A and B within 4 u of its exact value (glagt: 4 N u).

    References
    ----------
    Gu, Dao, Ermon, Rudra, Re: HiPPO, NeurIPS 2020; Voelker, Kajic, Eliasmith: Legendre Memory Units, NeurIPS 2019.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.hippo("legs", 3).A.round(3)
    array([[-1.   ,  0.   ,  0.   ],
           [-1.732, -2.   ,  0.   ],
           [-2.236, -3.873, -3.   ]])
    """
    family = _arrays.choice("family", family, FAMILIES)
    N = _arrays.count("N", N)
    _arrays.memory("N", 80.0 * N)
    given = {"theta": theta, "alpha": alpha, "beta": beta}
    defaults = FAMILIES[family].defaults
    for name, value in given.items():
        if value is not None and name not in defaults:
            owners = ", ".join(word for word, entry in FAMILIES.items() if name in entry.defaults)
            _arrays.fail(name, f"be left out for {family} (it belongs to {owners})", f"it is {_arrays.shown(value)}")
    parameters = {}
    for name, default in defaults.items():
        bounds = {"above": -1.0, "below": 1.0} if name == "alpha" else {"above": 0.0}
        parameters[name] = _arrays.real_number(name, default if given[name] is None else given[name], **bounds)
    with np.errstate(all="ignore"):
        structure, B = FAMILIES[family].matrices(N, **parameters)
        sizes = [float(np.abs(row).max()) for row in getattr(structure, "generators", ())]
    if not all(map(math.isfinite, [*sizes, math.prod(sizes[1:3]), math.prod(sizes[3:]), float(np.abs(B).max())])):
        listed = " and ".join(f"{name} = {value:.3g}" for name, value in parameters.items())
        _arrays.fail(next(iter(parameters)), "keep A and B finite", f"they overflow with {listed}")
    return HiPPO(family, N, _arrays.owned(B), parameters, structure)


def _lower(d: np.ndarray, l: np.ndarray, r: np.ndarray) -> Semiseparable:
    return Semiseparable(np.stack([d, l, r, np.zeros_like(d), np.zeros_like(d)]))


def _legs(N: int) -> tuple[Semiseparable, np.ndarray]:
    n = np.arange(N)
    p = np.sqrt(2.0 * n + 1)
    return _lower(n + 1.0, p, p), p


def _legt(N: int, theta: float) -> tuple[Semiseparable, np.ndarray]:
    n = np.arange(N)
    p, signs = np.sqrt(2.0 * n + 1), np.where(n % 2, -1.0, 1.0)
    return Semiseparable(np.stack([(2.0 * n + 1) / theta, p / theta, p, signs * p / theta, signs * p])), p / theta


def _lmu(N: int, theta: float) -> tuple[Semiseparable, np.ndarray]:
    n = np.arange(N)
    d, signs = (2.0 * n + 1) / theta, np.where(n % 2, -1.0, 1.0)
    return Semiseparable(np.stack([d, signs * d, signs, d, np.ones(N)])), signs * d


def _lagt(N: int) -> tuple[Semiseparable, np.ndarray]:
    ones = np.ones(N)
    return _lower(0.5 * ones, ones, ones), ones


def _glagt(N: int, alpha: float, beta: float) -> tuple[Semiseparable, np.ndarray]:
    scale = laguerre_scale(N, alpha)
    diagonal = np.full(N, (1 + beta) / 2)
    return _lower(diagonal, 1 / scale, scale), laguerre_gain(alpha, beta) / math.gamma(1 + alpha) * scale


def _fourier_input(N: int) -> np.ndarray:
    B = np.zeros(N)
    B[2::2] = math.sqrt(2)
    B[0] = 1.0
    return B


def _fout(N: int) -> tuple[Fourier, np.ndarray]:
    B = _fourier_input(N)
    return Fourier(math.pi * np.arange(N // 2), 0.0, B), B


def _foud(N: int) -> tuple[Fourier, np.ndarray]:
    return Fourier(2 * math.pi * np.arange(N // 2), 0.5, np.zeros(N)), _fourier_input(N)


@dataclass(frozen=True)
class _Family:
    """What defines a family: its parameters with defaults, and its matrices."""

    matrices: Callable[..., tuple[Semiseparable | Fourier, np.ndarray]]
    defaults: dict[str, float] = field(default_factory=dict)


FAMILIES = {
    "legs": _Family(_legs),
    "legt": _Family(_legt, {"theta": 1.0}),
    "lmu": _Family(_lmu, {"theta": 1.0}),
    "lagt": _Family(_lagt),
    "glagt": _Family(_glagt, {"alpha": 0.0, "beta": 1.0}),
    "fout": _Family(_fout),
    "foud": _Family(_foud),
}
