"""The cost model of kernel methods: estimated seconds of one core for every method and problem."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _arrays
from ._contour import choose_circle
from ._contour import is_near_linear as sums_by_transform
from ._costs import GEMM_RATE, matrices, rank, seconds_of_squares, seconds_of_steps
from ._krylov_blocks import best_width
from ._nufft import is_near_linear
from .state_space import DiscreteDiagonal
from .structured import DiscreteStructuredStateSpace

PAIR, NODE, NODE_BEYOND, CACHED_NODES = 1.5e-9, 8e-8, 1.6e-7, 2**19
"""Sums at nodes, per stored mode and node of the full circle; the rest per node, in cache and beyond so many nodes."""

POLE, TRANSFORMED_MODE, TRANSFORMED_NODE = 8e-7, 1.5e-7, 5e-8
"""The same by transforms: per pole; per mode and sum; per node and sum, twice that beyond the cache."""

TABLE, SAMPLE = 1e-8, 4e-9
"""Per entry of a table of powers; per sample written."""

CALL = {"krylov": 5e-4, "krylov_blocked": 8e-4, "vandermonde": 2.5e-4, "cauchy": 4e-4, "power": 9e-4, "contour": 8e-4}
"""Seconds a call takes however small it is; contour, of adjustable accuracy, has to win by more than that."""


def krylov(problem: Any) -> float:
    """One step per sample."""
    calls = CALL["krylov"] / (2 if isinstance(problem.discrete, DiscreteStructuredStateSpace) else 1)
    return calls + seconds_of_steps(problem.discrete, problem.length)


def krylov_blocked(problem: Any) -> float:
    """Squares of every matrix, two blocks of vectors, one product per head."""
    if 8.0 * problem.heads * problem.discrete.n_states**2 > _arrays.DEFAULT_MAX_MEMORY:
        return np.inf
    d, length = problem.discrete, problem.length
    n, arithmetic = d.n_states, 1 if d.output_dtype.kind == "f" else 4
    columns = best_width(n, length, 1, -(-problem.heads // matrices(d)), False)
    vectors = 2.0 * n**2 * (columns * matrices(d) + length / columns * problem.heads) + problem.heads * 2.0 * n * length
    work = arithmetic * (vectors / GEMM_RATE + 1.5 * SAMPLE * problem.heads * length)
    return CALL["krylov_blocked"] + seconds_of_squares(d, math.log2(columns)) + work


def vandermonde(problem: Any) -> float:
    """Tables and a matrix product, or transforms."""
    d, length = problem.discrete, problem.length
    modes = d.C.shape[-1]
    if d.pairs is not None and d.C.dtype == np.complex128 and is_near_linear(d.Lambda_bar, length):
        poles = POLE * matrices(problem.discrete) * modes
        work = problem.heads * (TRANSFORMED_MODE * modes + 2 * TRANSFORMED_NODE * length)
        return CALL["vandermonde"] + poles + work
    work = modes * ((8 if d.pairs is None else 4) * length / GEMM_RATE + 2 * TABLE * math.sqrt(length))
    return CALL["vandermonde"] + problem.heads * (work + SAMPLE * length)


def _seconds_at_nodes(problem: Any, nodes: int) -> float:
    """Sums over modes, one by one, and what each node of a circle costs besides."""
    pairs, sums = problem.discrete.pairs, (1 + rank(problem.discrete)) ** 2
    per_mode = PAIR * -(-sums // 4) if pairs is not None else PAIR * sums
    per_node = NODE if nodes < CACHED_NODES else NODE_BEYOND
    return problem.heads * nodes * (per_mode * problem.discrete.C.shape[-1] + per_node)


def cauchy(problem: Any) -> float:
    """Infinite unless the poles of K are known to lie outside the circle r^L = 1/2: implicit rules of known poles."""
    if isinstance(problem.discrete, DiscreteDiagonal):
        return np.inf  # sums of powers are as fast and more accurate: 1 u against 88 u for 1024 modes
    if problem.continuous is None or (problem.alpha is not None and problem.alpha < 0.5):
        return np.inf
    total = CALL["cauchy"] + _seconds_at_nodes(problem, problem.length)
    d, length = problem.discrete, problem.length
    return total + CALL["power"] + min(seconds_of_steps(d, length), seconds_of_squares(d, math.log2(2 * length)))


def contour(problem: Any) -> float:
    """As `cauchy` without the power, on m times as many nodes; many sums go through transforms."""
    if not math.isfinite(cauchy(problem)):
        return np.inf
    nodes = choose_circle(problem.rtol, problem.unit).multiple * problem.length
    if not sums_by_transform(problem, nodes):
        return CALL["contour"] + _seconds_at_nodes(problem, nodes)
    beyond, sums, modes = nodes >= CACHED_NODES, 1 + rank(problem.discrete), problem.discrete.C.shape[-1]
    per_node = (NODE_BEYOND if beyond else NODE) + TRANSFORMED_NODE * (1 + beyond) * sums
    work = problem.heads * (nodes * per_node + TRANSFORMED_MODE * modes * sums)
    return CALL["contour"] + POLE * matrices(problem.discrete) * modes + work
