"""A RUN of `mplfit report`: what `fit`, `compare`, `optimize` and `sweep` leave behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

from mplfit.assess.compare import Comparison
from mplfit.errors import DataError, MplfitError
from mplfit.estimate.result import SCHEMA, Fit
from mplfit.plan.optimize import Plan
from mplfit.readers.fits import load_fit
from mplfit.readers.log import refuse_special
from mplfit.readers.table import is_there
from mplfit.sweeps.analysis import SweepAnalysis
from mplfit.types import Record

__all__ = [
    "Results",
    "SweepCall",
    "SweepResult",
    "load_results",
]

_SWEEP_1 = "mplfit.sweep/1"  # of earlier versions
_FILES = {
    "fit.json": SCHEMA,
    "comparison.json": Comparison.SCHEMA,
    "schedule.json": Plan.SCHEMA,
    "sweep.json": SweepAnalysis.SCHEMA,
}


@dataclass(frozen=True, eq=False)
class SweepCall(Record):
    """What `mplfit sweep` was asked, its arguments."""

    lr: str | None = None
    loss: str | None = None
    seed: str | None = None
    groups: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    method: str = "robust"
    reference: tuple[str, ...] = ()
    tolerance: float = 1.0
    draws: int = 1000
    random_seed: int = 0
    params: str | None = None
    schedule: str | None = None

    def arguments(self) -> dict[str, Any]:
        """The same as `mplfit.sweep` takes it: tolerance is a share there, not a percentage.

        >>> from mplfit.readers.results import SweepCall
        >>> SweepCall(reference=("width=256",)).arguments()["reference"]
        {'width': 256.0}
        """
        pairs = (text.partition("=") for text in self.reference)
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        own["fit"] = own.pop("params")
        own["reference"] = {name.strip(): float(value) for name, _, value in pairs}
        own["tolerance"] = self.tolerance / 100
        return own


@dataclass(frozen=True)
class SweepFile:
    """A table of a sweep, and its hash."""

    file: str
    sha256: str


@dataclass(frozen=True, eq=False)
class SweepResult(Record):
    """What `mplfit sweep` wrote: what it was made from and how, so that it can be made again.

    call : None in files of earlier versions.
    """

    SCHEMA: ClassVar[str] = SweepAnalysis.SCHEMA
    OPEN: ClassVar[bool] = True

    data: tuple[SweepFile, ...]
    call: SweepCall | None = None
    command: str | None = None


@dataclass(frozen=True)
class Results:
    """What was found at one place.

    fits : by the law's name.
    plan : that of `mplfit optimize`.
    comparison, sweep : what is read of such a result, where there is one.
    command : the command line that made it, as it was kept.
    """

    fits: Mapping[str, Fit] = field(default_factory=dict)
    comparison: Comparison | None = None
    plan: Plan | None = None
    sweep: SweepResult | SweepAnalysis | None = None
    command: str | None = None


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
        if schema == Comparison.SCHEMA:
            compared = Comparison.from_dict(values)
            fits = {row.law: row.fit for row in compared.laws if row.fit is not None}
            return Results(fits, comparison=compared, command=compared.command)
        if schema == Plan.SCHEMA:
            kept = {key: value for key, value in values.items() if key != "command"}
            return Results(plan=Plan.from_dict(kept), command=str(values.get("command", "")))
        if schema in (_SWEEP_1, SweepResult.SCHEMA):
            sweep = SweepResult.from_dict({**values, "schema": SweepResult.SCHEMA})
            return Results(sweep=sweep, command=sweep.command)
    except MplfitError as error:
        raise DataError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
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
