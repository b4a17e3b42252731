"""A run's log as csv: what `mplfit fit` reads, with the exact schedule in its first line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

from mplfit.lab.run import Row, RunPlan
from mplfit.schedule import Schedule
from mplfit.schedule.spec import format_schedule, parse_schedule

__all__ = ["LossKind", "log_csv", "schedule_text"]

LossKind: TypeAlias = Literal["train", "eval"]


def schedule_text(schedule: Schedule, spec: str | None = None) -> str:
    """A text that gives the schedule back: the user's own where it does, else its knots."""
    if spec is not None and ":" in spec and parse_schedule(spec) == schedule:
        return spec
    return format_schedule(schedule)


def log_csv(plan: RunPlan, schedule: str, rows: Sequence[Row], loss: LossKind = "train") -> bytes:
    """The log of a run.

    The first line is a comment with the schedule's text, from which readers rebuild every rate.
    Columns: step (an index), lr, loss, eval_loss, weight_decay. `loss` is the mean of the batches'
    losses since the row before, or with loss="eval" the loss on the held-out data; then the other
    one is in train_loss.
    """
    lines = [f"# schedule: {schedule}"]
    if loss == "eval":
        lines.append("step,lr,loss,train_loss,weight_decay")
    else:
        lines.append("step,lr,loss,eval_loss,weight_decay")
    for row in rows:
        values = (row.eval_loss, row.loss) if loss == "eval" else (row.loss, row.eval_loss)
        one, two = ("" if math.isnan(x) and x is row.eval_loss else f"{x:.6f}" for x in values)
        lines.append(f"{row.step},{row.lr!r},{one},{two},{plan.settings.weight_decay:g}")
    return "\n".join([*lines, ""]).encode()
