"""Standard output and error: safe for a terminal, and refused in a sentence where they are full.

Texts from files are made printable where they enter results. What comes another way, such as the
names on a command line or in an exception of another package, is made so here, on its way out.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from mplfit.errors import OutputError, printable

__all__ = ["finish", "standard_streams", "wrapped", "write_own"]

_LINES = re.compile(r"[^\n\t]+")


class _Safe:
    """A text stream that escapes control characters, but not the ends of lines.

    A stream that cannot be written raises `OutputError`, or if `lossy` loses its text. With `own`
    nothing is escaped.
    """

    def __init__(self, stream: Any, name: str, *, lossy: bool, own: bool = False) -> None:
        self.stream, self.name, self.lossy, self.own = stream, name, lossy, own
        self.failed = ""

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # nothing goes past `write`
            raise AttributeError(name)
        return getattr(self.stream, name)

    def write(self, text: str | bytes) -> int:
        if isinstance(text, bytes):
            if not text:
                raise TypeError("a text stream")  # by this click knows that it is one
            text = text.decode()  # what click prints to complete a word
        if not self.own:
            text = _LINES.sub(lambda found: printable(found[0]), text)
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        text = text.encode(encoding, "backslashreplace").decode(encoding)
        self._call(self.stream.write, text)
        return len(text)

    def flush(self) -> None:
        self._call(self.stream.flush)

    def _call(self, function: Callable[..., object], *arguments: str) -> None:
        try:
            function(*arguments)
        except (OSError, ValueError) as error:  # ValueError: it is closed
            self.failed = f"{self.name} cannot be written: {getattr(error, 'strerror', 0) or error}"
            _discard(self.stream)
        # Again at every later use: click swallows what its first, empty write raises.
        if self.failed and not self.lossy:
            raise OutputError(self.failed)


@contextmanager
def standard_streams() -> Iterator[None]:
    """While it lasts, what is printed is safe."""
    before = sys.stdout, sys.stderr
    if sys.stdout is not None:
        sys.stdout = _Safe(sys.stdout, "standard output", lossy=False)
    if sys.stderr is not None:
        sys.stderr = _Safe(sys.stderr, "standard error", lossy=True)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def write_own(text: str) -> None:
    """To standard error, with colours and cursor movements; what is from elsewhere is printable."""
    stream: Any = sys.stderr
    if isinstance(stream, _Safe):
        stream = _Safe(stream.stream, stream.name, lossy=stream.lossy, own=True)
    click.echo(text, nl=False, file=stream, err=True)


def wrapped(text: str) -> str:
    """A note or warning in lines of at most 100 columns, or as many as MPLFIT_WIDTH says.

    >>> from mplfit.cli.terminal import wrapped
    >>> wrapped("a short note")
    'a short note'
    """
    width = os.environ.get("MPLFIT_WIDTH", "")
    return textwrap.fill(
        text, int(width) if width.isdecimal() and int(width) > 20 else 100, subsequent_indent="  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def finish() -> None:
    """All of standard output is written, or `OutputError` raised."""
    if sys.stdout is None:
        raise OutputError("standard output is closed: nothing could be printed")
    sys.stdout.flush()


def _discard(stream: Any) -> None:
    """What waits in a stream that cannot be written is lost, without a word at the end."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
