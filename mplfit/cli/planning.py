"""`mplfit optimize`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.common import (
    Examples,
    Target,
    json_option,
    print_json,
    progress,
    saves,
    say,
    warn,
    warn_held,
)
from mplfit.cli.tables import render, span
from mplfit.errors import FitError

if TYPE_CHECKING:
    from mplfit.estimate.gains import Gain
    from mplfit.estimate.result import Fit
    from mplfit.plan.baselines import Baseline
    from mplfit.plan.optimize import FinalLoss, OptimizedSchedule
    from mplfit.schedule import Schedule

__all__ = ["optimize_command"]

_STEPS, _WARMUP, _PEAK = 24000, 2160, 3e-4  # of the released runs
_WIDEST = 3.0  # --peak-lr free looks this far beyond the largest training rate, and a tenth below
_ROBUST_DRAWS, _ROBUST_SEED = 32, 1  # other draws than those that tell the gains


@dataclass(frozen=True)
class _Goal:
    """What is minimised, a fitted law's loss or the bound of convex theory, and how to speak of it.

    Both are a `Fit`, so that all the rest is one road.
    """

    fit: Fit
    name: str
    steps: int
    warmup: int
    peak: float | tuple[float, float]
    minimum: float
    title: str
    what: str
    digits: int
    caveat: str


@dataclass(frozen=True)
class _Robust:
    """What --robust asked for, and the objective before and after."""

    asked: str
    before: float
    after: float


@click.command(
    "optimize",
    cls=Examples,
    examples=(
        "mplfit optimize --params 400",
        "mplfit optimize --params 25 --steps 12000 --warmup 1000 --final-lr 3e-5"
        " --out /tmp/best --force",
        "mplfit optimize --params 400 --from constant:steps=30000,peak=3e-4,warmup=2160"
        " --from-step 20000 --steps 26000",
        "mplfit optimize --params data/fit_25 --robust 0.9 --steps 6000 --knots 16",
        "mplfit optimize --bound --steps 4000 --peak-lr 1e-3",
    ),
)
@click.option(
    "--params",
    metavar="FIT",
    help="A run folder, a fit.json, or the published parameters 25, 100 or 400.",
)
@click.option("--bound", is_flag=True, help="Minimise the convex bound, which needs no fit.")
@click.option(
    "--robust",
    metavar="mean|Q",
    help="Minimise the mean of the final loss over posterior draws, or its quantile Q (0.5 to 1).",
)
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
@saves(what="A folder for the schedule.")
@json_option
def optimize_command(
    params: str | None,
    bound: bool,
    robust: str | None,
    steps: int | None,
    warmup: int | None,
    peak_lr: str | None,
    final_lr: float | None,
    min_lr: float | None,
    knots: int,
    past: str | None,
    from_step: int | None,
    target: Target,
    as_json: bool,
) -> None:
    """Find the non-increasing schedule with the lowest predicted final loss.

    The schedule is piecewise-linear through --knots points, under the same law that `predict` uses.
    It is compared with the usual schedules at the same peak and steps: their losses, what it gains
    over each (with its interval and the probability that it is a gain, where FIT knows how sure it
    is), and the steps that each would need for the same loss. --robust minimises over the
    posterior of FIT instead of at its estimate. With --from and --from-step the past of a run is
    given and only the rest is chosen. --out writes schedule.csv, .npy, .json and a plot.

    --bound minimises the bound of convex theory on the last iterate instead of a fitted law's loss.
    --peak-lr is then taken to be the best rate of a linear decay; without it, rates are in units of
    D/G (see `mplfit bound`). The default warmup is 0.
    """
    from mplfit.estimate.gains import gains
    from mplfit.plan.baselines import compare_baselines
    from mplfit.plan.optimize import optimize
    from mplfit.readers.schedules import load_schedule

    if bound == (params is not None):
        raise click.UsageError("give either --params FIT or --bound")
    if bound and robust:
        raise click.UsageError("--robust needs a fit's posterior: it goes without --bound")
    if (past is None) != (from_step is None):
        raise click.UsageError("--from and --from-step belong together")
    if past is not None and (warmup is not None or peak_lr is not None):
        raise click.UsageError("--warmup and --peak-lr are part of the past that --from gives")
    run = load_schedule(past) if past is not None else None
    if params is not None:
        goal = _fitted(params, steps, warmup, peak_lr, min_lr)
    else:
        goal = _theory(steps, warmup, peak_lr, min_lr, run)
    fit, law, values = goal.fit, goal.fit.formula, goal.fit.values
    over = _over_draws(fit, robust) if robust else None

    def best(final: FinalLoss, start: Schedule | None = None) -> OptimizedSchedule:
        return optimize(
            final,
            steps=goal.steps,
            warmup=goal.warmup,
            peak=goal.peak,
            end=final_lr,
            minimum=goal.minimum,
            knots=knots,
            past=run,
            past_steps=from_step or 0,
            start=start,
            progress=progress,
        )

    result, sturdy = best(lambda lr: law.final_gradient(values, lr)), None
    if robust and over:
        plain, result = result, best(over, result.schedule)
        sturdy = _Robust(robust, over(plain.schedule.lr)[0], result.loss)
    loss = law.final(values, result.schedule.lr)
    _warn(goal, result)
    baselines = compare_baselines(
        lambda lr: law.final(values, lr),
        loss,
        steps=goal.steps,
        warmup=goal.warmup,
        peak=result.knots[0][1] if run is None else float(run.lr[(from_step or 1) - 1]),
        past=run,
        past_steps=from_step or 0,
    )
    gained: list[Gain] = []
    warn_held(fit)
    if fit.spread is not None:
        gained = gains(fit, result.schedule, [one.schedule for one in baselines])
    found = _as_dict(goal, loss, result, baselines, gained, sturdy)
    target.write(lambda: _optimized_files(goal, result, baselines, found))
    if as_json:
        print_json(found)
    else:
        click.echo(_text(goal, loss, result, baselines, gained, sturdy))
        if target.folder:
            click.echo()
        target.say("schedule.csv, .npy, .json, schedule.png")


def _fitted(
    params: str, steps: int | None, warmup: int | None, peak_lr: str | None, min_lr: float | None
) -> _Goal:
    """A fit's loss. The run's shape: as asked, else that of the fit's training runs."""
    from mplfit.readers.fits import load_fit

    fit = load_fit(params)
    trained = [entry for entry in fit.data if entry["role"] == "train"]
    like = max(trained, key=lambda entry: int(entry["last_step"])) if trained else None
    if like is not None and None in (steps, warmup, peak_lr):
        say(
            f"note: steps, warmup and peak that are not given are those of the longest training "
            f"run, {like['name']}"
        )
    if steps is None:
        steps = int(like["steps"]) if like else _STEPS
    if warmup is None:
        warmup = int(like["warmup"]) if like else _WARMUP
    largest, asked = fit.peak or _PEAK, _rate(peak_lr)
    return _Goal(
        fit=fit,
        name=params,
        steps=steps,
        warmup=warmup,
        peak=(largest / 10, largest * _WIDEST) if peak_lr == "free" else asked or largest,
        minimum=1e-10 if min_lr is None else min_lr,
        title=f"The best of {steps} steps under {fit.law} with the parameters {params}",
        what="loss",
        digits=4,
        caveat=(
            "Intervals of losses: see `mplfit predict`; of what is gained: over draws of the "
            "parameters, with the\nlaw's own error. Steps to match are at the estimate: they "
            "move with the gain."
            if fit.spread is not None
            else "Predicted by one law from one fit, without an interval, as published parameters "
            "have none: two runs\nof one schedule differ by 1e-3 to 8e-3."
        ),
    )


