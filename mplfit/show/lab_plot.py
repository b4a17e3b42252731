"""Figures of the lab: the coordinate check, and forecasts beside outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mplfit.lab.coordinates import CoordinateCheck
from mplfit.lab.loop import Judgement

# The house's style, in one place: plot.py.
from mplfit.show.plot import _COLOURS, _tidy, axes_for, figure_for, figure_of
from mplfit.show.sweep_law_plot import size_ticks

__all__ = ["plot_coordinates", "plot_outcomes"]


def plot_outcomes(judgements: Sequence[Judgement], *, ax: Axes | None = None) -> Figure:
    """Forecasts with their intervals, a row a schedule, and the final losses of the seeds."""
    axes = axes_for(ax, (7.5, 0.6 * len(judgements) + 1.4))
    loops = list(judgements[0].forecasts) if judgements else []
    for row, one in enumerate(judgements):
        for number, loop in enumerate(loops):
            at = row + 0.16 * (number + 1)
            made = one.forecasts[loop]
            label = f"forecast, loop {loop}" if row == 0 else None
            ends = [made.low, made.high]
            axes.plot(ends, [at, at], linewidth=1.6, color=_COLOURS[number], label=label)
            axes.plot([made.loss], [at], "o", markersize=4, color=_COLOURS[number])
        axes.plot(
            one.observed, [row] * len(one.observed), "|", color="black", markersize=9,
            label="observed, a seed each" if row == 0 else None,
        )  # fmt: skip
    axes.set_yticks(range(len(judgements)), [one.name for one in judgements])
    axes.invert_yaxis()
    axes.set_xlabel("final loss on held-out data")
    axes.legend(frameon=False, fontsize=8)
    _tidy(axes)
    return figure_of(axes)


def plot_coordinates(checks: Mapping[str, CoordinateCheck], *, fig: Figure | None = None) -> Figure:
    """Activations' scale against width, a panel a parametrization, a line a step of the output."""
    figure = figure_for(fig, (4.6 * max(len(checks), 1), 4.0))
    panels = figure.subplots(1, max(len(checks), 1), squeeze=False, sharey=True)[0]
    for panel, (name, check) in zip(panels, checks.items(), strict=True):
        last = max(check.steps)
        for number, activation in enumerate(check.names):
            colour = _COLOURS[number % len(_COLOURS)]
            for step in (min(check.steps), last):
                at = check.steps.index(step)
                values = [after[at].value for after in check.scale[activation]]
                panel.plot(
                    check.widths, values, "o-" if step == last else "--", color=colour,
                    markersize=3, linewidth=1.2, label=activation if step == last else None,
                )  # fmt: skip
        panel.set_xscale("log")
        panel.set_yscale("log")
        size_ticks(panel, [float(width) for width in check.widths])
        panel.set_title(
            f"{name}: after {last} updates (dashed: before any)", loc="left", fontsize=9
        )
        panel.set_xlabel("width")
        _tidy(panel)
    panels[0].set_ylabel("root mean square")
    panels[-1].legend(frameon=False, fontsize=7)
    return figure
