"""Pictures: every result object draws itself from its own numbers, and leaves no state behind."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import matplotlib
import numpy as np
import pytest

import ssm_numerics as ssm
from ssm_numerics import plotting

A = np.array([[-1.0, 0.0], [3.0, -2.0]])
RESULTS: dict[str, Callable[[], Any]] = {
    "spectrum of a family": lambda: ssm.spectrum("legs", 8),
    "spectrum of heads": lambda: ssm.spectrum(ssm.Diagonal([[-1.0, -2.0], [-3.0, -4.0]], [1.0, 1.0], [1.0, 1.0])),
    "growth": lambda: ssm.lemma.growth(16),
    "eigenvector condition": lambda: ssm.eigenvector_condition(A),
    "departure": lambda: ssm.henrici_departure(A),
    "numerical abscissa": lambda: ssm.numerical_abscissa(A),
    "condition report": lambda: ssm.condition_report(ssm.nplr("legt", 5).to_dplr(np.ones(5)), 0.1, 64),
}


@pytest.fixture(autouse=True)
def _without_a_screen(monkeypatch: pytest.MonkeyPatch) -> Any:
    from matplotlib import pyplot

    pyplot.switch_backend("Agg")
    pyplot.close("all")  # tests of other files in this process draw too
    yield
    pyplot.close("all")


@pytest.mark.parametrize("name", RESULTS)
def test_results_draw_themselves(name: str) -> None:
    from matplotlib import pyplot

    settings = dict(matplotlib.rcParams)
    with plotting.style():
        figure, grid = plotting.new_figure()
    ax = RESULTS[name]().plot(grid[0, 0])
    assert ax is grid[0, 0]
    assert ax.lines or ax.patches
    assert ax.get_title(loc="left")
    assert plotting.data_uri(figure).startswith("data:image/svg+xml;base64,")
    assert not pyplot.get_fignums()
    assert dict(matplotlib.rcParams) == settings


def test_new_axes_are_made_when_none_are_given() -> None:
    from matplotlib import pyplot

    ax = RESULTS["departure"]().plot()
    assert ax.figure.number in pyplot.get_fignums()


def test_the_points_of_a_spectrum_are_its_eigenvalues() -> None:
    with plotting.style():
        _, grid = plotting.new_figure()
    result = ssm.spectrum("fout", 5)
    points = result.plot(grid[0, 0]).lines[0]
    assert (points.get_xdata() == result.eigenvalues.real).all()
    assert (points.get_ydata() == result.eigenvalues.imag).all()


def test_a_kernel_is_drawn_over_time() -> None:
    with plotting.style():
        _, grid = plotting.new_figure()
    ax = plotting.kernel(np.ones((2, 4)), dt=0.5, ax=grid[0, 0])
    assert [line.get_xdata().tolist() for line in ax.lines] == [[0.0, 0.5, 1.0, 1.5]] * 2


def test_series_differ_in_colour_marker_and_dash() -> None:
    looks = [plotting.series(index) for index in range(len(plotting.COLORS))]
    for key in ("color", "marker", "linestyle"):
        assert len({str(look[key]) for look in looks}) == len(looks)


def test_series_differ_in_grey() -> None:
    """Neighbouring colours differ in lightness, so that a print without colour keeps the first ones apart."""
    from matplotlib.colors import to_rgb

    grey = [float(np.dot((0.2126, 0.7152, 0.0722), to_rgb(color))) for color in plotting.COLORS]
    assert min(abs(a - b) for a, b in pairwise(grey)) > 0.02


def test_figures_are_the_same_every_time() -> None:
    def draw() -> str:
        with plotting.style():
            figure, grid = plotting.new_figure()
            plotting.spectrum(ssm.spectrum("legs", 4), grid[0, 0])
        return plotting.data_uri(figure)

    assert draw() == draw()
