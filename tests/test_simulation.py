"""The ways to simulate against each other and against balls; what `auto` picks; what overflows."""

import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import _block_tables, _chunked, _parallel, _simulation, testing
from ssm_numerics._chunked import run_chunked
from ssm_numerics._stepping import run

from .laws.test_views_agree import scale, tolerance

U = 2.0**-53
ZERO = np.zeros(())
blocks = st.sampled_from(_simulation.BLOCKS)
ROUTES = {"by BLAS": math.inf, "compiled": 0}
routes = st.sampled_from(list(ROUTES.values()))
LEGS = ssm.hippo("legs", 16)


def initial(system, rng, shape):
    """A state for each row in the stored basis, real in modes without a partner."""
    real, pairs = system.C.real.dtype, getattr(system, "pairs", None)
    x0 = rng.normal(size=(*shape, system.C.shape[-1])).astype(real)
    return x0 if pairs is None else x0 + 1j * (pairs * rng.normal(size=x0.shape)).astype(real)


@given(testing.systems(dtypes=testing.DTYPES), testing.rules(), testing.step_sizes(), routes, st.data())
def test_blocks_are_the_recurrence(system, rule, dt, route, data):
    """Every length of block, from a state and an input before, with rows of its own: the docstring's bound."""
    u = data.draw(testing.signals(dtype=system.C.real.dtype))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    shape = data.draw(st.sampled_from(((), (1,), (2, *[1] * len(system.batch_shape)))))
    discrete = ssm.discretize(system, dt, rule["discretization"], rule["alpha"])
    u, x0 = u * rng.normal(size=(*shape, 1)).astype(u.dtype), initial(discrete, rng, shape)
    y, x = run(discrete, u, x0, np.array(0.5, u.dtype))
    with mock.patch.object(_block_tables, "COMPILED_WORK", route):
        z, w = run_chunked(discrete, u, x0, np.array(0.5, u.dtype), data.draw(blocks))
    assert y.dtype == z.dtype and x.dtype == w.dtype and y.shape == z.shape and x.shape == w.shape
    weight, c = np.sqrt(getattr(discrete, "weights", 1)), np.linalg.norm(system.C, axis=-1).max()
    S = 2 * scale(system, np.abs(u) + 0.5, dt, rule) + 2 * c * np.linalg.norm(weight * x0, axis=-1).max()
    assert np.abs(y - z).max() <= tolerance(system, u, S)
    if dt <= 1:  # states are of the size of outputs divided by ||C||, up to how far modes are from orthogonal
        assert np.abs(x - w).max() <= tolerance(system, u, S / c)


@given(testing.systems(), testing.rules(), testing.step_sizes(), testing.signals(), st.booleans())
def test_fft_is_the_recurrence(system, rule, dt, u, started):
    x0 = initial(system, np.random.default_rng(0), ()) if started else None
    given_ = {"x0": x0, "u_before": 0.5} | rule
    y = ssm.simulate(system, u, dt, method="recurrence", **given_)
    z = ssm.simulate(system, u, dt, method="fft", **given_)
    assert y.dtype == z.dtype and y.shape == z.shape
    S = 2 * scale(system, np.abs(u) + 0.5, dt, rule)
    if started:
        S += 2 * np.linalg.norm(system.C, axis=-1).max() * np.linalg.norm(x0)
    assert np.abs(y - z).max() <= tolerance(system, u, S)


@pytest.mark.jit
@pytest.mark.parametrize("dt", [1e-5, 1 / 4096, 0.01, 3.0])
@pytest.mark.parametrize("family", ["legs", "legt", "lagt", "fout"])
@pytest.mark.parametrize("N", [1, 17])
@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_against_balls(route, family, dt, N, monkeypatch):
    """Within 1 u S of exact, S = ||C|| ||B_bar|| sum |u|: the increments are used (without them up to 2 u S)."""
    monkeypatch.setattr(_block_tables, "COMPILED_WORK", route)
    rng, T = np.random.default_rng(N), 700
    op, u = ssm.hippo(family, N), rng.normal(size=T)
    system = op.state_space(rng.normal(size=N))
    K, radius = ssm.certified.convolution_kernel(system, T, dt)
    exact = np.convolve(K.astype(np.longdouble), u.astype(np.longdouble))[:T]
    d = ssm.discretize(system, dt)
    S = np.linalg.norm(system.C) * np.linalg.norm(d.B_bar) * np.abs(u).sum()
    slack = (radius.max() + U / 4 * np.abs(K).max()) * np.abs(u).sum()  # K comes rounded; errors of 700 terms average
    for block in (1, 8, 64, 512):
        assert np.abs(run_chunked(d, u, None, ZERO, block)[0] - exact).max() <= U * S + slack
    assert np.abs(ssm.simulate(d, u, method="fft") - exact).max() <= U * S + slack


