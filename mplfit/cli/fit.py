"""`mplfit fit`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mplfit.cli.engine import Engine, engine_options
from mplfit.cli.evaluate import show_coverage
from mplfit.cli.messages import progress, say, warn
from mplfit.cli.options import (
    LawOption,
    command,
    figure_format,
    force_option,
    json_option,
    number_or,
    split_options,
    wide_option,
)
from mplfit.cli.output import Output, command_line, print_json
from mplfit.cli.reading import Reading, reading_options
from mplfit.errors import printable

if TYPE_CHECKING:
    from mplfit.curve import Curve
    from mplfit.estimate.result import Fit
    from mplfit.estimate.solver import Solver

__all__ = ["fit_command"]


@command(
    "fit",
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
@split_options
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
@figure_format
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
    reading: Reading,
    rival: bool,
    refits: int | None,
    seed: int,
    solver: Solver,
    log: Path | None,
    correlations: bool,
    engine: Engine,
    out: Path | None,
    no_save: bool,
    force: bool,
    kind: str,
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
    from mplfit.laws.registry import get_law
    from mplfit.writers.files import refuse_existing

    if law != "auto":
        get_law(law)  # refuses a wrong name before any work
    decay = _decay(weight_decay)
    name = "stdin" if paths[0] == "-" else Path(paths[0]).resolve().stem
    folder = None if no_save else out or Path("mplfit-runs") / (name or "fit")
    for path in [*([] if folder is None else [folder]), *_log_files(log, kind)]:
        refuse_existing(path, force)
    curves = reading.curves(paths)
    related = reading.siblings(siblings)
    output = Output(folder, force, None, as_json, wide, kind=kind)
    with engine() as executor:
        # Here, since scipy takes long to import: the process beside this one is already at work.
        from mplfit.api import fit, kept_curves
        from mplfit.show.files import fit_files

        result = fit(
            curves, law, train=train, test=test, prior=prior, weight_decay=decay,
            siblings=related, rival=rival, solver=solver, bootstrap=refits, seed=seed,
            executor=executor, progress=progress, say=say,
        )  # fmt: skip
        for text in result.warnings:
            warn(text)
        sides = kept_curves(result)
        result = replace(result, made_by=command_line())
        output.write(
            lambda: fit_files(result, *sides, executor=executor, progress=progress, kind=kind)
        )
    written = "" if log is None else _write_log(log, result, sides[0], force, kind)
    if as_json:
        print_json(result.to_dict())
    else:
        _show(result, sides, correlations, output)
        if written:
            click.echo(printable(written))
    if not result.converged:
        sys.exit(3)


def _show(
    fit: Fit,
    sides: tuple[Sequence[Curve], Sequence[Curve]],
    correlations: bool,
    output: Output,
) -> None:
    from mplfit.show.tables.fit import correlation_table

    output.show(fit, *([correlation_table(fit)] if correlations else []))
    show_coverage(fit, sides[1], sides[0])
    others = [f"fit-{one.law}.json" for one in fit.others if fit.choice and not one.published]
    output.say(", ".join(["fit.json", "overview.png", *others, "plots/"]))


def _decay(text: str | None) -> float | Literal["fit"] | None:
    word: Literal["fit"] = "fit"
    return number_or(text, word, "--weight-decay must be a number or the word fit")


def _log_files(log: Path | None, kind: str) -> tuple[Path, ...]:
    """The table of --log and its figure."""
    if log is not None and log.suffix == f".{kind}":
        raise click.UsageError(f"--log is a csv table: the figure beside it has the suffix .{kind}")
    return () if log is None else (log, log.with_suffix(f".{kind}"))


def _write_log(log: Path, fit: Fit, train: Sequence[Curve], force: bool, kind: str) -> str:
    """The iterations of a fit as a table and a figure; where they are, in a sentence."""
    from mplfit.estimate.trace import iterations
    from mplfit.show.files import convergence_files
    from mplfit.writers.files import write_file

    made = iterations(fit, train)
    table, figure = _log_files(log, kind)
    for path, data in zip((table, figure), convergence_files(fit, made, kind), strict=True):
        write_file(path, data, force=force)
    return (
        f"written to {table}: {len(made)} iterations of {made[-1].start + 1} descents; {figure}: "
        "how they converge"
    )
