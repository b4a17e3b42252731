"""Tables with a metric a row, as of MLflow and of Aim's `Metric.dataframe`, and melted frames.

A column names the metric, one has the step, one the value, and one may name the run. Columns such
as Aim's `run.hparams.weight_decay` tell a run's constants.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.configs import TOLD, constants_in
from mplfit.readers.log import Log, Series, UnknownLogError, hash_file
from mplfit.readers.names import find_column, paired, plain
from mplfit.readers.options import ReadOptions
from mplfit.readers.source import log_stem
from mplfit.readers.table import TextTable, read_columns, read_texts
from mplfit.readers.tags import log_of_tags

__all__ = ["is_long", "read_long"]

_METRIC = ("metric", "metricname", "key", "tag", "variable", "title")
_PART = ("variant", "series", "metriccontextsubset", "contextsubset", "subset")
_VALUE = ("value", "metricvalue", "values")
_RUN = ("runname", "run", "runid", "runhash", "task", "taskname", "experiment", "name")

_AIM = {"run", "metric", "context", "value", "step"}


def is_long(header: Sequence[str]) -> bool:
    """Whether a header has columns for the metric's name, its value and the step."""
    return None not in (_column(header, _METRIC), _column(header, _VALUE)) and not any(
        plain(name) in ("loss", "trainloss") for name in header
    )


def read_long(table: TextTable, options: ReadOptions) -> list[Log]:
    """Every run in the table.

    Raises
    ------
    DataError
        If a column is missing, or no run has a loss.
    """
    path, header = table.path, table.header
    step = find_column(path, header, "step", options.step_col) or ""
    metric, value = _column(header, _METRIC) or "", _column(header, _VALUE) or ""
    part, run = _column(header, _PART), options.run_col or _column(header, _RUN)
    if run == "none" or run not in header:
        run = None
    told = [name for name in header if "." in name and plain(name.rpartition(".")[2]) in TOLD]
    parts = [metric, *([part] if part else [])]
    cells = read_texts(table, [*parts, *([run] if run else []), *told])
    names = _joined(*cells[: len(parts)])
    runs = cells[len(parts)] if run else [""] * len(names)
    if set(header) >= _AIM and all(times == 1 for times in Counter(_keys(table)).values()):
        raise DataError(
            f"{path} is the table below Aim's charts, with one value of each metric: it holds no "
            "curve. Write curves in Python, with metric.dataframe(include_run=True, "
            "include_name=True, include_context=True).to_csv(PATH)"
        )
    steps, values = read_columns(table, [step, value])
    constants = dict(zip(told, cells[len(cells) - len(told) :], strict=True))
    rows: dict[str, dict[str, list[int]]] = {}
    for row, (one, name) in enumerate(zip(runs, names, strict=True)):
        rows.setdefault(one, {}).setdefault(name, []).append(row)
    sha256, logs, said = hash_file(path), [], None
    for one, metrics in rows.items():
        tags = {}
        for name, places in metrics.items():
            known = np.array(places)[np.isfinite(steps[places])]
            tags[name] = Series(steps[known], values[known])
        try:
            own = one if len(rows) > 1 else log_stem(path)
            log = log_of_tags(path, own, "long table", sha256, tags, options)
        except UnknownLogError as error:
            said = error
            continue
        first = next(iter(metrics.values()))[0]
        decay, size, _ = constants_in(_numbers(constants, first), "the run's columns")
        logs.append(replace(log, weight_decay=decay, size=size))
    if not logs:
        raise said or DataError(f"{path} has a header but no rows: expected at least one")
    return logs


def _keys(table: TextTable) -> list[tuple[str, ...]]:
    """What names each row of Aim's table; lines between its groups hold nothing but --."""
    rows = zip(*read_texts(table, ["run", "metric", "context"]), strict=True)
    return [row for row in rows if set(row) != {"--"}]


def _numbers(columns: Mapping[str, Sequence[str]], row: int) -> dict[str, float]:
    """The numbers in a row, by the last part of their columns' names."""
    told = {}
    for name, cells in columns.items():
        with suppress(ValueError):
            told[name.rpartition(".")[2]] = float(cells[row])
    return told


def _joined(names: Sequence[str], parts: Sequence[str] | None = None) -> list[str]:
    """The names of metrics, with what tells their parts apart, as in train/loss."""
    if parts is None:
        return list(names)
    known: dict[tuple[str, str], str] = {}
    for pair in zip(names, parts, strict=True):
        if pair not in known:
            known[pair] = paired(*pair)
    return [known[pair] for pair in zip(names, parts, strict=True)]


def _column(header: Sequence[str], names: Sequence[str]) -> str | None:
    plains = [plain(name) for name in header]
    return next((header[plains.index(name)] for name in names if plains.count(name) == 1), None)
