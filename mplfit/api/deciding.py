"""Which schedule to run: predicted, optimized, forecast, extended, designed, advised, bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from mplfit.api.fitting import Say, constants_of
from mplfit.api.inputs import (
    FitLike,
    PathName,
    PathOrPaths,
    RunsLike,
    ScheduleLike,
    curves_given,
    curves_of_fit,
    fit_of,
    name_of,
    named_schedules,
    paths_of,
    read,
    schedule_from,
    schedule_named,
)
from mplfit.assess.predict import Prediction, Predictions, predictions
from mplfit.bounds.table import BoundTable, judge_all
from mplfit.curve import Curve
from mplfit.errors import ArgumentsError, DataError
from mplfit.estimate.constants import FORECAST_LAW
from mplfit.plan.advise import Advice
from mplfit.plan.advise import advise as advise_next
from mplfit.plan.design import Design
from mplfit.plan.design import design as design_runs
from mplfit.plan.extend import Extension, by_law, compare_ways, ways_to_go_on
from mplfit.plan.forecast import Forecast
from mplfit.plan.forecast import forecast as forecast_run
from mplfit.plan.optimize import Plan
from mplfit.plan.optimize import optimize as optimize_fit
from mplfit.readers.sweep_table import read_sweep
from mplfit.sweeps.analysis import Options, SweepAnalysis, analyse
from mplfit.sweeps.predicted import compare_predicted, predictor
from mplfit.sweeps.roles import Roles
from mplfit.tasks import Progress
from mplfit.types import FloatArray

__all__ = [
    "advise",
    "bound",
    "design",
    "extend",
    "forecast",
    "optimize",
    "predict",
    "predict_one",
    "sweep",
]


def predict(
    fit: FitLike,
    *schedules: ScheduleLike | Mapping[str, ScheduleLike],
    size: str | None = None,
    exact: bool = False,
) -> Predictions:
    """Predict the losses of schedules, side by side, with intervals where the fit has them.

    Parameters
    ----------
    schedules : schedules or texts, or mappings from names to these.
    size : of the model, where the fit is a law over sizes.  exact : sum plainly instead of fast.

    >>> import mplfit
    >>> found = mplfit.predict("400", "linear:steps=6000,peak=3e-4", "cosine:steps=6000,peak=3e-4")
    >>> found.lowest.name
    'cosine:steps=6000,peak=3e-4'
    """
    known = fit_of(fit, size)
    return predictions(known, named_schedules(schedules), exact=exact, name=name_of(fit))


def predict_one(fit: FitLike, schedule: ScheduleLike, *, exact: bool = False) -> Prediction:
    """The prediction of one schedule: what `Fit.predict` returns."""
    found = predict(fit, schedule, exact=exact)
    return replace(found.predictions[0], warnings=found.warnings, notes=found.notes)


def optimize(
    fit: FitLike,
    *,
    size: str | None = None,
    steps: int | None = None,
    warmup: int | None = None,
    peak: float | Literal["free"] | None = None,
    highest: float | None = None,
    final: float | None = None,
    minimum: float = 1e-10,
    knots: int = 64,
    past: ScheduleLike | None = None,
    past_steps: int = 0,
    robust: float | Literal["mean"] | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Find the schedule with the lowest predicted final loss, and what it gains over usual ones.

    The parameters are those of `mplfit.plan.optimize.optimize`, and `size`: of the model, where the
    fit is a law over sizes.

    >>> import mplfit
    >>> plan = mplfit.optimize("400", steps=3000, warmup=300, knots=8)
    >>> plan.schedule.steps, len(plan.baselines)
    (3000, 7)
    """
    known = fit_of(fit, size)
    if size is not None and peak is None and past is None:
        peak = known.constants["eta_ref"]  # which the sizes' peaks lead to
    return optimize_fit(
        known, steps=steps, warmup=warmup, peak=peak, highest=highest, final=final,
        minimum=minimum,
        knots=knots, past=None if past is None else schedule_from(past), past_steps=past_steps,
        robust=robust, name=name_of(fit), progress=progress,
    )  # fmt: skip


def forecast(
    run: Curve | PathName,
    *,
    schedule: ScheduleLike | None = None,
    earlier: RunsLike = (),
    known: FitLike | None = None,
    law: str | None = None,
    weight_decay: float | None = None,
    say: Say | None = None,
    **options: Any,
) -> Forecast:
    """Forecast the rest of a run in progress.

    Parameters
    ----------
    run : the rows so far.
    schedule : the plan of the whole run, where the log does not have it.
    earlier : other runs of the same model and data.  known : an earlier fit, as the prior.
    options : how the log is read, as in `read`.
    """
    if not isinstance(run, Curve):
        found = read(run, schedule=schedule, **options)
        if len(found) > 1:
            raise DataError(f"a forecast is of one run, got {', '.join(found.names)}")
        run = found[0]
    elif schedule is not None:
        run = replace(run, schedule=schedule_from(schedule))
    prior = None if known is None else fit_of(known)
    before = curves_given(earlier) if earlier else []
    key = FORECAST_LAW if law is None else law
    constants = constants_of(key, weight_decay, [run, *before], say) if prior is None else None
    return forecast_run(run, earlier=before, known=prior, constants=constants, law=key)


