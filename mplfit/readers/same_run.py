"""One run that several files tell: as Hugging Face's state, TensorBoard's events and W&B's charts.

Two logs are of one run where the losses of the shorter are those of the longer, at equal steps or,
as one format counts updates and another indexes them, at steps that differ by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mplfit.readers.log import Log, Series

__all__ = ["merged", "once"]

_ROWS = 5  # different losses that must agree: fewer may do so by chance
_SHARE = 0.8  # of the shorter log's rows: a resumed run logs some of them anew
_ROUNDED = 6e-5  # logs round losses to four decimals


def once(logs: Sequence[Log]) -> list[Log]:
    """Each run once: of two formats that tell of it, the log that is sure of its steps."""
    kept: list[Log] = []
    for log in sorted(logs, key=_order):
        for place, other in enumerate(kept):
            if (one := merged(other, log)) is not None:
                kept[place] = one
                break
        else:
            kept.append(log)
    names = [log.path for log in logs]
    return sorted(kept, key=lambda log: names.index(log.path))


def merged(log: Log, other: Log) -> Log | None:
    """The log with what the other tells besides, if both are of one run; else None."""
    if log.kind == other.kind:  # two logs of one format are two runs: branches share their past
        return None
    shift = _shift(log.loss, other.loss)
    if shift is None:
        return None
    note = f"the same run is also in {other.path} ({other.kind}"
    apart = shift - int(other.loss.counted) + int(log.loss.counted)
    note += f", whose steps are {abs(apart)} {'later' if apart > 0 else 'earlier'}" if apart else ""
    note += "): read once"
    loss, rate = log.loss, log.rate
    if np.isfinite(other.loss.value).sum() > np.isfinite(loss.value).sum():
        loss = Series(other.loss.step - shift, other.loss.value, counted=loss.counted)
        note += ", with its rows, which are more"
    if len(other.rate) > len(rate):
        counted = rate.counted if len(rate) else loss.counted
        rate = Series(other.rate.step - shift, other.rate.value, counted=counted)
        note += ", with its rates"
    decay = other.weight_decay if log.weight_decay is None else log.weight_decay
    notes, size = (*log.notes, note), log.size.over(other.size)
    return replace(log, loss=loss, rate=rate, weight_decay=decay, size=size, notes=notes)


def _order(log: Log) -> bool:
    """Logs that count updates for certain come before those whose steps may be either."""
    return not log.loss.counted


def _shift(one: Series, two: Series) -> int | None:
    """By how much the steps of two series of the same losses differ; None if they are others."""
    for shift in (0, 1, -1):
        _, mine, theirs = np.intersect1d(one.step, two.step - shift, return_indices=True)
        mine_, theirs_ = one.value[mine], two.value[theirs]
        same = np.abs(mine_ - theirs_) <= _ROUNDED + 1e-6 * np.abs(mine_)
        enough = same.sum() >= _SHARE * min(np.unique(one.step).size, np.unique(two.step).size)
        if enough and np.unique(np.round(mine_[same], 4)).size >= _ROWS:
            return shift
    return None
