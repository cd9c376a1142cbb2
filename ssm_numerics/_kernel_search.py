"""The search for poles or a step: parameters that keep a system stable, the projected residual and its derivative."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ._matrices import UNIT
from ._mode_basis import Projection, Rule, jacobian, powers, project
from ._parallel import serial_blas

TOLERANCE = 64 * UNIT
"""Relative change of the sum of squares, of the parameters, and gradient, at which the iteration ends."""


class Search(Protocol):
    """What is fitted, as a vector theta of real parameters."""

    first: np.ndarray
    bounds: tuple[np.ndarray, np.ndarray]

    def nodes(self, theta: np.ndarray) -> np.ndarray:
        """x = dt Lambda."""

    def slopes(self, x: np.ndarray) -> np.ndarray:
        """dx_n / d theta_j, shape (n, q)."""

    def spread(self, deviations: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Standard deviations of theta as those of Re x + i Im x, or of the relative step."""


class Poles:
    """All poles free: theta holds the logarithms of -Re x, then Im x of the modes that have one."""

    def __init__(self, x: np.ndarray, pairs: np.ndarray | None, rule: Rule) -> None:
        self._turning = np.ones(x.size, dtype=bool) if pairs is None else pairs
        decay, omega = np.clip(-x.real, UNIT, rule.fastest), x.imag[self._turning]
        self.first = np.concatenate([np.log(decay), omega])
        lowest, highest = (np.full(x.size, np.log(limit)) for limit in (UNIT / 2, 2 * rule.fastest))
        self.bounds = np.append(lowest, omega - rule.widest), np.append(highest, omega + rule.widest)

    def nodes(self, theta: np.ndarray) -> np.ndarray:
        """X = dt Lambda."""
        x = -np.exp(theta[: self._turning.size]).astype(complex)
        x.imag[self._turning] = theta[self._turning.size :]
        return x

    def slopes(self, x: np.ndarray) -> np.ndarray:
        """dx_n / d theta_j, shape (n, q)."""
        return np.concatenate([np.diag(x.real), 1j * np.eye(x.size)[:, self._turning]], axis=1)

    def spread(self, deviations: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Standard deviations of Re x + i Im x."""
        found = (deviations[: x.size] * -x.real).astype(complex)
        found.imag[self._turning] = deviations[x.size :]
        return found


class Step:
    """One factor of all poles free: theta holds its logarithm."""

    first = np.zeros(1)
    bounds = (np.array([-np.inf]), np.array([np.inf]))

    def __init__(self, x: np.ndarray, pairs: np.ndarray | None, rule: Rule) -> None:
        self._x = x

    def nodes(self, theta: np.ndarray) -> np.ndarray:
        """X = dt Lambda."""
        return np.exp(theta[0]) * self._x

    def slopes(self, x: np.ndarray) -> np.ndarray:
        """dx_n / d theta, shape (n, 1)."""
        return x[:, None]

    def spread(self, deviations: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The relative standard deviation of the step."""
        return deviations[0]


SEARCHES: dict[str, Any] = {"Lambda": Poles, "dt": Step}


class ProjectedResidual:
    """Fit minus data as a real function of theta, and its derivative; what one needs, the other has computed."""

    def __init__(self, search: Search, y: np.ndarray, pairs: np.ndarray | None, rule: Rule) -> None:
        self._search, self._rule, self._y, self._pairs = search, rule, y, pairs
        self._last: tuple[bytes, np.ndarray, Projection] | None = None

    def at(self, theta: np.ndarray) -> Projection:
        """The least-squares weights at theta."""
        return self._computed(theta)[1]

    def _computed(self, theta: np.ndarray) -> tuple[np.ndarray, Projection]:
        if self._last is None or self._last[0] != theta.tobytes():
            modes = powers(self._rule.log_node(self._search.nodes(theta)), self._y.shape[-1])
            self._last = theta.tobytes(), modes, project(modes, self._pairs, self._y)
        return self._last[1:]

    def value(self, theta: np.ndarray) -> np.ndarray:
        """Fit minus data."""
        return _reals(-self.at(theta).residual.reshape(-1, 1))[:, 0]

    def derivative(self, theta: np.ndarray) -> np.ndarray:
        """Its exact derivative, shape (samples, q)."""
        modes, fit = self._computed(theta)
        x = self._search.nodes(theta)
        slopes = self._rule.derivative(x)[:, None] * self._search.slopes(x)
        return _reals(jacobian(fit, modes, self._pairs, slopes).reshape(-1, theta.size))

    def minimize(self, most: int) -> tuple[np.ndarray, int, bool]:
        """The best theta, how many evaluations it took, and whether it settled."""
        from scipy.optimize import least_squares

        with serial_blas():
            found = least_squares(
                self.value,
                self._search.first,
                self.derivative,
                self._search.bounds,
                x_scale="jac",
                ftol=TOLERANCE,
                xtol=TOLERANCE,
                gtol=TOLERANCE,
                max_nfev=most,
            )
        return found.x, int(found.nfev), bool(found.status > 0)

    def deviations(self, theta: np.ndarray, unknowns: int) -> np.ndarray:
        """Standard deviations of theta to first order, for white noise as large as the residual."""
        J, residual = self.derivative(theta), self.value(theta)
        freedom = max(residual.size - unknowns, 1)
        return np.linalg.norm(np.linalg.pinv(J), axis=1) * np.linalg.norm(residual) / np.sqrt(freedom)


def _reals(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows.real, rows.imag]) if np.iscomplexobj(rows) else rows
