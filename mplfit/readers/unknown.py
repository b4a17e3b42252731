"""What is said of a file of no known format: how it begins, what was looked for, what to try."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.log import UnknownLogError
from mplfit.readers.names import find_column
from mplfit.readers.table import TextTable, read_columns, shorten
from mplfit.types import FloatArray

__all__ = ["guessed_command", "refuse_unknown"]

_OTHER = re.compile(r"ppl|perplex|time|sec|mem|tok|speed|acc|norm", re.I)  # fall, and are no loss
_LINES, _WIDTH = 3, 60  # of the file that are shown
_FEW = 24  # columns of a table that are tried


def refuse_unknown(path: Path, head: bytes, text_formats: str) -> UnknownLogError:
    """The error for a file that no reader knows.

    head : how it begins.  text_formats : the training codes whose lines were looked for.
    """
    if b"\0" in head:
        return UnknownLogError(
            f"{path} is not a text file, and no event file or other log that mplfit knows"
        )
    text = head[: 1 << 12].decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()][:_LINES]
    begins = ", ".join(repr(shorten(line, _WIDTH)) for line in lines) or "nothing but blanks"
    return UnknownLogError(
        f"{path} is no log that mplfit knows. It begins with {begins}. Looked for: a table with "
        "columns such as step,lr,loss; JSON rows with such keys; event files; the lines of "
        f"{text_formats}. Write its rows as a csv with the columns step,lr,loss"
    )


def guessed_command(table: TextTable) -> str | None:
    """The options that may name the columns of a table whose names are unusual.

    The step is the first column of whole numbers that ascend, the loss one that has "loss" in its
    name or the first positive one that falls, the rate one with "lr" or "rate".
    """
    columns: dict[str, FloatArray] = {}
    for name in table.header[:_FEW]:
        try:
            (column,) = read_columns(table, [name])
        except DataError:
            continue
        if table.header.count(name) == 1 and np.isfinite(column).sum() > 1:
            columns[name] = column[np.isfinite(column)]
    chosen = {what: _usual(table, what) for what in ("step", "lr", "loss")}
    tests: tuple[tuple[str, Callable[[str, FloatArray], bool]], ...] = (
        ("step", lambda _, v: bool(np.all(v == np.floor(v)) and np.all(np.diff(v) > 0))),
        ("lr", lambda name, _: "lr" in name.lower() or "rate" in name.lower()),
        ("loss", lambda name, v: "loss" in name.lower() and bool(np.all(v > 0))),
        ("loss", lambda name, v: not _OTHER.search(name) and bool(np.all(v > 0) and v[-1] < v[0])),
    )
    for what, is_one in tests:
        free = [name for name in columns if name not in chosen.values()]
        if chosen[what] is None:
            chosen[what] = next((name for name in free if is_one(name, columns[name])), None)
    if chosen["step"] is None or chosen["loss"] is None:
        return None
    words = ["mplfit", "read", str(table.path)]
    for what, column_name in chosen.items():
        if column_name is not None and _usual(table, what) is None:
            words += [f"--{what}-col", column_name]
    return shlex.join(words) if len(words) > 3 else None


def _usual(table: TextTable, what: str) -> str | None:
    """The column of a usual name; None where there is none or it is not clear which."""
    try:
        return find_column(table.path, table.header, what, None, needed=False)
    except DataError:
        return None
