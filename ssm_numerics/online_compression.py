"""Online compression: run a HiPPO operator over a signal, so that N numbers hold its past at every moment."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _arrays, _device
from ._device_compression import compress_on_device
from ._hippo_structure import Semiseparable
from ._increments import transition
from ._parallel import over_rows
from .discretization import discretize, rule
from .hippo import HiPPO


def compress(
    op: HiPPO,
    u: Any,
    dt: Any = None,
    discretization: str = "bilinear",
    alpha: float | None = None,
    *,
    scaled: bool = False,
    return_history: bool = False,
    axis: int = -1,
    backend: str = "cpu",
) -> Any:
    """Coefficients of the past of a signal, from which `op.reconstruct` brings it back.

    Parameters
    ----------
    op : HiPPO
    u : array_like, shape (..., T) with time along `axis`
        One signal, or many.
    dt : float, units of time
        Sampling step; the scaled operator needs none, as time scales cancel in it.
    discretization, alpha
        As in `discretize`; the scaled operator takes every GBT rule.
    scaled : bool
        Use the original time-varying LegS operator c' = (A c + B u) / t, whose memory is the whole history.
    return_history : bool
        Return the coefficients after every sample.
    axis : int
    backend : {"cpu", "cuda"}
        Where to compute, for what costs O(N) per sample; a signal on a device is computed with there (:doc:`cuda`).

    Returns
    -------
    ndarray, shape (..., N), or (..., T, N) with `return_history`
        float32 for a float32 signal (computed in float64), complex for a complex one.

    Raises
    ------
    ValueError, TypeError
        If the signal is empty or not finite, `dt` is missing, or `scaled` is asked of another family than legs.

    Notes
    -----
    Time-invariant: c_k = A_bar c_{k-1} + B_bar u_k with c_{-1} = 0. Scaled: c_0 = (u_0, 0, ...), and sample k >= 1
    takes one GBT step with A/k and B/k; u at position s/t of the history is sum_n c_n sqrt(2n+1) P_n(2 s/t - 1).

    *Cost*: O(N) per sample and signal for the semiseparable families (all but fout and foud) under GBT rules with
    alpha >= 1/2 and for the scaled operator, whose limit is the latency of one multiply-add per state (float32 would
    not be faster); else O(N^2), with A_bar from `discretize` and its warnings.
    *Accuracy*: within 4 N T u max|u| (1 + dt ||A||) of the exact recurrence for rules with alpha >= 1/2.

    References
    ----------
    Gu, Dao, Ermon, Rudra, Re: HiPPO, NeurIPS 2020, Theorem 2 and appendix B.3.

    Examples
    --------
    >>> import numpy as np
    >>> import ssm_numerics as ssm
    >>> op = ssm.hippo("legs", 4)
    >>> ssm.compress(op, np.ones(1000), scaled=True).round(6) + 0.0
    array([1., 0., 0., 0.])
    """
    if not isinstance(op, HiPPO):
        _arrays.fail("op", "be a HiPPO operator, as `hippo` returns it", f"it is {type(op).__name__}", TypeError)
    scaled, return_history = _arrays.flag("scaled", scaled), _arrays.flag("return_history", return_history)
    method, alpha = rule(discretization, alpha, "discretization")
    if _device.on_device(backend, u):
        if scaled:
            _check_scaled(op, method, alpha)
        elif not _is_cheap(op, alpha):
            asked = f"it is {discretization!r} of a {op.family} operator"
            _arrays.fail("discretization", "have O(N) steps (alpha >= 1/2, not fout or foud) on a device", asked)
        there = _device.time_last("u", u, axis)
        return compress_on_device(op, there, None if scaled else _step(dt), alpha, return_history)
    signal = _arrays.time_last("u", u, axis)
    flat = np.concatenate([signal.real, signal.imag]) if np.iscomplexobj(signal) else signal
    rows = np.ascontiguousarray(flat, dtype=np.float64).reshape(-1, signal.shape[-1])
    length = rows.shape[1] if return_history else 0
    _arrays.memory("u", 8.0 * len(rows) * op.N * max(length, 1))
    c, history = np.zeros((len(rows), op.N)), np.empty((len(rows), length, op.N))
    if scaled:
        _compress_scaled(op, rows, method, alpha, c, history)
    else:
        step = _step(dt)
        run = _compress_structured if _is_cheap(op, alpha) else _compress_dense
        run(op, rows, step, method, alpha, c, history)
    found = history if return_history else c
    if not np.isfinite(found).all():
        _arrays.fail("u", "keep the coefficients finite", "they overflow; scale the signal down or reduce `dt`")
    if np.iscomplexobj(signal):
        real, imaginary = np.split(found, 2)
        found = real + 1j * imaginary
    return found.reshape(signal.shape[:-1] + found.shape[1:]).astype(signal.dtype)


def _step(dt: Any) -> float:
    if dt is None:
        _arrays.fail("dt", "be given unless `scaled` is True", "it is None")
    return _arrays.real_number("dt", dt, above=0.0)


def _check_scaled(op: HiPPO, method: str, alpha: float | None) -> None:
    if op.family != "legs":
        _arrays.fail("scaled", "be False for every family but legs", f"the family is {op.family}")
    if alpha is None:
        _arrays.fail("discretization", "be a GBT rule where `scaled` is True", f"it is {method!r}")


def _is_cheap(op: HiPPO, alpha: float | None) -> bool:
    """Whether the O(N) step applies; rules that may be unstable go through `discretize`, which warns."""
    return isinstance(op._structure, Semiseparable) and alpha is not None and alpha >= 0.5


def _compress_structured(
    op: HiPPO, u: np.ndarray, dt: float, method: str, alpha: Any, c: np.ndarray, history: np.ndarray
) -> None:
    from .compiled import hippo_steps

    generators = op._structure.generators  # type: ignore[union-attr]
    factors, work = op._structure.factor(alpha * dt), np.empty_like(c)  # type: ignore[union-attr]

    def run(begin: int, end: int) -> None:
        hippo_steps.compress_loop(generators, factors, dt, alpha, op.B, u, c, history, work, begin, end)

    over_rows(run, len(u), 16.0 * u.size * op.N)


def _compress_dense(
    op: HiPPO, u: np.ndarray, dt: float, method: str, alpha: Any, c: np.ndarray, history: np.ndarray
) -> None:
    from .compiled import hippo_steps

    discrete: Any = discretize(op.state_space(np.zeros(op.N)), dt, method, alpha if method == "gbt" else None)
    previous = getattr(discrete, "B_bar_previous", None)
    inputs = np.stack([discrete.B_bar, np.zeros(op.N) if previous is None else previous])
    held, work = transition(discrete), np.empty_like(c)
    keep = float(held.keep[0, 0])

    def run(begin: int, end: int) -> None:
        hippo_steps.dense_loop(keep, held.matrix, inputs, u, c, history, work, begin, end)

    over_rows(run, len(u), 2.0 * u.size * op.N**2)


def _compress_scaled(op: HiPPO, u: np.ndarray, method: str, alpha: Any, c: np.ndarray, history: np.ndarray) -> None:
    from .compiled import hippo_steps

    _check_scaled(op, method, alpha)
    work = np.empty((len(u), 3, op.N))

    def run(begin: int, end: int) -> None:
        hippo_steps.compress_scaled_loop(alpha, op.B, u, c, history, work, begin, end)

    over_rows(run, len(u), 10.0 * u.size * op.N)
