"""What is advised, in sentences: an `Advice` on the next run, an `Ending` of one in progress."""

from __future__ import annotations

from mplfit.assess.gains import GainSummary
from mplfit.laws.registry import get_law
from mplfit.plan.advise import Advice, Branch, Ending, Option
from mplfit.schedule.knots import describe
from mplfit.show.table import Cell, Column, Table

__all__ = ["tables"]


def tables(result: Advice | Ending) -> list[Table]:
    """The sentences; for an ending the table of the ways, too."""
    if isinstance(result, Ending):
        return [_ending(result)]
    return [Table("\n".join(_sentences(result)), (), ())]


def _sentences(said: Advice) -> list[str]:
    lines = [f"Run this next: {_schedule(said.chosen)}."]
    known = f"Expected final loss {_loss(said.chosen)}"
    name = said.reference.name
    reference = f"your {name}" if said.own else f"a {name}"
    if said.gain is None:
        lines.append(f"{known}: the kind of schedule that you use already.")
    else:
        lines.append(
            f"{known}; {reference} would give {said.reference.loss:.3f}: "
            f"better with {_chance(said.gain)}."
        )
        lines += _saved(said)
    lines += _odd(said)
    if said.wanted is not None:
        lines.append(_wanted(said))
    lines.append(_telling(said))
    where = f"{said.runs} run{'s' * (said.runs > 1)} read, {said.updates:,} updates in all"
    error = "" if said.left_out is None else f" (left-out final error {said.left_out:.4f})"
    lines.append(f"{where}; law: {get_law(said.law).title}{error}.")
    return [*lines, *said.notes]


def _schedule(option: Option) -> str:
    name = "" if option.name == "optimized" else f"{option.name}: "
    return f"{name}{describe(option.schedule)}, {option.schedule.steps:,} updates in all"


def _loss(option: Option) -> str:
    """With half the width of its interval."""
    if option.intervals is None:
        return f"{option.loss:.3f}"
    low, high = option.intervals["0.95"]
    return f"{option.loss:.3f} ± {(high - low) / 2:.3f} (95 %)"


def _chance(gain: GainSummary) -> str:
    if gain.probability > 0.995:
        return "a probability above 0.99"
    return f"probability {gain.probability:.2f}"


def _saved(said: Advice) -> list[str]:
    name = said.reference.name
    if said.gain is None or said.gain.value <= 0 or said.saved is None:
        return []
    if said.needed is None:
        return [f"A {name} has that loss not even after eight times the updates."]
    steps = said.chosen.schedule.steps
    low, high = (100 * share for share in said.saved)
    return [
        f"A {name} has that loss after {said.needed:,} updates: "
        f"{100 * (1 - steps / said.needed):.0f} % saved (95 %: {low:.0f} to {high:.0f} %)."
    ]


def _odd(said: Advice) -> list[str]:
    """Whether a usual shape is advised, and what the optimized one would gain."""
    over, name = said.over_usual, said.best_usual.name
    sure = f"{over.value:.4f} lower, {_chance(over)}"
    if said.optimized:
        return [
            f"The best usual schedule, {name}, would end at {said.best_usual.loss:.3f}: {sure}."
        ]
    if over.value <= 0:
        return ["No schedule of another shape is predicted to be better."]
    return [
        f"An optimized schedule is predicted {sure}: too little, or too unsure, for an odd shape."
    ]


def _wanted(said: Advice) -> str:
    if said.reached is None:
        steps = said.best_usual.schedule.steps
        return f"The loss {said.wanted:g} is not reached in {8 * steps:,} updates."
    return f"The loss {said.wanted:g} is reached after {said.reached:,} updates of that kind."


def _telling(said: Advice) -> str:
    if not said.fallen:
        least = "" if said.telling is None else _run(said)
        return (
            "Too little to be sure: in no run has the rate fallen, so that the decay rests on "
            f"other people's runs alone. {least or 'Add a run whose rate decays.'}"
        )
    if said.telling is None:
        return "No cheap further run would make this much surer: what is left is how runs differ."
    return f"Least sure: the decay. {_run(said)}"


def _run(said: Advice) -> str:
    run = said.telling
    assert run is not None
    return (
        f"A cooldown of {run.updates:,} updates from update {run.branch:,} of a run at the peak "
        f"rate would make ±{run.before:.3f} about ±{run.after:.3f}."
    )


def _ending(found: Ending) -> Table:
    best = found.ways[0]
    stay = next(way for way in found.ways if way.decay == 0)
    answer = (
        f"From update {found.at:,} of {found.run}: {_way(best)}. "
        f"Expected final loss {_loss(best.option)}; now {found.now:.3f}, and "
        f"{stay.option.loss:.3f} after {found.budget:,} more updates at this rate."
    )
    columns = (
        Column("way"),
        Column("more updates", ",d"),
        Column("of these decay", ",d"),
        Column("final loss", ".4f"),
        Column("95 % interval", ".4f"),
        Column("gain over staying", "+.4f"),
        Column("P(gain)", ".2f"),
        Column("loss per 1,000 more", "+.4f", wide=True),
    )
    rows = tuple(_row(found, way) for way in found.ways)
    notes = [
        "The gain is over staying at the rate for as many updates; stopping now costs nothing."
    ]
    if not found.fallen:
        notes.append(
            "In no run has the rate fallen: what a cooldown gives rests on other people's runs "
            "alone. A short one (a tenth of the budget) would tell."
        )
    return Table(answer, columns, rows, tuple(notes))


def _way(way: Branch) -> str:
    if way.decay == 0:
        return f"stay at the rate for {way.more:,} more updates"
    if way.decay == way.more:
        return f"cool down at once, over {way.decay:,} updates"
    return f"hold the rate for {way.more - way.decay:,} updates, then cool down over {way.decay:,}"


def _row(found: Ending, way: Branch) -> tuple[Cell, ...]:
    intervals = way.option.intervals
    return (
        way.option.name,
        way.more,
        way.decay,
        way.option.loss,
        None if intervals is None else intervals["0.95"],
        None if way.gain is None else way.gain.value,
        None if way.gain is None else way.gain.probability,
        1000 * (way.option.loss - found.now) / way.more,
    )
