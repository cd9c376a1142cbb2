"""Online compression against its definition, and what comes back from the coefficients."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ssm_numerics as ssm

U = 2.0**-53
FAMILIES = [
    ("legs", {}),
    ("legt", {"theta": 2.0}),
    ("lmu", {}),
    ("lagt", {}),
    ("glagt", {"alpha": 0.3, "beta": 0.5}),
    ("fout", {}),
    ("foud", {}),
]
RULES = ["bilinear", "backward_euler", "gbt", "zoh", "foh"]
families = st.sampled_from(FAMILIES)
seeds = st.integers(0, 2**32 - 1)


def by_definition(op, u, dt, rule, alpha=None):
    """Every state of the discretized dense system."""
    d = ssm.discretize(op.state_space(np.zeros(op.N)), dt, rule, alpha)
    previous = np.zeros(op.N) if d.B_bar_previous is None else d.B_bar_previous
    x, states, before = np.zeros(op.N), [], 0.0
    for sample in u:
        x = d.A_bar @ x + d.B_bar * sample + previous * before
        before = sample
        states.append(x)
    return np.array(states), float(np.linalg.norm(d.A_bar, 2)), float(np.linalg.norm(op.A, 2))


@given(families, st.integers(1, 33), st.sampled_from(RULES), st.integers(1, 40), st.floats(1e-4, 3.0), seeds)
@example(("legt", {"theta": 2.0}), 65, "bilinear", 40, 1.0, 0)
def test_equals_the_recurrence(family, N, rule, T, dt, seed):
    name, parameters = family
    op = ssm.hippo(name, N, **parameters)
    u = np.random.default_rng(seed).standard_normal(T)
    alpha = 0.75 if rule == "gbt" else None
    expected, growth, size = by_definition(op, u, dt, rule, alpha)
    history = ssm.compress(op, u, dt, rule, alpha, return_history=True)
    # two ways to round a step, relative errors of N u (1 + dt ||A||), summed over T steps that grow by `growth` at most
    steps = T * max(1.0, growth) ** T
    bound = 16 * (N + 4) * U * (1 + dt * size) * steps * max(np.abs(expected).max(), np.linalg.norm(op.B) * dt)
    assert np.abs(history - expected).max() <= bound
    assert np.array_equal(ssm.compress(op, u, dt, rule, alpha), history[-1])


def scaled_by_definition(op, u, alpha):
    c, eye = np.zeros(op.N), np.eye(op.N)
    c[0] = u[0]
    states = [c]
    for k in range(1, u.size):
        explicit = (eye + (1 - alpha) * op.A / k) @ c + op.B / k * u[k]
        c = np.linalg.solve(eye - alpha * op.A / k, explicit)
        states.append(c)
    return np.array(states)


@given(st.integers(1, 24), st.sampled_from([0.5, 0.7, 1.0]), st.integers(1, 60), seeds)
def test_scaled_equals_its_definition(N, alpha, T, seed):
    op = ssm.hippo("legs", N)
    u = np.random.default_rng(seed).standard_normal(T)
    expected = scaled_by_definition(op, u, alpha)
    history = ssm.compress(op, u, discretization="gbt", alpha=alpha, scaled=True, return_history=True)
    # step k rounds to N u (1 + ||A||/k) relatively; summed over k: T + N^2 log T
    bound = 16 * (N + 4) * U * (T + N**2 * (1 + math.log(T))) * np.abs(expected).max()
    assert np.abs(history - expected).max() <= bound
    assert np.array_equal(ssm.compress(op, u, discretization="gbt", alpha=alpha, scaled=True), history[-1])


def test_scaled_euler_is_computed():
    op = ssm.hippo("legs", 3)
    u = np.random.default_rng(0).standard_normal(50)
    expected = scaled_by_definition(op, u, 0.0)
    got = ssm.compress(op, u, discretization="euler", scaled=True, return_history=True)
    assert np.abs(got - expected).max() <= 50 * 16 * U * np.abs(expected).max()


@given(st.integers(1, 20), st.integers(1, 50), st.floats(-5, 5))
def test_scaled_operator_remembers_a_constant_exactly(N, T, value):
    c = ssm.compress(ssm.hippo("legs", N), np.full(T, value), scaled=True)
    expected = value * np.eye(N)[0]
    assert np.abs(c - expected).max() <= 16 * (N + 4) * U * (T + N**2 * (1 + math.log(T))) * abs(value)


def test_scaled_operator_knows_no_time_scale():
    """The same signal, sampled with any dt: the coefficients are the same numbers, because dt is not even asked for."""
    op, u = ssm.hippo("legs", 8), np.sin(np.arange(100.0))
    assert np.array_equal(ssm.compress(op, u, scaled=True), ssm.compress(op, u, 0.01, scaled=True))


@pytest.mark.parametrize("family", ["legt", "lmu"])
def test_the_window_comes_back_better_with_more_states(family):
    dt = 1e-3
    t = dt * np.arange(6000)
    f = np.sin(3 * t) * (1 - np.exp(-5 * t)) + 0.5 * np.cos(7 * t) * (1 - np.exp(-5 * t))
    lags = np.linspace(0, 2, 60)
    errors = []
    for N in (4, 8, 32):
        op = ssm.hippo(family, N, theta=2.0)
        c = ssm.compress(op, f, dt)
        errors.append(np.abs(op.reconstruct(c, lags) - np.interp(t[-1] - lags, t, f)).max())
    assert errors[2] < errors[1] < errors[0]
    # the first sample is seen half a step late by the bilinear rule: dt/2 max|f'| = 3e-3, f' at most 6.5
    assert errors[2] <= dt * 6.5


def test_the_whole_history_comes_back():
    t = np.linspace(0, 1, 20_000)
    f = np.exp(-t) * np.sin(9 * t)
    op = ssm.hippo("legs", 32)
    c = ssm.compress(op, f, scaled=True)
    places = np.linspace(0, 1, 101)
    error = np.abs(op.reconstruct(c, places, scaled=True) - np.exp(-places) * np.sin(9 * places)).max()
    # the step at sample k is 1/k: the first samples, 1/T of the history each, are seen with error O(||A||/k)^2
    assert error <= 32**2 / 20_000


@pytest.mark.jit
def test_periodic_signal_comes_back_from_fout():
    dt = 1e-3
    t = dt * np.arange(20_000)
    f = 0.3 + np.sin(math.pi * t) - 0.2 * np.cos(2 * math.pi * t)
    op = ssm.hippo("fout", 32)
    lags = np.linspace(0, 2, 41)
    error = np.abs(op.reconstruct(ssm.compress(op, f, dt, "foh"), lags) - np.interp(t[-1] - lags, t, f)).max()
    # linear interpolation of the samples, dt^2/8 max|f''| here and in the hold, times the sup-norm gain of 32 functions
    assert error <= 32 * dt**2 * (math.pi**2 + 0.8 * math.pi**2)


def test_foud_returns_a_past_in_the_span_of_its_responses():
    dt = 1e-3
    t = dt * np.arange(40_000)
    lag = t[-1] - t
    f = np.exp(-lag / 2) * (0.3 + np.sin(2 * math.pi * lag) - 0.2 * np.cos(4 * math.pi * lag))
    op = ssm.hippo("foud", 8)
    places = np.linspace(0, 3, 61)
    got = op.reconstruct(ssm.compress(op, f, dt, "foh"), places)
    expected = np.exp(-places / 2) * (0.3 + np.sin(2 * math.pi * places) - 0.2 * np.cos(4 * math.pi * places))
    assert np.abs(got - expected).max() <= 8 * dt**2 * (2 * math.pi) ** 2 * 2  # the hold's interpolation error again


def test_batches_axes_and_precision():
    op = ssm.hippo("legt", 6)
    u = np.random.default_rng(2).standard_normal((50, 2, 3))
    c = ssm.compress(op, u, 0.01, axis=0)
    assert c.shape == (2, 3, 6)
    assert np.array_equal(c[1, 2], ssm.compress(op, u[:, 1, 2], 0.01))
    history = ssm.compress(op, u, 0.01, axis=0, return_history=True)
    assert history.shape == (2, 3, 50, 6)
    assert np.array_equal(history[:, :, -1], c)
    single = ssm.compress(op, u.astype(np.float32), 0.01, axis=0)
    assert single.dtype == np.float32
    both = ssm.compress(op, u[:, 0] + 1j * u[:, 1], 0.01, axis=0)
    assert np.array_equal(both, c[0] + 1j * c[1])


@pytest.mark.parametrize("scaled", [False, True])
def test_signal_is_left_alone_and_may_be_integer(scaled):
    op, u = ssm.hippo("legs", 4), np.array([1, 2, 3, 4])
    before = u.copy()
    c = ssm.compress(op, u, 0.1, scaled=scaled)
    assert np.array_equal(u, before)
    assert np.array_equal(c, ssm.compress(op, u.astype(float), 0.1, scaled=scaled))


def test_unstable_rule_warns():
    op = ssm.hippo("legs", 8)
    with pytest.warns(ssm.UnstableDiscretizationWarning):
        ssm.compress(op, np.ones(5), 1.0, "euler")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ssm.compress(op, np.ones(5), 0.01, "euler")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda op: ssm.compress(op, np.ones(3)), "`dt` must be given unless `scaled` is True"),
        (lambda op: ssm.compress(op, np.ones(3), 0.0), "`dt` must be greater than 0"),
        (lambda op: ssm.compress(op, np.ones((3, 0)), 1.0), "`u` must not be empty"),
        (lambda op: ssm.compress(op, [1.0, np.nan], 1.0), "`u` must be finite"),
        (lambda op: ssm.compress(op, np.ones(3), 1.0, "tustin"), "`discretization` must be one of"),
        (lambda op: ssm.compress(op, np.ones(3), 1.0, "gbt"), "`alpha` must be a number"),
        (lambda op: ssm.compress(op, np.ones(3), 1.0, "gbt", 1.5), "`alpha` must be at most 1"),
        (lambda op: ssm.compress(op, np.ones(3), 1.0, axis=1), "`axis` must"),
        (
            lambda op: ssm.compress(op, np.ones(3), discretization="zoh", scaled=True),
            "`discretization` must be a GBT rule",
        ),
        (lambda op: ssm.compress(ssm.hippo("lagt", 4), np.ones(3), scaled=True), "`scaled` must be False"),
        (lambda op: ssm.compress(op, np.ones(2**20), 1.0, return_history=True), "max_memory"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(ssm.hippo("legs", 2**11) if message == "max_memory" else ssm.hippo("legs", 4))


def test_bad_types():
    with pytest.raises(TypeError, match="`op` must be a HiPPO operator"):
        ssm.compress("legs", np.ones(3), 1.0)
