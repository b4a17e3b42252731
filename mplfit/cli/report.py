"""`mplfit report`: one HTML page from results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mplfit.cli.common import (
    Examples,
    command_line,
    force_option,
    json_option,
    named_schedules,
    print_json,
    read_options_given,
    reading_options,
    say,
)
from mplfit.errors import DataError, MplfitError

if TYPE_CHECKING:
    from mplfit.assess.predict import Predictions
    from mplfit.curve import Curve
    from mplfit.estimate.records import CurveRecord
    from mplfit.estimate.result import Fit
    from mplfit.plan.optimize import Plan
    from mplfit.readers.results import Results
    from mplfit.schedule import Schedule

__all__ = ["report_command"]


@click.command(
    "report",
    cls=Examples,
    examples=(
        "mplfit report 400 --candidate cosine:steps=24000,peak=3e-4,warmup=2160"
        " --out /tmp/report.html --force",
        "mplfit report 25 400 --title Sizes --out /tmp/report.html --force",
    ),
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN…")
@click.option(
    "--candidate", "candidates", multiple=True, metavar="[NAME=]SPEC", help="A schedule to predict."
)
@click.option("--title", default="Loss curves and learning-rate schedules", show_default=True)
@reading_options
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=Path("report.html"), show_default=True
)
@force_option
@json_option
def report_command(
    runs: Sequence[str],
    candidates: Sequence[str],
    title: str,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Write one self-contained HTML page: data, laws, errors, residuals, candidates, sweeps.

    Each RUN is what a command wrote: `mplfit fit` (a run folder, a fit.json; or published
    parameters 25, 100, 400), `mplfit compare --out`, `mplfit optimize --out` or `mplfit sweep
    --out`; several stand side by side. The logs are read again for the figures, as they
    were read for the fit unless reading options are given here; a log that has changed
    since is left out, and said. The page loads nothing, runs no script, and is the same byte for
    byte for the same results.
    """
    from mplfit.readers.results import load_results
    from mplfit.show.report import Report, report
    from mplfit.writers.files import refuse_existing, write_file

    refuse_existing(out, force)
    found = [(run, load_results(run)) for run in runs]
    fits = _named([(run, fit) for run, one in found for fit in one.fits.values()])
    plans = _plans(found)
    if not fits:
        fits = _fits_of(plans.values())
    curves = _curves(fits)
    schedules = named_schedules(candidates)
    for name, plan in plans.items():
        if name in schedules:
            raise DataError(f"two candidates are called {name}: give the other one another NAME=")
        schedules[name] = plan.schedule
    predicted = _predicted(fits, schedules) if schedules else {}
    several = sum(one.comparison is not None for _, one in found) > 1
    data = report(
        Report(
            title,
            fits,
            curves,
            predicted,
            _commands(found),
            {(run if several else ""): one.comparison for run, one in found if one.comparison},
            plans,
            _sweeps(found),
        )
    )
    write_file(out, data, force=force)
    if as_json:
        print_json(
            {
                "schema": "mplfit.report/1",
                "file": str(out),
                "bytes": len(data),
                "fits": list(fits),
                "figures": list(curves),
                "candidates": list(schedules) if predicted else [],
            }
        )
    else:
        click.echo(f"written to {out}: {len(data) / 1e6:.2f} MB, {len(curves)} curves drawn")


def _predicted(
    fits: Mapping[str, Fit], schedules: Mapping[str, Schedule]
) -> dict[str, Predictions]:
    """What every fit predicts of the candidates, where that is a loss that a run can have."""
    from mplfit.assess.predict import predictions

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


def _fits_of(plans: Iterable[Plan]) -> dict[str, Fit]:
    """The fits that schedules were optimized with, where they are still there."""
    from mplfit.readers.fits import load_fit

    fits: dict[str, Fit] = {}
    for plan in plans:
        if plan.what == "bound":
            continue  # minimised without a fit
        try:
            fits[plan.params] = load_fit(plan.params)
        except MplfitError:
            say(f"note: the fit {plan.params} that a schedule was made with is not there")
    return fits


def _curves(fits: Mapping[str, Fit]) -> dict[str, Curve]:
    """The logs behind the fits, where they are still what they were."""
    known = {(e.name, e.sha256, e.points) for fit in fits.values() for e in fit.data}
    curves: dict[str, Curve] = {}
    done: set[tuple[CurveRecord, ...]] = set()
    for fit in fits.values():
        if fit.data in done:
            continue
        done.add(fit.data)
        for curve in _read_again(fit):
            sha256 = curve.origin.sha256 if curve.origin else None
            if (curve.name, sha256, len(curve)) in known:
                curves[curve.name] = curve
            elif curve.name not in curves:
                say(f"note: {curve.name} is not as it was fitted: its curve is not drawn")
    return curves


def _read_again(fit: Fit) -> list[Curve]:
    """The curves in the fit's logs, as far as these are there and can be read."""
    from mplfit.readers.again import logs_of, read_logs

    there, gone = logs_of(fit)
    for path in gone:
        say(
            f"note: {path} is not there: its curve is not drawn (a fit names its logs as seen from "
            "the folder where it was made)"
        )
    if not there:
        return []
    try:
        return read_logs(fit, *read_options_given(fit))
    except MplfitError as error:
        say(f"note: no curve is drawn: the logs cannot be read again ({error})")
        return []


def _commands(found: Sequence[tuple[str, Results]]) -> list[str]:
    """Every recorded command, each once, and this one."""
    lines: dict[str, None] = {}
    for _, one in found:
        lines |= {fit.made_by: None for fit in one.fits.values() if fit.made_by}
        if one.command:
            lines[one.command] = None
    return [*lines, command_line(without=("--force", "--json", "--quiet", "-q"))]


def _sweeps(found: Sequence[tuple[str, Results]]) -> list[str]:
    """The sections of sweeps, analysed again from tables that are still what they were."""
    from mplfit.cli.sweep import analysed
    from mplfit.readers.log import hash_file
    from mplfit.show.sweep_plot import sweep_figures
    from mplfit.show.sweep_report import sweep_section

    sections = []
    for run, one in found:
        if one.sweep is None:
            continue
        call, paths = one.sweep.call, [table.file for table in one.sweep.data]
        try:
            same = all(hash_file(Path(table.file)) == table.sha256 for table in one.sweep.data)
        except (OSError, MplfitError):
            same = False
        if call is None or not same:
            say(f"note: {run}: the sweep's table is not what it was: no section is made of it")
            continue
        try:
            analysis = analysed(paths, call)
        except MplfitError as error:
            say(f"note: {run}: no section is made of the sweep ({error})")
            continue
        sections.append(sweep_section(analysis, sweep_figures(analysis)))
    return sections
