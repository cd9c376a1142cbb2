"""What all systems share: validation, dtype, conjugate pairs, dense forms and transfer functions."""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property
from typing import Any, ClassVar, NoReturn

import numpy as np

from . import _arrays, _pairs

LARGEST_MAGNIFICATION = 16.0
"""Woodbury's identity is trusted where no mode's coupling exceeds this many times its distance: 4 bits are lost."""


class System:
    """What every system shares: one dtype, a batch shape, and a readable repr."""

    _SPEC: ClassVar[dict[str, str]]  # field name -> trailing axes in letters: N states or stored modes, r rank
    _OPTIONAL: ClassVar[tuple[str, ...]] = ("B_bar_previous", "increment")

    C: Any
    D: Any

    def __post_init__(self) -> None:
        values = {name: getattr(self, name) for name in self._SPEC}
        values = {name: value for name, value in values.items() if value is not None or name not in self._OPTIONAL}
        arrays = {name: _arrays.numeric(name, value, min_ndim=len(self._SPEC[name])) for name, value in values.items()}
        dtype = _arrays.working_dtype(*values.values())
        sizes: dict[str, tuple[int, str]] = {}
        leading = {}
        for name, array in arrays.items():
            letters = self._SPEC[name]
            for letter, size in zip(letters, array.shape[array.ndim - len(letters) :], strict=True):
                expected, source = sizes.setdefault(letter, (size, name))
                if size != expected:
                    shape = ", ".join(["...", *letters])
                    found = f"its shape is {array.shape} where `{source}` fixes {letter} = {expected}"
                    _arrays.fail(name, f"have shape ({shape})", found)
            leading[name] = array.shape[: array.ndim - len(letters)]
        if hasattr(self, "dt"):
            object.__setattr__(self, "dt", _arrays.owned(_arrays.steps(self.dt, zero=True)))
            leading["dt"] = self.dt.shape
        _arrays.batch(**leading)
        for name, array in arrays.items():
            object.__setattr__(self, name, _arrays.owned_within(name, array, dtype))

    @classmethod
    def of_checked(cls, **values: Any) -> Any:
        """The system of arrays that the package itself has just made: finite, fitting, of one dtype, nobody else's."""
        system = object.__new__(cls)
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(system, name, value)
        return system

    def with_checked(self, **values: Any) -> Any:
        """The same system with some arrays changed, which the package has made itself."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return self.of_checked(**{**given, **values})

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made by the constructor, so that their arrays are read-only too."""
        return type(self), tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]

    @cached_property
    def batch_shape(self) -> tuple[int, ...]:
        """The common shape of the leading axes (heads)."""
        stored = {name: (getattr(self, name), len(letters)) for name, letters in self._SPEC.items()}
        leading = {name: a.shape[: a.ndim - axes] for name, (a, axes) in stored.items() if a is not None}
        return _arrays.batch(**leading, dt=np.shape(getattr(self, "dt", 0.0)))

    @property
    def dtype(self) -> np.dtype:
        """The one dtype of all parameters."""
        return self.C.dtype

    @property
    def output_dtype(self) -> np.dtype:
        """The dtype of the response to a real input of the same precision."""
        pairs = getattr(self, "pairs", None)
        return self.C.dtype if pairs is None else self.C.real.dtype

    @cached_property
    def n_states(self) -> int:
        """The order N of the full system; conjugate partners count."""
        pairs = getattr(self, "pairs", None)
        stored = self.C.shape[-1]
        return stored if pairs is None else stored + int(pairs.sum())

    def __repr__(self) -> str:
        parts = [f"N={self.n_states}", str(self.dtype)]
        if self.batch_shape:
            parts.insert(1, f"batch={self.batch_shape}")
        if getattr(self, "pairs", None) is not None:
            parts.append("conjugate pairs")
        return f"{type(self).__name__}({', '.join(parts)})"


class ModalSystem(System):
    """Systems given by their modes: diagonal, or diagonal plus low rank, possibly in conjugate-pair storage."""

    conjugate_pairs: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        pairs = _pairs.mask(self.conjugate_pairs, self.C.shape[-1])
        object.__setattr__(self, "conjugate_pairs", pairs if pairs is not None else False)
        if pairs is None:
            return
        if np.any(self.D.imag):
            _arrays.fail("D", "be real where `conjugate_pairs` stores a real system", f"it reaches {self.D.max()}")
        object.__setattr__(self, "D", _arrays.owned(self.D.real))
        for name, letters in self._SPEC.items():
            if "N" in letters and name != "C" and getattr(self, name) is not None:
                _pairs.require_real(name, getattr(self, name), pairs, axis=letters.index("N") - len(letters))

    @property
    def pairs(self) -> np.ndarray | None:
        """The boolean mask of stored modes that have a conjugate partner, or None in full storage."""
        return None if self.conjugate_pairs is False else self.conjugate_pairs

    @property
    def weights(self) -> np.ndarray:
        """How often each stored mode counts: 2 for a conjugate pair, else 1."""
        return _pairs.weights(self.pairs, self.C.shape[-1])

    def full(self) -> Any:
        """The same system with every mode stored: the stored modes, then the partners in reverse order."""
        pairs = self.pairs
        if pairs is None:
            return self
        changed = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        for name, letters in self._SPEC.items():
            if "N" in letters and changed[name] is not None:
                changed[name] = _pairs.expand(changed[name], pairs, axis=letters.index("N") - len(letters))
        alone = np.zeros(changed["C"].shape[-1], dtype=bool)
        alone[: pairs.size] = ~pairs
        changed["C"] = np.where(alone, changed["C"].real, changed["C"])
        return type(self)(**{**changed, "conjugate_pairs": False})


