"""CSV files exported from charts: Weights & Biases (wide) and TensorBoard's `Wall time,Step,Value`.

A W&B chart has a column `RUN - METRIC` for each run, with `__MIN` and `__MAX` beside it. One
file holds one metric, so that the rates are usually in a second file: such pieces come back as logs
without a loss or without a rate, and `joined` puts those of one run together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.log import Log, Series, hash_file
from mplfit.readers.names import CALLS, COUNTERS, is_loss, is_rate, listed, plain, refuse_units
from mplfit.readers.options import ReadOptions
from mplfit.readers.source import log_stem
from mplfit.readers.table import open_table, read_columns

__all__ = [
    "is_tensorboard_csv",
    "is_wide",
    "joined",
    "piece_of",
    "read_tensorboard_csv",
    "read_wide",
]

_CHARTS = ("W&B chart", "TensorBoard csv", "ClearML graph")
_NO_RATE = (
    "holds no learning rate of this run: give the file exported from the chart of the rate too, "
    "or the run's schedule="
)


def is_wide(header: Sequence[str]) -> bool:
    """Whether a header is that of a W&B chart."""
    names = set(header)
    return any(f"{name}__MIN" in names and " - " in name for name in header[1:])


def is_tensorboard_csv(header: Sequence[str]) -> bool:
    """Whether a header is that of TensorBoard's download."""
    return [plain(name) for name in header] == ["walltime", "step", "value"]


def read_wide(path: Path, options: ReadOptions) -> list[Log]:
    """Every run in a W&B chart's csv, each with its losses or its rates."""
    table = open_table(path)
    names = [name for name in table.header[1:] if not name.endswith(("__MIN", "__MAX"))]
    if options.step_col is None and plain(table.header[0]) not in ("step", "trainglobalstep", ""):
        where = f"its first column is {table.header[0]!r}"
        if "time" in plain(table.header[0]):
            raise DataError(
                f"{path}: {where}: export the chart with Step on its x axis, or name the column "
                "with step_col="
            )
    step_name = options.step_col or table.header[0]
    if step_name not in table.header:
        raise DataError(f"{path} has no column {step_name!r}: it has {listed(table.header)}")
    refuse_units(path, step_name, options.tokens_per_step)
    step, *columns = read_columns(table, [step_name, *names])
    sha256, logs = hash_file(path), []
    for name, values in zip(names, columns, strict=True):
        run, _, metric = name.rpartition(" - ")
        kept = np.isfinite(values)
        if run and kept.any():
            series = Series(step[kept], values[kept])
            piece = piece_of(path, sha256, run, metric, series, "W&B chart")
            logs.append(_told(piece, plain(step_name), options))
    if not logs:
        raise DataError(f"{path} has no column RUN - METRIC with a value: {listed(table.header)}")
    return logs


def read_tensorboard_csv(path: Path) -> Log:
    """One tag of one run; both are in the name that TensorBoard gives the file."""
    table = open_table(path)
    step, value = read_columns(table, [table.header[1], table.header[2]])
    found = re.fullmatch(r"run-(.+?)-tag-(.+)", log_stem(path))
    run, tag = (found[1], found[2]) if found else (log_stem(path), log_stem(path))
    series = Series(step, value)
    return piece_of(path, hash_file(path), run, tag, series, "TensorBoard csv")


def joined(logs: Sequence[Log], options: ReadOptions) -> list[Log]:
    """The logs, with the pieces of one run put together (of charts only)."""
    whole = [log for log in logs if log.kind not in _CHARTS]
    pieces = [log for log in logs if log.kind in _CHARTS]
    pieces = _counted(pieces)
    metrics = Counter(log.name for log in pieces if len(log.loss))
    rates = {log.name: log for log in pieces if not len(log.loss)}
    runs: dict[str, Log] = {}
    for log in pieces:
        if not len(log.loss) or not _wanted(log, metrics[log.name], options):
            continue
        if log.name in runs:
            raise DataError(
                f"{log.path} and {runs[log.name].path} both have a loss of the run {log.name} "
                f"({log.also[0]} is one): choose with metric=NAME, or give one file only"
            )
        rate = rates.get(log.name)
        runs[log.name] = replace(log, also=())
        if rate is not None:
            notes = (*log.notes, f"the rates are from {rate.path.name}")
            notes += tuple(note for note in rate.notes if note not in notes)
            beside = (*log.beside, rate.path, *rate.beside)
            runs[log.name] = replace(log, rate=rate.rate, notes=notes, also=(), beside=beside)
    if pieces and not runs:
        raise DataError(
            f"{pieces[0].path} holds {', '.join(sorted({log.also[0] for log in pieces}))}, and no "
            "loss that was asked for: name the metric with metric=, or give the file of the loss"
        )
    return whole + list(runs.values())


