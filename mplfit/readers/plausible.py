"""What looks odd in a run that is read: told as warnings, because it may be right all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.log import Log, Series
from mplfit.readers.names import plain
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, IntArray

__all__ = ["DIVERGED", "GOES_ON", "odd_end", "odd_schedule", "odd_values"]

DIVERGED = "has the run diverged?"
_RISEN, _LAST, _GAPS = 1.2, 20, 5  # times the lowest; the last twentieth; without a finite loss
GOES_ON = "the schedule given goes on after the log"
_LARGEST = 1e6  # no learning rate; sums of such rates leave no digits
_LOSSES = (0.02, 100.0)  # usual losses lie between: a thousandth of one, a perplexity do not
_APART = 0.01  # relative difference of a logged rate from the schedule given
_LONGER = 1.5  # times the log


def odd_values(path: Path, log: Log, loss: FloatArray, rate: FloatArray) -> list[str]:
    """Warnings of losses and logged rates that are unusual, by the names of their columns.

    Raises
    ------
    DataError
        If the rates cannot be those of a run.
    """
    name, lr = (column if column.startswith("the ") else repr(column) for column in log.columns)
    said, peak = [], float(rate.max()) if rate.size else 0.0
    if peak > _LARGEST:
        raise DataError(
            f"{path}: {lr} goes up to {peak:g}, which is no learning rate: choose another column "
            "with lr_col="
        )
    if rate.size == loss.size > 1 and np.array_equal(rate, loss):
        raise DataError(f"{path}: {lr} is equal to {name} in every row: choose with lr_col=")
    if peak >= 1:
        said.append(
            f"{lr} goes up to {peak:g}, but rates are usually far below 1: is it another quantity, "
            "or in per cent? (lr_col=)"
        )
    elif "%" in log.columns[1] or plain(log.columns[1]).endswith(("percent", "pct")):
        said.append(f"{lr} is taken as it is, but its name says per cent: divide it by 100")
    middle = float(np.median(loss))
    if not _LOSSES[0] <= middle <= _LOSSES[1]:
        what = "far below" if middle < 1 else "far above"
        said.append(
            f"{name} is about {middle:.3g}, {what} the usual losses of 1 to 10: is it another "
            "quantity, or scaled? (loss_col=, metric=)"
        )
    return said


def odd_end(logged: Series, loss: FloatArray) -> list[str]:
    """Warnings of a run whose losses end far above its lowest ones, or in no numbers.

    logged : the losses as the log has them.  loss : those that are kept.

    >>> import numpy as np
    >>> from mplfit.readers.log import Series
    >>> from mplfit.readers.plausible import odd_end
    >>> up = np.concatenate([np.linspace(9, 3, 100), np.full(20, 8.0)])
    >>> odd_end(Series(np.arange(120.0), up), up)[0]
    'the loss ends at 8, far above its lowest level 3.15: has the run diverged?'
    """
    finite = np.flatnonzero(np.isfinite(logged.value) & np.isfinite(logged.step))
    if finite.size > 1:
        step, last = logged.step, float(logged.step[finite[-1]])
        gap = float(np.median(np.abs(np.diff(step[finite]))))
        end = float(np.nanmax(step[finite[-1] :]))
        if end - last > _GAPS * gap > 0:
            return [
                f"no loss is finite after step {last:,.0f}, and rows go on to {end:,.0f}: "
                f"{DIVERGED}"
            ]
    size = max(3, loss.size // _LAST)
    if loss.size < 4 * size:
        return []
    levels = np.median(loss[loss.size % size :].reshape(-1, size), axis=1)
    low, end = float(levels.min()), float(levels[-1])
    if end <= _RISEN * low:
        return []
    return [f"the loss ends at {end:.3g}, far above its lowest level {low:.3g}: {DIVERGED}"]


def odd_schedule(
    step: IntArray, lr: FloatArray, last: int, schedule: Schedule
) -> tuple[list[str], list[str]]:
    """Notes and warnings of a given schedule that does not fit the log.

    step, lr : the logged rates; last : the last logged step. A rate that is logged one update
    early or late does not count as another one.
    """
    notes: list[str] = []
    warnings: list[str] = []
    if schedule.steps > _LONGER * (last + 1):
        warnings.append(
            f"{GOES_ON}: it has {schedule.steps:,} updates, and the last row is at step {last:,}; "
            "that is right only for a run that was not finished"
        )
    inside = step < schedule.steps
    step, lr = step[inside], lr[inside]
    if not step.size:
        return notes, warnings
    around = np.stack([schedule.lr[np.clip(step + k, 0, schedule.steps - 1)] for k in (-1, 0, 1)])
    scale = np.maximum(around[1], 1e-3 * schedule.peak)
    outside = np.maximum(np.maximum(around.min(0) - lr, lr - around.max(0)), 0) / scale
    worst = int(np.argmax(outside))
    exact = float(np.max(np.abs(lr - around[1]) / np.maximum(around[1], 1e-6 * schedule.peak)))
    said = "the schedule given is used although logged rates differ from it by up to "
    if outside[worst] > _APART:
        warnings.append(
            f"{said}{100 * outside[worst]:.2g} % (step {step[worst]:,}: {lr[worst]:g} is logged, "
            f"{around[1, worst]:g} given)"
        )
    elif exact > 1e-3:
        notes.append(f"{said}{100 * exact:.2g} %")
    return notes, warnings
