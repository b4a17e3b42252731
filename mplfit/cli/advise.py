"""`mplfit advise`: from logs to a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from mplfit.cli.common import (
    Examples,
    Target,
    command_line,
    json_option,
    law_constants,
    progress,
    saves,
    say_notes,
    show_result,
    warn,
    weight_decay_option,
    wide_option,
)
from mplfit.cli.engine import engine, engine_options
from mplfit.errors import DataError

if TYPE_CHECKING:
    from mplfit.curve import Curve
    from mplfit.estimate.result import Fit
    from mplfit.plan.advise import Advice, Ending
    from mplfit.schedule import Schedule

__all__ = ["advise_command"]


@click.command(
    "advise",
    cls=Examples,
    examples=(
        "mplfit advise data/lab_text --steps 4000 --no-save",
        "mplfit advise data/lab_text/lab_cosine.csv --target-loss 2.5 --out /tmp/advice --force",
        "mplfit advise data/lab_text --continue lab_constant --from-step 2000 --budget 1000"
        " --no-save",
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
@weight_decay_option
@engine_options
@saves("advise")
@wide_option
@json_option
def advise_command(
    paths: Sequence[str],
    steps: int | None,
    target_loss: float | None,
    run: str | None,
    from_step: int | None,
    budget: int | None,
    weight_decay: float | None,
    target: Target,
    wide: bool,
    as_json: bool,
) -> None:
    """Say which schedule to run next, what it gains, and how sure that is.

    PATHS are logs of runs of one model, or folders of them: one run is enough. The scale-free law
    is fitted to them, whose best schedule is well posed (the Multi-Power Law's is a staircase). The
    best schedule is looked for and compared with the usual ones; a usual one is advised unless the
    best is better with a probability of 0.95. With --continue RUN --budget M, the ways to end a run
    in progress are compared instead.

    A folder (by default mplfit-runs/advise) gets schedule.csv, .npy and .json, schedule.py for
    torch, advice.html (the schedules, to play with), advice.json and fit.json. `mplfit fit` has the
    options of how logs are read; this command reads them as they are.
    """
    from mplfit.plan.advise import advise, endings
    from mplfit.readers.paths import read_curves

    if (run is None) != (budget is None):
        raise click.UsageError("--continue and --budget belong together")
    if run is None and from_step is not None:
        raise click.UsageError("--from-step belongs to --continue")
    if run is not None and (steps is not None or target_loss is not None):
        raise click.UsageError("--continue has --budget: it goes without --steps, --target-loss")
    curves = read_curves(paths)
    say_notes(curves)
    fit = _fitted(curves, weight_decay)
    for text in fit.warnings:
        if not text.startswith("weakly identified"):
            warn(text)
    found: Advice | Ending
    if run is None:
        found = advise(fit, curves, steps=steps, loss=target_loss, progress=progress)
    else:
        own = _named(curves, run)
        at = int(own.step[-1]) + 1 if from_step is None else from_step
        found = endings(fit, own, at, budget or 0, curves)
    for text in found.warnings:
        warn(text)
    values = {**found.to_dict(), "command": command_line()}
    target.write(lambda: _files(fit, curves, found, values))
    show_result(found, values, as_json=as_json, wide=wide)
    if not as_json:
        target.say("schedule.csv, schedule.py (torch), advice.html, fit.json")


def _fitted(curves: Sequence[Curve], weight_decay: float | None) -> Fit:
    from mplfit.estimate.fit import fit

    constants = law_constants("effective", weight_decay, curves)
    with engine() as executor:
        return fit(curves, "effective", constants=constants, executor=executor, progress=progress)


def _named(curves: Sequence[Curve], name: str) -> Curve:
    for curve in curves:
        if curve.name == name:
            return curve
    names = ", ".join(curve.name for curve in curves)
    raise DataError(f"no run is called {name}: --continue takes one of {names}")


def _files(
    fit: Fit, curves: Sequence[Curve], found: Advice | Ending, values: Mapping[str, object]
) -> dict[str, bytes]:
    from mplfit.show.explore import explore_page
    from mplfit.writers.export import export
    from mplfit.writers.text import json_bytes, schedule_files

    schedule = found.schedule
    title = "Which schedule to run next" if hasattr(found, "chosen") else "How to end the run"
    return {
        **schedule_files(schedule, schedule.to_dict()),
        "schedule.py": export(schedule, "torch"),
        "advice.html": explore_page(fit, schedule, _others(found), curves, title),
        "advice.json": json_bytes(values),
        "fit.json": json_bytes(fit.to_dict()),
    }


def _others(found: Advice | Ending) -> list[Schedule]:
    """What the page compares with."""
    from mplfit.plan.advise import Advice

    if not isinstance(found, Advice):
        return [way.option.schedule for way in found.ways[1:4]]
    others = [found.reference, found.best_usual]
    names = {found.chosen.name}
    kept = []
    for one in others:
        if one.name not in names:
            names.add(one.name)
            kept.append(one.schedule)
    return kept
