"""`mplfit optimize` and `mplfit schedule`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.common import (
    Examples,
    force_option,
    json_option,
    named_schedules,
    params_option,
    print_json,
    progress,
    say,
    warn,
)
from mplfit.cli.tables import render
from mplfit.errors import FitError
from mplfit.spec import GRAMMAR

if TYPE_CHECKING:
    from mplfit.estimate.result import Fit
    from mplfit.plan.baselines import Baseline
    from mplfit.plan.optimize import OptimizedSchedule

__all__ = ["optimize_command", "schedule_command"]

_STEPS, _WARMUP, _PEAK = 24000, 2160, 3e-4  # of the released runs
_WIDEST = 3.0  # --peak-lr free looks this far beyond the largest training rate, and a tenth below


@click.command(
    "optimize",
    cls=Examples,
    examples=(
        "mplfit optimize --params 400",
        "mplfit optimize --params 25 --steps 12000 --warmup 1000 --final-lr 3e-5"
        " --out /tmp/best --force",
        "mplfit optimize --params 400 --from constant:steps=30000,peak=3e-4,warmup=2160"
        " --from-step 20000 --steps 26000",
    ),
)
@params_option
@click.option("--steps", type=int, help="Updates of the run. [default: 24000, or as trained]")
@click.option("--warmup", type=int, help="Updates of its warmup. [default: 2160, or as trained]")
@click.option(
    "--peak-lr", metavar="RATE|free", help="Rate after the warmup. [default: 3e-4, or as trained]"
)
@click.option("--final-lr", type=float, help="Rate of the last update. [default: chosen]")
@click.option("--min-lr", type=float, default=1e-10, show_default=True, help="Smallest rate.")
@click.option("--knots", default=64, show_default=True, help="Points that the schedule has.")
@click.option("--from", "past", metavar="SPEC", help="The schedule of a run under way.")
@click.option("--from-step", type=int, help="Updates of it that are done.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="A folder for the schedule.")
@force_option
@json_option
def optimize_command(
    params: str,
    steps: int | None,
    warmup: int | None,
    peak_lr: str | None,
    final_lr: float | None,
    min_lr: float,
    knots: int,
    past: str | None,
    from_step: int | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Find the non-increasing schedule with the lowest predicted final loss.

    The schedule is piecewise-linear through --knots points, under the same law that `predict` uses.
    It is compared with the usual schedules at the same peak and steps: their losses, and the steps
    that each would need for the same loss. With --from and --from-step the past of a run is given
    and only the rest is chosen. --out writes schedule.csv, .npy, .json and a plot.
    """
    from mplfit.plan.baselines import compare_baselines
    from mplfit.plan.optimize import optimize
    from mplfit.readers.fits import load_fit
    from mplfit.readers.schedules import load_schedule
    from mplfit.writers.files import refuse_existing, write_folder

    if (past is None) != (from_step is None):
        raise click.UsageError("--from and --from-step belong together")
    if past is not None and (warmup is not None or peak_lr is not None):
        raise click.UsageError("--warmup and --peak-lr are part of the past that --from gives")
    if out is not None:
        refuse_existing(out, force)
    fit = load_fit(params)
    run = load_schedule(past) if past is not None else None
    steps, warmup, peak = _defaults(fit, steps, warmup, peak_lr)
    law, values = fit.formula, fit.values
    result = optimize(
        lambda lr: law.final_gradient(values, lr),
        steps=steps,
        warmup=warmup,
        peak=peak,
        end=final_lr,
        minimum=min_lr,
        knots=knots,
        past=run,
        past_steps=from_step or 0,
        progress=progress,
    )
    _warn(fit, result, peak)
    baselines = compare_baselines(
        lambda lr: law.final(values, lr),
        result.loss,
        steps=steps,
        warmup=warmup,
        peak=result.knots[0][1] if run is None else float(run.lr[(from_step or 1) - 1]),
        past=run,
        past_steps=from_step or 0,
    )
    if out is not None:
        write_folder(out, _optimized_files(fit, params, result, baselines), force=force)
    if as_json:
        print_json(_as_dict(params, fit, result, baselines))
    else:
        click.echo(_text(fit, params, result, baselines))
        if out is not None:
            click.echo(f"\nwritten to {out}/: schedule.csv, .npy, .json, schedule.png")


def _defaults(
    fit: Fit, steps: int | None, warmup: int | None, peak_lr: str | None
) -> tuple[int, int, float | tuple[float, float]]:
    """The run's shape: as asked, else that of the fit's training runs, else the released one."""
    trained = [entry for entry in fit.data if entry["role"] == "train"]
    like = max(trained, key=lambda entry: int(entry["last_step"])) if trained else None
    largest = fit.peak or _PEAK
    if like is not None and None in (steps, warmup, peak_lr):
        say(
            f"note: steps, warmup and peak that are not given are those of the longest training "
            f"run, {like['name']}"
        )
    if steps is None:
        steps = int(like["steps"]) if like else _STEPS
    if warmup is None:
        warmup = min(int(like["warmup"]) if like else _WARMUP, steps - 1)
    if peak_lr == "free":
        return steps, warmup, (largest / 10, largest * _WIDEST)
    try:
        return steps, warmup, float(peak_lr) if peak_lr else largest
    except ValueError:
        raise FitError(f"--peak-lr must be a rate or the word free, got {peak_lr!r}") from None


