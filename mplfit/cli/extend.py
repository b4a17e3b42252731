"""`mplfit extend`."""

from __future__ import annotations

from typing import Literal

import click

from mplfit.cli.options import command
from mplfit.cli.output import Output, output_options
from mplfit.cli.specs import schedule_given

__all__ = ["extend_command"]


@command(
    "extend",
    examples=(
        "mplfit extend --from wsdld:steps=4000,peak=3e-4,decay=0.2 --to-steps 6000",
        "mplfit extend --from wsdld:steps=24000,peak=3e-4,decay=4000,warmup=2160 --to-steps 48000"
        " --by factor --params 400 --out /tmp/longer --force",
    ),
)
@click.option("--from", "past", metavar="SPEC", required=True, help="The schedule as planned.")
@click.option("--to-steps", "steps", type=int, required=True, help="Updates of the longer run.")
@click.option(
    "--by",
    type=click.Choice(["cooldown", "factor", "law"]),
    help="A longer cooldown or a lower rate from where the old one began, by theory; or the "
    "cooldown that the law predicts to be best. [default: law with --params, else cooldown]",
)
@click.option("--params", metavar="FIT", help="A fitted law, to predict the loss of each choice.")
@output_options(what="A folder for the schedule.")
def extend_command(
    past: str,
    steps: int,
    by: Literal["cooldown", "factor", "law"] | None,
    params: str | None,
    output: Output,
) -> None:
    """Continue a run for longer with its base learning rate.

    The rate of a constant or warmup-stable-decay schedule (SPEC) is taken to be the best for its
    length. For more steps it stays the best, by convex theory, with a longer cooldown, or with a
    lower rate from where the old cooldown began; the length or the factor is solved for. With
    --params, the cooldown that a fitted law predicts to be best comes first, and the losses that it
    predicts stand beside theory's ways. --out writes the choice of --by as schedule.csv, .npy and
    .json, with a figure of all. A way that does not exist is left out with a warning that says why;
    the other one is then taken.
    """
    from mplfit.api import extend
    from mplfit.show.files import extension_files

    original = schedule_given(past)
    found = extend({past: original}, steps, by, fit=params)
    what = f"schedule.csv, .npy, .json ({found.chosen}), ways.png"
    output.give(found, what, lambda: extension_files(found, original))
