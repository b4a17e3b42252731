"""Logs as tables: columns for step, learning rate and loss, in any order, under usual names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mplfit.curve import Curve, Origin, rebuild_schedule
from mplfit.errors import DataError
from mplfit.readers.released import released_schedule
from mplfit.readers.table import Table, open_table, read_columns
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
    names = [step_name, loss_name] + ([lr_name] if lr_name else [])
    raw_step, loss, *rates = read_columns(table, [name for name in names if name])
    lr = rates[0] if rates else np.full(raw_step.size, np.nan)
    step, loss, lr = _clean(path, raw_step, loss, lr, notes)
    schedule = _schedule(path, step, lr, options, notes)
    inside = step < schedule.steps
    if not inside.all():
        past = int((~inside).sum())
        if not inside.any() or past > max(1, 0.1 * step.size):
            raise DataError(
                f"{path}: {past} of {step.size} rows lie past the end of the schedule of "
                f"{schedule.steps} steps (the last is at step {step[-1]}): give the whole schedule"
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
        if name not in table.header:
            raise DataError(
                f"{table.path} has no column {name!r}: it has {_list(table.header)} (choose with "
                f"--{what}-col)"
            )
        return name
    plain = ["".join(ch for ch in column.lower() if ch.isalnum()) for column in table.header]
    for alias in _ALIASES[what]:
        if plain.count(alias) > 1:
            raise DataError(
                f"{table.path} has {plain.count(alias)} columns that could hold the {what}: choose "
                f"one with --{what}-col"
            )
        if alias in plain:
            return table.header[plain.index(alias)]
    if not needed:
        return None
    change = f"name it with --{what}-col" + (" or give --schedule" if what == "lr" else "")
    raise DataError(
        f"{table.path} has no column for the {what} (looked for {', '.join(_ALIASES[what][:4])}, "
        f"…): it has {_list(table.header)}; {change}"
    )


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _clean(
    path: Path, raw_step: FloatArray, loss: FloatArray, lr: FloatArray, notes: list[str]
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Rows in order, one a step, with finite losses; what cannot be mended is refused."""
    whole = np.isfinite(raw_step) & (raw_step == np.floor(raw_step)) & (np.abs(raw_step) < 2**53)
    if not whole.all() or raw_step.min() < 0:
        row = int(np.flatnonzero(~whole | (raw_step < 0))[0])
        raise DataError(
            f"{path} row {row + 1}: the step must be a whole number from 0 on, got "
            f"{raw_step[row]:g} (is it counted in tokens or samples? choose with --step-col)"
        )
    finite = np.isfinite(loss)
    if not finite.any():
        raise DataError(f"{path} has no finite loss in {loss.size} rows: is it a diverged run?")
    if not finite.all():
        notes.append(f"{int((~finite).sum())} of {loss.size} rows without a finite loss dropped")
    step, loss, lr = raw_step[finite].astype(np.int64), loss[finite], lr[finite]
    if loss.min() <= 0:
        row = int(loss.argmin())
        raise DataError(
            f"{path} step {step[row]}: the loss is {loss[row]:g}, but laws are fitted to its "
            "logarithm: losses must be positive (choose the column with --loss-col)"
        )
    if np.any(np.diff(step) < 0):
        notes.append("rows were not in the order of their steps: sorted")
    order = np.argsort(step, kind="stable")
    step, loss, lr = step[order], loss[order], lr[order]
    last = np.append(np.diff(step) > 0, True)
    if not last.all():
        notes.append(
            f"{int((~last).sum())} rows repeat a step: the last of each in the file is kept"
        )
    return step[last], loss[last], lr[last]


def _schedule(
    path: Path, step: IntArray, lr: FloatArray, options: ReadOptions, notes: list[str]
) -> Schedule:
    logged = np.isfinite(lr)
    if np.any(lr[logged] < 0):
        row = int(np.flatnonzero(logged & (lr < 0))[0])
        raise DataError(f"{path} step {step[row]}: the learning rate is negative ({lr[row]:g})")
    if options.schedule is not None:
        _compare(step[logged], lr[logged], options.schedule, "the schedule given", notes)
        return options.schedule
    if not logged.any():
        raise DataError(f"{path} logs no learning rate: give the run's --schedule")
    known = released_schedule(path.stem)
    if known is not None and options.warmup is None:
        if _disagreement(step[logged], lr[logged], known) <= 1e-6:
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
    schedule, assumed = rebuild_schedule(step[logged], lr[logged], warmup=options.warmup)
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
        if worst > 1e-3:
            notes.append(
                f"{what} is used although logged rates differ from it by up to {100 * worst:.2g} %"
            )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
