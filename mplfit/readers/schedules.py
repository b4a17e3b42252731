"""Schedules from files (.csv, .npy, .json), or from the text grammar."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mplfit.errors import DataError, ScheduleError
from mplfit.readers.log import refuse_special
from mplfit.readers.table import is_there, open_table, read_columns
from mplfit.schedule import Schedule, from_knots
from mplfit.schedule.spec import parse_schedule
from mplfit.types import FloatArray

__all__ = ["load_schedule", "read_schedule", "schedule_of"]

_SUFFIXES = (".csv", ".npy", ".json")


def load_schedule(text: str) -> Schedule:
    """A schedule from a file's name or from a spec; see `mplfit.schedule.spec`.

    >>> from mplfit.readers.schedules import load_schedule
    >>> load_schedule("linear:steps=100,peak=1e-3")
    Schedule(100 steps, peak 0.001, final 1e-05, warmup 0)
    """
    path = Path(text)
    if path.suffix.lower() in _SUFFIXES and (":" not in text or is_there(path)):
        return read_schedule(path)
    return parse_schedule(text)


def schedule_of(plan: Schedule | str) -> Schedule:
    """A schedule that is given as one or as text."""
    return load_schedule(plan) if isinstance(plan, str) else plan


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
    if path.suffix.lower() not in readers:
        raise DataError(f"{path} is not a schedule file: expected .csv, .npy or .json")
    if not is_there(path):
        raise DataError(f"{path} does not exist: expected a schedule file (.csv, .npy, .json)")
    refuse_special(path)
    try:
        return readers[path.suffix.lower()](path)
    except ScheduleError as error:
        raise ScheduleError(f"{path}: {error}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


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
    # Not numpy.load: it also opens zip files and, where allowed, pickles.
    try:
        with path.open("rb") as file:
            rates = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, MemoryError, OverflowError):
        raise DataError(
            f"{path} is not a plain numpy array: expected a 1-D array of rates as numpy.save "
            "writes it (no pickled objects, no .npz)"
        ) from None
    return Schedule(rates)


def _from_json(path: Path) -> Schedule:
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from None
    if isinstance(values, list):
        return Schedule(_numbers(values))
    if not isinstance(values, dict) or not ("lr" in values or "knots" in values):
        raise DataError(f'{path}: expected a list of rates, or an object with "lr" or "knots"')
    warmup = values.get("warmup", 0)
    steps = values.get("steps")
    for key, number in (("warmup", warmup), ("steps", steps)):
        if number is not None and type(number) is not int:
            raise DataError(f'{path}: "{key}" must be a whole number, got {number!r}')
    if "lr" in values:
        schedule = Schedule(_numbers(values["lr"]), warmup or 0)
        if steps is not None and steps != schedule.steps:
            raise DataError(f'{path}: "steps" is {steps}, but "lr" has {schedule.steps} rates')
        return schedule
    try:
        knots = [(step, rate) for step, rate in values["knots"]]
    except (TypeError, ValueError):
        knots = []
    if not all(type(value) in (int, float) for knot in knots for value in knot) or not knots:
        raise DataError(f'{path}: "knots" must be a list of [step, lr] pairs of numbers')
    try:
        return Schedule(from_knots(knots, steps).lr, warmup or 0)
    except OverflowError:
        raise DataError(f'{path}: "knots" has a number beyond the range of rates') from None


def _numbers(values: object) -> FloatArray:
    """A JSON list of numbers; text, true and null, which numpy would convert, are refused."""
    if not isinstance(values, list) or any(type(value) not in (int, float) for value in values):
        raise ScheduleError("expected a list of numbers, one rate for each update")
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        raise ScheduleError("a rate is beyond the range of numbers") from None
