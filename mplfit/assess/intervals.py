"""Prediction intervals: how far the loss of a run may lie from what a fit predicts.

Of a fit whose shape parameters all have a prior

    sd²(ln L) = a·jᵀΣj + (b s)² + r² + (c s x)² + (d s p)²

and of another one

    sd²(ln L) = a·jᵀΣj + (b s)² + r² + k² K² (q² + x²)

- jᵀΣj is the parameters' (Σ: their covariance in the solver's unknowns, j: the gradient of ln L in
  these).
- s = 1.25 · mean |training log residual| stands for what moves a run along its course.
- r is the run effect: how far two runs of one schedule differ (`run_effect`).
- The law's own error grows with how far a prediction goes in horizon,
  x = max(0, ln(S_t / largest training S)), S the cumulative rate; and in peak,
  p = max(0, ln(peak / largest training peak), ln(smallest training peak / peak)).
- Without a prior K stands for it, the error of a schedule that the fit has not seen: the root mean
  square of the final losses' log residuals when each training curve is left out in turn and the
  others are fitted (`mplfit.estimate.leave_out`), and of K0, which counts like one more curve. It
  counts by x and by q = min(3, gain / largest training gain), the gain being the predicted
  difference to the loss at a rate that never falls, relative to the loss (q = 3 wherever the rate
  has fallen, if it fell in no training curve).

The constants, and the runs that they were chosen on, are in `mplfit.estimate.constants`. The study
in tests/study measures the coverage; `mplfit fit` and `evaluate` print the coverage that they find
on the runs at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from mplfit.assess.posterior import factor, log_slopes
from mplfit.curve import Curve
from mplfit.estimate.constants import BOTH, Informed, IntervalConstants, Uninformed
from mplfit.estimate.mean import binomial
from mplfit.estimate.result import Fit, Spread
from mplfit.estimate.spread import drop_share
from mplfit.laws.base import Law
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, IntArray, Record

BoolArray: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]

__all__ = [
    "LEVELS",
    "Coverage",
    "Interval",
    "coverage",
    "final_interval",
    "interval_terms",
    "predict_interval",
    "run_effect",
    "run_effect_sentence",
    "standardised",
]

LEVELS = {0.80: 1.2815515655446004, 0.95: 1.959963984540054}
"""Two-sided levels and their normal quantiles."""

_FURTHEST = 3.0  # a gain counts as so many times the largest training gain at most


@dataclass(frozen=True)
class Interval:
    """Predicted losses and the standard deviation of their logarithms."""

    loss: FloatArray
    sd: FloatArray

    def bounds(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Lower and upper ends at one of `LEVELS`: 0 and infinity where nothing is known."""
        with np.errstate(over="ignore"):
            width = np.exp(LEVELS[level] * self.sd)
        return self.loss / width, self.loss * width


