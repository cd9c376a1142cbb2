"""Near-linear Vandermonde and Cauchy sums against ball arithmetic: decays, angles, lengths and storage of every kind.

Every bound is in u sum |c|, independent of L: angles are double-words, so only the FFT and the Gaussians round.
"""

from __future__ import annotations

import flint
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import _nufft
from ssm_numerics._nufft import RTOL, cauchy_at_circle, log_nodes, vandermonde_nufft
from ssm_numerics.products import exp_nodes, gbt_nodes, vandermonde_product, vandermonde_sums

U, U_SINGLE = 2.0**-53, 2.0**-24
BOUND = 50 * U
"""4u of the FFT amplified by at most 12, and a few u of the strengths and of the Gaussians."""

lengths = st.sampled_from([65, 66, 127, 300])
orders = st.sampled_from([1, 2, 3, 7, 20])
seeds = st.integers(0, 2**32 - 1)
decays = st.sampled_from(["none", "equal", "band", "two bands", "decades", "slow and dead"])


@pytest.fixture(autouse=True)
def _precision():
    before, flint.ctx.prec = flint.ctx.prec, 300
    yield
    flint.ctx.prec = before


@pytest.fixture(autouse=True, scope="module")
def _transform_even_few_modes():
    """Small problems would be summed directly; here they go through the transform."""
    before, _nufft.DIRECT_MODES = _nufft.DIRECT_MODES, 0
    yield
    _nufft.DIRECT_MODES = before


