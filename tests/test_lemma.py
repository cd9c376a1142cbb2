"""Lemma 3.2 of [S4], statement by statement, in integers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssm_numerics import _growth, lemma

U = 2.0**-53


@given(st.integers(2, 48))
def test_every_exact_statement_holds(N):
    check = lemma.verify(N)
    assert check.eigenvectors
    assert check.inverse
    assert check.fails_without_sign
    assert check.fails_without_scaling
    assert check.printed_entry
    assert check.row_sums_are_fibonacci
    i, j = check.largest_at
    assert check.largest_entry == math.comb(i + j, i - j)


def test_hand_computed_case():
    # M = [[-1, 0], [-1, -2]]: M (1, -1)' = -(1, -1)' and M (0, -1)' = -2 (0, -1)'.
    assert lemma.hippo_matrix(2).tolist() == [[-1, 0], [-1, -2]]
    assert lemma.hippo_eigenvectors(2).tolist() == [[1, 0], [-1, -1]]
    assert lemma.hippo_eigenvectors(1).tolist() == [[1]]
    assert lemma.inverse_eigenvectors(3).tolist() == [[1, 0, 0], [-1, -1, 0], [2, 3, 1]]


@pytest.mark.parametrize("N", [3, 8, 21])
def test_the_integer_matrix_is_the_hippo_matrix_rescaled(N):
    root = np.sqrt(2 * np.arange(N) + 1)
    A = np.tril(-np.outer(root, root), -1) - np.diag(np.arange(N) + 1.0)
    rescaled = A * root[None, :] / root[:, None]
    # three roundings per entry of A, two more of the rescaling, each root off by one more: below 8 u relatively
    np.testing.assert_allclose(rescaled, lemma.hippo_matrix(N).astype(float), rtol=8 * U)


def test_printed_entry_is_not_the_largest():
    check = lemma.verify(121)
    assert check.printed_largest == math.comb(160, 80)
    assert check.largest_entry > 2**6 * check.printed_largest  # phi^2 against 2^(4/3): 0.055 bits a row, 6.6 in 120
    i, j = check.largest_at
    assert i == 120
    assert abs(j / i - 5**-0.5) < 1 / i  # the maximum sits within one entry of its limit


def test_growth_rates():
    result = lemma.growth(128)
    # The plain fits contain a term of log2(N)/N: measured 2.5391 where the limit is 2.5431 (N = 64..128).
    assert round(result.slopes["condition_scaled"], 4) == 2.5392
    for name, limit in result.limits.items():
        # log2 of the quantity is limit N + b log2 N + c + O(1/N); the O(1/N) tilts a fit over 64..128 by about 1/64^2
        assert abs(result.corrected_slopes[name] - limit) < 1 / 64**2 * 4
        assert abs(result.slopes[name] - limit) < 2 / 64  # |b| <= 1: log2 N changes by 1 over 64 states
    assert result.limits["largest_entry"] > 4 / 3  # what the printed lemma claims as the rate
    assert abs(result.entry_ratio[-1] - 5**-0.5) < 1 / 127
    assert abs(result.worst_ratio[-1] - 2**-0.5) < 1 / 128
    assert result.float64_limit == 23


def test_growth_against_exact_arithmetic():
    from fractions import Fraction

    result = lemma.growth(12)
    for N in (2, 5, 12):
        V, W = lemma.hippo_eigenvectors(N).tolist(), lemma.inverse_eigenvectors(N).tolist()
        worst = max(
            sum((2 * i + 1) * V[i][j] ** 2 for i in range(N)) * sum(Fraction(W[j][k] ** 2, 2 * k + 1) for k in range(N))
            for j in range(N)
        )
        row = N - 2
        np.testing.assert_allclose(result.log2_eigenvalue_condition[row], math.log2(worst) / 2, atol=8 * U * N)
        assert result.log2_largest_entry[row] == math.log2(max(abs(v) for line in V for v in line))
        # no column scaling gets below the worst eigenvalue; unit columns are within N of it (Frobenius norms)
        assert result.log2_eigenvalue_condition[row] <= result.log2_condition_scaled[row] + 8 * U * N
        assert result.log2_condition_scaled[row] <= result.log2_eigenvalue_condition[row] + math.log2(N)


@pytest.mark.parametrize("N", [2, 4, 8, 10])
def test_growth_against_plain_floating_point_where_that_still_works(N):
    row, result = N - 2, lemma.growth(10)
    V = lemma.hippo_eigenvectors(N).astype(float)
    X = V * np.sqrt(2 * np.arange(N) + 1)[:, None]
    X /= np.linalg.norm(X, axis=0)
    for bits, matrix in ((result.log2_condition_raw[row], V), (result.log2_condition_scaled[row], X)):
        condition = np.linalg.cond(matrix)
        assert abs(condition / 2**bits - 1) <= 4 * N * U * condition  # the smallest singular value's relative error


def test_result_is_json_and_draws():
    result = lemma.growth(16)
    record = json.loads(json.dumps(result.to_dict()))
    assert record["N"] == list(range(2, 17))
    assert set(record["slopes"]) == set(record["limits"])
    check = json.loads(json.dumps(lemma.verify(60).to_dict()))
    assert check["largest_entry"] == lemma.verify(60).largest_entry  # beyond 2^53, still exact
    figure = pytest.importorskip("matplotlib.figure")
    ax = figure.Figure().subplots()
    assert result.plot(ax) is ax


def test_norms_beyond_the_range_of_float64():
    exact = np.array([[3 * 2**3000, 0], [0, -(5**400)]], dtype=object)
    bits = _growth._log2_norm(*_growth._floats(exact))
    assert abs(bits - math.log2(3 * 2**3000)) <= 4 * U * bits  # a rounding of the logarithm, and one of the norm
    mantissa, exponent = _growth._floats(exact)
    assert abs(math.log2(-mantissa[1, 1]) + exponent[1, 1] - 400 * math.log2(5)) <= 4 * U * 929


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: lemma.hippo_eigenvectors(0), ValueError, "`N` must be at least 1"),
        (lambda: lemma.hippo_eigenvectors(2.0), TypeError, "`N` must be an integer"),
        (lambda: lemma.verify(1), ValueError, "`N` must be at least 2"),
        (lambda: lemma.growth(7), ValueError, "`N_max` must be at least 8"),
    ],
)
def test_bad_input(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_confidence_of_the_fitted_rates():
    """Half-widths cover the truth in 95 % of noisy fits, and vanish where the model is exact."""
    result = lemma.growth(48)
    for name, limit in result.limits.items():
        for errors in (result.slope_errors, result.corrected_slope_errors):
            assert 0 < errors[name] < 0.01
        assert abs(result.corrected_slopes[name] - limit) < abs(result.slopes[name] - limit)
    N = np.arange(2, 49)
    exact = 2.5 * N + 0.25 * np.log2(N) + 3.0
    slope, error = _growth._slope(N, exact, corrected=True)
    assert abs(slope - 2.5) <= 1e3 * U * 48
    assert error <= 1e4 * U * 48
    noise = np.random.default_rng(0).normal(size=(400, N.size))
    fits = np.array([_growth._slope(N, 2.5 * N + row, corrected=False) for row in noise])
    covered = (np.abs(fits[:, 0] - 2.5) <= fits[:, 1]).mean()
    assert abs(covered - 0.95) <= 4 * np.sqrt(0.95 * 0.05 / 400)
    assert _growth._slope(np.array([2, 3]), np.array([1.0, 2.0]), corrected=False)[1] == np.inf
