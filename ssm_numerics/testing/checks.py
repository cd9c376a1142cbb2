"""Checks of someone else's kernel, recurrence and discretization, given as a callable.

The callable gets NumPy arrays (or what `convert` makes of them: `convert=torch.as_tensor`, `convert=jnp.asarray`) and
returns anything that `np.asarray` can read. It is called with, by `system`,

    "diagonal", "diagonal_pairs"   Lambda (n,), B (n,), C (n,)                      complex
    "dplr", "dplr_pairs"           Lambda (n,), P (n, r), Q (n, r), B (n,), C (n,)  complex, A = diag(Lambda) - P Q*
    "dense"                        A (n, n), B (n,), C (n,)                         real

and then what the check adds. Under "_pairs" every given mode stands for itself and its conjugate partner and the output
is real, 2 Re; otherwise sums are plain and complex.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from .. import _arrays
from ..discretization import rule
from . import _faults
from ._causes import Trial
from ._judge import Parts, Subject, judge
from ._looks import LOOKS
from ._probes import REGIMES, Case, check_system, probes
from ._recipes import Recipe, kernel, one_step, response
from ._references import kernel_truth, response_truth, step_truth
from ._report import Report


def check_kernel(
    fn: Callable[..., Any],
    system: str = "diagonal_pairs",
    discretization: str = "bilinear",
    alpha: float | None = None,
    *,
    regimes: tuple[str, ...] = REGIMES,
    cases: int = 40,
    seed: int = 0,
    convert: Callable[[np.ndarray], Any] | None = None,
) -> Report:
    """Check an implementation of the convolution kernel K_l = C A_bar^l B_bar, l < L.

    Parameters
    ----------
    fn : callable
        ``fn(Lambda, B, C, dt, L)``, ``fn(Lambda, P, Q, B, C, dt, L)`` or ``fn(A, B, C, dt, L)``, by `system`; `dt` is a
        float and `L` an int. It returns K of shape (L,), without D.
    system : {"diagonal_pairs", "diagonal", "dplr_pairs", "dplr", "dense"}
    discretization : {"bilinear", "zoh", "backward_euler", "euler", "gbt", "foh"}
    alpha : float in [0, 1], only for "gbt"
    regimes : subset of ("stable", "marginal", "stiff", "init")
        Which systems are tried: leave "marginal" out for an implementation that does not promise undamped modes.
    cases, seed : int
        How many systems are tried, and the seed that draws them; the first `cases` of a seed are always the same.
    convert : callable, optional
        Applied to every array before the call, such as ``torch.as_tensor``.

    Returns
    -------
    Report

    Raises
    ------
    ValueError, TypeError
        For an unknown word; what `fn` raises is reported, not raised.

    Notes
    -----
    *Accuracy*: the bound of a case is 4 (n + 8)(1 + dt ||A||) max_l sum_j ||C A_bar^{l-j}|| ||A_bar^j B_bar|| eps, the
    eps of the dtype that `fn` returns: backward-stable steps in any order keep it. The reference is `certified` where
    python-flint is installed, and `convolution_kernel` where it is not. Inputs are exact in single precision.
    *Cost*: `cases` calls of `fn`, with n <= 8 modes and L <= 64, and two with L = 4096 unless the rule may be unstable.

    Examples
    --------
    >>> import numpy as np
    >>> from ssm_numerics import testing
    >>> def kernel(Lambda, B, C, dt, L):
    ...     z, B_bar = (1 + dt * Lambda / 2) / (1 - dt * Lambda / 2), dt * B / (1 - dt * Lambda / 2)
    ...     return (C * B_bar * z ** np.arange(L)[:, None]).sum(axis=1).real
    >>> report = testing.check_kernel(kernel)
    >>> report.causes
    ('factor_2_missing', 'stored_modes_only')
    """
    subject = kernel_subject(system, discretization, alpha)
    _, number = rule(discretization, alpha, "discretization")
    decays = number is None or number >= 0.5  # a rule that may be unstable overflows in a long kernel
    return judge(subject, fn, probes(system, cases, seed, regimes, decays), convert)


def check_recurrence(
    fn: Callable[..., Any],
    system: str = "diagonal_pairs",
    discretization: str = "bilinear",
    alpha: float | None = None,
    *,
    regimes: tuple[str, ...] = REGIMES,
    cases: int = 40,
    seed: int = 0,
    convert: Callable[[np.ndarray], Any] | None = None,
) -> Report:
    """Check an implementation of x_k = A_bar x_{k-1} + B_bar u_k, y_k = C x_k + D u_k from the state zero.

    Parameters
    ----------
    fn : callable
        ``fn(Lambda, B, C, D, dt, u)``, ``fn(Lambda, P, Q, B, C, D, dt, u)`` or ``fn(A, B, C, D, dt, u)``; `D` and `dt`
        are floats, `u` has shape (T,). It returns y of shape (T,).
    system, discretization, alpha, regimes, cases, seed, convert
        As in `check_kernel`.

    Returns
    -------
    Report

    Notes
    -----
    *Accuracy*: the bound of the kernel times sum |u|, and 4 eps |D| max |u|. *Cost*: as `check_kernel`, T <= 64.

    Examples
    --------
    >>> import numpy as np
    >>> from ssm_numerics import testing
    >>> def scan(Lambda, B, C, D, dt, u):
    ...     z, x, y = (1 + dt * Lambda / 2) / (1 - dt * Lambda / 2), 0, []
    ...     for sample in u:
    ...         y.append(2 * (C @ x).real + D * sample if len(y) else D * sample)
    ...         x = z * x + dt * B / (1 - dt * Lambda / 2) * sample
    ...     return np.array(y)
    >>> testing.check_recurrence(scan).causes
    ('one_sample_late',)
    """
    subject = recurrence_subject(system, discretization, alpha)
    return judge(subject, fn, probes(system, cases, seed, regimes), convert)


def check_discretization(
    fn: Callable[..., Any],
    system: str = "dense",
    discretization: str = "bilinear",
    alpha: float | None = None,
    *,
    output: bool = False,
    regimes: tuple[str, ...] = REGIMES,
    cases: int = 40,
    seed: int = 0,
    convert: Callable[[np.ndarray], Any] | None = None,
) -> Report:
    """Check an implementation of A_bar and B_bar.

    Parameters
    ----------
    fn : callable
        ``fn(A, B, dt)`` for "dense", ``fn(Lambda, B, dt)`` for "diagonal", ``fn(Lambda, P, Q, B, dt)`` for "dplr". It
        returns (A_bar, B_bar): A_bar of shape (n, n), or its diagonal (n,) for "diagonal"; B_bar of shape (n,).
    system : {"dense", "diagonal", "dplr"}
    output : bool
        True: ``fn(…, B, C, D, dt)`` returns (A_bar, B_bar, C, D), so that a rule that changes C and D is seen.
    discretization, alpha, regimes, cases, seed, convert
        As in `check_kernel`, without "foh".

    Returns
    -------
    Report

    Notes
    -----
    *Accuracy*: 4 (n + 8)(1 + dt ||A||) eps max(1, ||A_bar||) for A_bar, and times ||B_bar|| for B_bar. A third of the
    steps are short, down to dt ||A|| = 1e-8, where (e^z - 1)/z cancels.

    Examples
    --------
    >>> import numpy as np
    >>> from ssm_numerics import testing
    >>> def mamba(Lambda, B, dt):
    ...     return np.exp(dt * Lambda), dt * B
    >>> testing.check_discretization(mamba, "diagonal", "zoh").cause
    "B_bar = dt B, Mamba's simplification, in place of the rule's."
    """
    word, number = rule(discretization, alpha, "discretization")
    check_system(system, ("dense", "diagonal", "dplr"))
    if word == "foh":
        _arrays.fail("discretization", "be a rule with one B_bar", "it is 'foh'")
    output = _arrays.flag("output", output)
    truth = partial(step_truth, output)
    arguments = partial(_rule_arguments, output)

    def foretold(case: Case, recipe: Recipe) -> Parts:
        return one_step(case, recipe)[: 4 if output else 2]

    subject = _subject("check_discretization", system, word, number, truth, foretold, arguments)
    tried = probes(system, cases, seed, regimes)
    return judge(subject, fn, shortened(tried), convert)


def kernel_subject(system: str, discretization: str, alpha: float | None) -> Subject:
    """What `check_kernel` compares."""
    word, number = rule(discretization, alpha, "discretization")
    return _subject("check_kernel", check_system(system), word, number, kernel_truth, kernel, _step_arguments)


def recurrence_subject(system: str, discretization: str, alpha: float | None) -> Subject:
    """What `check_recurrence` compares."""
    word, number = rule(discretization, alpha, "discretization")
    return _subject("check_recurrence", check_system(system), word, number, response_truth, response, _signal_arguments)


def _subject(
    check: str, system: str, word: str, alpha: float | None, truth: Any, predict: Any, arguments: Any
) -> Subject:
    recipe = Recipe(rule=word, alpha=alpha if word == "gbt" else None)

    def foretold(trial: Trial, changed: Recipe) -> Parts:
        result = predict(trial.case, changed)
        return result if isinstance(result, tuple) else (result,)

    faults = (*_faults.ARRAYS, *_faults.STEP, *_faults.other_rules(word, alpha), *_faults.SAMPLES)
    faults = (*faults, *(_faults.DIRECT if check == "check_recurrence" else ()))
    title = f"{check}({system}, {word}{f' {alpha:g}' if word == 'gbt' else ''})"
    hides = {"check_kernel": ("D", "u"), "check_discretization": ("D", "C", "u", "L")}.get(check, ())
    return Subject(title, arguments, lambda case: truth(case, recipe), foretold, faults, LOOKS, recipe, hides=hides)


def _step_arguments(case: Case) -> tuple:
    return (*(array for name, array in case.arrays.items() if name != "D"), case.dt, case.L)


def _signal_arguments(case: Case) -> tuple:
    return (*(array for name, array in case.arrays.items() if name != "D"), float(case.arrays["D"]), case.dt, case.u)


def _rule_arguments(output: bool, case: Case) -> tuple:
    names = [name for name in case.arrays if name not in "CD"]
    C_and_D = (case.arrays["C"], float(case.arrays["D"])) if output else ()
    return (*(case.arrays[name] for name in names), *C_and_D, case.dt)


@lru_cache(maxsize=64)
def shortened(cases: tuple[Case, ...]) -> tuple[Case, ...]:
    """The same cases, every third with a step shorter by a power of two down to 2^-27."""
    return tuple(
        replace(case, dt=case.dt * 2.0 ** -(12 + i % 16)) if i % 3 == 2 else case for i, case in enumerate(cases)
    )
