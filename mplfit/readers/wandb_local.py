"""W&B's own file of a run, `run-ID.wandb`, as it lies in `wandb/run-*/` and `wandb/offline-run-*/`.

After seven bytes (":W&B", 0xBEE1, a version) the file is a LevelDB log: blocks of 32 KiB of chunks,
each with a CRC-32 of its type and data, the length, and the type (1 a whole record, 2 to 4 its
first, middle and last chunk). A record is a protobuf message of which these fields are read:
history = 2 (HistoryRecord: item = 1, step = 2), config = 5 and run = 17 (RunRecord: run_id = 1,
config = 4, display_name = 8). Items have key = 1 or nested_key = 2 and value_json = 16. All
checksums are checked; the last record may be cut short, as in the file of a run that still goes on.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.configs import constants_in
from mplfit.readers.csv_log import columns_logs
from mplfit.readers.log import Log, UnknownLogError, file_bytes
from mplfit.readers.names import CALLS
from mplfit.readers.options import ReadOptions
from mplfit.readers.source import log_stem
from mplfit.types import FloatArray

__all__ = ["is_wandb", "read_wandb"]

_HEAD = b":W&B\xe1\xbe\x00"
_BLOCK, _CHUNK = 1 << 15, 7
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_TYPES = [zlib.crc32(bytes([kind])) for kind in range(5)]
_VALUE = b"\x82\x01"  # the tag of value_json
_NOTHING = float("nan")


@dataclass
class _Run:
    """What a file tells: rows by key (row numbers and JSON texts), the configuration, the name."""

    rows: int = 0
    columns: dict[str, tuple[list[int], list[bytes]]] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    cut: bool = False


def is_wandb(head: bytes) -> bool:
    """Whether a file that begins so is W&B's own."""
    return head.startswith(_HEAD[:4])


def read_wandb(paths: Sequence[Path], options: ReadOptions) -> list[Log]:
    """The run in these files: those of a run that was resumed have one name, and follow it.

    Raises
    ------
    DataError
        If a checksum or a message is wrong, or no row has the loss.
    """
    run, digest, notes = _Run(), hashlib.sha256(), []
    for path in paths:
        data = file_bytes(path)
        digest.update(data)
        _read(path, data, run)
        if run.cut:
            notes.append(f"the last record of {path.name} is cut short: dropped")
            run.cut = False
    path = paths[-1]
    if len(paths) > 1:
        notes.append(f"{len(paths)} files of the run read as one, the later rows winning")
    if not run.columns:
        raise UnknownLogError(f"{path} has no row of wandb.log")
    # A row's step stands in _step, which W&B writes itself, if at all, as the last of its items.
    header = tuple(sorted(run.columns, key=lambda name: name == "_step"))

    def values(names: Sequence[str]) -> list[FloatArray]:
        return [_numbers(path, name, run) for name in names]

    def texts(names: Sequence[str]) -> list[list[str]]:
        columns = []
        for name in names:
            cells = [""] * run.rows
            for row, text in zip(*run.columns[name], strict=True):
                cells[row] = text.decode("utf-8", "replace").strip('"')
            columns.append(cells)
        return columns

    (log, *others) = columns_logs(
        path, header, values, texts, digest.hexdigest(), options, "W&B run"
    )
    if others:  # a column that would tell runs apart, in the log of one
        raise DataError(f"{path} is the log of one run, but run_col= tells several apart in it")
    decay, size, rate = constants_in(run.config, "the run's configuration")
    warnings, no_rate = log.warnings, log.no_rate
    if "_step" in run.columns and np.any(np.diff(_numbers(path, "_step", run)) > 1):
        # W&B counts its calls one by one: the run gave it these steps.
        warnings = tuple(text for text in warnings if text != CALLS.format(where="_step"))
    if rate is not None:
        no_rate += f" (its configuration has the rate {rate:g}: was it constant?)"
    return [
        replace(
            log,
            name=run.name or log_stem(path).removeprefix("run-"),
            notes=(*notes, *log.notes),
            weight_decay=decay if log.weight_decay is None else log.weight_decay,
            size=log.size.over(size),
            beside=tuple(paths[:-1]),
            no_rate=no_rate,
            warnings=warnings,
        )
    ]


def _numbers(path: Path, name: str, run: _Run) -> FloatArray:
    """One number a row; NaN where a row has none, or something else than a number."""
    column = np.full(run.rows, _NOTHING)
    rows, texts = run.columns[name]
    try:
        column[rows] = np.array(texts, dtype=np.bytes_).astype(np.float64)
    except ValueError:  # some are texts, lists, true or null
        for row, text in zip(rows, texts, strict=True):
            column[row] = _number(text)
    return column


def _number(text: bytes) -> float:
    try:
        return float(json.loads(text)) if text[:1] not in b"[{tf" else _NOTHING
    except (ValueError, TypeError, OverflowError, RecursionError):
        return _NOTHING


def _read(path: Path, data: bytes, run: _Run) -> None:
    """Add what the file tells."""
    if data[: len(_HEAD)] != _HEAD:
        raise DataError(
            f"{path} begins with {data[:7]!r}: expected {_HEAD!r}, as W&B 0.10 and later write it"
        )
    places: dict[bytes, tuple[list[int], list[bytes]]] = {}  # an item's tag and key → its column
    for record in _records(path, data, run):
        try:
            _add(record, run, places)
        except (IndexError, ValueError, UnicodeDecodeError, RecursionError):
            raise DataError(
                f"{path}: a record is not one of W&B, although its checksum is right"
            ) from None


