"""`mplfit schedule`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from mplfit.cli.options import command
from mplfit.cli.output import Output, output_options, print_json
from mplfit.cli.specs import named_schedules
from mplfit.schedule.spec import GRAMMAR

if TYPE_CHECKING:
    from mplfit.schedule import Schedule
    from mplfit.show.table import Table

__all__ = ["schedule_command"]


@command(
    "schedule",
    examples=(
        "mplfit schedule cosine:steps=24000,peak=3e-4,final=3e-5,warmup=2160"
        " wsd:steps=24000,peak=3e-4,final=3e-5,decay=4000,warmup=2160 --out /tmp/two --force",
        "mplfit schedule mine=knots:0=0,500=1e-3,4000=1e-3,4999=0 --no-save",
    ),
    help=f"""Plot schedules and write the rate of every update.

    SPEC is a file (.csv with step,lr; .npy; .json) or one of

    \b
    {GRAMMAR.replace(chr(10), chr(10) + "    ")}

    joined with + where one follows the other. decay below 1 is a fraction of the steps; a decay
    ends one update past the last unless endpoint=yes. final=10% is a share of the peak, cycle a
    multiple of the steps after the warmup, and zero=yes (with any form) one more update at rate 0.
    A name may stand before it: NAME=SPEC. For each, NAME.csv (step,lr) and NAME.npy go into a
    folder, by default mplfit-runs/schedule, with schedules.png.""",
)
@click.argument("specs", nargs=-1, required=True, metavar="[NAME=]SPEC…")
@output_options("schedule")
def schedule_command(specs: Sequence[str], output: Output) -> None:
    from mplfit.show.files import schedules_files

    named = named_schedules(specs)
    output.write(lambda: schedules_files(named))
    if output.as_json:
        plans = {name: made.to_dict() for name, made in named.items()}
        print_json({"schema": "mplfit.schedules/1", "schedules": plans})
        return
    output.show(_table(named))
    output.say("schedules.png and the rates as csv and npy")


def _table(named: Mapping[str, Schedule]) -> Table:
    from mplfit.show.table import Column, Table

    first, count = next(iter(named)), len(named)
    most = max(named, key=lambda name: float(named[name].lr.sum()))
    answer = f"The rates of every update of {count} schedules; {most} has the largest sum of them."
    if count == 1:
        answer = f"The rates of all {named[first].steps} updates of {first}."
    columns = (
        Column("schedule"), Column("steps"), Column("warmup"), Column("peak lr", "g"),
        Column("last lr", ".6g"), Column("sum of lr", ".6g"),
    )  # fmt: skip
    rows = tuple(
        (name, one.steps, one.warmup, one.peak, float(one.lr[-1]), float(one.lr.sum()))
        for name, one in named.items()
    )
    return Table(answer, columns, rows, ("exact: these are the schedule's own rates",))
