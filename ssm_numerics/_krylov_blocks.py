"""Powers of dense systems at work: kernels from two blocks of Krylov vectors, and C after many steps.

K[qM + r] = (C A_bar^(qM)) (A_bar^r B_bar). The columns A_bar^r B_bar are doubled with the squares of A_bar, and the
rows follow one another with A_bar^M, a few at a time. Heads that share a matrix share its squares. Matrices are taken a
few at a time, so that everything stays in cache, by as many threads as there are processors, each of which does its
matrix products itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from . import _arrays, _parallel
from ._increments import Power, transition, zero_side
from .state_space import DiscreteStateSpace

CACHE_BYTES = 2**20
"""Matrices are taken together as long as their blocks and squares fit."""

COMPILED_ORDER = {False: 64, True: 128}
"""Full and triangular matrices up to these orders are multiplied by compiled loops; BLAS is faster at larger ones."""

COMPILED_WORK = 2**18
"""Multiplications in one square of all matrices from which they pay for being compiled, which takes seconds."""

ROWS = 8
"""Rows are doubled up to so many, which BLAS then multiplies together; further squares would cost more."""

SERIAL_PRODUCT = 2**26
"""A single system whose products have fewer multiplications leaves them on the calling thread."""

Fill = Callable[[Power, np.ndarray, np.ndarray, np.ndarray], None]


def kernel_by_blocks(dense: DiscreteStateSpace, length: int) -> np.ndarray:
    """The kernel (..., L) of a dense discrete system without a second input tap."""
    is_large = math.prod(dense.A_bar.shape[:-2]) * dense.n_states**3 >= COMPILED_WORK
    return _over_matrices(dense, partial(_fill_kernel, is_large), length, math.isqrt(length))


def rows_after(dense: DiscreteStateSpace, steps: int) -> np.ndarray:
    """C A_bar^steps (..., N)."""

    def fill(power: Power, B: np.ndarray, C: np.ndarray, out: np.ndarray) -> None:
        rows, left = C, steps
        while left:
            if left & 1:
                rows = power.after(rows)
            left >>= 1
            power = power.squared() if left else power
        out[...] = rows

    return _over_matrices(dense, fill, dense.n_states, 1)


def _over_matrices(dense: DiscreteStateSpace, fill: Fill, length: int, vectors: int) -> np.ndarray:
    """fill(matrices (h, N, N), B and C (h, V or 1, N), out (h, V, length)), with V heads that share each matrix.

    `vectors` is the number of Krylov vectors in a block, for the estimates of work and memory.
    """
    held, n = transition(dense), dense.n_states
    lead = np.broadcast_shapes(held.matrix.shape[:-2], dense.B_bar.shape[:-1], dense.C.shape[:-1])
    shape = (1,) * (len(lead) + 2 - held.matrix.ndim) + held.matrix.shape[:-2]
    own = [axis for axis, size in enumerate(shape) if size > 1]
    order = own + [axis for axis in range(len(lead)) if axis not in own]
    n_matrices, side = math.prod(shape), zero_side(held.matrix)
    matrix = held.matrix.reshape(n_matrices, n, n)
    keep = np.broadcast_to(held.keep, (*held.matrix.shape[:-2], 1, 1)).reshape(n_matrices, 1, 1)
    B, C = (_by_matrix(vector, lead, own, order) for vector in (dense.B_bar, dense.C))
    out = np.empty((n_matrices, math.prod(lead) // n_matrices, length), dtype=np.result_type(matrix, B, C))

    def work(begin: int, end: int) -> None:
        size = max(1, CACHE_BYTES // (3 * n * (n + vectors) * matrix.itemsize))
        with np.errstate(all="ignore"):
            for first in range(begin, end, size):
                some = slice(first, min(first + size, end))
                fill(Power(matrix[some], keep[some], side), B[some], C[some], out[some])

    largest = n * max(n, vectors) * max(n, vectors * out.shape[1])
    with _parallel.serial_blas(n_matrices > 1 or largest < SERIAL_PRODUCT):
        _parallel.over_rows(work, n_matrices, n_matrices * n**2 * (26.0 * n + 4 * out.shape[1] * vectors))
    return np.moveaxis(out.reshape(*(lead[axis] for axis in order), length), range(len(order)), order)


def _by_matrix(vector: np.ndarray, lead: tuple[int, ...], own: Sequence[int], order: Sequence[int]) -> np.ndarray:
    """Vectors (..., N) as (matrices, heads that share one, N); where those heads have one vector, it is there once."""
    vector = vector.reshape((1,) * (len(lead) + 1 - vector.ndim) + vector.shape)
    is_shared = all(size == 1 for axis, size in enumerate(vector.shape[:-1]) if axis not in own)
    target = [1 if is_shared and axis not in own else size for axis, size in enumerate(lead)]
    whole = np.broadcast_to(vector, (*target, vector.shape[-1])).transpose(*order, len(lead))
    return whole.reshape(math.prod(lead[axis] for axis in own), -1, vector.shape[-1])


def _fill_kernel(is_large: bool, power: Power, B: np.ndarray, C: np.ndarray, out: np.ndarray) -> None:
    """out (h, V, L) from h matrices, B (h, V or 1, N) and C (h, V or 1, N)."""
    is_compiled = is_large and out.dtype.kind == "f" and C.shape[-1] <= COMPILED_ORDER[power.zero_side != ""]
    if is_compiled and power.zero_side == "lower":  # the same kernel, of lower triangular matrices
        power, B, C = Power(power.matrix.mT, power.keep, "upper"), C, B
    (h, heads, length), n, n_B, n_C = out.shape, C.shape[-1], B.shape[1], C.shape[1]
    width = best_width(n, length, n_B, n_C, power.zero_side != "")
    n_rows = -(-length // width)
    columns = _arrays.aligned((h, width * n_B, n), out.dtype)  # at r V + v
    rows = _arrays.aligned((h, n_rows * n_C, n), out.dtype)  # at q V + v
    columns[:, :n_B], rows[:, :n_C] = B, C
    (_compiled_doubling if is_compiled else _doubling)(power, columns, n_B, rows, n_C)
    rows = rows.reshape(h, n_rows, n_C, n).swapaxes(1, 2)
    columns = columns.reshape(h, width, n_B, n).transpose(0, 2, 3, 1)
    if n_rows * width == length:
        np.matmul(rows, columns, out=out.reshape(h, heads, n_rows, width))
    else:
        out[...] = (rows @ columns).reshape(h, heads, -1)[..., :length]


def best_width(n: int, length: int, n_B: int, n_C: int, is_triangular: bool) -> int:
    """The power of two, as the number of columns, for which squares, columns and rows take the fewest flops."""
    square = n / 3 if is_triangular else n  # in products with a vector
    exponents = range(math.ceil(math.log2(length)) + 1)
    return 1 << min(exponents, key=lambda i: i * square + n_B * 2.0**i + n_C * length / 2.0**i)


def _doubling(power: Power, columns: np.ndarray, n_B: int, rows: np.ndarray, n_C: int) -> None:
    """A_bar^r B as rows of `columns`, and C A_bar^(qM), from their first ones."""
    done, turned = n_B, columns.mT
    while done < columns.shape[1]:
        turned[..., done : 2 * done] = power.times(turned[..., :done])
        power, done = power.squared(), 2 * done
    done, n_rows = n_C, rows.shape[1]
    while done < min(ROWS, n_rows):
        count = min(done, n_rows - done)
        power.after(rows[:, :count], out=rows[:, done : done + count])
        done += count
        power = power.squared() if done < n_rows else power
    for first in range(done, n_rows, done):
        count = min(done, n_rows - first)
        power.after(rows[:, first - done : first - done + count], out=rows[:, first : first + count])


def _compiled_doubling(power: Power, columns: np.ndarray, n_B: int, rows: np.ndarray, n_C: int) -> None:
    """The same of real matrices, head by head without the interpreter."""
    from .compiled.small_matrices import krylov_vectors_loop

    h, n = power.matrix.shape[:2]
    matrix, keep = (_arrays.writable(a, columns.dtype) for a in (power.matrix, np.broadcast_to(power.keep, (h, 1, 1))))
    work, backwards = _arrays.aligned((2, n, n), columns.dtype), columns[..., ::-1]
    columns[:, :n_B] = backwards[:, :n_B].copy()
    krylov_vectors_loop(matrix, keep[:, 0, 0], power.zero_side == "upper", columns, n_B, rows, n_C, work, 0, h)
    columns[...] = backwards.copy()
