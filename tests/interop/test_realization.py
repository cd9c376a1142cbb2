"""Systems to SciPy, python-control and pyMOR and back: responses, exact round trips, several outputs, refusals."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import assume, given
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import testing

from ..laws.test_views_agree import scale, tolerance

U = 2.0**-53
scipy_interop = ssm.interop.scipy
ONE = {"batches": ((),)}
REAL = ("dense", "diagonal_pairs", "dplr_pairs")


def outputs_of_scipy(theirs, u, x0=None):
    return scipy.signal.dlsim(theirs, u, x0=x0)[1][:, 0]


# Responses after the export


@given(testing.systems(kinds=REAL, **ONE), testing.rules(), testing.step_sizes(1e-4, 10), testing.signals())
def test_discrete_systems_answer_alike(system, rule, dt, u):
    """dlsim of the exported system gives simulate's outputs: `to_arrays`' bound, for both sides."""
    d = ssm.discretize(system, dt, rule["discretization"], rule["alpha"])
    S = scale(system, u, dt, rule)
    theirs = outputs_of_scipy(scipy_interop.to_scipy(d), u)
    assert np.abs(theirs - ssm.simulate(d, u)).max() <= 4 * tolerance(system, u, S)


@pytest.mark.parametrize("rule", ["bilinear", "foh"])
@pytest.mark.parametrize("kind", REAL)
def test_impulse_and_step_responses(kind, rule):
    system = one_of(kind)
    d, n = ssm.discretize(system, 0.1, rule), 30
    for name, u in (("dimpulse", (np.arange(n) == 0.0)), ("dstep", np.ones(n))):
        (h,) = getattr(scipy.signal, name)(scipy_interop.to_scipy(d), n=n)[1]
        bound = 4 * tolerance(system, u, scale(system, u, 0.1, {"discretization": rule, "alpha": None}) + 0.5)
        assert np.abs(h[:, 0] - ssm.simulate(d, u * 1.0)).max() <= bound


@pytest.mark.parametrize("rule", ["bilinear", "foh"])
def test_initial_states(rule):
    """x0 is SciPy's; under FOH theirs is A_bar x0 + B_bar_previous u_before. T = 20 contractive steps of 4 states."""
    d = ssm.discretize(ssm.hippo("legs", 4).state_space([1.0, -1.0, 2.0, 0.5], 0.25), 0.1, rule)
    u, x0 = np.cos(np.arange(20.0)), np.array([1.0, -2.0, 0.5, 3.0])
    start = x0 if rule == "bilinear" else d.A_bar @ x0 + d.B_bar_previous * 0.5
    size = np.linalg.norm(d.C) * (np.linalg.norm(x0) + np.linalg.norm(d.B_bar) * 40) + 1
    theirs = outputs_of_scipy(scipy_interop.to_scipy(d), u, start)
    assert np.abs(theirs - ssm.simulate(d, u, x0=x0, u_before=0.5)).max() <= 64 * 20 * 8 * U * size


def test_copied_matrices_would_be_late():
    """What the export is for: the same four matrices under SciPy's convention answer one sample later."""
    d = ssm.discretize(ssm.hippo("legs", 4).state_space(np.ones(4)), 0.1)
    K = ssm.convolution_kernel(d, 8)
    (h,) = scipy.signal.dimpulse((d.A_bar, d.B_bar[:, None], d.C[None], [[0.0]], 0.1), n=9)[1]
    bound = 64 * 8 * 8 * U * np.linalg.norm(d.C) * np.linalg.norm(d.B_bar)
    assert h[0, 0] == 0 and np.abs(h[1:, 0] - K).max() <= bound
    (h,) = scipy.signal.dimpulse(scipy_interop.to_scipy(d), n=8)[1]
    assert np.abs(h[:, 0] - K).max() <= bound


