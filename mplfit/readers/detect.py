"""What a file is, by its name and its first bytes; the one place that knows all readers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mplfit.errors import DataError
from mplfit.readers.arrays import read_npz, read_parquet
from mplfit.readers.clearml import is_events, is_graph, is_scalars, read_graph, read_scalars
from mplfit.readers.clearml import read_events as read_clearml_events
from mplfit.readers.csv_log import read_table
from mplfit.readers.epfml import is_epfml, read_epfml
from mplfit.readers.json_rows import json_lines, parse_json, rows_log
from mplfit.readers.log import Log, UnknownLogError, file_bytes, hash_file
from mplfit.readers.long_table import is_long, read_long
from mplfit.readers.mlflow import is_mlflow_run, is_sqlite, read_mlflow_run, read_mlflow_store
from mplfit.readers.names import is_loss, is_rate, is_step
from mplfit.readers.options import ReadOptions
from mplfit.readers.source import file_head, first_bytes, log_suffix, whole_file
from mplfit.readers.table import open_table
from mplfit.readers.tensorboard import read_events
from mplfit.readers.text_formats import FORMATS
from mplfit.readers.text_log import read_text, text_format
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

__all__ = ["LOG_SUFFIXES", "looks_like_events", "read_log"]

LOG_SUFFIXES = (
    ".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".log", ".txt", ".out", ".wandb", ".db",
    ".sqlite", ".npz", ".parquet",
)  # fmt: skip
_HEAD = 1 << 18  # bytes that are enough to know a format


def looks_like_events(path: Path) -> bool:
    """Whether a file bears the name of an event file."""
    return ".tfevents." in path.name or path.name.endswith(".tfevents")


def read_log(path: Path, options: ReadOptions) -> list[Log]:
    """The runs in a file, whatever its format (a W&B chart holds several).

    Raises
    ------
    DataError
        If it is not a log that mplfit knows, or cannot be read.
    """
    if path.name == "meta.yaml" and is_mlflow_run(path.parent):
        return [read_mlflow_run(path.parent, options)]
    start = first_bytes(path)
    if start.startswith(b"PAR1"):
        return read_parquet(path, options)
    if start.startswith(b"PK") and (log_suffix(path) == ".npz" or _holds_arrays(path)):
        return read_npz(path, options)
    head = file_head(path, _HEAD)
    if looks_like_events(path) or is_event_file(head):
        return [read_events([path], options)]
    if is_wandb(head):
        return read_wandb([path], options)
    if is_sqlite(head):
        return read_mlflow_store(path, options)
    suffix, first = log_suffix(path), head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if suffix not in (".csv", ".tsv"):
        if suffix in (".jsonl", ".ndjson"):
            return _read_json_lines(path, options)
        if first in (b"{", b"[") and (suffix == ".json" or _is_json(head)):
            return _read_json(path, options)
        if suffix == ".json":
            raise DataError(f"{path} is not JSON: it begins with {head[:20]!r}")
        if text_format(head.decode("utf-8", "replace")) is not None:
            return [read_text(path, hash_file(path), options)]
        if not _is_table(path):
            raise refuse_unknown(path, head, ", ".join(form.name for form in FORMATS))
    table = open_table(path)
    if is_tensorboard_csv(table.header):
        return [read_tensorboard_csv(path)]
    if is_wide(table.header):
        return read_wide(path, options)
    if {"Name", "State", "Runtime"} <= set(table.header):
        raise DataError(
            f"{path} is W&B's table of runs, with the last values of each: it holds no curve "
            "(`mplfit sweep` compares such runs; for curves give wandb/ or the charts' csv)"
        )
    if is_long(table.header):
        return read_long(table, options)
    try:
        return read_table(path, options)
    except UnknownLogError as error:
        if (command := guessed_command(table)) is None:
            raise
        raise UnknownLogError(f"{error}. Perhaps: {command}") from None


def _holds_arrays(path: Path) -> bool:
    """Whether the first file in a zip archive is an array of numpy's, as in .npz."""
    head = whole_file(path)[:1000]
    return head[30 : 30 + int.from_bytes(head[26:28], "little")].endswith(b".npy")


def _is_json(head: bytes) -> bool:
    """Whether text that begins with a bracket is JSON, and not a log line such as [rank0]: …"""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n[{")[:1] in (b'"', b"{", b"}", b"]")


def _read_json_lines(path: Path, options: ReadOptions) -> list[Log]:
    (rows, notes), sha256 = json_lines(path), hash_file(path)
    if not is_events(rows):
        return rows_log(path, sha256, rows, options, "JSON lines", notes)
    log = read_clearml_events(path, sha256, rows, options)
    return [replace(log, notes=(*log.notes, *notes))]


def _read_json(path: Path, options: ReadOptions) -> list[Log]:
    data, sha256 = file_bytes(path), hash_file(path)
    body = data.removeprefix(b"\xef\xbb\xbf").strip()
    first, _, rest = body.partition(b"\n")
    if rest.strip() and first[:1] + first.rstrip()[-1:] in (b"{}", b"[]"):
        return _read_json_lines(path, options)
    values = parse_json(path, data)
    if is_trainer_state(values):
        return [read_trainer_state(path, sha256, values, options)]
    if is_epfml(values):
        return [read_epfml(path, sha256, values, options)]
    if is_graph(values):
        return read_graph(path, sha256, values, options)
    if is_scalars(values):
        return [read_scalars(path, sha256, values, options)]
    if isinstance(values, list) and values:
        return rows_log(path, sha256, values, options, "JSON list")
    if path.name == "wandb-summary.json":
        raise DataError(
            f"{path} holds the last values of a run only: give its run-ID.wandb or "
            "wandb-history.jsonl"
        )
    if isinstance(values, dict) and "loss" in values and not isinstance(values["loss"], list):
        return rows_log(path, sha256, [values], options, "JSON lines")
    raise UnknownLogError(
        f"{path} is JSON, but no log that mplfit knows: expected a list of rows, a "
        "trainer_state.json (log_history), or a run with config and history"
    )


def _is_table(path: Path) -> bool:
    """Whether a file without a table's suffix is one: by its header's names, or its numbers."""
    try:
        table = open_table(path)
    except DataError:
        return False
    header = table.header
    known = [name for name in header if is_step(name) or is_loss(name) or is_rate(name)]
    return len(header) > 1 and (bool(known) or guessed_command(table) is not None)