def extend(
    schedule: ScheduleLike | Mapping[str, ScheduleLike],
    steps: int,
    by: Literal["cooldown", "factor", "law"] | None = None,
    *,
    fit: FitLike | None = None,
) -> Extension:
    """How to go on with a run for longer with its base learning rate.

    Parameters
    ----------
    schedule : of the run as planned, constant or warmup-stable-decay.  steps : of the longer run.
    by : a longer cooldown, or a lower rate from where the old one began, by convex theory; or the
        cooldown that the fit predicts to be best (law), the default where there is a fit. Where
        there is no such way the other one is taken, and a warning says why.
    fit : predicts the loss of each way.

    >>> import mplfit
    >>> found = mplfit.extend("wsdld:steps=4000,peak=3e-4,decay=0.2", 6000)
    >>> found.chosen, found.steps
    ('cooldown', 6000)
    """
    text, original = schedule_named(schedule)
    ways, missing = ways_to_go_on(original, steps)
    known, name = (None, None) if fit is None else (fit_of(fit), name_of(fit))
    if known is not None:
        ways.append(by_law(original, steps, known))
    elif by == "law":
        raise ArgumentsError("by=law needs a fit: give params=, or another by=")
    how = by or ("cooldown" if known is None else "law")
    return compare_ways(original, ways, how, known, text=text, params=name, missing=missing)


def design(
    fit: FitLike,
    target: ScheduleLike | Mapping[str, ScheduleLike],
    candidates: Mapping[str, ScheduleLike] | Sequence[ScheduleLike],
    *,
    over: ScheduleLike | Mapping[str, ScheduleLike] | None = None,
    runs: int = 3,
    every: int | None = None,
) -> Design:
    """Choose which runs to do next, so that a prediction becomes surer.

    Parameters
    ----------
    target : the schedule whose final loss is to be known better; its gain over `over`, if given.
    candidates : runs that could be done.  runs : how many to choose.
    every : steps between logged rows; as in the fit's runs where None.
    """
    some = (candidates,) if isinstance(candidates, Mapping) else tuple(candidates)
    name, wanted = schedule_named(target)
    over_name, other = (None, None) if over is None else schedule_named(over)
    return design_runs(
        fit_of(fit), wanted, named_schedules(some), over=other, runs=runs, every=every,
        name=name_of(fit), called=(name, over_name),
    )  # fmt: skip


def advise(
    fit: FitLike,
    runs: RunsLike | None = None,
    *,
    steps: int | None = None,
    loss: float | None = None,
    progress: Progress | None = None,
) -> Advice:
    """Which schedule to run next, what it gains, how sure that is, and which run would tell more.

    Parameters
    ----------
    runs : those of the fit, read again where None.  steps : updates of the next run, as many as the
        longest has where None.  loss : one to be reached, whose updates are asked for.
    """
    known = fit_of(fit)
    curves = [curve for curve in curves_of_fit(known, runs) if known.has_seen(curve)]
    return advise_next(known, curves, steps=steps, loss=loss, progress=progress)


def bound(
    *schedules: ScheduleLike | Mapping[str, ScheduleLike],
    D: float = 1.0,
    G: float | Mapping[str, FloatArray] = 1.0,
    at: int | None = None,
    as_given: bool = False,
    average: bool = False,
    terms: bool = False,
    exact: bool = False,
) -> BoundTable:
    """Rank schedules by the bound of convex theory on the last iterate, which needs no run.

    Parameters
    ----------
    D, G : distance to the solution and gradient norm (a number, or by the schedule's name those of
        every update): rates come in units of D/G where both are 1.
    at, as_given, average, terms, exact : as in `mplfit.bounds.table.judge`.

    >>> import mplfit
    >>> table = mplfit.bound("linear:steps=4000,peak=1", "constant:steps=4000,peak=1")
    >>> table.schedules[0].name, round(table.schedules[0].best_bound, 4)
    ('linear:steps=4000,peak=1', 0.0317)
    """
    return judge_all(
        named_schedules(schedules), D=D, G=G, at=at, as_given=as_given, average=average,
        terms=terms, exact=exact,
    )[0]  # fmt: skip


def sweep(
    paths: PathOrPaths,
    *,
    lr: str | None = None,
    loss: str | None = None,
    seed: str | None = None,
    groups: Sequence[str] = (),
    sizes: Sequence[str] = (),
    method: str = "robust",
    reference: Mapping[str, float] | None = None,
    tolerance: float = 0.01,
    draws: int = 1000,
    random_seed: int = 0,
    fit: FitLike | None = None,
    schedule: ScheduleLike | None = None,
    progress: Progress | None = None,
) -> SweepAnalysis:
    """Find the best learning rate in tables of runs, and whether it transfers across sizes.

    Parameters
    ----------
    lr, loss, seed, groups, sizes : columns, where their names do not tell them.
    method : of the law told first: "grid", "ordinary" or "robust".
    reference : sizes at which laws state their rate.  tolerance : of a basin, as a share of the
        loss.  draws, random_seed : resampled sweeps.
    fit, schedule : a fit of the effective law and the runs' schedule, to predict best rates.

    >>> import mplfit
    >>> found = mplfit.sweep("data/lab_sweep/lab_sweep.csv", draws=100)
    >>> len(found.optima) > 1
    True
    """
    if (fit is None) != (schedule is None):
        raise ArgumentsError(
            "fit and schedule belong together: the fit predicts the rates of that one"
        )
    options = Options(method, tolerance, draws, random_seed, tuple((reference or {}).items()))
    roles = Roles(lr, loss, seed, tuple(groups) or None, tuple(sizes) or None)
    found = analyse(read_sweep(paths_of(paths), roles), options, progress=progress)
    if fit is None or schedule is None:
        return found
    rates = predictor(fit_of(fit), schedule_from(schedule))
    return replace(found, predicted=tuple(compare_predicted(found.optima, rates)))
