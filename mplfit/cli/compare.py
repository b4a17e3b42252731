"""`mplfit compare`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mplfit.cli.common import (
    Examples,
    LawOption,
    Target,
    command_line,
    json_option,
    law_constants,
    progress,
    read_options,
    reading_options,
    saves,
    say,
    say_notes,
    show_result,
    warn,
    weight_decay_option,
    wide_option,
)

if TYPE_CHECKING:
    from mplfit.assess.compare import Comparison
    from mplfit.curve import Curve

__all__ = ["compare_command"]


@click.command(
    "compare",
    cls=Examples,
    examples=(
        "mplfit compare data/lab_text --law mpl --law effective --law onepower"
        " --out /tmp/compared --force",
        "mplfit compare data/lab_text/lab_cosine.csv data/lab_text/lab_two_stage.csv"
        " --law amplitude --law momentum --json",
    ),
)
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option(
    "--law",
    "--laws",
    "laws",
    multiple=True,
    cls=LawOption,
    help="Laws to compare, with commas (repeat). [default: all that are quick to fit]",
)
@weight_decay_option
@click.option("--train", multiple=True, metavar="NAME", help="A curve to learn from (repeat).")
@click.option("--test", multiple=True, metavar="NAME", help="A curve to hold out (repeat).")
@reading_options
@saves(what="A folder to write.")
@wide_option
@json_option
def compare_command(
    paths: Sequence[str],
    laws: Sequence[str],
    weight_decay: float | None,
    train: Sequence[str],
    test: Sequence[str],
    target: Target,
    wide: bool,
    as_json: bool,
) -> None:
    """Fit every law to the loss curves in PATHS and compare them on curves they have not seen.

    Curves are split as by `mplfit fit`. Where none is held out, each training curve is left out in
    turn and predicted from the others. Every law has its default prior. The best comes first.
    --out writes a figure of the residuals side by side, and comparison.json with all parameters,
    which `mplfit report` takes.
    """
    from mplfit.assess.compare import compare_laws
    from mplfit.laws.registry import LAWS, get_law
    from mplfit.readers.paths import read_curves, split

    chosen = tuple(law for text in laws for law in text.split(",")) or tuple(
        key for key, law in LAWS.items() if law.usually_compared
    )
    for law in chosen:
        get_law(law)  # refuses a wrong name before any work
    options, own = read_options()
    curves = read_curves(paths, options, **own, progress=progress)
    say_notes(curves)
    trained, held, how = split(curves, train, test)
    say(f"{len(trained)} training curves, {len(held)} held out: {how}")
    decaying = [law for law in chosen if "weight_decay" in get_law(law).constants]
    if weight_decay is not None and not decaying:
        raise click.UsageError("none of the compared laws has a weight decay: no --weight-decay")
    constants = law_constants(decaying[0], weight_decay, trained) if decaying else None
    found = compare_laws(
        trained, held, chosen, constants=constants, command=command_line(), progress=progress
    )
    for row in found:
        if row.failed:
            warn(f"{row.law}: {row.failed}")
    target.write(lambda: _files(found, trained, held))
    show_result(found, found.to_dict(), as_json=as_json, wide=wide)
    if not as_json:
        what = f"residuals.png, comparison.json (`mplfit report {target.name}` shows it)"
        target.say(what, apart=True)


def _files(found: Comparison, trained: Sequence[Curve], held: Sequence[Curve]) -> dict[str, bytes]:
    from mplfit.show.compare_plot import plot_laws
    from mplfit.show.plot import png
    from mplfit.writers.text import json_bytes

    files = {"comparison.json": json_bytes(found.to_dict())}
    fits = {law.law: law.fit for law in found if law.fit is not None}
    if fits:
        files["residuals.png"] = png(plot_laws(fits, trained, held))
    return files
