"""Laws of the discretizations: conjugation invariance, orders, stability, half steps, and gating as backward Euler."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import testing
from ssm_numerics._arrays import UnstableDiscretizationWarning

EPS = np.finfo(float).eps


@given(
    testing.systems(kinds=("dense",), batches=((),)), testing.rules(), testing.step_sizes(1e-3, 10), st.integers(0, 99)
)
def test_conjugation_changes_nothing(system, rule, dt, seed):
    """[S4] Lemma 3.1: (A, B, C) and (T^-1 A T, T^-1 B, C T) have the same kernel. T is orthogonal times a mild
    scaling."""
    rng = np.random.default_rng(seed)
    n, L = system.n_states, 20
    T = np.linalg.qr(rng.normal(size=(n, n)))[0] * rng.uniform(0.5, 2, n)
    K = ssm.convolution_kernel(system, L, dt, **rule)
    moved = ssm.convolution_kernel(system.conjugate(T), L, dt, **rule)
    size = 1 + dt * np.linalg.norm(system.A)
    d = ssm.discretize(system, dt, rule["discretization"], rule["alpha"])
    inputs = np.linalg.norm(d.B_bar) + (0 if d.B_bar_previous is None else np.linalg.norm(d.B_bar_previous))
    bound = (
        64
        * EPS
        * n
        * L
        * np.linalg.cond(T) ** 2
        * size
        * np.linalg.norm(system.C)
        * (inputs + dt * np.linalg.norm(system.B))
    )
    assert np.abs(K - moved).max() <= bound


@pytest.mark.parametrize(
    ("rule", "alpha", "order"),
    [
        ("euler", None, 1),
        ("backward_euler", None, 1),
        ("bilinear", None, 2),
        ("gbt", 0.75, 1),
        ("zoh", None, 1),
        ("foh", None, 2),
    ],
)
@pytest.mark.parametrize("kind", ["dense", "diagonal", "dplr"])
def test_order_of_convergence(rule, alpha, order, kind):
    """Halving the step divides the error at a fixed time by 2^order, for a smooth input.

    Bilinear reads one sample per step (the convention of this package), so it has order two for u at midpoints.
    """
    Lambda, P = np.array([-0.5 + 1j, -1 - 2j, -0.3]), np.array([[0.3], [0.2], [0.5]])
    dplr = ssm.DPLR(Lambda, P, P, np.ones(3), [1.0, 0.5, 2.0])
    system = {"dplr": dplr, "dense": dplr.to_dense(), "diagonal": ssm.Diagonal(Lambda, np.ones(3), [1.0, 0.5, 2.0])}[
        kind
    ]
    exact = ssm.respond(system, lambda t: np.sin(t) ** 2, [2.0], x0=np.ones(3), rtol=1e-13)[0]
    errors = []
    for steps in (200, 400, 800):
        dt = 2.0 / steps
        t = dt * np.arange(1, steps + 1) - (dt / 2 if rule == "bilinear" else 0)
        y = ssm.simulate(system, np.sin(t) ** 2, dt, rule, alpha=alpha, x0=np.ones(3))[-1]
        errors.append(abs(y - exact))
    observed = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(observed, order, atol=0.05)


@given(testing.systems(), st.floats(0.5, 1), testing.step_sizes(1e-6, 1e6))
def test_implicit_rules_keep_dissipative_systems_contractive(system, alpha, dt):
    """||A_bar|| <= 1 for alpha >= 1/2, up to rounding of a solve whose operand has norm 1 + alpha dt ||A||."""
    A_bar = ssm.discretize(system, dt, "gbt", alpha).to_dense().A_bar
    norm = np.linalg.norm(A_bar, 2, axis=(-2, -1)).max()
    assert norm <= 1 + 64 * EPS * system.n_states * (1 + growth(system, dt))


@given(testing.systems(), testing.step_sizes(1e-6, 1e3))
def test_exact_holds_keep_dissipative_systems_contractive(system, dt):
    A_bar = ssm.discretize(system, dt, "zoh").to_dense().A_bar
    norm = np.linalg.norm(A_bar, 2, axis=(-2, -1)).max()
    assert norm <= 1 + 64 * EPS * system.n_states * (1 + growth(system, dt))


def growth(system, dt):
    return dt * np.linalg.norm(system.to_dense().A, 2, axis=(-2, -1)).max()


@given(testing.systems(), testing.step_sizes(1e-6, 10))
def test_two_half_steps_make_a_step(system, dt):
    """ZOH: A_bar(dt) = A_bar(dt/2)^2 and B_bar(dt) = (I + A_bar(dt/2)) B_bar(dt/2)."""
    whole, half = (ssm.discretize(system, h, "zoh").to_dense() for h in (dt, dt / 2))
    bound = 64 * EPS * system.n_states * (1 + growth(system, dt))
    assert np.abs(half.A_bar @ half.A_bar - whole.A_bar).max() <= bound
    B_bar = half.B_bar + (half.A_bar @ half.B_bar[..., None])[..., 0]
    assert np.abs(B_bar - whole.B_bar).max() <= bound * dt * np.linalg.norm(system.to_dense().B, axis=-1).max()


@given(testing.systems(), testing.step_sizes(1e-6, 1e3), st.floats(0, 1))
def test_gbt_satisfies_its_equation(system, dt, alpha):
    """(I - alpha dt A) A_bar = I + (1 - alpha) dt A and (I - alpha dt A) B_bar = dt B, for every structure."""
    dense = system.to_dense()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnstableDiscretizationWarning)
        d = ssm.discretize(system, dt, "gbt", alpha).to_dense()
    eye, hA = np.eye(system.n_states), dt * dense.A
    implicit = eye - alpha * hA
    residual = implicit @ d.A_bar - (eye + (1 - alpha) * hA)
    size = (1 + np.linalg.norm(hA, axis=(-2, -1)).max()) * (1 + np.linalg.norm(d.A_bar, axis=(-2, -1)).max())
    assert np.abs(residual).max() <= 64 * EPS * system.n_states * size * (1 + growth(system, dt))
    forced = (implicit @ d.B_bar[..., None])[..., 0] - dt * dense.B
    assert np.abs(forced).max() <= 64 * EPS * system.n_states * size * (1 + growth(system, dt)) * np.abs(d.B_bar).max()


@given(st.floats(-8, 8), testing.signals())
def test_gated_recurrence_is_backward_euler(z, u):
    """[LSSL] Lemma 3.1: x_k = (1 - sigma(z)) x_{k-1} + sigma(z) u_k is backward Euler of x' = -x + u with dt = e^z."""
    gate = 1 / (1 + np.exp(-z))
    y = ssm.simulate(ssm.StateSpace([[-1.0]], [1.0], [1.0]), u, np.exp(z), "backward_euler")
    x, expected = 0.0, []
    for sample in u:
        x = (1 - gate) * x + gate * sample
        expected.append(x)
    assert np.abs(y - expected).max() <= 8 * EPS * u.size * np.abs(u).max()
