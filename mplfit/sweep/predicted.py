"""Predicted and observed best rates side by side: the seam for laws that know the peak rate.

No law of mplfit has a best peak rate yet: the Multi-Power Law and its relatives take the rate for
a clock that runs the faster the better, and were fitted to runs of one peak. A law that does have
one needs no change here: it is a function from a setting and rates to losses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mplfit.schedule import FloatArray
from mplfit.sweep.optimum import Optimum
from mplfit.sweep.table import Value

__all__ = ["NOT_YET", "Comparison", "PredictLoss", "compare_predicted"]

PredictLoss: TypeAlias = Callable[[Mapping[str, Value], FloatArray], FloatArray]
"""(setting, rates of shape (m,)) → predicted final losses, shape (m,)."""

NOT_YET = (
    "predicted best rates are not compared: no law of mplfit has an optimum in the peak rate yet"
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
