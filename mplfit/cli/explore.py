"""`mplfit explore`: a page on which schedules are drawn and priced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mplfit.cli.messages import say
from mplfit.cli.options import SCHEDULE_HELP, command, fit_given, force_option, json_option
from mplfit.cli.output import print_json
from mplfit.cli.specs import schedule_given
from mplfit.errors import MplfitError

if TYPE_CHECKING:
    from mplfit.curve import Curve
    from mplfit.estimate.result import Fit
    from mplfit.schedule import Schedule

__all__ = ["explore_command"]


@command(
    "explore",
    examples=(
        "mplfit explore 400 --out /tmp/explore.html --force",
        "mplfit explore data/fit_25 --schedule cosine:steps=24k,peak=3e-4,warmup=2160"
        " --schedule wsdld:steps=24k,peak=3e-4,decay=20%,warmup=2160"
        " --out /tmp/explore.html --force",
    ),
    help=f"""Write a page on which you draw schedules and see the loss that FIT predicts.

    One self-contained HTML file: drag the knots of a schedule or choose its shape, length, peak and
    decay; the predicted curve with its intervals, the final loss, and the gain over pinned
    schedules follow at once. It finds the best schedule under these constraints, and gives any as a
    SPEC, a csv, code for torch, or a link. It loads nothing and works without a network.

    {SCHEDULE_HELP} The first --schedule is where the page begins; up to three more are pinned.""",
)
@fit_given
@click.option(
    "--schedule",
    "specs",
    metavar="SPEC",
    multiple=True,
    help="To begin with, then to compare with. [default: a cosine as long as the runs, and a WSD]",
)
@click.option("--title", help="The heading. [default: the name of FIT]")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=Path("explore.html"), show_default=True
)
@force_option
@json_option
def explore_command(
    params: str,
    specs: Sequence[str],
    title: str | None,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    from mplfit.readers.fits import load_fit
    from mplfit.show.explore import explore_page, usual_specs
    from mplfit.writers.files import refuse_existing, write_file

    refuse_existing(out, force)
    fit = load_fit(params)
    start, *pins = [_asked(spec) for spec in specs] or usual_specs(fit)
    curves = _curves(fit)
    data = explore_page(fit, start, pins, curves, title or f"Explore schedules: {params}")
    write_file(out, data, force=force)
    if as_json:
        print_json(
            {
                "schema": "mplfit.explore/1",
                "params": params,
                "law": fit.law,
                "file": str(out),
                "bytes": len(data),
                "runs": [curve.name for curve in curves],
            }
        )
    else:
        click.echo(f"Open {out} in a browser: {len(data) / 1e3:.0f} kB, nothing else is needed.")


def _asked(spec: str) -> str | Schedule:
    """The text of a shape as it is, so that the page knows the shape; else the schedule."""
    from mplfit.errors import ScheduleError
    from mplfit.schedule.spec import read_spec

    made = schedule_given(spec)  # refuses what is none
    try:
        return str(read_spec(spec))
    except ScheduleError:  # a file, or several in a row
        return made


def _curves(fit: Fit) -> list[Curve]:
    """The training runs, as far as their logs are there."""
    from mplfit.readers.again import logs_of, read_logs

    there, gone = logs_of(fit)
    for path in gone:
        say(f"note: {path} is not there: its losses are not drawn")
    if not there:
        return []
    trained = {record.name for record in fit.trained}
    try:
        return [curve for curve in read_logs(fit) if curve.name in trained]
    except MplfitError as error:
        say(f"note: no losses are drawn: the logs cannot be read again ({error})")
        return []
