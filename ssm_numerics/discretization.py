"""Discretization of continuous systems: Euler, backward Euler, bilinear, the whole GBT family, ZOH and FOH.

With step dt, x_k = A_bar x_{k-1} + B_bar u_k. The generalized bilinear transform with parameter alpha is

    A_bar = (I - alpha dt A)^-1 (I + (1 - alpha) dt A),    B_bar = (I - alpha dt A)^-1 dt B,

with alpha = 0 Euler, 1/2 bilinear, 1 backward Euler. Zero-order hold (ZOH) is exact where u is constant between
samples, first-order hold (FOH) where it is linear; FOH also needs the previous sample, and its B_bar_previous.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _arrays, _device, _pairs
from ._device_discretization import discretize_low_rank_on_device, discretize_on_device
from ._exponential import holds, phi_1, phi_2_and_rest
from ._increments import Power, identity_like, smaller_form, zero_side
from ._solves import solve, solve_any
from .state_space import DPLR, Diagonal, DiscreteDiagonal, DiscreteDPLR, DiscreteStateSpace, StateSpace
from .structured import (
    LARGEST_CHECKED_ORDER,
    DiscreteStructuredStateSpace,
    StructuredStateSpace,
    steps_in_linear_time,
)

GBT_ALPHA = {"euler": 0.0, "backward_euler": 1.0, "bilinear": 0.5, "gbt": None}
"""The one-parameter family; "gbt" takes its parameter from `alpha`."""

METHODS = (*GBT_ALPHA, "zoh", "foh")
ALIASES = {"backward_diff": "backward_euler"}

REFINEMENTS = 2
"""Steps of iterative refinement of B_bar: Woodbury's formula alone loses alpha dt |P Q| where Lambda is near zero."""


def rule(method: Any, alpha: Any = None, name: str = "method") -> tuple[str, float | None]:
    """The name of a discretization and its GBT parameter (None for ZOH and FOH), checked."""
    method = _arrays.choice(name, ALIASES.get(method, method) if isinstance(method, str) else method, METHODS)
    if method == "gbt":
        if alpha is None:
            _arrays.fail("alpha", f"be a number in [0, 1] when `{name}` is 'gbt'", "it is None")
        return method, _arrays.real_number("alpha", alpha, least=0.0, most=1.0)
    if alpha is not None:
        _arrays.fail(
            "alpha", f"be None unless `{name}` is 'gbt'", f"`{name}` is {method!r} and alpha is {_arrays.shown(alpha)}"
        )
    return method, GBT_ALPHA.get(method)


def discretize(
    system: StateSpace | Diagonal | DPLR | StructuredStateSpace,
    dt: Any,
    method: str = "bilinear",
    alpha: float | None = None,
    backend: str = "cpu",
) -> DiscreteStateSpace | DiscreteDiagonal | DiscreteDPLR | DiscreteStructuredStateSpace:
    """Discretize a continuous system with step `dt`.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR, or the system of a HiPPO operator
    dt : float or array_like, shape (...), time
        Positive steps, one or one per head; they broadcast with the system's leading axes.
    method : {"euler", "backward_euler", "bilinear", "gbt", "zoh", "foh"}
        "backward_diff", SciPy's word, is accepted for "backward_euler".
    alpha : float in [0, 1], only for "gbt"
    backend : {"cpu", "cuda"}
        Where to compute: "cuda" takes diagonal and DPLR systems under GBT rules (:doc:`cuda`).

    Returns
    -------
    DiscreteStateSpace, DiscreteDiagonal, DiscreteDPLR or DiscreteStructuredStateSpace
        The same structure and storage. A DPLR system keeps it under every GBT rule; its exponential has no low-rank
        form,
        so ZOH and FOH return the dense system in the basis of `system.to_dense()`. The system of a HiPPO operator keeps
        its O(N) form under GBT rules (alpha >= 1/2, or N > 512). C and D are unchanged.

    Raises
    ------
    ValueError, TypeError
        For a step that is not positive, an unknown rule, or a step that makes I - alpha dt A singular.

    Warns
    -----
    UnstableDiscretizationWarning
        If alpha < 1/2 and the spectral radius of A_bar exceeds one by more than its rounding error (dense and DPLR
        systems are checked up to order 512).

    Notes
    -----
    *Accuracy*: diagonal systems to 4 eps per entry under GBT rules (A_bar relative to 1 + |A_bar|), and to
    4 (1 + |dt Lambda|) eps under the holds: e^z and (e^z - 1)/z cancel nothing, but dt Lambda has been rounded. Dense
    GBT is one backward-stable solve, by substitution if A is triangular; dense ZOH and FOH come from the exponential of
    an augmented matrix, so A may be singular. Where A_bar is near the identity its increment A_bar - I is kept as well,
    head by head.
    *Cost*: O(N) diagonal, O(N r^2) DPLR, O(N^3) dense, per head.

    References
    ----------
    [S4] section 2.2 and Appendix C.2 (DPLR); Zhang, Chen & Chen, "Performance recovery in digital implementation of
    analogue systems" (GBT, 2007).

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> system = ssm.Diagonal([-1.0], [1.0], [1.0])
    >>> ssm.discretize(system, 0.5, "backward_euler").A_bar.round(4)
    array([0.6667])
    """
    if not isinstance(system, (StateSpace, Diagonal, DPLR, StructuredStateSpace)):
        found = f"it is {type(system).__name__}"
        _arrays.fail("system", "be a continuous StateSpace, Diagonal or DPLR system", found, TypeError)
    method, alpha = rule(method, alpha)
    step = _arrays.steps(dt)
    _arrays.batch(dt=step.shape, system=system.batch_shape)
    _require_range(step, _arrays.real_dtype(system.dtype))
    if isinstance(system, StructuredStateSpace) and alpha is not None and steps_in_linear_time(system, alpha):
        return DiscreteStructuredStateSpace(system.operator, alpha, system.C, system.D, step)
    if isinstance(system, StructuredStateSpace) or (isinstance(system, DPLR) and alpha is None):
        system = system.to_dense()
    there = _device.on_device(backend)
    if there and (alpha is None or not isinstance(system, (Diagonal, DPLR))):
        rule_found = f"the system is {type(system).__name__} and the rule {method!r}"
        _arrays.fail(
            "backend", "be cpu unless the system is diagonal or DPLR and the rule one of the GBT family", rule_found
        )
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        discrete = _discretize(system, step.astype(_arrays.real_dtype(system.dtype)), method, alpha, "dt", there)
    if alpha is not None and alpha < 0.5:
        _warn_if_unstable(discrete, method)
    return discrete


