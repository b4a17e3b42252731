"""`mplfit compare`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mplfit.cli.messages import progress, say, warn
from mplfit.cli.options import LawOption, command, split_options, weight_decay_option
from mplfit.cli.output import Output, command_line, output_options
from mplfit.cli.reading import Reading, reading_options

__all__ = ["compare_command"]


@command(
    "compare",
    examples=(
        "mplfit compare data/lab_text --law mpl --law effective --law onepower"
        " --out /tmp/compared --force",
        "mplfit compare data/lab_text/lab_cosine.csv data/lab_text/lab_two_stage.csv"
        " --law amplitude --law momentum --json",
    ),
)
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option(
    "--law",
    "--laws",
    "laws",
    multiple=True,
    cls=LawOption,
    help="Laws to compare, with commas (repeat). [default: all that are quick to fit]",
)
@weight_decay_option
@split_options
@reading_options
@output_options(what="A folder to write.")
def compare_command(
    paths: Sequence[str],
    laws: Sequence[str],
    weight_decay: float | None,
    train: Sequence[str],
    test: Sequence[str],
    reading: Reading,
    output: Output,
) -> None:
    """Fit every law to the loss curves in PATHS and compare them on curves they have not seen.

    Curves are split as by `mplfit fit`. Where none is held out, each training curve is left out in
    turn and predicted from the others. Every law has its default prior. The best comes first.
    --out writes a figure of the residuals side by side, and comparison.json with all parameters,
    which `mplfit report` takes.
    """
    from mplfit.laws.registry import get_law

    chosen = [law for text in laws for law in text.split(",")]
    for law in chosen:
        get_law(law)  # refuses a wrong name before any work
    curves = reading.curves(paths)
    from mplfit.api import compare, kept_curves
    from mplfit.show.files import comparison_files

    found = compare(
        curves, chosen or None, train=train, test=test, weight_decay=weight_decay,
        command=command_line(), progress=progress, say=say,
    )  # fmt: skip
    for row in found:
        if row.failed:
            warn(f"{row.law}: {row.failed}")
    what = f"residuals.png, comparison.json (`mplfit report {output.name}` shows it)"
    output.give(found, what, lambda: comparison_files(found, *kept_curves(found)))
