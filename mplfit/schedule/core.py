"""`Schedule`: the learning rate of every update of a run, and its cumulative sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mplfit.errors import ScheduleError
from mplfit.results import api
from mplfit.types import FloatArray, IntArray

if TYPE_CHECKING:
    from mplfit.results import Axes, Figure, PathName

__all__ = ["MAX_STEPS", "Schedule", "cumulative", "is_whole", "join", "with_last_zero"]

MAX_STEPS = 10**8
"""No run has more updates: a larger number is a slip, such as a count of tokens."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """The learning rate η_t of every update t = 0 … T-1, with the length of its warmup.

    Parameters
    ----------
    lr : (T,) rates, finite, >= 0, at least one positive; kept as a read-only float64 array.
    warmup : number of leading updates that belong to the warmup (0 … T).

    Raises
    ------
    ScheduleError
        If a rate is negative or not finite, all are zero, or the warmup does not fit.

    Examples
    --------
    >>> from mplfit import Schedule
    >>> Schedule([0.0, 1e-3, 1e-3, 5e-4], warmup=2)
    Schedule(4 steps, peak 0.001, final 0.0005, warmup 2)
    """

    lr: FloatArray
    warmup: int = 0

    def __post_init__(self) -> None:
        lr = _rates(self.lr)
        if lr.ndim != 1 or lr.size == 0:
            raise ScheduleError(
                f"a schedule needs a 1-D array with a rate for each update, got shape {lr.shape}"
            )
        bad = np.flatnonzero(~np.isfinite(lr) | (lr < 0))
        if bad.size:
            raise ScheduleError(
                f"learning rates must be finite and not negative, but the rate of step {bad[0]} is "
                f"{lr[bad[0]]:g} ({bad.size} such rate{'s' if bad.size > 1 else ''})"
            )
        if not lr.any():
            raise ScheduleError(
                f"all {lr.size} learning rates are 0: a schedule needs at least one positive rate"
            )
        if not is_whole(self.warmup) or not 0 <= self.warmup <= lr.size:
            raise ScheduleError(
                f"a warmup of {self.warmup} does not fit a schedule of {lr.size} updates: expected "
                f"a whole number from 0 to {lr.size}"
            )
        lr.flags.writeable = False
        object.__setattr__(self, "lr", lr)
        object.__setattr__(self, "warmup", int(self.warmup))

    @property
    def steps(self) -> int:
        """T, the number of updates."""
        return self.lr.size

    @property
    def peak(self) -> float:
        """The largest rate."""
        return float(self.lr.max())

    def in_order(self, step: ArrayLike) -> tuple[IntArray, IntArray]:
        """Steps as laws take them: ascending, once each; and where each asked one is among them.

        step : an integer or an array of them, in any order.

        Raises
        ------
        ScheduleError
            If a step is no integer, negative, or past the schedule.

        Examples
        --------
        >>> import numpy as np
        >>> from mplfit.schedule import constant
        >>> ascending, place = constant(9, 1e-3).in_order([8, 2, 8])
        >>> ascending.tolist(), ascending[place].tolist()
        ([2, 8], [8, 2, 8])
        """
        asked = np.asarray(step)
        if not np.issubdtype(asked.dtype, np.integer):
            raise ScheduleError(
                f"steps must be integers, got {asked.dtype}: convert them, for instance with "
                "numpy.asarray(step, dtype=int)"
            )
        ascending, place = np.unique(asked.ravel(), return_inverse=True)
        if ascending.size and (ascending[0] < 0 or ascending[-1] >= self.steps):
            wrong = ascending[0] if ascending[0] < 0 else ascending[-1]
            raise ScheduleError(
                f"step {wrong} is no update of a schedule of {self.steps}: expected 0 to "
                f"{self.steps - 1}"
            )
        return ascending.astype(np.int64), place.reshape(asked.shape)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return self.warmup == other.warmup and np.array_equal(self.lr, other.lr)

    def __hash__(self) -> int:
        return hash((self.warmup, self.lr.tobytes()))

    def __repr__(self) -> str:
        return (
            f"Schedule({self.steps} steps, peak {self.peak:g}, final {self.lr[-1]:g}, "
            f"warmup {self.warmup})"
        )

    def plot(self, *, ax: Axes | None = None, fig: Figure | None = None) -> Figure:
        """The rates against the step."""
        made: Figure = api("plot")(self, ax=ax, fig=fig)
        return made

    def export(
        self,
        form: str,
        path: PathName | None = None,
        *,
        batch_size: int = 1,
        accumulate: int = 1,
        exact: bool = False,
        force: bool = False,
    ) -> bytes:
        """The schedule as the file that a training code takes (`mplfit export --help` lists them).

        Parameters
        ----------
        form : such as "torch", "optax" or "megatron".
        path : where to write it, too.
        batch_size, accumulate : samples and micro-batches of an update, for codes that count these.
        exact : every digit of every rate, also where that takes more than 1,000 knots; else these
            are met to 1e-6 of the peak.
        force : overwrite what is there.

        >>> from mplfit import constant
        >>> constant(2, 1e-3).export("csv").decode().splitlines()
        ['step,lr', '0,0.001', '1,0.001']
        """
        made: bytes = api("export")(
            self, form, path, batch_size=batch_size, accumulate=accumulate, exact=exact,
            force=force,
        )  # fmt: skip
        return made

    def to_dict(self) -> dict[str, object]:
        """The schedule as plain values for JSON: its knots and its dense rates."""
        from mplfit.schedule.knots import to_knots  # which needs this class

        return {
            "schema": "mplfit.schedule/1",
            "steps": self.steps,
            "warmup": self.warmup,
            "knots": [[step, rate] for step, rate in to_knots(self)],
            "lr": self.lr.tolist(),
        }


def join(pieces: Sequence[Schedule]) -> Schedule:
    """One schedule after the other; the warmup is that of the first.

    >>> from mplfit.schedule import constant, join, linear
    >>> join([constant(2, 1.0), linear(2, 1.0)]).lr.tolist()
    [1.0, 1.0, 1.0, 0.5]
    """
    if not pieces:
        raise ScheduleError("nothing to join: give at least one schedule")
    return Schedule(np.concatenate([piece.lr for piece in pieces]), pieces[0].warmup)


def with_last_zero(schedule: Schedule) -> Schedule:
    """The schedule with one more update at rate 0: the papers' T+1 steps, judged at T.

    >>> from mplfit.schedule import constant, with_last_zero
    >>> with_last_zero(constant(2, 1.0)).lr.tolist()
    [1.0, 1.0, 0.0]
    """
    return Schedule(np.append(schedule.lr, 0.0), schedule.warmup)


def cumulative(lr: FloatArray) -> FloatArray:
    """S_t = Σ_{τ<=t} η_τ, rounded once: a compensated cumulative sum.

    The rounding errors of the plain sum (Knuth's TwoSum) are summed beside it and added back, so
    that the rates of a decay to 1e-12 are not lost in an S of order 10.

    >>> import numpy as np
    >>> from mplfit.schedule import cumulative
    >>> float(cumulative(np.full(10**6, 0.1))[-1])
    100000.0
    """
    total = np.cumsum(lr)
    before = np.concatenate([[0.0], total[:-1]])
    added = total - before
    lost = (before - (total - added)) + (lr - added)
    exact: FloatArray = total + np.cumsum(lost)
    return exact


def _rates(values: object) -> FloatArray:
    """A copy as float64; text and complex numbers, which numpy would convert, are refused."""
    try:
        raw = np.asarray(values)
        if raw.dtype.kind in "biufO":
            return np.array(raw, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ScheduleError("a schedule needs a list of numbers, one rate for each update")


def is_whole(number: object) -> bool:
    if isinstance(number, (float, np.floating)):
        return bool(number.is_integer())  # not for NaN and infinity
    return isinstance(number, (int, np.integer))
