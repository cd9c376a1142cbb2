"""Structured state space systems: dense, diagonal, and diagonal plus low rank, in continuous and discrete time.

Continuous: x'(t) = A x(t) + B u(t), y(t) = C x(t) + D u(t). Discrete: x_k = A_bar x_{k-1} + B_bar u_k,
y_k = C x_k + D u_k, so that the first output already sees the first input. Systems are frozen; their arrays are
read-only copies. Leading axes are heads and broadcast: A (..., N, N), Lambda (..., N), P and Q (..., N, r).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from . import _arrays
from ._systems import (
    ModalSystem,
    System,
    add_direct,
    basis,
    dense_arrays,
    dense_response,
    eigenvalues,
    modal_response,
    points_of,
)
from ._vandermonde import terms


@dataclass(frozen=True, eq=False, repr=False)
class StateSpace(System):
    """Dense continuous system x' = A x + B u, y = C x + D u.

    Parameters
    ----------
    A : array_like, shape (..., N, N), 1/time
    B, C : array_like, shape (..., N)
    D : array_like, shape (...), default 0

    Raises
    ------
    ValueError, TypeError
        If a shape does not match, or an entry is not a finite number.

    Notes
    -----
    Real or complex, float32 or float64; the strongest dtype among the arguments is used for all of them.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.StateSpace([[-1.0, 0.0], [1.0, -2.0]], [1.0, 0.0], [0.0, 1.0])
    >>> system.poles()
    array([-1., -2.])
    """

    _SPEC = {"A": "NN", "B": "N", "C": "N", "D": ""}
    A: Any
    B: Any
    C: Any
    D: Any = 0.0

    def conjugate(self, T: Any) -> StateSpace:
        """The equivalent system (T^-1 A T, T^-1 B, C T) of states T^-1 x ([S4] Lemma 3.1); T has shape (..., N, N)."""
        T = basis(T, self.n_states)
        try:
            with np.errstate(all="ignore"):
                A, B = np.linalg.solve(T, self.A @ T), np.linalg.solve(T, self.B[..., None])[..., 0]
                C = (self.C[..., None, :] @ T)[..., 0, :]
        except np.linalg.LinAlgError:
            _arrays.fail("T", "be invertible", "it is singular")
        if not all(np.isfinite(array).all() for array in (A, B, C)):
            _arrays.fail("T", "keep the system finite", f"it overflows with entries up to {np.abs(T).max():.3g}")
        return StateSpace(A, B, C, self.D)

    def to_dense(self) -> StateSpace:
        """Itself."""
        return self

    def poles(self) -> np.ndarray:
        """The eigenvalues of A, shape (..., N): the diagonal of a triangular matrix, LAPACK's otherwise."""
        return eigenvalues(self.A)

    def transfer_function(self, s: Any) -> np.ndarray:
        """H(s) = C (s - A)^-1 B + D at complex frequencies s; shape batch_shape + s.shape."""
        points, shape = points_of("s", s, self)
        forcing = np.broadcast_to(self.B, (points.size, *self.B.shape))
        response = dense_response("s", self.A, forcing, self.C, points)
        return add_direct(response, self, shape)


@dataclass(frozen=True, eq=False, repr=False)
class Diagonal(ModalSystem):
    """Diagonal continuous system x' = Lambda x + B u, y = C x + D u (S4D, DSS, S5 with one input).

    Parameters
    ----------
    Lambda : array_like, shape (..., N), 1/time
        Eigenvalues.
    B, C : array_like, shape (..., N)
    D : array_like, shape (...), default 0
    conjugate_pairs : bool or boolean array of shape (N,), default False
        True: every stored mode stands for a conjugate pair and the output is 2 Re(sum), real modes included. A mask
        says which modes do; the others must be real and count once.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.Diagonal([-0.5 + 3.0j], [1.0], [1.0], conjugate_pairs=True).to_dense().A
    array([[-0.5, -3. ],
           [ 3. , -0.5]])
    """

    _SPEC = {"Lambda": "N", "B": "N", "C": "N", "D": ""}
    Lambda: Any
    B: Any
    C: Any
    D: Any = 0.0
    conjugate_pairs: Any = False

    def conjugate(self, T: Any) -> StateSpace:
        """The dense system of states T^-1 x, from the basis of `to_dense`."""
        return self.to_dense().conjugate(T)

    def to_dense(self) -> StateSpace:
        """The same system with a full matrix, real where conjugate pairs are stored."""
        A, B, C = dense_arrays(self, self.Lambda, None, None, [self.B])
        return StateSpace(A, B, C, self.D)

    def poles(self) -> np.ndarray:
        """All N eigenvalues, partners included."""
        return self.full().Lambda.copy()

    def transfer_function(self, s: Any) -> np.ndarray:
        """H(s) = sum_n C_n B_n / (s - Lambda_n) + D over all modes; shape batch_shape + s.shape."""
        points, shape = points_of("s", s, self)
        full = self.full()
        return add_direct(modal_response("s", full, full.Lambda, None, None, full.B[..., None, :], points), self, shape)


