"""`Stream`: the pair that it carries, its methods, and what happens when a block is refused or interrupted."""

from __future__ import annotations

import asyncio
import copy
import pickle

import numpy as np
import pytest
import scipy.signal

import ssm_numerics as ssm
from ssm_numerics import streaming

DENSE = ssm.StateSpace([[-1.0, 0.5], [0.25, -2.0]], [1.0, -1.0], [0.5, 2.0], 0.25)
U64 = 2.0**-53


def test_a_stream_goes_on_in_place_of_another():
    u = np.sin(np.arange(40.0)).reshape(2, 20)
    first, whole = ssm.Stream(DENSE, 0.1, "foh"), ssm.Stream(DENSE, 0.1, "foh")
    expected = whole.push(u)
    first.push(u[:, :7])
    second = ssm.Stream(DENSE, 0.1, "foh", x0=first.state, u_before=first.u_before)
    np.testing.assert_array_equal(second.push(u[:, 7:]), expected[:, 7:])
    third = ssm.Stream(DENSE, 0.1, "foh")
    third.push(np.ones(3))
    third.state, third.u_before = first.state, first.u_before
    np.testing.assert_array_equal(third.push(u[:, 7:]), expected[:, 7:])
    third.state, third.u_before = None, 0.0
    np.testing.assert_array_equal(third.push(u), expected)
    np.testing.assert_array_equal(third.state, whole.state)


def test_the_pair_is_that_of_lfilter():
    """One real pole, a scalar state: zi = C A_bar x, since lfilter's next output is zi + (C B_bar + D) u."""
    system = ssm.discretize(ssm.StateSpace([[-1.0]], [1.0], [2.0], 0.5), 0.1)
    a, direct = float(system.A_bar[0, 0]), float(system.B_bar[0] * 2 + 0.5)
    numerator, u = [direct, -0.5 * a], np.cos(np.arange(30.0))
    stream, zi, size = ssm.Stream(system), np.zeros(1), 4 * 30 * 8 * U64 * (2 + 0.5)
    for block in np.split(u, [1, 7, 19]):
        expected, zi = scipy.signal.lfilter(numerator, [1.0, -a], block, zi=zi)
        assert np.abs(stream.push(block) - expected).max() <= size
        assert abs(zi[0] - 2 * a * stream.state[0]) <= size


def test_what_is_read_is_a_copy():
    stream = ssm.Stream(DENSE, 0.1)
    stream.push([1.0])
    stream.state[:] = np.nan
    stream.u_before[...] = np.nan
    x0 = np.ones(2)
    stream.state = x0
    x0[:] = np.nan
    assert np.isfinite(stream.push([1.0])).all() and np.isfinite(stream.state).all()


@pytest.mark.parametrize(
    ("name", "value", "kind", "sentence"),
    [
        ("state", np.ones(3), ValueError, "`state` must have shape (..., 2) to match the system's 2 stored states"),
        ("state", [1.0, np.inf], ValueError, "`state` must be finite"),
        ("state", "zero", TypeError, "`state` must be an array of numbers"),
        ("u_before", np.nan, ValueError, "`u_before` must be finite"),
        ("u_before", None, TypeError, "`u_before` must be an array of numbers"),
    ],
)
def test_what_is_set_is_checked(name, value, kind, sentence):
    stream = ssm.Stream(DENSE, 0.1)
    stream.push([1.0])
    before = stream.state
    with pytest.raises(kind) as caught:
        setattr(stream, name, value)
    assert sentence in str(caught.value)
    np.testing.assert_array_equal(stream.state, before)


@pytest.mark.parametrize("block", [[], np.zeros((2, 0)), [np.nan], "x", None, 1.0, [1e308] * 40])
def test_a_refused_block_changes_nothing(block):
    stream = ssm.Stream(ssm.StateSpace([[1.0]], [10.0], [1.0]), 0.5)
    stream.push([1.0, 2.0])
    state, before = stream.state, stream.u_before
    with pytest.raises((ValueError, TypeError), match="`block` must "):
        stream.push(block)
    np.testing.assert_array_equal(stream.state, state)
    np.testing.assert_array_equal(stream.u_before, before)


def test_an_interrupted_block_can_be_pushed_again(monkeypatch):
    stream, whole = ssm.Stream(DENSE, 0.1), ssm.Stream(DENSE, 0.1)
    expected = whole.push([1.0, 2.0, 3.0])
    stream.push([1.0])
    with monkeypatch.context() as patch:
        patch.setattr(streaming.np, "moveaxis", None)
        patch.setattr(type(stream._stepper), "run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises((KeyboardInterrupt, TypeError)):
            stream.push([2.0, 3.0])
    np.testing.assert_array_equal(stream.push([2.0, 3.0]), expected[1:])


@pytest.mark.parametrize("method", streaming.METHODS)
@pytest.mark.parametrize("N", [2, 5])
def test_methods(method, N):
    """Any method is the recurrence to 64 T (N + 4) u S; copies and pickles go on, and long and short blocks mix."""
    system, u = ssm.hippo("legs", N).state_space(np.ones(N)), np.cos(np.arange(6000.0))
    expected = ssm.simulate(system, u, 0.01, method="recurrence")
    stream, parts = ssm.Stream(system, 0.01, method=method), []
    for begin, end in ((0, 1), (1, 2049), (2049, 4097), (4097, 4100), (4100, 6000)):
        parts.append(stream.push(u[begin:end]))
        stream = pickle.loads(pickle.dumps(copy.deepcopy(stream))) if begin else stream
    d = ssm.discretize(system, 0.01)
    size = np.linalg.norm(d.C) * np.linalg.norm(d.B_bar) * np.abs(u).sum()
    y = np.concatenate(parts)
    assert np.abs(y - expected).max() <= 64 * 6000 * (N + 4) * U64 * size
    if method == "recurrence":
        np.testing.assert_array_equal(y, expected)


def test_methods_are_named():
    with pytest.raises(ValueError, match="`method` must be one of recurrence, auto, chunked, but it is 'fft'"):
        ssm.Stream(DENSE, 0.1, method="fft")


def test_streams_in_coroutines():
    """Two streams whose blocks take turns do not disturb each other."""
    u = np.sin(np.arange(60.0))

    async def filtered(gain):
        stream, parts = ssm.Stream(DENSE, 0.1), []
        for block in np.split(gain * u, 12):
            parts.append(await asyncio.to_thread(stream.push, block))
        return np.concatenate(parts)

    async def both():
        return await asyncio.gather(filtered(1.0), filtered(2.0))

    for gain, y in zip((1.0, 2.0), asyncio.run(both()), strict=True):
        np.testing.assert_array_equal(y, ssm.Stream(DENSE, 0.1).push(gain * u))