def test_increments_matter():
    """What the bound above would miss: the same blocks from A_bar alone lose more than 1 u S."""
    op, u = ssm.hippo("lagt", 16), np.random.default_rng(0).normal(size=1500)
    d = ssm.discretize(op.state_space(np.ones(16)), 1 / 4096)
    good = run(d, u, None, ZERO)[0]
    S = 4 * np.linalg.norm(d.B_bar) * np.abs(u).sum()
    lost = np.abs(run_chunked(dataclasses.replace(d, increment=None), u, None, ZERO, 64)[0] - good).max()
    kept = np.abs(run_chunked(d, u, None, ZERO, 64)[0] - good).max()
    assert kept <= U * S < lost


@given(st.integers(1, 6), st.integers(1, 60), st.floats(0.5, 1.5), blocks, routes, st.integers(0, 99))
@example(1, 1, 1.5, 1, 0, 0)
def test_growing_and_marginal_systems(N, T, radius, block, route, seed):
    """G^2 times the bound, G = max ||A_bar^l|| over the signal."""
    rng = np.random.default_rng(seed)
    A = np.linalg.qr(rng.normal(size=(N, N)))[0] * radius
    d = ssm.DiscreteStateSpace(A, rng.normal(size=N), rng.normal(size=N), 0.0, 1.0)
    u = rng.normal(size=T)
    with mock.patch.object(_block_tables, "COMPILED_WORK", route):
        y, z = run(d, u, None, ZERO)[0], run_chunked(d, u, None, ZERO, block)[0]
    G = max(1.0, radius) ** T
    size = np.linalg.norm(d.C) * np.linalg.norm(d.B_bar) * np.abs(u).sum()
    assert np.abs(y - z).max() <= 64 * T * (N + 4) * U * G**2 * size


@pytest.mark.parametrize("kind", ["dense", "compiled", "diagonal", "dplr", "structured", "complex"])
def test_segments_and_rows_share_the_work(kind, monkeypatch):
    """Small caches and two threads: many segments of one signal, groups of heads and rows, as in one piece."""
    rng = np.random.default_rng(0)
    op, dt = ssm.hippo("legs", 6), np.array([[0.1], [0.2], [0.3]])
    C = rng.normal(size=6)
    modal = ssm.nplr(op).to_dplr(C)
    diagonal = ssm.Diagonal(modal.Lambda, modal.B, modal.C, conjugate_pairs=modal.conjugate_pairs)
    systems = {
        "dense": op.state_space(C),
        "compiled": op.state_space(C),
        "diagonal": diagonal,
        "dplr": modal,
        "complex": diagonal.full(),
    }
    system = systems.get(kind) or op.structured_state_space(C)
    u = rng.normal(size=(4, 301))
    monkeypatch.setattr(_block_tables, "COMPILED_WORK", ROUTES["compiled" if kind == "compiled" else "by BLAS"])
    monkeypatch.setattr(_chunked, "SEGMENT_BYTES", 2**10)
    monkeypatch.setattr(_chunked, "TABLE_BYTES", 2**13)
    monkeypatch.setattr(_parallel, "SERIAL_FLOPS", 0)
    monkeypatch.setattr(_parallel, "cores", lambda: 2)
    for signal, step in ((u, dt), (u, 0.1), (u[0], 0.1), (u[0], dt)):
        d = ssm.discretize(system, step)
        y, x = run(d, signal, None, ZERO)
        z, w = run_chunked(d, signal, None, ZERO, 8)
        S = np.linalg.norm(C) * np.linalg.norm(d.B_bar, axis=-1).max() * 2 * np.abs(signal).sum(axis=-1).max()
        assert np.abs(y - z).max() <= 64 * 301 * 10 * U * S and np.abs(x - w).max() <= 64 * 301 * 10 * U * S


