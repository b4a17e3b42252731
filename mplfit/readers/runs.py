"""Several runs in one table: which column tells them apart, and what is refused as unclear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.names import listed, plain
from mplfit.readers.table import shorten
from mplfit.types import BoolArray, FloatArray, IntArray

__all__ = ["NO_COLUMN", "repeated", "runs_of"]

NO_COLUMN = "none"  # what the option says where no column tells runs apart
_NAMES = (
    "runname",
    "run",
    "name",
    "runid",
    "experiment",
    "experimentname",
    "experimentid",
    "trial",
    "trialname",
    "trialid",
    "model",
    "modelname",
    "job",
    "jobid",
    "seed",
    "randomseed",
)
_REPEATED = 0.1  # the share of rows that a run which was resumed may log twice


def repeated(step: FloatArray) -> float:
    """The share of rows whose step another row has too, but for one row of each."""
    return 1 - np.unique(step).size / step.size if step.size else 0.0


def runs_of(
    path: Path,
    header: Sequence[str],
    texts: Callable[[list[str]], list[list[str]]],
    step: FloatArray,
    loss: FloatArray,
    run_col: str | None,
    notes: list[str],
) -> dict[str, IntArray]:
    """The places of each run's rows, by the value of the column that tells the runs apart.

    A column is taken for that if it has a usual name, more than one value, and if its runs log each
    step once where the whole table repeats steps. Nothing is returned for one run.

    texts : gives columns as their cells, which belong to the same rows as `step` and `loss`.
    run_col : the column's name, several with commas between them, or "none" for one run.

    Raises
    ------
    DataError
        If there is no such column, or it is unclear which one it is.
    """
    if run_col is not None:
        if run_col == NO_COLUMN and NO_COLUMN not in header:
            return {}
        names = [run_col] if run_col in header else run_col.split(",")
        for name in names:
            if name not in header:
                raise DataError(
                    f"{path} has no column {name!r}, asked for with run_col=: it has "
                    f"{listed(header)} (or say run_col='{NO_COLUMN}', if it holds one run)"
                )
        return _groups([", ".join(filter(None, row)) for row in zip(*texts(names), strict=True)])
    usual = {plain(name): name for name, times in Counter(header).items() if times == 1}
    names = [usual[alias] for alias in _NAMES if alias in usual]
    if not names:
        return {}
    found = dict(zip(names, map(_groups, texts(names)), strict=True))
    # A column whose value is new in nearly every row tells no runs apart.
    found = {name: groups for name, groups in found.items() if 1 < len(groups) <= step.size / 2}
    if not found:
        return {}
    kept = np.isfinite(loss)
    if repeated(step[kept]) <= _REPEATED:
        name, groups = next(iter(found.items()))
        raise DataError(
            f"{path} has {len(groups)} values in {name} ({_some(groups)}), but hardly a step is "
            "logged twice: is it one run that was resumed, or several? "
            + _how(f"run_col={name!r}", "for several")
        )
    clear = {n: groups for n, groups in found.items() if _consistent(groups, step, loss, kept)}
    if len({_partition(groups) for groups in clear.values()}) == 1:
        name, groups = next(iter(clear.items()))
        notes.append(f"{len(groups)} runs in one file, told apart by {name} (else: run_col=)")
        return groups
    if clear:
        raise DataError(
            f"{path} holds several runs, and {' and '.join(clear)} tell them apart in different "
            f"ways: {_how(' or '.join(f'run_col={name!r}' for name in clear), 'to choose')}"
        )
    raise DataError(
        f"{path} repeats steps, and none of {', '.join(found)} alone tells its runs apart: "
        + _how(f"run_col={','.join(found)!r}", "for all of them together")
    )


def _how(option: str, why: str) -> str:
    return f"say {option} {why}, or run_col='{NO_COLUMN}' for one run"


def _groups(cells: Sequence[str]) -> dict[str, IntArray]:
    """The places of each value, in the order in which the values come."""
    places: dict[str, list[int]] = {}
    for place, cell in enumerate(cells):
        places.setdefault(cell, []).append(place)
    return {value: np.array(some, np.int64) for value, some in places.items()}


def _consistent(
    groups: dict[str, IntArray], step: FloatArray, loss: FloatArray, kept: BoolArray
) -> bool:
    """Whether each group logs its steps once, and not all have the same losses."""
    each = [(step[rows], loss[rows]) for rows in (some[kept[some]] for some in groups.values())]
    if "" in groups or any(repeated(steps) > _REPEATED for steps, _ in each):
        return False
    (first, losses), *others = each
    return not all(np.array_equal(s, first) and np.array_equal(y, losses) for s, y in others)


def _partition(groups: dict[str, IntArray]) -> frozenset[bytes]:
    return frozenset(rows.tobytes() for rows in groups.values())


def _some(groups: dict[str, IntArray]) -> str:
    return ", ".join(map(shorten, list(groups)[:2])) + (", …" if len(groups) > 2 else "")
