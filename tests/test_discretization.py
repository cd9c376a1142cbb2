"""Discretizations against balls and SciPy, hazards of exponentials, and bad input."""

import warnings

import flint
import numpy as np
import pytest
import scipy.signal

import ssm_numerics as ssm
from ssm_numerics import certified
from ssm_numerics._exponential import holds, phi_1, phi_2_and_rest

U = 2.0**-53


@pytest.mark.parametrize("dt", [1e-8, 1e-4, 0.03, 1.0, 1e3])
@pytest.mark.parametrize("method", ["euler", "backward_euler", "bilinear", "zoh", "foh"])
@pytest.mark.parametrize(("family", "N"), [("legs", 32), ("legt", 17), ("lagt", 32), ("fout", 8), ("legs", 1)])
@pytest.mark.filterwarnings("ignore::ssm_numerics.UnstableDiscretizationWarning")
def test_dense_against_balls(family, N, method, dt):
    """A_bar and B_bar to 32 N u of their norms: a triangular or dissipative solve, or an exponential in delta form."""
    op = ssm.hippo(family, N)
    system = op.state_space(np.ones(N))
    d = ssm.discretize(system, dt, method)
    exact = certified.discretize(system, dt, method)
    for got, ball in ((d.A_bar, exact.A_bar), (d.B_bar, exact.B_bar)):
        mid, radius = ball
        size = max(np.linalg.norm(mid, 2), np.linalg.norm(mid) if mid.ndim == 1 else 1.0)
        assert radius.max() <= U * size
        assert np.linalg.norm(got - mid) <= 32 * N * U * size


def test_increment_keeps_what_rounding_loses():
    """At dt = 1e-8 A_bar has lost half the digits of the dynamics, and its increment none."""
    op = ssm.hippo("legs", 8)
    for method in ("bilinear", "backward_euler", "euler", "zoh"):
        d = ssm.discretize(op.state_space(np.ones(8)), 1e-8, method)
        first_order = 1e-8 * op.A
        assert np.abs(d.increment - first_order).max() <= 2 * np.linalg.norm(first_order) ** 2
        assert np.abs((d.A_bar - np.eye(8)) - d.increment).max() >= 1e-17


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_gbt_is_scipys(alpha):
    op = ssm.hippo("legt", 6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ssm.UnstableDiscretizationWarning)
        d = ssm.discretize(op.state_space(np.ones(6)), 0.01, "gbt", alpha)
    A, B, *_ = scipy.signal.cont2discrete((op.A, op.B[:, None], np.eye(6), np.zeros((6, 1))), 0.01, "gbt", alpha)
    assert np.abs(d.A_bar - A).max() <= 100 * 6 * U and np.abs(d.B_bar - B[:, 0]).max() <= 100 * 6 * U


def test_phi_functions():
    """5 eps relative for every size and direction of z, with no cancellation around 0 or at the switch."""
    z = 10.0 ** np.linspace(-20, 2.5, 91)[:, None] * np.exp(1j * np.linspace(0, 2 * np.pi, 24))
    z = z[z.real < 600]
    with flint.ctx.workprec(400):
        for point, *values in zip(z, phi_1(z), *phi_2_and_rest(z), strict=True):
            w = flint.acb(point.real, point.imag)
            one = (w.exp() - 1) / w
            two = (one - 1) / w
            for value, exact in zip(values, (one, two, one - two), strict=True):
                gap = abs(flint.acb(value.real, value.imag) - exact)
                assert float(gap.mid()) <= 10 * U * float(abs(exact).mid())


def test_phi_of_zero_and_of_real_numbers():
    z = np.array([0.0, -1e-300, -1e300])
    one, (two, rest) = phi_1(z), phi_2_and_rest(z)
    np.testing.assert_array_equal(one, [1, 1, 1e-300])
    np.testing.assert_array_equal(two, [0.5, 0.5, 1e-300])
    assert rest[0] == 0.5 and 0 <= rest[2] < 1e-300


