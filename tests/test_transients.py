"""Kreiss constants and transient growth: theorems, invariances, and sampling."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

import ssm_numerics as ssm
from ssm_numerics import transients

U = 2.0**-53
GAP = 1e-3  # curves are searched to this


def stable(seed, n, discrete, is_complex=True):
    """A random matrix, far from normal, shifted or scaled to be stable by a margin."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, n)) + 3 * np.triu(rng.normal(size=(n, n)), 1)
    A = A + 1j * rng.normal(size=(n, n)) if is_complex else A
    values = np.linalg.eigvals(A)
    return 0.9 * A / np.abs(values).max() if discrete else A - (values.real.max() + 0.3) * np.eye(n)


def sigma_min(A, z):
    return np.linalg.svd(z[:, None, None] * np.eye(len(A)) - A, compute_uv=False)[:, -1]


@given(st.integers(0, 99), st.integers(1, 8), st.booleans())
@settings(max_examples=20)
def test_kreiss_constant_is_enclosed(seed, n, discrete):
    A = stable(seed, n, discrete)
    K = ssm.kreiss_constant(A, discrete)
    assert 1 <= K.value <= K.upper <= 1.01 * K.value * (1 + 8 * U)
    if K.point:
        outside = abs(K.point) - 1 if discrete else K.point.real
        found = outside / sigma_min(A, np.array([K.point]))[0]
        assert abs(found - K.value) <= 1e-6 * K.value + n * U * np.linalg.norm(A) * K.value**2 / outside
    if not discrete and K.profile.size:  # from the last line on the numerical range proves the bound
        omega = float(ssm.numerical_abscissa(A))
        assert K.profile[-1, 0] * (1 + 1e-9) >= omega * K.upper / (K.upper - 1)
        assert (
            K.profile[0, 0] <= sigma_min(A, 1j * np.linspace(-20, 20, 400)).min()
        )  # and before the first one x g(0) <= 1
    rng = np.random.default_rng(seed)
    x, t = 10.0 ** rng.uniform(-4, 2, 400), 4 * np.linalg.norm(A) * rng.normal(size=400)
    z = (1 + x) * np.exp(1j * t) if discrete else x + 1j * t
    assert (x / sigma_min(A, z)).max() <= K.upper * (1 + 2 * GAP)


@given(st.integers(0, 99), st.integers(1, 6), st.booleans())
@settings(max_examples=15)
def test_kreiss_matrix_theorem(seed, n, discrete):
    A = stable(seed, n, discrete)
    growth = ssm.transient_growth(A, discrete=discrete)
    assert growth.kreiss.value <= growth.peak_upper
    assert growth.value <= growth.kreiss.growth_upper
    assert growth.value <= growth.peak_upper
    assert growth.norms[-1] < 0.1
    slack = 1 + 200 * n * U * growth.value * (1 + growth.times.max())
    assert (growth.lower <= growth.norms * slack * (1 + 10 * U * ssm.eigenvector_condition(A).value)).all()
    assert (growth.norms <= growth.upper * slack).all()


@pytest.mark.parametrize("discrete", [False, True])
def test_kreiss_constant_against_a_fine_grid(discrete):
    A = np.array([[0.9, 2.0], [0.0, 0.8]]) if discrete else np.array([[-1.0, 20.0], [0.0, -2.0]])
    K = ssm.kreiss_constant(A, discrete)
    x, t = np.meshgrid(np.geomspace(1e-3, 1e2, 800), np.linspace(-0.2, 0.2, 41))
    z = (1 + x) * np.exp(1j * t) if discrete else x + 1j * t
    best = (x.ravel() / sigma_min(A, z.ravel())).max()
    assert best <= K.value * (1 + 1e-8)
    assert K.value <= best * (1 + 1e-4)  # the grid's spacing of 1.4 % in x, squared


@given(st.floats(0.01, 2.0), st.floats(1.1, 30.0), st.floats(0.05, 0.95), st.booleans())
@settings(max_examples=50)
def test_bound_between_two_curves_is_that_of_the_chord(x, ratio, fall, discrete):
    ends = np.array([x, x * ratio])
    place = np.log1p(ends) if discrete else ends
    logs = np.array([0.0, np.log(fall)])
    inner = np.linspace(*ends, 20001)
    chord = np.interp(np.log1p(inner) if discrete else inner, place, logs)
    largest = (inner * np.exp(chord)).max() / (1 - GAP)  # the values of g are known to GAP
    norms = dict(zip(ends.tolist(), np.exp(logs).tolist(), strict=True))
    spacing = 10 * (ratio / 20000) ** 2  # of the samples, relative, squared: they miss the maximum by so much
    assert transients._bounds(norms, discrete, largest * (1 + 1e-6 + spacing)) == []
    assert len(transients._bounds(norms, discrete, largest * (1 - 1e-6))) == 1


@pytest.mark.parametrize("turn", [np.pi, 2.0])
def test_circles_have_no_beginning(turn):
    A = stable(2, 5, True)
    turned = np.exp(1j * turn) * A
    np.testing.assert_allclose(ssm.kreiss_constant(turned, True).value, ssm.kreiss_constant(A, True).value, rtol=1e-6)
    radii = [float(ssm.pseudospectral_radius(M, 0.1)) for M in (A, turned)]
    np.testing.assert_allclose(radii[0], radii[1], rtol=1e-7)


