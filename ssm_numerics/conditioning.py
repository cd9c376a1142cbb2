"""Condition numbers and non-normality: how far the numbers of a state space system can be trusted.

Functions take a square matrix, a system, or a HiPPO operator, and return a result object: its numbers are attributes,
`float(result)` is the number where there is one, `.to_dict()` is JSON-able, `.plot(ax=None)` draws it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._circle import NodePoleDistance, node_pole_distance
from ._condition_report import ConditionReport, condition_report
from ._matrices import UNIT, dense_matrix, eigensystem, one_matrix
from ._results import Number
from ._spectrum import Spectrum, spectrum

__all__ = [
    "ConditionReport",
    "EigenvectorCondition",
    "HenriciDeparture",
    "NodePoleDistance",
    "NumericalAbscissa",
    "SpectralAbscissa",
    "Spectrum",
    "condition_report",
    "eigenvector_condition",
    "henrici_departure",
    "node_pole_distance",
    "numerical_abscissa",
    "spectral_abscissa",
    "spectrum",
]


@dataclass(frozen=True)
class EigenvectorCondition(Number):
    """2-norm condition number of the eigenvectors with unit columns, and the condition number of every eigenvalue.

    The least condition number that scaling of the columns can reach lies between `optimal_scaling_lower`, the largest
    eigenvalue condition number (or value/sqrt N), and `optimal_scaling_upper`, their sum (or value). `relative_error`
    bounds the error of `value`, to first order N u value in float64. From a tenth on, `trusted` is False: float64
    cannot tell how large the true condition number is. `arithmetic` is "float64" or "ball".
    """

    value: float
    eigenvalues: np.ndarray
    eigenvalue_conditions: np.ndarray
    optimal_scaling_lower: float
    optimal_scaling_upper: float
    relative_error: float
    arithmetic: str
    trusted: bool
    statement: str

    def plot(self, ax: Any = None) -> Any:
        """Draw the condition number of every eigenvalue; returns the matplotlib axes."""
        from . import plotting

        return plotting.eigenvector_condition(self, ax)


@dataclass(frozen=True)
class HenriciDeparture(Number):
    """Frobenius norm of the strictly upper triangle of a Schur form; `relative` divides it by that of the matrix."""

    value: float
    relative: float
    eigenvalues: np.ndarray

    @property
    def title(self) -> str:
        """What a picture of the eigenvalues is headed with."""
        return f"Departure from normality {self.value:.3g}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the eigenvalues; returns the matplotlib axes."""
        from . import plotting

        return plotting.spectrum(self, ax)


@dataclass(frozen=True)
class NumericalAbscissa(Number):
    """The largest eigenvalue of the Hermitian part: the initial growth rate of the worst state."""

    value: float
    spectral_abscissa: float
    eigenvalues: np.ndarray

    @property
    def title(self) -> str:
        """What a picture of the eigenvalues is headed with."""
        return f"Numerical abscissa {self.value:.3g}, spectral abscissa {self.spectral_abscissa:.3g}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the eigenvalues; returns the matplotlib axes."""
        from . import plotting

        return plotting.spectrum(self, ax)


@dataclass(frozen=True)
class SpectralAbscissa(Number):
    """The largest real part of an eigenvalue, the eigenvalue, and a first-order bound of the error."""

    value: float
    eigenvalue: complex
    uncertainty: float
    eigenvalues: np.ndarray

    @property
    def title(self) -> str:
        """What a picture of the eigenvalues is headed with."""
        return f"Spectral abscissa {self.value:.6g} (uncertainty {self.uncertainty:.1e})"

    def plot(self, ax: Any = None) -> Any:
        """Draw the eigenvalues; returns the matplotlib axes."""
        from . import plotting

        return plotting.spectrum(self, ax)


