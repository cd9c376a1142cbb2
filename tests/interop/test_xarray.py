"""Filters and features along a named dimension: names and coordinates, dask arrays cut in time, and two processes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics import testing

from ..laws.test_views_agree import scale, tolerance

xarray = pytest.importorskip("xarray")
pytest.importorskip("dask")

import dask  # noqa: E402
import dask.array  # noqa: E402

U = 2.0**-53
PAIRS = np.array([True, False])
HEADS = ssm.Diagonal([[-1 + 2j, -2], [-3 + 1j, -0.5], [-1j, -3]], [1, 1], [1, 2], conjugate_pairs=PAIRS)
filter, features = ssm.interop.xarray.filter, ssm.interop.xarray.features


@pytest.fixture(autouse=True)
def in_this_thread():
    """Lazy arrays are computed here, unless a test starts a cluster."""
    with dask.config.set(scheduler="synchronous"):
        yield


def recording(samples=200, channels=3):
    """(time, channel) with coordinates of both, one without an index, a name and attributes."""
    u = np.random.default_rng(0).normal(size=(samples, channels))
    coords = {
        "time": np.arange(samples) / 50,
        "channel": list("abc")[:channels],
        "gain": ("channel", np.ones(channels)),
    }
    return xarray.DataArray(u, coords, ("time", "channel"), "ecg", {"units": "mV"})


# Names


@pytest.mark.parametrize("chunks", [None, {"time": 60, "channel": 2}, {"time": -1, "channel": 1}])
def test_dimensions_coordinates_and_attributes_are_kept(chunks):
    x = recording()
    system = ssm.hippo("legs", 4).state_space(np.ones(4))
    y = filter(x if chunks is None else x.chunk(chunks), system, 0.02)
    xarray.testing.assert_identical(y.copy(data=x.values), x)
    if chunks is not None:
        assert y.chunksizes == x.chunk(chunks).chunksizes
    bound = 2 * tolerance(system, x.values.T, 200 * 4)  # S = ||C|| ||B_bar|| sum |u| < 2 * 0.1 * 4 * 1000
    assert np.abs(y.values.T - ssm.simulate(system, x.values.T, 0.02)).max() <= bound
    c = features(x if chunks is None else x.chunk(chunks), ssm.hippo("legs", 4), 0.02, coefficient="mode")
    assert c.dims == ("mode", "channel") and set(c.coords) == {"channel", "gain"} and c.attrs == x.attrs
    assert np.abs(c.values.T - ssm.compress(ssm.hippo("legs", 4), x.values.T, 0.02)).max() <= bound


@pytest.mark.parametrize("lazy", [False, True])
def test_heads_are_named(lazy):
    """A dimension of the signals, whose entries have a head each, or a new one that all signals share."""
    x = recording().chunk({"time": 70, "channel": 1}) if lazy else recording()
    each = filter(x, HEADS, 0.1, heads=("channel",))
    all_of_them = filter(x, HEADS, 0.1, heads=("system",), x0=np.ones((3, 2)))
    assert each.dims == x.dims and all_of_them.dims == ("system", "time", "channel")
    bound = 2 * tolerance(HEADS, x.values.T, 4 * 200 * 5)
    u = recording().values.T
    assert np.abs(each.values.T - ssm.simulate(HEADS, u, 0.1)).max() <= bound
    expected = ssm.simulate(HEADS, u[:, None], 0.1, x0=np.ones((3, 2)))
    assert np.abs(all_of_them.transpose("channel", "system", "time").values - expected).max() <= bound


# Cuts


@given(testing.systems(dtypes=testing.DTYPES), testing.rules(), testing.step_sizes(), st.data())
def test_cuts_change_nothing(system, rule, dt, data):
    """Any cuts in time, from any state: `simulate` on the whole, within the bound of both."""
    u = data.draw(testing.signals(dtype=system.C.real.dtype))
    cuts = sorted({0, u.size, *data.draw(st.lists(st.integers(1, u.size), max_size=4))})
    names = tuple(f"head{axis}" for axis in range(len(system.batch_shape)))
    pairs = getattr(system, "pairs", None)
    x0 = np.random.default_rng(u.size).normal(size=system.C.shape[-1]).astype(u.dtype)
    x0 = x0 if pairs is None else x0 + 1j * (pairs * x0)
    x = xarray.DataArray(dask.array.from_array(u, chunks=(tuple(np.diff(cuts)),)), dims="time")
    y = filter(x, system, dt, "time", rule["discretization"], alpha=rule["alpha"], heads=names, x0=x0)
    expected = ssm.simulate(system, u, dt, x0=x0, method="recurrence", **rule)
    assert y.shape == expected.shape and y.dtype == y.values.dtype == expected.dtype
    S = 2 * scale(system, u, dt, rule) + 4 * np.linalg.norm(system.C, axis=-1).max() * np.linalg.norm(x0)
    assert np.abs(y.values - expected).max() <= 2 * tolerance(system, u, S)


@pytest.mark.parametrize("rule", ["bilinear", "zoh", "foh"])
@pytest.mark.parametrize("length", [1, 7, 64, 1000])
def test_against_balls(rule, length):
    """K * u with a certified kernel, small steps included, where A_bar - I must be squared: N u S per sample."""
    op, C, T = ssm.hippo("legs", 8), np.ones(8), 1000
    system = op.state_space(C)
    for dt in (1e-5, 1e-2):
        d = ssm.discretize(system, dt, rule)
        K, radius = ssm.certified.convolution_kernel(system, T, dt, rule)
        u = np.random.default_rng(0).normal(size=T)
        x = xarray.DataArray(dask.array.from_array(u, chunks=length), dims="time") if length > 7 else None
        if x is None:  # few blocks are enough where they are short
            u, K, radius = u[: 20 * length], K[: 20 * length], radius[: 20 * length]
            x = xarray.DataArray(dask.array.from_array(u, chunks=length), dims="time")
        b = np.linalg.norm(d.B_bar) + (0 if d.B_bar_previous is None else np.linalg.norm(d.B_bar_previous))
        S = np.linalg.norm(C) * b * np.abs(u).sum()
        exact = np.convolve(K, u)[: u.size]  # its own rounding: u.size u max|K| sum|u|
        assert np.abs(filter(x, system, dt, "time", rule).values - exact).max() <= 2 * u.size * U * S + radius.max() * S


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rule", ["bilinear", "foh"])
@pytest.mark.parametrize("family", ["legs", "legt", "fout"])
def test_features_of_cut_signals(family, rule, dtype):
    op, u = ssm.hippo(family, 9), np.sin(np.arange(300.0) / 7)[None].astype(dtype)
    x = xarray.DataArray(dask.array.from_array(u, chunks=(1, 77)), dims=("channel", "time"))
    c = features(x, op, 0.01, "time", rule)
    assert c.dtype == c.values.dtype == dtype
    size = 300 * 0.01 * np.linalg.norm(op.B) * 2  # every step adds less than dt ||B||, and contracts
    eps = np.finfo(dtype).eps
    assert np.abs(c.values - ssm.compress(op, u, 0.01, rule)).max() <= (64 * 300 * 13 * U + eps) * size


def test_scaled_features_want_whole_signals():
    x, op = recording().chunk({"time": 50}), ssm.hippo("legs", 5)
    with pytest.raises(ValueError, match="`x` must be one chunk along 'time' where `scaled` is True, but it has 4"):
        features(x, op, scaled=True)
    c = features(x.chunk({"time": -1, "channel": 1}), op, scaled=True)
    assert c.chunks is not None
    np.testing.assert_array_equal(c.values, features(recording(), op, scaled=True).values)


def test_nothing_is_computed_before_it_is_asked_for():
    def fail(block):
        raise AssertionError

    x = xarray.DataArray(dask.array.ones(100, chunks=10).map_blocks(fail, meta=np.empty(0)), dims="time")
    y = filter(x, HEADS, 0.1, heads=("system",))
    assert y.shape == (3, 100) and y.chunksizes["time"] == (10,) * 10
    with pytest.raises(AssertionError):
        y.compute()


def test_what_is_refused():
    x = recording()
    for call, error, words in (
        (
            lambda: filter(x, HEADS, 0.1),
            ValueError,
            r"`heads` must name the leading axes of the system, of shape \(3,\)",
        ),
        (lambda: filter(x, HEADS, 0.1, "samples", heads=("channel",)), ValueError, "`dim` must be a dimension of `x`"),
        (lambda: filter(x.to_dataset(), HEADS, 0.1), TypeError, r"`x` must be an xarray.DataArray"),
        (lambda: filter(x, HEADS, heads=("channel",)), ValueError, "`dt` must be a positive step"),
        (lambda: filter(x.chunk({"time": 9}), HEADS, 0.1, heads=("channel",), x0=[1.0]), ValueError, "`x0` must have"),
        (
            lambda: filter(x.where(x < 1).chunk({"time": 9}), HEADS, 0.1, heads=("a",)).compute(),
            ValueError,
            "be finite",
        ),
        (lambda: features(x, "legs", 0.1), TypeError, "`op` must be a HiPPO operator"),
        (lambda: features(x.chunk({"time": 9}), "legs", 0.1), TypeError, "`op` must be a HiPPO operator"),
        (lambda: features(x.chunk({"time": 9}), ssm.hippo("legs", 4)), ValueError, "`dt` must be"),
    ):
        with pytest.raises(error, match=words):
            call()


# Past one process


def test_blocks_are_read_for_each_pass():
    """Once per pass, and not more where filters follow each other: 2 and 3 times. One block needs one pass."""
    read = []

    def reading(block):
        read.append(block[0])
        return block

    cut = dask.array.arange(20.0, chunks=5).map_blocks(reading, meta=np.empty(0))
    x, d = xarray.DataArray(cut, dims="time"), ssm.discretize(ssm.Diagonal([-1.0], [1.0], [1.0]), 0.1)
    for lazy, times in ((filter(x, d), 2), (x - filter(x, d), 2), (filter(filter(x, d), d), 3)):
        read.clear()
        lazy.compute()
        assert sorted(read) == sorted([0.0, 5.0, 10.0] * times + [15.0])  # no state after the last is needed
    read.clear()
    filter(x.chunk(time=-1), d).compute()
    assert sorted(read) == [0.0, 5.0, 10.0, 15.0]


def ramps(k):
    """Samples in [0, 1) that look random, from their numbers."""
    k *= 0.6180339887498949
    k -= np.floor(k)
    return k


@pytest.mark.jit
def test_two_processes():
    """1.08 GB of samples, made as they are read, in two workers of 0.5 GB without a disk: what a stream gives."""
    distributed = pytest.importorskip("distributed")
    blocks, length = 135, 1_000_000
    d = ssm.discretize(ssm.Diagonal([-1 + 5j, -0.2], [1, 1], [1, 2], conjugate_pairs=PAIRS), 1e-3)
    numbers = dask.array.arange(blocks * length, chunks=length, dtype=float)
    x = xarray.DataArray(numbers.map_blocks(ramps, meta=np.empty(0)), dims="time")
    size = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "memory_limit": "500 MB"}
    no_disk = {"distributed.worker.memory.target": False, "distributed.worker.memory.spill": False, "scheduler": None}
    stream, starts, mean = ssm.Stream(d), [], 0.0
    with dask.config.set(no_disk), distributed.LocalCluster(**size) as cluster, distributed.Client(cluster) as client:
        wanted = client.compute((x - filter(x, d)).mean())
        for first in range(0, blocks * length, length):
            samples = ramps(np.arange(first, first + length, dtype=float))
            expected = stream.push(samples)
            starts.append(expected[0])
            mean += (samples - expected).mean() / blocks
        found = wanted.result(timeout=100).values
        kept = x[: 3 * length].persist()
        found_starts = filter(kept, d)[::length].values
    # ||A_bar|| = e^(-0.2 dt): only the last M = 40 / (0.2 dt) samples count, whatever came before is below e^-40
    M = 200_000
    S = np.linalg.norm(d.full().C) * np.linalg.norm(d.full().B_bar) * M
    bound = 2 * 64 * M * 7 * U * S
    assert np.abs(found_starts - starts[:3]).max() <= bound
    assert abs(found - mean) <= bound + 2 * 64 * U * (S + 1)  # means: pairwise sums, over fewer than 2^64 numbers
