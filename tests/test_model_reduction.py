"""Gramians, H2 norm, Hankel singular values, balanced truncation: residuals, exact fractions, SciPy, python-control."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import hankel, solve_continuous_lyapunov, solve_discrete_lyapunov
from threadpoolctl import threadpool_limits

import ssm_numerics as ssm
from ssm_numerics._gramian_factors import diagonal_factor

U = 2.0**-53


def systems(seed, n):
    """Stable systems of every structure, real and complex."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    A = noise - noise.conj().T - np.diag(0.2 + rng.random(n)) + np.triu(rng.normal(size=(n, n)), 1)
    A = A - max(np.linalg.eigvals(A).real.max() + 0.1, 0) * np.eye(n)
    B, C = (rng.normal(size=n) + 1j * rng.normal(size=n) for _ in "BC")
    Lambda = -0.1 - rng.random(n) + 5j * rng.normal(size=n)
    P = rng.normal(size=(n, 1)) + 1j * rng.normal(size=(n, 1))
    yield ssm.StateSpace(A, B, C)
    yield ssm.StateSpace(A.real - 3 * n * np.eye(n), B.real, C.real)
    yield ssm.Diagonal(Lambda, B, C)
    yield ssm.Diagonal(Lambda, B, C, conjugate_pairs=True)
    yield ssm.DPLR(Lambda, P, P, B, C)
    yield ssm.DPLR(Lambda, P, P, B, C, conjugate_pairs=True)


def matrices(system):
    """A, B, C in the basis of `gramians`."""
    s = system.full() if isinstance(system, (ssm.Diagonal, ssm.DiscreteDiagonal)) else system
    s = s.to_dense()
    return (s.A_bar, s.B_bar, s.C) if hasattr(s, "dt") else (s.A, s.B, s.C)


@given(st.integers(0, 99), st.integers(1, 9))
@settings(max_examples=15)
def test_lyapunov_equations(seed, n):
    for system in systems(seed, n):
        A, B, C = matrices(system)
        g = ssm.gramians(system)
        for M, b, W, L in (
            (A, B, g.controllability, g.controllability_factor),
            (A.conj().T, C.conj(), g.observability, g.observability_factor),
        ):
            size = np.linalg.norm(M) * np.linalg.norm(W)
            assert np.linalg.norm(M @ W + W @ M.conj().T + np.outer(b, b.conj())) <= 16 * len(M) * U * size
            assert np.linalg.norm(L @ L.conj().T - W) <= 16 * len(M) * U * np.linalg.norm(W)
            assert np.isrealobj(W) == (system.output_dtype.kind == "f" and not np.iscomplexobj(M))
        expected = solve_continuous_lyapunov(A, -np.outer(B, B.conj()))
        slack = 100 * n * U * np.linalg.norm(A) * np.linalg.norm(expected) / -np.linalg.eigvals(A).real.max()
        assert np.linalg.norm(expected - g.controllability) <= slack * ssm.eigenvector_condition(A).value ** 2


@given(st.integers(0, 99), st.integers(1, 6), st.sampled_from(["bilinear", "zoh", "backward_euler"]))
@settings(max_examples=15)
def test_stein_equations(seed, n, rule):
    for system in systems(seed, n):
        discrete = ssm.discretize(system, 0.2, rule)
        A, B, C = matrices(discrete)
        g = ssm.gramians(discrete)
        gap = 1 - np.abs(np.linalg.eigvals(A)).max()
        slack = 100 * len(A) * U * (1 + np.linalg.norm(A)) ** 2 * ssm.eigenvector_condition(A).value ** 2 / gap
        W, R = g.controllability, g.observability
        assert np.linalg.norm(A @ W @ A.conj().T - W + np.outer(B, B.conj())) <= slack * np.linalg.norm(W)
        assert np.linalg.norm(A.conj().T @ R @ A - R + np.outer(C.conj(), C)) <= slack * np.linalg.norm(R)
        expected = solve_discrete_lyapunov(A, np.outer(B, B.conj()), method="direct")
        assert np.linalg.norm(expected - W) <= slack * np.linalg.norm(W)


def test_bilinear_steps_have_the_continuous_gramian():
    """B_bar = (I - hA)^-1 dt B is sqrt(dt) times the input that Tustin's transform keeps Gramians with."""
    system = next(systems(3, 6))
    for dt in (1e-6, 0.1):
        W, discrete = ssm.gramians(system).controllability, ssm.gramians(ssm.discretize(system, dt)).controllability
        condition = ssm.eigenvector_condition(system.A).value ** 2
        np.testing.assert_allclose(discrete, dt * W, atol=1e4 * U * condition * dt * np.linalg.norm(W))