def eigenvector_condition(A: Any, arithmetic: str = "float64") -> EigenvectorCondition:
    """The condition number of diagonalizing A: of its eigenvector matrix with columns of unit length.

    Parameters
    ----------
    A : array_like, shape (N, N), or a system or HiPPO operator of that order
    arithmetic : {"float64", "ball"}
        ball: proven eigenvectors in ball arithmetic, for numbers beyond the limit of float64; needs python-flint and
        distinct eigenvalues.

    Returns
    -------
    EigenvectorCondition

    Notes
    -----
    Unit columns are within sqrt(N) of the best column scaling (van der Sluis), and no scaling gets below the largest
    eigenvalue condition number; scaling columns and rows alike reaches their sum in the Frobenius norm. A matrix that
    is normal up to rounding has condition one.

    *Accuracy*: relative error at most about N u value; from value = 1/(10 N u) on, `trusted` is False. For HiPPO-LegS
    that is N = 20; `lemma.growth` has exact numbers beyond, and "ball" finds them to 64 N u. *Cost*: O(N^3), LAPACK's
    geev; in balls about a second at N = 32.

    References
    ----------
    [S4] section 3.1: why the HiPPO matrix must not be diagonalized; A. van der Sluis, Numer. Math. 14 (1969), 14-23; J.
    Demmel, SIAM J. Numer. Anal. 20 (1983), 599-610 (optimal scaling).

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> result = ssm.eigenvector_condition([[-1.0, 0.0], [1.0, -2.0]])
    >>> round(float(result), 6), result.trusted
    (2.414214, True)
    """
    matrix = one_matrix(A)
    order = len(matrix)
    arithmetic = _arrays.choice("arithmetic", arithmetic, ("float64", "ball"))
    if arithmetic == "ball":
        from ._ball_resolvent import eigenvector_conditions

        values, conditions, value = eigenvector_conditions(matrix)
        error = 64 * order * UNIT
    else:
        system = eigensystem(matrix)
        values, conditions, value = system.values, system.conditions, system.condition
        error = order * UNIT * value
    largest, total = float(conditions.max()), float(conditions.sum())
    return EigenvectorCondition(
        value=value,
        eigenvalues=values,
        eigenvalue_conditions=conditions,
        optimal_scaling_lower=max(largest, value / float(np.sqrt(order))),
        optimal_scaling_upper=min(total, value),
        relative_error=error,
        arithmetic=arithmetic,
        trusted=bool(error < 0.1),
        statement=_trust(value, error, order) if arithmetic == "float64" else f"{value:.6g}, by ball arithmetic.",
    )


def _trust(value: float, error: float, order: int) -> str:
    limit = f"float64 trust limit 1/(10 N u) = {0.1 / (order * UNIT):.2g}"
    if error >= 0.1:
        return (
            f"The condition number reaches the {limit}: the true one may be any larger number, and nothing computed "
            "through these eigenvectors has a correct digit. Use exact or ball arithmetic."
        )
    digits = min(int(-math.log10(max(error, UNIT))), 15)
    return f"The condition number {value:.3g} is below the {limit}: about {digits} of its digits are correct."


def henrici_departure(A: Any) -> HenriciDeparture:
    """Henrici's departure from normality: the Frobenius norm of the strictly upper part of a Schur form of A.

    Parameters
    ----------
    A : array_like, shape (N, N), or a system or HiPPO operator of that order

    Returns
    -------
    HenriciDeparture
        Not normalized; zero exactly if A is normal.

    Notes
    -----
    *Accuracy*: absolute error at most about N u |A|_F (the Schur form is backward stable). *Cost*: O(N^3).

    References
    ----------
    P. Henrici, Numer. Math. 4 (1962), 24-40; value^2 = |A|_F^2 - sum |lambda|^2.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> float(ssm.henrici_departure([[1.0, 3.0], [0.0, 2.0]]))
    3.0
    """
    from scipy.linalg import schur

    matrix = one_matrix(A)
    size = float(np.linalg.norm(matrix))
    upper = matrix if not np.tril(matrix, -1).any() else schur(matrix, output="complex")[0]
    value = float(np.linalg.norm(np.triu(upper, 1)))
    return HenriciDeparture(value, value / size if size else 0.0, np.diagonal(upper).astype(complex))


def numerical_abscissa(A: Any) -> NumericalAbscissa:
    """The numerical abscissa: the largest eigenvalue of (A + A*)/2, the slope of |e^{tA}| at t = 0.

    Parameters
    ----------
    A : array_like, shape (N, N), or a system or HiPPO operator of that order

    Returns
    -------
    NumericalAbscissa
        Negative means that every state decays from the start; |e^{tA}| <= e^{t value} for all t.

    Notes
    -----
    *Accuracy*: absolute error at most about N u |A|_2. *Cost*: O(N^3).

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> float(ssm.numerical_abscissa([[-1.0, 4.0], [0.0, -1.0]]))
    1.0
    """
    matrix = one_matrix(A)
    values = spectrum(A).eigenvalues
    value = float(np.linalg.eigvalsh((matrix + matrix.conj().T) / 2)[-1])
    return NumericalAbscissa(value, float(values.real.max()), values)


def spectral_abscissa(A: Any) -> SpectralAbscissa:
    """The spectral abscissa: the largest real part of an eigenvalue, the growth rate of e^{tA} in the long run.

    Parameters
    ----------
    A : array_like, shape (N, N), or a system or HiPPO operator of that order

    Returns
    -------
    SpectralAbscissa

    Notes
    -----
    *Accuracy*: `uncertainty`, the largest Re lambda + (its first-order error bound) minus the value; zero for
    triangular matrices, certified for the operators of legt and lmu. *Cost*: that of `spectrum`.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> float(ssm.spectral_abscissa([[-1.0, 4.0], [0.0, -2.0]]))
    -1.0
    """
    found = spectrum(A if hasattr(A, "family") or hasattr(A, "batch_shape") else dense_matrix(A))
    values, uncertainty = found.eigenvalues.ravel(), found.uncertainty.ravel()
    worst = int(np.argmax(values.real))
    value = float(values[worst].real)
    return SpectralAbscissa(value, complex(values[worst]), float((values.real + uncertainty).max()) - value, values)
