"""`mplfit agreement`."""

from __future__ import annotations

from pathlib import Path

import click

from mplfit.cli.messages import warn
from mplfit.cli.options import command
from mplfit.cli.output import Output, output_options

__all__ = ["agreement_command"]


@command(
    "agreement",
    examples=("mplfit agreement data/outcomes_simulated/runs.csv --out /tmp/agreement --force",),
)
@click.argument("runs", type=click.Path(path_type=Path))
@click.option("--html", is_flag=True, help="Write one page with every figure too.")
@output_options("agreement")
def agreement_command(runs: Path, html: bool, output: Output) -> None:
    """Compare convex bounds with the final losses of real runs.

    RUNS is a folder with the .json logs of finished runs (with config, summary and history), as in
    github.com/fabian-sp/lr-scheduling, or a .csv table with the columns schedule (the text of
    `mplfit schedule`, in quotes) and loss. Bounds and final validation losses are compared over
    cooldown lengths, over base rates and over all runs: Spearman's correlation of their orders,
    and a figure, in a folder (by default mplfit-runs/agreement); with --html a page, too, on which
    logged losses stand beside the bounds along the runs.
    """
    from mplfit.bounds.agreement import agreement
    from mplfit.readers.epfml_outcomes import read_outcomes
    from mplfit.readers.outcome_table import read_outcome_table

    table = runs.suffix.lower() == ".csv"
    outcomes, left_out = (read_outcome_table(runs), []) if table else read_outcomes(runs)
    for reason in left_out:
        warn(f"left out: {reason}")
    found = agreement(outcomes)
    if not html:
        output.give(found, "agreement.png, agreement.json")
        return
    from mplfit.show.agreement_page import agreement_page
    from mplfit.show.files import files_of

    output.give(
        found,
        "agreement.png, agreement.json, agreement.html",
        lambda: {**files_of(found), "agreement.html": agreement_page(found, outcomes)},
    )
