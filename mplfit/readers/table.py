"""Tables of numbers in text files: which columns there are, and their values as arrays.

Regular files go through numpy's reader (10 million rows in seconds), with a converter of our own
where cells are empty; a file that it refuses, for odd cells, or whose rows are wider than the
header, is read again row by row, so that the message can name the row.
"""

from __future__ import annotations

import csv
import re
import warnings
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.source import is_plain, open_text
from mplfit.types import FloatArray

__all__ = ["TextTable", "is_there", "open_table", "read_columns", "read_texts", "shorten"]

_SCHEDULE = "# schedule:"
_BLOCK = 1 << 24  # bytes
_COLUMNS = 100_000  # more of them are no table: a W&B chart of 30,000 runs has 90,001
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")
_NOT_NUMBERS = {"", "nan", "none", "null", "na", "n/a"}


@dataclass(frozen=True)
class TextTable:
    """A delimited text file with a header row."""

    path: Path
    header: tuple[str, ...]
    delimiter: str
    skip: int  # lines before the first row of data
    schedule: str | None = None  # the spec in a line "# schedule: SPEC" before the header


def open_table(path: Path) -> TextTable:
    """Read the header of a .csv or .tsv file: its column names and its delimiter.

    Raises
    ------
    DataError
        If the file cannot be read, is empty, is binary, or its first line holds no names.
    """
    with open_text(path) as file:
        skip, schedule, comment, line = 0, None, "", file.readline(1 << 24)
        while line and (not line.strip() or line.startswith("#")):
            if line.startswith(_SCHEDULE):
                schedule = line.removeprefix(_SCHEDULE).strip()
            elif line.strip():
                comment = line
            skip, line = skip + 1, file.readline(1 << 24)
    if comment and _is_data(line):  # as numpy.savetxt writes it
        skip, line = skip - 1, comment.lstrip("# \t")
    if not line.strip():
        raise DataError(f"{path} is empty: expected a header line and rows of numbers")
    if "\0" in line:
        raise DataError(
            f"{path} is not a text file in UTF-8: expected comma-separated columns, such as "
            "step,lr,loss"
        )
    delimiter = max(",\t;", key=line.count)
    if delimiter not in line and len(line.split()) > 1:
        raise DataError(
            f"{path} begins with {shorten(line.strip())!r}, which has one column: expected columns "
            "separated by commas, tabs or semicolons, such as step,lr,loss"
        )
    if (many := line.count(delimiter)) >= _COLUMNS:
        raise DataError(
            f"{path} begins with {shorten(line.strip())!r}, which would be {many + 1:,} columns: "
            f"expected a header line of {_COLUMNS:,} at most, such as step,lr,loss"
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
    return TextTable(path, header, delimiter, skip + 1, schedule)


def _is_data(line: str) -> bool:
    """Whether a line holds numbers, or nothing more comes."""
    cells = line.split(max(",\t;", key=line.count))
    return not line.strip() or all(_is_number(cell) for cell in cells if cell.strip())


def read_columns(table: TextTable, columns: Sequence[str]) -> list[FloatArray]:
    """The values of some columns, as float64; an empty cell or a word for nothing is NaN.

    Raises
    ------
    DataError
        If a cell is not a number, a row is too short, or there is no row.
    """
    places = _places(table, columns)
    values = None
    if is_plain(table.path) and not _is_odd(table):
        values = _quickly(table, places)
        if values is None:
            values = _quickly(table, places, _number)
    if values is None:
        cells = array("d")
        for line, row in _rows(table):
            cells.extend(_cell(table, line, row, place) for place in places)
        values = np.array(cells, dtype=np.float64).reshape(-1, len(places))
    if len(values) == 0:
        raise DataError(f"{table.path} has a header but no rows: expected at least one")
    return [np.ascontiguousarray(values[:, i]) for i in range(len(places))]


def _quickly(
    table: TextTable, places: Sequence[int], converter: Callable[[str], float] | None = None
) -> FloatArray | None:
    """The cells by numpy's reader; None where it refuses one, or a row has nothing in any of them
    (a blank row is none)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "no data": refused by the caller
            values: FloatArray = np.loadtxt(
                table.path,
                delimiter=table.delimiter,
                skiprows=table.skip,
                usecols=places,
                converters=converter,
                comments=None,
                encoding="utf-8-sig",
                ndmin=2,
            )
    except (ValueError, UnicodeDecodeError):
        return None
    return None if converter and np.isnan(values).all(axis=1).any() else values


def read_texts(table: TextTable, columns: Sequence[str]) -> list[list[str]]:
    """The cells of some columns as they are written, without spaces around them.

    Raises
    ------
    DataError
        If a row is too wide, or the file is no table.
    """
    places = _places(table, columns)
    texts: list[list[str]] = [[] for _ in places]
    for _, row in _rows(table):
        for cells, place in zip(texts, places, strict=True):
            cells.append(row[place].strip() if place < len(row) else "")
    return texts


def _places(table: TextTable, columns: Sequence[str]) -> list[int]:
    first = {name: len(table.header) - i - 1 for i, name in enumerate(reversed(table.header))}
    return [first[name] for name in columns]


def _is_odd(table: TextTable) -> bool:
    """Whether a row has more delimiters than the header, or a quote that may hold some."""
    delimiter, width, skip, carried = ord(table.delimiter), len(table.header), table.skip, b""
    with table.path.open("rb") as file:
        while block := file.read(_BLOCK):
            if b'"' in block:
                return True
            if b"\r" in block:
                block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            block = carried + block
            if skip:
                ends = np.flatnonzero(np.frombuffer(block, np.uint8) == 10)[:skip]
                block, skip = block[ends[-1] + 1 if ends.size else 0 :], skip - ends.size
            data = np.frombuffer(block, np.uint8)
            cuts = np.flatnonzero(data == delimiter)
            line = np.searchsorted(np.flatnonzero(data == 10), cuts)
            wide = not skip and cuts.size >= width
            if wide and np.any(line[width - 1 :] == line[: 1 - width or None]):
                return True
            carried = block[block.rfind(b"\n") + 1 :]
    return False


def _rows(table: TextTable) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with their lines: slower than numpy, but able to say where."""
    width = len(table.header)
    try:
        with open_text(table.path) as file:
            for _ in range(table.skip):
                file.readline()
            for number, row in enumerate(csv.reader(file, delimiter=table.delimiter)):
                # A run that was resumed may have written its header again.
                if any(cell.strip() for cell in row) and tuple(map(str.strip, row)) != table.header:
                    line = table.skip + number + 1
                    if any(cell.strip() for cell in row[width:]):
                        raise DataError(
                            f"{table.path} line {line} has {len(row)} cells, but the header names "
                            f"{width} columns: do the rows begin with names that have no header "
                            "cell (add one), or are there decimal commas (write points)?"
                        )
                    yield line, row
    except csv.Error as error:
        raise DataError(f"{table.path} is not a table of numbers: {error}") from None


def _cell(table: TextTable, line: int, row: Sequence[str], place: int) -> float:
    if place >= len(row):
        raise DataError(
            f"{table.path} line {line} has {len(row)} of {len(table.header)} columns: "
            f"{table.header[place]!r} is missing (a line cut short?)"
        )
    try:
        return _number(row[place])
    except ValueError:
        text = row[place].strip()
        if table.delimiter == "," and _THOUSANDS.fullmatch(text):
            return float(text.replace(",", ""))
        hint = " (a decimal comma? write points)" if "," in text else ""
        raise DataError(
            f"{table.path} line {line}: {table.header[place]!r} should be a number, got "
            f"{shorten(text)!r}{hint}"
        ) from None


def _number(cell: str) -> float:
    text = cell.strip()
    if text.lower() in _NOT_NUMBERS:
        return float("nan")
    if "_" in text:  # float() takes 1_000
        raise ValueError
    return float(text)


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
