"""`mplfit design`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mplfit.cli.options import command, fit_given
from mplfit.cli.output import Output, output_options
from mplfit.cli.specs import named_schedules, schedule_given

__all__ = ["design_command"]


@command(
    "design",
    examples=(
        "mplfit design data/fit_25 --target linear:steps=48k,peak=3e-4,warmup=2160"
        " --candidates cosine:steps=24k,peak=3e-4,warmup=2160"
        " --candidates short=wsdld:steps=12k,peak=3e-4,decay=3k,warmup=2160",
        "mplfit design --params data/fit_25 --target linear:steps=24k,peak=3e-4,warmup=2160"
        " --over wsdld:steps=24k,peak=3e-4,decay=4k,warmup=2160"
        " --candidates cosine:steps=12k,peak=3e-4,warmup=2160 --out /tmp/next --force",
    ),
)
@fit_given
@click.option(
    "--candidates",
    multiple=True,
    required=True,
    metavar="[NAME=]SPEC",
    help="A run that could be done (repeat).",
)
@click.option(
    "--target",
    "wanted",
    metavar="SPEC",
    required=True,
    help="The schedule whose final loss is to be known better, such as that of mplfit optimize.",
)
@click.option("--over", metavar="SPEC", help="The gain of --target over this schedule instead.")
@click.option("--runs", default=3, show_default=True, help="How many runs to choose.")
@click.option("--every", type=int, help="Steps between logged rows. [default: as in FIT's runs]")
@output_options(what="A folder for the table and a figure.")
def design_command(
    params: str,
    candidates: Sequence[str],
    wanted: str,
    over: str | None,
    runs: int,
    every: int | None,
    output: Output,
) -> None:
    """Choose which runs to do next, so that a prediction of FIT becomes surer.

    Of the candidate runs, the one comes first that shrinks the 95 % interval of the target (the
    final loss of --target, or its gain over --over) most for each step that it costs; then the next
    one, given the first; and so on. No loss need be known for that: what a run would log tells as
    much of the parameters whatever its losses are. Differences between runs, and the law's own
    error, are left: the last column says how much of the interval no run takes away.
    """
    from mplfit.api import design
    from mplfit.show.files import design_files

    named = named_schedules(candidates)
    found = design(
        params, {wanted: schedule_given(wanted)}, named, runs=runs, every=every,
        over={over: schedule_given(over)} if over else None,
    )  # fmt: skip
    output.give(found, "design.json, design.png", lambda: design_files(found, named))
