"""The constants of the estimators and of the intervals, and what each was chosen on.

A constant that was chosen with some runs in view may not be reported as held out on them. So
everything chosen here names its collections, and a study asks `held_out`: for intervals there are
constants chosen on each collection alone, for reporting on the other one, beside those chosen on
both, which are used.

Collections: RELEASED, the 25M and 400M curves released by Luo et al. (2025); M124, the 124M runs
of Schaipp et al. (2025); FAMILIES, eleven other families of runs (other model sizes, two data
sets), of which neither collection is part.
"""

from __future__ import annotations

from dataclasses import dataclass

from mplfit.errors import FitError

__all__ = [
    "BOTH",
    "CHOSEN_ON",
    "FAMILIES",
    "FORECAST_BEYOND",
    "FORECAST_LAW",
    "FORECAST_SCATTER",
    "INTERVALS",
    "M124",
    "PER_OBSERVATION",
    "RELEASED",
    "TAU",
    "IntervalConstants",
    "Sizes",
    "held_out",
]

RELEASED, M124, FAMILIES = "released", "124m", "families"

PER_OBSERVATION = 30.0
"""Logged residuals that count as one independent observation."""

TAU = 1.5
"""Size of the law's error in a difference of two final losses (`mplfit.assess.gains`)."""

FORECAST_LAW = "effective"
"""What a run in progress is forecast with where nothing is said (`mplfit.plan.forecast`)."""

FORECAST_SCATTER, FORECAST_BEYOND = 0.5, 5.0
"""a and b in the intervals of such a forecast."""

CHOSEN_ON = {
    "PER_OBSERVATION": frozenset({RELEASED, FAMILIES}),
    "TAU": frozenset({RELEASED}),
    "FORECAST_LAW": frozenset({M124}),
    "FORECAST_SCATTER": frozenset({RELEASED}),
    "FORECAST_BEYOND": frozenset({RELEASED}),
}
"""The collections that each of these was chosen on."""


@dataclass(frozen=True)
class Sizes:
    """The numbers in the prediction intervals (`mplfit.assess.intervals`).

    parameters : share of the parameters' variance that counts.
    scatter : size of a run's own wandering, in units of the training residuals' scatter.
    runs : size of a new schedule's error, in units of K.
    typical : a K that counts like one more left-out curve.
    alone : K of a fit to a single curve, where none can be left out (set by eye, on both).
    """

    parameters: float
    scatter: float
    runs: float
    typical: float
    alone: float


@dataclass(frozen=True)
class IntervalConstants:
    """Sizes for fits whose shape parameters all have a prior, for others, and their origin.

    chosen_on : the collections that the numbers were chosen on.
    """

    informed: Sizes
    plain: Sizes
    chosen_on: frozenset[str]


BOTH = IntervalConstants(
    informed=Sizes(parameters=0.5, scatter=0.8, runs=0.3, typical=0.006, alone=0.007),
    plain=Sizes(parameters=0.5, scatter=1.0, runs=0.8, typical=0.008, alone=0.015),
    chosen_on=frozenset({RELEASED, M124}),
)
"""What commands use.

They were chosen with the effective-rate law in its former units. Choosing them anew for the
scale-free law, over four superfamilies with equal weight and each left out in turn, gave held-out
finals no better likelihood (a mean log density lower by 0.09 than these have on all), so they
stayed; tests/study/FEW_RUNS.md has the coverage.
"""

INTERVALS = (
    BOTH,
    IntervalConstants(
        informed=Sizes(parameters=1.0, scatter=0.4, runs=0.5, typical=0.002, alone=0.007),
        plain=Sizes(parameters=0.5, scatter=1.0, runs=0.8, typical=0.008, alone=0.015),
        chosen_on=frozenset({RELEASED}),
    ),
    IntervalConstants(
        informed=Sizes(parameters=0.25, scatter=1.0, runs=0.4, typical=0.002, alone=0.007),
        plain=Sizes(parameters=0.5, scatter=1.5, runs=0.6, typical=0.008, alone=0.015),
        chosen_on=frozenset({M124}),
    ),
)
"""Those, and the ones chosen in the same way on one collection alone: `informed` by the likelihood
of held-out runs (`python -m tests.study.choose`), `plain` by coverage over a grid.
"""


def held_out(collection: str, constants: IntervalConstants | None = None) -> IntervalConstants:
    """Interval constants that were not chosen on a collection, for measuring on it.

    Parameters
    ----------
    collection : where coverage will be measured.
    constants : the constants to be used; some that may be used, where None.

    Raises
    ------
    FitError
        If these constants were chosen on that collection.

    >>> from mplfit.estimate.constants import M124, RELEASED, held_out
    >>> sorted(held_out(RELEASED).chosen_on)
    ['124m']
    """
    if constants is None:
        return next(one for one in INTERVALS if collection not in one.chosen_on)
    if collection in constants.chosen_on:
        raise FitError(
            f"these constants were chosen on the collection {collection!r}: what they give there "
            "is not held out"
        )
    return constants
