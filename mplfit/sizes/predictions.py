"""Predictions at sizes and schedules, with what simpler laws of the same runs say beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mplfit.assess.intervals import LEVELS
from mplfit.curve import Curve, RunSize
from mplfit.errors import FitError
from mplfit.estimate.fit import fit
from mplfit.results import Result
from mplfit.schedule import Schedule
from mplfit.sizes.baselines import Chinchilla, FinalRow, decayed_rows, fit_chinchilla, power_law
from mplfit.sizes.checks import far_warnings, sentence_on_level
from mplfit.sizes.groups import group_sizes
from mplfit.sizes.result import Final, Sizes
from mplfit.sizes.usual import usual_schedules
from mplfit.types import Record

__all__ = ["SizePrediction", "SizePredictions", "predict_sizes", "tokens_at"]

_FAR_PEAK = 1.5


@dataclass(frozen=True, eq=False)
class SizePrediction(Record):
    """A final loss at a size under a schedule.

    tokens : that the run sees, where they are known.  sd : of the loss, relative.
    intervals : of the loss, by level.  floor : L0 of the size.  gain : over the schedule's largest
    rate throughout.  chinchilla, power, alone : what Chinchilla's form, power laws, and a fit of
    the size's own runs alone say; None where they say nothing.
    """

    size: str
    parameters: float
    schedule: str
    steps: int
    peak: float
    tokens: float | None
    loss: float
    sd: float
    intervals: Mapping[str, tuple[float, float]]
    floor: float
    gain: float
    gain_interval: tuple[float, float]
    chinchilla: float | None = None
    power: float | None = None
    alone: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class SizePredictions(Result):
    """What a law over sizes says of schedules at sizes.

    law : the law.  rows : the predictions.  chinchilla : the form fitted to the decayed runs.
    warnings : of these sizes and schedules; those of the law are the law's.
    """

    SCHEMA: ClassVar[str] = "mplfit.size_predictions/1"

    law: Sizes
    rows: tuple[SizePrediction, ...]
    chinchilla: Chinchilla | None = None
    warnings: tuple[str, ...] = ()


def predict_sizes(
    law: Sizes,
    curves: Sequence[Curve],
    targets: Sequence[RunSize],
    schedules: Mapping[str, Schedule] | None = None,
    *,
    tokens_per_update: float | None = None,
) -> SizePredictions:
    """Final losses of every schedule at every size.

    Parameters
    ----------
    law : a law over sizes.
    curves : the runs that it was fitted to, for the baselines.
    targets : the sizes.
    schedules : by name; the usual ones, as long as the longest run, where None.
    tokens_per_update : at these sizes; as in the runs, where all have the same, if None.

    Raises
    ------
    FitError
        If a size is not known.
    """
    groups = group_sizes(curves)
    finals = decayed_rows(groups)
    form = fit_chinchilla(finals)
    each = tokens_at(law, tokens_per_update)
    warnings: list[str] = []
    rows = []
    for size in targets:
        if size.count is None:
            raise FitError("the size is not known: give its parameters, or its width and depth")
        warnings += far_warnings(law, size)
        warnings += filter(None, [sentence_on_level(law, size)])
        known = law.of(size)
        own = [c for c in curves if known is not None and c.name in known.runs]
        alone = None
        if own:
            constants = {**law.units.law(size.count).constants}
            alone = fit(own, "effective", quick=True, leave_out=False, constants=constants)
        for name, schedule in (schedules or usual_schedules(law, size)).items():
            warnings += _peak_warning(law, size, schedule)
            final = law.final(size, schedule)
            by_itself = None if alone is None else float(alone.loss(schedule)[-1])
            rows.append(_row(name, size, schedule, final, each, finals, form, by_itself))
    return SizePredictions(law, tuple(rows), form, tuple(dict.fromkeys(warnings)))


def _row(
    name: str,
    size: RunSize,
    schedule: Schedule,
    final: Final,
    each: float | None,
    finals: Sequence[FinalRow],
    form: Chinchilla | None,
    alone: float | None,
) -> SizePrediction:
    count = size.count or np.nan
    data = schedule.steps * (each or 1.0)
    half = LEVELS[0.95] * final.gain_sd
    return SizePrediction(
        size=size.text,
        parameters=count,
        schedule=name,
        steps=schedule.steps,
        peak=schedule.peak,
        tokens=each and data,
        loss=final.loss,
        sd=final.sd,
        intervals={
            f"{level:.2f}": (
                float(final.loss * np.exp(-width * final.sd)),
                float(final.loss * np.exp(width * final.sd)),
            )
            for level, width in LEVELS.items()
        },
        floor=final.floor,
        gain=final.gain,
        gain_interval=(final.gain - half, final.gain + half),
        chinchilla=form(count, data) if form is not None else None,
        power=power_law(finals, count, data),
        alone=alone,
    )


def tokens_at(law: Sizes, tokens_per_update: float | None = None) -> float | None:
    """Tokens in an update at other sizes: as told, or those of all runs; None where they differ."""
    told = {size.size.tokens_per_update for size in law.sizes}
    return tokens_per_update or (told.pop() if len(told) == 1 else None)


def _peak_warning(law: Sizes, size: RunSize, schedule: Schedule) -> list[str]:
    usual = law.units.peak(size.count or np.nan)
    if usual / _FAR_PEAK <= schedule.peak <= usual * _FAR_PEAK:
        return []
    return [
        f"the peak rate {schedule.peak:g} is {schedule.peak / usual:.2g} times {usual:.3g}, which "
        f"the runs' peaks lead to at {size.text}: the law was not fitted there"
    ]
