"""The rows of a log, mended by one rule for all formats: units, order, restarts, missing losses."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.log import Series
from mplfit.readers.options import ReadOptions
from mplfit.readers.runs import NO_COLUMN
from mplfit.types import FloatArray, IntArray

__all__ = ["clean_losses", "clean_rates", "indices"]

_MANY = 0.25  # a share of rows that repeat a step which is worth a warning
_PIECES = 5  # a log with more pieces out of order was shuffled, not restarted


def clean_losses(
    path: Path, series: Series, options: ReadOptions, notes: list[str], warnings: list[str]
) -> tuple[IntArray, FloatArray]:
    """Losses in the order of their steps, one a step, finite; what cannot be mended is refused."""
    index, loss = indices(path, series, options, notes), series.value
    finite = np.isfinite(loss)
    if not finite.any():
        raise DataError(
            f"{path} has no finite loss in {loss.size} row{'s' if loss.size > 1 else ''}: choose "
            "the column with loss_col=, or leave a diverged run out"
        )
    if not finite.all():
        notes.append(f"{int((~finite).sum())} of {loss.size} rows without a finite loss dropped")
    index, loss = index[finite], loss[finite]
    early = index < 0
    if early.any():
        if early.all():
            raise DataError(
                f"{path}: all losses stand beside count 0, before any update: expected rows after "
                "the first update"
            )
        notes.append(
            f"{int(early.sum())} row{'s' if early.sum() > 1 else ''} at count 0, before any "
            "update, dropped"
        )
        index, loss = index[~early], loss[~early]
    if loss.min() <= 0:
        row = int(np.flatnonzero(loss <= 0)[0])
        raise DataError(
            f"{path} step {index[row]}: the loss is {loss[row]:g}, but laws are fitted to its "
            "logarithm: losses must be positive (choose the column with loss_col=)"
        )
    if options.run_col != NO_COLUMN:
        _refuse_anew(path, index)
    index, loss = _restarted(index, loss, notes)
    if np.any(np.diff(index) < 0):
        notes.append("rows were not in the order of their steps: sorted")
    order = np.argsort(index, kind="stable")
    index, loss = index[order], loss[order]
    last = np.append(np.diff(index) > 0, True)
    if repeated := int((~last).sum()):
        said = warnings if repeated > _MANY * index.size and options.run_col is None else notes
        said.append(
            f"{repeated} of {index.size} rows repeat a step: the last of each in the file is kept"
            + (" (several runs in one file? run_col=)" if said is warnings else "")
        )
    return index[last], loss[last]


def clean_rates(
    path: Path, series: Series, options: ReadOptions, notes: list[str]
) -> tuple[IntArray, FloatArray]:
    """Logged rates in the order of their updates, the last of each; negative ones are refused."""
    if not len(series):
        return np.empty(0, np.int64), np.empty(0)
    index, rate = indices(path, series, options, []), series.value
    good = np.isfinite(rate) & (index >= 0)
    index, rate = index[good], rate[good]
    if np.any(rate < 0):
        row = int(np.flatnonzero(rate < 0)[0])
        raise DataError(
            f"{path}: the learning rate of step {index[row]} is negative ({rate[row]:g}): choose "
            "the column with lr_col="
        )
    index, rate = _restarted(index, rate, [])
    order = np.argsort(index, kind="stable")
    index, rate = index[order], rate[order]
    last = np.append(np.diff(index) > 0, True)[: index.size]
    return index[last], rate[last]


def indices(path: Path, series: Series, options: ReadOptions, notes: list[str]) -> IntArray:
    """The 0-based update that each row belongs to; -1 for a row before any update."""
    step, counted = series.step, series.counted
    if options.steps_are is not None and not counted:
        counted = options.steps_are == "count"
    elif options.steps_are == "index":
        counted = False
    units = options.tokens_per_step
    if units is not None:
        counted = True  # tokens, samples or micro-batches are counted when they are done
        exact = step / units
        step = np.round(exact)
        between = np.abs(exact - step) > 0.01
        notes.append(f"steps are the log's counts divided by {units:g}")
        if between.any():
            notes.append(f"{int(between.sum())} rows fall between two updates: rounded")
    if options.steps_per_row is not None:
        counted = options.steps_are != "index"
        step = (step + int(counted)) * options.steps_per_row
        notes.append(f"steps are the log's calls, each {options.steps_per_row} updates")
    whole = np.isfinite(step) & (step == np.floor(step)) & (step >= 0) & (step < 2**53)
    if not whole.all():
        row = int(np.flatnonzero(~whole)[0])
        got = "nothing" if np.isnan(step[row]) else repr(float(step[row]))
        raise DataError(
            f"{path} row {row + 1}: the step must be a whole number from 0 on, got {got} (choose "
            "another column with step_col=)"
        )
    index: IntArray = step.astype(np.int64) - int(counted)
    return index


def _refuse_anew(path: Path, index: IntArray) -> None:
    """Refuse steps that begin anew again and again: those of an epoch, or of several runs."""
    starts = np.flatnonzero(np.diff(index) < 0) + 1
    first, last = index[np.append(0, starts)], index[np.append(starts - 1, index.size - 1)]
    if not starts.size or starts[0] < 2 or np.any(first != first[0]):
        return
    near = np.abs(last[:-1] - last[0]) <= np.median(np.abs(np.diff(index)))
    if near.all() and last[-1] <= last[:-1].max() + 1:
        raise DataError(
            f"{path}: the steps begin {starts.size + 1} times at {first[0]} (again in row "
            f"{starts[0] + 1}): are they those of an epoch, or are there several runs? Name a step "
            "that goes on with step_col=, or the column that tells the runs apart with run_col=; "
            f"with run_col='{NO_COLUMN}' the last row of each step is kept"
        )


def _restarted(index: IntArray, value: FloatArray, notes: list[str]) -> tuple[IntArray, FloatArray]:
    """Where a run was resumed from a checkpoint, the later rows of the steps logged twice.

    Rows of one step need no rule of their own (the last is kept); this drops the rows that an
    earlier piece has *between* the later one's, as when the two log at different steps.
    """
    starts = np.flatnonzero(np.diff(index) <= 0) + 1
    if not 0 < starts.size < _PIECES or index.size < 4 * _PIECES:
        return index, value
    keep = np.ones(index.size, dtype=np.bool_)
    for start, end in zip(starts, [*starts[1:], index.size], strict=True):
        low, high = index[start], index[end - 1]
        if end - start >= _PIECES:
            inside = (index[:start] > low) & (index[:start] < high)
            keep[:start] &= ~inside | np.isin(index[:start], index[start:end])
    if not keep.all():
        notes.append(
            f"the run was resumed: {int((~keep).sum())} earlier rows lie between steps logged "
            "again later, which win"
        )
    return index[keep], value[keep]
