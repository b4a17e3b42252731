"""The tables of a `Plan`: what to run, what it gains over the usual schedules, and its peak."""

from __future__ import annotations

from mplfit.plan.optimize import Choice, Plan
from mplfit.plan.peaks import near_best
from mplfit.schedule.knots import describe
from mplfit.show.table import Cell, Column, Table

__all__ = ["tables"]

_MOST = "over 87.5"  # where even eight times the steps do not match


def tables(plan: Plan) -> list[Table]:
    """The schedule against the usual ones; with a free peak, also its loss at other peaks."""
    made = [_choices(plan)]
    if plan.peaks:
        made.append(_peaks(plan))
    return [*made, Table("", (), (), _statistics(plan), more=True)]


def _choices(plan: Plan) -> Table:
    known, digits = plan.best.intervals is not None, 4 if plan.what == "loss" else 6
    loss, change = f".{digits}f", f"+.{digits}f"
    columns = [Column("schedule"), Column(f"final {plan.what}", loss)]
    if known:
        columns += [Column("95 % interval", loss), Column("gain", change)]
        columns += [Column("95 % interval", change), Column("P(gain)", ".2f")]
    else:
        columns += [Column("above", change), Column("steps to match")]
    columns.append(Column("steps saved", ".1f", unit="%"))
    if known:
        columns.append(Column("95 %", wide=True))
    rows = [_row(plan, one, known) for one in (plan.best, *plan.baselines)]
    return Table(_answer(plan), tuple(columns), tuple(rows), tuple(_notes(plan, known)))


def _row(plan: Plan, one: Choice, known: bool) -> tuple[Cell, ...]:
    """The cells of a schedule; those that compare it with the plan's own are empty for that."""
    own = one is plan.best
    share = None if one.steps_needed is None else 100 * (1 - plan.best.steps / one.steps_needed)
    saved: Cell = "" if own else _MOST if share is None else share
    if not known:
        above: Cell = "" if own else one.loss - plan.loss
        return (one.name, one.loss, above, one.steps_needed or "more than 8 times", saved)
    interval = (one.intervals or {})["0.95"]
    gain = one.gain
    if gain is None or one.saved is None:
        return (one.name, one.loss, interval, "", "", "", saved, "")
    low, high = (100 * end for end in one.saved)
    ends = f"{'none' if low <= 0 else format(low, '.1f')}–{high:.1f}"
    return (
        one.name, one.loss, interval, gain.value, gain.intervals["0.95"], gain.probability, saved,
        ends,
    )  # fmt: skip


def _answer(plan: Plan) -> str:
    """The sentence that says what to run and what it gives."""
    usual, digits = min(plan.baselines, key=lambda one: one.loss), 4
    what = "predicted final loss"
    if plan.what == "bound":
        digits, what = 6, "bound of convex theory at the end"
    sentence = f"Run this for {plan.best.steps:,} updates: {describe(plan.schedule)}."
    ends = f"Its {what} is {plan.loss:.{digits}f}"
    if plan.best.intervals is not None:
        low, high = plan.best.intervals["0.95"]
        ends += f" (95 %: {low:.4f}–{high:.4f})"
    apart = usual.loss - plan.loss
    ends += f"; the best usual schedule, {usual.name}, "
    ends += f"is {abs(apart):.{digits}f} {'above' if apart >= 0 else 'below'} it"
    if usual.gain is not None:
        ends += f" (a gain with probability {usual.gain.probability:.2f})"
    return f"{sentence} {ends}."


def _notes(plan: Plan, known: bool) -> list[str]:
    notes = []
    if plan.robust is not None:
        asked = plan.robust.objective
        what = "mean" if asked == "mean" else f"{asked} quantile"
        notes.append(
            f"The {what} of the final loss over {plan.robust.draws} draws is "
            f"{plan.robust.value:.5f}; of the schedule that is best at the estimate "
            f"{plan.robust.plain:.5f} (of the same draws: to be compared with one another alone)."
        )
    if plan.what == "loss" and not known:
        notes.append(
            "Predicted by one law from one fit, without an interval, as published parameters "
            "have none: two runs of one schedule differ by 1e-3 to 8e-3."
        )
    return [*notes, *plan.notes]


def _statistics(plan: Plan) -> tuple[str, ...]:
    """Where the numbers are from, and how the search ended."""
    schedule, starts = plan.schedule, plan.starts
    law = f"law {plan.law} with the parameters" if plan.what == "loss" else "convex bound with"
    notes = [
        f"By the {law} {plan.params}. Peak {schedule.peak:g}, last rate {schedule.lr[-1]:.3g}; " + (
            "from the schedule that is best at the estimate."
            if plan.robust
            else f"{len(starts)} starts end within {starts[-1] - starts[0]:.1e} of each other."
        )
    ]  # fmt: skip
    if plan.best.intervals is not None:
        notes.append(
            "Intervals of losses are those of `mplfit predict`; of a gain: over draws of the "
            "parameters, with the law's own error, for two runs of one seed, which the difference "
            "between runs of one schedule is no part of; of steps saved: at both ends of the gain."
        )
    return tuple(notes)


def _peaks(plan: Plan) -> Table:
    levels = list(plan.peaks[0].intervals or ())
    columns = [Column("peak lr", ".3g"), Column("final loss", ".4f")]
    columns += [Column(f"{100 * float(level):.0f} % interval", ".4f") for level in levels]
    rows: list[tuple[Cell, ...]] = [
        (peak.peak, peak.loss, *((peak.intervals or {})[level] for level in levels))
        for peak in plan.peaks
    ]
    near = near_best(plan.peaks)
    said = (
        "No interval: published parameters do not say how far runs scatter."
        if near is None
        else f"Peaks from {near[0]:.3g} to {near[1]:.3g} are predicted to end within the 80 % "
        "interval of the best one."
    )
    return Table("The same shape at other peak rates.", tuple(columns), tuple(rows), (said,))
