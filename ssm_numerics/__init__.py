"""Numerical analysis of structured state space models (S4 and its family): definitions, kernels, views, diagnostics.

Importing the package loads NumPy only; SciPy, Numba, matplotlib and python-flint are loaded by the first call that
needs them. `certified`, `conventions`, `interop`, `lemma` and `testing` are submodules, loaded at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._arrays import ConditioningWarning, UnstableDiscretizationWarning
from ._circle import node_pole_distance, truncation_condition
from ._condition_report import condition_report
from ._device import cuda_info
from ._spectrum import spectrum
from .conditioning import eigenvector_condition, henrici_departure, numerical_abscissa, spectral_abscissa
from .continuous import impulse_response, respond
from .convolution import convolve
from .convolution_kernel import convolution_kernel
from .diagonal_init import diagonal_init
from .diagonalization import diagonalize
from .discretization import discretize
from .field_of_values import numerical_range
from .fitting import fit_kernel, kernel_order
from .hippo import hippo
from .kernel_errors import error_amplification
from .matrix_conditions import cauchy_condition, krylov_condition, vandermonde_condition
from .model_reduction import balanced_truncation, gramians, h2_norm, hankel_singular_values
from .nplr import nplr
from .online_compression import compress
from .products import cauchy_product, vandermonde_product
from .pseudospectra import pseudospectral_abscissa, pseudospectral_radius, pseudospectrum
from .readout import ReadoutFitter, fit_readout
from .realization import realize_kernel
from .recurrence import simulate
from .selective import selective_scan
from .stability import largest_stable_step, stability_region
from .state_space import (
    DPLR,
    Diagonal,
    DiscreteDiagonal,
    DiscreteDPLR,
    DiscreteStateSpace,
    StateSpace,
)
from .streaming import Stream
from .transients import kreiss_constant, transient_growth
from .versions import show_versions

if TYPE_CHECKING:
    from . import certified, conventions, interop, lemma, testing

__version__ = "0.1.0"

_SUBMODULES = ("certified", "conventions", "interop", "lemma", "testing")

__all__ = [
    "DPLR",
    "ConditioningWarning",
    "Diagonal",
    "DiscreteDPLR",
    "DiscreteDiagonal",
    "DiscreteStateSpace",
    "ReadoutFitter",
    "StateSpace",
    "Stream",
    "UnstableDiscretizationWarning",
    "balanced_truncation",
    "cauchy_condition",
    "cauchy_product",
    "certified",
    "compress",
    "condition_report",
    "conventions",
    "convolution_kernel",
    "convolve",
    "cuda_info",
    "diagonal_init",
    "diagonalize",
    "discretize",
    "eigenvector_condition",
    "error_amplification",
    "fit_kernel",
    "fit_readout",
    "gramians",
    "h2_norm",
    "hankel_singular_values",
    "henrici_departure",
    "hippo",
    "impulse_response",
    "interop",
    "kernel_order",
    "kreiss_constant",
    "krylov_condition",
    "largest_stable_step",
    "lemma",
    "node_pole_distance",
    "nplr",
    "numerical_abscissa",
    "numerical_range",
    "pseudospectral_abscissa",
    "pseudospectral_radius",
    "pseudospectrum",
    "realize_kernel",
    "respond",
    "selective_scan",
    "show_versions",
    "simulate",
    "spectral_abscissa",
    "spectrum",
    "stability_region",
    "testing",
    "transient_growth",
    "truncation_condition",
    "vandermonde_condition",
    "vandermonde_product",
]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
