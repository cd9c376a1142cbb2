"""The unitary matrix V of an NPLR form: an array while small, and otherwise columns made when a product needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays

Columns = Callable[[int, int], np.ndarray]

CHUNK = 2**22
"""Entries of V that a product holds at a time (64 MiB)."""


@dataclass(frozen=True, eq=False)
class UnitaryBasis:
    """V (N, N), its conjugate or its transposes, as an operator: `V @ x` and `V.conj().T @ x` without storing V.

    Stored columns come first, by descending frequency, and the conjugates of the paired ones follow in reverse.

    Attributes
    ----------
    N : int
    stored : int
        How many columns `columns(begin, end)` can make.
    pairs : ndarray of bool, shape (stored,), or None
        Which of them have a conjugate partner.
    """

    N: int
    columns: Columns
    stored: int
    pairs: np.ndarray | None
    conjugated: bool = False
    transposed: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        return self.N, self.N

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.complex128)

    @property
    def T(self) -> UnitaryBasis:
        """The transpose."""
        return self._with(self.conjugated, not self.transposed)

    @property
    def H(self) -> UnitaryBasis:
        """The inverse, V*."""
        return self._with(not self.conjugated, not self.transposed)

    def conj(self) -> UnitaryBasis:
        """The entrywise conjugate."""
        return self._with(not self.conjugated, self.transposed)

    def _with(self, conjugated: bool, transposed: bool) -> UnitaryBasis:
        return UnitaryBasis(self.N, self.columns, self.stored, self.pairs, conjugated, transposed)

    def __repr__(self) -> str:
        return f"UnitaryBasis(N={self.N})"

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """The dense matrix, refused above the memory limit."""
        _arrays.memory("V", 16.0 * self.N**2)
        V = self._expanded(self.columns(0, self.stored))
        V = V.T if self.transposed else V
        return (V.conj() if self.conjugated else V).astype(dtype or self.dtype, copy=False)

    def __matmul__(self, x: Any) -> np.ndarray:
        """The product with x of shape (N,) or (N, k), column block by column block."""
        vectors = _arrays.numeric("x", x, min_ndim=1)
        if vectors.ndim > 2 or vectors.shape[0] != self.N:
            _arrays.fail("x", f"have shape ({self.N},) or ({self.N}, k)", f"its shape is {vectors.shape}")
        flat = vectors.reshape(self.N, -1).astype(self.dtype)
        product = self._adjoint if self.transposed else self._forward
        outside = self.conjugated != self.transposed  # conj(V) x = conj(V conj(x)), and V^T x = conj(V* conj(x))
        y = product(flat.conj()).conj() if outside else product(flat)
        return y.reshape(vectors.shape)

    def _blocks(self) -> list[tuple[int, int]]:
        width = max(16, CHUNK // self.N)
        return [(begin, min(begin + width, self.stored)) for begin in range(0, self.stored, width)]

    def _partners(self) -> np.ndarray:
        """For every stored column the index of its partner in the full order, or -1."""
        if self.pairs is None:
            return np.full(self.stored, -1)
        position = self.N - np.cumsum(self.pairs)
        return np.where(self.pairs, position, -1)

    def _expanded(self, stored: np.ndarray) -> np.ndarray:
        from . import _pairs

        return stored if self.pairs is None else _pairs.expand(stored, self.pairs)

    def _forward(self, x: np.ndarray) -> np.ndarray:
        y, partners = np.zeros_like(x), self._partners()
        for begin, end in self._blocks():
            V = self.columns(begin, end)
            y += V @ x[begin:end]
            paired = partners[begin:end] >= 0
            if paired.any():
                y += (V[:, paired] @ x[partners[begin:end][paired]].conj()).conj()
        return y

    def _adjoint(self, x: np.ndarray) -> np.ndarray:
        y, partners = np.empty_like(x), self._partners()
        for begin, end in self._blocks():
            V = self.columns(begin, end)
            y[begin:end] = (V.T @ x.conj()).conj()
            paired = partners[begin:end] >= 0
            if paired.any():
                y[partners[begin:end][paired]] = V[:, paired].T @ x
        return y
