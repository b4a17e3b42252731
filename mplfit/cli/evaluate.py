"""`mplfit evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mplfit.cli.messages import say, warn
from mplfit.cli.options import command, params_option, split_options
from mplfit.cli.output import Output, output_options, print_json
from mplfit.cli.reading import Reading, reading_options
from mplfit.errors import FitError

if TYPE_CHECKING:
    from mplfit.curve import Curve
    from mplfit.estimate.result import Fit

__all__ = ["evaluate_command", "show_coverage"]


@command(
    "evaluate",
    examples=(
        "mplfit evaluate data/simulated_400 --params 400",
        "mplfit evaluate data/simulated_25 --params 25 --json",
    ),
)
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@params_option
@split_options
@reading_options
@click.option("--exact", is_flag=True, help="Sum plainly instead of fast (slow; to check).")
@output_options(files=False)
def evaluate_command(
    paths: Sequence[str],
    params: str,
    train: Sequence[str],
    test: Sequence[str],
    reading: Reading,
    exact: bool,
    output: Output,
) -> None:
    """Measure a fit on the loss curves in PATHS: R2, MAE, RMSE, PredE, WorstE and Huber.

    Curves that FIT was trained on (the same file contents) are told apart from held-out ones; so
    are the released training curves, for the published parameters.
    """
    from mplfit.assess.reach import check_loss
    from mplfit.estimate.metrics import evaluate
    from mplfit.readers.fits import load_fit
    from mplfit.readers.paths import split_for
    from mplfit.schedule import Schedule
    from mplfit.show.table import Table
    from mplfit.show.tables.fit import measured, metrics_tables

    fit = load_fit(params)
    curves = reading.curves(paths)
    trained, held, how = split_for(fit, curves, train, test)
    say(f"{_names(held)} held out, {_names(trained)} trained on: {how}")
    metrics = evaluate(fit, curves, train=trained, exact=exact)
    for curve in curves:
        try:
            so_far = Schedule(curve.schedule.lr[: curve.step[-1] + 1])
            for text in check_loss(fit, so_far, curve.name):
                warn(text)
        except FitError as error:  # measured all the same
            warn(str(error))
    if output.as_json:
        from mplfit.assess.intervals import coverage
        from mplfit.estimate.records import CurveRecord
        from mplfit.types import to_plain

        held_shares = coverage(fit, held, trained)
        print_json(
            {
                "schema": "mplfit.evaluation/1",
                "params": params,
                "law": fit.law,
                "metrics": metrics.to_dict(),
                "coverage": to_plain(held_shares),
                "data": [CurveRecord.of(curve, "train").to_dict() for curve in trained]
                + [CurveRecord.of(curve, "test").to_dict() for curve in held],
            }
        )
    else:
        output.show(Table(measured(fit, params, metrics), (), ()), *metrics_tables(metrics))
        show_coverage(fit, held, trained)


def _names(curves: Sequence[Curve]) -> str:
    from mplfit.readers.names import listed

    return listed([curve.name for curve in curves]) or "nothing"


def show_coverage(fit: Fit, held: Sequence[Curve], trained: Sequence[Curve]) -> None:
    """How often the intervals held, or why there are none."""
    from mplfit.assess.intervals import coverage
    from mplfit.show.table import text
    from mplfit.show.tables.fit import coverage_table

    found = coverage(fit, held, trained)
    if found is not None:
        click.echo("\n" + text(coverage_table(found)))
    elif held and fit.spread is None:
        click.echo("\nno intervals: published parameters have no covariance")
