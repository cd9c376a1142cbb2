"""The structured products against ball arithmetic, over batches, precisions, pairs and the edges of their domain."""

from __future__ import annotations

import platform
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssm_numerics.products import (
    cauchy_product,
    cauchy_sums,
    exp_nodes,
    vandermonde_product,
    vandermonde_sums,
)

flint = pytest.importorskip("flint")

U = 2.0**-53
U_SINGLE = 2.0**-24
BITS = 400

lengths = st.sampled_from([1, 2, 3, 5, 16, 17, 100, 257, 1000, 1024])
orders = st.integers(1, 9)
seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from([np.float32, np.float64, np.complex64, np.complex128])


@pytest.fixture(autouse=True)
def _precision():
    before, flint.ctx.prec = flint.ctx.prec, BITS
    yield
    flint.ctx.prec = before


def ball(x: complex) -> flint.acb:
    return flint.acb(float(np.real(x)), float(np.imag(x)))


def vandermonde_ball(c, z, l: int, z_low=None) -> complex:
    z_low = np.zeros_like(z) if z_low is None else z_low
    return complex(sum((ball(a) * (ball(b) + ball(d)) ** l for a, b, d in zip(c, z, z_low, strict=True)), flint.acb(0)))


def cauchy_ball(v, a, s, poles) -> tuple[complex, float, float]:
    """The sum, the sum of its terms' magnitudes, and that sum with each term times (|a| + |s p|) / |a - s p|."""
    total, size, condition = flint.acb(0), 0.0, 0.0
    for v_n, p in zip(v, poles, strict=True):
        gap = ball(a) - ball(s) * ball(p)
        total += ball(v_n) / gap
        size += float(abs(ball(v_n) / gap))
        condition += float(abs(ball(v_n) / gap) * (abs(ball(a)) + abs(ball(s) * ball(p))) / abs(gap))
    return complex(total), size, condition


def draw(rng, shape, dtype=np.complex128, scale=1.0):
    values = rng.normal(size=shape) + (1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else 0)
    return (scale * values).astype(dtype)


def nodes_in_disk(rng, shape, dtype=np.complex128):
    """Inside, near, on and at the centre of the unit circle."""
    z = draw(rng, shape, dtype)
    size = np.maximum(np.abs(z), 1e-3) / rng.choice([1.0, 1 - 1e-6, 0.5, 1e-30, 0.0], size=shape)[...].clip(1e-38)
    z = (z / size).astype(dtype)
    over = np.abs(z) > 1
    z[over] *= np.asarray(1 - 2 * np.finfo(dtype).eps, dtype=z.real.dtype)
    return z


# Vandermonde


