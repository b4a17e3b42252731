"""`mplfit predict`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mplfit.cli.options import SCHEDULE_HELP, command, params_option, size_option
from mplfit.cli.output import Output, output_options
from mplfit.cli.specs import named_schedules

__all__ = ["predict_command"]


@command(
    "predict",
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
@output_options("predict")
def predict_command(
    specs: Sequence[str],
    params: str,
    size: str | None,
    schedules: Sequence[str],
    exact: bool,
    output: Output,
) -> None:
    from mplfit.api import predict

    if not specs and not schedules:
        raise click.UsageError("give at least one schedule (SPEC)")
    found = predict(params, named_schedules([*schedules, *specs]), size=size, exact=exact)
    output.give(found, "losses.png and the curves as csv")
