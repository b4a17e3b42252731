"""The formats of logs: `READERS`, and what reads a file whatever its format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mplfit.errors import DataError
from mplfit.readers.arrays import read_npz, read_parquet
from mplfit.readers.clearml import is_events, is_graph, is_scalars, read_graph, read_scalars
from mplfit.readers.clearml import read_events as read_clearml_events
from mplfit.readers.csv_log import read_table
from mplfit.readers.epfml import is_epfml, read_epfml
from mplfit.readers.json_rows import column_rows, rows_log
from mplfit.readers.log import Log, UnknownLogError
from mplfit.readers.log_file import LogFile
from mplfit.readers.long_table import is_long, read_long
from mplfit.readers.mlflow import is_mlflow_run, is_sqlite, read_mlflow_run, read_mlflow_store
from mplfit.readers.options import ReadOptions
from mplfit.readers.source import file_head
from mplfit.readers.tensorboard import read_events
from mplfit.readers.text_formats import FORMATS
from mplfit.readers.text_log import read_text
from mplfit.readers.tfevents import is_event_file
from mplfit.readers.trainer_state import is_trainer_state, read_trainer_state
from mplfit.readers.unknown import guessed_command, refuse_unknown
from mplfit.readers.wandb import (
    is_tensorboard_csv,
    is_wide,
    read_tensorboard_csv,
    read_wide,
)
from mplfit.readers.wandb_local import is_wandb, read_wandb

__all__ = ["READERS", "Reader", "log_suffixes", "looks_like_events", "read_log"]


@dataclass(frozen=True)
class Reader:
    """A format of logs.

    sees : whether a file is of it.  read : its runs.
    suffixes : of the files that are tried where a folder is read.
    """

    sees: Callable[[LogFile], bool]
    read: Callable[[LogFile, ReadOptions], list[Log]]
    suffixes: tuple[str, ...] = ()


def looks_like_events(path: Path) -> bool:
    """Whether a file bears the name of an event file."""
    return ".tfevents." in path.name or path.name.endswith(".tfevents")


def log_suffixes() -> set[str]:
    """Those of all formats."""
    return {suffix for reader in READERS.values() for suffix in reader.suffixes}


def read_log(path: Path, options: ReadOptions) -> list[Log]:
    """The runs in a file, whatever its format (a W&B chart holds several).

    Raises
    ------
    DataError
        If it is not a log that mplfit knows, or cannot be read.
    """
    file = LogFile(path)
    for reader in reversed(READERS.values()):
        if reader.sees(file):
            return reader.read(file, options)
    raise _refused(file)


def _refused(file: LogFile) -> DataError:
    path, head = file.path, file_head(file.path, 1 << 12)
    if file.json is not None:
        if path.name == "wandb-summary.json":
            return DataError(
                f"{path} holds the last values of a run only: give its run-ID.wandb or "
                "wandb-history.jsonl"
            )
        return UnknownLogError(
            f"{path} is JSON, but no log that mplfit knows: expected a list of rows, a "
            "trainer_state.json (log_history), or a run with config and history"
        )
    if file.suffix == ".json":
        return DataError(f"{path} is not JSON: it begins with {head[:20]!r}")
    return refuse_unknown(path, head, ", ".join(FORMATS))


def _is_table_of_runs(file: LogFile) -> bool:
    return file.table is not None and {"Name", "State", "Runtime"} <= set(file.table.header)


def _refuse_table_of_runs(file: LogFile, options: ReadOptions) -> list[Log]:
    raise DataError(
        f"{file.path} is W&B's table of runs, with the last values of each: it holds no curve "
        "(`mplfit sweep` compares such runs; for curves give wandb/ or the charts' csv)"
    )


def _read_table(file: LogFile, options: ReadOptions) -> list[Log]:
    try:
        return read_table(file.path, options)
    except UnknownLogError as error:
        if file.table is None or (command := guessed_command(file.table)) is None:
            raise
        raise UnknownLogError(f"{error}. Perhaps: {command}") from None


def _read_long(file: LogFile, options: ReadOptions) -> list[Log]:
    assert file.table is not None  # it was seen
    return read_long(file.table, options)


def _is_row(file: LogFile) -> bool:
    values = None if file.path.name == "wandb-summary.json" else file.json
    return isinstance(values, dict) and "loss" in values and not isinstance(values["loss"], list)


def _read_columns(file: LogFile, options: ReadOptions) -> list[Log]:
    rows = column_rows(file.json)
    assert rows is not None  # they were seen
    return rows_log(file.path, file.sha256, rows, options, "JSON columns")


def _read_rows(file: LogFile, options: ReadOptions) -> list[Log]:
    assert file.rows is not None  # they were seen
    rows, notes = file.rows
    return rows_log(file.path, file.sha256, rows, options, "JSON lines", notes)


def _read_clearml_session(file: LogFile, options: ReadOptions) -> list[Log]:
    assert file.rows is not None  # they were seen
    rows, notes = file.rows
    log = read_clearml_events(file.path, file.sha256, rows, options)
    return [replace(log, notes=(*log.notes, *notes))]


# The last is asked first: formats that take much stand above, and a new line comes before all.
READERS = {
    "CSV, TSV": Reader(lambda file: file.table is not None, _read_table, (".csv", ".tsv")),
    "a table with a metric a row": Reader(
        lambda file: file.table is not None and is_long(file.table.header), _read_long
    ),
    "W&B's table of runs": Reader(_is_table_of_runs, _refuse_table_of_runs),
    "W&B chart": Reader(
        lambda file: file.table is not None and is_wide(file.table.header),
        lambda file, options: read_wide(file.path, options),
    ),
    "TensorBoard csv": Reader(
        lambda file: file.table is not None and is_tensorboard_csv(file.table.header),
        lambda file, options: [read_tensorboard_csv(file.path)],
    ),
    "text": Reader(
        lambda file: file.text_format is not None,
        lambda file, options: [read_text(file.path, file.sha256, options)],
        (".log", ".txt", ".out"),
    ),
    "a JSON row": Reader(
        _is_row,
        lambda file, options: rows_log(file.path, file.sha256, [file.json], options, "JSON lines"),
    ),
    "JSON list": Reader(
        lambda file: isinstance(file.json, list) and len(file.json) > 0,
        lambda file, options: rows_log(file.path, file.sha256, file.json, options, "JSON list"),
        (".json",),
    ),
    "JSON columns": Reader(lambda file: column_rows(file.json) is not None, _read_columns),
    "JSON lines": Reader(lambda file: file.rows is not None, _read_rows, (".jsonl", ".ndjson")),
    "ClearML session": Reader(
        lambda file: file.rows is not None and is_events(file.rows[0]), _read_clearml_session
    ),
    "ClearML scalars": Reader(
        lambda file: is_scalars(file.json),
        lambda file, options: [read_scalars(file.path, file.sha256, file.json, options)],
    ),
    "ClearML graph": Reader(
        lambda file: is_graph(file.json),
        lambda file, options: read_graph(file.path, file.sha256, file.json, options),
    ),
    "epfml JSON": Reader(
        lambda file: is_epfml(file.json),
        lambda file, options: [read_epfml(file.path, file.sha256, file.json, options)],
    ),
    "Hugging Face trainer_state": Reader(
        lambda file: is_trainer_state(file.json),
        lambda file, options: [read_trainer_state(file.path, file.sha256, file.json, options)],
    ),
    "MLflow store": Reader(
        lambda file: is_sqlite(file.head),
        lambda file, options: read_mlflow_store(file.path, options),
        (".db", ".sqlite"),
    ),
    "W&B run": Reader(
        lambda file: is_wandb(file.head),
        lambda file, options: read_wandb([file.path], options),
        (".wandb",),
    ),
    "TensorBoard events": Reader(
        lambda file: looks_like_events(file.path) or is_event_file(file.head),
        lambda file, options: [read_events([file.path], options)],
    ),
    "npz": Reader(
        lambda file: file.start.startswith(b"PK") and (file.suffix == ".npz" or file.has_arrays),
        lambda file, options: read_npz(file.path, options),
        (".npz",),
    ),
    "Parquet": Reader(
        lambda file: file.start.startswith(b"PAR1"),
        lambda file, options: read_parquet(file.path, options),
        (".parquet",),
    ),
    "MLflow run": Reader(
        lambda file: file.path.name == "meta.yaml" and is_mlflow_run(file.path.parent),
        lambda file, options: [read_mlflow_run(file.path.parent, options)],
    ),
}
