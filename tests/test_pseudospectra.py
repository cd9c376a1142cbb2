"""Pseudospectra, their extremes, and numerical ranges: against singular values, closed forms, and the literature."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import _level_sets, pseudospectra
from ssm_numerics._resolvent import low_rank

U = 2.0**-53
LANCZOS = 5e-3  # promised relative error of sigma_min


def random_matrix(seed, n, is_complex=False):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, n))
    return A + 1j * rng.normal(size=(n, n)) if is_complex else A


def rotation(n, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


def grcar(n):
    """-1 below the diagonal, 1 on it and on three superdiagonals (Grcar 1989; Trefethen & Embree, section 7)."""
    return sum(np.diag(np.ones(n - k), k) for k in range(4)) - np.diag(np.ones(n - 1), -1)


def kahan(n):
    """Kahan's matrix with s^(n-1) = 1/10 (Trefethen & Embree, section 2), and its inverse in closed form."""
    s = 0.1 ** (1 / (n - 1))
    c = np.sqrt(1 - s**2)
    upper = np.triu(np.ones((n, n)), 1)
    rows = s ** np.arange(n)
    gaps = np.arange(n)[None, :] - np.arange(n)[:, None]
    inverse = np.where(gaps > 0, c * (1 + c) ** np.maximum(gaps - 1, 0), np.eye(n)) / rows[None, :]
    return rows[:, None] * (np.eye(n) - c * upper), inverse


def svd(A, z):
    return np.linalg.svd(z[..., None, None] * np.eye(len(A)) - A, compute_uv=False)[..., -1]


# --- sigma_min on a grid ----------------------------------------------------------------------------------------------


@given(st.integers(0, 99), st.integers(1, 40), st.booleans(), st.sampled_from(["full", "upper", "lower", "normal"]))
@settings(max_examples=40)
def test_against_singular_values(seed, n, is_complex, kind):
    A = random_matrix(seed, n, is_complex)
    if kind == "normal":
        Q = rotation(n, seed)
        A = (Q * np.diagonal(A)) @ Q.T
    A = {"upper": np.triu(A), "lower": np.tril(A)}.get(kind, A)
    result = ssm.pseudospectrum(A, n=9)
    assert result.z.shape == result.sigma_min.shape == (9, 9)
    assert (np.diff(result.z.real, axis=1) > 0).all()
    assert (np.diff(result.z.imag, axis=0) > 0).all()
    size = np.linalg.norm(A, 2) + np.abs(result.z).max()
    assert (np.abs(result.sigma_min - svd(A, result.z)) <= LANCZOS * result.sigma_min + 4 * n * U * size).all()
    if kind == "normal":
        distance = np.abs(result.z[..., None] - np.linalg.eigvals(A)).min(axis=-1)
        np.testing.assert_allclose(result.sigma_min, distance, rtol=LANCZOS, atol=10 * n * U * size)


STRUCTURED = {
    "legs": lambda: ssm.hippo("legs", 20),
    "lagt": lambda: ssm.hippo("lagt", 21),
    "glagt": lambda: ssm.hippo("glagt", 12, alpha=0.3),
    "legt": lambda: ssm.hippo("legt", 15),
    "fout": lambda: ssm.hippo("fout", 17),
    "foud": lambda: ssm.hippo("foud", 16),
    "structured": lambda: ssm.hippo("legs", 9).structured_state_space(np.ones(9)),
    "dplr": lambda: ssm.nplr("legt", 11).to_dplr(np.ones(11)),
    "discrete dplr": lambda: ssm.discretize(ssm.nplr("legs", 10).to_dplr(np.ones(10)), 0.1),
    "diagonal": lambda: ssm.diagonal_init("s4d-lin", 12),
    "discrete diagonal": lambda: ssm.discretize(ssm.diagonal_init("s4d-inv", 8), 0.1, "zoh"),
}


@pytest.mark.parametrize("name", STRUCTURED)
def test_structured_resolvents_are_the_dense_one(name):
    source = STRUCTURED[name]()
    result = ssm.pseudospectrum(source, n=14, method="structured")
    dense = ssm.pseudospectrum(source, region=box(result), n=14, method="schur")
    # rounding of both; Woodbury may lose another factor |P||Q|/distance, at most 1/sqrt(u)
    slack = 2 * LANCZOS * dense.sigma_min + 4 * max(result.rounding_level, dense.rounding_level)
    assert (np.abs(result.sigma_min - dense.sigma_min) <= slack).all()
    np.testing.assert_allclose(result.eigenvalues, dense.eigenvalues)


