"""What a fit predicts of schedules: losses with intervals, and how far it goes beyond its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from mplfit.assess.gains import GainSummary, gains
from mplfit.assess.intervals import final_interval, predict_interval
from mplfit.assess.reach import Reach, check_loss, check_peak, held_warnings, reach, reach_sentences
from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.estimate.result import Fit
from mplfit.results import Result
from mplfit.schedule import Schedule
from mplfit.schedule.knots import drawn_steps
from mplfit.types import FloatArray

__all__ = ["NO_INTERVAL", "Prediction", "Predictions", "predictions"]

NO_INTERVAL = (
    "No interval: published parameters do not say how far runs scatter. Two runs of one schedule "
    "differ by 1e-3 to 8e-3."
)


def _nothing() -> FloatArray:
    return np.empty(0)


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(Result):
    """What is predicted of one schedule.

    steps, warmup, peak, final_lr : of the schedule.
    final_loss : with its `intervals` by level, None where the fit does not know its own errors.
    reach : how far that goes beyond the training runs.
    above_lowest : by how much the final loss is above the lowest of all predicted ones; None for
    that one itself, and where no interval is known.
    lr, loss : of every update (steps,).  low, high : the ends of the losses' 95 % intervals at
        `drawn_steps` of the schedule, NaN where there is no loss yet; empty where none are known.
    warnings, notes : of a prediction by itself.
        These, and the arrays, are not written to JSON, and empty where read from it.
    """

    name: str
    steps: int
    warmup: int
    peak: float
    final_lr: float
    final_loss: float
    intervals: Mapping[str, tuple[float, float]] | None
    reach: Reach
    above_lowest: GainSummary | None = None
    lr: FloatArray = field(default_factory=_nothing, metadata={"written": False})
    loss: FloatArray = field(default_factory=_nothing, metadata={"written": False})
    low: FloatArray = field(default_factory=_nothing, metadata={"written": False})
    high: FloatArray = field(default_factory=_nothing, metadata={"written": False})
    warnings: tuple[str, ...] = field(default=(), metadata={"written": False})
    notes: tuple[str, ...] = field(default=(), metadata={"written": False})

    @property
    def schedule(self) -> Schedule:
        """The schedule."""
        return Schedule(self.lr, self.warmup)

    @property
    def curve(self) -> Curve:
        """The predicted losses as a curve, from the first update with a rate on."""
        known = np.isfinite(self.loss)
        return Curve(self.name, np.flatnonzero(known), self.loss[known], self.schedule)


@dataclass(frozen=True, eq=False, repr=False)
class Predictions(Result):
    """Predictions of some schedules by one fit; see `predictions`.

    params : what the fit is called.  law : its law's key.
    """

    SCHEMA: ClassVar[str] = "mplfit.prediction/1"

    params: str
    law: str
    predictions: tuple[Prediction, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def lowest(self) -> Prediction:
        """The prediction with the lowest final loss."""
        return min(self.predictions, key=lambda one: one.final_loss)


def predictions(
    fit: Fit, schedules: Mapping[str, Schedule], *, exact: bool = False, name: str = ""
) -> Predictions:
    """Predict the losses of schedules, with their intervals where the fit knows its own errors.

    Parameters
    ----------
    fit : the law and its parameters.
    schedules : by name.
    exact : sum plainly instead of fast.
    name : what the fit is called in the result.

    Raises
    ------
    FitError
        If there is no schedule, or a predicted final loss is one that no run can have.

    Examples
    --------
    >>> from mplfit import load_fit, parse_schedule
    >>> from mplfit.assess.predict import predictions
    >>> plan = parse_schedule("linear:steps=24000,peak=3e-4,warmup=2160")
    >>> found = predictions(load_fit("400"), {"linear": plan})
    >>> round(found.lowest.final_loss, 4), found.lowest.loss.shape
    (2.7591, (24000,))
    """
    if not schedules:
        raise FitError("there is no schedule to predict: give at least one")
    warnings = [text for key, one in schedules.items() for text in check_loss(fit, one, key)]
    losses = {key: fit.loss(one, exact=exact) for key, one in schedules.items()}
    lowest = min(schedules, key=lambda key: float(losses[key][-1]))
    others = {key: one for key, one in schedules.items() if key != lowest}
    above: dict[str, GainSummary] = {}
    if fit.spread is not None and others:
        found = gains(fit, schedules[lowest], list(others.values()))
        above = {key: gain.summary() for key, gain in zip(others, found, strict=True)}
    bands = {key: _band(fit, one, losses[key]) for key, one in schedules.items()}
    warnings += held_warnings(fit)
    warnings += [text for key, one in schedules.items() for text in check_peak(fit, one.peak, key)]
    return Predictions(
        params=name,
        law=fit.law,
        predictions=tuple(
            Prediction(
                name=key,
                steps=one.steps,
                warmup=one.warmup,
                peak=one.peak,
                final_lr=float(one.lr[-1]),
                final_loss=float(losses[key][-1]),
                intervals=final_interval(fit, one),
                reach=reach(fit, one),
                above_lowest=above.get(key),
                lr=one.lr,
                loss=losses[key],
                low=bands[key][0],
                high=bands[key][1],
            )
            for key, one in schedules.items()
        ),
        warnings=tuple(warnings),
        notes=(*reach_sentences(fit, schedules), *([] if fit.spread else [NO_INTERVAL])),
    )


def _band(fit: Fit, schedule: Schedule, loss: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The ends of the 95 % intervals of the losses that a figure draws."""
    step = drawn_steps(schedule)
    known = np.isfinite(loss[step])
    found = predict_interval(fit, schedule, step[known])
    if found is None:
        return _nothing(), _nothing()
    low, high = np.full((2, step.size), np.nan)
    low[known], high[known] = found.bounds(0.95)
    return low, high
