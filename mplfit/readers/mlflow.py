"""MLflow's stores: a folder `mlruns` (a folder a run, a file a metric), or an SQLite file.

In the folder of a run, `metrics/NAME` has lines "timestamp value step", `params/NAME` a value, and
`meta.yaml` the run's name. In SQLite the tables runs, metrics and params hold the same.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from mplfit.errors import DataError
from mplfit.readers.configs import constants_in
from mplfit.readers.log import Log, Series, UnknownLogError, file_bytes, hash_file
from mplfit.readers.options import ReadOptions
from mplfit.readers.tags import log_of_tags

__all__ = ["is_mlflow_run", "is_sqlite", "read_mlflow_run", "read_mlflow_store"]

_SQLITE = b"SQLite format 3\x00"
_NAME = re.compile(r"^run_name:[ \t]*['\"]?([^'\"\n]+?)['\"]?[ \t]*$", re.M)
Points = dict[str, tuple[list[float], list[float]]]


def is_mlflow_run(folder: Path) -> bool:
    """Whether a folder is that of one run in a file store."""
    return (folder / "meta.yaml").is_file() and (folder / "metrics").is_dir()


def read_mlflow_run(folder: Path, options: ReadOptions) -> Log:
    """The run in its folder.

    Raises
    ------
    DataError
        If a line is not "timestamp value step", or no metric is a loss.
    """
    digest, points = hashlib.sha256(), Points()
    for file in sorted((folder / "metrics").rglob("*")):
        if file.is_file() and not file.name.startswith("."):
            data = file_bytes(file)
            digest.update(data)
            steps, values = points.setdefault(
                file.relative_to(folder / "metrics").as_posix(), ([], [])
            )
            for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
                try:
                    _, value, step = line.split()
                    steps.append(int(step))
                    values.append(float(value))
                except ValueError:
                    raise DataError(
                        f"{file} line {number} is {line[:60]!r}: expected a time, a value and a "
                        "step, as MLflow writes them"
                    ) from None
    params = {
        file.name: file_bytes(file).decode("utf-8", "replace")
        for file in sorted((folder / "params").glob("*"))
        if file.is_file()
    }
    meta = file_bytes(folder / "meta.yaml").decode("utf-8", "replace")
    named = _NAME.search(meta)
    name = named[1] if named else folder.name
    return _log(folder / "meta.yaml", name, digest.hexdigest(), points, params.items(), options)


def is_sqlite(head: bytes) -> bool:
    """Whether a file that begins so is of SQLite."""
    return head.startswith(_SQLITE)


def read_mlflow_store(path: Path, options: ReadOptions) -> list[Log]:
    """The runs in an SQLite store.

    Raises
    ------
    DataError
        If it is damaged, or no store of MLflow, or no run has a loss.
    """
    sha256, store = hash_file(path), file_bytes(path)
    try:
        with closing(sqlite3.connect(":memory:")) as base:
            base.deserialize(store)  # a copy: the store itself is never locked or changed
            runs = base.execute(
                "SELECT run_uuid, name FROM runs WHERE lifecycle_stage = 'active' ORDER BY rowid"
            ).fetchall()
            rows = base.execute(
                "SELECT run_uuid, key, step, CASE WHEN is_nan THEN NULL ELSE value END "
                "FROM metrics ORDER BY timestamp, rowid"
            ).fetchall()
            params = base.execute("SELECT run_uuid, key, value FROM params").fetchall()
    except (sqlite3.Error, UnicodeDecodeError, OverflowError, MemoryError) as error:
        raise UnknownLogError(
            f"{path} is an SQLite file, but no store of MLflow: {str(error)[:80]}"
        ) from None
    points: dict[str, Points] = {}
    try:
        for run, key, step, value in rows:
            steps, values = points.setdefault(run, {}).setdefault(key, ([], []))
            steps.append(float(step))
            values.append(float("nan") if value is None else float(value))
    except (TypeError, ValueError):
        raise DataError(f"{path} has a metric that is no number: is the store damaged?") from None
    names = [name for _, name in runs]
    logs, said = [], ""
    for run, name in runs:
        label = f"{name}-{str(run)[:8]}" if not name or names.count(name) > 1 else str(name)
        own = [(key, value) for other, key, value in params if other == run]
        try:
            log = _log(path, label.removeprefix("None-"), sha256, points.get(run, {}), own, options)
        except UnknownLogError as error:  # a run without a loss, as of an evaluation
            said = said or str(error)
            continue
        logs.append(replace(log, part=str(run)))
    if not logs:
        raise UnknownLogError(said or f"{path} is a store of MLflow without an active run")
    return logs


def _log(
    path: Path,
    name: str,
    sha256: str,
    points: Points,
    params: Iterable[tuple[str, object]],
    options: ReadOptions,
) -> Log:
    told: dict[str, float] = {}
    for key, text in params:
        try:
            told[key] = float(str(text))
        except ValueError:
            continue
    if not points:
        raise UnknownLogError(f"{path}: the run {name} has no metric")
    tags = {key: Series.of(*some) for key, some in points.items()}
    log = log_of_tags(path, name, "MLflow", sha256, tags, options)
    decay, size, rate = constants_in(told, "the run's parameters")
    said = f" (its parameters have the rate {rate:g}: was it constant?)" if rate else ""
    return replace(log, weight_decay=decay, size=size, no_rate=log.no_rate + said)