def test_cauchy_factors_keep_every_digit():
    """W_ij = 1/(i + j + 1) with unit inputs is Hilbert's matrix; LDL' in fractions gives every pivot exactly."""
    n = 14
    Lambda, ones = -(np.arange(n) + 0.5), np.ones(n)
    L = diagonal_factor(Lambda, ones)
    rows = [[Fraction(1, i + j + 1) for j in range(n)] for i in range(n)]
    left = list(range(n))
    for column in range(n):
        k = max(left, key=lambda i: rows[i][i])
        pivot = rows[k][k]
        exact = [float(rows[i][k]) / float(pivot) ** 0.5 if i in left else 0.0 for i in range(n)]
        np.testing.assert_allclose(L[:, column], exact, rtol=16 * n * U, atol=0)
        for i in left:
            if i != k:
                factor = rows[i][k] / pivot
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
        left.remove(k)
    assert abs(L[k, n - 1]) ** 2 < 1e-17  # what float64 sees of W is gone by then
    np.testing.assert_allclose(L @ L.conj().T, 1 / (np.add.outer(np.arange(n), np.arange(n)) + 1), rtol=16 * n * U)


def test_legs_shifted_by_half_has_the_identity():
    op = ssm.hippo("legs", 12)  # (A + I/2) + (A + I/2)' + B B' = 0
    g = ssm.gramians(ssm.StateSpace(op.A + 0.5 * np.eye(12), op.B, np.ones(12)))
    np.testing.assert_allclose(g.controllability, np.eye(12), atol=16 * 12 * U * np.linalg.norm(op.A))


# --- Hankel singular values and H2 ------------------------------------------------------------------------------------


@given(st.integers(0, 99), st.integers(1, 6))
@settings(max_examples=8)
def test_hankel_matrix_and_energy_of_the_kernel(seed, n):
    for system in systems(seed, n):
        discrete = ssm.discretize(system, 5.0, "backward_euler")
        radius = np.abs(discrete.poles()).max()
        L = int(min(np.log(1e-18) / np.log(radius), 60)) + 2
        K = ssm.convolution_kernel(discrete, 2 * L)
        values = ssm.hankel_singular_values(discrete)
        with threadpool_limits(1, user_api="blas"):  # many small factorizations
            expected = np.linalg.svd(hankel(K[:L], K[L - 1 : -1]), compute_uv=False)[: values.values.size]
        slack = 100 * L * U * expected[0] * ssm.eigenvector_condition(discrete.to_dense().A_bar).value ** 2
        tail = np.abs(K[L:]).max() * L  # what the finite matrix leaves out
        m = min(expected.size, values.values.size)
        assert np.abs(values.values[:m] - expected[:m]).max() <= slack + tail
        energy = np.sqrt(np.sum(np.abs(K) ** 2))
        assert abs(float(ssm.h2_norm(discrete)) - energy) <= slack + tail


def test_h2_norm_counts_the_direct_term_where_it_meets_the_kernel():
    step = ssm.discretize(ssm.Diagonal([-1.0], [1.0], [2.0], D=3.0), 0.5)
    K = ssm.convolution_kernel(step, 200)
    K[0] += 3.0
    assert abs(float(ssm.h2_norm(step)) - np.linalg.norm(K)) <= 200 * U * np.linalg.norm(K)
    assert float(ssm.h2_norm(ssm.Diagonal([-1.0], [1.0], [2.0], D=3.0))) == np.inf


def test_diagonal_and_dense_agree_and_tiny_values_survive():
    system = ssm.Diagonal(-(np.arange(12) + 0.5), np.ones(12), np.ones(12))  # Gramian and Hankel operator are Hilbert's
    values = ssm.hankel_singular_values(system)
    eigenvalues = np.linalg.eigvalsh(1 / (np.add.outer(np.arange(12), np.arange(12)) + 1.0))[::-1]
    assert np.abs(values.values - eigenvalues).max() <= values.uncertainty
    dense = ssm.hankel_singular_values(system.to_dense())
    assert np.abs(values.values - dense.values).max() <= values.uncertainty
    assert values.bounds[0] == pytest.approx(2 * values.values.sum(), rel=16 * U)


# --- balanced truncation ----------------------------------------------------------------------------------------------


@given(st.integers(0, 99), st.integers(2, 8), st.booleans())
@settings(max_examples=15)
def test_truncation_error_lies_between_its_bounds(seed, n, discrete):
    for system in systems(seed, n):
        system = ssm.discretize(system, 0.3) if discrete else system
        order = max(n // 2, 1)
        reduced = ssm.balanced_truncation(system, order)
        poles = reduced.system.poles()
        assert (np.abs(poles) < 1).all() if discrete else (poles.real < 0).all()
        assert reduced.system.output_dtype == system.output_dtype
        w = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 400)])
        w = np.concatenate([-w[::-1], w])
        points = np.exp(1j * np.linspace(-np.pi, np.pi, 801)) if discrete else 1j * w
        error = np.abs(system.transfer_function(points) - reduced.system.transfer_function(points)).max()
        sigma = reduced.hankel_singular_values
        slack = 1e4 * n * U * sigma[0] * ssm.eigenvector_condition(matrices(system)[0]).value ** 2
        assert error <= reduced.error_bound + slack
        assert reduced.lower_bound == (sigma[reduced.order] if reduced.order < sigma.size else 0.0)


