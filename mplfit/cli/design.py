"""`mplfit design`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from mplfit.cli.common import (
    Examples,
    Target,
    fit_given,
    json_option,
    named_schedules,
    saves,
    schedule_given,
    show_result,
    warn,
    wide_option,
)

if TYPE_CHECKING:
    from mplfit.plan.design import Design
    from mplfit.schedule import Schedule

__all__ = ["design_command"]


@click.command(
    "design",
    cls=Examples,
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
@saves(what="A folder for the table and a figure.")
@wide_option
@json_option
def design_command(
    params: str,
    candidates: Sequence[str],
    wanted: str,
    over: str | None,
    runs: int,
    every: int | None,
    target: Target,
    wide: bool,
    as_json: bool,
) -> None:
    """Choose which runs to do next, so that a prediction of FIT becomes surer.

    Of the candidate runs, the one comes first that shrinks the 95 % interval of the target (the
    final loss of --target, or its gain over --over) most for each step that it costs; then the next
    one, given the first; and so on. No loss need be known for that: what a run would log tells as
    much of the parameters whatever its losses are. Differences between runs, and the law's own
    error, are left: the last column says how much of the interval no run takes away.
    """
    from mplfit.plan.design import design
    from mplfit.readers.fits import load_fit

    fit, named = load_fit(params), named_schedules(candidates)
    found = design(
        fit, schedule_given(wanted), named, over=schedule_given(over) if over else None, runs=runs,
        every=every, name=params, called=(wanted, over),
    )  # fmt: skip
    for text in found.warnings:
        warn(text)
    target.write(lambda: _files(found, named))
    show_result(found, found.to_dict(), as_json=as_json, wide=wide)
    if not as_json:
        target.say("design.json, design.png", apart=True)


def _files(found: Design, named: Mapping[str, Schedule]) -> dict[str, bytes]:
    from mplfit.show.plans import plot_design
    from mplfit.show.plot import png
    from mplfit.writers.text import json_bytes

    made = json_bytes(found.to_dict())
    return {"design.json": made, "design.png": png(plot_design(found, named))}
