"""`mplfit extend`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.common import (
    Examples,
    Target,
    json_option,
    print_json,
    saves,
    warn,
    warn_held,
    warn_of_loss,
)
from mplfit.cli.tables import render, span

if TYPE_CHECKING:
    from mplfit.estimate.result import Fit
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
@saves(what="A folder for the schedule.")
@json_option
def extend_command(
    past: str,
    steps: int,
    by: str,
    params: str | None,
    target: Target,
    as_json: bool,
) -> None:
    """Continue a run for longer with its base learning rate.

    The rate of a constant or warmup-stable-decay schedule (SPEC) is taken to be the best for its
    length. For more steps it stays the best, by convex theory, with a longer cooldown, or with a
    lower rate from where the old cooldown began; the length or the factor is solved for. With
    --params, the loss that a fitted law predicts stands beside the bound. --out writes the choice
    of --by as schedule.csv, .npy and .json, with a figure of all.
    """
    from mplfit.plan.extend import extend, extensions, phases
    from mplfit.readers.fits import load_fit
    from mplfit.readers.schedules import load_schedule

    original = load_schedule(past)
    chosen = extend(original, steps, by)  # type: ignore[arg-type]
    ways = extensions(original, steps)
    fit = load_fit(params) if params is not None else None
    predicted = _predicted(fit, ways) if fit is not None else {}
    if fit is not None:
        warn_held(fit)
    silent = fit is not None and fit.spread is None
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
        "ways": [_way(one, predicted.get(one.how)) for one in ways],
    }
    target.write(lambda: _extended_files(original, chosen, ways, found))
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
            *(_cells(predicted[one.how]) if predicted else []),
        ]
        for one in ways
    ]
    header = ["way", "value", "from step", "best lr / lr", "bound / planned"]
    if predicted:
        header.append("predicted loss")
    if predicted and not silent:
        header += ["95 % interval", "gain over same", "95 % interval", "P(gain)"]
    click.echo(render(header, rows))
    click.echo(
        f"\nplanned: {original.steps} steps, cooldown from step {planned}; value: the cooldown's "
        "share of all steps, or\nthe factor on the rate; best lr / lr below 1: the rate in use is "
        "too large for that way to go on;\nall of these are theory's, and exact for it"
        + ("\nno interval: published parameters do not say how sure they are" if silent else "")
    )
    target.say(f"schedule.csv, .npy, .json ({by}), ways.png")


def _predicted(fit: Fit, ways: Sequence[Continuation]) -> dict[str, dict[str, Any]]:
    """Of every way: its final loss and what it gains over the same share of cooldown, with their
    intervals where the fit knows how sure it is."""
    from mplfit.estimate.gains import gains
    from mplfit.estimate.intervals import final_interval

    found: dict[str, dict[str, Any]] = {}
    for one in ways:
        warn_of_loss(fit, one.schedule, one.how)
        gain = None
        if fit.spread is not None and one.how != "same":
            gain = gains(fit, one.schedule, [ways[0].schedule])[0].summary().to_dict()
        found[one.how] = {
            "predicted_loss": fit.formula.final(fit.values, one.schedule.lr),
            "intervals": final_interval(fit, one.schedule),
            "gain_over_same": gain,
        }
    return found


def _cells(of_way: Mapping[str, Any]) -> list[str]:
    """The same in the table."""
    cells = [f"{of_way['predicted_loss']:.4f}"]
    intervals, gain = of_way["intervals"], of_way["gain_over_same"]
    if intervals is None:
        return cells
    cells.append(span(intervals["0.95"]))
    if gain is None:
        return [*cells, "", "", ""]
    return [
        *cells,
        f"{gain['value']:+.4f}",
        span(gain["intervals"]["0.95"]),
        f"{gain['probability']:.2f}",
    ]


def _way(one: Continuation, predicted: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "how": one.how,
        "value": one.value,
        "from_step": one.begins,
        "best_over_used": one.base,
        "bound_over_planned": one.bound,
        **(predicted or {"predicted_loss": None, "intervals": None, "gain_over_same": None}),
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
