"""The public calls with backend="cuda" on the kernels' generated code, run on this processor, against the CPU's.

Everything but the device itself is real: wrappers, kernels as numba-cuda types and lowers them, blocks, barriers.
Multiplications and additions are fused as NVVM would (`fused`), which the double-words must survive.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import ssm_numerics as ssm
from ssm_numerics.testing import signals, step_sizes, systems

from .seam import SKIP

pytestmark = pytest.mark.skipif(SKIP is not None, reason=str(SKIP))
if SKIP is None:
    from . import emulated

U = {np.float32: 2.0**-24, np.float64: 2.0**-53, np.complex64: 2.0**-24, np.complex128: 2.0**-53}
dtypes = st.sampled_from(sorted(U, key=lambda dtype: dtype.__name__))
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True, scope="module", params=[False, True], ids=["separate", "fused"])
def device(request):
    with pytest.MonkeyPatch.context() as patch:
        yield emulated.install(patch, request.param)


def draw(rng, shape, dtype=np.complex128):
    values = rng.normal(size=shape) + (1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else 0)
    return values.astype(dtype)


def in_disk(rng, shape, dtype):
    z = draw(rng, shape, dtype)
    return (z / np.maximum(np.abs(z), 1e-3) * rng.choice([1 - 1e-6, 0.5, 1e-30, 0.0], size=shape)).astype(dtype)


@settings(max_examples=25)
@given(st.integers(1, 70), st.sampled_from([1, 2, 63, 257, 1000]), st.sampled_from([1, 2, 5]), dtypes, seeds)
@example(1, 1, 1, np.complex64, 0)
@example(64, 16384, 2, np.complex128, 1)
def test_vandermonde(N, L, H, dtype, seed):
    rng = np.random.default_rng(seed)
    c, z = draw(rng, (H, N), dtype), in_disk(rng, (1, N), dtype)
    there, here = (ssm.vandermonde_product(c, z, L, backend=backend) for backend in ("cuda", "cpu"))
    assert there.dtype == here.dtype and there.shape == here.shape
    bound = 2 * 50 * U[dtype] * np.abs(c).sum(axis=-1, keepdims=True)  # each is within 50u of the exact sum
    assert (np.abs(there - here) <= bound).all()


@settings(max_examples=25)
@given(st.integers(1, 300), st.sampled_from([1, 3, 127, 500]), st.sampled_from([1, 3]), dtypes, seeds)
@example(1, 1, 1, np.complex64, 0)
@example(64, 8193, 1, np.complex128, 1)
def test_cauchy(N, L, H, dtype, seed):
    rng = np.random.default_rng(seed)
    v, z, poles = draw(rng, (H, N), dtype), draw(rng, L, dtype), draw(rng, (1, N), dtype) * U[dtype].real ** -0.25
    there, here = (ssm.cauchy_product(v, z, poles, backend=backend) for backend in ("cuda", "cpu"))
    assert there.dtype == here.dtype and there.shape == here.shape
    size = (np.abs(v)[:, None] / np.abs(z[:, None].astype(complex) - poles[:, None])).sum(axis=-1)
    assert (np.abs(there - here) <= 2 * 50 * U[dtype] * size).all()  # each is within 50u of the exact sum


systems_on_device = systems(kinds=("diagonal", "dplr", "diagonal_pairs", "dplr_pairs"), dtypes=(np.float64, np.float32))


def norm(rows):
    """The Euclidean norms of vectors of modes, conjugate partners included."""
    return np.sqrt(2) * np.linalg.norm(rows, axis=-1)


@settings(max_examples=30)
@given(systems_on_device, step_sizes(), st.sampled_from(["bilinear", "zoh", "foh"]), st.sampled_from([1, 2, 65, 300]))
def test_convolution_kernels(system, dt, rule, L):
    dplr = isinstance(system, ssm.DPLR)
    rule, method = ("bilinear", "cauchy") if dplr else (rule, "vandermonde")
    there, info = ssm.convolution_kernel(system, L, dt, rule, backend="cuda", return_info=True)
    here = ssm.convolution_kernel(system, L, dt, rule, method=method)
    assert info.method == method and there.dtype == here.dtype and there.shape == here.shape
    d = ssm.discretize(system, dt, rule)
    size = norm(d.C) * norm(d.B_bar)  # bounds every sample, and sum |C B_bar|, as ||A_bar|| <= 1
    u = float(np.finfo(here.dtype).eps) / 2
    constant = 16 * (d.n_states + 8) if dplr else 50 + 4 * L * (system.dtype.itemsize < 8)
    assert (np.abs(there - here).max(axis=-1) <= 2 * constant * u * size).all()


@settings(max_examples=20)
@given(systems_on_device, step_sizes(), signals(max_length=300), st.sampled_from(["auto", "recurrence"]), seeds)
def test_simulation(system, dt, u, method, seed):
    x0 = draw(np.random.default_rng(seed), system.Lambda.shape[-1], system.dtype)
    if system.pairs is not None:
        x0[~system.pairs] = x0[~system.pairs].real
    runs = {
        backend: ssm.simulate(system, u, dt, x0=x0, return_state=True, backend=backend, method=method)
        for backend in ("cuda", "cpu")
    }
    d, T = ssm.discretize(system, dt), np.shape(u)[-1]
    for there, here in zip(runs["cuda"], runs["cpu"], strict=True):
        assert there.dtype == here.dtype and there.shape == here.shape
    largest = norm(x0) + norm(d.B_bar).max() * np.abs(u).sum(axis=-1).max()  # of any state, as ||A_bar|| <= 1
    eps = float(np.finfo(here.dtype).eps)
    bound = 2 * T * (d.n_states + 3) * eps * largest  # each of T steps commits (N + 3) eps of it
    assert np.abs(runs["cuda"][1] - runs["cpu"][1]).max() <= bound
    direct = 4 * eps * np.abs(system.D).max() * np.abs(u).max()
    assert np.abs(runs["cuda"][0] - runs["cpu"][0]).max() <= bound * norm(d.C).max() + direct


@settings(max_examples=20)
@given(systems(kinds=("diagonal", "diagonal_pairs"), dtypes=(np.float64, np.float32)), step_sizes(), st.floats(0.5, 1))
def test_discretization(system, dt, alpha):
    there, here = (ssm.discretize(system, dt, "gbt", alpha, backend=backend) for backend in ("cuda", "cpu"))
    eps = float(np.finfo(system.dtype).eps)
    for name in ("Lambda_bar", "increment", "B_bar"):
        a, b = getattr(there, name), getattr(here, name)
        assert a.dtype == b.dtype and a.shape == b.shape
        assert (np.abs(a - b) <= 2 * 4 * eps * (np.abs(b) + (name == "Lambda_bar"))).all()  # each within 4 eps


@settings(max_examples=20)
@given(systems(kinds=("dplr", "dplr_pairs"), dtypes=(np.float64, np.float32)), step_sizes(), st.floats(0.5, 1))
def test_low_rank_discretization(system, dt, alpha):
    there, here = (ssm.discretize(system, dt, "gbt", alpha, backend=backend) for backend in ("cuda", "cpu"))
    for name in ("Lambda_bar", "increment", "P_bar", "Q_bar", "B_bar"):
        a, b = getattr(there, name), getattr(here, name)
        assert a.dtype == b.dtype and a.shape == b.shape
    eps, n = float(np.finfo(system.dtype).eps), here.n_states
    coupling = dt * (np.abs(system.P) ** 2).sum(axis=(-1, -2)).max() * 2  # what Woodbury's formula can lose
    A_there, A_here = there.to_dense().A_bar, here.to_dense().A_bar
    assert np.abs(A_there - A_here).max() <= 2 * (n + 8) * eps * (1 + coupling) ** 2
    size = np.linalg.norm(here.B_bar, axis=-1).max() + dt * np.linalg.norm(system.B, axis=-1).max()
    assert np.abs(there.B_bar - here.B_bar).max() <= 2 * (n + 8) * eps * (1 + coupling) * size


@pytest.mark.parametrize("family", ["legs", "legt", "lagt", "lmu"])
@pytest.mark.parametrize("dtype", sorted(U, key=lambda dtype: dtype.__name__))
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("return_history", [False, True])
def test_compression(family, dtype, scaled, return_history):
    if scaled and family != "legs":
        pytest.skip("the scaled operator is LegS")
    op, dt = ssm.hippo(family, 9), 0.03
    u = draw(np.random.default_rng(3), (3, 2, 41), dtype)
    given = {"scaled": scaled, "return_history": return_history}
    there, here = (ssm.compress(op, u, dt, **given, backend=backend) for backend in ("cuda", "cpu"))
    assert there.dtype == here.dtype and there.shape == here.shape
    growth = np.abs(op.A).sum() if scaled else 1 + dt * np.linalg.norm(op.A, 2)
    bound = 2 * 4 * op.N * 41 * U[np.float64] * np.abs(u).max() * growth + 2 * U[dtype] * np.abs(here).max()
    assert np.abs(there - here).max() <= bound
