"""`mplfit lab train`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.lab.options import (
    StopRequest,
    clock,
    make_plan,
    one_schedule,
    run_options,
    set_threads,
    threads_option,
)
from mplfit.cli.messages import progress, say, warn
from mplfit.cli.options import SCHEDULE_HELP, command, force_option, json_option
from mplfit.cli.output import print_json

if TYPE_CHECKING:
    from mplfit.lab.log import LossKind
    from mplfit.lab.run import Row, Run

__all__ = ["train_command"]

_LOG_SECONDS, _SAVE_SECONDS = 5.0, 60.0


@command(
    "train",
    examples=(
        "mplfit lab train --schedule cosine:steps=60,peak=3e-3,warmup=6 --width 32"
        " --out /tmp/run.csv --force",
        "mplfit lab train --task icl-regression --schedule constant:peak=3e-3,steps=40 --width 32"
        " --keep 20 --out /tmp/stable.csv --force",
    ),
    help=f"""Train a small transformer under a schedule; its log is what `mplfit fit` reads.

{SCHEDULE_HELP}

The log has the columns step, lr, loss (the mean of the batches' losses since the row before) and
eval_loss (on held-out data that is the same for every run); its first line is the exact schedule. A
checkpoint is kept beside it, run.npz for run.csv. After Ctrl-C the same command with --resume goes
on, bit for bit. --keep writes the checkpoint of a step to a file of its own (run.20.npz), and
--from branches a run from one: the schedule may differ from there on.

The seed sets the initial weights and the order of the data, so that runs of one seed see the same
data whatever their schedule.""",
)
@click.option("--schedule", "spec", metavar="SPEC", help="The learning rates.")
@click.option("--steps", type=int, help="Updates, instead of the steps of SPEC.")
@click.option("--width", default=64, show_default=True, help="Of the model.")
@click.option("--parametrization", default="SP", show_default=True, help="SP or muP.")
@click.option("--seed", default=0, show_default=True, help="Of the weights and of the data.")
@run_options()
@click.option(
    "--loss",
    type=click.Choice(["train", "eval"]),
    default="train",
    show_default=True,
    help="Which one stands in the column loss.",
)
@click.option(
    "--keep", multiple=True, type=int, metavar="STEP", help="Keep this checkpoint (repeat)."
)
@click.option(
    "--from",
    "past",
    type=click.Path(path_type=Path),
    metavar="CHECKPOINT",
    help="Branch from a checkpoint: its model, data and seed.",
)
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    metavar="TABLE",
    help="Add the finished run's row to this .csv, as lab sweep writes them.",
)
@threads_option
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="The log, a .csv."
)
@force_option
@json_option  # fmt: skip
def train_command(
    spec: str | None,
    steps: int | None,
    width: int,
    parametrization: str,
    seed: int,
    loss: LossKind,
    keep: tuple[int, ...],
    past: Path | None,
    resume: bool,
    results: Path | None,
    threads: int,
    out: Path,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    set_threads(threads)
    from mplfit.errors import DataError
    from mplfit.lab.log import log_csv, schedule_text
    from mplfit.lab.run import Run, train
    from mplfit.writers.files import refuse_existing, write_file

    if spec is None and not resume:
        raise click.UsageError("give a --schedule, or --resume an interrupted run")
    if out.suffix != ".csv":
        raise DataError(f"--out must be the name of a .csv file, got {out}")
    kept = out.with_suffix(".npz")
    table = _table(results) if results else ""
    if resume:
        if past is not None:
            raise click.UsageError("--resume goes on with OUT's own checkpoint: leave --from out")
        run = _load(kept)
        text = schedule_text(run.schedule)
        if spec is not None:
            schedule, text = one_schedule(spec, steps)
            if schedule != run.schedule:
                raise DataError(
                    f"{kept} has another schedule than the one given: leave --schedule out, or "
                    "branch from the checkpoint with --from"
                )
    else:
        for path in (out, kept):
            refuse_existing(path, force)
        assert spec is not None
        schedule, text = one_schedule(spec, steps)
        if past is not None:
            run = _load(past)
            run.branch(schedule)
            say(f"note: model, data and seed are those of {past}, after {run.done} updates")
        else:
            plan = make_plan(options, width=width, parametrization=parametrization, seed=seed)
            run = Run(plan, schedule)
    if loss == "eval" and not run.plan.evaluated:
        raise click.UsageError("--loss eval needs --eval-sequences above 0")
    _describe(run)
    keeper = _Keeper(
        run, out, kept, frozenset(keep), lambda rows: log_csv(run.plan, text, rows, loss)
    )
    with StopRequest() as interrupt:
        keeper.claim(force or resume)
        train(run, on_row=keeper.row, after=keeper.after, stop=lambda: interrupt.asked)
        keeper.save()
    progress(1, 1, "")
    if run.diverged:
        warn(f"the loss is not finite in step {run.done - 1}: the run has diverged and is over")
    if results and run.finished:
        write_file(results, f"{table}{_result(run, keeper.seconds)}\n".encode(), force=True)
    _finish(run, out, kept, keeper.seconds, as_json)
    if not run.finished:
        sys.exit(130)


class _Keeper:
    """Writes the log and the checkpoints of a run as it goes on, and draws its progress."""

    def __init__(
        self,
        run: Run,
        out: Path,
        kept: Path,
        steps: frozenset[int],
        log: Callable[[list[Row]], bytes],
    ) -> None:
        self.run, self.out, self.kept, self.steps, self.log = run, out, kept, steps, log
        self.began, self.first = time.monotonic(), run.done
        self.logged = self.saved = self.drawn = self.began

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def claim(self, force: bool) -> None:
        """Take the checkpoint's name, so that of two runs with one name the second is refused."""
        from mplfit.lab.checkpoint import to_bytes
        from mplfit.writers.files import write_file

        write_file(self.kept, to_bytes(self.run), force=force)

    def row(self, row: Row) -> None:
        if time.monotonic() - self.logged > _LOG_SECONDS:
            self._write_log()

    def after(self) -> None:
        from mplfit.lab.checkpoint import to_bytes
        from mplfit.writers.files import write_file

        now = time.monotonic()
        if self.run.done in self.steps:
            place = self.kept.with_suffix(f".{self.run.done}.npz")
            write_file(place, to_bytes(self.run), force=True)
        if now - self.saved > _SAVE_SECONDS:
            self.save()
        if now - self.drawn > 0.2:
            self.drawn = now
            self._draw(now)

    def save(self) -> None:
        from mplfit.lab.checkpoint import to_bytes
        from mplfit.writers.files import write_file

        # The checkpoint first: it holds the rows, so that no state is without its log.
        write_file(self.kept, to_bytes(self.run), force=True)
        self._write_log()
        self.saved = time.monotonic()

    def _write_log(self) -> None:
        from mplfit.writers.files import write_file

        if self.run.rows:
            write_file(self.out, self.log(self.run.rows), force=True)
        self.logged = time.monotonic()

    def _draw(self, now: float) -> None:
        run = self.run
        speed = (run.done - self.first) / max(now - self.began, 1e-9)
        left = (run.schedule.steps - run.done) / max(speed, 1e-9)
        tokens = speed * run.plan.batch * run.plan.task.block
        shown = f", loss {run.rows[-1].loss:.4f}" if run.rows else ""
        text = f"{tokens:,.0f} tokens/s, {clock(left)} left{shown}: update"
        progress(run.done, run.schedule.steps + 1, text)


def _table(path: Path) -> str:
    """The table that a row is added to; its header alone where there is none yet."""
    from mplfit.errors import DataError
    from mplfit.lab.grid import HEADER

    if path.suffix != ".csv":
        raise DataError(f"--results must be the name of a .csv file, got {path}")
    text = path.read_text(encoding="utf-8") if path.exists() else f"{HEADER}\n"
    if text.partition("\n")[0] != HEADER:
        raise DataError(f"{path} has other columns than {HEADER}: give another --results")
    return text if text.endswith("\n") else text + "\n"


def _result(run: Run, seconds: float) -> str:
    """The run's row in such a table."""
    from mplfit.lab.grid import Cell, TrainedRun

    plan, shape = run.plan, run.plan.shape
    cell = Cell(
        shape.parametrization, shape.width, shape.layers, run.schedule.steps, plan.batch,
        float(run.schedule.lr.max()), plan.seed,
    )  # fmt: skip
    made = TrainedRun(tuple(run.rows), seconds, run.diverged)
    return cell.row(made.loss, made.eval_loss, seconds)


def _load(path: Path) -> Run:
    from mplfit.errors import DataError
    from mplfit.lab.checkpoint import from_bytes

    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"the checkpoint {path} cannot be read: {error.strerror}") from None
    return from_bytes(data, str(path))


