"""`mplfit fit`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import call
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.common import (
    Examples,
    LawOption,
    command_line,
    force_option,
    json_option,
    law_constants,
    print_json,
    progress,
    read_options,
    reading_options,
    say,
    say_notes,
    show_result,
    sized_path,
    warn,
    wide_option,
)
from mplfit.cli.engine import engine, engine_options
from mplfit.cli.evaluate import names_of, show_coverage
from mplfit.errors import FitError, printable

if TYPE_CHECKING:
    from mplfit.curve import Curve
    from mplfit.estimate.prior import Prior
    from mplfit.estimate.result import Fit
    from mplfit.estimate.solver import Solver
    from mplfit.readers.options import ReadOptions

__all__ = ["fit_command"]


@click.command(
    "fit",
    cls=Examples,
    examples=(
        "mplfit fit data/lab_text",
        "mplfit fit data/lab_text --law effective --log /tmp/fit.csv --out /tmp/effective --force",
        "mplfit fit data/lab_text/lab_cosine.csv data/lab_text/lab_two_stage.csv --no-save",
        "mplfit fit data/simulated_25 --bootstrap 20 --workers 2 --no-save",
    ),
)
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option(
    "--law",
    default="auto",
    show_default=True,
    cls=LawOption,
    help="The law to fit; auto: effective and mpl, and the better one is used.",
)
@click.option(
    "--prior",
    help="none, weak, or weak:N (N rows count as one, 30 in weak). [default: the law's own]",
)
@click.option(
    "--weight-decay",
    metavar="λ|fit",
    help="AdamW's, for laws that have it; fit: from the losses, with its interval. [default: the "
    "logs', or 0.1]",
)
@click.option(
    "--siblings",
    multiple=True,
    metavar="[N=]PATH",
    help="Runs of other sizes, as 190M=small/ (repeat): what they say is the prior.",
)
@click.option("--train", multiple=True, metavar="NAME", help="A curve to learn from (repeat).")
@click.option("--test", multiple=True, metavar="NAME", help="A curve to hold out (repeat).")
@reading_options
@click.option(
    "--rival/--no-rival",
    default=True,
    help="Whether to fit another law beside a named one. [default: yes]",
)
@click.option(
    "--bootstrap",
    "refits",
    type=click.IntRange(min=2),
    metavar="N",
    help="Refit N times to resampled residuals, for intervals (1000 are usual).",
)
@click.option("--seed", default=0, show_default=True, help="Of the bootstrap.")
@click.option(
    "--solver",
    type=click.Choice(["trust", "lbfgs"]),
    default="trust",
    show_default=True,
    help="A trust-region method, or L-BFGS-B alone, as in the Multi-Power Law's release: slower.",
)
@click.option(
    "--log",
    "log",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write each iteration of the solver as a row of FILE (csv), and a figure beside it.",
)
@click.option("--correlations", is_flag=True, help="Print all correlations of the estimates.")
@engine_options
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The run folder to write.")
@click.option("--no-save", is_flag=True, help="Write nothing.")
@force_option
@wide_option
@json_option
def fit_command(
    paths: Sequence[str],
    law: str,
    prior: str | None,
    weight_decay: str | None,
    siblings: Sequence[str],
    train: Sequence[str],
    test: Sequence[str],
    rival: bool,
    refits: int | None,
    seed: int,
    solver: Solver,
    log: Path | None,
    correlations: bool,
    out: Path | None,
    no_save: bool,
    force: bool,
    wide: bool,
    as_json: bool,
) -> None:
    """Fit a law to the loss curves in PATHS, and measure it on held-out ones.

    Without --law two are fitted, the scale-free law (effective) and the Multi-Power Law (mpl). With
    three training runs or more the one that predicts them better, each left out in turn, is used;
    with fewer the scale-free law is. The other one is shown beside it, and kept as fit-LAW.json.

    PATHS are logs (.csv files with columns for step, learning rate and loss, and other formats), or
    folders of them. A folder with the names of the curves released by Luo et al. (2025) is split as
    they did, and data/lab_text as in the closed loop; otherwise all curves train, unless --train or
    --test says more. The fit, and a plot of every curve, go into a run folder (by default
    mplfit-runs/NAME), which other commands take as FIT.
    """
    from mplfit import tasks
    from mplfit.laws.registry import get_law
    from mplfit.readers.paths import read_curves, split
    from mplfit.readers.released import TRAIN
    from mplfit.show.table import text as text_of
    from mplfit.show.tables.fit import correlation_table
    from mplfit.writers.files import refuse_existing, write_folder
    from mplfit.writers.text import json_bytes

    if siblings:
        law = _law_of_siblings(law, prior)
    if law != "auto":
        get_law(law)  # refuses a wrong name before any work
    name = "stdin" if paths[0] == "-" else Path(paths[0]).resolve().stem
    folder = out or Path("mplfit-runs") / (name or "fit")
    if not no_save:
        refuse_existing(folder, force)
    for path in _log_files(log):
        refuse_existing(path, force)
    reading, own = read_options()
    curves = read_curves(paths, reading, **own, progress=progress)
    say_notes(curves)
    trained, held, how = split(curves, train, test)
    say(f"training on {names_of(trained)}; held out: {names_of(held) or 'nothing'}: {how}")
    automatic = law == "auto"
    constants: Mapping[str, float] | None = None
    decay, free = _decay(weight_decay), weight_decay == "fit"
    if free and law not in ("auto", "effective"):
        raise click.UsageError(f"--weight-decay fit belongs to --law effective, got --law {law}")
    ends: tuple[float | None, float | None] = (None, None)
    if free:
        from mplfit.assess.weight_decay import profiled_weight_decay

        decay, ends = profiled_weight_decay(trained, prior=prior)
    try:
        constants = law_constants("effective" if automatic else law, decay, trained)
    except FitError:
        if not automatic or decay is not None:  # else the other law is left, and why is said
            raise
    known: str | Prior | None = prior
    if siblings:
        known, constants = _from_siblings(trained, siblings, reading, constants)
    with engine() as executor:
        # Here, since scipy takes long to import: the process beside this one is already at work.
        from mplfit.assess.bootstrap import bootstrap
        from mplfit.assess.choose import fit_auto, published_beside
        from mplfit.estimate.fit import fit

        make: Callable[..., Fit] = fit_auto if automatic else partial(fit, law=law)
        result = make(
            trained,
            prior=known,
            solver=solver,
            constants=constants,
            test=held,
            executor=executor,
            progress=progress,
        )
        if free and "weight_decay" in result.constants:
            result = replace(result, fitted_constants={"weight_decay": ends})
        for text in result.warnings:
            warn(text)
        if constants is None and result.constants.get("weight_decay", 0) > 0:
            warn(_untold_decay(result, trained, held))
        jobs = _jobs(result, trained, held, constants, rival and not automatic, not no_save)
        done = tasks.run(call, jobs.values(), executor=executor, progress=progress, what="figures")
        made = dict(zip(jobs, done, strict=True))
        said = len(result.warnings)
        others = [*result.others, made.pop("rival", None)]
        if {curve.name for curve in trained} == set(TRAIN):
            others.append(published_beside(trained, held))
        result = replace(
            made.pop("identified"),
            others=tuple(one for one in others if one is not None),
            made_by=command_line(),
        )
        for text in result.warnings[said:]:
            warn(text)
        if refits is not None:
            try:
                drawn = bootstrap(
                    result, trained, refits, seed=seed, executor=executor, progress=progress
                )
                result = replace(result, bootstrap=drawn.record([*trained, *held], result))
            except FitError as error:  # the fit itself stands
                warn(f"no bootstrap: {error}")
    if not no_save:
        files = {"fit.json": json_bytes(result.to_dict()), **made}
        for one in result.others if automatic else ():
            if not one.published:
                files[f"fit-{one.law}.json"] = json_bytes(one.to_dict())
        write_folder(folder, files, force=force)
    said_of_log = "" if log is None else _write_log(log, result, trained, force)
    if as_json:
        print_json(result.to_dict())
    else:
        show_result(result, wide=wide)
        if correlations:
            click.echo("\n" + text_of(correlation_table(result), wide=wide))
        show_coverage(result, held, trained)
        if not no_save:
            some = ", ".join(name for name in files if "/" not in name)
            click.echo(printable(f"\nwritten to {folder}/: {some}, plots/"))
        if said_of_log:
            click.echo(printable(said_of_log))
    if not result.converged:
        sys.exit(3)


def _log_files(log: Path | None) -> tuple[Path, ...]:
    """The table of --log and its figure."""
    if log is not None and log.suffix == ".png":
        raise click.UsageError("--log is a csv table: the figure beside it has the suffix .png")
    return () if log is None else (log, log.with_suffix(".png"))


def _write_log(log: Path, fit: Fit, train: Sequence[Curve], force: bool) -> str:
    """The iterations of a fit as a table and a figure; where they are, in a sentence."""
    from mplfit.estimate.trace import iterations
    from mplfit.show.convergence_plot import plot_convergence
    from mplfit.show.plot import png
    from mplfit.writers.files import write_file
    from mplfit.writers.text import csv_bytes

    made = iterations(fit, train)
    header = ["descent", "iteration", "objective", "gradient_norm", *fit.formula.names]
    rows = [(one.start, one.number, one.objective, one.gradient, *one.params) for one in made]
    table, figure = _log_files(log)
    write_file(table, csv_bytes(header, rows), force=force)
    write_file(figure, png(plot_convergence(made)), force=force)
    return (
        f"written to {table}: {len(made)} iterations of {made[-1].start + 1} descents; {figure}: "
        "how they converge"
    )


def _decay(text: str | None) -> float | None:
    if text is None or text == "fit":
        return None
    try:
        return float(text)
    except ValueError:
        raise FitError(f"--weight-decay must be a number or the word fit, got {text!r}") from None


def _untold_decay(fit: Fit, train: Sequence[Curve], test: Sequence[Curve]) -> str:
    from mplfit.assess.decay import decay_shift

    moved = decay_shift(fit, train, test or train)
    which = "held-out" if test else "training"
    return (
        f"the weight decay is not in the logs: {fit.constants['weight_decay']:g} is assumed; half "
        f"or double of it moves the predicted final losses of the {which} runs by up to "
        f"{moved:.2g} (--weight-decay)"
    )


def _law_of_siblings(law: str, prior: str | None) -> str:
    """The law that siblings give a prior for: it stands in for the default one."""
    if prior is not None:
        raise click.UsageError("--siblings give the prior: it goes without --prior")
    if law not in ("effective", "auto"):
        raise click.UsageError(f"--siblings belong to --law effective, got --law {law}")
    return "effective"


def _from_siblings(
    trained: Sequence[Curve],
    siblings: Sequence[str],
    reading: ReadOptions,
    constants: Mapping[str, float] | None,
) -> tuple[Prior, Mapping[str, float]]:
    """The prior and the constants of the law that runs of other sizes give."""
    from mplfit.readers.paths import read_curves
    from mplfit.sizes.fit import learn_from_siblings

    others = []
    for text in siblings:
        size, path = sized_path(text)
        # What is said of the runs themselves: siblings have their own.
        plain = replace(
            reading, schedule=None, size=size, warmup=None, from_step=None, to_step=None
        )
        others += read_curves([path], plain)
    say_notes(others)
    decay = (constants or {}).get("weight_decay")
    known = learn_from_siblings(trained, others, weight_decay=decay)
    say(f"note: the prior is from {len(others)} runs of other sizes: {known.prior.name}")
    return known.prior, known.constants


def _jobs(
    fit: Fit,
    train: Sequence[Curve],
    test: Sequence[Curve],
    constants: Mapping[str, float] | None,
    rival: bool,
    figures: bool,
) -> dict[str, Callable[[], Any]]:
    """What can be done side by side once there is a fit: which further run would tell what it
    leaves open, the rival, and files of figures."""
    from mplfit.writers.text import file_name

    runs = [(curve, "training") for curve in train] + [(curve, "held out") for curve in test]
    jobs: dict[str, Callable[[], Any]] = {"identified": partial(_identified, fit, train)}
    if rival:
        jobs["rival"] = partial(_rival, fit, train, test, constants)
    if figures:
        jobs["overview.png"] = partial(_overview, fit, runs)
        for curve, role in runs:
            jobs[f"plots/{file_name(curve.name)}.png"] = partial(_figure, fit, curve, role)
    return jobs


def _rival(
    fit: Fit,
    train: Sequence[Curve],
    test: Sequence[Curve],
    constants: Mapping[str, float] | None,
) -> Fit | None:
    from mplfit.assess.choose import fit_rival

    return fit_rival(fit, train, test, constants)


def _identified(fit: Fit, train: Sequence[Curve]) -> Fit:
    from mplfit.assess.identify import identified

    return identified(fit, train)


def _overview(fit: Fit, runs: Sequence[tuple[Curve, str]]) -> bytes:
    from mplfit.show.plot import plot_overview, png

    return png(plot_overview(runs, fit))


def _figure(fit: Fit, curve: Curve, role: str) -> bytes:
    from mplfit.show.plot import plot_curve, png

    return png(plot_curve(curve, fit, role))
