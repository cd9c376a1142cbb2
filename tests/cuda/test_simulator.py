"""The CUDA path on Numba's simulator: every kernel with its threads and barriers, interpreted, at small sizes.

Runs where NUMBA_ENABLE_CUDASIM=1 and NUMBA_DISABLE_JIT=1 (`nox -s checks -- jit_off`). Blocks are small there too, so
that these sizes have partial tiles, several tiles, and more work than one block.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import config

import ssm_numerics as ssm
from ssm_numerics.compiled import _cuda
from ssm_numerics.testing import systems

pytestmark = pytest.mark.skipif(not config.ENABLE_CUDASIM, reason="the simulator is off")

U = {np.float32: 2.0**-24, np.float64: 2.0**-53, np.complex64: 2.0**-24, np.complex128: 2.0**-53}
dtypes = st.sampled_from(sorted(U, key=lambda dtype: dtype.__name__))
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=4)


@pytest.fixture(autouse=True, scope="module")
def short_grid():
    """More work than the grid limit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cuda, "MAX_BLOCKS", 2)
        yield


def draw(rng, shape, dtype=np.complex128):
    values = rng.normal(size=shape) + (1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else 0)
    return values.astype(dtype)


@few
@given(st.integers(1, 5), st.integers(1, 20), dtypes, seeds)
@example(1, 1, np.float32, 0)
def test_vandermonde(N, L, dtype, seed):
    rng = np.random.default_rng(seed)
    c, z = draw(rng, (2, N), dtype), draw(rng, N, dtype)
    z /= np.maximum(1, np.abs(z)).astype(z.real.dtype) * z.real.dtype.type(1.01)
    there, here = (ssm.vandermonde_product(c, z, L, backend=backend) for backend in ("cuda", "cpu"))
    assert there.dtype == here.dtype and there.shape == here.shape
    assert (np.abs(there - here) <= 2 * 50 * U[dtype] * np.abs(c).sum(axis=-1, keepdims=True)).all()


@few
@given(st.integers(1, 10), st.integers(1, 10), dtypes, seeds)
@example(1, 1, np.float32, 0)
def test_cauchy(N, L, dtype, seed):
    rng = np.random.default_rng(seed)
    v, z, poles = draw(rng, (2, N), dtype), draw(rng, L, dtype), draw(rng, N, dtype)
    there, here = (ssm.cauchy_product(v, z, poles, backend=backend) for backend in ("cuda", "cpu"))
    assert there.dtype == here.dtype and there.shape == here.shape
    size = (np.abs(v)[:, None] / np.abs(z[:, None] - poles)).sum(axis=-1)
    assert (np.abs(there - here) <= 2 * 50 * U[dtype] * size).all()


@few
@given(systems(kinds=("dplr", "dplr_pairs"), max_states=4, batches=((), (2,))), st.integers(1, 6))
def test_algorithm_1_and_the_recurrence(system, L):
    there, here = (ssm.convolution_kernel(system, L, 0.1, method="cauchy", backend=b) for b in ("cuda", "cpu"))
    d = ssm.discretize(system, 0.1)
    size = 2 * np.linalg.norm(d.C, axis=-1) * np.linalg.norm(d.B_bar, axis=-1)
    bound = 2 * 16 * (d.n_states + 8) * U[np.float64] * size  # as ||A_bar|| <= 1
    assert there.shape == here.shape and (np.abs(there - here).max(axis=-1) <= bound).all()
    y = ssm.simulate(system, np.eye(1, 3)[0], 0.1, backend="cuda")
    assert (np.abs(y - ssm.convolution_kernel(system, 3, 0.1)).max(axis=-1) <= bound).all()


def test_blocks_of_time(monkeypatch):
    from ssm_numerics import _device_simulation

    monkeypatch.setattr(_device_simulation, "LEAST_SAMPLES", 2)
    rng = np.random.default_rng(0)
    Lambda = -rng.exponential(size=3) + 1j * rng.normal(size=3)
    B, C, P, u = draw(rng, 3), draw(rng, 3), draw(rng, (3, 1)), rng.normal(size=5)
    for system in (ssm.Diagonal(Lambda, B, C), ssm.DPLR(Lambda, P, P, B, C, 0.5, conjugate_pairs=True)):
        y, x = ssm.simulate(system, u, 0.1, x0=B, return_state=True, backend="cuda")
        y_here, x_here = ssm.simulate(system, u, 0.1, x0=B, return_state=True)
        largest = 2 * np.linalg.norm(B) * (1 + np.abs(u).sum())  # of any state, as ||A_bar|| <= 1
        bound = 2 * 5 * (6 + 3) * 2 * U[np.float64] * largest  # each step commits (N + 3) eps of it
        assert np.abs(x - x_here).max() <= bound and np.abs(y - y_here).max() <= bound * 2 * np.linalg.norm(C)


@pytest.mark.parametrize("scaled", [False, True])
def test_compression(scaled):
    op, u = ssm.hippo("legs", 3), draw(np.random.default_rng(1), (5, 4))
    there, here = (ssm.compress(op, u, 0.1, scaled=scaled, backend=backend) for backend in ("cuda", "cpu"))
    assert np.abs(there - here).max() <= 2 * 4 * 3 * 4 * U[np.float64] * np.abs(u).max() * np.abs(op.A).sum()


def test_discretization():
    system = ssm.diagonal_init("s4d-lin", 6)
    there, here = (ssm.discretize(system, [0.1, 1.0, 10.0], backend=backend) for backend in ("cuda", "cpu"))
    assert there.A_bar.shape == (3, 3)
    assert (np.abs(there.A_bar - here.A_bar) <= 2 * 8 * U[np.float64] * (1 + np.abs(here.A_bar))).all()
    system = ssm.nplr("legt", 5).to_dplr(np.ones(5))
    there, here = (ssm.discretize(system, 0.01, backend=backend) for backend in ("cuda", "cpu"))
    bound = 2 * (5 + 8) * 2 * U[np.float64]  # of a backward-stable solve; ||A_bar|| <= 1, and dt |P|^2 < 1
    assert np.abs(there.to_dense().A_bar - here.to_dense().A_bar).max() <= bound
    assert np.abs(there.B_bar - here.B_bar).max() <= bound * np.linalg.norm(here.B_bar)


def test_device_arrays():
    there = _cuda.to_device(np.ones(3, np.complex64), 0)
    found = ssm.vandermonde_product(there, there, 4)
    assert hasattr(found, "copy_to_host") and found.copy_to_host().tolist() == [3.0] * 4
    assert found.copy_to_host().dtype == np.complex64


def test_the_simulator_counts_as_a_device():
    info = ssm.cuda_info()
    assert info.available and info.to_dict()["device"] == {"name": "simulator"}
