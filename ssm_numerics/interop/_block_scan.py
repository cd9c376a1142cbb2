"""A linear recurrence over dask arrays that are cut in time, in two passes over their blocks.

The first pass runs every block of samples from rest and keeps its last state g_j and last sample u_j. States at the
cuts follow one another,

    x_j = A_bar^(L_j) x_{j-1} + A_bar^(L_j - 1) B_bar_previous u_{j-1} + g_j,

where the middle term is FOH's. The second pass runs every block again, from the state and the sample before it:
nothing is subtracted from a response. The first pass reads its blocks under keys of its own, so dask drops each after
its N numbers and reads it again for the second pass: a signal need not fit in the workers' memory.

A_bar^L is applied as a product of I + X_i, one for each bit of L, with increments X_i = A_bar^(2^i) - I squared by
X <- 2 X + X^2. That keeps the digits of small steps, and loses no more than the L steps it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import dask
import dask.array
import numpy as np
from dask._task_spec import Alias, DataNode, convert_legacy_graph
from dask.highlevelgraph import HighLevelGraph

from .. import _arrays, _pairs
from .._increments import identity_like
from ..hippo import HiPPO
from ..online_compression import compress
from ..recurrence import simulate
from ..state_space import DiscreteDiagonal, DiscreteDPLR


def stored_state(system: Any, discrete: Any, x0: Any) -> tuple[Any, np.ndarray]:
    """The discrete system to run, dense if its powers are, and x0 of `system` in its coordinates."""
    pairs = getattr(system, "pairs", None)
    n_stored = system.C.shape[-1]
    start = np.zeros(n_stored, dtype=system.dtype) if x0 is None else _arrays.numeric("x0", x0, min_ndim=1)
    _arrays.trailing("x0", start, (n_stored,), f"the system's {n_stored} stored states")
    if pairs is not None:
        _pairs.require_real("x0", start, pairs)
    if isinstance(discrete, DiscreteDiagonal):
        return discrete, start
    dense = discrete.to_dense() if isinstance(discrete, DiscreteDPLR) else discrete
    return dense, start if pairs is None else _pairs.realify(start, pairs)


def responses(discrete: Any, x0: np.ndarray, u: Any, new: list[int]) -> Any:
    """Outputs (..., *heads, T) of signals u (..., *heads, T) that lack the `new` axes; heads are one chunk."""
    if new:
        axes = [len(new) + u.ndim + axis for axis in new]
        meta = np.empty((0,) * (u.ndim + len(new)), dtype=u.dtype)
        u = u.map_blocks(partial(np.expand_dims, axis=tuple(new)), new_axis=axes, dtype=u.dtype, meta=meta)
    blocks = _Blocks.of(discrete, u, x0.dtype)
    first = replace(blocks, u=read_apart(blocks.u)) if blocks.count > 1 else blocks
    states = first.states(x0, blocks.count - 1)
    return blocks.map(_outputs, blocks.lengths, blocks.dtype, blocks.u, states)


def coefficients(op: HiPPO, discrete: Any, u: Any) -> Any:
    """The last states (..., N) of a HiPPO operator at rest before signals u (..., T)."""
    blocks = _Blocks.of(discrete, u, discrete.dtype)
    return blocks.states(np.zeros(op.N), blocks.count).blocks[..., -1][..., : op.N].astype(u.dtype)


def coefficients_of_all(op: HiPPO, u: Any, discretization: str, alpha: float | None) -> Any:
    """Coefficients of the time-varying operator, for signals (..., T) that are one chunk in time."""
    run = partial(compress, op, discretization=discretization, alpha=alpha, scaled=True)
    return u.map_blocks(run, chunks=(*u.chunks[:-1], (op.N,)), meta=np.empty((0,) * u.ndim, dtype=u.dtype))


def read_apart(u: Any) -> Any:
    """The same blocks under keys of their own; data in memory and an earlier filter's states are shared."""
    nodes = convert_legacy_graph(u.__dask_graph__())
    own = {
        key: dask.base.clone_key(key, u.name)
        for key, node in nodes.items()
        if not isinstance(node, DataNode) and getattr(node, "func", None) is not _after
    }
    graph = {}
    for key, new in own.items():
        needed = {key, *nodes[key].dependencies} & own.keys()
        graph[new] = nodes[key].substitute({other: own[other] for other in needed}, key=new)
    name = dask.base.clone_key(u.name, u.name)
    for key in dask.core.flatten(u.__dask_keys__()):
        graph.setdefault((name, *key[1:]), Alias((name, *key[1:]), key))
    layers = HighLevelGraph.from_collections(name, graph, dependencies=[u])
    return dask.array.Array(layers, name, u.chunks, meta=u._meta)


