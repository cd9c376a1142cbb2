"""Steps that vary from sample to sample, and samples that are missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import ssm_numerics as ssm
from ssm_numerics import testing

from .systems import DPLR, TWO_STATES

U64 = 2.0**-53
RULES = ("euler", "backward_euler", "bilinear", "zoh", "foh")
SYSTEMS = TWO_STATES | {
    "hippo": ssm.hippo("legs", 5).structured_state_space(np.ones(5), 0.25),
}
U = np.sin(np.arange(20.0)) + 0.5


def steps_of(rng, count):
    """A mixture of repeated and of new steps, over six powers of ten."""
    return np.where(rng.random(count) < 0.5, rng.choice([0.1, 0.2, 3.0], count), 10.0 ** rng.uniform(-5, 1, count))


def one_by_one(system, u, dt, rule, x0=None, u_before=0.0):
    """Each sample a simulation of its own with a constant step."""
    y = []
    for sample, step in zip(np.moveaxis(u, -1, 0), np.moveaxis(dt, -1, 0), strict=True):
        given = {"x0": x0, "u_before": u_before, "return_state": True, "method": "recurrence", **rule}
        now, x0 = ssm.simulate(system, sample[..., None], step, **given)
        y.append(now[..., 0])
        u_before = sample
    return np.stack(y, axis=-1), x0


@settings(max_examples=30)
@given(testing.systems(dtypes=testing.DTYPES), testing.rules(), st.integers(0, 2**16), st.data())
def test_each_sample_is_a_constant_step(system, rule, seed, data):
    """However the signal is cut, whatever steps come together: the bits of the path with constant steps."""
    rng = np.random.default_rng(seed)
    u = data.draw(testing.signals(max_length=10, dtype=system.C.real.dtype))
    per_head = (*system.batch_shape, u.size) if data.draw(st.booleans()) else (u.size,)
    dt = steps_of(rng, np.prod(per_head)).reshape(per_head)
    cut = data.draw(st.integers(1, u.size))
    y, x = ssm.simulate(system, u, dt, **rule, irregular=True, return_state=True)
    expected, last = one_by_one(system, u, dt, rule)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(x, last)
    stream = ssm.Stream(system, **rule)
    blocks = [(begin, end) for begin, end in ((0, cut), (cut, u.size)) if end > begin]
    parts = [stream.push(u[begin:end], dt=dt[..., begin:end]) for begin, end in blocks]
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), y)
    np.testing.assert_array_equal(stream.state, x)


@pytest.mark.filterwarnings("ignore::ssm_numerics.UnstableDiscretizationWarning")
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", SYSTEMS)
def test_equal_steps(kind, rule):
    """The bits of the path with one step; HiPPO operators become matrices, to which T (N + 4) u S applies."""
    system, x0 = SYSTEMS[kind], np.ones(SYSTEMS[kind].C.shape[-1])
    given = {"x0": x0, "u_before": 0.7, "return_state": True}
    y, x = ssm.simulate(system, U, np.full(20, 0.05), rule, irregular=True, **given)
    expected, last = ssm.simulate(system, U, 0.05, rule, method="recurrence", **given)
    if kind != "hippo" or rule in ("zoh", "foh"):
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(x, last)
    else:
        size = np.linalg.norm(system.C) * (np.linalg.norm(system.B) * np.abs(U).sum() + np.linalg.norm(x0))
        growth = max(1.0, np.linalg.norm(np.eye(5) + 0.05 * system.A, 2)) ** 20  # Euler's steps may grow
        assert np.abs(y - expected).max() <= 64 * 20 * (5 + 4) * U64 * growth**2 * size


@pytest.mark.parametrize("kind", ["dense", "dplr", "diagonal", "hippo"])
@pytest.mark.parametrize("seed", range(3))
def test_against_an_ode_solver(kind, seed):
    """ZOH on random timestamps is the exact flow between them.

    The systems contract, so the solver's errors, at most sqrt(N) (atol + rtol max|x|) in each of its steps, add up; to
    that comes what the recurrence commits, 64 T (N + 4) u S.
    """
    system, rng, tolerance = SYSTEMS[kind], np.random.default_rng(seed), 3e-14
    t = np.cumsum(rng.exponential(0.3, 12))
    u = rng.normal(size=12)
    y = ssm.simulate(system, u, np.diff(t, prepend=0.0), "zoh", irregular=True)
    dense = system.to_dense()
    x, now, n_steps, largest, expected = np.zeros(dense.n_states), 0.0, 0, 0.0, []
    for time, sample in zip(t, u, strict=True):
        flow = lambda _, x, sample=sample: dense.A @ x + dense.B * sample  # noqa: E731
        solved = solve_ivp(flow, (now, time), x, "DOP853", rtol=tolerance, atol=tolerance)
        x, now, n_steps = solved.y[:, -1], time, n_steps + solved.t.size
        largest = max(largest, np.abs(solved.y).max())
        expected.append(dense.C @ x + dense.D * sample)
    size = np.linalg.norm(dense.C) * np.linalg.norm(dense.B) * np.abs(u).sum()
    solver = n_steps * np.sqrt(dense.n_states) * tolerance * (1 + largest) * np.linalg.norm(dense.C)
    bound = solver + 64 * 12 * (dense.n_states + 4) * U64 * size
    assert bound <= 1e-8 * size
    assert np.abs(y - expected).max() <= bound


@pytest.mark.parametrize("hold", ["zoh", "foh"])
@pytest.mark.parametrize("kind", SYSTEMS)
def test_respond_is_the_same_at_times(kind, hold):
    rng = np.random.default_rng(0)
    t = np.cumsum(rng.exponential(0.3, 20))
    y = ssm.simulate(SYSTEMS[kind], U, np.diff(t, prepend=0.0), hold, irregular=True, u_before=0.3)
    expected = ssm.respond(SYSTEMS[kind], U, t, hold, u_before=0.3)
    dense = SYSTEMS[kind].to_dense()
    size = np.linalg.norm(dense.C) * np.linalg.norm(dense.B) * np.abs(U).sum()
    # two scalings of one exponential, each with 2 (N + ||dt A||) u
    scale = 4 * (dense.n_states + np.diff(t).max() * np.linalg.norm(dense.A)) * U64
    assert np.abs(y - expected).max() <= (scale + 64 * (dense.n_states + 4) * U64) * 20 * size


def test_gates_are_steps():
    """[LSSL] Lemma 3.1: (1 - s(z)) x + s(z) u is backward Euler of x' = -x + u with steps e^z; 4u a step."""
    rng = np.random.default_rng(0)
    z, u = 4 * rng.normal(size=400), rng.normal(size=400)
    y = ssm.simulate(ssm.Diagonal([-1.0], [1.0], [1.0]), u, np.exp(z), "backward_euler", irregular=True)
    x, expected = 0.0, []
    for gate, keep, sample in zip(1 / (1 + np.exp(-z)), 1 / (1 + np.exp(z)), u, strict=True):
        x = keep * x + gate * sample
        expected.append(x)
    assert np.abs(y - expected).max() <= 4 * 400 * U64 * np.abs(u).max()


