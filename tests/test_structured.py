"""Systems of HiPPO operators stepped in O(N), against their dense form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import testing

U = 2.0**-53
FAMILIES = ("legs", "legt", "lmu", "lagt", "glagt")


@given(
    st.sampled_from(FAMILIES),
    st.integers(1, 64),
    testing.step_sizes(1e-5, 100),
    st.floats(0.5, 1),
    testing.signals(),
    st.booleans(),
)
def test_linear_time_steps_are_the_dense_recurrence(family, N, dt, alpha, u, is_complex):
    """50 N u S with S = ||C|| ||B_bar|| sum |u|; lmu and glagt are diagonal similarities of condition 2 N."""
    op = ssm.hippo(family, N, **({"alpha": 0.3, "beta": 0.5} if family == "glagt" else {}))
    C = np.cos(np.arange(N)) * (1j if is_complex else 1)
    structured, dense = op.structured_state_space(C, 0.5), ssm.StateSpace(op.A, op.B, C, 0.5)
    y, x = ssm.simulate(structured, u, dt, "gbt", alpha=alpha, return_state=True)
    z, w = ssm.simulate(dense, u, dt, "gbt", alpha=alpha, return_state=True)
    assert y.dtype == z.dtype
    similar = 2 * N if family in ("lmu", "glagt") else 1
    size = similar * np.linalg.norm(ssm.discretize(dense, dt, "gbt", alpha).B_bar) * np.abs(u).sum()
    assert np.abs(x - w).max() <= 50 * N * U * size
    assert np.abs(y - z).max() <= 50 * N * U * (size * np.linalg.norm(C) + np.abs(u).max())
    K = ssm.convolution_kernel(structured, u.size, dt, "gbt", alpha, method="krylov")
    assert np.abs(ssm.convolve(K, u, 0.5) - y).max() <= 100 * N * U * (size * np.linalg.norm(C) + np.abs(u).max())


@given(st.sampled_from(FAMILIES[:4]), st.integers(1, 20), testing.signals(), st.integers(0, 50))
def test_blocks_give_the_same_bits(family, N, u, cut):
    system = ssm.hippo(family, N).structured_state_space(np.ones((2, N)))
    cut = min(max(cut, 1), u.size)
    stream = ssm.Stream(system, [0.1, 0.2])
    parts = [stream.push(part) for part in (u[:cut], u[cut:]) if part.size]
    whole = ssm.simulate(system, u, [0.1, 0.2], method="recurrence")
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), whole)


def test_everything_else_goes_through_the_dense_form():
    op = ssm.hippo("legs", 6)
    system, dense = op.structured_state_space(np.ones(6), 1.0), op.state_space(np.ones(6), 1.0)
    u, t, s = np.sin(np.arange(20.0)), np.linspace(0, 1, 5), np.array([1.0, 2j])
    for rule in ("zoh", "foh"):
        np.testing.assert_array_equal(ssm.simulate(system, u, 0.1, rule), ssm.simulate(dense, u, 0.1, rule))
    np.testing.assert_array_equal(ssm.impulse_response(system, t), ssm.impulse_response(dense, t))
    np.testing.assert_array_equal(
        ssm.respond(system, u, 0.1 * np.arange(20)), ssm.respond(dense, u, 0.1 * np.arange(20))
    )
    np.testing.assert_array_equal(system.transfer_function(s), dense.transfer_function(s))
    np.testing.assert_array_equal(system.poles(), dense.poles())
    np.testing.assert_array_equal(system.conjugate(2 * np.eye(6)).B, dense.conjugate(2 * np.eye(6)).B)
    K = ssm.convolution_kernel(dense, 30, 0.1)
    for method in ("krylov", "krylov_blocked", "auto"):
        assert np.abs(ssm.convolution_kernel(system, 30, 0.1, method=method) - K).max() <= 100 * U * np.abs(K).max()
    for dt in (0.001, 0.1, 10.0):
        d, e = ssm.discretize(system, dt), ssm.discretize(dense, dt)
        assert np.abs(d.A_bar - e.A_bar).max() <= 50 * 6 * U and np.abs(d.B_bar - e.B_bar).max() <= 50 * 6 * U
    assert ssm.condition_report(system, 0.1, 30).stable
    mid, radius = ssm.certified.convolution_kernel(system, 30, 0.1)
    assert np.abs(K - mid).max() <= 100 * U * np.abs(K).max() and radius.max() <= U * np.abs(K).max()


@pytest.mark.jit
def test_a_million_states():
    """What a dense matrix would need 8 TB for."""
    op = ssm.hippo("legs", 10**6)
    y = ssm.simulate(op.structured_state_space(np.ones(10**6)), [1.0, 0.0, 0.0], 1e-12)
    assert np.isfinite(y).all()
    with pytest.raises(ValueError, match="`A` must fit into max_memory"):
        _ = op.A


def test_explicit_rules_of_large_operators():
    """alpha < 1/2 beyond the order whose stability is checked: the same recurrence as the dense matrix."""
    op, u = ssm.hippo("legs", 513), np.cos(np.arange(30.0))
    C, dt = np.ones(513), 1e-6
    for alpha in (0.0, 0.3):
        y = ssm.simulate(op.structured_state_space(C), u, dt, "gbt", alpha=alpha)
        z = ssm.simulate(ssm.StateSpace(op.A, op.B, C), u, dt, "gbt", alpha=alpha)
        size = np.linalg.norm(C) * dt * np.linalg.norm(op.B) * np.abs(u).sum()
        assert np.abs(y - z).max() <= 50 * 513 * U * size


def test_bad_input():
    with pytest.raises(ValueError, match="`C` must have shape"):
        ssm.hippo("legs", 4).structured_state_space(np.ones(3))
