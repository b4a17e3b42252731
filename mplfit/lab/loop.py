"""Closed loops: fit the law to one real run or two, forecast others, train those, and compare.

Nothing here reads or writes files: `forecast` and `judge` take curves and outcomes; the runs in
between are trained by `mplfit.lab.grid`, and kept by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import ClassVar

import numpy as np

from mplfit.assess.gains import gains
from mplfit.assess.intervals import final_interval
from mplfit.curve import Curve
from mplfit.estimate.fit import fit
from mplfit.estimate.mean import Mean
from mplfit.estimate.result import Fit
from mplfit.plan.search import search_schedule
from mplfit.results import Result
from mplfit.schedule import Schedule
from mplfit.schedule.spec import format_schedule, parse_schedule
from mplfit.tasks import Progress
from mplfit.types import MaybeNaN, Record

__all__ = [
    "LAW",
    "OPTIMIZED",
    "TRAINING",
    "FinalForecast",
    "Forecasts",
    "Judgement",
    "LoopResult",
    "MeasuredGain",
    "forecast",
    "judge",
    "loop_specs",
]

LAW = "effective"
"""The law that is fitted."""

TRAINING = {"one": ("cosine",), "two": ("cosine", "constant")}
"""What each loop is fitted to, by the loop's name."""

OPTIMIZED = {loop: f"optimized_{loop}" for loop in TRAINING}
"""The schedule that each loop finds best, by the loop's name."""

_KNOTS = 32


@dataclass(frozen=True)
class FinalForecast:
    """What a law says of a final loss before the run is trained: the loss and its 95 % interval."""

    loss: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Forecasts(Record):
    """What was said before the runs were trained.

    specs : the schedules with the optimized ones, as texts.
    final : the forecasts by the schedule's name and the loop's.
    fits : by loop; not written to JSON, and empty where read from it.
    """

    SCHEMA: ClassVar[str] = "mplfit.forecasts/1"

    specs: Mapping[str, str] = field(metadata={"key": "schedules"})
    final: Mapping[str, Mapping[str, FinalForecast]]
    fits: Mapping[str, Fit] = field(default_factory=dict, metadata={"written": False})

    @property
    def schedules(self) -> dict[str, Schedule]:
        """The schedules, by name."""
        return {name: parse_schedule(spec) for name, spec in self.specs.items()}


@dataclass(frozen=True, eq=False)
class Judgement(Record):
    """A schedule's forecasts beside the final losses of its runs, one a seed.

    inside : by loop, how many of the observed losses lie in the forecast's interval.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("mean", "error", "covered")

    name: str
    steps: int
    forecasts: Mapping[str, FinalForecast]
    observed: tuple[float, ...]
    inside: Mapping[str, int] = field(metadata={"key": "seeds_inside"})

    @property
    def mean(self) -> float:
        """The seeds' mean."""
        return float(np.mean(self.observed))

    @property
    def error(self) -> float:
        """The standard error of the seeds' mean; NaN for one seed."""
        return Mean.of(self.observed).error

    @property
    def covered(self) -> dict[str, bool]:
        """By loop, whether the mean of the seeds lies in its interval."""
        return {
            law: bool(made.low <= self.mean <= made.high) for law, made in self.forecasts.items()
        }


@dataclass(frozen=True, eq=False)
class MeasuredGain(Record):
    """How much lower an optimized schedule's loss is than another's of the same length.

    name : the optimized schedule's.
    predicted, intervals : by loop, with the 95 % interval of a gain between two runs.
    observed, error : mean and standard error of the differences seed by seed.
    """

    name: str
    over: str
    predicted: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    observed: float
    error: MaybeNaN
    seeds: int


@dataclass(frozen=True, eq=False, repr=False)
class LoopResult(Result):
    """What was forecast beside what came: every schedule, and the optimized ones' gains."""

    SCHEMA: ClassVar[str] = "mplfit.loop-result/1"

    forecasts: Forecasts
    judgements: tuple[Judgement, ...] = field(metadata={"key": "runs"})
    gains: tuple[MeasuredGain, ...]


