"""Diagonalization by eigenvectors, with the warning that it deserves."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _arrays
from .state_space import DPLR, Diagonal, StateSpace
from .structured import as_matrix_system

WARN_ABOVE = 1e4
"""The condition number above which a diagonal form loses four digits or more."""


def diagonalize(system: Any) -> Diagonal:
    """The diagonal system of the same transfer function, in the basis of eigenvectors with unit columns.

    Parameters
    ----------
    system : StateSpace, DPLR or Diagonal
        A diagonal system is returned as it is.

    Returns
    -------
    Diagonal
        All N modes stored, complex.

    Raises
    ------
    ValueError, TypeError
        If A has no basis of eigenvectors in floating point.

    Warns
    -----
    ConditioningWarning
        If the condition number of the eigenvectors exceeds 1e4; the sentence gives it.

    Notes
    -----
    *Accuracy*: relative errors of Lambda, B and C up to N eps times the condition number V of the eigenvectors. For
    LegS it grows like (1 + sqrt 2)^{2N} ([S4] Lemma 3.2): beyond N = 20 nothing is left, and `nplr` is the way.
    *Cost*: O(N^3) per head.

    References
    ----------
    [S4] section 3.1 and Lemma 3.2.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.StateSpace([[-1.0, 0.0], [1.0, -2.0]], [1.0, 0.0], [0.0, 1.0])
    >>> sorted(ssm.diagonalize(system).Lambda.real.tolist())
    [-2.0, -1.0]
    """
    if isinstance(system, Diagonal):
        return system
    system = as_matrix_system(system)
    if not isinstance(system, (StateSpace, DPLR)):
        found = f"it is {type(system).__name__}"
        _arrays.fail("system", "be a continuous StateSpace, Diagonal or DPLR system", found, TypeError)
    dense = system.to_dense()
    Lambda, V = np.linalg.eig(dense.A)
    condition = float(np.linalg.cond(V).max())
    if not condition < 1 / np.finfo(V.dtype).eps:
        rule = "have a basis of eigenvectors (use nplr, or stay with the dense form)"
        _arrays.fail("system", rule, f"the condition number of its computed eigenvectors is {condition:.3g}")
    if condition > WARN_ABOVE:
        digits = -np.log10(condition * np.finfo(V.dtype).eps)
        text = f"The eigenvectors have condition number {condition:.3g}: about {digits:.0f} digits are left; try nplr."
        _arrays.warn(text, _arrays.ConditioningWarning)
    dtype = _arrays.complex_dtype(dense.dtype)
    B = np.linalg.solve(V, dense.B[..., None].astype(dtype))[..., 0]
    return Diagonal(Lambda.astype(dtype), B, (dense.C[..., None, :] @ V)[..., 0, :], dense.D)
