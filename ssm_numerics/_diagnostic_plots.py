"""Pictures of the diagnostics: pseudospectra, numerical ranges, stability regions, growth curves, bars of values.

As in `plotting`, functions draw what an object holds and compute nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .plotting import COLORS, EPS, axes, complex_plane, series, style

GREY = "#b0b0b0"


def pseudospectrum(result: Any, ax: Any = None) -> Any:
    """Contours of log10 sigma_min, eigenvalues, the numerical range, and in grey what is rounding."""
    with style():
        ax = axes(ax)
        x, y = result.z.real[0], result.z.imag[:, 0]
        logs = np.log10(np.maximum(result.sigma_min, 1e-300))
        if result.is_rounding.any() and result.method != "ball":
            floor = [logs.min() - 1, np.log10(result.rounding_level)]
            ax.contourf(x, y, logs, levels=floor, colors=[GREY])
            ax.fill([], [], color=GREY, label="rounding")
        levels = np.log10(result.levels)
        drawn = ax.contour(x, y, logs, levels=levels, cmap="viridis", linewidths=1.0)
        ax.clabel(drawn, fontsize=7, fmt=lambda value: f"{value:.3g}")
        values = result.eigenvalues
        ax.plot(values.real, values.imag, ".", color="black", markersize=4, label="eigenvalues")
        if result.numerical_range.size:
            hull = np.append(result.numerical_range, result.numerical_range[0])
            ax.plot(hull.real, hull.imag, label="numerical range", **series(1, marker=False))
        if result.discrete:
            circle = np.exp(2j * np.pi * np.arange(361) / 360)
            ax.plot(circle.real, circle.imag, color="#666666", linewidth=0.8)
        else:
            ax.axvline(0.0, color="#666666", linewidth=0.8)
        ax.legend(loc="upper left")
        ax.set(xlabel="Re z", ylabel="Im z", title=f"log₁₀ of the least singular value of z - A: {result.title}")
        ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    return ax


def numerical_range(result: Any, ax: Any = None) -> Any:
    """The polygons inside and outside, and the eigenvalues."""
    with style():
        ax = axes(ax)
        for index, (name, label) in enumerate((("boundary", "points of W(A)"), ("outer", "tangents"))):
            polygon = getattr(result, name)
            polygon = np.append(polygon, polygon[0])
            ax.plot(polygon.real, polygon.imag, label=label, **series(index, marker=False))
        ax.plot(result.eigenvalues.real, result.eigenvalues.imag, ".", color="black", label="eigenvalues")
        ax.axvline(0.0, color="#666666", linewidth=0.8)
        ax.legend()
        ax.set(xlabel="Re", ylabel="Im", title=f"Numerical range: abscissa {result.abscissa:.4g}")
    return ax


def extreme(result: Any, ax: Any = None) -> Any:
    """The extreme points of a pseudospectrum."""
    with style():
        ax = axes(ax)
        ax.plot(result.points.real, result.points.imag, label=f"ε = {result.epsilon:.3g}", **series(0, line=False))
        ax.legend()
        ax.set(xlabel="Re z", ylabel="Im z", title=f"Extreme {float(result):.6g}")
    return ax


def kreiss_constant(result: Any, ax: Any = None) -> Any:
    """The profile whose supremum is the Kreiss constant."""
    with style():
        ax = axes(ax)
        ax.loglog(result.profile[:, 0], result.profile[:, 1], **series(0))
        ax.axhline(float(result), label=f"K ≥ {float(result):.4g}", **series(1, marker=False))
        ax.legend()
        where = "distance from the unit circle" if result.discrete else "distance from the imaginary axis"
        ax.set(xlabel=where, ylabel="distance times resolvent norm", title="Kreiss constant")
    return ax


def transient_growth(result: Any, ax: Any = None) -> Any:
    """Norms between their bounds."""
    with style():
        ax = axes(ax)
        shown = result.times > 0
        for index, (name, label) in enumerate((("norms", "norm"), ("lower", "lower bound"), ("upper", "upper bound"))):
            look = series(index, marker=False)
            ax.loglog(result.times[shown], np.maximum(getattr(result, name)[shown], 1e-300), label=label, **look)
        top = max(10 * float(result), 10.0)
        ax.set_ylim(max(1e-3, result.norms.min() / 3), top)
        if result.kreiss is not None:
            ax.axhline(float(result.kreiss), label="Kreiss constant ≤ supremum", **series(3, marker=False))
        ax.legend()
        ax.set(xlabel="k" if result.discrete else "t", title=f"Transient growth: peak {float(result):.4g}")
        ax.set_ylabel("|Aᵏ|" if result.discrete else "|exp(tA)|")
    return ax


def stability_region(result: Any, ax: Any = None) -> Any:
    """The region of z = dt λ where a step does not grow."""
    with style():
        ax = axes(ax)
        extent = (-4.0, 4.0, -3.0, 3.0)
        if result.radius is not None:
            half = max(3.0, min(1.5 * result.radius, 40.0))
            extent = (-1.5 * half, 1.5 * half, -half, half)
        x, y = np.linspace(*extent[:2], 401), np.linspace(*extent[2:], 301)
        inside = result.contains(x[None, :] + 1j * y[:, None])
        complex_plane(ax, inside, extent, 0, result.method)
        ax.axvline(0.0, color="#666666", linewidth=0.8)
        ax.set_aspect("equal")
        ax.legend()
        alpha = "" if result.alpha is None else f", α = {result.alpha:g}"
        ax.set(xlabel="Re Δλ", ylabel="Im Δλ", title=f"Stability region: {result.method}{alpha}")
    return ax


def largest_stable_step(result: Any, ax: Any = None) -> Any:
    """The stability region, and every eigenvalue times the largest step."""
    with style():
        ax = stability_region(result.region, ax)
        step = float(result) if 0 < float(result) < np.inf else 1.0
        z = step * result.eigenvalues
        ax.plot(z.real, z.imag, label=f"Δλ, Δ = {step:.4g}", **series(1, line=False))
        half = 1.2 * max(float(np.abs(z).max()), 2.0)
        ax.set(xlim=(-1.5 * half, 0.5 * half), ylim=(-half, half))
        ax.legend()
    return ax


def node_pole_distance(result: Any, ax: Any = None) -> Any:
    """The circle of nodes, the node that comes closest to a pole, and that pole's inverse."""
    with style():
        ax = axes(ax)
        circle = result.radius * np.exp(2j * np.pi * np.arange(361) / 360)
        ax.plot(circle.real, circle.imag, label=f"nodes, r = {result.radius:.6g}", **series(0, marker=False))
        marks = [(result.omega, "nearest node")] + ([(1 / result.pole, "1/pole")] if result.pole else [])
        for index, (point, label) in enumerate(marks, start=1):
            ax.plot([point.real], [point.imag], label=label, **series(index, line=False))
        ax.set_aspect("equal")
        ax.legend()
        ax.set(xlabel="Re ω", ylabel="Im ω", title=f"Node-pole distance {float(result):.3g}")
    return ax


