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
from mplfit.readers.csv_log import columns_logs
from mplfit.readers.log import Log, file_bytes
from mplfit.readers.names import find_column
from mplfit.readers.options import ReadOptions
from mplfit.types import FloatArray

__all__ = ["json_lines", "number", "parse_json", "rows_log"]


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
    step_name = find_column(path, header, "step", options.step_col)
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
    """A row with what its `metrics` hold (as Levanter writes it) among its own keys."""
    metrics = row.get("metrics")
    if not isinstance(metrics, Mapping):
        return row
    own = {key: value for key, value in row.items() if key != "metrics"}
    return {**{key: value for key, value in metrics.items() if isinstance(key, str)}, **own}


def number(path: Path, row: int, key: str, value: Any) -> float:
    """A cell as a number; nothing, and the words that JSON uses for NaN, are NaN."""
    if value is None or value in ("", "NaN", "nan", "Infinity", "-Infinity", "null"):
        return float("nan")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
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
