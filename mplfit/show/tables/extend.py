"""The table of an `Extension`: the ways to go on, by theory and by a fitted law."""

from __future__ import annotations

from mplfit.plan.extend import Extension, Way
from mplfit.show.table import Cell, Column, Table

__all__ = ["tables"]

_NAMES = {
    "law": "by the law",
    "cooldown": "longer cooldown",
    "closest": "closest cooldown",
    "factor": "lower rate",
    "same": "same share",
}


def tables(found: Extension) -> list[Table]:
    """One row a way."""
    predicted = found.ways[0].loss is not None
    known = found.ways[0].intervals is not None
    columns = [Column("way"), Column("value", ".3f"), Column("from step")]
    columns += [Column("best lr / lr", ".3f"), Column("bound / planned", ".4f", wide=known)]
    if predicted:
        columns.append(Column("predicted loss", ".4f"))
    if known:
        columns += [Column("95 % interval", ".4f"), Column("gain over same", "+.4f")]
        columns += [Column("95 % interval", "+.4f"), Column("P(gain)", ".2f")]
    ranked = sorted(found.ways, key=lambda way: list(_NAMES).index(way.how))
    rows = tuple(_row(way, predicted, known) for way in ranked)
    notes = [
        f"Planned: {found.planned_steps} steps, cooldown from step {found.planned_start}.",
        "value: the cooldown's share of all steps, or the factor on the rate. best lr / lr below "
        "1: the rate in use is too large for that way to go on; these numbers are theory's, and "
        "exact for it.",
    ]
    if known:
        notes.append(
            "A gain is that of two runs of one seed, which the difference between runs of one "
            "schedule is no part of."
        )
    if predicted and not known:
        notes.append("No interval: published parameters do not say how sure they are.")
    return [Table(_answer(found), tuple(columns), rows, tuple(notes))]


def _answer(found: Extension) -> str:
    way = next(way for way in found.ways if way.how == found.chosen)
    how = (
        f"begin the cooldown at step {way.begins} ({100 * way.value:.0f} % of the run)"
        if way.how in ("cooldown", "law")
        else f"lower the rate to {100 * way.value:.0f} % at step {way.begins}, and keep the share "
        "of the cooldown"
    )
    sentence = f"To go on to {found.steps} updates with the base rate in use: {how}"
    if way.loss is not None:
        sentence += f"; predicted final loss {way.loss:.4f}"
    if way.gain is not None:
        what = "gains" if way.gain.value > 0 else "costs"
        sentence += (
            f"; that {what} {abs(way.gain.value):.4f} in loss against the same share of "
            f"cooldown (a gain with probability {way.gain.probability:.2f})"
        )
    return sentence + "."


def _row(way: Way, predicted: bool, known: bool) -> tuple[Cell, ...]:
    cells: list[Cell] = [_NAMES[way.how], way.value, way.begins, way.base, way.bound]
    if predicted:
        cells.append(way.loss)
    if known:
        cells.append((way.intervals or {})["0.95"])
        gain = way.gain
        own: list[Cell] = ["", "", ""]
        cells += own if gain is None else [gain.value, gain.intervals["0.95"], gain.probability]
    return tuple(cells)
