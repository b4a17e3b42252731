"""Loss curves: losses observed at some steps of a run, with the schedule of that run.

Also the rebuilding of a dense schedule from the sparse rates of a log. Pure: nothing here reads a
file; every assumption is returned as a sentence for the caller to show and to keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mplfit.errors import DataError, printable
from mplfit.schedule import MAX_STEPS, Schedule
from mplfit.trend import Trend, collinear, trend_of
from mplfit.types import FloatArray, IntArray, Plain, Record

__all__ = ["NO_SIZE", "Curve", "Origin", "RunSize", "curves_of", "rebuild_schedule"]


@dataclass(frozen=True, eq=False)
class Origin(Record):
    """Where a curve came from.

    notes : what was assumed, dropped or mended on the way.
    warnings : what looked odd, so that the curve may not be what was meant.
    reading : what the reader was told, where that is not the default: fields of
        `mplfit.readers.options.ReadOptions`.
    beside : other files that the run was made from, as event files of before it was resumed.
    """

    path: str
    sha256: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    reading: Mapping[str, Plain] = field(default_factory=dict)
    beside: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "notes", tuple(map(printable, self.notes)))
        object.__setattr__(self, "warnings", tuple(map(printable, self.warnings)))


_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class RunSize:
    """The size of a run's model and of its updates, as far as it is known.

    parameters : of the model.  width, depth : of its layers, and how many there are.
    tokens_per_update : as named.  batch : sequences in an update.
    told_by : where each number is from, in words.

    >>> from mplfit.curve import RunSize
    >>> RunSize(width=1024, depth=24).count
    301989888.0
    """

    parameters: float | None = None
    width: float | None = None
    depth: float | None = None
    tokens_per_update: float | None = None
    batch: float | None = None
    told_by: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for name in self.names():
            value = getattr(self, name)
            if value is None:
                continue
            if not 0 < value < 1e18:
                raise DataError(f"{name} of a run must be positive and finite, got {value:g}")
            object.__setattr__(self, name, float(value))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """What may be known."""
        return ("parameters", "width", "depth", "tokens_per_update", "batch")

    def numbers(self) -> dict[str, float | None]:
        """What is known, by name."""
        return {name: getattr(self, name) for name in self.names()}

    @property
    def count(self) -> float | None:
        """The parameters; where they are not known those of a usual transformer's layers,
        12 · depth · width², which leaves its embeddings out."""
        if self.parameters is not None or self.width is None or self.depth is None:
            return self.parameters
        return 12 * self.depth * self.width**2

    @property
    def text(self) -> str:
        """The model's size for people; with a ~ where it is that of its layers alone.

        >>> from mplfit.curve import RunSize
        >>> RunSize(parameters=1.3e9).text, RunSize(width=1024, depth=24).text
        ('1.3B', '~302M (1024×24)')
        """
        count = self.count
        if count is None:
            return "not known"
        unit, letter = next((pair for pair in _UNITS if count >= pair[0]), (1.0, ""))
        shape = f" ({self.width:.0f}×{self.depth:.0f})" if self.width and self.depth else ""
        return f"{'' if self.parameters else '~'}{count / unit:.4g}{letter}{shape}"

    def over(self, other: RunSize) -> RunSize:
        """This, and from the other what is not known here."""
        own, theirs = self.numbers(), other.numbers()
        added = any(own[name] is None and theirs[name] is not None for name in own)
        told = (self.told_by, other.told_by if added else "")
        joined = {name: theirs[name] if own[name] is None else own[name] for name in own}
        return RunSize(**joined, told_by="; ".join(filter(None, told)))


NO_SIZE = RunSize()
"""Of a run of which nothing is known."""


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
    size : of its model and its updates, as far as it is known.

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
    size: RunSize = NO_SIZE

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

    def __eq__(self, other: object) -> bool:
        """Whether name, rows, schedule and constants are the same, wherever it came from."""
        if not isinstance(other, Curve):
            return NotImplemented
        return (
            (self.name, self.weight_decay, self.size)
            == (other.name, other.weight_decay, other.size)
            and np.array_equal(self.step, other.step)
            and np.array_equal(self.loss, other.loss)
            and self.schedule == other.schedule
        )

    def __hash__(self) -> int:
        return hash((self.name, self.step.tobytes(), self.loss.tobytes()))

    def __reduce__(self) -> tuple[type[Curve], tuple[object, ...]]:
        # A copy is made as the first was, so that its arrays are read-only again.
        own = (self.name, self.step, self.loss, self.schedule, self.origin, self.weight_decay)
        return Curve, (*own, self.size)

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


def curves_of(curves: Curve | Iterable[Curve]) -> tuple[Curve, ...]:
    """One curve or several as a tuple.

    Raises
    ------
    DataError
        If something is no curve.

    >>> from mplfit.curve import curves_of
    >>> curves_of("run.csv")
    Traceback (most recent call last):
    mplfit.errors.DataError: expected curves (mplfit.read_curves reads them from logs), got str
    """
    given: object = curves
    if isinstance(given, Curve):
        return (given,)
    some = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    for one in some:
        if not isinstance(one, Curve):
            raise DataError(
                "expected curves (mplfit.read_curves reads them from logs), got "
                f"{type(one).__name__}"
            )
    return some


def rebuild_schedule(
    step: IntArray,
    lr: FloatArray,
    *,
    warmup: int | None = None,
    total: int | None = None,
    begin: FloatArray | None = None,
) -> tuple[Schedule, list[str]]:
    """A dense schedule from logged rates, and what had to be assumed.

    Between logged rows the rate is interpolated linearly, except at a *jump*: a change between two
    rows whose neighbours on both sides are flat is taken to happen at once, in the later row's
    update. The schedule ends with the last logged row, or with `total` where the rates tell how.

    Before the first logged row: the rates `begin`, where they are known. Else, where all rates lie
    on a falling line or half cosine (`mplfit.trend`), that shape, after the warmup that it leaves
    room for; where the first three rise on a line, that line. Else a linear warmup from 0 is
    assumed, ending in that row's update, or after `warmup` updates where that is given (then
    constant).

    Parameters
    ----------
    step : (J,) steps of the logged rates, strictly ascending.
    lr : (J,) the rates, finite and >= 0.
    warmup : length of the warmup, where it is known.
    total : the number of updates that the run was set to have.
    begin : the rates of the first updates, where they are known, as those of the run that this one
        was branched from.

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
            "step counted in tokens or samples? choose another column with step_col="
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
    trend = trend_of(step, lr)
    length = _fill_begin(dense, step, lr, warmup, begin, trend, notes) if first else warmup or 0
    if total is not None and last + 1 < total < MAX_STEPS:
        dense = np.append(dense, _rest(step, lr, total, trend, notes))
    return Schedule(dense, min(length, last + 1)), notes


