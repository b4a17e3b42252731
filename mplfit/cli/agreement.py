"""`mplfit agreement`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mplfit.cli.common import Examples, Target, json_option, print_json, saves, warn
from mplfit.cli.tables import render

if TYPE_CHECKING:
    from mplfit.estimate.agreement import Agreement, Group

__all__ = ["agreement_command"]


@click.command(
    "agreement",
    cls=Examples,
    examples=("mplfit agreement data/outcomes_simulated/runs.csv --out /tmp/agreement --force",),
)
@click.argument("runs", type=click.Path(path_type=Path))
@saves("agreement")
@json_option
def agreement_command(runs: Path, target: Target, as_json: bool) -> None:
    """Compare convex bounds with the final losses of real runs.

    RUNS is a folder with the .json logs of finished runs (with config, summary and history), as in
    github.com/fabian-sp/lr-scheduling, or a .csv table with the columns schedule (the text of
    `mplfit schedule`, in quotes) and loss. Bounds and final validation losses are compared over
    cooldown lengths, over base rates and over all runs: Spearman's correlation of their orders,
    and a figure, in a folder (by default mplfit-runs/agreement).
    """
    from mplfit.estimate.agreement import agreement
    from mplfit.readers.epfml_outcomes import read_outcomes
    from mplfit.readers.outcome_table import read_outcome_table

    table = runs.suffix.lower() == ".csv"
    outcomes, left_out = (read_outcome_table(runs), []) if table else read_outcomes(runs)
    for reason in left_out:
        warn(f"left out: {reason}")
    found = agreement(outcomes)
    target.write(lambda: _files(found))
    if as_json:
        print_json(_as_dict(found))
        return
    click.echo(_text(found))
    target.say("agreement.png, agreement.json", apart=True)


def _files(found: Agreement) -> dict[str, bytes]:
    from mplfit.show.bound_plot import plot_agreement
    from mplfit.show.plot import png
    from mplfit.writers.text import json_bytes

    return {
        "agreement.png": png(plot_agreement(found)),
        "agreement.json": json_bytes(_as_dict(found)),
    }


def _text(found: Agreement) -> str:
    from mplfit.estimate.mean import Mean

    rows = []
    for group in (found.everything, *found.groups):
        cells = [f"{group.spearman:.2f}", _ends(group.interval), "", ""]
        if group.spearman_best is not None:
            cells[2:] = [f"{group.spearman_best:.2f}", _ends(group.interval_best)]
        rows.append([group.title, str(len(group.names)), *cells])
    orders = [
        f"{one.title}\n"
        + render(
            [one.varies, "observed loss", "C + M·bound", "bound at best base"],
            [
                [f"{value:g}", f"{loss:.4f}", f"{omega:.4f}", f"{best:.5f}"]
                for value, loss, omega, best in zip(
                    one.value, one.loss, one.omega, one.best, strict=True
                )
            ],
        )
        for one in found.groups
    ]
    titles = ["Spearman of bound and final loss", "runs", "as run", "95 %", "at best base", "95 %"]
    head = render(titles, rows)
    count = len(found.everything.names)
    ratio = Mean(found.ratio, found.ratio_error, count)
    floor = Mean(found.floor, found.floor_error, count)
    note = (
        f"as run: bound at the rates of the runs, with one D/G = {ratio:.3g} for all, of the line\n"
        f"loss = C + M·bound, C = {floor:.3f}; rms error {found.error:.3f} in-sample, "
        f"{found.left_out_error:.3f} where each run is left out in turn\n"
        "at best base: each run's bound at its own best base rate, free of D and G, and exact\n"
        "95 %: were the runs a sample of such runs; –: none from fewer than four runs or from a "
        "perfect order\n"
        "±: jackknife over runs. Each observed loss is one run's: two of one schedule differ by "
        "1e-3 to 8e-3"
    )
    return "\n\n".join([head, note, *orders])


def _ends(interval: tuple[float, float] | None) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "–"


def _as_dict(found: Agreement) -> dict[str, Any]:
    return {
        "schema": "mplfit.agreement/1",
        "D_over_G": found.ratio,
        "D_over_G_error": found.ratio_error,
        "C": found.floor,
        "C_error": found.floor_error,
        "rms_error": found.error,
        "rms_error_left_out": found.left_out_error,
        "groups": [_group(one) for one in (found.everything, *found.groups)],
    }


def _group(one: Group) -> dict[str, Any]:
    return {
        "title": one.title,
        "varies": one.varies,
        "runs": list(one.names),
        "value": one.value.tolist(),
        "loss": one.loss.tolist(),
        "fitted_bound": one.omega.tolist(),
        "best_bound": one.best.tolist(),
        "spearman": one.spearman,
        "spearman_interval": one.interval,
        "spearman_best": one.spearman_best,
        "spearman_best_interval": one.interval_best,
    }
