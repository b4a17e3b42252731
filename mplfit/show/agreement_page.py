"""Theory beside finished runs as one page: every figure, then every number."""

from __future__ import annotations

from collections.abc import Sequence

from mplfit.bounds.agreement import Agreement, Outcome
from mplfit.show.bound_plot import plot_agreement, plot_courses
from mplfit.show.html import details, figure, page, section
from mplfit.show.plot import svg
from mplfit.show.table import html
from mplfit.show.tables import tables

__all__ = ["agreement_page"]

_TITLE = "Convex bounds beside finished runs"
_LINES = 12  # runs in a figure, at most


def agreement_page(found: Agreement, runs: Sequence[Outcome]) -> bytes:
    """The page; courses are drawn of all runs of a length and base rate that logged losses."""
    first, *rest = tables(found)
    parts = [html(first)]
    caption = "Bound and final loss of all runs, over cooldown lengths and over base rates"
    parts.append(figure(svg(plot_agreement(found)), caption, caption))
    alike: dict[tuple[int, float], list[Outcome]] = {}
    for run in runs:
        if run.step.size > 1:
            key = (run.schedule.steps, float(f"{run.schedule.peak:.6g}"))
            alike.setdefault(key, []).append(run)
    for (steps, peak), some in sorted(alike.items()):
        if len(some) > 1:
            caption = f"Losses and bounds over {steps} updates at the base rate {peak:g}"
            shown = some[:_LINES]
            more = f" ({len(shown)} of {len(some)} runs)" if len(some) > _LINES else ""
            parts.append(figure(svg(plot_courses(found, shown)), caption, caption + more))
    parts.append(section("Runs that differ in one thing", details("All numbers", *map(html, rest))))
    return page(_TITLE, parts)
