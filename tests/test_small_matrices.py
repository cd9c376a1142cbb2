"""Products of small matrices: Krylov vectors by both routes, and triangular solves, against extended precision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssm_numerics import _krylov_blocks, _solves
from ssm_numerics._increments import Power

U, TINY = 2.0**-53, np.finfo(float).tiny
SHAPES = {"": lambda X: X, "upper": np.tril, "lower": np.triu}
DOUBLINGS = {"compiled": _krylov_blocks._compiled_doubling, "by BLAS": _krylov_blocks._doubling}


def matrices(rng, heads, N, side):
    """Some held as increments, some not, of norms below and above one."""
    X = SHAPES[side](rng.uniform(-1, 1, (heads, N, N))) * rng.choice([0.01, 0.3, 1.0], (heads, 1, 1)) / np.sqrt(N)
    return X, rng.integers(0, 2, (heads, 1, 1)).astype(float)


def krylov(A, x, count):
    """x, A x, ..., as rows, in the precision of A."""
    vectors = [x]
    while len(vectors) < count:
        vectors.append(A @ vectors[-1])
    return np.array(vectors)


def check_doubling(double, heads, N, n_B, n_C, exponent, n_rows, side, rng):
    """With the powers A^w, w <= M, by repeated squares within 2 M (N + 4) u |A|^w (Higham, section 3.5), vector r and
    row q are within as much of |A|^r |B| and q times as much of |C| |A|^(qM); below TINY no error is relative."""
    M = 2**exponent
    X, keep = matrices(rng, heads, N, side)
    B, C = rng.normal(size=(heads, n_B, N)), rng.normal(size=(heads, n_C, N))
    columns, rows = np.empty((heads, M * n_B, N)), np.empty((heads, n_rows * n_C, N))
    columns[:, :n_B], rows[:, :n_C] = B, C
    double(Power(X, keep, side), columns, n_B, rows, n_C)
    for h in range(heads):
        A = keep[h] * np.eye(N, dtype=np.longdouble) + X[h]
        size = keep[h] * np.eye(N) + np.abs(X[h])
        for v in range(n_B):
            error = np.abs(columns[h, v::n_B] - krylov(A, B[h, v].astype(np.longdouble), M))
            assert (error <= 2 * M * (N + 4) * U * krylov(size, np.abs(B[h, v]), M) + TINY).all()
        for v in range(n_C):
            exact = krylov(A.T, C[h, v].astype(np.longdouble), M * (n_rows - 1) + 1)[::M]
            bound = 2 * M * n_rows * (N + 4) * U * krylov(size.T, np.abs(C[h, v]), M * (n_rows - 1) + 1)[::M]
            assert (np.abs(rows[h, v::n_C] - exact) <= bound + TINY).all()


@pytest.mark.parametrize("double", DOUBLINGS.values(), ids=DOUBLINGS)
@given(
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 4),
    st.integers(1, 21),
    st.sampled_from(["", "upper"]),
    st.integers(0, 2**32),
)
def test_krylov_vectors(double, N, n_B, n_C, exponent, n_rows, side, seed):
    check_doubling(double, 2, N, n_B, n_C, exponent, n_rows, side, np.random.default_rng(seed))


@pytest.mark.jit
@pytest.mark.parametrize("N", [63, 65])
@pytest.mark.parametrize("side", ["", "upper"])
@pytest.mark.parametrize("double", DOUBLINGS.values(), ids=DOUBLINGS)
def test_krylov_vectors_of_larger_matrices(double, side, N):
    check_doubling(double, 3, N, 1, 2, 3, 11, side, np.random.default_rng(N))


@pytest.mark.jit
@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("side", SHAPES)
@pytest.mark.parametrize(("N", "heads", "outputs"), [(5, 3, 1), (64, 2, 2), (65, 1, 1), (129, 1, 1)])
def test_every_shape_has_the_kernel_of_its_powers(is_large, side, N, heads, outputs):
    """As above, with r < M and qM together below L: 2 (L + M) (N + 4) u, and a sum of N products."""
    rng = np.random.default_rng(N)
    X, keep = matrices(rng, heads, N, side)
    B, C, L = rng.normal(size=(heads, 1, N)), rng.normal(size=(heads, outputs, N)), 100
    K = np.empty((heads, outputs, L))
    _krylov_blocks._fill_kernel(is_large, Power(X, keep, side), B, C, K)
    for h in range(heads):
        A, size = keep[h] * np.eye(N) + X[h], keep[h] * np.eye(N) + np.abs(X[h])
        states = krylov(A.astype(np.longdouble), B[h, 0].astype(np.longdouble), L)
        bound = krylov(size, np.abs(B[h, 0]), L) @ np.abs(C[h]).T
        assert (np.abs(K[h].T - states @ C[h].T) <= 4 * L * (N + 4) * U * bound).all()


@given(st.integers(1, 9), st.integers(0, 2), st.booleans(), st.sampled_from(["upper", "lower"]), st.integers(0, 2**32))
def test_substitution(N, full, with_triangle, side, seed):
    check_substitution(2, N, full, with_triangle or not full, side, np.random.default_rng(seed))


@pytest.mark.jit
@pytest.mark.parametrize("side", ["upper", "lower"])
@pytest.mark.parametrize("N", [127, 128, 129, 300])
def test_substitution_in_panels(N, side):
    check_substitution(1, N, 1, True, side, np.random.default_rng(N))


def check_substitution(heads, N, full, with_triangle, side, rng):
    """Every column solves a system whose matrix is within (N + 1) u of the given one, entry by entry (Higham, Theorem
    8.5), however its sums are ordered; and the zeros of a triangular right-hand side stay zeros."""
    T = SHAPES[side](rng.uniform(-1, 1, (heads, N, N))) / N + 2 * np.eye(N)
    triangle = SHAPES[side](rng.normal(size=(heads, N, N))) if with_triangle else np.empty((heads, N, 0))
    right = np.concatenate([triangle, rng.normal(size=(heads, N, full))], axis=-1)
    x = _solves._substitute(T, right, side, full)
    residual = np.abs(T.astype(np.longdouble) @ x.astype(np.longdouble) - right)
    assert (residual <= (N + 1) * U * (np.abs(T) @ np.abs(x))).all()
    if with_triangle:
        found = x[..., :N]
        assert np.array_equal(found, SHAPES[side](found))
