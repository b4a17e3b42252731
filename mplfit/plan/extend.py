"""How to go on with a run for longer, without a new base learning rate.

A longer run of the same kind has a smaller best base rate, but a run that is under way cannot
change the rate that it has had. Schaipp et al. 2025 (arXiv:2501.18965) keep the base rate optimal
by changing the rest of the schedule: a longer cooldown, or a lower rate after the old cooldown's
beginning. Whether the base rate is the best is told by the convex bound, in closed form;
the cooldown's length or the factor is then a root, found to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from mplfit.assess.gains import GainSummary, gains
from mplfit.assess.intervals import final_interval
from mplfit.assess.reach import check_loss, held_warnings
from mplfit.bounds import best_base, bound, last_positive
from mplfit.errors import FitError, ScheduleError
from mplfit.estimate.result import Fit
from mplfit.results import Result
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, Record

__all__ = [
    "Continuation",
    "Extension",
    "Phases",
    "Way",
    "by_law",
    "compare_ways",
    "extend",
    "extensions",
    "phases",
    "schedules_of",
    "ways_to_go_on",
]

How: TypeAlias = Literal["same", "cooldown", "factor", "law", "closest"]

_LEAST = 1e-3  # the smallest factor that is looked at
_TRIED = 12  # points between which a change of sign is looked for; the rest is root finding


@dataclass(frozen=True)
class Phases:
    """A warmup-stable-decay schedule taken apart.

    head : rates of the warmup.  peak : the stable rate.  steps : updates up to the last positive
    rate.  start : the update in which the cooldown begins (its rate is still the peak); `steps`
    where there is none.  place, share : the cooldown's shape, rate / peak against x from 0 to 1
    (linear to zero where there is none).
    """

    head: FloatArray
    peak: float
    steps: int
    start: int
    place: FloatArray
    share: FloatArray

    @property
    def fraction(self) -> float:
        """Length of the cooldown as a share of all steps."""
        return (self.steps - self.start) / self.steps

    def rates(
        self, steps: int, cooldown: float, *, factor: float = 1.0, switch: int | None = None
    ) -> FloatArray:
        """The rates of a run of `steps` whose last share `cooldown` has the same shape.

        The cooldown may begin between two updates. From update `switch` on rates are `factor`
        times as large.
        """
        lr = np.full(steps, self.peak)
        lr[: self.head.size] = self.head
        if switch is not None:
            lr[switch:] *= factor
        if cooldown > 0:
            begin = (1 - cooldown) * steps
            late = np.arange(max(int(np.ceil(begin)), self.head.size), steps)
            lr[late] *= np.interp((late - begin) / (cooldown * steps), self.place, self.share)
        return lr


@dataclass(frozen=True)
class Continuation:
    """One way to go on.

    how : "same" (the cooldown's share kept), "cooldown" (longer), "closest" (of cooldowns none of
    which keeps the rate, the one that comes closest to it), "factor" (a lower rate first) or
    "law" (the cooldown that a fit predicts to be best).
    value : the cooldown's share of all steps, or the factor.
    begins : the update from which the rates differ from the stable rate.
    base : the best base rate over the one in use: 1 where the latter stays optimal.
    bound : the bound at the end over that of the schedule extended, at its own end.
    """

    how: How
    value: float
    begins: int
    schedule: Schedule
    base: float
    bound: float


@dataclass(frozen=True, eq=False)
class Way(Record):
    """A `Continuation` as a result keeps it, with what a fit predicts of it (None without one).

    gain : over the same share of cooldown.
    """

    how: How
    value: float
    begins: int = field(metadata={"key": "from_step"})
    base: float = field(metadata={"key": "best_over_used"})
    bound: float = field(metadata={"key": "bound_over_planned"})
    loss: float | None = field(default=None, metadata={"key": "predicted_loss"})
    intervals: Mapping[str, tuple[float, float]] | None = None
    gain: GainSummary | None = field(default=None, metadata={"key": "gain_over_same"})


@dataclass(frozen=True, eq=False, repr=False)
class Extension(Result):
    """How to go on with a run of `planned_steps`, whose cooldown was to begin at `planned_start`.

    text, params : what the original schedule and the fit are called.  chosen : the way to take: the
    one asked for, or the other one where that does not exist.  missing : why a way does not.
    """

    SCHEMA: ClassVar[str] = "mplfit.extension/1"

    text: str = field(metadata={"key": "from"})
    params: str | None
    chosen: How
    ways: tuple[Way, ...]
    planned_steps: int
    planned_start: int
    steps: int
    warnings: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)


def schedules_of(found: Extension, original: Schedule) -> dict[str, Schedule]:
    """The schedules of the ways of an extension, made again from what it keeps.

    >>> from mplfit.plan.extend import compare_ways, extensions, schedules_of
    >>> from mplfit.schedule import wsdld
    >>> run = wsdld(4000, 1e-3, decay=0.2)
    >>> ways = extensions(run, 6000)
    >>> made = schedules_of(compare_ways(run, ways), run)
    >>> all((made[way.how].lr == way.schedule.lr).all() for way in ways)
    True
    """
    parts, made = phases(original), {}
    for way in found.ways:
        if way.how == "factor":
            lr = parts.rates(found.steps, parts.fraction, factor=way.value, switch=way.begins)
        else:
            lr = parts.rates(found.steps, way.value)
        made[str(way.how)] = Schedule(lr, original.warmup)
    return made


def phases(schedule: Schedule) -> Phases:
    """A constant or warmup-stable-decay schedule taken apart, zeros at its end apart.

    Raises
    ------
    ScheduleError
        If there is no stable phase after the warmup.

    Examples
    --------
    >>> from mplfit.plan.extend import phases
    >>> from mplfit.schedule import wsdld
    >>> parts = phases(wsdld(4000, 1e-3, decay=0.2))
    >>> parts.start, parts.fraction
    (3200, 0.2)
    """
    steps = last_positive(schedule.lr)
    lr, peak, warmup = schedule.lr[:steps], schedule.peak, min(schedule.warmup, steps)
    at_peak = np.flatnonzero(lr >= peak * (1 - 1e-9))
    first, last = int(at_peak[0]), int(at_peak[-1])
    stable = at_peak.size == last - first + 1 and at_peak.size > 1 and first <= warmup
    if not stable:
        raise ScheduleError(
            f"the schedule to extend has no stable phase: its peak {peak:g} is held for "
            f"{at_peak.size} update{'s' if at_peak.size > 1 else ''} from step {first} on; "
            "expected a constant or a warmup-stable-decay schedule (constant, wsd, wsdld, sqrt)"
        )
    if last == steps - 1:
        return Phases(lr[:first], peak, steps, steps, np.arange(2.0), 1 - np.arange(2.0))
    share = lr[last:] / peak
    end = 0.0 if steps < schedule.steps else max(2 * share[-1] - share[-2], 0.0)
    place = np.arange(share.size + 1) / share.size
    return Phases(lr[:first], peak, steps, last, place, np.append(share, end))


def extend(schedule: Schedule, steps: int, by: How = "cooldown") -> Continuation:
    """A schedule for more steps under which the base rate in use stays the best.

    The rate in use is taken to be the best for `schedule`; D and G then cancel.

    Parameters
    ----------
    schedule : constant or warmup-stable-decay; the cooldown's shape is kept.
    steps : updates of the longer run.
    by : "cooldown": a longer cooldown. "factor": from the update on in which the cooldown was to
        begin, a lower rate, and at the end the same share of cooldown. "same": the same share of
        cooldown, for comparison; the base rate is then too large.

    Raises
    ------
    ScheduleError, FitError
        If the schedule has no stable phase, the steps are not more, or no cooldown (or factor)
        keeps the base rate.

    Examples
    --------
    >>> from mplfit.plan.extend import extend
    >>> from mplfit.schedule import wsdld
    >>> run = wsdld(4000, 1e-3, decay=0.2)
    >>> round(extend(run, 6000).value, 3), round(extend(run, 6000, "factor").value, 3)
    (0.446, 0.637)
    """
    parts = phases(schedule)
    if steps != int(steps) or steps <= parts.steps:
        raise FitError(
            f"the run is to be extended from {parts.steps} to {steps} updates: give more updates "
            "than it has"
        )
    planned = schedule.lr[: parts.steps]
    wanted = best_base(planned).rate
    if by == "cooldown":
        grid = np.linspace(1 / steps, 1 - parts.head.size / steps, _TRIED)
        value = _solve(lambda c: parts.rates(steps, c), wanted, grid, by)
        lr, begins = parts.rates(steps, value), int(np.ceil((1 - value) * steps))
    elif by == "factor":
        begins = min(parts.start, round((1 - parts.fraction) * steps))

        def lowered(factor: float) -> FloatArray:
            return parts.rates(steps, parts.fraction, factor=factor, switch=begins)

        value = _solve(lowered, wanted, np.geomspace(1.0, _LEAST, _TRIED), by)
        lr = lowered(value)
    else:
        value = parts.fraction
        lr, begins = parts.rates(steps, value), round((1 - value) * steps)
    return _continuation(by, float(value), begins, Schedule(lr, schedule.warmup), planned)


def by_law(schedule: Schedule, steps: int, fit: Fit) -> Continuation:
    """The cooldown with the lowest final loss that a fit predicts, not before the planned one.

    Its shape is the planned cooldown's; the rate before it is the one in use.

    >>> from mplfit import load_fit
    >>> from mplfit.plan.extend import by_law, extend
    >>> from mplfit.schedule import wsdld
    >>> law, run = load_fit("400"), wsdld(24000, 3e-4, decay=4000, warmup=2160)
    >>> found, same = by_law(run, 48000, law), extend(run, 48000, "same")
    >>> law.loss(found.schedule)[-1] < law.loss(same.schedule)[-1]
    np.True_
    """
    parts = phases(schedule)
    extend(schedule, steps, "same")  # refuses what cannot be extended

    def loss(begin: float) -> float:
        lr = parts.rates(steps, 1 - begin / steps)
        return float(fit.formula.final(fit.values, lr))

    grid = np.linspace(parts.start, steps - 2, _TRIED)
    k = int(np.argmin([loss(begin) for begin in grid.tolist()]))
    around = grid[max(k - 1, 0)], grid[min(k + 1, grid.size - 1)]
    begins = round(minimize_scalar(loss, bounds=around, options={"xatol": 1.0}).x)
    value = 1 - begins / steps
    longer = Schedule(parts.rates(steps, value), schedule.warmup)
    return _continuation("law", value, begins, longer, schedule.lr[: parts.steps])


def _continuation(
    how: How, value: float, begins: int, longer: Schedule, planned: FloatArray
) -> Continuation:
    used = 1 / best_base(planned).rate
    return Continuation(
        how, value, begins, longer, best_base(longer.lr, D=used).rate,
        bound(longer.lr, D=used) / bound(planned, D=used),
    )  # fmt: skip


def extensions(schedule: Schedule, steps: int) -> list[Continuation]:
    """Every way to go on that exists, the plain one ("same") first."""
    return ways_to_go_on(schedule, steps)[0]


def ways_to_go_on(schedule: Schedule, steps: int) -> tuple[list[Continuation], dict[How, str]]:
    """`extensions`, and of each way that does not exist a sentence that says why.

    >>> from mplfit.plan.extend import ways_to_go_on
    >>> from mplfit.schedule import wsdld
    >>> ways, missing = ways_to_go_on(wsdld(4000, 1e-3, decay=0.2), 16000)
    >>> [way.how for way in ways], list(missing)
    (['same', 'factor', 'closest'], ['cooldown'])
    >>> round(ways[-1].value, 3), round(ways[-1].base, 2)
    (1.0, 0.97)
    """
    found, missing = [extend(schedule, steps, "same")], {}
    ways: tuple[How, ...] = ("cooldown", "factor")
    for by in ways:
        try:
            found.append(extend(schedule, steps, by))
        except FitError as error:
            missing[by] = str(error)
    if "cooldown" in missing:
        found.append(_closest(schedule, steps))
    return found, missing


def _closest(schedule: Schedule, steps: int) -> Continuation:
    """The cooldown under which the best base rate is the nearest below the one in use."""
    parts = phases(schedule)
    planned = schedule.lr[: parts.steps]
    made = []
    for value in np.linspace(1 / steps, 1 - parts.head.size / steps, _TRIED).tolist():
        longer = Schedule(parts.rates(steps, value), schedule.warmup)
        begins = int(np.ceil((1 - value) * steps))
        made.append(_continuation("closest", value, begins, longer, planned))
    return min(made, key=lambda way: abs(np.log(way.base)))


def compare_ways(
    original: Schedule,
    ways: Sequence[Continuation],
    chosen: How = "cooldown",
    fit: Fit | None = None,
    *,
    text: str = "",
    params: str | None = None,
    missing: Mapping[How, str] = MappingProxyType({}),
) -> Extension:
    """The ways to go on side by side, with the losses that a fit predicts, where there is one.

    text, params : what the original schedule and the fit are called.  missing : why ways do not
    exist; where the chosen one is among them, the other one is taken.

    Raises
    ------
    FitError
        If the fit predicts a loss that no run can have, or no way keeps the base rate.

    Examples
    --------
    >>> from mplfit.plan.extend import compare_ways, extensions
    >>> from mplfit.schedule import wsdld
    >>> run = wsdld(4000, 1e-3, decay=0.2)
    >>> [way.how for way in compare_ways(run, extensions(run, 6000)).ways]
    ['same', 'cooldown', 'factor']
    """
    said = list(missing.values())
    begins = {way.how: way.begins for way in ways}
    if chosen not in begins:
        left = [way.how for way in ways if way.how != "same"]
        if not left:
            raise FitError("; ".join(said) or f"there is no way to go on by {chosen}")
        chosen = left[0]
    made = []
    said += [] if fit is None else held_warnings(fit)
    for way in ways:
        loss = intervals = gain = None
        if fit is not None:
            said += check_loss(fit, way.schedule, way.how)
            loss = fit.formula.final(fit.values, way.schedule.lr)
            intervals = final_interval(fit, way.schedule)
            if fit.spread is not None and way.how != "same":
                gain = gains(fit, way.schedule, [ways[0].schedule])[0].summary()
        made.append(Way(way.how, way.value, way.begins, way.base, way.bound, loss, intervals, gain))
    planned = phases(original).start
    if begins[chosen] < planned:
        said.append(
            f"the longer cooldown begins at step {begins[chosen]}, before the planned one (step "
            f"{planned}): a run that is past it already needs the way by factor"
        )
    return Extension(
        text, params, chosen, tuple(made), original.steps, planned, ways[0].schedule.steps,
        warnings=tuple(said), missing={str(how): why for how, why in missing.items()},
    )  # fmt: skip


def _solve(make: Callable[[float], FloatArray], wanted: float, grid: FloatArray, by: str) -> float:
    """The cooldown or factor at which the best base rate is `wanted`: the first on the grid."""

    def excess(value: float) -> float:
        return float(np.log(best_base(make(value)).rate / wanted))

    before = excess(grid[0])
    highest = before
    for low, high in pairwise(grid.tolist()):
        after = excess(high)
        if before * after <= 0:
            return float(brentq(excess, low, high, xtol=1e-10))
        before, highest = after, max(highest, after)
    what, other = ("cooldown", "factor") if by == "cooldown" else ("factor", "cooldown")
    raise FitError(
        f"no {what} keeps the base rate in use the best one: the best comes to "
        f"{100 * np.exp(highest):.3g} % of it at most; extend by {other}, or to fewer steps"
    )
