"""Causal convolution: the definition, its accuracy, shapes, dtypes, and bad input."""

import math
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ssm_numerics as ssm

EPS = np.finfo(float).eps


def bound(K, u, eps=EPS):
    """The docstring's 5 eps log2(n) ||K|| ||u||, for the rows that were transformed."""
    n = u.shape[-1] + min(K.shape[-1], u.shape[-1])
    return 5 * eps * max(1.0, np.log2(2 * n)) * (np.linalg.norm(K, axis=-1) * np.linalg.norm(u, axis=-1)).max() + 1e-300


def random(rng, shape, is_complex):
    values = rng.normal(size=shape) * 10.0 ** rng.uniform(-3, 3, shape)
    return values * np.exp(1j * rng.uniform(0, 7, shape)) if is_complex else values


@given(st.integers(1, 70), st.integers(1, 70), st.booleans(), st.booleans(), st.integers(0, 99))
def test_definition(L, T, complex_kernel, complex_signal, seed):
    """y_k = sum_{l <= k} K_l u_{k-l}, summed exactly in rationals, for every pair of lengths and kinds of numbers."""
    rng = np.random.default_rng(seed)
    K, u = random(rng, L, complex_kernel), random(rng, T, complex_signal)
    y = ssm.convolve(K, u)
    parts = [[[Fraction(float(x)) for x in part] for part in (v.real, v.imag)] for v in (K, u)]
    (a, b), (c, d) = parts
    exact = np.empty(T, complex)
    for k in range(T):
        terms = [(l, k - l) for l in range(min(k + 1, L))]
        re = sum(a[i] * c[j] - b[i] * d[j] for i, j in terms)
        exact[k] = complex(float(re), float(sum(a[i] * d[j] + b[i] * c[j] for i, j in terms)))
    assert y.shape == (T,) and np.iscomplexobj(y) == (complex_kernel or complex_signal)
    assert np.abs(y - exact).max() <= bound(K, u)


@pytest.mark.parametrize("T", [1, 2, 1000, 4096, 100_003])
def test_accuracy_of_long_signals(T):
    """A kernel of ones makes running sums, which integers give exactly."""
    u = np.random.default_rng(T).integers(-1000, 1000, T)
    y = ssm.convolve(np.ones(T), u)
    assert np.abs(y - np.cumsum(u)).max() <= bound(np.ones(T), u.astype(float))


def test_kernels_longer_than_the_signal_are_cut():
    u, K = np.arange(1.0, 5), 0.5 ** np.arange(100)
    np.testing.assert_array_equal(ssm.convolve(K, u), ssm.convolve(K[:4], u))
    assert ssm.convolve(np.array([1.0, np.nan])[:1], [2.0]) == 2.0


def test_an_impulse_returns_the_kernel_and_a_delay_shifts():
    K = np.random.default_rng(0).normal(size=9)
    impulse = np.zeros(9)
    impulse[3] = 1
    y = ssm.convolve(K, impulse)
    assert np.abs(y - np.concatenate([np.zeros(3), K[:6]])).max() <= bound(K, impulse)
    np.testing.assert_allclose(ssm.convolve([2.0], K), 2 * K, rtol=0, atol=bound(np.array([2.0]), K))


@given(st.permutations([(3, 1), (1, 2), (2,), ()]), st.integers(1, 9), st.integers(1, 9))
def test_leading_axes_broadcast(shapes, L, T):
    rng = np.random.default_rng(0)
    K, u, D = rng.normal(size=(*shapes[0], L)), rng.normal(size=(*shapes[1], T)), rng.normal(size=shapes[2])
    y = ssm.convolve(K, u, D)
    batch = np.broadcast_shapes(*shapes[:3])
    assert y.shape == (*batch, T) and y.flags.c_contiguous
    rows = [np.broadcast_to(a, (*batch, *a.shape[a.ndim - k :])) for a, k in ((K, 1), (u, 1), (D, 0))]
    for head in np.ndindex(*batch):
        k, signal, direct = (a[head] for a in rows)
        expected = np.convolve(k, signal)[:T] + direct * signal
        assert np.abs(y[head] - expected).max() <= bound(k, signal) + 4 * EPS * np.abs(direct * signal).max()


