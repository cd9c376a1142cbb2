"""Three ways to run a discrete system over a whole signal, and the cost model that chooses among them.

Each is an entry of `METHODS`: the function that runs it, when it applies, the words for the error message, and its
estimated time. The recurrence is the definition and keeps its bits however a signal is cut; the other two reorder sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from . import _arrays
from ._chunked import STRIP, run_chunked
from ._costs import GEMM_RATE, matrices, seconds_of_steps
from ._increments import identity_like
from ._kernel_costs import TABLE
from ._stepping import refuse_complex, run
from .convolution import causal
from .convolution_kernel import METHODS as KERNEL_METHODS
from .convolution_kernel import Method as KernelMethod
from .convolution_kernel import Problem as KernelProblem
from .state_space import DiscreteDiagonal, DiscreteDPLR
from .structured import as_matrix_system

BLOCKS = tuple(2**k for k in range(10))
"""Lengths of a block that are tried."""

CALL = {"recurrence": 1e-4, "chunked": 6e-4, "fft": 6e-4}
"""Seconds a call takes however small it is."""

HOP, HOP_ENTRY, HOP_MODE, ROW = 1e-7, 1.1e-10, 2e-9, 2e-5
"""Chunked: seconds per block, per entry of a matrix and per entry of a diagonal state there; per row."""

TABLE_ENTRY, FFT_SAMPLE = 2e-9, 6e-8
"""Per entry of the tables of a block besides arithmetic; FFT convolution per sample."""


@dataclass(frozen=True)
class Problem:
    """A discrete system, its signals, the state and the input before them, and whether the last state is asked for.

    A stream hands the same dictionary `kept` over with every block: what does not depend on the samples is kept there.
    """

    discrete: Any
    u: np.ndarray
    x0: np.ndarray | None
    u_before: np.ndarray
    with_state: bool
    kept: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def n_samples(self) -> int:
        """T."""
        return int(self.u.shape[-1])

    @cached_property
    def batch(self) -> tuple[int, ...]:
        """The common leading axes."""
        state = () if self.x0 is None else self.x0.shape[:-1]
        shapes = {"system": self.discrete.batch_shape, "u": self.u.shape[:-1], "x0": state}
        return _arrays.batch(**shapes, u_before=self.u_before.shape)

    @cached_property
    def n_rows(self) -> int:
        """How many responses there are."""
        return math.prod(self.batch)

    @cached_property
    def n_heads(self) -> int:
        """How many systems there are."""
        return math.prod(self.discrete.batch_shape)

    @cached_property
    def is_diagonal(self) -> bool:
        """Whether the state needs no matrix."""
        return isinstance(self.discrete, DiscreteDiagonal)

    @cached_property
    def is_complex(self) -> bool:
        """Whether products are complex."""
        arrays = (self.u, self.u_before, *([] if self.x0 is None or self._by_pairs else [self.x0]))
        return self.discrete.output_dtype.kind == "c" or any(map(np.iscomplexobj, arrays))

    @cached_property
    def _by_pairs(self) -> bool:
        return getattr(self.discrete, "pairs", None) is not None

    @cached_property
    def blocks(self) -> tuple[float, int]:
        """Least estimated seconds of a simulation in blocks, and the length of the blocks that take them."""
        return _fastest_blocks(self)


@dataclass(frozen=True)
class Method:
    """One way to simulate as data."""

    run: Callable[[Problem], tuple[np.ndarray, np.ndarray | None]]
    applies: Callable[[Problem], bool]
    needs: str
    seconds: Callable[[Problem], float]


def simulate_rows(problem: Problem, method: str, name: str = "u") -> tuple[np.ndarray, np.ndarray | None]:
    """Outputs and the final state by a method's name; "auto" goes back to the recurrence where tables overflow."""
    item = problem.discrete.output_dtype.itemsize
    _arrays.memory("u", problem.n_rows * problem.n_samples * item)
    asked, method = method, choose(problem) if method == "auto" else method
    if not METHODS[method].applies(problem):
        _arrays.fail("method", f"be auto or recurrence unless {METHODS[method].needs}", f"it is {method!r}")
    y, state = METHODS[method].run(problem)
    if is_finite(y, state):
        return y, state
    if asked == "auto" and method != "recurrence":
        return simulate_rows(problem, "recurrence", name)
    refuse_overflow(name, problem.n_samples)


def refuse_overflow(name: str, n_samples: int) -> NoReturn:
    """The error of a response that grows out of range."""
    found = f"it overflows within {n_samples} samples; shorten the signal, reduce `dt` or use an implicit rule"
    _arrays.fail(name, "keep the response finite", found)


def is_finite(y: np.ndarray, state: np.ndarray | None) -> bool:
    """Whether nothing overflowed: a state that did stays infinite or undefined to the end."""
    return _arrays.all_finite(y) and (state is None or _arrays.all_finite(state))


def choose(problem: Problem) -> str:
    """The method of least estimated time, among those that keep the digits of the recurrence."""
    times = {name: m.seconds(problem) for name, m in METHODS.items() if m.applies(problem)}
    name = min(times, key=times.__getitem__)
    if name == "fft" and not is_contraction(problem.discrete):
        del times["fft"]
        name = min(times, key=times.__getitem__)
    return name


def is_contraction(discrete: Any) -> bool:
    """Whether ||A_bar||_2 <= 1 up to rounding; then no kernel grows, and an FFT's error is that of the recurrence."""
    rounding = 4 * discrete.n_states * float(np.finfo(discrete.dtype).eps)
    if isinstance(discrete, DiscreteDiagonal):
        return bool((np.abs(discrete.Lambda_bar) <= 1 + rounding).all())
    A_bar = discrete.to_dense().A_bar
    try:
        np.linalg.cholesky((1 + rounding) * identity_like(A_bar) - A_bar.mT.conj() @ A_bar)
    except np.linalg.LinAlgError:
        return False
    return True


