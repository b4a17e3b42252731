"""What the commands of `mplfit lab` share: the options of a run, threads, workers, interrupts."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mplfit.cli.engine import worker_count
from mplfit.cli.messages import one_line_warnings, progress, say
from mplfit.errors import DataError, OutputError, ScheduleError
from mplfit.processes import processes

if TYPE_CHECKING:
    from mplfit.lab.grid import Job, TrainedRun
    from mplfit.lab.run import RunPlan
    from mplfit.lab.tasks import Range
    from mplfit.schedule import Schedule

__all__ = [
    "StopRequest",
    "clock",
    "make_plan",
    "numbers",
    "one_schedule",
    "run_options",
    "set_threads",
    "threads_option",
    "train_side_by_side",
]

F = TypeVar("F", bound=Callable[..., Any])

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def run_options(**defaults: Any) -> Callable[[F], F]:
    """The options that make a run, without its width, parametrization, seed and schedule.

    `defaults` replace the usual ones, by the option's name.
    """
    values = {
        "layers": 2,
        "batch": 16,
        "block": None,
        "every": 20,
        "eval_sequences": 128,
        **defaults,
    }
    return lambda command: _run_options(command, values)


def _run_options(command: F, values: Mapping[str, Any]) -> F:
    for option in (
        click.option(
            "--eval-sequences", default=values["eval_sequences"], show_default=True,
            help="Held-out sequences; 0: none.",
        ),
        click.option(
            "--every", default=values["every"], show_default=True, help="Updates between rows."
        ),
        click.option("--log-from", default=0, show_default=True, help="Step of the first row."),
        click.option("--clip", default=1.0, show_default=True, help="Gradient norm; 0: none."),
        click.option("--beta2", default=0.95, show_default=True, help="AdamW's."),
        click.option("--beta1", default=0.9, show_default=True, help="AdamW's."),
        click.option("--weight-decay", default=0.1, show_default=True, help="AdamW's."),
        click.option(
            "--dropout", default=0.0, show_default=True,
            help="Of attention weights and residual branches.",
        ),
        click.option("--no-bias", is_flag=True, help="No biases."),
        click.option("--base-width", default=64, show_default=True, help="Where muP is SP."),
        click.option(
            "--batch", default=values["batch"], show_default=True, help="Sequences an update."
        ),
        click.option(
            "--block", type=int, default=values["block"], show_default=values["block"] is not None,
            help="Tokens of a sequence; icl: 2 n or 2 n - 1 for n shots."
            + ("" if values["block"] else " [default: 64, icl: 32]"),
        ),
        click.option("--heads", default=4, show_default=True, help="Attention heads."),
        click.option(
            "--base-heads", default=0, metavar="N",
            help="Heads at the base width; more with the width, instead of --heads.",
        ),
        click.option(
            "--layers", default=values["layers"], show_default=True, help="Blocks of the model."
        ),
        click.option(
            "--ranges", default="1,1,1", show_default=True, metavar="X,A,B",
            help="icl-regression: x, a and b of y = a x + b lie within ± these, or LOW:HIGH.",
        ),
        click.option(
            "--text", metavar="PATH", help="A file or folder of text. [default: Python's library]"
        ),
        click.option(
            "--task", type=click.Choice(["icl-regression", "text"]), default="text",
            show_default=True, help="What to learn.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


threads_option = click.option(
    "--threads", default=1, show_default=True, help="BLAS threads of each process."
)


def set_threads(threads: int) -> None:
    """Tell BLAS how many threads to use; numpy must not have been imported."""
    if threads < 1:
        raise click.UsageError(f"--threads must be 1 or more, got {threads}")
    if "numpy" not in sys.modules:
        for name in _THREADS:
            os.environ[name] = str(threads)


class StopRequest:
    """While it lasts, the first interrupt only sets `asked`; a second one interrupts as usual."""

    def __enter__(self) -> StopRequest:
        self.asked = False
        self._before: dict[int, Any] = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError):  # not in the main thread
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        say("stopping after this update: the log and the checkpoint are kept")


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def train_side_by_side(
    jobs: Sequence[Job],
    keep: Callable[[int, TrainedRun], None],
    workers: int | None,
    threads: int,
    where: str,
) -> None:
    """Train every job on so many processes; each finished one goes to `keep(number, outcome)`."""
    from mplfit.lab.grid import train_all

    count = min(worker_count(workers), len(jobs))
    began = time.monotonic()

    def shown(done: int, total: int, what: str) -> None:
        left = (time.monotonic() - began) / done * (total - done)
        progress(done, total, f"about {clock(left)} left: {what}")

    limits = dict.fromkeys(_THREADS, str(threads))  # read when a process imports numpy
    try:
        if count > 1:
            with processes(count, limits, one_line_warnings) as executor:
                train_all(jobs, executor=executor, progress=shown, each=keep)
        else:
            train_all(jobs, progress=shown, each=keep)
    except KeyboardInterrupt:
        say(f"stopped: the finished runs are in {where}; go on with --resume")
        raise
    except BrokenProcessPool:
        raise OutputError(
            "a worker process died (out of memory?): the finished runs are kept, go on with "
            "--resume and fewer --workers"
        ) from None


def one_schedule(spec: str, steps: int | None) -> tuple[Schedule, str]:
    """The schedule that a text (with `--steps`, where given) or a file describes, and its text."""
    from mplfit.lab.log import schedule_text
    from mplfit.readers.schedules import load_schedule
    from mplfit.schedule.spec import read_spec

    text = spec if steps is None else str(read_spec(spec).with_values(steps=steps))
    schedule = load_schedule(text)
    try:
        return schedule, schedule_text(schedule, text)
    except ScheduleError:
        return schedule, schedule_text(schedule)


def numbers(text: str, option: str, kind: Any, count: int | None = None) -> list[Any]:
    """Numbers separated by commas."""
    try:
        values = [kind(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not values or count not in (None, len(values)):
        raise DataError(f"{option} must be numbers separated by commas, got {text!r}")
    return values


def _ranges(text: str) -> list[Range]:
    """Three of ± a number or LOW:HIGH, separated by commas."""
    made: list[Range] = []
    try:
        for part in text.split(","):
            low, colon, high = part.partition(":")
            made.append((float(low), float(high)) if colon else float(low))
    except ValueError:
        made = []
    if len(made) != 3:
        raise DataError(
            f"--ranges must be three numbers, or LOW:HIGH in place of one, separated by commas, "
            f"got {text!r}"
        )
    return made


def make_plan(
    options: Mapping[str, Any], *, width: int, parametrization: str, seed: int
) -> RunPlan:
    """The plan that `run_options` describe."""
    from mplfit.lab.model import Shape
    from mplfit.lab.optimizer import Settings
    from mplfit.lab.run import RunPlan
    from mplfit.lab.tasks import IclRegression, Task, Text

    task: Task
    if options["task"] == "text":
        if options["ranges"] != "1,1,1":
            raise click.UsageError("--ranges belongs to --task icl-regression")
        task = Text(block=options["block"] or 64, path=options["text"])
    else:
        if options["text"]:
            raise click.UsageError("--text belongs to --task text")
        x, a, b = _ranges(options["ranges"])
        task = IclRegression(block=options["block"] or 32, x_range=x, a_range=a, b_range=b)
    base_width, base_heads = options["base_width"], options["base_heads"]
    shape = Shape(
        width=width,
        layers=options["layers"],
        heads=base_heads * width // base_width if base_heads else options["heads"],
        block=task.block,
        vocabulary=task.vocabulary,
        bias=not options["no_bias"],
        dropout=options["dropout"],
        parametrization=parametrization,
        base_width=base_width,
        base_heads=base_heads,
    )
    settings = Settings(
        beta1=options["beta1"],
        beta2=options["beta2"],
        weight_decay=options["weight_decay"],
        clip=options["clip"],
    )
    return RunPlan(
        task,
        shape,
        settings,
        batch=options["batch"],
        seed=seed,
        every=options["every"],
        evaluated=options["eval_sequences"],
        first=options["log_from"],
    )
