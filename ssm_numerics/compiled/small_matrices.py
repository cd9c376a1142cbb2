"""Products of small real matrices, for many heads: Krylov vectors by doubling, and solutions with triangular matrices.

A call does all the work of a head, so that threads share the heads without the interpreter between their products,
which would take longer than these. Krylov vectors hold their matrix in the delta form of `_increments.py`: X stands for
X or for I + X, whichever is smaller.
"""

from __future__ import annotations

from typing import Any

from ._jit import jit, jit_fused, jit_fused_inline


@jit_fused_inline
def _one_row(a: Any, b: Any, out: Any, terms: int, b_is_lower: bool) -> None:
    """out[j] = sum_k a[k] b[k, j] over the first `terms` k; four k at a time, as `out` is read and written for each."""
    n, whole = out.shape[0], terms // 4 * 4
    for j in range(n):
        out[j] = 0.0
    for k in range(0, whole, 4):
        a_0, a_1, a_2, a_3 = a[k], a[k + 1], a[k + 2], a[k + 3]
        b_0, b_1, b_2, b_3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        for j in range(min(n, k + 4) if b_is_lower else n):
            out[j] += (a_0 * b_0[j] + a_1 * b_1[j]) + (a_2 * b_2[j] + a_3 * b_3[j])
    for k in range(whole, terms):
        for j in range(min(n, k + 1) if b_is_lower else n):
            out[j] += a[k] * b[k, j]


@jit_fused_inline
def _two_rows(a: Any, a_next: Any, b: Any, out: Any, out_next: Any, terms: int, b_is_lower: bool) -> None:
    """The same for two rows of a, which share the entries of b."""
    n, whole = out.shape[0], terms // 4 * 4
    for j in range(n):
        out[j], out_next[j] = 0.0, 0.0
    for k in range(0, whole, 4):
        a_0, a_1, a_2, a_3 = a[k], a[k + 1], a[k + 2], a[k + 3]
        c_0, c_1, c_2, c_3 = a_next[k], a_next[k + 1], a_next[k + 2], a_next[k + 3]
        b_0, b_1, b_2, b_3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        for j in range(min(n, k + 4) if b_is_lower else n):
            x_0, x_1, x_2, x_3 = b_0[j], b_1[j], b_2[j], b_3[j]
            out[j] += (a_0 * x_0 + a_1 * x_1) + (a_2 * x_2 + a_3 * x_3)
            out_next[j] += (c_0 * x_0 + c_1 * x_1) + (c_2 * x_2 + c_3 * x_3)
    for k in range(whole, terms):
        for j in range(min(n, k + 1) if b_is_lower else n):
            out[j] += a[k] * b[k, j]
            out_next[j] += a_next[k] * b[k, j]


@jit
def _multiply(
    a: Any, b: Any, out: Any, m: int, row: int, begin: int, end: int, a_is_lower: bool, b_is_lower: bool
) -> None:
    """out[row + i, begin + j] = sum_k a[i, k] b[k, j] for i < m, j < end - begin, without the zeros of triangles."""
    order = b.shape[0]
    for i in range(0, m - 1, 2):
        terms = min((i + 5) // 4 * 4, order) if a_is_lower else order
        _two_rows(a[i], a[i + 1], b, out[row + i, begin:end], out[row + i + 1, begin:end], terms, b_is_lower)
    if m % 2:
        _one_row(a[m - 1], b, out[row + m - 1, begin:end], m if a_is_lower else order, b_is_lower)


@jit
def _square(matrix: Any, keep: bool, is_lower: bool, square: Any) -> bool:
    """(keep I + matrix)^2 in the smaller form; returns whether the identity is still kept beside it."""
    n, trace = matrix.shape[0], 0.0
    _multiply(matrix, matrix, square, n, 0, 0, n, is_lower, is_lower)
    if not keep:
        return False
    for i in range(n):
        target, source = square[i], matrix[i]
        for j in range(n):
            target[j] += source[j] + source[j]
        trace += target[i]
    if trace >= -n / 2:
        return True
    for i in range(n):
        square[i, i] += 1
    return False


@jit
def krylov_vectors_loop(
    matrix: Any, keep: Any, is_lower: bool, columns: Any, n_B: int, rows: Any, n_C: int, work: Any, begin: int, end: int
) -> None:
    """For heads begin to end: the blocks A^r B, r < M, of columns (H, N, n_B M) and C A^(qM) of rows (H, n_C Q, N).

    A = keep[h] I + matrix[h], and M is a power of two. The first block of each is given. Columns are doubled with the
    squares of A; rows follow one another with the last square. `is_lower` says that all matrices are lower triangular.
    Work space: (2, N, N).
    """
    for h in range(begin, end):
        power, square, held, n = work[0], work[1], keep[h] != 0, matrix.shape[1]
        power[:] = matrix[h]
        vectors, done = columns[h], n_B
        while done < vectors.shape[1]:
            _multiply(power, vectors, vectors, n, 0, done, 2 * done, is_lower, False)
            if held:
                vectors[:, done : 2 * done] += vectors[:, :done]
            held = _square(power, held, is_lower, square)
            power, square, done = square, power, 2 * done
        vectors = rows[h]
        for done in range(n_C, vectors.shape[0], n_C):
            _multiply(vectors[done - n_C :], power, vectors, n_C, done, 0, n, False, is_lower)
            if held:
                vectors[done : done + n_C] += vectors[done - n_C : done]


@jit_fused
def substitute_loop(lower: Any, x: Any, full: int, begin: int, end: int) -> None:
    """For heads begin to end: x (H, N, R) <- lower[h]^-1 x[h]; the diagonals of lower (H, N, N) have no zeros.

    The first `full` columns of x are full. What follows is lower triangular, as its solution is.
    """
    for h in range(begin, end):
        rows, n_columns = x[h], x.shape[2]
        for i in range(lower.shape[1]):
            a, target = lower[h, i], rows[i]
            whole = i // 4 * 4
            for k in range(0, whole, 4):
                a_0, a_1, a_2, a_3 = a[k], a[k + 1], a[k + 2], a[k + 3]
                b_0, b_1, b_2, b_3 = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
                for j in range(min(n_columns, full + k + 4)):
                    target[j] -= (a_0 * b_0[j] + a_1 * b_1[j]) + (a_2 * b_2[j] + a_3 * b_3[j])
            for k in range(whole, i):
                b_0 = rows[k]
                for j in range(min(n_columns, full + k + 1)):
                    target[j] -= a[k] * b_0[j]
            for j in range(min(n_columns, full + i + 1)):
                target[j] /= a[i]
