"""Figures of what a sweep's best rates and losses do with size: transfer, laws, bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter

# The house's style, in one place: plot.py.
from mplfit.show.plot import _COLOURS, _tidy, axes_for, figure_for, figure_of
from mplfit.sweeps.analysis import Part
from mplfit.sweeps.power_law import PowerLaw
from mplfit.sweeps.settings import Slice, values_of
from mplfit.sweeps.table import label

__all__ = ["plot_rate_law", "plot_size_law", "plot_transfer", "size_ticks"]

_BAND = 0.18


def plot_transfer(parts: Sequence[Part], *, fig: Figure | None = None) -> Figure:
    """Best rate against every size that varies, the parametrizations in one panel for each."""
    names = list(dict.fromkeys(t.slice.size for part in parts for t in part.transfers))
    figure = figure_for(fig, (max(4.2 * len(names), 6), 4.8))
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=True):
        number, ticks = 0, set()
        for place, part in enumerate(parts):
            for t in part.transfers:
                if t.slice.size != name:
                    continue
                fixed = label(t.fixed) if t.fixed else ""
                text = part.name + (f"\n({fixed})" if fixed else "")
                nudge = 1 + 0.035 * number
                colour = _COLOURS[place % len(_COLOURS)]
                _draw_optima(axes, t.slice, colour, nudge, text)
                if t.slope is not None:
                    _draw_slope(axes, t.slice, t.slope, colour)
                ticks |= set(t.slice.values)
                number += 1
        axes.set_xscale("log")
        axes.set_yscale("log")
        size_ticks(axes, sorted(ticks))
        axes.set_xlabel(name)
        axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14))
        _tidy(axes)
    panels[0].set_ylabel("best learning rate")
    figure.suptitle(
        "Best rate: lowest on the grid (hollow), interpolated with 95 % interval (filled)",
        x=0.01,
        ha="left",
        fontsize=10,
    )
    return figure


def plot_rate_law(part: Part, method: str, *, ax: Axes | None = None) -> Figure:
    """Best rate against size on log axes: the chosen law with its band, and the grid's line."""
    law = part.law(method)
    assert law is not None
    size = law.variables[0]
    axes = axes_for(ax, (7.2, 5))
    found = [one for one in part.optima if "no optimum" not in one.flags]
    every = values_of(found, size)
    at = np.geomspace(every.min() / 1.3, every.max() * 1.3, 200)
    best, low, high = law.predict(at[:, None])
    axes.fill_between(at, low, high, color=_COLOURS[0], alpha=_BAND, linewidth=0, label="95 % band")
    axes.plot(at, best, color=_COLOURS[0], label=_law_label(law))
    grid = next(
        (one for one in part.laws if one.method == "grid" and one.variables == (size,)), law
    )
    if grid is not law:
        line = grid.predict(at[:, None])[0]
        axes.plot(at, line, "--", color=_COLOURS[1], linewidth=1.2, label=_law_label(grid))
    tried = [one for one in found if "single rate" not in one.flags]
    _draw_optima(axes, Slice(size, {}, tuple(tried)), "black", 1.0, "interpolated, 95 %", grid=True)
    single = [one for one in found if "single rate" in one.flags]
    if single:
        axes.plot(
            values_of(single, size),
            [one.grid_lr for one in single],
            *("x",),
            color=_COLOURS[6],
            markersize=8,
            markeredgewidth=2,
            label="only rate tried (left out)",
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(size)
    axes.set_ylabel("best learning rate")
    axes.set_title(f"Best rate, {part.name}", loc="left")
    axes.legend(frameon=False, fontsize=8)
    _tidy(axes)
    return figure_of(axes)


def plot_size_law(part: Part, *, ax: Axes | None = None) -> Figure:
    """Loss at the best rate against size: the laws with a floor and without, and their bands."""
    size = part.size_laws[0].size
    axes = axes_for(ax, (7.2, 4.6))
    kept = [one for one in part.optima if one.usable]
    values = values_of(kept, size)
    at = np.geomspace(values.min() / 1.2, values.max() * 3, 200)
    for number, law in enumerate(one for one in part.size_laws if one.size == size):
        best, low, high = law.predict(at)
        colour = _COLOURS[number]
        axes.fill_between(at, low, high, color=colour, alpha=_BAND, linewidth=0)
        text = f"{law.E:.3f} + {law.A:.3f}" if law.floor else f"{law.A:.3f}"
        text += f" · ({size} / {law.reference:.10g})^−{law.alpha:.3f}"
        axes.plot(at, best, color=colour, label=text, linestyle="-" if law.floor else "--")
    loss = np.array([one.loss for one in kept])
    ends = np.array([one.loss_interval for one in kept]).T
    bars = np.abs(ends - loss)
    axes.errorbar(
        values, loss, bars, fmt="o", color="black", capsize=2, markersize=5, label="best loss, 95 %"
    )
    axes.set_xscale("log")
    axes.set_xlabel(size)
    axes.set_ylabel("loss at the best rate")
    axes.set_title(f"Loss at the best rate, {part.name}", loc="left")
    axes.legend(frameon=False, fontsize=8)
    _tidy(axes)
    return figure_of(axes)


def _draw_optima(
    axes: Axes, along: Slice, colour: str, nudge: float, name: str, grid: bool = False
) -> None:
    optima = along.optima
    at = along.values * nudge
    lr = np.array([one.lr for one in optima])
    ends = np.array([one.interval for one in optima]).T
    axes.errorbar(
        at, lr, np.abs(ends - lr), fmt="D", color=colour, markersize=5, capsize=3, label=name
    )
    axes.plot(
        at, [one.grid_lr for one in optima], "o", mfc="none", mec=colour, ms=10,
        label="lowest on the grid" if grid else None,
    )  # fmt: skip


def _draw_slope(axes: Axes, along: Slice, slope: float, colour: str) -> None:
    inner = [one for one in along.optima if one.usable and one.log_error > 0]
    weight = [1 / one.log_error**2 for one in inner]
    x, y = np.log(values_of(inner, along.size)), np.log([one.lr for one in inner])
    centre = np.average(x, weights=weight), np.average(y, weights=weight)
    ends = along.values[[0, -1]]
    axes.plot(ends, np.exp(centre[1] + slope * (np.log(ends) - centre[0])), color=colour, lw=1)


def _law_label(law: PowerLaw) -> str:
    low, high = -law.intervals[0][1], -law.intervals[0][0]
    return (
        f"{law.method}: {law.eta0:.3g} · ({law.reference[0]:.10g} / {law.variables[0]})^γ, "
        f"γ = {law.gamma:.3f} [{low:.2f}, {high:.2f}]"
    )


def size_ticks(axes: Axes, values: Sequence[float]) -> None:
    if 1 < len(values) <= 8:
        axes.xaxis.set_major_locator(FixedLocator(list(values)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(FixedLocator([]))