@pytest.mark.parametrize("T", [1, 8, 300, 2049])
def test_one_signal_in_threads_has_the_bits_of_many(T, monkeypatch):
    """Its pieces are begun in turn and ended by whoever is free; several signals are taken one by one."""
    monkeypatch.setattr(_block_tables, "COMPILED_WORK", ROUTES["compiled"])
    monkeypatch.setattr(_chunked, "SEGMENT_BYTES", 2**10)
    monkeypatch.setattr(_parallel, "SERIAL_FLOPS", 0)
    monkeypatch.setattr(_parallel, "cores", lambda: 3)
    d, u = ssm.discretize(LEGS.state_space(np.ones(16)), 0.01), np.random.default_rng(0).normal(size=T)
    y, x = run_chunked(d, u, None, ZERO, 8)
    monkeypatch.setattr(_parallel, "cores", lambda: 1)  # with more, each of the two would be one signal of a thread
    for z, w in zip(*run_chunked(d, np.stack([u, u]), None, np.zeros(2), 8), strict=True):
        assert np.array_equal(z, y) and np.array_equal(w, x)


def test_kept_tables_are_those_of_the_system():
    """Of many systems simulated in turn, in two lengths of blocks and two dtypes, each as if it were the only one."""
    rng, before = np.random.default_rng(0), _chunked._of_small.cache_info()
    u = rng.normal(size=100)
    systems = [ssm.discretize(LEGS.state_space(rng.normal(size=16)), 0.01) for _ in range(before.maxsize + 3)]
    for block in (8, 16, 8):
        for signal in (u, u + 1j, u):
            for system in systems:
                dtype = signal.dtype
                own = {(block, dtype): _chunked._of_one(system, dtype, block)}
                alone = run_chunked(system, signal, None, ZERO, block, own)
                for _ in range(2):
                    together = run_chunked(system, signal, None, ZERO, block)
                    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))
    after = _chunked._of_small.cache_info()
    assert after.hits - before.hits >= 9 * len(systems) and after.currsize <= after.maxsize == 8


@pytest.mark.parametrize("rule", ["bilinear", "foh"])
@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_single_precision_stays_single(route, rule, monkeypatch):
    """Tables, rows and outputs are float32, and errors are in its units."""
    monkeypatch.setattr(_block_tables, "COMPILED_WORK", route)
    system = ssm.StateSpace(*(getattr(LEGS.state_space(np.ones(16)), name).astype(np.float32) for name in "ABC"))
    d, u = ssm.discretize(system, 0.01, rule), np.sin(np.arange(300)).astype(np.float32)
    tables = _block_tables.DenseParts(d, np.dtype(np.float32)).tables(0, 1, 32)
    modal = ssm.Diagonal(np.array([-1 + 1j], np.complex64), *2 * [np.ones(1, np.complex64)], conjugate_pairs=True)
    pairs = _block_tables.DiagonalParts(ssm.discretize(modal, 0.01, rule), np.dtype(np.float32)).tables(0, 1, 32)
    for table in (tables, pairs):
        x = np.zeros((1, 1, table.B.shape[-1]), np.float32)
        arrays = (table.inputs, table.outputs, table.B, table.power(x, 3), table.start(x, x[..., 0]))
        assert {a.dtype for a in arrays} == {np.dtype(np.float32)}
    for method in ("chunked", "fft"):
        y = ssm.simulate(d, u, method=method)
        z = ssm.simulate(d, u, method="recurrence")
        S = 4 * np.linalg.norm(d.B_bar) * np.abs(u).sum() * (2 if rule == "foh" else 1)
        assert y.dtype == np.float32 and np.abs(y - z).max() <= 32 * np.finfo(np.float32).eps * S


# The choice


def chosen(discrete, shape, x0=None, state=False):
    return _simulation.choose(_simulation.Problem(discrete, np.broadcast_to(1.0, shape), x0, ZERO, state))


def test_real_modes_run_in_blocks_without_complex_arithmetic():
    """Systems of real modes, fully stored: no imaginary part is dropped on the way (that would warn)."""
    system, u = ssm.Diagonal([-1.0, -2.0], [1.0, 2.0], [3.0, 1.0]), np.sin(np.arange(100.0))
    y, state = ssm.simulate(system, u, 0.1, x0=[1.0, 2.0], method="chunked", return_state=True)
    expected, final = ssm.simulate(system, u, 0.1, x0=[1.0, 2.0], method="recurrence", return_state=True)
    S = scale(system, u, 0.1, {"discretization": "bilinear", "alpha": None}) + np.linalg.norm([3, 1]) * 5**0.5
    assert y.dtype == state.dtype == np.float64
    assert np.abs(y - expected).max() <= tolerance(system, u, S)
    assert np.abs(state - final).max() <= tolerance(system, u, S)  # ||C|| > 1