@dataclass(frozen=True, eq=False, repr=False)
class DPLR(ModalSystem):
    """Diagonal plus low rank continuous system: A = diag(Lambda) - P Q* ([S4] Theorem 1; Q = P is the stable form).

    Parameters
    ----------
    Lambda : array_like, shape (..., N), 1/time
    P, Q : array_like, shape (..., N, r)
        Low-rank factors; `Q` enters conjugated.
    B, C : array_like, shape (..., N)
    D : array_like, shape (...), default 0
    conjugate_pairs : bool or boolean array of shape (N,), default False
        As in `Diagonal`; the rows of P and Q of partners are conjugates too.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.DPLR([-0.5, -1.0], [[1.0], [2.0]], [[1.0], [2.0]], [1.0, 1.0], [1.0, 0.0])
    >>> system.to_dense().A
    array([[-1.5, -2. ],
           [-2. , -5. ]])
    """

    _SPEC = {"Lambda": "N", "P": "Nr", "Q": "Nr", "B": "N", "C": "N", "D": ""}
    Lambda: Any
    P: Any
    Q: Any
    B: Any
    C: Any
    D: Any = 0.0
    conjugate_pairs: Any = False

    def conjugate(self, T: Any) -> StateSpace:
        """The dense system of states T^-1 x, from the basis of `to_dense`."""
        return self.to_dense().conjugate(T)

    def to_dense(self) -> StateSpace:
        """The same system with a full matrix, real where conjugate pairs are stored."""
        A, B, C = dense_arrays(self, self.Lambda, self.P, self.Q, [self.B])
        return StateSpace(A, B, C, self.D)

    def poles(self) -> np.ndarray:
        """The eigenvalues of diag(Lambda) - P Q*, shape (..., N), by LAPACK."""
        return self.to_dense().poles()

    def transfer_function(self, s: Any) -> np.ndarray:
        """H(s) by the Woodbury identity, O(N r) per point, beside an entry of Lambda by LU; shape batch_shape +
        s.shape."""
        points, shape = points_of("s", s, self)
        f = self.full()
        return add_direct(modal_response("s", f, f.Lambda, f.P, f.Q, f.B[..., None, :], points), self, shape)


@dataclass(frozen=True, eq=False, repr=False)
class DiscreteStateSpace(System):
    """Dense discrete system x_k = A_bar x_{k-1} + B_bar u_k (+ B_bar_previous u_{k-1} for FOH), y_k = C x_k + D u_k.

    `increment`, where given, is A_bar - I without the rounding of that difference; the views then use it for accuracy.
    """

    _SPEC = {"A_bar": "NN", "B_bar": "N", "C": "N", "D": "", "B_bar_previous": "N", "increment": "NN"}
    A_bar: Any
    B_bar: Any
    C: Any
    D: Any
    dt: Any
    B_bar_previous: Any = None
    increment: Any = None

    def to_dense(self) -> DiscreteStateSpace:
        """Itself."""
        return self

    def poles(self) -> np.ndarray:
        """The eigenvalues of A_bar, shape (..., N)."""
        return eigenvalues(self.A_bar)

    def transfer_function(self, z: Any) -> np.ndarray:
        """H(z) = C (z - A_bar)^-1 (z B_bar + B_bar_previous) + D, the z-transform of the kernel plus D."""
        points, shape = points_of("z", z, self)
        b = _forcing(self, points, "B_bar")
        return add_direct(dense_response("z", self.A_bar, np.moveaxis(b, -2, 0), self.C, points), self, shape)


