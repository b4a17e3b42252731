"""Small figures of results: what is predicted, a row each or a line, with its 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mplfit.assess.compare import Comparison
from mplfit.assess.intervals import LEVELS
from mplfit.bounds.table import BoundTable
from mplfit.plan.design import Design
from mplfit.plan.extend import Extension
from mplfit.show.plot import _COLOURS, _plain, _tidy, axes_for, figure_of
from mplfit.sizes.design import SizeDesign
from mplfit.sizes.frontier import Frontier
from mplfit.sizes.predictions import SizePredictions
from mplfit.sizes.rollout import Rollout

__all__ = [
    "plot_bound_table",
    "plot_comparison",
    "plot_extension",
    "plot_frontier",
    "plot_rollout",
    "plot_sds",
    "plot_size_predictions",
]

Ends: TypeAlias = tuple[float, float] | None
_ALMOST_SURE = LEVELS[0.95]


def plot_bound_table(found: BoundTable, ax: Axes | None) -> Figure:
    """The bound of every schedule at its best peak rate."""
    names = [schedule.name for schedule in found.schedules]
    values = [schedule.best_bound for schedule in found.schedules]
    return _rows(ax, names, values, [None] * len(names), "bound Ω at the best peak rate")


def plot_comparison(found: Comparison, ax: Axes | None) -> Figure:
    """The mean error of every law's final losses on curves that it has not seen, ± 2 errors."""
    groups = {one.law: one.group.final_error for one in found if one.group is not None}
    ends = [
        None if np.isnan(mean.error) else (mean.value - 2 * mean.error, mean.value + 2 * mean.error)
        for mean in groups.values()
    ]
    values = [mean.value for mean in groups.values()]
    return _rows(ax, list(groups), values, ends, "mean |error| of unseen final losses, ± 2 s.e.")


def plot_extension(found: Extension, ax: Axes | None) -> Figure:
    """The predicted loss of every way to go on; without a fit its bound over the planned one."""
    names = [way.how for way in found.ways]
    losses = [way.loss for way in found.ways if way.loss is not None]
    if len(losses) < len(names):
        bounds = [way.bound for way in found.ways]
        return _rows(ax, names, bounds, [None] * len(names), "bound, over that of the plan")
    ends = [(way.intervals or {}).get("0.95") for way in found.ways]
    return _rows(ax, names, losses, ends, "predicted final loss")


def plot_size_predictions(found: SizePredictions, ax: Axes | None) -> Figure:
    """The predicted final loss of every schedule at every size."""
    names = [f"{row.size}, {row.schedule}" for row in found.rows]
    ends = [row.intervals.get("0.95") for row in found.rows]
    return _rows(ax, names, [row.loss for row in found.rows], ends, "predicted final loss")


def plot_rollout(found: Rollout, ax: Axes | None) -> Figure:
    """Observed final losses beside those that the smaller sizes predict."""
    names, values, ends, observed = [], [], list[Ends](), []
    for row in found.rows:
        width = np.exp(_ALMOST_SURE * row.sd)
        names += [f"{row.size}, {name}" for name in row.names]
        values += row.predicted.tolist()
        ends += list(
            zip((row.predicted / width).tolist(), (row.predicted * width).tolist(), strict=True)
        )
        observed += row.observed.tolist()
    figure = _rows(ax, names, values, ends, "final loss (bars: observed)")
    axes = figure.axes[-1] if ax is None else ax
    axes.plot(observed, range(len(observed)), "|", color="black", markersize=9)
    return figure


def plot_frontier(found: Frontier, ax: Axes | None) -> Figure:
    """The predicted loss of the best run for every budget."""
    axes = axes_for(ax, (7, 4))
    flops = [budget.flops for budget in found.budgets]
    low, high = np.transpose([budget.interval for budget in found.budgets])
    axes.fill_between(flops, low, high, color=_COLOURS[0], alpha=0.2, linewidth=0, label="95 %")
    axes.plot(flops, [budget.loss for budget in found.budgets], "o-", color=_COLOURS[0])
    for budget in found.budgets:
        axes.annotate(
            f"N = {budget.parameters:.2g}", (budget.flops, budget.loss), fontsize=8,
            xytext=(3, 4), textcoords="offset points",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel("compute (FLOPs)")
    axes.set_ylabel("predicted loss of the best run")
    axes.legend(frameon=False, fontsize=8)
    _tidy(axes)
    return figure_of(axes)


def plot_sds(found: Design | SizeDesign, ax: Axes | None) -> Figure:
    """Half the width of the target's 95 % interval: now, and after each run that is proposed."""
    axes = axes_for(ax, (7, 4))
    if isinstance(found, Design):
        before, names = found.before, [choice.name for choice in found.choices]
        after, what = [choice.sd for choice in found.choices], f"± of the {found.what} (95 %)"
    else:
        before, names = found.sd, [run.size for run in found.runs]
        after, what = [run.sd for run in found.runs], "± of a final loss (95 %, relative)"
    halves = _ALMOST_SURE * np.array([before, *after])
    axes.plot(range(len(halves)), halves, "o-", color=_COLOURS[0])
    axes.set_xticks(range(len(halves)), ["now", *map(_plain, names)], fontsize=8)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("after the run")
    axes.set_ylabel(what)
    _tidy(axes)
    return figure_of(axes)


def _rows(
    ax: Axes | None,
    names: Sequence[str],
    values: Sequence[float],
    ends: Sequence[Ends],
    what: str,
) -> Figure:
    """A row each: a dot, and a line for the interval where there is one."""
    axes = axes_for(ax, (7.5, 0.4 * len(names) + 1.4))
    for row, (value, interval) in enumerate(zip(values, ends, strict=True)):
        if interval is not None:
            axes.plot(interval, [row, row], color=_COLOURS[0], linewidth=1.6)
        axes.plot([value], [row], "o", color=_COLOURS[0], markersize=5)
    axes.set_yticks(range(len(names)), list(map(_plain, names)), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(what)
    _tidy(axes)
    return figure_of(axes)