def dense_arrays(
    system: ModalSystem, Lambda: np.ndarray, P: Any, Q: Any, vectors: list[np.ndarray]
) -> list[np.ndarray]:
    """The dense matrix diag(Lambda) - P Q*, then the input vectors and C, in a basis that is real for pair storage."""
    pairs = system.pairs
    C = system.C
    if pairs is None:
        matrix = Lambda[..., None] * np.eye(Lambda.shape[-1], dtype=Lambda.dtype)
    else:
        matrix = _pairs.real_blocks(Lambda, pairs)
        vectors = [_pairs.realify(v, pairs) for v in vectors]
        C = _pairs.realify(C.conj(), pairs)
        if P is not None:
            P, Q = _pairs.realify(P, pairs, axis=-2), _pairs.realify(Q, pairs, axis=-2)
    if P is not None:
        for p, q in zip(np.moveaxis(P, -1, 0), np.moveaxis(Q.conj(), -1, 0), strict=True):
            outer = p[..., :, None] * q[..., None, :]
            matrix = np.subtract(matrix, outer, out=outer if outer.shape == matrix.shape else None)
    return [matrix, *vectors, C]


def dense_response(name: str, A: np.ndarray, b: np.ndarray, C: np.ndarray, s: np.ndarray) -> np.ndarray:
    """C (s - A)^{-1} b for every s in a vector, one LU factorization per s; b may depend on s along its first axis."""
    eye = np.eye(A.shape[-1], dtype=A.dtype)
    try:
        rows = [C[..., None, :] @ np.linalg.solve(s_k * eye - A, b_k[..., None]) for s_k, b_k in zip(s, b, strict=True)]
    except np.linalg.LinAlgError:
        _on_a_pole(name)
    return np.stack([row[..., 0, 0] for row in rows], axis=-1)


def modal_response(
    name: str, system: ModalSystem, Lambda: np.ndarray, P: Any, Q: Any, b: np.ndarray, s: np.ndarray
) -> np.ndarray:
    """C (s - diag(Lambda) + P Q*)^{-1} b for every s by the Woodbury identity, on the fully stored system.

    Beside an entry of Lambda, which is no pole of the system, the identity subtracts what it has magnified: such points
    are solved for with the full matrix.
    """
    gap = s[:, None] - Lambda[..., None, :]
    if P is None:
        if not gap.all():
            _on_a_pole(name)
        return np.sum(system.C[..., None, :] / gap * b, axis=-1)
    coupling = np.linalg.norm(P, axis=-1) * np.linalg.norm(Q, axis=-1)
    with np.errstate(over="ignore"):
        magnified = np.moveaxis(coupling[..., None, :] > LARGEST_MAGNIFICATION * np.abs(gap), -2, 0)
    beside = magnified.reshape(s.size, -1).any(axis=-1)
    resolvent = 1 / np.where(beside[:, None], 1, gap)
    forced = resolvent * b  # (..., points, N), the diagonal part's answer to b and, below, to the columns of P
    coupled = resolvent[..., None] * P[..., None, :, :]
    Qh = np.swapaxes(Q.conj(), -1, -2)[..., None, :, :]
    correction = np.linalg.solve(np.eye(P.shape[-1], dtype=P.dtype) + Qh @ coupled, Qh @ forced[..., None])
    response = np.sum(system.C[..., None, :] * (forced - (coupled @ correction)[..., 0]), axis=-1)
    if beside.any():
        A = Lambda[..., None] * np.eye(Lambda.shape[-1], dtype=Lambda.dtype) - P @ np.swapaxes(Q.conj(), -1, -2)
        forcing = np.moveaxis(np.broadcast_to(b, np.broadcast_shapes(b.shape, (s.size, 1))), -2, 0)
        response[..., beside] = dense_response(name, A, forcing[beside], system.C, s[beside])
    return response


def _on_a_pole(name: str) -> NoReturn:
    _arrays.fail(name, "not be a pole of the system", "the transfer function is infinite there")


def points_of(name: str, s: Any, system: System) -> tuple[np.ndarray, tuple[int, ...]]:
    """Complex points, flat, in the precision of the system and of `s`, and the shape they had."""
    points = _arrays.numeric(name, s)
    dtype = _arrays.working_dtype(s if _arrays.is_weak(s) else points, system.C)
    return points.astype(_arrays.complex_dtype(dtype)).reshape(-1), points.shape


def eigenvalues(matrix: np.ndarray) -> np.ndarray:
    """Eigenvalues of a stack of matrices: read off the diagonal where triangular, LAPACK's otherwise."""
    if not np.triu(matrix, 1).any() or not np.tril(matrix, -1).any():
        return np.diagonal(matrix, axis1=-2, axis2=-1).copy()
    return np.linalg.eigvals(matrix)


def add_direct(response: np.ndarray, system: Any, shape: tuple[int, ...]) -> np.ndarray:
    total = response + np.asarray(system.D)[..., None]
    return total.reshape(total.shape[:-1] + shape)


def basis(T: Any, order: int) -> np.ndarray:
    """A change of basis T (..., N, N), checked."""
    matrix = _arrays.numeric("T", T, min_ndim=2)
    _arrays.trailing("T", matrix, (order, order), f"N = {order} states")
    return matrix
