"""Predicted errors of kernels against measured ones, over families, orders, lengths, steps and rules."""

from __future__ import annotations

import json

import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics.kernel_errors import FACTORS, Amplification, amplification

U = 2.0**-53
WITHIN = 100.0

FAMILIES = ("legs", "legt", "lagt", "fout", "foud", "lmu")
INITIALIZATIONS = ("s4d-lin", "s4d-inv", "s4d-legs", "s4d-real")
STEPS = ((48, 0.1), (400, 0.005), (700, 0.001))


def output(N, seed=0):
    return np.random.default_rng(seed).normal(size=N)


def dense(family, N):
    return ssm.hippo(family, N).state_space(output(N))


def low_rank(family, N):
    return ssm.nplr(family, N).to_dplr(output(N))


def diagonal(name, N):
    start = ssm.diagonal_init(name, N)
    return ssm.Diagonal(start.Lambda, start.B, output(start.C.size), conjugate_pairs=start.conjugate_pairs)


GRID = [
    *((dense, family, N, rule) for family in FAMILIES for N in (1, 7, 24) for rule in ("bilinear", "zoh")),
    *((low_rank, family, N, "bilinear") for family in FAMILIES[:5] for N in (2, 7, 24)),
    *((diagonal, name, N, rule) for name in INITIALIZATIONS for N in (2, 24) for rule in ("backward_euler", "zoh")),
]


@pytest.mark.jit
@pytest.mark.parametrize("make", [dense, low_rank, diagonal])
def test_report_predicts_the_error(make):
    """`predicted_error` bounds the measured error of the recommended method, and is within 100 times of it or of u."""
    ratios = []
    for build, name, N, rule in GRID:
        if build is not make:
            continue
        for L, dt in STEPS:
            system = build(name, N)
            report = ssm.condition_report(system, dt, L, rule)
            exact = ssm.certified.convolution_kernel(system, L, dt, rule).mid
            K = ssm.convolution_kernel(system, L, dt, rule, method=report.method)
            measured = np.abs(K - exact).max() / np.abs(exact).max()
            case = f"{make.__name__} {name} N={N} L={L} dt={dt} {rule}: {report.method} {measured / U:.1f} u"
            assert measured <= report.predicted_error, f"{case}, predicted {report.predicted_error / U:.1f} u"
            ratios.append((report.predicted_error / max(measured, U), case))
    assert max(ratios) <= (WITHIN, ""), max(ratios)


@pytest.mark.jit
@pytest.mark.parametrize(
    ("make", "name", "N", "rule"),
    [
        (dense, "legs", 16, "bilinear"),
        (dense, "lmu", 9, "foh"),
        (low_rank, "legt", 13, "backward_euler"),
        (diagonal, "s4d-inv", 16, "zoh"),
    ],
)
def test_every_method_is_bounded_and_predicted(make, name, N, rule):
    for L, dt in STEPS:
        result = ssm.error_amplification(make(name, N), dt, L, rule, measure=True)
        assert set(result.methods) <= set(FACTORS)
        assert result.independent <= result.agreeing * (1 + 1e-10)
        for method, predicted, bound, measured in zip(
            result.methods, result.predictions, result.bounds, result.measured, strict=True
        ):
            assert measured <= bound, method
            assert measured <= predicted <= WITHIN * max(measured, U), (method, L, dt, predicted / U, measured / U)