@dataclass(frozen=True, eq=False)
class Coverage(Record):
    """What lies inside the intervals of one level, of so many curves.

    points : the share of all observations.  finals : how many final losses.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("points_interval", "finals_interval")

    points: float
    finals: int
    curves: int

    @property
    def points_interval(self) -> tuple[float, float]:
        """The 95 % binomial interval of the share, for as many curves as if independent."""
        return binomial(self.points, self.curves)

    @property
    def finals_interval(self) -> tuple[float, float]:
        """That of the share of the final losses."""
        return binomial(self.finals / self.curves, self.curves)


def predict_interval(
    fit: Fit, schedule: Schedule, step: ArrayLike, constants: IntervalConstants = BOTH
) -> Interval | None:
    """Losses at some steps with their uncertainty; None for a fit that does not know its own.

    step : as in `Fit.predict`.

    >>> from mplfit import load_fit, parse_schedule
    >>> from mplfit.assess.intervals import predict_interval
    >>> predict_interval(load_fit("400"), parse_schedule("constant:steps=9,peak=1"), [8]) is None
    True
    """
    spread = fit.spread
    if spread is None:
        return None
    step, place = schedule.in_order(step)
    loss, slopes = log_slopes(fit, schedule, step)
    known = np.sum((slopes @ factor(fit)) ** 2, axis=1)
    terms = interval_terms(fit, constants)
    S = np.cumsum(schedule.lr)[step]
    with np.errstate(divide="ignore"):
        beyond = np.maximum(0.0, np.log(S / spread.largest_S))
    variance = terms["parameters"] * known + terms["noise"] ** 2 + (terms["horizon"] * beyond) ** 2
    if terms["peak"] > 0:
        lowest, highest = terms["lowest_peak"], terms["highest_peak"]
        apart = max(0.0, np.log(schedule.peak / highest), np.log(lowest / schedule.peak))
        variance += (terms["peak"] * apart) ** 2
    if terms["runs"] > 0:
        reached = _reached(fit.formula, fit.values, schedule, step, loss, spread.largest_gain)
        variance += (terms["runs"] * reached) ** 2
    return Interval(loss[place], np.sqrt(variance)[place])


def interval_terms(fit: Fit, constants: IntervalConstants = BOTH) -> dict[str, float]:
    """The numbers of the module's formula for a fit, by name, as the page of `explore` has them.

    parameters : a.  noise : √((b s)² + r²).  horizon, peak, runs : what x, p and q count by; 0 for
    none.  largest_S, largest_gain, lowest_peak, highest_peak : of the training runs.
    """
    spread = fit.spread
    assert spread is not None  # without one there are no intervals
    lowest, highest = fit.peaks or (0.0, 0.0)
    sizes: Informed | Uninformed
    if spread.informed:
        sizes = constants.informed
        horizon, runs = sizes.horizon * spread.scatter, 0.0
        peak = sizes.peak * spread.scatter if highest > 0 else 0.0
    else:
        sizes = constants.plain
        horizon = runs = sizes.runs * _between_runs(spread, sizes)
        peak = 0.0
    return {
        "parameters": sizes.parameters,
        "noise": float(np.hypot(sizes.scatter * spread.scatter, run_effect(spread, sizes))),
        "horizon": horizon,
        "peak": peak,
        "runs": runs,
        "largest_S": spread.largest_S,
        "largest_gain": spread.largest_gain,
        "lowest_peak": lowest,
        "highest_peak": highest,
        "furthest": _FURTHEST,
    }


def run_effect(spread: Spread, sizes: Informed | Uninformed = BOTH.informed) -> float:
    """r: how far two runs of one schedule differ, as a standard deviation of ln loss.

    It is measured on the training runs that are replicates, where there are any; what it is by the
    residuals' scatter counts like one more difference. Without replicates it is that. A fit without
    a prior has it in K, unless it is measured.

    >>> from mplfit.assess.intervals import run_effect
    >>> from mplfit.estimate.records import Spread
    >>> round(run_effect(Spread([[1.0]], 1e-3, 1.0)), 5)
    0.00081
    >>> round(run_effect(Spread([[1.0]], 1e-3, 1.0, run_effect=5e-3, replicates=3)), 5)
    0.00435
    """
    by_scatter = sizes.run * spread.scatter if isinstance(sizes, Informed) else 0.0
    measured = spread.replicates * spread.run_effect**2
    return float(np.sqrt((measured + by_scatter**2) / (spread.replicates + 1)))


def run_effect_sentence(fit: Fit) -> str | None:
    """How far runs of one schedule differ, and how that is known; None where nothing tells it."""
    spread = fit.spread
    if spread is None or not (spread.informed or spread.replicates):
        return None
    sd = run_effect(spread, BOTH.informed if spread.informed else BOTH.plain)
    size = f"by {100 * sd:.2g} % (one standard deviation)" if sd > 0 else "by no more than noise"
    said = f"Runs of one schedule differ {size}, which is in every interval"
    if not spread.replicates:
        return f"{said}: by the residuals' scatter, as no two training runs have one schedule."
    count = spread.replicates
    how = f"{count} difference{'s' * (count > 1)} between training runs of one schedule"
    return f"{said}: measured on {how}."


def final_interval(fit: Fit, schedule: Schedule) -> dict[str, tuple[float, float]] | None:
    """The ends of the final loss's interval at each level, as JSON has them; None as above."""
    found = predict_interval(fit, schedule, np.array([schedule.steps - 1]))
    if found is None:
        return None
    bounds = {level: found.bounds(level) for level in LEVELS}
    return {
        f"{level:.2f}": (float(low[0]), float(high[0])) for level, (low, high) in bounds.items()
    }


def _reached(
    law: Law,
    params: FloatArray,
    schedule: Schedule,
    step: IntArray,
    loss: FloatArray,
    largest_gain: float,
) -> FloatArray:
    """q; as far as it goes wherever the rate has fallen, if it fell in no training curve."""
    if largest_gain > 0:
        return np.minimum(drop_share(law, params, schedule, step, loss) / largest_gain, _FURTHEST)
    fallen = np.maximum.accumulate(schedule.lr) > schedule.lr
    return _FURTHEST * np.maximum.accumulate(fallen)[step].astype(np.float64)


def _between_runs(spread: Spread, sizes: Uninformed) -> float:
    """K."""
    if not spread.left_out:
        return sizes.alone
    return float(np.sqrt(np.mean(np.square([*spread.left_out, sizes.typical]))))


def standardised(fit: Fit, curve: Curve, constants: IntervalConstants = BOTH) -> FloatArray | None:
    """Log residuals of a curve in units of their standard deviation; None without intervals."""
    interval = predict_interval(fit, curve.schedule, curve.step, constants)
    return None if interval is None else np.log(curve.loss / interval.loss) / interval.sd


def coverage(
    fit: Fit,
    curves: Sequence[Curve],
    seen: Sequence[Curve] = (),
    constants: IntervalConstants = BOTH,
) -> dict[str, Coverage] | None:
    """How many of the observed losses lie inside the intervals that the fit predicts, by level.

    Rows that a curve shares with one of `seen`, the training curves, do not count. None where the
    fit knows no intervals, or there is no curve.
    """
    inside: dict[float, list[BoolArray]] = {level: [] for level in LEVELS}
    for curve in curves:
        off = standardised(fit, curve, constants)
        if off is None:
            return None
        fresh = ~curve.shared_with(seen)
        if not fresh.any():
            continue
        for level, quantile in LEVELS.items():
            inside[level].append((np.abs(off) <= quantile)[fresh])
    counted = len(inside[0.95])
    if not counted:
        return None
    return {
        f"{level:.2f}": Coverage(
            points=float(np.concatenate(parts).mean()),
            finals=sum(bool(part[-1]) for part in parts),
            curves=counted,
        )
        for level, parts in inside.items()
    }
