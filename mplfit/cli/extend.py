"""`mplfit extend`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import click

from mplfit.cli.common import (
    Examples,
    Target,
    json_option,
    saves,
    schedule_given,
    show_result,
    warn,
    wide_option,
)

if TYPE_CHECKING:
    from mplfit.plan.extend import Continuation, How
    from mplfit.schedule import Schedule

__all__ = ["extend_command"]


@click.command(
    "extend",
    cls=Examples,
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
    type=click.Choice(["cooldown", "factor"]),
    default="cooldown",
    show_default=True,
    help="A longer cooldown, or a lower rate from where the old one began.",
)
@click.option("--params", metavar="FIT", help="A fitted law, to predict the loss of each choice.")
@saves(what="A folder for the schedule.")
@wide_option
@json_option
def extend_command(
    past: str,
    steps: int,
    by: str,
    params: str | None,
    target: Target,
    wide: bool,
    as_json: bool,
) -> None:
    """Continue a run for longer with its base learning rate.

    The rate of a constant or warmup-stable-decay schedule (SPEC) is taken to be the best for its
    length. For more steps it stays the best, by convex theory, with a longer cooldown, or with a
    lower rate from where the old cooldown began; the length or the factor is solved for. With
    --params, the loss that a fitted law predicts stands beside the bound. --out writes the choice
    of --by as schedule.csv, .npy and .json, with a figure of all. A
    way that does not exist is left out with a warning that says why; the other one is then taken.
    """
    from mplfit.plan.extend import compare_ways, ways_to_go_on
    from mplfit.readers.fits import load_fit

    original = schedule_given(past)
    ways, missing = ways_to_go_on(original, steps)
    fit = load_fit(params) if params is not None else None
    found = compare_ways(
        original, ways, cast("How", by), fit, text=past, params=params, missing=missing
    )
    chosen = next(way for way in ways if way.how == found.chosen)
    for text in found.warnings:
        warn(text)
    values = found.to_dict()
    target.write(lambda: _files(original, chosen, ways, values))
    show_result(found, values, as_json=as_json, wide=wide)
    if not as_json:
        target.say(f"schedule.csv, .npy, .json ({found.chosen}), ways.png", apart=True)


def _files(
    original: Schedule,
    chosen: Continuation,
    ways: Sequence[Continuation],
    values: Mapping[str, Any],
) -> dict[str, bytes]:
    from mplfit.show.bound_plot import plot_continuations
    from mplfit.show.plot import png
    from mplfit.writers.text import schedule_files

    files = schedule_files(chosen.schedule, {**chosen.schedule.to_dict(), "extension": values})
    return {**files, "ways.png": png(plot_continuations(original, ways))}
