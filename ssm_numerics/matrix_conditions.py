"""Condition numbers of the structured matrices behind kernels: Vandermonde, Cauchy and Krylov matrices.

Float64 singular values are right to N u times the condition number. Beyond that limit the same number comes from a
closed inverse (Cauchy) or from the inverse Gram matrix in ball arithmetic (Vandermonde, Krylov), where python-flint is
installed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._matrices import UNIT, doubled
from ._results import Number

TRUSTED = 0.1
"""A condition number is trusted while max(shape) u times it, its relative error, is below this."""


@dataclass(frozen=True)
class MatrixCondition(Number):
    """The 2-norm condition number of a matrix; for a rectangular one, largest over least singular value.

    `value` is infinite if the matrix is singular or the number leaves the range of float64; `log2_value` does not
    overflow. It lies between `lower` and `upper`. `source` is "float64", "closed form" or "ball"; `trusted` is False
    where only float64 was there to answer and could not. `singular_values` are those of float64.
    """

    value: float
    log2_value: float
    lower: float
    upper: float
    shape: tuple[int, int]
    singular_values: np.ndarray
    source: str
    trusted: bool
    statement: str

    def plot(self, ax: Any = None) -> Any:
        """Draw the singular values and the rounding of the largest; returns the matplotlib axes."""
        from . import _diagnostic_plots

        values = self.singular_values
        floor = np.full(values.size, max(self.shape) * UNIT * values[0]), "rounding of the largest"
        return _diagnostic_plots.decay(values, ax, "singular values", self.statement, "k", floor)


def vandermonde_condition(z: Any, L: int | None = None) -> MatrixCondition:
    """The condition number of the Vandermonde matrix z_n^l, l < L, that maps modes to samples of a kernel.

    Parameters
    ----------
    z : array_like, shape (N,)
        Nodes, A_bar's eigenvalues.
    L : int, optional
        Samples, at least N; N by default.

    Returns
    -------
    MatrixCondition

    Notes
    -----
    *Accuracy*: relative error max(N, L) u value in float64, and 64 N u from balls beyond the trust limit.
    *Cost*: O(N^2 L).

    References
    ----------
    W. Gautschi, Numer. Math. 4 (1962), 117-123; F. S. V. Bazan, SIAM J. Matrix Anal. Appl. 21 (2000), 679-693.

    Examples
    --------
    >>> import numpy as np
    >>> import ssm_numerics as ssm
    >>> roots = np.exp(2j * np.pi * np.arange(8) / 8)
    >>> round(float(ssm.vandermonde_condition(roots)), 12)  # a Fourier matrix
    1.0
    """
    nodes = _vector("z", z)
    length = nodes.size if L is None else _arrays.count("L", L, least=nodes.size)
    _arrays.memory("L", 48.0 * length * nodes.size)
    with np.errstate(over="ignore", invalid="ignore"):
        matrix = nodes[:, None] ** np.arange(length)

    def balls() -> Any:
        from . import _balls

        return _balls.from_rows([[x**l for l in range(length)] for x in _balls.scalars(nodes)])

    return _condition(matrix, balls, "Vandermonde")


def krylov_condition(
    system: Any, L: int | None = None, dt: Any = None, discretization: str = "bilinear"
) -> MatrixCondition:
    """The condition number of the Krylov matrix [B_bar, A_bar B_bar, ..., A_bar^{L-1} B_bar]: of reaching the states.

    Parameters
    ----------
    system : a discrete system, or a continuous one and its step
    L : int, optional
        Columns, at least N; N by default.
    dt : float, time
        Step of a continuous system.
    discretization : str, default "bilinear"

    Returns
    -------
    MatrixCondition

    Notes
    -----
    *Accuracy*: relative error max(N, L) u value in float64; from balls, 64 N u for the discrete system's floats.
    *Cost*: O(N^2 L).

    References
    ----------
    Beckermann & Townsend, SIAM Rev. 61 (2019), 319-344: singular values of Krylov matrices decay exponentially.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.hippo("legs", 4).state_space([1.0, 1.0, 1.0, 1.0])
    >>> ssm.krylov_condition(system, dt=0.1).trusted
    True
    """
    from ._stepping import as_discrete

    given = dt is None and hasattr(system, "dt")
    discrete = as_discrete(system, dt, None if given else discretization, None)
    dense = doubled(discrete).to_dense()
    if dense.batch_shape:
        _arrays.fail("system", "be one system", f"its batch shape is {dense.batch_shape}")
    length = dense.n_states if L is None else _arrays.count("L", L, least=dense.n_states)
    _arrays.memory("L", 48.0 * length * dense.n_states)
    columns = [dense.B_bar]
    with np.errstate(all="ignore"):
        for _ in range(length - 1):
            columns.append(dense.A_bar @ columns[-1])

    def balls() -> Any:
        from . import _balls

        A, b = _balls.matrix(dense.A_bar), _balls.matrix(dense.B_bar[:, None])
        rows = []
        for _ in range(length):
            rows.append(b.entries())
            b = A * b
        return _balls.from_rows(rows).transpose()

    return _condition(np.stack(columns, axis=1), balls, "Krylov")


def cauchy_condition(z: Any, poles: Any) -> MatrixCondition:
    """The condition number of the Cauchy matrix 1/(z_l - p_n), N nodes and N poles, from its inverse in closed form.

    Parameters
    ----------
    z, poles : array_like, shape (N,)
        All different.

    Returns
    -------
    MatrixCondition

    Raises
    ------
    ValueError
        If a node equals a pole, or the numbers are not equal.

    Notes
    -----
    Every entry of the inverse is a product, so no digit is lost however large the number is; logarithms of the products
    keep it in range.

    *Accuracy*: 32 N u relative. *Cost*: O(N^3).

    References
    ----------
    S. Schechter, Math. Tables Aids Comput. 13 (1959), 73-77.

    Examples
    --------
    >>> import numpy as np
    >>> import ssm_numerics as ssm
    >>> n = np.arange(8.0)
    >>> hilbert = ssm.cauchy_condition(n + 1, -n)  # 1/(l + n + 1)
    >>> round(hilbert.value / 1.52575755e10, 6)
    1.0
    """
    nodes, roots = _vector("z", z), _vector("poles", poles)
    _arrays.trailing("poles", roots, nodes.shape, "`z`")
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        gaps = nodes[:, None] - roots[None, :]
        matrix = 1 / gaps
    if not gaps.all():
        _arrays.fail("z", "differ from `poles` everywhere", "a node equals a pole")
    if not (_arrays.all_finite(gaps) and _arrays.all_finite(matrix)):
        _arrays.fail("z", "be at finite distances from `poles`, with finite reciprocals", "one of them overflows")
    with np.errstate(divide="ignore"):
        rows = np.sum(np.log2(np.abs(gaps)), axis=1) - _log_differences(nodes)  # of f(z_l)/g'(z_l)
        columns = np.sum(np.log2(np.abs(gaps)), axis=0) - _log_differences(roots)
    if not (np.isfinite(rows).all() and np.isfinite(columns).all()):
        return _result(np.inf, matrix, "closed form", 0.0, True, "Cauchy")
    bits = columns[:, None] + rows[None, :]
    top = float(bits.max())
    inverse = np.exp2(bits - top) / gaps.T  # up to phases of rows and columns, which no norm sees
    log2_value = top + math.log2(np.linalg.norm(inverse, 2)) + math.log2(np.linalg.norm(matrix, 2))
    return _result(log2_value, matrix, "closed form", 32 * nodes.size * UNIT, True, "Cauchy")


def _log_differences(x: np.ndarray) -> np.ndarray:
    """log2 of the products of |x_i - x_j| over all other j."""
    return np.sum(np.log2(np.abs(x[:, None] - x[None, :] + np.eye(x.size))), axis=1)


def _vector(name: str, value: Any) -> np.ndarray:
    vector = _arrays.numeric(name, value, min_ndim=1)
    if vector.ndim > 1:
        _arrays.fail(name, "have shape (N,)", f"its shape is {vector.shape}")
    return vector.astype(np.result_type(vector, np.float64))


def _condition(matrix: np.ndarray, balls: Callable[[], Any], word: str) -> MatrixCondition:
    """By float64 while that can be trusted, else by balls, else by float64 with the warning."""
    finite = np.isfinite(matrix).all()
    values = np.linalg.svd(matrix, compute_uv=False) if finite else np.zeros(min(matrix.shape))
    log2_value = math.log2(float(values[0]) / float(values[-1])) if finite and values[-1] else np.inf
    error = max(matrix.shape) * UNIT * 2.0 ** min(log2_value, 1000.0)
    if error < TRUSTED:
        return _result(log2_value, matrix, "float64", error, True, word)
    try:
        return _result(_by_balls(balls, matrix.shape), matrix, "ball", 64 * max(matrix.shape) * UNIT, True, word)
    except ImportError:
        return _result(log2_value, matrix, "float64", np.inf, False, word)
    except ArithmeticError:
        return _result(np.inf, matrix, "ball", 0.0, True, word)


def _by_balls(balls: Callable[[], Any], shape: tuple[int, int]) -> float:
    """log2 of the condition number: half of that of the Gram matrix M M*, inverted in balls, normed in float64."""
    from . import _balls

    def compute() -> list[list]:
        M = balls()
        gram = M * (M.conjugate() if hasattr(M, "conjugate") else M).transpose()
        inverse = gram.inv()
        norms = [sum(abs(x) for x in part.entries()) for part in (gram, inverse)]
        scaled = [[x / norm for x in part.entries()] for part, norm in zip((gram, inverse), norms, strict=True)]
        exponents.append(sum(_log2(norm) for norm in norms))
        return scaled

    _balls.library()
    exponents: list[float] = []
    parts = _balls.certify(compute, 56, 128, "The condition number")
    norms = [float(np.linalg.norm(mid.reshape(shape[0], shape[0]), 2)) for mid, _ in parts]
    return (exponents[-1] + sum(math.log2(norm) for norm in norms)) / 2


def _log2(ball: Any) -> float:
    """log2 of a positive ball of any size."""
    from . import _balls

    return float(ball.log() / _balls.library().arb(2).log())


def _result(
    log2_value: float, matrix: np.ndarray, source: str, error: float, trusted: bool, word: str
) -> MatrixCondition:
    value = 2.0**log2_value if log2_value < 1024 else np.inf
    known = value if np.isfinite(value) else np.finfo(float).max
    lower = known * (1 - error) if error < 1 else 1 / (max(matrix.shape) * UNIT)
    finite = np.isfinite(matrix).all()
    values = np.linalg.svd(matrix, compute_uv=False) if finite else np.full(min(matrix.shape), np.nan)
    order = "x".join(str(n) for n in matrix.shape)
    size = f"{value:.4g}" if np.isfinite(value) or np.isinf(log2_value) else f"2^{log2_value:.1f}"
    tail = "" if trusted else ", beyond what float64 can tell: it may be any larger number"
    statement = f"{word} matrix {order}: condition number {size} ({source}){tail}."
    upper = value * (1 + error) if trusted else np.inf
    return MatrixCondition(
        value, log2_value, float(max(lower, 1.0)), float(upper), matrix.shape, values, source, trusted, statement
    )
