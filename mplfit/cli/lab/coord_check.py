"""`mplfit lab coord-check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.common import Examples, Target, json_option, print_json, progress, saves
from mplfit.cli.lab.options import make_plan, numbers, run_options, set_threads, threads_option
from mplfit.cli.tables import render

if TYPE_CHECKING:
    from mplfit.lab.coordinates import CoordinateCheck

__all__ = ["coord_check_command"]

_FLAT = 0.2
"""A slope of ln(scale) against ln(width) up to this counts as flat: widths are not infinite."""


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
@json_option
def coord_check_command(
    widths: str,
    lr: float,
    updates: int,
    seeds: int,
    threads: int,
    target: Target,
    as_json: bool,
    **options: Any,
) -> None:
    """How activations scale with the width over the first updates, in SP and in muP.

    For every activation: its root mean square at every width after the last update, how much of it
    the updates made, and the slope of both against the width, in logarithms: 0 is flat. Under muP
    what the updates make must not grow with the width; in SP it does.
    """
    set_threads(threads)
    from mplfit.lab.coordinates import coordinate_check
    from mplfit.lab.parametrization import KINDS

    plan = make_plan(options, width=options["base_width"], parametrization="SP", seed=0)
    checks = {
        kind: coordinate_check(
            plan,
            kind,
            numbers(widths, "--widths", int),
            lr=lr,
            updates=updates,
            seeds=seeds,
            progress=progress,
        )
        for kind in KINDS
    }
    target.write(lambda: _files(checks))
    if as_json:
        print_json({"schema": "mplfit.coordinates/1", "checks": _plain(checks)})
        return
    click.echo("\n\n".join(_text(check) for check in checks.values()))
    click.echo(f"\n±: standard errors over {seeds} seeds" if seeds > 1 else "\none seed: no ±")
    target.say("coordinates.png, coordinates.csv", apart=True)


def _text(check: CoordinateCheck) -> str:
    last = check.steps[-1]
    rows = []
    for name in check.names:
        slopes = (check.slope(name, last, change=change) for change in (False, True))
        cells = [name, *(f"{check.scale[width, last, name]:.3g}" for width in check.widths)]
        rows.append([*cells, *(f"{slope:+.2f}" for slope in slopes)])
    header = [
        f"{check.parametrization}, after {last} updates",
        *(f"{width}" for width in check.widths),
        "slope",
        "slope of change",
    ]
    growing = [name for name in check.names if check.slope(name, last, change=True).value > _FLAT]
    if growing:
        verdict = f"what the updates make grows with the width: {', '.join(growing)}"
    else:
        verdict = f"nothing that the updates make grows with the width (slopes up to +{_FLAT:g})"
    return f"{render(header, rows)}\n{check.parametrization}: {verdict}"


def _files(checks: dict[str, CoordinateCheck]) -> dict[str, bytes]:
    from mplfit.show.lab_plot import plot_coordinates
    from mplfit.show.plot import png

    return {"coordinates.png": png(plot_coordinates(checks)), "coordinates.csv": _csv(checks)}


def _csv(checks: dict[str, CoordinateCheck]) -> bytes:
    lines = ["parametrization,width,updates,activation,rms,rms_error,rms_of_change,change_error"]
    for kind, check in checks.items():
        for (width, step, name), scale in check.scale.items():
            change = check.change[width, step, name]
            numbers = (scale.value, scale.error, change.value, change.error)
            cells = ("" if one != one else f"{one:.6g}" for one in numbers)
            lines.append(f"{kind},{width},{step},{name},{','.join(cells)}")
    return "\n".join([*lines, ""]).encode()


def _plain(checks: dict[str, CoordinateCheck]) -> list[dict[str, Any]]:
    return [_entry(check, name) for check in checks.values() for name in check.names]


def _entry(check: CoordinateCheck, name: str) -> dict[str, Any]:
    last = check.steps[-1]
    sizes = [check.scale[width, last, name] for width in check.widths]
    slope, grown = (check.slope(name, last, change=change) for change in (False, True))
    return {
        "parametrization": check.parametrization,
        "activation": name,
        "updates": last,
        "widths": list(check.widths),
        "rms": [one.value for one in sizes],
        "rms_error": [one.error for one in sizes],
        "slope": slope.value,
        "slope_error": slope.error,
        "slope_of_change": grown.value,
        "slope_of_change_error": grown.error,
    }
