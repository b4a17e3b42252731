"""From runs to a decision: which schedule to run next, what it gains, and what would make it surer.

Everything here is what single questions give: `optimize` with the usual schedules and the gains,
and `design` for the run that tells most. The advice is a *usual* schedule unless the optimized one
is better than the best of them with a probability of `SURE`: nobody should run an odd schedule for
a gain that may not be one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mplfit.assess.gains import GainSummary, gains
from mplfit.assess.intervals import final_interval
from mplfit.assess.reach import check_loss, reach
from mplfit.curve import Curve
from mplfit.errors import FitError
from mplfit.estimate.result import Fit
from mplfit.plan.baselines import Baseline, usual_schedules
from mplfit.plan.design import design
from mplfit.plan.optimize import Intervals, optimize
from mplfit.plan.peaks import near_best
from mplfit.results import Result
from mplfit.schedule import Schedule, constant, join, wsdld
from mplfit.tasks import Progress
from mplfit.types import FloatArray, Record

__all__ = ["SURE", "Advice", "Branch", "Ending", "Option", "TellingRun", "advise", "endings"]

SURE = 0.95
"""How probable a gain must be for the optimized schedule to be preferred to a usual one."""

_KNOTS = 48
_ALIKE = 0.08  # of the peak, in the mean: a run is of a usual kind if its rates differ by no more
_GRID = 200
_FLOOR = 0.1  # of the peak: the other end of a decay that is usual
_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, eq=False)
class Option(Record):
    """A schedule that could be run, with its predicted final loss and the intervals of it."""

    name: str
    lr: FloatArray
    warmup: int
    loss: float
    intervals: Intervals | None

    @property
    def schedule(self) -> Schedule:
        """Its rates."""
        return Schedule(self.lr, self.warmup)


@dataclass(frozen=True, eq=False)
class TellingRun(Record):
    """The further run that makes the predicted loss surest for what it costs.

    branch : the update of a run at the peak rate that it branches off from, for `updates` more.
    before, after : half the width of the final loss's 95 % interval.
    """

    branch: int
    updates: int
    before: float
    after: float


@dataclass(frozen=True, eq=False, repr=False)
class Advice(Result):
    """What to run next.

    runs, updates : that were read.  left_out : the mean error of their final losses, each predicted
    from the others; None for one run.
    chosen : what is advised.  optimized : whether that is the optimized schedule, not a usual one.
    reference : the usual kind that the runs are nearest to (`own`), or a cosine to a tenth.
    gain : of the chosen one over it; None where they are the same.
    needed : updates of a run of the reference's kind with the same loss; None beyond eight times.
    saved : the share of them that is saved, at the ends of the gain's 95 % interval.
    best_usual : the best usual schedule.  over_usual : what the optimized one gains over it.
    fallen : whether the rate has fallen in some run, so that the decay rests on data.
    telling : None where no run would make much of a difference.
    floor : what another end of the decay would give: 10 % of the peak where the chosen one ends
    near 0, else near 0; None where its rate does not fall.  over_floor : the gain over it.
    peaks : with runs of several peak rates, those that are predicted to end within the 80 %
    interval of the chosen one.
    wanted, reached : a loss that was asked for, and the updates after which a run of the best usual
    kind has it; None where even eight times the updates do not give it.
    """

    SCHEMA: ClassVar[str] = "mplfit.advice/1"

    law: str
    runs: int
    updates: int
    left_out: float | None
    chosen: Option
    optimized: bool
    reference: Option
    own: bool
    gain: GainSummary | None
    needed: int | None
    saved: tuple[float, float] | None
    best_usual: Option
    over_usual: GainSummary
    fallen: bool
    telling: TellingRun | None
    floor: Option | None = None
    over_floor: GainSummary | None = None
    peaks: tuple[float, float] | None = None
    wanted: float | None = None
    reached: int | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def schedule(self) -> Schedule:
        """The schedule to run."""
        return self.chosen.schedule


@dataclass(frozen=True, eq=False)
class Branch(Record):
    """One way to end a run in progress.

    more : updates from now on.  decay : over how many of them, at the end, the rate falls to 0.
    gain : over staying at the rate for as long; None for staying itself.
    """

    more: int
    decay: int
    option: Option
    gain: GainSummary | None


@dataclass(frozen=True, eq=False, repr=False)
class Ending(Result):
    """How to end a run in progress: the ways, the lowest final loss first.

    run : its name.  at : the update that it goes on from.  budget : updates that it may have more.
    now : its predicted loss there.  floor, over_floor : the best way, ended at 10 % of the rate.
    """

    SCHEMA: ClassVar[str] = "mplfit.ending/1"

    law: str
    run: str
    at: int
    budget: int
    now: float
    ways: tuple[Branch, ...]
    fallen: bool
    floor: Option | None = None
    over_floor: GainSummary | None = None
    warnings: tuple[str, ...] = ()

    @property
    def schedule(self) -> Schedule:
        """The schedule of the whole run, ended in the best way."""
        return self.ways[0].option.schedule


def advise(
    fit: Fit,
    curves: Sequence[Curve],
    *,
    steps: int | None = None,
    loss: float | None = None,
    progress: Progress | None = None,
) -> Advice:
    """Which schedule to run next.

    Parameters
    ----------
    fit : of the runs so far.
    curves : these runs.
    steps : updates of the next run; as many as the longest has where None.
    loss : one to be reached, whose updates are asked for.

    Raises
    ------
    FitError
        If the fit has no covariance, or the numbers leave no room for a schedule.

    Examples
    --------
    >>> import numpy as np
    >>> from mplfit import load_fit, simulate
    >>> from mplfit.estimate.fit import fit
    >>> from mplfit.plan.advise import advise
    >>> from mplfit.schedule import cosine
    >>> truth, step = load_fit("400"), np.arange(200, 3000, 20)
    >>> run = simulate(truth.formula, truth.values, cosine(3000, 3e-4, warmup=100), step)
    >>> said = advise(fit([run], "effective"), [run])
    >>> said.fallen, said.reference.name, said.chosen.loss <= said.reference.loss
    (True, 'cosine to 0', True)
    """
    several = fit.constants.get("peak_rates", 1) > 1
    plan = optimize(
        fit, steps=steps, peak="free" if several else None, knots=_KNOTS, progress=progress
    )
    law, values = fit.formula, fit.values
    usual = usual_schedules(
        lambda lr: law.final(values, lr), steps=plan.steps, warmup=plan.warmup, peak=plan.lr.max()
    )
    best = min(usual, key=lambda one: one.loss)
    reference, own = _reference(usual, curves)
    over = _gain(fit, plan.schedule, best.schedule)
    optimized = over.probability >= SURE
    chosen = _option(fit, "optimized", plan.schedule) if optimized else _of(fit, best)
    gain = saved = None
    if optimized or reference is not best:
        gain = _gain(fit, chosen.schedule, reference.schedule)
        low, high = (reference.saved(end) for end in gain.intervals["0.95"])
        saved = (low, high)
    floor = _other_end(fit, chosen)
    return Advice(
        law=fit.law,
        runs=len(curves),
        updates=sum(int(curve.step[-1]) + 1 for curve in curves),
        left_out=float(fit.left_out.final_error.value) if fit.left_out else None,
        chosen=chosen,
        optimized=optimized,
        reference=_of(fit, reference),
        own=own,
        gain=gain,
        needed=reference.needed(chosen.loss),
        saved=saved,
        best_usual=_of(fit, best),
        over_usual=over,
        fallen=_fallen(curves),
        telling=_telling(fit, chosen.schedule),
        floor=floor,
        over_floor=None if floor is None else _gain(fit, chosen.schedule, floor.schedule),
        peaks=near_best(plan.peaks) if plan.peaks else None,
        wanted=loss,
        reached=None if loss is None else _reached(best, loss),
        warnings=(*plan.warnings, *check_loss(fit, chosen.schedule)),
        notes=_beyond(fit, chosen),
    )


def endings(fit: Fit, run: Curve, at: int, budget: int, curves: Sequence[Curve] = ()) -> Ending:
    """Ways to end a run in progress, with at most `budget` further updates from update `at` on.

    It can stop; stay at its rate; cool down at once, over half or all of the budget; or
    hold the rate and cool down over the last fifth or half.

    Raises
    ------
    FitError
        If the run has no such update, its rate is 0 there, or the budget leaves no room.
    """
    past = run.schedule
    if not 0 < at <= past.steps:
        raise FitError(f"{run.name} has {past.steps} updates: it cannot go on from update {at}")
    rate = float(past.lr[at - 1])
    if budget < 10 or rate <= 0:
        raise FitError(
            f"{run.name} cannot go on from update {at} for {budget} updates at the rate {rate:g}: "
            "expected 10 updates or more, and a rate above 0"
        )
    head = Schedule(past.lr[:at], min(past.warmup, at - 1))
    ways = []
    for more, decay in (
        (budget, 0),
        *((max(round(share * budget), 2),) * 2 for share in (0.5, 1.0)),
        (budget, budget // 5),
        (budget, budget // 2),
    ):
        steady = join([head, constant(more, rate)])
        plan = join([head, wsdld(more, rate, decay=decay)]) if decay else steady
        name = "stay at the rate"
        if decay:
            name = "cool down at once" if decay == more else "hold, then cool down"
        ways.append(
            Branch(
                more, decay, _option(fit, name, plan), _gain(fit, plan, steady) if decay else None
            )
        )
    ways.append(Branch(0, 0, _option(fit, "stop now", head), None))
    ways.sort(key=lambda way: way.option.loss)
    floor = _other_end(fit, ways[0].option, rate) if ways[0].decay else None
    said = check_loss(fit, ways[0].option.schedule)
    if not _fallen(curves or [run]):
        said.append(
            "in no run has the rate fallen: what a cooldown gives rests on other people's runs "
            "alone; a short one, of a tenth of the budget, would tell"
        )
    return Ending(
        law=fit.law,
        run=run.name,
        at=at,
        budget=budget,
        now=fit.formula.final(fit.values, head.lr),
        ways=tuple(ways),
        fallen=_fallen(curves or [run]),
        floor=floor,
        over_floor=None if floor is None else _gain(fit, ways[0].option.schedule, floor.schedule),
        warnings=tuple(said),
    )


def _beyond(fit: Fit, chosen: Option) -> tuple[str, ...]:
    """How far the schedule goes beyond the training runs, where it does."""
    found = reach(fit, chosen.schedule)
    return () if found.inside else (f"Beyond the runs so far: {found.text()}.",)


def _other_end(fit: Fit, option: Option, rate: float | None = None) -> Option | None:
    """The same schedule with a decay to `_FLOOR` of its peak, or to 0 where it ends above that."""
    lr, peak = option.lr, option.schedule.peak if rate is None else rate
    falls = np.flatnonzero(lr >= peak * (1 - 1e-9))
    start = int(falls[-1]) + 1 if falls.size else lr.size
    if start >= lr.size or lr[-1] > 0.5 * peak:
        return None
    low = lr[-1] > 0.5 * _FLOOR * peak
    end = 0.0 if low else _FLOOR * peak
    made = lr.copy()
    made[start:] = end + (peak - end) * (lr[start:] - lr[-1]) / (peak - lr[-1])
    name = "to nearly 0" if low else f"to {100 * _FLOOR:.0f} % of the peak"
    made[-1] = max(made[-1], 1e-6 * peak)
    return _option(fit, name, Schedule(made, option.warmup))


def _gain(fit: Fit, schedule: Schedule, other: Schedule) -> GainSummary:
    return gains(fit, schedule, [other])[0].summary()


def _option(fit: Fit, name: str, schedule: Schedule) -> Option:
    loss = fit.formula.final(fit.values, schedule.lr)
    return Option(name, schedule.lr, schedule.warmup, loss, final_interval(fit, schedule))


def _of(fit: Fit, usual: Baseline) -> Option:
    return _option(fit, usual.name, usual.schedule)


def _fallen(curves: Sequence[Curve]) -> bool:
    """Whether some run's rate has fallen up to its last row."""
    seen = [curve.schedule.lr[: curve.step[-1] + 1] for curve in curves]
    return any(bool(np.any(lr < np.maximum.accumulate(lr) * (1 - 1e-6))) for lr in seen)


