"""How the predicted final loss moves with the peak rate of a schedule, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mplfit.assess.intervals import final_interval
from mplfit.estimate.result import Fit
from mplfit.schedule import Schedule
from mplfit.types import Record

__all__ = ["PeakLoss", "near_best", "peak_losses"]

_FACTORS = 2.0 ** np.arange(-2, 2.01, 0.5)


@dataclass(frozen=True, eq=False)
class PeakLoss(Record):
    """The predicted final loss at one peak rate, and its intervals by level (None: not known)."""

    peak: float
    loss: float
    intervals: Mapping[str, tuple[float, float]] | None


def peak_losses(fit: Fit, schedule: Schedule, highest: float = np.inf) -> list[PeakLoss]:
    """A schedule's final loss with all its rates multiplied by 1/4 to 4, up to a highest peak."""
    found = []
    for factor in _FACTORS:
        peak = float(factor * schedule.peak)
        if peak > highest * (1 + 1e-9):
            break
        scaled = Schedule(factor * schedule.lr, schedule.warmup)
        loss = fit.formula.final(fit.values, scaled.lr)
        found.append(PeakLoss(peak, loss, final_interval(fit, scaled)))
    return found


def near_best(losses: Sequence[PeakLoss], level: str = "0.80") -> tuple[float, float] | None:
    """The lowest and highest peak whose loss lies within the interval of the lowest loss."""
    best = min(losses, key=lambda one: one.loss)
    if best.intervals is None:
        return None
    peaks = [loss.peak for loss in losses if loss.loss <= best.intervals[level][1]]
    return min(peaks), max(peaks)
