"""`mplfit report`: one HTML page from fits."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mplfit.cli.common import (
    Examples,
    force_option,
    json_option,
    named_schedules,
    print_json,
    read_options,
    reading_options,
    say,
)
from mplfit.errors import DataError, MplfitError

if TYPE_CHECKING:
    from mplfit.curve import Curve
    from mplfit.estimate.result import Fit
    from mplfit.readers.options import ReadOptions
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
@click.argument("runs", nargs=-1, required=True, metavar="FIT…")
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
    """Write one self-contained HTML page on fits: data, laws, errors, residuals, candidates.

    Each FIT is a run folder, a fit.json, or published parameters; several stand side by side. The
    logs are read again for the figures, with the same options as in `mplfit fit`; a log that has
    changed since is left out, and said. The page loads nothing, runs no script, and is the same
    byte for byte for the same results.
    """
    from mplfit.readers.fits import load_fit
    from mplfit.show.report import Candidate, Report, report
    from mplfit.writers.files import refuse_existing, write_file

    refuse_existing(out, force)
    fits = _named([(run, load_fit(run)) for run in runs])
    options, own = read_options()
    curves = _curves(fits, options, own)
    made = {
        name: Candidate(
            schedule,
            {
                key: (float(fit.predict(schedule)[-1]), _ends(fit, schedule))
                for key, fit in fits.items()
            },
        )
        for name, schedule in named_schedules(candidates).items()
    }
    commands = [_fit_command(fit) for fit in fits.values() if fit.data]
    commands.append(_own_command(runs, candidates, title))
    data = report(Report(title, fits, curves, made, commands))
    write_file(out, data, force=force)
    if as_json:
        print_json(
            {
                "schema": "mplfit.report/1",
                "file": str(out),
                "bytes": len(data),
                "fits": list(fits),
                "figures": list(curves),
                "candidates": list(made),
            }
        )
    else:
        click.echo(f"written to {out}: {len(data) / 1e6:.2f} MB, {len(curves)} curves drawn")


def _ends(fit: Fit, schedule: Schedule) -> tuple[float, float] | None:
    """The 95 % interval of a final loss."""
    import numpy as np

    from mplfit.estimate.intervals import predict_interval

    interval = predict_interval(fit, schedule, np.array([schedule.steps - 1]))
    if interval is None:
        return None
    low, high = interval.bounds(0.95)
    return float(low[0]), float(high[0])


def _named(fits: Sequence[tuple[str, Fit]]) -> dict[str, Fit]:
    """Fits by a name that tells them apart: the law's, else the folder's too."""
    laws = [fit.law for _, fit in fits]
    named: dict[str, Fit] = {}
    for run, fit in fits:
        stem = Path(run).resolve().parent.name if run.endswith(".json") else Path(run).name
        name = fit.law if laws.count(fit.law) == 1 else f"{fit.law} ({stem or run})"
        if name in named:
            raise DataError(f"two fits are called {name}: give each run once")
        named[name] = fit
    return named


def _curves(
    fits: dict[str, Fit], options: ReadOptions, own: Mapping[str, Schedule]
) -> dict[str, Curve]:
    """The logs behind the fits, where they are still what they were."""
    from mplfit.readers.paths import read_curves

    entries = {
        str(entry["path"]): entry
        for fit in fits.values()
        for entry in fit.data
        if entry["path"] is not None
    }
    curves: dict[str, Curve] = {}
    present = [path for path in entries if Path(path).exists()]
    for path in entries:
        if path not in present:
            say(f"note: {path} is not there any more: its curve is not drawn")
    known = {(str(e["name"]), e["sha256"], e["points"]) for f in fits.values() for e in f.data}
    try:
        # Together, because some logs (W&B charts, cooldowns) need one another.
        read = read_curves(present, options, schedules=own) if present else []
    except MplfitError as error:
        say(f"note: no curve is drawn: the logs cannot be read again ({error})")
        return {}
    for curve in read:
        sha256 = curve.origin.sha256 if curve.origin else None
        if (curve.name, sha256, len(curve)) in known:
            curves[curve.name] = curve
        else:
            say(f"note: {curve.name} is not as it was fitted: its curve is not drawn")
    return curves


def _fit_command(fit: Fit) -> str:
    """A command that makes the fit again (options of reading are in the notes of the data)."""
    paths = [str(entry["path"]) for entry in fit.data if entry["path"] is not None]
    tests = [str(entry["name"]) for entry in fit.data if entry["role"] == "test"]
    words = ["mplfit", "fit", *paths, "--law", fit.law]
    for name in tests:
        words += ["--test", name]
    return shlex.join(words)


def _own_command(runs: Sequence[str], candidates: Sequence[str], title: str) -> str:
    words = ["mplfit", "report", *runs, "--title", title]
    for text in candidates:
        words += ["--candidate", text]
    return shlex.join(words)
