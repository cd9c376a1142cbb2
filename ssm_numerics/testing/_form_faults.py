"""Faults of HiPPO matrices and of their normal-plus-low-rank forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..hippo import hippo
from ._causes import Fault, Look, Trial
from ._faults import clipped, on


def only(family: str, change: Callable[[dict], dict]) -> Callable[[dict], dict]:
    """A change of one family's arrays."""
    return lambda arrays: change(arrays) if arrays["family"] == family else arrays


def scaled(**factors: float) -> Callable[[dict], dict]:
    """Arrays times numbers."""
    return lambda arrays: {**arrays, **{name: factor * arrays[name] for name, factor in factors.items()}}


def _unnormalized(arrays: dict) -> dict:
    root = np.sqrt(2.0 * np.arange(len(arrays["B"])) + 1)
    return {**arrays, "A": arrays["A"] / root[:, None] * root, "B": arrays["B"] / root}


def as_lmu(arrays: dict) -> dict:
    op = hippo("lmu", len(arrays["B"]))
    return {**arrays, "A": op.A, "B": op.B}


HALF_FORM = {"Lambda": 0.5, "P": 0.5**0.5, "Q": 0.5**0.5, "B": 0.5}
"""A form of A/2 and B/2 from that of A and B."""

HALVED = "LegT is halved: A and B are those of the window theta = 2 (state-spaces/s4), not of theta = 1."

HIPPO_FAULTS = (
    Fault("legt_halved", HALVED, {"before": [only("legt", scaled(A=0.5, B=0.5))]}),
    Fault(
        "legt_is_lmu",
        "LegT has LMU's scaling: another basis of the same polynomials.",
        {"before": [only("legt", as_lmu)]},
    ),
    Fault(
        "sign_of_A",
        "A has the wrong sign: HiPPO matrices carry the minus, x' = A x + B u.",
        {"before": [scaled(A=-1.0)]},
    ),
    Fault("transposed_A", "A is transposed.", {"before": [on("A", np.transpose)]}),
    Fault(
        "legs_diagonal",
        "The diagonal of LegS is n, not n + 1.",
        {"before": [only("legs", on("A", lambda A: A + np.eye(len(A))))]},
    ),
    Fault(
        "lagt_diagonal",
        "The diagonal of LagT is 1, not 1/2.",
        {"before": [only("lagt", on("A", lambda A: A - 0.5 * np.eye(len(A))))]},
    ),
    Fault(
        "legs_not_normalized",
        "LegS is in the basis of unnormalized Legendre polynomials: A_nk = -(2k + 1), B = 1.",
        {"before": [only("legs", _unnormalized)]},
    ),
)

NPLR_FAULTS = (
    Fault("plus_low_rank", "The low-rank part has the wrong sign: A = Lambda + P Q*.", {"before": [scaled(Q=-1.0)]}),
    Fault("no_low_rank", "The low-rank part is left out.", {"before": [scaled(Q=0.0)]}),
    Fault(
        "mixed_factors",
        "P and Q are of two conventions: sqrt(n + 1/2) goes with itself, sqrt(2n + 1)/2 with sqrt(2n + 1).",
        {"before": [scaled(Q=2**0.5)]},
    ),
    Fault(
        "low_rank_twice",
        "The low-rank part counts twice: P = Q = sqrt(2n + 1) where sqrt(n + 1/2) is meant.",
        {"before": [scaled(Q=2.0)]},
    ),
    Fault("half_low_rank", "The low-rank part counts half.", {"before": [scaled(Q=0.5)]}),
    Fault(
        "first_column_only",
        "Only the first column of P and Q is there: LegT's correction has rank 2.",
        {"before": [lambda a: {**a, "P": a["P"][:, :1], "Q": a["Q"][:, :1]}]},
    ),
    Fault(
        "clipped_B",
        "The imaginary part of B is clipped to [-2, 2], as state-spaces/s4 does.",
        {"before": [on("B", clipped)]},
    ),
    Fault(
        "B_not_rotated",
        "B is left in the original basis: V*B is meant.",
        {"before": [lambda a: {**a, "B": a["input"]}]},
    ),
    Fault("conjugated_B", "B is conjugated: V^T B in place of V*B.", {"before": [on("B", np.conj)]}),
    Fault(
        "omega_sign",
        "The sign of omega is wrong: Lambda belongs to the conjugate columns of V.",
        {"before": [on("Lambda", np.conj)]},
    ),
    Fault(
        "undamped",
        "The real part of Lambda is left out: eigh was given the skew part, and the diagonal was not added again.",
        {"before": [on("Lambda", lambda x: 1j * x.imag)]},
    ),
    Fault("legt_halved", HALVED, {"before": [only("legt", scaled(**HALF_FORM))]}),
    Fault("V_adjoint", "V is its adjoint: A = V* (Lambda - P Q*) V.", {"transition": lambda V: V.conj().T}),
    Fault("V_conjugated", "V is conjugated.", {"transition": np.conj}),
)


def _dropped(trials: Sequence[Trial]) -> bool:
    """For odd N > 1 one mode less than N is there, and the others are right."""
    failing = [trial for trial in trials if trial.failed]
    return all(trial.case.N % 2 and _resolution(trial) == trial.case.N - 1 for trial in failing)


def _resolution(trial: Trial) -> int:
    """The rank of V V*, where it is a projection."""
    values = np.linalg.eigvalsh(trial.parts[2])
    ones = np.abs(values - 1) <= 1e-3
    return int(ones.sum()) if np.all(ones | (np.abs(values) <= 1e-3)) else -1


NPLR_LOOKS = (
    Look("odd_mode_dropped", "For odd N the mode without a partner (omega = 0) is dropped.", _dropped),
    Look(
        "V_not_unitary",
        "V is not unitary: eigenvectors of A itself, or columns that are not normalized.",
        lambda trials: any(t.difference and t.difference[2] > t.eps * t.tolerances[2] for t in trials if t.failed),
    ),
)