def _theory(
    steps: int | None,
    warmup: int | None,
    peak_lr: str | None,
    min_lr: float | None,
    past: Schedule | None,
) -> _Goal:
    """The bound as a fit; the rates are scaled to the peak, or free."""
    from mplfit.bounds import best_base
    from mplfit.estimate.theory import theory_fit
    from mplfit.schedule import linear

    steps = _STEPS if steps is None else steps
    given = past.peak if past is not None else _rate(peak_lr)
    fit = theory_fit(steps, given)
    best = best_base(linear(steps, 1.0).lr).rate if given is None else given
    return _Goal(
        fit=fit,
        name="bound",
        steps=steps,
        warmup=warmup or 0,
        peak=(best / 10, best * 10) if given is None else given,
        # A last rate far below its neighbours makes the bound steep: stay near linear decay's.
        minimum=0.3 * best / steps if min_lr is None else min_lr,
        title=f"The best of {steps} steps under the convex bound (D = 1, G = "
        f"{fit.options['G']:.4g})",
        what="bound",
        digits=6,
        caveat="A worst case over convex functions, not a predicted loss: compare shapes, not "
        "numbers.",
    )


def _rate(text: str | None) -> float | None:
    """--peak-lr as a number; None where it is free, or not given."""
    if text in (None, "free"):
        return None
    try:
        return float(text or "")
    except ValueError:
        raise FitError(f"--peak-lr must be a rate or the word free, got {text!r}") from None


def _over_draws(fit: Fit, asked: str) -> FinalLoss:
    """The objective of --robust."""
    from mplfit.estimate.posterior import draw
    from mplfit.plan.robust import robust_loss

    try:
        level = None if asked == "mean" else float(asked)
    except ValueError:
        raise FitError(f"--robust must be mean or a quantile such as 0.9, got {asked!r}") from None
    return robust_loss(fit.formula, draw(fit, _ROBUST_DRAWS, _ROBUST_SEED), level)


