"""Predicted and observed best rates side by side.

A law that has a best peak rate is a function from a setting and rates to losses. Of mplfit's laws
the effective-rate law is one; the Multi-Power Law and the others take the rate for a clock that
runs the faster the better. A fit is of one model, so that the prediction is for the settings of a
sweep that are that model, under the schedule given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mplfit.errors import FitError
from mplfit.estimate.result import Fit
from mplfit.schedule import FloatArray, Schedule
from mplfit.sweep.optimum import Optimum
from mplfit.sweep.table import Value

__all__ = ["NOT_ASKED", "Comparison", "PredictLoss", "compare_predicted", "predictor"]

PredictLoss: TypeAlias = Callable[[Mapping[str, Value], FloatArray], FloatArray]
"""(setting, rates of shape (m,)) → predicted final losses, shape (m,)."""

NOT_ASKED = (
    "predicted best rates are not compared: give --schedule, and --params with a fit of the "
    "effective-rate law (the only one with a best peak rate) to runs of several peak rates"
)


@dataclass(frozen=True)
class Comparison:
    """A predicted best rate, on the grid of the sweep, beside the observed optimum.

    inside : whether it lies in the interval of the observed one.
    paid : the observed mean loss at the predicted rate, above the lowest.
    """

    optimum: Optimum
    predicted_lr: float
    inside: bool
    paid: float


def predictor(fit: Fit, schedule: Schedule) -> PredictLoss:
    """Final losses of a schedule whose peak is moved to each rate, all other rates with it.

    Raises
    ------
    FitError
        If the fit's law has no best peak rate.
    """
    if fit.law != "effective":
        raise FitError(
            f"the law {fit.law} has no best peak rate (a higher one is always better): give a fit "
            "of the effective-rate law"
        )

    def predict(setting: Mapping[str, Value], rates: FloatArray) -> FloatArray:
        shape = schedule.lr / schedule.peak
        return np.array([fit.formula.final(fit.values, rate * shape) for rate in rates.tolist()])

    return predict


def compare_predicted(optima: Sequence[Optimum], predict: PredictLoss) -> list[Comparison]:
    """Ask a law for the losses at the rates of every setting, and compare where it is lowest."""
    made = []
    for one in optima:
        usable = one.group.usable
        if not usable.any():
            continue
        rates, mean = one.group.lr[usable], one.group.mean[usable]
        at = int(np.argmin(predict(one.group.key, rates)))
        low, high = one.interval
        inside = bool(low <= rates[at] <= high)
        made.append(Comparison(one, float(rates[at]), inside, float(mean[at] - mean.min())))
    return made
