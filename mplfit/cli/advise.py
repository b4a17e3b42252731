"""`mplfit advise`: from logs to a decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mplfit.cli.engine import Engine, engine_options
from mplfit.cli.messages import progress, say, say_notes, warn
from mplfit.cli.options import command, weight_decay_option
from mplfit.cli.output import Output, command_line, output_options
from mplfit.cli.specs import named_schedules
from mplfit.errors import DataError

if TYPE_CHECKING:
    from mplfit.assess.predict import Predictions
    from mplfit.curve import Curve
    from mplfit.estimate.result import Fit
    from mplfit.plan.advise import Advice, Ending

__all__ = ["advise_command"]


@command(
    "advise",
    examples=(
        "mplfit advise data/lab_text --steps 4000 --no-save",
        "mplfit advise data/lab_text/lab_cosine.csv --target-loss 2.5 --out /tmp/advice --force",
        "mplfit advise data/lab_text --continue lab_constant --from-step 2000 --budget 1000"
        " --no-save",
        "mplfit advise data/lab_text --schedule cosine:steps=3k,peak=6e-3,warmup=300"
        " --schedule wsdld:steps=3k,peak=6e-3,decay=20%,warmup=300 --no-save",
    ),
)
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--steps", type=int, help="Updates of the next run. [default: as the longest run]")
@click.option("--target-loss", type=float, metavar="X", help="A loss to reach: how many updates?")
@click.option(
    "--continue", "run", metavar="RUN", help="A run in progress, by its name: how to end it."
)
@click.option(
    "--from-step", type=int, metavar="N", help="Where it goes on. [default: behind its last row]"
)
@click.option("--budget", type=int, metavar="M", help="Updates that it may have more.")
@click.option(
    "--schedule",
    "schedules",
    metavar="[NAME=]SPEC",
    multiple=True,
    help="Which of these is best, and how sure (repeat)?",
)
@click.option("--size", metavar="N", help="For a model of N parameters; runs of several sizes.")
@weight_decay_option
@engine_options
@output_options("advise")
def advise_command(
    paths: Sequence[str],
    steps: int | None,
    target_loss: float | None,
    run: str | None,
    from_step: int | None,
    budget: int | None,
    schedules: Sequence[str],
    size: str | None,
    weight_decay: float | None,
    engine: Engine,
    output: Output,
) -> None:
    """Say which schedule to run next, what it gains, and how sure that is.

    PATHS are logs of runs of one model, or folders of them: one run is enough. The scale-free law
    is fitted to them, whose best schedule is well posed (the Multi-Power Law's is a staircase). The
    best schedule is looked for and compared with the usual ones; a usual one is advised unless the
    best is better with a probability of 0.95. With --continue RUN --budget M, the ways to end a run
    in progress are compared instead; with --schedule (twice or more) these schedules are. With
    --size a law over model sizes is fitted to the runs, which are then of several sizes.

    A folder (by default mplfit-runs/advise) gets schedule.csv, .npy and .json, schedule.py for
    torch, advice.html (the schedules, to play with), advice.json and fit.json. `mplfit fit` has the
    options of how logs are read; this command reads them as they are.
    """
    from mplfit.assess.predict import predictions
    from mplfit.plan.advise import advise, endings
    from mplfit.readers.paths import read_curves

    if (run is None) != (budget is None):
        raise click.UsageError("--continue and --budget belong together")
    if run is None and from_step is not None:
        raise click.UsageError("--from-step belongs to --continue")
    if run is not None and (steps is not None or target_loss is not None):
        raise click.UsageError("--continue has --budget: it goes without --steps, --target-loss")
    if schedules and (run, steps, target_loss) != (None, None, None):
        raise click.UsageError("--schedule goes without --steps, --target-loss and --continue")
    curves = read_curves(paths)
    say_notes(curves)
    fit = (
        _fitted(curves, weight_decay, engine)
        if size is None
        else _at_size(curves, weight_decay, size)
    )
    for text in fit.warnings:
        if not text.startswith("weakly identified"):
            warn(text)
    found: Advice | Ending | Predictions
    if schedules:
        found = predictions(fit, named_schedules(schedules), name="the logs")
    elif run is None:
        found = advise(fit, curves, steps=steps, loss=target_loss, progress=progress)
    else:
        own = _named(curves, run)
        at = int(own.step[-1]) + 1 if from_step is None else from_step
        found = endings(fit, own, at, budget or 0, curves)
    from mplfit.show.files import advice_files

    values = {**found.to_dict(), "command": command_line()}
    what = "schedule.csv, schedule.py (torch), advice.html, fit.json"
    output.give(
        found, what, lambda: advice_files(found, fit, curves, values), values=values, apart=False
    )


def _fitted(curves: Sequence[Curve], weight_decay: float | None, engine: Engine) -> Fit:
    with engine() as executor:
        from mplfit.api.fitting import constants_of
        from mplfit.estimate.fit import fit

        constants = constants_of("effective", weight_decay, curves, say)
        return fit(curves, "effective", constants=constants, executor=executor, progress=progress)


def _at_size(curves: Sequence[Curve], weight_decay: float | None, size: str) -> Fit:
    from mplfit.readers.sizes import parse_size
    from mplfit.sizes.fit import fit_sizes

    return fit_sizes(curves, weight_decay=weight_decay).at(parse_size(size))


def _named(curves: Sequence[Curve], name: str) -> Curve:
    for curve in curves:
        if curve.name == name:
            return curve
    names = ", ".join(curve.name for curve in curves)
    raise DataError(f"no run is called {name}: --continue takes one of {names}")
