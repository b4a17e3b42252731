"""`mplfit bound`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from mplfit.cli.messages import progress, say_notes
from mplfit.cli.options import SCHEDULE_HELP, command
from mplfit.cli.output import Output, output_options, print_json
from mplfit.cli.specs import named_schedules, named_specs
from mplfit.errors import DataError, ScheduleError

if TYPE_CHECKING:
    from mplfit.bounds.scan import Norms, Sweep
    from mplfit.schedule import Schedule
    from mplfit.types import FloatArray

__all__ = ["bound_command"]


@command(
    "bound",
    examples=(
        "mplfit bound wsdld:steps=4000,peak=1,decay=0.2 cosine:steps=4000,peak=1"
        " constant:steps=4000,peak=1 --terms --out /tmp/bounds --force",
        "mplfit bound wsdld:steps=4000,peak=1,decay=0.2 --sweep cooldown --no-save",
        "mplfit bound cosine:steps=4000,peak=3e-4,warmup=300 --as-given --distance 0.5 --no-save",
    ),
    help=f"""What convex theory says of schedules, before any run.

    For each schedule: the peak rate that minimises the bound on the final loss, and the bound
    there; ranked. {" ".join(SCHEDULE_HELP.split())} A name may stand before it: NAME=SPEC. A
    zero at the end is dropped: the bound is judged after the last positive rate. --sweep varies one
    property of schedules that are given as text. --fit lays the bound over logged losses instead,
    with the gradient norms that the log has (without them: mplfit fit --law bound). The folder (by
    default mplfit-runs/bound) gets the figure, and the bound curves as csv.

    Bounds scale with D·G and best rates with D/G, which nobody knows before a run: with both at
    1, compare schedules, not numbers.""",
)
@click.argument("specs", nargs=-1, metavar="[NAME=]SPEC…")
@click.option(
    "--fit",
    "logs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="LOG",
    help="Fit C + M·bound to the logs of runs with gradient norms (repeat).",
)
@click.option("--grad-norm-col", "column", metavar="COL", help="Column of a log's gradient norms.")
@click.option(
    "--sweep",
    "over",
    type=click.Choice(["cooldown", "horizon", "base-lr", "cycle"]),
    help="What to vary.",
)
@click.option("--values", metavar="V,V,…", help="What to try in the sweep. [default: a range]")
@click.option(
    "--distance", "D", type=float, default=1.0, show_default=True, help="D, start to minimum."
)
@click.option(
    "--grad-norm",
    "norm",
    metavar="G|alpha=A|LOG",
    default="1",
    show_default=True,
    help="Gradient norm: a number, t^A after t updates, or a log with grad_norm.",
)
@click.option("--at", type=int, help="Updates after which to judge. [default: all of them]")
@click.option("--as-given", is_flag=True, help="Draw curves at the rates given, not at the best.")
@click.option("--terms", is_flag=True, help="The three terms of each bound too, with a figure.")
@click.option("--example", is_flag=True, help="The worst run in one dimension too, with a figure.")
@click.option("--average", is_flag=True, help="The standard rate, of the average iterate.")
@click.option("--exact", is_flag=True, help="Sum plainly instead of fast (slow; to check).")
@output_options("bound")
def bound_command(
    specs: Sequence[str],
    logs: Sequence[Path],
    column: str | None,
    over: Sweep | None,
    values: str | None,
    D: float,
    norm: str,
    at: int | None,
    as_given: bool,
    terms: bool,
    example: bool,
    average: bool,
    exact: bool,
    output: Output,
) -> None:
    if logs:
        if specs or over is not None:
            raise click.UsageError("--fit goes without SPEC and --sweep")
        _fit_to_logs(logs, column, output)
        return
    if not specs:
        raise click.UsageError("give at least one schedule (SPEC), or --fit LOG")
    if values is not None and over is None:
        raise click.UsageError("--values belongs to --sweep")
    if terms and average:
        raise click.UsageError("--terms are those of the last iterate: they go without --average")
    if example and average:
        raise click.UsageError("--example is of the last iterate: it goes without --average")
    if over is not None:
        if at is not None or average or as_given or exact or terms or example:
            raise click.UsageError(
                "--sweep goes without --at, --average, --as-given, --terms, --example and --exact"
            )
        _sweep(specs, over, values, D, norm, output)
        return
    from mplfit.bounds.table import judge_all
    from mplfit.show.files import bound_files

    named = named_schedules(specs)
    G = cast("float | Mapping[str, FloatArray]", _norms(norm, named))
    found, drawn = judge_all(
        named, D=D, G=G, text=norm, at=at, as_given=as_given, average=average, terms=terms,
        example=example, exact=exact,
    )  # fmt: skip
    what = "average iterate" if average else "last iterate"
    title = f"Bound of the {what} at {'the rates given' if as_given else 'its best base rate'}"
    figures = "bound.png" + ", terms.png" * terms + ", example.png" * example
    output.give(
        found, f"{figures} and the numbers as csv", lambda: bound_files(found, drawn, title)
    )


def _sweep(
    specs: Sequence[str], over: Sweep, values: str | None, D: float, norm: str, output: Output
) -> None:
    from mplfit.bounds.scan import scan
    from mplfit.bounds.table import BoundSweep
    from mplfit.show.files import bound_sweep_files

    G, tried = _norms(norm, None), _numbers(values, over)
    assert not isinstance(G, Mapping)
    scans = tuple(
        replace(scan(text, over, values=tried, D=D, G=G), name=name)
        for name, text in named_specs(specs).items()
    )
    found = BoundSweep(over, D, norm, scans)
    output.give(found, "bound.png and the numbers as csv", lambda: bound_sweep_files(found))


def _fit_to_logs(logs: Sequence[Path], column: str | None, output: Output) -> None:
    """Fit the bound to logs with gradient norms, and print how it meets them."""
    from mplfit.estimate.logged_norms import fit_logged_norms
    from mplfit.readers.norms import norms_of, read_norms
    from mplfit.readers.paths import read_runs

    runs = read_runs(logs, fitted=True)
    say_notes(runs.curves)
    norms = {
        curve.name: norms_of(log, curve.schedule.steps)
        if column is None
        else read_norms(log.path, curve.schedule.steps, column)
        for curve, (_, log) in zip(runs.curves, runs.read, strict=True)
    }
    found = fit_logged_norms(runs.curves, norms, progress=progress)
    if output.as_json:
        print_json(found.to_dict())
    else:
        output.show(found)


def _norms(
    text: str, schedules: Mapping[str, Schedule] | None
) -> float | Norms | Mapping[str, FloatArray]:
    """A number, or the norms of every update of the schedules: of a power, or from a log."""
    from mplfit.bounds.scan import power_norms
    from mplfit.readers.norms import read_norms

    try:
        if text.startswith("alpha="):
            power = partial(power_norms, float(text[6:]))
            return power if schedules is None else {n: power(s.steps) for n, s in schedules.items()}
        return float(text)
    except ValueError:
        if not Path(text).exists():
            raise DataError(
                f"--grad-norm must be a number, alpha=A or the name of a log, got {text!r}"
            ) from None
        if schedules is None:
            raise DataError("a sweep needs one gradient norm for all steps, not a log") from None
        return {name: read_norms(Path(text), one.steps) for name, one in schedules.items()}


def _numbers(text: str | None, over: str) -> list[float]:
    from mplfit.schedule.spec import parse_count, parse_share

    parse = parse_count if over == "horizon" else parse_share
    try:
        return [float(parse(part.strip())) for part in text.split(",")] if text else []
    except ScheduleError as error:
        raise ScheduleError(f"--values must be numbers with commas between: each {error}") from None
