"""`mplfit optimize`."""

from __future__ import annotations

from typing import Literal, cast

import click

from mplfit.cli.messages import progress
from mplfit.cli.options import command, number_or, size_option
from mplfit.cli.output import Output, command_line, output_options
from mplfit.cli.specs import schedule_given
from mplfit.errors import FitError

__all__ = ["optimize_command"]


@command(
    "optimize",
    examples=(
        "mplfit optimize --params 400",
        "mplfit optimize --params 25 --steps 12000 --warmup 1000 --final-lr 3e-5"
        " --out /tmp/best --force",
        "mplfit optimize --params 400 --from constant:steps=30000,peak=3e-4,warmup=2160"
        " --from-step 20000 --steps 26000",
        "mplfit optimize --params data/fit_25 --robust 0.9 --steps 6000 --knots 16",
        "mplfit optimize --params data/sizes_lab --size 500k --steps 3000 --knots 16",
        "mplfit optimize --bound --steps 4000 --peak-lr 1e-3",
        "mplfit optimize --bound --steps 100 --shape free",
    ),
)
@click.option(
    "--params",
    metavar="FIT",
    help="A run folder, a fit.json, or the published parameters 25, 100 or 400.",
)
@size_option
@click.option("--bound", is_flag=True, help="Minimise the convex bound, which needs no fit.")
@click.option(
    "--robust",
    metavar="mean|Q",
    help="Minimise the mean of the final loss over posterior draws, or its quantile Q (0.5 to 1).",
)
@click.option("--steps", type=int, help="Updates of the run. [default: 24000, or as trained]")
@click.option("--warmup", type=int, help="Updates of its warmup. [default: 2160, or as trained]")
@click.option(
    "--peak-lr",
    metavar="RATE|free",
    help="Rate after the warmup; free: the best one up to the largest training rate, free:RATE: up "
    "to RATE. [default: 3e-4, or as trained]",
)
@click.option("--final-lr", type=float, help="Rate of the last update. [default: chosen]")
@click.option("--min-lr", type=float, help="Smallest rate. [default: 1e-10; by scale with --bound]")
@click.option("--knots", default=64, show_default=True, help="Points that the schedule has.")
@click.option(
    "--shape",
    type=click.Choice(["falling", "free"]),
    default="falling",
    show_default=True,
    help="With --bound: no rate above the one before it, or any.",
)
@click.option("--from", "past", metavar="SPEC", help="The schedule of a run under way, or its log.")
@click.option("--from-step", type=int, help="Updates of it that are done.")
@output_options("optimize", what="A folder for the schedule.")
def optimize_command(
    params: str | None,
    size: str | None,
    bound: bool,
    robust: str | None,
    steps: int | None,
    warmup: int | None,
    peak_lr: str | None,
    final_lr: float | None,
    min_lr: float | None,
    knots: int,
    shape: str,
    past: str | None,
    from_step: int | None,
    output: Output,
) -> None:
    """Find the non-increasing schedule with the lowest predicted final loss.

    The schedule is piecewise-linear through --knots points, under the same law that `predict` uses.
    It is compared with the usual schedules at the same peak and steps: their losses, what it gains
    over each (with its interval and the probability that it is a gain, where FIT knows how sure it
    is), and the steps that each would need for the same loss. --robust minimises over the
    posterior of FIT instead of at its estimate. With --from and --from-step the past of a run is
    given and only the rest is chosen. A folder (by default mplfit-runs/optimize) gets schedule.csv,
    .npy and .json, schedule.py for torch, a plot, and, where the page knows the law, explore.html.

    --bound minimises the bound of convex theory on the last iterate instead of a fitted law's loss.
    --peak-lr is then taken to be the best rate of a linear decay; without it, rates are in units of
    D/G (see `mplfit bound`). The default warmup is 0. The lowest bound of all has a last rate above
    those before it: --shape free finds it.
    """
    from mplfit.api import optimize
    from mplfit.plan.optimize import optimize_bound
    from mplfit.readers.fits import load_fit
    from mplfit.show.explore import LAWS
    from mplfit.show.files import plan_files

    if bound == (params is not None):
        raise click.UsageError("give either --params FIT or --bound")
    if shape == "free" and not bound:
        raise click.UsageError("--shape belongs to --bound: a fitted law's schedule does not rise")
    if bound and size is not None:
        raise click.UsageError("--size belongs to a law over sizes: it goes without --bound")
    if bound and robust:
        raise click.UsageError("--robust needs a fit's posterior: it goes without --bound")
    if (past is None) != (from_step is None):
        raise click.UsageError("--from and --from-step belong together")
    if past is not None and (warmup is not None or peak_lr is not None):
        raise click.UsageError("--warmup and --peak-lr are part of the past that --from gives")
    run = schedule_given(past) if past is not None else None
    (peak, highest), asked = _peak(peak_lr), _robust(robust)
    if params is not None:
        plan = optimize(
            params, size=size, steps=steps, warmup=warmup, peak=peak, highest=highest,
            final=final_lr, knots=knots, past=run, past_steps=from_step or 0, robust=asked,
            minimum=1e-10 if min_lr is None else min_lr, progress=progress,
        )  # fmt: skip
    else:
        plan = optimize_bound(
            24000 if steps is None else steps, warmup=warmup or 0, minimum=min_lr, final=final_lr,
            peak=None if peak == "free" else peak, knots=knots, past=run,
            past_steps=from_step or 0, falling=shape == "falling", progress=progress,
        )  # fmt: skip
    made = {**plan.to_dict(), "command": command_line()}
    page = None if params is None else load_fit(params, size)
    pages = page is not None and page.law in LAWS
    what = "schedule.csv, .npy, .json, .py (torch), .png" + ", explore.html" * pages
    output.give(plan, what, lambda: plan_files(plan, made, page), values=made)


def _peak(text: str | None) -> tuple[float | Literal["free"] | None, float | None]:
    """The peak, and the highest one where it is free up to one."""
    if text is None or text == "free":
        return cast('Literal["free"] | None', text), None
    word, colon, rate = text.partition(":")
    try:
        return ("free", float(rate)) if word == "free" and colon else (float(text), None)
    except ValueError:
        raise FitError(
            f"--peak-lr must be a rate or the word free (or free:RATE), got {text!r}"
        ) from None


def _robust(text: str | None) -> float | Literal["mean"] | None:
    word: Literal["mean"] = "mean"
    return number_or(text, word, "--robust must be mean or a quantile such as 0.9")
