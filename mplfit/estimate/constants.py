"""The constants of the estimators and of the intervals, and what each was chosen on.

A constant that was chosen with some runs in view may not be reported as held out on them. So
everything chosen here names its collections, and a study asks `held_out`: for intervals there are
constants chosen without each superfamily, for reporting on it, beside those chosen on all, which
are used.

Collections: RELEASED, the 25M and 400M curves released by Luo et al. (2025); M124, the 124M runs
of Schaipp et al. (2025), which are part of EPFML, all that their repository has; OLMO, the OLMo
ladder; LAB, the project's own runs; FAMILIES, eleven other families of runs (other model sizes, two
data sets), of which neither of the first two is part.
"""

from __future__ import annotations

from dataclasses import dataclass

from mplfit.errors import FitError

__all__ = [
    "BOTH",
    "CHOSEN_ON",
    "EPFML",
    "FAMILIES",
    "FORECAST_BEYOND",
    "FORECAST_LAW",
    "FORECAST_SCATTER",
    "INTERVALS",
    "LAB",
    "M124",
    "OLMO",
    "PER_OBSERVATION",
    "RELEASED",
    "TAU",
    "Informed",
    "IntervalConstants",
    "Uninformed",
    "held_out",
]

RELEASED, M124, FAMILIES = "released", "124m", "families"
EPFML, OLMO, LAB = "epfml", "olmo", "lab"

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
class Informed:
    """The numbers in the intervals of a fit whose shape parameters all have a prior.

    parameters : share of the parameters' variance that counts.
    scatter : size of a run's own wandering, in units of the training residuals' scatter.
    run : size of the run effect in these units, where no training runs are replicates.
    horizon : size of the law's error where ln S goes beyond the training runs by 1, likewise.
    peak : the same where ln(peak rate) does.
    """

    parameters: float
    scatter: float
    run: float
    horizon: float
    peak: float


@dataclass(frozen=True)
class Uninformed:
    """The numbers in the intervals of other fits (`mplfit.assess.intervals`).

    parameters, scatter : as above.
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
    """Constants for fits whose shape parameters all have a prior, for others, and their origin.

    chosen_on : the collections that the numbers were chosen on.
    """

    informed: Informed
    plain: Uninformed
    chosen_on: frozenset[str]


_ON_BOTH = Uninformed(parameters=0.5, scatter=1.0, runs=0.8, typical=0.008, alone=0.015)
_ON_RELEASED = _ON_BOTH
_ON_M124 = Uninformed(parameters=0.5, scatter=1.5, runs=0.6, typical=0.008, alone=0.015)

BOTH = IntervalConstants(
    Informed(parameters=0.78, scatter=0.25, run=0.81, horizon=4.0, peak=8.2),
    _ON_BOTH,
    frozenset({RELEASED, M124, EPFML, OLMO, LAB}),
)
"""What commands use."""

INTERVALS = (
    BOTH,
    IntervalConstants(
        Informed(parameters=0.67, scatter=0.34, run=0.99, horizon=4.6, peak=8.4),
        _ON_M124,
        frozenset({M124, EPFML, OLMO, LAB}),
    ),
    IntervalConstants(
        Informed(parameters=0.87, scatter=0.24, run=0.76, horizon=3.9, peak=8.7),
        _ON_RELEASED,
        frozenset({RELEASED, OLMO, LAB}),
    ),
    IntervalConstants(
        Informed(parameters=0.84, scatter=0.21, run=0.81, horizon=4.1, peak=8.1),
        _ON_BOTH,
        frozenset({RELEASED, M124, EPFML, LAB}),
    ),
    IntervalConstants(
        Informed(parameters=0.72, scatter=0.26, run=0.66, horizon=3.8, peak=8.0),
        _ON_BOTH,
        frozenset({RELEASED, M124, EPFML, OLMO}),
    ),
)
"""Those, and the ones chosen in the same way without each superfamily: `Informed` by the likelihood
of held-out final losses (`python -m tests.study.choose`), `Uninformed` by coverage over a grid, on
the released curves, on the 124M runs or on both.
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
    ['124m', 'epfml', 'lab', 'olmo']
    """
    if constants is None:
        return next(one for one in INTERVALS if collection not in one.chosen_on)
    if collection in constants.chosen_on:
        raise FitError(
            f"these constants were chosen on the collection {collection!r}: what they give there "
            "is not held out"
        )
    return constants