def _describe(run: Run) -> None:
    from mplfit.lab.tasks import Text

    shape, task = run.plan.shape, run.plan.task
    say(
        f"{shape.parameters:,} parameters ({shape.parametrization}, width {shape.width}, "
        f"{shape.layers} layers), {run.schedule.steps:,} updates of "
        f"{run.plan.batch * task.block:,} tokens"
    )
    if isinstance(task, Text):
        say(f"the text's SHA-256 is {task.sha256[:16]}…; no byte is used twice")


def _finish(run: Run, out: Path, kept: Path, seconds: float, as_json: bool) -> None:
    last = run.rows[-1] if run.rows else None
    if as_json:
        print_json(
            {
                "schema": "mplfit.lab/1",
                "log": str(out),
                "checkpoint": str(kept),
                "updates": run.done,
                "steps": run.schedule.steps,
                "finished": run.finished,
                "diverged": run.diverged,
                "parameters": run.model.flat.size,
                "loss": last.loss if last else None,
                "eval_loss": last.eval_loss if last else None,
                "seconds": seconds,
            }
        )
        return
    if last is not None:
        click.echo(
            f"after {run.done:,} of {run.schedule.steps:,} updates: loss {last.loss:.4f}, on "
            f"held-out data {last.eval_loss:.4f}\n"
            "no ±: one run; how far another seed would end from it, runs with another --seed tell"
        )
    click.echo(f"written to {out} ({len(run.rows)} rows) and {kept}, in {clock(seconds)}")
