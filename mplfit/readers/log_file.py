"""A file whose format is to be found: its first bytes, and what it is as JSON or as a table."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from mplfit.errors import DataError
from mplfit.readers.json_rows import json_lines, parse_json
from mplfit.readers.log import file_bytes, hash_file
from mplfit.readers.names import is_loss, is_rate, is_step
from mplfit.readers.source import file_head, first_bytes, log_suffix, whole_file
from mplfit.readers.table import TextTable, open_table
from mplfit.readers.text_formats import TextFormat
from mplfit.readers.text_log import text_format
from mplfit.readers.unknown import guessed_command

__all__ = ["LogFile"]

_HEAD = 1 << 18  # bytes that are enough to know a format
_TABLES = (".csv", ".tsv")
_LINES = (".jsonl", ".ndjson")
_BLANK = b"\xef\xbb\xbf \t\r\n"


class LogFile:
    """What a reader may ask of a file; each is read when it is first asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.suffix = log_suffix(path)

    @cached_property
    def sha256(self) -> str:
        """Its hash."""
        return hash_file(self.path)

    @cached_property
    def start(self) -> bytes:
        """Some bytes that tell binary formats apart, uncompressed."""
        return first_bytes(self.path)

    @property
    def has_arrays(self) -> bool:
        """Whether the first file in a zip archive is an array of numpy's, as in .npz."""
        head = whole_file(self.path)[:1000]
        return head[30 : 30 + int.from_bytes(head[26:28], "little")].endswith(b".npy")

    @cached_property
    def head(self) -> bytes:
        """The beginning, uncompressed, in UTF-8 where it is text; b"" of what cannot be read so."""
        if not self.start:
            return b""
        try:
            return file_head(self.path, _HEAD)
        except DataError:
            return b""

    @cached_property
    def rows(self) -> tuple[list[Any], tuple[str, ...]] | None:
        """The rows of JSON lines, and notes on them; None of another file."""
        if self.suffix in _LINES or (self._is_json and self._has_values_by_line):
            return json_lines(self.path)
        return None

    @cached_property
    def json(self) -> Any:
        """The values of one JSON text; None of another file."""
        if self.suffix in _LINES or not self._is_json or self._has_values_by_line:
            return None
        return parse_json(self.path, self._data)

    @cached_property
    def text(self) -> str | None:
        """The beginning as text, where the file is neither a table, by its suffix, nor JSON."""
        if self._is_json or self.suffix in (*_TABLES, *_LINES, ".json"):
            return None
        return self.head.decode("utf-8", "replace")

    @cached_property
    def text_format(self) -> TextFormat | None:
        """The training code whose lines the text has."""
        return None if self.text is None else text_format(self.text)

    @cached_property
    def table(self) -> TextTable | None:
        """A table with a header; None of another file.

        Without the suffix of one it is a table by its header's names, or by its numbers.
        """
        if self.suffix in _TABLES:
            file_head(self.path, 16)  # refuses what is to be converted
            return open_table(self.path)
        if self.text is None or self.text_format is not None:
            return None
        try:
            table = open_table(self.path)
        except DataError:
            return None
        known = any(is_step(name) or is_loss(name) or is_rate(name) for name in table.header)
        named = known or guessed_command(table) is not None
        return table if len(table.header) > 1 and named else None

    @property
    def _is_json(self) -> bool:
        """Whether text that begins with a bracket is JSON, and not a line such as [rank0]: …"""
        if self.suffix in (*_TABLES, *_LINES):
            return False
        body = self.head.lstrip(_BLANK)
        inner = self.head.lstrip(_BLANK + b"[{")[:1]
        return body[:1] in (b"{", b"[") and (
            self.suffix == ".json" or inner in (b'"', b"{", b"}", b"]")
        )

    @cached_property
    def _data(self) -> bytes:
        return file_bytes(self.path)

    @cached_property
    def _has_values_by_line(self) -> bool:
        first, _, rest = self._data.removeprefix(_BLANK[:3]).strip().partition(b"\n")
        return bool(rest.strip()) and first[:1] + first.rstrip()[-1:] in (b"{}", b"[]")
