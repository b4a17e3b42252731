"""Figures of a learning-rate sweep: basins, transfer, laws of the best rate and of the loss."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

# The house's style, in one place: plot.py.
from mplfit.show.plot import _COLOURS, _tidy, figure_for
from mplfit.show.sweep_law_plot import (
    by_rank,
    plot_over_batch,
    plot_rate_law,
    plot_size_law,
    plot_transfer,
    size_ticks,
)
from mplfit.sweeps.analysis import Part, SweepAnalysis
from mplfit.sweeps.optimum import Optimum
from mplfit.sweeps.settings import Slice, slices
from mplfit.sweeps.table import SweepTable, label
from mplfit.tasks import Progress
from mplfit.types import FloatArray

__all__ = [
    "plot_basins",
    "plot_beside",
    "plot_exponents",
    "plot_sets",
    "sweep_figures",
]

_PANELS = 12  # settings drawn in one figure, at most
_FIGURES = 8  # parametrizations drawn, at most
_TALL = 3.0  # a panel shows so many times the distance from the lowest loss to the middle one


def sweep_figures(analysis: SweepAnalysis, progress: Progress | None = None) -> dict[str, Figure]:
    """Every figure that the sweep gives rise to, by the name of its file."""
    made: list[tuple[str, Callable[[], Figure]]] = []
    parts = analysis.parts[:_FIGURES]
    for number, part in enumerate(parts):
        end = f"-{number + 1}" if len(analysis.parts) > 1 else ""
        made.append((f"basins{end}.png", partial(plot_basins, part)))
        if part.law(analysis.options.method) is not None and len(part.sizes) == 1:
            made.append(
                (
                    f"best-rate{end}.png",
                    partial(plot_rate_law, part, analysis.options.method),
                )
            )
        if part.over_batch is not None and part.over_batch.choices:
            over = partial(plot_over_batch, part.over_batch, analysis.options.method)
            made.append((f"over-batch{end}.png", over))
        if part.size_laws:
            made.append((f"best-loss{end}.png", partial(plot_size_law, part)))
    if any(part.transfers for part in parts):
        made.append(("transfer.png", partial(plot_transfer, parts)))
    if (shared := _common(parts)) is not None:
        name = "side-by-side.png" if len(shared) > 1 else "overlay.png"
        made.append((name, partial(plot_beside, parts)))
    if any(map(_least_slices, parts)):
        made.append(("along-sizes.png", partial(plot_sets, parts)))
    if analysis.table.setter and analysis.table.sizes:
        made.append(("exponents.png", partial(plot_exponents, analysis.table)))
    files = {}
    for done, (name, draw) in enumerate(made):
        files[name] = draw()
        if progress is not None:
            progress(done + 1, len(made), "figures")
    return files


def plot_basins(part: Part, *, fig: Figure | None = None) -> Figure:
    """Loss against rate, a panel a setting: runs, means, grid and interpolated optimum, interval.

    Runs that diverged stand as crosses at the top. Only the first twelve settings are drawn.
    """
    optima = [one for one in part.optima if "no optimum" not in one.flags][:_PANELS]
    columns = 3 if len(optima) in (5, 6, 9) else min(4, len(optima))
    rows = -(-len(optima) // columns)
    wide, high = max(3.2 * columns, 6.5), 2.8 * rows + 0.9
    figure = figure_for(fig, (wide, high), layout=None)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    # Inches instead of a layout engine, which takes seconds for so many log axes.
    figure.subplots_adjust(0.75 / wide, 0.6 / high, 1 - 0.15 / wide, 1 - 0.9 / high, 0.25, 0.38)
    for axes, one in zip(panels, optima, strict=False):
        _draw_basin(axes, one)
        axes.set_title(_sizes_in(one), loc="left", fontsize=9)
        _tidy(axes)
    for axes in panels[len(optima) :]:
        axes.set_visible(False)
    figure.supxlabel("learning rate", y=0.1 / high, va="bottom", fontsize=10)
    figure.supylabel("loss", x=0.1 / wide, fontsize=10)
    more = f" (first {len(optima)} of {len(part.optima)})" if len(part.optima) > _PANELS else ""
    legends = [axes.get_legend_handles_labels() for axes in panels]
    shown = {label: handle for pair in legends for handle, label in zip(*pair, strict=True)}
    place = (1 - 0.1 / wide, 1 - 0.05 / high)
    figure.legend(
        shown.values(),
        shown,
        loc="upper right",
        bbox_to_anchor=place,
        ncols=len(shown),
        frameon=False,
        fontsize=8,
    )
    title = f"Loss against rate, {part.name}{more}"
    figure.suptitle(title, x=0.1 / wide, y=1 - 0.1 / high, ha="left", va="top", fontsize=11)
    return figure


def plot_beside(parts: Sequence[Part], *, fig: Figure | None = None) -> Figure:
    """The basins of each parametrization on one axis, along the size that they share.

    Each curve is one size, with its interpolated optimum and interval, and a dashed line joins the
    optima: where a parametrization transfers, they stand above each other.
    """
    shared = _common(parts)
    assert shared is not None
    figure = figure_for(fig, (max(4.6 * len(shared), 7.5), 4.6))
    panels = figure.subplots(1, len(shared), sharey=True, sharex=True, squeeze=False).ravel()
    sizes = sorted({value for _, along in shared for value in along.values})
    for axes, (part, along) in zip(panels, shared, strict=True):
        for one in along.optima:
            colour = _shade(sizes, one.group.sizes[along.size])
            _draw_curve(axes, one, colour)
        inner = [one for one in along.optima if one.usable]
        axes.plot([one.lr for one in inner], [one.loss for one in inner], "--", color="black", lw=1)
        axes.set_xscale("log")
        axes.set_title(part.name, loc="left")
        axes.set_xlabel("learning rate")
        _tidy(axes)
    lowest = min(one.grid_loss for _, along in shared for one in along.optima)
    highest = max(_top(one) for _, along in shared for one in along.optima)
    height = highest - lowest or 0.1 * highest  # all losses the same: still an axis
    panels[0].set_ylim(lowest - 0.06 * height, lowest + height)
    panels[0].set_ylabel("loss (mean over seeds)")
    figure.suptitle(
        f"Loss against rate for each {shared[0][1].size}; best rates, interpolated, with their "
        "95 % intervals, joined",
        x=0.01,
        ha="left",
        fontsize=10,
    )
    _bar(figure, panels.tolist(), sizes, shared[0][1].size)
    return figure


def plot_sets(parts: Sequence[Part], *, fig: Figure | None = None) -> Figure:
    """Loss against rate as overlays: a row a parametrization, a column a size that varies.

    A line is the mean over the seeds at one value of the size, shaded from the lowest to the
    highest run, with a star at its lowest point; the other sizes have their smallest values.
    """
    rows = [(part, _least_slices(part)) for part in parts]
    rows = [(part, along) for part, along in rows if along][:_FIGURES]
    sizes = list(dict.fromkeys(name for _, along in rows for name in along))
    figure = figure_for(fig, (4.2 * len(sizes), 3.4 * len(rows)))
    panels = figure.subplots(len(rows), len(sizes), squeeze=False, sharex=True, sharey=True)
    for row, (part, found) in zip(panels, rows, strict=True):
        for axes, name in zip(row, sizes, strict=True):
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("{x:g}")
            axes.set_visible(name in found)
            if name in found:
                _draw_sets(axes, found[name])
                fixed = label(found[name].fixed) if found[name].fixed else ""
                axes.set_title(f"{part.name}\n{fixed}".strip(), loc="left", fontsize=9)
                axes.legend(title=name, frameon=False, fontsize=8, title_fontsize=8)
            axes.set_xlabel("learning rate")
            _tidy(axes)
        row[0].set_ylabel("loss (shaded: all seeds)")
    return figure


def _least_slices(part: Part) -> dict[str, Slice]:
    """By size, the runs that differ in it alone, the other sizes being the smallest."""
    found: dict[str, Slice] = {}
    for along in slices(part.optima):
        kept = found.setdefault(along.size, along)
        if tuple(along.fixed.values()) < tuple(kept.fixed.values()):
            found[along.size] = along
    return found


def _draw_sets(axes: Axes, along: Slice) -> None:
    for number, one in enumerate(along.optima):
        group, colour = one.group, _shade(list(range(len(along.optima))), number)
        usable = np.flatnonzero(group.usable)
        runs = [group.loss[group.rate == rate] for rate in usable]
        lr, mean = group.lr[usable], group.mean[usable]
        axes.fill_between(
            lr, [losses.min() for losses in runs], [losses.max() for losses in runs], color=colour,
            alpha=0.2, linewidth=0,
        )  # fmt: skip
        axes.plot(lr, mean, color=colour, linewidth=1.4, label=f"{group.sizes[along.size]:g}")
        best = int(np.argmin(mean))
        axes.plot(lr[best], mean[best], "*", color=colour, markersize=11, markeredgecolor="black")


def plot_exponents(table: SweepTable, *, fig: Figure | None = None) -> Figure:
    """Loss against size for every value of what sets the rate, and the other way round."""
    assert table.setter is not None
    size = next((name for name in table.sizes if name in table.groups), table.sizes[0])
    columns = (table.columns[size], table.columns[table.setter])
    figure = figure_for(fig, (11, 4.6))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (x, by), (x_name, by_name) in zip(
        panels,
        (columns, columns[::-1]),
        ((size, table.setter), (table.setter, size)),
        strict=True,
    ):
        levels = np.unique(by)
        for number, level in enumerate(levels):
            rows = (by == level) & np.isfinite(table.loss)
            at, mean, spread = _means(x[rows], table.loss[rows])
            shade = _shade(list(range(len(levels))), number)
            axes.errorbar(
                at, mean, spread, marker="o", markersize=3.5, linewidth=1.2, elinewidth=0.8,
                color=shade,
            )  # fmt: skip
        if x_name == size:
            axes.set_xscale("log")
            size_ticks(axes, sorted(np.unique(x)))
        axes.set_xlabel(x_name)
        _bar(figure, [axes], levels.tolist(), by_name)
        _tidy(axes)
    figure.suptitle(
        f"Loss by {size} and {table.setter}, which sets the rate", x=0.01, ha="left", fontsize=11
    )
    panels[0].set_yscale("log")
    panels[0].yaxis.set_minor_formatter("{x:g}")
    panels[0].yaxis.set_major_formatter("{x:g}")
    panels[0].set_ylabel("loss (mean and standard deviation over seeds)")
    return figure


def _draw_basin(axes: Axes, one: Optimum) -> None:
    group, usable = one.group, one.group.usable
    top = _top(one)
    shown = group.loss <= top
    axes.plot(
        group.lr[group.rate[shown]], group.loss[shown], ".", color=_COLOURS[6], markersize=4,
        label="runs",
    )  # fmt: skip
    axes.plot(group.lr[usable], group.mean[usable], color=_COLOURS[0], linewidth=1, label="mean")
    axes.plot(one.grid_lr, one.grid_loss, "o", mfc="none", mec=_COLOURS[1], ms=9, label="grid")
    low, high = one.interval
    if "single rate" not in one.flags:
        axes.axvspan(low, high, color=_COLOURS[2], alpha=0.13, linewidth=0)
        axes.errorbar(
            one.lr, one.loss, xerr=[[one.lr - low], [high - one.lr]], fmt="D", markersize=5,
            color=_COLOURS[2], capsize=3, label="interpolated, 95 %",
        )  # fmt: skip
    bottom = min(float(group.loss.min()), one.loss)
    height = top - bottom or 0.1 * top  # all losses the same: still an axis
    axes.set_ylim(bottom - 0.08 * height, top + 0.05 * height)
    lost = group.diverged > 0
    if lost.any():
        axes.plot(
            group.lr[lost], np.full(int(lost.sum()), top), "x", color="black", label="diverged"
        )
    axes.set_xscale("log")
    if group.lr.size == 1:
        axes.set_xlim(one.grid_lr / 3, one.grid_lr * 3)
    _few_ticks(axes)


def _draw_curve(axes: Axes, one: Optimum, colour: Any) -> None:
    usable = one.group.usable
    axes.plot(one.group.lr[usable], one.group.mean[usable], "o-", color=colour, ms=3.5, lw=1.2)
    if "single rate" in one.flags:
        return
    low, high = one.interval
    axes.errorbar(
        one.lr, one.loss, xerr=[[one.lr - low], [high - one.lr]], fmt="D", markersize=7,
        color=colour, capsize=3, markeredgecolor="black", zorder=4,
    )  # fmt: skip


def _common(parts: Sequence[Part]) -> list[tuple[Part, Slice]] | None:
    """The slice along one size that most parametrizations share, one for each; None without one.

    Of those that as many share, the one with the most settings.
    """
    by_slice: dict[tuple[str, float], list[tuple[Part, Slice]]] = {}
    for part in parts:
        for along in slices(part.optima):
            by_slice.setdefault((along.size, min(along.values)), []).append((part, along))
    every = [
        list({part.name: (part, along) for part, along in reversed(found)}.values())[::-1]
        for found in by_slice.values()
    ]
    best = max(every, key=lambda one: (len(one), len(one[0][1].optima)), default=None)
    return best and best[:4]


def _bar(figure: Figure, axes: Sequence[Axes], levels: Sequence[Any], name: str) -> None:
    """A bar of the colours that `_shade` gives to levels, with their values."""
    count = len(levels)
    scale = ScalarMappable(
        BoundaryNorm(np.arange(count + 1), count),
        ListedColormap([by_rank(number, count) for number in range(count)]),
    )
    bar = figure.colorbar(scale, ax=list(axes), ticks=np.arange(count) + 0.5, pad=0.01, label=name)
    texts = [f"{one:.6g}" if not isinstance(one, str) else one for one in levels]
    bar.ax.set_yticklabels(texts, fontsize=8)
    bar.ax.minorticks_off()


def _top(one: Optimum) -> float:
    """Where a panel of losses ends: far runs would flatten the basin."""
    group = one.group
    usable = group.mean[group.usable]
    best = group.loss[group.lr[group.rate] == one.grid_lr]
    high = usable.min() + _TALL * (np.median(usable) - usable.min())
    return float(max(min(usable.max(), high), best.max()))


def _shade(levels: Sequence[float], value: float) -> Any:
    """A colour between the ends of a scale, by rank: told apart in grey, too."""
    return by_rank(list(levels).index(value), len(levels))


def _means(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    at, place = np.unique(x, return_inverse=True)
    count = np.bincount(place)
    mean = np.bincount(place, weights=y) / count
    square = np.bincount(place, weights=(y - mean[place]) ** 2)
    return at, mean, np.sqrt(square / np.maximum(count - 1, 1))


def _sizes_in(one: Optimum) -> str:
    sizes = {name: value for name, value in one.group.key.items() if name in one.group.sizes}
    return textwrap.fill(label(sizes or one.group.key), 30)


def _few_ticks(axes: Axes) -> None:
    axes.tick_params(labelsize=8)
    axes.xaxis.set_minor_formatter(NullFormatter())
