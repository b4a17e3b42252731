"""`mplfit compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.common import (
    Examples,
    LawOption,
    command_line,
    force_option,
    json_option,
    law_constants,
    print_json,
    progress,
    read_options,
    reading_options,
    say,
    say_notes,
    warn,
    weight_decay_option,
)
from mplfit.cli.tables import render

if TYPE_CHECKING:
    from mplfit.assess.compare import Comparison
    from mplfit.curve import Curve
    from mplfit.estimate.paired import Difference

__all__ = ["compare_command"]

_TITLES = ("R2", "MAE", "RMSE", "WorstE", "MAE unshared", "final error")


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
@click.option("-o", "--out", type=click.Path(path_type=Path), help="A folder to write.")
@force_option
@json_option
def compare_command(
    paths: Sequence[str],
    laws: Sequence[str],
    weight_decay: float | None,
    train: Sequence[str],
    test: Sequence[str],
    out: Path | None,
    force: bool,
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
    from mplfit.writers.files import refuse_existing, write_folder

    chosen = tuple(law for text in laws for law in text.split(",")) or tuple(
        key for key, law in LAWS.items() if law.usually_compared
    )
    for law in chosen:
        get_law(law)  # refuses a wrong name before any work
    if out is not None:
        refuse_existing(out, force)
    options, own = read_options()
    curves = read_curves(paths, options, **own, progress=progress)
    say_notes(curves)
    trained, held, how = split(curves, train, test)
    say(f"{len(trained)} training curves, {len(held)} held out: {how}")
    decaying = [law for law in chosen if "weight_decay" in get_law(law).constants]
    if weight_decay is not None and not decaying:
        raise click.UsageError("none of the compared laws has a weight decay: no --weight-decay")
    constants = law_constants(decaying[0], weight_decay, trained) if decaying else None
    rows = compare_laws(trained, held, chosen, constants=constants, progress=progress)
    for row in rows:
        if row.failed:
            warn(f"{row.law}: {row.failed}")
    found = _as_dict(rows, command_line())
    if out is not None:
        write_folder(out, _files(rows, found, trained, held), force=force)
    if as_json:
        print_json(found)
        return
    click.echo(_text(rows, trained, held))
    if out is not None:
        click.echo(
            f"\nwritten to {out}/: residuals.png, comparison.json (`mplfit report {out}` shows it)"
        )


def _as_dict(rows: Sequence[Comparison], command: str) -> dict[str, Any]:
    laws = [row.to_dict() for row in rows]
    for law, row in zip(laws, rows, strict=True):
        apart = _less(row, rows[0])
        law["less_best"] = apart.to_dict() if apart else None
        if law["fit"] is not None:
            law["fit"]["made_by"] = command
    return {"schema": "mplfit.comparison/1", "command": command, "laws": laws}


def _files(
    rows: Sequence[Comparison],
    found: Mapping[str, Any],
    trained: Sequence[Curve],
    held: Sequence[Curve],
) -> dict[str, bytes]:
    from mplfit.show.compare_plot import plot_laws
    from mplfit.show.plot import png
    from mplfit.writers.text import json_bytes

    files = {"comparison.json": json_bytes(found)}
    fits = {row.law: row.fit for row in rows if row.fit is not None}
    if fits:
        files["residuals.png"] = png(plot_laws(fits, trained, held))
    return files


def _text(rows: Sequence[Comparison], trained: Sequence[Curve], held: Sequence[Curve]) -> str:
    """Errors on unseen curves, their differences to the best law's, and the fits themselves."""
    from mplfit.estimate.constants import PER_OBSERVATION

    what = f"{len(held)} held-out curves" if held else "each training curve left out in turn"
    best, points = rows[0], sum(len(curve) for curve in trained)
    parts = [
        f"Predicted: {what}; means over them, ± standard errors",
        render(["law", *_TITLES], [_error_row(row) for row in rows]),
    ]
    others = [_difference_row(row, best) for row in rows[1:] if row.fit is not None]
    if others:
        titles = [f"less {best.law}", "MAE unshared", "final error", "decided"]
        parts.append(render(titles, others))
    header = ["law", "prior", "parameters", "objective", "criterion", "80 % holds", "95 %"]
    parts.append(render([*header, "95 % holds", "95 %"], [_fit_row(row) for row in rows]))
    parts.append(
        "±: over curves of one collection, which share a model and its errors; one curve has none. "
        "Differences\n"
        "are taken curve by curve, and decided where the 95 % t intervals of both leave out 0; the "
        "first law\n"
        "is the best on these very curves\n"
        "criterion: 2·(objective + penalty)/(30·delta²) + 2·parameters, an AIC with "
        f"{points / PER_OBSERVATION:.0f} effective observations\n"
        f"({points} rows, {PER_OBSERVATION:.0f} count as one); it and the objective are exact for "
        "these rows\n"
        "holds: so many of the held-out points that no training curve has, and the 95 % binomial "
        "interval\n"
        "of such a share of as many curves"
    )
    return "\n\n".join(parts)


def _fit_row(row: Comparison) -> list[str]:
    fit, held = row.fit, row.coverage
    if fit is None:
        return [row.law, "", "", "no fit", *[""] * 5]
    cells = [row.law, fit.prior_name, str(len(fit.params)), f"{fit.objective:.3e}"]
    cells.append(f"{row.criterion:.1f}")
    if held is None:
        return cells + ["–"] * 4
    from mplfit.show.tables.fit import per_cent

    return cells + [cell for share in held.points.values() for cell in per_cent(share, held.curves)]


def _error_row(row: Comparison) -> list[str]:
    whole, branched = row.whole, row.branched
    if whole is None or branched is None:
        return [row.law, *["–"] * len(_TITLES)]
    cells = [f"{whole['r2']:.4f}", *(f"{whole[key]:.5f}" for key in ("mae", "rmse", "worste"))]
    return [row.law, *cells, f"{branched['mae']:.5f}", f"{row.final_error:.4f}"]


def _difference_row(row: Comparison, best: Comparison) -> list[str]:
    apart = _less(row, best)
    if apart is None:
        return [row.law, "–", "–", "–"]
    decided = "yes" if apart.sure else "no"
    return [row.law, f"{apart.mae:+.5f}", f"{apart.final_error:+.4f}", decided]


def _less(row: Comparison, best: Comparison) -> Difference | None:
    """A law's errors less those of the best one, on the curves that neither has seen."""
    from mplfit.estimate.paired import difference

    if row is best or row.held_out is None or best.held_out is None:
        return None
    return difference(row.held_out, best.held_out)
