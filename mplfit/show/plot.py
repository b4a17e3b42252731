"""Figures of schedules, curves, fits and predictions. The only importer of matplotlib.

Functions return `matplotlib.figure.Figure` objects, without pyplot and its global state;
`png` turns one into the bytes of a file, the same bytes for the same figure.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, TypedDict, cast

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import EngFormatter, FuncFormatter, PercentFormatter

from mplfit.assess.predict import Prediction
from mplfit.curve import Curve
from mplfit.estimate.result import Fit
from mplfit.plan.optimize import Line, Plan
from mplfit.schedule import Schedule
from mplfit.schedule.knots import drawn_steps
from mplfit.types import FloatArray, IntArray

__all__ = [
    "axes_for",
    "draw_fit",
    "figure_for",
    "figure_of",
    "picture",
    "plot_curve",
    "plot_overview",
    "plot_plan",
    "plot_predictions",
    "plot_residuals",
    "plot_schedules",
    "png",
    "svg",
]

Layout: TypeAlias = Literal["constrained"] | None

# Okabe & Ito's colours, told apart by everyone; black stays for observations.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#332288")
_BANDS = 3  # lines that all have one; of more lines the emphasized and the best other one do
_LINES = ("-", "--", "-.", ":")
# Fixed margins: matplotlib's layout engines double the time that a figure takes.
_MARGINS = {"left": 0.12, "right": 0.97, "top": 0.95, "bottom": 0.08, "hspace": 0.12}
_POINTS = 1200  # a line needs no more to look smooth


def figure_for(
    fig: FigureBase | None, size: tuple[float, float], layout: Layout = "constrained"
) -> Figure:
    """The figure or subfigure that was given, else a new one of a size in inches."""
    return cast("Figure", fig) if fig is not None else Figure(figsize=size, layout=layout)


def axes_for(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The axes that were given, else those of a new figure of a size in inches."""
    return figure_for(None, size).subplots() if ax is None else ax


def figure_of(axes: Axes) -> Figure:
    """The figure that axes stand in."""
    return cast("Figure", axes.get_figure(root=True))


def png(figure: Figure, dpi: int = 110) -> bytes:
    """The figure as a PNG file.

    Characters of a name that matplotlib's font lacks are drawn as boxes.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(
            buffer,
            format="png",
            dpi=dpi,
            metadata={"Software": None},
            pil_kwargs={"compress_level": 3},  # a third of the time of 6, for 10 % more bytes
        )
    return buffer.getvalue()


def svg(figure: Figure) -> bytes:
    """The figure as an SVG file: the same bytes for the same figure, its text as text."""
    buffer = io.BytesIO()
    # Without a salt and with a date, no two files would be the same.
    with rc_context({"svg.hashsalt": "mplfit", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def pdf(figure: Figure) -> bytes:
    """The figure as a PDF file: the same bytes for the same figure."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(buffer, format="pdf", metadata={"CreationDate": None, "Producer": None})
    return buffer.getvalue()


def picture(figure: Figure, kind: str = "png") -> bytes:
    """The figure as a file of a kind: png, svg or pdf."""
    return {"png": png, "svg": svg, "pdf": pdf}[kind](figure)


def plot_residuals(
    curve: Curve, fits: Mapping[str, Fit], points: int = _POINTS, *, fig: Figure | None = None
) -> Figure:
    """One run under several fits: losses, relative errors and the rate, thinned to `points` rows.

    Where there are more rows, those shown are spread evenly and include the largest errors. The
    figure holds no name of a curve: those may be anything.
    """
    figure = figure_for(fig, (7, 5.2), layout=None)
    losses, errors, rates = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1.6, 1.2], **_MARGINS, "hspace": 0.3}
    )
    error = {
        law: fit.loss(curve.schedule, curve.step) / curve.loss - 1 for law, fit in fits.items()
    }
    rows = _shown(list(error.values()), len(curve), points)
    step, loss = curve.step[rows], curve.loss[rows]
    losses.plot(step, loss, ".", color="black", markersize=2.5, label="observed")
    errors.axhline(0, color="black", linewidth=0.8)
    for number, (law, off) in enumerate(error.items()):
        style = _style(number + 1, thick=False)
        losses.plot(step, loss * (1 + off[rows]), label=_plain(law), **style)
        errors.plot(step, off[rows], **style)
    _frame(losses, [(step, loss)])
    losses.set_ylabel("loss")
    losses.legend(frameon=False, fontsize=8)
    errors.set_ylabel("relative error")
    errors.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    rates.plot(*_thin(curve.schedule), color=_COLOURS[2])
    _rate_axis(rates)
    rates.set_ylabel("rate")
    _step_axis(rates)
    _place_labels(losses, errors, rates, below=0.36)
    for axes in (losses, errors, rates):
        _tidy(axes)
    return figure


