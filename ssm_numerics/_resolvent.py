"""Resolvents (z - A)^-1 at many points z at once, and the least singular value of z - A by Lanczos through them.

A `Resolvent` prepares M points and returns two functions, which apply (z - A)^-1 and its adjoint to vectors stored as
columns (N, M), column m belonging to point m. The triangular form costs N^2 per point in matrix products, the
structured ones O(N) or O(N r).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._matrices import UNIT
from ._parallel import over_rows, serial_blas

Apply = Callable[[np.ndarray], np.ndarray]

BLOCK = 16
"""Rows of a triangular solve that are eliminated one by one; the rest is matrix products."""

POINTS = 512
"""Points treated together: their vectors stay in cache up to some hundred states."""

CHECKS = (3, 5, 8, 12, 18, 27, 40, 60)
"""Lanczos steps after which convergence is checked. After 60 the largest eigenvalue of an operator of any spectrum is
known to 0.103 (ln(60^2 N)/59)^2 on average over starts (Kuczynski and Wozniakowski 1992): 0.9 % at N = 10^4."""

TOLERANCE = 1e-3
"""Relative residual at which Lanczos stops; the error of the singular value is at most half of it."""

LONGEST = 1e150
"""Resolvents are taken to be no larger: far beyond rounding, and squares stay in range."""


@dataclass(frozen=True)
class Resolvent:
    """Order, an upper bound of |A| for scale, and what prepares points."""

    order: int
    norm: float
    at: Callable[[np.ndarray], tuple[Apply, Apply]]


def inverse_gaps(z: np.ndarray, poles: np.ndarray, least: float) -> np.ndarray:
    """1/(z_m - poles_n), shape (N, M), gaps below `least` (a backward error of that size) replaced by it."""
    gaps = z[None, :] - poles[:, None]
    return 1 / np.where(np.abs(gaps) < least, max(least, np.finfo(float).tiny), gaps)


def triangular(T: np.ndarray) -> Resolvent:
    """The resolvent of an upper triangular matrix by blocked substitution."""
    order, norm = len(T), float(np.linalg.norm(T))
    adjoint = np.ascontiguousarray(T.conj().T)

    def at(z: np.ndarray) -> tuple[Apply, Apply]:
        inverse = inverse_gaps(z, np.diagonal(T), UNIT * norm)

        def apply(b: np.ndarray) -> np.ndarray:
            x = b.astype(complex)
            for end in range(order, 0, -BLOCK):
                begin = max(end - BLOCK, 0)
                if end < order:
                    x[begin:end] += T[begin:end, end:] @ x[end:]
                for j in reversed(range(begin, end)):
                    if j + 1 < end:
                        x[j] += T[j, j + 1 : end] @ x[j + 1 : end]
                    x[j] *= inverse[j]
            return x

        def apply_adjoint(b: np.ndarray) -> np.ndarray:
            x = b.astype(complex)
            for begin in range(0, order, BLOCK):
                end = min(begin + BLOCK, order)
                if begin:
                    x[begin:end] += adjoint[begin:end, :begin] @ x[:begin]
                for j in range(begin, end):
                    if j > begin:
                        x[j] += adjoint[j, begin:j] @ x[begin:j]
                    x[j] *= inverse[j].conj()
            return x

        return apply, apply_adjoint

    return Resolvent(order, norm, at)


def semiseparable(generators: np.ndarray) -> Resolvent:
    """The resolvent of A = -diag(d) - strictly lower part of l r', by one substitution with a running sum, O(N)."""
    d, l, r = generators[:3]
    order = len(d)
    norm = float(np.sqrt(np.sum(d**2) + np.sum(l[1:] ** 2 * np.cumsum(r[:-1] ** 2))))

    def at(z: np.ndarray) -> tuple[Apply, Apply]:
        inverse = inverse_gaps(z, -d, UNIT * norm)

        def sweep(b: np.ndarray, out: np.ndarray, into: np.ndarray, scale: np.ndarray, rows: range) -> np.ndarray:
            x, running = np.empty(b.shape, complex), np.zeros(b.shape[1], complex)
            for j in rows:
                x[j] = (b[j] - out[j] * running) * scale[j]
                running += into[j] * x[j]
            return x

        conjugate = inverse.conj()
        return (
            lambda b: sweep(b, l, r, inverse, range(order)),
            lambda b: sweep(b, r, l, conjugate, range(order - 1, -1, -1)),
        )

    return Resolvent(order, norm, at)


