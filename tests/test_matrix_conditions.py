"""Condition numbers of Vandermonde, Cauchy and Krylov matrices, and of the truncation on the circle."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ssm_numerics as ssm

U = 2.0**-53


def float_condition(matrix):
    values = np.linalg.svd(matrix, compute_uv=False)
    return values[0] / values[-1]


def exact_inverse(rows):
    """Gauss-Jordan in fractions."""
    n = len(rows)
    work = [[*row, *(Fraction(int(i == j)) for j in range(n))] for i, row in enumerate(rows)]
    for k in range(n):
        pivot = next(i for i in range(k, n) if work[i][k])
        work[k], work[pivot] = work[pivot], work[k]
        work[k] = [x / work[k][k] for x in work[k]]
        for i in range(n):
            if i != k:
                work[i] = [a - work[i][k] * b for a, b in zip(work[i], work[k], strict=True)]
    return [row[n:] for row in work]


def exact_condition(rows):
    """Both norms in float64 of exactly known matrices."""
    inverse = [[float(x) for x in row] for row in exact_inverse(rows)]
    return np.linalg.norm([[float(x) for x in row] for row in rows], 2) * np.linalg.norm(inverse, 2)


@pytest.mark.parametrize("n", [1, 2, 8, 18])
def test_hilbert_matrices(n):
    k = np.arange(float(n))
    result = ssm.cauchy_condition(k + 1, -k)
    exact = exact_condition([[Fraction(1, i + j + 1) for j in range(n)] for i in range(n)])
    assert abs(result.value / exact - 1) <= 64 * n * U
    assert result.lower <= exact * (1 + 32 * n * U)
    assert exact <= result.upper * (1 + 32 * n * U)
    assert result.trusted


def test_cauchy_beyond_the_range_of_floats():
    k = np.arange(300.0)
    result = ssm.cauchy_condition(k + 1, -k)
    assert result.value == np.inf
    # Hilbert's matrix: O((1 + sqrt 2)^(4n) / sqrt n) (Todd 1954); 6 bits for the constant
    assert abs(result.log2_value - 1200 * np.log2(1 + np.sqrt(2)) + np.log2(300) / 2) < 6


@given(st.integers(0, 99), st.integers(1, 8))
@settings(max_examples=25)
def test_complex_cauchy_matrices(seed, n):
    rng = np.random.default_rng(seed)
    z, poles = (rng.normal(size=n) + 1j * rng.normal(size=n) for _ in "zp")
    result = ssm.cauchy_condition(z, poles)
    expected = float_condition(1 / (z[:, None] - poles))
    assert abs(result.value - expected) <= 32 * n * U * expected * max(expected, 1)


@pytest.mark.parametrize("n", [2, 6, 20])
def test_vandermonde_in_fractions(n):
    z = np.arange(1, n + 1) / 32
    result = ssm.vandermonde_condition(z)
    exact = exact_condition([[Fraction(x) ** l for l in range(n)] for x in z.tolist()])
    assert result.trusted
    assert result.source == ("float64" if exact * n * U < 0.1 else "ball")
    allowed = n * U * exact if result.source == "float64" else 64 * n * U
    assert abs(result.value / exact - 1) <= allowed + 16 * n * U
    assert result.lower <= exact * (1 + 16 * n * U)


@pytest.mark.parametrize(("N", "L"), [(8, 8), (8, 40), (5, 15)])
def test_roots_of_unity_are_perfect(N, L):
    nodes = np.exp(2j * np.pi * np.arange(N) * (L // N) / L) if L % N == 0 else np.exp(2j * np.pi * np.arange(N) / L)
    assert abs(float(ssm.vandermonde_condition(nodes, L)) - 1) <= 16 * L * U


@given(st.integers(0, 99), st.integers(1, 6), st.integers(0, 4))
@settings(max_examples=15)
def test_gram_matrices_in_balls_are_hermitian(seed, n, more):
    pytest.importorskip("flint")
    from ssm_numerics import _balls, matrix_conditions

    rng = np.random.default_rng(seed)
    M = rng.normal(size=(n, n + more)) + 1j * rng.normal(size=(n, n + more))
    bits = matrix_conditions._by_balls(lambda: _balls.matrix(M), M.shape)
    expected = float_condition(M)
    assert abs(2.0**bits / expected - 1) <= 64 * (n + more) * U * expected


def test_krylov_matrices():
    shift = ssm.DiscreteStateSpace(np.diag(np.ones(4), -1), np.eye(5)[0], np.ones(5), 0.0, 1.0)
    assert abs(float(ssm.krylov_condition(shift)) - 1) <= 10 * U
    rng = np.random.default_rng(2)
    z, b = 0.9 * rng.random(5) * np.exp(1j * rng.normal(size=5)), rng.normal(size=5)
    step = ssm.DiscreteDiagonal(z, b, np.ones(5), 0.0, 1.0)
    result = ssm.krylov_condition(step, 12)
    expected = float_condition(b[:, None] * z[:, None] ** np.arange(12))
    assert abs(result.value / expected - 1) <= 12 * U * expected * 4
    legs = ssm.krylov_condition(ssm.hippo("legs", 14).state_space(np.ones(14)), dt=1e-3)
    assert legs.source == "ball"
    assert legs.value > 1e18
    assert "Krylov matrix 14x14" in legs.statement


def test_singular_and_untrusted_matrices(monkeypatch):
    assert float(ssm.vandermonde_condition([0.5, 0.5])) == np.inf
    from ssm_numerics import _balls

    def missing():
        raise ImportError

    monkeypatch.setattr(_balls, "library", missing)
    lost = ssm.vandermonde_condition(np.linspace(0.1, 0.9, 30))
    assert not lost.trusted
    assert lost.upper == np.inf
    assert "beyond what float64 can tell" in lost.statement


# --- the circle -------------------------------------------------------------------------------------------------------


def test_truncation_of_a_diagonal_system_by_hand():
    system = ssm.Diagonal([-1.0, -3.0], [1.0, 1.0], [1.0, 1.0])
    q = np.array([0.1, 0.5, 1.0])
    result = ssm.truncation_condition(system, 1.0, 3, q, "backward_euler")
    terms = 1 - q[:, None] * np.array([0.5**3, 0.25**3])
    np.testing.assert_allclose(result.conditions, terms.max(axis=1) / terms.min(axis=1), rtol=20 * U)
    gaps = [float(ssm.node_pole_distance(system, 1.0, 3, f ** (1 / 3), "backward_euler")) for f in q]
    expected = result.conditions / q / np.minimum(3 * np.array(gaps), 1)
    np.testing.assert_allclose(result.amplification, expected, rtol=20 * U)
    assert result.at_half == result.amplification[1]
    assert result.value == result.amplification.min()
    assert result.recommended_radius == result.recommended_factor ** (1 / 3)


@pytest.mark.parametrize("family", ["legs", "legt", "lagt", "fout"])
@pytest.mark.parametrize("N", [5, 16])
def test_half_is_near_the_best_radius_where_steps_are_contractions(family, N):
    system = ssm.nplr(family, N).to_dplr(np.ones(N))
    result = ssm.truncation_condition(system, 0.02, 100)
    q = result.factors
    inside = q < 0.9
    bound = (1 + q) / (1 - q + 1e-300) * (1 + 1e-10)
    assert (result.conditions[inside] <= bound[inside]).all()
    assert result.at_half <= 6 / np.log(2) * (1 + 1e-10)
    assert result.value <= result.at_half <= 9 * result.value
    if family == "fout":
        assert result.conditions[-1] > 1e10  # the eigenvalue 0
        assert result.recommended_factor < 0.9
    if family != "legs" and N == 5:  # an odd number of states: a pole of the diagonal part meets the node 1
        assert result.amplification[-1] > 1e10


def test_results_are_json_and_draw():
    figure = pytest.importorskip("matplotlib.figure")
    system = ssm.nplr("legt", 4).to_dplr(np.ones(4))
    results = (
        ssm.vandermonde_condition([0.5, 0.25, -0.5]),
        ssm.cauchy_condition([1.0, 2.0], [0.0, -1.0]),
        ssm.krylov_condition(system, dt=0.1),
        ssm.truncation_condition(system, 0.1, 20),
    )
    for result in results:
        json.dumps(result.to_dict(), allow_nan=False)
        ax = figure.Figure().subplots()
        assert result.plot(ax) is ax


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ssm.vandermonde_condition([[0.5]]), "`z` must have shape"),
        (lambda: ssm.vandermonde_condition([0.5, 0.2], 1), "`L` must be at least 2"),
        (lambda: ssm.cauchy_condition([1.0, 2.0], [1.0, 3.0]), "`z` must differ from `poles`"),
        (lambda: ssm.cauchy_condition([1.0, 2.0], [0.0]), "`poles` must have shape"),
        (lambda: ssm.truncation_condition(ssm.Diagonal([-1.0], [1.0], [1.0]), 1.0, 4, [0.0]), "`factors` must be"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()
