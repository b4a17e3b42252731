"""Which rows of a curve to keep: stretches of steps, spikes, means, and one row in so many steps.

Pure: arrays in, arrays and sentences out. Nothing is dropped or changed without a sentence.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.options import ReadOptions
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, IntArray

__all__ = ["EARLY", "beginning", "select", "spikes", "warmup_of"]

EARLY = "the warmup and the steep fall after it spoil a fit, for no law describes them"
_WARMUPS = 4  # on the 124M runs later rows are no better to begin with: tests/study/README.md
_BLOCK = 21  # rows of which a median is taken
_DEVIATIONS = 10.0  # a spike stands out by so many robust deviations …
_EXCESS = 0.03  # … and by this much of the loss


def beginning(schedule: Schedule, step: IntArray) -> int:
    """The first step that a fit should use: laws do not describe the warmup and what follows it.

    Four warmups, but at most a tenth of the run and at least the warmup itself; and never more than
    half of what is logged. Where the warmup is not told, it lasts as long as the rate rises. A log
    that begins after the warmup was cut by whoever wrote it, and is used from its first row on.

    >>> import numpy as np
    >>> from mplfit.readers.selecting import beginning
    >>> from mplfit.schedule import constant
    >>> plan = constant(9000, 1e-3, warmup=200)
    >>> beginning(plan, np.arange(99, 9000, 100)), beginning(plan, np.arange(299, 9000, 100))
    (799, 0)
    """
    warmup = warmup_of(schedule)
    if not 2 < warmup <= schedule.steps // 2 or step[0] >= warmup - 1:
        return 0
    first = max(warmup, min(_WARMUPS * warmup, schedule.steps // 10))
    return min(first, int(step[-1] + 1) // 2) - 1


def warmup_of(schedule: Schedule) -> int:
    """The updates of the warmup: as told, or as long as the rate rises, if that is longer.

    >>> from mplfit.readers.selecting import warmup_of
    >>> from mplfit.schedule import constant
    >>> warmup_of(constant(9000, 1e-3, warmup=200)), warmup_of(constant(9000, 1e-3))
    (200, 0)
    """
    start = int((schedule.lr > 0).argmax())
    falls = np.append(np.diff(schedule.lr[start:]) <= 0, True)
    rises = start + int(falls.argmax()) + 1
    return max(schedule.warmup, rises if rises > 1 else 0)


def select(
    path: Path,
    step: IntArray,
    loss: FloatArray,
    schedule: Schedule,
    options: ReadOptions,
    notes: list[str],
    fitted: bool,
) -> tuple[IntArray, FloatArray]:
    """The rows that the options keep: from-to, then spikes, then the mean, then one in so many.

    fitted : leave out the `beginning`, where the options have no first step.
    """
    low, high = options.from_step, options.to_step
    inside = np.ones(step.size, dtype=np.bool_)
    if low is not None:
        inside &= step >= low
    if high is not None:
        inside &= step <= high
    if not inside.any():
        raise DataError(
            f"{path}: no row lies in the steps asked for with from_step= and to_step=: the log "
            f"has steps {step[0]}–{step[-1]}"
        )
    if not inside.all():
        notes.append(
            f"{int((~inside).sum())} rows outside the steps {'' if low is None else low}–"
            f"{'' if high is None else high} asked for dropped"
        )
    step, loss = step[inside], loss[inside]
    first = beginning(schedule, step) if fitted and low is None else 0
    if first > step[0]:
        early = int(np.searchsorted(step, first))
        notes.append(
            f"{early} row{'s' if early > 1 else ''} before step {first} left out: {EARLY} "
            "(from_step=0 keeps them)"
        )
        step, loss = step[early:], loss[early:]
    step, loss = _without_spikes(step, loss, options, notes)
    if options.smooth > 1:
        loss = _mean(loss, options.smooth)
        notes.append(f"losses are means over {options.smooth} neighbouring rows (smooth=)")
    if options.every > 1:
        last = np.append(np.diff(step // options.every) > 0, True)
        if not last.all():
            notes.append(
                f"one row in each {options.every} steps kept (every=): {int(last.sum())} of "
                f"{step.size}"
            )
        step, loss = step[last], loss[last]
    return step, loss


def spikes(loss: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which losses stand far above their neighbours.

    The level is a line through the medians of blocks of rows; a spike exceeds it by 10 robust
    deviations (1.4826 times the median absolute one) and by 3 %. The steep first block, and the
    rows after the last whole one, are not judged.

    >>> import numpy as np
    >>> from mplfit.readers.selecting import spikes
    >>> loss = 3 + 0.01 * np.cos(np.arange(210.0))
    >>> loss[100] = 5
    >>> np.flatnonzero(spikes(loss)).tolist()
    [100]
    """
    found = np.zeros(loss.size, dtype=np.bool_)
    blocks = loss.size // _BLOCK
    if blocks < 4:
        return found
    logs = np.log(loss[: blocks * _BLOCK])
    medians = np.median(logs.reshape(blocks, _BLOCK), axis=1)
    middles = np.arange(blocks) * _BLOCK + _BLOCK // 2
    excess = logs - np.interp(np.arange(logs.size), middles, medians)
    judged = excess[_BLOCK:]
    limit = max(_EXCESS, _DEVIATIONS * 1.4826 * float(np.median(np.abs(judged))))
    found[_BLOCK : logs.size] = judged > limit
    return found


def _without_spikes(
    step: IntArray, loss: FloatArray, options: ReadOptions, notes: list[str]
) -> tuple[IntArray, FloatArray]:
    found = spikes(loss)
    count = int(found.sum())
    if not count:
        return step, loss
    worst = int(np.flatnonzero(found)[loss[found].argmax()])
    what = (
        f"{count} loss{'es stand' if count > 1 else ' stands'} far above the neighbouring rows "
        f"(the largest, {loss[worst]:.4g}, at step {step[worst]})"
    )
    if options.spikes == "drop":
        notes.append(f"{what}: dropped (spikes='drop')")
        return step[~found], loss[~found]
    notes.append(f"{what}: kept (drop them with spikes='drop')")
    return step, loss


def _mean(loss: FloatArray, rows: int) -> FloatArray:
    """Centred means over `rows` rows; near the ends over as many as lie on both sides."""
    half = np.minimum(rows // 2, np.minimum(np.arange(loss.size), np.arange(loss.size)[::-1]))
    total = np.concatenate([[0.0], np.cumsum(loss)])
    at = np.arange(loss.size)
    mean: FloatArray = (total[at + half + 1] - total[at - half]) / (2 * half + 1)
    return mean
