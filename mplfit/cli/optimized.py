"""What `mplfit optimize` prints and writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mplfit.cli.goals import Goal
from mplfit.cli.recorded import command_line
from mplfit.cli.tables import render, span

if TYPE_CHECKING:
    from mplfit.estimate.gains import Gain
    from mplfit.estimate.result import Fit
    from mplfit.plan.baselines import Baseline
    from mplfit.plan.optimize import OptimizedSchedule
    from mplfit.schedule import Schedule

__all__ = ["Outcome", "Robust", "as_dict", "files", "peak_text", "text"]


@dataclass(frozen=True)
class Robust:
    """What --robust asked for, and the objective before and after."""

    asked: str
    draws: int
    before: float
    after: float


@dataclass(frozen=True)
class Outcome:
    """All that was found. loss : final, at the estimate.  gained : over each baseline, or none."""

    goal: Goal
    loss: float
    result: OptimizedSchedule
    baselines: Sequence[Baseline]
    gained: Sequence[Gain]
    sturdy: Robust | None


def text(outcome: Outcome) -> str:
    """The table and what must be said below it."""
    from mplfit.estimate.reach import reach_lines

    goal, loss, result, gained = outcome.goal, outcome.loss, outcome.result, outcome.gained
    schedule, digits, sturdy = result.schedule, goal.digits, outcome.sturdy
    first = ["optimized", f"{loss:.{digits}f}"]
    if gained:
        rows = [[*first, _ends(goal.fit, schedule), *[""] * 5]]
    else:
        rows = [[*first, "", str(schedule.steps), ""]]
    for i, one in enumerate(outcome.baselines):
        needed, saved = "more than 8 times", ""
        if one.steps_needed is not None:
            needed = str(one.steps_needed)
            saved = f"{100 * (1 - schedule.steps / one.steps_needed):.1f} %"
        above = f"{one.loss - loss:+.{digits}f}"
        cells = [one.name, f"{one.loss:.{digits}f}"]
        if gained:
            ends = gained[i].bounds(0.95)
            cells += [_ends(goal.fit, one.schedule), above, span(ends)]
            cells += [f"{gained[i].probability:.2f}", saved or _MOST, _saved(one, ends)]
        else:
            cells += [above, needed, saved]
        rows.append(cells)
    header = ["schedule", f"final {goal.what}"]
    if gained:
        header += ["95 % interval", "gain", "95 % interval", "P(gain)", "steps saved", "95 %"]
    else:
        header += ["above", "steps to match", "steps saved"]
    flat = next((step for step, rate in result.knots if rate < 0.999 * result.knots[0][1]), 0)
    agreement = (
        "from the schedule that is best at the estimate"
        if sturdy
        else f"{len(result.starts)} starts end within {result.starts[-1] - result.starts[0]:.1e} "
        "of each other"
    )
    lines = [
        goal.title,
        "",
        render(header, rows),
        "",
        f"peak {schedule.peak:g}, decay from about step {flat}, last rate "
        f"{schedule.lr[-1]:.3g}; {agreement}",
    ]
    if sturdy:
        what = "mean" if sturdy.asked == "mean" else f"{sturdy.asked} quantile"
        lines.append(
            f"{what} of the final loss over {sturdy.draws} draws: {sturdy.after:.5f}; of the "
            f"schedule that is best at the estimate: {sturdy.before:.5f}\n(of the same draws: to "
            "be compared with one another alone)"
        )
    if goal.what == "loss":
        lines += reach_lines(goal.fit, {"optimized": schedule})
    return "\n".join([*lines, goal.caveat])


_MOST = "over 87.5 %"  # where even eight times the steps do not match


def _saved(one: Baseline, gains: tuple[float, float]) -> str:
    """The steps saved at both ends of what is gained."""
    low, high = (f"{100 * one.saved(gain):.1f}" for gain in gains)
    return f"{'none' if gains[0] <= 0 else low}–{high} %"


def _ends(fit: Fit, schedule: Schedule) -> str:
    """A final loss's 95 % interval."""
    from mplfit.estimate.intervals import final_interval

    return span((final_interval(fit, schedule) or {})["0.95"])


def peak_text(fit: Fit, result: OptimizedSchedule, highest: float) -> str:
    """The loss of the optimized schedule at other peak rates."""
    from mplfit.plan.peaks import near_best, peak_losses

    losses = peak_losses(fit, result.schedule, highest)
    titles = [f"{100 * float(level):.0f} % interval" for level in losses[0].intervals or ()]
    rows = [
        [
            f"{one.peak:.3g}",
            f"{one.loss:.4f}",
            *(f"{low:.4f}–{high:.4f}" for low, high in (one.intervals or {}).values()),
        ]
        for one in losses
    ]
    table = f"\n{render(['peak lr', 'final loss', *titles], rows)}\n\n"
    near = near_best(losses)
    if near is None:
        return table + "No interval: published parameters do not say how far runs scatter."
    return table + (
        f"Peaks from {near[0]:.3g} to {near[1]:.3g} are predicted to end within the 80 % interval "
        "of the best one."
    )


def as_dict(outcome: Outcome) -> dict[str, Any]:
    """The JSON, also of schedule.json."""
    from mplfit.estimate.intervals import LEVELS, final_interval
    from mplfit.estimate.reach import reach

    goal, result, gained = outcome.goal, outcome.result, outcome.gained
    sturdy = outcome.sturdy

    return {
        **result.to_dict(),
        "schema": "mplfit.optimized/1",
        "command": command_line(),
        "params": goal.name,
        "law": goal.fit.law,
        "final_loss": outcome.loss,
        "intervals": final_interval(goal.fit, result.schedule),
        "reach": reach(goal.fit, result.schedule).to_dict(),
        "robust": sturdy
        and {
            "objective": sturdy.asked,
            "draws": sturdy.draws,
            "value": sturdy.after,
            "value_of_plain": sturdy.before,
        },
        "baselines": [
            {
                "name": one.name,
                "final_loss": one.loss,
                "intervals": final_interval(goal.fit, one.schedule),
                "gain": gained[i].to_dict(tuple(LEVELS)) if gained else None,
                "steps_needed": one.steps_needed,
                "steps_saved_interval": [one.saved(end) for end in gained[i].bounds(0.95)]
                if gained
                else None,
            }
            for i, one in enumerate(outcome.baselines)
        ],
        "caveat": goal.caveat.replace("\n", " "),
    }


def files(outcome: Outcome) -> dict[str, bytes]:
    """The schedule in three forms, and the figure."""
    from mplfit.show.plot import plot_predictions, png
    from mplfit.writers.text import schedule_files

    goal, best = outcome.goal, outcome.result.schedule
    every = {"optimized": best} | {one.name: one.schedule for one in outcome.baselines}
    losses = {name: goal.fit.predict(schedule) for name, schedule in every.items()}
    what = "predicted loss" if goal.what == "loss" else goal.what
    figure = plot_predictions(every, losses, emphasis="optimized", what=what)
    return {**schedule_files(best, as_dict(outcome)), "schedule.png": png(figure)}
