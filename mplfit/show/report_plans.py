"""Sections of the report on schedules: candidates, and the optimized one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from mplfit.estimate.result import Fit
from mplfit.schedule import Schedule
from mplfit.show.html import details, figure, section, table
from mplfit.show.plot import plot_predictions, svg

__all__ = ["Candidate", "candidates_section", "optimized_section"]


@dataclass(frozen=True)
class Candidate:
    """A schedule and its predicted final loss by fit, each with its 95 % interval or None."""

    schedule: Schedule
    final: Mapping[str, tuple[float, tuple[float, float] | None]]


def candidates_section(fits: Mapping[str, Fit], candidates: Mapping[str, Candidate]) -> str:
    """The predicted final loss of every schedule by every fit, with intervals."""
    rows = []
    for name, one in candidates.items():
        cells = [name, str(one.schedule.steps), f"{one.schedule.peak:.4g}"]
        cells.append(f"{one.schedule.lr[-1]:.3g}")
        for law in fits:
            loss, ends = one.final[law]
            cells.append(f"{loss:.4f}" + (f" ({ends[0]:.4f}–{ends[1]:.4f})" if ends else ""))
        rows.append(cells)
    header = ["schedule", "steps", "peak lr", "last lr", *(f"loss by {law}" for law in fits)]
    note = (
        "In parentheses: 95 % intervals, from the parameters' errors, the differences between runs "
        "and the extrapolation in the cumulative rate (none for published parameters)."
    )
    name, fit = next(iter(fits.items()))
    schedules = {f"schedule {i + 1}": c.schedule for i, c in enumerate(candidates.values())}
    losses = {key: fit.predict(one) for key, one in schedules.items()}
    numbered = "; ".join(f"{i + 1}: {key}" for i, key in enumerate(candidates))
    drawn = figure(
        svg(plot_predictions(schedules, losses)),
        f"Predicted loss over the steps, and the learning rates, of {len(schedules)} schedules",
        f"Predicted by {name}. {numbered}.",
    )
    return section(
        "Candidate schedules", table(header, rows), f'<p class="note">{escape(note)}</p>', drawn
    )


def optimized_section(name: str, values: Mapping[str, Any], schedule: Schedule) -> str:
    """The schedule of `mplfit optimize`: what it gains over the usual ones, and its knots."""
    best, theory = values["final_loss"], values.get("law") == "bound"
    what = "final bound" if theory else "predicted final loss"
    rows = [[name, f"{best:.4f}", "", str(schedule.steps)]]
    for one in values.get("baselines") or ():
        needed = one["steps_needed"]
        rows.append(
            [
                str(one["name"]),
                f"{one['final_loss']:.4f}",
                f"{one['final_loss'] - best:+.4f}",
                "more than 8 times" if needed is None else str(needed),
            ]
        )
    text = (
        f"{schedule.steps} updates, {schedule.warmup} of them warmup; peak {schedule.peak:.4g}, "
        f"last rate {schedule.lr[-1]:.3g}; minimised under {values.get('law', '?')} with the "
        f"parameters {values.get('params', '?')}."
    )
    knots = [[str(step), f"{rate:.6g}"] for step, rate in values.get("knots") or ()]
    return section(
        f"Optimized schedule: {name}",
        f"<p>{escape(text)}</p>",
        table(["schedule", what, "above", "steps to match"], rows, sums=0),
        details(f"Its {len(knots)} knots", table(["step", "lr"], knots)) if knots else "",
    )
