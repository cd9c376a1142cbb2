"""The check that a kernel and a step are two views of one system, and which of them is to blame if they are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ._judge import Parts, Subject, as_arrays, check_functions, judge
from ._probes import REGIMES, Case, check_system, probes
from ._references import reference
from ._report import Report
from .checks import kernel_subject, recurrence_subject


def check_equivalence(
    kernel: Callable[..., Any],
    step: Callable[..., Any],
    system: str = "diagonal_pairs",
    discretization: str = "bilinear",
    alpha: float | None = None,
    *,
    regimes: tuple[str, ...] = REGIMES,
    cases: int = 24,
    seed: int = 0,
    convert: Callable[[np.ndarray], Any] | None = None,
) -> Report:
    """Check that convolution with a kernel and a recurrence step give the same output.

    Parameters
    ----------
    kernel : callable
        As in `check_kernel`, such as ``kernel(Lambda, B, C, dt, L)``.
    step : callable
        ``step(Lambda, B, C, dt, x, u)`` (before `dt` the arrays of `system`) takes a state and one sample and returns
        (x, y). The first state is zeros of shape (n,).
    system, discretization, alpha, regimes, cases, seed, convert
        As in `check_kernel`. The two views are compared with each other; the rule serves to tell which one errs.

    Returns
    -------
    Report
        `causes` has "kernel: …" and "step: …" for the sides that differ from the reference.

    Notes
    -----
    *Accuracy*: twice the bound of the kernel times sum |u|.

    Examples
    --------
    >>> import numpy as np
    >>> from ssm_numerics import testing
    >>> def kernel(Lambda, B, C, dt, L):
    ...     z = (1 + dt * Lambda / 2) / (1 - dt * Lambda / 2)
    ...     return 2 * ((C * dt * B / (1 - dt * Lambda / 2)) @ z[:, None] ** np.arange(L)).real
    >>> def step(Lambda, B, C, dt, x, u):
    ...     z = (1 + dt * Lambda / 2) / (1 - dt * Lambda / 2)
    ...     x = z * x + dt * B / (1 - dt * Lambda / 2) * u
    ...     return x, (C @ x).real
    >>> testing.check_equivalence(kernel, step).causes
    ('step: factor_2_missing',)
    """
    check_system(system)
    check_functions(convert, kernel=kernel, step=step)
    tried = probes(system, cases, seed, regimes)
    scan = scanned(step, convert)
    of_kernel, of_scan = (make(system, discretization, alpha) for make in (kernel_subject, recurrence_subject))

    def converted(*arguments: Any) -> Any:
        return kernel(*_converted(arguments, convert))

    def truth(case: Case) -> tuple[Parts, tuple[float, ...]]:
        arguments = of_kernel.arguments(case)
        try:
            K = as_arrays(converted(*arguments))[0].reshape(case.L)
            y = np.convolve(K, case.u)[: case.L]
        except Exception:
            y = np.full(case.L, np.nan)
        size = float(np.abs(case.u).sum()) * reference(case, of_kernel.recipe)[1]
        return (y,), (2 * size,)

    def without_direct(*arguments: Any) -> Any:
        *arrays, _, dt, u = arguments
        return scan(*arrays, 0.0, dt, u)

    subject = Subject(
        f"check_equivalence({system}, {of_kernel.recipe.rule})", of_scan.arguments, truth, of_scan.foretold, (), ()
    )
    result = judge(subject, without_direct, tried)
    if result.passed:
        return result
    sides = {"kernel": judge(of_kernel, converted, tried), "step": judge(of_scan, scan, tried)}
    wrong = {name: side for name, side in sides.items() if not side.passed}
    right = [name for name in sides if name not in wrong]
    cause = " ".join(f"The {name}: {side.cause}" for name, side in wrong.items())
    cause += "".join(f" The {name} is right." for name in right)
    names = tuple(f"{name}: {side.causes[0] if side.causes else 'unknown'}" for name, side in wrong.items())
    return replace(result, cause=cause, causes=names)


def _converted(arguments: tuple, convert: Callable[[np.ndarray], Any] | None) -> tuple:
    if convert is None:
        return arguments
    return tuple(convert(value) if isinstance(value, np.ndarray) else value for value in arguments)


def scanned(step: Callable[..., Any], convert: Callable[[np.ndarray], Any] | None = None) -> Callable[..., Any]:
    """A recurrence from a step: y_k and the direct term, from the state zero."""

    def scan(*arguments: Any) -> np.ndarray:
        *arrays, D, dt, u = arguments
        x: Any = np.zeros(arrays[-1].shape, dtype=arrays[-1].dtype)
        arrays, x = list(_converted(tuple(arrays), convert)), _converted((x,), convert)[0]
        y = []
        for sample in u:
            x, output = step(*arrays, dt, x, float(sample))
            y.append(as_arrays(output)[0].reshape(()))
        return np.array(y) + np.asarray(D * u, dtype=np.result_type(*y))

    return scan
