"""`mplfit lab sweep`."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.engine import workers_option
from mplfit.cli.lab.options import (
    make_plan,
    numbers,
    run_options,
    set_threads,
    threads_option,
    train_side_by_side,
)
from mplfit.cli.messages import say
from mplfit.cli.options import command, force_option, json_option
from mplfit.cli.output import print_json
from mplfit.errors import DataError

if TYPE_CHECKING:
    from mplfit.lab.grid import Cell, TrainedRun

__all__ = ["sweep_command"]


@command(
    "sweep",
    examples=(
        "mplfit lab sweep --task icl-regression --schedule cosine:steps=20,peak=1,warmup=4"
        " --widths 16,32 --rates 1e-3,1e-2 --seeds 2 --base-width 16 --eval-sequences 32"
        " --workers 1 --out /tmp/sweep.csv --force",
    ),
)
@click.option("--schedule", "spec", metavar="SPEC", required=True, help="Its peak is each rate.")
@click.option("--steps", metavar="N,N…", help="Updates, instead of the steps of SPEC.")
@click.option("--widths", required=True, metavar="N,N…", help="Widths of the model.")
@click.option("--rates", required=True, metavar="LR,LR…", help="Peak rates; or LOW:HIGH:COUNT.")
@click.option("--parametrizations", default="SP,muP", show_default=True, help="SP, muP, or both.")
@click.option("--seeds", default=2, show_default=True, help="Runs of every setting.")
@run_options(layers="2", batch="16")
@workers_option("one a core")
@threads_option
@click.option("--resume", is_flag=True, help="Train only the runs that OUT lacks.")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="A .csv.")
@force_option
@json_option
def sweep_command(
    spec: str,
    steps: str | None,
    widths: str,
    rates: str,
    parametrizations: str,
    seeds: int,
    workers: int | None,
    threads: int,
    resume: bool,
    out: Path,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a grid of rates, sizes, parametrizations and seeds, into a table for `mplfit sweep`.

    --steps, --layers and --batch take several numbers as well, separated by commas, so that
    transfer across width, depth, horizon and batch size can be tested. Give a warmup in per cent
    where the steps differ (warmup=5%).

    One row a run: its peak rate, the mean loss of its last updates, and the loss on held-out data
    at its end (nan for a run that diverged). The table is written after every run; the settings go
    into a .json beside it. After an interrupt, the same command with --resume trains the rest.
    """
    set_threads(threads)
    from mplfit.lab.grid import HEADER, Job, cells
    from mplfit.lab.parametrization import check_kind
    from mplfit.schedule.spec import read_spec
    from mplfit.writers.files import refuse_existing, write_file
    from mplfit.writers.text import json_bytes

    if out.suffix != ".csv":
        raise DataError(f"--out must be the name of a .csv file, got {out}")
    depth, batch = (numbers(options[name], f"--{name}", int) for name in ("layers", "batch"))
    options |= {"layers": depth[0], "batch": batch[0]}
    base = make_plan(options, width=options["base_width"], parametrization="SP", seed=0)
    whole = read_spec(spec)
    grid = cells(
        parametrization=[check_kind(kind.strip()) for kind in parametrizations.split(",")],
        width=numbers(widths, "--widths", int),
        depth=depth,
        steps=numbers(steps, "--steps", int) if steps else [whole.schedule().steps],
        batch=batch,
        lr=_rates(rates),
        seed=range(seeds),
    )
    jobs = {
        cell: Job(cell.of(base), whole.with_values(peak=cell.lr, steps=cell.steps).schedule())
        for cell in grid
    }
    settings = out.with_suffix(".json")
    said = json_bytes({"schema": "mplfit.lab-sweep/1", "schedule": spec, "plan": base.to_dict()})
    rows: dict[Cell, str] = {}
    if resume and out.exists():
        if not settings.exists() or settings.read_bytes() != said:
            raise DataError(
                f"{out} was made with other settings (see {settings}): resume with the same ones"
            )
        rows = _read(out)
    else:
        for path in (out, settings):
            refuse_existing(path, force)
    write_file(settings, said, force=force or resume)
    todo = {cell: job for cell, job in jobs.items() if cell not in rows}
    say(f"{len(todo)} of {len(jobs)} runs to train, {base.task.key}")

    def keep(cell: Cell, outcome: TrainedRun) -> None:
        rows[cell] = cell.row(outcome.loss, outcome.eval_loss, outcome.seconds)
        lines = [HEADER, *(rows[one] for one in sorted(rows)), ""]
        write_file(out, "\n".join(lines).encode(), force=True)

    order = list(todo)
    train_side_by_side(
        list(todo.values()),
        lambda number, outcome: keep(order[number], outcome),
        workers,
        threads,
        str(out),
    )
    diverged = sum(",nan," in row for row in rows.values())
    if as_json:
        print_json(
            {
                "schema": "mplfit.lab-sweep/1",
                "table": str(out),
                "runs": len(rows),
                "trained": len(todo),
                "diverged": diverged,
            }
        )
    else:
        click.echo(f"{len(rows)} runs, {diverged} of them diverged; written to {out}")
        click.echo(f"next: mplfit sweep {out}")


def _rates(text: str) -> list[float]:
    from mplfit.lab.grid import rates_between

    if ":" in text:
        low, high, count = numbers(text.replace(":", ","), "--rates", float, 3)
        return rates_between(low, high, int(count))
    rates = numbers(text, "--rates", float)
    if min(rates) <= 0:
        raise DataError(f"--rates must be positive, got {text}")
    return rates


def _read(path: Path) -> dict[Cell, str]:
    """The rows of a table that an earlier call has written."""
    from mplfit.lab.grid import HEADER, Cell

    rows = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if ",".join(row) != HEADER:
                raise DataError(f"{path} has other columns than {HEADER}: start another table")
            rows[Cell.read(row)] = ",".join(row.values())
    return rows
