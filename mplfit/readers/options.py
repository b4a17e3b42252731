"""What a user may say about logs; every reader takes it, and every command that reads has it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, cast

import numpy as np

from mplfit.errors import DataError
from mplfit.schedule import Schedule
from mplfit.types import FrozenMap, Plain, to_plain

__all__ = ["ReadOptions"]


@dataclass(frozen=True)
class ReadOptions:
    """What a user may say about logs.

    step_col, lr_col, loss_col : names of columns, where the usual ones are not meant.
    run_col : the column that tells several runs in one table apart (several columns with commas
        between them); "none" if the table holds one run.
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
    size : the model's: parameters, or text such as 190M, 1.3b or d1024-l24
        (`mplfit.readers.sizes.parse_size`), where the log does not tell it or tells it wrong.
    steps_are : "index" or "count" (of finished updates), where the format's rule is wrong.
    """

    step_col: str | None = None
    lr_col: str | None = None
    loss_col: str | None = None
    run_col: str | None = None
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
    size: float | str | None = None

    def __post_init__(self) -> None:
        for name in ("step_col", "lr_col", "loss_col", "run_col", "metric"):
            value: object = getattr(self, name)
            if not (isinstance(value, str) and value) and (value is not None or name == "metric"):
                raise DataError(f"{name} must be the name of a column, got {value!r}")
        plan: object = self.schedule
        if plan is not None and not isinstance(plan, (Schedule, str)):
            raise DataError(f"schedule must be a Schedule or its text, got {type(plan).__name__}")
        for name in ("warmup", "smooth", "every", "from_step", "to_step", "steps_per_row"):
            self._check_whole(name, int(name in ("smooth", "every", "steps_per_row")))
        low, high = self.from_step, self.to_step
        if low is not None and high is not None and low > high:
            raise DataError(f"from_step {low} lies after to_step {high}: nothing would be left")
        if self.spikes not in ("keep", "drop"):
            raise DataError(f"spikes must be 'keep' or 'drop', got {self.spikes!r}")
        if self.steps_are not in (None, "index", "count"):
            raise DataError(f"steps_are must be 'index' or 'count', got {self.steps_are!r}")
        units: object = self.tokens_per_step
        real = isinstance(units, (int, float)) and units is not True
        if units is not None and not (real and 0 < cast("float", units) < float("inf")):
            raise DataError(f"tokens_per_step must be a positive number, got {units!r}")
        size: object = self.size
        if size is not None and (not isinstance(size, (int, float, str)) or size is True):
            raise DataError(f"size must be a number of parameters or its text, got {size!r}")
        if self.steps_per_row is not None and units is not None:
            raise DataError("steps_per_row goes without tokens_per_step: give one of them")

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

    def _check_whole(self, name: str, least: int) -> None:
        value: Any = getattr(self, name)
        if value is None and name not in ("smooth", "every"):
            return
        if not isinstance(value, (int, np.integer)) or value is True or value < least:
            raise DataError(f"{name} must be a whole number from {least} on, got {value!r}")
        object.__setattr__(self, name, int(value))