def _reference(usual: Sequence[Baseline], curves: Sequence[Curve]) -> tuple[Baseline, bool]:
    """The usual kind that a run whose rate falls is nearest to, if it is of one; a cosine else."""
    runs = [curve.schedule for curve in curves if _fallen([curve])]
    grid = np.linspace(0, 1, _GRID)

    def shape(schedule: Schedule) -> FloatArray:
        lr = schedule.lr[schedule.warmup :]
        return np.interp(grid, np.linspace(0, 1, lr.size), lr / schedule.peak)

    nearest, off = None, _ALIKE
    for run in sorted(runs, key=lambda one: -one.steps)[:1]:
        for one in usual:
            apart = float(np.abs(shape(one.schedule) - shape(run)).mean())
            if apart < off:
                nearest, off = one, apart
    if nearest is not None:
        return nearest, True
    return next(one for one in usual if one.name == "cosine to 10 %"), False


def _telling(fit: Fit, schedule: Schedule) -> TellingRun | None:
    """The cooldown from a run at the peak rate that shrinks the interval most for its updates."""
    longest, peak = fit.longest or schedule.steps, fit.peak or schedule.peak
    warmup = min(schedule.warmup, longest // 10)
    best, most = None, 0.0
    for branch in (longest // 4, longest // 2, longest):
        for decay in {max(branch // 10, 2), max(branch // 5, 2)}:
            run = wsdld(branch + decay, peak, decay=decay, warmup=warmup)
            made = design(fit, schedule, {"run": run}, runs=1)
            after = made.choices[0].sd
            worth = (made.before - after) / decay
            if after < 0.9 * made.before and worth > most:
                most = worth
                best = TellingRun(branch, decay, _NORMAL_95 * made.before, _NORMAL_95 * after)
    return best


def _reached(usual: Baseline, loss: float) -> int | None:
    """The fewest updates of a run of this kind with that loss, also below its own."""
    if loss < usual.loss:
        return usual.needed(loss)
    low, high = 2 * usual.schedule.warmup + 10, usual.schedule.steps
    while high - low > max(1, high // 2000):
        middle = (low + high) // 2
        low, high = (low, middle) if usual.value(usual.make(middle).lr) <= loss else (middle, high)
    return high