@pytest.mark.parametrize("kind", REAL)
def test_continuous_systems_have_the_same_transfer_function(kind):
    """C (i w - A)^-1 B + D from SciPy's matrices; each side solves once, backward stable."""
    system = one_of(kind)
    A, B, C, D = scipy_interop.to_arrays(system)
    for omega in (0.0, 0.7, 11.0):
        shifted = 1j * omega * np.eye(len(A)) - A
        theirs = (C @ np.linalg.solve(shifted, B) + D)[0, 0]
        size = np.linalg.cond(shifted) * np.linalg.norm(np.linalg.inv(shifted)) * np.linalg.norm(B) * np.linalg.norm(C)
        assert abs(theirs - system.transfer_function(1j * omega)) <= 64 * len(A) * U * (size + abs(D[0, 0]))


def one_of(kind):
    P, pairs = [[0.5 + 0.5j], [0.5]], np.array([True, False])
    if kind == "dense":
        return ssm.hippo("legt", 5).state_space([1.0, 0.5, -1.0, 2.0, 1.0], 0.5)
    modal = ([1 - 1j, 2.0], [0.5 + 1j, 1.0], 0.25, pairs)
    poles = [-1 + 2j, -0.5]
    return ssm.Diagonal(poles, *modal) if kind == "diagonal_pairs" else ssm.DPLR(poles, P, P, *modal)


# Modes


@given(testing.systems(kinds=("diagonal_pairs", "dplr_pairs"), **ONE), st.randoms())
def test_full_storage_is_paired_exactly(system, random):
    """Every mode stored, in any order: the same real matrices, up to the order of the modes."""
    full = system.full()
    order = random.sample(range(full.n_states), full.n_states)
    shuffled = type(full)(*(getattr(full, k)[order] for k in type(full)._SPEC if k != "D"), full.D)
    A, B, C, _ = scipy_interop.to_arrays(system)
    F, G, H, _ = scipy_interop.to_arrays(shuffled)
    for power in range(3):  # Markov parameters do not depend on the order
        size = np.linalg.norm(B) * np.linalg.norm(C) * np.linalg.norm(A) ** power
        ours, theirs = C @ np.linalg.matrix_power(A, power) @ B, H @ np.linalg.matrix_power(F, power) @ G
        assert np.abs(ours - theirs).max() <= 16 * (power + 1) * len(A) ** 2 * U * size
    assert F.shape == A.shape and F.dtype == A.dtype == np.float64


def test_nothing_complex_is_cast():
    """SciPy's own functions drop imaginary parts with a warning at most."""
    B = C = [1.0, 1.0]
    almost = ssm.Diagonal([-1 + 1j, -1 - 1j * (1 + 2**-52)], B, C)
    for system in (
        almost,
        ssm.Diagonal([-1 + 1j, -1 - 1j], B, [1.0, 1j]),
        ssm.Diagonal([-1 + 1j, -1 + 1j], B, C),
        ssm.Diagonal([-1 + 1j, -1 - 1j], B, C, 1j),
        ssm.StateSpace([[1j, 0], [0, -1j]], B, C),
        ssm.discretize(almost, 0.1),
        ssm.DPLR([-1 + 1j, -1 - 1j], [[1], [1j]], [[1], [1j]], B, C),
    ):
        with pytest.raises(TypeError, match="must be real, or have modes that are exactly real or exact conjugates"):
            scipy_interop.to_scipy(system)
    zero = ssm.StateSpace(np.array([[-1.0 + 0j]]), [1.0], [1.0])
    assert scipy_interop.to_scipy(zero).A.dtype == np.float64
    assert scipy_interop.to_arrays(ssm.Diagonal([-1 + 1j, -1 - 1j], B, C))[0].shape == (2, 2)


def test_single_precision_stays_single():
    system = ssm.Diagonal(np.array([-1 + 1j], np.complex64), np.float32([1]), np.float32([1]), conjugate_pairs=True)
    assert {part.dtype for part in scipy_interop.to_arrays(system)} == {np.dtype(np.float32)}
    assert scipy_interop.to_arrays(ssm.discretize(system, 0.1))[0].dtype == np.float32


