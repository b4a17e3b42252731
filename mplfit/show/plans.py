"""Figures of what is still to come: the runs to do next, and the rest of a run in progress."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from mplfit.assess.intervals import LEVELS
from mplfit.plan.design import Design
from mplfit.plan.forecast import Forecast
from mplfit.schedule import Schedule
from mplfit.schedule.knots import drawn_steps
from mplfit.show.plot import (
    _COLOURS,
    _draw_schedules,
    _frame,
    _legend,
    _plain,
    _step_axis,
    _tidy,
    figure_for,
)

__all__ = ["plot_design", "plot_forecast"]


def plot_design(
    design: Design, candidates: Mapping[str, Schedule], *, fig: Figure | None = None
) -> Figure:
    """The half-width of the target's interval against the steps spent, and the candidates."""
    figure = figure_for(fig, (8, 6.5))
    top, bottom = figure.subplots(2, 1, gridspec_kw={"height_ratios": [3, 2]})
    width = LEVELS[0.95]
    spent = np.cumsum([0, *(choice.steps for choice in design.choices)])
    halves = width * np.array([design.before, *(choice.sd for choice in design.choices)])
    for name, sd in design.choices[0].others.items():
        top.plot(candidates[name].steps, width * sd, "o", color="0.6", markersize=5)
        top.annotate(
            _plain(name), (candidates[name].steps, width * sd), fontsize=8, color="0.4",
            xytext=(4, 4), textcoords="offset points",
        )  # fmt: skip
    top.plot(spent, halves, "o-", color=_COLOURS[0], label="the runs chosen, one after the other")
    for choice, at, half in zip(design.choices, spent[1:], halves[1:], strict=True):
        top.annotate(
            _plain(choice.name), (at, half), fontsize=9, color=_COLOURS[0],
            xytext=(4, -12), textcoords="offset points",
        )  # fmt: skip
    top.axhline(width * design.floor, color="black", linewidth=0.8, linestyle=":")
    top.annotate(
        "left whatever is run", (spent[-1], width * design.floor), fontsize=8, ha="right",
        xytext=(0, 3), textcoords="offset points",
    )  # fmt: skip
    top.set_ylim(bottom=0)
    top.margins(x=0.08)
    top.set_ylabel(f"± of the {design.what} (95 %)")
    top.set_title("What each run would tell (grey: one candidate alone)", loc="left")
    _step_axis(top, label=False)
    top.set_xlabel("steps spent")
    _legend(top, 1)
    _draw_schedules(bottom, candidates)
    _legend(bottom, len(candidates))
    _tidy(top)
    return figure


def plot_forecast(forecast: Forecast, *, fig: Figure | None = None) -> Figure:
    """The rows so far, the curve to come with its intervals, and the rate."""
    figure = figure_for(fig, (8, 6.5))
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1.3]})
    run, rest = forecast.run, forecast.interval
    shown = np.isin(forecast.step, drawn_steps(run.schedule))
    shown[-1] = True
    at = forecast.step[shown]
    for level, alpha in zip(sorted(LEVELS, reverse=True), (0.18, 0.3), strict=True):
        low, high = rest.bounds(level)
        top.fill_between(
            at, low[shown], high[shown], color=_COLOURS[0], alpha=alpha, linewidth=0,
            label=f"{100 * level:.0f} %",
        )  # fmt: skip
    so_far = np.unique(np.linspace(run.step[0], run.step[-1], 400).astype(np.int64))
    top.plot(run.step, run.loss, ".", color="black", markersize=3, label="observed")
    fitted = forecast.fit.loss(run.schedule, so_far)
    top.plot(so_far, fitted, color=_COLOURS[1], linewidth=1.0, label="fitted")
    top.plot(at, rest.loss[shown], color=_COLOURS[0], linewidth=1.6, label="forecast")
    low, high = rest.bounds(0.95)
    _frame(top, [(run.step, run.loss), (at, low[shown]), (at, high[shown])])
    top.set_ylabel("loss")
    top.set_title(
        f"{_plain(run.name)}: {low[-1]:.4f} to {high[-1]:.4f} at the end (95 %)", loc="left"
    )
    top.legend(frameon=False, fontsize=8)
    _draw_schedules(bottom, {run.name: run.schedule})
    bottom.axvline(int(run.step[-1]), color="black", linewidth=0.8, linestyle=":")
    _tidy(top)
    return figure
