"""Device arrays in, device arrays out: layouts, streams, no copies, nothing read back; on the emulated device."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics import _device
from ssm_numerics.compiled import _cuda

from .seam import SKIP

pytestmark = pytest.mark.skipif(SKIP is not None, reason=str(SKIP))
if SKIP is None:
    from . import emulated
    from .emulated import DeviceArray, on_device

U = 2.0**-53


@pytest.fixture(autouse=True)
def launches(monkeypatch):
    """What was launched; reading a device array back fails."""
    found = emulated.install(monkeypatch)
    monkeypatch.setattr(DeviceArray, "copy_to_host", lambda *_, **__: pytest.fail("read back"))
    return found


def layouts(array):
    """The same numbers contiguous, transposed, with gaps, and reversed."""
    gaps = np.zeros((*array.shape[:-1], 2 * array.shape[-1] + 1), array.dtype)
    gaps[..., 1::2] = array
    reverse = np.ascontiguousarray(array[..., ::-1])[..., ::-1]
    return [array.copy(), np.asfortranarray(array), gaps[..., 1::2], reverse]


def draw(seed, *shape):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def test_products_of_any_layout_and_batch():
    c, z, nodes, L = draw(1, 2, 3, 7), 0.2 * draw(2, 3, 7), draw(3, 3, 5), 33
    here = ssm.vandermonde_product(c, z, L)
    sums = ssm.cauchy_product(c, nodes, z)
    for c_there, z_there in zip(layouts(c), layouts(z), strict=True):
        there = ssm.vandermonde_product(on_device(c_there), on_device(z_there), L)
        assert isinstance(there, DeviceArray) and there.dtype == here.dtype
        growth = np.maximum(1, np.abs(z).max()) ** L
        assert np.abs(there.view(np.ndarray) - here).max() <= 2 * 50 * U * np.abs(c).sum(-1).max() * growth
        found = ssm.cauchy_product(on_device(c_there), nodes, on_device(z_there))
        size = (np.abs(c)[..., None, :] / np.abs(nodes[:, :, None] - z[:, None])).sum(axis=-1)
        assert found.shape == sums.shape and (np.abs(found.view(np.ndarray) - sums) <= 2 * 50 * U * size).all()


def test_real_arrays_give_real_arrays_and_single_stays_single():
    c, z = np.array([1.0, 2.0], np.float32), np.array([0.5, -1.0], np.float32)
    there = ssm.vandermonde_product(on_device(c), on_device(z), 4)
    assert there.dtype == np.float32 and there.view(np.ndarray).tolist() == [3.0, -1.5, 2.25, -1.875]


@pytest.mark.parametrize("axis", [-1, 0, 1, 2])
def test_signals_along_any_axis(axis):
    system = ssm.Diagonal([-0.5 + 3.0j, -1.0], [1.0, 1.0], [1.0, 2.0], conjugate_pairs=[True, False])
    u = np.moveaxis(np.random.default_rng(0).normal(size=(2, 3, 150)), -1, axis)
    here = ssm.simulate(system, u, 0.1, axis=axis)
    for layout in layouts(u):
        there = ssm.simulate(system, on_device(layout), 0.1, axis=axis)
        assert there.shape == here.shape
        assert np.abs(there.view(np.ndarray) - here).max() <= 2 * 150 * 5 * 2 * U * np.abs(u).max() * 8
    op = ssm.hippo("legs", 4)
    c = ssm.compress(op, on_device(u), 0.1, axis=axis)
    assert (
        np.abs(c.view(np.ndarray) - ssm.compress(op, u, 0.1, axis=axis)).max() <= 8 * 4 * 150 * U * np.abs(u).max() * 2
    )


def test_contiguous_signals_are_not_copied(launches):
    system = ssm.Diagonal([-1.0], [1.0], [1.0])
    u = np.ones((2, 5))
    ssm.simulate(system, on_device(u), 0.1)
    assert [name for name, *_ in launches].count("pack_kernel") == 2  # the initial and the final state
    assert (u == 1).all()


def test_x0_on_the_device_is_left_alone():
    system, x0 = ssm.Diagonal([-1.0], [1.0], [1.0]), np.ones((1, 1), complex)
    y, state = ssm.simulate(system, on_device(np.zeros((1, 5))), 0.1, x0=on_device(x0), return_state=True)
    assert x0[0, 0] == 1 and abs(state.view(np.ndarray)[0, 0]) < 1 and isinstance(y, DeviceArray)


def test_the_stream_of_the_caller(launches):
    c, z = on_device(np.ones(3), stream=7), on_device(np.ones(3), stream=9)
    there = ssm.vandermonde_product(c, z, 4)
    assert launches[0] == ("wait", 7, 9)  # what the second array waits for comes first
    assert {stream for name, stream, *_ in launches if name != "wait"} == {7}
    assert there.view(np.ndarray).tolist() == [3.0] * 4
    assert _device.Call(_device.numeric("c", on_device(np.ones(3)))).stream is None


def test_results_in_the_callers_library(monkeypatch):
    class Foreign(DeviceArray):
        """An array of CuPy's."""

    Foreign.__module__ = "cupy._core"
    seen = []
    cupy = types.SimpleNamespace(asarray=lambda array: seen.append(array) or "of cupy")
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    array = np.ones(3).view(Foreign)
    array.stream = 5
    assert ssm.vandermonde_product(array, np.ones(3), 4) == "of cupy"
    assert seen[0].shape == (4,)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (
            lambda: ssm.vandermonde_product(on_device(np.ones(3, int)), np.ones(3), 4),
            TypeError,
            "`c` must hold float32",
        ),
        (
            lambda: ssm.vandermonde_product(on_device(np.ones((2, 2, 2, 2, 3))), np.ones(3), 4),
            ValueError,
            "1 to 4 axes",
        ),
        (
            lambda: ssm.vandermonde_product(on_device(np.ones((0, 3))), np.ones(3), 4),
            ValueError,
            "`c` must not be empty",
        ),
        (lambda: ssm.vandermonde_product(on_device(np.ones(3)), np.ones(4), 4), ValueError, "`z` must have shape"),
        (lambda: ssm.vandermonde_product(on_device(np.ones(3)), np.ones(3), 4, "nufft"), ValueError, "auto, split"),
        (lambda: ssm.simulate(ssm.StateSpace([[-1.0]], [1.0], [1.0]), on_device(np.ones(3)), 1), TypeError, "`system`"),
        (lambda: ssm.compress(ssm.hippo("fout", 3), on_device(np.ones(3)), 1), ValueError, "`discretization` must"),
        (lambda: ssm.compress(ssm.hippo("legs", 3), on_device(np.ones(3)), 1, axis=1), ValueError, "`axis` must"),
        (
            lambda: ssm.discretize(ssm.Diagonal([-1.0], [1], [1]), 1, "zoh", backend="cuda"),
            ValueError,
            "`backend` must",
        ),
    ],
)
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_grids_are_cut_to_the_limit(monkeypatch):
    configured = []

    class Kernel:
        def __getitem__(self, configuration):
            configured.append(configuration)
            return lambda *arguments: None

    monkeypatch.undo()
    for blocks in (0, 1, _cuda.MAX_BLOCKS + 1):
        _cuda.launch(Kernel(), blocks, 32, 0)
    assert [c[0] for c in configured] == [1, _cuda.MAX_BLOCKS]
