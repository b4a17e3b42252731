"""Sections of the report on schedules: candidates, and the optimized one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from mplfit.estimate.result import Fit
from mplfit.plan.optimize import Plan
from mplfit.schedule import Schedule
from mplfit.show.html import details, figure, section, table, table_html
from mplfit.show.plot import plot_predictions, svg
from mplfit.show.tables import tables

__all__ = ["Candidate", "candidates_section", "plan_section"]


@dataclass(frozen=True)
class Candidate:
    """A schedule and its predicted final loss by fit, each with its intervals by level or None."""

    schedule: Schedule
    final: Mapping[str, tuple[float, Mapping[str, tuple[float, float]] | None]]


def candidates_section(fits: Mapping[str, Fit], candidates: Mapping[str, Candidate]) -> str:
    """The predicted final loss of every schedule by every fit, with intervals."""
    rows = []
    for name, one in candidates.items():
        cells = [name, str(one.schedule.steps), f"{one.schedule.peak:.4g}"]
        cells.append(f"{one.schedule.lr[-1]:.3g}")
        for law in fits:
            loss, intervals = one.final[law]
            ends = ", ".join("{:.4f}–{:.4f}".format(*two) for two in (intervals or {}).values())
            cells.append(f"{loss:.4f}" + (f" ({ends})" if ends else ""))
        rows.append(cells)
    header = ["schedule", "steps", "peak lr", "last lr", *(f"loss by {law}" for law in fits)]
    note = (
        "In parentheses: 80 and 95 % intervals, from the parameters' errors, the differences "
        "between runs and the extrapolation in the cumulative rate (none for published parameters)."
    )
    name, fit = next(iter(fits.items()))
    schedules = {f"schedule {i + 1}": c.schedule for i, c in enumerate(candidates.values())}
    losses = {key: fit.loss(one) for key, one in schedules.items()}
    numbered = "; ".join(f"{i + 1}: {key}" for i, key in enumerate(candidates))
    drawn = figure(
        svg(plot_predictions(schedules, losses)),
        f"Predicted loss over the steps, and the learning rates, of {len(schedules)} schedules",
        f"Predicted by {name}. {numbered}.",
    )
    return section(
        "Candidate schedules", table(header, rows), f'<p class="note">{escape(note)}</p>', drawn
    )


def plan_section(name: str, plan: Plan) -> str:
    """The schedule of `mplfit optimize`: what it gains over the usual ones, and its knots."""
    knots = [[str(step), f"{rate:.6g}"] for step, rate in plan.knots]
    return section(
        f"Optimized schedule: {name}",
        *map(table_html, tables(plan)),
        details(f"Its {len(knots)} knots", table(["step", "lr"], knots)),
    )
