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
    print_json,
    progress,
    say,
    warn,
    warn_of_peak,
)
from mplfit.cli.tables import render
from mplfit.errors import FitError
from mplfit.spec import GRAMMAR

if TYPE_CHECKING:
    from mplfit.estimate.result import Fit
    from mplfit.plan.baselines import Baseline
    from mplfit.plan.optimize import OptimizedSchedule
    from mplfit.schedule import Schedule

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
        "mplfit optimize --bound --steps 4000 --peak-lr 1e-3",
    ),
)
@click.option(
    "--params",
    metavar="FIT",
    help="A run folder, a fit.json, or the published parameters 25, 100 or 400.",
)
@click.option("--bound", is_flag=True, help="Minimise the convex bound, which needs no fit.")
@click.option("--steps", type=int, help="Updates of the run. [default: 24000, or as trained]")
@click.option("--warmup", type=int, help="Updates of its warmup. [default: 2160, or as trained]")
@click.option(
    "--peak-lr", metavar="RATE|free", help="Rate after the warmup. [default: 3e-4, or as trained]"
)
@click.option("--final-lr", type=float, help="Rate of the last update. [default: chosen]")
@click.option("--min-lr", type=float, help="Smallest rate. [default: 1e-10]")
@click.option("--knots", default=64, show_default=True, help="Points that the schedule has.")
@click.option("--from", "past", metavar="SPEC", help="The schedule of a run under way.")
@click.option("--from-step", type=int, help="Updates of it that are done.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="A folder for the schedule.")
@force_option
@json_option
def optimize_command(
    params: str | None,
    bound: bool,
    steps: int | None,
    warmup: int | None,
    peak_lr: str | None,
    final_lr: float | None,
    min_lr: float | None,
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

    --bound minimises the bound of convex theory on the last iterate instead of a fitted law's loss.
    --peak-lr is then taken to be the best rate of a linear decay; without it, rates are in units of
    D/G (see `mplfit bound`). The default warmup is 0.
    """
    from mplfit.plan.baselines import compare_baselines
    from mplfit.plan.optimize import optimize
    from mplfit.readers.fits import load_fit
    from mplfit.readers.schedules import load_schedule
    from mplfit.writers.files import refuse_existing, write_folder

    if bound == (params is not None):
        raise click.UsageError("give either --params FIT or --bound")
    if (past is None) != (from_step is None):
        raise click.UsageError("--from and --from-step belong together")
    if past is not None and (warmup is not None or peak_lr is not None):
        raise click.UsageError("--warmup and --peak-lr are part of the past that --from gives")
    if out is not None:
        refuse_existing(out, force)
    run = load_schedule(past) if past is not None else None
    if params is not None:
        fit = load_fit(params)
        steps, warmup, peak = _defaults(fit, steps, warmup, peak_lr)
        smallest = 1e-10 if min_lr is None else min_lr
    else:
        params = "bound"
        fit, steps, warmup, peak, smallest = _theory(steps, warmup, peak_lr, min_lr, run)
    law, values = fit.formula, fit.values
    result = optimize(
        lambda lr: law.final_gradient(values, lr),
        steps=steps,
        warmup=warmup,
        peak=peak,
        end=final_lr,
        minimum=smallest,
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
        if isinstance(peak, tuple) and not bound and run is None:
            click.echo(_peak_text(fit, result, peak[1]))
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
        warmup = int(like["warmup"]) if like else _WARMUP
    if peak_lr == "free":
        return steps, warmup, (largest / 10, largest * _WIDEST)
    try:
        return steps, warmup, float(peak_lr) if peak_lr else largest
    except ValueError:
        raise FitError(f"--peak-lr must be a rate or the word free, got {peak_lr!r}") from None


def _theory(
    steps: int | None,
    warmup: int | None,
    peak_lr: str | None,
    min_lr: float | None,
    past: Schedule | None,
) -> tuple[Fit, int, int, float | tuple[float, float], float]:
    """The bound as a fit, and the run's shape; the rates are scaled to the peak, or free."""
    from mplfit.bounds import best_base
    from mplfit.estimate.theory import theory_fit
    from mplfit.schedule import linear

    steps, warmup = _STEPS if steps is None else steps, warmup or 0
    try:
        given = None if peak_lr in (None, "free") else float(peak_lr or "")
    except ValueError:
        raise FitError(f"--peak-lr must be a rate or the word free, got {peak_lr!r}") from None
    given = past.peak if past is not None else given
    fit = theory_fit(steps, given)
    best = best_base(linear(steps, 1.0).lr).rate if given is None else given
    peak = (best / 10, best * 10) if given is None else given
    # A last rate far below its neighbours makes the bound steep: stay near that of linear decay.
    return fit, steps, warmup, peak, 0.3 * best / steps if min_lr is None else min_lr


def _warn(fit: Fit, result: OptimizedSchedule, peak: float | tuple[float, float]) -> None:
    if not result.converged:
        warn("the optimizer stopped before it converged: the schedule may be improved")
    first = result.schedule.peak
    warn_of_peak(fit, first)
    if isinstance(peak, tuple) and first >= peak[1] * (1 - 1e-6):
        warn(f"the peak rate was stopped at the end of its range, {peak[1]:g}")
    if isinstance(peak, tuple) and (fit.data or fit.law != "bound"):
        warn(
            "the best peak rate is a law's guess: it knows nothing of where training turns "
            "unstable, nor of what one rate alone has not shown"
        )


def _text(fit: Fit, params: str, result: OptimizedSchedule, baselines: Sequence[Baseline]) -> str:
    schedule, theory = result.schedule, fit.law == "bound" and not fit.data
    digits = 6 if theory else 4
    rows = [["optimized", f"{result.loss:.{digits}f}", "", str(schedule.steps), ""]]
    for one in baselines:
        needed, saved = "more than 8 times", ""
        if one.steps_needed is not None:
            needed = str(one.steps_needed)
            saved = f"{100 * (1 - schedule.steps / one.steps_needed):.1f} %"
        above = f"{one.loss - result.loss:+.{digits}f}"
        rows.append([one.name, f"{one.loss:.{digits}f}", above, needed, saved])
    table = render(
        [
            "schedule",
            "final bound" if theory else "final loss",
            "above",
            "steps to match",
            "steps saved",
        ],
        rows,
    )
    flat = next((step for step, rate in result.knots if rate < 0.999 * result.knots[0][1]), 0)
    return "\n".join(
        [
            f"The best of {schedule.steps} steps under the convex bound (D = 1, G = "
            f"{fit.options['G']:.4g})"
            if theory
            else f"The best of {schedule.steps} steps under {fit.law} with the parameters {params}",
            "",
            table,
            "",
            f"peak {schedule.peak:g}, decay from about step {flat}, last rate "
            f"{schedule.lr[-1]:.3g}; {len(result.starts)} starts end within "
            f"{result.starts[-1] - result.starts[0]:.1e} of each other",
            "A worst case over convex functions, not a predicted loss: compare shapes, not numbers."
            if theory
            else "Predicted by one law from one fit, without an interval: two runs of one schedule "
            "differ by 1e-3 to 8e-3.",
        ]
    )


def _peak_text(fit: Fit, result: OptimizedSchedule, highest: float) -> str:
    """The loss of the optimized schedule at other peak rates."""
    from mplfit.plan.peaks import near_best, peak_losses

    losses = peak_losses(fit, result.schedule, highest)
    levels = list(losses[0].intervals or ())
    rows = [
        [
            f"{one.peak:.3g}",
            f"{one.loss:.4f}",
            *(f"{low:.4f}–{high:.4f}" for low, high in (one.intervals or {}).values()),
        ]
        for one in losses
    ]
    header = ["peak lr", "final loss", *(f"{100 * level:.0f} % interval" for level in levels)]
    table = f"\n{render(header, rows)}\n\n"
    near = near_best(losses)
    if near is None:
        return table + "No interval: published parameters do not say how far runs scatter."
    return table + (
        f"Peaks from {near[0]:.3g} to {near[1]:.3g} are predicted to end within the 80 % interval "
        "of the best one."
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
    what = "predicted loss" if fit.law != "bound" or fit.data else "bound"
    return {
        **files,
        "schedule.png": png(plot_predictions(every, losses, emphasis="optimized", what=what)),
    }


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
    ends one update past the last unless endpoint=yes. final=10% is a share of the peak, cycle a
    multiple of the steps after the warmup, and zero=yes (with any form) one more update at rate 0.
    A name may stand before it: NAME=SPEC. For each, NAME.csv (step,lr) and NAME.npy go into a
    folder, by default mplfit-runs/schedule, with schedules.png.""",
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
