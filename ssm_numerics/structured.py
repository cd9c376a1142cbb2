"""Systems in the original basis of a HiPPO operator, whose matrix is never formed unless somebody asks for it.

A semiseparable operator (legs, legt, lmu, lagt, glagt) applies A and solves with I - hA in O(N) real operations, so one
GBT step costs O(N) without any change of basis, and N = 10^6 states need megabytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._hippo_structure import Semiseparable
from ._increments import smaller_form
from ._systems import System
from .state_space import DiscreteStateSpace, StateSpace

LARGEST_CHECKED_ORDER = 512
"""Up to this order a rule that may be unstable is checked by the eigenvalues of its dense matrix."""


@dataclass(frozen=True, eq=False, repr=False)
class StructuredStateSpace(System):
    """Continuous system x' = A x + B u, y = C x + D u with the matrix A of a HiPPO operator.

    Parameters
    ----------
    operator : HiPPO
        As `hippo` returns it; A and B are taken from it.
    C : array_like, shape (..., N)
    D : array_like, shape (...), default 0

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.hippo("legs", 100_000).structured_state_space([1.0] * 100_000)
    >>> ssm.simulate(system, [1.0, 0.0], 1e-9).shape
    (2,)
    """

    _SPEC = {"C": "N", "D": ""}
    operator: Any
    C: Any
    D: Any = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _arrays.trailing("C", self.C, (self.operator.N,), f"N = {self.operator.N} states")

    @property
    def A(self) -> np.ndarray:
        """The dense matrix (N, N), built on request."""
        return self.operator.A.astype(_arrays.real_dtype(self.dtype))

    @property
    def B(self) -> np.ndarray:
        """The input vector (N,)."""
        return self.operator.B.astype(_arrays.real_dtype(self.dtype))

    def conjugate(self, T: Any) -> StateSpace:
        """The equivalent dense system (T^-1 A T, T^-1 B, C T)."""
        return self.to_dense().conjugate(T)

    def to_dense(self) -> StateSpace:
        """The same system with its matrix formed."""
        return StateSpace(self.A, self.B, self.C, self.D)

    def poles(self) -> np.ndarray:
        """The eigenvalues of A."""
        return self.to_dense().poles()

    def transfer_function(self, s: Any) -> np.ndarray:
        """H(s) = C (s - A)^-1 B + D; shape batch_shape + s.shape."""
        return self.to_dense().transfer_function(s)


@dataclass(frozen=True, eq=False, repr=False)
class DiscreteStructuredStateSpace(System):
    """A GBT step in O(N): x_k = (I - alpha dt A)^-1 ((I + (1 - alpha) dt A) x_{k-1} + dt B u_k)."""

    _SPEC = {"C": "N", "D": ""}
    operator: Any
    alpha: float
    C: Any
    D: Any
    dt: Any
    B_bar_previous = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _arrays.trailing("C", self.C, (self.operator.N,), f"N = {self.operator.N} states")
        object.__setattr__(self, "alpha", _arrays.real_number("alpha", self.alpha, least=0.0, most=1.0))

    def factors(self) -> np.ndarray:
        """The LU factors of I - alpha dt A, one set per step: shape (*dt.shape, 3, N)."""
        flat = [self.operator._structure.factor(self.alpha * step) for step in self.dt.reshape(-1)]
        return np.reshape(flat, (*self.dt.shape, 3, self.operator.N))

    def to_dense(self) -> DiscreteStateSpace:
        """The same system with A_bar and B_bar formed, by N + 1 structured solves per step."""
        columns = np.vstack([self.operator.A.T, self.operator.B])
        solved = [self.operator.solve(self.alpha * step, step * columns) for step in self.dt.reshape(-1).tolist()]
        rows = np.reshape(solved, (*self.dt.shape, self.operator.N + 1, self.operator.N))
        held, B_bar = smaller_form(rows[..., :-1, :].mT), rows[..., -1, :].astype(_arrays.real_dtype(self.dtype))
        return DiscreteStateSpace(held.plain(), B_bar, self.C, self.D, self.dt, None, held.increment())

    @property
    def A_bar(self) -> np.ndarray:
        """The dense matrix (..., N, N), formed on request."""
        return self.to_dense().A_bar

    @property
    def B_bar(self) -> np.ndarray:
        """(I - alpha dt A)^-1 dt B, shape (..., N)."""
        B = self.operator.B
        flat = [self.operator.solve(self.alpha * step, step * B) for step in self.dt.reshape(-1).tolist()]
        return np.reshape(flat, (*self.dt.shape, self.operator.N)).astype(_arrays.real_dtype(self.dtype))

    def poles(self) -> np.ndarray:
        """The eigenvalues of A_bar."""
        return self.to_dense().poles()

    def transfer_function(self, z: Any) -> np.ndarray:
        """H(z), see `DiscreteStateSpace.transfer_function`."""
        return self.to_dense().transfer_function(z)


def as_matrix_system(system: Any) -> Any:
    """The dense form of a structured system; any other system as it is."""
    return system.to_dense() if isinstance(system, (StructuredStateSpace, DiscreteStructuredStateSpace)) else system


def steps_in_linear_time(system: Any, alpha: float | None) -> bool:
    """Whether the O(N) form serves: rules that preserve stability, and systems too large for its check."""
    return (
        isinstance(system, StructuredStateSpace)
        and alpha is not None
        and (alpha >= 0.5 or system.n_states > LARGEST_CHECKED_ORDER)
        and system.dtype in (np.float64, np.complex128)
        and isinstance(system.operator._structure, Semiseparable)
    )
