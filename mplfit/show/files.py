"""The files of a result: what the folder holds that its command, or its `save`, writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from operator import call
from typing import Any, NamedTuple, TypeAlias

from matplotlib.figure import Figure

from mplfit import tasks
from mplfit.assess.compare import Comparison
from mplfit.assess.predict import Predictions
from mplfit.bounds.agreement import Agreement
from mplfit.bounds.table import BoundSweep, BoundTable, Drawn
from mplfit.curve import Curve, RunSize
from mplfit.errors import OutputError
from mplfit.estimate.result import Fit
from mplfit.estimate.trace import Iteration
from mplfit.lab.coordinates import CoordinateChecks
from mplfit.plan.advise import Advice, Ending
from mplfit.plan.design import Design
from mplfit.plan.extend import Extension, schedules_of
from mplfit.plan.forecast import Forecast
from mplfit.plan.optimize import Plan
from mplfit.schedule import Schedule
from mplfit.show.bound_plot import (
    plot_agreement,
    plot_bounds,
    plot_continuations,
    plot_example,
    plot_scan,
    plot_terms,
)
from mplfit.show.compare_plot import plot_laws
from mplfit.show.convergence_plot import plot_convergence
from mplfit.show.lab_plot import plot_coordinates
from mplfit.show.plans import plot_design, plot_forecast
from mplfit.show.plot import (
    picture,
    plot_curve,
    plot_overview,
    plot_plan,
    plot_predictions,
    plot_schedules,
    png,
)
from mplfit.show.profile_plot import plot_profiles
from mplfit.sizes.result import Sizes
from mplfit.sizes.usual import usual_schedules
from mplfit.sweeps.analysis import SweepAnalysis
from mplfit.sweeps.export import optima_rows
from mplfit.tasks import Progress
from mplfit.writers.export import export
from mplfit.writers.text import (
    csv_bytes,
    file_name,
    json_bytes,
    prediction_csv,
    schedule_files,
)

__all__ = [
    "Drawing",
    "Files",
    "advice_files",
    "bound_files",
    "bound_sweep_files",
    "comparison_files",
    "convergence_files",
    "design_files",
    "extension_files",
    "files_of",
    "fit_files",
    "plan_files",
    "rendered",
    "schedules_files",
    "sizes_files",
]


class Drawing(NamedTuple):
    """A figure that is drawn already, as for a page."""

    figure: Figure
    png: bytes


Files: TypeAlias = dict[str, "bytes | Figure | Drawing"]
"""Files by name; those of figures end in .png, and are drawn by `rendered`."""


def rendered(files: Mapping[str, bytes | Figure | Drawing], kind: str = "png") -> dict[str, bytes]:
    """The files as they are written, figures as png, svg or pdf and named so.

    >>> from matplotlib.figure import Figure
    >>> from mplfit.show.files import rendered
    >>> made = rendered({"losses.png": Figure(), "fit.json": b"{}"}, "pdf")
    >>> list(made), made["losses.pdf"][:4]
    (['losses.pdf', 'fit.json'], b'%PDF')
    """
    made = {}
    for name, data in files.items():
        if isinstance(data, Drawing):
            data = data.png if kind == "png" else data.figure
        drawn = data if isinstance(data, bytes) else picture(data, kind)
        made[f"{name[:-4]}.{kind}" if name.endswith(".png") else name] = drawn
    return made


def files_of(result: Any, values: Mapping[str, Any] | None = None) -> Files:
    """The files of a result that are made from itself alone.

    values : what its JSON file holds; `result.to_dict()` where None.

    Raises
    ------
    OutputError
        If it has none.
    """
    maker = _MAKERS.get(type(result).__name__)
    if maker is None:
        known = ", ".join(sorted(_MAKERS))
        raise OutputError(f"{type(result).__name__} has no files: those of {known} have some")
    return maker(result, result.to_dict() if values is None else values)


def fit_files(
    fit: Fit,
    train: Sequence[Curve],
    test: Sequence[Curve],
    *,
    executor: Executor | None = None,
    progress: Progress | None = None,
    kind: str = "png",
) -> Files:
    """fit.json, the laws fitted beside it where none was asked for, and figures of all curves."""
    runs = [(curve, "training") for curve in train] + [(curve, "held out") for curve in test]
    jobs: dict[str, Callable[[], bytes]] = {"overview.png": partial(_overview, fit, runs, kind)}
    for curve, role in runs:
        jobs[f"plots/{file_name(curve.name)}.png"] = partial(_curve, fit, curve, role, kind)
    drawn = tasks.run(call, jobs.values(), executor=executor, progress=progress, what="figures")
    files: Files = {"fit.json": json_bytes(fit.to_dict()), **dict(zip(jobs, drawn, strict=True))}
    for other in fit.others if fit.choice else ():
        if not other.published:
            files[f"fit-{other.law}.json"] = json_bytes(other.to_dict())
    return files


def convergence_files(
    fit: Fit, made: Sequence[Iteration], kind: str = "png"
) -> tuple[bytes, bytes]:
    """The iterations of a fit as a table, and a figure of them."""
    header = ["descent", "iteration", "objective", "gradient_norm", *fit.formula.names]
    rows = [(one.start, one.number, one.objective, one.gradient, *one.params) for one in made]
    return csv_bytes(header, rows), picture(plot_convergence(made), kind)


def _overview(fit: Fit, runs: Sequence[tuple[Curve, str]], kind: str) -> bytes:
    return picture(plot_overview(runs, fit), kind)


def _curve(fit: Fit, curve: Curve, role: str, kind: str) -> bytes:
    return picture(plot_curve(curve, fit, role), kind)


def comparison_files(found: Comparison, train: Sequence[Curve], test: Sequence[Curve]) -> Files:
    """comparison.json, and the residuals of the laws side by side."""
    files: Files = {"comparison.json": json_bytes(found.to_dict())}
    fits = {law.law: law.fit for law in found if law.fit is not None}
    if fits:
        files["residuals.png"] = plot_laws(fits, train, test)
    return files


def schedules_files(named: Mapping[str, Schedule]) -> Files:
    """The rates of every schedule as csv and npy, and a figure of all."""
    files: Files = {"schedules.png": plot_schedules(named)}
    for name, schedule in named.items():
        arrays = schedule_files(schedule, schedule.to_dict())
        for kind in ("csv", "npy"):
            files[f"{file_name(name)}.{kind}"] = arrays[f"schedule.{kind}"]
    return files


def extension_files(found: Extension, original: Schedule) -> Files:
    """The chosen way as a schedule, and a figure of all ways."""
    ways = schedules_of(found, original)
    schedule = ways[found.chosen]
    files = schedule_files(schedule, {**schedule.to_dict(), "extension": found.to_dict()})
    return {**files, "ways.png": plot_continuations(original, ways)}


def design_files(found: Design, candidates: Mapping[str, Schedule]) -> Files:
    """design.json, and a figure of the candidates."""
    drawn = plot_design(found, candidates)
    return {"design.json": json_bytes(found.to_dict()), "design.png": drawn}


def advice_files(
    found: Advice | Ending | Predictions,
    fit: Fit,
    curves: Sequence[Curve],
    values: Mapping[str, Any],
) -> Files:
    """The advised schedule in all forms, the page to play with, advice.json and fit.json."""
    from mplfit.show.explore import explore_page

    schedule = (found.lowest if isinstance(found, Predictions) else found).schedule
    if isinstance(found, Predictions):
        ranked = sorted(found.predictions, key=lambda one: one.final_loss)
        title, others = "Which of these schedules", [one.schedule for one in ranked[1:4]]
    elif isinstance(found, Advice):
        title, named = "Which schedule to run next", {found.chosen.name: schedule}
        for one in (found.reference, found.best_usual):
            named.setdefault(one.name, one.schedule)
        others = list(named.values())[1:]
    else:
        title, others = "How to end the run", [way.option.schedule for way in found.ways[1:4]]
    return {
        **schedule_files(schedule, schedule.to_dict()),
        "schedule.py": export(schedule, "torch"),
        "advice.html": explore_page(fit, schedule, others, curves, title),
        "advice.json": json_bytes(values),
        "fit.json": json_bytes(fit.to_dict()),
    }


def bound_files(found: BoundTable, drawn: Mapping[str, Drawn], title: str) -> Files:
    """The bound curves as csv, a figure of them, and one of their terms where there are some."""
    shown = {name: one.schedule for name, one in drawn.items()}
    files: Files = {
        "bound.png": plot_bounds(shown, {name: one.curve for name, one in drawn.items()}, title)
    }
    for name, one in drawn.items():
        lines = prediction_csv(one.schedule, one.curve)
        files[f"{file_name(name)}.csv"] = lines.replace(b"step,lr,loss", b"step,lr,bound")
    if any(one.example for one in drawn.values()):
        files["example.png"] = plot_example(drawn)
    if any(one.terms for one in found.schedules):
        files["terms.png"] = plot_terms(found)
        rows = [[one.name, *(one.terms or {}).values()] for one in found.schedules]
        files["terms.csv"] = csv_bytes(["schedule", "distance", "noise", "last"], rows)
    return files


def bound_sweep_files(found: BoundSweep) -> Files:
    """What was tried in each scan as csv, and a figure."""
    files: Files = {"bound.png": plot_scan({one.name: one for one in found.sweeps})}
    header = [found.over.replace("-", "_"), "best_peak_lr", "best_bound", "bound"]
    for one in found.sweeps:
        rows = zip(one.value, one.base, one.best, one.given, strict=True)
        files[f"{file_name(one.name)}.csv"] = csv_bytes(header, rows)
    return files


def sizes_files(
    law: Sizes, curves: Sequence[Curve], schedules: Mapping[str, Schedule], largest: float
) -> Files:
    """sizes.json, the losses of schedules against the size up to the largest, the residuals."""
    from mplfit.show.sizes_plot import plot_size_losses, plot_size_residuals

    usual = usual_schedules(law, RunSize(parameters=max(largest, law.largest)))
    return {
        "sizes.json": json_bytes(law.to_dict()),
        "losses.png": plot_size_losses(law, schedules or usual, curves, largest),
        "residuals.png": plot_size_residuals(law, curves),
    }


def _predictions(found: Predictions, values: Mapping[str, Any]) -> Files:
    schedules = {one.name: one.schedule for one in found.predictions}
    losses = {one.name: one.loss for one in found.predictions}
    named = {one.name: one for one in found.predictions}
    files: Files = {"losses.png": plot_predictions(named)}
    for name, schedule in schedules.items():
        files[f"{file_name(name)}.csv"] = prediction_csv(schedule, losses[name])
    return files


def plan_files(plan: Plan, values: Mapping[str, Any], fit: Fit | None = None) -> Files:
    """The schedule in all forms and a figure; with the fit, the page to play with."""
    from mplfit.show.explore import LAWS, explore_page

    files: Files = {
        **schedule_files(plan.schedule, values),
        "schedule.py": export(plan.schedule, "torch"),
        "schedule.png": plot_plan(plan),
    }
    if fit is not None and fit.law in LAWS:
        ranked = sorted(plan.baselines, key=lambda one: one.loss)[:3]
        usual = [Schedule(one.line.rates(), plan.schedule.warmup) for one in ranked]
        title = "The optimized schedule, and others to try"
        files["explore.html"] = explore_page(fit, plan.schedule, usual, title=title)
    return files


def _forecast(found: Forecast, values: Mapping[str, Any]) -> Files:
    rest, lr = found.interval, found.run.schedule.lr
    bounds = [end for pair in found.bounds.values() for end in pair]
    names = [f"{end}_{level[2:]}" for level in found.bounds for end in ("low", "high")]
    rows = []
    for i, step in enumerate(found.step.tolist()):
        numbers = [lr[step], rest.loss[i], *(end[i] for end in bounds)]
        rows.append([step, *map(float, numbers)])
    return {
        "forecast.csv": csv_bytes(["step", "lr", "loss", *names], rows),
        "forecast.json": json_bytes(values),
        "forecast.png": plot_forecast(found),
    }


def _agreement(found: Agreement, values: Mapping[str, Any]) -> Files:
    return {"agreement.png": plot_agreement(found), "agreement.json": json_bytes(values)}


def _profiles(found: Any, values: Mapping[str, Any]) -> Files:
    return {"profile.json": json_bytes(values), "profiles.png": plot_profiles(found)}


def _coordinates(found: CoordinateChecks, values: Mapping[str, Any]) -> Files:
    header = ["parametrization", "width", "updates", "activation"]
    header += ["rms", "rms_error", "rms_of_change", "change_error"]
    rows = []
    for kind, check in found.checks.items():
        for w, width in enumerate(check.widths):
            for s, step in enumerate(check.steps):
                for name in check.names:
                    scale, change = check.scale[name][w][s], check.change[name][w][s]
                    numbers = (scale.value, scale.error, change.value, change.error)
                    cells = ("" if math.isnan(number) else f"{number:.6g}" for number in numbers)
                    rows.append([kind, width, step, name, *cells])
    drawn = plot_coordinates(found.checks)
    return {"coordinates.png": drawn, "coordinates.csv": csv_bytes(header, rows)}


def _sweep(found: SweepAnalysis, values: Mapping[str, Any]) -> Files:
    from mplfit.show.sweep_plot import sweep_figures
    from mplfit.show.sweep_report import sweep_page
    from mplfit.show.tables import whole_text

    figures = {name: Drawing(one, png(one)) for name, one in sweep_figures(found).items()}
    return {
        "sweep.json": json_bytes(values),
        "optima.csv": csv_bytes(*optima_rows(found.optima)),
        "report.txt": (whole_text(found, wide=True) + "\n").encode(),
        "report.html": sweep_page(found, {name: one.png for name, one in figures.items()}),
        **figures,
    }


_MAKERS: Mapping[str, Callable[[Any, Mapping[str, Any]], Files]] = {
    "Agreement": _agreement,
    "CoordinateChecks": _coordinates,
    "Forecast": _forecast,
    "Plan": plan_files,
    "Predictions": _predictions,
    "Profiles": _profiles,
    "SweepAnalysis": _sweep,
}
