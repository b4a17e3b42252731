"""Tables of numbers in text files: which columns there are, and their values as arrays.

Regular files go through numpy's reader (10 million rows in seconds); a file that it refuses, for
empty or odd cells, is read again row by row, so that the message can name the row.
"""

from __future__ import annotations

import csv
import warnings
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.types import FloatArray

__all__ = ["Table", "is_there", "open_table", "read_columns", "shorten"]

_NO_TEXT = "{} is not a text file in UTF-8: expected comma-separated columns, such as step,lr,loss"
_SCHEDULE = "# schedule:"
_NOT_NUMBERS = {"", "nan", "none", "null", "na", "n/a"}


@dataclass(frozen=True)
class Table:
    """A delimited text file with a header row."""

    path: Path
    header: tuple[str, ...]
    delimiter: str
    skip: int  # lines before the first row of data
    schedule: str | None = None  # the spec in a line "# schedule: SPEC" before the header


def open_table(path: Path) -> Table:
    """Read the header of a .csv or .tsv file: its column names and its delimiter.

    Raises
    ------
    DataError
        If the file cannot be read, is empty, is binary, or its first line holds no names.
    """
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "no regular file (a pipe cannot be read twice)"
            raise DataError(f"{path} is {kind}: expected a file with comma-separated columns")
        with path.open(encoding="utf-8-sig", newline="") as file:
            skip, schedule, line = 0, None, file.readline(1 << 24)
            while line and (not line.strip() or line.startswith(_SCHEDULE)):
                if line.startswith(_SCHEDULE):
                    schedule = line.removeprefix(_SCHEDULE).strip()
                skip, line = skip + 1, file.readline(1 << 24)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(_NO_TEXT.format(path)) from None
    if not line.strip():
        raise DataError(f"{path} is empty: expected a header line and rows of numbers")
    if "\0" in line:
        raise DataError(_NO_TEXT.format(path))
    delimiter = max(",\t;", key=line.count)
    if delimiter not in line and len(line.split()) > 1:
        raise DataError(
            f"{path} begins with {shorten(line.strip())!r}, which has one column: expected columns "
            "separated by commas, tabs or semicolons, such as step,lr,loss"
        )
    try:
        header = tuple(name.strip() for name in next(csv.reader([line], delimiter=delimiter)))
    except csv.Error as error:
        raise DataError(f"{path} has no usable header line: {error}") from None
    if all(_is_number(name) for name in header):
        raise DataError(
            f"{path} begins with numbers ({', '.join(header[:4])}): expected a header line with "
            "column names such as step,lr,loss"
        )
    return Table(path, header, delimiter, skip + 1, schedule)


def read_columns(table: Table, columns: Sequence[str]) -> list[FloatArray]:
    """The values of some columns, as float64; an empty cell or a word for nothing is NaN.

    Raises
    ------
    DataError
        If a cell is not a number, a row is too short, or there is no row.
    """
    places = [table.header.index(name) for name in columns]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "no data": refused below
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
    cells = array("d")
    try:
        with table.path.open(encoding="utf-8-sig", newline="") as file:
            for _ in range(table.skip):
                file.readline()
            for number, row in enumerate(csv.reader(file, delimiter=table.delimiter)):
                if any(cell.strip() for cell in row):
                    line = table.skip + number + 1
                    cells.extend(_cell(table, line, row, place) for place in places)
    except UnicodeDecodeError:
        raise DataError(_NO_TEXT.format(table.path)) from None
    except csv.Error as error:
        raise DataError(f"{table.path} is not a table of numbers: {error}") from None
    return np.array(cells, dtype=np.float64).reshape(-1, len(places))


def _cell(table: Table, line: int, row: Sequence[str], place: int) -> float:
    if place >= len(row):
        raise DataError(
            f"{table.path} line {line} has {len(row)} of {len(table.header)} columns: "
            f"{table.header[place]!r} is missing (a line cut short?)"
        )
    text = row[place].strip()
    try:
        if "_" not in text:  # float() takes 1_000
            return float(text)
    except ValueError:
        pass
    if text.lower() not in _NOT_NUMBERS:
        raise DataError(
            f"{table.path} line {line}: {table.header[place]!r} should be a number, got "
            f"{shorten(text)!r}"
        )
    return float("nan")


def is_there(path: Path) -> bool:
    """Whether a path exists; one that cannot be looked up (too long, no permission) does not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def shorten(text: str, width: int = 40) -> str:
    """A text short enough for a message."""
    return text if len(text) <= width else text[: width - 1] + "…"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