def box(result):
    return result.z.real.min(), result.z.real.max(), result.z.imag.min(), result.z.imag.max()


def test_points_on_poles_are_moved_by_less_than_they_matter():
    Lambda, P = np.array([-1.0, 2j, -2j]), np.array([[1.0], [0.5], [0.5]])
    A = np.diag(Lambda) - P @ P.T
    found = pseudospectra.least_singular_values(low_rank(Lambda, P.astype(complex), P.astype(complex)), Lambda)
    norm = np.abs(Lambda).max() + np.linalg.norm(P) ** 2
    assert (np.abs(found - svd(A, Lambda)) <= LANCZOS * found + 2 * np.sqrt(U) * norm).all()


@pytest.mark.parametrize("n", [10, 11])
def test_real_matrices_are_mirrored_exactly(n):
    result = ssm.pseudospectrum(random_matrix(3, 7), n=n)
    assert (result.sigma_min == result.sigma_min[::-1]).all()
    assert (result.z == result.z[::-1].conj()).all()


def test_large_orders_go_through_their_structure():
    result = ssm.pseudospectrum(ssm.hippo("legs", 1100), region=(0.0, 100.0, -100.0, 100.0), n=2)
    assert result.method == "structured"
    assert not result.eigenvalues.size
    # e^{tA} is a contraction with |e^{tA}| <= e^{-t/2}: sigma_min(z - A) >= Re z + 1/2
    assert (result.sigma_min >= (result.z.real + 0.5) * (1 - LANCZOS)).all()


# --- literature -------------------------------------------------------------------------------------------------------


def test_kahan_matrix_by_its_inverse():
    for n in (8, 32):
        A, inverse = kahan(n)
        assert np.abs(A @ inverse - np.eye(n)).max() <= 10 * n * U * np.abs(A).max() * np.abs(inverse).max()
        result = ssm.pseudospectrum(A, region=(-1.0, 1.0, -1.0, 1.0), n=3)
        exact = 1 / np.linalg.norm(inverse, 2)
        assert abs(result.sigma_min[1, 1] - exact) <= LANCZOS * exact + n * U * np.linalg.norm(A)
    assert exact < 1e-3 * np.abs(np.diagonal(A)).min()  # Kahan's point: far smaller than the last diagonal entry


def test_grcar_matrix_follows_its_symbol():
    """Inside the curve -t + 1 + 1/t + 1/t^2 + 1/t^3, |t| = 1, sigma_min falls geometrically with n; outside it stays.

    Reichel & Trefethen, Linear Algebra Appl. 162 (1992): the curve winds around 1.5 + 1.5i and not around 4 or -2.
    """
    t = np.exp(2j * np.pi * np.arange(4000) / 4000)
    curve = -t + 1 + 1 / t + 1 / t**2 + 1 / t**3
    points = np.array([1.5 + 1.5j, 4.0 + 0j, -2.0 + 0j])
    turned = np.angle(np.roll(curve, -1)[:, None] - points, deg=False) - np.angle(curve[:, None] - points)
    winding = np.round(np.sum((turned + np.pi) % (2 * np.pi) - np.pi, axis=0) / (2 * np.pi))
    assert winding[0] != 0
    assert (winding[1:] == 0).all()
    sizes = (16, 32, 64)
    at = [pseudospectra.least_singular_values(pseudospectra.of_matrix(grcar(n)), points) for n in sizes]
    inside, outside = np.array(at)[:, 0], np.array(at)[:, 1:]
    assert inside[1] < inside[0] ** 1.5
    assert inside[2] < inside[1] ** 1.5
    assert (outside > 0.1).all()
    result = ssm.pseudospectrum(grcar(32), n=40)  # figure 7.1: nearly every eigenvalue moves under 1e-3
    assert (svd(grcar(32), result.eigenvalues) < 1e-3).all()


def test_balls_below_rounding_by_a_closed_inverse():
    """(z - J)^-1 of a Jordan block has entries z^-(k+1): its norm is known where float64 only sees rounding."""
    n, z = 24, 0.125
    J = np.diag(np.ones(n - 1), 1)
    gaps = np.arange(n)[None, :] - np.arange(n)[:, None]
    exact = 1 / np.linalg.norm(np.where(gaps >= 0, 8.0 ** (np.maximum(gaps, 0) + 1), 0.0), 2)
    assert exact < 1e-20
    region = (z - 1, z + 1, -1.0, 1.0)
    pytest.importorskip("flint")
    balls = ssm.pseudospectrum(J, region=region, n=3, method="ball")
    assert abs(balls.sigma_min[1, 1] - exact) <= 16 * n * U * exact
    floats = ssm.pseudospectrum(J, region=region, n=3)
    assert floats.is_rounding[1, 1]
    elsewhere = ~floats.is_rounding
    np.testing.assert_allclose(floats.sigma_min[elsewhere], balls.sigma_min[elsewhere], rtol=LANCZOS)


