"""The figure of each result, and the functions that draw into figures or axes of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes as Axes
from matplotlib.figure import Figure as Figure

from mplfit.assess.predict import Prediction, Predictions
from mplfit.curve import Curve
from mplfit.errors import OutputError
from mplfit.estimate.result import Fit
from mplfit.plan.advise import Option
from mplfit.schedule import Schedule
from mplfit.show.bound_plot import plot_agreement, plot_scan
from mplfit.show.lab_plot import plot_coordinates, plot_outcomes
from mplfit.show.plans import plot_forecast
from mplfit.show.plot import (
    _COLOURS,
    _POINTS,
    _frame,
    _legend,
    _plain,
    _step_axis,
    _style,
    _tidy,
    axes_for,
    draw_fit,
    figure_of,
    plot_curve,
    plot_overview,
    plot_plan,
    plot_predictions,
    plot_schedules,
)
from mplfit.show.profile_plot import plot_profiles
from mplfit.show.results_plot import (
    plot_bound_table,
    plot_comparison,
    plot_extension,
    plot_frontier,
    plot_rollout,
    plot_sds,
    plot_size_predictions,
)
from mplfit.show.sweep_law_plot import plot_transfer
from mplfit.show.sweep_plot import plot_beside
from mplfit.sweeps.analysis import SweepAnalysis

__all__ = ["Axes", "Figure", "draw", "plot_fit", "plot_prediction", "plot_runs"]


def draw(result: object, ax: Axes | None = None, fig: Figure | None = None) -> Figure:
    """The figure of a result, in a figure or axes of others where one is given.

    Raises
    ------
    OutputError
        If the result has no figure, or it has several panels and `ax` is given.
    """
    name = type(result).__name__
    if name in _PANEL:
        if ax is None and fig is not None:
            ax = fig.subplots()
        return _PANEL[name](result, ax)
    if name not in _PANELS:
        known = ", ".join(sorted({*_PANEL, *_PANELS}))
        raise OutputError(f"{name} has no figure: those of {known} have one")
    if ax is not None:
        raise OutputError(f"the figure of a {name} has several panels: give fig= instead of ax=")
    return _PANELS[name](result, fig)


def plot_runs(runs: Sequence[Curve], *, ax: Axes | None = None) -> Figure:
    """The losses of some runs against the step."""
    axes = axes_for(ax, (8, 4.5))
    for number, curve in enumerate(runs):
        axes.plot(curve.step, curve.loss, label=_plain(curve.name), **_style(number, False))
    _frame(axes, [(curve.step, curve.loss) for curve in runs])
    axes.set_ylabel("loss")
    _step_axis(axes)
    _legend(axes, len(runs))
    _tidy(axes)
    return figure_of(axes)


def plot_prediction(prediction: Prediction, *, ax: Axes | None = None) -> Figure:
    """The predicted losses of one schedule, and the intervals of the final one as bars at it."""
    axes = axes_for(ax, (8, 4.5))
    curve = prediction.curve
    at = np.unique(np.linspace(0, len(curve) - 1, _POINTS).astype(np.int64))
    end = f"{_plain(prediction.name)}: {prediction.final_loss:.4f}"
    axes.plot(curve.step[at], curve.loss[at], color=_COLOURS[0], label=end)
    for (level, (low, high)), width in zip(
        (prediction.intervals or {}).items(), (5, 2), strict=False
    ):
        axes.plot(
            [curve.step[-1]] * 2, [low, high], color=_COLOURS[1], linewidth=width,
            label=f"{100 * float(level):.0f} %: {low:.4f}–{high:.4f}",
        )  # fmt: skip
    _frame(axes, [(curve.step, curve.loss)])
    axes.set_ylabel("predicted loss")
    _step_axis(axes)
    _legend(axes, 1)
    _tidy(axes)
    return figure_of(axes)


def plot_fit(
    fit: Fit, curves: Sequence[Curve], *, ax: Axes | None = None, fig: Figure | None = None
) -> Figure:
    """Every run of a fit, observed and predicted; one of them in more detail, where it is alone."""
    if ax is not None and len(curves) == 1:
        draw_fit(ax, curves[0], fit)
        return figure_of(ax)
    if ax is not None:
        raise OutputError(
            "ax= takes one run: give fig= for a figure of several, or one of the runs"
        )
    roles = {record.name: record.role for record in fit.data}
    said = {"train": "training", "test": "held out"}
    pairs = [(curve, said.get(roles.get(curve.name, ""), "not fitted")) for curve in curves]
    if len(pairs) == 1:
        return plot_curve(pairs[0][0], fit, pairs[0][1], fig=fig)
    return plot_overview(pairs, fit, fig=fig)


def _predictions(found: Predictions, fig: Figure | None) -> Figure:
    return plot_predictions({one.name: one for one in found.predictions}, fig=fig)


def _schedule(schedule: Schedule, ax: Axes | None) -> Figure:
    return plot_schedules({f"{schedule.steps} updates": schedule}, ax=ax)


def _options(options: Sequence[Option], ax: Axes | None) -> Figure:
    return plot_schedules({one.name: one.schedule for one in options}, ax=ax)


def _sweep(found: SweepAnalysis, fig: Figure | None) -> Figure:
    """The best rate against the sizes; where there is one setting alone, the losses."""
    if any(part.transfers for part in found.parts):
        return plot_transfer(found.parts, fig=fig)
    return plot_beside(found.parts, fig=fig)


_PANEL: Mapping[str, Callable[[Any, Axes | None], Figure]] = {
    "Advice": lambda found, ax: _options((found.chosen, found.reference), ax),
    "BoundTable": plot_bound_table,
    "Comparison": plot_comparison,
    "Design": plot_sds,
    "Ending": lambda found, ax: _options([one.option for one in found.ways], ax),
    "Extension": plot_extension,
    "Frontier": plot_frontier,
    "LoopResult": lambda found, ax: plot_outcomes(found.judgements, ax=ax),
    "Rollout": plot_rollout,
    "SizeDesign": plot_sds,
    "SizePredictions": plot_size_predictions,
    "Prediction": lambda found, ax: plot_prediction(found, ax=ax),
    "Runs": lambda found, ax: plot_runs(found, ax=ax),
    "Schedule": _schedule,
}
_PANELS: Mapping[str, Callable[[Any, Figure | None], Figure]] = {
    "Agreement": lambda found, fig: plot_agreement(found, fig=fig),
    "BoundSweep": lambda found, fig: plot_scan({one.name: one for one in found.sweeps}, fig=fig),
    "CoordinateChecks": lambda found, fig: plot_coordinates(found.checks, fig=fig),
    "Forecast": lambda found, fig: plot_forecast(found, fig=fig),
    "Profiles": lambda found, fig: plot_profiles(found, fig=fig),
    "Plan": lambda found, fig: plot_plan(found, fig=fig),
    "Predictions": _predictions,
    "SweepAnalysis": _sweep,
}
