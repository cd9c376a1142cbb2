"""Recurrent = convolutional = continuous for every HiPPO family and diagonal initialization, N = 1..64, in every
storage.

Scale of every bound: S = ||C|| ||B_bar|| sum |u|. legs, legt, lagt, fout, foud and the diagonal initializations are
dissipative, ||A_bar|| <= 1, so no output exceeds S; lmu and glagt are so after a diagonal similarity G, which changes
neither the sums that are formed nor their componentwise rounding errors, so S is taken in the norm of G. Each of T
steps commits at most a small multiple of (N + r) eps of S.
"""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import testing

EPS = np.finfo(float).eps
FAMILIES = ("legs", "legt", "lmu", "lagt", "glagt", "fout", "foud")
UNITARY = ("legs", "legt", "lagt", "glagt", "fout", "foud")
FEWER = settings(max_examples=max(10, settings().max_examples // 4))  # where a test has many forms
INITS = ("s4d-lin", "s4d-inv", "s4d-legs", "s4d-real")


@st.composite
def operators(draw, families=FAMILIES, unitary=False):
    family, N = draw(st.sampled_from(families)), draw(st.integers(1, 64))
    parameters = {}
    if family in ("legt", "lmu"):
        parameters["theta"] = draw(st.sampled_from((0.25, 1.0, 2.0)))
    if family == "glagt":
        parameters["alpha"] = 0.0 if unitary else draw(st.sampled_from((-0.9, -0.4, 0.0, 0.3, 0.8)))
        parameters["beta"] = draw(st.sampled_from((0.01, 1.0, 3.0)))
    return ssm.hippo(family, N, **parameters)


def similarity(op):
    """The diagonal G for which G^-1 A G is dissipative: LMU = G LegT G^-1, and glagt's G^-1 = diag(lambda)."""
    n = np.arange(op.N)
    if op.family == "lmu":
        return np.sqrt(2 * n + 1)
    if op.family == "glagt":
        alpha = op.parameters["alpha"]
        return np.array([math.exp((math.lgamma(k + 1) - math.lgamma(k + alpha + 1)) / 2) for k in n])
    return np.ones(op.N)


def output_scale(d, u, G=1.0):
    """S, with both input vectors of FOH; pair storage counts its partners."""
    weights = getattr(d, "weights", 1)
    b = np.linalg.norm(d.B_bar * weights / G, axis=-1).max()
    if d.B_bar_previous is not None:
        b += np.linalg.norm(d.B_bar_previous * weights / G, axis=-1).max()
    return np.linalg.norm(d.C * G, axis=-1).max() * b * np.abs(u).sum(axis=-1).max() + 1e-300


def tolerance(d, u, S):
    """Steps times states times eps times S; 32 covers the constants of complex arithmetic and of Woodbury's formula."""
    return 32 * np.finfo(d.dtype).eps * u.shape[-1] * (d.n_states + 4) * S


def methods(d):
    """The kernel methods that apply, and the error that each aims at beyond rounding."""
    aims = {"krylov": 0.0, "krylov_blocked": 0.0}
    if not isinstance(d, ssm.DiscreteStateSpace):
        aims |= {"cauchy": 0.0, "contour": max(1e-12, 1e4 * np.finfo(d.dtype).eps)}
    if isinstance(d, ssm.DiscreteDiagonal):
        aims["vandermonde"] = 0.0
    return aims


def agree(system, u, dt, rule, G=1.0):
    """simulate and convolve agree for every kernel method; returns the output, and S."""
    d = ssm.discretize(system, dt, rule["discretization"], rule["alpha"])
    y, S = ssm.simulate(system, u, dt, **rule), output_scale(d, u, G)
    for method, aim in methods(d).items():
        K = ssm.convolution_kernel(system, u.shape[-1], dt, method=method, **rule)
        assert K.dtype == y.dtype == system.output_dtype
        assert np.abs(ssm.convolve(K, u) - y).max() <= tolerance(d, u, S) + aim * S
    return y, S


def moved_by_rounding(A, dt):
    """N eps ||A|| in A, as NPLR and the rounding of dt A commit, moves A_bar by at most 1 + ||dt A|| times N eps."""
    return 1 + dt * np.linalg.norm(A, 2)


@given(operators(), testing.rules(), testing.step_sizes(), testing.signals(), st.integers(0, 99))
def test_dense(op, rule, dt, u, seed):
    C = np.random.default_rng(seed).normal(size=op.N)
    agree(op.state_space(C, D=0.0), u, dt, rule, similarity(op))


@FEWER
@given(operators(UNITARY, unitary=True), testing.rules(), testing.step_sizes(), testing.signals(), st.integers(0, 99))
def test_nplr_in_pair_and_full_storage(op, rule, dt, u, seed):
    """The DPLR forms agree with themselves to rounding, and with the dense system to what rounding A determines."""
    C = np.random.default_rng(seed).normal(size=op.N)
    dense, pairs = op.state_space(C, D=0.25), ssm.nplr(op).to_dplr(C, D=0.25)
    y = ssm.simulate(dense, u, dt, **rule)
    for system in (pairs, pairs.full()):
        without_direct = ssm.DPLR(
            system.Lambda, system.P, system.Q, system.B, system.C, conjugate_pairs=system.conjugate_pairs
        )
        z, S = agree(without_direct, u, dt, rule)
        bound = tolerance(ssm.discretize(dense, dt), u, S) * moved_by_rounding(op.A, dt)
        assert np.abs(z + 0.25 * u - y).max() <= bound + 4 * EPS * np.abs(u).max()


@FEWER
@given(
    st.sampled_from(INITS),
    st.integers(1, 64),
    testing.rules(),
    testing.step_sizes(),
    testing.signals(),
    st.integers(0, 99),
)
def test_diagonal_initializations(name, N, rule, dt, u, seed):
    modes = ssm.diagonal_init(name, N if name in ("s4d-legs", "s4d-real") else 2 * ((N + 1) // 2))
    rng = np.random.default_rng(seed)
    C = rng.normal(size=modes.C.shape) + (0 if name == "s4d-real" else 1j * rng.normal(size=modes.C.shape))
    system = ssm.Diagonal(modes.Lambda, modes.B, C, conjugate_pairs=modes.conjugate_pairs)
    y, S = agree(system, u, dt, rule)
    size = moved_by_rounding(system.to_dense().A, dt)
    for other in (system.full(), system.to_dense()):
        d = ssm.discretize(other, dt)
        assert np.abs(ssm.simulate(other, u, dt, **rule) - y).max() <= tolerance(d, u, S) * size


@FEWER
@given(operators(UNITARY, unitary=True), testing.rules(), testing.step_sizes(1e-4, 10), st.data())
def test_single_precision(op, rule, dt, data):
    u = data.draw(testing.signals(dtype=np.float32))
    C = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=op.N)
    dense, dplr = op.state_space(C), ssm.nplr(op).to_dplr(C)
    small = [getattr(dplr, name).astype(np.complex64) for name in ("Lambda", "P", "Q", "B", "C")]
    single = (
        ssm.StateSpace(*(getattr(dense, name).astype(np.float32) for name in "ABC")),
        ssm.DPLR(*small, conjugate_pairs=dplr.conjugate_pairs),
        ssm.Diagonal(small[0], small[3], small[4], conjugate_pairs=dplr.conjugate_pairs),
    )
    for system in single:
        assert agree(system, u, dt, rule)[0].dtype == np.float32
    S = output_scale(ssm.discretize(dense, dt, rule["discretization"], rule["alpha"]), u)
    bound = tolerance(ssm.discretize(single[0], dt), u, S) * moved_by_rounding(op.A, dt)
    for system in single[:2]:
        assert np.abs(ssm.simulate(system, u, dt, **rule) - ssm.simulate(dense, u, dt, **rule)).max() <= bound


@given(
    operators(),
    testing.step_sizes(),
    testing.signals(),
    st.integers(2, 3),
    st.sampled_from(("zoh", "foh")),
    st.integers(0, 99),
)
def test_continuous_is_discrete(op, dt, u, parts, hold, seed):
    """Exact holds: the response at the samples is that of `simulate`, however finely the held input is cut."""
    C, G = np.random.default_rng(seed).normal(size=op.N), similarity(op)
    knots = np.arange(1, parts * u.size + 1) / parts
    ends = np.arange(u.size + 1)
    fine = np.repeat(u, parts) if hold == "zoh" else np.interp(knots, ends, np.concatenate([[0], u]))
    system = op.state_space(C)
    y = ssm.simulate(system, u, dt, hold)
    d = ssm.discretize(system, dt, hold)
    moved = moved_by_rounding(op.A / G[:, None] * G, dt)
    bound = parts * tolerance(d, fine, output_scale(d, fine, G)) * moved
    t = dt * np.concatenate([[0], knots])[1:]
    assert np.abs(ssm.respond(system, fine, t, hold)[parts - 1 :: parts] - y).max() <= bound
    if op.family in UNITARY and op.parameters.get("alpha", 0.0) == 0:
        z = ssm.respond(ssm.nplr(op).to_dplr(C), fine, t, hold)[parts - 1 :: parts]
        assert np.abs(z - y).max() <= bound


@given(operators(("lmu",)), testing.rules(), testing.step_sizes(1e-4, 10), testing.signals())
def test_lmu_is_legt_in_another_basis(op, rule, dt, u):
    """LMU = G LegT G^-1 with G = diag(sqrt(2n+1) (-1)^n): the same system for C G."""
    C = np.cos(np.arange(op.N))
    G = np.sqrt(2 * np.arange(op.N) + 1) * (-1.0) ** np.arange(op.N)
    legt = ssm.hippo("legt", op.N, theta=op.parameters["theta"]).state_space(C * G)
    d = ssm.discretize(legt, dt, rule["discretization"], rule["alpha"])
    bound = tolerance(d, u, output_scale(d, u)) * moved_by_rounding(legt.A, dt)
    y, z = (ssm.simulate(system, u, dt, **rule) for system in (op.state_space(C), legt))
    assert np.abs(y - z).max() <= bound


@FEWER
@given(
    operators(("legs", "legt", "lmu", "lagt", "glagt")),
    st.floats(0.5, 1),
    testing.step_sizes(1e-6, 10),
    testing.signals(),
)
def test_operator_form_is_the_dense_form(op, alpha, dt, u):
    """The O(N) step in the operator's own basis against the dense one, for both ways of computing the output."""
    C = np.cos(np.arange(op.N))
    fast, dense = op.structured_state_space(C), op.state_space(C)
    d, G = ssm.discretize(dense, dt, "gbt", alpha), similarity(op)
    y, z = (ssm.simulate(system, u, dt, "gbt", alpha=alpha) for system in (fast, dense))
    bound = tolerance(d, u, output_scale(d, u, G)) * moved_by_rounding(op.A / G[:, None] * G, dt)
    assert np.abs(y - z).max() <= bound
    K = ssm.convolution_kernel(fast, u.size, dt, "gbt", alpha)
    assert np.abs(ssm.convolve(K, u) - z).max() <= bound


@pytest.mark.parametrize("kind", ["dense", "pairs", "full", "diagonal"])
@pytest.mark.parametrize("own", [True, False])
@FEWER
@given(op=operators(UNITARY, unitary=True), rule=testing.rules(), data=st.data())
def test_heads_in_a_layer(kind, own, op, rule, data):
    """(T, P) signals through axis=0 into P heads with their own steps and outputs, with shared or own parameters."""
    assume(op.N <= 24)
    heads = data.draw(st.integers(1, 3))
    dt = np.array([data.draw(testing.step_sizes(1e-4, 10)) for _ in range(heads)])
    u = data.draw(testing.signals(batch=(heads,))).T
    C = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=(heads, op.N))
    sources = [ssm.hippo(op.family, op.N, **op.parameters)] * heads
    if own and "theta" in op.parameters:
        sources = [ssm.hippo(op.family, op.N, theta=1.0 + head) for head in range(heads)]
    alone = [stored(kind, source, row) for source, row in zip(sources, C, strict=True)]
    layer = stored(kind, op, C) if not own else stacked(alone)
    assert layer.batch_shape == (heads,)
    y = ssm.simulate(layer, u, dt, axis=0, **rule)
    one = ssm.simulate(layer, u[:, 0], dt, axis=0, **rule)
    K = ssm.convolution_kernel(layer, len(u), dt, **rule)
    assert y.shape == one.shape == u.shape and K.shape == u.T.shape
    several, several_one = ssm.convolve(K, u, axis=0), ssm.convolve(K, u[:, 0], axis=0)
    for head in range(heads):
        source = alone[head] if own else stored(kind, op, C[head])
        for signal, recurrent, convolved in ((u[:, head], y, several), (u[:, 0], one, several_one)):
            d = ssm.discretize(source, dt[head], rule["discretization"], rule["alpha"])
            bound = tolerance(d, signal, output_scale(d, signal)) * moved_by_rounding(source.to_dense().A, dt[head])
            z = ssm.simulate(source, signal, dt[head], **rule)
            assert np.abs(recurrent[:, head] - z).max() <= bound
            assert np.abs(convolved[:, head] - z).max() <= bound


def stored(kind, op, C):
    """One operator with output rows C in the wanted storage; "diagonal" drops the low-rank part."""
    if kind == "dense":
        return op.state_space(C)
    system = ssm.nplr(op).to_dplr(C)
    if kind == "diagonal":
        return ssm.Diagonal(system.Lambda, system.B, system.C, conjugate_pairs=system.conjugate_pairs)
    return system if kind == "pairs" else system.full()


def stacked(systems):
    """Systems of one size as the heads of one."""
    first = systems[0]
    arrays = {name: np.stack([getattr(s, name) for s in systems]) for name, axes in first._SPEC.items() if axes}
    pairs = {} if isinstance(first, ssm.StateSpace) else {"conjugate_pairs": first.conjugate_pairs}
    return type(first)(**arrays, **pairs)
