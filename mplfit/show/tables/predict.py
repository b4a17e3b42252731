"""The table of `Predictions`: the final losses side by side."""

from __future__ import annotations

from mplfit.assess.predict import Prediction, Predictions
from mplfit.show.table import Cell, Column, Table

__all__ = ["tables"]


def tables(found: Prediction | Predictions) -> list[Table]:
    """One row a schedule."""
    if isinstance(found, Prediction):
        found = Predictions("", "", (found,), found.warnings, found.notes)
    known = found.lowest.intervals is not None
    compared = known and len(found.predictions) > 1
    columns = [
        Column("schedule"), Column("steps"), Column("peak lr", "g"), Column("final lr", ".3g"),
        Column("final loss", ".4f"),
    ]  # fmt: skip
    if known:
        columns += [Column("80 % interval", ".4f", wide=True), Column("95 % interval", ".4f")]
    columns.append(Column("above lowest", "+.4f"))
    if compared:
        columns += [Column("95 % interval", "+.4f"), Column("P(above)", ".2f", wide=True)]
    rows = []
    for prediction in found.predictions:
        row: list[Cell] = [
            prediction.name,
            prediction.steps,
            prediction.peak,
            prediction.final_lr,
            prediction.final_loss,
        ]
        row += [(prediction.intervals or {})[level] for level in ("0.80", "0.95")] if known else []
        row.append(prediction.final_loss - found.lowest.final_loss)
        if compared:
            above = prediction.above_lowest
            row += [above.intervals["0.95"], above.probability] if above else ["", ""]
        rows.append(tuple(row))
    return [Table(_answer(found), tuple(columns), tuple(rows), found.notes)]


def _answer(found: Predictions) -> str:
    """The lowest final loss, and how far the next one is above it."""
    best, count = found.lowest, len(found.predictions)
    if count == 1:
        return f"{best.name} is predicted to end at a loss of {best.final_loss:.4f}{_ends(best)}."
    others = (prediction for prediction in found.predictions if prediction is not best)
    next_best = min(others, key=lambda one: one.final_loss)
    said = f"{best.name}, predicted final loss {best.final_loss:.4f}{_ends(best)}"
    said += f"; {next_best.name} is {next_best.final_loss - best.final_loss:.4f} higher"
    if next_best.above_lowest is not None:
        said += f" (higher with probability {next_best.above_lowest.probability:.2f})"
    return f"Lowest of {count}: {said}."


def _ends(one: Prediction) -> str:
    if one.intervals is None:
        return ""
    low, high = one.intervals["0.95"]
    return f" (95 %: {low:.4f}–{high:.4f})"
