"""Gramians of systems, their H2 norm and Hankel singular values, and balanced truncation.

Continuous: W_c = int e^{tA} B B* e^{tA*} dt, W_o = int e^{tA*} C* C e^{tA} dt. Discrete, with the convention of this
package (the kernel K_l = C A_bar^l B_bar): W_c = sum A_bar^l B_bar B_bar* A_bar*^l, W_o alike, and the Hankel matrix
K_{j+k}. Real or complex: adjoints, never transposes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._gramian_factors import dense_factor, diagonal_factor
from ._matrices import UNIT, doubled
from ._results import Number, Result, SystemResult
from .state_space import (
    DPLR,
    Diagonal,
    DiscreteDiagonal,
    DiscreteDPLR,
    DiscreteStateSpace,
    StateSpace,
)
from .structured import DiscreteStructuredStateSpace, as_matrix_system

SYSTEMS = (StateSpace, Diagonal, DPLR, DiscreteStateSpace, DiscreteDiagonal, DiscreteDPLR)


@dataclass(frozen=True)
class Gramians(Result):
    """Controllability and observability Gramians W_c and W_o (N, N) of one system, and factors L L* = W.

    They stand in the basis of all modes for diagonal systems, else in that of `to_dense()`.
    """

    controllability: np.ndarray
    observability: np.ndarray
    controllability_factor: np.ndarray
    observability_factor: np.ndarray
    hankel_singular_values: np.ndarray

    def plot(self, ax: Any = None) -> Any:
        """Draw the Hankel singular values; returns the matplotlib axes."""
        return _plot_hankel(self.hankel_singular_values, ax)


@dataclass(frozen=True)
class HankelSingularValues(Result):
    """Hankel singular values, descending, the error of each, and bounds[r] = 2 (sigma_{r+1} + ... + sigma_N)."""

    values: np.ndarray
    uncertainty: float
    bounds: np.ndarray

    def plot(self, ax: Any = None) -> Any:
        """Draw the values and the error bounds of balanced truncation; returns the matplotlib axes."""
        return _plot_hankel(self.values, ax)


@dataclass(frozen=True)
class H2Norm(Number):
    """The root of the energy of the impulse response, sum |K_l|^2 with D in K_0, or the integral of |C e^{tA} B|^2."""

    value: float

    def plot(self, ax: Any = None) -> Any:
        """Draw it as a bar; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.bars({"H2 norm": self.value}, ax, "Energy of the impulse response", "")


@dataclass(frozen=True)
class BalancedTruncation(SystemResult):
    """The reduced system of order r, Hankel singular values of the full one, and the bound of the error.

    For all frequencies |H - H_r| lies between `lower_bound` = sigma_{r+1} at its largest and `error_bound`.
    """

    system: Any
    order: int
    hankel_singular_values: np.ndarray
    error_bound: float
    lower_bound: float

    def plot(self, ax: Any = None) -> Any:
        """Draw the Hankel singular values and the error bounds; returns the matplotlib axes."""
        return _plot_hankel(self.hankel_singular_values, ax)


def _plot_hankel(values: np.ndarray, ax: Any) -> Any:
    from . import _diagnostic_plots

    bound = _tails(values)[1:], "error bound of order k"
    return _diagnostic_plots.decay(values, ax, "Hankel singular values", "Hankel singular values", "k", bound)


def gramians(system: Any) -> Gramians:
    """The controllability and observability Gramians of a stable system.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR or one of their discrete twins, one head
        Diagonal systems in pair storage are expanded to all modes.

    Returns
    -------
    Gramians

    Raises
    ------
    ValueError
        If an eigenvalue of A does not lie in the open left half-plane (of A_bar in the open unit disk), for a batch, or
        for first-order hold, whose steps also see the previous input.

    Notes
    -----
    Diagonal systems: W_c is the Cauchy matrix -B_i conj(B_j)/(lambda_i + conj(lambda_j)), and its Cholesky factor has
    entries that are products: no digit is lost however small they are. Others: Hammarling's method, which finds the
    factor without W. A discrete system goes through its inverse bilinear transform, which has the same Gramians.

    *Accuracy*: diagonal: entries of W within 8 u, of the factors within 16 N u. Others: residual |A W + W A* + B B*| at
    most 16 N u |A| |W|. *Cost*: O(N^2) diagonal, else one Schur form and O(N^3).

    References
    ----------
    S. J. Hammarling, IMA J. Numer. Anal. 2 (1982), 303-323; J. Demmel, SIAM J. Matrix Anal. Appl. 21 (1999), 562-580.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.gramians(ssm.Diagonal([-1.0, -3.0], [1.0, 1.0], [1.0, 2.0])).controllability.round(3)
    array([[0.5  , 0.25 ],
           [0.25 , 0.167]])
    """
    A, B, C, is_diagonal = _continuous(system)
    if is_diagonal:
        L, R = diagonal_factor(A, B), diagonal_factor(A.conj(), C.conj())
        controllability, observability = _cauchy(A, B), _cauchy(A.conj(), C.conj())
        if not any(np.iscomplexobj(part) for part in (A, B, C)):
            L, R = L.real, R.real
    else:
        L, R = dense_factor(A, B), dense_factor(A.conj().T, C.conj())
        controllability, observability = L @ L.conj().T, R @ R.conj().T
    return Gramians(controllability, observability, L, R, _singular_values(R.conj().T @ L, len(A)))


