"""Schedules from files (.csv, .npy, .json), or from the text grammar."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mplfit.errors import DataError, ScheduleError
from mplfit.readers.table import open_table, read_columns
from mplfit.schedule import Schedule, from_knots
from mplfit.spec import parse_schedule

__all__ = ["load_schedule", "read_schedule"]

_SUFFIXES = (".csv", ".npy", ".json")


def load_schedule(text: str) -> Schedule:
    """A schedule from a file's name or from a spec; see `mplfit.spec`.

    >>> from mplfit.readers.schedules import load_schedule
    >>> load_schedule("linear:steps=100,peak=1e-3")
    Schedule(100 steps, peak 0.001, final 1e-05, warmup 0)
    """
    if Path(text).suffix.lower() in _SUFFIXES and ":" not in text:
        return read_schedule(Path(text))
    return parse_schedule(text)


def read_schedule(path: Path) -> Schedule:
    """The schedule in a file.

    * .csv : columns step,lr with every step from 0 on, or with some of them: then they are knots.
    * .npy : a 1-D array of rates (pickles are refused).
    * .json : a list of rates, or an object with "lr" or "knots" ([[step, lr], …]), and optionally
      "steps" and "warmup", as `mplfit optimize` writes it.

    Raises
    ------
    DataError, ScheduleError
        If the file cannot be read, or does not hold a schedule.
    """
    readers = {".csv": _from_csv, ".npy": _from_npy, ".json": _from_json}
    if not path.is_file():
        raise DataError(f"{path} does not exist: expected a schedule file")
    try:
        return readers[path.suffix.lower()](path)
    except ScheduleError as error:
        raise ScheduleError(f"{path}: {error}") from None


def _from_csv(path: Path) -> Schedule:
    table = open_table(path)
    missing = [name for name in ("step", "lr") if name not in table.header]
    if missing:
        raise DataError(
            f"{path} has no column {missing[0]!r}: a schedule file has the columns step,lr, got "
            f"{', '.join(table.header[:8])}"
        )
    step, lr = read_columns(table, ["step", "lr"])
    if np.array_equal(step, np.arange(step.size)):
        return Schedule(lr)
    return from_knots(zip(step.tolist(), lr.tolist(), strict=True))


def _from_npy(path: Path) -> Schedule:
    try:
        return Schedule(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} is not a plain numpy array: {error}") from None


def _from_json(path: Path) -> Schedule:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from None
    if isinstance(values, list):
        return Schedule(np.asarray(values, dtype=object))
    if not isinstance(values, dict) or not ("lr" in values or "knots" in values):
        raise DataError(f'{path}: expected a list of rates, or an object with "lr" or "knots"')
    warmup = values.get("warmup", 0)
    if not isinstance(warmup, int):
        raise DataError(f'{path}: "warmup" must be a whole number, got {warmup!r}')
    if "lr" in values:
        return Schedule(np.asarray(values["lr"], dtype=object), warmup)
    try:
        knots = [(int(step), float(rate)) for step, rate in values["knots"]]
    except (TypeError, ValueError):
        raise DataError(f'{path}: "knots" must be a list of [step, lr] pairs') from None
    schedule = from_knots(knots, values.get("steps"))
    return Schedule(schedule.lr, warmup)