# Round trips


@given(testing.systems(kinds=("dense",), **ONE), testing.rules(), testing.step_sizes(1e-3, 10))
def test_round_trips_that_are_exact(system, rule, dt):
    back = scipy_interop.from_scipy(scipy_interop.to_scipy(system))
    for name in "ABCD":
        np.testing.assert_array_equal(getattr(back, name), getattr(system, name))
    theirs = scipy_interop.to_scipy(ssm.discretize(system, dt, rule["discretization"], rule["alpha"]))
    again = scipy_interop.to_scipy(scipy_interop.from_scipy(theirs))
    for name in ("A", "B", "C", "D", "dt"):
        np.testing.assert_array_equal(getattr(again, name), getattr(theirs, name))


@given(testing.systems(kinds=("dense",), **ONE), st.floats(0.5, 1.0), testing.step_sizes(1e-2, 1.0))
def test_one_tap_inverts_the_export(system, alpha, dt):
    """C A_bar A_bar^-1: one rounded product of N terms and one solve, in units of u cond(A_bar) ||C||."""
    d = ssm.discretize(system, dt, "gbt", alpha)
    condition = np.linalg.cond(d.A_bar)
    assume(condition < 1e10)
    back = scipy_interop.from_scipy(scipy_interop.to_scipy(d), form="one_tap")
    np.testing.assert_array_equal(back.A_bar, d.A_bar)
    np.testing.assert_array_equal(back.B_bar, d.B_bar)
    bound = 32 * system.n_states**1.5 * U * condition * np.linalg.norm(d.C)
    assert np.linalg.norm(back.C - d.C) <= bound
    assert abs(back.D - d.D) <= (bound + 4 * system.n_states * U * np.linalg.norm(d.C)) * np.linalg.norm(d.B_bar)
    assert back.B_bar_previous is None


