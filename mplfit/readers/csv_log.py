"""Logs as tables: columns for step, learning rate and loss, in any order, under usual names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mplfit.curve import Curve, Origin, rebuild_schedule
from mplfit.errors import DataError, ScheduleError
from mplfit.readers.released import released_schedule
from mplfit.readers.table import Table, open_table, read_columns, shorten
from mplfit.schedule import FloatArray, IntArray, Schedule

__all__ = ["ReadOptions", "read_csv"]

# Names of columns, in order of preference; compared without case, spaces, dots, dashes and slashes.
_ALIASES = {
    "step": (
        "step",
        "steps",
        "globalstep",
        "trainstep",
        "iteration",
        "iterations",
        "iter",
        "update",
    ),
    "lr": ("lr", "learningrate", "trainlr", "trainlearningrate", "optimlr"),
    "loss": ("loss", "trainloss", "trainingloss", "lmloss", "celoss", "traincrossentropyloss"),
}


@dataclass(frozen=True)
class ReadOptions:
    """What a user may say about logs.

    step_col, lr_col, loss_col : names of columns, where the usual ones are not meant.
    schedule : the schedule of the run, where the log does not tell it.
    warmup : the length of the warmup, used when the schedule is rebuilt from logged rates.
    """

    step_col: str | None = None
    lr_col: str | None = None
    loss_col: str | None = None
    schedule: Schedule | None = None
    warmup: int | None = None


def read_csv(path: Path, options: ReadOptions | None = None) -> Curve:
    """One run from a table: its losses, and its schedule, given or rebuilt from the logged rates.

    The schedule is, in this order: the one in `options`; that of the released curve of the file's
    name, if every logged rate agrees with it to 1e-6 relative; the one rebuilt from the logged
    rates (`mplfit.curve.rebuild_schedule`). What was assumed, dropped or mended is in
    `Curve.origin.notes`.

    Raises
    ------
    DataError
        If the file, its columns or its values cannot be used.
    """
    options = options or ReadOptions()
    table = open_table(path)
    notes: list[str] = []
    step_name = _column(table, "step", options.step_col)
    loss_name = _column(table, "loss", options.loss_col)
    given = options.schedule is not None
    lr_name = _column(table, "lr", options.lr_col, needed=not given)
    names = [name for name in (step_name, loss_name, lr_name) if name is not None]
    raw_step, raw_loss, *rates = read_columns(table, names)
    rows = _whole_steps(path, raw_step)
    step, loss = _losses(path, rows, raw_loss, notes)
    try:
        schedule = _schedule(path, rows, rates[0] if rates else None, options, notes)
    except (DataError, ScheduleError) as error:
        raise DataError(f"{path}: {error}") from None
    inside = step < schedule.steps
    if not inside.all():
        past = int((~inside).sum())
        if not inside.any() or past > max(1, 0.1 * step.size):
            raise DataError(
                f"{path}: {past} of {step.size} rows lie past the end of the schedule of "
                f"{schedule.steps} steps (the last is at step {step[-1]}): give --schedule for the "
                "whole run"
            )
        notes.append(
            f"{past} row{'s' if past > 1 else ''} past the last update of the schedule (step "
            f"{schedule.steps - 1}) dropped"
        )
    origin = Origin(str(path), _sha256(path), tuple(notes))
    return Curve(path.stem, step[inside], loss[inside], schedule, origin)


def _column(table: Table, what: str, name: str | None, needed: bool = True) -> str | None:
    """The name of the column that holds the step, rate or loss."""
    if name is not None:
        if table.header.count(name) != 1:
            got = f"{table.header.count(name)} columns" if name in table.header else "no column"
            raise DataError(
                f"{table.path} has {got} {name!r}, asked for with --{what}-col: it has "
                f"{_list(table.header)}"
            )
        return name
    title = "learning rate" if what == "lr" else what
    plain = ["".join(ch for ch in column.lower() if ch.isalnum()) for column in table.header]
    for alias in _ALIASES[what]:
        if plain.count(alias) > 1:
            raise DataError(
                f"{table.path} has {plain.count(alias)} columns that could hold the {title}: it "
                f"has {_list(table.header)}; choose one with --{what}-col"
            )
        if alias in plain:
            return table.header[plain.index(alias)]
    if not needed:
        return None
    change = f"name it with --{what}-col" + (", or give --schedule" if what == "lr" else "")
    raise DataError(
        f"{table.path} has no column for the {title} (such as {', '.join(_ALIASES[what][:2])}): it "
        f"has {_list(table.header)}; {change}"
    )


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(shorten(name) or "(no name)" for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _whole_steps(path: Path, raw: FloatArray) -> IntArray:
    """The step of every row, refused where it is no index."""
    whole = np.isfinite(raw) & (raw == np.floor(raw)) & (raw >= 0) & (raw < 2**53)
    if not whole.all():
        row = int(np.flatnonzero(~whole)[0])
        got = "nothing" if np.isnan(raw[row]) else repr(float(raw[row]))
        raise DataError(
            f"{path} row {row + 1}: the step must be a whole number from 0 on, got {got} (choose "
            "another column with --step-col)"
        )
    return raw.astype(np.int64)


def _losses(
    path: Path, step: IntArray, loss: FloatArray, notes: list[str]
) -> tuple[IntArray, FloatArray]:
    """Finite losses in the order of their steps, one a step; what cannot be mended is refused."""
    finite = np.isfinite(loss)
    if not finite.any():
        raise DataError(
            f"{path} has no finite loss in {loss.size} row{'s' if loss.size > 1 else ''}: choose "
            "the column with --loss-col, or leave a diverged run out"
        )
    if not finite.all():
        notes.append(f"{int((~finite).sum())} of {loss.size} rows without a finite loss dropped")
    if loss[finite].min() <= 0:
        row = int(np.flatnonzero(finite & (loss <= 0))[0])
        raise DataError(
            f"{path} step {step[row]}: the loss is {loss[row]:g}, but laws are fitted to its "
            "logarithm: losses must be positive (choose the column with --loss-col)"
        )
    step, loss = step[finite], loss[finite]
    if np.any(np.diff(step) < 0):
        notes.append("rows were not in the order of their steps: sorted")
    kept = _last_of_each(step)
    if repeated := step.size - kept.size:
        notes.append(
            f"{repeated} row{'s repeat' if repeated > 1 else ' repeats'} a step: the last of each "
            "in the file is kept"
        )
    return step[kept], loss[kept]


def _last_of_each(step: IntArray) -> IntArray:
    """Rows in the order of their steps; of those with one step, the last in the file."""
    order = np.argsort(step, kind="stable")
    last: IntArray = order[np.append(np.diff(step[order]) > 0, True)]
    return last


def _schedule(
    path: Path, step: IntArray, raw: FloatArray | None, options: ReadOptions, notes: list[str]
) -> Schedule:
    """The run's schedule; rows without a loss count too where they log a rate."""
    logged = np.isfinite(raw) if raw is not None else np.zeros(step.size, dtype=np.bool_)
    at, lr = step[logged], raw[logged] if raw is not None else np.empty(0)
    if np.any(lr < 0):
        row = int(np.flatnonzero(lr < 0)[0])
        raise DataError(
            f"the learning rate of step {at[row]} is negative ({lr[row]:g}): choose the column "
            "with --lr-col"
        )
    if at.size:
        kept = _last_of_each(at)
        at, lr = at[kept], lr[kept]
    if options.schedule is not None:
        _compare(at, lr, options.schedule, "the schedule given", notes)
        return options.schedule
    if not at.size:
        raise DataError("no row logs a learning rate: give the run's --schedule")
    known = released_schedule(path.stem)
    if known is not None and options.warmup is None:
        # A rate at step T belongs to no update; one beyond shows that the run is another.
        if at[-1] <= known.steps and _disagreement(at, lr, known) <= 1e-6:
            notes.append(
                "the schedule is that of the released curve of this name (every logged rate agrees)"
            )
            return known
        notes.append(
            "the name is that of a released curve, but the logged rates are not its schedule's: "
            "the schedule is rebuilt from the logged rates"
        )
    if not logged.all():
        notes.append(f"{int((~logged).sum())} of {step.size} rows log no learning rate")
    schedule, assumed = rebuild_schedule(at, lr, warmup=options.warmup)
    notes.extend(assumed)
    return schedule


def _disagreement(step: IntArray, lr: FloatArray, schedule: Schedule) -> float:
    """The largest relative difference between logged rates and a schedule, inside the latter."""
    inside = step < schedule.steps
    if not inside.any():
        return float("inf")
    expected = schedule.lr[step[inside]]
    scale = np.maximum(np.abs(expected), 1e-6 * schedule.peak)
    return float(np.max(np.abs(lr[inside] - expected) / scale))


def _compare(
    step: IntArray, lr: FloatArray, schedule: Schedule, what: str, notes: list[str]
) -> None:
    if step.size:
        worst = _disagreement(step, lr, schedule)
        if 1e-3 < worst < np.inf:
            notes.append(
                f"{what} is used although logged rates differ from it by up to {100 * worst:.2g} %"
            )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
