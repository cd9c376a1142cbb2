"""What the strategies promise, and that they shrink to the smallest system."""

import numpy as np
import pytest
from hypothesis import find, given, settings

import ssm_numerics as ssm
from ssm_numerics import testing

U = 2.0**-53


def abscissa(system):
    """The largest eigenvalue of the Hermitian part, and the rounding of A."""
    A = system.to_dense().A
    return np.linalg.eigvalsh((A + A.mT.conj()) / 2).max(), 8 * system.n_states * U * np.linalg.norm(A)


@given(testing.stiff_systems(max_states=5))
def test_stiff_systems_are_dissipative(system):
    largest, rounding = abscissa(system)
    assert largest <= rounding


@given(testing.general_dplr(max_states=5))
def test_general_low_rank_systems_are_dissipative(system):
    largest, rounding = abscissa(system)
    assert largest <= rounding and not np.array_equal(system.P, system.Q)


@given(testing.diagonal_inits(max_states=8))
@settings(max_examples=20)
def test_initializations_decay(system):
    assert system.poles().real.max() <= -0.5


@given(testing.hippo_systems(max_states=5))
@settings(max_examples=20)
def test_hippo_systems_are_stable(system):
    poles, A = system.poles(), system.to_dense().A
    assert poles.real.max() <= 64 * U * np.linalg.norm(A) * np.linalg.cond(np.linalg.eig(A)[1])


@given(testing.discrete_systems(testing.systems(max_states=4)))
@settings(max_examples=20)
def test_discrete_systems_carry_their_step(system):
    assert isinstance(system, (ssm.DiscreteStateSpace, ssm.DiscreteDiagonal, ssm.DiscreteDPLR))
    assert 1e-3 / (1 + 8 * U) <= system.dt <= 10 * (1 + 8 * U)


@given(testing.lengths(20), testing.batches())
def test_lengths_and_batches(length, batch):
    assert 1 <= length <= 20 and len(batch) <= 2 and all(1 <= n <= 3 for n in batch)


@pytest.mark.parametrize("name", ["systems", "stiff_systems", "general_dplr", "diagonal_inits"])
def test_they_shrink_to_the_smallest(name):
    smallest = find(getattr(testing, name)(), lambda system: True, settings=settings(database=None))
    assert smallest.n_states <= 2
    larger = find(getattr(testing, name)(), lambda system: system.n_states >= 3, settings=settings(database=None))
    assert larger.n_states <= 4
