"""Logs of runs in progress: what is whole in a file that is being written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mplfit.errors import DataError

__all__ = ["whole_lines"]

_LINES = (".csv", ".tsv", ".jsonl", ".txt", ".log")  # formats in which a line stands for itself


@contextmanager
def whole_lines(path: Path) -> Iterator[tuple[Path, bool]]:
    """A path to the log without a last line that has no end yet, and whether there was one.

    Half a line may be read as another number. Files of other formats, and folders, are given as
    they are: their own readers tell whether they are whole.

    Raises
    ------
    DataError
        If the file cannot be read, or has no whole line yet.
    """
    if path.suffix.lower() not in _LINES or not path.is_file():
        yield path, False
        return
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    if text.endswith((b"\n", b"\r")):
        yield path, False
        return
    whole = text[: text.rfind(b"\n") + 1]
    if not whole:
        raise DataError(f"{path} has no whole line yet: wait until the run has logged some rows")
    with tempfile.TemporaryDirectory(prefix="mplfit.") as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(whole)
        yield copy, True
