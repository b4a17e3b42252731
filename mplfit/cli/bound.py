"""`mplfit bound`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mplfit.cli.bound_logs import fit_to_logs
from mplfit.cli.common import (
    SCHEDULE_HELP,
    Examples,
    Target,
    json_option,
    named_schedules,
    named_specs,
    saves,
    show_result,
    wide_option,
)
from mplfit.errors import DataError, ScheduleError

if TYPE_CHECKING:
    from mplfit.bounds.scan import Sweep
    from mplfit.bounds.table import BoundSweep, BoundTable
    from mplfit.schedule import Schedule
    from mplfit.types import FloatArray

__all__ = ["bound_command"]


@click.command(
    "bound",
    cls=Examples,
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
    metavar="G|LOG",
    default="1",
    show_default=True,
    help="Gradient norm: a number, or a log with grad_norm.",
)
@click.option("--at", type=int, help="Updates after which to judge. [default: all of them]")
@click.option("--as-given", is_flag=True, help="Draw curves at the rates given, not at the best.")
@click.option("--terms", is_flag=True, help="The three terms of each bound too, with a figure.")
@click.option("--average", is_flag=True, help="The standard rate, of the average iterate.")
@click.option("--exact", is_flag=True, help="Sum plainly instead of fast (slow; to check).")
@saves("bound")
@wide_option
@json_option
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
    average: bool,
    exact: bool,
    target: Target,
    wide: bool,
    as_json: bool,
) -> None:
    if logs:
        if specs or over is not None:
            raise click.UsageError("--fit goes without SPEC and --sweep")
        fit_to_logs(logs, column, as_json, wide)
        return
    if not specs:
        raise click.UsageError("give at least one schedule (SPEC), or --fit LOG")
    if values is not None and over is None:
        raise click.UsageError("--values belongs to --sweep")
    if terms and average:
        raise click.UsageError("--terms are those of the last iterate: they go without --average")
    files: Callable[[], dict[str, bytes]]
    found: BoundTable | BoundSweep
    if over is not None:
        if at is not None or average or as_given or exact or terms:
            raise click.UsageError(
                "--sweep goes without --at, --average, --as-given, --terms and --exact"
            )
        files, found = _swept(specs, over, values, D, norm)
    else:
        files, found = _judged(specs, D, norm, at, as_given, average, exact, terms)
    target.write(files)
    made = {**found.to_dict(), "folder": target.name}
    show_result(found, made, as_json=as_json, wide=wide)
    if not as_json:
        figures = "bound.png, terms.png" if terms else "bound.png"
        target.say(f"{figures} and the numbers as csv", apart=True)


def _judged(
    specs: Sequence[str],
    D: float,
    norm: str,
    at: int | None,
    as_given: bool,
    average: bool,
    exact: bool,
    terms: bool,
) -> tuple[Callable[[], dict[str, bytes]], BoundTable]:
    """The files (made when asked for) and the table of schedules side by side."""
    from mplfit.bounds.table import judge, rank

    named = {name: _without_zeros(one) for name, one in named_schedules(specs).items()}
    every = {
        name: judge(
            name,
            one,
            D=D,
            G=_norm(norm, one.steps),
            at=at,
            as_given=as_given,
            average=average,
            exact=exact,
            terms=terms,
        )
        for name, one in named.items()
    }
    what = "average iterate" if average else "last iterate"
    rates = "the rates given" if as_given else "its best base rate"

    ranked = rank({name: one for name, (one, _, _) in every.items()}, D, norm)

    def files() -> dict[str, bytes]:
        from mplfit.show.bound_plot import plot_bounds, plot_terms
        from mplfit.show.plot import png
        from mplfit.writers.text import csv_bytes, file_name, prediction_csv

        shown = {name: drawn for name, (_, drawn, _) in every.items()}
        curves = {name: curve for name, (_, _, curve) in every.items()}
        title = f"Bound of the {what} at {rates}"
        made = {"bound.png": png(plot_bounds(shown, curves, title))}
        for name, schedule in shown.items():
            lines = prediction_csv(schedule, curves[name])
            made[f"{file_name(name)}.csv"] = lines.replace(b"step,lr,loss", b"step,lr,bound")
        if terms:
            made["terms.png"] = png(plot_terms(ranked))
            made["terms.csv"] = csv_bytes(
                ["schedule", "distance", "noise", "last"],
                [[one.name, *(one.terms or {}).values()] for one in ranked.schedules],
            )
        return made

    return files, ranked


def _swept(
    specs: Sequence[str], over: Sweep, values: str | None, D: float, norm: str
) -> tuple[Callable[[], dict[str, bytes]], BoundSweep]:
    """The same of a sweep."""
    from dataclasses import replace

    from mplfit.bounds.scan import scan
    from mplfit.bounds.table import BoundSweep

    G, tried = _norm(norm, None), _numbers(values, over)
    scans = tuple(
        replace(scan(text, over, values=tried, D=D, G=float(G)), name=name)
        for name, text in named_specs(specs).items()
    )

    def files() -> dict[str, bytes]:
        from mplfit.show.bound_plot import plot_scan
        from mplfit.show.plot import png
        from mplfit.writers.text import csv_bytes, file_name

        made = {"bound.png": png(plot_scan({one.name: one for one in scans}))}
        for one in scans:
            header = [over.replace("-", "_"), "best_peak_lr", "best_bound", "bound"]
            rows = zip(one.value, one.base, one.best, one.given, strict=True)
            made[f"{file_name(one.name)}.csv"] = csv_bytes(header, rows)
        return made

    return files, BoundSweep(over, D, norm, scans)


def _without_zeros(schedule: Schedule) -> Schedule:
    from mplfit.bounds import last_positive
    from mplfit.schedule import Schedule as Made

    last = last_positive(schedule.lr)
    return Made(schedule.lr[:last], min(schedule.warmup, last))


def _norm(text: str, steps: int | None) -> float | FloatArray:
    """A number, or the norms of every update from a log."""
    from mplfit.readers.norms import read_norms

    try:
        return float(text)
    except ValueError:
        if not Path(text).exists():
            raise DataError(
                f"--grad-norm must be a number or the name of a log, got {text!r}"
            ) from None
        if steps is None:
            raise DataError("a sweep needs one gradient norm for all steps, not a log") from None
        return read_norms(Path(text), steps)


def _numbers(text: str | None, over: str) -> list[float]:
    from mplfit.schedule.spec import parse_count, parse_share

    parse = parse_count if over == "horizon" else parse_share
    try:
        return [float(parse(part.strip())) for part in text.split(",")] if text else []
    except ScheduleError as error:
        raise ScheduleError(f"--values must be numbers with commas between: each {error}") from None
