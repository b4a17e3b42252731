"""Columns in files of arrays: numpy's .npz, and Parquet through the optional package pyarrow."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.csv_log import columns_logs
from mplfit.readers.log import Log, hash_file
from mplfit.readers.names import find_column, listed
from mplfit.readers.options import ReadOptions
from mplfit.readers.source import whole_file
from mplfit.types import FloatArray

__all__ = ["read_npz", "read_parquet"]


def read_npz(path: Path, options: ReadOptions) -> list[Log]:
    """The runs in the arrays of a .npz, each a column; those of another length are left out.

    Raises
    ------
    DataError
        If it is damaged, holds pickled objects, or has no column of steps or losses.
    """
    try:
        with np.load(io.BytesIO(whole_file(path)), allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
    except (ValueError, OSError, EOFError, KeyError, MemoryError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is no .npz of plain arrays, as numpy.savez writes it: {error}"
        ) from None
    flat = {name: array for name, array in arrays.items() if array.ndim == 1 and array.size}
    if not flat:
        raise DataError(f"{path} has no 1-D array: it has {listed(list(arrays))}")
    step = find_column(path, tuple(flat), "step", options.step_col) or ""
    alike = {name: array for name, array in flat.items() if array.size == flat[step].size}
    return _columns(path, alike, options, "npz")


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