def test_kreiss_constant_does_not_change_under_scaling_and_rotation():
    A = stable(4, 5, False, is_complex=False)
    Q = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    values = [float(ssm.kreiss_constant(M)) for M in (A, 7 * A, Q @ A @ Q.T, A - 3j * np.eye(5), A.T)]
    np.testing.assert_allclose(values, values[0], rtol=1e-6)  # the simplex method's tolerance, squared


@pytest.mark.parametrize("family", ["legs", "legt", "lagt", "fout", "foud"])
def test_dissipative_families_are_contractions(family):
    system = ssm.hippo(family, 12).state_space(np.ones(12))
    K = ssm.kreiss_constant(system)
    assert K.value == K.upper == 1.0
    assert "numerical range" in K.statement
    assert ssm.kreiss_constant(ssm.discretize(system, 0.1)).value == 1.0
    growth = ssm.transient_growth(system, [0.0, 0.1, 1.0, 5.0])
    assert (growth.norms <= 1 + 12 * U * 100).all()


def test_lmu_is_no_contraction():
    K = ssm.kreiss_constant(ssm.hippo("lmu", 12))
    growth = ssm.transient_growth(ssm.hippo("lmu", 12), with_kreiss=False)
    assert 1.05 < K.value < growth.value < K.growth_upper
    assert growth.peak_upper < 2 * growth.value
    discrete = ssm.kreiss_constant(ssm.discretize(ssm.hippo("lmu", 12).state_space(np.ones(12)), 0.01))
    assert discrete.discrete
    assert abs(discrete.value / K.value - 1) < 0.2


def test_growth_for_ever():
    for A, discrete in ((np.diag([0.5, -1.0]), False), (np.diag([1.5, 0.2]), True)):
        K = ssm.kreiss_constant(A, discrete)
        assert K.value == np.inf
        growth = ssm.transient_growth(A, discrete=discrete, times=[0, 1, 2])
        assert growth.peak_upper == np.inf
    marginal = ssm.kreiss_constant([[0.0, 5.0], [0.0, -1.0]])  # eigenvalue 0, simple: bounded, K = |x||y| at the limit
    assert abs(marginal.value / np.sqrt(26.0) - 1) < 0.01
    assert marginal.upper == np.inf
    assert "no upper bound" in marginal.statement


@given(st.integers(0, 99), st.integers(1, 6))
@settings(max_examples=20)
def test_norms_of_exponentials_and_powers(seed, n):
    A = stable(seed, n, False)
    times = np.array([0.0, 0.3, 1.0, 4.0])
    growth = ssm.transient_growth(A, times, with_kreiss=False)
    exact = [np.linalg.norm(expm(t * A), 2) for t in times]
    size = 100 * n * U * np.exp(np.minimum(times * np.linalg.norm(A, 2), 5)) * max(growth.norms.max(), 1)
    assert (np.abs(growth.norms - exact) <= size * (1 + times * np.linalg.norm(A))).all()
    B = stable(seed, n, True)
    powers = ssm.transient_growth(B, [0, 1, 2, 9], True, with_kreiss=False)
    exact = [np.linalg.norm(np.linalg.matrix_power(B, k), 2) for k in (0, 1, 2, 9)]
    np.testing.assert_allclose(powers.norms, exact, rtol=100 * n * U)


@given(st.integers(0, 99), st.integers(2, 6), st.booleans())
@settings(max_examples=15)
def test_peak_is_bounded_between_samples(seed, n, discrete):
    A = stable(seed, n, discrete)
    growth = ssm.transient_growth(A, discrete=discrete, with_kreiss=False)
    times = np.arange(60) if discrete else np.linspace(0, 20 / np.linalg.norm(A, 2), 60)
    between = ssm.transient_growth(A, times, discrete, with_kreiss=False)
    assert between.value <= growth.peak_upper * (1 + 1000 * n * U * growth.value)
    assert growth.value >= between.value / 2


def test_results_are_json_and_draw():
    figure = pytest.importorskip("matplotlib.figure")
    A = [[-1.0, 20.0], [0.0, -2.0]]
    for result in (ssm.kreiss_constant(A), ssm.transient_growth(A), ssm.kreiss_constant(np.diag([1.0, -1.0]))):
        json.dumps(result.to_dict(), allow_nan=False)
        if np.isfinite(float(result)):
            ax = figure.Figure().subplots()
            assert result.plot(ax) is ax


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ssm.transient_growth(np.eye(2), [1.0, 0.5]), "`times` must be non-negative and ascending"),
        (lambda: ssm.transient_growth(np.eye(2), [0.5], True), "`times` must be integers"),
        (lambda: ssm.kreiss_constant(np.eye(2), rtol=0.0), "`rtol` must be greater"),
        (lambda: ssm.kreiss_constant(ssm.Diagonal([-1.0], [1.0], [1.0]), True), "`discrete` must be left out or False"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()
