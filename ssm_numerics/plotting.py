"""Pictures of result objects: the only module that imports Matplotlib.

Functions draw what an object already holds and compute nothing. Colours are Okabe and Ito's, which stay apart for
colour-blind readers; every series also has its own marker or dash, so that a print in grey can be read. Figures are
built without pyplot's global state unless a caller asks for a plot without giving axes.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
EPS = 2.0**-53

_STYLE = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "svg.hashsalt": "ssm-numerics",
}


def require() -> Any:
    """Matplotlib, or an error that names the extra to install."""
    try:
        import matplotlib
    except ImportError:
        raise ImportError('Plots need Matplotlib: python -m pip install "ssm-numerics[report]".') from None
    return matplotlib


@contextmanager
def style() -> Iterator[None]:
    """The look of every figure here, restored afterwards."""
    with require().rc_context(_STYLE):
        yield


def new_figure(rows: int = 1, columns: int = 1, width: float = 9.0, height: float = 3.4, **kwargs: Any) -> Any:
    """A figure and its axes, shape (rows, columns), outside pyplot; to be used inside `style()`."""
    require()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **kwargs)


def series(index: int, line: bool = True, marker: bool = True) -> dict[str, Any]:
    """Colour, marker and dash of the index-th series of a plot."""
    index %= len(COLORS)
    look = {"color": COLORS[index], "marker": MARKERS[index] if marker else None, "markerfacecolor": "white"}
    return {**look, "linestyle": DASHES[index] if line else "none"}


def save(figure: Any, path: Path | str) -> None:
    """Write a figure as PNG, SVG or PDF, by the path's ending."""
    figure.savefig(path, dpi=150)


