"""`mplfit lab`: a group whose commands are imported only when they are asked for."""

from __future__ import annotations

from importlib import import_module

import click

from mplfit.cli.common import Examples

__all__ = ["LAB_COMMANDS", "lab_command"]

# name: (module below mplfit.cli, one line of help)
LAB_COMMANDS = {
    "train": ("lab_train", "Train a small transformer under a schedule; log its loss."),
    "sweep": ("lab_sweep", "Train a grid of rates, widths and seeds into a sweep table."),
    "coord-check": ("lab_coordinates", "How activations scale with the width, SP and muP."),
    "loop": ("lab_loop", "Fit, predict, optimize, and see whether real training agrees."),
}


class _LazyGroup(Examples, click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(LAB_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in LAB_COMMANDS:
            return None
        module = import_module(f"mplfit.cli.{LAB_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in LAB_COMMANDS.items()])


@click.command(
    "lab",
    cls=_LazyGroup,
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
