"""Tables with a metric a row, as MLflow's, Aim's and ClearML's csv have it, and melted frames.

A column names the metric, one has the step, one the value, and one may name the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.log import Log, Series, UnknownLogError, hash_file
from mplfit.readers.names import find_column, plain
from mplfit.readers.options import ReadOptions
from mplfit.readers.source import log_stem
from mplfit.readers.table import Table, read_columns, read_texts
from mplfit.readers.tags import log_of_tags

__all__ = ["is_long", "read_long"]

_METRIC = ("metric", "metricname", "key", "tag", "variable", "title")
_PART = ("variant", "series", "metriccontextsubset", "contextsubset", "subset")
_VALUE = ("value", "metricvalue", "values")
_RUN = ("runname", "run", "runid", "runhash", "task", "taskname", "experiment", "name")


def is_long(header: Sequence[str]) -> bool:
    """Whether a header has columns for the metric's name, its value and the step."""
    return None not in (_column(header, _METRIC), _column(header, _VALUE)) and not any(
        plain(name) in ("loss", "trainloss") for name in header
    )


def read_long(table: Table, options: ReadOptions) -> list[Log]:
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
    steps, values = read_columns(table, [step, value])
    names = _joined(*read_texts(table, [metric, *([part] if part else [])]))
    (runs,) = read_texts(table, [run]) if run else ([""] * len(names),)
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
            logs.append(_log(path, own, sha256, tags, options))
        except UnknownLogError as error:
            said = error
    if not logs:
        raise said or DataError(f"{path} has a header but no rows: expected at least one")
    return logs


def _log(path: Path, name: str, sha256: str, tags: dict[str, Series], options: ReadOptions) -> Log:
    return log_of_tags(path, name, "long table", sha256, tags, options)


def _joined(names: Sequence[str], parts: Sequence[str] | None = None) -> list[str]:
    """The names of metrics, with what tells their parts apart, as in train/loss."""
    if parts is None:
        return list(names)
    return [f"{part}/{name}" if part else name for name, part in zip(names, parts, strict=True)]


def _column(header: Sequence[str], names: Sequence[str]) -> str | None:
    plains = [plain(name) for name in header]
    return next((header[plains.index(name)] for name in names if plains.count(name) == 1), None)