def h2_norm(system: Any) -> H2Norm:
    """The H2 norm: the root of the energy of the impulse response.

    Parameters
    ----------
    system
        As in `gramians`. A continuous system must have D = 0, or the norm is infinite.

    Returns
    -------
    H2Norm

    Notes
    -----
    |C L| with the Gramian's factor L, a sum of squares. Discrete: |K_0 + D|^2 replaces |K_0|^2.

    *Accuracy*: that of the factor times |C| |L|/value. *Cost*: that of `gramians`.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> round(float(ssm.h2_norm(ssm.Diagonal([-0.5], [1.0], [3.0]))), 12)
    3.0
    """
    A, B, _, is_diagonal = _continuous(system)
    L = diagonal_factor(A, B) if is_diagonal else dense_factor(A, B)
    dense = _checked(system)
    dense = dense.full() if isinstance(dense, (Diagonal, DiscreteDiagonal)) else dense.to_dense()
    energy, direct = float(np.linalg.norm(dense.C @ L) ** 2), complex(dense.D)
    if not hasattr(dense, "dt"):
        return H2Norm(np.inf if direct else float(np.sqrt(energy)))
    first = complex(np.sum(dense.C * dense.B_bar))
    return H2Norm(float(np.sqrt(max(energy + abs(first + direct) ** 2 - abs(first) ** 2, 0.0))))


def hankel_singular_values(system: Any) -> HankelSingularValues:
    """The Hankel singular values: how much of the past's effect on the future needs how many states.

    Parameters
    ----------
    system
        As in `gramians`.

    Returns
    -------
    HankelSingularValues

    Notes
    -----
    Singular values of R* L with W_c = L L*, W_o = R R*. Of a discrete system they are those of the infinite Hankel
    matrix K_{j+k}, the present sample included.

    *Accuracy*: `uncertainty` = 16 N u sigma_1 for diagonal systems; for the others it also counts the residual of the
    Gramians, which ill-conditioned ones magnify. *Cost*: that of `gramians` and O(N^3).

    References
    ----------
    A. C. Antoulas, Approximation of Large-Scale Dynamical Systems, 2005, section 5.8 and 7.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.hankel_singular_values(ssm.Diagonal([-1.0, -1.0], [1.0, 1.0], [1.0, 1.0])).values.round(6)
    array([1., 0.])
    """
    values = gramians(system).hankel_singular_values
    return HankelSingularValues(values, float(16 * len(values) * UNIT * values[0]), _tails(values))


