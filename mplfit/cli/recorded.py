"""The command line that made a result: recorded in it, and read again by `mplfit report`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

import click

__all__ = ["command_line", "parsed", "record"]

_ARGV = "mplfit.argv"


def record(context: click.Context, words: Sequence[str]) -> None:
    """Keep the words after `mplfit`."""
    context.meta[_ARGV] = tuple(words)


def command_line(without: Sequence[str] = ()) -> str:
    """The command that runs, as it can be put into a shell again; some of its flags left out."""
    context = click.get_current_context(silent=True)
    words = sys.argv[1:] if context is None else context.meta.get(_ARGV, sys.argv[1:])
    return shlex.join(["mplfit", *(word for word in words if word not in without)])


def parsed(command: click.Command, line: object) -> click.Context | None:
    """What a recorded line says to a command; None where it says nothing that can be understood."""
    try:
        program, name, *words = shlex.split(line if isinstance(line, str) else "")
        if (program, name) != ("mplfit", command.name) or "--help" in words or "-h" in words:
            return None
        return command.make_context(name, words)
    except (ValueError, click.ClickException, click.exceptions.Exit):
        return None
