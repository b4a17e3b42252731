"""`mplfit sweep`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mplfit.cli.messages import progress, say
from mplfit.cli.options import command
from mplfit.cli.output import Output, command_line, output_options

__all__ = ["sweep_command"]


def _check_reference(
    context: click.Context, option: click.Parameter, texts: Sequence[str]
) -> Sequence[str]:
    for text in texts:
        try:
            float(text.partition("=")[2])
        except ValueError:
            raise click.UsageError(
                f"--reference takes SIZE=VALUE, such as width=256, got {text!r}"
            ) from None
    return texts


@command(
    "sweep",
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
    "--reference",
    metavar="SIZE=VALUE",
    multiple=True,
    callback=_check_reference,
    help="Where laws state their rate.",
)
@click.option("--tolerance", default=1.0, show_default=True, help="Of a basin, in % of the loss.")
@click.option("--draws", default=1000, show_default=True, help="Resampled sweeps a setting.")
@click.option("--random-seed", default=0, show_default=True, help="Of the resampling.")
@click.option("--params", metavar="FIT", help="A fit of the effective law, to predict best rates.")
@click.option("--schedule", metavar="SPEC", help="The runs' schedule, for --params.")
@output_options(what="A folder for the results.")
def sweep_command(paths: Sequence[str], output: Output, **asked: Any) -> None:
    """Find the best learning rate in a sweep, and whether it transfers across sizes.

    FILE is a .csv, .tsv, .jsonl or .json table, one run a row: its rate, its final loss, and
    columns that tell settings apart (width, depth, steps, parametrization, seed, …), which are
    found by their names and said. Or it is a study's folder, with a folder for each run that is
    named by its setting (hidden256_gamma0.9_seed1) and holds val_loss.txt or TensorBoard's files.

    For every setting: the best rate on the grid and interpolated,
    with an interval. For every parametrization: how the best rate moves with each size, what the
    small model's rate costs at the large one, and laws eta0 · (N0/N)^gamma of the best rate and of
    its loss. --out writes sweep.json, optima.csv, report.html, report.txt and figures.
    """
    from mplfit.api import sweep
    from mplfit.readers.results import SweepCall
    from mplfit.readers.study import hash_table

    if (asked["params"] is None) != (asked["schedule"] is None):
        raise click.UsageError("--params and --schedule belong together")
    call = SweepCall(**asked)
    found = sweep(paths, **call.arguments(), progress=progress)
    for note in found.notes:
        say(f"note: {note}")
    data = [{"file": str(path), "sha256": hash_table(Path(path))} for path in paths]
    made = {
        **found.to_dict(), "command": command_line(), "call": call.to_dict(), "data": data
    }  # fmt: skip
    output.give(found, "sweep.json, optima.csv, report.html, report.txt, figures", values=made)
