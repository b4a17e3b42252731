"""The tables of the lab: of a `LoopResult`, and of `CoordinateChecks`."""

from __future__ import annotations

from collections.abc import Sequence

from mplfit.estimate.mean import Mean
from mplfit.lab.coordinates import FLAT, CoordinateCheck, CoordinateChecks
from mplfit.lab.loop import LoopResult, MeasuredGain
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
    laws = list(found.judgements[0].forecasts) if found.judgements else []
    columns = [Column("schedule"), Column("steps"), Column("observed", ".4f"), Column("±", ".4f")]
    for law in laws:
        columns += [Column(law, ".4f"), Column("95 % interval", ".4f"), Column("in")]
    rows = []
    for one in found.judgements:
        row: list[Cell] = [one.name, one.steps, one.mean, one.error]
        for law in laws:
            made = one.forecasts[law]
            row += [made.loss, (made.low, made.high), f"{one.inside[law]}/{len(one.observed)}"]
        rows.append(tuple(row))
    notes = [
        "Forecasts were made from three runs of seed 0 before the others were trained. cosine is a "
        "training schedule (seed 0 of it is a training run); the rest is not. Observed: mean and "
        "standard error over the seeds. in: seeds whose final loss lies in the interval."
    ]
    unseen = [one for one in found.judgements if one.name != "cosine"]
    for law in laws:
        count = sum(one.covered[law] for one in unseen)
        off = Mean.of(abs(one.forecasts[law].loss - one.mean) for one in unseen)
        notes.append(
            f"{law}: the intervals hold the seeds' mean of {count} of {len(unseen)} unseen "
            f"schedules ({per_cent(count / len(unseen), len(unseen))[1]} of such); mean |error| "
            f"{off:.4f}."
        )
    return Table(_verdict(found.gains), tuple(columns), tuple(rows), tuple(notes))


def gains_table(found: LoopResult) -> list[Table]:
    """What the optimized schedule gained over each of the same length; none without such."""
    if not found.gains:
        return []
    columns = [Column("optimized against"), Column("observed", "+.4f"), Column("±", ".4f")]
    laws = list(found.gains[0].predicted)
    for law in laws:
        columns += [Column(f"gain by {law}", "+.4f"), Column("95 % interval", "+.4f")]
    rows = tuple(
        (one.over, one.observed, one.error,
         *(cell for law in laws for cell in (one.predicted[law], one.intervals[law])))
        for one in found.gains
    )  # fmt: skip
    return [Table("What the optimized schedule gained.", tuple(columns), rows)]


def _verdict(gains: Sequence[MeasuredGain]) -> str:
    """Whether the optimized schedule won, in a sentence."""
    if not gains:
        return "Forecasts and outcomes; no run has the optimized schedule's length."
    lost = [one.over for one in gains if one.observed <= 0]
    close = [one.over for one in gains if one.observed > 0 and not one.observed > 2 * one.error]
    if lost:
        clear = [one.over for one in gains if one.observed < -2 * one.error]
        how = f"clearly so: {', '.join(clear)}" if clear else "by less than two standard errors"
        return f"The optimized schedule did not win: {', '.join(lost)} ended lower or equal, {how}."
    text = (
        f"The optimized schedule won against all {len(gains)} others (mean of {gains[0].seeds} "
        "seeds)"
    )
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
