"""One call for each question: what `import mplfit` offers to people who write Python.

The calls read files, so that a path will do wherever runs, a fit or a schedule is meant; the rooms
below take objects alone. Each does what the command of its name does, and returns the same result,
which shows itself: repr and print in a terminal, HTML in a notebook, `plot` and `tables`.

>>> import mplfit
>>> runs = mplfit.read("data/lab_text")
>>> fit = mplfit.fit([runs["lab_cosine"], runs["lab_two_stage"]], law="effective", rival=False)
>>> final = fit.predict("cosine:steps=3000,peak=6e-3,warmup=300")
>>> low, high = final.intervals["0.95"]
>>> low < final.final_loss < high
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from mplfit.assess.choose import AUTO, fit_auto, fit_rival, published_beside
from mplfit.assess.compare import Comparison, compare_laws
from mplfit.assess.identify import identified
from mplfit.assess.predict import Prediction, Predictions, predictions
from mplfit.bounds import last_positive
from mplfit.bounds.table import BoundTable, judge, rank
from mplfit.curve import Curve
from mplfit.errors import DataError, FitError
from mplfit.estimate.fit import fit as fit_law
from mplfit.estimate.prior import Prior
from mplfit.estimate.result import Fit
from mplfit.laws.registry import LAWS, get_law
from mplfit.plan.advise import Advice
from mplfit.plan.advise import advise as advise_next
from mplfit.plan.design import Design
from mplfit.plan.design import design as design_runs
from mplfit.plan.extend import Extension, compare_ways, extensions
from mplfit.plan.extend import extend as extend_schedule
from mplfit.plan.forecast import Forecast
from mplfit.plan.forecast import forecast as forecast_run
from mplfit.plan.optimize import Plan
from mplfit.plan.optimize import optimize as optimize_fit
from mplfit.readers.again import read_logs
from mplfit.readers.fits import load_fit
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves, split
from mplfit.readers.released import TRAIN
from mplfit.readers.schedules import load_schedule
from mplfit.readers.sweep_table import read_sweep
from mplfit.runs import Runs
from mplfit.schedule import Schedule
from mplfit.show.table import Table
from mplfit.show.tables import html, short_text, tables, whole_text
from mplfit.sweeps.analysis import Options, SweepAnalysis, analyse
from mplfit.sweeps.predicted import compare_predicted, predictor
from mplfit.sweeps.roles import Roles
from mplfit.tasks import Progress
from mplfit.types import FloatArray
from mplfit.writers.export import Units
from mplfit.writers.export import export as export_schedule
from mplfit.writers.files import write_file, write_folder
from mplfit.writers.text import json_bytes

__all__ = [
    "FitLike",
    "PathName",
    "PathOrPaths",
    "RunsLike",
    "ScheduleLike",
    "advise",
    "bound",
    "compare",
    "design",
    "extend",
    "fit",
    "forecast",
    "load",
    "optimize",
    "predict",
    "read",
    "save",
    "sweep",
]

PathName: TypeAlias = str | PathLike[str]
PathOrPaths: TypeAlias = PathName | Sequence[PathName]
"""A log or a folder of logs, or several of them."""
RunsLike: TypeAlias = PathOrPaths | Curve | Iterable[Curve]
"""Runs that are read already, or where they are."""
FitLike: TypeAlias = Fit | PathName
"""A fit, the file or folder of one, or "25", "100" or "400" (published parameters)."""
ScheduleLike: TypeAlias = Schedule | str
"""A schedule, its text (`mplfit schedule --help`), or the name of a file."""

_CURVES = "_curves"  # of a fit that this process has made: what it was fitted to, and held out


def read(
    paths: PathOrPaths,
    *,
    schedules: Mapping[str, ScheduleLike] | None = None,
    sizes: Mapping[str, float | str] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Runs:
    """Read the runs in files and folders, of any format that mplfit knows.

    Parameters
    ----------
    paths : files, folders and patterns such as logs/*.csv.
    schedules, sizes : of single runs, by name, where the logs do not tell them.
    options : what is said about all logs: the fields of `mplfit.readers.options.ReadOptions`, such
        as metric="val" or from_step=0.

    Raises
    ------
    DataError
        If there is no such file, or it holds no run.

    >>> import mplfit
    >>> runs = mplfit.read("data/lab_text")
    >>> len(runs), runs["lab_cosine"]
    (10, Curve('lab_cosine', 48 points in steps 649–2999 of 3000))
    """
    return Runs(
        read_curves(
            _paths(paths),
            ReadOptions(**options),
            schedules=schedules,
            sizes=sizes,
            progress=progress,
        )
    )


def fit(
    runs: RunsLike,
    law: str = AUTO,
    *,
    train: Sequence[str] = (),
    test: Sequence[str] | Curve | Iterable[Curve] = (),
    prior: str | Prior | None = None,
    weight_decay: float | None = None,
    rival: bool = True,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit a law to runs, measure it on held-out ones, and say what they leave open.

    It is what `mplfit fit` does: known collections of runs are split into training and held-out
    ones as they are elsewhere, any others all train; without a law two are fitted, and the one that
    predicts better is used.

    Parameters
    ----------
    runs : curves, or the paths of logs.
    law : a law's key (`mplfit fit --help` lists them), or "auto".
    train, test : names of the runs to learn from, and to hold out. Held-out runs may be curves,
        too: then all of `runs` train.
    prior : "none", "weak", "weak:N" or a `Prior`; the law's own where None.
    weight_decay : AdamW's, for laws that have it; what the logs say, or 0.1, where None.
    rival : whether another law is fitted beside a named one.
    executor : runs the descents, where given (threads or processes); the result is the same.

    Raises
    ------
    DataError, FitError
        If a name is not that of a run, or the runs are too few or too short.

    >>> import mplfit
    >>> found = mplfit.fit("data/lab_text", law="onepower", rival=False)
    >>> found.law, [record.name for record in found.trained]
    ('onepower', ['lab_constant', 'lab_cosine', 'lab_two_stage'])
    """
    curves, names, held = _curves_of(runs), list[str](), list[Curve]()
    for one in [test] if isinstance(test, (Curve, str)) else test:
        if isinstance(one, Curve):
            held.append(one)
        else:
            names.append(one)
    trained = list(curves)
    if held and names:
        raise DataError("test takes the names of runs, or curves: not both")
    if train or not held:
        trained, rest, _ = split(curves, train, names)
        held = held or rest
    automatic = law == AUTO
    constants = _constants("effective" if automatic else law, weight_decay, trained)
    if automatic:
        if isinstance(prior, Prior):
            raise FitError("a Prior belongs to one law: name it, as law='effective'")
        made = fit_auto(
            trained, prior=prior, constants=constants, test=held, executor=executor,
            progress=progress,
        )  # fmt: skip
    else:
        made = fit_law(
            trained, law, prior=prior, constants=constants, test=held, executor=executor,
            progress=progress,
        )  # fmt: skip
    others = [*made.others]
    if rival and not automatic and (other := fit_rival(made, trained, held, constants)) is not None:
        others.append(other)
    if {curve.name for curve in trained} == set(TRAIN):
        known = published_beside(trained, held)
        others += [known] if known is not None else []
    found = replace(identified(made, trained), others=tuple(others))
    object.__setattr__(found, _CURVES, (*trained, *held))
    return found


def predict(
    fit: FitLike, *schedules: ScheduleLike | Mapping[str, ScheduleLike], exact: bool = False
) -> Predictions:
    """Predict the losses of schedules, side by side, with intervals where the fit has them.

    Parameters
    ----------
    schedules : schedules or texts, or mappings from names to these.
    exact : sum plainly instead of fast.

    >>> import mplfit
    >>> found = mplfit.predict("400", "linear:steps=6000,peak=3e-4", "cosine:steps=6000,peak=3e-4")
    >>> found.lowest.name
    'cosine:steps=6000,peak=3e-4'
    """
    known = _fit_of(fit)
    return predictions(known, _named(schedules), exact=exact, name=_name_of(fit))


def predict_one(fit: FitLike, schedule: ScheduleLike, *, exact: bool = False) -> Prediction:
    """The prediction of one schedule: what `Fit.predict` returns."""
    found = predict(fit, schedule, exact=exact)
    return replace(found.predictions[0], warnings=found.warnings, notes=found.notes)


def compare(
    runs: RunsLike,
    laws: Sequence[str] | None = None,
    *,
    train: Sequence[str] = (),
    test: Sequence[str] = (),
    weight_decay: float | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Fit several laws to runs; the one that predicts unseen runs best comes first.

    laws : their keys; all that are quick to fit where None. The rest is as for `fit`.
    """
    trained, held, _ = split(_curves_of(runs), train, test)
    chosen = [key for key, law in LAWS.items() if law.usually_compared] if laws is None else laws
    decaying = [key for key in chosen if "weight_decay" in get_law(key).constants]
    constants = _constants(decaying[0], weight_decay, trained) if decaying else None
    return compare_laws(trained, held, chosen, constants=constants, progress=progress)


def optimize(
    fit: FitLike,
    *,
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

    The parameters are those of `mplfit.plan.optimize.optimize`.

    >>> import mplfit
    >>> plan = mplfit.optimize("400", steps=3000, warmup=300, knots=8)
    >>> plan.schedule.steps, len(plan.baselines)
    (3000, 7)
    """
    return optimize_fit(
        _fit_of(fit), steps=steps, warmup=warmup, peak=peak, highest=highest, final=final,
        minimum=minimum,
        knots=knots, past=None if past is None else schedule_from(past), past_steps=past_steps,
        robust=robust, name=_name_of(fit), progress=progress,
    )  # fmt: skip


def forecast(
    run: Curve | PathName,
    *,
    schedule: ScheduleLike | None = None,
    earlier: RunsLike = (),
    known: FitLike | None = None,
    law: str | None = None,
    weight_decay: float | None = None,
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
    prior = None if known is None else _fit_of(known)
    named = {} if law is None else {"law": law}
    constants = None if weight_decay is None else {"weight_decay": weight_decay}
    before = _curves_of(earlier) if earlier else ()
    return forecast_run(run, earlier=before, known=prior, constants=constants, **named)


def extend(
    schedule: ScheduleLike,
    steps: int,
    by: Literal["cooldown", "factor"] = "cooldown",
    *,
    fit: FitLike | None = None,
) -> Extension:
    """How to go on with a run for longer with its base learning rate.

    Parameters
    ----------
    schedule : of the run as planned, constant or warmup-stable-decay.  steps : of the longer run.
    by : a longer cooldown, or a lower rate from where the old one began.
    fit : predicts the loss of each way.

    >>> import mplfit
    >>> found = mplfit.extend("wsdld:steps=4000,peak=3e-4,decay=0.2", 6000)
    >>> found.chosen, found.steps
    ('cooldown', 6000)
    """
    original = schedule_from(schedule)
    chosen = extend_schedule(original, steps, by)
    known = None if fit is None else _fit_of(fit)
    return compare_ways(
        original, extensions(original, steps), chosen.how, known, text=_text_of(schedule),
        params=None if fit is None else _name_of(fit),
    )  # fmt: skip


def design(
    fit: FitLike,
    target: ScheduleLike,
    candidates: Mapping[str, ScheduleLike] | Sequence[ScheduleLike],
    *,
    over: ScheduleLike | None = None,
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
    other = None if over is None else schedule_from(over)
    return design_runs(
        _fit_of(fit), schedule_from(target), _named(some), over=other, runs=runs, every=every,
        name=_name_of(fit), called=(_text_of(target), None if over is None else _text_of(over)),
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
    known = _fit_of(fit)
    curves = [curve for curve in _curves_of_fit(known, runs) if known.has_seen(curve)]
    return advise_next(known, curves, steps=steps, loss=loss, progress=progress)


def bound(
    *schedules: ScheduleLike | Mapping[str, ScheduleLike],
    D: float = 1.0,
    G: float = 1.0,
    as_given: bool = False,
) -> BoundTable:
    """Rank schedules by the bound of convex theory on the last iterate, which needs no run.

    Parameters
    ----------
    D, G : distance to the solution and gradient norm: rates come in units of D/G where both are 1.
    as_given : judged at the rates given, else at the best base rate of each.

    >>> import mplfit
    >>> table = mplfit.bound("linear:steps=4000,peak=1", "constant:steps=4000,peak=1")
    >>> table.schedules[0].name, round(table.schedules[0].best_bound, 4)
    ('linear:steps=4000,peak=1', 0.0317)
    """
    judged = {}
    for name, one in _named(schedules).items():
        last = last_positive(one.lr)
        whole = Schedule(one.lr[:last], min(one.warmup, last))
        judged[name] = judge(name, whole, D=D, G=G, as_given=as_given)[0]
    return rank(judged, D, f"{G:g}")


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
        raise FitError("fit and schedule belong together: the fit predicts the rates of that one")
    options = Options(method, tolerance, draws, random_seed, tuple((reference or {}).items()))
    roles = Roles(lr, loss, seed, tuple(groups) or None, tuple(sizes) or None)
    found = analyse(read_sweep(_paths(paths), roles), options, progress=progress)
    if fit is None or schedule is None:
        return found
    rates = predictor(_fit_of(fit), schedule_from(schedule))
    return replace(found, predicted=tuple(compare_predicted(found.optima, rates)))


def load(source: PathName, size: str | None = None) -> Fit:
    """The fit in a file or folder, or the published parameters 25, 100 or 400.

    size : of the model, where the file holds a law over sizes.

    >>> import mplfit
    >>> mplfit.load("400").law
    'mpl'
    """
    return load_fit(source if isinstance(source, str) else Path(source), size)


def save(fit: Fit, folder: PathName, *, force: bool = False) -> None:
    """Write fit.json into a folder; see `Fit.save`."""
    write_folder(Path(folder), {"fit.json": json_bytes(fit.to_dict())}, force=force)


def residuals(fit: Fit, runs: RunsLike | None = None) -> dict[str, FloatArray]:
    """The log residuals of a fit on runs; see `Fit.residuals`."""
    return {
        curve.name: np.log(curve.loss) - np.log(fit.loss(curve.schedule, curve.step))
        for curve in _curves_of_fit(fit, runs)
    }


def plot(result: object, runs: RunsLike | None = None, *, ax: Any = None, fig: Any = None) -> Any:
    """The figure of a result; see `mplfit.show.figures.draw`."""
    from mplfit.show.figures import draw, plot_fit  # matplotlib takes long to import

    if isinstance(result, Fit):
        return plot_fit(result, _curves_of_fit(result, runs), ax=ax, fig=fig)
    return draw(result, ax, fig)


def export(
    schedule: Schedule,
    form: str,
    path: PathName | None = None,
    *,
    batch_size: int = 1,
    accumulate: int = 1,
    force: bool = False,
) -> bytes:
    """A schedule as the file of a training code; see `Schedule.export`."""
    data = export_schedule(schedule, form, Units(batch_size, accumulate))
    if path is not None:
        write_file(Path(path), data, force=force)
    return data


def tables_of(result: object) -> list[Table]:
    """The tables of a result."""
    return tables(result)


def schedule_from(given: ScheduleLike) -> Schedule:
    """A schedule that is given as one, as text, or by the name of a file."""
    return load_schedule(given) if isinstance(given, str) else given


def long_text(result: object) -> str:
    """All that a result says, its warnings below."""
    said = [f"Warning: {one}" for one in getattr(result, "warnings", ())]
    return "\n".join([whole_text(result), *said])


repr_text, html_of = short_text, html


def _paths(paths: PathOrPaths) -> list[str | Path]:
    some = [paths] if isinstance(paths, (str, PathLike)) else paths
    return [path if isinstance(path, str) else Path(path) for path in some]


def _curves_of(runs: RunsLike) -> list[Curve]:
    """The curves of runs, read where they are given by their paths."""
    if isinstance(runs, Curve):
        return [runs]
    if isinstance(runs, (str, PathLike)):
        return list(read(runs))
    some = list(runs)
    paths = [one for one in some if isinstance(one, (str, PathLike))]
    curves = [one for one in some if isinstance(one, Curve)]
    if len(paths) + len(curves) < len(some) or not some:
        raise DataError(
            "expected curves, or the paths of logs: got "
            + (
                type(next(one for one in some if one not in (*paths, *curves))).__name__
                if some
                else "nothing"
            )
        )
    if paths and curves:
        raise DataError("expected curves, or the paths of logs: got both")
    return list(read(paths)) if paths else curves


def _curves_of_fit(fit: Fit, runs: RunsLike | None) -> list[Curve]:
    """The runs given, else those that a fit was made from: kept, or read again."""
    if runs is not None:
        return _curves_of(runs)
    kept: tuple[Curve, ...] = getattr(fit, _CURVES, ())
    if kept:
        return list(kept)
    names = {record.name for record in fit.data}
    again = [curve for curve in read_logs(fit) if curve.name in names] if fit.data else []
    if not again:
        raise DataError(
            "the runs of this fit are not at hand (published parameters have none, and curves that "
            "were not read from logs are not kept in a file): give them, as fit.plot(runs)"
        )
    return again


def _fit_of(given: FitLike) -> Fit:
    return given if isinstance(given, Fit) else load(given)


def _name_of(given: FitLike) -> str:
    return (given.published or "given") if isinstance(given, Fit) else str(given)


def _text_of(given: ScheduleLike) -> str:
    return given if isinstance(given, str) else repr(given)


def _named(given: Iterable[ScheduleLike | Mapping[str, ScheduleLike]]) -> dict[str, Schedule]:
    """Schedules by name: a text's own, else their place among the schedules."""
    named: dict[str, Schedule] = {}
    for one in given:
        if isinstance(one, Mapping):
            pairs = dict(one)
        else:
            pairs = {one if isinstance(one, str) else f"schedule {len(named) + 1}": one}
        for name, plan in pairs.items():
            if name in named:
                raise DataError(f"two schedules are called {name!r}: give each another name")
            named[name] = schedule_from(plan)
    return named


def _constants(
    law: str, weight_decay: float | None, curves: Sequence[Curve]
) -> dict[str, float] | None:
    """What a law must be told of the runs: the weight decay that is given, or that of the logs."""
    known = get_law(law).constants
    if weight_decay is not None:
        get_law(law, {"weight_decay": weight_decay})  # refuses what the law does not know
        return {"weight_decay": weight_decay}
    logged = {curve.weight_decay for curve in curves if curve.weight_decay is not None}
    return {"weight_decay": logged.pop()} if "weight_decay" in known and len(logged) == 1 else None
