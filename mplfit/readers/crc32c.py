"""CRC-32C (Castagnoli) of many byte strings at once, in numpy.

The checksum is linear: zeros put in front of a message change nothing once its first four bytes
are inverted instead of the register's start. So messages of different lengths stand in one matrix,
right-aligned, and all advance together, one column at a time; a long message is cut into rows of
that matrix, whose checksums are then combined.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
import numpy.typing as npt

__all__ = ["crc32c", "crc32c_of", "masked"]

_POLYNOMIAL = 0x82F63B78
_WIDTH = 1024  # bytes a row


def _table() -> npt.NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & np.uint32(1), _POLYNOMIAL, 0).astype(
            np.uint32
        )
    return table


_TABLE = _table()
_LIST = _TABLE.tolist()
_FEW = 4096  # bytes that a plain loop is quicker for


def crc32c(data: bytes) -> int:
    """The checksum of one message.

    >>> from mplfit.readers.crc32c import crc32c
    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    array = np.frombuffer(data, np.uint8)
    return int(crc32c_of(array, np.array([0]), np.array([array.size]))[0])


def crc32c_of(
    data: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint32]:
    """The checksums of the messages data[start : start + length]."""
    result = np.zeros(start.size, dtype=np.uint32)
    if length.sum() <= _FEW:
        for i in range(start.size):
            result[i] = _short(data[start[i] : start[i] + length[i]])
        return result
    for i in np.flatnonzero(length < 4).tolist():
        result[i] = _short(data[start[i] : start[i] + length[i]])
    long = np.flatnonzero(length > _WIDTH)
    result[long] = _long(data, start[long], length[long])
    # Groups of like width, so that few zeros are carried along.
    width = 32
    while width <= _WIDTH:
        chosen = np.flatnonzero((length >= max(4, width // 2 + 1)) & (length <= width))
        if width == 32:
            chosen = np.flatnonzero((length >= 4) & (length <= 32))
        for part in np.array_split(chosen, max(1, chosen.size * width // (1 << 24))):
            if part.size:
                result[part] = ~_advance(_aligned(data, start[part], length[part]))
        width *= 2
    return result


def masked(crc: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The checksums as TensorFlow's records store them: rotated by 15 bits, plus a constant."""
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)


def _aligned(
    data: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """One column a message, its end in the last row, zeros before it, its first bytes inverted."""
    width = int(length.max())
    rows = np.empty((width, start.size), dtype=np.uint8)
    offset = start + length - width
    for row in range(width):
        at = offset + row
        byte = data[np.maximum(at, 0)]
        byte = np.where(at < start, 0, byte)
        rows[row] = np.where((at >= start) & (at < start + 4), byte ^ np.uint8(255), byte)
    return rows


def _advance(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    crc = np.zeros(rows.shape[1], dtype=np.uint32)
    for row in rows:
        crc = _TABLE[(crc ^ row) & np.uint32(255)] ^ (crc >> np.uint32(8))
    return crc


def _short(data: npt.NDArray[np.uint8]) -> np.uint32:
    crc = 0xFFFFFFFF
    for byte in data.tolist():
        crc = _LIST[(crc ^ byte) & 255] ^ (crc >> 8)
    return np.uint32(crc ^ 0xFFFFFFFF)


def _long(
    data: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
) -> list[int]:
    """Rows of `_WIDTH` bytes, right-aligned, advanced together and combined in order."""
    messages = []
    for first, size in zip(start.tolist(), length.tolist(), strict=True):
        padded = np.zeros(-(-size // _WIDTH) * _WIDTH, dtype=np.uint8)
        padded[padded.size - size :] = data[first : first + size]
        padded[padded.size - size : padded.size - size + 4] ^= np.uint8(255)
        messages.append(padded.reshape(-1, _WIDTH))
    if not messages:
        return []
    lanes = [table.tolist() for table in _skips()]
    parts = iter(_advance(np.ascontiguousarray(np.concatenate(messages).T)).tolist())
    results = []
    for message in messages:
        crc = 0
        for part in islice(parts, len(message)):
            crc = (
                lanes[0][crc & 255]
                ^ lanes[1][crc >> 8 & 255]
                ^ lanes[2][crc >> 16 & 255]
                ^ lanes[3][crc >> 24]
                ^ part
            )
        results.append(crc ^ 0xFFFFFFFF)
    return results


def _skips() -> list[npt.NDArray[np.uint32]]:
    """What `_WIDTH` zero bytes make of a register: one table for each of its bytes."""
    tables = []
    for lane in range(4):
        crc = np.arange(256, dtype=np.uint32) << np.uint32(8 * lane)
        for _ in range(_WIDTH):
            crc = _TABLE[crc & np.uint32(255)] ^ (crc >> np.uint32(8))
        tables.append(crc)
    return tables
