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
    saves,
    show_result,
    size_option,
    warn,
    wide_option,
)

if TYPE_CHECKING:
    from mplfit.assess.predict import Predictions

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
@wide_option
@json_option
def predict_command(
    specs: Sequence[str],
    params: str,
    size: str | None,
    schedules: Sequence[str],
    exact: bool,
    target: Target,
    wide: bool,
    as_json: bool,
) -> None:
    from mplfit.assess.predict import predictions
    from mplfit.readers.fits import load_fit

    if not specs and not schedules:
        raise click.UsageError("give at least one schedule (SPEC)")
    fit = load_fit(params, size)
    found = predictions(fit, named_schedules([*schedules, *specs]), exact=exact, name=params)
    for text in found.warnings:
        warn(text)
    target.write(lambda: _files(found))
    show_result(found, {**found.to_dict(), "folder": target.name}, as_json=as_json, wide=wide)
    if not as_json:
        target.say("losses.png and the curves as csv", apart=True)


def _files(found: Predictions) -> dict[str, bytes]:
    from mplfit.show.plot import plot_predictions, png
    from mplfit.writers.text import file_name, prediction_csv

    schedules = {one.name: one.schedule for one in found.predictions}
    losses = {one.name: one.loss for one in found.predictions}
    files = {"losses.png": png(plot_predictions(schedules, losses))}
    for name, schedule in schedules.items():
        files[f"{file_name(name)}.csv"] = prediction_csv(schedule, losses[name])
    return files
