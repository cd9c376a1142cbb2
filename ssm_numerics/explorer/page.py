"""The explorer's page: controls, five pictures and the condition report, drawn with Bokeh from a `View`."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.layouts import column, row
from bokeh.models import BoxAnnotation, ColumnDataSource, Div, Select, Slider, Span
from bokeh.plotting import figure

from ..plotting import COLORS, EPS
from ..stability import StabilityRegion
from .view import DISCRETIZATIONS, KERNEL_METHODS, SOURCES, Settings, View, look

TITLE = "ssm-numerics explorer"
PAUSE = 100  # milliseconds in which nothing moves before the page computes
FLOOR = EPS / 64  # errors below are drawn here: an axis of powers has no place for zero
WORKER = ThreadPoolExecutor(1)
"""Computes, so that the page stays alive; alone, because the precision of ball arithmetic is global."""
CIRCLE = np.exp(2j * np.pi * np.arange(361) / 360)
SIDE, WIDTH = 230, 1020
FRAME, HEIGHT = 270, 210
LENGTHS = ("64", "256", "512", "1024", "4096")
HINT = (
    "Every number is computed here, by this package, on this machine. Errors are measured against ball arithmetic, "
    "which encloses the exact kernel; the line is "
    "u = 2⁻⁵³, the dashed one the prediction of the condition report. The output weights are C = (1, …, 1)."
)


class Page:
    """One visitor's page: the controls, the sources of the pictures, and the settings they show."""

    def __init__(self, document: Document) -> None:
        self.document, self.settings, self.pending = document, Settings(), None
        self.computed: Future[View] = Future()
        self.points = {name: ColumnDataSource({"x": [], "y": []}) for name in ("A", "region", "z", "poles", "K", "e")}
        self.status = Div(text="computing …", name="status", width=SIDE)
        self.messages = Div(name="messages", width=WIDTH)
        self.report = Div(name="report", width=WIDTH)
        self.inputs = self.controls()
        for word, control in self.inputs.items():
            control.name, control.width = word, SIDE
            control.on_change("value", self.turned)
        heading = Div(text=f"<h1 style='font-size:1.3em'>{TITLE}</h1>", width=SIDE)
        pictures = [row(*self.plane_pictures()), row(*self.kernel_pictures())]
        main = column(self.messages, *pictures, Div(text=HINT, width=WIDTH), self.report)
        document.title = TITLE
        document.add_root(row(column(heading, *self.inputs.values(), self.status, width=SIDE + 20), main))
        self.refresh()

    def controls(self) -> dict[str, Any]:
        """What can be turned, under the names of the settings."""
        now = self.settings
        return {
            "source": Select(title="family or initialization", value=now.source, options=list(SOURCES)),
            "N": Slider(title="states N", value=now.N, start=1, end=128, step=1),
            "dt": Slider(title="log₁₀ of the step Δ", value=float(np.log10(now.dt)), start=-5, end=2, step=0.05),
            "L": Select(title="samples L", value=str(now.L), options=list(LENGTHS)),
            "discretization": Select(title="discretization", value=now.discretization, options=list(DISCRETIZATIONS)),
            "alpha": Slider(title="α of gbt", value=now.alpha, start=0, end=1, step=0.05, disabled=True),
            "method": Select(title="kernel method", value=now.method, options=list(KERNEL_METHODS)),
        }

    def turned(self, attribute: str, old: Any, new: Any) -> None:
        """A control was moved: compute when all has come to rest."""
        if self.pending is not None:
            self.document.remove_timeout_callback(self.pending)
        self.status.text = "computing …"
        self.pending = self.document.add_timeout_callback(self.refresh, PAUSE)

    def read(self) -> Settings:
        """The settings that the controls say now."""
        values = {name: control.value for name, control in self.inputs.items()}
        self.inputs["alpha"].disabled = values["discretization"] != "gbt"
        step = float(f"{10 ** values['dt']:.4g}")
        return replace(self.settings, **values | {"dt": step, "L": int(values["L"]), "N": int(values["N"])})

    def refresh(self) -> None:
        """Compute beside the page; show when it is done."""
        self.pending, self.settings = None, self.read()
        self.computed.cancel()  # what has not begun is not wanted any more
        self.computed = WORKER.submit(look, self.settings)
        self.computed.add_done_callback(partial(self.finished, self.settings))

    def finished(self, settings: Settings, computed: Future[View]) -> None:
        """Show a view, unless it was given up or the controls have been moved on; called from the worker."""
        if not computed.cancelled() and settings is self.settings:
            self.document.add_next_tick_callback(partial(self.show, computed.result()))

    def show(self, view: View) -> None:
        """Hand the numbers of a view to the pictures."""
        sentences = "".join(f"<li>{code(each)}</li>" for each in view.messages)
        self.messages.text = sentences and f"<ul role='alert' style='border-left:4px solid #D55E00'>{sentences}</ul>"
        eigenvalues = np.zeros(0, complex) if view.spectrum is None else view.spectrum.eigenvalues
        self.place("A", eigenvalues)
        frame(self.spectrum, eigenvalues.real, eigenvalues.imag, 0.0)
        z = self.settings.dt * eigenvalues
        self.place("z", z)
        self.shade(view.region, 1.2 * max(2.0, float(np.abs(z).max(initial=0.0))))
        poles = np.zeros(0, complex) if view.poles is None else view.poles
        self.place("poles", poles)
        zoom(self.steps, 1.1 * max(1.0, float(np.abs(poles).max(initial=0.0))))
        self.draw_kernel(view)
        rows = "" if view.report is None else "".join(line(*each) for each in view.report.rows().items())
        self.report.text = f"<h2 style='font-size:1.1em'>Condition report</h2><table>{rows}</table>"

    def draw_kernel(self, view: View) -> None:
        """The kernel, how it was computed, and its error where a reference is to be had."""
        K = np.zeros(0) if view.K is None else view.K.real
        error = np.zeros(0) if view.error is None else np.maximum(view.error, FLOOR)
        self.points["K"].data = {"x": np.arange(K.size), "y": K}
        self.points["e"].data = {"x": np.arange(error.size), "y": error}
        frame(self.kernel, np.arange(self.settings.L), K, 0.0)
        predicted = None if view.report is None else view.report.predicted_error
        self.predicted.location = predicted
        self.errors.x_range.update(start=self.kernel.x_range.start, end=self.kernel.x_range.end)
        self.errors.y_range.update(start=FLOOR / 2, end=3 * max(EPS, predicted or 0.0, error.max(initial=0.0)))
        worst = "not known" if error.size == 0 else f"{error.max():.1e} = {error.max() / EPS:.3g} u"
        self.errors.title.text = f"Error of K: {worst}"
        self.kernel.title.text = "Kernel K" if view.info is None else f"Kernel K by {view.info.method}"
        self.status.text = f"Δ = {self.settings.dt:g}. " + ("" if view.info is None else f"Method: {view.info.why}.")

    def place(self, name: str, values: np.ndarray) -> None:
        """Complex numbers as points of the plane."""
        self.points[name].data = {"x": np.real(values), "y": np.imag(values)}

    def shade(self, region: StabilityRegion | None, half: float) -> None:
        """Draw where steps do not grow: everything up to the axis, inside of a circle, or outside of it."""
        edge = np.zeros(0, complex)
        kind = None if region is None else region.kind
        if region is not None and region.center is not None and region.radius is not None:
            edge = region.center + region.radius * CIRCLE
        self.place("region", edge)
        self.half_plane.visible = kind == "half-plane"
        self.whole.visible = kind == "outside"
        look = {"fill_color": COLORS[6], "fill_alpha": 0.35} if kind == "disk" else {"fill_color": "white"}
        self.circle.glyph.update(**look)
        zoom(self.stability, half)
        self.stability.title.text = "Stability region" if region is None else f"Stability region of {region.method}"

    def plane_pictures(self) -> list[Any]:
        """Eigenvalues, the stability region with Δλ, and the poles of the step with the unit circle."""
        self.spectrum = picture("Eigenvalues of A", "Re λ", "Im λ")
        self.spectrum.add_layout(Span(location=0, dimension="height", line_color="#666666"))
        self.spectrum.scatter("x", "y", source=self.points["A"], **marks(0))
        self.stability = picture("Stability region", "Re Δλ", "Im Δλ")
        shade = {"fill_color": COLORS[6], "fill_alpha": 0.35, "level": "underlay"}
        self.half_plane = BoxAnnotation(right=0, **shade)
        self.whole = BoxAnnotation(**shade)
        self.stability.add_layout(self.half_plane)
        self.stability.add_layout(self.whole)
        self.circle = self.stability.patch("x", "y", source=self.points["region"], line_color="#666666")
        self.stability.scatter("x", "y", source=self.points["z"], **marks(1))
        self.steps = picture("Poles of one step", "Re z", "Im z")
        self.steps.line(CIRCLE.real, CIRCLE.imag, color="#666666", line_dash="dashed")
        self.steps.scatter("x", "y", source=self.points["poles"], **marks(2))
        return [self.spectrum, self.stability, self.steps]

    def kernel_pictures(self) -> list[Any]:
        """The kernel, and its error with u and the predicted bound."""
        self.kernel = picture("Kernel K", "l", "K_l", WIDTH // 2 - 70)
        self.kernel.line("x", "y", source=self.points["K"], color=COLORS[0], line_width=1.5)
        self.errors = picture("Error of K", "l", "relative to max |K|", WIDTH // 2 - 70, y_axis_type="log")
        self.errors.scatter("x", "y", source=self.points["e"], **{**marks(1), "size": 3})
        self.kernel.name, self.errors.name = "kernel", "errors"
        self.predicted = Span(location=None, dimension="width", line_color=COLORS[2], line_dash="dashed")
        self.errors.add_layout(Span(location=EPS, dimension="width", line_color="black"))
        self.errors.add_layout(self.predicted)
        return [self.kernel, self.errors]


def picture(title: str, x: str, y: str, width: int = FRAME, **options: Any) -> Any:
    """An empty picture with the look of all."""
    size = {"frame_width": width, "frame_height": HEIGHT, "x_range": (0.1, 1), "y_range": (0.1, 1)}
    tools = {"tools": "pan,wheel_zoom,reset,save", "toolbar_location": "above"}
    return figure(title=title, x_axis_label=x, y_axis_label=y, **size, **tools, **options)


def frame(picture: Any, x: np.ndarray, y: np.ndarray, *seen: float) -> None:
    """Show all points, and the given numbers on both axes, with a margin."""
    for values, axis in ((x, picture.x_range), (y, picture.y_range)):
        least, most = (f([*values, *seen]) for f in (min, max))
        margin = 0.06 * (most - least) or 1.0
        axis.update(start=float(least - margin), end=float(most + margin))


def zoom(picture: Any, half: float) -> None:
    """Centre a plane at 0, with equal scales."""
    picture.y_range.update(start=-half, end=half)
    picture.x_range.update(start=-half * FRAME / HEIGHT, end=half * FRAME / HEIGHT)


def marks(index: int) -> dict[str, Any]:
    """Shape and colour of points, as in the package's other figures."""
    shapes = ("circle", "square", "triangle")
    return {"marker": shapes[index], "size": 6, "line_color": COLORS[index], "fill_color": None}


def code(sentence: str) -> str:
    """A sentence of the package as HTML, names in backticks as code."""
    parts = escape(sentence).split("`")
    return "".join(f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts))


def line(name: str, text: str) -> str:
    """A row of the report."""
    return (
        f"<tr><th scope='row' style='text-align:left;padding-right:1em'>{escape(name)}</th><td>{escape(text)}</td></tr>"
    )
