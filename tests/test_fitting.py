"""Fits of kernels: derivatives against complex steps, recovery, realizations within their bounds, choice of order."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import realization
from ssm_numerics._kernel_search import SEARCHES, ProjectedResidual
from ssm_numerics._mode_basis import RULES

U = 2.0**-53


def drawn(seed, n_pairs, n_real, heads=()):
    """Separated stable poles for a step of 0.1: decays of 0.2 to 1.2, frequencies 3 apart, weights of order one."""
    rng, n = np.random.default_rng(seed), n_pairs + n_real
    omega = np.concatenate([3.0 * np.arange(1, n_pairs + 1) + rng.random(n_pairs), np.zeros(n_real)])
    Lambda = -0.2 - rng.random(n) - 2.0 * np.maximum(np.arange(n) - n_pairs, 0) + 1j * omega
    mask = np.arange(n) < n_pairs
    C = (1 + rng.random((*heads, n))) * np.where(mask, np.exp(2j * np.pi * rng.random((*heads, n))), 1)
    return ssm.Diagonal(Lambda, np.ones(n), C, 0.0, mask)


def kernel(system, L, rule="zoh"):
    """The definition, by powers of nodes."""
    step = ssm.discretize(system, 0.1, rule)
    K = step.weights * step.C * step.B_bar @ np.exp(np.log(step.Lambda_bar)[:, None] * np.arange(L))
    return K if system.pairs is None else K.real


def sensitivity(fit, K):
    """|J+| in units of the poles: the standard deviations over that of the residual."""
    n = K.size * (1 + np.iscomplexobj(K))
    per_pole = 2 * fit.system.n_states if not np.iscomplexobj(K) else 4 * fit.system.n_states
    sigma = np.linalg.norm(fit.kernel - fit.fitted) / np.sqrt(n - per_pole)
    return np.abs(fit.uncertainty) / sigma


# --- derivatives ------------------------------------------------------------------------------------------------------


def in_reals(theta, n_pairs, n_real, rule, L, y):
    """Fit minus data of a real kernel by transposes alone: analytic in theta, so complex steps are exact."""
    n, ls = n_pairs + n_real, np.arange(L)
    a, omega = theta[:n], np.concatenate([theta[n:], np.zeros(n_real)])
    re, im = -np.exp(a), omega
    if rule == "bilinear":  # log (1 + x/2)/(1 - x/2): modulus and argument as analytic functions of Re x and Im x
        upper, lower = ((1 + s * re / 2) ** 2 + im**2 / 4 for s in (1, -1))
        turned = np.arctan(im / (2 + re)) + np.arctan(im / (2 - re))
        re, im = (np.log(upper) - np.log(lower)) / 2, turned
    decay = np.exp(np.outer(ls, re))
    cosine, sine = decay * np.cos(np.outer(ls, im)), decay * np.sin(np.outer(ls, im))
    F = np.concatenate([2 * cosine[:, :n_pairs], -2 * sine[:, :n_pairs], decay[:, n_pairs:]], axis=1)
    return F @ np.linalg.solve(F.T @ F, F.T @ y) - y


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("n_pairs", "n_real"), [(2, 1), (1, 0), (0, 2)])
def test_derivative_in_poles_is_the_complex_step(rule, n_pairs, n_real):
    """Away from a minimum, where both terms count; normal equations of condition kappa^2 bound what both lose."""
    L, rng, h = 40, np.random.default_rng(0), 1e-200
    system = drawn(1, n_pairs, n_real)
    y = rng.normal(size=L)
    search = SEARCHES["Lambda"](0.1 * system.Lambda, system.pairs, RULES[rule])
    residual = ProjectedResidual(search, y[None], system.pairs, RULES[rule])
    J = residual.derivative(search.first)
    steps = h * 1j * np.eye(search.first.size)
    exact = np.stack([in_reals(search.first + e, n_pairs, n_real, rule, L, y).imag / h for e in steps], axis=1)
    kappa = residual.at(search.first).condition
    assert np.abs(J - exact).max() <= 64 * L * U * kappa**2 * np.abs(exact).max()
    step = SEARCHES["dt"](0.1 * system.Lambda, system.pairs, RULES[rule])
    J_step = ProjectedResidual(step, y[None], system.pairs, RULES[rule]).derivative(step.first)[:, 0]
    direction = np.concatenate([np.ones(n_pairs + n_real), 0.1 * system.Lambda.imag[:n_pairs]])  # d theta / d log dt
    assert np.abs(J_step - exact @ direction).max() <= 64 * L * U * kappa**2 * np.abs(exact @ np.abs(direction)).max()


@pytest.mark.parametrize("free", SEARCHES)
def test_derivative_for_complex_kernels_and_several_heads(free):
    """Central differences of step h err by h^2 M / 6 and L u / h: both under h^2 L^3 with h = u^(1/3)."""
    rng, L, h = np.random.default_rng(2), 20, U ** (1 / 3)
    y = rng.normal(size=(3, L)) + 1j * rng.normal(size=(3, L))
    search = SEARCHES[free](np.array([-0.3 + 1j, -0.1 - 0.5j]), None, RULES["bilinear"])
    residual = ProjectedResidual(search, y, None, RULES["bilinear"])
    J = residual.derivative(search.first)
    for j, e in enumerate(h * np.eye(search.first.size)):
        difference = (residual.value(search.first + e) - residual.value(search.first - e)) / (2 * h)
        assert np.abs(difference - J[:, j]).max() <= h**2 * L**3 * np.abs(J).max()


def test_rules_are_those_of_discretize():
    x = np.array([-0.3 + 1j, -2.0 - 0.1j, -1e-9 + 0j])
    for name, rule in RULES.items():
        z = ssm.discretize(ssm.Diagonal(x / 0.5, np.ones(3), np.ones(3)), 0.5, name).Lambda_bar
        assert np.abs(np.exp(rule.log_node(x)) - z).max() <= 8 * U
        assert np.abs(rule.from_node(z) - x).max() <= 8 * U * np.abs(1 / rule.derivative(x)).max()
        assert (
            np.abs(np.exp(rule.log_node(rule.slowest(x + 4j * np.pi))) - np.exp(rule.log_node(x + 4j * np.pi))).max()
            <= 64 * U
        )


# --- recovery ---------------------------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 99),
    n_pairs=st.integers(0, 3),
    n_real=st.integers(0, 2),
    rule=st.sampled_from(list(RULES)),
    initial=st.sampled_from(["era", "aaa"]),
)
@settings(max_examples=12)
def test_poles_come_back(seed, n_pairs, n_real, rule, initial):
    """Rounding moves K by at most L max|log z| u |K|, the poles by |J+| times as much, to first order."""
    system, L = drawn(seed, n_pairs, max(n_real, 1 - n_pairs)), 160
    K = kernel(system, L, rule)
    fit = ssm.fit_kernel(K, system.n_states, 0.1, discretization=rule, initial=initial)
    order = np.lexsort((fit.system.Lambda.real, fit.system.Lambda.imag))
    expected = np.lexsort((system.Lambda.real, system.Lambda.imag))
    rounding = 8 * L * np.abs(0.1 * system.Lambda).max() * U * np.linalg.norm(K)
    error = np.abs(fit.system.Lambda[order] - system.Lambda[expected])
    assert (error <= rounding * sensitivity(fit, K).max()).all()
    assert fit.error <= 8 * L * U
    assert np.abs(kernel(fit.system, L, rule) - fit.fitted).max() <= 8 * L * U * np.abs(fit.system.C).sum()


def test_the_step_comes_back():
    system = drawn(5, 3, 1)
    for rule in RULES:
        K = kernel(system, 200, rule)
        fit = ssm.fit_kernel(K, dt=0.08, start=system, free="dt", discretization=rule)
        rounding = 8 * 200 * np.abs(0.1 * system.Lambda).max() * U * np.linalg.norm(K)
        assert abs(fit.dt - 0.1) <= rounding * float(sensitivity(fit, K))
        assert np.abs(fit.system.Lambda - system.Lambda).max() <= 4 * U * np.abs(system.Lambda).max()


def test_the_fit_is_the_kernel_of_the_fitted_system():
    system = drawn(6, 2, 1)
    for rule in RULES:
        fit = ssm.fit_kernel(kernel(system, 50, rule), 5, 0.1, discretization=rule)
        K = ssm.convolution_kernel(fit.system, 50, fit.dt, fit.discretization)
        assert np.abs(K - fit.fitted).max() <= 8 * 50 * U * np.abs(fit.system.C).sum()


def test_modes_are_named_by_the_upper_half_plane():
    system = drawn(6, 2, 1)
    lower = ssm.Diagonal(system.Lambda.conj() - 0.1, np.ones(3), np.ones(3), 0.0, system.pairs)
    fit = ssm.fit_kernel(kernel(system, 80), dt=0.1, start=lower)
    assert fit.system.Lambda.imag.min() >= 0
    assert np.abs(kernel(fit.system, 80) - fit.fitted).max() <= 8 * 80 * U * np.abs(fit.system.C).sum()


def test_heads_share_poles_and_complex_kernels_need_no_pairs():
    system = drawn(7, 2, 1, heads=(2, 3))
    K = kernel(system, 120)
    fit = ssm.fit_kernel(K, 5, 0.1)
    assert fit.system.batch_shape == (2, 3) and np.isrealobj(fit.fitted)
    assert fit.error <= 8 * 120 * U
    one = drawn(7, 2, 1)
    turned = (0.6 + 0.8j) * kernel(one, 120)
    fit = ssm.fit_kernel(turned, 5, 0.1)
    assert fit.system.pairs is None and fit.error <= 8 * 120 * U


def test_noise_moves_poles_by_their_uncertainty():
    """Over 40 draws the squared error per variance is 1 in the mean, with standard deviation sqrt(2 / (40 q))."""
    system, ratios = drawn(9, 2, 0), []
    K = kernel(system, 200)
    for seed in range(40):
        noise = 0.01 * np.random.default_rng(seed).normal(size=K.size)
        fit = ssm.fit_kernel(K + noise, dt=0.1, start=system)
        error = fit.system.Lambda - system.Lambda
        ratios += [*(error.real / fit.uncertainty.real) ** 2, *(error.imag / fit.uncertainty.imag) ** 2]
    assert abs(np.mean(ratios) - 1) <= 5 * np.sqrt(2 / len(ratios))


def test_unstable_data_get_a_stable_system():
    K = 1.01 ** np.arange(60) * np.cos(np.arange(60))
    fit = ssm.fit_kernel(K, 2)
    assert fit.system.Lambda.real.max() < 0 and 0 < fit.error < 1
    negative = ssm.fit_kernel((-0.8) ** np.arange(40), 1)
    assert negative.system.n_states == 2 and negative.error <= 8 * 40 * U * np.pi


@pytest.mark.parametrize("name", ["noise", "complex", "constant", "impulse", "boxcar", "alternating", "tiny"])
@pytest.mark.parametrize("order", [1, 4])
def test_kernels_that_no_such_system_has(name, order):
    """Whatever is fitted is stable and no worse than where it started, and its system is what `fitted` says."""
    rng, L = np.random.default_rng(12), 40
    K = {
        "noise": rng.normal(size=(2, L)),
        "complex": rng.normal(size=L) + 1j * rng.normal(size=L),
        "constant": np.ones(L),
        "impulse": np.eye(L)[0],
        "boxcar": (np.arange(L) < L // 2) * 1.0,
        "alternating": (-1.0) ** np.arange(L),
        "tiny": 1e-150 * rng.normal(size=L),
    }[name]
    for rule in RULES:
        fit = ssm.fit_kernel(K, order, 0.1, discretization=rule, max_iterations=30)
        assert fit.system.Lambda.real.max() < 0
        assert fit.error <= fit.initial_error + L * U
        size = np.abs(fit.system.C * ssm.discretize(fit.system, 0.1, rule).B_bar).sum()
        drift = np.abs(ssm.discretize(fit.system, 0.1, rule).Lambda_bar - 1).max() * fit.condition
        assert np.abs(kernel(fit.system, L, rule) - fit.fitted).max() <= 8 * L * U * max(drift, 1.0) * size


# --- realizations -----------------------------------------------------------------------------------------------------


@given(st.integers(0, 99), st.integers(0, 3), st.integers(1, 2), st.sampled_from([0.0, 1e-9, 1e-6]))
@settings(max_examples=12)
def test_era_errs_by_no_more_than_its_bound(seed, n_pairs, n_real, noise):
    system, L = drawn(seed, n_pairs, n_real), 100
    N = system.n_states
    K = kernel(system, L)
    E = noise * np.random.default_rng(seed).normal(size=L)
    found = ssm.realize_kernel(K + E, N, 0.1)
    U_all, values, _ = realization.hankel_svd(K[None], 50)
    window = np.linalg.norm(realization.hankel_svd(E[None], 50)[1], np.inf) if noise else 0.0
    size = window + 16 * U * values[0]
    A = found.system.A_bar
    slack = 4 * float(ssm.eigenvector_condition(A)) * (1 + np.linalg.norm(A, 2)) * size
    slack /= values[N - 1] * np.linalg.svd(U_all[:-1, :N], compute_uv=False)[-1]
    z = ssm.discretize(system, 0.1, "zoh").poles()
    assert max(np.abs(found.system.poles() - one).min() for one in z) <= slack
    assert np.isrealobj(A) and found.system.dt == 0.1


def test_block_hankel_matrix_and_the_convention_of_the_first_sample():
    system = drawn(3, 1, 1, heads=(4,))
    K = kernel(system, 80)
    found = ssm.realize_kernel(K, 3, 0.1)
    assert found.system.C.shape == (4, 3) and found.error <= 16 * 80 * U
    assert (
        np.abs(ssm.convolution_kernel(found.system, 1, method="krylov_blocked")[:, 0] - K[:, 0]).max()
        <= 16 * 80 * U * np.abs(K).max()
    )


def test_aaa_finds_rational_kernels_and_stays_stable():
    system = drawn(4, 2, 1)
    K = kernel(system, 150)
    found = ssm.realize_kernel(K, 5, 0.1, method="aaa")
    assert found.error <= np.sqrt(U)  # the data's tail on its circle is as large
    assert np.abs(ssm.realize_kernel(1.02 ** np.arange(50), 1, method="aaa").system.poles()).max() <= 1
    complex_kernel = K * (1 + 1j) * np.exp(0.2j * np.arange(150))
    assert ssm.realize_kernel(complex_kernel, 5, method="aaa").error <= np.sqrt(U)


def test_aaa_says_what_it_needs(monkeypatch):
    import scipy.interpolate

    monkeypatch.delattr(scipy.interpolate, "AAA")
    with pytest.raises(ImportError, match=r"`method` must be era unless SciPy is 1\.15 or newer"):
        ssm.realize_kernel(0.5 ** np.arange(20), 1, method="aaa")


# --- order ------------------------------------------------------------------------------------------------------------


def test_order_of_data_that_have_one():
    K = kernel(drawn(11, 2, 1), 200)
    assert ssm.kernel_order(K, 8, criterion="gap").value == 5
    assert ssm.kernel_order(K, 7).value == 5
    noisy = K + 0.01 * np.random.default_rng(0).normal(size=K.size)
    bic, aic = (ssm.kernel_order(noisy, 7, criterion=name) for name in ("bic", "aic"))
    assert bic.value == 5 <= aic.value
    assert np.all(np.diff(bic.scores - aic.scores) >= 0)  # BIC's penalty is the larger one


# --- results and errors -----------------------------------------------------------------------------------------------


def test_results_are_json_and_draw():
    figure = pytest.importorskip("matplotlib.figure")
    K = kernel(drawn(1, 1, 0), 60)
    results = (
        ssm.fit_kernel(K, 2, 0.1),
        ssm.realize_kernel(K, 2),
        ssm.realize_kernel(K, 2, method="aaa"),
        ssm.kernel_order(K, 3),
        ssm.kernel_order(K, 3, criterion="gap"),
    )
    for result in results:
        json.dumps(result.to_dict(), allow_nan=False)
        ax = figure.Figure().subplots()
        assert result.plot(ax) is ax
    assert results[0].to_dict()["system"]["conjugate_pairs"] == [True]


STABLE = ssm.Diagonal([-1.0], [1.0], [1.0])


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda K: ssm.fit_kernel(K), ValueError, "`order` must be given unless `start` is"),
        (lambda K: ssm.fit_kernel(K, 1, free="both"), ValueError, "`free` must be one of Lambda, dt"),
        (lambda K: ssm.fit_kernel(K, 1, free="dt"), ValueError, "`start` must be given"),
        (lambda K: ssm.fit_kernel(K, 1, discretization="foh"), ValueError, "`discretization` must be one of"),
        (lambda K: ssm.fit_kernel(K, 1, initial="guess"), ValueError, "`initial` must be one of era, aaa"),
        (lambda K: ssm.fit_kernel(K, 2, start=STABLE), ValueError, "`order` must be that of `start`, 1"),
        (lambda K: ssm.fit_kernel(K, start=np.eye(2)), TypeError, "`start` must be a Diagonal system"),
        (lambda K: ssm.fit_kernel(K, start=ssm.Diagonal([1.0], [1.0], [1.0])), ValueError, "`start` must be stable"),
        (lambda K: ssm.fit_kernel(K, start=ssm.Diagonal([-1 + 1j], [1], [1])), ValueError, "conjugate pairs"),
        (lambda K: ssm.fit_kernel(K, start=ssm.Diagonal([[-1.0]], [1], [1])), ValueError, "`start` must be one system"),
        (
            lambda K: ssm.fit_kernel(K, start=ssm.Diagonal(-np.arange(1.0, 7), np.ones(6), np.ones(6))),
            ValueError,
            "`K` must have at least 12 samples",
        ),
        (lambda K: ssm.realize_kernel(K, 6), ValueError, "`order` must be at most 4"),
        (lambda K: ssm.realize_kernel(K, 1, rows=10), ValueError, "`rows` must be at least 2 and less than L = 10"),
        (lambda K: ssm.realize_kernel(0 * K, 1), ValueError, "`K` must not be zero"),
        (lambda K: ssm.realize_kernel(K[:2], 1), ValueError, "`K` must have at least 3 samples"),
        (lambda K: ssm.realize_kernel([K, K], 1, method="aaa"), ValueError, "`method` must be era for more than one"),
        (lambda K: ssm.kernel_order(K, 9), ValueError, "`largest` must be at most 4"),
    ],
)
def test_bad_input(call, kind, words):
    with pytest.raises(kind, match=words):
        call(0.5 ** np.arange(10))
