"""`mplfit lab`: the group of its commands."""

from __future__ import annotations

import click

from mplfit.cli.lazy import LazyGroup
from mplfit.cli.options import Examples

__all__ = ["LAB_COMMANDS", "lab_command"]

# name: one line of help
LAB_COMMANDS = {
    "train": "Train a small transformer under a schedule; log its loss.",
    "sweep": "Train a grid of rates, widths and seeds into a sweep table.",
    "coord-check": "How activations scale with the width, SP and muP.",
    "loop": "Fit, predict, optimize, and see whether real training agrees.",
}


class _Lab(Examples, LazyGroup):
    """The table's commands, and examples below."""


@click.command(
    "lab",
    cls=_Lab,
    groups={"Commands": LAB_COMMANDS},
    package="mplfit.cli.lab",
    examples=(
        "mplfit lab train --task text --schedule cosine:steps=60,peak=3e-3,warmup=6 --width 32"
        " --out /tmp/run.csv --force",
    ),
)
def lab_command() -> None:
    """Train small transformers on this CPU: real loss curves and sweeps, without torch.

    A decoder-only transformer in numpy and numba, in the standard parametrization or muP, on
    in-context linear regression or on text (by default the Python sources of this interpreter).
    What it logs is what `mplfit fit` and `mplfit sweep` read.
    """