def _warn(goal: _Goal, result: OptimizedSchedule) -> None:
    if not result.converged:
        warn("the optimizer stopped before it converged: the schedule may be improved")
    fit, first = goal.fit, result.schedule.peak
    trained = fit.peak or fit.options.get("peak")
    if trained and first > trained * (1 + 1e-9):
        warn(
            f"the peak rate {first:g} is {first / trained:.3g} times the largest training rate "
            f"{trained:g}: the law was not fitted there and knows nothing of instability"
        )
    if isinstance(goal.peak, tuple) and first >= goal.peak[1] * (1 - 1e-6):
        warn(f"the peak rate was stopped at the end of its range, {goal.peak[1]:g}")


def _text(
    goal: _Goal,
    loss: float,
    result: OptimizedSchedule,
    baselines: Sequence[Baseline],
    gained: Sequence[Gain],
    sturdy: _Robust | None,
) -> str:
    schedule, digits = result.schedule, goal.digits
    blank = ["", ""] if gained else []
    rows = [["optimized", f"{loss:.{digits}f}", "", *blank, str(schedule.steps), ""]]
    for i, one in enumerate(baselines):
        needed, saved = "more than 8 times", ""
        if one.steps_needed is not None:
            needed = str(one.steps_needed)
            saved = f"{100 * (1 - schedule.steps / one.steps_needed):.1f} %"
        sure = [span(gained[i].bounds(0.95)), f"{gained[i].probability:.2f}"] if gained else []
        above = f"{one.loss - loss:+.{digits}f}"
        rows.append([one.name, f"{one.loss:.{digits}f}", above, *sure, needed, saved])
    header = ["schedule", f"final {goal.what}", "gain" if gained else "above"]
    header += ["95 % interval", "P(gain)"] if gained else []
    flat = next((step for step, rate in result.knots if rate < 0.999 * result.knots[0][1]), 0)
    agreement = (
        "from the schedule that is best at the estimate"
        if sturdy
        else f"{len(result.starts)} starts end within {result.starts[-1] - result.starts[0]:.1e} "
        "of each other"
    )
    lines = [
        goal.title,
        "",
        render([*header, "steps to match", "steps saved"], rows),
        "",
        f"peak {schedule.peak:g}, decay from about step {flat}, last rate "
        f"{schedule.lr[-1]:.3g}; {agreement}",
    ]
    if gained:
        lines.append(f"final loss of the optimized schedule: {_interval(goal.fit, schedule)}")
    if sturdy:
        what = "mean" if sturdy.asked == "mean" else f"{sturdy.asked} quantile"
        lines.append(
            f"{what} of the final loss over {_ROBUST_DRAWS} draws: {sturdy.after:.5f}; of the "
            f"schedule that is best at the estimate: {sturdy.before:.5f}"
        )
    return "\n".join([*lines, goal.caveat])


def _interval(fit: Fit, schedule: Schedule) -> str:
    """A final loss's intervals in words."""
    bounds = _bounds(fit, schedule) or {}
    return ", ".join(f"{100 * float(level):.0f} % in {span(two)}" for level, two in bounds.items())


def _bounds(fit: Fit, schedule: Schedule) -> dict[str, tuple[float, float]] | None:
    from mplfit.estimate.intervals import final_interval

    return final_interval(fit, schedule)


def _as_dict(
    goal: _Goal,
    loss: float,
    result: OptimizedSchedule,
    baselines: Sequence[Baseline],
    gained: Sequence[Gain],
    sturdy: _Robust | None,
) -> dict[str, Any]:
    from mplfit.estimate.intervals import LEVELS

    return {
        **result.to_dict(),
        "schema": "mplfit.optimized/1",
        "params": goal.name,
        "law": goal.fit.law,
        "final_loss": loss,
        "intervals": _bounds(goal.fit, result.schedule),
        "robust": sturdy
        and {
            "objective": sturdy.asked,
            "draws": _ROBUST_DRAWS,
            "value": sturdy.after,
            "value_of_plain": sturdy.before,
        },
        "baselines": [
            {
                "name": one.name,
                "final_loss": one.loss,
                "intervals": _bounds(goal.fit, one.schedule),
                "gain": gained[i].to_dict(tuple(LEVELS)) if gained else None,
                "steps_needed": one.steps_needed,
            }
            for i, one in enumerate(baselines)
        ],
        "caveat": goal.caveat.replace("\n", " "),
    }


def _optimized_files(
    goal: _Goal,
    result: OptimizedSchedule,
    baselines: Sequence[Baseline],
    found: dict[str, Any],
) -> dict[str, bytes]:
    from mplfit.show.plot import plot_predictions, png
    from mplfit.writers.text import schedule_files

    every = {"optimized": result.schedule} | {one.name: one.schedule for one in baselines}
    losses = {name: goal.fit.predict(schedule) for name, schedule in every.items()}
    what = "predicted loss" if goal.what == "loss" else goal.what
    figure = plot_predictions(every, losses, emphasis="optimized", what=what)
    return {**schedule_files(result.schedule, found), "schedule.png": png(figure)}
