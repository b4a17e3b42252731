"""A run in progress: the rest of its curve from its prefix, the plan, and what is known before.

A law is fitted to the rows so far, together with earlier runs where there are any; its prior is the
usual one, or an earlier fit. The effective-rate law is the default: its prior says what a decay
that is still to come is worth, which no prefix of a constant rate can tell. On the 124M runs, on
which it was chosen, its error is half that of the amplitude law; on the released curves, which had
no part in the choice, it is larger than that law's: tests/study/FORECAST.md has both.

    sd²(ln L) = jᵀΣj + (a s)² + (b s x)²,    x = max(0, ln(S_t / largest S so far))

as in `mplfit.assess.intervals`, but with constants of its own: where one prefix is all there is,
the parameters' variance (Σ, mostly the prior's) is nearly everything. They, and what they were
chosen on, are in `mplfit.estimate.constants`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from mplfit.assess.intervals import LEVELS, Interval
from mplfit.assess.posterior import covariance, factor, log_slopes
from mplfit.assess.reach import check_loss, reach_sentences
from mplfit.curve import Curve
from mplfit.errors import DataError, FitError
from mplfit.estimate.constants import FORECAST_BEYOND, FORECAST_LAW, FORECAST_SCATTER
from mplfit.estimate.fit import fit
from mplfit.estimate.prior import Prior
from mplfit.estimate.result import Fit
from mplfit.laws.base import to_unknowns
from mplfit.laws.registry import get_law
from mplfit.results import Result
from mplfit.schedule import Schedule
from mplfit.types import FloatArray, IntArray, Record

__all__ = ["Forecast", "Rest", "forecast", "forecast_interval", "prior_of"]

_LEVEL = 0.003
"""Relative difference of two runs of one schedule: within the 1e-3 to 8e-3 that were seen."""

_KEPT = 200  # parts of the rest that JSON has the ends of
_HELD = 0.01  # how far an unknown may go that the earlier fit has at a bound
# How far the last rows may lie off before that is said: off the law in scatters of the residuals,
# off an earlier fit in standard deviations of what it foretells.
_SCATTERS, _SDS = 5.0, 4.0


def _no_step() -> IntArray:
    return np.empty(0, dtype=np.int64)


def _no_interval() -> Interval:
    return Interval(np.empty(0), np.empty(0))


def _bounds(interval: Interval) -> dict[str, tuple[FloatArray, FloatArray]]:
    return {f"{level:.2f}": interval.bounds(level) for level in LEVELS}


@dataclass(frozen=True, eq=False)
class Rest(Record):
    """Some hundred of the updates to come, evenly, the last one among them.

    loss : forecast.  sd : the standard deviation of its logarithm.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("bounds",)

    step: IntArray
    lr: FloatArray
    loss: FloatArray
    sd: FloatArray

    @property
    def bounds(self) -> dict[str, tuple[FloatArray, FloatArray]]:
        """The lower and upper ends of the losses' intervals, by level."""
        return _bounds(Interval(self.loss, self.sd))


@dataclass(frozen=True, eq=False, repr=False)
class Forecast(Result):
    """The rest of a run.

    name : the run's.  logged, last_step, last_loss : how many rows its log has, and the last one.
    steps : of the plan.  rows : of the run itself that the fit rests on.
    rest : some of the updates to come, up to the last.  fit : what predicts them.
    off : mean log residual of the last tenth of the run's rows.
    off_sd : the standard deviation that the fit foretells of a row there.
    late : mean loss of these rows, which is what no change at all would give.
    by_prior : whether what a falling rate gives rests on the prior alone, as it has fallen in none
        of the runs yet.
    earlier : how many earlier runs it rests on.  by_fit : whether an earlier fit was the prior.
    step, interval : all updates to come, and their losses.  curve : the run.  These three are not
        written to JSON, and empty or None where read from it.
    """

    SCHEMA: ClassVar[str] = "mplfit.forecast/2"
    DERIVED: ClassVar[tuple[str, ...]] = ("ended", "final_loss", "intervals")

    name: str = field(metadata={"key": "run"})
    logged: int = field(metadata={"key": "rows"})
    last_step: int
    last_loss: float
    steps: int
    rows: int = field(metadata={"key": "rows_fitted"})
    off: float
    off_sd: float
    late: float = field(metadata={"key": "late_loss"})
    by_prior: bool = field(metadata={"key": "by_prior_alone"})
    earlier: int
    by_fit: bool
    rest: Rest
    fit: Fit
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    step: IntArray = field(default_factory=_no_step, metadata={"written": False})
    interval: Interval = field(default_factory=_no_interval, metadata={"written": False})
    curve: Curve | None = field(default=None, metadata={"written": False})
    ended = False

    @property
    def run(self) -> Curve:
        """The run; DataError where the forecast was read from JSON, which has none."""
        if self.curve is None:
            raise DataError(
                f"the forecast of {self.name} was read from JSON, which has not the run's rows: "
                "make it again from the log"
            )
        return self.curve

    @property
    def final_loss(self) -> float:
        """The forecast loss of the last update."""
        return float(self.rest.loss[-1])

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Those of the final loss, by level."""
        ends = self.rest.bounds.items()
        return {level: (float(low[-1]), float(high[-1])) for level, (low, high) in ends}

    @property
    def bounds(self) -> dict[str, tuple[FloatArray, FloatArray]]:
        """The lower and upper ends of the losses' intervals at each step, by level."""
        return _bounds(self.interval)


