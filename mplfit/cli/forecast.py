"""`mplfit forecast`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mplfit.cli.messages import say, say_notes, warn
from mplfit.cli.options import LawOption, command, weight_decay_option
from mplfit.cli.output import Output, output_options
from mplfit.cli.reading import Reading, reading_options
from mplfit.errors import DataError, MplfitError, OutputError
from mplfit.estimate.constants import FORECAST_LAW

if TYPE_CHECKING:
    from mplfit.curve import Curve
    from mplfit.estimate.result import Fit
    from mplfit.plan.forecast import Forecast

__all__ = ["forecast_command"]


@dataclass(frozen=True)
class _Known:
    """What --with gave: earlier runs, and an earlier fit."""

    runs: Sequence[Curve]
    fit: Fit | None
    law: str
    weight_decay: float | None


@command(
    "forecast",
    examples=(
        "mplfit forecast data/simulated_25/cosine_24000.csv --to-step 12000",
        "mplfit forecast data/simulated_25/wsd_20000_24000.csv --to-step 12000"
        " --with data/simulated_25/cosine_24000.csv --with data/simulated_25/wsdcon_9.csv"
        " --schedule wsdld:steps=24000,peak=3e-4,final=3e-5,decay=6000,warmup=2160"
        " --out /tmp/forecast --force",
    ),
)
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--with",
    "sources",
    multiple=True,
    metavar="RUN|FIT",
    help="An earlier run (or a folder of them), as data; or one FIT, as prior (repeat).",
)
@click.option(
    "--params", metavar="FIT", help="An earlier fit as the prior: the same as --with FIT."
)
@click.option(
    "--law",
    default=FORECAST_LAW,
    show_default=True,
    cls=LawOption,
    help="The law to fit; FIT brings its own.",
)
@weight_decay_option
@reading_options
@click.option("--watch", is_flag=True, help="Repeat as the log grows, until the run has ended.")
@click.option("--poll", default=30.0, show_default=True, help="Seconds between looks at the log.")
@output_options(what="A folder for the forecast, as csv and figure.")
def forecast_command(
    run: Path,
    sources: Sequence[str],
    params: str | None,
    law: str,
    weight_decay: float | None,
    watch: bool,
    poll: float,
    reading: Reading,
    output: Output,
) -> None:
    """Forecast the rest of a run in progress, and its final loss.

    RUN is the log so far; --schedule is the plan for the whole run (where the log's configuration
    has it, it need not be given). A law is fitted to the rows so far: with the prior of the law,
    with earlier runs of the same model and data beside them (--with RUN), or with an earlier fit
    as the prior (--with FIT). --out writes forecast.csv, forecast.json and forecast.png.

    --watch reads the log again every --poll seconds and repeats the forecast when rows came; with
    --json it prints one line each time. Ctrl-C ends it; files are then those of the last forecast.
    """
    if not poll > 0:
        raise DataError(f"--poll must be a positive number of seconds, got {poll:g}")
    known = _known(run, sources, params, law, weight_decay, reading)
    if not watch:
        from mplfit.readers.so_far import run_so_far

        curve = run_so_far(run, reading.options, reading.schedules)
        say_notes([curve])
        found = _forecast(curve, known)
        output.give(found, "forecast.csv, forecast.json, forecast.png")
        return
    try:
        _watched(run, known, poll, reading, output)
    except KeyboardInterrupt:
        say("watching ended")
        raise


def _watched(run: Path, known: _Known, poll: float, reading: Reading, output: Output) -> None:
    """Forecasts as the log grows. What cannot be read, or predicted from, yet is waited for."""
    from mplfit.readers.so_far import has_ended, log_size, run_so_far

    last, size, said = -1, -1, ""
    warned: set[str] = set()
    while True:
        try:
            before, size = size, log_size(run)
            curve = run_so_far(run, reading.options, reading.schedules, settled=size == before)
            if last < 0:
                say_notes([curve])
            if has_ended(curve):
                _show_end(curve, output.as_json)
                return
            if curve.step[-1] > last:
                found = _forecast(curve, known, quiet=last >= 0)
                _show(found, output, warned)
                last, output.force = int(curve.step[-1]), True
        except MplfitError as error:
            if isinstance(error, OutputError):
                raise
            if str(error) != said:
                said = str(error)
                say(f"waiting: {said}")
        time.sleep(poll)


def _known(
    run: Path,
    sources: Sequence[str],
    params: str | None,
    law: str,
    weight_decay: float | None,
    reading: Reading,
) -> _Known:
    """Earlier runs and the earlier fit, told apart by their contents; never the run itself."""
    from mplfit.assess.posterior import covariance
    from mplfit.laws.registry import get_law
    from mplfit.readers.fits import is_fit, load_fit
    from mplfit.readers.paths import read_curves

    get_law(law)  # refuses a wrong name before any work
    fits = [source for source in sources if is_fit(source)]
    given = fits if params is None else [params, *fits]
    if len(given) > 1:
        raise DataError(f"--with takes one FIT, as --params does: got {' and '.join(given)}")
    fit = load_fit(given[0]) if given else None
    if fit is not None:
        covariance(fit)  # refuses one without
    paths = [source for source in sources if source not in fits]
    others = {name: plan for name, plan in reading.schedules.items() if name != run.stem}
    # Without what is said of the run alone: its plan and where it ends.
    options = replace(reading.options, schedule=None, to_step=None)
    curves = read_curves(paths, options, schedules=others) if paths else []
    # The run's own log, in a folder of runs, holds what is to be forecast.
    earlier = [curve for curve in curves if not _is_log_of(curve, run)]
    if len(earlier) < len(curves):
        say(f"note: {run} is the run itself: not an earlier run")
    curves = earlier
    say_notes(curves)
    return _Known(curves, fit, law, weight_decay)


def _is_log_of(curve: Curve, run: Path) -> bool:
    return curve.origin is not None and Path(curve.origin.path).resolve() == run.resolve()


def _forecast(curve: Curve, known: _Known, quiet: bool = False) -> Forecast:
    from mplfit.api import forecast

    return forecast(
        curve, earlier=known.runs, known=known.fit, law=known.law, weight_decay=known.weight_decay,
        say=None if quiet else say,
    )  # fmt: skip


def _show(found: Forecast, output: Output, warned: set[str]) -> None:
    """Print and write one of several forecasts, which repeats no warning; as JSON it is one line
    without the curve."""
    for text in found.warnings:
        if text not in warned:
            warn(text)
    warned.update(found.warnings)
    if not output.as_json:
        output.give(replace(found, warnings=()), "forecast.csv, forecast.json, forecast.png")
        click.echo()
        return
    from mplfit.show.files import files_of

    values = found.to_dict()
    output.write(lambda: files_of(found, values))
    click.echo(json.dumps({key: values[key] for key in values if key not in ("rest", "fit")}))


def _show_end(curve: Curve, as_json: bool) -> None:
    from mplfit.plan.forecast import Forecast

    loss, last = float(curve.loss[-1]), int(curve.step[-1])
    if as_json:
        click.echo(json.dumps({"schema": Forecast.SCHEMA, "ended": True, "final_loss": loss}))
    else:
        click.echo(
            f"{curve.name} has ended: {loss:.4f} at step {last}, as logged (an observation: no "
            "interval). If the run goes on, give its plan with --schedule"
        )
