"""One run that several files tell: as Hugging Face's state, TensorBoard's events and W&B's charts.

Two logs are of one run where the losses of the shorter are those of the longer, at equal steps or,
as one format counts updates and another indexes them, at steps that differ by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mplfit.readers.log import Log, Series
from mplfit.types import IntArray

__all__ = ["merged", "once"]

_ROWS = 5  # different losses that must agree: fewer may do so by chance
_SHARE = 0.8  # of the shorter log's rows: a resumed run logs some of them anew
_PROBES = 12  # rows of a log that are looked for among those of all
_BINS, _MOST = 1 << 20, 2.0**42  # of losses, in thousandths; the largest step that has a key
_ROUNDED = 6e-5  # logs round losses to four decimals


def once(logs: Sequence[Log]) -> list[Log]:
    """Each run once: of two formats that tell of it, the log that is sure of its steps."""
    if len({log.kind for log in logs}) < 2:
        return list(logs)
    alike, kept, places = _alike(logs), list[tuple[Log, list[int]]](), dict[int, int]()
    for number in sorted(range(len(logs)), key=lambda number: _order(logs[number])):
        log = logs[number]
        for place in sorted({places[member] for member in alike[number] if member in places}):
            other, members = kept[place]
            if (one := merged(other, log)) is not None:
                kept[place] = one, [*members, number]
                break
        else:
            place = len(kept)
            kept.append((log, [number]))
        places[number] = place
    return [log for log, members in sorted(kept, key=lambda pair: pair[1][0])]


def _alike(logs: Sequence[Log]) -> list[set[int]]:
    """For each log the numbers of those that may be of its run: others cost a search, no merge.

    A few rows of each log are looked up among the rows of all; of the shorter log of a run, most
    are in the longer one.
    """
    keys = [_keys(log.loss) for log in logs]
    every = np.concatenate(keys)
    order = np.argsort(every)
    owner = np.repeat(np.arange(len(logs)), [some.size for some in keys])[order]
    every = every[order]
    found: list[set[int]] = [set() for _ in logs]
    for number, own in enumerate(keys):
        if not own.size:
            continue
        probes = own[np.unique(np.linspace(0, own.size - 1, _PROBES).astype(np.int64))]
        for shift in (0, 1, -1):
            near = probes + shift * _BINS
            low, high = np.searchsorted(every, near - 1), np.searchsorted(every, near + 1, "right")
            hits = np.concatenate([owner[a:b] for a, b in zip(low, high, strict=True)])
            others, times = np.unique(hits, return_counts=True)
            for other in others[2 * times >= probes.size].tolist():
                found[number].add(other)
                found[other].add(number)
    return found


def _keys(series: Series) -> IntArray:
    """One whole number for each row, of its step and its loss in thousandths."""
    good = np.isfinite(series.step) & np.isfinite(series.value) & (series.step < _MOST)
    loss = np.clip(np.floor(series.value[good] / 1e-3), 1, _BINS - 2).astype(np.int64)
    keys: IntArray = series.step[good].astype(np.int64) * _BINS + loss
    return keys


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
    norm = log.norm
    if len(other.norm) > len(norm):
        counted = norm.counted if len(norm) else loss.counted
        norm = Series(other.norm.step - shift, other.norm.value, counted=counted)
    decay = other.weight_decay if log.weight_decay is None else log.weight_decay
    notes, size = (*log.notes, note), log.size.over(other.size)
    told = replace(log, weight_decay=decay, size=size, notes=notes)
    beside = (*log.beside, other.path, *other.beside)
    return replace(told, loss=loss, rate=rate, norm=norm, beside=beside)


def _order(log: Log) -> tuple[bool, bool]:
    """Logs that count updates for certain come before those whose steps may be either; event files
    last, for the folders of their runs are named after dates."""
    return not log.loss.counted, log.kind == "TensorBoard events"


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