def test_time_axis():
    """One kernel for P signals (T, P), P kernels for one signal, P for P, and time in the middle."""
    rng = np.random.default_rng(0)
    K, u = rng.normal(size=(3, 4)), rng.normal(size=(6, 3))
    for kernel in (K, K[0]):
        np.testing.assert_array_equal(ssm.convolve(kernel, u, axis=0), ssm.convolve(kernel, u.T).T)
        np.testing.assert_array_equal(ssm.convolve(kernel, u, axis=-2), ssm.convolve(kernel, u.T).T)
    np.testing.assert_array_equal(ssm.convolve(K, u[:, 0], axis=0), ssm.convolve(K, u[:, 0]).T)
    v = rng.normal(size=(2, 5, 3))
    y = ssm.convolve(K, v, axis=1)
    assert y.shape == v.shape
    np.testing.assert_array_equal(y[1], ssm.convolve(K, v[1], axis=0))


def test_feedthrough_is_one_number_per_head():
    u = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(ssm.convolve([0.0], u, D=[1.0, 10.0]), [[1.0, 2.0], [30.0, 40.0]])
    np.testing.assert_array_equal(ssm.convolve([0.0], u, D=[[1.0], [10.0]]).shape, (2, 2, 2))
    assert ssm.convolve([0.0], [1.0], D=1j) == 1j


def test_precision_follows_the_arrays():
    """Single precision only if every array is single; Python scalars adapt; the error is in units of its eps."""
    rng = np.random.default_rng(0)
    K, u = rng.normal(size=300).astype(np.float32), rng.normal(size=500).astype(np.float32)
    assert (
        ssm.convolve(K, u).dtype
        == ssm.convolve(K, u, D=0.5).dtype
        == ssm.convolve(K, u, D=np.float32(2)).dtype
        == np.float32
    )
    assert ssm.convolve(K, u, D=np.float64(2)).dtype == ssm.convolve(K, u.astype(float)).dtype == np.float64
    assert ssm.convolve(K, u.tolist()).dtype == ssm.convolve(K, np.ones(3, int)).dtype == np.float64
    assert ssm.convolve(K, u * 1j).dtype == ssm.convolve(K, u, D=1j).dtype == np.complex64
    assert ssm.convolve(K * np.complex128(1), u).dtype == np.complex128
    error = np.abs(ssm.convolve(K, u) - ssm.convolve(K.astype(float), u.astype(float))).max()
    assert error <= bound(K, u, np.finfo(np.float32).eps)


def test_any_memory_layout_and_nothing_modified():
    rng = np.random.default_rng(0)
    K, u = rng.normal(size=(2, 5)), rng.normal(size=(2, 8))
    y = ssm.convolve(K, u)
    frozen = u.copy()
    frozen.flags.writeable = False
    wide = np.zeros((2, 16))
    wide[:, ::2] = u
    for other in (frozen, u.astype(">f8"), np.asfortranarray(u), wide[:, ::2], u.tolist()):
        np.testing.assert_array_equal(ssm.convolve(K, other), y)
        np.testing.assert_array_equal(ssm.convolve(np.asfortranarray(K), other), y)
    np.testing.assert_array_equal(frozen, u)


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e150, 1e300])
def test_extreme_sizes(size):
    """Powers of ten that the product compensates."""
    K, u = np.array([1.0, -0.5, 0.25]), np.array([1.0, 2.0, -1.0, 4.0])
    y = ssm.convolve(size * K, u / size)
    assert np.abs(y - np.convolve(K, u)[:4]).max() <= 4 * bound(K, u)


def test_overflow_is_an_error():
    with pytest.raises(
        ValueError, match=r"`u` must keep the convolution finite, but it overflows where `u` reaches 1e\+300"
    ):
        ssm.convolve([1e300], [1e300])
    with pytest.raises(ValueError, match="`u` must keep the convolution finite"):
        ssm.convolve([1.0], [1e300], D=1e300)


def test_eight_callers_at_once():
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(8, 16, 700))
    K = rng.normal(size=(16, 700))
    expected = [ssm.convolve(K, u) for u in signals]
    with ThreadPoolExecutor(8) as pool:
        for y, z in zip(pool.map(lambda u: ssm.convolve(K, u), signals), expected, strict=True):
            np.testing.assert_array_equal(y, z)


