"""The schedule to run: the best one found, the usual ones beside it, and how sure the gains are.

`optimize` minimises a fitted law's final loss, `optimize_bound` the bound of convex theory on the
last iterate, which needs no run; both return a `Plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from mplfit.assess.gains import GainSummary, gains
from mplfit.assess.intervals import final_interval, predict_interval
from mplfit.assess.posterior import draw
from mplfit.assess.reach import check_loss, check_peak, held_warnings, reach_sentences
from mplfit.bounds import best_base, bound, bound_curve, bound_gradient
from mplfit.errors import FitError
from mplfit.estimate.result import Fit
from mplfit.laws.mpl import PRINTED, MultiPowerLaw
from mplfit.plan.baselines import LINEAR, Baseline, usual_schedules
from mplfit.plan.peaks import PeakLoss, peak_losses
from mplfit.plan.robust import robust_loss
from mplfit.plan.search import FinalLoss, OptimizedSchedule, search_schedule
from mplfit.results import Result
from mplfit.schedule import Schedule, linear
from mplfit.schedule.knots import drawn_steps
from mplfit.tasks import Progress
from mplfit.types import FloatArray, IntArray, Record

__all__ = ["Choice", "Line", "Plan", "Robust", "optimize", "optimize_bound"]

Peak: TypeAlias = float | Literal["free"] | None
Intervals: TypeAlias = Mapping[str, tuple[float, float]]

_STEPS, _WARMUP, _PEAK = 24000, 2160, 3e-4  # of the runs that Luo et al. (2025) released
_HIGH_END, _AT_ONCE = 0.05, 0.1  # of the peak: an end, and a fall in one update, to speak of
_DRAWN = 300  # steps of a line
_DRAWS, _SEED = 32, 1  # of a robust objective: other draws than those that tell the gains


def _nothing() -> FloatArray:
    return np.empty(0)


@dataclass(frozen=True, eq=False)
class Line(Record):
    """What a figure draws of a schedule: rates and predicted losses at some of its steps.

    low, high : the ends of the losses' 95 % intervals; empty where none are known.
    """

    step: IntArray
    lr: FloatArray
    loss: FloatArray
    low: FloatArray = field(default_factory=_nothing)
    high: FloatArray = field(default_factory=_nothing)

    def rates(self) -> FloatArray:
        """The rate of every update, linear between those that are kept."""
        made: FloatArray = np.interp(np.arange(int(self.step[-1]) + 1), self.step, self.lr)
        return made


@dataclass(frozen=True, eq=False)
class Choice(Record):
    """A schedule and what is predicted of it.

    loss : final.  intervals : of it, by level; None where none is known.
    gain : of the plan's schedule over this one; None for itself, and where no interval is known.
    steps_needed : steps of a run of this kind with the plan's loss; None where even eight times the
    steps do not give it.  saved : the share of them that the plan saves, at both ends of the gain's
    95 % interval.
    """

    name: str
    steps: int
    loss: float = field(metadata={"key": "final_loss"})
    line: Line
    intervals: Intervals | None = None
    gain: GainSummary | None = None
    steps_needed: int | None = None
    saved: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Robust(Record):
    """A robust objective: "mean" or a quantile, over so many draws, of the plain best and here."""

    objective: str
    draws: int
    plain: float = field(metadata={"key": "value_of_plain"})
    value: float


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Result):
    """The schedule with the lowest predicted final loss that was found; see `optimize`.

    law, params : the law that was minimised, and what its parameters are called.
    what : "loss", or "bound" where convex theory was minimised.
    lr, warmup, knots : the schedule.  best : what is predicted of it.
    baselines : the usual schedules at the same peak and steps.
    starts : final losses of the coarse descents, best first.
    peaks : the final loss at other peak rates, where the peak was free.
    """

    SCHEMA: ClassVar[str] = "mplfit.plan/1"
    DERIVED: ClassVar[tuple[str, ...]] = ("steps", "final_loss", "intervals")

    law: str
    params: str
    what: Literal["loss", "bound"]
    lr: FloatArray
    warmup: int
    knots: tuple[tuple[int, float], ...]
    best: Choice
    baselines: tuple[Choice, ...]
    starts: tuple[float, ...]
    converged: bool
    robust: Robust | None = None
    peaks: tuple[PeakLoss, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def schedule(self) -> Schedule:
        """The schedule to run."""
        return Schedule(self.lr, self.warmup)

    @property
    def steps(self) -> int:
        """Its updates."""
        return self.best.steps

    @property
    def loss(self) -> float:
        """Its predicted final loss."""
        return self.best.loss

    final_loss = loss

    @property
    def intervals(self) -> Intervals | None:
        """Those of the final loss, by level."""
        return self.best.intervals


@dataclass(frozen=True)
class _Goal:
    """What is minimised: a fitted law's loss, or the bound."""

    law: str
    params: str
    what: Literal["loss", "bound"]
    final: FinalLoss
    value: Callable[[FloatArray], float]
    curve: Callable[[Schedule, IntArray], FloatArray]
    fit: Fit | None
    steps: int
    warmup: int
    peak: float | tuple[float, float]
    minimum: float
    notes: tuple[str, ...]


