"""TensorBoard's event files: the scalars in them, read without TensorFlow or TensorBoard.

A file is a sequence of records: length (uint64), masked CRC-32C of the length, data, masked CRC-32C
of the data. The data is a protobuf message `Event`: wall_time = 1, step = 2, summary = 5, in which
`Summary.Value` has tag = 1, simple_value = 2 (float) or tensor = 8. Both checksums of every record
are checked; the last record may be cut short, as in the file of a run that is still going.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mplfit.errors import DataError
from mplfit.readers.crc32c import crc32c, crc32c_of, masked
from mplfit.types import FloatArray

__all__ = ["Scalars", "is_event_file", "read_scalars"]

_FRAME = 16  # bytes of a record besides its data
_STRING = 7  # DT_STRING
_TENSOR_TYPES = {1: "<f4", 2: "<f8"}  # DT_FLOAT, DT_DOUBLE


@dataclass(frozen=True)
class Scalars:
    """The scalars of a file by tag (steps and values in its order), and what was dropped.

    texts : the first text of each tag that has some, as of a run's settings.
    """

    by_tag: dict[str, tuple[FloatArray, FloatArray]]
    cut: int  # bytes of a last record that is not whole
    other: tuple[str, ...]  # tags with values that are no numbers
    texts: dict[str, str] = field(default_factory=dict)


def is_event_file(head: bytes) -> bool:
    """Whether a file that begins so is one of records: its first length has the right checksum."""
    if len(head) < 12:
        return False
    crc = masked(np.array([crc32c(head[:8])], np.uint32))[0]
    return bool(crc == struct.unpack_from("<I", head, 8)[0])


def read_scalars(path: Path, data: bytes) -> Scalars:
    """Every scalar in an event file.

    Raises
    ------
    DataError
        If a checksum or a message is wrong.
    """
    start, length, cut = _records(path, data)
    _check(path, data, start, length)
    steps: list[int] = []
    tags: list[int] = []
    values: list[float] = []
    offsets: list[int] = []  # of float32 values, read together at the end; -1 where in `values`
    names: dict[str, int] = {}
    other: dict[str, str] = {}
    shapes: dict[bytes, int] = {}  # an event up to its last value → its tag
    try:
        for begin, size in zip(start.tolist(), length.tolist(), strict=True):
            end = begin + size
            after, step = _step(data, begin, end)
            if after:
                tag = shapes.get(data[after : end - 4])
                if tag is not None:
                    steps.append(step)
                    tags.append(tag)
                    offsets.append(end - 4)
                    values.append(0.0)
                    continue
            step, found = _event(data, begin, end)
            for name, value, offset in found:
                if not isinstance(value, float):
                    other.setdefault(name, value)
                    continue
                tag = names.setdefault(name, len(names))
                steps.append(step)
                tags.append(tag)
                offsets.append(offset)
                values.append(value)
            if after and len(found) == 1 and found[0][2] == end - 4:
                shapes[data[after : end - 4]] = names[found[0][0]]
    except (IndexError, struct.error, UnicodeDecodeError, ValueError, OverflowError):
        raise DataError(
            f"{path}: a record is not an event of TensorBoard, although its checksum is right"
        ) from None
    value_array, offset_array = np.array(values, np.float64), np.array(offsets, np.int64)
    plain = np.flatnonzero(offset_array >= 0)
    if plain.size:
        raw = np.frombuffer(data, np.uint8)[offset_array[plain, None] + np.arange(4)]
        value_array[plain] = np.ascontiguousarray(raw).view("<f4").ravel()
    step_array, tag_array = np.array(steps, np.float64), np.array(tags, np.int64)
    order = np.argsort(tag_array, kind="stable")
    cuts = np.searchsorted(tag_array[order], np.arange(1, len(names)))
    by_tag = {
        name: (step_array[mine], value_array[mine])
        for name, mine in zip(names, np.split(order, cuts), strict=False)
    }
    others = tuple(name for name in other if name not in names)
    return Scalars(by_tag, cut, others, {name: text for name, text in other.items() if text})


def _records(path: Path, data: bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    starts, lengths, at, total = [], [], 0, len(data)
    length_at = struct.Struct("<Q").unpack_from
    while at + _FRAME <= total:
        (length,) = length_at(data, at)
        if at + _FRAME + length > total:
            break
        starts.append(at + 12)
        lengths.append(length)
        at += _FRAME + length
    if total - at >= 12 and not is_event_file(data[at : at + 12]):
        raise DataError(
            f"{path}: the record at byte {at} has a wrong checksum of its length: the file is "
            "damaged, or not an event file"
        )
    if not starts:
        raise DataError(f"{path} is an event file without a whole record: has the run begun?")
    return np.array(starts, np.int64), np.array(lengths, np.int64), total - at


def _check(
    path: Path, data: bytes, start: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
) -> None:
    array = np.frombuffer(data, np.uint8)

    def stored(at: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
        raw = np.ascontiguousarray(array[at[:, None] + np.arange(4)])
        words: npt.NDArray[np.uint32] = raw.view("<u4").ravel()
        return words

    eight = np.full(start.size, 8)
    wrong = masked(crc32c_of(array, start - 12, eight)) != stored(start - 4)
    wrong |= masked(crc32c_of(array, start, length)) != stored(start + length)
    if wrong.any():
        at = int(start[wrong.argmax()]) - 12
        raise DataError(
            f"{path}: {int(wrong.sum())} of {start.size} records have a wrong checksum (the first "
            f"at byte {at}): the file is damaged; copy it again"
        )


def _step(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Past wall_time and step, where an event begins with them as writers do; else (0, 0)."""
    if end - at < 12 or data[at] != 0x09 or data[at + 9] != 0x10:
        return 0, 0
    step = shift = 0
    for place in range(at + 10, min(at + 20, end - 4)):
        byte = data[place]
        step |= (byte & 127) << shift
        if byte < 128:
            return place + 1, step - (1 << 64) if step >> 63 else step
        shift += 7
    return 0, 0