def test_nearly_equal_diagonal_entries():
    """Divided differences of nearly equal entries, as a triangular exponential forms them, lose most digits here."""
    A = np.array([[-8.0, 0.0], [4.0, -8.0 + 2.0**-49]])
    exact, radius = certified.discretize(ssm.StateSpace(A, np.ones(2), np.ones(2)), 1.0, "zoh").A_bar
    assert radius.max() <= U * np.abs(exact).max()
    got = holds(A, np.ones(2), with_ramp=False)[0].plain()
    assert np.abs(got - exact).max() <= 64 * U * np.abs(exact).max()


def test_singular_matrix_under_every_hold():
    """An integrator: A = 0 gives A_bar = 1 and B_bar = dt under ZOH, dt/2 from each end under FOH."""
    system = ssm.StateSpace([[0.0]], [1.0], [1.0])
    zoh, foh = (ssm.discretize(system, 0.25, method) for method in ("zoh", "foh"))
    assert (zoh.A_bar, zoh.B_bar) == (1.0, 0.25)
    assert (foh.A_bar, foh.B_bar, foh.B_bar_previous) == (1.0, 0.125, 0.125)


def test_foh_is_scipys():
    """SciPy's foh changes C and D; the two-tap form has the same kernel."""
    op = ssm.hippo("legs", 4)
    C = np.arange(1.0, 5)
    A, B, Cd, D, _ = scipy.signal.cont2discrete((op.A, op.B[:, None], C[None], np.zeros((1, 1))), 0.1, "foh")
    expected = [D[0, 0]] + [(Cd @ np.linalg.matrix_power(A, k) @ B)[0, 0] for k in range(9)]
    K = ssm.convolution_kernel(op.state_space(C), 10, 0.1, "foh")
    assert np.abs(K - expected).max() <= 1000 * U * np.abs(expected).max()


def test_backward_diff_is_backward_euler():
    system = ssm.Diagonal([-1.0], [1.0], [1.0])
    assert (
        ssm.discretize(system, 1.0, "backward_diff").A_bar == ssm.discretize(system, 1.0, "backward_euler").A_bar == 0.5
    )


def test_step_that_makes_the_rule_singular():
    for system in (ssm.StateSpace([[2.0]], [1.0], [1.0]), ssm.Diagonal([2.0], [1.0], [1.0])):
        with pytest.raises(ValueError, match="`dt` must keep"):
            ssm.discretize(system, 1.0, "bilinear")


def test_warning_names_rule_and_radius():
    with pytest.warns(
        ssm.UnstableDiscretizationWarning, match="euler is unstable here: the spectral radius of A_bar is 3;"
    ):
        ssm.discretize(ssm.Diagonal([-4.0], [1.0], [1.0]), 1.0, "euler")


@pytest.mark.parametrize("dt", [1e-300, 1e300])
@pytest.mark.parametrize("method", ["backward_euler", "bilinear", "zoh", "foh"])
def test_extreme_steps(method, dt):
    """Every finite step either gives the limit or a sentence that names dt."""
    for system in (ssm.Diagonal([-1.0, -2 + 3j], [1, 1], [1, 1]), ssm.hippo("legs", 3).state_space(np.ones(3))):
        d = ssm.discretize(system, dt, method)
        A_bar = d.to_dense().A_bar
        limit = np.eye(len(A_bar)) * {"bilinear": -1}.get(method, 0) if dt > 1 else np.eye(len(A_bar))
        assert np.abs(A_bar - limit).max() <= 8 * U


@pytest.mark.parametrize("rule", ["backward_euler", "bilinear", "zoh", "foh"])
@pytest.mark.parametrize("family", ["legs", "legt"])
def test_steps_far_apart_share_nothing(family, rule):
    """Heads whose steps differ by twenty powers of ten are as accurate as each alone: delta form is chosen per head."""
    steps = np.array([1e-15, 1e-6, 0.1, 1e3, 1e5])
    system = ssm.hippo(family, 12).state_space(np.ones(12))
    together = ssm.discretize(system, steps, rule)
    K = ssm.convolution_kernel(system, 40, steps, rule, method="krylov_blocked")
    y = ssm.simulate(system, np.ones(40), steps, rule)
    for head, dt in enumerate(steps):
        alone = ssm.discretize(system, dt, rule)
        norm = np.linalg.norm(alone.increment if alone.increment is not None else alone.A_bar)
        got = together.increment[head] if alone.increment is not None else together.A_bar[head]
        expected = alone.increment if alone.increment is not None else alone.A_bar
        assert np.linalg.norm(got - expected) <= 64 * 12 * U * norm
        k, z = ssm.convolution_kernel(system, 40, dt, rule), ssm.simulate(system, np.ones(40), dt, rule)
        assert np.abs(K[head] - k).max() <= 1000 * U * np.abs(k).max()
        assert np.abs(y[head] - z).max() <= 1000 * U * np.abs(z).max()


