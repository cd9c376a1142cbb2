"""Eigenvalues of systems, families and matrices, each with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._matrices import dense_matrix, eigensystem
from ._results import Result
from ._systems import System
from .state_space import Diagonal, DiscreteDiagonal

FAMILIES = ("legs", "legt", "lmu", "lagt", "glagt", "fout", "foud")
INITIALIZATIONS = ("s4d-lin", "s4d-inv", "s4d-legs", "s4d-real")


@dataclass(frozen=True)
class Spectrum(Result):
    """Eigenvalues (..., N), the uncertainty of each, where they come from, and whether they have correct digits."""

    eigenvalues: np.ndarray
    uncertainty: np.ndarray
    source: str
    trusted: bool
    statement: str
    title: str

    @property
    def abscissa(self) -> float:
        """The largest real part."""
        return float(self.eigenvalues.real.max())

    @property
    def radius(self) -> float:
        """The largest modulus."""
        return float(np.abs(self.eigenvalues).max())

    def plot(self, ax: Any = None) -> Any:
        """Draw the eigenvalues in the complex plane; returns the matplotlib axes."""
        from . import plotting

        return plotting.spectrum(self, ax)


def spectrum(source: Any, N: int | None = None) -> Spectrum:
    """The eigenvalues of a system, a HiPPO family or operator, a diagonal initialization, or a matrix.

    Parameters
    ----------
    source : system, HiPPO operator, family name, name of a diagonal initialization, or array_like (..., N, N)
    N : int
        Number of states, with a name only.

    Returns
    -------
    Spectrum
        Eigenvalues of shape (..., N) in descending imaginary, then real part, with first-order uncertainties.

    Notes
    -----
    *Accuracy*: diagonals and triangular matrices are read off exactly. "legt" and "lmu" are roots of exact integer
    polynomials, certified, where python-flint is installed: with LAPACK some of them have no digit from N = 32 on.
    Everything else is LAPACK's, with the uncertainty N u |A|_F times the eigenvalue's condition number.
    *Cost*: O(N^3).

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.spectrum("legs", 3).eigenvalues.real.tolist()
    [-1.0, -2.0, -3.0]
    """
    if isinstance(source, str):
        source = _named(source, N)
    elif N is not None:
        _arrays.fail("N", "be given with the name of a family only", f"it is {_arrays.shown(N)}")
    family = getattr(source, "family", None)
    title = f"{family}, N = {source.N}" if family else repr(source) if isinstance(source, System) else "Matrix"
    certified = _certified(source, family)
    if certified is not None:
        values, uncertainty = certified
        return _spectrum(values, uncertainty, "certified", title)
    if isinstance(source, (Diagonal, DiscreteDiagonal)):
        values = source.poles().astype(complex)
        return _spectrum(values, np.zeros(values.shape), "diagonal", title)
    matrices = dense_matrix(source, "source")
    parts = [eigensystem(matrix) for matrix in matrices.reshape(-1, *matrices.shape[-2:])]
    shape = matrices.shape[:-1]
    values = np.stack([part.values for part in parts]).reshape(shape)
    uncertainty = np.stack([part.uncertainty for part in parts]).reshape(shape)
    return _spectrum(values, uncertainty, "diagonal" if all(p.is_triangular for p in parts) else "lapack", title)


def _spectrum(values: np.ndarray, uncertainty: np.ndarray, source: str, title: str) -> Spectrum:
    order = np.lexsort((-values.real, -values.imag), axis=-1)
    values, uncertainty = np.take_along_axis(values, order, -1), np.take_along_axis(uncertainty, order, -1)
    scale = np.abs(values).max()
    trusted = bool((uncertainty < 0.1 * max(scale, np.finfo(float).tiny)).all()) or not uncertainty.any()
    words = {"diagonal": "Read off the diagonal, exact.", "certified": "Certified by ball arithmetic."}
    bound = f"the largest first-order uncertainty is {uncertainty.max():.2g}, the largest modulus {scale:.4g}"
    lapack = f"LAPACK; {bound}." if trusted else f"LAPACK, not to be trusted: {bound}. Use a better conditioned form."
    return Spectrum(values, uncertainty, source, trusted, words.get(source, lapack), title)


def _certified(source: Any, family: str | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Certified eigenvalues of the families whose float64 matrix has lost them, if python-flint is there."""
    if family not in ("legt", "lmu"):
        return None
    from .certified import hippo_eigenvalues

    try:
        return hippo_eigenvalues(family, source.N, source.parameters["theta"])
    except ImportError:
        return None


def _named(name: str, N: int | None) -> Any:
    from .diagonal_init import diagonal_init
    from .hippo import hippo

    name = _arrays.choice("source", name, (*FAMILIES, *INITIALIZATIONS))
    if N is None:
        _arrays.fail("N", f"be given with the name {name!r}", "it is None", TypeError)
    return diagonal_init(name, N) if name in INITIALIZATIONS else hippo(name, N)