def optimize(
    fit: Fit,
    *,
    steps: int | None = None,
    warmup: int | None = None,
    peak: Peak = None,
    highest: float | None = None,
    final: float | None = None,
    minimum: float = 1e-10,
    knots: int = 64,
    past: Schedule | None = None,
    past_steps: int = 0,
    robust: float | Literal["mean"] | None = None,
    name: str = "",
    progress: Progress | None = None,
) -> Plan:
    """Find the non-increasing schedule with the lowest predicted final loss.

    Parameters
    ----------
    fit : the law and its parameters.
    steps, warmup : length of the run and of its warmup; those of the longest training run, or of
        the released ones (24000 and 2160), where None.
    peak : rate after the warmup; the largest training rate where None; "free" chooses it, from a
        tenth of that to `highest`.
    highest : the largest peak that a free one may have; the largest training rate where None, for
        beyond it laws have often been wrong.
    final, minimum : rate of the last update (chosen where None), and the smallest rate.
    knots : points of the piecewise-linear schedule, denser toward the end.
    past, past_steps : the first `past_steps` updates of a run that is under way are given.
    robust : minimise the mean of the final loss over posterior draws, or its quantile (0.5 to 1),
        instead of the loss at the estimate.
    name : what the fit is called in the plan.

    Raises
    ------
    FitError
        If the numbers leave no room for a schedule, or `robust` is asked of a fit without errors.

    Examples
    --------
    >>> from mplfit import load_fit
    >>> from mplfit.plan.optimize import optimize
    >>> plan = optimize(load_fit("400"), steps=6000, warmup=300, knots=16)
    >>> round(plan.loss, 3), plan.schedule.steps, len(plan.baselines)
    (2.942, 6000, 7)
    """
    law, values = fit.formula, fit.values
    if highest is not None and peak != "free":
        raise FitError('highest bounds a free peak: it goes with peak="free"')
    if highest is not None and not 0.1 * (fit.peak or _PEAK) < highest < float("inf"):
        raise FitError(
            f"the highest peak must be finite and above {0.1 * (fit.peak or _PEAK):g}, a tenth of "
            f"the largest training rate, where the search begins; got {highest:g}"
        )
    like = max(fit.trained, key=lambda record: record.last_step, default=None)
    largest = fit.peak or _PEAK
    notes: tuple[str, ...] = ()
    if like is not None and past is None and None in (steps, warmup, peak):
        notes = (
            "steps, warmup and peak that are not given are those of the longest training run, "
            f"{like.name}, and the largest peak of all",
        )
    goal = _Goal(
        law=fit.law,
        params=name or fit.published or "given",
        what="loss",
        final=lambda lr: law.final_gradient(values, lr),
        value=lambda lr: law.final(values, lr),
        curve=lambda schedule, step: fit.loss(schedule, step),
        fit=fit,
        steps=steps or (like.steps if like else _STEPS),
        warmup=warmup if warmup is not None else like.warmup if like else _WARMUP,
        peak=(largest / 10, highest or largest) if peak == "free" else peak or largest,
        minimum=minimum,
        notes=notes,
    )
    plan = _plan(goal, final, knots, past, past_steps, robust, progress)
    return replace(plan, notes=(*plan.notes, *_as_released(fit, plan.schedule)))