def test_extreme_inputs_of_holds():
    """B is scaled by a power of two below it, so that the largest and the smallest floats come back."""
    for size in (1.7e308, 5e-324, 1e-310, 0.0):
        d = ssm.discretize(ssm.StateSpace([[0.0]], [size], [1.0]), 1.0, "zoh")
        assert d.B_bar == size
    single = np.float32([3e38])
    assert ssm.discretize(ssm.StateSpace(np.float32([[0]]), single, np.float32([1])), 1.0, "zoh").B_bar == single


@pytest.mark.parametrize("dt", [1e-300, 1e300])
@pytest.mark.parametrize("rule", ["euler", "bilinear", "zoh"])
def test_steps_outside_single_precision(rule, dt):
    one = np.float32([1])
    for system in (
        ssm.StateSpace(-one[None], one, one),
        ssm.Diagonal(-one, one, one),
        ssm.DPLR(-one, one[None], one[None], one, one),
    ):
        with pytest.raises(ValueError, match="`dt` must lie in the range of the system's float32 arithmetic"):
            ssm.discretize(system, dt, rule)


def test_overflow_names_the_step():
    huge = ssm.StateSpace([[-1e10, 0.0], [1e10, -1e10]], [1.0, 1.0], [1.0, 1.0])
    for rule in ("bilinear", "zoh", "backward_euler"):
        with pytest.raises(ValueError, match="`dt` must keep dt A and the discretized matrices finite, but"):
            ssm.discretize(huge, 1e300, rule)


def test_warnings_point_at_the_caller():
    """However deep in the package a warning arises, so that every calling line is warned about once."""
    system = ssm.Diagonal([-30.0], [1.0], [1.0])
    calls = (
        lambda: ssm.discretize(system, 0.1, "euler"),
        lambda: ssm.simulate(system, [1.0], 0.1, "euler"),
        lambda: ssm.Stream(system, 0.1, "euler"),
        lambda: ssm.convolution_kernel(system, 3, 0.1, "euler"),
    )
    for call in calls:
        with pytest.warns(ssm.UnstableDiscretizationWarning) as caught:
            call()
        assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("dt", [1e3, 1e6])
@pytest.mark.parametrize(("family", "N"), [("legs", 8), ("lagt", 8), ("legt", 6)])
def test_decayed_matrices_keep_their_digits(family, N, dt):
    """Backward Euler at long steps: A_bar of size 1/dt is solved for, since I + (A_bar - I) would keep eps dt of it.

    The solve is backward stable, so the error is N u of A_bar times the condition of I - dt A, near that of A.
    """
    op = ssm.hippo(family, N)
    system = op.state_space(np.ones(N))
    exact, radius = certified.discretize(system, dt, "backward_euler").A_bar
    size = np.linalg.norm(exact, 2)
    assert size < 100 / dt and radius.max() <= U * size
    got = ssm.discretize(system, dt, "backward_euler").A_bar
    assert np.linalg.norm(got - exact) <= 8 * N * U * size * np.linalg.cond(op.A)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.49])
def test_every_explicit_rule_warns(alpha):
    """|A_bar| > 1 at dt Lambda = -1e6 for every alpha below 1/2, and for none above."""
    system = ssm.Diagonal([-1e6], [1.0], [1.0])
    with pytest.warns(ssm.UnstableDiscretizationWarning, match="gbt is unstable here"):
        ssm.discretize(system, 1.0, "gbt", alpha)
    assert abs(ssm.discretize(system, 1.0, "gbt", 1 - alpha).A_bar) < 1
