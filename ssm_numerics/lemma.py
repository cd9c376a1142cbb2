"""[S4] Lemma 3.2 in exact integers: the eigenvectors of the HiPPO-LegS matrix, and how fast they become useless.

Printed: V_ij = binom(i+j, i-j) diagonalizes the HiPPO matrix A and has entries up to 2^{4N/3}. Exactly: with
D = diag(sqrt(2n+1)), the *signed* matrix (-1)^i binom(i+j, i-j) holds the eigenvectors of M = D^-1 A D, a matrix of
integers, for the eigenvalues -(j+1), so D V holds those of A. V is unimodular; its inverse is known entry by entry:

    V^-1_ij = (-1)^i (2j+1)/(i+j+1) binom(2i, i-j).

Entries grow like phi^{2N}, phi the golden ratio, and no scaling of the columns brings the condition number of D V below
the largest eigenvalue condition number, which grows like (1 + sqrt(2))^{2N}. All of it comes from exact integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from . import _arrays
from ._growth import Growth, measure
from ._results import Result


def hippo_matrix(N: int) -> np.ndarray:
    """The integer matrix M = D^-1 A D similar to HiPPO-LegS: -(2k+1) below the diagonal, -(n+1) on it.

    Parameters
    ----------
    N : int

    Returns
    -------
    ndarray of Python integers, shape (N, N)

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.lemma.hippo_matrix(3).tolist()
    [[-1, 0, 0], [-1, -2, 0], [-1, -3, -3]]
    """
    N = _order("N", N)
    return _integers([[-(2 * k + 1) if n > k else -(n + 1) if n == k else 0 for k in range(N)] for n in range(N)])


def hippo_eigenvectors(N: int) -> np.ndarray:
    """V_ij = (-1)^i binom(i+j, i-j): column j is the eigenvector of `hippo_matrix(N)` for the eigenvalue -(j+1).

    Parameters
    ----------
    N : int

    Returns
    -------
    ndarray of Python integers, shape (N, N)
        Lower triangular with diagonal (-1)^i. Row i times sqrt(2i+1) gives the eigenvectors of the HiPPO-LegS matrix.

    Notes
    -----
    *Accuracy*: exact. *Cost*: O(N^2) binomials; entries have up to 1.39 N bits.

    References
    ----------
    [S4] Lemma 3.2, with the sign and the scaling that the printed statement leaves out.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> ssm.lemma.hippo_eigenvectors(4).tolist()
    [[1, 0, 0, 0], [-1, -1, 0, 0], [1, 3, 1, 0], [-1, -6, -5, -1]]
    """
    N = _order("N", N)
    return _integers([[(-1) ** i * math.comb(i + j, i - j) if i >= j else 0 for j in range(N)] for i in range(N)])


def inverse_eigenvectors(N: int) -> np.ndarray:
    """The exact inverse of `hippo_eigenvectors(N)`, also integers: its rows are the left eigenvectors.

    Parameters
    ----------
    N : int

    Returns
    -------
    ndarray of Python integers, shape (N, N)

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> (ssm.lemma.inverse_eigenvectors(9) @ ssm.lemma.hippo_eigenvectors(9) == np.eye(9, dtype=int)).all()
    np.True_
    """
    N = _order("N", N)
    return _integers(
        [
            [(-1) ** i * (2 * j + 1) * math.comb(2 * i, i - j) // (i + j + 1) if i >= j else 0 for j in range(N)]
            for i in range(N)
        ]
    )


@dataclass(frozen=True)
class LemmaCheck(Result):
    """Which parts of Lemma 3.2 hold for one N, decided in integers."""

    N: int
    eigenvectors: bool
    inverse: bool
    fails_without_sign: bool
    fails_without_scaling: bool
    printed_entry: bool
    row_sums_are_fibonacci: bool
    largest_entry: int
    largest_at: tuple[int, int]
    printed_largest: int


def verify(N: int) -> LemmaCheck:
    """Check every exact statement about the lemma at order N.

    Parameters
    ----------
    N : int
        At least 2: for one state there is nothing to diagonalize.

    Returns
    -------
    LemmaCheck
        `eigenvectors`: M V = V diag(-(j+1)). `inverse`: V V^-1 = I. `fails_without_sign`: |V| does not diagonalize M.
        `fails_without_scaling`: V does not diagonalize A itself. `printed_entry`: |V_{3i,i}| = binom(4i, 2i).
        `largest_entry`, `largest_at` and, for comparison, `printed_largest`, the largest of the entries V_{3i,i}.

    Notes
    -----
    In row 1, column 0, A V = V diag(-(j+1)) would say 2 - sqrt(3) = 1: equal squares are compared, in integers.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> check = ssm.lemma.verify(13)
    >>> check.eigenvectors, check.fails_without_sign, check.largest_entry, check.printed_largest
    (True, True, 19448, 12870)
    """
    N = _order("N", N, least=2)
    M, V = hippo_matrix(N), hippo_eigenvectors(N)
    eigenvalues = _integers([[-(j + 1) for j in range(N)]])
    sizes = abs(V)
    i, j = np.unravel_index(int(np.argmax(sizes)), sizes.shape)
    needed = (eigenvalues[0, 0] - M[1, 1]) * V[1, 0]  # A_10 V_00 = -sqrt(3) V_00 would have to equal this
    return LemmaCheck(
        N=N,
        eigenvectors=bool((V * eigenvalues == M @ V).all()),
        inverse=bool((V @ inverse_eigenvectors(N) == np.eye(N, dtype=int)).all()),
        fails_without_sign=bool((M @ sizes != sizes * eigenvalues).any()),
        fails_without_scaling=bool(3 * V[0, 0] ** 2 != needed**2),
        printed_entry=all(sizes[3 * m, m] == math.comb(4 * m, 2 * m) for m in range((N + 2) // 3)),
        row_sums_are_fibonacci=sizes.sum(axis=1).tolist() == _fibonacci(2 * N)[1::2],
        largest_entry=int(sizes[i, j]),
        largest_at=(int(i), int(j)),
        printed_largest=math.comb(4 * ((N - 1) // 3), 2 * ((N - 1) // 3)),
    )


def growth(N_max: int = 128) -> Growth:
    """Growth of entries and condition numbers of the eigenvector matrix for N = 2, ..., N_max.

    Parameters
    ----------
    N_max : int, default 128
        At least 8, so that rates can be fitted.

    Returns
    -------
    Growth

    Notes
    -----
    *Accuracy*: entries, inverses, norms of rows and columns are exact integers (over a common denominator). The
    2-norms are largest singular values of exactly known matrices rounded to float64, so each logarithm is right to
    about N_max eps, however ill-conditioned the matrix.
    *Cost*: O(N_max^4) flops in singular values; 0.4 s at N_max = 128.

    References
    ----------
    [S4] Lemma 3.2.

    Examples
    --------
    >>> import ssm_numerics as ssm
    >>> result = ssm.lemma.growth(40)
    >>> result.float64_limit
    23
    """
    N_max = _order("N_max", N_max, least=8)
    return measure(hippo_eigenvectors(N_max), inverse_eigenvectors(N_max))


def _order(name: str, N: int, least: int = 1) -> int:
    """An order whose N^2 Python integers, of up to 1.39 N bits each, fit into memory."""
    N = _arrays.count(name, N, least)
    _arrays.memory(name, N**2 * (40.0 + 1.39 * N / 8))
    return N


def _fibonacci(count: int) -> list[int]:
    """F_0, ..., F_{count-1}."""
    values = [0, 1]
    while len(values) < count:
        values.append(values[-1] + values[-2])
    return values[:count]


def _integers(rows: list[list[int]]) -> np.ndarray:
    return np.array(rows, dtype=object)
