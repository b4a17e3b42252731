"""`mplfit predict`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mplfit.cli.common import (
    SCHEDULE_HELP,
    Examples,
    Target,
    json_option,
    named_schedules,
    params_option,
    print_json,
    saves,
    size_option,
    warn_held,
    warn_of_loss,
    warn_of_peak,
)
from mplfit.cli.tables import render, span

if TYPE_CHECKING:
    from mplfit.assess.gains import Gain
    from mplfit.estimate.result import Fit
    from mplfit.schedule import Schedule
    from mplfit.types import FloatArray

__all__ = ["predict_command"]


@click.command(
    "predict",
    cls=Examples,
    examples=(
        "mplfit predict --params 400 cosine:steps=24000,peak=3e-4,final=3e-5,warmup=2160"
        " wsdld:steps=24000,peak=3e-4,decay=4000,warmup=2160",
        "mplfit predict --params 25 --schedule long=constant:steps=72k,peak=3e-4,warmup=2160"
        " --out /tmp/long --force",
    ),
    help=f"""Predict the loss under other schedules, side by side.

    {SCHEDULE_HELP} A name may stand before it: NAME=SPEC.

    The curves (step,lr,loss of every update) and a plot go into a folder, by default
    mplfit-runs/predict, or predict-2 and so on where that is taken.""",
)
@click.argument("specs", nargs=-1, metavar="[NAME=]SPEC…")
@params_option
@size_option
@click.option("--schedule", "schedules", metavar="[NAME=]SPEC", multiple=True, help="The same.")
@click.option("--exact", is_flag=True, help="Sum plainly instead of fast (slow; to check).")
@saves("predict")
@json_option
def predict_command(
    specs: Sequence[str],
    params: str,
    size: str | None,
    schedules: Sequence[str],
    exact: bool,
    target: Target,
    as_json: bool,
) -> None:
    from mplfit.assess.intervals import LEVELS, final_interval
    from mplfit.assess.reach import reach, reach_lines
    from mplfit.readers.fits import load_fit

    if not specs and not schedules:
        raise click.UsageError("give at least one schedule (SPEC)")
    fit = load_fit(params, size)
    named = named_schedules([*schedules, *specs])
    for name, schedule in named.items():
        warn_of_loss(fit, schedule, name)
    losses = {name: fit.loss(schedule, exact=exact) for name, schedule in named.items()}
    intervals = {name: final_interval(fit, schedule) for name, schedule in named.items()}
    warn_held(fit)
    lowest = min(named, key=lambda name: float(losses[name][-1]))
    above = _above(fit, named, lowest)
    for name, schedule in named.items():
        warn_of_peak(fit, schedule.peak, name)
    target.write(lambda: _prediction_files(named, losses))
    if as_json:
        print_json(
            {
                "schema": "mplfit.prediction/1",
                "params": params,
                "law": fit.law,
                "predictions": [
                    {
                        "name": name,
                        "steps": schedule.steps,
                        "warmup": schedule.warmup,
                        "peak": schedule.peak,
                        "final_lr": float(schedule.lr[-1]),
                        "final_loss": float(losses[name][-1]),
                        "intervals": intervals[name],
                        "reach": reach(fit, schedule).to_dict(),
                        "above_lowest": above[name].summary().to_dict() if name in above else None,
                    }
                    for name, schedule in named.items()
                ],
                "folder": target.name,
            }
        )
        return
    rows = [
        [
            name,
            str(schedule.steps),
            f"{schedule.peak:g}",
            f"{schedule.lr[-1]:.3g}",
            f"{losses[name][-1]:.4f}",
            *map(span, (intervals[name] or {}).values()),
            f"{losses[name][-1] - losses[lowest][-1]:+.4f}",
            *([span(above[name].bounds(0.95)) if name in above else ""] if above else []),
        ]
        for name, schedule in named.items()
    ]
    header = ["schedule", "steps", "peak lr", "final lr", "final loss"]
    if fit.spread is not None:
        header += [f"{100 * level:.0f} % interval" for level in LEVELS]
    header += ["above lowest", *(["95 % interval"] if above else [])]
    click.echo(render(header, rows) + "\n")
    for line in reach_lines(fit, named):
        click.echo(line)
    if fit.spread is None:
        click.echo(
            "No interval: published parameters do not say how far runs scatter. Two runs of one "
            "schedule differ by 1e-3 to 8e-3."
        )
    target.say("losses.png and the curves as csv")


def _above(fit: Fit, named: dict[str, Schedule], lowest: str) -> dict[str, Gain]:
    """How far each final loss lies above the lowest one, where the fit knows how sure that is."""
    from mplfit.assess.gains import gains

    others = {name: schedule for name, schedule in named.items() if name != lowest}
    if fit.spread is None or not others:
        return {}
    return dict(zip(others, gains(fit, named[lowest], list(others.values())), strict=True))


def _prediction_files(
    schedules: dict[str, Schedule], losses: dict[str, FloatArray]
) -> dict[str, bytes]:
    from mplfit.show.plot import plot_predictions, png
    from mplfit.writers.text import file_name, prediction_csv

    files = {"losses.png": png(plot_predictions(schedules, losses))}
    for name, schedule in schedules.items():
        files[f"{file_name(name)}.csv"] = prediction_csv(schedule, losses[name])
    return files
