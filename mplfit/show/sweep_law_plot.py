"""Figures of what a sweep's best rates and losses do with size: transfer, laws, bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullFormatter, PercentFormatter

# The house's style, in one place: plot.py.
from mplfit.show.plot import _COLOURS, _tidy, axes_for, figure_for, figure_of
from mplfit.sweeps.analysis import Part
from mplfit.sweeps.batch import OverBatch
from mplfit.sweeps.power_law import PowerLaw
from mplfit.sweeps.settings import Slice, values_of
from mplfit.sweeps.table import label

__all__ = [
    "by_rank",
    "plot_over_batch",
    "plot_rate_law",
    "plot_size_law",
    "plot_transfer",
    "size_ticks",
]

_BAND = 0.18
_SERIES = 8  # of one size, at most
_APART = 0.1  # of an axis, between the ticks of two sizes


def plot_transfer(parts: Sequence[Part], *, fig: Figure | None = None) -> Figure:
    """Best rate against every size that varies, the parametrizations in one panel for each."""
    names = list(dict.fromkeys(t.slice.size for part in parts for t in part.transfers))
    every = {
        name: [(n, p, t) for n, p in enumerate(parts) for t in p.transfers if t.slice.size == name]
        for name in names
    }
    shown = {
        name: [found[k] for k in np.unique(np.linspace(0, len(found) - 1, _SERIES).astype(int))]
        for name, found in every.items()
    }
    high = 4.8 + 0.3 * max(0, max(map(len, shown.values())) - 4)  # room for the legend
    figure = figure_for(fig, (max(4.2 * len(names), 6), high))
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=True):
        ticks = set()
        for number, (place, part, t) in enumerate(shown[name]):
            fixed = label(t.fixed) if t.fixed else ""
            text = part.name + (f"\n({fixed})" if fixed else "")
            several = len(parts) > 1 or len(every[name]) <= _SERIES
            colour = _COLOURS[(place if several else number) % len(_COLOURS)]
            _draw_optima(axes, t.slice, colour, 1 + 0.035 * number, text)
            if t.slope is not None:
                _draw_slope(axes, t.slice, t.slope, colour)
            ticks |= set(t.slice.values)
        if len(every[name]) > _SERIES:
            axes.set_title(f"{_SERIES} of {len(every[name])} series", loc="left", fontsize=9)
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
    found = [optimum for optimum in part.optima if "no optimum" not in optimum.flags]
    every = values_of(found, size)
    at = np.geomspace(every.min() / 1.3, every.max() * 1.3, 200)
    best, low, high = law.predict(at[:, None])
    axes.fill_between(at, low, high, color=_COLOURS[0], alpha=_BAND, linewidth=0, label="95 % band")
    axes.plot(at, best, color=_COLOURS[0], label=_law_label(law))
    grid = next(
        (law for law in part.laws if law.method == "grid" and law.variables == (size,)), law
    )
    if grid is not law:
        line = grid.predict(at[:, None])[0]
        axes.plot(at, line, "--", color=_COLOURS[1], linewidth=1.2, label=_law_label(grid))
    tried = [optimum for optimum in found if "single rate" not in optimum.flags]
    _draw_optima(axes, Slice(size, {}, tuple(tried)), "black", 1.0, "interpolated, 95 %", grid=True)
    single = [optimum for optimum in found if "single rate" in optimum.flags]
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
    for optimum in tried:
        axes.annotate(
            f"{optimum.lr:.2g}", (optimum.group.sizes[size], optimum.lr), xytext=(7, 4),
            textcoords="offset points", fontsize=8,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(size)
    axes.set_ylabel("best learning rate")
    axes.set_title(f"Best rate, {part.name}", loc="left")
    axes.legend(frameon=False, fontsize=8)
    _tidy(axes)
    return figure_of(axes)


def plot_over_batch(found: OverBatch, method: str, *, fig: Figure | None = None) -> Figure:
    """Rate and batch size chosen together: loss against batch size, and both against a size.

    Settings are coloured by the other size. Hollow: at an edge of what was tried, and in no law.
    """
    figure = figure_for(fig, (13, 4.6))
    panels = figure.subplots(1, 3)
    names = list(found.choices[0].setting)
    law = next((one for one in found.batch_laws if one.method == method), None)
    across = law.variables[0] if law is not None and law.variables[0] in names else names[-1]
    other = next((name for name in names if name != across), across)
    levels = sorted({float(choice.setting[other]) for choice in found.choices})
    for choice in found.choices:
        level, at = float(choice.setting[other]), float(choice.setting[across])
        colour = by_rank(levels.index(level), len(levels))
        fill = {"mfc": "none" if any("edge" in flag for flag in choice.flags) else colour}
        batches, losses = choice.curve
        panels[0].plot(batches, losses / choice.loss - 1, ".-", color=colour, linewidth=0.9)
        panels[0].plot(choice.batch, 0, "D", color=colour, markersize=5, **fill)
        nudge = 1 + 0.02 * (levels.index(level) - len(levels) / 2)
        for axes, value, (low, high) in (
            (panels[1], choice.lr, choice.lr_interval),
            (panels[2], choice.batch, choice.batch_interval),
        ):
            axes.errorbar(
                at * nudge, value, [[value - low], [high - value]], fmt="D", color=colour,
                markersize=5, capsize=2, **fill,
            )  # fmt: skip
    ends = [float(choice.setting[across]) for choice in found.choices]
    line = np.geomspace(min(ends), max(ends), 100)
    for axes, laws, what in (
        (panels[1], found.rate_laws, "best rate"),
        (panels[2], found.batch_laws, f"best {found.batch}"),
    ):
        text, law = "", next((law for law in laws if law.method == method), None)
        if law is not None:
            shared = other == across or other not in law.variables
            for number, level in enumerate(levels[:1] if shared else levels):
                sizes = [line if name == across else np.full(100, level) for name in law.variables]
                best, lowest, highest = law.predict(np.stack(sizes, axis=1))
                colour = "black" if shared else by_rank(number, len(levels))
                axes.plot(line, best, color=colour, linewidth=1)
                axes.fill_between(line, lowest, highest, color=colour, alpha=0.07)
            pairs = zip(law.variables, law.exponents, strict=True)
            text = ": " + " · ".join(f"{name}^{exponent:+.2f}" for name, exponent in pairs)
        axes.set_title(what + text, loc="left", fontsize=10)
        axes.set_xlabel(across)
        axes.set_yscale("log")
    panels[0].set_xlabel(found.batch)
    panels[0].set_title("loss above the lowest, relative", loc="left", fontsize=10)
    panels[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    for axes in panels:
        axes.set_xscale("log")
        _tidy(axes)
    handles = [
        Line2D([], [], marker="D", linestyle="", color=by_rank(number, len(levels)), label=text)
        for number, text in enumerate(f"{other} {level:.3g}" for level in levels)
    ]
    if other != across:
        figure.legend(
            handles=handles, loc="outside lower center", ncols=8, frameon=False, fontsize=8
        )
    return figure


def by_rank(number: int, count: int) -> Any:
    """A colour between the ends of a scale: told apart in grey, too."""
    return colormaps["viridis"](0.05 + 0.83 * number / max(1, count - 1))


def plot_size_law(part: Part, *, ax: Axes | None = None) -> Figure:
    """Loss at the best rate against size: the laws with a floor and without, and their bands."""
    size = part.size_laws[0].size
    axes = axes_for(ax, (7.2, 4.6))
    kept = [optimum for optimum in part.optima if optimum.usable]
    values = values_of(kept, size)
    at = np.geomspace(values.min() / 1.2, values.max() * 3, 200)
    for number, law in enumerate(law for law in part.size_laws if law.size == size):
        best, low, high = law.predict(at)
        colour = _COLOURS[number]
        axes.fill_between(at, low, high, color=colour, alpha=_BAND, linewidth=0)
        text = f"{law.E:.3f} + {law.A:.3f}" if law.floor else f"{law.A:.3f}"
        text += f" · ({size} / {law.reference:.10g})^−{law.alpha:.3f}"
        axes.plot(at, best, color=colour, label=text, linestyle="-" if law.floor else "--")
    loss = np.array([optimum.loss for optimum in kept])
    ends = np.array([optimum.loss_interval for optimum in kept]).T
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
    lr = np.array([optimum.lr for optimum in optima])
    ends = np.array([optimum.interval for optimum in optima]).T
    axes.errorbar(
        at, lr, np.abs(ends - lr), fmt="D", color=colour, markersize=5, capsize=3, label=name
    )
    axes.plot(
        at, [optimum.grid_lr for optimum in optima], "o", mfc="none", mec=colour, ms=10,
        label="lowest on the grid" if grid else None,
    )  # fmt: skip


def _draw_slope(axes: Axes, along: Slice, slope: float, colour: str) -> None:
    inner = [optimum for optimum in along.optima if optimum.usable and optimum.log_error > 0]
    weight = [1 / optimum.log_error**2 for optimum in inner]
    x, y = np.log(values_of(inner, along.size)), np.log([optimum.lr for optimum in inner])
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
    # Labels that would lie on each other are left to matplotlib.
    gaps = np.diff(np.log(values)) / np.log(values[-1] / values[0]) if len(values) > 1 else [1.0]
    if 1 < len(values) <= 8 and min(gaps) > _APART:
        axes.xaxis.set_major_locator(FixedLocator(list(values)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(FixedLocator([]))
