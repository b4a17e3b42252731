"""`Log`: one run as its file tells it, before anything is mended or chosen.

Every format's reader makes these; `mplfit.readers.finish` turns one into a `Curve`, by the same
rules for all formats.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mplfit.curve import NO_SIZE, RunSize
from mplfit.errors import DataError, printable
from mplfit.readers.source import file_bytes, refuse_special
from mplfit.schedule import Schedule
from mplfit.types import FloatArray

__all__ = [
    "Log",
    "Series",
    "UnknownLogError",
    "file_bytes",
    "hash_file",
    "refuse_special",
    "text_of",
]


class UnknownLogError(DataError):
    """A file of no known format: not a damaged log, but perhaps none at all."""


@dataclass(frozen=True, eq=False)
class Series:
    """Values beside the steps that the file gives them, in the file's order.

    counted : the file's step counts finished updates, so that the value belongs to the update
    step - 1; otherwise the step is the update's index.
    """

    step: FloatArray
    value: FloatArray
    counted: bool = False

    @classmethod
    def of(cls, step: Sequence[float], value: Sequence[float], *, counted: bool = False) -> Series:
        """A series from lists."""
        return cls(np.array(step, np.float64), np.array(value, np.float64), counted)

    @classmethod
    def empty(cls, *, counted: bool = False) -> Series:
        """A series without values."""
        return cls(np.empty(0), np.empty(0), counted)

    def __len__(self) -> int:
        return self.step.size


@dataclass(frozen=True, eq=False)
class Log:
    """One run as its file tells it.

    name : what to call the run.
    kind : the format, in words.
    path, sha256 : the file.
    beside : other files that the run was made from, as event files of before it was resumed.
    loss, rate : the losses asked for, and the logged learning rates.
    norm : the logged gradient norms.
    schedule : the schedule that the file's configuration gives, where it has one.
    total : the number of updates that the run was set to have, where the file tells it.
    begin : the rates of the first updates, where no row logs them but they are known.
    weight_decay : AdamW's, where the file has it.
    size : of the model and of an update, as far as the file has it.
    notes, warnings : what the reader assumed or dropped, and what looked odd to it.
    columns : what the file calls the loss and the rate.
    part : the value of the column that tells the runs of one file apart.
    no_rate : what to say where no rate and no schedule is known.
    also : other losses in the file that metric= could name.
    """

    name: str
    kind: str
    path: Path
    sha256: str
    loss: Series
    rate: Series
    schedule: Schedule | None = None
    weight_decay: float | None = None
    notes: tuple[str, ...] = ()
    no_rate: str = "no row logs a learning rate: give the run's schedule="
    also: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    columns: tuple[str, str] = ("the loss", "the learning rate")
    part: str = ""
    total: int | None = None
    begin: FloatArray | None = None
    size: RunSize = NO_SIZE
    norm: Series = field(default_factory=Series.empty)
    beside: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        for key in ("name", "kind"):
            object.__setattr__(self, key, printable(getattr(self, key)))
        for key in ("notes", "also", "warnings", "columns"):
            object.__setattr__(self, key, tuple(map(printable, getattr(self, key))))


def text_of(path: Path, data: bytes, expected: str) -> str:
    """The bytes as text, with or without a byte-order mark.

    Raises
    ------
    DataError
        If they are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file: expected {expected}") from None


def hash_file(path: Path) -> str:
    """SHA-256 of the file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