def _fill_begin(
    dense: FloatArray,
    step: IntArray,
    lr: FloatArray,
    warmup: int | None,
    begin: FloatArray | None,
    trend: Trend | None,
    notes: list[str],
) -> int:
    """Write the rates before the first logged one into `dense`; the length of the warmup."""
    first = int(step[0])
    if begin is not None and begin.size:
        known = min(begin.size, first)
        held = lr.size < 2 or lr[1] == lr[0]  # a stage of its own, since the checkpoint
        dense[known:first] = (
            lr[0]
            if held
            else np.interp(np.arange(known, first), [known - 1, first], [begin[known - 1], lr[0]])
        )
        dense[:known] = begin[:known]
        notes.append(
            f"the rates of the first {known} updates are not logged: those of the configuration "
            f"are assumed, a warmup and {begin[known - 1]:g}"
        )
        return int(np.argmax(dense[: known + 1]))
    if trend is not None and (warmup is None or warmup <= first):
        length = warmup if warmup is not None else trend.warmup + 1 if trend.warmup else 0
        dense[:first] = trend(np.arange(first))
        dense[:length] = np.linspace(0.0, float(trend(max(0, length - 1))), length)
        dense[first] = lr[0]
        peak = float(dense[: first + 1].max())
        notes.append(
            f"no rate is logged before step {first}: the rates fall from the first on, on a "
            f"{'line' if trend.form == 'linear' else 'half cosine'} that leads back to {peak:.4g} "
            + (
                f"after {'a' if warmup is None else 'the'} warmup of {length} updates"
                if length
                else "in update 0, without a warmup"
            )
            + (" (set it with warmup=)" if warmup is None else "")
        )
        return length
    if warmup is not None:
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
        dense[:length] = np.linspace(0.0, lr[0], length)
        return warmup
    slopes = np.diff(lr[:3]) / np.diff(step[:3])
    start = float(lr[0] - slopes[0] * first) if slopes.size == 2 else 0.0
    rises = slopes.size == 2 and slopes[0] > 0 and bool(np.isclose(slopes[0], slopes[1], rtol=1e-3))
    falls = slopes.size == 2 and bool(np.all(slopes < 0)) and first <= 2 * int(np.diff(step).max())
    if rises and 1e-9 * lr[0] < start < lr[0]:
        dense[:first] = np.linspace(start, lr[0], first + 1)[:first]
        notes.append(
            f"no rate is logged before step {first}: the line through the first rates, from "
            f"{start:.4g} in update 0, is assumed (set the warmup with warmup=)"
        )
    elif falls:
        dense[:first] = lr[0] + slopes[0] * (np.arange(first) - first)
        notes.append(
            f"no rate is logged before step {first}, and the rates fall from the first on: the "
            f"line through the first two, from {dense[0]:.4g} in update 0, is assumed (set the "
            "warmup with warmup=)"
        )
        return 0
    else:
        dense[: first + 1] = np.linspace(0.0, lr[0], first + 1)
        notes.append(
            f"no rate is logged before step {first}: a linear warmup from 0 to {lr[0]:g} over "
            f"the first {first + 1} updates is assumed (set it with warmup=)"
        )
    return first + 1


def _rest(
    step: IntArray, lr: FloatArray, total: int, trend: Trend | None, notes: list[str]
) -> FloatArray:
    """The rates from the last logged one to the end of the run; none where they are not known."""
    last, gap = int(step[-1]), int(np.diff(step).max()) if step.size > 1 else 0
    at = np.arange(last + 1, total)
    near = total - 1 - last <= gap
    what = ""
    if trend is not None and (near or abs(trend.end - total) <= max(2.0, 0.01 * total)):
        what, rates = f"the {trend.form} decay goes on", trend(at)
    elif near and collinear(step[-3:], lr[-3:]) and lr[-1] < lr[-2]:
        slope = (lr[-1] - lr[-2]) / (step[-1] - step[-2])
        what, rates = "the last rates' line goes on", np.maximum(lr[-1] + slope * (at - last), 0.0)
    elif near:
        what, rates = "the last rate is kept", np.full(at.size, lr[-1])
    if not what:
        notes.append(
            f"the run was set to {total} updates, but the rates after step {last} are not known: "
            "the schedule ends there (give schedule= for the whole run)"
        )
        return np.empty(0)
    notes.append(f"the run was set to {total} updates: {what} to its end")
    return rates