def _warn(fit: Fit, result: OptimizedSchedule, peak: float | tuple[float, float]) -> None:
    if not result.converged:
        warn("the optimizer stopped before it converged: the schedule may be improved")
    trained, first = fit.peak or fit.options.get("peak"), result.schedule.peak
    if trained and first > trained * (1 + 1e-9):
        warn(
            f"the peak rate {first:g} is {first / trained:.3g} times the largest training rate "
            f"{trained:g}: the law was not fitted there and knows nothing of instability"
        )
    if isinstance(peak, tuple) and first >= peak[1] * (1 - 1e-6):
        warn(f"the peak rate was stopped at the end of its range, {peak[1]:g}")


def _text(fit: Fit, params: str, result: OptimizedSchedule, baselines: Sequence[Baseline]) -> str:
    schedule = result.schedule
    rows = [["optimized", f"{result.loss:.4f}", "", str(schedule.steps), ""]]
    for one in baselines:
        needed, saved = "more than 8 times", ""
        if one.steps_needed is not None:
            needed = str(one.steps_needed)
            saved = f"{100 * (1 - schedule.steps / one.steps_needed):.1f} %"
        rows.append([one.name, f"{one.loss:.4f}", f"{one.loss - result.loss:+.4f}", needed, saved])
    table = render(["schedule", "final loss", "above", "steps to match", "steps saved"], rows)
    flat = next((step for step, rate in result.knots if rate < 0.999 * result.knots[0][1]), 0)
    return "\n".join(
        [
            f"The best of {schedule.steps} steps under {fit.law} with the parameters {params}",
            "",
            table,
            "",
            f"peak {schedule.peak:g}, decay from about step {flat}, last rate "
            f"{schedule.lr[-1]:.3g}; {len(result.starts)} starts end within "
            f"{result.starts[-1] - result.starts[0]:.1e} of each other",
            "Predicted by one law from one fit, without an interval: two runs of one schedule "
            "differ by 1e-3 to 8e-3.",
        ]
    )


def _as_dict(
    params: str, fit: Fit, result: OptimizedSchedule, baselines: Sequence[Baseline]
) -> dict[str, Any]:
    return {
        **result.to_dict(),
        "schema": "mplfit.optimized/1",
        "params": params,
        "law": fit.law,
        "baselines": [
            {"name": one.name, "final_loss": one.loss, "steps_needed": one.steps_needed}
            for one in baselines
        ],
    }


def _optimized_files(
    fit: Fit, params: str, result: OptimizedSchedule, baselines: Sequence[Baseline]
) -> dict[str, bytes]:
    from mplfit.show.plot import plot_predictions, png
    from mplfit.writers.text import schedule_files

    every = {"optimized": result.schedule} | {one.name: one.schedule for one in baselines}
    losses = {name: fit.predict(schedule) for name, schedule in every.items()}
    files = schedule_files(result.schedule, _as_dict(params, fit, result, baselines))
    return {**files, "schedule.png": png(plot_predictions(every, losses, emphasis="optimized"))}


@click.command(
    "schedule",
    cls=Examples,
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
    ends one update past the last unless endpoint=yes. A name may stand before it: NAME=SPEC. For
    each, NAME.csv (step,lr) and NAME.npy go into a folder, by default mplfit-runs/schedule, with
    schedules.png.""",
)
@click.argument("specs", nargs=-1, required=True, metavar="[NAME=]SPEC…")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The folder to write.")
@click.option("--no-save", is_flag=True, help="Write nothing.")
@force_option
@json_option
def schedule_command(
    specs: Sequence[str], out: Path | None, no_save: bool, force: bool, as_json: bool
) -> None:
    from mplfit.writers.files import free_folder, refuse_existing, write_folder

    folder = out or free_folder(Path("mplfit-runs") / "schedule")
    if not no_save:
        refuse_existing(folder, force)
    named = named_schedules(specs)
    if not no_save:
        from mplfit.show.plot import plot_schedules, png
        from mplfit.writers.text import file_name, schedule_files

        files = {"schedules.png": png(plot_schedules(named))}
        for name, schedule in named.items():
            arrays = schedule_files(schedule, schedule.to_dict())
            for kind in ("csv", "npy"):
                files[f"{file_name(name)}.{kind}"] = arrays[f"schedule.{kind}"]
        write_folder(folder, files, force=force)
    if as_json:
        print_json(
            {
                "schema": "mplfit.schedules/1",
                "schedules": {name: made.to_dict() for name, made in named.items()},
            }
        )
        return
    rows = [
        [
            name,
            str(made.steps),
            str(made.warmup),
            f"{made.peak:g}",
            f"{made.lr[-1]:.6g}",
            f"{made.lr.sum():.6g}",
        ]
        for name, made in named.items()
    ]
    click.echo(render(["schedule", "steps", "warmup", "peak lr", "last lr", "sum of lr"], rows))
    if not no_save:
        click.echo(f"\nwritten to {folder}/: schedules.png and the rates as csv and npy")