def _run_recurrence(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    return run(problem.discrete, problem.u, problem.x0, problem.u_before, kept=problem.kept)


def _run_chunked(problem: Problem) -> tuple[np.ndarray, np.ndarray | None]:
    given = problem.discrete, problem.u, problem.x0, problem.u_before
    return run_chunked(*given, problem.blocks[1], problem.kept, problem.with_state)


def _run_fft(problem: Problem) -> tuple[np.ndarray, None]:
    """y = K * u + D u, and the free response from w_0 = A_bar x_{-1} + B_prev u_{-1}, which is a kernel too."""
    discrete, u, x0, u_before = problem.discrete, problem.u, problem.x0, problem.u_before
    if getattr(discrete, "pairs", None) is not None:
        refuse_complex(u=u, u_before=u_before)
    K = _kernel(discrete, problem.n_samples)
    dtype = np.result_type(discrete.output_dtype, u.dtype, *([] if x0 is None else [x0.real.dtype]))
    batch = _arrays.batch(system=discrete.batch_shape, u=u.shape[:-1])
    with np.errstate(all="ignore"):
        y = causal(K.astype(np.result_type(K, dtype), copy=False), u, batch, dtype)
        if np.any(discrete.D):
            y += discrete.D[..., None] * u
    before = u_before if discrete.B_bar_previous is not None else np.zeros(())
    if (x0 is None or not x0.any()) and not before.any():
        return _broadcast(y, problem), None
    start = run(discrete, np.zeros(1, dtype=u.real.dtype), x0, before)[1]
    given = as_matrix_system(discrete)
    free = replace(given, B_bar=start, **({} if isinstance(given, DiscreteDPLR) else {"B_bar_previous": None}))
    return _broadcast(y + _kernel(free, problem.n_samples), problem), None


def _broadcast(y: np.ndarray, problem: Problem) -> np.ndarray:
    shape = (*problem.batch, problem.n_samples)
    return y if y.shape == shape else np.array(np.broadcast_to(y, shape))


def _kernel(discrete: Any, length: int) -> np.ndarray:
    """The kernel by the method of least estimated time."""
    problem = KernelProblem(discrete, length)
    method = _fastest_kernel(problem)
    with np.errstate(all="ignore"):
        return method.run(problem)


def _fastest_kernel(problem: KernelProblem) -> KernelMethod:
    applicable = [m for m in KERNEL_METHODS.values() if m.applies(problem)]
    return min(applicable, key=lambda m: m.seconds(problem))


def _seconds_recurrence(problem: Problem) -> float:
    steps = seconds_of_steps(problem.discrete, problem.n_samples)
    return CALL["recurrence"] + steps * problem.n_rows / problem.n_heads


def _seconds_chunked(problem: Problem) -> float:
    return problem.blocks[0]


def _fastest_blocks(problem: Problem) -> tuple[float, int]:
    """Least estimated seconds, and the length of the blocks that take them; none is longer than the signal.

    Tables of every matrix and head, products per sample, hops per block.
    """
    discrete = problem.discrete
    arithmetic = 4.0 if problem.is_complex else 1.0
    n = discrete.C.shape[-1] * (1 if discrete.pairs is None else 2) if problem.is_diagonal else discrete.n_states
    rows, heads, samples = problem.n_rows, problem.n_heads, problem.n_samples
    hop = HOP + (HOP_MODE * n if problem.is_diagonal else HOP_ENTRY * n**2 * arithmetic)
    squaring = 0.0 if problem.is_diagonal else matrices(discrete) * 2.0 * n**3

    def seconds(block: int) -> float:
        entries = block * (block + 2 * n)
        if problem.is_diagonal:
            tables = heads * (TABLE * block * n + TABLE_ENTRY * entries)
        else:
            squares = math.log2(2 * block)
            tables = (squaring * squares + heads * 4.0 * n**2 * block) / GEMM_RATE * arithmetic
            tables += heads * TABLE_ENTRY * (entries + n**2 * squares)
        per_sample = 4.0 * n + block + STRIP  # n + n for states, (block + STRIP) / 2 for the Toeplitz matrix
        products = rows * samples * per_sample * arithmetic / GEMM_RATE
        return CALL["chunked"] + tables + products + rows * (math.ceil(samples / block) * hop + ROW)

    return min((seconds(block), block) for block in BLOCKS if block <= samples)


def _seconds_fft(problem: Problem) -> float:
    kernel = KernelProblem(problem.discrete, problem.n_samples)
    kernels = 1 if problem.x0 is None else 2
    return (
        CALL["fft"]
        + kernels * _fastest_kernel(kernel).seconds(kernel)
        + FFT_SAMPLE * problem.n_rows * problem.n_samples
    )


def _fits(problem: Problem) -> bool:
    """Whether the powers of the largest blocks' tables, for one head, fit into memory."""
    return problem.is_diagonal or 8.0 * 16 * problem.discrete.n_states**2 <= _arrays.DEFAULT_MAX_MEMORY


METHODS = {
    "recurrence": Method(_run_recurrence, lambda p: True, "", _seconds_recurrence),
    "chunked": Method(_run_chunked, _fits, "a few N x N matrices fit into memory", _seconds_chunked),
    "fft": Method(_run_fft, lambda p: not p.with_state, "`return_state` is False", _seconds_fft),
}
