"""Steps and public functions inside @njit code: the bits of `Stream`, and the promises of the functions themselves."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics.interop.numba import compiled_step, run
from tests.conftest import JIT_OFF
from tests.systems import DPLR, TWO_STATES

U64 = 2.0**-53
SYSTEMS = TWO_STATES | {
    "hippo": ssm.hippo("legs", 5).structured_state_space(np.ones(5)),
}
U = np.sin(np.arange(30.0))


@pytest.mark.parametrize(
    ("kind", "rule"),
    [("dense", "foh"), ("dplr", "bilinear"), ("dplr_full", "bilinear"), ("diagonal", "foh"), ("hippo", "bilinear")],
)
def test_steps_are_those_of_streams(kind, rule):
    system = SYSTEMS[kind]
    x0 = np.ones(system.C.shape[-1])
    stream = ssm.Stream(system, 0.1, rule, x0=x0, u_before=0.5)
    step, memory, state = compiled_step(system, 0.1, rule, x0=x0, u_before=0.5)
    expected, y = stream.push(U), np.empty(30, dtype=np.result_type(system.output_dtype, float))
    run(step, memory, U[:20], y[:20])
    for k in range(20, 30):
        y[k] = step(U[k], memory)
    np.testing.assert_array_equal(y, expected)
    if state.dtype == stream.state.dtype and state.shape == stream.state.shape:
        np.testing.assert_array_equal(state, stream.state)


def test_own_loops():
    """A threshold detector with a feedback that no block-wise interface could express."""
    step, memory, state = compiled_step(SYSTEMS["dense"], 0.1)

    @numba.njit
    def limited(u, memory, state, most):
        resets = 0
        for now in u:
            if abs(step(now, memory)) > most:
                state[:] = 0
                resets += 1
        return resets

    resets = limited(np.ones(200), memory, state, 0.2)
    stream, expected = ssm.Stream(SYSTEMS["dense"], 0.1), 0
    for _ in range(200):
        if abs(stream.push([1.0])[0]) > 0.2:
            stream.state, expected = np.zeros(2), expected + 1
    assert resets == expected > 0


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"`system` must be one head, but its leading axes are \(2,\)\."):
        compiled_step(DPLR, [0.1, 0.2])
    with pytest.raises(ValueError, match="`x0` must belong to one signal"):
        compiled_step(DPLR, 0.1, x0=np.ones((3, 2)))
    with pytest.raises(ValueError, match="`u_before` must belong to one signal"):
        compiled_step(DPLR, 0.1, u_before=np.ones(3))
    with pytest.raises(TypeError, match="`dtype` must hold float32"):
        compiled_step(DPLR, 0.1, dtype=bool)
    with pytest.raises(TypeError, match="must be real for a system stored by conjugate pairs"):
        compiled_step(DPLR, 0.1, dtype=complex)


# Overloads


@numba.njit
def powers(c, z, L):
    return ssm.vandermonde_product(c, z, L)


@numba.njit
def fractions(v, z, poles):
    return ssm.cauchy_product(v, z, poles)


@numba.njit
def filtered(K, u, D):
    return ssm.convolve(K, u, D)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_functions_keep_their_promises(dtype):
    """Sums of powers and of fractions within 50 u of the sums of magnitudes, twice, for two implementations."""
    rng, u = np.random.default_rng(0), np.finfo(dtype).eps / 2

    def draw(n):
        return (rng.normal(size=n) + (1j * rng.normal(size=n) if np.dtype(dtype).kind == "c" else 0)).astype(dtype)

    c, z = draw(7), draw(7)
    z /= np.maximum(1, 1.01 * np.abs(z))
    for L in (1, 2, 3, 4, 5, 17, 100, 5000):
        got, expected = powers(c, z, L), ssm.vandermonde_product(c, z, L)
        assert got.dtype == expected.dtype and got.shape == (L,)
        assert np.abs(got - expected).max() <= 100 * u * np.abs(c).sum()
    nodes = draw(40)
    got, expected = fractions(c, nodes, z), ssm.cauchy_product(c, nodes, z)
    assert got.dtype == expected.dtype
    assert (np.abs(got - expected) <= 100 * u * (np.abs(c) / np.abs(nodes[:, None] - z)).sum(axis=-1)).all()


@pytest.mark.parametrize("dtype", [np.float64, np.complex64])
@pytest.mark.parametrize("length", [1, 3, 60])
def test_convolution(dtype, length):
    """Direct sums: (L + 2) u |K| * |u|, besides the promise of the FFT."""
    rng, eps = np.random.default_rng(0), np.finfo(dtype).eps
    K, u = rng.normal(size=length).astype(dtype), rng.normal(size=40).astype(dtype)
    got, expected = filtered(K, u, 0.5), ssm.convolve(K, u, 0.5)
    assert got.dtype == expected.dtype
    allowed = eps * (length + 2 + 5 * np.log2(256)) * np.linalg.norm(K) * np.linalg.norm(u)
    assert np.abs(got - expected).max() <= allowed


@pytest.mark.skipif(JIT_OFF, reason="there is nothing to type without the JIT")
def test_other_arguments_are_refused():
    with pytest.raises(ValueError, match="`z` must have the length of `c`"):
        powers(np.ones(2), np.ones(3), 4)
    with pytest.raises(ValueError, match="`poles` must have the length of `v`"):
        fractions(np.ones(2), np.ones(3), np.ones(3))
    with pytest.raises(numba.TypingError, match="No implementation of function"):
        powers(np.ones((2, 2)), np.ones(2), 4)
