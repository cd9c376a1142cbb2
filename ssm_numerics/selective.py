"""Selective scans: diagonal systems whose step, B and C change with every sample, as in Mamba, by three methods."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._exponential import phi_1
from ._parallel import cores, over_rows, serial_blas
from ._simulation import is_finite, refuse_overflow

PIECE_BYTES = 2**18
"""Coefficients of so many bytes are formed, used and dropped while they are in cache."""

SEGMENT = 1024
"""Samples that "parallel" hands to a thread; fixed, so that bits do not depend on the number of threads."""

CHUNK = 64
"""Samples of a matrix of "chunked", at most."""

FEWEST_CHANNELS = 16
"""As many channels must share their coefficients for "auto" to take "chunked"."""

LARGEST_EXPONENT = {"f": 30.0, "d": 300.0}
"""A chunk's factors are e^x with |Re x| up to this, by the character of the real dtype: far from overflow."""


def _zoh(z: np.ndarray, dt: np.ndarray) -> np.ndarray:
    return dt * phi_1(z)


def _euler(z: np.ndarray, dt: np.ndarray) -> np.ndarray:
    return dt


RULES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {"zoh_a_euler_b": _euler, "zoh": _zoh}
"""What stands before B, from z = dt Lambda and dt; the decay is e^z in both."""


def selective_scan(
    u: Any,
    dt: Any,
    Lambda: Any,
    B: Any,
    C: Any,
    D: Any = 0.0,
    *,
    rule: str = "zoh_a_euler_b",
    x0: Any = None,
    return_state: bool = False,
    method: str = "auto",
) -> Any:
    """y_k = C_k x_k + D u_k, x_k = e^{dt_k Lambda} x_{k-1} + w_k B_k u_k: a diagonal system that changes as it runs.

    Parameters
    ----------
    u : array_like, shape (..., T)
    dt : array_like, shape (..., T) or (..., 1), time
        Positive steps, after the softplus that Mamba applies.
    Lambda : array_like, shape (..., N) or (..., 1), 1/time
        Eigenvalues, -exp(A_log) of Mamba; one for all states is the scalar of Mamba-2. Complex modes are allowed; for
        conjugate pairs take 2 * y.real.
    B, C : array_like, shape (..., T, N) or (..., 1, N)
    D : array_like, shape (...), default 0
        Leading axes of all arguments are heads, channels and batch, and broadcast: B of shape (batch, 1, T, N) is
        shared by the channels of u (batch, channels, T).
    rule : {"zoh_a_euler_b", "zoh"}
        The weight w_k of the input. "zoh_a_euler_b" is what Mamba computes: w = dt, an Euler step beside the exact
        decay, and no zero-order hold. "zoh": w = (e^{dt Lambda} - 1)/Lambda, exact for an input that is constant over
        the step.
    x0 : array_like, shape (..., N), default 0
        State before the first sample.
    return_state : bool
        Return (y, x) with the state x (..., N) after the last sample.
    method : {"auto", "sequential", "parallel", "chunked"}
        "sequential": the definition. "parallel": segments of 1024 samples at once, reduced to (product of decays,
        state) pairs, which are combined by the associative rule, and then run. "chunked": chunks of up to 64 samples
        as matrices M_ij = C_i e^{(t_i - t_j) Lambda} w_j B_j, the dual form of Mamba-2. "auto": "chunked" where 16
        channels or more share their coefficients, "parallel" where four processors or more would be idle, else
        "sequential".

    Returns
    -------
    y : ndarray, shape (..., T), real if all arguments are

    Raises
    ------
    ValueError, TypeError
        For shapes that do not broadcast, entries that are not finite, steps that are not positive, or a response that
        overflows.

    Notes
    -----
    *Accuracy*: all methods within 8 (T + N + 64 max|Lambda| sum dt) u W_k of the exact y_k, where W is the same scan of
    |B|, |C|, |u|, |x0| and Re Lambda: no cancellation is added to that of the sums themselves.
    *Cost*: N exponentials a sample and head (one where Lambda is one number; "zoh" as many again) and 4 N flops a
    sample and channel; "parallel" twice that, in threads; "chunked" 64 + 4 N flops in matrix products a sample and
    channel, and 128 N a sample and head.

    References
    ----------
    A. Gu, T. Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023, Algorithm 2 and
    `selective_scan_ref` of its code; T. Dao, A. Gu, "Transformers are SSMs", 2024, section 6.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.selective_scan([1.0, 1.0], [0.5, 2.0], [-1.0], [[1.0]], [[1.0]], rule="zoh").round(4)
    array([0.3935, 0.9179])
    """
    _arrays.choice("rule", rule, RULES)
    _arrays.choice("method", method, ("auto", *METHODS))
    with_state = _arrays.flag("return_state", return_state)
    given = {"u": _arrays.numeric("u", u, min_ndim=1), "dt": _arrays.numeric("dt", dt, min_ndim=1, real=True)}
    if not (given["dt"] > 0).all():
        _arrays.fail("dt", "be positive", f"its least entry is {given['dt'].min()}")
    given |= {"Lambda": _arrays.numeric("Lambda", Lambda, min_ndim=1)}
    given |= {name: _arrays.numeric(name, value, min_ndim=2) for name, value in (("B", B), ("C", C))}
    given |= {} if x0 is None else {"x0": _arrays.numeric("x0", x0, min_ndim=1)}
    direct = _arrays.numeric("D", D)
    dtype = _arrays.working_dtype(*given.values(), D if _arrays.is_weak(D) else direct)
    _check_lengths(given)
    lead = {name: array.shape[: array.ndim - _AXES[name]] for name, array in given.items()}
    batch = _arrays.batch(**lead, D=direct.shape)
    _arrays.memory("u", 2.0 * math.prod(batch) * given["u"].shape[-1] * dtype.itemsize)
    problem = Problem.of(given, lead, batch, dtype, rule)
    with np.errstate(all="ignore"):
        METHODS[problem.fastest() if method == "auto" else method](problem)
        y = problem.y.reshape(*batch, -1)
        y = y + direct.astype(dtype)[..., None] * given["u"] if np.any(direct) else y
    if not is_finite(y, problem.x):
        refuse_overflow("u", y.shape[-1])
    return (y, problem.x.reshape(*batch, -1)) if with_state else y


