"""Pseudospectra: where (z - A)^-1 is large, which is where eigenvalues may move and what e^{tA} and A^k may do.

The epsilon-pseudospectrum is the set of z with sigma_min(z - A) <= epsilon: all eigenvalues of all A + E, |E| <=
epsilon.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._ball_resolvent import least_singular_values as by_balls
from ._hippo_structure import Semiseparable
from ._level_sets import outermost, rightmost, sigma_min
from ._matrices import UNIT, dense_matrix, one_matrix, require_squares
from ._parallel import SERIAL_ORDER, serial_blas
from ._resolvent import Resolvent, least_singular_values, low_rank, of_matrix, semiseparable
from ._results import Number, Result
from .field_of_values import numerical_range

LARGEST_DENSE = 256
"""Up to this order a Schur form is cheaper than what the structure of a HiPPO or DPLR matrix saves."""

LARGEST_DRAWN = 1024
"""Up to this order eigenvalues and numerical range are computed for the picture."""


@dataclass(frozen=True)
class Pseudospectrum(Result):
    """sigma_min(z - A) on a grid.

    `z` and `sigma_min` have one shape (rows: imaginary part ascending). `levels` are the epsilons worth drawing,
    ascending; `abscissae` and `radii` are the largest Re z and |z| of the grid within each (see
    `pseudospectral_abscissa` for exact ones). `discrete` says that A is that of a step, whose boundary of stability is
    the unit circle. Below `rounding_level` = N u |A|_2 a value is rounding, unless `method` is "ball". `relative_error`
    bounds the error of the others.
    """

    z: np.ndarray
    sigma_min: np.ndarray
    levels: np.ndarray
    eigenvalues: np.ndarray
    numerical_range: np.ndarray
    abscissae: np.ndarray
    radii: np.ndarray
    rounding_level: float
    relative_error: float
    method: str
    discrete: bool
    title: str

    @property
    def is_rounding(self) -> np.ndarray:
        """Where on the grid float64 cannot tell sigma_min from zero."""
        return self.sigma_min < self.rounding_level

    def plot(self, ax: Any = None) -> Any:
        """Draw contours of log10 sigma_min, eigenvalues, numerical range, and the rounding region in grey."""
        from . import _diagnostic_plots

        return _diagnostic_plots.pseudospectrum(self, ax)


@dataclass(frozen=True)
class PseudospectralExtreme(Number):
    """The largest real part or modulus over the epsilon-pseudospectrum, and the points where it is attained.

    `residual` is the largest |sigma_min(z - A) - epsilon| over `points`.
    """

    value: float
    epsilon: float
    points: np.ndarray
    residual: float

    def plot(self, ax: Any = None) -> Any:
        """Draw the points; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.extreme(self, ax)