def test_balls_agree_with_floats_above_rounding():
    pytest.importorskip("flint")
    A = ssm.hippo("legt", 8)
    balls, floats = (ssm.pseudospectrum(A, n=6, method=method) for method in ("ball", "schur"))
    slack = LANCZOS * balls.sigma_min + 4 * floats.rounding_level
    assert (np.abs(balls.sigma_min - floats.sigma_min) <= slack).all()
    assert (np.abs(balls.sigma_min - svd(A.A, balls.z)) <= 4 * floats.rounding_level).all()


# --- extremes ---------------------------------------------------------------------------------------------------------


@given(st.integers(0, 99), st.integers(1, 10), st.booleans(), st.sampled_from([1e-3, 0.1, 1.0]))
@settings(max_examples=25)
def test_extremes_hold_the_grid_and_lie_in_the_numerical_range(seed, n, is_complex, epsilon):
    A = random_matrix(seed, n, is_complex)
    size = np.linalg.norm(A, 2) + epsilon
    slack = 1e-6 * size  # criss-cross ends when a step gains less than 1e-9 |A|; its level sets are known to sqrt(u)
    abscissa, radius = ssm.pseudospectral_abscissa(A, epsilon), ssm.pseudospectral_radius(A, epsilon)
    values = np.linalg.eigvals(A)
    W = ssm.numerical_range(A)
    assert abscissa.residual <= slack
    assert radius.residual <= slack
    assert values.real.max() + epsilon - slack <= abscissa.value <= W.abscissa + epsilon + slack
    assert np.abs(values).max() + epsilon - slack <= radius.value <= W.radius_upper + epsilon + slack
    rng = np.random.default_rng(seed)
    for _ in range(20):  # eigenvalues of A + E, |E| = epsilon
        E = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
        moved = np.linalg.eigvals(A + epsilon * E / np.linalg.norm(E, 2))
        assert moved.real.max() <= abscissa.value + slack
        assert np.abs(moved).max() <= radius.value + slack
    grid = ssm.pseudospectrum(A, n=15, levels=[epsilon])
    assert not grid.abscissae[0] > abscissa.value + 2 * LANCZOS * epsilon + slack
    assert not grid.radii[0] > radius.value + 2 * LANCZOS * epsilon + slack


def test_extremes_of_normal_matrices_are_eigenvalues_and_epsilon():
    A = np.diag([-1.0, -0.5 + 2j, -0.5 - 2j])
    abscissa = ssm.pseudospectral_abscissa(A, 0.25)
    assert abs(float(abscissa) + 0.25) <= 1e-8
    assert len(abscissa.points) == 1 or np.abs(np.abs(abscissa.points.imag) - 2).max() <= 1e-6
    assert abs(float(ssm.pseudospectral_radius(A, 0.25)) - abs(0.5 + 2j) - 0.25) <= 1e-8


@given(st.integers(0, 50), st.integers(1, 8), st.floats(-3.0, 3.0), st.floats(0.05, 2.0))
@settings(max_examples=25)
def test_crossings_are_where_sigma_is_a_singular_value(seed, n, height, x):
    A = random_matrix(seed, n, is_complex=True)
    for curves in (_level_sets.LINES, _level_sets.CIRCLES):
        z = curves.point(x, np.array([height]))
        sigma = svd(A, z)[0]
        t = curves.crossings(A, x, sigma)
        assert np.abs(t - height).min() <= 1e-5 * (1 + abs(height))  # eigenvalues of order 2N, double ones to sqrt(u)
        everywhere = np.linalg.svd(curves.point(x, t)[:, None, None] * np.eye(n) - A, compute_uv=False)
        assert (np.abs(everywhere - sigma).min(axis=1) <= 1e-5 * (np.linalg.norm(A, 2) + 5)).all()
    sigma = svd(A, np.array([x + 1j * height]))[0]
    right = _level_sets.on_horizontal_line(A, height, sigma)
    assert right >= x - 1e-5 * (1 + x)
    everywhere = np.linalg.svd((right + 1j * height) * np.eye(n) - A, compute_uv=False)
    assert np.abs(everywhere - sigma).min() <= 1e-5 * (np.linalg.norm(A, 2) + 5)


