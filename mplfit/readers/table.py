"""Tables of numbers in text files: which columns there are, and their values as arrays.

Regular files go through numpy's reader (10 million rows in seconds); a file that it refuses, for
empty or odd cells, is read again row by row, so that the message can name the row.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.schedule import FloatArray

__all__ = ["Table", "open_table", "read_columns"]

_NOT_NUMBERS = {"", "nan", "none", "null", "na", "n/a"}


@dataclass(frozen=True)
class Table:
    """A delimited text file with a header row."""

    path: Path
    header: tuple[str, ...]
    delimiter: str
    skip: int  # lines before the first row of data


def open_table(path: Path) -> Table:
    """Read the header of a .csv or .tsv file: its column names and its delimiter.

    Raises
    ------
    DataError
        If the file cannot be read, is empty, is binary, or its first line holds no names.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            skip, line = 0, file.readline(1 << 24)
            while line and not line.strip():
                skip, line = skip + 1, file.readline(1 << 24)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file: expected comma-separated columns") from None
    if not line.strip():
        raise DataError(f"{path} is empty: expected a header line and rows of numbers")
    if "\0" in line:
        raise DataError(f"{path} is not a text file: expected comma-separated columns")
    delimiter = max(",\t;", key=line.count)
    header = tuple(name.strip() for name in next(csv.reader([line], delimiter=delimiter)))
    if all(_is_number(name) for name in header):
        raise DataError(
            f"{path} begins with numbers ({', '.join(header[:4])}): expected a header line with "
            "column names such as step,lr,loss"
        )
    return Table(path, header, delimiter, skip + 1)


def read_columns(table: Table, columns: Sequence[str]) -> list[FloatArray]:
    """The values of some columns, as float64; an empty cell or a word for nothing is NaN.

    Raises
    ------
    DataError
        If a cell is not a number, a row is too short, or there is no row.
    """
    places = [table.header.index(name) for name in columns]
    try:
        values = np.loadtxt(
            table.path,
            delimiter=table.delimiter,
            skiprows=table.skip,
            usecols=places,
            comments=None,
            encoding="utf-8-sig",
            ndmin=2,
        )
    except (ValueError, UnicodeDecodeError):
        values = _read_rows(table, places)
    if len(values) == 0:
        raise DataError(f"{table.path} has a header but no rows: expected at least one")
    return [np.ascontiguousarray(values[:, i]) for i in range(len(places))]


def _read_rows(table: Table, places: Sequence[int]) -> FloatArray:
    """The same, row by row: slower, tolerant of empty cells, and able to say where it failed."""
    rows = []
    try:
        with table.path.open(encoding="utf-8-sig", newline="") as file:
            for _ in range(table.skip):
                file.readline()
            for number, row in enumerate(csv.reader(file, delimiter=table.delimiter)):
                if any(cell.strip() for cell in row):
                    line = table.skip + number + 1
                    rows.append([_cell(table, line, row, place) for place in places])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table.path} is not a table of numbers: {error}") from None
    return np.array(rows, dtype=np.float64).reshape(-1, len(places))


def _cell(table: Table, line: int, row: Sequence[str], place: int) -> float:
    if place >= len(row):
        raise DataError(
            f"{table.path} line {line} has {len(row)} of {len(table.header)} columns: "
            f"{table.header[place]!r} is missing (a line cut short?)"
        )
    text = row[place].strip()
    if text.lower() in _NOT_NUMBERS:
        return float("nan")
    if not _is_number(text):
        raise DataError(
            f"{table.path} line {line}: {table.header[place]!r} should be a number, got {text!r}"
        )
    return float(text)


def _is_number(text: str) -> bool:
    return bool(
        re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(inf|infinity|nan)", text, re.I)
    )
