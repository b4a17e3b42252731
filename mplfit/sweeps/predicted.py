"""Predicted and observed best rates side by side.

A law that has a best peak rate (`Law.has_best_peak`) is a function from a setting and rates to
losses; the Multi-Power Law and others take the rate for a clock that runs the faster the better. A
fit is of one model, so that the prediction is for the settings of a sweep that are that model,
under the schedule given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

import numpy as np

from mplfit.assess.gains import DRAWS
from mplfit.assess.posterior import draw, final_losses
from mplfit.errors import FitError
from mplfit.estimate.result import Fit
from mplfit.laws.registry import LAWS
from mplfit.schedule import Schedule
from mplfit.sweeps.optimum import Optimum
from mplfit.sweeps.table import Value
from mplfit.types import FloatArray, MaybeNaN, Record

__all__ = ["NOT_ASKED", "PredictLoss", "PredictedRate", "compare_predicted", "predictor"]

PredictLoss: TypeAlias = Callable[[Mapping[str, Value], FloatArray], FloatArray]
"""(setting, rates of shape (m,)) → predicted final losses, shape (1 + N, m): by the estimate, then
by N draws of the parameters (none where it is not known how sure they are)."""

_WITH_BEST = [law.key for law in LAWS.values() if law.has_best_peak]

NOT_ASKED = (
    "predicted best rates are not compared: give schedule=, and fit= with a fit of a law with "
    f"a best peak rate ({', '.join(_WITH_BEST)}) to runs of several peak rates"
)


@dataclass(frozen=True, eq=False)
class PredictedRate(Record):
    """A predicted best rate, on the grid of the sweep, beside the observed optimum.

    setting : in words.  predicted_lr, observed_lr : the two rates.
    interval : the middle 95 % of the rates that draws of the fit's parameters predict; None
        without draws.
    inside : whether it lies in the interval of the observed one.
    paid : the observed mean loss at the predicted rate, above the lowest.
    paid_error : its standard error by the noise of the runs; NaN where that is not known.
    """

    setting: str
    predicted_lr: float
    observed_lr: float
    interval: tuple[float, float] | None = field(metadata={"key": "predicted_interval"})
    inside: bool
    paid: float
    paid_error: MaybeNaN


def predictor(fit: Fit, schedule: Schedule) -> PredictLoss:
    """Final losses of a schedule whose peak is moved to each rate, all other rates with it.

    Every setting has the same prediction, for a fit is of one model; it is made once for a grid.

    Raises
    ------
    FitError
        If the fit's law has no best peak rate.
    """
    if not fit.formula.has_best_peak:
        raise FitError(
            f"the law {fit.law} has no best peak rate (a higher one is always better): give a fit "
            f"of a law that has one ({', '.join(_WITH_BEST)})"
        )

    shape = schedule.lr / schedule.peak
    params = fit.values[None]
    if fit.spread is not None:
        params = np.concatenate([params, draw(fit, DRAWS)])

    @cache
    def losses(rates: tuple[float, ...]) -> FloatArray:
        return final_losses(fit, [Schedule(rate * shape) for rate in rates], params)

    return lambda setting, rates: losses(tuple(rates.tolist()))


def compare_predicted(optima: Sequence[Optimum], predict: PredictLoss) -> list[PredictedRate]:
    """Ask a law for the losses at the rates of every setting, and compare where it is lowest."""
    made = []
    for optimum in optima:
        usable = optimum.group.usable
        if not usable.any():
            continue
        rates, mean = optimum.group.lr[usable], optimum.group.mean[usable]
        at, *drawn = np.argmin(predict(optimum.group.key, rates), axis=1).tolist()
        low, high = optimum.interval
        made.append(
            PredictedRate(
                setting=optimum.group.name,
                predicted_lr=float(rates[at]),
                observed_lr=optimum.lr,
                interval=_middle(rates[drawn]) if drawn else None,
                inside=bool(low <= rates[at] <= high),
                paid=float(mean[at] - mean.min()),
                paid_error=_paid_error(optimum, at, int(mean.argmin())),
            )
        )
    return made


def _middle(rates: FloatArray) -> tuple[float, float]:
    """The rates of the grid that bound 95 % of these."""
    low, high = np.quantile(rates, [0.025, 0.975], method="inverted_cdf")
    return float(low), float(high)


def _paid_error(one: Optimum, at: int, lowest: int) -> float:
    """Of the difference between the mean losses at two of the usable rates."""
    if not one.noise.freedom:
        return float("nan")
    if at == lowest:
        return 0.0
    group, usable = one.group, one.group.usable
    errors = (one.noise.at * group.mean / np.sqrt(group.count))[usable]
    return float(np.hypot(errors[at], errors[lowest]))
