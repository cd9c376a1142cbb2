"""The figures of the tutorials, drawn by the package when the pages are built; their words stand in the pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import ssm_numerics as ssm
from ssm_numerics import plotting


def legs_normal_part(ax: Any) -> None:
    """start.md."""
    form = ssm.nplr("legs", 64)
    ssm.spectrum(ssm.Diagonal(form.Lambda, form.B, np.ones(64))).plot(ax)


def lemma_growth(ax: Any) -> None:
    """tutorial_lemma.md."""
    ssm.lemma.growth(64).plot(ax)


def legt_spectrum(ax: Any) -> None:
    """tutorial_spectra.md."""
    ssm.spectrum("legt", 64).plot(ax)


def legs_pseudospectrum(ax: Any) -> None:
    """tutorial_spectra.md."""
    ssm.pseudospectrum(ssm.hippo("legs", 20).A, n=120).plot(ax)


def filtered_signal(ax: Any) -> None:
    """tutorial_filter.md."""
    from scipy.signal import butter, zpk2ss

    A, B, C, D = zpk2ss(*butter(4, 2 * np.pi * 5, analog=True, output="zpk"))
    t = np.arange(1000) / 250
    u = np.sin(2 * np.pi * t) + 0.5 * np.sin(2 * np.pi * 40 * t)
    y = ssm.simulate(ssm.StateSpace(A, B[:, 0], C[0], D[0, 0]), u, 1 / 250)
    ax.plot(t, u, label="u", color="#999999", linewidth=0.7)
    ax.plot(t, y, label="y", **plotting.series(0, marker=False) | {"linewidth": 2})
    ax.set(xlabel="seconds", title="A low-pass filter")
    ax.legend()


FIGURES: dict[str, Callable[[Any], None]] = {
    "legs_normal_part": legs_normal_part,
    "lemma_growth": lemma_growth,
    "legt_spectrum": legt_spectrum,
    "legs_pseudospectrum": legs_pseudospectrum,
    "filter": filtered_signal,
}


def draw(folder: Path) -> None:
    """Write every figure as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure_of in FIGURES.items():
        with plotting.style():
            figure, grid = plotting.new_figure(width=6.5, height=4.0)
            figure_of(grid[0, 0])
            plotting.save(figure, folder / f"{name}.svg")