def _as_released(fit: Fit, schedule: Schedule) -> list[str]:
    """How the final loss compares with what the release of published parameters prints."""
    if fit.published is None or not isinstance(fit.formula, MultiPowerLaw):
        return []
    without = fit.formula.final(fit.values, schedule.lr, warmup=schedule.warmup)
    return [
        "The release's optimizer leaves out the warmup's rises, which its fits count: it prints "
        f"{PRINTED[fit.published]} for its 24000 updates; so counted, this schedule has "
        f"{without:.4f}."
    ]


def optimize_bound(
    steps: int = _STEPS,
    *,
    warmup: int = 0,
    peak: float | None = None,
    final: float | None = None,
    minimum: float | None = None,
    knots: int = 64,
    past: Schedule | None = None,
    past_steps: int = 0,
    falling: bool = True,
    progress: Progress | None = None,
) -> Plan:
    """Find the schedule with the lowest convex bound on the last iterate.

    It does not increase where `falling`; else rates may rise again, which the last one does.

    The peak is taken to be the best rate of a linear decay over these steps, which sets the
    gradient norm G for a distance D = 1; without it both are 1, rates come in units of D/G, and the
    peak is chosen. Other parameters are those of `optimize`.

    Raises
    ------
    FitError
        If the numbers leave no room for a schedule.

    Examples
    --------
    >>> from mplfit.plan.optimize import optimize_bound
    >>> round(optimize_bound(100, knots=16).loss, 4)
    0.2012
    """
    given = past.peak if past is not None else peak
    if given is not None and not 0 < given < float("inf"):
        raise FitError(f"the peak rate must be positive and finite, got {given:g}")
    best = best_base(linear(steps, 1.0).lr).rate
    G = 1.0 if given is None else best / given
    rate = best if given is None else given
    goal = _Goal(
        law="bound",
        params=f"D = 1, G = {G:.4g}",
        what="bound",
        final=lambda lr: bound_gradient(lr, G=G),
        value=lambda lr: bound(lr, G=G),
        curve=lambda schedule, step: bound_curve(schedule.lr, G=G)[step],
        fit=None,
        steps=steps,
        warmup=warmup,
        peak=(best / 10, best * 10) if given is None else given,
        # A last rate far below its neighbours makes the bound steep: stay near linear decay's.
        minimum=0.3 * rate / steps if minimum is None else minimum,
        notes=(
            "Exact, but a worst case over convex functions, no predicted loss: compare shapes, not "
            "numbers.",
        ),
    )
    return _plan(goal, final, knots, past, past_steps, None, progress, falling)


def _plan(
    goal: _Goal,
    end: float | None,
    knots: int,
    past: Schedule | None,
    past_steps: int,
    robust: float | Literal["mean"] | None,
    progress: Progress | None,
    falling: bool = True,
) -> Plan:
    fit = goal.fit

    def search(final: FinalLoss, start: Schedule | None = None) -> OptimizedSchedule:
        return search_schedule(
            final, steps=goal.steps, warmup=goal.warmup, peak=goal.peak, end=end,
            minimum=goal.minimum, knots=knots, past=past, past_steps=past_steps, start=start,
            falling=falling, progress=progress,
        )  # fmt: skip

    over = None
    if robust is not None and fit is not None:
        level = None if robust == "mean" else robust
        over = robust_loss(fit.formula, draw(fit, _DRAWS, _SEED), level)
    result, summary = search(goal.final), None
    if over is not None:
        plain, result = result, search(over, result.schedule)
        summary = Robust(str(robust), _DRAWS, over(plain.schedule.lr)[0], result.loss)
    loss = goal.value(result.schedule.lr)
    compared = usual_schedules(
        goal.value,
        steps=goal.steps,
        warmup=goal.warmup,
        peak=result.knots[0][1] if past is None else float(past.lr[past_steps - 1]),
        past=past,
        past_steps=past_steps,
    )
    gained: list[GainSummary | None] = [None] * len(compared)
    if fit is not None and fit.spread is not None:
        others = [one.schedule for one in compared]
        gained = [one.summary() for one in gains(fit, result.schedule, others)]
    best = _choice(goal, "optimized", result.schedule, loss, steps_needed=goal.steps)
    baselines = tuple(
        _baseline(goal, one, loss, gain) for one, gain in zip(compared, gained, strict=True)
    )
    free = isinstance(goal.peak, tuple) and fit is not None and past is None
    return Plan(
        law=goal.law,
        params=goal.params,
        what=goal.what,
        lr=result.schedule.lr,
        warmup=result.schedule.warmup,
        knots=result.knots,
        best=best,
        baselines=baselines,
        starts=result.starts,
        converged=result.converged,
        robust=summary,
        peaks=tuple(peak_losses(fit, result.schedule, goal.peak[1]))  # type: ignore[index]
        if free and fit is not None
        else (),
        warnings=tuple(_warnings(goal, result)),
        notes=(
            *_reach(goal, result.schedule),
            *_unusual(result.schedule, loss, baselines),
            *goal.notes,
        ),
    )


