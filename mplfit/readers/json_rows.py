"""JSON lines (one object a row), or a JSON list of objects: W&B history dumps, litgpt, own loggers.

Rows may differ in their keys: losses and rates are taken from the rows that have them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.csv_log import columns_logs, epoch_column
from mplfit.readers.log import Log, file_bytes
from mplfit.readers.names import find_column, is_loss, is_step, plain
from mplfit.readers.options import ReadOptions
from mplfit.types import FloatArray

__all__ = ["column_rows", "json_lines", "number", "parse_json", "rows_log"]


def json_lines(path: Path) -> tuple[list[Any], tuple[str, ...]]:
    """The values in a file of one a line, and a note where the last is cut short.

    Raises
    ------
    DataError
        If another line is no JSON.
    """
    lines = file_bytes(path).removeprefix(b"\xef\xbb\xbf").splitlines()
    rows, cut = [], 0
    for number_, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            if number_ == len(lines) - 1 and rows:
                cut = number_ + 1  # a run that was killed while it wrote
                continue
            raise DataError(f"{path} line {number_ + 1} is not JSON: {error}") from None
    notes = (f"line {cut}, the last, is cut short: dropped",) if cut else ()
    return rows, notes


def rows_log(
    path: Path,
    sha256: str,
    rows: Sequence[Any],
    options: ReadOptions,
    kind: str,
    notes: tuple[str, ...] = (),
) -> list[Log]:
    """The runs in these rows of keys and values."""
    odd = next((i for i, row in enumerate(rows) if not isinstance(row, Mapping)), None)
    if odd is not None or not rows:
        raise DataError(
            f"{path}: expected a JSON object in every row, such as "
            '{"step": 1, "lr": 1e-3, "loss": 9.1}, got '
            + (f"{type(rows[odd]).__name__} in row {odd + 1}" if odd is not None else "no row")
        )
    rows = [_flat(row) for row in rows]
    header = tuple(dict.fromkeys(key for row in rows for key in row))
    step_name = epoch_column(path, header, options) or find_column(
        path, header, "step", options.step_col
    )
    known = [row for row in rows if row.get(step_name) is not None]
    if len(known) < len(rows):
        lost = len(rows) - len(known)
        notes = (*notes, f"{lost} row{'s' if lost > 1 else ''} without a {step_name} dropped")

    def values(names: Sequence[str]) -> list[FloatArray]:
        return [
            np.array([number(path, i, name, row.get(name)) for i, row in enumerate(known)])
            for name in names
        ]

    def texts(names: Sequence[str]) -> list[list[str]]:
        cells = ([row.get(name) for row in known] for name in names)
        return [["" if cell is None else str(cell).strip() for cell in some] for some in cells]

    if not known:
        raise DataError(f"{path} has no row with a {step_name}: expected at least one")
    logs = columns_logs(path, header, values, texts, sha256, options, kind)
    return [replace(log, notes=(*notes, *log.notes)) for log in logs]


def _flat(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row with nested values among its own: train/loss of {"train": {"loss": …}}, and what its
    `metrics` hold (as Levanter writes it) by their own names."""
    if not any(isinstance(value, Mapping) for value in row.values()):
        return row
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            at = "" if key == "metrics" else f"{key}/"
            nested = {f"{at}{name}": inner for name, inner in value.items()}
            flat = {**nested, **flat} if key == "metrics" else {**flat, **nested}
        else:
            flat[key] = value
    return flat


def column_rows(values: Any) -> list[dict[str, Any]] | None:
    """The rows of an object of columns, as own loggers and pandas' to_json write it; else None.

    Columns are lists, or objects of values by row; {"columns": …, "data": …} has a list a row.
    Where none counts steps, as in the history of Keras, each row is an epoch.

    >>> from mplfit.readers.json_rows import column_rows
    >>> column_rows({"step": [0, 5], "loss": [4.0, 3.5]})
    [{'step': 0, 'loss': 4.0}, {'step': 5, 'loss': 3.5}]
    """
    if not isinstance(values, Mapping):
        return None
    names, data = values.get("columns"), values.get("data")
    if isinstance(names, list) and isinstance(data, list):
        same = all(isinstance(row, list) and len(row) == len(names) for row in data)
        names = list(map(str, names))
        return [dict(zip(names, row, strict=True)) for row in data] if same else None
    columns = {
        key: list(value.values()) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if isinstance(value, (list, Mapping))
    }
    size = max((len(value) for key, value in columns.items() if is_loss(key)), default=0)
    columns = {key: value for key, value in columns.items() if len(value) == size}
    if not size:
        return None
    if not any(map(is_step, columns)) and not any(plain(key) == "epoch" for key in columns):
        columns["epoch"] = list(range(size))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def number(path: Path, row: int, key: str, value: Any) -> float:
    """A cell as a number; nothing, and the words that JSON uses for NaN, are NaN."""
    if value is None or value in ("", "NaN", "nan", "Infinity", "-Infinity", "null"):
        return float("nan")
    text = isinstance(value, str) and "_" not in value  # float() takes 1_000
    if text or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        try:
            return float(value)
        except (OverflowError, ValueError):
            pass
    raise DataError(f"{path} row {row + 1}: {key!r} should be a number, got {value!r:.60}")


def parse_json(path: Path, data: bytes) -> Any:
    """The file's JSON.

    Raises
    ------
    DataError
        If it is none.
    """
    try:
        return json.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from None
