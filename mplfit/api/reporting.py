"""One HTML page on results: `mplfit.report`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from mplfit.api.deciding import sweep
from mplfit.api.fitting import Say
from mplfit.api.inputs import (
    PathName,
    ScheduleLike,
    kept_curves,
    name_of,
    named_schedules,
)
from mplfit.assess.compare import Comparison
from mplfit.assess.predict import Predictions, predictions
from mplfit.curve import Curve
from mplfit.errors import DataError, MplfitError
from mplfit.estimate.records import CurveRecord
from mplfit.estimate.result import Fit
from mplfit.plan.optimize import Plan
from mplfit.readers.again import logs_of, read_logs
from mplfit.readers.fits import load_fit
from mplfit.readers.options import ReadOptions
from mplfit.readers.results import Results, load_results
from mplfit.readers.study import hash_table
from mplfit.schedule import Schedule
from mplfit.show.plot import png
from mplfit.show.report import Report
from mplfit.show.report import report as report_page
from mplfit.show.sweep_plot import sweep_figures
from mplfit.show.sweep_report import sweep_section
from mplfit.sweeps.analysis import SweepAnalysis
from mplfit.writers.files import write_file

__all__ = ["TITLE", "Page", "Reported", "report"]

TITLE = "Loss curves and learning-rate schedules"

Reported: TypeAlias = Fit | Comparison | Plan | SweepAnalysis | PathName
"""A result, or the file or folder that one was written to."""


@dataclass(frozen=True)
class Page:
    """An HTML page, and what is on it: names of fits, drawn curves and candidates."""

    data: bytes
    fits: tuple[str, ...]
    curves: tuple[str, ...]
    candidates: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Page({len(self.data) / 1e6:.2f} MB, {len(self.curves)} curves drawn)"


def report(
    results: Reported | Sequence[Reported],
    path: PathName | None = None,
    *,
    candidates: Mapping[str, ScheduleLike] | Sequence[ScheduleLike] = (),
    title: str = TITLE,
    options: ReadOptions | None = None,
    schedules: Mapping[str, Schedule | str] | None = None,
    sizes: Mapping[str, float | str] | None = None,
    command: str | None = None,
    force: bool = False,
    say: Say | None = None,
) -> Page:
    """Make one self-contained HTML page: data, laws, errors, residuals, candidates, sweeps.

    The curves of a fit are drawn from its runs, where they are at hand, or from its logs, read
    again; a log that is gone or has changed is left out, and said.

    Parameters
    ----------
    results : fits, comparisons, plans and sweeps, or what their commands wrote.
    path : the file to write; none where None.
    candidates : schedules to predict.
    options, schedules, sizes : how logs are read, as in `mplfit.read`; as for the fit where None.
    command : the command line that asks for this, to be shown.
    force : whether to overwrite the file.  say : is told what is left out.

    Raises
    ------
    DataError, OutputError
        If a result cannot be read, two have one name, or the file is there already.

    >>> import mplfit
    >>> mplfit.report("400", candidates={"wsd": "wsdld:steps=24000,peak=3e-4,decay=4000"}).fits
    ('mpl',)
    """
    say = say or _nothing
    found = [_loaded(one) for one in _several(results)]
    fits = _named([(run, fit) for run, one in found for fit in one.fits.values()])
    plans = _plans(found)
    if not fits:
        fits = _fits_of(plans.values(), say)
    curves = _curves(fits, options, schedules or {}, sizes or {}, say)
    some = (candidates,) if isinstance(candidates, Mapping) else tuple(candidates)
    wanted = named_schedules(some)
    for name, plan in plans.items():
        if name in wanted:
            raise DataError(f"two candidates are called {name}: give the other one another name")
        wanted[name] = plan.schedule
    predicted = _predicted(fits, wanted, say) if wanted else {}
    several = sum(one.comparison is not None for _, one in found) > 1
    data = report_page(
        Report(
            title,
            fits,
            curves,
            predicted,
            _commands(found, command),
            {(run if several else ""): one.comparison for run, one in found if one.comparison},
            plans,
            _sweeps(found, say),
        )
    )
    if path is not None:
        write_file(Path(path), data, force=force)
    return Page(data, tuple(fits), tuple(curves), tuple(wanted) if predicted else ())


def _nothing(text: str) -> None:
    """Nobody listens."""


def _several(results: Reported | Sequence[Reported]) -> list[Reported]:
    if isinstance(results, (str, PathLike, Fit, Comparison, Plan, SweepAnalysis)):
        return [results]
    return list(results)


def _loaded(one: Reported) -> tuple[str, Results]:
    """What a result is called, and what it holds."""
    if isinstance(one, Fit):
        return name_of(one), Results({one.law: one})
    if isinstance(one, Comparison):
        fits = {row.law: row.fit for row in one.laws if row.fit is not None}
        return "compared", Results(fits, comparison=one, command=one.command)
    if isinstance(one, Plan):
        return "optimized", Results(plan=one)
    if isinstance(one, SweepAnalysis):
        return "sweep", Results(sweep=one)
    return str(one), load_results(str(one))


def _predicted(
    fits: Mapping[str, Fit], schedules: Mapping[str, Schedule], say: Say
) -> dict[str, Predictions]:
    """What every fit predicts of the candidates, where that is a loss that a run can have."""
    found = {}
    for name, fit in fits.items():
        try:
            found[name] = predictions(fit, schedules, name=name)
        except MplfitError as error:
            say(f"note: {name}: no candidate is predicted ({error})")
    return found


def _named(fits: Sequence[tuple[str, Fit]]) -> dict[str, Fit]:
    """Fits by a name that tells them apart: the law's, else the folder's too."""
    laws = [fit.law for _, fit in fits]
    named: dict[str, Fit] = {}
    for run, fit in fits:
        name = fit.law if laws.count(fit.law) == 1 else f"{fit.law} ({_stem(run)})"
        if name in named:
            raise DataError(f"two fits are called {name}: give each run once")
        named[name] = fit
    return named


def _stem(run: str) -> str:
    return (Path(run).resolve().parent.name if run.endswith(".json") else Path(run).name) or run


def _plans(found: Sequence[tuple[str, Results]]) -> dict[str, Plan]:
    """Plans by name: the word optimized, and the folder's too where there are several."""
    there = [(_stem(run), one.plan) for run, one in found if one.plan is not None]
    named: dict[str, Plan] = {}
    for stem, plan in there:
        name = f"optimized ({stem})" if len(there) > 1 else "optimized"
        if name in named:
            raise DataError(f"two schedules are called {name}: rename one of their folders")
        named[name] = plan
    return named


