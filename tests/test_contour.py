"""The contour method: circles from tolerances, near-linear sums against direct ones, closed-form couplings."""

import dataclasses

import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics import _contour
from ssm_numerics._contour import OVERSAMPLING, choose_circle

U = 2.0**-53


@pytest.mark.parametrize("rtol", [1e-2, 1e-6, 1e-10, 1e-12, 1e-13])
def test_circle_meets_the_tolerance_with_the_fewest_nodes(rtol):
    circle = choose_circle(rtol, U)
    assert circle.expected_error <= rtol
    assert circle.epsilon == U ** (circle.multiple / (circle.multiple + 1))
    fewer = [m for m in OVERSAMPLING if m < circle.multiple]
    assert all(_contour.ROUNDING * U ** (m / (m + 1)) > rtol for m in fewer)


def test_most_accurate_circle_where_the_tolerance_cannot_be_met():
    assert choose_circle(1e-20, U).multiple == OVERSAMPLING[-1]


@pytest.mark.jit
@pytest.mark.parametrize("alpha", [0.5, 0.7, 1.0])
@pytest.mark.parametrize("family", ["legs", "lagt", "fout"])
@pytest.mark.parametrize(("N", "L"), [(1, 7), (16, 500), (33, 777)])
def test_near_linear_sums(monkeypatch, family, N, L, alpha):
    """The same kernel from transforms as from Algorithm 1, to what the circle promises."""
    system = ssm.nplr(family, N).to_dplr(np.cos(np.arange(N)))
    exact = ssm.convolution_kernel(system, L, 0.01, "gbt", alpha, method="cauchy")
    monkeypatch.setattr(_contour, "NEAR_LINEAR_TERMS", 0)
    for stored in (system, system.full()):
        K, info = ssm.convolution_kernel(stored, L, 0.01, "gbt", alpha, method="contour", return_info=True)
        allowed = max(info.estimated_error, info.a_posteriori_error) + 16 * (N + 8) * U
        assert np.abs(K - exact).max() <= 2 * allowed * np.abs(exact).max()


@pytest.mark.parametrize("family", ["legs", "lagt"])
def test_near_linear_sums_against_balls(monkeypatch, family):
    """B in the span of P, and B that is not: every sum is O(1), so that noise is what the circle makes of a few u."""
    rng = np.random.default_rng(4)
    system = ssm.nplr(family, 300).to_dplr(rng.normal(size=150) + 1j * rng.normal(size=150), basis="modal")
    monkeypatch.setattr(_contour, "NEAR_LINEAR_TERMS", 0)
    for B in (system.B, system.B * rng.normal(size=150)):
        changed = dataclasses.replace(system, B=B)
        exact, _ = ssm.certified.convolution_kernel(changed, 300, 1 / 300)
        for rtol in (1e-12, 1e-14):
            K, info = ssm.convolution_kernel(changed, 300, 1 / 300, method="contour", rtol=rtol, return_info=True)
            error = np.abs(K - exact).max() / np.abs(exact).max()
            assert error <= choose_circle(rtol, U).expected_error
            assert error <= info.a_posteriori_error


def test_heads_with_their_own_input_in_the_span_of_p(monkeypatch):
    """Two steps, two rows C; B = b P with b real of either sign or complex, and B that is not in the span of P."""
    system = ssm.nplr("legs", 12).to_dplr(np.stack([np.arange(12.0), np.ones(12)]))
    for B in (-2 * system.P[:, 0], system.B, (0.3 - 2j) * system.P[:, 0], np.ones(6)):
        changed = dataclasses.replace(system, B=B)
        exact = ssm.convolution_kernel(changed, 200, [0.1, 0.02], method="krylov")
        largest = np.abs(exact).max(axis=-1)
        cauchy = ssm.convolution_kernel(changed, 200, [0.1, 0.02], method="cauchy")
        assert (np.abs(cauchy - exact).max(axis=-1) <= 16 * 20 * U * largest).all()  # 16 (N + 8) u
        with monkeypatch.context() as patch:
            patch.setattr(_contour, "NEAR_LINEAR_TERMS", 0)
            K = ssm.convolution_kernel(changed, 200, [0.1, 0.02], method="contour")
        assert (np.abs(K - exact).max(axis=-1) <= (1e-12 + 16 * 20 * U) * largest).all()  # its default tolerance


def test_near_linear_diagonal_heads(monkeypatch):
    modes = ssm.diagonal_init("s4d-inv", 20)
    C = np.random.default_rng(0).normal(size=(3, 10))
    system = ssm.Diagonal(modes.Lambda, modes.B, C, conjugate_pairs=True)
    exact = ssm.convolution_kernel(system, 300, [0.1, 0.01, 0.001], method="vandermonde")
    monkeypatch.setattr(_contour, "NEAR_LINEAR_TERMS", 0)
    K, info = ssm.convolution_kernel(system, 300, [0.1, 0.01, 0.001], method="contour", return_info=True)
    error = (np.abs(K - exact).max(axis=-1) / np.abs(exact).max(axis=-1)).max()
    assert error <= 2 * max(info.estimated_error, info.a_posteriori_error)


def test_measured_error_tells_where_the_kernel_cannot_be_trusted():
    """An unstable system has poles inside the circle: the method says so, and refuses where nothing is left."""
    system = ssm.Diagonal([0.5, -1.0], [1.0, 1.0], [1.0, 1.0])
    _, info = ssm.convolution_kernel(system, 80, 0.1, method="contour", return_info=True)
    assert info.a_posteriori_error > 1e-3 and not info.trusted
    with pytest.raises(ValueError, match=r"contour measures noise of .* whose poles lie outside the disk"):
        ssm.convolution_kernel(system, 200, 0.1, method="contour")
