"""Learning-rate schedules: the rate applied in every update of a run.

core : `Schedule`, an array of T rates, one for each update t = 0 … T-1, and its warmup's length.
shapes : the schedules of the literature.   spec : text to schedule and back.
knots : piecewise-linear schedules near a given one.
"""

from mplfit.schedule.core import MAX_STEPS, Schedule, cumulative, join, with_last_zero
from mplfit.schedule.knots import to_knots
from mplfit.schedule.shapes import (
    constant,
    cosine,
    from_knots,
    inverse_sqrt,
    linear,
    piecewise,
    polynomial,
    power_law,
    sqrt_cooldown,
    two_stage,
    wsd,
    wsdld,
    wsds,
)

__all__ = [
    "MAX_STEPS",
    "Schedule",
    "constant",
    "cosine",
    "cumulative",
    "from_knots",
    "inverse_sqrt",
    "join",
    "linear",
    "piecewise",
    "polynomial",
    "power_law",
    "sqrt_cooldown",
    "to_knots",
    "two_stage",
    "with_last_zero",
    "wsd",
    "wsdld",
    "wsds",
]
