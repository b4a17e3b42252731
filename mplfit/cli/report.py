"""`mplfit report`: one HTML page from results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from mplfit.cli.messages import say
from mplfit.cli.options import command, force_option, json_option
from mplfit.cli.output import command_line, print_json
from mplfit.cli.reading import Reading, reading_options
from mplfit.cli.specs import named_schedules

__all__ = ["report_command"]


@command(
    "report",
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
    reading: Reading,
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
    from mplfit.api import report
    from mplfit.writers.files import refuse_existing

    refuse_existing(out, force)
    page = report(
        runs, out, candidates=named_schedules(candidates), title=title,
        options=reading.options if reading.said else None, schedules=reading.schedules,
        sizes=reading.sizes, force=force, say=say,
        command=command_line(without=("--force", "--json", "--quiet", "-q")),
    )  # fmt: skip
    if as_json:
        print_json(
            {
                "schema": "mplfit.report/1",
                "file": str(out),
                "bytes": len(page.data),
                "fits": list(page.fits),
                "figures": list(page.curves),
                "candidates": list(page.candidates),
            }
        )
    else:
        drawn = f"{len(page.data) / 1e6:.2f} MB, {len(page.curves)} curves drawn"
        click.echo(f"written to {out}: {drawn}")
