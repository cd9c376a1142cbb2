"""Discretized systems ready to run over signals: with one step for all samples, or with one for each."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from . import _arrays, _pairs
from ._increments import identity_like
from ._simulation import Problem, is_finite, refuse_overflow, simulate_rows
from ._stepping import CONTINUOUS, as_discrete, refuse_complex, run
from .discretization import discretize, rule
from .state_space import DPLR, DiscreteStateSpace, StateSpace
from .structured import as_matrix_system

STEP_BYTES = 2**26
"""Working memory for the discretizations of many different steps, and for what a stream keeps of them."""


@dataclass(frozen=True)
class Stepper:
    """A discrete system which takes and returns states in the stored basis of the system it was made from.

    `stored` is the length of these states; `pairs` is the mask of a DPLR system that an exponential has made dense;
    `kept` holds what blocks of one stream share.
    """

    discrete: Any
    stored: int
    pairs: np.ndarray | None = None
    kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, system: Any, dt: Any, discretization: str | None, alpha: float | None) -> Stepper:
        """Discretize a continuous system; take a discrete one as it is."""
        discrete = as_discrete(system, dt, discretization, alpha)
        pairs = _mask_of_dense(system, discrete)
        return cls(discrete if pairs is None else _unscaled(discrete, pairs), system.C.shape[-1], pairs)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles leave out what can be computed again."""
        return type(self), (self.discrete, self.stored, self.pairs)

    def check_state(self, x0: Any, name: str = "x0") -> np.ndarray:
        """A state in the stored basis, checked."""
        return checked_state(x0, self.stored, self.pairs, name)

    def entering(self, state: np.ndarray | None, u: np.ndarray, u_before: np.ndarray) -> np.ndarray | None:
        """A state in the coordinates that the recurrence uses, for signals that may drive the system."""
        return _entering(state, self.pairs, u, u_before)

    def run(
        self, u: np.ndarray, state: np.ndarray | None, u_before: np.ndarray, method: str, with_state: bool, name: str
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Outputs and, where asked for, the final state."""
        start = self.entering(state, u, u_before)
        y, final = simulate_rows(Problem(self.discrete, u, start, u_before, with_state, self.kept), method, name)
        return y, _leaving(final, self.pairs)


class VaryingStepper:
    """A continuous system whose step changes from sample to sample; repeated steps are discretized once.

    The discretization of a step does not depend on the steps beside it, so neither do the bits of the outputs.
    """

    def __init__(self, system: Any, discretization: str | None, alpha: float | None) -> None:
        if not isinstance(system, CONTINUOUS):
            rule_, found = "be continuous where steps vary", f"it is {type(system).__name__}"
            _arrays.fail("system", rule_, found, TypeError)
        name = "bilinear" if discretization is None else discretization
        self.method, gbt = rule(name, alpha, "discretization")
        self.system, self.alpha = system, alpha
        given = as_matrix_system(system)
        self._dense = given.to_dense() if isinstance(given, DPLR) and gbt is None else given
        self._pairs = _mask_of_dense(system, self._dense)
        self._known: dict[bytes, Any] = {}

    def check_state(self, x0: Any, name: str = "x0") -> np.ndarray:
        """A state in the stored basis, checked."""
        return checked_state(x0, self.system.C.shape[-1], self._pairs, name)

    def run(
        self, u: np.ndarray, dt: np.ndarray, state: np.ndarray | None, u_before: np.ndarray, name: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Outputs (..., T) and the final state for signals (..., T) and steps (..., T)."""
        start, before, parts = _entering(state, self._pairs, u, u_before), u_before, []
        leading = {"u": u.shape[:-1], "dt": dt.shape[:-1], "x0": np.shape(start)[:-1], "u_before": u_before.shape}
        _arrays.batch(system=self.system.batch_shape, **leading)
        for begin, end in step_blocks(dt, self._dense):
            distinct, which = np.unique(dt[..., begin:end], axis=-1, return_inverse=True)
            discrete = self._discretized(distinct)
            y, start = run(discrete, u[..., begin:end], start, before, step=which.reshape(-1).astype(np.int64))
            before = u[..., end - 1]
            parts.append(y)
        y, D = np.concatenate(parts, axis=-1), self._dense.D
        with np.errstate(all="ignore"):
            y = y + D[..., None] * u if np.any(D) else y
        if not is_finite(y, start):
            refuse_overflow(name, u.shape[-1])
        return y, _leaving(start, self._pairs)  # type: ignore[return-value]

    def _discretized(self, distinct: np.ndarray) -> Any:
        """The discretizations of steps (..., S), along a last leading axis, without D."""
        if not isinstance(self._dense, StateSpace):
            return discretize(with_step_axis(self._dense), distinct, self.method, self.alpha)
        if len(self._known) * 4 * self._dense.A.nbytes > STEP_BYTES:
            self._known.clear()
        each = [self._one(np.array(dt, order="C")) for dt in np.moveaxis(distinct, -1, 0)]
        parts = {each_field.name: _stacked(each, each_field.name) for each_field in fields(DiscreteStateSpace)}
        return DiscreteStateSpace(**parts | {"D": 0.0, "dt": distinct})

    def _one(self, dt: np.ndarray) -> Any:
        """One step of a dense system by itself, as an exponential is scaled by the largest of those beside it."""
        key = dt.tobytes()
        if key not in self._known:
            discrete: Any = discretize(self._dense, dt, self.method, self.alpha)
            self._known[key] = discrete if self._pairs is None else _unscaled(discrete, self._pairs)
        return self._known[key]


def checked_state(x0: Any, stored: int, pairs: np.ndarray | None, name: str = "x0") -> np.ndarray:
    """A state in the stored basis, checked."""
    state = _arrays.numeric(name, x0, min_ndim=1)
    _arrays.trailing(name, state, (stored,), f"the system's {stored} stored states")
    if pairs is not None:
        _pairs.require_real(name, state, pairs)
    return state


def _mask_of_dense(system: Any, dense: Any) -> np.ndarray | None:
    """The pair mask of a DPLR system that has become dense."""
    return system.pairs if isinstance(system, DPLR) and isinstance(dense, (StateSpace, DiscreteStateSpace)) else None


def _entering(state: np.ndarray | None, pairs: np.ndarray | None, u: np.ndarray, u_before: np.ndarray) -> Any:
    if pairs is None:
        return state
    refuse_complex(u=u, u_before=u_before)
    return None if state is None else _pairs.coordinates(state, pairs)


def _leaving(state: np.ndarray | None, pairs: np.ndarray | None) -> np.ndarray | None:
    return state if state is None or pairs is None else _pairs.from_coordinates(state, pairs)


def _unscaled(discrete: DiscreteStateSpace, pairs: np.ndarray) -> DiscreteStateSpace:
    """The dense form of a DPLR system in plain coordinates, so that states are carried over exactly, without sqrt 2."""
    scale = _pairs.unitary_scale(pairs, discrete.dtype)
    inputs = [b if b is None else b / scale for b in (discrete.B_bar, discrete.B_bar_previous)]
    matrices = [m if m is None else m * scale / scale[:, None] for m in (discrete.A_bar, discrete.increment)]
    C = discrete.C * scale
    return DiscreteStateSpace(matrices[0], inputs[0], C, discrete.D, discrete.dt, inputs[1], matrices[1])


def with_step_axis(system: Any) -> Any:
    """The system with a last leading axis of length one, along which steps will differ, and without D."""
    changed = {n: np.expand_dims(getattr(system, n), -1 - len(axes)) for n, axes in system._SPEC.items() if axes}
    return replace(system, **changed, D=0.0)


def step_blocks(steps: np.ndarray, system: Any) -> list[tuple[int, int]]:
    """Ranges of samples whose distinct steps (..., T) fit into the working memory together."""
    limit, n_samples = max(1, STEP_BYTES // _step_bytes(system)), steps.shape[-1]
    if n_samples <= limit or np.unique(steps, axis=-1).shape[-1] <= limit:
        return [(0, n_samples)]
    return [(begin, min(begin + limit, n_samples)) for begin in range(0, n_samples, limit)]


def _step_bytes(system: Any) -> int:
    """What the discretization of one step takes, with what it takes to compute it."""
    return 8 * 16 * max(system.A.size if isinstance(system, StateSpace) else system.C.size, 1)


def _stacked(each: list[Any], name: str) -> Any:
    """One field of several dense discretizations, along a last leading axis; increments that lack are formed."""
    arrays = [getattr(discrete, name) for discrete in each]
    if all(array is None for array in arrays):
        return None
    if name == "increment":
        arrays = [d.A_bar - identity_like(d.A_bar) if a is None else a for d, a in zip(each, arrays, strict=True)]
    return np.stack(arrays, axis=arrays[0].ndim - len(DiscreteStateSpace._SPEC.get(name, "")))
