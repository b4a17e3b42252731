"""Columns in files of arrays: numpy's .npz, and Parquet through the optional package pyarrow."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mplfit.errors import DataError, ScheduleError
from mplfit.readers.csv_log import columns_logs
from mplfit.readers.log import Log, UnknownLogError, hash_file
from mplfit.readers.names import find_column, is_step, listed
from mplfit.readers.options import ReadOptions
from mplfit.readers.source import whole_file
from mplfit.schedule import Schedule
from mplfit.types import FloatArray

__all__ = ["read_npz", "read_parquet"]


# What numpy and zipfile raise for damaged files, of which some look encrypted or as of later zips.
_BROKEN = (
    ValueError, OSError, EOFError, KeyError, MemoryError, NotImplementedError, RuntimeError,
    OverflowError, SyntaxError, TypeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip


def read_npz(path: Path, options: ReadOptions) -> list[Log]:
    """The runs in the arrays of a .npz: each a column, or NAME/step, NAME/lr, … for each run.

    Raises
    ------
    DataError
        If it is damaged, holds pickled objects, or has no column of steps or losses.
    """
    try:
        with np.load(io.BytesIO(whole_file(path)), allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
    except _BROKEN as error:
        raise DataError(
            f"{path} is no .npz of plain arrays, as numpy.savez writes it: {str(error)[:80]}"
        ) from None
    flat = {name: array for name, array in arrays.items() if array.ndim == 1 and array.size}
    if not flat:
        raise UnknownLogError(f"{path} has no 1-D array: it has {listed(list(arrays))}")
    runs: dict[str, dict[str, np.ndarray[Any, Any]]] = {}  # of NAME/step, NAME/lr, NAME/loss
    for name, array in flat.items():
        run, _, key = name.rpartition("/")
        runs.setdefault(run, {})[key] = array
    if "" in runs or not all(any(map(is_step, own)) for own in runs.values()):
        return _of_arrays(path, flat, options)
    constants = {
        name: array for name, array in arrays.items() if not array.ndim and array.dtype.kind in "if"
    }
    return [
        replace(log, name=run, part=run)
        for run, own in runs.items()
        for log in _of_arrays(path, {**own, **constants}, options)
    ]


def _of_arrays(
    path: Path, arrays: dict[str, np.ndarray[Any, Any]], options: ReadOptions
) -> list[Log]:
    """Arrays of one length with the steps, and one number for a whole run; rates may be those of
    every update, and are then the schedule."""
    step = find_column(path, tuple(arrays), "step", options.step_col) or ""
    size = arrays[step].size
    alike = {
        name: np.full(size, array) if not array.ndim else array
        for name, array in arrays.items()
        if not array.ndim or array.size == size
    }
    rate = find_column(path, tuple(arrays), "lr", options.lr_col, needed=False)
    logs = _columns(path, alike, options, "npz")
    if rate is None or arrays[rate].size <= size:
        return logs
    try:
        schedule = Schedule(arrays[rate])
    except ScheduleError as error:
        raise DataError(f"{path}: {rate!r} has a rate for every update, but {error}") from None
    note = f"{rate} has the rate of every update: it is the schedule"
    return [replace(log, schedule=schedule, notes=(*log.notes, note)) for log in logs]


def read_parquet(path: Path, options: ReadOptions) -> list[Log]:
    """The runs in a Parquet file.

    Raises
    ------
    DataError
        If pyarrow is not installed, or the file or its columns cannot be used.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            f"{path} is Parquet: install the package pyarrow (pip install 'mplfit[parquet]'), or "
            "write it as csv first: pandas.read_parquet(FILE).to_csv('run.csv', index=False)"
        ) from None
    try:
        table = parquet.read_table(io.BytesIO(whole_file(path)))
        columns = {name: _array(table.column(name)) for name in table.column_names}
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path} is damaged, or no Parquet: {str(error)[:80]}") from None
    return _columns(path, columns, options, "Parquet")


def _array(column: Any) -> np.ndarray[Any, Any]:
    return np.asarray(column.to_numpy())


def _columns(
    path: Path, columns: dict[str, np.ndarray[Any, Any]], options: ReadOptions, kind: str
) -> list[Log]:
    def values(names: Sequence[str]) -> list[FloatArray]:
        return [_numbers(path, name, columns[name]) for name in names]

    def texts(names: Sequence[str]) -> list[list[str]]:
        return [["" if cell is None else str(cell) for cell in columns[name]] for name in names]

    make: Callable[..., list[Log]] = columns_logs
    return make(path, tuple(columns), values, texts, hash_file(path), options, kind)


def _numbers(path: Path, name: str, column: np.ndarray[Any, Any]) -> FloatArray:
    if column.dtype == object:
        column = np.array([np.nan if cell is None else cell for cell in column])
    if column.dtype.kind not in "iuf":
        raise DataError(f"{path}: {name!r} should hold numbers, got {column.dtype}")
    return column.astype(np.float64)
