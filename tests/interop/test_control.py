"""python-control and pyMOR: responses and norms computed by them, round trips, refusals."""

import numpy as np
import pytest

import ssm_numerics as ssm

U = 2.0**-53
SYSTEM = ssm.nplr("legs", 6).to_dplr([1.0, -0.5, 2.0, 0.3, 1.0, -1.0])
u = np.sin(np.arange(40.0))


def bound(system, samples):
    """64 T (N + 4) u S of `to_arrays`, for both sides; ||A_bar|| <= 1 for LegS under these rules."""
    dense = system.to_dense()
    inputs = np.linalg.norm(dense.B_bar) + (0 if dense.B_bar_previous is None else np.linalg.norm(dense.B_bar_previous))
    return 2 * 64 * samples.size * 10 * U * np.linalg.norm(dense.C) * inputs * np.abs(samples).sum()


@pytest.mark.parametrize("rule", ["bilinear", "zoh", "foh"])
def test_python_control_answers_alike(rule):
    control = pytest.importorskip("control")
    d = ssm.discretize(SYSTEM, 0.1, rule)
    theirs = ssm.interop.control.to_control(d)
    assert theirs.dt == 0.1
    y = control.forced_response(theirs, inputs=u).outputs
    assert np.abs(y - ssm.simulate(d, u)).max() <= bound(d, u)
    impulse = 0.1 * control.impulse_response(theirs, np.arange(20) * 0.1).outputs  # theirs is to 1/dt
    assert np.abs(impulse - ssm.convolution_kernel(d, 20)).max() <= bound(d, np.eye(20)[0])


def test_round_trips_through_python_control():
    control = pytest.importorskip("control")
    to_control, from_control = ssm.interop.control.to_control, ssm.interop.control.from_control
    dense = SYSTEM.to_dense()
    assert to_control(dense).dt == 0
    for name in "ABCD":
        np.testing.assert_array_equal(getattr(from_control(to_control(dense)), name), getattr(dense, name))
    theirs = to_control(ssm.discretize(dense, 0.1, "foh"))
    again = to_control(from_control(theirs))
    for name in ("A", "B", "C", "D", "dt"):
        np.testing.assert_array_equal(getattr(again, name), getattr(theirs, name))
    assert from_control(control.ss([[0.5]], [[1.0]], [[1.0]], [[0.0]], True)).dt == 1.0
    two = control.ss(-np.eye(2), np.eye(2), np.ones((3, 2)), np.zeros((3, 2)), 0)
    assert from_control(two).batch_shape == (3, 2)
    np.testing.assert_array_equal(to_control(from_control(two)).C, two.C)


def test_what_is_refused():
    control = pytest.importorskip("control")
    with pytest.raises(TypeError, match=r"`system` must be a control.StateSpace"):
        ssm.interop.control.from_control(control.tf([1.0], [1.0, 1.0]))
    with pytest.raises(ValueError, match=r"but its dt is None"):
        ssm.interop.control.from_control(control.ss([[0.5]], [[1.0]], [[1.0]], [[0.0]], None))
    with pytest.raises(TypeError, match="must be real, or have modes"):
        ssm.interop.control.to_control(ssm.Diagonal([-1 + 1j], [1.0], [1.0]))


def test_pymor_answers_alike():
    pytest.importorskip("pymor")
    for system in (SYSTEM, ssm.discretize(SYSTEM, 0.1)):
        model = ssm.interop.pymor.to_pymor(system)
        assert model.order == 6 and model.sampling_time == (0 if system is SYSTEM else 0.1)
        A, B, C, D, E = model.to_abcde_matrices()
        ours = ssm.interop.scipy.to_arrays(system)
        assert E is None
        for given, exported in zip((A, B, C), ours, strict=False):
            np.testing.assert_array_equal(given, exported)
        assert D is None or np.array_equal(D, ours[3])
    point = 0.3 + 2j
    theirs = ssm.interop.pymor.to_pymor(SYSTEM).transfer_function.eval_tf(point)[0, 0]
    dense = SYSTEM.to_dense()
    shifted = point * np.eye(6) - dense.A  # a backward stable solve each
    size = np.linalg.cond(shifted) * np.linalg.norm(np.linalg.inv(shifted)) * np.linalg.norm(dense.B)
    assert abs(theirs - SYSTEM.transfer_function(point)) <= 64 * 6 * U * size * np.linalg.norm(dense.C)