def _shown(errors: Sequence[FloatArray], rows: int, points: int) -> IntArray:
    """Which rows to draw: all, or evenly spread ones and the largest errors of each fit."""
    if rows <= points:
        return np.arange(rows)
    even = np.linspace(0, rows - 1, points).astype(np.int64)
    worst = [np.argsort(np.abs(error))[-20:] for error in errors]
    shown: IntArray = np.unique(np.concatenate([even, *worst]))
    return shown


def plot_schedules(schedules: Mapping[str, Schedule], *, ax: Axes | None = None) -> Figure:
    """The rates of some schedules against the step."""
    axes = axes_for(ax, (8, 4))
    _draw_schedules(axes, schedules)
    axes.set_title("Learning-rate schedules", loc="left")
    _legend(axes, len(schedules))
    return figure_of(axes)


def plot_curve(curve: Curve, fit: Fit, role: str, *, fig: Figure | None = None) -> Figure:
    """One run: observed and predicted loss, relative error, and the schedule, over one axis.

    `role` says what the run was to the fit, such as "training" or "held out".
    """
    figure = figure_for(fig, (8, 7), layout=None)
    losses, errors, rates = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1.2, 1.2], **_MARGINS}
    )
    draw_fit(losses, curve, fit)
    losses.set_ylabel("loss")
    losses.set_title(f"{_plain(curve.name)} ({role})", loc="left", y=1.0)
    losses.legend(frameon=False)
    error = fit.loss(curve.schedule, curve.step) / curve.loss - 1
    errors.axhline(0, color="black", linewidth=0.8)
    errors.plot(curve.step, error, color=_COLOURS[0], linewidth=1)
    errors.set_ylabel("predicted /\nobserved − 1")
    errors.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    rates.plot(*_thin(curve.schedule), color=_COLOURS[2])
    _rate_axis(rates)
    _step_axis(rates)
    _place_labels(losses, errors, rates)
    for axes in (losses, errors, rates):
        _tidy(axes)
    return figure


def plot_overview(
    curves: Sequence[tuple[Curve, str]], fit: Fit, *, fig: Figure | None = None
) -> Figure:
    """All runs of a fit side by side: observed and predicted loss, one small panel each."""
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    height = 2.7 * rows + 0.5
    figure = figure_for(fig, (4 * columns, height), layout=None)
    if fig is None:
        figure.subplots_adjust(
            left=0.16 / columns, right=1 - 0.03 / columns, bottom=0.3 / height,
            top=1 - 0.85 / height, wspace=0.2, hspace=0.45,
        )  # fmt: skip
    panels = np.atleast_1d(figure.subplots(rows, columns, squeeze=False).ravel())
    for axes, (curve, role) in zip(panels, curves, strict=False):
        draw_fit(axes, curve, fit)
        error = np.abs(fit.loss(curve.schedule, curve.step) - curve.loss).mean()
        text = f"{_plain(curve.name)}\n{role}, MAE {error:.4f}"
        axes.set_title(text, loc="left", fontsize=9, y=1.0)
        _step_axis(axes, label=False)
        _tidy(axes)
    for axes in panels[len(curves) :]:
        axes.set_visible(False)
    panels[0].legend(frameon=False, fontsize=8)
    figure.suptitle(
        f"Loss against step: observed, and the fitted law ({fit.law})",
        fontsize=11,
        y=1 - 0.1 / height,
    )
    return figure


def plot_predictions(
    found: Mapping[str, Prediction],
    *,
    emphasis: str = "",
    fig: Figure | None = None,
) -> Figure:
    """Predicted losses over the steps of some schedules with 95 % bands; the schedules below.

    `emphasis` names a schedule to draw thicker.
    """
    lines = {}
    for name, one in found.items():
        step = drawn_steps(one.schedule)
        lines[name] = Line(step, one.lr[step], one.loss[step], one.low, one.high)
    return _plot_lines(lines, emphasis, "predicted loss", fig=fig)


def plot_plan(plan: Plan, *, fig: Figure | None = None) -> Figure:
    """The losses and rates of a plan's schedule and of the usual ones."""
    lines = {one.name: one.line for one in (plan.best, *plan.baselines)}
    what = "predicted loss" if plan.what == "loss" else plan.what
    return _plot_lines(lines, plan.best.name, what, fig=fig)


