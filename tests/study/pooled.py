"""Coverage of intervals pooled over curves, with its own uncertainty.

Each curve counts the same, however many rows it has: the rows of one curve lie inside or outside
together. Runs that branch from one checkpoint are not independent either, so that the binomial
interval counts them once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mplfit.assess.intervals import LEVELS, standardised
from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.estimate.constants import BOTH, IntervalConstants
from mplfit.estimate.mean import binomial
from mplfit.estimate.result import Fit

__all__ = ["PARTS", "CurveCoverage", "Share", "curve_coverage", "independent_runs", "pool"]

PARTS = ("whole", "after branching", "final")


@dataclass(frozen=True)
class CurveCoverage:
    """The shares of a curve's rows inside the intervals, by part and level.

    Parts are the `whole` curve, its rows `after branching` from a training curve (there may be
    none), and its `final` row.
    """

    name: str
    shares: Mapping[str, Mapping[float, float]]


@dataclass(frozen=True)
class Share:
    """A mean share, and the 95 % interval of a binomial one of that size."""

    value: float
    low: float
    high: float


def curve_coverage(
    fit: Fit, curve: Curve, seen: Sequence[Curve], constants: IntervalConstants = BOTH
) -> CurveCoverage:
    """How much of a curve lies inside the intervals of a fit to the curves `seen`.

    Raises
    ------
    FitError
        If the fit knows no intervals.
    """
    off = standardised(fit, curve, constants)
    if off is None:
        raise FitError(f"the fit of {fit.law} has no intervals whose coverage could be measured")
    fresh = ~curve.shared_with(seen)
    rows = {
        "whole": np.ones(len(curve), dtype=np.bool_),
        "after branching": fresh,
        "final": np.arange(len(curve)) == len(curve) - 1,
    }
    return CurveCoverage(
        curve.name,
        {
            part: {
                level: float(np.mean(np.abs(off[chosen]) <= quantile))
                for level, quantile in LEVELS.items()
            }
            for part, chosen in rows.items()
            if chosen.any()
        },
    )


def pool(curves: Sequence[CurveCoverage], independent: int) -> dict[str, dict[float, Share]]:
    """Mean shares over curves, with the interval for so many `independent` ones."""
    pooled = {}
    for part in PARTS:
        kept = [one.shares[part] for one in curves if part in one.shares]
        pooled[part] = {
            level: _share([one[level] for one in kept], independent) for level in LEVELS
        }
    return pooled


def _share(shares: Sequence[float], count: int) -> Share:
    value = float(np.mean(shares))
    return Share(value, *binomial(value, count))


def independent_runs(curves: Sequence[Curve]) -> int:
    """How many groups the curves form, of which no two have a row in common."""
    group = list(range(len(curves)))
    for i, one in enumerate(curves):
        for j in range(i):
            if group[i] != group[j] and one.shares(curves[j]).any():
                group = [group[j] if other == group[i] else other for other in group]
    return len(set(group))
