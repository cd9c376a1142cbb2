"""The recurrent view: simulate and Stream against the definition, states, blocks, heads, storage, and bad input."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import testing

EPS = np.finfo(float).eps
DENSE = ssm.StateSpace([[-1.0, 0.5], [0.25, -2.0]], [1.0, -1.0], [0.5, 2.0], 0.25)
P, Q, PAIRS = [[1 + 0.5j], [0.5]], [[0.6 - 0.3j], [0.9]], np.array([True, False])
DPLR = ssm.DPLR([-1 + 2j, -0.5], P, Q, [1 - 1j, 2], [0.5 + 1j, 1], 0.25, PAIRS)
DIAGONAL = ssm.Diagonal(DPLR.Lambda, DPLR.B, DPLR.C, 0.25, DPLR.conjugate_pairs)
SYSTEMS = {
    "dense": DENSE,
    "dplr": DPLR,
    "dplr_full": DPLR.full(),
    "diagonal": DIAGONAL,
    "diagonal_full": DIAGONAL.full(),
}
RULES = ("euler", "backward_euler", "bilinear", "zoh", "foh")
U = np.sin(np.arange(20.0)) + 0.5


def by_hand(system, u, dt, rule, x0=None, u_before=0.0):
    """The definition, with the dense discrete matrices."""
    d = ssm.discretize(system, dt, rule).to_dense()
    x = np.zeros(d.n_states) if x0 is None else x0
    previous = np.zeros(d.n_states) if d.B_bar_previous is None else d.B_bar_previous
    y = []
    for sample in u:
        x = d.A_bar @ x + d.B_bar * sample + previous * u_before
        u_before = sample
        y.append(d.C @ x + d.D * sample)
    return np.array(y), x


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", SYSTEMS)
def test_definition(kind, rule):
    """Contractive here, so T = 20 steps commit at most 64 T N eps of ||C|| ||B_bar|| sum |u| < T ||B|| ||C||."""
    system = SYSTEMS[kind]
    expected, x = by_hand(system, U, 0.1, rule, u_before=0.7)
    y, state = ssm.simulate(system, U, 0.1, rule, u_before=0.7, return_state=True)
    bound = 64 * EPS * 20 * 3 * 20 * np.linalg.norm(system.B) * np.linalg.norm(system.C)
    assert np.abs(y - expected).max() <= bound
    assert y.dtype == (np.complex128 if kind.endswith("full") else np.float64)
    if kind == "dense":
        assert np.abs(state - x).max() <= bound


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", ["dplr", "diagonal"])
def test_states_are_those_of_full_storage(kind, rule):
    """The state in pair storage is the leading part of the fully stored one, both ways."""
    system, x0 = SYSTEMS[kind], np.array([1 - 2j, 0.5])
    y, state = ssm.simulate(system, U, 0.1, rule, x0=x0, return_state=True)
    full0 = np.concatenate([x0, x0[:1].conj()])
    y_full, state_full = ssm.simulate(system.full(), U, 0.1, rule, x0=full0, return_state=True)
    scale = 64 * EPS * 20 * 3 * (np.linalg.norm(full0) + 20 * np.linalg.norm(system.B) * 2)
    assert state.dtype == np.complex128 and state.shape == (2,) and state[1].imag == 0
    if state_full.shape == (3,) and rule not in ("zoh", "foh"):
        assert np.abs(state_full - np.concatenate([state, state[:1].conj()])).max() <= scale
    assert np.abs(y_full - y).max() <= scale * np.linalg.norm(system.full().C)


def test_initial_state_is_before_the_first_sample():
    y, x = ssm.simulate(
        ssm.Diagonal([-1.0], [1.0], [1.0]), [0.0, 0.0], 1.0, "backward_euler", x0=[8.0], return_state=True
    )
    np.testing.assert_array_equal(y, [4.0, 2.0])
    np.testing.assert_array_equal(x, [2.0])


def test_foh_reads_the_input_before_the_first_sample():
    """An integrator under FOH adds the trapezoid of two inputs."""
    integrator = ssm.StateSpace([[0.0]], [1.0], [1.0])
    np.testing.assert_array_equal(ssm.simulate(integrator, [1.0, 3.0], 1.0, "foh"), [0.5, 2.5])
    np.testing.assert_array_equal(ssm.simulate(integrator, [1.0, 3.0], 1.0, "foh", u_before=5.0), [3.0, 5.0])
    np.testing.assert_array_equal(ssm.simulate(integrator, [1.0, 3.0], 1.0, "zoh", u_before=5.0), [1.0, 4.0])


def test_discrete_systems_run_as_they_are():
    for system in SYSTEMS.values():
        for rule in RULES:
            d = ssm.discretize(system, 0.1, rule)
            y = ssm.simulate(d, U)
            np.testing.assert_allclose(
                y, ssm.simulate(system, U, 0.1, rule), rtol=0, atol=64 * 20 * EPS * np.abs(y).max()
            )
    d = ssm.DiscreteStateSpace([[0.5]], [1.0], [1.0], 0.0, 1.0)
    np.testing.assert_array_equal(ssm.simulate(d, [1.0, 0.0, 0.0]), [1.0, 0.5, 0.25])
    d = ssm.DiscreteDiagonal([0.5], [1.0], [1.0], 0.0, 1.0, B_bar_previous=[2.0])
    np.testing.assert_array_equal(ssm.simulate(d, [1.0, 0.0, 0.0]), [1.0, 2.5, 1.25])
    d = ssm.DiscreteDPLR([0.5, 0.0], [[0.0], [1.0]], [[1.0], [0.0]], [1.0, 0.0], [0.0, 1.0], 0.0, 1.0)
    np.testing.assert_array_equal(ssm.simulate(d, [1.0, 0.0, 0.0]), [0.0, -1.0, -0.5])


@pytest.mark.parametrize("N", [1, 2, 7, 8, 9, 15, 16, 17, 24, 31])
def test_sums_of_every_length(N):
    """The output sums states in eight interleaved parts and a rest: every N modulo 8."""
    rng = np.random.default_rng(N)
    B, C = rng.normal(size=N), rng.normal(size=N)
    d = ssm.DiscreteDiagonal(np.full(N, 0.5), B, C, 0.0, 1.0)
    y = ssm.simulate(d, [1.0, 0.0])
    assert np.abs(y - np.array([1, 0.5]) * (B @ C)).max() <= 2 * N * EPS * np.abs(B * C).sum()
    column = rng.normal(size=(N, 1))
    d = ssm.DiscreteDPLR(np.zeros(N), column, C[:, None], B, np.ones(N), 0.0, 1.0)
    y = ssm.simulate(d, [1.0, 0.0])
    exact = np.array([B.sum(), -column.sum() * (C @ B)])
    assert np.abs(y - exact).max() <= 4 * N * EPS * (np.abs(B).sum() + np.abs(column).sum() * np.abs(B * C).sum())


# Streams


@given(testing.systems(dtypes=testing.DTYPES), testing.rules(), testing.step_sizes(), st.data())
def test_stream_gives_the_bits_of_simulate(system, rule, dt, data):
    u = data.draw(testing.signals(dtype=system.C.real.dtype))
    cuts = sorted(set(data.draw(st.lists(st.integers(1, u.size), max_size=5))) | {u.size})
    whole, final = ssm.simulate(system, u, dt, return_state=True, method="recurrence", **rule)
    stream = ssm.Stream(system, dt, **rule)
    assert stream.state is None
    parts = [stream.push(u[begin:end]) for begin, end in zip([0, *cuts], cuts, strict=False)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), whole)
    np.testing.assert_array_equal(stream.state, final)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", SYSTEMS)
def test_stream_of_heads_with_time_first(kind, rule):
    """(T, P) blocks through axis=0, from a given state and past input, many samples and one at a time."""
    system, dt = SYSTEMS[kind], np.array([0.05, 0.1, 0.2])
    u = np.random.default_rng(0).normal(size=(41, 3))
    x0 = np.ones((3, system.C.shape[-1]))
    given = {"x0": x0, "u_before": 2.0, "axis": 0}
    whole, final = ssm.simulate(system, u, dt, rule, **given, return_state=True, method="recurrence")
    stream = ssm.Stream(system, dt, rule, x0=x0, u_before=2.0)
    parts = [stream.push(u[a:b], axis=0) for a, b in ((0, 1), (1, 2), (2, 19), (19, 41))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(stream.state, final)


def test_stream_keeps_its_own_past():
    """Writing into a block after it was pushed does not change what comes."""
    block = np.ones(3)
    stream, expected = (ssm.Stream(DENSE, 0.1, "foh") for _ in range(2))
    stream.push(block)
    expected.push(np.ones(3))
    block[:] = np.nan
    np.testing.assert_array_equal(stream.push([1.0]), expected.push([1.0]))


def test_stream_survives_a_refused_block():
    stream = ssm.Stream(DENSE, 0.1)
    stream.push([1.0])
    before = stream.state.copy()
    with pytest.raises(ValueError, match="`block` must be finite"):
        stream.push([np.nan])
    np.testing.assert_array_equal(stream.state, before)


# Shapes, dtypes, memory


@given(st.permutations([(3, 1), (1, 2), (2,), ()]), st.sampled_from(RULES), st.sampled_from(sorted(SYSTEMS)))
def test_everything_broadcasts(shapes, rule, kind):
    """Steps, outputs, signals and states with leading axes of their own: each row is the run of its own scalars."""
    rng = np.random.default_rng(1)
    system = SYSTEMS[kind]
    n = system.C.shape[-1]
    dt, u, x0 = 0.1 * (1 + rng.random(shapes[0])), rng.normal(size=(*shapes[1], 5)), rng.normal(size=(*shapes[2], n))
    C = system.C * (1 + rng.random((*shapes[3], 1)))
    parts = {name: getattr(system, name) for name in system._SPEC} | {"C": C}
    pairs = {} if kind == "dense" else {"conjugate_pairs": system.conjugate_pairs}
    y, x = ssm.simulate(type(system)(**parts, **pairs), u, dt, rule, x0=x0, return_state=True)
    batch = np.broadcast_shapes(*shapes)
    assert y.shape == (*batch, 5) and x.shape == (*batch, n)
    rows = [np.broadcast_to(a, (*batch, *a.shape[a.ndim - k :])) for a, k in ((dt, 0), (u, 1), (x0, 1), (C, 1))]
    for head in np.ndindex(*batch):
        h, signal, start, row = (a[head] for a in rows)
        alone = type(system)(**parts | {"C": row}, **pairs)
        z, last = ssm.simulate(alone, signal, h, rule, x0=start, return_state=True)
        scale = np.linalg.norm(row) * (np.linalg.norm(start) + 5 * np.linalg.norm(system.B)) * np.abs(signal).max()
        assert max(np.abs(y[head] - z).max(), np.abs(x[head] - last).max()) <= 64 * 5 * EPS * scale


@pytest.mark.parametrize("kind", SYSTEMS)
def test_any_memory_layout(kind):
    """Views, read-only, big-endian, Fortran-ordered and integer signals, np.matrix: the same bits, nothing modified."""
    system = SYSTEMS[kind]
    u = np.round(8 * np.random.default_rng(0).normal(size=(3, 12)))
    y = ssm.simulate(system, u, 0.1)
    frozen = u.copy()
    frozen.flags.writeable = False
    wide = np.zeros((3, 24))
    wide[:, ::2] = u
    layouts = (frozen, u.astype(">f8"), np.asfortranarray(u), wide[:, ::2], u[::-1][::-1], u.astype(int), u.tolist())
    for other in layouts:
        np.testing.assert_array_equal(ssm.simulate(system, other, 0.1), y)
    np.testing.assert_array_equal(frozen, u)
    np.testing.assert_array_equal(ssm.simulate(system, u.T, 0.1, axis=0), y.T)
    np.testing.assert_array_equal(ssm.simulate(system, u.T, 0.1, axis=-2), y.T)
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix(u)
    assert type(ssm.simulate(system, matrix, 0.1)) is np.ndarray


def test_one_compilation_for_all_layouts():
    """The loops are compiled for writable, contiguous arrays only; every further layout would cost a second or more."""
    from ssm_numerics.compiled import recurrence

    if not hasattr(recurrence.dense_loop, "signatures"):
        pytest.skip("the JIT is off")
    u = np.ones(6)
    ssm.simulate(DENSE, u, 0.1)
    known = len(recurrence.dense_loop.signatures)
    frozen = u.copy()
    frozen.flags.writeable = False
    ssm.simulate(DENSE, frozen, 0.1)
    ssm.simulate(DENSE, u, np.array([[0.1], [0.2]]), "foh", x0=np.ones((2, 1, 2)))
    ssm.simulate(ssm.StateSpace(np.stack([DENSE.A, DENSE.A]), DENSE.B, DENSE.C), np.ones((3, 1, 6)), 0.1)
    ssm.respond(DENSE, frozen, [0.1, 0.3, 0.4, 1.0, 2.0, 2.5], "foh")
    assert len(recurrence.dense_loop.signatures) == known


def test_arguments_are_not_modified():
    u, x0, before = np.ones((2, 5)), np.ones((2, 2)), np.ones(2)
    copies = [v.copy() for v in (u, x0, before)]
    stream = ssm.Stream(DENSE, 0.1, "foh", x0=x0, u_before=before)
    stream.push(u)
    ssm.simulate(DENSE, u, 0.1, "foh", x0=x0, u_before=before)
    for value, copy in zip((u, x0, before), copies, strict=True):
        np.testing.assert_array_equal(value, copy)


def test_precision_follows_the_arrays():
    single = ssm.StateSpace(*(getattr(DENSE, name).astype(np.float32) for name in "ABC"))
    u = np.ones(4, np.float32)
    assert ssm.simulate(single, u, 0.1).dtype == np.float32
    assert ssm.simulate(single, np.ones(4), 0.1).dtype == np.float64
    assert ssm.simulate(single, u * 1j, 0.1).dtype == np.complex64
    assert ssm.simulate(single, u, 0.1, x0=np.ones(2)).dtype == np.float64
    assert ssm.simulate(DENSE, u, 0.1).dtype == np.float64
    _, state = ssm.simulate(single, u, 0.1, return_state=True)
    assert state.dtype == np.float32
    stream = ssm.Stream(single, 0.1)
    stream.push(u)
    assert stream.push(u).dtype == np.float32


def test_complex_signals_and_states_into_systems_without_pairs():
    """Linear over the complex numbers: real and imaginary parts run separately."""
    for system in (DENSE, DPLR.full(), DIAGONAL.full()):
        y = ssm.simulate(system, U + 1j * U[::-1], 0.1, x0=np.arange(system.n_states) * (1 + 1j))
        real = ssm.simulate(system, U, 0.1, x0=np.arange(float(system.n_states)))
        imag = ssm.simulate(system, U[::-1], 0.1, x0=np.arange(float(system.n_states)))
        assert np.abs(y - (real + 1j * imag)).max() <= 64 * 20 * EPS * (np.abs(real) + np.abs(imag)).max()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.filterwarnings("ignore::ssm_numerics.UnstableDiscretizationWarning")
def test_zeros_stay_zeros(rule):
    for system in SYSTEMS.values():
        assert not ssm.simulate(system, np.zeros(9), 0.1, rule).any()
        zeros = {"B": np.zeros_like(system.B)}
        parts = {name: getattr(system, name) for name in system._SPEC} | zeros | {"D": 0.0}
        pairs = {} if isinstance(system, ssm.StateSpace) else {"conjugate_pairs": system.conjugate_pairs}
        assert not ssm.simulate(type(system)(**parts, **pairs), U, 0.1, rule).any()


def test_zero_low_rank_part_is_diagonal():
    """P = 0, and rank 4 made of rank 1 and zeros."""
    zero = ssm.DPLR(DPLR.Lambda, np.zeros((2, 1)), np.zeros((2, 1)), DPLR.B, DPLR.C, 0.25, DPLR.conjugate_pairs)
    np.testing.assert_allclose(
        ssm.simulate(zero, U, 0.1), ssm.simulate(DIAGONAL, U, 0.1), rtol=0, atol=64 * 20 * EPS * 20
    )
    wide_P, wide_Q = (np.pad(factor, ((0, 0), (0, 3))) for factor in (DPLR.P, DPLR.Q))
    wide = ssm.DPLR(DPLR.Lambda, wide_P, wide_Q, DPLR.B, DPLR.C, 0.25, DPLR.conjugate_pairs)
    for rule in RULES:
        y = ssm.simulate(DPLR, U, 0.1, rule)
        np.testing.assert_allclose(ssm.simulate(wide, U, 0.1, rule), y, rtol=0, atol=64 * 20 * EPS * 20)


def test_eight_callers_at_once():
    """The same bits from eight threads, each of which starts threads of its own."""
    u = np.random.default_rng(0).normal(size=(64, 500))
    systems = [SYSTEMS[kind] for kind in SYSTEMS for _ in range(2)][:8]
    expected = [ssm.simulate(system, u, 0.1, "bilinear", method="recurrence") for system in systems]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda system: ssm.simulate(system, u, 0.1, "bilinear", method="recurrence"), systems))
    for y, z in zip(got, expected, strict=True):
        np.testing.assert_array_equal(y, z)


def test_streams_can_be_pickled():
    stream = ssm.Stream(DPLR, 0.1, "foh")
    stream.push([1.0, 2.0])
    copy = pickle.loads(pickle.dumps(stream))
    np.testing.assert_array_equal(copy.push([3.0]), stream.push([3.0]))


BAD_SIGNALS = [
    (None, TypeError, "`u` must be an array of numbers, but it is NoneType None."),
    ("abc", TypeError, "`u` must be an array of numbers, but it is str 'abc'."),
    (
        np.array(["a"]),
        TypeError,
        "`u` must hold float32, float64, complex64, complex128 or integers, but its dtype is <U1.",
    ),
    ([[1.0], [1.0, 2.0]], TypeError, "`u` must be a rectangular array of numbers, but NumPy cannot read list"),
    ([1.0, np.nan], ValueError, "`u` must be finite, but its entry (1,) is nan."),
    ([[1.0, -np.inf]], ValueError, "`u` must be finite, but its entry (0, 1) is -inf."),
    (1.0, ValueError, "`u` must have at least 1 dimension, but its shape is ()."),
    ([], ValueError, "`u` must not be empty, but its shape is (0,)."),
    (np.zeros((0, 3)), ValueError, "`u` must not be empty, but its shape is (0, 3)."),
    (np.array([True]), TypeError, "but its dtype is bool."),
    (np.float16([1]), TypeError, "but its dtype is float16."),
    (np.array(["2020"], "M8[D]"), TypeError, "but its dtype is datetime64[D]."),
    (np.ma.masked_invalid([1.0, np.nan]), TypeError, "`u` must be a plain array (fill or drop masked entries first)"),
    (np.array([None]), TypeError, "but its dtype is object."),
    (
        [2**60],
        ValueError,
        "`u` must hold integers that float64 represents exactly, but it reaches 1152921504606846976.",
    ),
]


@pytest.mark.parametrize(("u", "kind", "sentence"), BAD_SIGNALS)
def test_bad_signals(u, kind, sentence):
    for call in (lambda: ssm.simulate(DENSE, u, 0.1), lambda: ssm.Stream(DENSE, 0.1).push(u)):
        with pytest.raises(kind) as caught:
            call()
        assert sentence in str(caught.value).replace("`block`", "`u`")


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        (
            {"system": None},
            TypeError,
            "`system` must be a continuous or discrete state space system, but it is NoneType.",
        ),
        (
            {"system": np.eye(2)},
            TypeError,
            "`system` must be a continuous or discrete state space system, but it is ndarray.",
        ),
        ({"dt": None}, ValueError, "`dt` must be a positive step for a continuous system, but it is None."),
        ({"dt": 0}, ValueError, "`dt` must be positive, but its least entry is 0.0."),
        ({"dt": [0.1, -0.1]}, ValueError, "`dt` must be positive, but its least entry is -0.1."),
        ({"dt": np.nan}, ValueError, "`dt` must be finite, but it is nan."),
        ({"dt": "0.1"}, TypeError, "`dt` must be an array of numbers, but it is str '0.1'."),
        ({"dt": True}, TypeError, "its dtype is bool."),
        ({"dt": [0.1, 0.2, 0.3], "u": np.ones((2, 5))}, ValueError, "must have leading axes that broadcast"),
        ({"discretization": "tustin"}, ValueError, "must be one of euler, backward_euler, bilinear, gbt, zoh, foh"),
        ({"discretization": 1}, TypeError, "must be one of euler, backward_euler, bilinear, gbt, zoh, foh"),
        ({"discretization": "gbt"}, ValueError, "`alpha` must be a number in [0, 1]"),
        (
            {"discretization": "gbt", "alpha": "half"},
            TypeError,
            "`alpha` must be an array of numbers, but it is str 'half'.",
        ),
        ({"discretization": "gbt", "alpha": -0.1}, ValueError, "`alpha` must be at least 0.0, but it is -0.1."),
        ({"discretization": "zoh", "alpha": 0.5}, ValueError, "`alpha` must be None unless"),
        ({"x0": "zero"}, TypeError, "`x0` must be an array of numbers"),
        ({"x0": 1.0}, ValueError, "`x0` must have at least 1 dimension, but its shape is ()."),
        ({"x0": [1.0, np.nan]}, ValueError, "`x0` must be finite, but its entry (1,) is nan."),
        ({"x0": np.ones(3)}, ValueError, "`x0` must have shape (..., 2) to match the system's 2 stored states"),
        (
            {"x0": np.ones((3, 2)), "u": np.ones((2, 5))},
            ValueError,
            "`x0`, `u_before` must have leading axes that broadcast",
        ),
        ({"u_before": None}, TypeError, "`u_before` must be an array of numbers, but it is NoneType None."),
        ({"u_before": np.inf}, ValueError, "`u_before` must be finite, but it is inf."),
        ({"u_before": np.ones(3), "u": np.ones((2, 5))}, ValueError, "must have leading axes that broadcast"),
        ({"method": "scan"}, ValueError, "`method` must be one of auto, recurrence, chunked, fft, but it is 'scan'."),
        (
            {"method": None},
            TypeError,
            "`method` must be one of auto, recurrence, chunked, fft, but it is NoneType None.",
        ),
        ({"axis": 1}, ValueError, "`axis` must be an axis of `u`, but it is 1 and `u` has shape (5,)."),
        ({"axis": None}, TypeError, "`axis` must be an integer, but it is NoneType None."),
        ({"axis": 0.0}, TypeError, "`axis` must be an integer, but it is float 0.0."),
        ({"axis": False}, TypeError, "`axis` must be an integer, but it is False."),
        ({"u": np.ones((3, 5)), "dt": [0.1, 0.2]}, ValueError, "these are system (2,), u (3,), x0 (), u_before ()."),
    ],
)
def test_bad_arguments(change, kind, sentence):
    arguments = {"system": DENSE, "u": np.ones(5), "dt": 0.1} | change
    with pytest.raises(kind) as caught:
        ssm.simulate(**arguments)
    assert sentence in str(caught.value)


def test_huge_batches_are_refused_before_they_are_allocated():
    many = ssm.Diagonal([-1.0], [1.0], np.ones((10**5, 1, 1)))
    with pytest.raises(ValueError, match="`u` must fit into max_memory = 8 GiB, but it needs 149 GiB"):
        ssm.simulate(many, np.ones((10**5, 2)), 0.1)


def test_discrete_systems_refuse_a_second_discretization():
    d = ssm.discretize(DENSE, 0.1)
    for name, value in (("dt", 0.1), ("discretization", "zoh"), ("alpha", 0.5)):
        with pytest.raises(
            ValueError, match=f"`{name}` must be omitted for a system that is already discrete, but it is"
        ):
            ssm.simulate(d, U, **{name: value})


@pytest.mark.parametrize("rule", ["bilinear", "zoh"])
@pytest.mark.parametrize("kind", ["dplr", "diagonal"])
def test_pair_storage_refuses_what_it_cannot_hold(kind, rule):
    """Complex signals, and imaginary parts in modes without a partner, in every structure and rule alike."""
    system = SYSTEMS[kind]
    pairs = (
        "must be real for a system stored by conjugate pairs \\(use system.full\\(\\)\\), but its dtype is complex128"
    )
    with pytest.raises(TypeError, match=f"`u` {pairs}"):
        ssm.simulate(system, U * 1j, 0.1, rule)
    with pytest.raises(TypeError, match=f"`u_before` {pairs}"):
        ssm.simulate(system, U, 0.1, rule, u_before=1j)
    with pytest.raises(ValueError, match="`x0` must be real in modes that `conjugate_pairs` leaves without a partner"):
        ssm.simulate(system, U, 0.1, rule, x0=[1j, 1j])
