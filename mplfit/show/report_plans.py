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
    rows = [[name, f"{best:.4f}" + _ends(values), "", str(schedule.steps), ""]]
    for one in values.get("baselines") or ():
        needed, saved = one["steps_needed"], one.get("steps_saved_interval")
        rows.append(
            [
                str(one["name"]),
                f"{one['final_loss']:.4f}" + _ends(one),
                f"{one['final_loss'] - best:+.4f}" + _ends(one.get("gain")),
                "more than 8 times" if needed is None else str(needed),
                "–" if saved is None else f"{100 * saved[0]:.1f}–{100 * saved[1]:.1f} %",
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
        table(["schedule", what, "above", "steps to match", "steps saved"], rows, sums=0),
        f'<p class="note">In parentheses, and of the steps saved: 95 % intervals. '
        f"{escape(values.get('caveat', ''))}</p>",
        details(f"Its {len(knots)} knots", table(["step", "lr"], knots)) if knots else "",
    )


def _ends(of: Mapping[str, Any] | None) -> str:
    """The 95 % interval of a loss or a gain, in parentheses; nothing where none is known."""
    ends = ((of or {}).get("intervals") or {}).get("0.95")
    return " ({:.4f} to {:.4f})".format(*ends) if ends else ""
