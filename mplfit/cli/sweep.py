"""`mplfit sweep`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.common import (
    Examples,
    Target,
    command_line,
    json_option,
    progress,
    saves,
    say,
    show_result,
    warn,
    wide_option,
)

if TYPE_CHECKING:
    from mplfit.readers.results import SweepCall
    from mplfit.sweeps.analysis import SweepAnalysis

__all__ = ["analysed", "sweep_command"]


@click.command(
    "sweep",
    cls=Examples,
    examples=(
        "mplfit sweep data/lab_sweep/lab_sweep.csv",
        "mplfit sweep data/simulated_sweep.csv --method grid --reference width=128 --json",
        "mplfit sweep data/simulated_sweep.csv --out /tmp/sweep --force",
    ),
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(), metavar="FILE…")
@click.option("--lr", metavar="COL", help="Column of the learning rate.")
@click.option("--loss", metavar="COL", help="Column of the final loss.")
@click.option("--seed", metavar="COL", help="Column of the seed.")
@click.option(
    "--group", "groups", metavar="COL", multiple=True, help="Column of settings (repeat)."
)
@click.option("--size", "sizes", metavar="COL", multiple=True, help="Column of a size (repeat).")
@click.option(
    "--method",
    default="robust",
    show_default=True,
    help="The law that is drawn and told first: grid (as notebooks do), ordinary or robust.",
)
@click.option(
    "--reference", metavar="SIZE=VALUE", multiple=True, help="Where laws state their rate."
)
@click.option("--tolerance", default=1.0, show_default=True, help="Of a basin, in % of the loss.")
@click.option("--draws", default=1000, show_default=True, help="Resampled sweeps a setting.")
@click.option("--random-seed", default=0, show_default=True, help="Of the resampling.")
@click.option("--params", metavar="FIT", help="A fit of the effective law, to predict best rates.")
@click.option("--schedule", metavar="SPEC", help="The runs' schedule, for --params.")
@saves(what="A folder for the results.")
@wide_option
@json_option
def sweep_command(
    paths: Sequence[str], target: Target, wide: bool, as_json: bool, **asked: Any
) -> None:
    """Find the best learning rate in a sweep, and whether it transfers across sizes.

    FILE is a .csv, .tsv, .jsonl or .json table, one run a row: its rate, its final loss, and
    columns that tell settings apart (width, depth, steps, parametrization, seed, …), which are
    found by their names and said. For every setting: the best rate on the grid and interpolated,
    with an interval. For every parametrization: how the best rate moves with each size, what the
    small model's rate costs at the large one, and laws eta0 · (N0/N)^gamma of the best rate and of
    its loss. --out writes sweep.json, optima.csv, report.html, report.txt and figures.
    """
    from mplfit.readers.results import SweepCall

    if (asked["params"] is None) != (asked["schedule"] is None):
        raise click.UsageError("--params and --schedule belong together")
    call = SweepCall(**asked)
    analysis = analysed(paths, call)
    for note in analysis.table.notes:
        say(f"note: {note}")
    _warn(analysis)
    values = _as_dict(analysis, paths, call)
    target.write(lambda: _files(analysis, values))
    show_result(analysis, values, as_json=as_json, wide=wide)
    if not as_json:
        target.say("sweep.json, optima.csv, report.html, report.txt, figures", apart=True)


def analysed(paths: Sequence[str], call: SweepCall) -> SweepAnalysis:
    """The analysis that the options of `mplfit sweep` ask for."""
    from mplfit.readers.fits import load_fit
    from mplfit.readers.schedules import load_schedule
    from mplfit.readers.sweep_table import read_sweep
    from mplfit.sweeps.analysis import Options, analyse
    from mplfit.sweeps.predicted import compare_predicted, predictor
    from mplfit.sweeps.roles import Roles

    options = Options(
        call.method, call.tolerance / 100, call.draws, call.random_seed, _references(call.reference)
    )
    roles = Roles(call.lr, call.loss, call.seed, call.groups or None, call.sizes or None)
    analysis = analyse(read_sweep(paths, roles), options, progress=progress)
    if call.params is None or call.schedule is None:
        return analysis
    predict = predictor(load_fit(call.params), load_schedule(call.schedule))
    return replace(analysis, predicted=tuple(compare_predicted(analysis.optima, predict)))


def _references(texts: Sequence[str]) -> tuple[tuple[str, float], ...]:
    pairs = []
    for text in texts:
        name, _, value = text.partition("=")
        try:
            pairs.append((name.strip(), float(value)))
        except ValueError:
            raise click.UsageError(
                f"--reference takes SIZE=VALUE, such as width=256, got {text!r}"
            ) from None
    return tuple(pairs)


def _warn(analysis: SweepAnalysis) -> None:
    diverged = sum(int(one.group.diverged.sum()) for one in analysis.optima)
    if diverged:
        rates = sum(int((one.group.diverged > 0).sum()) for one in analysis.optima)
        warn(
            f"{diverged} of {len(analysis.table)} runs diverged (NaN, infinite or more than 1000 "
            f"times the lowest loss), at {rates} rates, which are not taken as best"
        )
    for flag, text in (
        ("single rate", "only one rate was tried, which says nothing about the best"),
        ("edge low", "the best rate is the smallest tried: try smaller ones"),
        ("edge high", "the best rate is the largest tried: try larger ones"),
        ("no optimum", "every rate has a diverged run: there is no best one"),
    ):
        names = [one.group.name for one in analysis.optima if flag in one.flags]
        if names:
            shown = "; ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            warn(f"in {len(names)} of {len(analysis.optima)} settings {text} ({shown})")


def _as_dict(analysis: SweepAnalysis, paths: Sequence[str], call: SweepCall) -> dict[str, Any]:
    import hashlib

    values = analysis.to_dict()
    values["command"] = command_line()
    values["call"] = call.to_dict()
    values["data"] = [
        {"file": str(path), "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}
        for path in paths
    ]
    return values


def _files(analysis: SweepAnalysis, values: Mapping[str, object]) -> dict[str, bytes]:
    from mplfit.show.sweep_plot import sweep_figures
    from mplfit.show.sweep_report import sweep_page
    from mplfit.show.tables import whole_text
    from mplfit.sweeps.export import optima_rows
    from mplfit.writers.text import csv_bytes, json_bytes

    figures = sweep_figures(analysis, progress)
    return {
        "sweep.json": json_bytes(values),
        "optima.csv": csv_bytes(*optima_rows(analysis.optima)),
        "report.txt": (whole_text(analysis, wide=True) + "\n").encode(),
        "report.html": sweep_page(analysis, figures),
        **figures,
    }
