"""Gradient norms from a log, one for every update of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.detect import read_log
from mplfit.readers.log import Log, Series
from mplfit.readers.names import find_column, listed, norm_column
from mplfit.readers.options import ReadOptions
from mplfit.readers.rows import indices
from mplfit.readers.source import log_suffix
from mplfit.readers.table import open_table, read_columns
from mplfit.types import FloatArray

__all__ = ["norms_of", "read_norms"]


def read_norms(path: Path, steps: int, column: str | None = None) -> FloatArray:
    """(steps,) gradient norms, linear between the logged rows and constant beyond them.

    The file is a table with a column for the step (0-based) and one for the norm, or the log of one
    run in any other format.

    Raises
    ------
    DataError
        If the file or its columns cannot be used, or a norm is negative or not a number.
    """
    if log_suffix(path) not in (".csv", ".tsv"):
        if column is not None:
            raise DataError(f"{path} is no table: a column is named for a .csv or .tsv file only")
        (log, *others) = read_log(path, ReadOptions())
        if others:
            raise DataError(f"{path} holds {len(others) + 1} runs: expected the log of one")
        return norms_of(log, steps)
    table = open_table(path)
    norm = column or norm_column(table.header)
    if norm is None or norm not in table.header:
        raise DataError(
            f"{path} has no column for the gradient norm (looked for {column or 'grad_norm'}): it "
            f"has {listed(table.header)}"
        )
    step = find_column(path, table.header, "step", None)
    at, value = read_columns(table, [step or "", norm])
    return _each(path, Series(at, value), steps)


def norms_of(log: Log, steps: int, options: ReadOptions | None = None) -> FloatArray:
    """The same from a log that is read, with these options.

    Raises
    ------
    DataError
        If it has none, or one is negative or not a number.
    """
    known = np.isfinite(log.norm.value)
    if not known.any():
        raise DataError(f"{log.path} logs no gradient norm (such as grad_norm)")
    step = indices(log.path, log.norm, options or ReadOptions(), [])
    return _each(log.path, Series(step[known].astype(np.float64), log.norm.value[known]), steps)


def _each(path: Path, norms: Series, steps: int) -> FloatArray:
    step, norm = norms.step, norms.value
    bad = np.flatnonzero(~np.isfinite(norm) | (norm < 0) | ~np.isfinite(step))
    if bad.size:
        raise DataError(
            f"{path} row {bad[0] + 1}: the gradient norm is {norm[bad[0]]:g} at step "
            f"{step[bad[0]]:g}, expected a number that is not negative: drop such rows"
        )
    order = np.argsort(step, kind="stable")
    return np.interp(np.arange(steps), step[order], norm[order])