def _baseline(goal: _Goal, one: Baseline, loss: float, gain: GainSummary | None) -> Choice:
    made = _choice(goal, one.name, one.schedule, one.loss, steps_needed=one.needed(loss))
    if gain is None:
        return made
    low, high = (one.saved(end) for end in gain.intervals["0.95"])
    return replace(made, gain=gain, saved=(low, high))


def _choice(
    goal: _Goal, name: str, schedule: Schedule, loss: float, *, steps_needed: int | None
) -> Choice:
    step = drawn_steps(schedule, _DRAWN)
    drawn = goal.curve(schedule, step)
    step, drawn = step[np.isfinite(drawn)], drawn[np.isfinite(drawn)]  # no loss before any rate
    return Choice(
        name=name,
        steps=schedule.steps,
        loss=loss,
        line=Line(step, schedule.lr[step], drawn, *_band(goal, schedule, step)),
        intervals=None if goal.fit is None else final_interval(goal.fit, schedule),
        steps_needed=steps_needed,
    )


def _band(goal: _Goal, schedule: Schedule, step: IntArray) -> tuple[FloatArray, ...]:
    found = None if goal.fit is None else predict_interval(goal.fit, schedule, step)
    return () if found is None else found.bounds(0.95)


def _reach(goal: _Goal, schedule: Schedule) -> list[str]:
    """How far the prediction goes beyond the training runs."""
    return [] if goal.fit is None else reach_sentences(goal.fit, {"optimized": schedule})


def _unusual(schedule: Schedule, loss: float, baselines: Sequence[Choice]) -> list[str]:
    """What practice would do instead of an end well above zero, or a fall at once.

    Decaying linearly to zero ("D2Z") is the best practice known at usual numbers of tokens.
    """
    rate = schedule.lr[schedule.warmup :] / schedule.peak
    fall = float(np.max(rate[:-1] - rate[1:], initial=0.0))
    said = [f"ends at {100 * rate[-1]:.3g} % of its peak"] if rate[-1] > _HIGH_END else []
    if fall > _AT_ONCE:
        said.append(f"falls by {100 * fall:.3g} % of its peak in one update")
    usual = next((one for one in baselines if one.name == LINEAR), None)
    if not said or usual is None:
        return []
    sure = "" if usual.gain is None else f", a gain with probability {usual.gain.probability:.2f}"
    return [
        f"the optimized schedule {' and '.join(said)}; linear to zero, as practice is (D2Z), is "
        f"predicted {usual.loss - loss:+.4f} above it{sure}"
    ]


def _warnings(goal: _Goal, result: OptimizedSchedule) -> list[str]:
    said = [] if goal.fit is None else check_loss(goal.fit, result.schedule)
    if not result.converged:
        said.append("the optimizer stopped before it converged: the schedule may be improved")
    if isinstance(goal.peak, tuple):
        if result.schedule.peak >= goal.peak[1] * (1 - 1e-6):
            end, largest = f"{goal.peak[1]:g}", goal.fit.peak if goal.fit else None
            if largest is not None and goal.peak[1] <= largest:
                end += ", the largest training rate"
            said.append(f"the peak rate was stopped at the end of its range, {end}")
        if goal.what == "loss":
            said.append(
                "the best peak rate is a law's guess: it knows nothing of where training turns "
                "unstable, nor of what one rate alone has not shown; it has been wrong about "
                "cosines to zero and long decays, whose best peak is higher than it says, and "
                "about rates above the training ones"
            )
    if goal.fit is not None:
        said += [*check_peak(goal.fit, result.schedule.peak), *held_warnings(goal.fit)]
    return said
