"""`mplfit lab coord-check`."""

from __future__ import annotations

from typing import Any

import click

from mplfit.cli.lab.options import make_plan, numbers, run_options, set_threads, threads_option
from mplfit.cli.messages import progress
from mplfit.cli.options import command
from mplfit.cli.output import Output, output_options

__all__ = ["coord_check_command"]


@command(
    "coord-check",
    examples=(
        "mplfit lab coord-check --task icl-regression --widths 16,32,64 --base-width 16 --updates 2"
        " --seeds 1 --out /tmp/coordinates --force",
    ),
)
@click.option("--widths", default="32,64,128,256", show_default=True, help="Widths to compare.")
@click.option("--lr", default=1e-2, show_default=True, help="The constant rate.")
@click.option("--updates", default=4, show_default=True, help="Updates to train.")
@click.option("--seeds", default=3, show_default=True, help="Models of every width.")
@run_options()
@threads_option
@output_options(what="A folder for figure and table.")
def coord_check_command(
    widths: str,
    lr: float,
    updates: int,
    seeds: int,
    threads: int,
    output: Output,
    **options: Any,
) -> None:
    """How activations scale with the width over the first updates, in SP and in muP.

    For every activation: its root mean square at every width after the last update, how much of it
    the updates made, and the slope of both against the width, in logarithms: 0 is flat. Under muP
    what the updates make must not grow with the width; in SP it does.
    """
    set_threads(threads)
    from mplfit.lab.coordinates import coordinate_checks

    plan = make_plan(options, width=options["base_width"], parametrization="SP", seed=0)
    found = coordinate_checks(
        plan, numbers(widths, "--widths", int), lr=lr, updates=updates, seeds=seeds,
        progress=progress,
    )  # fmt: skip
    output.give(found, "coordinates.png, coordinates.csv")
