"""Certified kernels by power series: the same balls as by dense ball matrices, in every case both can do."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics import _ball_series, _ball_systems, _balls

BITS = 60


def by_both(system, L, dt, alpha):
    """Certified kernels of one head by power series and by matrices."""
    ((head, step),) = _ball_systems.heads(system, dt)
    start = BITS + 64 + 4 * (system.n_states * L).bit_length()

    def dense():
        ball = _ball_systems.from_head(head, system.pairs)
        return [_ball_systems.kernel(ball if dt is None else _ball_systems.discretized(ball, step, "gbt", alpha), L)]

    series = partial(_ball_series.kernel, head, system.pairs, None if dt is None else step, alpha, L)
    return [_balls.certify(make, BITS, start, "The kernel")[0] for make in (lambda: [series()], dense)]


def assert_same(first, second):
    """Two balls that hold the same number overlap, and both are tight."""
    (mid, rad), (other, other_rad) = first, second
    assert mid.dtype == other.dtype
    assert (np.abs(mid - other) <= rad + other_rad).all()
    assert rad.max() <= 2.0**-52 * np.abs(mid).max()


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize(
    ("family", "N"), [("legs", 1), ("legs", 8), ("lagt", 9), ("legt", 7), ("legt", 10), ("fout", 6)]
)
def test_series_and_matrices_agree(family, N, alpha):
    C = np.random.default_rng(N).normal(size=N)
    pairs = ssm.nplr(family, N).to_dplr(C)
    for system in (pairs, pairs.full()):
        for L in (1, 2, 33):
            assert_same(*by_both(system, L, 0.01, alpha))


def test_general_low_rank_with_different_factors():
    rng = np.random.default_rng(5)
    Lambda, P, Q, B, C = (rng.normal(size=s) + 1j * rng.normal(size=s) for s in (6, (6, 3), (6, 3), 6, 6))
    system = ssm.DPLR(Lambda - 3, P, Q, B, C)
    assert_same(*by_both(system, 40, 0.1, 0.5))


def test_discrete_systems_have_no_step():
    system = ssm.discretize(ssm.nplr("legs", 9).to_dplr(np.ones(9)), 0.05)
    assert_same(*by_both(system, 40, None, None))
    assert_same(*by_both(replace(system, dt=np.array(1.0)), 3, None, None))


def test_long_kernels_of_many_states_are_certified_as_series():
    """At N = 512 the dense route takes minutes; the definition, step by step, is exact to rounding."""
    form = ssm.nplr("legs", 512)
    rng = np.random.default_rng(0)
    system = form.to_dplr(rng.normal(size=256) + 1j * rng.normal(size=256), basis="modal")
    exact, radius = ssm.certified.convolution_kernel(system, 512, 1 / 512)
    K = ssm.convolution_kernel(system, 512, 1 / 512, method="krylov")
    # L steps of a contraction, each rounded to u, acting on norms |C| |B_bar| = 8.3 max|K| here.
    assert np.abs(K - exact).max() <= 8.3 * 512 * 2.0**-53 * np.abs(exact).max()
    assert radius.max() <= 2.0**-52 * np.abs(exact).max()


def test_series_only_where_they_are_cheaper():
    low_rank = {"P": np.ones((64, 1))}
    assert _ball_series.is_cheaper(low_rank, 512)
    assert not _ball_series.is_cheaper({"P": np.ones((4, 1))}, 4096)
    assert not _ball_series.is_cheaper({"Lambda": np.ones(64)}, 2)