def low_rank(Lambda: np.ndarray, P: np.ndarray, Q: np.ndarray) -> Resolvent:
    """The resolvent of diag(Lambda) - P Q* by Woodbury's identity, O(N r).

    Points within sqrt(u) |A| of an entry of Lambda are moved off to that distance, where the identity cancels half of
    the digits at most.
    """
    norm = float(np.abs(Lambda).max() + np.linalg.norm(P, 2) * np.linalg.norm(Q, 2))

    def at(z: np.ndarray) -> tuple[Apply, Apply]:
        D = inverse_gaps(z, Lambda, np.sqrt(UNIT) * norm)
        eye = np.eye(P.shape[1])
        capacitance = eye + np.einsum("nr,nm,ns->mrs", Q.conj(), D, P)
        capacitance[np.linalg.det(capacitance) == 0] += UNIT * eye  # an eigenvalue of A to rounding

        def corrected(b: np.ndarray, D: np.ndarray, P: np.ndarray, Q: np.ndarray, inner: np.ndarray) -> np.ndarray:
            x = D * b
            drive = np.linalg.solve(inner, (Q.conj().T @ x).T[..., None])[..., 0]
            return x - D * (P @ drive.T)

        return (
            lambda b: corrected(b, D, P, Q, capacitance),
            lambda b: corrected(b, D.conj(), Q, P, capacitance.conj().mT),
        )

    return Resolvent(len(Lambda), norm, at)


def of_matrix(matrix: np.ndarray) -> Resolvent:
    """By a Schur form, which is the matrix itself or its transpose if that is triangular."""
    from scipy.linalg import schur

    if not np.tril(matrix, -1).any():
        return triangular(matrix)
    if not np.triu(matrix, 1).any():
        return triangular(matrix.T)
    return triangular(schur(matrix, output="complex")[0])


def least_singular_values(resolvent: Resolvent, z: np.ndarray) -> np.ndarray:
    """sigma_min(z - A) at every point of a vector, in threads over the points with one BLAS thread each."""
    sigma = np.empty(z.shape)

    def work(begin: int, end: int) -> None:
        for start in range(begin, end, POINTS):
            part = slice(start, min(start + POINTS, end))
            with np.errstate(over="ignore", invalid="ignore"):
                sigma[part] = _lanczos(resolvent, z[part])

    with serial_blas():
        over_rows(work, len(z), 100.0 * len(z) * resolvent.order**2)
    return sigma


def _lanczos(resolvent: Resolvent, z: np.ndarray) -> np.ndarray:
    """1 / |(z - A)^-1|_2 by Golub-Kahan-Lanczos bidiagonalization from one fixed start; converged points drop out.

    Without reorthogonalization copies of the largest Ritz value may appear, but no wrong one. The residual of a Ritz
    vector says how far the nearest singular value is.
    """
    rng = np.random.default_rng(0)
    start = rng.normal(size=resolvent.order) + 1j * rng.normal(size=resolvent.order)
    sigma, active = np.zeros(len(z)), np.arange(len(z))
    apply, apply_adjoint = resolvent.at(z)
    u = np.repeat((start / np.linalg.norm(start))[:, None], len(z), axis=1)
    v, alphas, betas = np.zeros_like(u), [], [np.zeros(len(z))]
    for step in range(1, CHECKS[-1] + 1):
        v, alpha = _normalized(apply_adjoint(u) - betas[-1] * v)
        u, beta = _normalized(apply(v) - alpha * u)
        alphas.append(alpha)
        betas.append(beta)
        if step not in CHECKS and step < resolvent.order:
            continue
        largest, residual = _ritz(np.array(alphas), np.array(betas[1:]))
        rounding = largest * resolvent.norm * UNIT > 1
        done = (residual <= TOLERANCE) | rounding | (step == CHECKS[-1])
        sigma[active[done]] = 1 / largest[done]
        if done.all():
            break
        if done.any():
            active, keep = active[~done], ~done
            u, v = u[:, keep], v[:, keep]
            alphas, betas = [a[keep] for a in alphas], [b[keep] for b in betas]
            apply, apply_adjoint = resolvent.at(z[active])
    return sigma


def _normalized(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of unit length and the lengths they had; what overflows counts as LONGEST, and its column as zero."""
    overflown = ~(np.abs(x).max(axis=0) < LONGEST)
    x = np.where(overflown, 0, x)
    size = np.linalg.norm(x, axis=0)
    return x / np.where(size > 0, size, 1), np.where(overflown, LONGEST, size)


def _ritz(alpha: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest singular value of lower bidiagonal matrices (rows: steps) and its residual relative to it."""
    scale = np.maximum(alpha, beta).max(axis=0)
    a, b = alpha / scale, beta / scale
    steps, points = a.shape
    normal = np.zeros((points, steps, steps))  # B'B, tridiagonal
    i = np.arange(steps)
    normal[:, i, i] = (a**2 + b**2).T
    normal[:, i[:-1], i[1:]] = normal[:, i[1:], i[:-1]] = (a[1:] * b[:-1]).T
    values, vectors = np.linalg.eigh(normal)
    theta = np.sqrt(values[:, -1])
    return theta * scale, np.abs(vectors[:, -1, -1]) * b[-1] * _next_alpha(a, b) / theta**2


def _next_alpha(a: np.ndarray, b: np.ndarray) -> Any:
    """A bound of the next alpha, which the residual of S*S has as a factor: no alpha exceeds |S|."""
    return np.maximum(a.max(axis=0), b.max(axis=0))