def data_uri(figure: Any) -> str:
    """The figure as an SVG inside a data: address, for pages that must work alone."""
    buffer = io.BytesIO()
    with require().rc_context({"svg.hashsalt": "ssm-numerics", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def axes(ax: Any) -> Any:
    """The given axes, or those of a new pyplot figure."""
    if ax is not None:
        return ax
    require()
    from matplotlib import pyplot

    return pyplot.subplots(layout="constrained")[1]


def spectrum(result: Any, ax: Any = None) -> Any:
    """Eigenvalues in the complex plane, the imaginary axis marked; `result.eigenvalues` has shape (..., N)."""
    with style():
        ax = axes(ax)
        values = np.atleast_2d(np.asarray(result.eigenvalues))
        heads = values.reshape(-1, values.shape[-1])
        for index, row in enumerate(heads):
            label = f"head {index}" if len(heads) > 1 else "eigenvalues"
            ax.plot(row.real, row.imag, label=label, **series(index, line=False))
        ax.axvline(0.0, color="#666666", linewidth=0.8)
        if hasattr(result, "spectral_abscissa"):
            ax.axvline(float(result), label="numerical abscissa", **series(1, marker=False))
        if len(heads) > 1 or hasattr(result, "spectral_abscissa"):
            ax.legend()
        title = getattr(result, "title", "Eigenvalues")
        title += "" if getattr(result, "trusted", True) else " (not to be trusted)"
        ax.set(xlabel="Re λ", ylabel="Im λ", title=title)
    return ax


def growth(result: Any, ax: Any = None) -> Any:
    """log2 of the largest eigenvector entry and of the condition numbers against N (Lemma 3.2 of S4)."""
    with style():
        ax = axes(ax)
        curves = (
            ("log2_largest_entry", "largest entry of V"),
            ("log2_condition_raw", "condition number of V"),
            ("log2_condition_scaled", "condition number, columns normalized"),
            ("log2_eigenvalue_condition", "largest condition number of an eigenvalue"),
        )
        every = max(1, len(result.N) // 16)
        for index, (name, label) in enumerate(curves):
            ax.plot(result.N, getattr(result, name), label=label, markevery=every, **series(index))
        ax.axhline(53, color="#666666", linewidth=0.8, label="no digit left in float64")
        ax.set(xlabel="number of states N", ylabel="log₂", title="Growth of the HiPPO eigenvectors")
        ax.legend()
    return ax


def eigenvector_condition(result: Any, ax: Any = None) -> Any:
    """Condition number of every eigenvalue; `result.eigenvalues` and `result.eigenvalue_conditions`, shape (N,)."""
    with style():
        ax = axes(ax)
        values = np.ravel(result.eigenvalue_conditions)
        ax.semilogy(np.arange(values.size), values, **series(0))
        ax.axhline(1 / EPS, color="#666666", linewidth=0.8)
        ax.set(xlabel="eigenvalue", ylabel="condition number", title=f"Eigenvector condition {float(result):.3g}")
    return ax


def condition_report(result: Any, ax: Any = None) -> Any:
    """What multiplies the rounding of each route to the kernel, on a logarithmic scale."""
    rows = {
        "diagonalizing A": result.eigenvector_condition,
        "nodes on |ω| = 1": _reciprocal(result.node_pole_distance_unit_circle),
        "nodes on $r^L$ = 1/2": _reciprocal(result.node_pole_distance_half),
        "I - $Ā^L$": result.truncation_condition_unit_circle,
        "I - $r^L Ā^L$": result.truncation_condition_half,
    }
    with style():
        ax = axes(ax)
        least, most = 0.5, 1e3 / EPS
        for row, value in enumerate(rows.values()):
            end = min(float(value), most)
            inside = end > 1e12
            ax.barh(row, end - least, left=least, color=COLORS[0], height=0.6)
            look = {"ha": "right", "color": "white"} if inside else {"ha": "left"}
            ax.text(end, row, f" {value:.1e} ", va="center", fontsize=8, **look)
        ax.set_yticks(range(len(rows)), list(rows))
        ax.axvline(1 / EPS, color="#666666", linewidth=0.8)
        ax.set_xscale("log")
        ax.invert_yaxis()
        ax.set(xlim=(least, most), xlabel="condition number (line: no digit left in float64)", title=result.system)
    return ax


def _reciprocal(distance: float) -> float:
    return 1 / distance if distance else float("inf")


def kernel(K: Any, dt: float = 1.0, ax: Any = None, label: str | None = None) -> Any:
    """A convolution kernel K (..., L) against time."""
    with style():
        ax = axes(ax)
        rows = np.atleast_2d(np.asarray(K))
        for index, row in enumerate(rows.reshape(-1, rows.shape[-1])):
            name = label if label is not None else f"head {index}"
            ax.plot(dt * np.arange(row.size), row.real, label=name, **series(index, marker=False))
        if label is not None or rows.size > rows.shape[-1]:
            ax.legend()
        ax.set(xlabel="time", ylabel="K", title="Convolution kernel")
    return ax


def complex_plane(
    ax: Any, inside: np.ndarray, extent: tuple[float, float, float, float], index: int, label: str
) -> None:
    """Shade a region of the complex plane given as a boolean grid (rows: imaginary part), with its boundary."""
    from matplotlib.lines import Line2D

    x = np.linspace(extent[0], extent[1], inside.shape[1])
    y = np.linspace(extent[2], extent[3], inside.shape[0])
    look = series(index, marker=False)
    ax.contourf(x, y, inside.astype(float), levels=[0.5, 1.5], colors=[look["color"]], alpha=0.18)
    ax.contour(x, y, inside.astype(float), levels=[0.5], colors=[look["color"]], linestyles=[look["linestyle"]])
    handle = Line2D([], [], color=look["color"], linestyle=look["linestyle"], label=label)
    ax.add_line(handle)


def image(ax: Any, values: np.ndarray) -> Any:
    """Signed numbers as an image, rows downwards, zero in the middle of a scale that also rises in grey."""
    largest = float(np.max(np.abs(values))) or 1.0
    ax.grid(visible=False)
    return ax.imshow(values, cmap="cividis", vmin=-largest, vmax=largest, interpolation="nearest", aspect="equal")