def forecast(
    run: Curve,
    *,
    earlier: Sequence[Curve] = (),
    known: Fit | None = None,
    law: str = FORECAST_LAW,
    constants: Mapping[str, float] | None = None,
) -> Forecast:
    """Predict the rest of a run.

    Parameters
    ----------
    run : the rows so far, with the schedule of the whole run as it is planned.
    earlier : other runs of the same model and data, whole or not. Rows that the run shares with one
        of them (it branched off) count once.
    known : an earlier fit, which becomes the prior; its law is used.
    law, constants : as in `mplfit.fit`. A law without a prior on its shapes is searched for in its
        whole box, which takes twenty times as long.

    Raises
    ------
    FitError
        If the plan ends where the rows do, or the rows are too few.

    Examples
    --------
    >>> import numpy as np
    >>> from mplfit import load_fit, simulate
    >>> from mplfit.plan.forecast import forecast
    >>> from mplfit.schedule import cosine
    >>> truth = load_fit("400")
    >>> plan, step = cosine(3000, 3e-4, warmup=100), np.arange(100, 1500, 20)
    >>> rest = forecast(simulate(truth.formula, truth.values, plan, step))
    >>> int(rest.step[0]), int(rest.step[-1]), bool(rest.interval.sd[-1] > 0.005)
    (1481, 2999, True)
    """
    last = int(run.step[-1])
    if last >= run.schedule.steps - 1:
        raise FitError(
            f"{run.name}: the plan of {run.schedule.steps} updates ends where the log does (step "
            f"{last}): give the schedule of the whole run with schedule="
        )
    # A log of the same name is another run's: new/log.csv beside old/log.csv.
    earlier = [
        replace(one, name=f"{one.name} (earlier)") if one.name == run.name else one
        for one in earlier
    ]
    past, rows = _past(run, earlier)
    trained = [*earlier, *([past] if past else [])]
    if known is not None:
        law, constants = known.law, known.formula.constants
    found = fit(
        trained,
        law,
        prior=None if known is None else prior_of(known),
        constants=constants,
        quick=known is not None or get_law(law).default_prior != "none",
        leave_out=False,  # the intervals here do not rest on it
    )
    step = np.arange(last + 1, run.schedule.steps)
    said = check_loss(found, run.schedule, run.name)
    interval = forecast_interval(found, run.schedule, step)
    if not np.all(interval.loss > 0):
        raise FitError(
            f"{run.name}: the forecast falls to {interval.loss.min():.4g}, which no run can have: "
            f"{found.law} does not hold for the rest of this plan; add an earlier run whose rate "
            "has fallen, or an earlier fit"
        )
    off, sd = _off(run, found)
    plan = run.schedule.lr[run.step[0] :]
    falls = bool(plan[-1] < plan.max() * (1 - 1e-6))
    by_prior = falls and known is None and not any(_fell(curve) for curve in trained)
    warnings = (*_warnings(run, found, known), *said)
    late = float(run.loss[_late(run)].mean())
    notes = reach_sentences(known or found, {run.name: run.schedule})
    at = np.unique(np.round(np.linspace(0, step.size - 1, _KEPT + 1)).astype(np.int64))
    return Forecast(
        name=run.name,
        logged=len(run),
        last_step=last,
        last_loss=float(run.loss[-1]),
        steps=run.schedule.steps,
        rows=rows,
        off=off,
        off_sd=sd,
        late=late,
        by_prior=by_prior,
        earlier=len(earlier),
        by_fit=known is not None,
        rest=Rest(step[at], run.schedule.lr[step[at]], interval.loss[at], interval.sd[at]),
        fit=found,
        warnings=warnings,
        notes=tuple(notes),
        step=step,
        interval=interval,
        curve=run,
    )


