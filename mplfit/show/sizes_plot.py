"""Figures of a law over sizes: losses against size with bands, and residuals by size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator, PercentFormatter

from mplfit.assess.intervals import LEVELS
from mplfit.curve import Curve, RunSize
from mplfit.laws.base import to_params
from mplfit.schedule import Schedule
from mplfit.show.plot import (  # the house's style, in one place
    _COLOURS,
    _tidy,
    axes_for,
    figure_for,
    figure_of,
)
from mplfit.sizes.result import Sizes

__all__ = ["plot_size_losses", "plot_size_residuals"]

_AT = 25  # sizes at which a line is drawn


def plot_size_losses(
    law: Sizes,
    schedules: Mapping[str, Schedule],
    curves: Sequence[Curve],
    largest: float,
    *,
    ax: Axes | None = None,
) -> Figure:
    """Final loss against size under each schedule, with 80 % bands, and L0(N).

    curves : the runs; final losses of those that have one of the schedules are drawn as points.
    largest : the size up to which lines go.
    """
    axes = axes_for(ax, (7.2, 5))
    low = law.sizes[0].parameters
    sizes = np.geomspace(low / 1.3, max(largest, law.largest) * 1.3, _AT)
    places = [_between(law, float(N)) for N in sizes]
    for k, (name, schedule) in enumerate(schedules.items()):
        finals = [law.final(size, schedule) for size in places]
        loss = np.array([one.loss for one in finals])
        width = np.exp(LEVELS[0.80] * np.array([one.sd for one in finals]))
        colour = _COLOURS[k % len(_COLOURS)]
        axes.plot(sizes, loss, color=colour, label=f"{name}, {schedule.steps:,} updates")
        axes.fill_between(sizes, loss / width, loss * width, color=colour, alpha=0.18, linewidth=0)
        known = [
            (curve.size.count, curve.loss[-1])
            for curve in curves
            if curve.size.count and np.array_equal(curve.schedule.lr, schedule.lr)
        ]
        if known:
            axes.plot(*zip(*known, strict=True), "o", color=colour, markersize=4)
    floors = [float(np.exp(law.law_slopes(size)[0][0])) for size in places]
    axes.plot(sizes, floors, ":", color="black", linewidth=1.2, label="L0(N)")
    axes.plot(
        [size.parameters for size in law.sizes], [np.exp(size.own[0]) for size in law.sizes],
        ".", color="black", markersize=4,
    )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("parameters")
    axes.set_ylabel("final loss")
    axes.legend(frameon=False, fontsize=8)
    _tidy(axes)
    return figure_of(axes)


def _between(law: Sizes, parameters: float) -> RunSize:
    """A size that is none of those with runs, so that a line is the law's."""
    size = RunSize(parameters=parameters)
    while law.of(size) is not None:
        parameters *= 1.011
        size = RunSize(parameters=parameters)
    return size


def plot_size_residuals(
    law: Sizes, curves: Sequence[Curve], *, fig: Figure | None = None
) -> Figure:
    """Relative errors of every run's rows against the share of the run, one panel for each size."""
    columns = min(4, len(law.sizes))
    rows = -(-len(law.sizes) // columns)
    figure = figure_for(fig, (2.6 * columns + 0.6, 1.9 * rows + 0.5))
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    by_name = {curve.name: curve for curve in curves}
    for axes, size in zip(panels, law.sizes, strict=False):
        formula = law.units.law(size.parameters)
        params = to_params(formula, size.own)
        axes.axhline(0, color="black", linewidth=0.8)
        for k, name in enumerate(size.runs):
            curve = by_name[name]
            off = curve.loss / formula.at(curve.schedule, curve.step).loss(params) - 1
            axes.plot(curve.step + 1, off, ".", markersize=2, color=_COLOURS[k % len(_COLOURS)])
        axes.set_title(size.label, fontsize=9)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
        _tidy(axes)
    for axes in panels[len(law.sizes) :]:
        axes.set_visible(False)
    figure.supxlabel("updates", fontsize=9)
    figure.supylabel("observed above predicted", fontsize=9)
    return figure
