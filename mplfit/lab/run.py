"""One training run: what it is made of, its state, and the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mplfit.errors import DataError
from mplfit.lab.model import Batch, Shape, Transformer
from mplfit.lab.optimizer import AdamW, Settings
from mplfit.lab.tasks import AnyTask
from mplfit.schedule import Schedule
from mplfit.types import Record

__all__ = ["Row", "Run", "RunPlan", "train"]

_EVALUATED = 16  # sequences at once: activations stay in the cache (64: 2.6 times the time)


@dataclass(frozen=True, eq=False)
class RunPlan(Record):
    """All that determines a run but its schedule.

    batch : sequences in an update.  every : updates between logged rows.
    first : the step from which rows are logged.
    evaluated : held-out sequences that the evaluation loss is taken over; 0 for none.
    """

    task: AnyTask
    shape: Shape
    settings: Settings = field(default_factory=Settings)
    batch: int = 16
    seed: int = 0
    every: int = 20
    evaluated: int = 128
    first: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (
            ("batch", 1),
            ("every", 1),
            ("seed", 0),
            ("evaluated", 0),
            ("first", 0),
        ):
            if getattr(self, name) < least:
                raise DataError(f"{name} must be {least} or more, got {getattr(self, name)}")
        if self.task.vocabulary != self.shape.vocabulary or self.task.block > self.shape.block:
            raise DataError(
                f"the task {self.task.key} (vocabulary {self.task.vocabulary}, block "
                f"{self.task.block}) does not fit the model (vocabulary {self.shape.vocabulary}, "
                f"block {self.shape.block})"
            )


@dataclass(frozen=True)
class Row:
    """A logged row: the update's index and rate, and two losses.

    loss : the mean of the batches' losses since the row before (of `every` updates at most).
    eval_loss : of the held-out data after the update; NaN where none is evaluated.
    """

    step: int
    lr: float
    loss: float
    eval_loss: float


class Run:
    """A run under way: the model, the optimizer, the rows so far, and `done` updates."""

    def __init__(self, plan: RunPlan, schedule: Schedule, dtype: Any = np.float32) -> None:
        self.plan, self.schedule = plan, schedule
        self._check_length(schedule)
        self.model = Transformer(plan.shape, dtype)
        self.model.initialise(plan.seed)
        self.optimizer = AdamW(self.model, plan.settings)
        self.done = 0  # updates
        self.rows: list[Row] = []
        self.since: list[float] = []  # losses of the updates since the last row
        self._held: list[Batch] | None = None

    def branch(self, schedule: Schedule) -> None:
        """Go on under another schedule, whose rates up to now must be those that were applied."""
        past, done = self.schedule.lr, self.done
        if schedule.steps < done:
            raise DataError(
                f"{done} updates are done, more than the {schedule.steps} of the schedule to go on "
                "with: give a longer one, or branch from an earlier checkpoint"
            )
        other = np.flatnonzero(schedule.lr[:done] != past[:done])
        if other.size:
            at = int(other[0])
            raise DataError(
                f"the run had the rate {past[at]:g} in step {at}, but the schedule to go on with "
                f"has {schedule.lr[at]:g} there: the {done} updates that are done must agree"
            )
        self._check_length(schedule)
        self.schedule = schedule
        # A row that the old schedule's end alone made is none of the new run's.
        if self.rows and self.rows[-1].step == done - 1 and done % self.plan.every:
            raise DataError(
                f"the run ended at {done} updates, between two of its rows (every "
                f"{self.plan.every}): branch from a checkpoint before its end"
            )

    @property
    def diverged(self) -> bool:
        """Whether a loss was not finite: the run does not go on."""
        return bool(self.rows) and not np.isfinite(self.rows[-1].loss)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.done >= self.schedule.steps or self.diverged

    def update(self) -> Row | None:
        """One update; the row that it logs, where it logs one."""
        t, plan = self.done, self.plan
        batch = plan.task.batch(plan.seed, t, plan.batch)
        rng = np.random.default_rng([plan.seed, 2, t]) if plan.shape.dropout else None
        with np.errstate(all="ignore"):  # a run that diverges is told by its loss
            loss = self.model.loss_and_gradient(batch, rng)
            self.optimizer.step(t, float(self.schedule.lr[t]))
        self.since.append(loss)
        self.done += 1
        last = self.done == self.schedule.steps or not np.isfinite(loss)
        if not last and (self.done % plan.every or t < plan.first):
            return None
        since = self.since[-plan.every :]
        row = Row(t, float(self.schedule.lr[t]), float(np.mean(since)), self.evaluate())
        self.since = []
        self.rows.append(row)
        return row

    def _check_length(self, schedule: Schedule) -> None:
        most = self.plan.task.most_steps(self.plan.batch)
        if most is not None and schedule.steps > most:
            raise DataError(
                f"the run has {schedule.steps:,} updates, but the data suffice for {most:,} of "
                f"{self.plan.batch} sequences without repeating any: give more text, fewer steps, "
                "or a smaller batch"
            )

    def evaluate(self) -> float:
        """The loss over the held-out data."""
        if not self.plan.evaluated:
            return float("nan")
        if self._held is None:
            self._held = _split(self.plan.task.held_out(self.plan.evaluated), _EVALUATED)
        with np.errstate(all="ignore"):
            losses = [self.model.loss(batch) for batch in self._held]
        sizes = [len(batch.inputs) for batch in self._held]
        return float(np.average(losses, weights=sizes))


def train(
    run: Run,
    *,
    until: int | None = None,
    on_row: Callable[[Row], None] | None = None,
    stop: Callable[[], bool] | None = None,
    after: Callable[[], None] | None = None,
) -> Run:
    """Go on with a run, up to `until` updates or its end, or until `stop()` says so.

    `after` is called between updates, where the run's state can be kept.
    """
    end = run.schedule.steps if until is None else min(until, run.schedule.steps)
    while run.done < end and not run.diverged and not (stop is not None and stop()):
        row = run.update()
        if row is not None and on_row is not None:
            on_row(row)
        if after is not None:
            after()
    return run


def _split(batch: Batch, size: int) -> list[Batch]:
    """Batches of at most `size` sequences."""
    return [
        Batch(
            batch.inputs[at : at + size],
            batch.targets[at : at + size],
            None if batch.counted is None else batch.counted[at : at + size],
        )
        for at in range(0, len(batch.inputs), size)
    ]