def test_auto_takes_what_is_fast():
    dense = ssm.discretize(ssm.hippo("legs", 64).state_space(np.ones(64)), 1e-3)
    assert chosen(dense, (100,)) == "recurrence" and chosen(dense, (100_000,)) == "chunked"
    diagonal = ssm.discretize(ssm.diagonal_init("s4d-lin", 64), 1e-3)
    assert chosen(diagonal, (50,)) == "recurrence" and chosen(diagonal, (100_000,)) == "chunked"
    million = ssm.discretize(ssm.hippo("legs", 10**6).structured_state_space(np.ones(10**6)), 1e-3)
    assert chosen(million, (100_000,)) == "recurrence"


def test_auto_convolves_only_with_kernels_that_cannot_grow():
    """A wide diagonal system of many signals: FFT, unless a mode grows or the state is asked for."""
    many = ssm.diagonal_init("s4d-lin", 2048)
    stable = ssm.discretize(many, 1e-3)
    assert chosen(stable, (8, 10_000)) == "fft"
    assert chosen(stable, (8, 10_000), state=True) != "fft"
    growing = ssm.discretize(ssm.Diagonal(-many.Lambda.conj(), many.B, many.C, conjugate_pairs=True), 1e-3)
    assert chosen(growing, (8, 10_000)) != "fft"
    assert _simulation.is_contraction(ssm.discretize(LEGS.state_space(np.ones(16)), 0.1))
    assert not _simulation.is_contraction(ssm.DiscreteStateSpace([[1.0, 1.0], [0.0, 0.5]], [1, 1], [1, 1], 0, 1.0))


def test_methods_that_do_not_apply():
    d = ssm.discretize(LEGS.state_space(np.ones(16)), 0.1)
    sentence = "`method` must be auto or recurrence unless `return_state` is False, but it is 'fft'"
    with pytest.raises(ValueError, match=sentence):
        ssm.simulate(d, np.ones(9), method="fft", return_state=True)
    million = ssm.hippo("legs", 10**6).structured_state_space(np.ones(10**6))
    with pytest.raises(ValueError, match="unless a few N x N matrices fit into memory, but it is 'chunked'"):
        ssm.simulate(million, np.ones(9), 1e-3, method="chunked")


# Overflow

GROWING = ssm.DiscreteStateSpace([[1e20]], [1.0], [1.0], 0.0, 1.0)


@pytest.mark.parametrize("method", ["auto", *_simulation.METHODS])
def test_overflow_is_an_error(method):
    sentence = "`u` must keep the response finite, but it overflows within 40 samples"
    with pytest.raises(ValueError, match=sentence):
        ssm.simulate(GROWING, np.ones(40), method=method)
    stream = ssm.Stream(GROWING)
    first = stream.push(np.ones(3))
    assert np.isfinite(first).all()
    state = stream.state.copy()
    with pytest.raises(ValueError, match="`block` must keep the response finite"):
        stream.push(np.ones(40))
    np.testing.assert_array_equal(stream.state, state)


def test_auto_returns_to_the_recurrence_where_only_tables_overflow(monkeypatch):
    """Powers that no sample meets: a zero signal keeps the state of a growing system at zero."""
    monkeypatch.setattr(_simulation, "choose", lambda problem: "chunked")
    np.testing.assert_array_equal(ssm.simulate(GROWING, np.zeros(40)), np.zeros(40))


@pytest.mark.jit
@pytest.mark.parametrize("kind", ["dense", "diagonal"])
def test_threads_share_tables(kind):
    """Signals of one head hop at the same time, by the same tables: no scratch may be common to them."""
    modal = ssm.diagonal_init("s4d-lin", 64)
    dense, dtype = ssm.hippo("legs", 65).state_space(np.ones(65)), np.dtype(float)
    parts = {"dense": _block_tables.DenseParts, "diagonal": _block_tables.DiagonalParts}[kind]
    tables = parts(ssm.discretize(dense if kind == "dense" else modal, 1e-3), dtype).tables(0, 1, 8)
    n, count = tables.B.shape[-1], 20_000
    forcing = np.random.default_rng(0).normal(size=(4, 1, 1, count, n))

    def states(g):
        x, wide = np.zeros((1, 1, n)), np.zeros((1, 1, count, n + 8))
        tables.hop(x, g, wide, count)
        return wide

    alone = [states(g) for g in forcing]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(states, forcing))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