def forecast_interval(found: Fit, schedule: Schedule, step: ArrayLike) -> Interval:
    """Losses at some steps with their uncertainty; see the module."""
    step, place = schedule.in_order(step)
    loss, slopes = log_slopes(found, schedule, step)
    variance = np.sum((slopes @ factor(found)) ** 2, axis=1)
    assert found.spread is not None  # or it would have no covariance
    s, so_far = found.spread.scatter, found.spread.largest_S
    with np.errstate(divide="ignore"):
        beyond = np.maximum(0.0, np.log(np.cumsum(schedule.lr)[step] / so_far))
    rest = (FORECAST_SCATTER * s) ** 2 + (FORECAST_BEYOND * s * beyond) ** 2
    return Interval(loss[place], np.sqrt(variance + rest)[place])


def prior_of(known: Fit) -> Prior:
    """An earlier fit as the prior of the next: normal, with its covariance.

    Runs of one schedule differ, so that ln L0 may also move by 0.003; what the fit has at a bound
    hardly moves.

    Raises
    ------
    FitError
        If the fit has no covariance.
    """
    law, spread = known.formula, covariance(known)
    held = np.diag(spread) == 0
    spread = spread + np.diag(np.where(held, _HELD**2, 0.0))
    level = law.names.index("L0")
    spread[level, level] += _LEVEL**2
    size = np.sqrt(np.diag(spread))
    values, vectors = np.linalg.eigh(spread / np.outer(size, size))
    whitening = (vectors / np.sqrt(np.maximum(values, 1e-12 * values[-1]))) @ vectors.T / size
    return Prior("earlier fit", to_unknowns(law, known.values), whitening)


def _past(run: Curve, earlier: Sequence[Curve]) -> tuple[Curve | None, int]:
    """The run up to its last row, without rows that an earlier run has; and how many are left."""
    fresh = np.ones(len(run), dtype=np.bool_)
    for other in earlier:
        fresh &= ~run.shares(other)
    if not fresh.any():
        return None, 0
    end = int(run.step[-1]) + 1
    schedule = Schedule(run.schedule.lr[:end], min(run.schedule.warmup, end))
    past = Curve(run.name, run.step[fresh], run.loss[fresh], schedule, run.origin, run.weight_decay)
    return past, int(fresh.sum())


def _off(run: Curve, found: Fit) -> tuple[float, float]:
    """Mean log residual of the last tenth of the rows, and the standard deviation foretold."""
    late = _late(run)
    interval = forecast_interval(found, run.schedule, run.step[late])
    residual = np.log(run.loss[late] / interval.loss)
    return float(residual.mean()), float(interval.sd.mean())


def _fell(curve: Curve) -> bool:
    """Whether the rate has fallen up to the last row; a warmup tells nothing of that."""
    seen = curve.schedule.lr[: curve.step[-1] + 1]
    return bool(np.any(seen < np.maximum.accumulate(seen) * (1 - 1e-6)))


def _late(run: Curve) -> slice:
    """The rows of the last tenth of the run so far."""
    last = int(run.step[-1])
    return slice(int(np.searchsorted(run.step, last - max(0.1 * last, 1), side="right")), None)


def _warnings(run: Curve, found: Fit, known: Fit | None) -> tuple[str, ...]:
    said = list(found.warnings)
    if known is None:
        scatter = found.spread.scatter if found.spread else 0.0
        off, most = _off(run, found)[0], _SCATTERS * max(scatter, 1e-4)
        of, why = "the law", "it does not describe this run, or earlier runs are of another kind"
    else:
        off, foretold = _off(run, known)
        most = _SDS * foretold
        of, why = "the earlier fit", "is this a run of the same model and data?"
    if abs(off) > most:
        side = "above" if off > 0 else "below"
        said.append(f"the last rows of {run.name} lie {100 * abs(off):.2g} % {side} {of}: {why}")
    seen = run.schedule.lr[: run.step[-1] + 1].max()
    if run.schedule.peak > seen * (1 + 1e-9):
        said.append(
            f"the plan goes on to the rate {run.schedule.peak:g}, above the {seen:g} so far: no "
            "law knows of instability there"
        )
    return tuple(said)
