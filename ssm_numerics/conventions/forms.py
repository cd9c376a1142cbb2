"""What the C or B of a package stands for, as pairs of functions between systems; and one mode of each pair or all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from .. import _arrays
from .._exponential import phi_1
from .._increments import Power, transition
from ..state_space import DPLR, DiscreteStateSpace
from .table import Convention
from .truncation import restore, truncate


@dataclass(frozen=True)
class Layer:
    """A system, its step and its discretization, as `convolution_kernel` and `simulate` take them.

    `dt` and `discretization` are None where the system is discrete. `condition` is the condition number of what had to
    be solved to find C, 1 if nothing had to.
    """

    system: Any
    dt: Any = None
    discretization: str | None = None
    condition: float = 1.0

    def convolution_kernel(self, L: int, method: str = "auto") -> np.ndarray:
        """`ssm_numerics.convolution_kernel` of this layer, shape (..., L)."""
        from ..convolution_kernel import convolution_kernel

        return np.asarray(convolution_kernel(self.system, L, self.dt, self.discretization, method=method))


class Form(NamedTuple):
    """From our layer to what a package stores, and back; both take the length L."""

    store: Callable[[Layer, int | None], Layer]
    load: Callable[[Layer, int | None], Layer]


def _same(layer: Layer, L: int | None) -> Layer:
    return layer


def _truncate(layer: Layer, L: int | None) -> Layer:
    found = truncate(layer.system, layer.dt, _length(L), layer.discretization or "")
    return replace(layer, system=replace(layer.system, C=found.C), condition=found.condition)


def _restore(layer: Layer, L: int | None) -> Layer:
    found = restore(layer.system, layer.dt, _length(L), layer.discretization or "")
    return replace(layer, system=replace(layer.system, C=found.C), condition=found.condition)


def _input_in_output(layer: Layer, L: int | None) -> Layer:
    system = layer.system
    return replace(layer, system=replace(system, B=np.ones_like(system.B), C=system.C * system.B))


def _softmax(layer: Layer, L: int | None) -> Layer:
    system = _input_in_output(layer, L).system
    return replace(layer, system=replace(system, C=system.C * _growth(layer, L)))


def _no_softmax(layer: Layer, L: int | None) -> Layer:
    growth = _growth(layer, L)
    if not growth.all():
        _arrays.fail("L", "keep e^(L dt Lambda) away from 1", "it is 1 for some mode")
    return replace(layer, system=replace(layer.system, C=layer.system.C / growth))


def _growth(layer: Layer, L: int | None) -> np.ndarray:
    """e^(L dt Lambda) - 1."""
    return np.expm1(_length(L) * np.asarray(layer.dt)[..., None] * layer.system.Lambda)


def _euler(layer: Layer, L: int | None) -> Layer:
    return replace(layer, system=replace(layer.system, B=layer.system.B * _hold(layer)))


def _no_euler(layer: Layer, L: int | None) -> Layer:
    return replace(layer, system=replace(layer.system, B=layer.system.B / _hold(layer)))


def _hold(layer: Layer) -> np.ndarray:
    """B_bar of zero-order hold over dt B."""
    return phi_1(np.asarray(layer.dt)[..., None] * layer.system.Lambda)


def read_before_the_step(
    A_bar: Power, B: np.ndarray, B_previous: np.ndarray | None, C: np.ndarray, D: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """G, H, J of xi_{k+1} = A_bar xi_k + G u_k, y_k = H xi_k + J u_k, from B (N, m), C (p, N), D (p, m).

    (B, C A_bar, C B + D), and with two taps (A_bar B + B_previous, C, C B + D).
    """
    J = C @ B + D
    return (B, A_bar.after(C), J) if B_previous is None else (A_bar.times(B) + B_previous, C, J)


def _before_the_step(layer: Layer, L: int | None) -> Layer:
    d = layer.system
    previous = None if d.B_bar_previous is None else d.B_bar_previous[:, None]
    G, H, J = read_before_the_step(transition(d), d.B_bar[:, None], previous, d.C[None], d.D)
    return replace(layer, system=DiscreteStateSpace(d.A_bar, G[:, 0], H[0], J[0, 0], d.dt))


def _after_the_step(layer: Layer, L: int | None) -> Layer:
    """Their input reaches the state one step late: it is our earlier tap, and nothing has to be inverted."""
    d = layer.system
    return replace(layer, system=replace(d, B_bar=np.zeros_like(d.B_bar), B_bar_previous=d.B_bar))


def _length(L: int | None) -> int:
    if L is None:
        _arrays.fail("L", "be given, as the package stores C for one length", "it is None", TypeError)
    return _arrays.count("L", L)


def _if_length(then: Callable[[Layer, int | None], Layer]) -> Callable[[Layer, int | None], Layer]:
    return lambda layer, L: then(layer, L) if L else layer


FORMS: dict[str, Form] = {
    "plain": Form(_same, _same),
    "truncated": Form(_truncate, _restore),
    "truncated where a length is kept": Form(_if_length(_truncate), _if_length(_restore)),
    "input in the output": Form(_input_in_output, _same),
    "softmax": Form(_softmax, _no_softmax),
    "input by Euler": Form(_euler, _no_euler),
    "output before the step": Form(_before_the_step, _after_the_step),
}


def to_stored_modes(system: Any, convention: Convention) -> Any:
    """Modes as the package stores them: all, or one of each pair, of the right half, and C for its weight."""
    if convention.weight is None:
        return system.full()
    pairs = system.pairs
    if pairs is None:
        if np.iscomplexobj(system.C):
            found = "it stores every mode of a complex system"
            _arrays.fail("system", "be real or store conjugate pairs, of which the package keeps one mode each", found)
        pairs = np.zeros(system.C.shape[-1], dtype=bool)
    Lambda = system.Lambda
    turned = (Lambda.imag * convention.half < 0) if convention.half else np.zeros(Lambda.shape, dtype=bool)
    # a mode alone is stored as two equal ones: half of C each, or all of a low-rank system's vectors over sqrt 2
    low_rank = isinstance(system, DPLR)
    share = np.where(pairs, 1.0, np.sqrt(0.5) if low_rank else 0.5).astype(system.C.real.dtype)
    changed = {"Lambda": _turn(Lambda, turned)}
    for name in ("B", "C", "P", "Q") if low_rank else ("B", "C"):
        values = getattr(system, name)
        columns = (Ellipsis, None) if name in "PQ" else (Ellipsis,)
        factor = share if low_rank or name == "C" else np.ones_like(share)
        changed[name] = _turn(values, turned[columns]) * factor[columns]
    changed["C"] = changed["C"] * changed["C"].real.dtype.type(2 / convention.weight)
    return type(system)(**changed, D=system.D, conjugate_pairs=True)


def from_stored_modes(quantities: dict[str, Any], convention: Convention) -> Any:
    """Our system of a package's modes."""
    if convention.weight is None or not np.iscomplexobj(quantities["Lambda"]):
        return convention.system(**quantities)
    C = quantities["C"] * np.asarray(quantities["C"]).real.dtype.type(convention.weight / 2)
    return convention.system(**{**quantities, "C": C}, conjugate_pairs=True)


def _turn(values: np.ndarray, turned: np.ndarray) -> np.ndarray:
    return np.where(turned, values.conj(), values)


def as_discrete(system: Any, dt: Any, discretization: str) -> DiscreteStateSpace:
    """The dense discrete system, real."""
    from ..discretization import discretize

    discrete = system if hasattr(system, "A_bar") else discretize(system, dt, discretization)
    dense = discrete.to_dense()
    if np.iscomplexobj(dense.C):
        found = "it is complex; the package would drop imaginary parts"
        _arrays.fail("system", "be real or store conjugate pairs", found)
    return dense
