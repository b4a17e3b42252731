"""Figures of convex bounds: curves, sweeps, continuations, and theory beside practice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mplfit.bounds import bound, bound_curve, last_positive
from mplfit.bounds.agreement import Agreement, Outcome, RunGroup
from mplfit.bounds.scan import Scan
from mplfit.bounds.table import BoundTable, Drawn
from mplfit.schedule import Schedule
from mplfit.schedule.knots import drawn_steps
from mplfit.show.plot import (
    _COLOURS,
    _draw_schedules,
    _frame,
    _legend,
    _plain,
    _style,
    _tidy,
    axes_for,
    figure_for,
    figure_of,
)
from mplfit.types import FloatArray

__all__ = [
    "plot_agreement",
    "plot_bounds",
    "plot_continuations",
    "plot_courses",
    "plot_example",
    "plot_scan",
    "plot_terms",
]

_VARIED = {
    "cooldown": "cooldown, share of the steps",
    "horizon": "updates",
    "base-lr": "peak learning rate",
    "cycle": "cycle, in lengths of the run",
}
_TERMS = {
    "distance": "D²/2Ση (start)",
    "noise": "Ση²G²/2Ση (average iterate)",
    "last": "double sum (last iterate)",
}


def plot_bounds(
    schedules: Mapping[str, Schedule],
    curves: Mapping[str, FloatArray],
    title: str,
    *,
    fig: Figure | None = None,
) -> Figure:
    """Bound curves, and the schedules that they belong to below."""
    figure = figure_for(fig, (8, 6.5))
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2]})
    shown = []
    for number, (name, schedule) in enumerate(schedules.items()):
        at = drawn_steps(schedule)
        curve = np.where(np.isfinite(curves[name]), curves[name], np.nan)
        end = curve[np.isfinite(curve)][-1]
        top.plot(at, curve[at], label=f"{name}: {end:.4g}", **_style(number, False))
        shown.append((at, curve[at]))
    _frame(top, shown)
    top.set_ylabel("bound Ω after the step")
    top.set_title(title, loc="left")
    _legend(top, len(schedules))
    _draw_schedules(bottom, schedules)
    # A spike in the first updates (1/sqrt) may leave the frame, rather than flatten all the rest.
    later = max(float(one.lr[one.steps // 50 :].max()) for one in schedules.values())
    if max(one.peak for one in schedules.values()) > 2 * later:
        bottom.set_ylim(-0.05 * later, 1.15 * later)
    _tidy(top)
    return figure


def plot_example(drawn: Mapping[str, Drawn], *, ax: Axes | None = None) -> Figure:
    """The losses of each schedule's worst run in one dimension (line), and its bound (dashed)."""
    axes = axes_for(ax, (8, 4.8))
    for number, (name, one) in enumerate(drawn.items()):
        if one.example is not None:
            losses = one.example.losses
            label = f"{_plain(name)}: {losses[-1]:.3g} of {one.curve[losses.size - 1]:.3g}"
            style = _style(number, False)
            axes.plot(np.arange(1, losses.size + 1), losses, label=label, **style)
            at = drawn_steps(one.schedule)
            axes.plot(at + 1, one.curve[at], color=style["color"], linestyle="--", linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("updates")
    axes.set_ylabel("loss of g·|x|")
    axes.set_title("The worst run in one dimension (line) and the bound (dashed)", loc="left")
    _legend(axes, len(drawn))
    _tidy(axes)
    return figure_of(axes)


def plot_terms(found: BoundTable, *, ax: Axes | None = None) -> Figure:
    """A bar a schedule, the lowest bound on top: the terms side by side, as long as the bound."""
    shown = [one for one in found.schedules if one.terms and np.isfinite(sum(one.terms.values()))]
    axes = axes_for(ax, (8, 1.6 + 0.4 * max(len(shown), 2)))
    names = [_plain(one.name) for one in shown]
    left = np.zeros(len(shown))
    for number, (key, label) in enumerate(_TERMS.items()):
        width = np.array([one.terms[key] for one in shown if one.terms])
        axes.barh(names, width, left=left, color=_COLOURS[number], label=label)
        left += width
    axes.invert_yaxis()
    axes.set_xlabel("bound Ω at the end")
    at = "best peak rate" if found.schedules[0].bound is None else "rates given"
    axes.set_title(f"The three terms of the bound at the {at}", loc="left")
    if ax is None:
        figure_of(axes).legend(frameon=False, fontsize=8, loc="outside lower center", ncols=3)
    else:
        axes.legend(frameon=False, fontsize=8)
    _tidy(axes)
    return figure_of(axes)


def plot_scan(scans: Mapping[str, Scan], *, fig: Figure | None = None) -> Figure:
    """The bound and the best base rate against what was varied."""
    over = next(iter(scans.values())).over
    alone = over == "base-lr"  # the best base rate is one number then
    figure = figure_for(fig, (8, 4.5 if alone else 6.5))
    panels = figure.subplots(1 if alone else 2, 1, sharex=True, squeeze=False).ravel()
    for number, (name, one) in enumerate(scans.items()):
        style = {**_style(number, False), "marker": ".", "label": name}
        panels[0].plot(one.value, one.given if alone else one.best, **style)
        if alone:
            panels[0].plot(one.base[0], one.best[0], "o", color=style["color"], markersize=7)
        else:
            panels[1].plot(one.value, one.base, **style)
    panels[0].set_ylabel("bound Ω at the end" if alone else "bound at the best\nbase rate")
    title = "; the dot is at the best base rate" if alone else " at the best base rate"
    panels[0].set_title(f"Bound at the end of the run{title}", loc="left")
    if not alone:
        panels[1].set_ylabel("best peak learning rate")
    for axes in panels:
        if over in ("horizon", "base-lr"):
            axes.set_xscale("log")
            axes.set_yscale("log")
        axes.set_ylim(bottom=None if over in ("horizon", "base-lr") else 0)
        _tidy(axes)
    panels[-1].set_xlabel(_VARIED[over])
    _legend(panels[0], len(scans))
    return figure


def plot_continuations(
    original: Schedule, ways: Mapping[str, Schedule], *, ax: Axes | None = None
) -> Figure:
    """The ways to go on with a run, and the one that is to be extended."""
    axes = axes_for(ax, (8, 4))
    names = {
        "same": "same share of cooldown",
        "cooldown": "longer cooldown",
        "closest": "closest cooldown",
        "factor": "lower rate",
        "law": "by the law",
    }
    shown = {"planned so far": original} | {names[how]: one for how, one in ways.items()}
    _draw_schedules(axes, shown, emphasis="planned so far")
    axes.set_title("Ways to go on for longer", loc="left")
    _legend(axes, len(shown))
    return figure_of(axes)


def plot_agreement(found: Agreement, *, fig: Figure | None = None) -> Figure:
    """Bound against observed final loss of all runs, and both against what groups differ in."""
    figure = figure_for(fig, (12, 5.2))
    scatter, cooldown, rate = figure.subplots(1, 3)
    every = found.everything
    scatter.plot(every.omega, every.loss, "o", color=_COLOURS[0], markersize=4)
    ends = [min(every.omega.min(), every.loss.min()), max(every.omega.max(), every.loss.max())]
    scatter.plot(ends, ends, color="black", linewidth=0.8)
    scatter.set_xlabel("C + M·Ω at the end")
    scatter.set_ylabel("observed final loss")
    scatter.set_title(
        f"{len(every.names)} runs, Spearman {every.spearman:.2f}", loc="left", fontsize=10
    )
    _draw_groups(cooldown, [one for one in found.groups if one.varies == "cooldown"])
    cooldown.set_xlabel("cooldown, share of the steps")
    by_rate = [one for one in found.groups if one.varies == "base rate"]
    _draw_groups(rate, by_rate)
    for number, one in enumerate(by_rate):
        at, (A, B, C) = np.geomspace(one.value[0], one.value[-1], 100), one.rate_law or (0, 0, 0)
        rate.plot(at, A / at + B * at + C, ":", color=_COLOURS[number % len(_COLOURS)], linewidth=1)
    rate.set_xscale("log")
    rates = sorted(
        {value for one in found.groups if one.varies == "base rate" for value in one.value}
    )
    rate.set_xticks(rates, [f"{value:g}" for value in rates])
    rate.minorticks_off()
    rate.set_xlabel("peak learning rate")
    for axes, what in (
        (cooldown, "Cooldown: observed (line), theory (dashed)"),
        (rate, "Base rate: the same, and A/γ + Bγ + C (dotted)"),
    ):
        axes.set_ylabel("final loss")
        axes.set_title(what, loc="left", fontsize=10)
    for axes in (scatter, cooldown, rate):
        _tidy(axes)
    return figure


def plot_courses(found: Agreement, runs: Sequence[Outcome], *, fig: Figure | None = None) -> Figure:
    """Runs of one length side by side: logged losses, C + M·Ω after each step, and their rates."""
    figure = figure_for(fig, (12, 7))
    left, right = figure.subplots(2, 2, sharex=True, gridspec_kw={"height_ratios": [3, 1.4]}).T
    first, ends = runs[0], last_positive(runs[0].schedule.lr)
    place = found.everything.names.index(first.name)
    height = bound(first.schedule.lr[:ends], D=found.ratio)
    scale = (found.everything.omega[place] - found.floor) / height
    seen, theory = [], []
    for number, run in enumerate(runs):
        lr = run.schedule.lr[: last_positive(run.schedule.lr)]
        curve = found.floor + scale * bound_curve(lr, D=found.ratio)
        at = drawn_steps(Schedule(lr, min(run.schedule.warmup, lr.size)))
        style = _style(number, False)
        left[0].plot(run.step, run.losses, label=_plain(run.name), **style)
        right[0].plot(at, curve[at], **style)
        seen.append((run.step, run.losses))
        theory.append((at, curve[at]))
    for axes, lines, what in ((left[0], seen, "validation loss"), (right[0], theory, "C + M·Ω")):
        _frame(axes, lines)
        axes.set_title(what, loc="left")
        _tidy(axes)
    for axes in (left[1], right[1]):
        _draw_schedules(axes, {run.name: run.schedule for run in runs})
    figure.legend(*left[0].get_legend_handles_labels(), loc="outside lower left", ncols=3,
                  frameon=False, fontsize=8)  # fmt: skip
    return figure


def _draw_groups(axes: Axes, groups: Sequence[RunGroup]) -> None:
    for number, group in enumerate(groups):
        colour = _COLOURS[number % len(_COLOURS)]
        label = f"{group.title.partition(': ')[2]} ({group.spearman:+.1f})"
        axes.plot(group.value, group.loss, "o-", color=colour, markersize=4, label=label)
        axes.plot(group.value, group.omega, ".--", color=colour, markersize=4, linewidth=1)
    if groups:
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0.0, -0.16))
    else:
        axes.text(0.5, 0.5, "no three such runs", ha="center", transform=axes.transAxes)
