"""Sweep tables from files: .csv, .tsv, .jsonl and .json, the nested one by key included."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mplfit.errors import DataError
from mplfit.readers.log import refuse_special
from mplfit.readers.study import read_study
from mplfit.readers.table import open_table
from mplfit.sweeps.roles import Columns, Roles, build_table, loss_and_rate
from mplfit.sweeps.table import SweepTable
from mplfit.types import BoolArray

__all__ = ["read_sweep"]

_NOTHING = {"", "none", "null", "na", "n/a"}
_DEEPEST = 6  # levels of nested keys


def read_sweep(paths: Sequence[str | Path], roles: Roles | None = None) -> SweepTable:
    """The runs in some files as one sweep; `roles` overrules which column is what.

    * .csv, .tsv : a header line, one run a row.
    * .jsonl : one object a line, one run each.
    * .json : a list of objects; an object of lists, one a column; or objects nested by key that end
      in lists of runs, as {exponent: {width: [{"seed": …, "lr": …, "val_loss": …}, …]}}.

    * a folder : a study, with a folder for each run (`mplfit.readers.study`).

    Several files are put together, with a column ``file`` that tells them apart. A loss that is
    missing (an empty cell, null) is that of a run that never finished: it is dropped and reported;
    NaN and infinity are those of diverged runs and stay.

    Raises
    ------
    DataError
        If a file cannot be read, holds no runs, or its columns cannot be used.
    """
    parts, notes = [], []
    for path in map(Path, paths):
        rows, said = _read(path)
        parts.append(rows)
        notes += said
    names = list(dict.fromkeys(name for part in parts for name in part))
    counts = [len(next(iter(part.values()))) for part in parts]
    cells = {
        name: [
            cell
            for part, n in zip(parts, counts, strict=True)
            for cell in part.get(name, [None] * n)
        ]
        for name in names
    }
    if len(parts) > 1:
        stems = [Path(path).stem for path in paths]
        cells["file"] = [stem for stem, n in zip(stems, counts, strict=True) for _ in range(n)]
    columns, missing = {}, {}
    for name, values in cells.items():
        columns[name], missing[name] = _column(values)
    return build_table(*_without_missing(columns, missing, roles, notes))


def _without_missing(
    columns: Columns,
    missing: Mapping[str, BoolArray],
    roles: Roles | None,
    notes: list[str],
) -> tuple[Columns, Roles | None, list[str]]:
    """Runs without a loss or a rate dropped; which columns those are is found first."""
    loss, lr = loss_and_rate(columns, roles)
    gone = missing[loss] | missing[lr]
    if gone.all():
        raise DataError(f"no run of the sweep has both a rate ({lr}) and a loss ({loss})")
    if gone.any():
        count = int(gone.sum())
        notes.append(
            f"{count} of {gone.size} runs {'have' if count > 1 else 'has'} no {loss} or no {lr}: "
            "dropped"
        )
    return {name: values[~gone] for name, values in columns.items()}, roles, notes


def _read(path: Path) -> tuple[dict[str, list[Any]], list[str]]:
    if path.is_dir():
        records, notes = read_study(path)
        return _from_records(path, records), notes
    refuse_special(path)
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv", ".txt"):
        return _from_csv(path), []
    if suffix not in (".json", ".jsonl", ".ndjson"):
        raise DataError(
            f"{path}: expected a sweep table in a .csv, .tsv, .jsonl or .json file, or the folder "
            "of a study"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file: expected JSON") from None
    if suffix != ".json":
        return _from_records(path, list(_lines(path, text))), []
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from None
    if isinstance(values, list):
        return _from_records(path, values), []
    if _is_lists(values):
        return _from_lists(path, values), []
    return _from_nested(path, values)


def _is_lists(values: Any) -> bool:
    """Whether this is an object of columns, not of lists of runs."""
    columns = list(values.values()) if isinstance(values, dict) else []
    lists = bool(columns) and all(isinstance(column, list) for column in columns)
    return lists and not any(isinstance(column[0], dict) for column in columns if column)


def _from_csv(path: Path) -> dict[str, list[Any]]:
    table = open_table(path)
    twice = sorted(name for name, times in Counter(table.header).items() if times > 1)
    if twice:
        raise DataError(f"{path} has two columns named {twice[0]!r}: rename one")
    rows = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for _ in range(table.skip):
                file.readline()
            for number, row in enumerate(csv.reader(file, delimiter=table.delimiter)):
                if len(row) == len(table.header):
                    rows.append(row)
                elif any(cell.strip() for cell in row):
                    raise DataError(
                        f"{path} line {table.skip + number + 1} has {len(row)} cells, but the "
                        f"header has {len(table.header)} columns (a line cut short?)"
                    )
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a table of runs: {error}") from None
    if not rows:
        raise DataError(f"{path} has a header but no rows: expected at least one run")
    return {
        name: list(cells) for name, cells in zip(table.header, zip(*rows, strict=True), strict=True)
    }


def _lines(path: Path, text: str) -> Iterator[Any]:
    for number, line in enumerate(text.splitlines()):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                raise DataError(f"{path} line {number + 1} is not a JSON object") from None


def _from_records(path: Path, records: Sequence[Any]) -> dict[str, list[Any]]:
    """A list of objects as columns; what an object holds below its first level is left out."""
    if not records or not all(isinstance(record, dict) for record in records):
        raise DataError(f"{path}: expected a list of runs, one object each, got something else")
    flat = (str, int, float, bool, type(None))
    names = dict.fromkeys(
        name for record in records for name, cell in record.items() if isinstance(cell, flat)
    )
    if not names:
        raise DataError(f"{path}: its runs have no values: expected keys such as lr and loss")
    return {
        name: [cell if isinstance(cell := record.get(name), flat) else None for record in records]
        for name in names
    }


def _from_lists(path: Path, values: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    lengths = {name: len(column) for name, column in values.items()}
    if len(set(lengths.values())) > 1 or not min(lengths.values()):
        raise DataError(f"{path}: its columns must have one length of at least 1, got {lengths}")
    return {name: list(column) for name, column in values.items()}


def _from_nested(path: Path, values: Any) -> tuple[dict[str, list[Any]], list[str]]:
    """Runs in lists below nested keys: every level of keys becomes a column."""
    records: list[dict[str, Any]] = []
    keys: list[tuple[str, ...]] = []
    for place, runs in _leaves(path, values, ()):
        for record in runs:
            if not isinstance(record, dict):
                raise DataError(f"{path}: below {' / '.join(place)} a run is not an object")
            records.append(record)
            keys.append(place)
    depths = {len(place) for place in keys}
    if not records or len(depths) > 1:
        raise DataError(
            f"{path}: expected runs (objects) in lists, or lists below nested keys of one depth"
        )
    columns = _from_records(path, records)
    levels = [list(level) for level in zip(*keys, strict=True)]
    names = _level_names(levels, columns)
    note = f"the nested keys of {path.name} are read as {' / '.join(names)}"
    return dict(zip(names, levels, strict=True)) | columns, [note]


def _leaves(
    path: Path, values: Any, place: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    if isinstance(values, list):
        yield place, values
    elif isinstance(values, dict) and len(place) < _DEEPEST:
        for key, below in values.items():
            yield from _leaves(path, below, (*place, key))
    else:
        raise DataError(
            f"{path}: expected lists of runs below {' / '.join(place) or 'its keys'}, got "
            f"{type(values).__name__}"
        )


def _level_names(levels: Sequence[Sequence[str]], columns: Mapping[str, list[Any]]) -> list[str]:
    """Names for nested keys, which have none: told from what the keys do in the records.

    Whole numbers that go one to one with the parameter count are a width; numbers k with
    lr = lr_ref (N_ref / N)^k are a scaling exponent. Others are key1, key2, …
    """
    taken, names = set(columns), []
    for number, level in enumerate(levels):
        name = f"key{number + 1}"
        if "num_parameter" in columns:
            pairs = set(zip(level, columns["num_parameter"], strict=True))
            whole = all(key.isdecimal() for key in level)
            if whole and len(pairs) == len(set(level)) == len({count for _, count in pairs}):
                name = "width"
            elif "lr" in columns and _is_exponent(level, columns["num_parameter"], columns["lr"]):
                name = "exponent"
        names.append(name if name not in taken else f"key{number + 1}")
        taken.add(names[-1])
    return names


def _is_exponent(level: Sequence[str], parameters: Sequence[Any], lr: Sequence[Any]) -> bool:
    """Whether ln lr = c − k ln N + k d for constants c and d, to rounding."""
    try:
        k, size, rate = (np.array(values, dtype=np.float64) for values in (level, parameters, lr))
        x = np.stack([np.ones_like(k), k], axis=1)
        target = np.log(rate) + k * np.log(size)
    except (TypeError, ValueError):
        return False
    if not np.all(np.isfinite(target)) or np.unique(k).size < 3:
        return False
    coefficients, *_ = np.linalg.lstsq(x, target, rcond=None)
    return bool(np.abs(x @ coefficients - target).max() < 1e-6)


def _column(cells: Sequence[Any]) -> tuple[npt.NDArray[Any], BoolArray]:
    """A column as numbers if all its cells are, else as text; and which cells are empty."""
    missing = np.array([cell is None or str(cell).strip().lower() in _NOTHING for cell in cells])
    if not any(isinstance(cell, bool) for cell in cells):
        try:
            values = np.array(
                [np.nan if gone else float(cell) for cell, gone in zip(cells, missing, strict=True)]
            )
        except ValueError:
            pass
        else:
            return values, missing
    texts = np.empty(len(cells), dtype=object)
    texts[:] = [
        "" if gone else str(cell).strip() for cell, gone in zip(cells, missing, strict=True)
    ]
    return texts, missing
