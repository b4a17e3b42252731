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
    chosen, name = said.chosen, said.reference.name
    lines = [f"Run this next, {chosen.schedule.steps:,} updates: {_schedule(chosen)}."]
    known = f"Expected final loss {_loss(chosen)}"
    reference = f"your {name}" if said.own else f"a {name}"
    if said.gain is None:
        lines.append(f"{known}: the kind of schedule that you use already.")
    else:
        lines.append(
            f"{known}; {reference} would give {said.reference.loss:.3f}: better, "
            f"{_chance(said.gain)}."
        )
        lines += _saved(said)
    lines += [*_odd(said), *_floor(said.floor, said.over_floor)]
    if said.peaks is not None:
        low, high = said.peaks
        lines.append(f"Peaks from {low:.3g} to {high:.3g} would end within its 80 % interval.")
    if said.wanted is not None:
        lines.append(_wanted(said))
    lines.append(_telling(said))
    where = f"{said.runs} run{'s' * (said.runs > 1)} read, {said.updates:,} updates in all"
    error = "" if said.left_out is None else f" (left-out final error {said.left_out:.4f})"
    lines.append(f"{where}; law: {get_law(said.law).title}{error}.")
    return [*lines, *said.notes]


def _schedule(option: Option) -> str:
    if option.name == "optimized":
        return describe(option.schedule)
    return f"{option.name} ({describe(option.schedule)})"


def _loss(option: Option) -> str:
    """With half the width of its interval."""
    if option.intervals is None:
        return f"{option.loss:.3f}"
    low, high = option.intervals["0.95"]
    return f"{option.loss:.3f} ± {(high - low) / 2:.3f} (95 %)"


def _chance(gain: GainSummary) -> str:
    return "P > 0.99" if gain.probability > 0.995 else f"P = {gain.probability:.2f}"


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
    if said.optimized:
        return [
            f"The best usual schedule, {name}, would end at {said.best_usual.loss:.3f}: "
            f"{over.value:.4f} higher ({_chance(over)})."
        ]
    if over.value <= 0:
        return ["No schedule of another shape is predicted to be better."]
    return [
        f"An optimized shape would be {over.value:.4f} lower ({_chance(over)}): too unsure for an "
        "odd one."
    ]


def _floor(other: Option | None, over: GainSummary | None) -> list[str]:
    """What another end of the decay would give."""
    if other is None or over is None:
        return []
    what = "cost" if over.value > 0 else "gain"
    # of a cost: that it is one
    chance = over.probability if over.value > 0 else 1 - over.probability
    sure = "P > 0.99" if chance > 0.995 else f"P = {chance:.2f}"
    return [f"A decay {other.name} instead would {what} {abs(over.value):.4f} ({sure})."]


def _wanted(said: Advice) -> str:
    kind = said.best_usual.name
    if said.reached is None:
        steps = said.best_usual.schedule.steps
        return f"The loss {said.wanted:g} is not reached in {8 * steps:,} updates of {kind}."
    return f"The loss {said.wanted:g} is reached after {said.reached:,} updates of {kind}."


def _telling(said: Advice) -> str:
    if not said.fallen:
        least = "" if said.telling is None else _run(said)
        return (
            "Too little to be sure: no run's rate has fallen; what a decay gives is other people's "
            f"runs'. {least or 'Add a run whose rate decays.'}"
        )
    if said.telling is None:
        return "No cheap further run would make this much surer: what is left is how runs differ."
    return f"Least sure: the decay. {_run(said)}"


def _run(said: Advice) -> str:
    run = said.telling
    assert run is not None
    return (
        f"A cooldown over {run.updates:,} from update {run.branch:,} at the peak: "
        f"±{run.before:.3f} becomes ±{run.after:.3f}."
    )


def _ending(found: Ending) -> Table:
    best = found.ways[0]
    answer = " ".join(
        [
            f"From update {found.at:,} of {found.run}: {_way(best)}. Expected final loss "
            f"{_loss(best.option)}.",
            *_floor(found.floor, found.over_floor),
        ]
    )
    columns = (
        Column("way"),
        Column("more", ",d"),
        Column("final loss", ".4f"),
        Column("95 % interval", ".4f"),
        Column("gain over staying", "+.4f"),
        Column("P(gain)", ".2f"),
    )
    return Table(answer, columns, tuple(map(_row, found.ways)))


def _way(way: Branch) -> str:
    if way.more == 0:
        return "stop now"
    if way.decay == 0:
        return f"stay at the rate for {way.more:,} more updates"
    if way.decay == way.more:
        return f"cool down at once, over {way.decay:,} updates"
    return f"hold the rate for {way.more - way.decay:,} updates, then cool down over {way.decay:,}"


def _short(way: Branch) -> str:
    if way.decay == 0:
        return way.option.name
    if way.decay == way.more:
        return f"cool down over {way.decay:,}"
    return f"hold for {way.more - way.decay:,}, cool down over {way.decay:,}"


def _row(way: Branch) -> tuple[Cell, ...]:
    intervals = way.option.intervals
    return (
        _short(way),
        way.more,
        way.option.loss,
        None if intervals is None else intervals["0.95"],
        None if way.gain is None else way.gain.value,
        None if way.gain is None else way.gain.probability,
    )
