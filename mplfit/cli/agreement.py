"""`mplfit agreement`."""

from __future__ import annotations

from pathlib import Path

import click

from mplfit.cli.common import (
    Examples,
    Target,
    json_option,
    saves,
    show_result,
    warn,
    wide_option,
)

__all__ = ["agreement_command"]


@click.command(
    "agreement",
    cls=Examples,
    examples=("mplfit agreement data/outcomes_simulated/runs.csv --out /tmp/agreement --force",),
)
@click.argument("runs", type=click.Path(path_type=Path))
@saves("agreement")
@wide_option
@json_option
def agreement_command(runs: Path, target: Target, wide: bool, as_json: bool) -> None:
    """Compare convex bounds with the final losses of real runs.

    RUNS is a folder with the .json logs of finished runs (with config, summary and history), as in
    github.com/fabian-sp/lr-scheduling, or a .csv table with the columns schedule (the text of
    `mplfit schedule`, in quotes) and loss. Bounds and final validation losses are compared over
    cooldown lengths, over base rates and over all runs: Spearman's correlation of their orders,
    and a figure, in a folder (by default mplfit-runs/agreement).
    """
    from mplfit.bounds.agreement import agreement
    from mplfit.readers.epfml_outcomes import read_outcomes
    from mplfit.readers.outcome_table import read_outcome_table
    from mplfit.show.bound_plot import plot_agreement
    from mplfit.show.plot import png
    from mplfit.writers.text import json_bytes

    table = runs.suffix.lower() == ".csv"
    outcomes, left_out = (read_outcome_table(runs), []) if table else read_outcomes(runs)
    for reason in left_out:
        warn(f"left out: {reason}")
    found = agreement(outcomes)
    made = found.to_dict()
    target.write(
        lambda: {"agreement.png": png(plot_agreement(found)), "agreement.json": json_bytes(made)}
    )
    show_result(found, made, as_json=as_json, wide=wide)
    if not as_json:
        target.say("agreement.png, agreement.json", apart=True)
