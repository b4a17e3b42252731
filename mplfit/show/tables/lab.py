"""The tables of the lab: of a `LoopResult`, and of `CoordinateChecks`."""

from __future__ import annotations

from collections.abc import Sequence

from mplfit.estimate.mean import Mean
from mplfit.lab.coordinates import FLAT, CoordinateCheck, CoordinateChecks
from mplfit.lab.loop import OPTIMIZED, TRAINING, LoopResult, MeasuredGain
from mplfit.show.table import Cell, Column, Table
from mplfit.show.tables.fit import per_cent

__all__ = ["gains_table", "outcome_table", "tables"]


def tables(found: LoopResult | CoordinateChecks) -> list[Table]:
    """The loop's verdict, forecasts beside outcomes, and gains; or every parametrization."""
    if isinstance(found, CoordinateChecks):
        made = [_coordinates(check) for check in found.checks.values()]
        seeds = f"±: standard errors over {found.seeds} seeds." if found.seeds > 1 else (
            "One seed: no ±."
        )  # fmt: skip
        return [*made, Table("", (), (), (seeds,))]
    return [outcome_table(found), *gains_table(found)]


def outcome_table(found: LoopResult) -> Table:
    """Every schedule's forecasts beside its final losses."""
    loops = list(found.judgements[0].forecasts) if found.judgements else []
    columns = [Column("schedule"), Column("steps"), Column("observed", ".4f"), Column("±", ".4f")]
    for loop in loops:
        columns += [Column(f"loop {loop}", ".4f"), Column("95 % interval", ".4f"), Column("in")]
    rows = []
    for one in found.judgements:
        row: list[Cell] = [one.name, one.steps, one.mean, one.error]
        for loop in loops:
            made = one.forecasts[loop]
            row += [made.loss, (made.low, made.high), f"{one.inside[loop]}/{len(one.observed)}"]
        rows.append(tuple(row))
    fitted = "; ".join(f"loop {loop}: {', '.join(names)}" for loop, names in TRAINING.items())
    notes = [
        f"Fitted before any other run was trained, seed 0 ({fitted}). Observed: mean and standard "
        "error over the seeds, cosine's first being the one that was fitted. in: seeds whose final "
        "loss lies in the interval."
    ]
    unseen = [one for one in found.judgements if one.name != "cosine"]
    for loop in loops:
        count = sum(one.covered[loop] for one in unseen)
        off = Mean.of(abs(one.forecasts[loop].loss - one.mean) for one in unseen)
        notes.append(
            f"Loop {loop}: the intervals hold the seeds' mean of {count} of {len(unseen)} unseen "
            f"schedules ({per_cent(count / len(unseen), len(unseen))[1]} of such); mean |error| "
            f"{off:.4f}."
        )
    verdicts = [_verdict(name, _of(found.gains, name)) for name in OPTIMIZED.values()]
    return Table(" ".join(verdicts), tuple(columns), tuple(rows), tuple(notes))


def gains_table(found: LoopResult) -> list[Table]:
    """What each optimized schedule gained over each of the same length; none without such."""
    made = []
    for name in OPTIMIZED.values():
        own = _of(found.gains, name)
        if not own:
            continue
        columns = [Column("against"), Column("observed", "+.4f"), Column("±", ".4f")]
        loops = list(own[0].predicted)
        for loop in loops:
            columns += [Column(f"loop {loop}", "+.4f"), Column("95 % interval", "+.4f")]
        rows = tuple(
            (one.over, one.observed, one.error,
             *(cell for loop in loops for cell in (one.predicted[loop], one.intervals[loop])))
            for one in own
        )  # fmt: skip
        made.append(Table(f"What {name} gained.", tuple(columns), rows))
    return made


def _of(gains: Sequence[MeasuredGain], name: str) -> list[MeasuredGain]:
    return [one for one in gains if one.name == name]


def _verdict(name: str, gains: Sequence[MeasuredGain]) -> str:
    """Whether the optimized schedule won, in a sentence."""
    if not gains:
        return f"{name}: no run of its length to compare."
    lost = [one.over for one in gains if one.observed <= 0]
    close = [one.over for one in gains if one.observed > 0 and not one.observed > 2 * one.error]
    if lost:
        clear = [one.over for one in gains if one.observed < -2 * one.error]
        how = f"clearly so: {', '.join(clear)}" if clear else "by less than two standard errors"
        return f"{name} did not win: {', '.join(lost)} ended lower or equal, {how}."
    text = f"{name} won against all {len(gains)} others (mean of {gains[0].seeds} seeds)"
    if close:
        return f"{text}, but by less than two standard errors against {', '.join(close)}."
    return f"{text}, by more than two standard errors."


def _coordinates(check: CoordinateCheck) -> Table:
    """The scale of every activation at every width, and the slopes against the width."""
    last = check.steps[-1]
    columns = [Column("activation"), *(Column(str(width)) for width in check.widths)]
    columns += [Column("slope"), Column("slope of change")]
    rows = []
    for name in check.names:
        cells = (f"{steps[-1]:.3g}" for steps in check.scale[name])
        slopes = (check.slope(name, last, change=change) for change in (False, True))
        rows.append((name, *cells, *(f"{slope:+.2f}" for slope in slopes)))
    growing = [name for name in check.names if check.slope(name, last, change=True).value > FLAT]
    verdict = (
        f"what {last} updates make grows with the width: {', '.join(growing)}"
        if growing
        else f"nothing that {last} updates make grows with the width (slopes up to +{FLAT:g})"
    )
    return Table(f"{check.parametrization}: {verdict}.", tuple(columns), tuple(rows))
