"""What a user may say about logs; every reader takes it, and every command that reads has it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from mplfit.errors import DataError
from mplfit.schedule import Schedule
from mplfit.types import FrozenMap, Plain, to_plain

__all__ = ["ReadOptions"]


@dataclass(frozen=True)
class ReadOptions:
    """What a user may say about logs.

    step_col, lr_col, loss_col : names of columns, where the usual ones are not meant.
    schedule : the schedule of the run, where the log does not tell it; also as text
        (`mplfit.readers.schedules.load_schedule`).
    warmup : the length of the warmup, used when the schedule is rebuilt from logged rates.
    metric : "train" (the default), "val", or the name of a column or tag.
    smooth : mean over this many neighbouring rows, centred.
    every : keep one row (the last) in each stretch of so many steps.
    from_step, to_step : keep the rows of these steps, both included (0-based indices). Without
        the former, `read_curves` leaves out the rows of a logged warmup and of the steep fall after
        it (`mplfit.readers.selecting.beginning`); 0 keeps them.
    spikes : "keep" or "drop" losses far above their neighbours; reported either way.
    tokens_per_step : the log's step counts this many units (tokens, samples, …) an update.
    steps_per_row : the log's step counts its calls, each so many updates after the one before it:
        call k, from 0 on, comes after (k + 1)·N updates; with `steps_are` "index", in update k·N.
    steps_are : "index" or "count" (of finished updates), where the format's rule is wrong.
    """

    step_col: str | None = None
    lr_col: str | None = None
    loss_col: str | None = None
    schedule: Schedule | str | None = None
    warmup: int | None = None
    metric: str = "train"
    smooth: int = 1
    every: int = 1
    from_step: int | None = None
    to_step: int | None = None
    spikes: Literal["keep", "drop"] = "keep"
    tokens_per_step: float | None = None
    steps_are: Literal["index", "count"] | None = None
    steps_per_row: int | None = None

    def __post_init__(self) -> None:
        for value, name in ((self.smooth, "--smooth"), (self.every, "--every")):
            if value < 1:
                raise DataError(f"{name} must be a whole number from 1 on, got {value}")
        if self.spikes not in ("keep", "drop"):
            raise DataError(f"spikes must be 'keep' or 'drop', got {self.spikes!r}")
        if self.steps_are not in ("index", "count", None):
            raise DataError(f"steps_are must be 'index' or 'count', got {self.steps_are!r}")
        if self.warmup is not None and self.warmup < 0:
            raise DataError(
                f"the warmup must be 0 or a positive number of updates, got {self.warmup}"
            )
        units = self.tokens_per_step
        if units is not None and not 0 < units < float("inf"):
            raise DataError(f"--tokens-per-step must be positive, got {units:g}")
        rows = self.steps_per_row
        if rows is not None and rows < 1:
            raise DataError(f"--steps-per-row must be a whole number from 1 on, got {rows}")
        if rows is not None and units is not None:
            raise DataError("--steps-per-row goes without --tokens-per-step: give one of them")
        low, high = self.from_step, self.to_step
        if low is not None and high is not None and low > high:
            raise DataError(f"--from-step {low} lies after --to-step {high}: nothing would be left")

    def told(self) -> FrozenMap[str, Plain]:
        """What is not the default, as plain values; `from_plain` makes the options of them.

        >>> from mplfit.readers.options import ReadOptions
        >>> ReadOptions(smooth=5, schedule="constant:steps=10,peak=1e-3").told()
        {'schedule': 'constant:steps=10,peak=1e-3', 'smooth': 5}
        """
        return FrozenMap(
            {
                field.name: to_plain(getattr(self, field.name))
                for field in fields(self)
                if getattr(self, field.name) != field.default
            }
        )
