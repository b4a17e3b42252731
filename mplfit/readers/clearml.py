"""ClearML's scalars: an offline session, `Task.get_reported_scalars`, or a graph's Download JSON.

A scalar has a title and a series ("loss" and "train", or "train" and "loss"). An offline session
has lines of lists of events in `metrics.jsonl`, and the run's name and parameters in `task.json`
beside it. The scalars of a task are {title: {series: {"x": […], "y": […]}}}. The page saves one
graph as a list of its lines, each with the task's ID; the title is the file's name, so that the
rates may lie in another file: its pieces are put together by `mplfit.readers.wandb.joined`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mplfit.errors import DataError
from mplfit.readers.configs import constants_in
from mplfit.readers.log import Log, Series
from mplfit.readers.names import paired
from mplfit.readers.options import ReadOptions
from mplfit.readers.source import log_stem
from mplfit.readers.tags import log_of_tags
from mplfit.readers.wandb import piece_of

__all__ = ["is_events", "is_graph", "is_scalars", "read_events", "read_graph", "read_scalars"]

_MANY = 4000  # points, of the 5,000 that the server gives by default


def is_events(rows: Sequence[Any]) -> bool:
    """Whether JSON lines are those of an offline session's metrics.jsonl."""
    first = rows[0] if rows else None
    event = first[0] if isinstance(first, list) and first else None
    return isinstance(event, Mapping) and {"metric", "variant", "iter"} <= set(event)


def is_scalars(values: Any) -> bool:
    """Whether a JSON object is what get_reported_scalars returns."""
    return isinstance(values, Mapping) and any(
        _is_line(line) for some in values.values() if isinstance(some, Mapping)
        for line in some.values()
    )  # fmt: skip


def is_graph(values: Any) -> bool:
    """Whether a JSON list is a graph's lines."""
    return isinstance(values, list) and bool(values) and all(map(_is_line, values))


def read_events(path: Path, sha256: str, rows: Sequence[Any], options: ReadOptions) -> Log:
    """The run of an offline session.

    Raises
    ------
    DataError
        If an event is none, or no scalar is a loss.
    """
    points: dict[str, tuple[list[object], list[object]]] = {}
    lost = 0
    events = [event for row in rows for event in (row if isinstance(row, list) else [row])]
    for event in events:
        if not isinstance(event, Mapping):
            raise DataError(f"{path} has {str(event)[:40]!r} for an event of ClearML")
        if event.get("type") != "training_stats_scalar":
            continue  # pictures, tables and single values
        title, series = event.get("metric"), event.get("variant")
        if not (isinstance(title, str) and isinstance(series, str)):
            lost += 1
            continue
        steps, values = points.setdefault(paired(title, series), ([], []))
        steps.append(event.get("iter"))
        values.append(event.get("value"))
    tags = {name: _series(path, name, *some) for name, some in points.items()}
    name, told = _task(path.parent / "task.json")
    notes = (f"{lost} event{'s' * (lost > 1)} without a title or a series dropped",) * bool(lost)
    log = log_of_tags(path, name or log_stem(path), "ClearML", sha256, tags, options, notes)
    decay, size, _ = constants_in(told, "the task's parameters")
    return replace(log, weight_decay=decay, size=size)


def read_scalars(path: Path, sha256: str, values: Any, options: ReadOptions) -> Log:
    """The run whose scalars these are.

    Raises
    ------
    DataError
        If a series is no numbers, or none is a loss.
    """
    tags = {
        name: _series(path, name, line["x"], line["y"])
        for title, some in values.items()
        if isinstance(some, Mapping)
        for series, line in some.items()
        if _is_line(line) and (name := _name(title, series))
    }
    return log_of_tags(
        path, log_stem(path), "ClearML", sha256, tags, options, _fewer(*tags.values())
    )


def read_graph(path: Path, sha256: str, lines: Sequence[Any], options: ReadOptions) -> list[Log]:
    """The pieces of runs in a graph: its lines are series of one task, or a series of several.

    Raises
    ------
    DataError
        If a line is no numbers.
    """
    # A slash of the title is another sign in a file's name.
    title, part = (*re.split(r"[ ]?[-_/][ ]", log_stem(path), maxsplit=1), "")[:2]
    title = re.sub(r" ?\(\d+\)$", "", title)  # the browser's second copy
    several = len({line.get("task") for line in lines}) > 1
    pieces = []
    for line in lines:
        text = str(line.get("name", "")).strip()
        series, _, run = text.rpartition(" - ") if several else (text, "", "")
        name = _name(title, series or part)
        task = str(line.get("task") or log_stem(path))
        values = _series(path, name, line["x"], line["y"])
        piece = piece_of(path, sha256, run or task[:8], name, values, "ClearML graph")
        pieces.append(replace(piece, notes=_fewer(values)))
    return pieces


def _is_line(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(value.get(key), list) for key in "xy")


def _fewer(*some: Series) -> tuple[str, ...]:
    """What to mind of scalars that a server gave, where they are many."""
    if max(map(len, some), default=0) < _MANY:
        return ()
    return (
        "ClearML gives some 5,000 points of a series at most: if it has more, each loss is a mean "
        "over neighbouring ones",
    )


def _name(title: object, series: object) -> str:
    return paired(str(title or ""), str(series or ""))


def _series(path: Path, name: str, x: Sequence[object], y: Sequence[object]) -> Series:
    if len(x) != len(y):
        raise DataError(f"{path}: {name} has {len(x)} steps and {len(y)} values")
    return Series.of(_numbers(path, name, x), _numbers(path, name, y))


def _numbers(path: Path, name: str, values: Iterable[object]) -> list[float]:
    found = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float, type(None))):
            raise DataError(
                f"{path}: {name} has {str(value)[:40]!r}, expected a number (save the graph with "
                "Iterations on its x axis)"
            )
        try:
            found.append(float("nan") if value is None else float(value))
        except OverflowError:
            raise DataError(f"{path}: {name} has a number of {len(str(value))} digits") from None
    return found


def _task(path: Path) -> tuple[str, dict[str, float]]:
    """The name and the numbers among the parameters of an offline session's task."""
    try:
        task = json.loads(path.read_text("utf-8"))
        sections = [some for some in task["hyperparams"].values() if isinstance(some, Mapping)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "", {}
    told: dict[str, float] = {}
    for key, item in (pair for some in sections for pair in some.items()):
        try:
            told[key.rpartition("/")[2]] = float(item["value"])
        except (ValueError, KeyError, TypeError):
            continue
    return str(task.get("name") or ""), told
