"""`mplfit bound --fit`: the bound laid over logs with gradient norms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from mplfit.cli.common import print_json, progress, say_notes
from mplfit.cli.tables import render

__all__ = ["fit_to_logs"]


def fit_to_logs(logs: Sequence[Path], column: str | None, as_json: bool) -> None:
    """Fit the bound to logs with gradient norms, and print how it meets them."""
    from mplfit.estimate.logged_norms import fit_logged_norms
    from mplfit.readers.norms import norms_of, read_norms
    from mplfit.readers.paths import read_runs

    runs = read_runs(logs, fitted=True)
    curves = runs.curves
    say_notes(curves)
    norms = {
        curve.name: norms_of(log, curve.schedule.steps)
        if column is None
        else read_norms(log.path, curve.schedule.steps, column)
        for curve, (_, log) in zip(curves, runs.read, strict=True)
    }
    fitted = fit_logged_norms(curves, norms, progress=progress)
    trained = fitted.evaluation.train
    assert trained is not None  # a bound is fitted to one curve at least
    if as_json:
        print_json(
            {
                "schema": "mplfit.bound-fit/1",
                "params": fitted.params,
                "standard_errors": fitted.standard_errors,
                "objective": fitted.objective,
                "converged": fitted.converged,
                "metrics": trained.to_dict(),
            }
        )
        return
    rows = [
        [name, f"{one.r2:.4f}", f"{one.mae:.5f}", f"{one.worste:.5f}"]
        for name, one in trained.curves.items()
    ]
    errors = fitted.standard_errors
    values = [
        [
            name,
            f"{value:.6g}",
            "none (at a bound)" if errors[name] is None else f"{errors[name]:.2g}",
        ]
        for name, value in fitted.params.items()
    ]
    click.echo("C + M·bound with G_t = G · logged norm\n")
    click.echo(render(["parameter", "value", "std. error"], values))
    click.echo("\n" + render(["run", "R2", "MAE", "WorstE"], rows))
    click.echo(
        f"\nobjective {fitted.objective:.5g}; {fitted.agreeing} of {fitted.descended} descents "
        "agree to 1e-6; measured on the rows that were fitted, and exact for them\n"
        "standard errors allow for residuals that are correlated along a run, not for differences "
        "between runs: they are lower bounds"
    )
