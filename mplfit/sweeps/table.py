"""A sweep: many runs, each with its rate, its final loss, and the setting that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from mplfit.errors import DataError
from mplfit.types import BoolArray, FloatArray, IntArray, MaybeNaNArray, Record, TableColumn

__all__ = ["HUGE", "Setting", "SweepTable", "Value", "groups_of", "label"]

Value: TypeAlias = str | float
"""A value of a column: numbers are floats, everything else is text."""

HUGE = 1000.0
"""A loss above so many times the smallest of its setting is that of a diverged run."""


@dataclass(frozen=True, eq=False)
class SweepTable(Record):
    """Runs of a sweep, one a row.

    lr, loss : shape (n,); a loss that is NaN or infinite is that of a diverged run.
    columns : what tells settings apart, shape (n,) each: float64, or text as objects.
    groups : the columns that make a setting; every other of `columns` is constant within one.
    sizes : the columns that are sizes (width, depth, parameters, horizon, …).
    seed : shape (n,), or None where repeated rows tell no seed.
    setter : the one of `columns` that sets the rate within a setting (a scaling exponent), or None.
    notes : what was assumed, found or dropped in reading, for the user.

    Raises
    ------
    DataError
        If shapes differ, there is no run, a rate is not positive, or a finite loss is not.
    """

    lr: FloatArray
    loss: MaybeNaNArray
    columns: Mapping[str, TableColumn] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    seed: TableColumn | None = None
    setter: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lr, loss = (np.asarray(values, dtype=np.float64) for values in (self.lr, self.loss))
        object.__setattr__(self, "lr", lr)
        object.__setattr__(self, "loss", loss)
        super().__post_init__()
        if lr.ndim != 1 or lr.size == 0:
            raise DataError("a sweep needs at least one run, got none")
        if any(len(values) != lr.size for values in (loss, *self.columns.values())):
            raise DataError("the columns of a sweep must all have one value a run")
        wrong = ~(np.isfinite(lr) & (lr > 0))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"run {row + 1} of the sweep has the learning rate {lr[row]:g}: rates must be "
                "positive numbers (choose the column with lr=)"
            )
        low = np.isfinite(loss) & (loss <= 0)
        if low.any():
            row = int(np.flatnonzero(low)[0])
            raise DataError(
                f"run {row + 1} of the sweep has the loss {loss[row]:g}: losses must be positive "
                "(choose the column with loss=)"
            )
        for name in (*self.groups, *self.sizes, *([self.setter] if self.setter else [])):
            if name not in self.columns:
                raise DataError(f"the sweep has no column {name!r}: it has {_names(self.columns)}")

    def __len__(self) -> int:
        return int(self.lr.size)


@dataclass(frozen=True, eq=False)
class Setting:
    """The runs of one setting, by rate.

    key : the values of the grouping columns; `sizes` : those of the size columns.
    lr : shape (m,), rising. mean : shape (m,), the mean loss of the rate's runs, +inf where one
    diverged. count, diverged : shape (m,), its finished and its diverged runs.
    rate, loss : shape (r,), the index into `lr` and the loss of every run that did not diverge.
    """

    key: Mapping[str, Value]
    sizes: Mapping[str, float]
    lr: FloatArray
    mean: FloatArray
    count: IntArray
    diverged: IntArray
    rate: IntArray
    loss: FloatArray

    @property
    def name(self) -> str:
        """The setting in words: ``width=256, depth=2``."""
        return label(self.key)

    @property
    def usable(self) -> BoolArray:
        """The rates at which every run finished."""
        return np.isfinite(self.mean)


def label(key: Mapping[str, Value]) -> str:
    """A setting in words.

    >>> from mplfit.sweeps.table import label
    >>> label({"use_mup": "True", "width": 256.0})
    'use_mup=True, width=256'
    """
    return ", ".join(f"{name}={_text(value)}" for name, value in key.items()) or "all runs"


def groups_of(table: SweepTable) -> list[Setting]:
    """The settings of a sweep, in the order of their keys.

    A run with a loss above `HUGE` times the smallest of its setting has diverged too. The order of
    the rows does not matter: the losses of a rate are sorted before they are added up.

    >>> from mplfit.sweeps.table import SweepTable, groups_of
    >>> group, = groups_of(SweepTable([0.1, 0.1, 0.2], [3.0, 2.0, float("nan")]))
    >>> group.lr.tolist(), group.mean.tolist(), group.diverged.tolist()
    ([0.1, 0.2], [2.5, inf], [0, 1])
    """
    codes, keys = _codes(table)
    lr_values, lr_code = np.unique(table.lr, return_inverse=True)
    order = np.lexsort((table.loss, lr_code, codes))
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    ends = np.append(starts[1:], order.size)
    made = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        rows = order[start:end]
        made.append(_group(table, rows, keys[number], lr_values, lr_code))
    return made


def _group(
    table: SweepTable,
    rows: IntArray,
    key: dict[str, Value],
    lr_values: FloatArray,
    lr_code: IntArray,
) -> Setting:
    used, place = np.unique(lr_code[rows], return_inverse=True)
    loss = table.loss[rows]
    finite = np.isfinite(loss)
    if finite.any():
        finite &= loss <= HUGE * loss[finite].min()
    count = np.bincount(place[finite], minlength=used.size)
    lost = np.bincount(place[~finite], minlength=used.size)
    total = np.bincount(place[finite], weights=loss[finite], minlength=used.size)
    mean = np.where(lost > 0, np.inf, total / np.maximum(count, 1))
    sizes = {name: float(table.columns[name][rows[0]]) for name in table.sizes}
    return Setting(key, sizes, lr_values[used], mean, count, lost, place[finite], loss[finite])


def _codes(table: SweepTable) -> tuple[IntArray, list[dict[str, Value]]]:
    """A number for the setting of every row, in the order of the keys, and the keys."""
    if not table.groups:
        return np.zeros(len(table), dtype=np.int64), [{}]
    inverses, values = [], []
    for name in table.groups:
        unique, inverse = np.unique(table.columns[name], return_inverse=True)
        values.append(unique)
        inverses.append(inverse)
    rows, codes = np.unique(np.stack(inverses, axis=1), axis=0, return_inverse=True)
    keys = [
        {
            name: _plain(unique[at])
            for name, unique, at in zip(table.groups, values, row, strict=True)
        }
        for row in rows
    ]
    return codes.ravel().astype(np.int64), keys


def _plain(value: Any) -> Value:
    return value if isinstance(value, str) else float(value)


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:g}"


def _names(columns: Mapping[str, object]) -> str:
    return ", ".join(list(columns)[:8]) or "none"
