"""Checks of definitions: HiPPO matrices, and their normal-plus-low-rank form whatever its basis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .. import _arrays
from ..hippo import hippo
from ..nplr import nplr
from ._causes import Trial
from ._form_faults import HIPPO_FAULTS, NPLR_FAULTS, NPLR_LOOKS
from ._judge import Parts, Subject, judge
from ._probes import UNITARY
from ._recipes import Recipe
from ._report import Report

NPLR_FAMILIES = UNITARY
HIPPO_FAMILIES = (*UNITARY, "foud", "lmu")


@dataclass(frozen=True)
class FormCase:
    """A family and an order."""

    family: str
    N: int
    fine: bool = False

    def describe(self) -> dict[str, Any]:
        """What a reader needs to repeat the case by hand."""
        return {"family": self.family, "N": self.N}


def check_hippo(fn: Callable[..., Any], families: tuple[str, ...] = HIPPO_FAMILIES, *, largest: int = 9) -> Report:
    """Check an implementation of HiPPO matrices.

    Parameters
    ----------
    fn : callable
        ``fn(family, N)`` returns (A, B) of shapes (N, N) and (N,), with the stable sign and window 1.
    families : subset of ("legs", "legt", "lagt", "fout", "foud", "lmu")
    largest : int
        Orders 1, ..., `largest` are tried.

    Returns
    -------
    Report

    Notes
    -----
    *Accuracy*: 16 eps times the largest entry, for A and for B.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> def halved(family, N):
    ...     op = ssm.hippo(family, N)
    ...     return (op.A / 2, op.B / 2) if family == "legt" else (op.A, op.B)
    >>> ssm.testing.check_hippo(halved).causes
    ('legt_halved',)
    """
    cases = _form_cases(families, HIPPO_FAMILIES, largest)
    title = f"check_hippo({', '.join(families)})"
    subject = Subject(title, form_arguments, matrices_truth, matrices_foretold, HIPPO_FAULTS, ())
    return judge(subject, fn, cases)


def check_nplr(fn: Callable[..., Any], families: tuple[str, ...] = NPLR_FAMILIES, *, largest: int = 9) -> Report:
    """Check an implementation of the unitary form A = V (diag(Lambda) - P Q*) V*, in whatever basis and gauge.

    Parameters
    ----------
    fn : callable
        ``fn(family, N)`` returns (Lambda, P, Q, B, V), or (Lambda, P, B, V) where Q is P; P and Q of shape (m, r) or
        (m,), B = V*B of shape (m,), V of shape (N, m). m = N, or m = (N + 1) // 2 where one mode of every conjugate
        pair is stored.
    families : subset of ("legs", "legt", "lagt", "fout")
        FouT has several real modes, so it must be stored whole.
    largest : int
        Orders 1, ..., `largest` are tried, odd ones too.

    Returns
    -------
    Report

    Notes
    -----
    Compared are V (Lambda - P Q*) V* with A, V B with the HiPPO input and V V* with I, so the order of the modes and
    the phases of V are free, and so is the division of the low-rank part between P and Q.

    *Accuracy*: 64 (N + 8) eps times ||A||, ||B|| and 1.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> def form(family, N):
    ...     f = ssm.nplr(family, N, method="eigh")
    ...     return f.Lambda, f.P, -f.Q, f.B, f.V
    >>> ssm.testing.check_nplr(form).causes
    ('plus_low_rank',)
    """
    cases = _form_cases(families, NPLR_FAMILIES, largest)
    title = f"check_nplr({', '.join(families)})"
    subject = Subject(title, form_arguments, form_truth, form_foretold, NPLR_FAULTS, NPLR_LOOKS, read=rebuilt_parts)
    return judge(subject, fn, cases)


def _form_cases(families: tuple[str, ...], known: tuple[str, ...], largest: int) -> list[FormCase]:
    chosen = _arrays.words("families", families, known)
    _arrays.memory("largest", 8 * _arrays.count("largest", largest) ** 3)
    return [FormCase(family, N) for N in range(1, largest + 1) for family in chosen]


def form_arguments(case: FormCase) -> tuple[str, int]:
    return case.family, case.N


def matrices_truth(case: FormCase) -> tuple[Parts, tuple[float, ...]]:
    op = hippo(case.family, case.N)
    return (op.A, op.B), (16 * float(np.abs(op.A).max()), 16 * float(np.abs(op.B).max()))


def matrices_foretold(trial: Trial, recipe: Recipe) -> Parts:
    op = hippo(trial.case.family, trial.case.N)
    arrays: dict[str, Any] = {"A": op.A, "B": op.B, "family": trial.case.family}
    for change in recipe.before:
        arrays = change(arrays)
    return arrays["A"], arrays["B"]


def full_form(raw: Parts, case: FormCase) -> Parts:
    """Lambda, P, Q, B and V over all modes; partners are added where half of them is stored."""
    if len(raw) not in (4, 5):
        raise ValueError(f"the form has {len(raw)} arrays, not (Lambda, P, Q, B, V) or (Lambda, P, B, V)")
    Lambda, P, *rest = raw
    Q, B, V = rest if len(rest) == 3 else (P, *rest)
    P, Q = (factor[:, None] if factor.ndim == 1 else factor for factor in (P, Q))
    m, N = Lambda.size, case.N
    if m == N:
        return Lambda, P, Q, B, V
    partner = np.ones(m, dtype=bool)
    if m == (N + 1) // 2 and N % 2:
        partner[np.argmin(np.abs(Lambda.imag))] = False
    elif m != N // 2:
        raise ValueError(f"Lambda has {m} entries for N = {N}")
    both = [np.concatenate([x, x[partner].conj()]) for x in (Lambda, P, Q, B)]
    return (*both, np.concatenate([V, V[:, partner].conj()], axis=1))


def rebuilt_parts(raw: Parts, case: FormCase) -> Parts:
    """A, B and V V* from a form."""
    Lambda, P, Q, B, V = full_form(raw, case)
    return _rebuilt(Lambda, P, Q, B, V)


def _rebuilt(Lambda: np.ndarray, P: np.ndarray, Q: np.ndarray, B: np.ndarray, V: np.ndarray) -> Parts:
    return (V * Lambda - (V @ P) @ Q.conj().T) @ V.conj().T, V @ B, V @ V.conj().T


@lru_cache(maxsize=256)
def form_truth(case: FormCase) -> tuple[Parts, tuple[float, ...]]:
    op = hippo(case.family, case.N)
    size = 64.0 * (case.N + 8)
    allowed = (size * max(float(np.linalg.norm(op.A)), 1.0), size * float(np.linalg.norm(op.B)), size)
    return (op.A, op.B, np.eye(case.N)), allowed


def form_foretold(trial: Trial, recipe: Recipe) -> Parts:
    """The parts that a fault would give in the basis that the callable chose."""
    V = full_form(trial.raw, trial.case)[4]
    basis = V if recipe.transition is None else recipe.transition(V)
    op, form = hippo(trial.case.family, trial.case.N), nplr(trial.case.family, trial.case.N, method="eigh")
    P = form.V @ form.P
    to = basis.conj().T
    normal = to @ (op.A + P @ P.conj().T) @ basis
    arrays: dict[str, Any] = {
        "Lambda": np.diagonal(normal),
        "P": to @ P,
        "Q": to @ P,
        "B": to @ op.B,
        "input": op.B,
        "family": op.family,
    }
    for change in recipe.before:
        arrays = change(arrays)
    if not arrays["P"].size:
        arrays = {**arrays, "P": np.zeros((len(to), 1)), "Q": np.zeros((len(to), 1))}
    return _rebuilt(arrays["Lambda"], arrays["P"], arrays["Q"], arrays["B"], V)
