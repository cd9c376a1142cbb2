"""Products of small real matrices, for many heads: Krylov vectors by doubling, and solutions with triangular matrices.

A call does all the work of a head, so that threads share the heads without the interpreter between their products,
which would take longer than these. Krylov vectors hold their matrix in the delta form of `_increments.py`: X stands for
X or for I + X, whichever is smaller.
"""

from __future__ import annotations

from typing import Any

from ._jit import jit, jit_fused, jit_part


@jit_fused
def _one_row(a: Any, b: Any, terms: int, is_lower: bool, keep: float, out: Any) -> None:
    """out = keep a + a b for a row a, of which the first `terms` entries count; `is_lower` says what b is.

    Four rows of b are taken at a time, as `out` is read and written for each time.
    """
    n, whole = out.shape[0], terms // 4 * 4
    for j in range(n):
        out[j] = 0.0
    for k in range(0, whole, 4):
        a_0, a_1, a_2, a_3 = a[k], a[k + 1], a[k + 2], a[k + 3]
        b_0, b_1, b_2, b_3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        for j in range(min(n, k + 4) if is_lower else n):
            out[j] += (a_0 * b_0[j] + a_1 * b_1[j]) + (a_2 * b_2[j] + a_3 * b_3[j])
    for k in range(whole, terms):
        a_0, b_0 = a[k], b[k]
        for j in range(min(n, k + 1) if is_lower else n):
            out[j] += a_0 * b_0[j]
    if keep:
        for j in range(n):
            out[j] += keep * a[j]


@jit_fused
def _two_rows(a: Any, c: Any, b: Any, terms: int, is_lower: bool, keep: float, out: Any, out_c: Any) -> None:
    """The same for two rows a and c, which share the entries of b."""
    n, whole = out.shape[0], terms // 4 * 4
    for j in range(n):
        out[j], out_c[j] = 0.0, 0.0
    for k in range(0, whole, 4):
        a_0, a_1, a_2, a_3 = a[k], a[k + 1], a[k + 2], a[k + 3]
        c_0, c_1, c_2, c_3 = c[k], c[k + 1], c[k + 2], c[k + 3]
        b_0, b_1, b_2, b_3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        for j in range(min(n, k + 4) if is_lower else n):
            x_0, x_1, x_2, x_3 = b_0[j], b_1[j], b_2[j], b_3[j]
            out[j] += (a_0 * x_0 + a_1 * x_1) + (a_2 * x_2 + a_3 * x_3)
            out_c[j] += (c_0 * x_0 + c_1 * x_1) + (c_2 * x_2 + c_3 * x_3)
    for k in range(whole, terms):
        a_0, c_0, b_0 = a[k], c[k], b[k]
        for j in range(min(n, k + 1) if is_lower else n):
            out[j] += a_0 * b_0[j]
            out_c[j] += c_0 * b_0[j]
    if keep:
        for j in range(n):
            out[j] += keep * a[j]
            out_c[j] += keep * c[j]


@jit
def multiply(rows: Any, m: int, b: Any, reach: int, is_lower: bool, keep: float, out: Any) -> None:
    """out = keep rows + rows b for the first m rows; entries of row i from i + reach on are zeros and left out."""
    order = b.shape[0]
    for i in range(0, m - 1, 2):
        terms = min(i + 1 + reach, order)
        _two_rows(rows[i], rows[i + 1], b, terms, is_lower, keep, out[i], out[i + 1])
    if m % 2:
        _one_row(rows[m - 1], b, min(m - 1 + reach, order), is_lower, keep, out[m - 1])


@jit_part
def _square(matrix: Any, keep: float, is_lower: bool, square: Any) -> float:
    """(keep I + matrix)^2 in the smaller form; returns whether the identity is still kept beside it, as 1 or 0."""
    n, trace = matrix.shape[0], 0.0
    multiply(matrix, n, matrix, 1 if is_lower else n, is_lower, 2 * keep, square)
    for i in range(n):
        trace += square[i, i]
    if keep == 0 or trace >= -n / 2:
        return keep
    for i in range(n):
        square[i, i] += 1
    return 0.0


@jit
def _turn(matrix: Any, out: Any) -> None:
    """Transposed at the diagonal that runs the other way: the vectors run backwards, and lower matrices stay lower."""
    n = matrix.shape[0]
    for i in range(n):
        for j in range(n):
            out[i, j] = matrix[n - 1 - j, n - 1 - i]


@jit
def krylov_vectors_loop(
    matrix: Any, keep: Any, is_lower: bool, columns: Any, n_B: int, rows: Any, n_C: int, work: Any, begin: int, end: int
) -> None:
    """For heads begin to end: the blocks A^r B, r < M, as rows of columns (H, n_B M, N), and C A^(qM) (H, n_C Q, N).

    A = keep[h] I + matrix[h], and M is a power of two. The first block of each is given, B backwards, as all of
    `columns` will be. These are doubled with the squares of A; `rows` follow one another with the last square.
    `is_lower` says that all matrices are lower triangular. Work space: (2, N, N).
    """
    n = matrix.shape[1]
    for h in range(begin, end):
        power, other, held, done = work[0], work[1], keep[h], n_B
        _turn(matrix[h], power)
        while done < columns.shape[1]:
            multiply(columns[h], done, power, n, is_lower, held, columns[h, done:])
            held = _square(power, held, is_lower, other)
            power, other, done = other, power, 2 * done
        _turn(power, other)
        for first in range(n_C, rows.shape[1], n_C):
            multiply(rows[h, first - n_C :], n_C, other, n, is_lower, held, rows[h, first:])


@jit
def square_and_double(powers: Any, keep: Any, is_lower: bool, columns: Any, rows: Any, work: Any) -> None:
    """A^r F, backwards, as rows of columns (M, N), and C A^r as rows (M, N), r < M, of A = keep[0] I + powers[0].

    Its squares up to A^M follow in powers (1 + log2 M, N, N) and keep. The first of the columns and rows are given.
    `is_lower` says that A is lower triangular. Work space: (N, N).
    """
    n, done = work.shape[0], 1
    for j in range(powers.shape[0] - 1):
        _turn(powers[j], work)
        multiply(columns, done, work, n, is_lower, keep[j], columns[done:])
        multiply(rows, done, powers[j], n, is_lower, keep[j], rows[done:])
        keep[j + 1] = _square(powers[j], keep[j], is_lower, powers[j + 1])
        done *= 2


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
