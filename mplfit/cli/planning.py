"""`mplfit optimize`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mplfit.cli.common import (
    Examples,
    Target,
    json_option,
    print_json,
    progress,
    saves,
    warn,
    warn_held,
    warn_of_loss,
    warn_of_peak,
)
from mplfit.cli.goals import Goal, fitted_goal, theory_goal
from mplfit.cli.optimized import Outcome, Robust, as_dict, files, peak_text, text
from mplfit.errors import FitError

if TYPE_CHECKING:
    from mplfit.estimate.gains import Gain
    from mplfit.estimate.result import Fit
    from mplfit.plan.optimize import FinalLoss, OptimizedSchedule
    from mplfit.schedule import Schedule

__all__ = ["optimize_command"]

_DRAWS, _SEED = 32, 1  # of --robust: other draws than those that tell the gains


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
@click.option("--min-lr", type=float, help="Smallest rate. [default: 1e-10; by scale with --bound]")
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
        goal = fitted_goal(params, steps, warmup, peak_lr, min_lr)
    else:
        goal = theory_goal(steps, warmup, peak_lr, min_lr, run)
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
        sturdy = Robust(robust, _DRAWS, over(plain.schedule.lr)[0], result.loss)
    loss = law.final(values, result.schedule.lr)
    if goal.what == "loss":
        warn_of_loss(fit, result.schedule)
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
    found = Outcome(goal, loss, result, baselines, gained, sturdy)
    target.write(lambda: files(found))
    if as_json:
        print_json(as_dict(found))
    else:
        click.echo(text(found))
        if isinstance(goal.peak, tuple) and goal.what == "loss" and run is None:
            click.echo(peak_text(goal.fit, result, goal.peak[1]))
        target.say("schedule.csv, .npy, .json, schedule.png", apart=True)


def _over_draws(fit: Fit, asked: str) -> FinalLoss:
    """The objective of --robust."""
    from mplfit.estimate.posterior import draw
    from mplfit.plan.robust import robust_loss

    try:
        level = None if asked == "mean" else float(asked)
    except ValueError:
        raise FitError(f"--robust must be mean or a quantile such as 0.9, got {asked!r}") from None
    return robust_loss(fit.formula, draw(fit, _DRAWS, _SEED), level)


def _warn(goal: Goal, result: OptimizedSchedule) -> None:
    if not result.converged:
        warn("the optimizer stopped before it converged: the schedule may be improved")
    first = result.schedule.peak
    warn_of_peak(goal.fit, first)
    if not isinstance(goal.peak, tuple):
        return
    if first >= goal.peak[1] * (1 - 1e-6):
        warn(f"the peak rate was stopped at the end of its range, {goal.peak[1]:g}")
    if goal.what == "loss":
        warn(
            "the best peak rate is a law's guess: it knows nothing of where training turns "
            "unstable, nor of what one rate alone has not shown"
        )
