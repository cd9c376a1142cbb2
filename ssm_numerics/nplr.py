"""Unitary normal-plus-low-rank (NPLR) forms: A = V (diag(Lambda) - P Q*) V*, V unitary ([S4] Theorem 1).

LegS, LagT, LegT and FouT have closed forms; other matrices go through a dense factorization. P and Q are given in the
basis V, P := V*P, so that (Lambda, P, Q, V*B, C V) is a DPLR system with the same kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from . import _arrays, _pairs
from ._normal_form import NormalForm, normal_form, skew_form
from ._nplr_structure import Structure, of_operator, of_weights
from ._unitary_basis import UnitaryBasis
from .hippo import FAMILIES, HiPPO, hippo
from .state_space import DPLR

METHODS = ("auto", "closed_form", "eigh")
LARGEST_STORED = 4096
"""Up to this order `NPLR.V` is an array (256 MiB at most)."""


@dataclass(frozen=True, eq=False, repr=False)
class NPLR:
    """A = V (diag(Lambda) - P Q*) V* with unitary V; made by `nplr`.

    Attributes
    ----------
    Lambda : ndarray, shape (N,), 1/time
        Eigenvalues of the normal part, by descending imaginary part; conjugate pairs are exact, mode m beside N-1-m.
    P, Q : ndarray, shape (N, r)
        V*P and V*Q. The first nonzero entry of every row of P is positive.
    B : ndarray, shape (N,), or None
        V*B, the input vector in the basis V.
    basis : UnitaryBasis
        V as an operator, whose products never store it.
    pairs : ndarray of bool, shape (ceil(N/2),), or None
        Which of the leading modes stand for a conjugate pair; None for a complex matrix.
    method : str
        How it was computed: closed_form or eigh.
    """

    Lambda: np.ndarray
    P: np.ndarray
    Q: np.ndarray
    B: np.ndarray | None
    basis: UnitaryBasis
    pairs: np.ndarray | None
    method: str
    _matrix: Callable[[], np.ndarray]
    _k11: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def N(self) -> int:
        """The order."""
        return int(self.Lambda.size)

    @property
    def rank(self) -> int:
        """The rank r of the correction P Q*."""
        return int(self.P.shape[1])

    @property
    def stored(self) -> int:
        """How many leading modes a real system stores: one of every conjugate pair, and the unpaired one."""
        return self.N if self.pairs is None else int(self.pairs.size)

    def __repr__(self) -> str:
        return f"NPLR(N={self.N}, rank={self.rank}, {self.method})"

    @cached_property
    def A(self) -> np.ndarray:
        """The dense matrix that was decomposed, shape (N, N)."""
        return self._matrix()

    @cached_property
    def V(self) -> Any:
        """The unitary V, shape (N, N): an array, computed at first use, or above N = 4096 the operator `basis`."""
        return _arrays.owned(np.asarray(self.basis)) if self.N <= LARGEST_STORED else self.basis

    def residual(self) -> float:
        """||A - V (Lambda - P Q*) V*||_2 / ||A||_2, computed with dense matrices in O(N^3)."""
        A, V = self.A, np.asarray(self.basis)
        rebuilt = (V * self.Lambda - (V @ self.P) @ self.Q.conj().T) @ V.conj().T
        return float(np.linalg.norm(A - rebuilt, 2) / (np.linalg.norm(A, 2) or 1.0))

    def unitarity(self) -> float:
        """||V*V - I||_2, computed with dense matrices in O(N^3)."""
        V = np.asarray(self.basis)
        return float(np.linalg.norm(V.conj().T @ V - np.eye(self.N), 2))

    def k11(self, s: Any) -> np.ndarray:
        """P* (s - diag(Lambda))^{-1} Q at complex points s, the scalar that a rank-one Woodbury correction needs.

        Parameters
        ----------
        s : array_like, any shape, 1/time

        Returns
        -------
        ndarray, complex, shape s.shape

        Raises
        ------
        ValueError
            If the rank is not 1.

        Notes
        -----
        legs, lagt and weights `p` in closed form have no sum over modes. With sigma = s - shift and a_i = p_i^2/2,
        k11 = tanh(sum_i atanh(a_i / sigma)) = (1 - tau)/(1 + tau), tau = prod_i (sigma - a_i)/(sigma + a_i), so that
        1/(1 + k11) = (1 + tau)/2.

        *Accuracy*: closed form: that of a relative change of sigma by 16 u, plus 16 u relative; otherwise
        N u sum|P Q|/|s - Lambda|.
        *Cost*: O(1) per point for legs and lagt, else O(N).
        """
        if self.rank != 1:
            _arrays.fail("s", "come with a form of rank 1", f"its rank is {self.rank}")
        points = _arrays.numeric("s", s).astype(complex)
        flat = points.reshape(-1)
        if self._k11 is not None:
            return self._k11(flat - self.Lambda[0].real).reshape(points.shape)
        _arrays.memory("s", 16.0 * flat.size * self.N)
        terms = (self.P.conj() * self.Q)[:, 0] / (flat[:, None] - self.Lambda)
        return terms.sum(axis=1).reshape(points.shape)

    def to_dplr(self, C: Any, basis: str = "original", D: Any = 0.0) -> DPLR:
        """The DPLR system with the output row C.

        Parameters
        ----------
        C : array_like, shape (..., N) in the original basis; (..., `stored`) in the modal one
            Output rows. In the original basis C V is formed; where A and C are real, half of it.
        basis : {"original", "modal"}
            The basis of C. Modal rows are complex, one entry for every stored mode, a pair counting 2 Re.
        D : array_like, shape (...), default 0

        Returns
        -------
        DPLR
            Conjugate pairs are stored once if A is real and C is real or modal; otherwise all N modes are stored.

        Raises
        ------
        ValueError
            If C does not fit, or the form was made without an input vector B.

        Notes
        -----
        *Cost*: O(N^2) for C in the original basis (V is made in blocks and never stored), O(N) for a modal C.
        A form of rank 0 gets a zero column P, since a DPLR system has at least rank 1.
        """
        _arrays.choice("basis", basis, ("original", "modal"))
        if self.B is None:
            _arrays.fail("B", "be given to `nplr` before a system can be made", "it was left out")
        rows = _arrays.numeric("C", C, min_ndim=1)
        half = self.pairs is not None and (basis == "modal" or not np.iscomplexobj(rows))
        count = self.stored if half else self.N
        size = count if basis == "modal" else self.N
        _arrays.trailing("C", rows, (size,), f"the {size} {'stored modes' if basis == 'modal' else 'states'}")
        if basis == "original":
            flat = rows.reshape(-1, self.N)
            with np.errstate(all="ignore"):  # the system refuses what is not finite
                rows = (self.basis.T @ flat.T).T[:, :count].reshape(*rows.shape[:-1], count)
        P, Q = (self.P, self.Q) if self.rank else (np.zeros((self.N, 1)),) * 2
        pairs = self.pairs if half else False
        return DPLR(self.Lambda[:count], P[:count], Q[:count], self.B[:count], rows, D, pairs)


def nplr(
    source: Any = None,
    N: Any = None,
    P: Any = None,
    Q: Any = None,
    *,
    B: Any = None,
    p: Any = None,
    shift: float = 0.0,
    theta: float | None = None,
    alpha: float | None = None,
    beta: float | None = None,
    method: str = "auto",
) -> NPLR:
    """The unitary normal-plus-low-rank form of a HiPPO operator, of a sign-semiseparable matrix, or of a user's matrix.

    Four ways to call it: ``nplr("legs", N)``, ``nplr(op)`` with a `HiPPO` operator, ``nplr(A, B, P, Q)`` with arrays,
    and ``nplr(p=weights)``.

    Parameters
    ----------
    source : str, HiPPO, or array_like of shape (N, N)
        A family (legs, legt, lagt, fout, foud, or glagt with alpha = 0), an operator, or a matrix A.
    N : int, or array_like of shape (N,)
        The order of a family. After a matrix this position takes B, as in ``nplr(A, B, P)``.
    P, Q : array_like, shape (N,) or (N, r)
        For a matrix: A + P Q* is normal. Q is P if left out, the form that keeps A stable under perturbation.
    B : array_like, shape (N,)
        The input vector that goes with a matrix.
    p : array_like, shape (N,)
        Positive weights: A_ij = -p_i p_j for i > j, shift - p_i^2/2 for i = j, 0 for i < j, and B = p.
    shift : float, 1/time
        The diagonal shift that goes with `p`; -1/2 and p = sqrt(2n+1) is LegS, 0 and p = 1 is LagT.
    theta, alpha, beta : float
        As in `hippo`.
    method : {"auto", "closed_form", "eigh"}
        closed_form, the default where it exists, uses the formulas of the notes; eigh is a dense decomposition of the
        normal part, the only method for a matrix.

    Returns
    -------
    NPLR

    Raises
    ------
    ValueError, TypeError
        For lmu and for glagt with alpha not 0, whose similarity to a normal-plus-low-rank matrix is not unitary; if
        A + P Q* is not normal; for a shape that does not match, or a weight that is not positive.

    Notes
    -----
    legs and every `p`: i omega_m with sum_i atan(2 omega_m / p_i^2) = (N-1-2m) pi/2, |v_m* P|^2 = 1/theta'(omega_m).
    legt: the secular equation of a cyclic three-term recurrence. fout: omega = pi m.

    *Accuracy*: closed form: omega and |v*P|^2 of legs and lagt within 16 u relative for N <= 4096 and 64 u up to
    N = 1e6; omega of legt within 4 u. Dense: omega within N u ||A||. Residual and unitarity within 100 N u for both.
    *Cost*: legs, lagt, fout O(N); legt and weights `p` O(N^2); dense O(N^3). V is made when asked for, O(N^2).

    References
    ----------
    [S4] Gu, Goel, Re: Efficiently Modeling Long Sequences with Structured State Spaces, 2022, Theorem 1; [SaShiMi]
    Goel et al., 2022, section 4 (the form P P*).

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> f = ssm.nplr("lagt", 4)
    >>> f.Lambda.imag.round(4)
    array([ 1.2071,  0.2071, -0.2071, -1.2071])
    >>> bool(f.unitarity() < 1e-15)
    True
    """
    method = _arrays.choice("method", method, METHODS)
    if p is not None:
        if source is not None:
            _arrays.fail("p", "be the only matrix argument", "`source` is given too")
        return _from_structure(of_weights(p, _arrays.real_number("shift", shift)), method)
    if isinstance(source, str):
        _arrays.choice("source", source, FAMILIES)
        source = hippo(source, N, theta=theta, alpha=alpha, beta=beta)
    elif isinstance(source, HiPPO) or source is None:
        extra = {"N": N, "P": P, "theta": theta, "alpha": alpha, "beta": beta}
        for name, value in extra.items():
            if value is not None:
                _arrays.fail(name, "be left out where `source` is an operator", f"it is {_arrays.shown(value)}")
        if source is None:
            _arrays.fail("source", "be a family, a HiPPO operator or a matrix", "it is None", TypeError)
    if isinstance(source, HiPPO):
        return _from_structure(of_operator(source), method)
    return _from_matrix(source, N if B is None else B, P, Q, method)


def _from_structure(structure: Structure, method: str) -> NPLR:
    matrix = structure.matrix
    if method == "eigh":
        A = matrix()
        Lambda, V, pairs = skew_form((A - A.T) / 2)
        return _dense((structure.shift + Lambda, V, pairs), structure.P, structure.P, structure.B, matrix)
    form = structure.form()
    N, stored = structure.B.size, form.omega.size
    basis = UnitaryBasis(N, form.columns, stored, np.arange(stored) < N // 2)
    return _assemble(structure.shift + 1j * form.omega, form.P, form.P, form.B, basis, "closed_form", matrix, form.k11)


def _from_matrix(source: Any, B: Any, P: Any, Q: Any, method: str) -> NPLR:
    A = _arrays.numeric("source", source, min_ndim=2)
    N = _arrays.square("source", A)
    if A.ndim > 2:
        _arrays.fail("source", "be one matrix of shape (N, N)", f"its shape is {A.shape}")
    if method == "closed_form":
        _arrays.fail("method", "be auto or eigh for a user's matrix", "it is 'closed_form'")
    if P is None:
        _arrays.fail("P", "be given with a matrix (a low-rank factor that makes A + P Q* normal)", "it is None")
    factors = []
    for name, value in (("P", P), ("Q", P if Q is None else Q)):
        factor = _arrays.numeric(name, value, min_ndim=1)
        factor = factor[:, None] if factor.ndim == 1 else factor
        if factor.ndim != 2 or factor.shape[0] != N:
            _arrays.fail(name, f"have shape ({N},) or ({N}, r)", f"its shape is {factor.shape}")
        factors.append(factor)
    _arrays.trailing("Q", factors[1], factors[0].shape, "`P`")
    if B is not None:
        B = _arrays.numeric("B", B, min_ndim=1)
        _arrays.trailing("B", B, (N,), f"N = {N} states")
        if B.ndim > 1:
            _arrays.fail("B", f"have shape ({N},)", f"its shape is {B.shape}")
    with np.errstate(all="ignore"):
        product = factors[0] @ factors[1].conj().T
        sizes = [float(np.linalg.norm(v)) for v in (A, product, *factors, *([] if B is None else [B]))]
    if not all(size < 1e150 for size in sizes):
        _arrays.fail("source", "have entries with squares, like P, Q and B", f"a norm is {max(sizes):.3g}")
    inputs = [A, *factors] + ([] if B is None else [B])
    wide = np.complex128 if any(np.iscomplexobj(array) for array in inputs) else np.float64
    A, P, Q = A.astype(wide), factors[0].astype(wide), factors[1].astype(wide)
    return _dense(normal_form(A + P @ Q.conj().T), P, Q, None if B is None else B.astype(wide), partial(np.asarray, A))


def _dense(form: NormalForm, P: np.ndarray, Q: np.ndarray, B: Any, matrix: Callable[[], np.ndarray]) -> NPLR:
    """The form in a computed basis V, after the phases of its columns are fixed."""
    Lambda, V, pairs = form
    rows = V.conj().T @ P
    significant = np.abs(rows) > 8 * len(P) * 2.0**-53 * np.linalg.norm(P, axis=0)
    for m in np.flatnonzero(significant.any(axis=1)):
        entry = rows[m, np.argmax(significant[m])]
        V[:, m] *= entry / abs(entry) if pairs is None or pairs[m] else np.sign(entry.real)
    V = _arrays.owned(V)
    adjoint = V.conj().T
    basis = UnitaryBasis(len(P), partial(_stored_columns, V), V.shape[1], pairs)
    return _assemble(Lambda, adjoint @ P, adjoint @ Q, None if B is None else adjoint @ B, basis, "eigh", matrix)


def _stored_columns(V: np.ndarray, begin: int, end: int) -> np.ndarray:
    return V[:, begin:end]


def _assemble(
    Lambda: np.ndarray,
    P: np.ndarray,
    Q: np.ndarray,
    B: Any,
    basis: UnitaryBasis,
    method: str,
    matrix: Callable[[], np.ndarray],
    k11: Callable[[np.ndarray], np.ndarray] | None = None,
) -> NPLR:
    """All modes from the stored ones, as read-only complex arrays."""

    def full(array: Any) -> Any:
        if array is None:
            return None
        return _arrays.owned(array if basis.pairs is None else _pairs.expand(array, basis.pairs, axis=0), complex)

    return NPLR(full(Lambda), full(P), full(Q), full(B), basis, basis.pairs, method, matrix, k11)
