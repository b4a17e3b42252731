"""Schedules from files (.csv, .npy, .json), or from the text grammar."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mplfit.errors import DataError, ScheduleError
from mplfit.readers.log import UnknownLogError, refuse_special
from mplfit.readers.names import find_column, listed, losses_among
from mplfit.readers.table import is_there, open_table, read_columns
from mplfit.schedule import Schedule, from_knots
from mplfit.schedule.spec import parse_schedule
from mplfit.types import FloatArray

__all__ = ["PLAN_FILE", "load_schedule", "read_schedule", "schedule_of"]

_SUFFIXES = (".csv", ".npy", ".json")
PLAN_FILE = "schedule.json"  # in the folder of `mplfit optimize --out`


def load_schedule(text: str, notes: list[str] | None = None) -> Schedule:
    """A schedule from a file's or folder's name, or from a spec; see `mplfit.schedule.spec`.

    A file is a schedule (`read_schedule`) or the log of one run; a folder is that of `mplfit
    optimize --out`, or holds the log of one run.

    notes : gets what was assumed of a log's schedule, in sentences.

    >>> from mplfit.readers.schedules import load_schedule
    >>> load_schedule("linear:steps=100,peak=1e-3")
    Schedule(100 steps, peak 0.001, final 1e-05, warmup 0)
    """
    path = Path(text)
    if path.suffix.lower() in _SUFFIXES and (":" not in text or is_there(path)):
        if is_there(path) and path.is_dir():
            return _from_folder(path, notes)
        try:
            return read_schedule(path)
        except _NoScheduleError as error:
            try:
                return _from_log(path, notes)
            except UnknownLogError:
                raise DataError(str(error)) from None
    if is_there(path) and text.strip():
        return _from_folder(path, notes) if path.is_dir() else _from_log(path, notes)
    return parse_schedule(text)


class _NoScheduleError(DataError):
    """A file that holds no schedule, but may be a log."""


def _from_folder(path: Path, notes: list[str] | None) -> Schedule:
    made = path / PLAN_FILE
    return read_schedule(made) if made.is_file() else _from_log(path, notes)


def _from_log(path: Path, notes: list[str] | None) -> Schedule:
    """The schedule of the one run in a log or a folder."""
    from mplfit.readers.paths import read_runs  # which needs this module

    curves = read_runs(path).curves
    if len(curves) > 1:
        names = [curve.name for curve in curves]
        raise DataError(
            f"{path} holds {len(curves)} runs ({listed(names)}): expected the log of one run, for "
            "its schedule"
        )
    origin = curves[0].origin
    if notes is not None and origin is not None:
        said = [*origin.notes, *origin.warnings]
        notes += [f"{path} is a log, whose schedule is taken", *(n for n in said if "rate" in n)]
    return curves[0].schedule


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
    losses = losses_among(table.header)
    own = {"step", "lr"} <= set(table.header)
    if not own and (losses or not _steps_and_rates(path, table.header)):
        missing = next(name for name in ("step", "lr") if name not in table.header)
        raise _NoScheduleError(
            f"{path} has no column {missing!r}: a schedule file has the columns step,lr, got "
            f"{', '.join(table.header[:8])}"
        )
    step, lr = read_columns(table, ["step", "lr"] if own else _steps_and_rates(path, table.header))
    if np.array_equal(step, np.arange(step.size)):
        return Schedule(lr)
    if losses:
        raise _NoScheduleError(f"{path} is a log, with losses at some steps")
    return from_knots(zip(step.tolist(), lr.tolist(), strict=True))


def _steps_and_rates(path: Path, header: Sequence[str]) -> list[str]:
    """The columns of steps and rates under other usual names; empty where one is not there."""
    names = [find_column(path, header, what, None, needed=False) for what in ("step", "lr")]
    return [name for name in names if name is not None] if None not in names else []


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
    if isinstance(values, list) and not (values and isinstance(values[0], dict)):
        return Schedule(_numbers(values))
    if not isinstance(values, dict) or not ("lr" in values or "knots" in values):
        raise _NoScheduleError(
            f'{path}: expected a list of rates, or an object with "lr" or "knots"'
        )
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