@dataclass(frozen=True)
class _Blocks:
    """Signals in blocks, the system that runs over them as one object of the graph, and the dtypes of what it gives."""

    u: Any
    system: Any
    heads: tuple[int, ...]
    n: int
    dtype: np.dtype
    state_dtype: np.dtype

    @classmethod
    def of(cls, discrete: Any, u: Any, dtype: np.dtype) -> _Blocks:
        """Blocks of u for a system whose initial state has a dtype; dimensions of heads become one chunk."""
        heads = discrete.batch_shape
        u = u.rechunk(dict.fromkeys(range(u.ndim - 1 - len(heads), u.ndim - 1), -1))
        by_pairs = getattr(discrete, "pairs", None) is not None
        dtype = np.result_type(discrete.output_dtype, u.dtype, _arrays.real_dtype(dtype) if by_pairs else dtype)
        state_dtype = _arrays.complex_dtype(dtype) if by_pairs else dtype
        return cls(u, dask.delayed(discrete), heads, discrete.C.shape[-1], dtype, state_dtype)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Samples of every block."""
        return self.u.chunks[-1]

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return len(self.lengths)

    @property
    def lead(self) -> tuple[tuple[int, ...], ...]:
        """The chunks of all dimensions but time."""
        return (*self.u.chunks[: self.u.ndim - 1 - len(self.heads)], *((size,) for size in self.heads))

    def map(self, function: Any, last: tuple[int, ...], dtype: np.dtype, *arrays: Any) -> Any:
        """function(system, block, ...) for every block, with `last` the chunks of the result's last axis."""
        meta = np.empty((0,) * self.u.ndim, dtype=dtype)
        return dask.array.map_blocks(function, self.system, *arrays, chunks=(*self.lead, last), dtype=dtype, meta=meta)

    def states(self, x0: np.ndarray, count: int) -> Any:
        """State and sample (..., N + 1) before the first block and after each of the first `count`, side by side."""
        width, dtype = self.n + 1, self.state_dtype
        shape = (*(sum(sizes) for sizes in self.lead), width)
        start = np.concatenate([x0, np.zeros((*x0.shape[:-1], 1))], axis=-1).astype(dtype)
        before = dask.array.zeros(shape, chunks=(*self.lead, (width,)), dtype=dtype) + start
        forced = self.map(partial(_last_state, dtype=dtype), (width,) * self.count, dtype, self.u)
        hops = {length: dask.delayed(_Hop.of)(self.system, length) for length in set(self.lengths[:count])}
        name = f"states-{dask.base.tokenize(before.name, forced.name, count)}"
        graph: dict[Any, Any] = {}
        for chunk in product(*(range(len(sizes)) for sizes in self.lead)):
            graph[name, *chunk, 0] = (before.name, *chunk, 0)
            for j, length in enumerate(self.lengths[:count]):
                graph[name, *chunk, j + 1] = (_after, hops[length].key, (name, *chunk, j), (forced.name, *chunk, j))
        layers = HighLevelGraph.from_collections(name, graph, dependencies=[before, forced, *hops.values()])
        return dask.array.Array(layers, name, (*self.lead, (width,) * (count + 1)), meta=before._meta)


@dataclass(frozen=True)
class _Hop:
    """From the state before a block to the state after it, without the block's own samples."""

    factors: list[np.ndarray]
    sample: np.ndarray
    diagonal: bool

    @classmethod
    def of(cls, discrete: Any, length: int) -> _Hop:
        """A_bar^L, and A_bar^(L - 1) B_bar_previous for the sample before."""
        diagonal = isinstance(discrete, DiscreteDiagonal)
        previous = np.zeros_like(discrete.B_bar) if discrete.B_bar_previous is None else discrete.B_bar_previous
        if previous.any():
            previous = times(transition_factors(discrete, length - 1), previous, diagonal)
        return cls(transition_factors(discrete, length), previous, diagonal)


def _outputs(discrete: Any, u: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The second pass."""
    x0, sample = before[..., :-1], before[..., -1]
    u_before = sample if np.iscomplexobj(u) else sample.real
    return simulate(discrete, u, x0=x0 if x0.any() else None, u_before=u_before)


def _last_state(discrete: Any, u: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The first pass."""
    state = simulate(discrete, u, return_state=True)[1]
    sample = np.broadcast_to(u[..., -1:], (*state.shape[:-1], 1))
    return np.concatenate([state, sample], axis=-1).astype(dtype)


def _after(hop: _Hop, before: np.ndarray, forced: np.ndarray) -> np.ndarray:
    """State and sample after a block, of those before it."""
    x, sample = before[..., :-1], before[..., -1:]
    state = times(hop.factors, x, hop.diagonal) + hop.sample * sample + forced[..., :-1]
    return np.concatenate([state, forced[..., -1:]], axis=-1).astype(forced.dtype)


def times(factors: list[np.ndarray], x: np.ndarray, diagonal: bool) -> np.ndarray:
    """The product of all I + X, applied to states (..., N)."""
    with np.errstate(all="ignore"):
        for X in factors:
            x = x + (X * x if diagonal else (X @ x[..., None])[..., 0])
    return x


def transition_factors(discrete: Any, length: int) -> list[np.ndarray]:
    """Increments X_i of A_bar^(2^i), for the bits i of `length`: the product of all I + X_i is A_bar^length."""
    diagonal = isinstance(discrete, DiscreteDiagonal)
    held = discrete if diagonal else discrete.to_dense()
    X = held.increment
    if X is None:
        X = held.A_bar - (1 if diagonal else identity_like(held.A_bar))
    factors = []
    with np.errstate(all="ignore"):
        while length:
            if length & 1:
                factors.append(X)
            length >>= 1
            if length:
                X = 2 * X + (X * X if diagonal else X @ X)
    return factors