def pseudospectrum(
    A: Any,
    region: tuple[float, float, float, float] | None = None,
    n: int = 100,
    levels: Any = None,
    method: str = "auto",
    max_memory: float = _arrays.DEFAULT_MAX_MEMORY,
) -> Pseudospectrum:
    """sigma_min(z - A) on an n by n grid of the complex plane.

    Parameters
    ----------
    A : array_like, shape (N, N), or a system or HiPPO operator of that order
    region : (least Re, largest Re, least Im, largest Im), optional
        By default the eigenvalues with half their extent around them.
    n : int, default 100
        Points in each direction.
    levels : array_like, optional
        Epsilons to draw; by default powers of ten within the grid's range, above rounding.
    method : {"auto", "schur", "structured", "ball"}
        schur: triangular solves with a Schur form. structured: the O(N) resolvent of a HiPPO operator, a DPLR or a
        diagonal system; chosen by auto above N = 256. ball: the inverse in ball arithmetic at every point, for values
        below rounding; minutes where the others take a second.
    max_memory : float, bytes

    Returns
    -------
    Pseudospectrum

    Raises
    ------
    ValueError
        For an empty region, or a structured method where no structure is known.

    Notes
    -----
    sigma_min(z - A) = 1/|(z - A)^-1|, by Lanczos bidiagonalization of the resolvent at all points together; BLAS runs
    one thread per part of the grid. A real matrix and a symmetric region need half of the points.

    *Accuracy*: 0.5 % relative plus N u |A|_2, the backward error of the Schur form; structured, DPLR: points within
    sqrt(u) |A| of an entry of Lambda are moved off to that distance, and sigma_min with them by at most as much; ball:
    16 N u relative. *Cost*: one Schur form, then about 15 N^2 multiplications per point; structured 30 N (1 + r).

    References
    ----------
    Trefethen & Embree, Spectra and Pseudospectra, 2005, chapter 39; T. G. Wright, EigTool, 2002.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> result = ssm.pseudospectrum([[-1.0, 0.0], [0.0, -3.0]], region=(-4.0, 0.0, -1.0, 1.0), n=3)
    >>> result.sigma_min.round(3)
    array([[1.414, 1.414, 1.414],
           [1.   , 1.   , 1.   ],
           [1.414, 1.414, 1.414]])
    """
    n = _arrays.count("n", n, least=2)
    max_memory = _arrays.real_number("max_memory", max_memory, above=0.0)
    _arrays.choice("method", method, ("auto", *METHODS))
    title = repr(A) if hasattr(A, "family") or hasattr(A, "batch_shape") else "Matrix"
    if method == "auto":
        method = "structured" if _order(A) > LARGEST_DENSE and _structure(A) is not None else "schur"
    order = _order(A)
    eigenvalues, fov = _outline(A, order)
    box = _region(region, eigenvalues, order)
    _arrays.memory("n", 64.0 * n**2 + 64.0 * order * 512, max_memory)
    require_squares("region", box)
    x, y = np.linspace(*box[:2], n), np.linspace(*box[2:], n)
    y = (y - y[::-1]) / 2 if box[2] == -box[3] else y  # exactly symmetric, so that mirrored rows are the same points
    z = x[None, :] + 1j * y[:, None]
    half = box[2] == -box[3] and _is_real(A)
    rows = y >= 0 if half else np.ones(n, bool)
    sigma = np.empty(z.shape)
    found, scale = METHODS[method](A, z[rows].ravel())
    sigma[rows] = found.reshape(-1, n)
    if half:
        sigma[: n // 2] = sigma[::-1][: n // 2]
    rounding = order * UNIT * scale
    epsilons = _levels(levels, sigma, 0.0 if method == "ball" else rounding)
    inside = [z[sigma <= epsilon] for epsilon in epsilons]
    return Pseudospectrum(
        z=z,
        sigma_min=sigma,
        levels=epsilons,
        eigenvalues=eigenvalues,
        numerical_range=fov,
        abscissae=np.array([part.real.max() if part.size else np.nan for part in inside]),
        radii=np.array([np.abs(part).max() if part.size else np.nan for part in inside]),
        rounding_level=rounding,
        relative_error=16 * order * UNIT if method == "ball" else 5e-3,
        method=method,
        discrete=hasattr(A, "dt"),
        title=title,
    )


def pseudospectral_abscissa(A: Any, epsilon: float) -> PseudospectralExtreme:
    """The largest real part over the epsilon-pseudospectrum.

    Parameters
    ----------
    A : array_like, shape (N, N), or a system or HiPPO operator of that order
    epsilon : float
        Positive.

    Returns
    -------
    PseudospectralExtreme

    Notes
    -----
    The criss-cross method: vertical lines through the best point so far meet the boundary of the pseudospectrum where a
    Hamiltonian matrix of order 2N has imaginary eigenvalues, and a horizontal search from every midpoint moves right.
    It converges quadratically, to the global maximum.

    *Accuracy*: N u |A|/epsilon relative to epsilon, where that is small; `residual` says what was reached.
    *Cost*: about ten eigenproblems of order 2N.

    References
    ----------
    Burke, Lewis & Overton, IMA J. Numer. Anal. 23 (2003), 359-375.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> round(float(ssm.pseudospectral_abscissa([[-1.0, 0.0], [0.0, -3.0]], 0.25)), 9)
    -0.75
    """
    matrix = one_matrix(A)
    epsilon = _arrays.real_number("epsilon", epsilon, above=0.0)
    require_squares("epsilon", epsilon)
    return _extreme(matrix, epsilon, rightmost, np.real)


def pseudospectral_radius(A: Any, epsilon: float) -> PseudospectralExtreme:
    """The largest modulus over the epsilon-pseudospectrum.

    Parameters
    ----------
    A : array_like, shape (N, N), or a system or HiPPO operator of that order
    epsilon : float
        Positive.

    Returns
    -------
    PseudospectralExtreme

    Notes
    -----
    As `pseudospectral_abscissa`, with circles for lines and a generalized eigenproblem (a symplectic pencil) for the
    Hamiltonian one.

    References
    ----------
    Mengi & Overton, IMA J. Numer. Anal. 25 (2005), 648-669.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> round(float(ssm.pseudospectral_radius([[0.5, 0.0], [0.0, -0.25]], 0.25)), 9)
    0.75
    """
    matrix = one_matrix(A)
    epsilon = _arrays.real_number("epsilon", epsilon, above=0.0)
    require_squares("epsilon", epsilon)
    return _extreme(matrix, epsilon, outermost, np.abs)


def _extreme(matrix: np.ndarray, epsilon: float, search: Callable, size: Callable) -> PseudospectralExtreme:
    with serial_blas(len(matrix) <= SERIAL_ORDER):
        points = search(matrix, epsilon)
        residual = np.abs(sigma_min(matrix, points) - epsilon).max()
    return PseudospectralExtreme(float(size(points).max()), epsilon, points, float(residual))


def _by_schur(A: Any, z: np.ndarray) -> tuple[np.ndarray, float]:
    matrix = one_matrix(A)
    return least_singular_values(of_matrix(matrix), z), float(np.linalg.norm(matrix, 2))


def _by_structure(A: Any, z: np.ndarray) -> tuple[np.ndarray, float]:
    resolvent = _structure(A)
    if resolvent is None:
        rule = "be schur or ball unless `A` is a HiPPO operator other than lmu, a DPLR or a diagonal system"
        _arrays.fail("method", rule, "it is 'structured'")
    return least_singular_values(resolvent, z), resolvent.norm


def _by_balls(A: Any, z: np.ndarray) -> tuple[np.ndarray, float]:
    matrix = one_matrix(A)
    return by_balls(matrix, z), float(np.linalg.norm(matrix, 2))


METHODS: dict[str, Callable[[Any, np.ndarray], tuple[np.ndarray, float]]] = {
    "schur": _by_schur,
    "structured": _by_structure,
    "ball": _by_balls,
}


def _structure(A: Any) -> Resolvent | None:
    """The O(N) resolvent of a HiPPO operator, a DPLR or a diagonal system; None where no structure is known."""
    if hasattr(A, "operator"):
        A = A.operator
    if hasattr(A, "family"):
        parts = A._structure
        if isinstance(parts, Semiseparable) and not parts.generators[3].any():
            return semiseparable(parts.generators)
        if A.family == "lmu":
            return None
        from .nplr import nplr

        form = nplr(A)
        return low_rank(form.Lambda, form.P, form.Q)
    if not hasattr(A, "full") or A.batch_shape:
        return None
    A = A.full()
    Lambda = A.Lambda_bar if hasattr(A, "dt") else A.Lambda
    names = ("P_bar", "Q_bar") if hasattr(A, "P_bar") else ("P", "Q")
    P, Q = (getattr(A, name, np.zeros((len(Lambda), 1))) for name in names)
    return low_rank(Lambda.astype(complex), P.astype(complex), Q.astype(complex))


def _order(A: Any) -> int:
    if hasattr(A, "family"):
        return int(A.N)
    return int(A.n_states) if hasattr(A, "n_states") else len(one_matrix(A))


def _is_real(A: Any) -> bool:
    if hasattr(A, "family") or getattr(A, "pairs", None) is not None:
        return True
    return A.dtype.kind == "f" if hasattr(A, "batch_shape") else not np.iscomplexobj(dense_matrix(A))


def _outline(A: Any, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and the boundary of the numerical range; empty above LARGEST_DRAWN."""
    from ._spectrum import spectrum

    if order > LARGEST_DRAWN:
        return np.empty(0, complex), np.empty(0, complex)
    return spectrum(A).eigenvalues, numerical_range(A, 64).boundary


def _region(region: Any, eigenvalues: np.ndarray, order: int) -> tuple[float, float, float, float]:
    if region is None:
        if not eigenvalues.size:
            _arrays.fail("region", f"be given above N = {LARGEST_DRAWN}", f"it is None and N is {order}")
        sides = [side(part) for part in (eigenvalues.real, eigenvalues.imag) for side in (np.min, np.max)]
        pad = max(sides[1] - sides[0], sides[3] - sides[2], 1e-3 * float(np.abs(eigenvalues).max())) / 2 or 1.0
        return sides[0] - pad, sides[1] + pad, sides[2] - pad, sides[3] + pad
    box = _arrays.numeric("region", region, real=True)
    if box.shape != (4,) or not (box[0] < box[1] and box[2] < box[3]):
        _arrays.fail("region", "be (least Re, largest Re, least Im, largest Im)", f"it is {_arrays.shown(region)}")
    return tuple(float(side) for side in box)  # type: ignore[return-value]


def _levels(levels: Any, sigma: np.ndarray, rounding: float) -> np.ndarray:
    """Powers of ten (of sqrt 10 where the range is short, of more where it is long) within the grid's range."""
    if levels is not None:
        given = np.unique(_arrays.numeric("levels", levels, min_ndim=1, real=True))
        if given[0] <= 0:
            _arrays.fail("levels", "be positive", f"the least is {given[0]}")
        return given
    low = np.log10(max(float(sigma.min()), rounding, np.finfo(float).tiny))
    high = np.log10(max(float(sigma.max()), np.finfo(float).tiny))
    step = next(s for s in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 400.0) if (high - low) / s <= 10)
    exponents = step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)
    return 10.0 ** (exponents if exponents.size else np.array([(low + high) / 2]))
