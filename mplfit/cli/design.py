"""`mplfit design`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.common import (
    Examples,
    Target,
    fit_given,
    json_option,
    named_schedules,
    print_json,
    saves,
    schedule_given,
    warn_held,
    warn_of_loss,
)
from mplfit.cli.tables import render, span
from mplfit.errors import DataError

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
@json_option
def design_command(
    params: str,
    candidates: Sequence[str],
    wanted: str,
    over: str | None,
    runs: int,
    every: int | None,
    target: Target,
    as_json: bool,
) -> None:
    """Choose which runs to do next, so that a prediction of FIT becomes surer.

    Of the candidate runs, the one comes first that shrinks the 95 % interval of the target (the
    final loss of --target, or its gain over --over) most for each step that it costs; then the next
    one, given the first; and so on. No loss need be known for that: what a run would log tells as
    much of the parameters whatever its losses are. Differences between runs, and the law's own
    error, are left: the last column says how much of the interval no run takes away.
    """
    from mplfit.assess.reach import reach, reach_lines
    from mplfit.plan.design import design
    from mplfit.plan.design import target as goal_of
    from mplfit.readers.fits import load_fit

    if every is not None and every < 1:
        raise DataError(f"--every must be at least 1 step, got {every}")
    known, named = load_fit(params), named_schedules(candidates)
    warn_held(known)
    schedule = schedule_given(wanted)
    warn_of_loss(known, schedule, "the target")
    goal = goal_of(known, schedule, schedule_given(over) if over else None)
    found = design(known, goal, named, runs=runs, every=every)
    values = {**_as_dict(params, wanted, over, found), "reach": reach(known, schedule).to_dict()}
    target.write(lambda: _files(found, named, values))
    if as_json:
        print_json(values)
        return
    click.echo(_text(found, wanted, over))
    for line in reach_lines(known, {"the target": schedule}):
        click.echo(line)
    target.say("design.json, design.png")


def _text(found: Design, wanted: str, over: str | None) -> str:
    from mplfit.assess.intervals import LEVELS

    goal, z = found.target, LEVELS[0.95]
    rows = [["now", "", _around(goal.value, z * found.before), f"±{z * found.before:.4f}", "", ""]]
    before, spent = found.before, 0
    for one in found.choices:
        spent += one.steps
        gained = z * (before - one.sd)
        rows.append(
            [
                one.name,
                str(spent),
                _around(goal.value, z * one.sd),
                f"±{z * one.sd:.4f}",
                f"{gained:.4f}",
                f"{1e4 * gained / one.steps:.4f}",
            ]
        )
        before = one.sd
    header = ["run", "steps spent", f"{goal.what}, 95 %", "width", "shrunk by", "per 10,000 steps"]
    first = found.choices[0]
    tried = [
        [name, f"±{z * sd:.4f}", f"{z * (found.before - sd):.4f}"]
        for name, sd in sorted(first.others.items(), key=lambda pair: pair[1])
    ]
    what = f"{goal.what} of {wanted}" + (f" over {over}" if over else "")
    return "\n".join(
        [
            f"Target: {what}: {goal.value:.4f}",
            "",
            render(header, rows),
            "",
            render(["one run alone", "width", "shrunk by"], tried),
            "",
            f"±{z * found.floor:.4f} of the width is left whatever is run: two runs differ, "
            "and the law has an error of its own",
            "widths have no ±: they are themselves the uncertainty, by the fit's covariance",
        ]
    )


def _around(value: float, half: float) -> str:
    return span((value - half, value + half))


def _as_dict(fit: str, wanted: str, over: str | None, found: Design) -> dict[str, Any]:
    return {
        "schema": "mplfit.design/1",
        "params": fit,
        "target": wanted,
        "over": over,
        "what": found.target.what,
        "value": found.target.value,
        "sd": found.before,
        "sd_left": found.floor,
        "runs": [
            {"name": one.name, "steps": one.steps, "sd": one.sd, "sd_of_each": dict(one.others)}
            for one in found.choices
        ],
    }


def _files(
    found: Design, named: Mapping[str, Schedule], values: Mapping[str, Any]
) -> dict[str, bytes]:
    from mplfit.show.plans import plot_design
    from mplfit.show.plot import png
    from mplfit.writers.text import json_bytes

    return {"design.json": json_bytes(values), "design.png": png(plot_design(found, named))}