def _records(path: Path, data: bytes, run: _Run) -> Iterator[bytes]:
    at, total, parts = len(_HEAD), len(data), list[bytes]()
    head, crc32 = struct.Struct("<IHB").unpack_from, zlib.crc32
    while at + _CHUNK <= total:
        if _BLOCK - at % _BLOCK < _CHUNK:  # the rest of a block, too short for a chunk, is zeros
            at += _BLOCK - at % _BLOCK
            continue
        crc, length, kind = head(data, at)
        start, at = at + _CHUNK, at + _CHUNK + length
        body = data[start:at]
        fits = (start - _CHUNK) % _BLOCK + _CHUNK + length <= _BLOCK
        if at > total and fits:
            break
        if not (fits and _WHOLE <= kind <= _LAST and crc32(body, _TYPES[kind]) == crc):
            raise DataError(
                f"{path}: the checksum of the record at byte {start - _CHUNK} is wrong: the file "
                "is damaged"
            )
        if (kind in (_MIDDLE, _LAST)) != bool(parts):
            raise DataError(f"{path}: the record at byte {start - _CHUNK} lacks its beginning")
        if kind == _WHOLE:
            yield body
            continue
        parts.append(body)
        if kind == _LAST:
            yield b"".join(parts)
            parts.clear()
    run.cut = bool(parts) or at < total or at > total


def _add(record: bytes, run: _Run, places: dict[bytes, tuple[list[int], list[bytes]]]) -> None:
    at, total = 0, len(record)
    while at < total:
        number, wire, start, at = _field(record, at, total)
        if number == 2 and wire == 2:
            _add_row(record, start, at, run, places)
        elif number == 5 and wire == 2:
            _add_config(record, start, at, run)
        elif number == 17 and wire == 2:
            for inner, first, last in _fields(record, start, at):
                if inner == 4:
                    _add_config(record, first, last, run)
                elif inner == 8 or (inner == 1 and not run.name):
                    run.name = record[first:last].decode()


def _add_row(
    data: bytes,
    at: int,
    end: int,
    run: _Run,
    places: dict[bytes, tuple[list[int], list[bytes]]],
) -> None:
    """One call of wandb.log. Known short items are taken apart in place, others field by field."""
    row = run.rows
    run.rows += 1
    step = None
    while at < end:
        if data[at] == 10 and data[at + 1] < 128:  # an item of less than 128 bytes
            item = at + 2
            at = item + data[at + 1]
            value = item + 2 + data[item + 1]
            place = places.get(data[item:value])
            if (
                place is not None
                and at <= end
                and data[value : value + 2] == _VALUE
                and value + 3 + data[value + 2] == at
            ):
                place[0].append(row)
                place[1].append(data[value + 3 : at])
                continue
            at = item - 2
        number, wire, start, stop = _field(data, at, end)
        if number == 1 and wire == 2:
            names, text, head = _item(data, start, stop)
            column = run.columns.setdefault(".".join(names), ([], []))
            column[0].append(row)
            column[1].append(text)
            if head:
                places[head] = column
        elif number == 2 and wire == 2:
            step = [_varint(data, first)[0] for key, first, _ in _fields(data, start, stop) if key]
        at = stop
    steps = run.columns.get("_step")
    if step is not None and (steps is None or not steps[0] or steps[0][-1] != row):
        column = run.columns.setdefault("_step", ([], []))
        column[0].append(row)
        column[1].append(b"%d" % (step[0] if step else 0))


def _item(data: bytes, at: int, end: int) -> tuple[list[str], bytes, bytes]:
    """The names (several where nested), the JSON text, and the tag and key if there is one name."""
    names, text, first = [], b"", at
    for number, start, stop in _fields(data, at, end):
        if number in (1, 2):
            names.append(data[start:stop].decode())
            first = stop
        elif number == 16:
            text = data[start:stop]
    if not names:
        raise ValueError
    short = len(names) == 1 and data[at] in (10, 18) and first - at < 128
    return names, text, data[at:first] if short else b""


def _add_config(data: bytes, at: int, end: int, run: _Run) -> None:
    for number, start, stop in _fields(data, at, end):
        if number == 1:
            names, text, _ = _item(data, start, stop)
            inner = run.config
            for name in names[:-1]:
                inner = inner.setdefault(name, {})
                if not isinstance(inner, dict):
                    raise ValueError
            inner[names[-1]] = json.loads(text)


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The fields of a message: number, and where the value begins and ends."""
    while at < end:
        number, _, start, at = _field(data, at, end)
        yield number, start, at


def _field(data: bytes, at: int, end: int) -> tuple[int, int, int, int]:
    """A field's number and wire type, and where its value begins and ends."""
    key, start = data[at], at + 1
    if key > 127:
        key, start = _varint(data, at)
    wire = key & 7
    if wire == 2:
        size, start = data[start], start + 1
        if size > 127:
            size, start = _varint(data, start - 1)
        stop = start + size
    elif wire == 0:
        _, stop = _varint(data, start)
    elif wire in (1, 5):
        stop = start + (8 if wire == 1 else 4)
    else:
        raise ValueError
    if stop > end:
        raise ValueError
    return key >> 3, wire, start, stop


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError
