"""Cauchy sums at equally spaced nodes of a circle, against the direct sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ssm_numerics as ssm

U = 2.0**-53


@given(
    st.integers(1, 12),
    st.integers(1, 60),
    st.sampled_from(((), (2,))),
    st.booleans(),
    st.floats(0.1, 3),
    st.integers(0, 999),
)
def test_equals_the_direct_sums(N, M, batch, clockwise, radius, seed):
    """The documented bound, with poles inside and outside; each is at distance >= 0.1 of the circle."""
    rng = np.random.default_rng(seed)
    v = rng.normal(size=(*batch, N)) + 1j * rng.normal(size=(*batch, N))
    size = np.where(rng.random(N) < 0.5, rng.uniform(0, 0.9, N), rng.uniform(1.1, 4, N)) * radius
    poles = size * np.exp(2j * np.pi * rng.random(N))
    z = radius * np.exp(1j * rng.normal()) * np.exp((-2j if clockwise else 2j) * np.pi * np.arange(M) / M)
    direct = ssm.cauchy_product(v, z, poles, method="direct")
    fast = ssm.cauchy_product(v, z, poles, method="nufft")
    assert fast.shape == direct.shape == (*batch, M)
    power = np.exp(-M * np.abs(np.log(size / radius + 1e-300)))
    bound = np.sqrt(M) * (50 + M) * U * (np.abs(v) / radius / (1 - power)).sum(axis=-1, keepdims=True)
    assert (np.abs(fast - direct) <= 4 * bound).all()


@pytest.mark.parametrize(
    "z", [[1.0, 2.0], [0.0, 0.0], np.exp(2j * np.pi * np.arange(5) / 6), np.ones((2, 1)), [1.0, 1j, -1j, -1.0]]
)
def test_other_nodes_are_refused(z):
    with pytest.raises(ValueError, match="`z` must be z_0 exp"):
        ssm.cauchy_product([1.0], z, [0.5], method="nufft")
