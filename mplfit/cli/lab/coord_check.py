"""`mplfit lab coord-check`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.common import (
    Examples,
    Target,
    json_option,
    progress,
    saves,
    show_result,
    wide_option,
)
from mplfit.cli.lab.options import make_plan, numbers, run_options, set_threads, threads_option

if TYPE_CHECKING:
    from mplfit.lab.coordinates import CoordinateChecks

__all__ = ["coord_check_command"]


@click.command(
    "coord-check",
    cls=Examples,
    examples=(
        "mplfit lab coord-check --task icl-regression --widths 16,32,64 --base-width 16 --updates 2"
        " --seeds 1 --out /tmp/coordinates --force",
    ),
)
@click.option("--widths", default="32,64,128,256", show_default=True, help="Widths to compare.")
@click.option("--lr", default=1e-2, show_default=True, help="The constant rate.")
@click.option("--updates", default=4, show_default=True, help="Updates to train.")
@click.option("--seeds", default=3, show_default=True, help="Models of every width.")
@run_options()
@threads_option
@saves(what="A folder for figure and table.")
@wide_option
@json_option
def coord_check_command(
    widths: str,
    lr: float,
    updates: int,
    seeds: int,
    threads: int,
    target: Target,
    wide: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """How activations scale with the width over the first updates, in SP and in muP.

    For every activation: its root mean square at every width after the last update, how much of it
    the updates made, and the slope of both against the width, in logarithms: 0 is flat. Under muP
    what the updates make must not grow with the width; in SP it does.
    """
    set_threads(threads)
    from mplfit.lab.coordinates import coordinate_checks

    plan = make_plan(options, width=options["base_width"], parametrization="SP", seed=0)
    found = coordinate_checks(
        plan, numbers(widths, "--widths", int), lr=lr, updates=updates, seeds=seeds,
        progress=progress,
    )  # fmt: skip
    target.write(lambda: _files(found))
    show_result(found, found.to_dict(), as_json=as_json, wide=wide)
    if not as_json:
        target.say("coordinates.png, coordinates.csv", apart=True)


def _files(found: CoordinateChecks) -> dict[str, bytes]:
    from mplfit.show.lab_plot import plot_coordinates
    from mplfit.show.plot import png

    drawn = png(plot_coordinates(found.checks))
    return {"coordinates.png": drawn, "coordinates.csv": _csv(found)}


def _csv(found: CoordinateChecks) -> bytes:
    lines = ["parametrization,width,updates,activation,rms,rms_error,rms_of_change,change_error"]
    for kind, check in found.checks.items():
        for w, width in enumerate(check.widths):
            for s, step in enumerate(check.steps):
                for name in check.names:
                    scale, change = check.scale[name][w][s], check.change[name][w][s]
                    numbers = (scale.value, scale.error, change.value, change.error)
                    cells = ("" if math.isnan(number) else f"{number:.6g}" for number in numbers)
                    lines.append(f"{kind},{width},{step},{name},{','.join(cells)}")
    return "\n".join([*lines, ""]).encode()