def _told(piece: Log, step: str, options: ReadOptions) -> Log:
    """A piece with what its x axis is known to be, or a warning that it may be no update."""
    if step == "trainglobalstep":
        loss, rate = replace(piece.loss, counted=True), replace(piece.rate, counted=True)
        note = "train/global_step counts finished updates, as Hugging Face logs it"
        return replace(piece, loss=loss, rate=rate, notes=(*piece.notes, note))
    told = options.steps_are or options.tokens_per_step or options.steps_per_row
    if step in ("step", "") and options.step_col is None and not told:
        return replace(piece, warnings=(CALLS.format(where="Step"),))
    return piece


def _counted(pieces: Sequence[Log]) -> list[Log]:
    """The pieces at the updates that a counter of their run gives, without the counters.

    A counter is a metric such as train/global_step. It is known at the calls that logged it; a call
    in between, as one that logs evaluations alone, has the update of the line through those.
    """
    counters = {log.name: log for log in pieces if _is_counter(log)}
    return [
        _at_updates(log, counters[log.name]) if log.name in counters else log
        for log in pieces
        if not _is_counter(log)
    ]


def _is_counter(log: Log) -> bool:
    value = log.loss.value
    return (
        log.kind == "W&B chart"
        and plain(log.also[0]) in COUNTERS
        and bool(np.all(value == np.floor(value)) and np.all(np.diff(value) >= 0))
    )


def _at_updates(log: Log, counter: Log) -> Log:
    name, series = counter.also[0], counter.loss
    # Hugging Face counts finished updates; nanoGPT evaluates before the update of its iter, whose
    # rate it logs; others give the index.
    counts = plain(name) == "trainglobalstep"
    before = plain(name) == "iter" and log.also[0] in ("train/loss", "val/loss")

    def moved(old: Series, *, counted: bool) -> Series:
        inside = (old.step >= series.step[0]) & (old.step <= series.step[-1])
        update = np.round(np.interp(old.step[inside], series.step, series.value))
        return Series(update, old.value[inside], counted=counted)

    size = len(log.loss) + len(log.rate)
    loss, rate = moved(log.loss, counted=counts or before), moved(log.rate, counted=counts)
    notes = [
        *log.notes,
        f"the steps are {name}, from {counter.path.name}, not W&B's count of calls",
    ]
    if counts:
        notes.append("train/global_step counts finished updates, as Hugging Face logs it")
    if before:
        notes.append(
            "nanoGPT evaluates before the update of its iter: losses are those of iter − 1"
        )
    if (lost := size - len(loss) - len(rate)) > 0:
        notes.append(f"{lost} rows before the first or after the last {name} dropped")
    told = replace(log, loss=loss, rate=rate, notes=tuple(notes), warnings=())
    return replace(told, beside=(counter.path,))


def piece_of(path: Path, sha256: str, run: str, metric: str, series: Series, kind: str) -> Log:
    """What a chart's file tells of a run: its rates, or what may be its losses."""
    rate = is_rate(metric) or any(part in plain(metric) for part in ("learningrate", "lrgroup"))
    return Log(
        name=run,
        kind=kind,
        path=path,
        sha256=sha256,
        loss=Series.empty() if rate else series,
        rate=series if rate else Series.empty(),
        no_rate=_NO_RATE,
        also=(metric,),
    )


def _wanted(log: Log, metrics: int, options: ReadOptions) -> bool:
    """Whether a piece holds the loss asked for; a run's only metric is taken for its loss."""
    metric = log.also[0]
    if options.loss_col is not None or options.metric not in ("train", "val"):
        return metric in (options.loss_col, options.metric)
    val = any(word in plain(metric) for word in ("val", "eval"))
    return (is_loss(metric) or metrics == 1) and val == (options.metric == "val")