def balanced_truncation(system: Any, order: int) -> BalancedTruncation:
    """The balanced truncation to `order` states, with its error bound.

    Parameters
    ----------
    system
        As in `gramians`.
    order : int
        Between 1 and N; lower where fewer Hankel singular values are above rounding.

    Returns
    -------
    BalancedTruncation
        `.system`: a stable StateSpace, or DiscreteStateSpace, real for a real system.

    Notes
    -----
    The square-root method: with R* L = U S V*, the reduced system is the projection by S^-1/2 U* R* and L V S^-1/2. At
    every frequency |H - H_r| <= 2 (sigma_{r+1} + ... + sigma_N), and somewhere at least sigma_{r+1}. In discrete time
    the kernel starts at K_0 = C B_bar, and (A_bar, B_bar, C) is projected as it stands; D is kept.

    *Accuracy*: the bound holds to 16 N u sigma_1 more. *Cost*: O(N^3).

    References
    ----------
    B. C. Moore, IEEE Trans. Autom. Control 26 (1981), 17-32; K. Glover, Int. J. Control 39 (1984), 1115-1193; Pernebo &
    Silverman 1982 (discrete).

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.Diagonal([-1.0, -2.0, -30.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    >>> reduced = ssm.balanced_truncation(system, 2)
    >>> reduced.system.n_states, reduced.error_bound < 0.02
    (2, True)
    """
    order = _arrays.count("order", order)
    system = _checked(system)
    if isinstance(system, (Diagonal, DiscreteDiagonal)) and system.pairs is not None:
        system = system.to_dense()
    parts = gramians(system)
    if order > len(parts.controllability):
        _arrays.fail("order", f"be at most N = {len(parts.controllability)}", f"it is {order}")
    L, R = parts.controllability_factor, parts.observability_factor
    U, values, Vh = np.linalg.svd(R.conj().T @ L)
    if not values[0] > 0:
        _arrays.fail("system", "respond to its input", "its Hankel singular values are all zero")
    kept = min(order, max(int((values > 16 * len(L) * UNIT * values[0]).sum()), 1))
    root = np.sqrt(values[:kept])
    left, right = (R @ (U[:, :kept] / root)).conj().T, L @ (Vh[:kept].conj().T / root)
    dense = system.to_dense()
    if isinstance(dense, StateSpace):
        reduced: Any = StateSpace(left @ dense.A @ right, left @ dense.B, dense.C @ right, dense.D)
    else:
        A_bar = left @ dense.A_bar @ right
        reduced = DiscreteStateSpace(A_bar, left @ dense.B_bar, dense.C @ right, dense.D, dense.dt)
    sigma = parts.hankel_singular_values
    tails = _tails(sigma)
    return BalancedTruncation(
        reduced, kept, sigma, float(tails[kept]), float(sigma[kept]) if kept < len(sigma) else 0.0
    )


def _tails(values: np.ndarray) -> np.ndarray:
    """2 (sigma_{r+1} + ... + sigma_N) for r = 0, ..., N."""
    return np.append(2 * np.cumsum(values[::-1])[::-1], 0.0)


def _singular_values(matrix: np.ndarray, order: int) -> np.ndarray:
    return np.linalg.svd(matrix, compute_uv=False)[:order]


def _cauchy(Lambda: np.ndarray, b: np.ndarray) -> np.ndarray:
    return -np.outer(b, b.conj()) / (Lambda[:, None] + Lambda.conj()[None, :])


def _checked(system: Any) -> Any:
    """One system in double precision, without structure that only steps."""
    if isinstance(system, DiscreteStructuredStateSpace):
        system = system.to_dense()
    system = as_matrix_system(system)
    if not isinstance(system, SYSTEMS):
        _arrays.fail("system", "be a state space system of this package", f"it is {type(system).__name__}", TypeError)
    if system.batch_shape:
        _arrays.fail("system", "be one system", f"its batch shape is {system.batch_shape}")
    if getattr(system, "B_bar_previous", None) is not None:
        _arrays.fail("system", "have steps that see one input", "first-order hold also sees the previous one")
    return doubled(system)


def _continuous(system: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """A (or its diagonal), B, C of the continuous system with the same Gramians, and whether A is diagonal."""
    system = _checked(system)
    is_diagonal = isinstance(system, (Diagonal, DiscreteDiagonal))
    system = system.full() if is_diagonal else system.to_dense()
    if not hasattr(system, "dt"):
        A = system.Lambda if is_diagonal else system.A
        B, C = system.B, system.C
    elif is_diagonal:
        increment = system.Lambda_bar - 1 if system.increment is None else system.increment
        scale = 1 / (2 + increment)
        A, B, C = increment * scale, np.sqrt(2) * scale * system.B_bar, np.sqrt(2) * scale * system.C
    else:
        increment = system.A_bar - np.eye(system.n_states) if system.increment is None else system.increment
        both = increment + 2 * np.eye(system.n_states)
        try:
            A = np.linalg.solve(both, increment)
            B = np.sqrt(2) * np.linalg.solve(both, system.B_bar)
            C = np.sqrt(2) * np.linalg.solve(both.T, system.C)
        except np.linalg.LinAlgError:
            _arrays.fail("system", "be stable, with no eigenvalue -1 of A_bar", "-1 is one")
    _require_stable(A, is_diagonal)
    return A, B, C, is_diagonal


def _require_stable(A: np.ndarray, is_diagonal: bool) -> None:
    values = A if is_diagonal else np.linalg.eigvals(A)
    if not values.real.max() < 0:
        found = "the largest real part of an eigenvalue (for a step: of its inverse bilinear transform)"
        found += f" is {values.real.max():.3g}"
        _arrays.fail("system", "be stable, or its Gramians are infinite", found)