@pytest.mark.parametrize(
    ("value", "kind", "sentence"),
    [
        (None, TypeError, "`{}` must be an array of numbers, but it is NoneType None."),
        ("abc", TypeError, "`{}` must be an array of numbers, but it is str 'abc'."),
        ([[1.0], [1.0, 2.0]], TypeError, "`{}` must be a rectangular array of numbers"),
        ([1.0, np.nan], ValueError, "`{}` must be finite, but its entry (1,) is nan."),
        (np.array([True]), TypeError, "its dtype is bool."),
        (np.float16([1]), TypeError, "its dtype is float16."),
        (np.ma.ones(3), TypeError, "`{}` must be a plain array"),
        (np.array([None]), TypeError, "its dtype is object."),
    ],
)
@pytest.mark.parametrize("name", ["K", "u", "D"])
def test_bad_arrays(name, value, kind, sentence):
    with pytest.raises(kind) as caught:
        ssm.convolve(**{"K": [1.0], "u": [1.0]} | {name: value})
    assert sentence.format(name) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        ({"K": 1.0}, ValueError, "`K` must have at least 1 dimension, but its shape is ()."),
        ({"u": 1.0}, ValueError, "`u` must have at least 1 dimension, but its shape is ()."),
        ({"K": []}, ValueError, "`K` must not be empty, but its shape is (0,)."),
        ({"u": np.zeros((3, 0))}, ValueError, "`u` must not be empty, but its shape is (3, 0)."),
        ({"K": np.ones((2, 4)), "u": np.ones((3, 4))}, ValueError, "these are K (2,), u (3,), D ()."),
        ({"D": np.ones(3), "u": np.ones((2, 4))}, ValueError, "these are K (), u (2,), D (3,)."),
        ({"axis": 1}, ValueError, "`axis` must be an axis of `u`, but it is 1 and `u` has shape (4,)."),
        ({"axis": -2}, ValueError, "`axis` must be an axis of `u`, but it is -2 and `u` has shape (4,)."),
        ({"axis": None}, TypeError, "`axis` must be an integer, but it is NoneType None."),
        ({"axis": "time"}, TypeError, "`axis` must be an integer, but it is str 'time'."),
        ({"K": np.ones((10**4, 1, 1)), "u": np.ones((10**5, 4))}, ValueError, "`u` must fit into max_memory = 8 GiB"),
    ],
)
def test_bad_arguments(change, kind, sentence):
    with pytest.raises(kind) as caught:
        ssm.convolve(**{"K": np.ones(3), "u": np.ones(4)} | change)
    assert sentence in str(caught.value)


def test_nothing_wraps_around():
    """A transform shorter than T + min(L, T) - 1 would bring the end of the signal back to its beginning."""
    for L, T in ((1, 7), (7, 7), (50, 7), (13, 101)):
        K, u = np.zeros(L), np.zeros(T)
        K[min(L, T) - 1] = u[-1] = 1
        assert np.abs(ssm.convolve(K, u)[: T - 1]).max(initial=0) <= EPS * math.log2(4 * T) * 5


# Transforms


@pytest.mark.parametrize("kind", ["scipy", "ducc0"])
def test_both_transforms(kind, monkeypatch):
    """Whichever library transforms: the definition, long signals in blocks, heads and signals that share."""
    from ssm_numerics import _fft

    if kind == "ducc0":
        pytest.importorskip("ducc0")
    else:
        monkeypatch.setattr(_fft, "_ducc", lambda: None)
    rng = np.random.default_rng(0)
    for L, T in ((1, 1), (7, 5000), (40, 5001), (300, 300)):
        for dtype in (np.float64, np.float32, np.complex128, np.complex64):
            K, u = rng.normal(size=(2, 1, L)).astype(dtype), rng.normal(size=(3, T)).astype(dtype)
            y = ssm.convolve(K, u)
            assert y.dtype == dtype and y.shape == (2, 3, T)
            exact = [[np.convolve(k, v)[:T] for v in u.astype(complex)] for k in K[:, 0].astype(complex)]
            assert np.abs(y - exact).max() <= bound(K, u, np.finfo(dtype).eps)
    x = rng.normal(size=(2, 10))
    for rows in (x, x + 1j):
        real = rows.dtype.kind == "f"
        X = _fft.forward(rows, 12)
        norm = np.linalg.norm(rows) * np.log2(12)
        assert np.abs(X - (np.fft.rfft if real else np.fft.fft)(rows, 12)).max() <= 5 * EPS * norm
        assert np.abs(_fft.inverse(X, 12, real) - np.pad(rows, ((0, 0), (0, 2)))).max() <= 5 * EPS * norm


def test_long_signals_are_cut_only_where_it_saves():
    """Overlap-add for kernels much shorter than the signal; neighbours alone overlap."""
    from ssm_numerics._fft import block_lengths

    for L, T in ((1, 10**6), (100, 10**6), (10**4, 10**6)):
        n, step = block_lengths(L, T, True)
        assert n < T and step == n - L + 1 and n <= 2 * step
    for L, T in ((1, 1), (100, 150), (10**6, 10**6)):
        n, step = block_lengths(L, T, True)
        assert step == T and n >= T + L - 1


def test_rows_are_not_copied_to_the_batch():
    """A result in the caller's order is contiguous, whatever broadcast."""
    K, u = np.ones((3, 1, 4)), np.ones((2, 9))
    assert ssm.convolve(K, u).flags.c_contiguous
