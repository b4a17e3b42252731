"""Prediction intervals: how far the loss of a run may lie from what a fit predicts.

    sd²(ln L) = jᵀ Σ j + (s/2)² + (5 s x)²,    x = max(0, ln(S_t / largest training S))

The first term is the parameters' (Σ: their covariance in the solver's unknowns, j: the gradient of
ln L in these), the second stands for differences between runs, the third for extrapolation in the
cumulative rate. s = 1.25 · mean |training log residual| is the scatter of the training residuals.

The factors 1/2 and 5 were chosen on the released curves and on the 124M runs of Schaipp et al.,
with the amplitude law, so that coverage measured on those is not held out. `mplfit fit` and
`evaluate` print the coverage that they find on the runs at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mplfit.curve import Curve
from mplfit.estimate.result import Fit
from mplfit.laws.base import unknown_slopes
from mplfit.schedule import FloatArray, IntArray, Schedule

BoolArray: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]

__all__ = ["LEVELS", "Coverage", "Interval", "coverage", "final_interval", "predict_interval"]

LEVELS = {0.80: 1.2815515655446004, 0.95: 1.959963984540054}
"""Two-sided levels and their normal quantiles."""

_RUNS, _BEYOND = 0.5, 5.0


@dataclass(frozen=True)
class Interval:
    """Predicted losses and the standard deviation of their logarithms."""

    loss: FloatArray
    sd: FloatArray

    def bounds(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Lower and upper ends at one of `LEVELS`."""
        width = np.exp(LEVELS[level] * self.sd)
        return self.loss / width, self.loss * width


@dataclass(frozen=True)
class Coverage:
    """The share of observations inside the intervals: of all points, and of final losses."""

    points: dict[float, float]
    finals: dict[float, int]
    curves: int


def predict_interval(fit: Fit, schedule: Schedule, step: IntArray) -> Interval | None:
    """Losses at some steps with their uncertainty; None for a fit that does not know its own.

    >>> from mplfit import load_fit, parse_schedule
    >>> from mplfit.estimate.intervals import predict_interval
    >>> predict_interval(load_fit("400"), parse_schedule("constant:steps=9,peak=1"), [8]) is None
    True
    """
    if fit.spread is None:
        return None
    law, params = fit.formula, fit.values
    loss, gradient = law.at(schedule, step).loss_and_gradient(params)
    slopes = gradient * unknown_slopes(law, params) / loss[:, None]
    covariance = np.array(fit.spread.covariance, dtype=np.float64)
    # A parameter at a bound has no covariance: it is taken as known.
    variance = np.einsum("ji,ik,jk->j", slopes, np.nan_to_num(covariance), slopes)
    S = np.cumsum(schedule.lr)[step]
    with np.errstate(divide="ignore"):
        beyond = np.maximum(0.0, np.log(S / fit.spread.largest_S))
    s = fit.spread.scatter
    return Interval(loss, np.sqrt(variance + (_RUNS * s) ** 2 + (_BEYOND * s * beyond) ** 2))


def final_interval(fit: Fit, schedule: Schedule) -> dict[str, tuple[float, float]] | None:
    """The ends of the final loss's interval at each level, as JSON has them; None as above."""
    found = predict_interval(fit, schedule, np.array([schedule.steps - 1]))
    if found is None:
        return None
    bounds = {level: found.bounds(level) for level in LEVELS}
    return {
        f"{level:.2f}": (float(low[0]), float(high[0])) for level, (low, high) in bounds.items()
    }


def coverage(fit: Fit, curves: Sequence[Curve], seen: Sequence[Curve] = ()) -> Coverage | None:
    """How many of the observed losses lie inside the intervals that the fit predicts.

    Rows that a curve shares with one of `seen`, the training curves, do not count. None where the
    fit knows no intervals, or there is no curve.
    """
    inside: dict[float, list[BoolArray]] = {level: [] for level in LEVELS}
    for curve in curves:
        interval = predict_interval(fit, curve.schedule, curve.step)
        if interval is None:
            return None
        fresh = np.ones(len(curve), dtype=np.bool_)
        for other in seen:
            fresh &= ~curve.shares(other)
        if not fresh.any():
            continue
        off = np.abs(np.log(curve.loss / interval.loss))
        for level, quantile in LEVELS.items():
            inside[level].append((off <= quantile * interval.sd)[fresh])
    counted = len(inside[0.95])
    if not counted:
        return None
    return Coverage(
        points={level: float(np.concatenate(parts).mean()) for level, parts in inside.items()},
        finals={level: sum(bool(part[-1]) for part in parts) for level, parts in inside.items()},
        curves=counted,
    )