def _plot_lines(
    lines: Mapping[str, Line], emphasis: str, what: str, *, fig: Figure | None = None
) -> Figure:
    figure = figure_for(fig, (8, 6.5))
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2]})
    others = [name for name in lines if name != emphasis]
    rival = min(others, key=lambda name: lines[name].loss[-1], default="")  # the nearest to it
    banded = False
    for number, (name, line) in enumerate(lines.items()):
        style = _style(number, name == emphasis)
        top.plot(line.step, line.loss, label=f"{_plain(name)}: {line.loss[-1]:.4f}", **style)
        bottom.plot(line.step, line.lr, label=_plain(name), **style)
        if line.low.size and (len(lines) <= _BANDS or name in (emphasis, rival)):
            top.fill_between(
                line.step, line.low, line.high, color=style["color"], alpha=0.13, linewidth=0
            )
            banded = True
    _frame(top, [(line.step, line.loss) for line in lines.values()])
    top.set_ylabel(what)
    bands = "; bands: 95 %" if banded else ""
    title = f"{what.capitalize()}, with its value after the last update{bands}"
    top.set_title(title, loc="left", fontsize=10)
    if len(lines) > 4:  # beside the lines it would take a third of the width
        handles, names = top.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower left", ncols=2, frameon=False, fontsize=8)
    else:
        _legend(top, len(lines))
    _rate_axis(bottom)
    _step_axis(bottom)
    for axes in (top, bottom):
        _tidy(axes)
    return figure


def draw_fit(axes: Axes, curve: Curve, fit: Fit) -> None:
    last = curve.schedule.steps - 1
    at = np.unique(np.linspace(curve.step[0], last, _POINTS).astype(np.int64))
    predicted = fit.loss(curve.schedule, at)
    axes.plot(curve.step, curve.loss, ".", color="black", markersize=3, label="observed")
    axes.plot(at, predicted, color=_COLOURS[1], linewidth=1.2, label="predicted")
    _frame(axes, [(at, predicted), (curve.step, curve.loss)])


def _draw_schedules(axes: Axes, schedules: Mapping[str, Schedule], emphasis: str = "") -> None:
    for number, (name, schedule) in enumerate(schedules.items()):
        axes.plot(*_thin(schedule), label=_plain(name), **_style(number, name == emphasis))
    _rate_axis(axes)
    _step_axis(axes)
    _tidy(axes)


def _thin(schedule: Schedule) -> tuple[IntArray, FloatArray]:
    at = drawn_steps(schedule)
    return at, schedule.lr[at]


def _frame(axes: Axes, lines: Sequence[tuple[IntArray, FloatArray]]) -> None:
    """Show the losses from the time when the steep beginning is over."""
    later, every = [], []
    for at, loss in lines:
        kept = np.isfinite(loss)
        every.append(loss[kept])
        later.append(loss[kept & (at >= 0.12 * at[-1])])
    low = min(float(loss.min()) for loss in every if loss.size)
    high = max(float(loss.max()) for loss in (later if all(map(len, later)) else every))
    height = high - low or 0.1 * high  # all losses the same: still an axis
    axes.set_ylim(low - 0.04 * height, high + 0.04 * height)


def _plain(text: str) -> str:
    """A name as it is: matplotlib would read what stands between dollar signs as a formula."""
    return text.replace("$", r"\$")


class _LineStyle(TypedDict):
    color: str
    linestyle: str
    linewidth: float
    zorder: float


def _style(number: int, thick: bool) -> _LineStyle:
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "linestyle": _LINES[number // len(_COLOURS) % len(_LINES)],
        "linewidth": 2.4 if thick else 1.2,
        "zorder": 3 if thick else 2,
    }


def _legend(axes: Axes, count: int) -> None:
    if count > 6:
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    else:
        axes.legend(frameon=False, fontsize=8)


def _step_axis(axes: Axes, label: bool = True) -> None:
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    if label:
        axes.set_xlabel("step")


def _place_labels(*panels: Axes, below: float = 0.24) -> None:
    """Labels of stacked panels at fixed places: to find free ones takes as long as to draw."""
    for axes in panels:
        axes.yaxis.set_label_coords(-0.09, 0.5)
    panels[-1].xaxis.set_label_coords(0.5, -below)


def _rate_axis(axes: Axes) -> None:
    axes.set_ylabel("learning rate")
    axes.yaxis.set_major_formatter(FuncFormatter(_short))


def _short(rate: float, _: int | None = None) -> str:
    """3e-4, not the "×10⁻⁴" above the axis: to set that formula takes as long as all the lines."""
    digits, power = f"{rate:.3e}".split("e")
    return f"{float(digits):g}e{int(power)}" if rate else "0"


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