def draw(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def nodes(rng, kind, N, L):
    rates = {
        "none": np.zeros(N),
        "equal": np.full(N, 3.0 / L),
        "band": rng.uniform(0, 4 / L, N),
        "two bands": rng.uniform(0, 16 / L, N),
        "decades": 10.0 ** rng.uniform(-7, 0, N),
        "slow and dead": rng.choice([1e-3 / L, 1.0, 50.0, 900.0], N),
    }[kind]
    z = np.exp(-rates + 1j * rng.choice([rng.uniform(-np.pi, np.pi), 0.0, np.pi, 1e-9, -1e-9, np.pi / 2], N))
    return np.where(np.abs(z) > 1, z * (1 - 2 * U), z)


def error(K, c, z, L):
    """The largest error, in units of sum |c|."""
    mid, rad = ssm.certified.vandermonde_product(c, z, L)
    return float((np.abs(K - mid) + rad).max() / np.abs(c).sum())


# Vandermonde sums


@given(orders, lengths, decays, seeds)
def test_error_is_a_few_u_whatever_the_decays(N, L, kind, seed):
    rng = np.random.default_rng(seed)
    c, z = draw(rng, N), nodes(rng, kind, N, L)
    assert error(vandermonde_product(c, z, L, method="nufft"), c, z, L) <= RTOL + BOUND


@pytest.mark.parametrize("N", [2048, 2047])
@pytest.mark.parametrize("dt", [1 / 2048, 1.0])
def test_legs_nodes(N, dt):
    L, half = 2048, (N + 1) // 2
    h = dt / 2 * ssm.nplr("legs", N).Lambda[:half]
    z = (1 + h) / (1 - h)
    c = draw(np.random.default_rng(N), half)
    assert error(vandermonde_product(c, z, L, method="nufft"), c, z, L) <= RTOL + BOUND


@pytest.mark.parametrize("alpha", [None, 0.5, 1.0])
def test_nodes_from_lambda_and_dt_keep_every_digit(alpha):
    """Double-word nodes and logarithms: exact for exponentials, whose logarithm is dt Lambda."""
    rng, L, dt = np.random.default_rng(3), 4097, np.array(0.01)
    Lambda = -rng.uniform(0, 0.1, 50) + 1j * rng.uniform(-300, 300, 50)
    c, pairs = draw(rng, 50), rng.random(50) < 0.5
    z, z_low = exp_nodes(Lambda, dt) if alpha is None else gbt_nodes(Lambda, dt, alpha)
    expected = vandermonde_sums(c, z, L, pairs, z_low)
    log_z, log_low = log_nodes(z, z_low)
    bound = (RTOL + 2 * BOUND) * 2 * np.abs(c).sum()
    assert np.abs(vandermonde_nufft(c, log_z, L, pairs=pairs, log_low=log_low) - expected).max() <= bound
    if alpha is None:
        log_z, step = Lambda * dt, float(dt)
        lost = [flint.arb(float(x)) * step - float(y) for x, y in zip(Lambda.imag, log_z.imag, strict=True)]
        log_low = 1j * np.array([float(x) for x in lost])
        assert np.abs(vandermonde_nufft(c, log_z, L, pairs=pairs, log_low=log_low) - expected).max() <= bound


@pytest.mark.jit
@pytest.mark.parametrize("few", [0, 3])
def test_error_does_not_grow_with_length(few, monkeypatch):
    """On the unit circle at L = 10**6, where a rounded angle alone would cost L u; transformed, or summed directly."""
    monkeypatch.setattr(_nufft, "DIRECT_MODES", few)
    rng, L = np.random.default_rng(5), 10**6
    z = np.exp(2j * np.pi * rng.random(3))
    z, c = z * (1 - 2 * U) / np.abs(z), draw(rng, 3)
    K = vandermonde_product(c, z, L, method="nufft")
    for l in (0, 1, L // 3, L // 2, L - 2, L - 1):
        exact = sum(flint.acb(complex(a)) * flint.acb(complex(b)) ** l for a, b in zip(c, z, strict=True))
        assert abs(K[l] - complex(exact)) <= (RTOL + BOUND) * np.abs(c).sum()


@given(orders, lengths, seeds, st.sampled_from([1e-5, 1e-9, 1e-13]))
def test_a_looser_tolerance_is_kept(N, L, seed, rtol):
    """rtol for truncation and aliases, rtol for amplified rounding, in float64."""
    rng = np.random.default_rng(seed)
    c, z = draw(rng, N), nodes(rng, "two bands", N, L)
    log_z, log_low = log_nodes(z)
    assert error(vandermonde_nufft(c, log_z, L, rtol, None, log_low), c, z, L) <= 2 * rtol + BOUND


@given(orders, lengths, decays, seeds)
def test_pairs_stand_for_their_partners(N, L, kind, seed):
    rng = np.random.default_rng(seed)
    c, z, pairs = draw(rng, N), nodes(rng, kind, N, L), rng.random(N) < 0.7
    log_z, log_low = log_nodes(z)
    K = vandermonde_nufft(c, log_z, L, pairs=pairs, log_low=log_low)
    everything = np.concatenate([c[pairs], c[pairs].conj(), c[~pairs]])
    all_z = np.concatenate([z[pairs], z[pairs].conj(), z[~pairs]])
    full = vandermonde_sums(everything, all_z, L)
    assert K.dtype == np.float64
    assert np.abs(K - full.real).max() <= (RTOL + 2 * BOUND) * np.abs(everything).sum()


@pytest.mark.parametrize(("N", "L"), [(1, 1), (1, 2), (5, 1), (1, 64), (1, 65), (2000, 3)])
def test_shortest_sums(N, L):
    rng = np.random.default_rng(N + L)
    c, z = draw(rng, N), nodes(rng, "band", N, L)
    assert error(vandermonde_product(c, z, L, method="nufft"), c, z, L) <= RTOL + BOUND


def test_node_zero_counts_once():
    K = vandermonde_product([2.0, 1.0], [0.0, 0.5], 100, method="nufft")
    expected = 0.5 ** np.arange(100)
    expected[0] += 2
    assert np.abs(K - expected).max() <= 3 * BOUND


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_batches_and_precisions(dtype):
    rng = np.random.default_rng(11)
    c = draw(rng, 2, 3, 20).astype(dtype) if np.dtype(dtype).kind == "c" else rng.normal(size=(2, 3, 20)).astype(dtype)
    unit = U if np.finfo(dtype).dtype == np.float64 else U_SINGLE
    for shape in ((20,), (3, 20), (2, 1, 20)):
        z = (0.99 * rng.uniform(-1, 1, shape)).astype(dtype)
        K, expected = (vandermonde_product(c, z, 200, method=method) for method in ("nufft", "split"))
        assert K.shape == (2, 3, 200) and K.dtype == dtype
        assert (np.abs(K - expected).max(axis=-1) <= 90 * unit * np.abs(c).sum(axis=-1)).all()


def test_growing_nodes_are_refused():
    with pytest.raises(ValueError, match=r"`z` must have \|z\|\*\*L <= e for the method nufft, but its largest"):
        vandermonde_product([1.0], [1.001], 5000, method="nufft")


# Logarithms


@given(st.floats(-1, 1), st.floats(-1, 1), st.integers(0, 200))
@example(-1.0, 0.0, 0)
@example(-1.0, 2.0**-60, 0)
@example(1.0, 0.0, 0)
@example(0.6, 0.8, 0)
@example(0.0, 0.0, 0)
def test_logarithms_are_double_words(x, y, halvings):
    z = complex(x, y) * 2.0**-halvings
    if 0 < abs(z) < 1e-80:
        return  # such a node dies at once
    log_z, log_low = log_nodes(np.array([z]))
    if z == 0:
        assert log_z[0].real <= -1000
        return
    exact = flint.acb(z).log()
    left = abs(exact - flint.acb(complex(log_z[0])) - flint.acb(complex(log_low[0])))
    turned = min(float(left), float(abs(left - 2 * flint.arb.pi())))  # either side of the branch cut will do
    assert turned <= 2.0**-92


# Cauchy sums on a circle


@given(st.sampled_from([1, 2, 9]), st.sampled_from([1, 2, 5, 66, 301]), decays, seeds, st.booleans())
def test_cauchy_sums_at_roots_of_unity(N, M, kind, seed, paired):
    """An error of the sum grows by sqrt(M) in the FFT, or where it is in step with the sum, as the sum does."""
    rng = np.random.default_rng(seed)
    v, z, pairs = draw(rng, 3, N), nodes(rng, kind, N, M), rng.random(N) < 0.7
    if paired:
        z = np.where(pairs, z, z.real)
    log_radius = -rng.choice([0.7, 36.0]) / M
    log_z, log_low = log_nodes(z)
    sums = cauchy_at_circle(v, log_z, M, log_radius, pairs=pairs if paired else None, log_low=log_low)
    if paired:
        v, z = np.concatenate([v, v[:, pairs].conj()], axis=1), np.concatenate([z, z[pairs].conj()])
        v[:, :N][:, ~pairs] = v[:, :N][:, ~pairs].real  # unpaired modes count by their real part
        log_z, log_low = log_nodes(z)
    assert sums.shape == (3, M // 2 + 1 if paired else M)
    radius = flint.arb(log_radius).exp()
    size = np.abs(v / -np.expm1(M * (log_z + log_radius))).sum(axis=1)
    for k in {0, M // 4, M // 2}:
        omega = radius * (flint.acb(0, -2) * flint.arb.pi() * k / M).exp()
        for j in range(3):
            exact = flint.acb(0)
            for a, b in zip(v[j], z, strict=True):
                exact += flint.acb(complex(a)) / (1 - flint.acb(complex(b)) * omega)
            assert abs(sums[j, k] - complex(exact)) <= (RTOL + BOUND) * (np.sqrt(M) * size[j] + abs(complex(exact)))


def test_cauchy_heads_are_independent():
    rng = np.random.default_rng(2)
    v, z = draw(rng, 2, 1, 3, 4), nodes(rng, "band", 8, 100).reshape(2, 4)
    log_z, log_low = log_nodes(z)
    together = cauchy_at_circle(v, log_z, 100, -0.01, log_low=log_low)
    assert together.shape == (2, 2, 3, 100)
    alone = cauchy_at_circle(v[1, 0], log_z[0], 100, -0.01, log_low=log_low[0])
    assert np.array_equal(together[1, 0], alone)


# How the work is cut


@given(seeds, st.integers(1, 400), st.sampled_from([1, 64, 1000, 10**6]))
def test_bands_hold_every_mode_once_and_long_enough(seed, N, L):
    a = 10.0 ** np.random.default_rng(seed).uniform(-9, 3, N)
    seen = []
    for members, reach, direct in _nufft._bands(a, L, RTOL):
        seen.extend(members)
        assert reach == L or np.exp(-a[members].min() * reach) <= RTOL
        assert direct or np.ptp(a[members]) * reach <= _nufft.BAND * (1 + 4 * U)
    assert sorted(seen) == list(range(N))