def test_full_order_keeps_the_transfer_function():
    system = ssm.hippo("legt", 6).state_space(np.arange(1.0, 7.0), D=0.5)
    for case in (system, ssm.discretize(system, 0.1, "zoh")):
        same = ssm.balanced_truncation(case, 6)
        points = np.exp(1j * np.linspace(0.1, 3, 20)) * (1.5 if case is not system else 10)
        assert same.error_bound <= 2 * 16 * 6 * U * same.hankel_singular_values[0] or same.order == 6
        difference = case.transfer_function(points) - same.system.transfer_function(points)
        assert np.abs(difference).max() <= 1e4 * U * np.abs(case.transfer_function(points)).max()


def test_legs_needs_few_states():
    """Output n of LegS hears the n + 1 states before it only, and its truncation finds that out."""
    reduced = ssm.balanced_truncation(ssm.hippo("legs", 32).state_space(np.eye(32)[3]), 8)
    assert reduced.order == reduced.system.n_states == 4
    assert reduced.error_bound <= 2 * 32 * 16 * 32 * U * reduced.hankel_singular_values[0]


# --- python-control, results and errors -------------------------------------------------------------------------------


def test_python_control_agrees():
    control = pytest.importorskip("control")
    system = list(systems(5, 5))[1]
    theirs = control.ss(system.A, system.B[:, None], system.C[None], [[0.0]])
    g = ssm.gramians(system)
    slack = 1e3 * U * np.linalg.norm(g.controllability) * ssm.eigenvector_condition(system.A).value ** 2
    W = control.lyap(system.A, np.outer(system.B, system.B))
    assert np.abs(W - g.controllability).max() <= slack
    H2 = float(ssm.h2_norm(system))
    assert abs(control.system_norm(theirs, 2) - H2) <= np.sqrt(U) * H2  # the root of a sum that it computes with W
    reduced = ssm.balanced_truncation(system, 2)
    small = control.ss(reduced.system.A, reduced.system.B[:, None], reduced.system.C[None], [[0.0]])
    error = control.system_norm(theirs - small, "inf", tol=1e-6)
    assert reduced.lower_bound * (1 - 1e-5) <= error <= reduced.error_bound * (1 + 1e-5)  # their bisection's tolerance
    try:
        values = np.sort(np.real(control.hankel_singular_values(theirs)))[::-1]
    except control.exception.ControlSlycot:  # an optional Fortran library of theirs
        return
    assert np.abs(values - g.hankel_singular_values).max() <= np.sqrt(U) * values[0]


def test_results_are_json_and_draw():
    figure = pytest.importorskip("matplotlib.figure")
    system = ssm.diagonal_init("s4d-lin", 8)
    results = (
        ssm.gramians(system),
        ssm.h2_norm(system),
        ssm.hankel_singular_values(system),
        ssm.balanced_truncation(system, 3),
        ssm.balanced_truncation(ssm.discretize(system, 0.1), 3),
    )
    for result in results:
        json.dumps(result.to_dict(), allow_nan=False)
        ax = figure.Figure().subplots()
        assert result.plot(ax) is ax


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: ssm.gramians(ssm.Diagonal([1.0], [1.0], [1.0])), ValueError, "`system` must be stable"),
        (lambda: ssm.gramians(ssm.hippo("fout", 4).state_space(np.ones(4))), ValueError, "`system` must be stable"),
        (lambda: ssm.gramians(ssm.Diagonal([[-1.0], [-2.0]], [1.0], [1.0])), ValueError, "`system` must be one system"),
        (lambda: ssm.gramians(np.eye(2)), TypeError, "`system` must be a state space system"),
        (lambda: ssm.gramians(ssm.discretize(ssm.Diagonal([-1.0], [1.0], [1.0]), 0.1, "foh")), ValueError, "steps"),
        (lambda: ssm.balanced_truncation(ssm.Diagonal([-1.0], [1.0], [1.0]), 2), ValueError, "`order` must be at most"),
        (
            lambda: ssm.balanced_truncation(ssm.Diagonal([-1.0], [1.0], [1.0]), 0),
            ValueError,
            "`order` must be at least",
        ),
    ],
)
def test_bad_input(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
