"""`mplfit lab loop`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.engine import workers_option
from mplfit.cli.lab.options import (
    make_plan,
    run_options,
    set_threads,
    threads_option,
    train_side_by_side,
)
from mplfit.cli.messages import progress, say
from mplfit.cli.options import command, force_option, json_option, wide_option
from mplfit.cli.output import Output, command_line, print_json
from mplfit.errors import DataError

if TYPE_CHECKING:
    from mplfit.curve import Curve
    from mplfit.lab.grid import TrainedRun
    from mplfit.lab.loop import Forecasts
    from mplfit.lab.run import RunPlan

__all__ = ["loop_command"]


@command(
    "loop",
    examples=(
        "mplfit lab loop --steps 80 --seeds 2 --width 16 --layers 1 --batch 2 --block 16 --every 4"
        " --eval-sequences 16 --workers 1 --out /tmp/loop --force",
    ),
)
@click.option("--steps", default=10000, show_default=True, help="Updates of a run (one has 1.6×).")
@click.option("--peak-lr", default=6e-3, show_default=True, help="Of all schedules.")
@click.option("--seeds", default=5, show_default=True, help="Runs of every compared schedule.")
@click.option("--width", default=32, show_default=True, help="Of the model.")
@run_options(batch=8, block=32, every=250, eval_sequences=8192)
@workers_option("one a core")
@threads_option
@click.option("--resume", is_flag=True, help="Keep the runs that are finished in OUT.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("mplfit-runs/loop"),
    show_default=True,
    help="The folder.",
)
@force_option
@wide_option
@json_option  # fmt: skip
def loop_command(
    steps: int,
    peak_lr: float,
    seeds: int,
    width: int,
    workers: int | None,
    threads: int,
    resume: bool,
    out: Path,
    force: bool,
    wide: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Fit, forecast, optimize, train, compare: whether mplfit's answers hold on this machine.

    Two loops. The scale-free law is fitted to one run (cosine to 10 %; loop one), and to that and a
    constant one (loop two). Both write down what they forecast for other schedules and for those
    that they find best; then all of these are trained with several seeds, and forecast and outcome
    are printed side by side. Warmup: a tenth of the steps; rows count from twice that on, and come
    a fourth as often in the runs that are not fitted. OUT gets the logs, both fits, forecasts.json
    (before those runs), results.json and report.html.
    """
    begin = time.monotonic()
    set_threads(threads)
    from mplfit.lab.loop import TRAINING, forecast, judge, loop_specs
    from mplfit.show.lab_report import loop_page
    from mplfit.writers.files import refuse_existing, write_file
    from mplfit.writers.text import json_bytes

    if steps < 40 or seeds < 1:
        raise DataError(f"a loop needs 40 steps and a seed, got {steps} steps and {seeds} seeds")
    warmup = steps // 10
    options["log_from"] = options["log_from"] or 2 * warmup
    plan = make_plan(options, width=width, parametrization="SP", seed=0)
    specs = loop_specs(steps, peak_lr, warmup)
    if not resume:
        refuse_existing(out, force)
    settings = json_bytes({"schema": "mplfit.loop/1", "plan": plan.to_dict(), "specs": specs})
    place = out / "loop.json"
    if resume and place.exists() and place.read_bytes() != settings:
        raise DataError(f"{out} was made with other settings (see {place}): resume with those")
    write_file(place, settings, force=force or resume)
    trainer = _Trainer(plan, out, resume, workers, threads)
    training = sorted({name for names in TRAINING.values() for name in names})
    curves = trainer.curves({(name, 0): specs[name] for name in training})
    found = _said_before(out) if resume else None
    if found is None:
        say("fitting, optimizing")
        found = forecast(
            {name: curves[name, 0] for name in training},
            specs,
            weight_decay=plan.settings.weight_decay,
            progress=progress,
        )
        for loop, fit in found.fits.items():
            write_file(_fit_place(out, loop), json_bytes(fit.to_dict()), force=True)
        write_file(out / "forecasts.json", json_bytes(found.to_dict()), force=True)
    compared = [name for name in found.specs if name != "constant"]
    wanted = {(name, seed): found.specs[name] for seed in range(seeds) for name in compared}
    curves |= trainer.curves(wanted, 4 * plan.every)
    finals = {
        name: [float(curves[name, seed].loss[-1]) for seed in range(seeds)] for name in compared
    }
    result = judge(found, finals)
    took = time.monotonic() - begin
    results = {**result.to_dict(), "seconds": round(took, 1), "trained": trainer.trained}
    write_file(out / "results.json", json_bytes(results), force=True)
    page = loop_page(result, [curves[name, 0] for name in training], [command_line()])
    write_file(out / "report.html", page, force=True)
    if as_json:
        print_json(results)
    else:
        Output(wide=wide).show(result)
        click.echo(
            f"\n{trainer.trained} runs trained, {took / 60:.1f} minutes; written to {out}/:\n"
            "report.html, results.json, forecasts.json, the fits and the logs"
        )