def test_steps_beyond_the_working_memory(monkeypatch):
    """Blocks of few steps, and a stream that forgets them, change no bit."""
    from ssm_numerics import _steppers

    rng = np.random.default_rng(0)
    dt = rng.choice([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], 60)
    u = rng.normal(size=60)
    whole = {kind: ssm.simulate(system, u, dt, "foh", irregular=True) for kind, system in SYSTEMS.items()}
    monkeypatch.setattr(_steppers, "STEP_BYTES", 2 * 8 * 16 * 9)
    for kind, system in SYSTEMS.items():
        np.testing.assert_array_equal(ssm.simulate(system, u, dt, "foh", irregular=True), whole[kind])


def test_repeated_steps_are_discretized_once(monkeypatch):
    from ssm_numerics import _steppers

    calls = []
    original = _steppers.discretize
    monkeypatch.setattr(_steppers, "discretize", lambda *given: calls.append(given[1]) or original(*given))
    stream = ssm.Stream(SYSTEMS["dense"], discretization="zoh")
    for _ in range(3):
        stream.push(np.ones(50), dt=np.tile([0.1, 0.2], 25))
    assert sorted(map(float, calls)) == [0.1, 0.2]


# Missing samples

GAPS = np.array([True, False, False, True, True, False, True, False, False, True])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("fill", ["hold", "zero"])
def test_gaps(fill, rule):
    """What is there is not read; the system goes on under the last sample or under nothing, and so do streams."""
    u = np.arange(1.0, 11)
    filled = [9, 2, 3, 3, 3, 6, 6, 8, 9, 9] if fill == "hold" else u * ~GAPS
    holes = np.where(GAPS, np.nan, u)
    given = {"missing": GAPS, "fill": fill}
    for system in SYSTEMS.values():
        expected = ssm.simulate(system, filled, 0.1, rule, u_before=9.0, method="recurrence")
        y = ssm.simulate(system, holes, 0.1, rule, u_before=9.0, method="recurrence", **given)
        np.testing.assert_array_equal(y, expected)
        for cut in range(1, 10):
            stream = ssm.Stream(system, 0.1, rule, u_before=9.0)
            parts = [stream.push(holes[s], missing=GAPS[s], fill=fill) for s in (slice(cut), slice(cut, None))]
            np.testing.assert_array_equal(np.concatenate(parts), expected)