def loop_specs(steps: int, peak: float, warmup: int) -> dict[str, str]:
    """The schedules of the loops but the optimized ones, as texts.

    >>> from mplfit.lab.loop import TRAINING, loop_specs
    >>> set(TRAINING["two"]) <= set(loop_specs(1000, 5e-3, 100))
    True
    """
    longer, decay = round(1.6 * steps), round(0.2 * steps)
    ends = f"peak={peak!r},warmup={warmup}"
    return {
        "cosine": f"cosine:steps={steps},{ends},final=10%",
        "constant": f"constant:steps={steps},{ends}",
        "cosine_zero": f"cosine:steps={steps},{ends},final=0",
        "linear": f"linear:steps={steps},{ends}",
        "wsd_linear": f"wsdld:steps={steps},{ends},decay={decay}",
        "wsd_sqrt": f"sqrt:steps={steps},{ends},decay={decay}",
        "cosine_long": f"cosine:steps={longer},{ends},final=10%",
    }


def forecast(
    curves: Mapping[str, Curve],
    specs: Mapping[str, str],
    *,
    weight_decay: float,
    progress: Progress | None = None,
) -> Forecasts:
    """Fit the law to each loop's training curves, optimize a schedule, and forecast all others.

    Parameters
    ----------
    curves : the runs named in `TRAINING`.
    specs : the schedules of the loops.
    weight_decay : AdamW's, of the runs.
    """
    constants = {"weight_decay": weight_decay}
    fits = {
        loop: fit([curves[name] for name in names], LAW, constants=constants, progress=progress)
        for loop, names in TRAINING.items()
    }
    like = parse_schedule(specs["cosine"])
    chosen = {OPTIMIZED[loop]: _best(of, like, progress) for loop, of in fits.items()}
    every = {**specs, **chosen}
    final = {
        name: {loop: _forecast(of, parse_schedule(spec)) for loop, of in fits.items()}
        for name, spec in every.items()
    }
    return Forecasts(every, final, fits)


def _best(of: Fit, like: Schedule, progress: Progress | None) -> str:
    """The schedule with the lowest predicted loss, as text: a log's first line is then itself."""
    formula, values = of.formula, of.values
    found = search_schedule(
        lambda lr: formula.final_gradient(values, lr),
        steps=like.steps,
        warmup=like.warmup,
        peak=like.peak,
        minimum=1e-6 * like.peak,
        knots=_KNOTS,
        progress=progress,
    )
    return format_schedule(found.schedule)


def judge(forecasts: Forecasts, observed: Mapping[str, Sequence[float]]) -> LoopResult:
    """The forecasts beside the final losses (by name, one a seed), and the optimized ones' gains.

    Seeds stand in the same order everywhere, so that gains are differences of runs that have seen
    the same data from the same beginning.
    """
    judgements, schedules = [], forecasts.schedules
    for name, losses in observed.items():
        of = forecasts.final[name]
        inside = {
            law: sum(one.low <= loss <= one.high for loss in losses) for law, one in of.items()
        }
        judgements.append(Judgement(name, schedules[name].steps, of, tuple(losses), inside))
    found = []
    for best, name in product(OPTIMIZED.values(), observed):
        same = schedules[name].steps == schedules[best].steps
        if name in OPTIMIZED.values() or not same or best not in observed:
            continue
        pairs = zip(observed[name], observed[best], strict=False)
        mean = Mean.of(other - own for other, own in pairs)
        by_loop = {
            loop: gains(of, schedules[best], [schedules[name]])[0]
            for loop, of in forecasts.fits.items()
        }
        found.append(
            MeasuredGain(
                name=best,
                over=name,
                predicted={loop: one.value for loop, one in by_loop.items()},
                intervals={loop: one.bounds(0.95) for loop, one in by_loop.items()},
                observed=mean.value,
                error=mean.error,
                seeds=mean.count,
            )
        )
    return LoopResult(forecasts, tuple(judgements), tuple(found))


def _forecast(of: Fit, schedule: Schedule) -> FinalForecast:
    ends = final_interval(of, schedule)
    assert ends is not None  # every fit of this module knows its own spread
    return FinalForecast(of.formula.final(of.values, schedule.lr), *ends["0.95"])
