"""How much rounding every kernel method shows: forward bounds, predictions that come close, and measurements.

A perturbation of step j reaches K_l through C A_bar^{l-j} and A_bar^j B_bar. With c_j = |C A_bar^j|, b_j = |A_bar^j
B_bar|, the first-order effect of relative perturbations u is u sum_j c_{l-j} b_j where they all agree, and the root of
the sum of squares where they are independent, as roundings nearly are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._increments import Power, transition
from ._matrices import doubled
from ._results import Result
from .convolution_kernel import METHODS, convolution_kernel
from .discretization import discretize, rule
from .state_space import DiscreteDiagonal, DiscreteDPLR
from .structured import as_matrix_system

FACTORS = {
    "krylov": ("independent", {"dense": 24.0, "low rank": 8.0, "diagonal": 8.0}),
    "krylov_blocked": ("independent", {"dense": 16.0, "low rank": 14.0, "diagonal": 14.0}),
    "vandermonde": ("independent", {"diagonal": 4.0}),
    "cauchy": ("agreeing", {"low rank": 14.0, "diagonal": 14.0}),
    "contour": ("agreeing", {"low rank": 300.0, "diagonal": 300.0}),
}
"""Which amplification a method's error follows, and how many u of it bound the error: measured over HiPPO families and
initializations, N <= 64, L <= 2048, dt between 0.001 and 0.1, so that the prediction is 1 to 100 times the error."""


@dataclass(frozen=True)
class Amplification:
    """Root-sum-of-squares and sum of the effects of unit perturbations, relative to max |K|; least of |A_bar - I| and
    1."""

    independent: float
    agreeing: float
    increment: float

    def of(self, kind: str) -> float:
        """Half of the roundings hit the state (all of it), half the matrix, of which only A_bar - I is rounded."""
        if kind == "independent":
            return float(np.sqrt(self.independent * (1 + self.increment * self.independent)))
        return float(np.sqrt(1 + self.increment * self.agreeing))


@dataclass(frozen=True)
class ErrorAmplification(Result):
    """Errors of the kernel methods, relative to max |K|; one entry per method in each list.

    `bounds` are first-order forward bounds, `predictions` what to expect (an upper estimate within a factor of 100),
    `measured` the errors against ball arithmetic, where asked for. `independent` and `agreeing` are the amplifications
    of perturbations that are independent, or all agree.
    """

    methods: list[str]
    predictions: list[float]
    bounds: list[float]
    measured: list[float] | None
    independent: float
    agreeing: float
    unit: float

    def plot(self, ax: Any = None) -> Any:
        """Draw predictions, bounds and measurements of every method; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.error_amplification(self, ax)


def error_amplification(
    system: Any,
    dt: float,
    L: int,
    discretization: str = "bilinear",
    alpha: float | None = None,
    measure: bool = False,
) -> ErrorAmplification:
    """Forward bounds and predicted errors of every kernel method that applies, and, on request, the errors themselves.

    Parameters
    ----------
    system : StateSpace, Diagonal or DPLR, one head
    dt : float, time
    L : int
    discretization, alpha
        As in `convolution_kernel`.
    measure : bool, default False
        Compute the kernels by every method and in ball arithmetic (needs python-flint), and compare.

    Returns
    -------
    ErrorAmplification

    Notes
    -----
    Bound: 16 (N + 4) u (1 + dt |A|) max_l sum_j c_{l-j} b_j / max|K|, and the error of its circle for contour.
    Prediction: a constant of the method times u times the root of s (1 + |A_bar - I| s), s the root of the sum of
    squares; for methods on circles the root of 1 + |A_bar - I| (the sum).

    *Accuracy*: an upper estimate, within a factor of 100 of the measured error over the test grid of HiPPO families and
    initializations; it measures with norms, and overestimates more for strongly graded matrices. *Cost*: O(N^2 L) in
    matrix products, or what the methods and the certificate cost.

    References
    ----------
    N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.5; Higham & Mary, SIAM J. Sci. Comput.
    41 (2019), A2815-A2835 (independent roundings).

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> result = ssm.error_amplification(ssm.Diagonal([-1.0], [1.0], [1.0]), 0.1, 100)
    >>> result.methods
    ['krylov', 'krylov_blocked', 'vandermonde', 'cauchy', 'contour']
    """
    L, measure = _arrays.count("L", L), _arrays.flag("measure", measure)
    discretization, _ = rule(discretization, alpha, "discretization")
    system = as_matrix_system(system)
    with _arrays.unwarned():
        discrete = discretize(system, dt, discretization, alpha)
    if discrete.batch_shape:
        _arrays.fail("system", "be one system and `dt` one step", f"the batch shape is {discrete.batch_shape}")
    largest = float(np.abs(convolution_kernel(discrete, L)).max())
    amplified = amplification(discrete, L, largest)
    names = [name for name in METHODS if structure(discrete) in FACTORS[name][1]]
    unit = float(np.finfo(discrete.dtype).eps) / 2
    step = float(np.linalg.norm(doubled(system).to_dense().A, 2) * float(np.asarray(dt)))
    forward = 16 * (discrete.n_states + 4) * unit * (1 + step) * amplified.agreeing
    measured = None
    if measure:
        from .certified import convolution_kernel as certified_kernel

        exact = certified_kernel(system, L, dt, discretization, alpha).mid
        with _arrays.unwarned():
            kernels = [convolution_kernel(system, L, dt, discretization, alpha, method=name) for name in names]
        measured = [float(np.abs(kernel - exact).max() / largest) for kernel in kernels]
    return ErrorAmplification(
        methods=names,
        predictions=[prediction(amplified, name, structure(discrete), unit) for name in names],
        bounds=[forward + (1e-12 if name == "contour" else 0.0) for name in names],
        measured=measured,
        independent=amplified.independent,
        agreeing=amplified.agreeing,
        unit=unit,
    )


