"""Finished runs from a table: the text of each schedule, and its final loss."""

from __future__ import annotations

import csv
from pathlib import Path

from mplfit.bounds.agreement import Outcome
from mplfit.errors import DataError, ScheduleError
from mplfit.readers.log import refuse_special
from mplfit.schedule.spec import read_spec

__all__ = ["read_outcome_table"]


def read_outcome_table(path: Path) -> list[Outcome]:
    """Runs from a .csv file with the columns schedule (a quoted text, see `mplfit.schedule.spec`)
    and loss.

    The form's name is the kind of the run; its decay, as a share of the steps, is the cooldown.

    Raises
    ------
    DataError
        If the file, a column, a schedule or a loss cannot be used.
    """
    refuse_special(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from None
    if not rows or not {"schedule", "loss"} <= set(rows[0]):
        got = ", ".join(map(str, rows[0])) if rows else "no row"
        raise DataError(f"{path}: expected rows with the columns schedule,loss, got {got}")
    outcomes = []
    for number, row in enumerate(rows, 1):
        text = row["schedule"] or ""
        try:
            spec = read_spec(text)
            schedule, loss = spec.schedule(), float(row["loss"])
        except ScheduleError as error:
            raise DataError(f"{path} row {number}: {error}") from None
        except (TypeError, ValueError):
            raise DataError(
                f"{path} row {number}: the loss must be a number, got {row['loss']!r} (a schedule "
                "with commas in it must stand in quotes)"
            ) from None
        if not 0 < loss < float("inf"):
            raise DataError(f"{path} row {number}: the loss must be positive, got {loss:g}")
        share = None if spec.decay_share is None else round(spec.decay_share, 6)
        outcomes.append(Outcome(text, schedule, loss, spec.shape, share))
    return outcomes