def _fit_place(out: Path, loop: str) -> Path:
    return out / f"fit-{loop}" / "fit.json"


def _said_before(out: Path) -> Forecasts | None:
    """The forecasts and fits of loops that are resumed: what was said before the runs stands."""
    from mplfit.estimate.result import Fit
    from mplfit.lab.loop import OPTIMIZED, Forecasts

    place = out / "forecasts.json"
    if not place.exists():
        return None
    try:
        said = Forecasts.from_dict(json.loads(place.read_bytes()))
        fits = {
            loop: Fit.from_dict(json.loads(_fit_place(out, loop).read_bytes()))
            for loop in OPTIMIZED
        }
        if not {*OPTIMIZED.values()} <= said.specs.keys():
            raise LookupError
    except (OSError, ValueError, LookupError, DataError):
        raise DataError(
            f"{place} and the fits beside it are not whole: remove {place}, to have them made again"
        ) from None
    say(f"the forecasts are those of {place}")
    return replace(said, fits=fits)


class _Trainer:
    """Trains runs side by side and keeps each one's log; finished ones are read back."""

    def __init__(
        self, plan: RunPlan, out: Path, resume: bool, workers: int | None, threads: int
    ) -> None:
        self.plan, self.out, self.resume = plan, out, resume
        self.workers, self.threads, self.trained = workers, threads, 0
        self.made: dict[tuple[str, int], Curve] = {}

    def curves(
        self, wanted: Mapping[tuple[str, int], str], every: int | None = None
    ) -> dict[tuple[str, int], Curve]:
        from mplfit.lab.grid import Job
        from mplfit.lab.log import log_csv
        from mplfit.schedule.spec import parse_schedule
        from mplfit.writers.files import write_file

        found: dict[tuple[str, int], Curve] = {}
        todo = []
        for key, spec in wanted.items():
            curve = self.made.get(key) or self._read(key, spec)
            if curve is None:
                todo.append(key)
            else:
                found[key] = curve
        plan = replace(self.plan, every=every or self.plan.every)
        jobs = [Job(replace(plan, seed=key[1]), parse_schedule(wanted[key])) for key in todo]

        def keep(number: int, outcome: TrainedRun) -> None:
            name, seed = key = todo[number]
            if outcome.diverged:
                raise DataError(f"the run {name} of seed {seed} diverged: give a lower --peak-lr")
            path = self._place(key)
            write_file(path, log_csv(self.plan, wanted[key], outcome.rows, "eval"), force=True)
            self.trained += 1
            say(f"{name} (seed {seed}): {outcome.eval_loss:.4f}, {outcome.seconds:.0f} s")

        train_side_by_side(jobs, keep, self.workers, self.threads, str(self.out))
        for key in todo:
            curve = self._read(key, wanted[key], fresh=True)
            assert curve is not None
            found[key] = self.made[key] = curve
        return found

    def _place(self, key: tuple[str, int]) -> Path:
        return self.out / "runs" / f"{key[0]}-s{key[1]}.csv"

    def _read(self, key: tuple[str, int], spec: str, fresh: bool = False) -> Curve | None:
        """The run's curve, where its log is there and whole."""
        from mplfit.readers.csv_log import read_csv
        from mplfit.schedule.spec import parse_schedule

        path = self._place(key)
        if not ((self.resume or fresh) and path.exists()):
            return None
        curve = read_csv(path)
        schedule = parse_schedule(spec)
        whole = curve.step[-1] == schedule.steps - 1 and curve.schedule == schedule
        return curve if whole else None
