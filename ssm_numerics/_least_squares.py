"""Least squares with a penalty, from what is kept of samples that arrive in blocks of rows [X, Y]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._matrices import UNIT


@dataclass(frozen=True)
class Reduced:
    """A small problem with the solutions of the large one: factor R (k, p), targets (k, m), what no fit can explain."""

    factor: np.ndarray
    targets: np.ndarray
    unexplained: np.ndarray  # (m,), squares
    samples: int


@dataclass(frozen=True)
class Kept:
    """What is kept, as data: how a block of rows is added, and the reduced problem of p unknowns."""

    update: Callable[[np.ndarray | None, np.ndarray], np.ndarray]
    reduce: Callable[[np.ndarray, int, int], Reduced]


@dataclass(frozen=True)
class Solution:
    """Coefficients (p, m) of one penalty, and what is known of them."""

    ridge: float
    coefficients: np.ndarray
    error: np.ndarray
    condition: float
    degrees_of_freedom: float
    gcv: float
    singular_values: np.ndarray


@np.errstate(over="ignore", invalid="ignore")
def solve(problem: Reduced, ridge: float, penalized: np.ndarray) -> Solution:
    """The minimizer of |y - X c|^2 + ridge |c[penalized]|^2 of least norm, by an SVD of the reduced problem.

    Coefficients that overflow are not finite.
    """
    R, z = problem.factor, problem.targets
    p = R.shape[1]
    stacked = np.concatenate([R, np.sqrt(ridge) * np.eye(p)[penalized]]) if ridge else R
    U, values, Vh = np.linalg.svd(stacked, full_matrices=False)
    kept = values > p * 2 * UNIT * values[0]
    used = U[: len(R), kept]
    coefficients = (Vh[kept].conj().T / values[kept]) @ (used.conj().T @ z)
    left_over = np.sum(np.abs(z - R @ coefficients) ** 2, axis=0) + problem.unexplained
    energy = np.sum(np.abs(z) ** 2, axis=0) + problem.unexplained
    freedom, n = float(np.linalg.norm(used) ** 2), problem.samples
    return Solution(
        ridge,
        coefficients,
        np.sqrt(left_over / np.where(energy > 0, energy, 1.0)),
        float(values[0]) / float(values[-1]) if values.size == p and values[-1] > 0 else np.inf,
        freedom,
        float(left_over.sum() / n / (1 - freedom / n) ** 2) if freedom < n else np.inf,
        values if not ridge else np.linalg.svd(R, compute_uv=False),
    )


def _add_to_triangle(kept: np.ndarray | None, rows: np.ndarray) -> np.ndarray:
    R: np.ndarray = np.linalg.qr(rows if kept is None else np.concatenate([kept, rows]), mode="r")  # type: ignore[assignment]
    return R


def _reduce_triangle(kept: np.ndarray, p: int, samples: int) -> Reduced:
    return Reduced(kept[:p, :p], kept[:p, p:], np.sum(np.abs(kept[p:, p:]) ** 2, axis=0), samples)


def _add_to_gramian(kept: np.ndarray | None, rows: np.ndarray) -> np.ndarray:
    gramian = rows.conj().T @ rows
    return gramian if kept is None else kept + gramian


def _reduce_gramian(kept: np.ndarray, p: int, samples: int) -> Reduced:
    """By eigenvalues: R = S^1/2 V*, targets R^-* X* y; directions that rounding made are left out."""
    values, V = np.linalg.eigh(kept[:p, :p])
    real = values > p * 2 * UNIT * values[-1]
    root, V = np.sqrt(values[real])[:, None], V[:, real].conj().T
    targets = V @ kept[:p, p:] / root
    unexplained = np.diagonal(kept)[p:].real - np.sum(np.abs(targets) ** 2, axis=0)
    return Reduced(root * V, targets, np.maximum(unexplained, 0.0), samples)


METHODS = {"qr": Kept(_add_to_triangle, _reduce_triangle), "normal": Kept(_add_to_gramian, _reduce_gramian)}
