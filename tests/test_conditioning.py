"""Condition numbers, non-normality, spectra and the condition report."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssm_numerics import certified, conditioning, lemma
from ssm_numerics.hippo import hippo
from ssm_numerics.state_space import DPLR, Diagonal, DiscreteDiagonal, StateSpace

U = 2.0**-53


def rotation(n, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


def random_matrix(seed, n, is_complex=False):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, n))
    return A + 1j * rng.normal(size=(n, n)) if is_complex else A


# --- eigenvector condition --------------------------------------------------------------------------------------------


def test_legs_condition_against_exact_integers():
    growth = lemma.growth(40)
    for N, bits, worst in zip(
        growth.N.tolist(), growth.log2_condition_scaled, growth.log2_eigenvalue_condition, strict=True
    ):
        A = hippo("legs", N).A
        for matrix in (A, rotation(N, N) @ A @ rotation(N, N).T):
            result = conditioning.eigenvector_condition(matrix)
            if result.trusted:
                assert abs(result.value / 2.0**bits - 1) <= 4 * N * U * 2.0**bits
                assert abs(result.eigenvalue_conditions.max() / 2.0**worst - 1) <= 4 * N * U * 2.0**bits
            assert result.trusted == (N < 20)  # exact condition numbers pass 1/(10 N u) at N = 20
            assert ("trust limit" in result.statement) and ("below" in result.statement) == result.trusted


@pytest.mark.parametrize("a", [0.0, 0.5, 3.0, 1e4])
def test_two_by_two_closed_form(a):
    result = conditioning.eigenvector_condition([[1.0, a], [0.0, 2.0]])
    # eigenvectors (1, 0) and (a, 1)/s, s^2 = 1 + a^2, of cosine a/s: condition (1 + a/s) s, every kappa = s
    s = math.hypot(1.0, a)
    np.testing.assert_allclose(result.eigenvalue_conditions, s, rtol=8 * U * s)
    np.testing.assert_allclose(float(result), (1 + a / s) * s, rtol=8 * U * (1 + a / s) * s)
    assert result.value >= result.eigenvalue_conditions.max() * (1 - 8 * U * s)


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(4),
        np.zeros((3, 3)),
        np.diag([1.0, 1.0, 2.0]),
        rotation(6),
        rotation(5) - rotation(5).T,
        np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]]),
    ],
)
def test_normal_matrices_have_condition_one_even_with_repeated_eigenvalues(matrix):
    result = conditioning.eigenvector_condition(matrix)
    assert result.value == 1.0
    assert (result.eigenvalue_conditions == 1.0).all()
    assert float(conditioning.henrici_departure(matrix)) <= 10 * len(matrix) * U * np.linalg.norm(matrix)


def test_defective_matrix_is_not_trusted():
    result = conditioning.eigenvector_condition([[1.0, 1.0], [0.0, 1.0]])
    assert not result.trusted
    assert "ball arithmetic" in result.statement
    json.dumps(result.to_dict(), allow_nan=False)


@given(st.integers(0, 50), st.integers(1, 8), st.booleans())
@settings(max_examples=40)
def test_value_is_at_least_every_eigenvalue_condition(seed, n, is_complex):
    A = random_matrix(seed, n, is_complex)
    result = conditioning.eigenvector_condition(A)
    assert 1 <= result.eigenvalue_conditions.max() <= result.value * (1 + 10 * n * U * result.value)
    assert result.value <= n * result.eigenvalue_conditions.max() * (1 + 10 * n * U * result.value)  # Frobenius norms


@given(st.integers(0, 50), st.integers(1, 7), st.booleans())
@settings(max_examples=25)
def test_no_scaling_beats_the_lower_bound_and_one_reaches_the_upper(seed, n, is_complex):
    A = random_matrix(seed, n, is_complex)
    result = conditioning.eigenvector_condition(A)
    slack = 1 + 20 * n * U * result.value**2
    assert 1 <= result.optimal_scaling_lower <= result.optimal_scaling_upper * slack
    V = np.linalg.eig(A)[1]
    conditions = 1 / np.abs(np.linalg.norm(np.linalg.inv(V), axis=1) ** -1)  # unit columns: |x||y|/|y*x|
    assert abs(np.sort(conditions) - np.sort(result.eigenvalue_conditions)).max() <= slack * conditions.max()
    optimal = np.linalg.cond(V * np.sqrt(conditions))  # in the Frobenius norm it reaches the sum of the conditions
    assert optimal <= conditions.sum() * slack
    rng = np.random.default_rng(seed)
    for scaling in (np.sqrt(conditions), *np.exp(rng.normal(size=(20, n)))):
        assert np.linalg.cond(V * scaling) * slack >= result.optimal_scaling_lower


def test_eigenvectors_in_balls_go_beyond_the_trust_limit():
    pytest.importorskip("flint")
    growth = lemma.growth(26)
    for N in (6, 26):
        A = hippo("legs", N)
        balls = conditioning.eigenvector_condition(A, arithmetic="ball")
        assert balls.trusted
        assert abs(balls.value / 2.0 ** growth.log2_condition_scaled[N - 2] - 1) <= 64 * N * U * (1 + N)
        assert (
            abs(balls.eigenvalue_conditions.max() / 2.0 ** growth.log2_eigenvalue_condition[N - 2] - 1) <= 200 * N * U
        )
    assert not conditioning.eigenvector_condition(A).trusted
    random = random_matrix(1, 5)
    floats, exact = (conditioning.eigenvector_condition(random, word) for word in ("float64", "ball"))
    assert abs(floats.value - exact.value) <= floats.relative_error * floats.value * 4
    with pytest.raises(ArithmeticError, match="eigenvector condition"):
        conditioning.eigenvector_condition([[1.0, 1.0], [0.0, 1.0]], "ball")


def test_spectral_abscissa():
    result = conditioning.spectral_abscissa(hippo("legs", 20))
    assert (result.value, result.uncertainty, result.eigenvalue) == (-1.0, 0.0, -1.0)
    certified_value = conditioning.spectral_abscissa(hippo("lmu", 64))
    assert round(certified_value.value, 6) == -11.448222  # where LAPACK is off by more than the value
    lapack = conditioning.spectral_abscissa(hippo("lmu", 12).A)
    exact = certified.hippo_eigenvalues("lmu", 12).mid.real.max()
    assert abs(lapack.value - exact) <= lapack.uncertainty


# --- non-normality ----------------------------------------------------------------------------------------------------


@given(st.integers(0, 50), st.integers(1, 8), st.booleans())
@settings(max_examples=40)
def test_henrici_departure_is_what_the_eigenvalues_leave_of_the_norm(seed, n, is_complex):
    A = random_matrix(seed, n, is_complex)
    result = conditioning.henrici_departure(A)
    total = np.linalg.norm(A) ** 2
    rest = total - (np.abs(result.eigenvalues) ** 2).sum()
    assert abs(result.value**2 - rest) <= 20 * n * U * total  # backward error n u |A|_F of the Schur form, squared
    Q = rotation(n, seed)
    assert abs(conditioning.henrici_departure(Q @ A @ Q.T).value - result.value) <= 20 * n * U * np.linalg.norm(A)
    assert result.relative == result.value / np.linalg.norm(A)


def test_henrici_departure_of_legs_by_hand():
    # triangular: the strictly lower part, sum over n > k of (2n+1)(2k+1), is what a Schur form keeps off its diagonal
    for N in (1, 2, 9, 64):
        odd = 2 * np.arange(N) + 1
        exact = math.sqrt(sum(int(odd[n]) * int(odd[k]) for n in range(N) for k in range(n)))
        result = conditioning.henrici_departure(hippo("legs", N))
        assert abs(result.value - exact) <= 10 * N * U * max(exact, N)


@pytest.mark.parametrize(("family", "N", "value"), [("legs", 1, -1.0), ("legs", 2, -0.5), ("legs", 33, -0.5)])
def test_numerical_abscissa_of_legs(family, N, value):
    result = conditioning.numerical_abscissa(hippo(family, N))
    assert abs(float(result) - value) <= N * U * np.linalg.norm(hippo(family, N).A, 2)
    assert result.spectral_abscissa == -1.0


@given(st.integers(0, 50), st.integers(1, 8), st.booleans())
@settings(max_examples=40)
def test_numerical_abscissa_bounds_growth(seed, n, is_complex):
    from scipy.linalg import expm

    A = random_matrix(seed, n, is_complex)
    omega, size = float(conditioning.numerical_abscissa(A)), np.linalg.norm(A, 2)
    assert omega >= np.linalg.eigvals(A).real.max() - 20 * n * U * size * conditioning.eigenvector_condition(A).value
    for t in (0.1, 1.0):
        assert np.linalg.norm(expm(t * A), 2) <= np.exp(t * omega) * (1 + 1000 * n * U * np.exp(2 * t * size))
    h = 1e-6 / size  # (|I + hA| - 1)/h tends to the numerical abscissa with error h |A|^2 and rounding u/h
    assert abs((np.linalg.norm(np.eye(n) + h * A, 2) - 1) / h - omega) <= h * size**2 + 10 * n * U / h


# --- spectra ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["legs", "legt", "lmu", "lagt", "glagt", "fout", "foud"])
@pytest.mark.parametrize("N", [1, 2, 7, 32])
def test_spectra_of_families(family, N):
    op = hippo(family, N)
    result = conditioning.spectrum(family, N)
    assert result.eigenvalues.shape == result.uncertainty.shape == (N,)
    assert result.trusted
    assert (np.diff(result.eigenvalues.imag) <= 0).all()
    # trace and conjugate symmetry, to the eigenvalues' own uncertainty and N roundings of the sum
    slack = result.uncertainty.sum() + 4 * N * U * np.abs(result.eigenvalues).sum()
    assert abs(result.eigenvalues.sum() - np.trace(op.A)) <= slack
    assert result.abscissa <= float(conditioning.numerical_abscissa(op)) + N * U * np.linalg.norm(op.A) + slack
    np.testing.assert_array_equal(conditioning.spectrum(op).eigenvalues, result.eigenvalues)


def test_windowed_spectra_beat_lapack():
    assert round(conditioning.spectrum("lmu", 64).radius, 3) == 120.925
    for family in ("legt", "lmu"):
        for N in (8, 16, 32, 64):
            exact = certified.hippo_eigenvalues(family, N)
            assert (exact.rad <= 2 * U * np.abs(exact.mid)).all()
            by_matrix = conditioning.spectrum(hippo(family, N).A)  # as a plain matrix: LAPACK
            assert by_matrix.source == "lapack"
            assert by_matrix.trusted == (N <= 16)
            gaps = np.abs(by_matrix.eigenvalues[:, None] - exact.mid)
            assert (gaps.min(1) <= by_matrix.uncertainty).all()
    np.testing.assert_allclose(
        certified.hippo_eigenvalues("legt", 7, theta=0.25).mid,
        4 * certified.hippo_eigenvalues("lmu", 7).mid,
        rtol=4 * U,
    )


def test_spectra_of_systems():
    half = Diagonal([-0.5 + 3j, -1.0], [1.0, 1.0], [1.0, 1.0], 0.0, np.array([True, False]))
    result = conditioning.spectrum(half)
    assert result.eigenvalues.tolist() == [-0.5 + 3j, -1.0, -0.5 - 3j]
    assert result.source == "diagonal"
    assert not result.uncertainty.any()
    heads = StateSpace(np.stack([random_matrix(1, 4), random_matrix(2, 4)]), np.ones(4), np.ones(4))
    assert conditioning.spectrum(heads).eigenvalues.shape == (2, 4)
    discrete = DiscreteDiagonal([0.5, -0.25], [1.0, 1.0], [1.0, 1.0], 0.0, 1.0)
    assert conditioning.spectrum(discrete).radius == 0.5
    assert conditioning.spectrum("s4d-lin", 4).eigenvalues.shape == (4,)
    single = StateSpace(random_matrix(3, 3).astype(np.float32), np.ones(3, np.float32), np.ones(3, np.float32))
    assert conditioning.spectrum(single).eigenvalues.dtype == np.complex128


# --- the circle of Algorithm 1 ----------------------------------------------------------------------------------------


@given(st.integers(0, 100), st.integers(1, 40), st.sampled_from([None, 1.0, 0.9]), st.sampled_from(["bilinear", "zoh"]))
@settings(max_examples=60)
def test_node_pole_distance_against_all_pairs(seed, L, radius, rule):
    rng = np.random.default_rng(seed)
    Lambda = -rng.random(3) + 10j * rng.normal(size=3)
    system = Diagonal(Lambda, np.ones(3), np.ones(3))
    result = conditioning.node_pole_distance(system, 0.3, L, radius, rule)
    z = (1 + 0.15 * Lambda) / (1 - 0.15 * Lambda) if rule == "bilinear" else np.exp(0.3 * Lambda)
    r = 0.5 ** (1 / L) if radius is None else radius
    omega = r * np.exp(-2j * np.pi * np.arange(L) / L)
    everything = np.abs(1 - z[:, None] * omega)
    assert abs(float(result) - everything.min()) <= 40 * U
    assert abs(everything[np.argmin(np.abs(z - result.pole)), result.node] - everything.min()) <= 40 * U
    if radius is None:
        assert float(result) >= 1 - r - 4 * U


def test_node_pole_collisions_of_marginal_systems():
    system = DPLR([0.0, 1j, -1j], np.ones((3, 1)), np.ones((3, 1)), np.ones(3), np.ones(3))
    assert float(conditioning.node_pole_distance(system, 0.1, 64, radius=1.0)) == 0.0  # the zero mode sits on omega = 1
    safe = conditioning.node_pole_distance(system, 0.1, 64)
    assert abs(float(safe) - (1 - 0.5 ** (1 / 64))) <= 4 * U
    # the poles that matter are those of the diagonal part, not those of the whole matrix
    assert float(conditioning.node_pole_distance(system, 0.1, 64, radius=1.0, discretization="zoh")) > 1e-3


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_poles_of_the_diagonal_part_under_every_gbt_rule(alpha):
    Lambda, ones = np.array([-0.3 + 2j, -1.0]), np.ones(2)
    low = DPLR(Lambda, ones[:, None], ones[:, None], ones, ones)
    result = conditioning.node_pole_distance(low, 0.5, 12, 1.0, "gbt", alpha)
    z = (1 + 0.5 * (1 - alpha) * Lambda) / (1 - 0.5 * alpha * Lambda)
    everything = np.abs(1 - z[:, None] * np.exp(-2j * np.pi * np.arange(12) / 12))
    assert abs(float(result) - everything.min()) <= 40 * U


def test_condition_of_the_truncation():
    diagonal = conditioning.condition_report(Diagonal([-1.0, -3.0], [1.0, 1.0], [1.0, 1.0]), 1.0, 3, "backward_euler")
    powers = np.array([0.5**3, 0.25**3])
    for factor, found in (
        (1.0, diagonal.truncation_condition_unit_circle),
        (0.5, diagonal.truncation_condition_half),
    ):
        terms = 1 - factor * powers
        assert abs(found - terms.max() / terms.min()) <= 20 * U
    Q = rotation(2)
    dense = StateSpace(Q @ np.diag([-1.0, -3.0]) @ Q.T, np.ones(2), np.ones(2))  # an orthonormal change of basis
    report = conditioning.condition_report(dense, 1.0, 3, "backward_euler")
    assert abs(report.truncation_condition_unit_circle - diagonal.truncation_condition_unit_circle) <= 200 * U


# --- the report -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["legs", "legt", "lagt", "fout"])
@pytest.mark.parametrize("N", [1, 2, 5, 48])
def test_reports_of_stable_families(family, N):
    system = hippo(family, N).state_space(np.ones(N))
    for rule in ("bilinear", "backward_euler", "zoh"):
        report = conditioning.condition_report(system, 0.01, 256, rule)
        assert report.stable is True
        assert report.method is not None
        assert report.spectral_radius <= 1 + max(report.spectral_radius_uncertainty, 8 * N * U)
        assert (
            report.node_pole_distance_half >= (1 - 0.5 ** (1 / 256)) * (1 - 1e-6) - report.spectral_radius_uncertainty
        )
        assert report.truncation_condition_half < 1e4  # |I - A^L/2| <= 3/2, and its inverse is bounded by 2 if |A| <= 1
    if family == "fout" and N > 1:  # A has an exact eigenvalue 0
        assert report.truncation_condition_unit_circle > 1e12
        assert "lose" in report.reason


def test_stability_of_systems_that_are_not_dissipative():
    growing = StateSpace([[0.1, 1.0], [0.0, -1.0]], np.ones(2), np.ones(2))
    transient = StateSpace([[-1.0, 9.0], [0.0, -2.0]], np.ones(2), np.ones(2))  # numerical abscissa 3.03
    for rule in ("bilinear", "backward_euler", "zoh", "foh"):
        assert conditioning.condition_report(growing, 0.1, 16, rule).stable is False
        report = conditioning.condition_report(transient, 0.1, 16, rule)
        assert report.stable is True
        assert "spectral radius" in report.stability
        assert report.numerical_abscissa > 3
    hidden = hippo("lmu", 48).state_space(np.ones(48))  # float64 has lost its eigenvalues, and it is not dissipative
    report = conditioning.condition_report(hidden, 1e-3, 16)
    assert report.stable is None
    assert report.stability.startswith("Not decided")


@pytest.mark.parametrize(("N", "ratio"), [(4, 1.288), (8, 2.217), (16, 3.733)])
def test_report_finds_the_stability_threshold_of_lmu_under_euler(N, ratio):
    for factor, stable in ((1.01, True), (0.99, False)):
        system = hippo("lmu", N, theta=ratio * factor * N).state_space(np.ones(N))
        report = conditioning.condition_report(system, 1.0, 64, "euler")
        assert report.stable is stable
        assert (report.spectral_radius < 1) == stable
        assert report.stability.startswith("Stable" if stable else "Unstable")


def test_report_of_heads_is_that_of_the_worst():
    A = np.stack([hippo("legs", 6).A, 2 * hippo("legs", 6).A])
    dt = np.array([0.01, 0.02])
    both = conditioning.condition_report(StateSpace(A, np.ones(6), np.ones(6)), dt, 32, "euler")
    singles = []
    for a, h in zip(A, dt, strict=True):
        singles.append(conditioning.condition_report(StateSpace(a, np.ones(6), np.ones(6)), h, 32, "euler"))
    assert both.heads == 2
    assert (both.dt_least, both.dt_largest) == (0.01, 0.02)
    for name in ("spectral_abscissa", "numerical_abscissa", "spectral_radius", "eigenvector_condition"):
        assert getattr(both, name) == max(getattr(single, name) for single in singles)
    for name in ("node_pole_distance_unit_circle", "node_pole_distance_half"):
        assert getattr(both, name) == min(getattr(single, name) for single in singles)


def test_report_names_the_form():
    pairs = Diagonal([-0.5 + 3j], [1.0], [1.0], 0.0, True)
    for system, conjugate, diagonal, word in (
        (pairs, True, True, "stored by conjugate pairs"),
        (pairs.full(), True, True, "would halve"),
        (Diagonal([-0.5 + 3j], [1.0], [1.0]), False, True, "not a real system"),
        (Diagonal([-0.5], [1.0], [1.0]), False, True, "real modes"),
        (hippo("legs", 30).state_space(np.ones(30)), True, False, "fewer than eight digits"),
        (StateSpace([[-1.0, 1.0], [-1.0, -1.0]], [1.0, 0.0], [1.0, 0.0]), True, True, "safe"),
    ):
        report = conditioning.condition_report(system, 0.1, 16)
        assert (report.conjugate_pairs, report.diagonal_form) == (conjugate, diagonal)
        assert word in report.form


def test_report_of_an_overflowing_kernel_still_says_why():
    report = conditioning.condition_report(Diagonal([-1.0], [1.0], [1.0]), 100.0, 4000, "euler")
    assert report.stable is False
    assert report.method is None
    assert "overflow" in report.reason
    assert "Unstable" in str(report)


def test_results_are_json_and_draw():
    figure = pytest.importorskip("matplotlib.figure")
    A = random_matrix(5, 4)
    system = StateSpace(A - 5 * np.eye(4), np.ones(4), np.ones(4))
    for result in (
        conditioning.eigenvector_condition(A),
        conditioning.henrici_departure(A),
        conditioning.numerical_abscissa(A),
        conditioning.spectral_abscissa(A),
        conditioning.node_pole_distance(system, 0.1, 16),
        conditioning.spectrum(system),
        conditioning.condition_report(system, 0.1, 16),
    ):
        json.dumps(result.to_dict(), allow_nan=False)
        ax = figure.Figure().subplots()
        assert result.plot(ax) is ax
    screen = str(conditioning.condition_report(system, 0.1, 16))
    assert len(screen.splitlines()) == 16
    for word in ("spectral abscissa", "numerical abscissa", "spectral radius", "node-pole distance", "kernel method"):
        assert word in screen


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: conditioning.eigenvector_condition(np.zeros((2, 3))), ValueError, "`A` must have shape"),
        (lambda: conditioning.eigenvector_condition(np.zeros((2, 2, 2))), ValueError, "`A` must be one matrix"),
        (lambda: conditioning.henrici_departure([[np.nan]]), ValueError, "`A` must be finite"),
        (lambda: conditioning.numerical_abscissa("legs"), TypeError, "`A` must be an array"),
        (lambda: conditioning.spectrum("legs"), TypeError, "`N` must be given"),
        (lambda: conditioning.spectrum("chebyshev", 4), ValueError, "`source` must be one of legs"),
        (lambda: conditioning.spectrum(np.eye(2), 2), ValueError, "`N` must be given with the name"),
        (lambda: conditioning.condition_report(np.eye(2), 0.1, 4), TypeError, "`system` must be a continuous"),
        (lambda: conditioning.node_pole_distance(Diagonal([1.0], [1.0], [1.0]), 0.1, 0), ValueError, "`L` must"),
        (lambda: conditioning.node_pole_distance(Diagonal([1.0], [1.0], [1.0]), 0.1, 4, -1.0), ValueError, "`radius`"),
    ],
)
def test_bad_input(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
