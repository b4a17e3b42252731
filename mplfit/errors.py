"""Errors that the user can mend.

A message is one sentence or two: what was got, what was expected, what to change.
The command line prints it after ``Error:`` and exits with 1; anything that is not an
``MplfitError`` is a bug of mplfit and keeps its traceback.
"""

from __future__ import annotations

__all__ = ["DataError", "FitError", "MplfitError", "OutputError", "ScheduleError"]


class MplfitError(Exception):
    """Base of every error that a user of mplfit can mend."""


class ScheduleError(MplfitError):
    """A learning-rate schedule, or the text that describes one, is not usable."""


class DataError(MplfitError):
    """A log, curve, table or fit file is not what was expected."""


class FitError(MplfitError):
    """A law cannot be evaluated, estimated or optimized as asked."""


class OutputError(MplfitError):
    """A result cannot be written where it was to go."""
