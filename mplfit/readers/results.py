"""A RUN of `mplfit report`: what `fit`, `compare`, `optimize` and `sweep` leave behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mplfit.errors import DataError, MplfitError
from mplfit.estimate.result import SCHEMA, Fit
from mplfit.plan.optimize import Plan
from mplfit.readers.fits import load_fit
from mplfit.readers.log import refuse_special
from mplfit.readers.table import is_there

__all__ = ["Results", "load_results"]

COMPARISON, SWEEP = "mplfit.comparison/1", "mplfit.sweep/1"
_FILES = {
    "fit.json": SCHEMA,
    "comparison.json": COMPARISON,
    "schedule.json": Plan.SCHEMA,
    "sweep.json": SWEEP,
}


@dataclass(frozen=True)
class Results:
    """What was found at one place.

    fits : by the law's name.
    plan : that of `mplfit optimize`.  command : the command line that made it, as it was kept.
    comparison, sweep : the JSON of such a result, where there is one.
    """

    fits: Mapping[str, Fit] = field(default_factory=dict)
    comparison: Mapping[str, Any] | None = None
    plan: Plan | None = None
    command: str = ""
    sweep: Mapping[str, Any] | None = None


def load_results(source: str) -> Results:
    """The result in a file or folder, or the published parameters 25, 100 or 400.

    Raises
    ------
    DataError
        If there is none, or it is damaged.
    """
    path = Path(source)
    if is_there(path) and path.is_dir():
        there = [name for name in _FILES if is_there(path / name)]
        if there:
            path /= there[0]
    schema, values = _schema(path)
    try:
        if schema == COMPARISON:
            rows = [row for row in values["laws"] if row["fit"] is not None]
            fits = {str(row["law"]): Fit.from_dict(row["fit"]) for row in rows}
            return Results(fits, comparison=values)
        if schema == Plan.SCHEMA:
            kept = {key: value for key, value in values.items() if key != "command"}
            return Results(plan=Plan.from_dict(kept), command=str(values.get("command", "")))
        if schema == SWEEP:
            return Results(sweep=values)
    except MplfitError as error:
        raise DataError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged: {type(error).__name__}: {error}") from None
    fit = load_fit(source)
    return Results({fit.law: fit})


def _schema(path: Path) -> tuple[str, Mapping[str, Any]]:
    """The schema that a JSON file names; nothing where it is none (`load_fit` says why)."""
    if path.suffix.lower() != ".json":
        return "", {}
    refuse_special(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return "", {}
    if not isinstance(values, dict):
        return "", {}
    return str(values.get("schema")), values