@dataclass(frozen=True, eq=False, repr=False)
class DiscreteDiagonal(ModalSystem):
    """Diagonal discrete system; `Lambda_bar` (..., N) holds the poles, and `A_bar` is another name for it.

    `increment`, where given, is Lambda_bar - 1 without the rounding of that difference.
    """

    _SPEC = {"Lambda_bar": "N", "B_bar": "N", "C": "N", "D": "", "B_bar_previous": "N", "increment": "N"}
    Lambda_bar: Any
    B_bar: Any
    C: Any
    D: Any
    dt: Any
    B_bar_previous: Any = None
    conjugate_pairs: Any = False
    increment: Any = None

    @property
    def A_bar(self) -> np.ndarray:
        """The diagonal of A_bar, shape (..., N)."""
        return self.Lambda_bar

    @cached_property
    def residues(self) -> np.ndarray:
        """The coefficients of the kernel K_l = sum_n residues_n Lambda_bar_n^l, or its real part, shape (..., N).

        They are C B_bar, doubled for a conjugate pair; what `B_bar_previous` adds, one sample later, is not in them.
        """
        with np.errstate(all="ignore"):
            return _arrays.owned(self.C * self.B_bar * self.weights.astype(self.C.real.dtype))

    @cached_property
    def _terms(self) -> np.ndarray:
        """Residues and poles as sums of powers take them."""
        return terms(self.residues, self.Lambda_bar)

    def to_dense(self) -> DiscreteStateSpace:
        """The same system with a full matrix, real where conjugate pairs are stored."""
        return _discrete_dense(self, None, None)

    def poles(self) -> np.ndarray:
        """All N poles, partners included."""
        return self.full().Lambda_bar.copy()

    def transfer_function(self, z: Any) -> np.ndarray:
        """H(z), see `DiscreteStateSpace.transfer_function`."""
        points, shape = points_of("z", z, self)
        f = self.full()
        return add_direct(
            modal_response("z", f, f.Lambda_bar, None, None, _forcing(f, points, "B_bar"), points), f, shape
        )


@dataclass(frozen=True, eq=False, repr=False)
class DiscreteDPLR(ModalSystem):
    """Discrete system with A_bar = diag(Lambda_bar) - P_bar Q_bar*: every GBT step of a DPLR system has this form.

    `increment`, where given, is Lambda_bar - 1 without the rounding of that difference.
    """

    _SPEC = {"Lambda_bar": "N", "P_bar": "Nr", "Q_bar": "Nr", "B_bar": "N", "C": "N", "D": "", "increment": "N"}
    Lambda_bar: Any
    P_bar: Any
    Q_bar: Any
    B_bar: Any
    C: Any
    D: Any
    dt: Any
    conjugate_pairs: Any = False
    increment: Any = None
    B_bar_previous = None

    def to_dense(self) -> DiscreteStateSpace:
        """The same system with a full matrix, real where conjugate pairs are stored."""
        return _discrete_dense(self, self.P_bar, self.Q_bar)

    def poles(self) -> np.ndarray:
        """The eigenvalues of A_bar, shape (..., N), by LAPACK."""
        return self.to_dense().poles()

    def transfer_function(self, z: Any) -> np.ndarray:
        """H(z) by the Woodbury identity, O(N r) per point."""
        points, shape = points_of("z", z, self)
        f = self.full()
        b = _forcing(f, points, "B_bar")
        return add_direct(modal_response("z", f, f.Lambda_bar, f.P_bar, f.Q_bar, b, points), f, shape)


def _discrete_dense(system: Any, P: Any, Q: Any) -> DiscreteStateSpace:
    inputs = [b for b in (system.B_bar, system.B_bar_previous) if b is not None]
    A_bar, B_bar, *rest, C = dense_arrays(system, system.Lambda_bar, P, Q, inputs)
    if not _arrays.all_finite(A_bar):
        _arrays.fail("A_bar", "be finite", "the product of its low-rank factors overflows")
    made = {"A_bar": A_bar, "B_bar": B_bar, "C": C, "D": system.D, "dt": system.dt}
    increment = None if system.increment is None else dense_arrays(system, system.increment, P, Q, [])[0]
    return DiscreteStateSpace.of_checked(**made, B_bar_previous=rest[0] if rest else None, increment=increment)


def _forcing(system: Any, z: np.ndarray, name: str) -> np.ndarray:
    """z B_bar + B_bar_previous, shape (..., points, N)."""
    forcing = z[:, None] * getattr(system, name)[..., None, :]
    return forcing if system.B_bar_previous is None else forcing + system.B_bar_previous[..., None, :]