_AXES = {"u": 1, "dt": 1, "Lambda": 1, "B": 2, "C": 2, "x0": 1}


def _check_lengths(given: dict[str, np.ndarray]) -> None:
    """T is that of u and N that of Lambda, B or C; a length of one stands for all."""
    sizes = {"T": given["u"].shape[-1], "N": max(given[name].shape[-1] for name in ("Lambda", "B", "C"))}
    for name, letters in (("dt", "T"), ("Lambda", "N"), ("B", "TN"), ("C", "TN")):
        own = given[name].shape[given[name].ndim - len(letters) :]
        if any(size not in (1, sizes[letter]) for size, letter in zip(own, letters, strict=True)):
            found = f"its shape is {given[name].shape} where T = {sizes['T']} and N = {sizes['N']}"
            _arrays.fail(name, f"have shape (..., {', '.join(letters)}), or ones in their place", found)
    if "x0" in given:
        _arrays.trailing("x0", given["x0"], (sizes["N"],), f"{sizes['N']} states")


@dataclass(frozen=True)
class Problem:
    """Arguments as rows, with the row of each that a head uses; `y` (heads, channels, T) and `x` are filled in."""

    rows: dict[str, np.ndarray]
    row_of: dict[str, np.ndarray]
    rule: str
    dtype: np.dtype
    x: np.ndarray  # (heads, channels, N)
    y: np.ndarray  # (heads, channels, T)

    @classmethod
    def of(
        cls,
        given: dict[str, np.ndarray],
        lead: dict[str, tuple[int, ...]],
        batch: tuple[int, ...],
        dtype: Any,
        rule: str,
    ) -> Problem:
        """Lay the arguments out; the last axis is one of channels if the coefficients are the same all along it."""
        coefficients = ("dt", "Lambda", "B", "C")
        common = np.broadcast_shapes(*(lead[name] for name in coefficients))
        is_shared = bool(batch) and (len(common) < 1 or common[-1] == 1)
        n_channels = batch[-1] if is_shared else 1
        heads = (*batch[:-1], 1) if is_shared else batch
        n_heads, n_samples = math.prod(heads), given["u"].shape[-1]
        n_states = max(given[name].shape[-1] for name in coefficients[1:])
        kinds = {"dt": _arrays.real_dtype(dtype), "Lambda": _kind(given["Lambda"], dtype)}
        rows = {
            name: given[name].reshape(-1, *given[name].shape[len(lead[name]) :]).astype(kinds.get(name, dtype))
            for name in ("u", *coefficients)
        }
        row_of = {name: _arrays.row_index(lead[name], heads) for name in coefficients}
        row_of["u"] = _arrays.row_index(lead["u"], batch).reshape(n_heads, n_channels)
        x = np.zeros((n_heads, n_channels, n_states), dtype=dtype)
        if "x0" in given:
            x[:] = np.broadcast_to(given["x0"], (*batch, n_states)).reshape(x.shape)
        return cls(rows, row_of, rule, dtype, x, np.empty((n_heads, n_channels, n_samples), dtype=dtype))

    def fastest(self) -> str:
        """What "auto" takes."""
        n_heads, n_channels, n_samples = self.y.shape
        if n_channels >= FEWEST_CHANNELS and n_samples >= CHUNK:
            return "chunked"
        idle = cores() // n_heads  # "parallel" does everything twice
        return "parallel" if idle > 3 and n_samples > idle * SEGMENT else "sequential"

    def flops(self) -> float:
        """Work enough to share among threads, an exponential counted as ten operations."""
        return float(self.y[:, 0].size) * self.x.shape[-1] * (14.0 + 4.0 * self.y.shape[1])

    def signals(self, heads: slice, span: slice) -> np.ndarray:
        """Samples (heads, channels, t)."""
        return self.rows["u"][self.row_of["u"][heads], span]

    def taken(self, name: str, heads: slice, span: slice) -> np.ndarray:
        """Coefficients (heads, t, ...), t = 1 where they do not change."""
        rows = self.rows[name]
        which = self.row_of[name][heads]
        return rows[which] if rows.shape[1] == 1 else rows[which, span]

    def exponents(self, heads: slice, span: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lambda (heads, 1, N or 1), steps (heads, t, 1), and weighted B (heads, t, N)."""
        Lambda = self.rows["Lambda"][self.row_of["Lambda"][heads], None]
        dt = self.taken("dt", heads, span)[..., None]
        return Lambda, dt, RULES[self.rule](dt * Lambda, dt) * self.taken("B", heads, span)

    def coefficients(self, heads: slice, span: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Decays, weighted B, and C, (heads, t, N) each."""
        Lambda, dt, given = self.exponents(heads, span)
        shape = (given.shape[0], span.stop - span.start, self.x.shape[-1])
        parts = (np.exp(dt * Lambda), given, self.taken("C", heads, span))
        decay, given, C = (_arrays.writable(_arrays.spread(p, shape), self.dtype) for p in parts)
        return decay, given, C

    def pieces(self, begin: int, end: int, span: slice) -> Any:
        """Heads begin to end in groups, and pieces of a span of time, whose coefficients fit into cache."""
        samples = max(1, PIECE_BYTES // (self.x.shape[-1] * self.dtype.itemsize))
        group = max(1, samples // (span.stop - span.start))
        for first in range(begin, end, group):
            for start in range(span.start, span.stop, samples):
                yield slice(first, min(first + group, end)), slice(start, min(start + samples, span.stop))


def _kind(array: np.ndarray, dtype: np.dtype) -> np.dtype:
    """The precision of a dtype, complex only where the array is."""
    return _arrays.complex_dtype(dtype) if np.iscomplexobj(array) else _arrays.real_dtype(dtype)


def _run(problem: Problem, begin: int, end: int, span: slice, x: np.ndarray) -> None:
    """Outputs of heads begin to end over a span of time; x (heads, channels, N) is advanced."""
    from .compiled.selective import scan_loop

    for heads, part in problem.pieces(begin, end, span):
        decay, given, C = problem.coefficients(heads, part)
        y = np.empty((heads.stop - heads.start, *problem.y.shape[1:2], part.stop - part.start), dtype=problem.dtype)
        scan_loop(decay, given, C, problem.signals(heads, part), x[heads], y)
        problem.y[heads, :, part] = y


def _sequential(problem: Problem) -> None:
    whole = slice(0, problem.y.shape[-1])
    over_rows(lambda begin, end: _run(problem, begin, end, whole, problem.x), len(problem.y), problem.flops())


def _parallel(problem: Problem) -> None:
    """Reduce every segment but the last, combine, run every segment from the state before it."""
    from .compiled.selective import hop_loop, reduce_loop

    n_heads, n_samples = len(problem.y), problem.y.shape[-1]
    spans = [slice(start, min(start + SEGMENT, n_samples)) for start in range(0, n_samples, SEGMENT)]
    ends = np.zeros((len(spans), *problem.x.shape), dtype=problem.dtype)
    products = np.ones((len(spans), n_heads, problem.x.shape[-1]), dtype=problem.dtype)

    def reduce(begin: int, end: int) -> None:
        for task in range(begin, end):
            segment, head = divmod(task, n_heads)
            for heads, part in problem.pieces(head, head + 1, spans[segment]):
                decay, given, _ = problem.coefficients(heads, part)
                reduce_loop(decay, given, problem.signals(heads, part), products[segment, heads], ends[segment, heads])

    def run(begin: int, end: int) -> None:
        for task in range(begin, end):
            segment, head = divmod(task, n_heads)
            _run(problem, head, head + 1, spans[segment], ends[segment])

    over_rows(reduce, n_heads * len(spans), problem.flops())
    x = problem.x.copy()
    hop_loop(products, ends, x)
    over_rows(run, n_heads * len(spans), problem.flops())
    problem.x[:] = ends[-1]


def _chunked(problem: Problem) -> None:
    """Matrices within chunks, states from chunk to chunk."""
    n_samples, chunk = problem.y.shape[-1], _chunk(problem)
    samples = max(chunk, PIECE_BYTES // (max(problem.x.shape[-1], chunk) * problem.dtype.itemsize) // chunk * chunk)

    def run(begin: int, end: int) -> None:
        group = max(1, samples // n_samples)
        for first in range(begin, end, group):
            heads = slice(first, min(first + group, end))
            for start in range(0, n_samples, samples):
                _run_chunks(problem, heads, slice(start, min(start + samples, n_samples)), chunk)

    with serial_blas():
        over_rows(run, len(problem.y), problem.flops())


def _chunk(problem: Problem) -> int:
    """The longest chunk in which no factor's exponent exceeds what is allowed; of one sample in the worst case."""
    limit = LARGEST_EXPONENT[_arrays.real_dtype(problem.dtype).char]
    fastest = float(np.abs(problem.rows["Lambda"].real).max())
    dt = problem.rows["dt"].max(axis=0)
    chunk = CHUNK
    while chunk > 1 and fastest * _longest(dt, problem.y.shape[-1], chunk) > limit:
        chunk //= 2
    return chunk


def _longest(dt: np.ndarray, n_samples: int, chunk: int) -> float:
    """The longest time that a chunk takes."""
    if dt.size == 1:
        return float(dt[0]) * min(chunk, n_samples)
    return float(np.add.reduceat(dt, np.arange(0, dt.size, chunk)).max())


def _run_chunks(problem: Problem, heads: slice, span: slice, chunk: int) -> None:
    from .compiled.selective import hop_loop

    n, length = heads.stop - heads.start, span.stop - span.start
    n_chunks = -(-length // chunk)

    def cut(array: np.ndarray, axis: int) -> np.ndarray:
        """Time (axis) of coefficients as (chunks, samples), the last chunk filled with zeros."""
        shape = list(array.shape)
        shape[axis] = n_chunks * chunk
        padded = np.zeros(shape, dtype=array.dtype)
        padded[(slice(None),) * axis + (slice(length),)] = array
        return padded.reshape(*shape[:axis], n_chunks, chunk, *shape[axis + 1 :])

    Lambda, dt, given = problem.exponents(heads, span)
    shape = (n, length, problem.x.shape[-1])
    given, C = (cut(np.broadcast_to(a, shape), 1) for a in (given, problem.taken("C", heads, span)))
    since = np.cumsum(cut(np.broadcast_to(dt, (n, length, 1)), 1), axis=2)  # (heads, chunks, samples, 1)
    Lambda, first, total = Lambda[:, None], since[:, :, :1], since[:, :, -1:]
    left, right = C * np.exp((since - first) * Lambda), given * np.exp((first - since) * Lambda)
    matrix = np.tril(left @ right.mT)
    u = np.moveaxis(cut(problem.signals(heads, span), 2), 1, 2)  # (heads, chunks, channels, samples)
    forcing = np.moveaxis(u @ (given * np.exp((total - since) * Lambda)), 1, 0).astype(problem.dtype)
    decay = np.broadcast_to(np.moveaxis(np.exp(total * Lambda), 1, 0)[:, :, 0], (n_chunks, n, shape[2]))
    states = _arrays.writable(forcing, problem.dtype)
    hop_loop(_arrays.writable(decay, problem.dtype), states, problem.x[heads])
    y = u @ matrix.mT + (np.moveaxis(states, 0, 1) * np.exp(first * Lambda)) @ left.mT
    problem.y[heads, :, span] = np.moveaxis(y, 1, 2).reshape(n, -1, n_chunks * chunk)[..., :length]


METHODS: dict[str, Callable[[Problem], None]] = {
    "sequential": _sequential,
    "parallel": _parallel,
    "chunked": _chunked,
}
"""The implementations of `selective_scan`."""