@given(orders, lengths, seeds, dtypes)
def test_vandermonde_is_within_50u_of_the_exact_sum(N, L, seed, dtype):
    rng = np.random.default_rng(seed)
    c, z = draw(rng, N, dtype), nodes_in_disk(rng, N, dtype)
    K = vandermonde_product(c, z, L)
    assert K.shape == (L,) and K.dtype == dtype
    u = U if np.finfo(dtype).bits == 64 else U_SINGLE
    for l in {0, 1, L // 2, L - 1} & set(range(L)):
        assert abs(K[l] - vandermonde_ball(c, z, l)) <= 50 * u * np.abs(c).sum()


@pytest.mark.jit
@pytest.mark.parametrize("L", [16384, 10**6])
def test_high_powers_on_the_circle_keep_their_digits(L):
    rng = np.random.default_rng(L)
    c, z = draw(rng, 7), np.exp(2j * np.pi * rng.uniform(size=7))
    K = vandermonde_product(c, z, L)
    for l in [L // 3, L // 2, L - 1]:
        growth = max(1.0, float(np.abs(z).max()) ** l)  # |z| may exceed 1 by an ulp
        assert abs(K[l] - vandermonde_ball(c, z, l)) <= 50 * U * np.abs(c).sum() * growth


@given(st.sampled_from([(), (1,), (3,), (2, 3)]), st.sampled_from([(), (3,), (2, 1)]), orders, lengths, seeds)
def test_vandermonde_batches_are_rows(c_lead, z_lead, N, L, seed):
    rng = np.random.default_rng(seed)
    c, z = draw(rng, (*c_lead, N)), nodes_in_disk(rng, (*z_lead, N))
    K = vandermonde_product(c, z, L)
    lead = np.broadcast_shapes(c_lead, z_lead)
    assert K.shape == (*lead, L)
    c, z = np.broadcast_to(c, (*lead, N)), np.broadcast_to(z, (*lead, N))
    for row in np.ndindex(*lead):
        alone = vandermonde_product(c[row], z[row], L)
        assert np.abs(K[row] - alone).max() <= 2 * 50 * U * np.abs(c[row]).sum()  # twice the bound of one


@pytest.mark.jit
def test_large_batches_agree_with_their_rows():
    rng = np.random.default_rng(5)
    c, z = draw(rng, (37, 32)), nodes_in_disk(rng, (37, 32))
    pairs = rng.uniform(size=32) < 0.8
    K = vandermonde_sums(c, z, 5003, pairs)
    for row in (0, 17, 36):
        alone = vandermonde_sums(c[row], z[row], 5003, pairs)
        assert np.abs(K[row] - alone).max() <= 4 * 50 * U * np.abs(c[row]).sum()  # twice the bound, weights 2


@given(orders, lengths, seeds, st.booleans())
def test_pair_storage_is_full_storage(N, L, seed, single):
    rng = np.random.default_rng(seed)
    pairs = rng.uniform(size=N) < 0.7
    c, z = draw(rng, N), nodes_in_disk(rng, N)
    z[~pairs] = z[~pairs].real
    c[~pairs] = c[~pairs].real
    if single:
        c, z = c.astype(np.complex64), z.astype(np.complex64)
    half = vandermonde_sums(c, z, L, pairs)
    full = vandermonde_product(np.concatenate([c, c[pairs].conj()]), np.concatenate([z, z[pairs].conj()]), L)
    assert half.dtype == c.real.dtype
    bound = 4 * 50 * (U_SINGLE if single else U) * np.abs(c).sum()  # twice the bound, weights 2
    assert np.abs(half - full).max() <= bound


def test_powers_that_overflow_are_not_finite_and_warn_of_nothing():
    K = vandermonde_product([1.0], [1e3], 400)
    assert np.isfinite(K[:98]).all() and not np.isfinite(K[110:]).any()
    assert K[90] == pytest.approx(1e270, rel=50 * U)


@pytest.mark.jit
def test_kernels_from_lambda_and_dt_lose_nothing_to_their_length():
    rng = np.random.default_rng(3)
    Lambda, dt, L = -1e-6 * rng.uniform(size=5) + 1j * rng.uniform(0, 1e3, 5), 0.7, 10**5
    c = draw(rng, 5)
    z, z_low = exp_nodes(Lambda, np.array(dt))
    K = vandermonde_sums(c, z, L, z_low=z_low)
    for l in (L // 3, L - 1):
        terms = (ball(a) * (l * flint.arb(dt) * ball(b)).exp() for a, b in zip(c, Lambda, strict=True))
        assert abs(K[l] - complex(sum(terms, flint.acb(0)))) <= 50 * U * np.abs(c).sum()


# Cauchy


@given(orders, st.sampled_from([1, 2, 5, 129]), seeds, dtypes, st.sampled_from([1e-12, 1e-3, 1.0, 1e3, 1e12]))
def test_cauchy_is_within_50u_of_the_exact_sum(N, L, seed, dtype, scale):
    rng = np.random.default_rng(seed)
    v, z, poles = draw(rng, N, dtype), draw(rng, L, dtype, scale), draw(rng, N, dtype)
    sums = cauchy_product(v, z, poles)
    assert sums.shape == (L,) and sums.dtype == dtype
    u = U if np.finfo(dtype).bits == 64 else U_SINGLE
    for k in {0, L // 2, L - 1}:
        exact, size, _ = cauchy_ball(v, z[k], 1.0, poles)
        assert abs(sums[k] - exact) <= 50 * u * size


def imaginary_axis(rng, N):
    return 1j * rng.normal(size=N)


def left_half_plane(rng, N):
    return -rng.exponential(size=N) + 10j * rng.normal(size=N)


def wide_range(rng, N):
    return -(10.0 ** rng.uniform(-6, 6, N)) + 1j * 10.0 ** rng.uniform(-6, 6, N)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("poles_of", [imaginary_axis, left_half_plane, wide_range])
@given(orders, st.integers(1, 9), st.sampled_from([0.0, 0.3, 1.0]), seeds)
def test_folded_pairs_are_the_sums_over_all_poles(dtype, poles_of, N, J, share, seed):
    rng = np.random.default_rng(seed)
    pairs = rng.uniform(size=N) >= share
    poles = poles_of(rng, N).astype(dtype)
    poles[~pairs] = -np.abs(poles[~pairs])
    v = draw(rng, (J, N), dtype)
    omega = 0.98 * np.exp(2j * np.pi * np.arange(6) / 10)  # the nodes of Algorithm 1, and s = 0
    a, s = (1 - omega).astype(dtype), (0.01 * (1 + omega)).astype(dtype)
    s[5] = 0
    sums = cauchy_sums(v, a, s, poles, pairs)
    everything = cauchy_sums(
        np.concatenate([np.where(pairs, v, v.real), v[:, pairs].conj()], axis=1),
        a,
        s,
        np.concatenate([poles, poles[pairs].conj()]),
    )
    assert sums.shape == (J, 6) and sums.dtype == dtype
    u = U if dtype == np.complex128 else U_SINGLE
    for j, k in ((0, 0), (J - 1, 3), (J // 2, 5)):
        residues = np.concatenate([np.where(pairs, v[j], v[j].real), v[j, pairs].conj()])
        exact, _, condition = cauchy_ball(residues, a[k], s[k], np.concatenate([poles, poles[pairs].conj()]))
        assert abs(sums[j, k] - exact) <= 50 * u * condition
        assert abs(everything[j, k] - exact) <= 50 * u * condition


@given(orders, seeds, st.sampled_from([1e-15, 1e-10, 1e-3]))
def test_exact_nodes_near_poles_keep_their_digits(N, seed, distance):
    rng = np.random.default_rng(seed)
    poles, v = imaginary_axis(rng, N) * 1e3, draw(rng, N)
    z = poles[:1] * (1 + distance)
    pairs = np.ones(N, dtype=bool)
    exact, size, _ = cauchy_ball(np.concatenate([v, v.conj()]), z[0], 1.0, np.concatenate([poles, poles.conj()]))
    assert abs(cauchy_sums(v[None], z, np.ones(1), poles, pairs)[0, 0] - exact) <= 50 * U * size


@pytest.mark.parametrize("z", [1e-150, 1e-80, 1e80, 1e150, 1e200])
def test_cauchy_stays_in_range(z):
    assert cauchy_product([1.0], [z], [-1.0])[0] == pytest.approx(1 / (z + 1), rel=50 * U)
    assert cauchy_product([1.0], [z], [-z])[0] == pytest.approx(0.5 / z, rel=50 * U)
    assert cauchy_product([1.0], [z], [-z * 1e-140])[0] == pytest.approx(1 / z, rel=50 * U)
    pair = cauchy_sums(np.array([[1.0 + 0j]]), np.array([z]), np.ones(1), np.array([1j * z]), np.array([True]))
    assert pair[0, 0] == pytest.approx(1 / z, rel=50 * U)  # 2z / (z^2 + z^2)


@given(
    st.sampled_from([(), (3,), (2, 3)]), st.sampled_from([(), (3,), (2, 1)]), st.sampled_from([(), (1,), (3,)]), seeds
)
def test_cauchy_batches_are_rows(v_lead, z_lead, p_lead, seed):
    rng = np.random.default_rng(seed)
    v, z, poles = draw(rng, (*v_lead, 4)), draw(rng, (*z_lead, 130)), draw(rng, (*p_lead, 4))
    sums = cauchy_product(v, z, poles)
    lead = np.broadcast_shapes(v_lead, z_lead, p_lead)
    assert sums.shape == (*lead, 130)
    v, z, poles = (np.broadcast_to(x, (*lead, x.shape[-1])) for x in (v, z, poles))
    for row in np.ndindex(*lead):
        assert np.array_equal(sums[row], cauchy_product(v[row], z[row], poles[row]))


@pytest.mark.jit
def test_threads_change_no_bit():
    rng = np.random.default_rng(8)
    v, poles, z = draw(rng, (4, 64)), draw(rng, 64), draw(rng, 20000)
    pairs, one = np.ones(64, dtype=bool), np.ones(1)
    for mask in (None, pairs):
        whole = cauchy_sums(v, z, one, poles, mask)
        parts = [cauchy_sums(v, z[k : k + 128], one, poles, mask) for k in range(0, 20000, 128)]
        assert np.array_equal(whole, np.concatenate(parts, axis=-1))


# Bad input


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (([1.0], [1.0, 2.0], 3), ValueError, "`z` must have shape"),
        (([1.0], [np.nan], 3), ValueError, "`z` must be finite"),
        (([1.0], [0.5], 0), ValueError, "`L` must be at least 1"),
        (([1.0], [0.5], 2.5), TypeError, "`L` must be an integer"),
        (([1.0], [0.5], 3, "fft"), ValueError, "`method` must be one of auto, split"),
        (([1.0], [0.5], 3, "auto", "gpu"), ValueError, "`backend` must be one of"),
        (([[1.0], [1.0]], [[0.5]] * 3, 3), ValueError, "leading axes that broadcast"),
        (([], [], 3), ValueError, "`c` must not be empty"),
        (([1.0], [0.5], 2**40), ValueError, "max_memory"),
    ],
)
def test_vandermonde_refuses(arguments, kind, words):
    with pytest.raises(kind, match=re.escape(words)):
        vandermonde_product(*arguments)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (([1.0], [1.0], [1.0, 2.0]), ValueError, "`poles` must have shape"),
        (([1.0], 1.0, [2.0]), ValueError, "`z` must have at least 1 dimension"),
        (([1.0], [np.inf], [2.0]), ValueError, "`z` must be finite"),
        (("abc", [1.0], [2.0]), TypeError, "`v` must be an array of numbers"),
        (([1.0], [1.0], [2.0], "fmm"), ValueError, "`method` must be one of auto, direct"),
    ],
)
def test_cauchy_refuses(arguments, kind, words):
    with pytest.raises(kind, match=re.escape(words)):
        cauchy_product(*arguments)


def test_arguments_are_left_alone():
    arrays = [np.array([1 + 1j, 2.0]), np.array([0.5j, 0.25]), np.array([3.0 + 0j])]
    for array in arrays:
        array.setflags(write=False)
    vandermonde_product(arrays[0], arrays[1], 5)
    cauchy_product(arrays[0], arrays[2], arrays[1])


@pytest.mark.jit
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads x86 assembly")
def test_hot_loops_are_vectorized():
    from ssm_numerics.compiled import cauchy, vandermonde

    test_arguments_are_left_alone()
    cauchy_sums(np.ones((4, 2)), np.ones(3), np.zeros(3), np.ones(2), np.ones(2, dtype=bool))
    vandermonde_product(np.ones((2, 2)), np.ones((2, 2)), 9)
    for function, instruction in (
        (cauchy.cauchy_pairs_loop, "divpd"),
        (vandermonde.power_tables_loop, "mulpd"),
    ):
        assert any(instruction in assembly for assembly in function.inspect_asm().values()), function.__name__
