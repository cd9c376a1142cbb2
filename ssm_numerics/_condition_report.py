"""The condition report of a system to be discretized and turned into a kernel: what can go wrong, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._circle import NodePoleDistance, discrete_poles, distance, truncation_condition
from ._matrices import UNIT, Eigensystem, dense_matrix, doubled, eigensystem
from ._results import Result
from .kernel_errors import amplification, prediction, structure
from .state_space import DPLR, Diagonal
from .structured import as_matrix_system

RADIUS_FACTORS = (1e-3, 1e-2, 0.1, 0.2, np.exp(-1.0), 2**0.5 - 1, 0.5, 0.7, 1.0)
"""The values of r^L among which the radius is recommended; 1/2 and 1 are reported."""

_SINGLE = {"f": 4, "c": 8}
"""Bytes of the single-precision number of a kind."""


@dataclass(frozen=True)
class ConditionReport(Result):
    """What `condition_report` found; of several heads the worst number. `print` shows one screen."""

    system: str
    heads: int
    N: int
    L: int
    discretization: str
    alpha: float | None
    dt_least: float
    dt_largest: float
    spectral_abscissa: float
    spectral_abscissa_uncertainty: float
    numerical_abscissa: float
    spectral_radius: float
    spectral_radius_uncertainty: float
    stable: bool | None
    stability: str
    eigenvector_condition: float
    conjugate_pairs: bool
    diagonal_form: bool
    form: str
    node_pole_distance_unit_circle: float
    node_pole_distance_half: float
    truncation_condition_unit_circle: float
    truncation_condition_half: float
    departure_from_normality: float
    transient_peak: float
    recommended_discretization: str
    method: str | None
    reason: str
    recommended_radius: float
    recommended_dtype: str
    predicted_error: float | None
    predicted_error_single: float | None
    amplification: float | None

    def plot(self, ax: Any = None) -> Any:
        """Draw the positive numbers as bars on a logarithmic scale; returns the matplotlib axes."""
        from . import plotting

        return plotting.condition_report(self, ax)

    def rows(self) -> dict[str, str]:
        """What `print` shows, line by line."""
        same = self.dt_least == self.dt_largest
        step = f"{self.dt_least:.4g}" if same else f"{self.dt_least:.4g} to {self.dt_largest:.4g}"
        rule = self.discretization if self.alpha is None else f"{self.discretization} (alpha = {self.alpha:g})"
        error = "" if self.predicted_error is None else f", predicted error {self.predicted_error:.1e} of max|K|"
        beyond = "" if self.eigenvector_condition * self.N * UNIT < 0.1 else ", beyond the float64 trust limit"
        unit, half = self.node_pole_distance_unit_circle, self.node_pole_distance_half
        more_abscissa, more_radius = self.spectral_abscissa_uncertainty, self.spectral_radius_uncertainty
        return {
            "system": f"{self.system}, L = {self.L}, dt = {step}, {rule}",
            "spectral abscissa of A": f"{self.spectral_abscissa:.6g} (at most {more_abscissa:.1e} more)",
            "numerical abscissa of A": f"{self.numerical_abscissa:.6g}",
            "spectral radius of A_bar": f"{self.spectral_radius:.10g} (at most {more_radius:.1e} more)",
            "stability": self.stability,
            "transient growth": f"|A_bar^k| reaches {self.transient_peak:.4g}",
            "departure from normality": f"{self.departure_from_normality:.4g} (Henrici, of A)",
            "eigenvector condition": f"{self.eigenvector_condition:.3g}{beyond}",
            "form": self.form,
            "node-pole distance": f"{unit:.2e} on |omega| = 1, {half:.2e} on r^L = 1/2",
            "cond(I - r^L A_bar^L)": f"{self.truncation_condition_unit_circle:.2e} on |omega| = 1, "
            f"{self.truncation_condition_half:.2e} on r^L = 1/2",
            "discretization": self.recommended_discretization,
            "kernel method": f"{self.method}{error}",
            "": self.reason,
            "radius of Algorithm 1": f"r^L = {self.recommended_radius**self.L:.3g}, r = {self.recommended_radius:.10g}",
            "dtype": self.recommended_dtype,
        }

    def __str__(self) -> str:
        return "\n".join(f"{name:<26}{text}" for name, text in self.rows().items())


def condition_report(
    system: Any,
    dt: Any,
    L: int,
    discretization: str = "bilinear",
    alpha: float | None = None,
    rtol: float = 1e-5,
) -> ConditionReport:
    """What to expect of a system before its kernel is computed: stability, conditioning, and the method to use.

    Parameters
    ----------
    system : StateSpace, Diagonal or DPLR
    dt : float or array_like, shape (...), time
    L : int
        Length of the kernel.
    discretization : {"euler", "backward_euler", "bilinear", "gbt", "zoh", "foh"}
    alpha : float in [0, 1], only for "gbt"
    rtol : float, default 1e-5
        The error relative to max|K| that a dtype is recommended for.

    Returns
    -------
    ConditionReport
        Numbers as attributes; `print(report)` shows them on one screen.

    Notes
    -----
    `stable` is None where float64 cannot decide it. A system whose numerical abscissa is not positive is stable under
    every rule with alpha >= 1/2 and under ZOH and FOH, whatever its computed eigenvalues say, because |A_bar| <= 1.

    *Accuracy*: eigenvalues carry first-order uncertainties N u |A|_F kappa. `predicted_error` bounds the error of the
    kernel by the recommended method and is within 100 times of it (or of u, which an error may be below by luck), over
    a test grid of families, orders, lengths, steps and rules. *Cost*: O(N^3 log L + N^2 L) per head and one kernel.

    References
    ----------
    [S4] Algorithm 1 and section 3.1.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.StateSpace([[-1.0, 9.0], [0.0, -2.0]], [1.0, 1.0], [1.0, 0.0])
    >>> print(ssm.condition_report(system, 0.1, 100).stability)
    Stable: the spectral radius of A_bar is 0.9047619048.
    """
    L = _arrays.count("L", L)
    system = as_matrix_system(system)
    discrete, poles = discrete_poles(system, dt, discretization, alpha)
    continuous = [eigensystem(m) for m in _stack(dense_matrix(doubled(system)))]
    stepped = [eigensystem(m) for m in _stack(dense_matrix(discrete))]
    numerical = max(_hermitian_abscissa(m) for m in _stack(dense_matrix(doubled(system))))
    slack = max(len(part.values) * UNIT * part.norm for part in continuous)
    abscissa, abscissa_error, _ = _worst(continuous, np.real, numerical + slack)
    norm = max(float(np.linalg.norm(m, 2)) for m in _stack(dense_matrix(discrete)))
    radius, radius_error, certain = _worst(stepped, np.abs, norm * (1 + system.n_states * UNIT))
    stable, stability = _stability(discretization, alpha, numerical, slack, (radius, radius_error, certain))
    condition = max(part.condition for part in continuous)
    conjugate, diagonal, form = _form(system, condition)
    unit, half = (distance(poles, L, r) for r in (1.0, None))
    truncation = truncation_condition(system, dt, L, RADIUS_FACTORS, discretization, alpha)
    rtol = _arrays.real_number("rtol", rtol, above=0.0)
    method, reason, K = _recommended(system, L, dt, discretization, alpha)
    amplified, predicted = None, {}
    if method is not None:
        amplified = amplification(discrete, L, np.abs(K).max(axis=-1))
        predicted = {
            name: prediction(amplified, method, structure(discrete), float(np.finfo(name).eps) / 2)
            for name in ("float32", "float64")
        }
    steps = _arrays.steps(dt)
    return ConditionReport(
        system=repr(system),
        heads=int(np.prod(discrete.batch_shape)),
        N=system.n_states,
        L=L,
        discretization=discretization,
        alpha=None if alpha is None else float(alpha),
        dt_least=float(steps.min()),
        dt_largest=float(steps.max()),
        spectral_abscissa=abscissa,
        spectral_abscissa_uncertainty=abscissa_error,
        numerical_abscissa=numerical,
        spectral_radius=radius,
        spectral_radius_uncertainty=radius_error,
        stable=stable,
        stability=stability,
        eigenvector_condition=condition,
        conjugate_pairs=conjugate,
        diagonal_form=diagonal,
        form=form,
        node_pole_distance_unit_circle=float(unit),
        node_pole_distance_half=float(half),
        truncation_condition_unit_circle=float(truncation.conditions[-1]),
        truncation_condition_half=float(truncation.conditions[-3]),
        departure_from_normality=max(_departure(m) for m in _stack(dense_matrix(doubled(system)))),
        transient_peak=_peak(_stack(dense_matrix(discrete)), stable, norm <= 1 + slack),
        recommended_discretization=_rule(system),
        method=method,
        reason=f"{reason} {_circle(unit, half)}",
        recommended_radius=truncation.recommended_radius,
        recommended_dtype=_dtype(predicted, rtol),
        predicted_error=predicted.get(f"float{32 if system.dtype.itemsize <= _SINGLE[system.dtype.kind] else 64}"),
        predicted_error_single=predicted.get("float32"),
        amplification=None if amplified is None else amplified.independent,
    )


def _stack(matrices: np.ndarray) -> np.ndarray:
    return matrices.reshape(-1, *matrices.shape[-2:])


def _hermitian_abscissa(matrix: np.ndarray) -> float:
    return float(np.linalg.eigvalsh((matrix + matrix.conj().T) / 2)[-1])


def _worst(parts: list[Eigensystem], size: Any, bound: float) -> tuple[float, float, float]:
    """The largest size of an eigenvalue, how much larger it may be without passing `bound`, the largest certain one."""
    values = np.concatenate([size(part.values) for part in parts])
    uncertainty = np.concatenate([part.uncertainty for part in parts])
    largest = float(values.max())
    more = min(float((values + uncertainty).max()), bound) - largest
    return largest, max(more, 0.0), float((values - uncertainty).max())


def _stability(
    method: str, alpha: float | None, numerical: float, slack: float, spectral: tuple[float, float, float]
) -> tuple[bool | None, str]:
    """Whether |A_bar^k| stays bounded up to rounding, and the sentence that says why."""
    from .discretization import rule

    parameter = rule(method, alpha, "discretization")[1]
    if numerical <= slack and (parameter is None or parameter >= 0.5):
        return True, f"Stable: the numerical abscissa is not positive, and {method} keeps |A_bar| <= 1."
    radius, error, certain = spectral
    if certain > 1 + UNIT:
        return False, f"Unstable: the spectral radius of A_bar is {radius:.10g}; take a smaller dt or an implicit rule."
    if radius + error <= 1 + UNIT:
        return True, f"Stable: the spectral radius of A_bar is {radius:.10g}."
    return None, f"Not decided in float64: the spectral radius of A_bar is {radius:.10g} with uncertainty {error:.1e}."


def _form(system: Any, condition: float) -> tuple[bool, bool, str]:
    """Whether pairs are or can be stored, whether a diagonal form is usable, and the sentence that says so."""
    pairs = getattr(system, "pairs", None)
    if isinstance(system, Diagonal):
        if pairs is not None:
            return True, True, "Diagonal, stored by conjugate pairs."
        if not np.iscomplexobj(system.Lambda):
            return False, True, "Diagonal with real modes."
        closed = _closed_under_conjugation(system)
        return closed, True, "Diagonal; " + ("conjugate_pairs would halve it." if closed else "not a real system.")
    real = pairs is not None or system.dtype.kind == "f"
    usable = condition * system.n_states * UNIT < 1e-8
    digits = f"diagonalizing has condition {condition:.2g}"
    verdict = "and is safe" if usable else "which leaves fewer than eight digits: keep the matrix or use the NPLR form"
    stored = "Real, stored by conjugate pairs" if pairs is not None else "Real" if real else "Complex"
    return real, usable, f"{stored}; {digits}, {verdict}."


def _closed_under_conjugation(system: Diagonal) -> bool:
    modes = [a.reshape(-1, a.shape[-1]) for a in np.broadcast_arrays(system.Lambda, system.B * system.C)]
    rows, mirrored = np.stack(modes, -1), np.stack(modes, -1).conj()
    return all(
        sorted(a.tolist(), key=_key) == sorted(b.tolist(), key=_key) for a, b in zip(rows, mirrored, strict=True)
    )


def _key(row: list) -> list[float]:
    return [part for z in row for part in (z.real, z.imag)]


def _circle(unit: NodePoleDistance, half: NodePoleDistance) -> str:
    lost = np.log10(max(half.value, UNIT) / max(unit.value, UNIT))
    if lost < 1:
        return "Algorithm 1 would be as safe on |omega| = 1 as on r^L = 1/2."
    return f"Algorithm 1 would lose {lost:.0f} digits on |omega| = 1 that r^L = 1/2 keeps."


def _departure(matrix: np.ndarray) -> float:
    from .conditioning import henrici_departure

    return float(henrici_departure(matrix))


def _peak(steps: np.ndarray, stable: bool | None, contracts: bool) -> float:
    """The largest |A_bar^k| found; infinite for unstable steps."""
    from .transients import transient_growth

    if contracts or stable is False:
        return 1.0 if contracts else np.inf
    return max(float(transient_growth(step, discrete=True, with_kreiss=False)) for step in steps)


def _rule(system: Any) -> str:
    """The discretization to prefer, with the reason."""
    if isinstance(system, DPLR):
        return "bilinear: keeps stability and the O(N) structure, which an exponential has not; error O(dt^2)."
    return "zoh: keeps stability and is exact for input that is held between samples."


def _dtype(predicted: dict[str, float], rtol: float) -> str:
    """The narrowest dtype whose predicted error is within rtol."""
    for name, error in predicted.items():
        if error <= rtol:
            return f"{name}: its predicted error {error:.1e} is within {rtol:.0e}."
    if not predicted:
        return "none: there is no kernel to compute."
    return f"float64, which misses {rtol:.0e}: predicted error {predicted['float64']:.1e}; ball arithmetic reaches it."


def _recommended(system: Any, L: int, dt: Any, discretization: str, alpha: float | None) -> tuple[str | None, str, Any]:
    """What `convolution_kernel` chooses, why, and the kernel."""
    from .convolution_kernel import convolution_kernel

    with _arrays.unwarned():
        try:
            K, info = convolution_kernel(system, L, dt, discretization, alpha, return_info=True)
        except ValueError as error:
            return None, f"No method: {error}", None
    why = f"{info.why[:1].upper()}{info.why[1:]}."
    return info.method, why, K
