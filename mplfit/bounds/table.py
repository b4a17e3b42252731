"""Schedules side by side under the bound: the best base rate of each, and the bound there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, cast

from mplfit.bounds.example import WorstRun, worst_run
from mplfit.bounds.omega import (
    average_bound_curve,
    best_base,
    bound_curve,
    bound_terms,
    last_positive,
)
from mplfit.bounds.scan import Scan, Sweep
from mplfit.results import Result
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, Record

__all__ = ["EXACT", "BoundSweep", "BoundTable", "Drawn", "Judged", "judge", "judge_all", "rank"]

EXACT = (
    "No ±: theory's worst case is exact for a schedule, D and G; mplfit agreement: how real runs "
    "follow it"
)


@dataclass(frozen=True, eq=False)
class Judged(Record):
    """A schedule's best peak rate and the bound at it after so many updates.

    bound : at the peak rate that was given; None where it was not asked for.
    terms : the three terms of the bound of the last iterate (`mplfit.bounds.Terms`), at the rates
    given where `bound` is asked for, else at the best; None where they were not asked for.
    example : the last loss of the worst run in one dimension (`mplfit.bounds.example`), at the same
    rates, where it was asked for.
    """

    name: str
    updates: int
    best_peak_lr: float
    best_bound: float
    peak_lr: float
    bound: float | None
    terms: Mapping[str, float] | None = None
    example: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class BoundTable(Result):
    """Schedules, the lowest bound first.  D, G : distance, and the gradient norm or its log."""

    SCHEMA: ClassVar[str] = "mplfit.bound/1"
    DERIVED: ClassVar[tuple[str, ...]] = ("uncertainty",)

    D: float
    G: str
    schedules: tuple[Judged, ...]
    uncertainty = EXACT


@dataclass(frozen=True, eq=False, repr=False)
class BoundSweep(Result):
    """What one property of schedules does to the bound; see `mplfit.bounds.scan`."""

    SCHEMA: ClassVar[str] = "mplfit.bound-sweep/1"
    DERIVED: ClassVar[tuple[str, ...]] = ("uncertainty",)

    over: Sweep
    D: float
    G: str
    sweeps: tuple[Scan, ...]
    uncertainty = EXACT


class Drawn(NamedTuple):
    """A schedule at the rates of a bound's curve, and the bound after each of its updates."""

    schedule: Schedule
    curve: FloatArray
    example: WorstRun | None = None


def judge(
    name: str,
    schedule: Schedule,
    *,
    D: float = 1.0,
    G: float | FloatArray = 1.0,
    at: int | None = None,
    as_given: bool = False,
    average: bool = False,
    exact: bool = False,
    terms: bool = False,
    example: bool = False,
) -> tuple[Judged, Drawn]:
    """A schedule under the bound, and the bound after each of its updates.

    Parameters
    ----------
    at : updates after which it is judged; all of them where None.
    as_given : the curve is that of the rates given, else that of the best base rate.
    average : of the average iterate instead of the last one.
    exact : sum plainly instead of fast.
    terms : with the three terms of the bound; they are those of the last iterate.
    example : with the worst run in one dimension, whose gradient norms are at most G, one number.

    Returns
    -------
    The judgement, and the curve with its schedule.

    Examples
    --------
    >>> from mplfit.bounds.table import judge
    >>> from mplfit.schedule import linear
    >>> round(judge("linear", linear(4000, 1.0))[0].best_bound, 7)
    0.0316519
    """
    best = best_base(schedule.lr, D=D, G=G, at=at, average=average)
    drawn = schedule if as_given else Schedule(best.rate * schedule.lr, schedule.warmup)
    curve = (
        average_bound_curve(drawn.lr, D=D, G=G)
        if average
        else bound_curve(drawn.lr, D=D, G=G, exact=exact)
    )
    judged = schedule.steps if at is None else at
    worst = worst_run(drawn.lr[:judged], D=D, G=cast("float", G)) if example else None
    made = Judged(
        name=name,
        updates=judged,
        best_peak_lr=best.rate * schedule.peak,
        best_bound=best.bound,
        peak_lr=schedule.peak,
        bound=float(curve[judged - 1]) if as_given else None,
        terms=bound_terms(drawn.lr, D=D, G=G, at=at)._asdict() if terms else None,
        example=None if worst is None else float(worst.losses[-1]),
    )
    return made, Drawn(drawn, curve, worst)


def rank(judged: Mapping[str, Judged], D: float, G: str) -> BoundTable:
    """The table, the lowest bound first (at the rates given, where those were asked for)."""

    def height(one: Judged) -> float:
        return one.best_bound if one.bound is None else one.bound

    return BoundTable(D, G, tuple(sorted(judged.values(), key=height)))


def judge_all(
    schedules: Mapping[str, Schedule],
    *,
    D: float = 1.0,
    G: float | Mapping[str, FloatArray] = 1.0,
    text: str = "",
    **how: Any,
) -> tuple[BoundTable, dict[str, Drawn]]:
    """Schedules ranked, each judged after its last positive rate, and their curves by name.

    Parameters
    ----------
    G : the gradient norm, or those of every update by the schedule's name.
    text : what G is called, where it is no number.
    how : the other arguments of `judge`.
    """
    judged, drawn = {}, {}
    for name, given in schedules.items():
        last = last_positive(given.lr)
        whole = Schedule(given.lr[:last], min(given.warmup, last))
        norm = G[name][:last] if isinstance(G, Mapping) else G
        judged[name], drawn[name] = judge(name, whole, D=D, G=norm, **how)
    return rank(judged, D, text or ("given" if isinstance(G, Mapping) else f"{G:g}")), drawn