def test_gaps_of_many_signals():
    """A mask for each signal or one for all, time anywhere, with irregular steps."""
    rng = np.random.default_rng(0)
    u, mask = rng.normal(size=(3, 10, 2)), rng.random((3, 10, 2)) < 0.5
    dt = rng.exponential(size=10)
    given = {"irregular": True, "u_before": np.array([[1.0, 2.0]])}
    y = ssm.simulate(SYSTEMS["dense"], u, dt, axis=1, missing=mask, **given)
    one = ssm.simulate(SYSTEMS["dense"], u, dt, axis=1, missing=GAPS, **given)
    same = ssm.simulate(
        SYSTEMS["dense"], u.astype(int), dt, axis=1, missing=np.broadcast_to(GAPS[:, None], u.shape), **given
    )
    for i in range(3):
        for j in range(2):
            alone = {"irregular": True, "u_before": 1.0 + j}
            row = ssm.simulate(SYSTEMS["dense"], u[i, :, j], dt, missing=mask[i, :, j], **alone)
            np.testing.assert_array_equal(y[i, :, j], row)
            row = ssm.simulate(SYSTEMS["dense"], u[i, :, j], dt, missing=GAPS, **alone)
            np.testing.assert_array_equal(one[i, :, j], row)
            row = ssm.simulate(SYSTEMS["dense"], u[i, :, j].astype(int), dt, missing=GAPS, **alone)
            np.testing.assert_array_equal(same[i, :, j], row)


# What is refused


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        ({"dt": None}, ValueError, "`dt` must hold one step for each of 5 samples, but it is None."),
        ({"dt": 0.1}, ValueError, "`dt` must have shape (..., 5) to match 5 samples, but its shape is ()."),
        ({"dt": np.ones(4)}, ValueError, "`dt` must have shape (..., 5) to match 5 samples, but its shape is (4,)."),
        ({"dt": np.zeros(5)}, ValueError, "`dt` must be positive, but its least entry is 0.0."),
        ({"dt": [1, 1, np.nan, 1, 1]}, ValueError, "`dt` must be finite, but its entry (2,) is nan."),
        ({"method": "fft"}, ValueError, "`method` must be one of auto, recurrence, but it is 'fft'."),
        ({"system": ssm.discretize(DPLR, 1.0)}, TypeError, "`system` must be continuous where steps vary, but it is"),
        ({"discretization": "tustin"}, ValueError, "`discretization` must be one of euler"),
        ({"alpha": 0.5}, ValueError, "`alpha` must be None unless `discretization` is 'gbt'"),
        ({"dt": np.full(5, 1e308), "u": np.ones(5)}, ValueError, "`dt` must keep dt A"),
        ({"missing": np.zeros(4, bool)}, ValueError, "`missing` must have the shape (5,) of `u`"),
        ({"missing": np.zeros(5)}, TypeError, "`missing` must be an array of booleans, but its dtype is float64."),
        ({"missing": np.zeros(5, bool), "u": [1, 2, 3, 4, np.inf]}, ValueError, "`u` must be finite"),
        ({"missing": np.zeros(5, bool), "u": None}, TypeError, "`u` must be an array of numbers, but it is NoneType"),
        ({"missing": np.zeros(5, bool), "u": [[1], [1, 2]]}, TypeError, "`u` must be a rectangular array of numbers"),
        ({"missing": np.zeros(5, bool), "axis": 1}, ValueError, "`axis` must be an axis of `u`, but it is 1"),
        ({"missing": np.zeros(5, bool), "fill": "linear"}, ValueError, "`fill` must be one of hold, zero"),
        ({"x0": np.ones(3)}, ValueError, "`x0` must have shape (..., 2)"),
    ],
)
def test_bad_arguments(change, kind, sentence):
    given = {"system": SYSTEMS["dense"], "u": np.ones(5), "dt": np.ones(5), "irregular": True} | change
    with pytest.raises(kind) as caught:
        ssm.simulate(**given)
    assert sentence in str(caught.value)


def test_what_grows_out_of_range_is_refused():
    growing = ssm.StateSpace([[1.0]], [1.0], [1.0])
    with pytest.raises(ValueError, match="`u` must keep the response finite, but it overflows within 30 samples"):
        ssm.simulate(growing, np.ones(30), np.full(30, 30.0), "zoh", irregular=True)


def test_streams_are_regular_or_not():
    with pytest.raises(ValueError, match="`dt` must hold one step for each of 2 samples, but it is None"):
        ssm.Stream(DPLR).push([1.0, 2.0])
    with pytest.raises(ValueError, match="`dt` must be omitted for a stream with a step of its own"):
        ssm.Stream(DPLR, 0.1).push([1.0, 2.0], dt=[0.1, 0.1])
    with pytest.raises(ValueError, match="`method` must be one of recurrence, but it is 'auto'"):
        ssm.Stream(DPLR, method="auto")
