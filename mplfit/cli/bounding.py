"""`mplfit bound`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.bound_logs import fit_to_logs
from mplfit.cli.common import (
    SCHEDULE_HELP,
    Examples,
    Target,
    json_option,
    named_schedules,
    named_specs,
    print_json,
    saves,
)
from mplfit.cli.tables import render
from mplfit.errors import DataError, ScheduleError

if TYPE_CHECKING:
    from mplfit.bounds.scan import Scan
    from mplfit.schedule import Schedule
    from mplfit.types import FloatArray

__all__ = ["bound_command"]

_EXACT = (
    "No ±: theory's worst case is exact for a schedule, D and G; mplfit agreement: how real runs "
    "follow it"
)
_VALUES = {
    "cooldown": "cooldown",
    "horizon": "updates",
    "base-lr": "peak lr",
    "cycle": "cycle",
}


@click.command(
    "bound",
    cls=Examples,
    examples=(
        "mplfit bound wsdld:steps=4000,peak=1,decay=0.2 cosine:steps=4000,peak=1"
        " constant:steps=4000,peak=1 --out /tmp/bounds --force",
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
    help="Fit C + M·bound to a .csv log with step, lr, loss and gradient norms (repeat).",
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
    help="Gradient norm: a number, or a .csv log with step and train_grad_norm.",
)
@click.option("--at", type=int, help="Updates after which to judge. [default: all of them]")
@click.option("--as-given", is_flag=True, help="Draw curves at the rates given, not at the best.")
@click.option("--average", is_flag=True, help="The standard rate, of the average iterate.")
@click.option("--exact", is_flag=True, help="Sum plainly instead of fast (slow; to check).")
@saves("bound")
@json_option
def bound_command(
    specs: Sequence[str],
    logs: Sequence[Path],
    column: str | None,
    over: str | None,
    values: str | None,
    D: float,
    norm: str,
    at: int | None,
    as_given: bool,
    average: bool,
    exact: bool,
    target: Target,
    as_json: bool,
) -> None:
    if logs:
        if specs or over is not None:
            raise click.UsageError("--fit goes without SPEC and --sweep")
        fit_to_logs(logs, column, as_json)
        return
    if not specs:
        raise click.UsageError("give at least one schedule (SPEC), or --fit LOG")
    if values is not None and over is None:
        raise click.UsageError("--values belongs to --sweep")
    if over is not None:
        if at is not None or average or as_given or exact:
            raise click.UsageError("--sweep goes without --at, --average, --as-given and --exact")
        files, text, found = _swept(specs, over, values, D, norm)
    else:
        files, text, found = _judged(specs, D, norm, at, as_given, average, exact)
    target.write(files)
    if as_json:
        print_json({**found, "folder": target.name})
        return
    click.echo(text)
    target.say("bound.png and the numbers as csv")


def _judged(
    specs: Sequence[str],
    D: float,
    norm: str,
    at: int | None,
    as_given: bool,
    average: bool,
    exact: bool,
) -> tuple[Any, str, dict[str, Any]]:
    """The files (made when asked for), the text and the JSON of schedules side by side."""
    from mplfit.bounds import average_bound_curve, best_base, bound_curve
    from mplfit.schedule import Schedule

    named = {name: _without_zeros(one) for name, one in named_schedules(specs).items()}
    rows: list[dict[str, Any]] = []
    curves, shown = {}, {}
    for name, schedule in named.items():
        G = _norm(norm, schedule.steps)
        best = best_base(schedule.lr, D=D, G=G, at=at, average=average)
        drawn = schedule if as_given else Schedule(best.rate * schedule.lr, schedule.warmup)
        curve = (
            average_bound_curve(drawn.lr, D=D, G=G)
            if average
            else bound_curve(drawn.lr, D=D, G=G, exact=exact)
        )
        judged = schedule.steps if at is None else at
        shown[name], curves[name] = drawn, curve
        rows.append(
            {
                "name": name,
                "updates": judged,
                "best_peak_lr": best.rate * schedule.peak,
                "best_bound": best.bound,
                "peak_lr": schedule.peak,
                "bound": float(curve[judged - 1]) if as_given else None,
            }
        )
    rows.sort(key=lambda row: row["bound"] if as_given else row["best_bound"])
    lowest = rows[0]["best_bound"]
    table = render(
        ["schedule", "updates", "best peak lr", "best bound", "above lowest"]
        + (["peak lr", "bound at it"] if as_given else []),
        [
            [
                row["name"],
                str(row["updates"]),
                f"{row['best_peak_lr']:.6g}",
                f"{row['best_bound']:.6g}",
                f"{100 * (row['best_bound'] / lowest - 1):+.1f} %",
            ]
            + ([f"{row['peak_lr']:g}", f"{row['bound']:.6g}"] if as_given else [])
            for row in rows
        ],
    )
    what = "average iterate" if average else "last iterate"
    rates = "the rates given" if as_given else "its best base rate"
    title = f"Bound of the {what} at {rates}"

    def files() -> dict[str, bytes]:
        from mplfit.show.bound_plot import plot_bounds
        from mplfit.show.plot import png
        from mplfit.writers.text import file_name, prediction_csv

        made = {"bound.png": png(plot_bounds(shown, curves, title))}
        for name, schedule in shown.items():
            lines = prediction_csv(schedule, curves[name]).replace(
                b"step,lr,loss", b"step,lr,bound"
            )
            made[f"{file_name(name)}.csv"] = lines
        return made

    text = f"{table}\n\nlowest bound first; {_units(D, norm)}"
    found = {
        "schema": "mplfit.bound/1",
        "D": D,
        "G": norm,
        "uncertainty": _EXACT,
        "schedules": rows,
    }
    return files, text, found


def _swept(
    specs: Sequence[str], over: str, values: str | None, D: float, norm: str
) -> tuple[Any, str, dict[str, Any]]:
    """The same of a sweep."""
    from mplfit.bounds.scan import scan

    G, tried = _norm(norm, None), _numbers(values, over)
    scans: dict[str, Scan] = {}
    for name, text in named_specs(specs).items():
        scans[name] = scan(text, over, values=tried, D=D, G=float(G))  # type: ignore[arg-type]
    header = [_VALUES[over], "best peak lr", "best bound", "bound as given"]
    if over == "base-lr":
        header = [_VALUES[over], "of the best", "bound", "above best"]
    tables = []
    for name, one in scans.items():
        rows = [
            [
                f"{value:.6g}",
                f"{value / base:.4g}" if over == "base-lr" else f"{base:.6g}",
                f"{given if over == 'base-lr' else best:.6g}",
                f"{100 * (given / best - 1):+.1f} %" if over == "base-lr" else f"{given:.6g}",
            ]
            for value, base, best, given in zip(
                one.value, one.base, one.best, one.given, strict=True
            )
        ]
        tables.append(f"{name}\n{render(header, rows)}")

    def files() -> dict[str, bytes]:
        from mplfit.show.bound_plot import plot_scan
        from mplfit.show.plot import png
        from mplfit.writers.text import file_name

        made = {"bound.png": png(plot_scan(scans))}
        for name, one in scans.items():
            lines = [f"{over.replace('-', '_')},best_peak_lr,best_bound,bound"]
            lines += [
                ",".join(repr(float(number)) for number in row)
                for row in zip(one.value, one.base, one.best, one.given, strict=True)
            ]
            made[f"{file_name(name)}.csv"] = ("\n".join(lines) + "\n").encode()
        return made

    found = {
        "schema": "mplfit.bound-sweep/1",
        "over": over,
        "D": D,
        "G": norm,
        "uncertainty": _EXACT,
        "sweeps": [
            {
                "name": name,
                "value": one.value.tolist(),
                "best_peak_lr": one.base.tolist(),
                "best_bound": one.best.tolist(),
                "bound": one.given.tolist(),
            }
            for name, one in scans.items()
        ],
    }
    return files, "\n\n".join(tables) + f"\n\n{_units(D, norm)}", found


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


def _units(D: float, norm: str) -> str:
    if D == 1 and norm == "1":
        return f"rates in units of D/G, bounds in units of D·G (D = G = 1)\n{_EXACT}"
    return f"D = {D:g}, G = {norm}\n{_EXACT}"