def decay(values: np.ndarray, ax: Any, label: str, title: str, xlabel: str = "index", bound: Any = None) -> Any:
    """Descending positive values on a logarithmic scale, with a bound of their error or use."""
    with style():
        ax = axes(ax)
        k = np.arange(1, values.size + 1)
        every = max(1, values.size // 24)
        ax.semilogy(k, np.where(values > 0, values, np.nan), label=label, markevery=every, **series(0))
        if bound is not None:
            ax.semilogy(k, np.where(bound[0] > 0, bound[0], np.nan), label=bound[1], markevery=every, **series(1))
        ax.legend()
        ax.set(xlabel=xlabel, title=title)
    return ax


def truncation_condition(result: Any, ax: Any = None) -> Any:
    """cond(I - q A^L), the magnification 1/q, and the amplification, against q = r^L."""
    with style():
        ax = axes(ax)
        curves = (
            ("conditions", "cond(I - $r^L Ā^L$)"),
            ("magnification", "$r^{-L}$"),
            ("amplification", "amplification"),
        )
        for index, (name, label) in enumerate(curves):
            values = np.minimum(getattr(result, name), 1e20)
            ax.loglog(result.factors, values, label=label, **series(index, marker=False))
        ax.axvline(result.recommended_factor, color="#666666", linewidth=0.8)
        ax.legend()
        ax.set(xlabel="$r^L$", title="What the radius of Algorithm 1 costs")
    return ax


def error_amplification(result: Any, ax: Any = None) -> Any:
    """Predicted, bounding and measured errors of every kernel method."""
    with style():
        ax = axes(ax)
        rows = np.arange(len(result.methods))
        kinds = [("bounds", "forward bound"), ("predictions", "predicted")]
        if result.measured is not None:
            kinds.append(("measured", "measured"))
        for index, (name, label) in enumerate(kinds):
            values = np.array(getattr(result, name), float)
            ax.plot(np.maximum(values, EPS / 8), rows, label=label, **series(index, line=False))
        ax.set_xscale("log")
        ax.set_yticks(rows, result.methods)
        ax.invert_yaxis()
        ax.axvline(EPS, color="#666666", linewidth=0.8)
        ax.legend()
        ax.set(xlabel="error relative to max |K|", title="Errors of the kernel methods")
    return ax


def bars(rows: dict[str, float], ax: Any, title: str, xlabel: str) -> Any:
    """Positive numbers as bars on a logarithmic scale."""
    with style():
        ax = axes(ax)
        values = [min(max(value, 1e-300), 1e300) for value in rows.values()]
        ax.barh(range(len(rows)), values, color=COLORS[0], height=0.6)
        ax.set_yticks(range(len(rows)), list(rows))
        ax.set_xscale("log")
        ax.invert_yaxis()
        ax.set(xlabel=xlabel, title=title)
    return ax


def check_report(result: Any, ax: Any) -> Any:
    """Errors of all cases against their bounds, in eps; a case with nothing to compare is a cross at its bound."""
    with style():
        ax = axes(ax)
        index = np.arange(result.cases)
        errors, bounds = np.asarray(result.errors, float), np.asarray(result.bounds, float)
        ax.semilogy(index, bounds, label="bound", **series(5, marker=False))
        ax.semilogy(index, np.maximum(errors, 0.1), label="error", **series(0, line=False))
        nothing = ~np.isfinite(errors)
        if nothing.any():
            ax.semilogy(index[nothing], bounds[nothing], "x", color=COLORS[1], label="nothing to compare")
        ax.set(xlabel="case, by size", ylabel=f"error in eps of {result.dtype}", title=result.check)
        ax.legend()
    return ax


def fitted_kernel(result: Any, ax: Any = None) -> Any:
    """Kernel and fit of the first head against time."""
    with style():
        ax = axes(ax)
        for index, (name, label) in enumerate((("kernel", "K"), ("fitted", "fit"))):
            rows = getattr(result, name)
            row = rows.reshape(-1, rows.shape[-1])[0].real
            look = series(index, line=index > 0, marker=not index)
            ax.plot(result.dt * np.arange(row.size), row, label=label, markevery=max(1, row.size // 200), **look)
        ax.legend()
        ax.set(xlabel="time", ylabel="K", title=f"{result.system.n_states} states, relative error {result.error:.3g}")
    return ax


def order_selection(result: Any, ax: Any = None) -> Any:
    """The criterion against the order, the chosen order marked."""
    with style():
        ax = axes(ax)
        ax.plot(result.orders, result.scores, label=result.criterion, **series(0))
        ax.axvline(result.value, label=f"order {result.value}", **series(1, marker=False))
        if result.criterion == "gap":
            ax.set_yscale("log")
        ax.legend()
        ax.set(xlabel="order", ylabel="criterion", title="Choice of the order")
    return ax
