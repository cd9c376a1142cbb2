"""The two shapes a HiPPO matrix has, with products and solves that cost O(N): semiseparable, and Fourier."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ._parallel import over_rows


@dataclass(frozen=True)
class Semiseparable:
    """-A = diag(d) + strictly lower part of l r' + strictly upper part of v w', as rows of `generators` (5, N)."""

    generators: np.ndarray

    def dense(self) -> np.ndarray:
        d, l, r, v, w = self.generators
        return 0.0 - (np.diag(d) + np.tril(np.outer(l, r), -1) + np.triu(np.outer(v, w), 1))

    def apply(self, x: np.ndarray) -> np.ndarray:
        from .compiled import hippo_steps

        rows, y = x.reshape(-1, x.shape[-1]), np.empty(x.shape, x.dtype)
        out = y.reshape(rows.shape)
        over_rows(lambda i, j: hippo_steps.apply_loop(self.generators, rows, out, i, j), len(rows), 6.0 * rows.size)
        return y

    def factor(self, h: float) -> np.ndarray:
        from .compiled import hippo_steps

        factors = np.empty((3, self.generators.shape[1]))
        hippo_steps.factor_loop(self.generators, h, factors)
        return factors

    def solve(self, h: float, b: np.ndarray) -> np.ndarray:
        from .compiled import hippo_steps

        factors = self.factor(h)
        rows, x = b.reshape(-1, b.shape[-1]), np.empty(b.shape, b.dtype)
        out = x.reshape(rows.shape)

        def work(begin: int, end: int) -> None:
            hippo_steps.solve_loop(self.generators, factors, h, rows, out, begin, end)

        over_rows(work, len(rows), 9.0 * rows.size)
        return x


@dataclass(frozen=True)
class Fourier:
    """A = S - damping I - b b', S real skew with 2x2 blocks [[0, -omega_m], [omega_m, 0]] on states 2m, 2m+1."""

    omega: np.ndarray
    damping: float
    b: np.ndarray

    def rotate(self, x: np.ndarray) -> np.ndarray:
        """S x."""
        y = np.zeros_like(x)
        paired = 2 * self.omega.size
        y[..., 0:paired:2] = -self.omega * x[..., 1:paired:2]
        y[..., 1:paired:2] = self.omega * x[..., 0:paired:2]
        return y

    def dense(self) -> np.ndarray:
        eye = np.eye(self.b.size)
        return self.rotate(eye).T - self.damping * eye - np.outer(self.b, self.b)

    def apply(self, x: np.ndarray) -> np.ndarray:
        return self.rotate(x) - self.damping * x - (x @ self.b)[..., None] * self.b

    def solve(self, h: float, b: np.ndarray) -> np.ndarray:
        """Block diagonal solve, then the rank-one correction of Sherman and Morrison.

        It gives nu = b' x, and x = y - h nu z with y, z the block diagonal solutions for the right-hand side and for b.
        That cancels in the states without rotation for large h; their part along b follows from nu and the others.
        """
        y, z = self._rotated_solve(h, b), self._rotated_solve(h, self.b)
        if not self.b.any():
            return y
        nu = ((y @ self.b) / (1 + h * (z @ self.b)))[..., None]
        x = y - h * nu * z
        still = np.ones(self.b.size, dtype=bool)
        still[2 : 2 * self.omega.size] = False
        along = np.where(still, self.b, 0.0)
        part = nu - (x @ (self.b - along))[..., None]
        across = y - ((y @ along) / (along @ along))[..., None] * along
        return np.where(still, across + part / (along @ along) * along, x)

    def _rotated_solve(self, h: float, b: np.ndarray) -> np.ndarray:
        """(g - h S)^{-1} b with g = 1 + h damping; as S^2 = -omega^2 it is (g + h S) b / (g^2 + (h omega)^2)."""
        gain = 1 + h * self.damping
        determinant = np.full(self.b.size, gain**2)
        determinant[: 2 * self.omega.size] += np.repeat((h * self.omega) ** 2, 2)
        return (gain * b + h * self.rotate(b)) / determinant


def laguerre_scale(N: int, alpha: float) -> np.ndarray:
    """lambda_n = sqrt(Gamma(n + alpha + 1) / n!)."""
    n = np.arange(1, N)
    return np.sqrt(math.gamma(1 + alpha) * np.concatenate([[1.0], np.cumprod((n + alpha) / n)]))


def laguerre_gain(alpha: float, beta: float) -> float:
    """kappa = beta^{(1-alpha)/2} / sqrt(Gamma(1 - alpha))."""
    return beta ** ((1 - alpha) / 2) / math.sqrt(math.gamma(1 - alpha))
