"""A final loss that stands for a whole posterior: its mean, or an upper quantile, over draws.

Minimised in the place of the loss at one estimate (`mplfit.plan.search`), it prefers a schedule
that is good under most parameters the data allow to one that is best under a single set of them.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc

from mplfit.errors import FitError
from mplfit.laws.base import Law
from mplfit.plan.search import FinalLoss
from mplfit.types import FloatArray

__all__ = ["quantile_weights", "robust_loss"]


def robust_loss(law: Law, params: FloatArray, level: float | None = None) -> FinalLoss:
    """The mean (or the quantile `level`) of the final losses of (N, P) drawn parameters.

    The quantile is Harrell and Davis's: a weighted mean of the ordered losses, which is continuous
    in them, so that a solver can follow it.

    Raises
    ------
    FitError
        If the level is not between 0.5 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from mplfit.laws import get_law
    >>> from mplfit.plan.robust import robust_loss
    >>> draws = np.array([[2.0, 1.0, 0.5], [2.1, 1.0, 0.5]])
    >>> round(robust_loss(get_law("onepower"), draws)(np.full(100, 0.01))[0], 6)
    3.05
    """
    if level is not None and not 0.5 <= level < 1:
        raise FitError(f"the quantile to minimise must be at least 0.5 and below 1, got {level:g}")
    count = len(params)
    weights = np.full(count, 1 / count) if level is None else quantile_weights(count, level)

    def final(lr: FloatArray) -> tuple[float, FloatArray]:
        pairs = [law.final_gradient(one, lr) for one in params]
        losses = np.array([loss for loss, _ in pairs])
        total = np.zeros(lr.size)
        for weight, k in zip(weights, np.argsort(losses), strict=True):
            if weight > 0:
                total += weight * pairs[k][1]
        return float(weights @ np.sort(losses)), total

    return final


def quantile_weights(count: int, level: float) -> FloatArray:
    """Weights of the ordered values in Harrell and Davis's quantile; they sum to 1.

    >>> from mplfit.plan.robust import quantile_weights
    >>> quantile_weights(3, 0.5).round(3).tolist()
    [0.259, 0.481, 0.259]
    """
    a, b = (count + 1) * level, (count + 1) * (1 - level)
    weights: FloatArray = np.diff(betainc(a, b, np.linspace(0.0, 1.0, count + 1)))
    return weights