def _fits_of(plans: Iterable[Plan], say: Say) -> dict[str, Fit]:
    """The fits that schedules were optimized with, where they are still there."""
    fits: dict[str, Fit] = {}
    for plan in plans:
        if plan.what == "bound":
            continue  # minimised without a fit
        try:
            fits[plan.params] = load_fit(plan.params)
        except MplfitError:
            say(f"note: the fit {plan.params} that a schedule was made with is not there")
    return fits


def _curves(
    fits: Mapping[str, Fit],
    options: ReadOptions | None,
    schedules: Mapping[str, Schedule | str],
    sizes: Mapping[str, float | str],
    say: Say,
) -> dict[str, Curve]:
    """The curves behind the fits, where they are still what they were."""
    known = {(e.name, e.sha256, e.points) for fit in fits.values() for e in fit.data}
    curves: dict[str, Curve] = {}
    done: set[tuple[CurveRecord, ...]] = set()
    for fit in fits.values():
        if fit.data in done:
            continue
        done.add(fit.data)
        names = {record.name for record in fit.data}
        plans = {name: plan for name, plan in schedules.items() if name in names}
        counts = {name: size for name, size in sizes.items() if name in names}
        train, test = kept_curves(fit)
        for curve in [*train, *test] or _read_again(fit, options, plans, counts, say):
            sha256 = curve.origin.sha256 if curve.origin else None
            if (curve.name, sha256, len(curve)) in known:
                curves[curve.name] = curve
            elif curve.name not in curves:
                say(f"note: {curve.name} is not as it was fitted: its curve is not drawn")
    return curves


def _read_again(
    fit: Fit,
    options: ReadOptions | None,
    schedules: Mapping[str, Schedule | str],
    sizes: Mapping[str, float | str],
    say: Say,
) -> list[Curve]:
    """The curves in the fit's logs, as far as these are there and can be read."""
    there, gone = logs_of(fit)
    for path in gone:
        say(
            f"note: {path} is not there: its curve is not drawn (a fit names its logs as seen from "
            "the folder where it was made)"
        )
    if not there:
        return []
    try:
        return read_logs(fit, options, schedules, sizes)
    except MplfitError as error:
        say(f"note: no curve is drawn: the logs cannot be read again ({error})")
        return []


def _commands(found: Sequence[tuple[str, Results]], own: str | None) -> list[str]:
    """Every recorded command, each once, and this one."""
    lines: dict[str, None] = {}
    for _, one in found:
        lines |= {fit.made_by: None for fit in one.fits.values() if fit.made_by}
        if one.command:
            lines[one.command] = None
    return [*lines, *([own] if own else [])]


def _sweeps(found: Sequence[tuple[str, Results]], say: Say) -> list[str]:
    """The sections of sweeps, analysed again from tables that are still what they were."""
    sections = []
    for run, one in found:
        analysis = one.sweep
        if analysis is not None and not isinstance(analysis, SweepAnalysis):
            call, paths = analysis.call, [table.file for table in analysis.data]
            try:
                same = all(hash_table(Path(table.file)) == table.sha256 for table in analysis.data)
            except (OSError, MplfitError):
                same = False
            if call is None or not same:
                say(f"note: {run}: the sweep's table is not what it was: no section is made of it")
                continue
            try:
                analysis = sweep(paths, **call.arguments())
            except MplfitError as error:
                say(f"note: {run}: no section is made of the sweep ({error})")
                continue
        if analysis is not None:
            drawn = {name: png(figure) for name, figure in sweep_figures(analysis).items()}
            sections.append(sweep_section(analysis, drawn))
    return sections