def test_amplification_by_hand():
    """One mode: c_j b_{l-j} = |CB| z^l for every j, so the sums are (l+1) and sqrt(l+1) times that."""
    z, L = 0.9, 60
    system = ssm.DiscreteDiagonal([z], [1.0], [2.0], 0.0, 1.0)
    assert Amplification(4.0, 9.0, 0.25).of("independent") == np.sqrt(4.0 * (1 + 0.25 * 4.0))
    assert Amplification(4.0, 12.0, 0.25).of("agreeing") == np.sqrt(1 + 0.25 * 12.0)
    found = amplification(system, L, 2.0)
    terms = z ** np.arange(L)
    assert abs(found.agreeing - ((1 + np.arange(L)) * terms).max()) <= 64 * L * U * found.agreeing
    assert abs(found.independent - (np.sqrt(1 + np.arange(L)) * terms).max()) <= 64 * L * U * found.agreeing
    assert abs(found.increment - (1 - z)) <= 4 * U
    growing = amplification(ssm.DiscreteDiagonal([1.3], [1.0], [2.0], 0.0, 1.0), 400, 2.0 * 1.3**399)
    assert abs(growing.agreeing / 400 - 1) <= 400 * 64 * U
    assert abs(growing.independent / 20 - 1) <= 400 * 64 * U
    heads = ssm.DiscreteDiagonal([[z], [z]], [1.0], [2.0], 0.0, 1.0)
    assert amplification(heads, L, np.array([4.0, 2.0])) == found


def test_long_kernels_move_on_in_blocks():
    system = dense("lagt", 5)
    discrete = ssm.discretize(system, 0.01)
    K = np.abs(ssm.convolution_kernel(discrete, 1000)).max()
    found = amplification(discrete, 1000, K)
    b, c, norms = discrete.B_bar, discrete.C, np.empty((1000, 2))
    for row in norms:
        row[:] = np.linalg.norm(b), np.linalg.norm(c)
        b, c = discrete.A_bar @ b, c @ discrete.A_bar
    expected = np.convolve(norms[:, 0], norms[:, 1])[:1000].max() / K
    assert abs(found.agreeing - expected) <= 1e4 * U * expected


def test_single_precision_and_dtype():
    system = low_rank("legs", 16)
    report = ssm.condition_report(system, 0.01, 200)
    ratio = report.predicted_error_single / report.predicted_error
    assert ratio == 2.0**29
    assert report.recommended_dtype.startswith("float32")
    assert ssm.condition_report(system, 0.01, 200, rtol=1e-10).recommended_dtype.startswith("float64:")
    assert "ball arithmetic" in ssm.condition_report(system, 0.01, 200, rtol=1e-18).recommended_dtype
    parts = (system.Lambda, system.P, system.Q, system.B, system.C)
    single = ssm.DPLR(*(a.astype(np.complex64) for a in parts), 0.0, system.conjugate_pairs)
    narrow = ssm.condition_report(single, 0.01, 200)
    exact = ssm.certified.convolution_kernel(single, 200, 0.01).mid
    K = ssm.convolution_kernel(single, 200, 0.01, method=narrow.method)
    measured = np.abs(K - exact).max() / np.abs(exact).max()
    assert measured <= narrow.predicted_error <= WITHIN * max(measured, 2.0**-24)


def test_report_recommends_what_fits_the_structure():
    assert ssm.condition_report(low_rank("legs", 4), 0.1, 16).recommended_discretization.startswith("bilinear")
    assert ssm.condition_report(dense("legs", 4), 0.1, 16).recommended_discretization.startswith("zoh")
    report = ssm.condition_report(low_rank("legt", 5), 0.02, 64)
    assert report.recommended_radius < 1  # on |omega| = 1 a node meets a pole
    assert report.transient_peak == 1.0
    assert ssm.condition_report(dense("lmu", 8), 0.01, 64).transient_peak > 1.2
    assert report.departure_from_normality == float(ssm.henrici_departure(low_rank("legt", 5)))


def test_results_are_json_and_draw():
    figure = pytest.importorskip("matplotlib.figure")
    for measure in (False, True):
        result = ssm.error_amplification(dense("legs", 4), 0.1, 20, measure=measure)
        json.dumps(result.to_dict(), allow_nan=False)
        ax = figure.Figure().subplots()
        assert result.plot(ax) is ax
    with pytest.raises(ValueError, match="`system` must be one system"):
        ssm.error_amplification(ssm.Diagonal([[-1.0], [-2.0]], [1.0], [1.0]), 0.1, 8)
