"""`mplfit extend`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.common import Examples, force_option, json_option, print_json, warn
from mplfit.cli.tables import render

if TYPE_CHECKING:
    from mplfit.plan.extend import Continuation
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
@click.option("-o", "--out", type=click.Path(path_type=Path), help="A folder for the schedule.")
@force_option
@json_option
def extend_command(
    past: str,
    steps: int,
    by: str,
    params: str | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Continue a run for longer with its base learning rate.

    The rate of a constant or warmup-stable-decay schedule (SPEC) is taken to be the best for its
    length. For more steps it stays the best, by convex theory, with a longer cooldown, or with a
    lower rate from where the old cooldown began; the length or the factor is solved for. With
    --params, the loss that a fitted law predicts stands beside the bound. --out writes the choice
    of --by as schedule.csv, .npy and .json, with a figure of all.
    """
    import numpy as np

    from mplfit.plan.extend import extend, extensions, phases
    from mplfit.readers.fits import load_fit
    from mplfit.readers.schedules import load_schedule
    from mplfit.writers.files import refuse_existing, write_folder

    if out is not None:
        refuse_existing(out, force)
    original = load_schedule(past)
    chosen = extend(original, steps, by)  # type: ignore[arg-type]
    ways = extensions(original, steps)
    fit = load_fit(params) if params is not None else None
    losses: dict[str, float] = {}
    if fit is not None:
        end = np.array([steps - 1])
        losses = {one.how: float(fit.predict(one.schedule, end)[0]) for one in ways}
    planned = phases(original).start
    if chosen.begins < planned:
        warn(
            f"the longer cooldown begins at step {chosen.begins}, before the planned one (step "
            f"{planned}): a run that is past it already needs --by factor"
        )
    found = {
        "schema": "mplfit.extension/1",
        "from": past,
        "params": params,
        "chosen": by,
        "ways": [_way(one, losses) for one in ways],
    }
    if out is not None:
        write_folder(out, _extended_files(original, chosen, ways, found), force=force)
    if as_json:
        print_json(found)
        return
    rows = [
        [
            {"same": "same share of cooldown", "cooldown": "longer cooldown"}.get(one.how, one.how),
            f"{one.value:.3f}",
            str(one.begins),
            f"{one.base:.3f}",
            f"{one.bound:.4f}",
            *([f"{losses[one.how]:.4f}"] if losses else []),
        ]
        for one in ways
    ]
    header = ["way", "value", "from step", "best lr / lr", "bound / planned"]
    click.echo(render([*header, *(["predicted loss"] if losses else [])], rows))
    click.echo(
        f"\nplanned: {original.steps} steps, cooldown from step {planned}; value: the cooldown's "
        "share of all steps, or\nthe factor on the rate; best lr / lr below 1: the rate in use is "
        "too large for that way to go on"
    )
    if out is not None:
        click.echo(f"written to {out}/: schedule.csv, .npy, .json ({by}), ways.png")


def _way(one: Continuation, losses: Mapping[str, float]) -> dict[str, Any]:
    return {
        "how": one.how,
        "value": one.value,
        "from_step": one.begins,
        "best_over_used": one.base,
        "bound_over_planned": one.bound,
        "predicted_loss": losses.get(one.how),
    }


def _extended_files(
    original: Schedule,
    chosen: Continuation,
    ways: Sequence[Continuation],
    found: Mapping[str, Any],
) -> dict[str, bytes]:
    from mplfit.show.bound_plot import plot_continuations
    from mplfit.show.plot import png
    from mplfit.writers.text import schedule_files

    files = schedule_files(chosen.schedule, {**chosen.schedule.to_dict(), "extension": found})
    return {**files, "ways.png": png(plot_continuations(original, ways))}