def test_two_taps_need_no_inverse():
    """A delay of two samples has a nilpotent matrix; two taps are exact, one tap is refused."""
    theirs = scipy.signal.StateSpace([[0.0, 0.0], [1.0, 0.0]], [[1.0], [0.0]], [[0.0, 1.0]], [[0.0]], dt=0.5)
    ours = scipy_interop.from_scipy(theirs)
    np.testing.assert_array_equal(ssm.simulate(ours, [1.0, 2.0, 3.0, 4.0]), [0.0, 0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match="`A` must be invertible"):
        scipy_interop.from_scipy(theirs, form="one_tap")


def test_forms_of_a_system_from_scipy_agree():
    rng = np.random.default_rng(0)
    A = np.linalg.qr(rng.normal(size=(5, 5)))[0] * 0.9
    theirs = scipy.signal.dlti(A, rng.normal(size=(5, 1)), rng.normal(size=(1, 5)), [[0.5]], dt=0.1)
    u = rng.normal(size=50)
    expected = outputs_of_scipy(theirs, u)
    size = np.linalg.norm(theirs.B) * np.linalg.norm(theirs.C) * np.abs(u).sum() / 0.9
    for form in ("one_tap", "two_tap"):
        y = ssm.simulate(scipy_interop.from_scipy(theirs, form=form), u)
        assert np.abs(y - expected).max() <= 64 * 50 * 9 * U * size


def test_tuples_and_unspecified_steps():
    arrays = ([[0.5]], [[1.0]], [[2.0]], [[3.0]])
    assert isinstance(scipy_interop.from_scipy(arrays), ssm.StateSpace)
    assert scipy_interop.from_scipy((*arrays, 0.25)).dt == 0.25
    assert scipy_interop.from_scipy((*arrays, True)).dt == 1.0
    assert scipy_interop.from_scipy(scipy.signal.dlti(*arrays)).dt == 1.0


# Several inputs and outputs


def test_heads_of_a_transfer_matrix():
    """(p, m) heads of one A: SciPy's outputs are sums over inputs, and come back bit for bit."""
    rng = np.random.default_rng(1)
    A = rng.normal(size=(4, 4)) - 6 * np.eye(4)
    system = ssm.StateSpace(A, rng.normal(size=(3, 4)), rng.normal(size=(2, 1, 4)), rng.normal(size=(2, 3)))
    back = scipy_interop.from_scipy(scipy_interop.to_scipy(system))
    for name in "ABCD":
        np.testing.assert_array_equal(getattr(back, name), getattr(system, name))
    d, u = ssm.discretize(system, 0.1), rng.normal(size=(3, 30))
    y = ssm.simulate(d, u).sum(axis=1)
    theirs = scipy.signal.dlsim(scipy_interop.to_scipy(d), u.T)[1].T
    size = 3 * np.linalg.norm(d.B_bar) * np.linalg.norm(d.C) * np.abs(u).sum() + np.abs(d.D).sum() * np.abs(u).max()
    assert np.abs(y - theirs).max() <= 64 * 30 * 8 * U * size
    both = scipy_interop.to_scipy(scipy_interop.from_scipy(scipy_interop.to_scipy(d)))
    assert both.B.shape == (4, 3) and both.C.shape == (2, 4)
    modal = ssm.Diagonal(
        [-1 + 1j, -2.0], [1.0, 1.0], [[[1.0, 2.0]], [[3j, 1.0]]], conjugate_pairs=np.array([True, False])
    )
    assert scipy_interop.to_arrays(modal)[2].shape == (2, 3)


@pytest.mark.parametrize(
    "system",
    [
        ssm.StateSpace(np.diag([-1.0, -2.0]), np.ones((3, 2)), np.ones(2)),
        ssm.StateSpace(-np.ones((2, 2, 1, 1)), np.ones((2, 1)), np.ones((2, 1, 1)), np.zeros((2, 2))),
        ssm.StateSpace([[-1.0]], np.ones((2, 2, 1)), np.ones((2, 1, 1)), np.zeros((2, 2))),
    ],
)
def test_other_heads_are_refused(system):
    with pytest.raises(ValueError, match=r"`system` must be one system, or have heads \(p, m\)"):
        scipy_interop.to_scipy(system)


# Refusals


def test_what_is_refused():
    d = ssm.DiscreteStateSpace([[0.5]], [1.0], [1.0], 0.0, 0.0)
    with pytest.raises(ValueError, match="`dt` must be one positive step"):
        scipy_interop.to_scipy(d)
    with pytest.raises(TypeError, match="`system` must be a continuous or discrete state space system"):
        scipy_interop.to_scipy(np.eye(2))
    for wrong in (scipy.signal.TransferFunction([1.0], [1.0, 1.0]), ([[1.0]], [[1.0]]), "A"):
        with pytest.raises(TypeError, match=r"`system` must be a scipy.signal.StateSpace or a tuple"):
            scipy_interop.from_scipy(wrong)
    for arrays, name in (
        (([[1.0, 2.0]], [[1.0]], [[1.0]], [[1.0]]), "A"),
        (([[1.0]], [[1.0], [2.0]], [[1.0]], [[1.0]]), "B"),
        (([[1.0]], [[1.0]], [[1.0, 2.0]], [[1.0]]), "C"),
        (([[1.0]], [[1.0]], [[1.0]], [[1.0, 2.0]]), "D"),
    ):
        with pytest.raises(ValueError, match=f"`{name}` must have shape"):
            scipy_interop.from_scipy(arrays)
    with pytest.raises(ValueError, match="`form` must be one of two_tap, one_tap"):
        scipy_interop.from_scipy(([[1.0]], [[1.0]], [[1.0]], [[1.0]]), form="three")
