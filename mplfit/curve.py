"""Loss curves: losses observed at some steps of a run, with the schedule of that run.

Also the rebuilding of a dense schedule from the sparse rates of a log. Pure: nothing here reads a
file; every assumption is returned as a sentence for the caller to show and to keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mplfit.errors import DataError, printable
from mplfit.schedule import MAX_STEPS, Schedule
from mplfit.types import FloatArray, IntArray

__all__ = ["Curve", "Origin", "rebuild_schedule"]


@dataclass(frozen=True)
class Origin:
    """Where a curve came from.

    notes : what was assumed, dropped or mended on the way.
    warnings : what looked odd, so that the curve may not be what was meant.
    """

    path: str
    sha256: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", tuple(map(printable, self.notes)))
        object.__setattr__(self, "warnings", tuple(map(printable, self.warnings)))


@dataclass(frozen=True, eq=False)
class Curve:
    """Losses observed in some updates of a run, and the schedule of the whole run.

    The schedule may be longer than the log: the rest of the run can then be predicted.

    Parameters
    ----------
    name : what to call the run.
    step : (J,) 0-based indices of the updates, strictly ascending, inside the schedule.
    loss : (J,) losses, finite and positive.
    schedule : the rate of every update.
    origin : file, hash and notes, where the curve was read from a log.
    weight_decay : AdamW's weight decay of the run, where it is known.

    Raises
    ------
    DataError
        If the arrays do not match, are empty, not ascending, not positive or past the schedule.

    Examples
    --------
    >>> from mplfit import Curve
    >>> from mplfit.schedule import constant
    >>> Curve("run", [10, 20], [3.5, 3.1], constant(30, 1e-3))
    Curve('run', 2 points in steps 10–20 of 30)
    """

    name: str
    step: IntArray
    loss: FloatArray
    schedule: Schedule
    origin: Origin | None = field(default=None, compare=False)
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        step, loss = np.array(self.step), np.array(self.loss)
        if loss.dtype.kind not in "iuf":
            raise DataError(f"{self.name}: losses must be real numbers, got {loss.dtype}")
        loss = loss.astype(np.float64)
        if step.ndim != 1 or step.shape != loss.shape or step.size == 0:
            raise DataError(
                f"{self.name}: expected as many steps as losses and at least one, got shapes "
                f"{step.shape} and {loss.shape}"
            )
        if not np.issubdtype(step.dtype, np.integer):
            raise DataError(
                f"{self.name}: steps must be an array of integers, got {step.dtype}: convert it, "
                "for instance with numpy.asarray(step, dtype=int)"
            )
        step = step.astype(np.int64)  # before the differences, which wrap around unsigned
        if np.any(np.diff(step) <= 0):
            raise DataError(f"{self.name}: steps must ascend strictly")
        if step[0] < 0 or step[-1] >= self.schedule.steps:
            raise DataError(
                f"{self.name}: steps {step[0]}–{step[-1]} lie outside the schedule of "
                f"{self.schedule.steps} updates (steps 0–{self.schedule.steps - 1})"
            )
        bad = np.flatnonzero(~np.isfinite(loss) | (loss <= 0))
        if bad.size:
            raise DataError(
                f"{self.name}: losses must be positive and finite (the fit is in log loss), but "
                f"step {step[bad[0]]} has {loss[bad[0]]:g}"
            )
        decay = self.weight_decay
        if decay is not None and not 0 <= decay < float("inf"):
            raise DataError(f"{self.name}: the weight decay must be 0 or positive, got {decay:g}")
        for values, key in ((step, "step"), (loss, "loss")):
            values.flags.writeable = False
            object.__setattr__(self, key, values)

    def __len__(self) -> int:
        return self.step.size

    def __repr__(self) -> str:
        return (
            f"Curve({self.name!r}, {len(self)} points in steps {self.step[0]}–{self.step[-1]} "
            f"of {self.schedule.steps})"
        )

    def shares(self, other: Curve) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which rows of this curve are also rows of `other`: the same loss at the same step.

        Runs branched from one checkpoint have such rows, from the first on; they must not count as
        held out where `other` was trained on. Losses that agree by chance, in runs whose first
        common row differs, do not count.
        """
        shared = np.zeros(len(self), dtype=np.bool_)
        _, mine, theirs = np.intersect1d(self.step, other.step, return_indices=True)
        same = self.loss[mine] == other.loss[theirs]
        if same.size and same[0]:
            shared[mine[same]] = True
        return shared

    def shared_with(self, others: Sequence[Curve]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which rows are also rows of any of the others; see `shares`."""
        shared = np.zeros(len(self), dtype=np.bool_)
        for other in others:
            shared |= self.shares(other)
        return shared


def rebuild_schedule(
    step: IntArray, lr: FloatArray, *, warmup: int | None = None
) -> tuple[Schedule, list[str]]:
    """A dense schedule from logged rates, and what had to be assumed.

    Between logged rows the rate is interpolated linearly, except at a *jump*: a change between two
    rows whose neighbours on both sides are flat is taken to happen at once, in the later row's
    update. Before the first logged row a linear warmup from 0 is assumed, ending in that row's
    update, or after `warmup` updates where that is given (then constant). The schedule ends with
    the last logged row.

    Parameters
    ----------
    step : (J,) steps of the logged rates, strictly ascending.
    lr : (J,) the rates, finite and >= 0.
    warmup : length of the warmup, where it is known.

    Raises
    ------
    DataError
        If the last step is beyond what a run can have.
    ScheduleError
        If all rates are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from mplfit.curve import rebuild_schedule
    >>> rates = np.array([1.0, 1.0, 0.5, 0.5])
    >>> schedule, notes = rebuild_schedule(np.array([2, 4, 6, 8]), rates)
    >>> schedule.lr.tolist()
    [0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5]
    """
    first, last = int(step[0]), int(step[-1])
    if last >= MAX_STEPS:
        raise DataError(
            f"the last step is {last:,}, but a run can have {MAX_STEPS:,} updates at most: is the "
            "step counted in tokens or samples? choose another column with --step-col"
        )
    dense = np.interp(np.arange(last + 1), step, lr)
    notes = []
    gaps = np.diff(step)
    if gaps.size and gaps.max() > 1:
        notes.append(
            f"the schedule is rebuilt from {step.size} logged rates (up to {gaps.max()} steps "
            f"apart): linear between them, and ending with the last, at step {last}"
        )
    flat = np.isclose(lr[1:], lr[:-1], rtol=1e-9, atol=0)
    jumps = np.flatnonzero(~flat[1:-1] & flat[:-2] & flat[2:]) + 1
    for row in jumps:
        dense[step[row] : step[row + 1]] = lr[row]
        if gaps[row] > 1:
            notes.append(
                f"the change from {lr[row]:g} to {lr[row + 1]:g} is taken as a jump at step "
                f"{step[row + 1]} (it happened somewhere after step {step[row]})"
            )
    if warmup is None:
        length = first + 1 if first else 0
        if first:
            notes.append(
                f"no rate is logged before step {first}: a linear warmup from 0 to {lr[0]:g} over "
                f"the first {length} updates is assumed (set it with --warmup)"
            )
    else:
        length = min(warmup, first + 1)
        if warmup > length:
            notes.append(
                f"the warmup of {warmup} updates is longer than the {first} steps before the "
                "first logged rate: the logged rates are used from there on"
            )
        elif first > length:
            notes.append(
                f"no rate is logged before step {first}: {lr[0]:g} is assumed from the end of the "
                f"warmup of {warmup} updates on"
            )
    if first:  # a rate logged in update 0 stands
        dense[:length] = np.linspace(0.0, lr[0], length)
    return Schedule(dense, length if warmup is None else min(warmup, last + 1)), notes
