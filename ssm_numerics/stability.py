"""Where a discretization is stable: the region of z = dt lambda with |R(z)| <= 1, and the largest stable steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._matrices import UNIT
from ._results import Number, Result
from ._spectrum import spectrum
from .discretization import rule


@dataclass(frozen=True)
class StabilityRegion(Result):
    """The z = dt lambda for which one step does not grow.

    `kind` is "disk" (inside of a circle, 0 <= alpha < 1/2), "half-plane" (bilinear, ZOH, FOH) or "outside" (alpha >
    1/2); `center` and `radius` are those of the circle.
    """

    method: str
    alpha: float | None
    kind: str
    center: float | None
    radius: float | None

    def amplification(self, z: Any) -> np.ndarray:
        """R(z), what one step multiplies a mode with: (1 + (1 - alpha) z)/(1 - alpha z), or e^z."""
        z = _arrays.numeric("z", z).astype(complex)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.exp(z) if self.alpha is None else (1 + (1 - self.alpha) * z) / (1 - self.alpha * z)

    def contains(self, z: Any) -> np.ndarray:
        """Whether |R(z)| <= 1, decided by 2 Re z + (1 - 2 alpha) |z|^2 <= 0, which is exact on the axis and at 0."""
        z = _arrays.numeric("z", z).astype(complex)
        curvature = 0.0 if self.alpha is None else 1 - 2 * self.alpha
        largest = np.maximum(np.abs(z.real), np.abs(z.imag))
        scale = np.ldexp(1.0, np.frexp(largest)[1] - 1)  # so that no square overflows
        x, y = z.real / scale, z.imag / scale
        with np.errstate(over="ignore"):
            return 2 * x + curvature * scale * (x**2 + y**2) <= 0

    def plot(self, ax: Any = None) -> Any:
        """Shade the region; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.stability_region(self, ax)


@dataclass(frozen=True)
class LargestStableStep(Number):
    """Every step up to `value` keeps every mode of A bounded; the eigenvalue that sets it.

    `value` is infinite where every step is stable and zero where small ones are not. `relative_error` comes from the
    eigenvalues. `window_per_state` is the least window theta/N for step one, for the families that have a window.
    """

    value: float
    eigenvalue: complex
    relative_error: float
    window_per_state: float | None
    method: str
    alpha: float | None
    eigenvalues: np.ndarray
    statement: str

    @property
    def region(self) -> StabilityRegion:
        """The stability region of the rule."""
        return stability_region(self.method, self.alpha)

    def plot(self, ax: Any = None) -> Any:
        """Draw the stability region and the eigenvalues times the largest step; returns the matplotlib axes."""
        from . import _diagnostic_plots

        return _diagnostic_plots.largest_stable_step(self, ax)


def stability_region(method: str, alpha: float | None = None) -> StabilityRegion:
    """The region of absolute stability of a discretization.

    Parameters
    ----------
    method : {"euler", "backward_euler", "bilinear", "gbt", "zoh", "foh"}
    alpha : float in [0, 1], only for "gbt"

    Returns
    -------
    StabilityRegion
        `.contains(z)` is the predicate, `.plot()` the picture.

    Notes
    -----
    |1 + (1 - alpha) z| <= |1 - alpha z| is 2 Re z + (1 - 2 alpha) |z|^2 <= 0: for alpha < 1/2 a disk of centre
    -1/(1 - 2 alpha) and radius 1/(1 - 2 alpha); the left half-plane at 1/2; beyond, what lies outside of a disk in the
    right half-plane.

    *Accuracy*: `contains` is exact up to the rounding of three operations. *Cost*: none.

    References
    ----------
    Hairer & Wanner, Solving Ordinary Differential Equations II, section IV.3.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> region = ssm.stability_region("euler")
    >>> region.center, region.radius, region.contains([-2.0, -2.1, 0.0]).tolist()
    (-1.0, 1.0, [True, False, True])
    """
    method, parameter = rule(method, alpha)
    if parameter is None or parameter == 0.5:
        return StabilityRegion(method, parameter, "half-plane", None, None)
    center = -1 / (1 - 2 * parameter)
    return StabilityRegion(method, parameter, "disk" if parameter < 0.5 else "outside", center, abs(center))


def largest_stable_step(
    source: Any, N: int | None = None, method: str = "euler", alpha: float | None = None
) -> LargestStableStep:
    """The largest step for which a discretized system, family or matrix has all its poles in the closed unit disk.

    Parameters
    ----------
    source, N
        As in `spectrum`: a system, a HiPPO operator, the name of a family with N, or a matrix.
    method, alpha
        As in `discretize`; "euler" by default, since rules with alpha >= 1/2 are stable for every step.

    Returns
    -------
    LargestStableStep

    Notes
    -----
    A mode is stable while dt <= -2 Re lambda / ((1 - 2 alpha) |lambda|^2). In a family with a window theta only
    dt/theta counts, so at step one theta must be at least 1/value.

    *Accuracy*: `relative_error`, first order in the eigenvalues' uncertainty; 8 u for legt and lmu, whose eigenvalues
    are certified (with python-flint installed), and for triangular matrices. *Cost*: that of `spectrum`.

    References
    ----------
    Voelker, Kajic & Eliasmith, Legendre Memory Units, 2019 (Euler at step one).

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> limit = ssm.largest_stable_step("lmu", 4)
    >>> round(limit.window_per_state, 3)
    1.288
    """
    method, parameter = rule(method, alpha)
    spectral = spectrum(source, N)
    values, uncertainty = spectral.eigenvalues.ravel(), spectral.uncertainty.ravel()
    curvature = 0.0 if parameter is None else 1 - 2 * parameter
    worst, error = int(np.argmax(values.real)), 0.0
    if values[worst].real > uncertainty[worst]:
        step, k = 0.0, worst
    elif curvature <= 0:
        step, k = np.inf, worst
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = -2 * values.real / (curvature * np.abs(values) ** 2)
            least = np.clip(1 - 3 * uncertainty / np.abs(values.real), 0.0, 1.0) * steps
        moving = np.abs(values) > uncertainty
        k = int(np.argmin(np.where(moving, steps, np.inf)))
        step = max(float(steps[k]), 0.0)
        error = 8 * UNIT + (1 - float(np.min(np.where(moving, least, np.inf))) / step if step else 0.0)
    return LargestStableStep(
        value=float(step),
        eigenvalue=complex(values[k]),
        relative_error=error,
        window_per_state=_window(source, float(step), values.size),
        method=method,
        alpha=parameter if method == "gbt" else None,
        eigenvalues=values,
        statement=_statement(float(step), complex(values[k]), error),
    )


def _window(source: Any, step: float, order: int) -> float | None:
    """theta/N at step one: dt <= step at window theta means theta >= theta_given/step."""
    if isinstance(source, str):
        theta = 1.0 if source in ("legt", "lmu") else None
    else:
        theta = getattr(source, "parameters", {}).get("theta")
    return None if theta is None else (theta / step / order if step else np.inf)


def _statement(step: float, eigenvalue: complex, error: float) -> str:
    if step == 0:
        return f"No small step is stable: {eigenvalue:.6g} is an eigenvalue."
    if np.isinf(step):
        return "Every step is stable."
    doubt = "" if error < 0.1 else " The eigenvalues are too uncertain to trust it."
    return f"Steps up to {step:.8g} are stable; {eigenvalue:.6g} sets the limit.{doubt}"
