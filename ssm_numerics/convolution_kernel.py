"""The convolution kernel K_l = C A_bar^l B_bar by five algorithms behind one contract, and a cost model that chooses.

Each method is an entry of `METHODS`: when it applies, what it costs, how accurate it is, and the function that runs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import _arrays, _device, _device_kernels, _kernel_costs
from ._contour import FEWEST_NODES, choose_circle, kernel_by_contour
from ._contour import is_near_linear as sums_are_near_linear
from ._generating_function import kernel_by_cauchy
from ._krylov_blocks import kernel_by_blocks
from ._nufft import is_near_linear, log_nodes, vandermonde_nufft
from ._results import plain
from ._stepping import DISCRETE, as_discrete, run
from ._vandermonde import are_bounded, power_sums, terms
from .discretization import rule
from .products import exp_nodes, gbt_nodes
from .state_space import DPLR, Diagonal, DiscreteDiagonal, DiscreteDPLR

LARGE = 2**18
"""Entries of a kernel from which a look at the modes costs less than a look at the kernel."""

CHECKED_SAMPLES = 64


@dataclass(eq=False)
class Problem:
    """What a method needs: the discrete system, the length, and the poles and steps it came from, where known."""

    discrete: Any
    length: int
    continuous: Any = None  # a Diagonal or DPLR system
    alpha: float | None = None  # its GBT parameter; None for ZOH and FOH
    rtol: float = 1e-12  # what methods of adjustable accuracy aim at
    measured: list[float] = field(default_factory=list)  # errors that methods measure as they go
    is_bounded: bool = False  # what methods find as they go: nothing can have overflowed

    @property
    def heads(self) -> int:
        """How many kernels are asked for."""
        return math.prod(self.discrete.batch_shape)

    @property
    def unit(self) -> float:
        """The unit roundoff of the working precision."""
        return float(np.finfo(self.discrete.dtype).eps) / 2


@dataclass(frozen=True)
class Method:
    """One kernel algorithm as data."""

    run: Callable[[Problem], np.ndarray]
    applies: Callable[[Problem], bool]
    needs: str
    seconds: Callable[[Problem], float]
    error: Callable[[Problem, np.ndarray], float]


@dataclass(frozen=True)
class KernelInfo:
    """How a kernel was computed, and how far it can be trusted (errors relative to max |K|).

    `a_posteriori_error` is the difference from another method, and `sensitivity` what the last bit of every entry of
    the continuous system is worth, both on the first 64 samples.

    Both are measurements, not bounds. `sensitivity` is one draw of signs: to first order a sum of the effects g_i of
    the entries, whose size is sqrt(sum g_i^2) over all draws, at most sum |g_i|, and which may cancel in any one. A
    change E of A_bar changes sample l by sum_j C A_bar^(l-1-j) E A_bar^j B_bar, so after 64 samples it may go on
    growing, in proportion to l where nothing decays. `tests/reliability/test_numerical_faults.py` finds no trusted
    kernel whose error is above 8 times the largest of the three; the 8 is what that sweep shows, and is not derived.
    """

    method: str
    why: str
    estimated_error: float
    a_posteriori_error: float
    sensitivity: float
    trusted: bool

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able form."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


def convolution_kernel(
    system: Any,
    L: int,
    dt: Any = None,
    discretization: str | None = None,
    alpha: float | None = None,
    method: str = "auto",
    return_info: bool = False,
    rtol: float = 1e-12,
    max_memory: float = _arrays.DEFAULT_MAX_MEMORY,
    backend: str = "cpu",
) -> Any:
    """The kernel K_l = C A_bar^l B_bar, l = 0, ..., L-1, of the convolutional view y = K * u + D u.

    Parameters
    ----------
    system : StateSpace, Diagonal, DPLR, or one of their discrete twins
    L : int
        Number of samples, at least 1.
    dt : float or array_like, shape (...), time
        Step, one or one per head; omitted for a discrete system.
    discretization, alpha
        As in `discretize`; "bilinear" by default.
    method : {"auto", "krylov", "krylov_blocked", "vandermonde", "cauchy", "contour"}
        "krylov": the definition, one step per sample. "krylov_blocked": two blocks of about sqrt(L) Krylov vectors by
        doubling, and one matrix product. "vandermonde": sum_n c_n z_n^l for diagonal systems. "cauchy": Algorithm 1 of
        [S4] on the circle r^L = 1/2, for DPLR and diagonal systems. "contour": the generating function on a smaller
        circle with a few times L nodes, which needs no power of A_bar.
    return_info : bool
        Return (K, info) with `info.method`, `.why`, `.estimated_error` and `.a_posteriori_error`, the latter measured
        against the definition (or, for "krylov", the blocked form) on the first 64 samples; `.sensitivity`, what a
        change of every entry of A by its last bit does there; and `.trusted`, whether all three leave half of the
        digits.
    rtol : float
        What "contour" aims at, relative to max |K|; its circle is chosen accordingly.
    max_memory : float, bytes
        Larger results are refused before anything is allocated.
    backend : {"cpu", "cuda"}
        Where to compute: "cuda" has "vandermonde", and "cauchy" up to the FFT (:doc:`cuda`).

    Returns
    -------
    K : ndarray, shape (..., L)
        Real for real systems. D is not part of K.

    Raises
    ------
    ValueError, TypeError
        For a method that does not fit the system, or a kernel that overflows.

    Notes
    -----
    *Accuracy*, relative to max |K|, u = eps/2, for LegS, LegT, LagT and FouT up to N = 128 and L = 4096 in double
    precision, dt <= 0.1: krylov and krylov_blocked 1000 u, cauchy 16 (N + 8) u where the spectral radius of A_bar is at
    most one (it is not offered by "auto" otherwise); steps so long that bilinear poles crowd at -1 cost up to 10 L u.
    vandermonde: 50 u relative to sum |C B_bar|, plus a few max|dt Lambda| L u.
    *Cost* per kernel: krylov 2 N^2 L dense and 8 N (1 + r) L structured; krylov_blocked
    2 N^3 log2 M + 2 N^2 (M + L/M) + 2 N L in matrix products; vandermonde 4 N L in matrix products; cauchy
    N L / 4 complex divisions shared by (1 + r)^2 sums and an FFT, after forming C (I - A_bar^L / 2). "auto" takes the
    least estimated time.

    References
    ----------
    [S4] Algorithm 1 and Theorem 3; [S4D] section 3.2; [LSSL] section 4.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.convolution_kernel(ssm.Diagonal([-1.0], [1.0], [1.0]), 4, 1.0, "backward_euler")
    array([0.5   , 0.25  , 0.125 , 0.0625])
    """
    length, return_info = _arrays.count("L", L), _arrays.flag("return_info", return_info)
    methods = _device_kernels.METHODS if _device.on_device(backend) else METHODS
    _arrays.choice("method", method, ("auto", *methods))
    discrete = as_discrete(system, dt, discretization, alpha)
    _arrays.real_number("max_memory", max_memory, above=0.0)
    _arrays.memory("L", 3.0 * math.prod(discrete.batch_shape) * length * discrete.dtype.itemsize, max_memory)
    poles_known = isinstance(system, (Diagonal, DPLR)) and isinstance(discrete, (DiscreteDiagonal, DiscreteDPLR))
    parameter = rule(discretization or "bilinear", alpha)[1] if poles_known else None
    _arrays.real_number("rtol", rtol, above=0.0, below=1.0)
    problem = Problem(discrete, length, system if poles_known else None, parameter, rtol)
    name, why = (method, "as asked") if method != "auto" else _choose(problem, backend)
    if not METHODS[name].applies(problem):
        needs = f"be krylov or krylov_blocked unless the system is {METHODS[name].needs}"
        _arrays.fail("method", needs, f"it is {name!r}")
    with np.errstate(all="ignore"):
        K = METHODS[name].run(problem) if backend == "cpu" else _ON_DEVICE[name](problem)
    whole = (*discrete.batch_shape, length)  # D or dt may have axes that nothing else has
    if problem.measured and not all(error < 1 for error in problem.measured):
        found = (
            f"{name} measures noise of {max(problem.measured):.2g} times the kernel, whose poles lie outside the disk"
        )
        _arrays.fail("method", "be krylov or krylov_blocked here", found)
    K = np.ascontiguousarray(K) if K.shape == whole else np.array(np.broadcast_to(K, whole), order="C")
    if not problem.is_bounded and not _arrays.all_finite(K):
        found = f"the kernel overflows within {length} samples; reduce `dt` or `L`, or use an implicit rule"
        _arrays.fail("L", "be short enough for the growth of an unstable system", found)
    if not return_info:
        return K
    a_posteriori = max(_a_posteriori(problem, name, K), *problem.measured, 0.0)
    sensitivity = _sensitivity(problem, K, system, dt, discretization, alpha)
    errors = METHODS[name].error(problem, K), a_posteriori, sensitivity
    return K, KernelInfo(name, why, *errors, max(errors) <= problem.unit**0.5)


def _krylov(problem: Problem) -> np.ndarray:
    """The definition: the response to a unit impulse, one step of the recurrence per sample."""
    impulse = np.zeros(problem.length, dtype=problem.discrete.C.real.dtype)
    impulse[0] = 1
    without_direct = problem.discrete.with_checked(D=np.zeros_like(problem.discrete.D))
    return run(without_direct, impulse, None, np.zeros(()))[0]


def _krylov_blocked(problem: Problem) -> np.ndarray:
    """Two blocks of Krylov vectors by doubling, then one matrix product."""
    return kernel_by_blocks(problem.discrete.to_dense(), problem.length)


def _vandermonde(problem: Problem) -> np.ndarray:
    """sum_n C_n B_n z_n^l; from poles and steps the nodes are known to twice the working precision."""
    discrete, source, alpha = problem.discrete, problem.continuous, problem.alpha
    z, z_low = discrete.Lambda_bar, None
    if source is not None:
        steps = (source.Lambda, discrete.dt)
        z, z_low = exp_nodes(*steps) if alpha is None else gbt_nodes(*steps, alpha)
    c, length, pairs = discrete.residues, problem.length, discrete.pairs
    if pairs is not None and is_near_linear(z, length) and c.dtype == np.complex128:
        log_z, log_low = log_nodes(z, z_low)
        return vandermonde_nufft(discrete.C * discrete.B_bar, log_z, length, pairs=pairs, log_low=log_low)
    problem.is_bounded = problem.heads * length >= LARGE and are_bounded(c, z, z_low)
    given = discrete._terms if source is None else terms(c, z, z_low)
    return power_sums(given, length, discrete.output_dtype)


def _fold_previous_tap(run_plain: Callable[[Problem], np.ndarray]) -> Callable[[Problem], np.ndarray]:
    """FOH: K_0 = C B_bar, then the kernel of the input vector A_bar B_bar + B_bar_previous, one sample late."""

    def run_with_tap(problem: Problem) -> np.ndarray:
        d = problem.discrete
        if d.B_bar_previous is None:
            return run_plain(problem)
        first = _krylov(replace(problem, length=1))
        if problem.length == 1:
            return first
        moved = d.Lambda_bar * d.B_bar if isinstance(d, DiscreteDiagonal) else (d.A_bar @ d.B_bar[..., None])[..., 0]
        late = replace(d, B_bar=moved + d.B_bar_previous, B_bar_previous=None)
        rest = run_plain(replace(problem, discrete=late, length=problem.length - 1))
        return np.concatenate([first, np.broadcast_to(rest, (*d.batch_shape, problem.length - 1))], axis=-1)

    return run_with_tap


def _error_contour(problem: Problem, K: np.ndarray) -> float:
    """Through transforms, the error does not grow with the order; direct sums add that of `cauchy`."""
    chosen = choose_circle(problem.rtol, problem.unit)
    if sums_are_near_linear(problem, max(chosen.multiple * problem.length, FEWEST_NODES)):
        return 2 * chosen.expected_error
    return chosen.expected_error + _error_of_norm(problem, K)


def _error_of_norm(problem: Problem, K: np.ndarray) -> float:
    return 16 * (problem.discrete.n_states + 8) * problem.unit


def _error_vandermonde(problem: Problem, K: np.ndarray) -> float:
    d = problem.discrete
    scale = np.abs(d.residues).sum(axis=-1) / np.maximum(np.abs(K).max(axis=-1), np.finfo(K.dtype).tiny)
    drift = (
        1.0
        if problem.continuous is None
        else min(1.0, float(np.abs(problem.continuous.Lambda * d.dt[..., None]).max()))
    )
    return float(problem.unit * (50 + 4 * drift * problem.length) * scale.max())


METHODS = {
    "krylov": Method(_krylov, lambda p: True, "any", _kernel_costs.krylov, _error_of_norm),
    "krylov_blocked": Method(
        _fold_previous_tap(_krylov_blocked), lambda p: True, "any", _kernel_costs.krylov_blocked, _error_of_norm
    ),
    "vandermonde": Method(
        _fold_previous_tap(_vandermonde),
        lambda p: isinstance(p.discrete, DiscreteDiagonal),
        "diagonal",
        _kernel_costs.vandermonde,
        _error_vandermonde,
    ),
    "cauchy": Method(
        _fold_previous_tap(kernel_by_cauchy),
        lambda p: isinstance(p.discrete, (DiscreteDiagonal, DiscreteDPLR)),
        "diagonal, or DPLR under a GBT rule",
        _kernel_costs.cauchy,
        _error_of_norm,
    ),
    "contour": Method(
        _fold_previous_tap(kernel_by_contour),
        lambda p: isinstance(p.discrete, (DiscreteDiagonal, DiscreteDPLR)),
        "diagonal, or DPLR under a GBT rule",
        _kernel_costs.contour,
        _error_contour,
    ),
}


_ON_DEVICE = {name: _fold_previous_tap(run_there) for name, run_there in _device_kernels.METHODS.items()}


def _choose(problem: Problem, backend: str) -> tuple[str, str]:
    """The applicable method of least estimated time, and the sentence that says so."""
    if backend == "cuda":
        return _device_kernels.choose(problem.discrete)
    if isinstance(problem.discrete, DiscreteDiagonal):
        return "vandermonde", "sums of powers are the most accurate method, and the one of least cost"
    times = {name: m.seconds(problem) for name, m in METHODS.items() if m.applies(problem)}
    name = min(times, key=times.__getitem__)
    others = ", ".join(f"{other} {seconds:.2g} s" for other, seconds in times.items() if other != name)
    return name, f"least estimated time: {times[name]:.2g} s (against {others})"


def _a_posteriori(problem: Problem, name: str, K: np.ndarray) -> float:
    """The largest difference on the first samples from an independent method, relative to max |K|."""
    reference = "krylov_blocked" if name == "krylov" else "krylov"
    short = replace(problem, length=min(problem.length, CHECKED_SAMPLES))
    with np.errstate(all="ignore"):
        return _largest_difference(K, METHODS[reference].run(short))


def _sensitivity(
    problem: Problem, K: np.ndarray, system: Any, dt: Any, discretization: str | None, alpha: float | None
) -> float:
    """How much the first samples change with the last bit of every entry of A, or of dt where A has no entries."""
    if isinstance(system, DISCRETE):
        return 0.0
    signs = np.random.default_rng(0)
    changed = {
        name: getattr(system, name) * (1 + 2 * problem.unit * signs.choice([-1.0, 1.0], getattr(system, name).shape))
        for name in ("A", "Lambda", "P", "Q")
        if name in system._SPEC
    }
    step = dt if changed else np.asarray(dt) * (1 + 2 * problem.unit)
    try:
        with np.errstate(all="ignore"), _arrays.unwarned():
            moved = as_discrete(replace(system, **changed), step, discretization, alpha)
            return _largest_difference(K, _krylov(Problem(moved, min(problem.length, CHECKED_SAMPLES))))
    except ValueError:  # the changed system cannot be discretized
        return np.inf


def _largest_difference(K: np.ndarray, first: np.ndarray) -> float:
    """The largest difference from other first samples, relative to max |K|; infinite where they overflow."""
    difference = np.abs(K[..., : first.shape[-1]] - first).max(axis=-1)
    relative = float((difference / np.maximum(np.abs(K).max(axis=-1), np.finfo(K.dtype).tiny)).max())
    return np.inf if np.isnan(relative) else relative
