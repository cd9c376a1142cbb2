"""Double-word arithmetic and the nodes made with it, against exact fractions and ball arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ssm_numerics.products import exp_nodes, gbt_nodes

flint = pytest.importorskip("flint")

U = 2.0**-53
BITS = 400

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True)
def _precision():
    before, flint.ctx.prec = flint.ctx.prec, BITS
    yield
    flint.ctx.prec = before


def ball(x: complex) -> flint.acb:
    return flint.acb(float(np.real(x)), float(np.imag(x)))


# Double-words


@given(st.floats(-1e140, 1e140), st.floats(-1e140, 1e140))
def test_transformations_are_free_of_error(a, b):
    from ssm_numerics.compiled.double_word import two_product, two_sum

    total, error = two_sum(a, b)
    assert total == a + b and Fraction(a) + Fraction(b) == Fraction(total) + Fraction(error)
    product, error = two_product(a, b)
    assert product == a * b
    if a * b == 0 or abs(a * b) > 1e-280:  # below, the error underflows
        assert Fraction(a) * Fraction(b) == Fraction(product) + Fraction(error) or a * b == 0


@given(seeds)
def test_complex_double_word_product(seed):
    from ssm_numerics.compiled.double_word import times

    rng = np.random.default_rng(seed)
    high, low = rng.normal(size=(2, 2)), rng.normal(size=(2, 2)) * U
    a, b = (tuple(map(float, (*h, *(h * l)))) for h, l in zip(high, low, strict=True))
    exact_a, exact_b = (flint.acb(flint.arb(x[0]) + x[2], flint.arb(x[1]) + x[3]) for x in (a, b))
    re, im, re_low, im_low = times(a, b)
    error = exact_a * exact_b - flint.acb(flint.arb(re) + re_low, flint.arb(im) + im_low)
    assert abs(error) <= abs(exact_a) * abs(exact_b) * (16 * U * U)


# Nodes


@given(st.floats(-700, 3), st.floats(-1e6, 1e6), st.floats(1e-12, 1.0))
@example(-0.5, 1e14, 0.25)
@example(-0.5, 2.0**53, 1.0)
@example(-0.25, -1.1e307, 9.7)
@example(0.0, np.pi, 1.0)
@example(-1e-300, 1e-300, 1.0)
@example(-709.0, 4.0, 1.0)
def test_exponential_nodes_are_double_words(re, im, dt):
    z, z_low = exp_nodes(np.array([complex(re, im)]), np.array(dt))
    exact = (ball(complex(re, im)) * flint.arb(dt)).exp()
    error = abs(exact - ball(z[0]) - ball(z_low[0]))
    assert error.upper() <= abs(exact) * flint.arb(2) ** -95 + flint.arb(2) ** -1070


@given(st.floats(-1e8, 10), st.floats(-1e8, 1e8), st.floats(1e-9, 10.0), st.floats(0, 1))
@example(-2.0, 0.0, 1.0, 0.5)
@example(-1e-300, 1e300, 1.0, 0.5)
def test_gbt_nodes_are_double_words(re, im, dt, alpha):
    h, weight = ball(complex(re, im)) * flint.arb(dt), flint.arb(alpha)
    below = 1 - weight * h
    if abs(below) < 1e-6:
        return  # the map has its pole there
    z, z_low = gbt_nodes(np.array([complex(re, im)]), np.array(dt), alpha)
    exact = (1 + (1 - weight) * h) / below
    error = abs(exact - ball(z[0]) - ball(z_low[0]))
    size = (1 + abs((1 - weight) * h)) / abs(below) * (1 + abs(weight * h)) / abs(below)
    assert error.upper() <= size * flint.arb(2) ** -95


@given(st.sampled_from([(), (2,), (3, 1)]), st.sampled_from([(), (2,), (3, 2)]), st.integers(1, 9), seeds)
def test_nodes_broadcast_steps_over_heads(lead, dt_lead, N, seed):
    rng = np.random.default_rng(seed)
    Lambda = rng.normal(size=(*lead, N)) + 1j * rng.normal(size=(*lead, N))
    dt = rng.uniform(0.1, 1, size=dt_lead)
    for z, z_low in (exp_nodes(Lambda, dt), gbt_nodes(Lambda, dt, 0.5)):
        assert z.shape == z_low.shape == (*np.broadcast_shapes(lead, dt_lead), N)
        assert np.all(np.abs(z_low) <= 2 * U * np.abs(z))  # rounding each part: sqrt(2) u
    h = Lambda * dt[..., None]
    assert np.allclose(exp_nodes(Lambda, dt)[0], np.exp(h), rtol=8 * U * (1 + np.abs(h).max()), atol=0)
