"""Logs as tables: columns for step, learning rate and loss, in any order, under usual names.

The step is taken as a 0-based index, as most training code logs it, unless the columns are those of
a code that is known to count: litgpt's `iter` counts the finished micro-batches (its `step` is the
logger's own), Hugging Face's `train/global_step` the finished updates, and nanoGPT's evaluations
come before the update of their `iter`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path

import numpy as np

from mplfit.curve import Curve, RunSize
from mplfit.errors import DataError, ScheduleError
from mplfit.readers.finish import finish
from mplfit.readers.log import Log, Series, hash_file
from mplfit.readers.names import (
    CALLS,
    counts_units,
    find_column,
    is_val,
    listed,
    losses_among,
    norm_column,
    plain,
    refuse_units,
)
from mplfit.readers.options import ReadOptions
from mplfit.readers.parts import rows_of_part
from mplfit.readers.runs import runs_of
from mplfit.readers.sizes import COLUMNS, size_of
from mplfit.readers.source import log_stem
from mplfit.readers.table import open_table, read_columns, read_texts
from mplfit.schedule.spec import parse_schedule
from mplfit.types import FloatArray

__all__ = ["ReadOptions", "columns_logs", "epoch_column", "read_csv", "read_table"]

_DECAYS = ("weight_decay", "wd", "optim/weight_decay", "weightdecay")


def read_csv(path: Path, options: ReadOptions | None = None) -> Curve:
    """One run from a table: its losses, and its schedule, given or rebuilt from the logged rates.

    See `mplfit.readers.finish.finish` for how the schedule is chosen. What was assumed, dropped or
    mended is in `Curve.origin.notes`.

    Raises
    ------
    DataError
        If the file, its columns or its values cannot be used.
    """
    options = options or ReadOptions()
    logs = read_table(path, options)
    if len(logs) > 1:
        raise DataError(
            f"{path} holds {len(logs)} runs ({listed([log.name for log in logs])}): read it with "
            "read_curves"
        )
    return finish(logs[0], options)


def read_table(path: Path, options: ReadOptions) -> list[Log]:
    """The runs in a .csv or .tsv file."""
    table = open_table(path)

    def values(names: list[str]) -> list[FloatArray]:
        return read_columns(table, names)

    def texts(names: list[str]) -> list[list[str]]:
        return read_texts(table, names)

    logs = columns_logs(path, table.header, values, texts, hash_file(path), options, "table")
    if table.schedule is None:
        return logs
    try:  # as mplfit lab writes it
        schedule = parse_schedule(table.schedule)
    except ScheduleError as error:
        note = f"the schedule in the file's first line is not used: {error}"
        return [replace(log, notes=(*log.notes, note)) for log in logs]
    return [replace(log, schedule=schedule) for log in logs]


def columns_logs(
    path: Path,
    header: tuple[str, ...],
    values: Callable[[list[str]], list[FloatArray]],
    texts: Callable[[list[str]], list[list[str]]],
    sha256: str,
    options: ReadOptions,
    kind: str,
) -> list[Log]:
    """The runs in named columns; `values(names)` gives some as arrays, `texts(names)` as cells.

    Raises
    ------
    DataError
        If a column is missing or two could be meant, the step counts no updates, or it is unclear
        which column tells several runs apart.
    """
    notes: list[str] = []
    litgpt = {"iter", "iter_time", "step"} <= set(header) and options.step_col is None
    epoch = None if litgpt else epoch_column(path, header, options)
    step_name = epoch or (
        "iter" if litgpt else find_column(path, header, "step", options.step_col, notes=notes)
    )
    _check_units(path, header, step_name or "", options, litgpt)
    metric = options.metric
    apart = metric == "train" or (metric == "val" and not any(map(is_val, header)))
    part = rows_of_part(header, texts, metric) if apart else None
    if part is not None:
        metric = "train"  # its column has both, in rows of their own
    loss_name = find_column(path, header, "loss", options.loss_col, metric=metric, notes=notes)
    given = options.schedule is not None
    lr_name = find_column(path, header, "lr", options.lr_col, needed=False)
    if lr_name is not None and lr_name in (loss_name, step_name):
        raise DataError(
            f"{path}: {lr_name!r} cannot be the learning rate and the "
            f"{'loss' if lr_name == loss_name else 'step'} too: choose another column with lr_col="
        )
    decay = next((name for name in _DECAYS if name in header), None)
    # litgpt's rows of a validation loss have its logger's step alone, which is iter − 1.
    sizes = [name for name in header if plain(name) in COLUMNS and header.count(name) == 1]
    norm = norm_column(header)
    asked = [step_name, loss_name, lr_name, norm, decay, "step" if litgpt else None, *sizes]
    names = [name for name in dict.fromkeys(asked) if name]
    try:
        columns = dict(zip(names, values(names), strict=True))
    except DataError:
        if norm is None:
            raise
        names.remove(norm)  # if that was what is no number, the run can be read without
        columns, norm = dict(zip(names, values(names), strict=True)), None
        notes.append("the gradient norms are not all numbers: left out")
    if litgpt:
        empty = np.isnan(columns["iter"])
        columns["iter"] = np.where(empty, columns["step"] + 1, columns["iter"])
    known = ~np.isnan(columns[step_name or ""])
    if known.any() and not known.all():
        lost = int((~known).sum())
        notes.append(f"{lost} row{'s' if lost > 1 else ''} without a {step_name} dropped")
        columns = {name: column[known] for name, column in columns.items()}
    if part is not None:
        kept = part[1][known]
        columns = {name: column[kept] for name, column in columns.items()}
        known[known] = kept
        other = "val" if options.metric == "train" else "train"
        notes.append(
            f"{int((~kept).sum())} rows that {part[0]} tells to be others than those of "
            f"{options.metric} left out (for them metric= {other})"
        )
    if epoch is not None:
        first = float(np.nanmin(columns[epoch])) if known.any() else 0.0
        columns[epoch] = columns[epoch] - (first == 1)
        notes.append(
            f"steps are its epochs, from {first:g} on, of {options.steps_per_row} updates each; "
            "each loss is the mean over an epoch"
        )
    step, loss = columns[step_name or ""], columns[loss_name or ""]

    def cells(names: list[str]) -> list[list[str]]:
        return [list(compress(column, known)) for column in texts(names)]

    groups = runs_of(path, header, cells, step, loss, options.run_col, notes)
    nano = {"iter", "train/loss", "val/loss", "lr", "mfu"} <= set(header) and step_name == "iter"
    counted = litgpt or nano or step_name == "train/global_step"
    notes += _about_steps(step_name or "", step, options, litgpt=litgpt, nano=nano)
    told = options.steps_are or options.tokens_per_step or options.steps_per_row
    calls = step_name == "_step" and options.step_col is None and not told
    no_rate = "no row logs a learning rate: give the run's schedule="
    if not lr_name and not given:
        no_rate = _no_rate(path, header)
    also = tuple(name for name in losses_among(header) if name != loss_name)
    logs = []
    for value, rows in (groups or {"": np.arange(step.size)}).items():
        # Rows without a loss count too where they log a rate.
        own = columns[lr_name][rows] if lr_name else None
        counts = counted and not nano
        decayed, said = _weight_decay(columns[decay][rows], own) if decay else (None, ())
        log = Log(
            name=value or log_stem(path),
            kind="litgpt csv" if litgpt else kind,
            path=path,
            sha256=sha256,
            loss=Series(step[rows], loss[rows], counted),
            rate=Series.empty() if own is None else Series(step[rows], own, counts),
            norm=Series(step[rows], columns[norm][rows], counted) if norm else Series.empty(),
            weight_decay=decayed,
            size=_size({name: _constant(columns[name][rows]) for name in sizes}),
            notes=tuple(notes),
            warnings=(*((CALLS.format(where="_step"),) if calls else ()), *said),
            no_rate=no_rate,
            also=also,
            part=value,
            columns=(loss_name or "", lr_name or "the learning rate"),
        )
        logs.append(log)
    return logs


def epoch_column(path: Path, header: Sequence[str], options: ReadOptions) -> str | None:
    """The column of epochs, where there is none of updates, as in Keras's CSVLogger.

    Raises
    ------
    DataError
        If it is not known how many updates an epoch has.
    """
    names = [name for name in header if plain(name) in ("epoch", "epochs")]
    if options.step_col is not None or len(names) != 1:
        return None
    if find_column(path, header, "step", None, needed=False) is not None:
        return None
    if options.steps_per_row is None:
        raise DataError(
            f"{path} counts epochs, which are no updates: say how many updates an epoch has, as in "
            "steps_per_row=500"
        )
    return names[0]


def _check_units(
    path: Path, header: Sequence[str], name: str, options: ReadOptions, litgpt: bool
) -> None:
    """Refuse a step that counts no updates, and units that may be those of two columns."""
    refuse_units(path, name, options.tokens_per_step)
    units = [column for column in header if counts_units(column)]
    if options.tokens_per_step is None or options.step_col is not None or litgpt:
        return
    if units and name not in units:
        raise DataError(
            f"{path} has {name!r} and {units[0]!r}: name the one that tokens_per_step= belongs to "
            "with step_col="
        )


def _about_steps(
    name: str, step: FloatArray, options: ReadOptions, *, litgpt: bool, nano: bool
) -> list[str]:
    """What the steps are taken to be, where that is not plain."""
    if litgpt:
        what = "litgpt: steps are its count of micro-batches, iter"
        more = "; with gradient accumulation give those of an update as tokens_per_step="
        return [what if options.tokens_per_step else what + more]
    if nano:
        return ["nanoGPT evaluates before the update of its iter: losses are those of iter − 1"]
    if options.steps_are or options.tokens_per_step or options.steps_per_row:
        return []
    if name == "train/global_step":
        return [
            f"{name} counts finished updates, as Hugging Face logs it (else: steps_are='index')"
        ]
    if name == "_step":
        return []
    if step.size and not np.any(step <= 0):
        return ["steps are taken as 0-based indices (if they count updates: steps_are='count')"]
    return []


def _weight_decay(
    values: FloatArray, rates: FloatArray | None
) -> tuple[float | None, tuple[str, ...]]:
    """AdamW's weight decay; of one that changes its mean, weighted by the rate where that is
    logged (a step shrinks weights by their product), with a sentence."""
    there = np.isfinite(values) & (True if rates is None else np.isfinite(rates))
    known = values[there]
    if (same := _constant(values)) is not None or known.size == 0 or known.min() < 0:
        return same, ()
    weights = np.ones(known.size) if rates is None else rates[there]
    mean = float(f"{np.average(known, weights=weights if weights.any() else None):.3g}")
    how = "" if rates is None else "weighted by the learning rate, "
    return mean, (
        f"the weight decay changes along the run ({known.min():g} to {known.max():g}), and a law "
        f"has one: its mean, {how}{mean:g}, is taken",
    )


def _constant(values: FloatArray) -> float | None:
    """The one value of a column that never changes."""
    known = values[np.isfinite(values)]
    same = known.size > 0 and known[0] >= 0 and bool(np.all(known == known[0]))
    return float(known[0]) if same else None


def _size(columns: Mapping[str, float | None]) -> RunSize:
    """What columns with one value say of a run's size."""
    told = {plain(name): value for name, value in columns.items() if value is not None}
    return size_of(told, "the columns", COLUMNS)


def _no_rate(path: Path, header: tuple[str, ...]) -> str:
    """What a table without a rate says once nothing else gives one."""
    try:
        find_column(path, header, "lr", None)
    except DataError as error:
        return str(error).removeprefix(f"{path} ")
    return f"logs no learning rate: it has {listed(header)}"
