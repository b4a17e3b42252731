"""`mplfit forecast`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.common import (
    Examples,
    LawOption,
    Target,
    json_option,
    law_constants,
    read_options,
    reading_options,
    saves,
    say,
    say_notes,
    show_result,
    warn,
    weight_decay_option,
)
from mplfit.cli.so_far import has_ended, log_size, run_so_far
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


@click.command(
    "forecast",
    cls=Examples,
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
@saves(what="A folder for the forecast, as csv and figure.")
@json_option
def forecast_command(
    run: Path,
    sources: Sequence[str],
    law: str,
    weight_decay: float | None,
    watch: bool,
    poll: float,
    target: Target,
    as_json: bool,
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
    known = _known(run, sources, law, weight_decay)
    if not watch:
        curve = run_so_far(run)
        say_notes([curve])
        _show(_forecast(curve, known), target, as_json)
        return
    try:
        _watched(run, known, poll, target, as_json)
    except KeyboardInterrupt:
        say("watching ended")
        raise


def _watched(run: Path, known: _Known, poll: float, target: Target, as_json: bool) -> None:
    """Forecasts as the log grows. What cannot be read, or predicted from, yet is waited for."""
    last, size, said = -1, -1, ""
    warned: set[str] = set()
    while True:
        try:
            before, size = size, log_size(run)
            curve = run_so_far(run, settled=size == before)
            if last < 0:
                say_notes([curve])
            if has_ended(curve):
                _show_end(curve, as_json)
                return
            if curve.step[-1] > last:
                found = _forecast(curve, known, quiet=last >= 0)
                _show(found, target, as_json, warned)
                last, target = int(curve.step[-1]), replace(target, force=True)
        except MplfitError as error:
            if isinstance(error, OutputError):
                raise
            if str(error) != said:
                said = str(error)
                say(f"waiting: {said}")
        time.sleep(poll)


def _known(run: Path, sources: Sequence[str], law: str, weight_decay: float | None) -> _Known:
    """Earlier runs and the earlier fit, told apart by their contents; never the run itself."""
    from mplfit.assess.posterior import covariance
    from mplfit.laws.registry import get_law
    from mplfit.readers.fits import load_fit
    from mplfit.readers.paths import read_curves

    get_law(law)  # refuses a wrong name before any work
    fits = [source for source in sources if _is_fit(source)]
    if len(fits) > 1:
        raise DataError(f"--with takes one FIT, got {' and '.join(fits)}")
    fit = load_fit(fits[0]) if fits else None
    if fit is not None:
        covariance(fit)  # refuses one without
    paths = [source for source in sources if source not in fits]
    options, own = read_options()
    others = {name: plan for name, plan in own["schedules"].items() if name != run.stem}
    curves = read_curves(paths, _of_others(options), schedules=others) if paths else []
    # The run's own log, in a folder of runs, holds what is to be forecast.
    earlier = [curve for curve in curves if not _is_log_of(curve, run)]
    if len(earlier) < len(curves):
        say(f"note: {run} is the run itself: not an earlier run")
    curves = earlier
    say_notes(curves)
    return _Known(curves, fit, law, weight_decay)


def _is_log_of(curve: Curve, run: Path) -> bool:
    return curve.origin is not None and Path(curve.origin.path).resolve() == run.resolve()


def _of_others(options: Any) -> Any:
    """The reading options without what is said of the run alone: its plan and where it ends."""
    return replace(options, schedule=None, to_step=None)


def _is_fit(source: str) -> bool:
    """A FIT rather than a log: a folder with fit.json, a JSON file of a fit, or a built-in name."""
    path = Path(source)
    if path.is_dir():
        return (path / "fit.json").exists()
    if not path.exists():
        return True  # a built-in name; or nothing, which load_fit refuses in a sentence
    if path.suffix.lower() != ".json":
        return False
    try:
        schema = json.loads(path.read_text(encoding="utf-8-sig")).get("schema", "")
    except (OSError, ValueError, AttributeError, RecursionError):
        return False
    return str(schema).startswith("mplfit.fit")


def _forecast(curve: Curve, known: _Known, quiet: bool = False) -> Forecast:
    from mplfit.plan.forecast import forecast

    constants = None
    if known.fit is None:
        runs = [curve, *known.runs]
        constants = law_constants(known.law, known.weight_decay, runs, quiet=quiet)
    return forecast(curve, earlier=known.runs, known=known.fit, law=known.law, constants=constants)


def _show(found: Forecast, target: Target, as_json: bool, warned: set[str] | None = None) -> None:
    """Print and write a forecast. With `warned`, the warnings so far, it is one of several: it
    repeats none of these, and as JSON it is one line without the curve."""
    for text in found.warnings:
        if text not in (warned or ()):
            warn(text)
    if warned is not None:
        warned.update(found.warnings)
    values = found.to_dict()
    target.write(lambda: _files(found, values))
    if as_json and warned is not None:
        click.echo(json.dumps({key: values[key] for key in values if key not in ("rest", "fit")}))
        return
    show_result(found, values, as_json=as_json)
    if not as_json:
        target.say("forecast.csv, forecast.json, forecast.png", apart=True)
        if warned is not None:
            click.echo()


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


def _files(found: Forecast, values: Mapping[str, object]) -> dict[str, bytes]:
    from mplfit.show.plans import plot_forecast
    from mplfit.show.plot import png
    from mplfit.writers.text import json_bytes

    rest, lr = found.interval, found.run.schedule.lr
    bounds = [end for pair in found.bounds.values() for end in pair]
    names = [f"{end}_{level[2:]}" for level in found.bounds for end in ("low", "high")]
    lines = [",".join(["step", "lr", "loss", *names])]
    for i, step in enumerate(found.step.tolist()):
        numbers = [lr[step], rest.loss[i], *(end[i] for end in bounds)]
        lines.append(",".join([str(step), *(repr(float(one)) for one in numbers)]))
    return {
        "forecast.csv": ("\n".join(lines) + "\n").encode(),
        "forecast.json": json_bytes(values),
        "forecast.png": png(plot_forecast(found)),
    }
