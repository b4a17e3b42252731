"""Errors that the user can mend.

A message is one sentence or two: what was got, what was expected, what to change.
Arguments are named as ``from_step=``, with a value as ``from_step=0`` or ``spikes='drop'``: the
command line turns these into its options (`mplfit.cli.messages.as_options`), prints the message
after ``Error:`` and exits with 1. Anything that is not an ``MplfitError`` is a bug of mplfit and
keeps its traceback.
"""

from __future__ import annotations

import re

__all__ = [
    "ArgumentsError",
    "DataError",
    "FitError",
    "MplfitError",
    "MplfitWarning",
    "OutputError",
    "ScheduleError",
    "printable",
]

# Control characters, line and paragraph separators, marks that turn the direction of writing, and
# the lone surrogates that stand for the bytes of a file name that is not UTF-8.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""A text from a file on one line, without what a terminal would obey.

    >>> from mplfit.errors import printable
    >>> print(printable("run\x1b[31m\nred"))
    run\x1b[31m\nred
    """
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return found[0].encode("unicode_escape").decode()


class MplfitError(Exception):
    """Base of every error that a user of mplfit can mend; its message is one printable line."""

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class ScheduleError(MplfitError):
    """A learning-rate schedule, or the text that describes one, is not usable."""


class DataError(MplfitError):
    """A log, curve, table or fit file is not what was expected."""


class FitError(MplfitError):
    """A law cannot be evaluated, estimated or optimized as asked."""


class ArgumentsError(FitError):
    """Arguments that do not go together; the command line exits with 2."""


class OutputError(MplfitError):
    """A result cannot be written where it was to go."""


class MplfitWarning(UserWarning):
    """Something went wrong that costs time or disk, and no result; the command line says it."""