def _event(data: bytes, at: int, end: int) -> tuple[int, list[tuple[str, float | str, int]]]:
    """The step of an event and its values: (tag, value, offset of a float32 or -1)."""
    step, found = 0, []
    for key, value, begin, stop in _fields(data, at, end):
        if key == (2, 0):
            step = value - (1 << 64) if value >> 63 else value
        elif key == (5, 2):
            for inner, _, first, last in _fields(data, begin, stop):
                if inner == (1, 2):
                    found.append(_summary_value(data, first, last))
    return step, found


def _summary_value(data: bytes, at: int, end: int) -> tuple[str, float | str, int]:
    name, offset = "", -1
    value: float | str = ""
    for key, _, begin, stop in _fields(data, at, end):
        if key == (1, 2):
            name = data[begin:stop].decode()
        elif key == (2, 5):
            value, offset = struct.unpack_from("<f", data, begin)[0], begin
        elif key == (8, 2):
            value, offset = _tensor(data, begin, stop), -1
    return name, value, offset


def _tensor(data: bytes, at: int, end: int) -> float | str:
    """The number in a tensor of one float32 or float64, or its text; "" for anything else."""
    kind, parts = 0, []
    for (number, wire), value, begin, stop in _fields(data, at, end):
        if (number, wire) == (1, 0):
            kind = value
        elif number in (4, 5, 6) and wire:  # tensor_content, float_val, double_val
            parts.append(data[begin:stop])
        elif (number, wire) == (8, 2) and kind == _STRING:
            return data[begin:stop].decode("utf-8", "replace")
    content = b"".join(parts)
    dtype = _TENSOR_TYPES.get(kind)
    if dtype is None or len(content) != np.dtype(dtype).itemsize:
        return ""
    return float(np.frombuffer(content, dtype)[0])


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[tuple[int, int], int, int, int]]:
    """A message's fields: (number, wire type), value of a varint, first byte, byte after the last.

    A field of a known number and another wire type is an unknown field: its caller skips it.
    """
    while at < end:
        key, at = _varint(data, at, end)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, stop = _varint(data, at, end)
            yield (number, wire), value, at, stop
        else:
            if wire == 2:
                size, at = _varint(data, at, end)
            elif wire in (1, 5):
                size = 8 if wire == 1 else 4
            else:
                raise ValueError("a wire type that events do not have")
            stop = at + size
            if stop > end:
                raise IndexError("a field beyond its message")
            yield (number, wire), 0, at, stop
        at = stop


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & ((1 << 64) - 1), at
        shift += 7
    raise IndexError("a number beyond its message")
