"""The tables of a `Design`: the runs to do next, and what each candidate would tell alone."""

from __future__ import annotations

from mplfit.assess.intervals import LEVELS
from mplfit.plan.design import Design
from mplfit.show.table import Cell, Column, Table, shorten

__all__ = ["tables"]

_LONGEST = 60  # of a schedule's text in a sentence


def tables(found: Design) -> list[Table]:
    """The sequence, then every candidate as the first run."""
    return [_sequence(found), _alone(found)]


def _sequence(found: Design) -> Table:
    z, value = LEVELS[0.95], found.value
    columns = (
        Column("run"), Column("steps spent"), Column(f"{found.what}, 95 %", ".4f"),
        Column("width"), Column("shrunk by", ".4f"), Column("per 10,000 steps", ".4f"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    before, spent = found.before, 0
    rows.append(("now", "", _around(value, z * before), _width(z * before), "", ""))
    for choice in found.choices:
        spent += choice.steps
        gained = z * (before - choice.sd)
        rows.append(
            (choice.name, spent, _around(value, z * choice.sd), _width(z * choice.sd), gained,
             1e4 * gained / choice.steps)
        )  # fmt: skip
        before = choice.sd
    first, wanted = found.choices[0], shorten(found.schedule, _LONGEST)
    over = f" over {shorten(found.over, _LONGEST)}" if found.over else ""
    answer = (
        f"Run {first.name} next ({first.steps} updates): the {found.what} of the target, "
        f"{value:.4f} {_width(z * found.before)} (95 %) now, is then known to "
        f"{_width(z * first.sd)}."
    )
    notes = (
        f"Target: {found.what} of {wanted}{over}.",
        f"{_width(z * found.floor)} of the width is left whatever is run: two runs differ, and the "
        "law has an error of its own.",
    )
    return Table(answer, columns, tuple(rows), notes + found.notes)


def _alone(found: Design) -> Table:
    z = LEVELS[0.95]
    tried = sorted(found.choices[0].others.items(), key=lambda pair: pair[1])
    columns = (Column("one run alone"), Column("width"), Column("shrunk by", ".4f"))
    rows = tuple((name, _width(z * sd), z * (found.before - sd)) for name, sd in tried)
    note = "Widths have no ±: they are themselves the uncertainty, by the fit's covariance."
    return Table("", columns, rows, (note,))


def _around(value: float, half: float) -> tuple[float, float]:
    return value - half, value + half


def _width(half: float) -> str:
    return f"±{half:.4f}"