def structure(discrete: Any) -> str:
    """The word for a discrete system's structure in `FACTORS`."""
    if isinstance(discrete, DiscreteDiagonal):
        return "diagonal"
    return "low rank" if isinstance(discrete, DiscreteDPLR) else "dense"


def prediction(amplified: Amplification, method: str, kind: str, unit: float) -> float:
    """The error to expect of a method relative to max |K|."""
    follows, factors = FACTORS[method]
    return factors[kind] * unit * amplified.of(follows)


def amplification(discrete: Any, L: int, largest: Any) -> Amplification:
    """Amplifications over L samples, of several heads the worst; `largest` are the largest entries of their kernels."""
    dense = doubled(discrete.to_dense())
    shape = dense.batch_shape
    forward = dense.B_bar if dense.B_bar_previous is None else np.hypot(abs(dense.B_bar), abs(dense.B_bar_previous))
    power = transition(dense)
    parts = [(power.matrix, 2), (power.keep, 2), (forward, 1), (dense.C, 1), (np.asarray(largest, float), 0)]
    flat = [np.broadcast_to(a, shape + a.shape[a.ndim - n :]).reshape(-1, *a.shape[a.ndim - n :]) for a, n in parts]
    heads = [_of_head(Power(matrix, keep), b, c, L, top) for matrix, keep, b, c, top in zip(*flat, strict=True)]
    return max(heads, key=lambda head: head.of("independent"))


def _of_head(power: Power, forward: np.ndarray, C: np.ndarray, L: int, largest: float) -> Amplification:
    from scipy import fft

    adjoint = Power(power.matrix.mT.conj(), power.keep)
    size = fft.next_fast_len(2 * L, real=True)
    l = np.arange(L)
    with np.errstate(all="ignore"):
        b, c = _orbit(power, forward, L), _orbit(adjoint, C.conj(), L)
        rate = max(float(np.log(b[-1] / b[0])) / L, 0.0) if b[0] and b[-1] else 0.0
        b, c = (x * np.exp(-rate * l) for x in (b, c))  # an orbit that grows would drown its beginning in the transform
        tops = float(b.max()) or 1.0, float(c.max()) or 1.0
        scale = tops[0] * tops[1] / max(largest, np.finfo(float).tiny)

        def convolved(power_of: int) -> float:
            spectra = [fft.rfft((x / top) ** power_of, size) for x, top in zip((b, c), tops, strict=True)]
            sums = np.maximum(fft.irfft(spectra[0] * spectra[1], size)[:L], 0.0) ** (1 / power_of)
            return float((sums * np.exp(rate * l)).max()) * scale

        independent, agreeing = convolved(2), convolved(1)
    increment = min(float(np.linalg.norm(power.increment(), 2)), 1.0)
    return Amplification(max(independent, 1.0), max(agreeing, 1.0), increment)


def _orbit(power: Any, start: np.ndarray, L: int) -> np.ndarray:
    """|A^l start| for l < L, by blocks of columns that double up to 256 and then move on together."""
    columns = start[:, None].astype(np.result_type(start, power.matrix))
    while columns.shape[1] < min(L, 256):
        columns = np.concatenate([columns, power.times(columns)], axis=1)
        power = power.squared()
    norms = [np.linalg.norm(columns, axis=0)]
    for _ in range((L - 1) // columns.shape[1]):
        columns = power.times(columns)
        norms.append(np.linalg.norm(columns, axis=0))
    return np.concatenate(norms)[:L]
