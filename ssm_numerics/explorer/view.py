"""The numbers behind the explorer's page: one choice of family, size, step, rule and method, and all that follows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import certified
from .._condition_report import ConditionReport, condition_report
from .._spectrum import FAMILIES, INITIALIZATIONS, Spectrum, spectrum
from ..convolution_kernel import METHODS, KernelInfo, convolution_kernel
from ..diagonal_init import diagonal_init
from ..discretization import METHODS as RULES
from ..hippo import hippo
from ..nplr import nplr
from ..stability import StabilityRegion, stability_region

SOURCES = (*FAMILIES, *INITIALIZATIONS)
DISCRETIZATIONS = tuple(RULES)
KERNEL_METHODS = ("auto", *METHODS)
REFUSALS = (ValueError, TypeError, ArithmeticError, ImportError)
"""What the package raises, with one sentence, when a request makes no sense or cannot be met."""


@dataclass(frozen=True)
class Settings:
    """What the controls of the page say; `alpha` counts for the rule "gbt" only."""

    source: str = "legs"
    N: int = 32
    dt: float = 0.01
    L: int = 512
    discretization: str = "bilinear"
    alpha: float = 0.7
    method: str = "auto"


@dataclass(frozen=True)
class View:
    """What there is to see of one choice: each part, or None where the package refuses it, with its `messages`.

    `error` is |K - reference| / max |reference| and `resolution` what the reference is certain to, on the same scale.
    """

    spectrum: Spectrum | None
    region: StabilityRegion | None
    poles: np.ndarray | None
    K: np.ndarray | None
    info: KernelInfo | None
    error: np.ndarray | None
    resolution: float | None
    report: ConditionReport | None
    messages: tuple[str, ...]


def look(settings: Settings) -> View:
    """Everything the page shows of one choice; what cannot be had becomes a sentence.

    Examples
    --------
    >>> view = look(Settings("lmu", N=4, L=16, method="cauchy"))
    >>> view.K is None, len(view.messages)
    (True, 1)
    >>> bool(look(Settings("legs", N=4, L=16)).error.max() < 1e-14)
    True
    """
    messages: list[str] = []

    def attempt(part: Callable[..., Any], *needed: Any, **options: Any) -> Any:
        """What a part returns, or None with a message; None, too, if something it needs is not there."""
        if any(each is None for each in needed):
            return None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                return part(*needed, **options)
            except REFUSALS as refusal:
                messages.append(str(refusal))
                return None
            finally:
                messages.extend(str(each.message) for each in caught)

    alpha = settings.alpha if settings.discretization == "gbt" else None
    step = {"dt": settings.dt, "L": settings.L, "discretization": settings.discretization, "alpha": alpha}
    chosen = attempt(system, settings.source, settings.N)
    found = attempt(spectrum, settings.source, N=settings.N)
    region = attempt(stability_region, settings.discretization, alpha=alpha)
    kernel = attempt(convolution_kernel, chosen, **step, method=settings.method, return_info=True)
    reference = attempt(certified.convolution_kernel, chosen, **step)
    K, info = kernel or (None, None)
    return View(
        spectrum=found,
        region=region,
        poles=None if found is None or region is None else region.amplification(settings.dt * found.eigenvalues),
        K=K,
        info=info,
        **compare(K, reference),
        report=attempt(condition_report, chosen, **step),
        messages=tuple(dict.fromkeys(messages)),
    )


def system(source: str, N: int) -> Any:
    """The system of a family: its unitary normal plus low-rank form if it has one, else dense; C = (1, ..., 1)."""
    if source in INITIALIZATIONS:
        return diagonal_init(source, N)
    op = hippo(source, N)
    try:
        return nplr(op).to_dplr(np.ones(N))
    except ValueError:  # lmu has none
        return op.state_space(np.ones(N))


def compare(K: np.ndarray | None, reference: certified.Certified | None) -> dict[str, Any]:
    """The error of a kernel and the certainty of its reference, relative to the largest entry."""
    if K is None or reference is None:
        return {"error": None, "resolution": None}
    size = float(np.abs(reference.mid).max()) or 1.0
    return {"error": np.abs(K - reference.mid) / size, "resolution": float(np.max(reference.rad)) / size}