# --- numerical range --------------------------------------------------------------------------------------------------


@given(st.integers(0, 99), st.integers(1, 8), st.booleans())
@settings(max_examples=40)
def test_numerical_range_lies_between_its_polygons(seed, n, is_complex):
    A = random_matrix(seed, n, is_complex)
    W, slack = ssm.numerical_range(A, 24), 10 * (n + 24) * U * np.linalg.norm(A)  # vertices lie at 1/sin(2 pi/24)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(50, n)) + 1j * rng.normal(size=(50, n))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    points = np.concatenate([np.einsum("ki,ij,kj->k", x.conj(), A, x), np.linalg.eigvals(A)])
    directions = np.exp(-2j * np.pi * np.arange(24) / 24)
    tangents = (directions[:, None] * W.outer[None, :]).real.max(axis=1)
    slack *= 1 + ssm.eigenvector_condition(A).value  # of the eigenvalues among the points
    assert ((directions[:, None] * points[None, :]).real.max(axis=1) <= tangents + slack).all()
    support = (directions * W.boundary).real
    assert (np.abs(tangents - support) <= slack).all()  # every tangent touches its point and bounds the outer polygon
    assert abs(W.abscissa - float(ssm.numerical_abscissa(A))) <= slack
    assert W.radius <= W.radius_upper <= W.radius / np.cos(np.pi / 24) + slack


def test_numerical_range_of_a_jordan_block_is_a_disk():
    n = 5  # radius cos(pi/(n+1)) (Haagerup and de la Harpe 1992)
    W = ssm.numerical_range(np.diag(np.ones(n - 1), 1))
    np.testing.assert_allclose(np.abs(W.boundary), np.cos(np.pi / (n + 1)), rtol=20 * n * U)


# --- results and errors -----------------------------------------------------------------------------------------------


def test_results_are_json_and_draw():
    figure = pytest.importorskip("matplotlib.figure")
    results = (
        ssm.pseudospectrum(ssm.hippo("legs", 24), n=20),
        ssm.pseudospectrum([[1.0]], n=3),
        ssm.pseudospectrum(ssm.discretize(ssm.hippo("lmu", 6).state_space(np.ones(6)), 0.05), n=20),
        ssm.pseudospectral_abscissa(np.eye(2), 0.1),
        ssm.numerical_range(ssm.hippo("lmu", 5)),
    )
    assert results[0].is_rounding.any()
    assert (np.diff(results[0].levels) > 0).all()
    assert results[0].levels[0] >= results[0].rounding_level
    for result in results:
        json.dumps(result.to_dict(), allow_nan=False)
        ax = figure.Figure().subplots()
        assert result.plot(ax) is ax


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ssm.pseudospectrum(np.eye(2), region=(1, 0, 0, 1)), "`region` must be"),
        (lambda: ssm.pseudospectrum(np.eye(2), method="svd"), "`method` must be one of"),
        (lambda: ssm.pseudospectrum(np.eye(2), method="structured"), "`method` must be schur or ball"),
        (lambda: ssm.pseudospectrum(ssm.hippo("lmu", 4), method="structured"), "`method` must be schur or ball"),
        (lambda: ssm.pseudospectrum(ssm.hippo("legs", 2000)), "`region` must be given"),
        (lambda: ssm.pseudospectrum(np.eye(2), n=10**6), "`n` must fit"),
        (lambda: ssm.pseudospectrum(np.eye(2), levels=[0.0]), "`levels` must be positive"),
        (lambda: ssm.pseudospectral_abscissa(np.eye(2), 0.0), "`epsilon` must be greater"),
        (lambda: ssm.numerical_range(np.ones((2, 3))), "`A` must have shape"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_resolvent_that_overflows_is_below_rounding():
    """LagT is a Jordan block: near its eigenvalue the resolvent leaves the range of float64."""
    found = ssm.pseudospectrum(ssm.hippo("lagt", 32), region=(-1.0, 0.0, -0.5, 0.5), n=5)  # the eigenvalue is a node
    assert np.isfinite(found.sigma_min).all() and found.sigma_min[2, 2] <= U * np.linalg.norm(ssm.hippo("lagt", 32).A)
    assert np.isfinite(ssm.pseudospectrum(ssm.hippo("lagt", 32), n=8).sigma_min).all()
