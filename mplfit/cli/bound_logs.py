"""`mplfit bound --fit`: the bound laid over logs with gradient norms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mplfit.cli.common import progress, say_notes, show_result

__all__ = ["fit_to_logs"]


def fit_to_logs(logs: Sequence[Path], column: str | None, as_json: bool, wide: bool) -> None:
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
    found = fit_logged_norms(curves, norms, progress=progress)
    show_result(found, found.to_dict(), as_json=as_json, wide=wide)
