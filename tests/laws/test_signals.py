"""Laws of the recurrent and the convolutional view: linear, causal, time invariant, indifferent to cuts and batches."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import testing

from .test_views_agree import scale, tolerance


@given(testing.systems(dtypes=testing.DTYPES), testing.rules(), testing.step_sizes(), st.data())
def test_blocks_of_any_size_give_the_same_bits(system, rule, dt, data):
    rule = rule | {"method": "recurrence"}
    u = data.draw(testing.signals(dtype=system.C.real.dtype))
    cuts = sorted(data.draw(st.lists(st.integers(0, u.size), max_size=4)))
    whole, final = ssm.simulate(system, u, dt, return_state=True, **rule)
    state, before, parts = None, 0.0, []
    for begin, end in zip([0, *cuts], [*cuts, u.size], strict=True):
        if begin == end:
            continue
        y, state = ssm.simulate(system, u[begin:end], dt, x0=state, u_before=before, return_state=True, **rule)
        before = u[end - 1]
        parts.append(y)
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), whole)
    np.testing.assert_array_equal(state, final)


@given(testing.systems(), testing.rules(), testing.step_sizes(), testing.signals(), st.floats(-3, 3))
def test_linear(system, rule, dt, u, factor):
    v = np.cos(np.arange(u.size))
    combined = ssm.simulate(system, factor * u + v, dt, **rule)
    separate = factor * ssm.simulate(system, u, dt, **rule) + ssm.simulate(system, v, dt, **rule)
    bound = tolerance(system, u, scale(system, np.abs(factor * u) + np.abs(v), dt, rule))
    assert np.abs(combined - separate).max() <= bound


@given(testing.systems(), testing.rules(), testing.step_sizes(), testing.signals(), st.integers(0, 49))
def test_causal(system, rule, dt, u, when):
    """An output does not see later inputs: exactly in the recurrence, up to the FFT's rounding in the convolution."""
    when = min(when, u.size - 1)
    changed = u.copy()
    changed[when:] += 1
    y, z = (ssm.simulate(system, signal, dt, method="recurrence", **rule)[..., :when] for signal in (u, changed))
    np.testing.assert_array_equal(y, z)
    K = ssm.convolution_kernel(system, u.size, dt, **rule)
    y, z = (ssm.convolve(K, signal)[..., :when] for signal in (u, changed))
    bound = 5 * np.finfo(K.dtype).eps * np.log2(4 * u.size) * np.linalg.norm(K, axis=-1).max(initial=0)
    bound *= np.linalg.norm(u) + np.linalg.norm(changed)
    assert np.abs(y - z).max(initial=0) <= bound


@given(testing.systems(), testing.rules(), testing.step_sizes(), testing.signals(), st.integers(1, 9))
def test_time_invariant(system, rule, dt, u, delay):
    rule = rule | {"method": "recurrence"}
    late = ssm.simulate(system, np.concatenate([np.zeros(delay), u]), dt, **rule)
    np.testing.assert_array_equal(late[..., :delay], 0)
    np.testing.assert_array_equal(late[..., delay:], ssm.simulate(system, u, dt, **rule))


@given(testing.systems(), testing.rules(), testing.step_sizes(), testing.signals())
def test_state_carries_the_past(system, rule, dt, u):
    """The free response to the final state continues the signal padded with zeros."""
    rule = rule | {"method": "recurrence"}
    padded = ssm.simulate(system, np.concatenate([u, np.zeros(5)]), dt, **rule)
    _, state = ssm.simulate(system, u, dt, return_state=True, **rule)
    free = ssm.simulate(system, np.zeros(5), dt, x0=state, u_before=u[-1], **rule)
    np.testing.assert_array_equal(padded[..., u.size :], free)


@given(testing.systems(batches=((3,), (2, 2))), testing.rules(), st.data())
def test_heads_are_independent(system, rule, data):
    """A batch of heads, each with its own step and signal, is a loop over heads."""
    batch = system.batch_shape
    dt = np.reshape([data.draw(testing.step_sizes()) for _ in range(int(np.prod(batch)))], batch)
    u = data.draw(testing.signals(batch=batch))
    y = ssm.simulate(system, u, dt, **rule)
    for head in np.ndindex(*batch):
        names = [name for name, axes in system._SPEC.items() if axes]
        pairs = {} if isinstance(system, ssm.StateSpace) else {"conjugate_pairs": system.conjugate_pairs}
        alone = type(system)(**{name: getattr(system, name)[head] for name in names}, **pairs)
        z = ssm.simulate(alone, u[head], dt[head], **rule)
        assert np.abs(y[head] - z).max() <= tolerance(alone, u[head], scale(alone, u[head], dt[head], rule))


@given(testing.systems(batches=((3,),)), testing.signals(batch=(3,)), testing.step_sizes())
def test_time_axis_first(system, u, dt):
    """(T, P) signals through axis=0: P inputs to P heads, or one input to P heads."""
    y = ssm.simulate(system, u, dt)
    np.testing.assert_array_equal(ssm.simulate(system, u.T, dt, axis=0), y.T)
    one = ssm.simulate(system, u[0], dt, axis=0)
    np.testing.assert_array_equal(one, ssm.simulate(system, u[0], dt).T)
    K = ssm.convolution_kernel(system, u.shape[-1], dt)
    np.testing.assert_array_equal(ssm.convolve(K, u.T, axis=0), ssm.convolve(K, u).T)


@given(testing.signals(), st.integers(1, 80), st.booleans())
def test_convolution_is_the_definition(u, length, is_complex):
    K = np.exp(-0.1 * np.arange(length)) * (np.exp(0.7j * np.arange(length)) if is_complex else 1)
    y = ssm.convolve(K, u, D=0.5)
    expected = np.convolve(K, u)[: u.size] + 0.5 * u
    bound = 5 * np.finfo(float).eps * np.log2(2 * (u.size + length)) * np.linalg.norm(K) * np.linalg.norm(u)
    assert y.shape == u.shape and np.iscomplexobj(y) == is_complex
    assert np.abs(y - expected).max() <= bound + np.finfo(float).eps * np.abs(u).max()
