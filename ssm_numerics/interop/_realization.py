"""Real matrices (A, B, C, D), as other libraries write them, of any system; and systems of such matrices.

Others write xi_{k+1} = F xi_k + G u_k, y_k = H xi_k + J u_k: the output is read before the state moves. With
xi_k = x_{k-1} our x_k = A_bar x_{k-1} + B_bar u_k, y_k = C x_k + D u_k is F = A_bar, G = B_bar, H = C A_bar,
J = C B_bar + D. With two taps (FOH), xi_k = A_bar x_{k-1} + B_bar_previous u_{k-1} gives F = A_bar,
G = A_bar B_bar + B_bar_previous, H = C, J = C B_bar + D. Backwards, two taps (B_bar = 0, B_bar_previous = G) are the
same matrices, and one tap needs H F^-1.

Several inputs and outputs are heads (p, m), the matrix of transfer functions: B varies along the second axis, C along
the first, and A along none.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NoReturn

import numpy as np

from .. import _arrays
from .._increments import transition
from .._stepping import CONTINUOUS, DISCRETE
from .._systems import ModalSystem
from ..conventions.forms import read_before_the_step
from ..state_space import DiscreteStateSpace, StateSpace

FORMS = ("two_tap", "one_tap")


def matrices(system: Any) -> tuple[np.ndarray, ...]:
    """A (N, N), B (N, m), C (p, N), D (p, m) of a continuous system, and dt of a discrete one; real, in its dtype."""
    if not isinstance(system, (*CONTINUOUS, *DISCRETE)):
        found = f"it is {type(system).__name__}"
        _arrays.fail("system", "be a continuous or discrete state space system", found, TypeError)
    dense = real_form(system)
    if isinstance(dense, StateSpace):
        return plain(dense.A, dense.B, dense.C, dense.D, dense.batch_shape)
    if dense.dt.size > 1 or not dense.dt.all():
        _arrays.fail("dt", "be one positive step", f"it is {dense.dt}")
    shared = (dense.C, dense.D, dense.batch_shape)
    A, B, C, D = plain(dense.A_bar, dense.B_bar, *shared)
    previous = None if dense.B_bar_previous is None else plain(dense.A_bar, dense.B_bar_previous, *shared)[1]
    return A, *read_before_the_step(transition(dense), B, previous, C, D), np.asarray(dense.dt)


def plain(A: np.ndarray, B: np.ndarray, C: np.ndarray, D: np.ndarray, heads: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """One matrix each, from a system without heads, or with the heads (p, m) of p outputs and m inputs."""
    p, m = heads if len(heads) == 2 else (1, 1)
    n = C.shape[-1]
    try:
        if len(heads) not in (0, 2):
            raise ValueError
        return (
            np.broadcast_to(A, (1, 1, n, n))[0, 0],
            np.broadcast_to(B, (1, m, n))[0].mT,
            np.broadcast_to(C, (p, 1, n))[:, 0],
            np.broadcast_to(D, (p, m)),
        )
    except ValueError:
        rule = "be one system, or have heads (p, m) with C of shape (p, 1, N), B of shape (m, N) and A without heads"
        _arrays.fail("system", rule, f"its heads are {heads}")


def real_form(system: Any) -> Any:
    """The dense form of a system with a real response to a real input; nothing is ever cast."""
    if system.output_dtype.kind != "c":
        return system.to_dense()
    if isinstance(system, ModalSystem):
        return paired(system).to_dense()
    dense = system.to_dense()
    parts = {field.name: getattr(dense, field.name) for field in fields(dense)}
    for name, part in parts.items():
        if np.iscomplexobj(part) and np.any(part.imag):
            _complex(f"the largest imaginary part in `{name}` is {np.abs(part.imag).max():.3g}")
    return type(dense)(**{name: None if part is None else part.real for name, part in parts.items()})


def paired(system: Any) -> Any:
    """Half storage of a fully stored system whose modes are, bit for bit, real or in conjugate pairs."""
    names = [name for name, letters in system._SPEC.items() if "N" in letters and getattr(system, name) is not None]
    axes = {name: system._SPEC[name].index("N") - len(system._SPEC[name]) for name in names}
    n_modes = system.C.shape[-1]
    modes = np.concatenate([np.moveaxis(getattr(system, k), axes[k], 0).reshape(n_modes, -1) for k in names], axis=1)
    missing = np.abs(_sorted(modes) - _sorted(modes.conj())).max()
    if missing:
        _complex(f"its modes miss conjugate partners by up to {missing:.3g}")
    if np.any(system.D.imag):
        _complex(f"the imaginary part of `D` reaches {np.abs(system.D.imag).max():.3g}")
    first = np.argmax(modes.imag != 0, axis=1)  # of a mode and its partner, the first nonzero imaginary part decides
    sign = np.sign(modes.imag[np.arange(n_modes), first])
    kept = {name: np.compress(sign >= 0, getattr(system, name), axis=axes[name]) for name in names}
    changed = {field.name: getattr(system, field.name) for field in fields(system)}
    return type(system)(**{**changed, **kept, "conjugate_pairs": sign[sign >= 0] > 0})


def _sorted(rows: np.ndarray) -> np.ndarray:
    """Rows in lexicographic order."""
    return rows[np.lexsort(np.concatenate([rows.real, rows.imag], axis=1).T)]


def _complex(found: str) -> NoReturn:
    rule = "be real, or have modes that are exactly real or exact conjugates (store one of each: `conjugate_pairs`)"
    _arrays.fail("system", rule, found, TypeError)


def system_of(A: Any, B: Any, C: Any, D: Any, dt: Any, form: str) -> StateSpace | DiscreteStateSpace:
    """Our system of A (N, N), B (N, m), C (p, N), D (p, m) as others write them; continuous where `dt` is None."""
    form = _arrays.choice("form", form, FORMS)
    A, B, C, D = (_arrays.numeric(name, part, min_ndim=2) for name, part in zip("ABCD", (A, B, C, D), strict=True))
    n = _arrays.square("A", A)
    shapes = {"A": (A, (n, n)), "B": (B, (n, B.shape[-1])), "C": (C, (C.shape[0], n)), "D": (D, (len(C), B.shape[-1]))}
    for name, (part, shape) in shapes.items():
        if part.shape != shape:
            _arrays.fail(name, f"have shape {shape}", f"its shape is {part.shape}")
    if dt is not None and form == "one_tap":
        C = _moved_back(A, C)
        D = D - C @ B
    alone = D.shape == (1, 1)
    B, C, D = (B[:, 0], C[0], D[0, 0]) if alone else (B.T, C[:, None, :], D)
    if dt is None:
        return StateSpace(A, B, C, D)
    if form == "one_tap":
        return DiscreteStateSpace(A, B, C, D, dt)
    return DiscreteStateSpace(A, np.zeros_like(B), C, D, dt, B)


def _moved_back(A: np.ndarray, C: np.ndarray) -> np.ndarray:
    """C A^-1."""
    condition = float(np.linalg.cond(A))
    if not condition * len(A) * float(np.finfo(A.dtype).eps) < 1:
        rule = 'be invertible for form="one_tap" (form="two_tap" is exact for every matrix)'
        _arrays.fail("A", rule, f"its condition number is {condition:.3g}")
    return np.linalg.solve(A.T, C.T).T
