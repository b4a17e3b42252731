"""The content of files: plain or compressed (gzip, Zstandard), in UTF-8 or, marked so, UTF-16."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from mplfit.errors import DataError

__all__ = [
    "file_bytes",
    "file_head",
    "first_bytes",
    "is_plain",
    "log_stem",
    "log_suffix",
    "open_text",
    "refuse_special",
    "whole_file",
]

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_COMPRESSED = (".gz", ".zst")
_NO_TEXT = "{} is not a text file in UTF-8: expected comma-separated columns, such as step,lr,loss"
# What other software writes, and how it becomes a file that is read here.
_CONVERTED = (
    (b"\x93NUMPY", "a numpy array", "numpy.savetxt('run.csv', ARRAY, delimiter=',', header=…)"),
    (b"PK\x03\x04", "a zip archive (as .xlsx is)", "pandas.read_excel(FILE).to_csv('run.csv')"),
)


def log_suffix(path: Path) -> str:
    """The suffix in small letters, without that of a compression: .csv of run.CSV.gz."""
    return _uncompressed(path).suffix.lower()


def log_stem(path: Path) -> str:
    """The file's name without its suffixes: run of run.csv.gz."""
    return _uncompressed(path).stem


def is_plain(path: Path) -> bool:
    """Whether a file's bytes are its text: it is not compressed, and not UTF-16."""
    refuse_special(path)
    with _reading(path), path.open("rb") as file:
        return not file.read(4).startswith((_GZIP, _ZSTD, *_UTF16))


def file_bytes(path: Path) -> bytes:
    """The file's content as bytes, uncompressed, and in UTF-8 if it is text in UTF-16.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    return file_head(path, -1)


def file_head(path: Path, size: int) -> bytes:
    """The first `size` bytes of the content (all of them if -1); see `file_bytes`.

    Raises
    ------
    DataError
        If it cannot be read, is no regular file, or is of a format that is to be converted.
    """
    with _opened(path) as file:
        head: bytes = file.read(size)
    for mark, what, how in _CONVERTED:
        if head.startswith(mark):
            raise DataError(f"{path} is not a text file but {what}: write it as csv first: {how}")
    if not head.startswith(_UTF16):
        return head
    if size > 0:
        return head[: len(head) // 2 * 2].decode("utf-16", "replace").encode()
    try:
        return head.decode("utf-16").encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise DataError(_NO_TEXT.format(path)) from None


def first_bytes(path: Path) -> bytes:
    """Some bytes that tell binary formats apart, uncompressed.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    with _opened(path) as file:
        mark: bytes = file.read(8)
    return mark


def whole_file(path: Path) -> bytes:
    """The file's bytes, uncompressed, whatever they are.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    with _opened(path) as file:
        data: bytes = file.read()
    return data


def refuse_special(path: Path) -> None:
    """Refuse pipes, sockets and devices: to read one may block for ever, or never end.

    Raises
    ------
    DataError
        If the path is such a file.
    """
    try:
        special = path.exists() and not (path.is_file() or path.is_dir())
    except (OSError, ValueError):
        return  # whoever opens it says why it cannot be
    if special:
        raise DataError(
            f"{path} is no regular file but a pipe, a socket or a device, which cannot be read "
            "twice: copy what it gives to a file first"
        )


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """The content as text, line ends as they are.

    Raises
    ------
    DataError
        If it cannot be read, or is not text.
    """
    with _opened(path) as file:
        mark = file.read(2)
        file.seek(0)
        code = "utf-16" if mark in _UTF16 else "utf-8-sig"
        with io.TextIOWrapper(file, encoding=code, newline="") as text:
            try:
                yield text
            except UnicodeDecodeError:
                raise DataError(_NO_TEXT.format(path)) from None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The uncompressed content, as a file that can be read from its start again."""
    refuse_special(path)
    with _reading(path):
        if path.is_dir():
            raise DataError(f"{path} is a folder: expected a file with comma-separated columns")
        with path.open("rb") as file:
            mark = file.read(4)
            file.seek(0)
            if mark.startswith(_GZIP):
                with gzip.open(file) as inner:
                    yield cast("IO[bytes]", inner)
            elif mark.startswith(_ZSTD):
                yield io.BytesIO(_from_zstd(path, file))
            else:
                yield file


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged or cut short: {error}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


def _from_zstd(path: Path, file: IO[bytes]) -> bytes:
    try:
        import zstandard
    except ImportError:
        raise DataError(
            f"{path} is compressed with Zstandard: install the package zstandard "
            "(pip install 'mplfit[zst]'), or unpack the file first"
        ) from None
    data, left = [], file.read()
    try:
        while left:  # frame by frame, because a frame that has no end must be noticed
            frame = zstandard.ZstdDecompressor().decompressobj()
            data.append(frame.decompress(left))
            if not frame.eof:
                raise DataError(f"{path} is damaged or cut short: its last frame has no end")
            left = frame.unused_data
    except zstandard.ZstdError as error:
        raise DataError(f"{path} is damaged or cut short: {error}") from None
    return b"".join(data)


def _uncompressed(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() in _COMPRESSED else path