def exact_steps(system: StateSpace | Diagonal, dt: np.ndarray, hold: str) -> Any:
    """ZOH or FOH for steps between times `t`; they may be zero: a step of length zero changes nothing."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        return _discretize(system, dt, hold, None, "t")


def _discretize(
    system: Any, dt: np.ndarray, method: str, alpha: float | None, name: str = "dt", there: bool = False
) -> Any:
    kept = {"C": system.C, "D": system.D, "dt": np.array(dt, np.float64)}
    if isinstance(system, StateSpace):
        transition, *inputs = _dense_holds(system, dt, method) if alpha is None else _dense_gbt(system, dt, alpha)
        _require_finite(name, dt, transition.matrix, *inputs)
        increment = transition.increment() if transition.keep.any() else None
        B_bar, previous = (np.ascontiguousarray(b) for b in inputs) if len(inputs) > 1 else (inputs[0].copy(), None)
        made = {"A_bar": transition.plain(), "B_bar": B_bar, "B_bar_previous": previous, "increment": increment}
        return DiscreteStateSpace.of_checked(**made, **kept)
    kept["conjugate_pairs"] = system.conjugate_pairs
    if isinstance(system, Diagonal):
        gbt = discretize_on_device if there else _diagonal_gbt
        steps = _diagonal_holds(system, dt, method) if alpha is None else gbt(system, dt, alpha)
        Lambda_bar, increment, B_bar, *rest = steps
        _require_finite(name, dt, *steps)
        made = {"Lambda_bar": Lambda_bar, "B_bar": B_bar, "increment": increment}
        return DiscreteDiagonal.of_checked(**made, B_bar_previous=rest[0] if rest else None, **kept)
    assert alpha is not None  # an exponential has no low-rank form: discretize makes the system dense before
    steps = discretize_low_rank_on_device(system, dt, alpha, REFINEMENTS) if there else _dplr_gbt(system, dt, alpha)
    Lambda_bar, increment, P_bar, Q_bar, B_bar = steps
    _require_finite(name, dt, Lambda_bar, increment, P_bar, Q_bar, B_bar)
    made = {"Lambda_bar": Lambda_bar, "increment": increment, "P_bar": P_bar, "Q_bar": Q_bar, "B_bar": B_bar}
    return DiscreteDPLR.of_checked(**made, **kept)


def _dense_gbt(system: StateSpace, dt: np.ndarray, alpha: float) -> tuple[Power, np.ndarray]:
    """A_bar - I = (I - alpha dt A)^-1 dt A; where A_bar itself is smaller, it is solved for instead."""
    real = system.C.real.dtype.type
    hA, hB = dt[..., None, None] * system.A, dt[..., None] * system.B
    if alpha == 0:
        return smaller_form(hA), hB
    eye = identity_like(hA)
    implicit = eye - real(alpha) * hA
    side, right = zero_side(implicit), hA
    if side:  # the diagonal of the increment is known before the rest, and so is which form will be smaller
        diagonal = np.diagonal(hA, axis1=-2, axis2=-1)
        trace = np.sum(diagonal / (1 - real(alpha) * diagonal), axis=-1).real
        keep = (trace >= -system.n_states / 2).astype(real)[..., None, None]
        right = hA if keep.all() else np.where(keep, hA, eye + real(1 - alpha) * hA)
    if hA.shape[:-2] == hB.shape[:-1]:  # one factorization for both
        solved = solve(implicit, np.concatenate([right, hB[..., None]], axis=-1), side, 1)
        found, B_bar = np.ascontiguousarray(solved[..., :-1]), solved[..., -1]
    else:
        found, B_bar = solve(implicit, right, side, 0), solve(implicit, hB[..., None], side, 1)[..., 0]
    if side:
        return Power(found, keep), B_bar
    transition = smaller_form(found)
    plain = ~transition.keep[..., 0, 0].astype(bool)
    if plain.any():
        transition.matrix[plain] = solve(implicit[plain], eye + real(1 - alpha) * hA[plain], side, 0)
    return transition, B_bar


def _dense_holds(system: StateSpace, dt: np.ndarray, method: str) -> tuple[Any, ...]:
    transition, first, second = holds(dt[..., None, None] * system.A, system.B, with_ramp=method == "foh")
    h = dt[..., None]
    return (transition, h * first) if second is None else (transition, h * second, h * (first - second))


def _diagonal_gbt(system: Diagonal, dt: np.ndarray, alpha: float) -> tuple[np.ndarray, ...]:
    real = system.C.real.dtype.type
    z = dt[..., None] * system.Lambda
    implicit = 1 / (1 - real(alpha) * z)
    return (1 + real(1 - alpha) * z) * implicit, z * implicit, dt[..., None] * system.B * implicit


def _diagonal_holds(system: Diagonal, dt: np.ndarray, method: str) -> tuple[np.ndarray, ...]:
    z, hB = dt[..., None] * system.Lambda, dt[..., None] * system.B
    weights = (phi_1(z),) if method == "zoh" else phi_2_and_rest(z)
    return (np.exp(z), np.expm1(z), *(hB * weight for weight in weights))


def _dplr_gbt(system: DPLR, dt: np.ndarray, alpha: float) -> tuple[np.ndarray, ...]:
    """A_bar = diag(z) - P_bar Q_bar*, by Woodbury on I - alpha dt (diag(Lambda) - P Q*), alpha = 0 included."""
    real = system.C.real.dtype.type
    h = dt[..., None]
    z = h * system.Lambda
    implicit = 1 / (1 - real(alpha) * z)
    Lambda_bar = (1 + real(1 - alpha) * z) * implicit
    weighted = (system.weights.astype(real)[:, None] * system.Q).conj()
    rows = np.swapaxes(weighted * implicit[..., None], -1, -2)
    scale = real(alpha) * dt[..., None, None]
    capacitance = np.eye(system.P.shape[-1], dtype=system.P.dtype) + scale * (rows @ system.P)
    capacitance = _pairs.real_part(capacitance, system.pairs)
    P_bar = h[..., None] * implicit[..., None] * np.swapaxes(solve_any(capacitance.mT, system.P.mT), -1, -2)

    def advance(b: np.ndarray) -> np.ndarray:
        """(I - alpha dt A)^-1 dt b."""
        drive = _pairs.real_part(rows @ b[..., None], system.pairs)
        return h * implicit * b - (scale * (P_bar @ drive))[..., 0]

    B_bar = advance(system.B)
    for _ in range(REFINEMENTS):
        coupled = system.P @ _pairs.real_part(weighted.mT @ B_bar[..., None], system.pairs)
        B_bar = B_bar + advance(system.B - (B_bar / h - real(alpha) * (system.Lambda * B_bar - coupled[..., 0])))
    return Lambda_bar, z * implicit, P_bar, implicit.conj()[..., None] * system.Q, B_bar


def _require_range(dt: np.ndarray, dtype: np.dtype) -> None:
    """Steps that single precision would turn into zero or infinity are refused."""
    narrow = np.finfo(dtype)
    if not (dt.min() >= narrow.smallest_subnormal and dt.max() <= narrow.max):
        found = f"it ranges from {dt.min():.3g} to {dt.max():.3g}"
        _arrays.fail("dt", f"lie in the range of the system's {narrow.dtype} arithmetic", found)


def _require_finite(name: str, dt: np.ndarray, *parts: np.ndarray) -> None:
    if not all(map(_arrays.all_finite, parts)):
        found = f"the discretization overflows or is singular for a step between {dt.min():.3g} and {dt.max():.3g}"
        _arrays.fail(name, "keep dt A and the discretized matrices finite", found)


def _warn_if_unstable(discrete: Any, method: str) -> None:
    if not isinstance(discrete, DiscreteDiagonal) and discrete.n_states > LARGEST_CHECKED_ORDER:
        return
    radius = float(np.abs(discrete.poles()).max())
    norm = 1.0 if isinstance(discrete, DiscreteDiagonal) else np.abs(discrete.to_dense().A_bar).sum(axis=-1).max()
    if radius > 1 + discrete.n_states * np.finfo(discrete.dtype).eps * norm:
        text = f"{method} is unstable here: the spectral radius of A_bar is {radius:.6g}"
        text += "; reduce `dt`, or use bilinear or zoh."
        _arrays.warn(text, _arrays.UnstableDiscretizationWarning)
