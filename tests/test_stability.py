"""Stability regions and largest stable steps: predicates against one step, thresholds against exact arithmetic."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ssm_numerics as ssm

U = 2.0**-53
RULES = [("euler", None), ("backward_euler", None), ("bilinear", None), ("gbt", 0.3), ("gbt", 0.8), ("zoh", None)]


@given(
    st.sampled_from(RULES),
    st.complex_numbers(max_magnitude=1e3, allow_nan=False, allow_infinity=False),
)
def test_predicate_is_what_one_step_does(rule, z):
    method, alpha = rule
    region = ssm.stability_region(method, alpha)
    a = {"euler": 0.0, "backward_euler": 1.0, "bilinear": 0.5}.get(method, alpha)
    margin = 2 * z.real + (0 if a is None else 1 - 2 * a) * abs(z) ** 2  # |num|^2 - |den|^2 of R
    if abs(margin) > 16 * U * (abs(z) + abs(z) ** 2):
        assert bool(region.contains(z)) == (margin <= 0)
        if a is None or abs(1 - a * z) > 1e-6:
            assert (abs(region.amplification(z)) <= 1 + 16 * U * (1 + abs(z)) ** 2) or not region.contains(z)
    step = ssm.discretize(ssm.Diagonal([-1.0 + 0j], [1.0], [1.0]), 0.5, method, alpha).Lambda_bar[0]
    assert abs(region.amplification(-0.5) - step) <= 4 * U


def test_kinds_and_circles():
    assert ssm.stability_region("euler").kind == "disk"
    assert ssm.stability_region("bilinear").kind == ssm.stability_region("foh").kind == "half-plane"
    outside = ssm.stability_region("backward_euler")
    assert (outside.kind, outside.center, outside.radius) == ("outside", 1.0, 1.0)
    for rule in RULES:
        region = ssm.stability_region(*rule)
        assert region.contains(0.0)
        if region.radius is not None:
            t = np.exp(2j * np.pi * np.arange(7) / 7)
            edge = region.center + region.radius * t
            np.testing.assert_allclose(np.abs(region.amplification(edge)), 1.0, rtol=64 * U)


@pytest.mark.parametrize(("N", "ratio"), [(4, 1.288), (8, 2.217), (16, 3.733), (32, 6.152), (64, 9.979)])
def test_windows_of_lmu_under_euler(N, ratio):
    pytest.importorskip("flint")
    limit = ssm.largest_stable_step("lmu", N)
    assert round(limit.window_per_state, 3) == ratio
    assert limit.relative_error <= 32 * U
    wide = ssm.largest_stable_step(ssm.hippo("lmu", N, theta=100.0))
    np.testing.assert_allclose(wide.value, 100 * limit.value, rtol=64 * U)
    np.testing.assert_allclose(wide.window_per_state, limit.window_per_state, rtol=64 * U)
    # |1 + h lambda|^2 <= 1 in exact arithmetic on the eigenvalues, just below the limit; above it just above
    values = ssm.certified.hippo_eigenvalues("lmu", N).mid
    for factor, is_stable in ((1 - 64 * U, True), (1 + 64 * U, False)):
        h = Fraction(limit.value * factor)
        sizes = [(1 + h * Fraction(z.real)) ** 2 + (h * Fraction(z.imag)) ** 2 for z in values.tolist()]
        assert (max(sizes) <= 1) == is_stable


@pytest.mark.parametrize("family", ["legs", "legt", "lmu", "lagt", "glagt", "foud"])
@pytest.mark.parametrize("rule", RULES)
def test_steps_of_families(family, rule):
    method, alpha = rule
    limit = ssm.largest_stable_step(family, 6, method, alpha)
    if method in ("backward_euler", "bilinear", "zoh") or alpha == 0.8:
        assert limit.value == np.inf
        assert limit.statement == "Every step is stable."
        return
    op = ssm.hippo(family, 6)
    for factor, is_stable in ((1 - 1e-3, True), (1 + 1e-3, False)):
        poles = np.linalg.eigvals(step_matrix(op.A, limit.value * factor, alpha or 0.0))
        # six-fold eigenvalues of lagt and glagt are known to u^(1/6) only: their own formula decides
        exact = np.array([-1 / 2 if family == "lagt" else -1.0]) * limit.value * factor
        if family in ("lagt", "glagt"):
            poles = ssm.stability_region(method, alpha).amplification(exact)
        radius = np.abs(poles).max()
        assert (radius <= 1) == is_stable


def step_matrix(A, dt, alpha):
    eye = np.eye(len(A))
    return np.linalg.solve(eye - alpha * dt * A, eye + (1 - alpha) * dt * A)


def test_modes_that_no_step_keeps():
    assert ssm.largest_stable_step(ssm.Diagonal([2j, -1.0], [1.0, 1.0], [1.0, 1.0])).value == 0.0
    assert ssm.largest_stable_step(np.diag([1.0, -1.0]), method="bilinear").value == 0.0
    zero = ssm.largest_stable_step(np.diag([0.0, -1.0]))  # the integrator stays where it is
    assert zero.value == 2.0
    assert zero.window_per_state is None
    assert ssm.largest_stable_step("legs", 10).value == pytest.approx(0.2, rel=4 * U)
    lost = ssm.largest_stable_step(ssm.hippo("lmu", 48).A)
    assert "too uncertain" in lost.statement


def test_results_are_json_and_draw():
    figure = pytest.importorskip("matplotlib.figure")
    for rule in RULES:
        region = ssm.stability_region(*rule)
        json.dumps(region.to_dict(), allow_nan=False)
        ax = figure.Figure().subplots()
        assert region.plot(ax) is ax
    for rule in RULES:
        limit = ssm.largest_stable_step("legs", 4, *rule)
        json.dumps(limit.to_dict(), allow_nan=False)
        ax = figure.Figure().subplots()
        assert limit.plot(ax) is ax
    with pytest.raises(ValueError, match="`method` must be one of"):
        ssm.stability_region("rk4")


@pytest.mark.parametrize("size", [5e-324, 1e-200, 1.0, 1e200, 1e308])
def test_points_of_any_size_are_told_apart(size):
    """The bilinear region is the left half-plane, though 1e200 squared is infinite and 0 times it undefined."""
    z = size * np.array([-1.0, 1.0, 1.0 + 1.0j, -1.0 - 1.0j, 1j])
    assert np.array_equal(ssm.stability_region("bilinear").contains(z), z.real <= 0)
    assert ssm.stability_region("backward_euler").contains(z[:1]).all()
