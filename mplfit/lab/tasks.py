"""What the lab trains on: batches, a function of seed and step alone, and fixed held-out data.

As a batch depends on nothing but the seed and the step, runs of one seed see the same data in the
same order whatever their schedule, and a resumed run needs no generator's state.
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import numpy as np

from mplfit.errors import DataError
from mplfit.lab.model import Batch
from mplfit.lab.ops import Array
from mplfit.types import Record

__all__ = ["TASKS", "AnyTask", "IclRegression", "Range", "Task", "Text"]

_EVERY = 16  # one file in so many is held out
_SKIPPED = {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test"}
_HELD_OUT = 2**31  # a stream that is no run's seed


class Task(Protocol):
    """A source of batches; frozen, and cheap to send to another process."""

    @property
    def key(self) -> str:
        """What commands call it."""

    @property
    def vocabulary(self) -> int:
        """Kinds of token; 0 for real numbers."""

    @property
    def block(self) -> int:
        """The length of a sequence."""

    def batch(self, seed: int, step: int, sequences: int) -> Batch:
        """The batch of an update."""

    def held_out(self, sequences: int) -> Batch:
        """Fixed data that no update sees, the same for all seeds."""

    def most_steps(self, sequences: int) -> int | None:
        """How many updates the data suffice for; None where they have no end."""


Range: TypeAlias = float | tuple[float, float]
"""± a number, or a low and a high end."""


@dataclass(frozen=True, eq=False)
class IclRegression(Record):
    """In-context linear regression: x0 y0 x1 y1 … with y = a x + b, a and b new in each sequence.

    x, a and b are uniform in their ranges, each ± a number or from a low end to a high one. An odd
    block leaves out the last y, which nothing is learned from: 2 n - 1 for n shots. The loss is the
    mean |error| of the output at every x, which is to be its y.
    """

    key: Literal["icl-regression"] = field(default="icl-regression", metadata={"key": "task"})
    block: int = 32
    x_range: Range = 1.0
    a_range: Range = 1.0
    b_range: Range = 1.0
    vocabulary = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.block < 2:
            raise DataError(f"a block holds an x and a y or more, got a length of {self.block}")
        for name in ("x_range", "a_range", "b_range"):
            low, high = _ends(getattr(self, name))
            if not -np.inf < low < high < np.inf:
                raise DataError(
                    f"{name} must be positive, or a low end and a higher one, got "
                    f"{getattr(self, name)}"
                )

    def batch(self, seed: int, step: int, sequences: int) -> Batch:
        rng = np.random.default_rng([seed, 1, step])
        pairs = (self.block + 1) // 2
        a = rng.uniform(*_ends(self.a_range), (sequences, 1))
        b = rng.uniform(*_ends(self.b_range), (sequences, 1))
        x = rng.uniform(*_ends(self.x_range), (sequences, pairs))
        y = a * x + b
        inputs = np.stack([x, y], axis=2).reshape(sequences, -1)[:, : self.block]
        targets = np.stack([y, y], axis=2).reshape(sequences, -1)[:, : self.block]
        counted = np.tile([1.0, 0.0], (sequences, pairs))[:, : self.block]
        return Batch(inputs, targets, counted)

    def held_out(self, sequences: int) -> Batch:
        return self.batch(_HELD_OUT, 0, sequences)

    def most_steps(self, sequences: int) -> int | None:
        return None


@dataclass(frozen=True, eq=False)
class Text(Record):
    """A byte-level language model on a file or the files of a folder, read once.

    path : the text; None for the Python standard library's own sources (without its tests) of the
    running interpreter. The bytes are cut into blocks, which come in an order that the seed sets;
    none comes twice. One file in 16 is held out (of a single file: its last sixteenth).
    """

    key: Literal["text"] = field(default="text", metadata={"key": "task"})
    block: int = 64
    path: str | None = None
    vocabulary = 256

    def batch(self, seed: int, step: int, sequences: int) -> Batch:
        data, order = self._corpus[0], _order(seed, self._blocks)
        if (step + 1) * sequences > self._blocks:
            raise DataError(
                f"the text has {self._blocks:,} blocks of {self.block} bytes, enough for "
                f"{self.most_steps(sequences):,} updates of {sequences}: give more text, fewer "
                "steps, or a smaller batch"
            )
        chosen = order[step * sequences : (step + 1) * sequences]
        return _cut(data, chosen * self.block, self.block)

    def held_out(self, sequences: int) -> Batch:
        data = self._corpus[1]
        last = (data.size - 1) // self.block
        if last < sequences:
            raise DataError(
                f"the held-out text has {last} blocks of {self.block} bytes, but {sequences} are "
                "to be evaluated: give more text, or fewer eval_sequences="
            )
        chosen = np.linspace(0, last - 1, sequences).astype(np.int64)
        return _cut(data, chosen * self.block, self.block)

    def most_steps(self, sequences: int) -> int | None:
        return self._blocks // sequences

    @property
    def sha256(self) -> str:
        """Of the training and the held-out bytes: the same text gives the same curves."""
        digest = hashlib.sha256()
        for part in self._corpus:
            digest.update(part.tobytes())
        return digest.hexdigest()

    @property
    def _corpus(self) -> tuple[Array, Array]:
        return _read(self.path, self.block)

    @property
    def _blocks(self) -> int:
        return (self._corpus[0].size - 1) // self.block


AnyTask: TypeAlias = IclRegression | Text
TASKS = {"icl-regression": IclRegression, "text": Text}


def _ends(given: Range) -> tuple[float, float]:
    return given if isinstance(given, tuple) else (-given, given)


def _cut(data: Array, starts: Array, block: int) -> Batch:
    at = starts[:, None] + np.arange(block + 1)
    tokens = data[at].astype(np.int64)
    return Batch(tokens[:, :-1], tokens[:, 1:])


@lru_cache(maxsize=4)
def _order(seed: int, blocks: int) -> Array:
    return np.random.default_rng([seed, 1]).permutation(blocks)


@lru_cache(maxsize=2)
def _read(path: str | None, block: int) -> tuple[Array, Array]:
    """Training and held-out bytes."""
    root = Path(sysconfig.get_path("stdlib")) if path is None else Path(path)
    if root.is_dir():
        files = [file.read_bytes() for file in _files(root, ".py" if path is None else "")]
    elif root.is_file():
        data = root.read_bytes()
        cut = len(data) - len(data) // _EVERY
        # So that the one file in 16 below is the last piece.
        files = [b""] * (_EVERY - 2) + [data[:cut], data[cut:]]
    else:
        raise DataError(f"the text {root} does not exist: expected a file or a folder of files")
    held = files[_EVERY - 1 :: _EVERY]
    kept = [data for number, data in enumerate(files) if number % _EVERY != _EVERY - 1]
    train, test = (np.frombuffer(b"\n".join(part), dtype=np.uint8) for part in (kept, held))
    if min(train.size, test.size) <= block + 1:
        raise DataError(
            f"the text {root} has {train.size + test.size:,} bytes in {len(files)} files, too few "
            f"for blocks of {block} to learn from and to hold out"
        )
    return train, test


def _files(root: Path, suffix: str) -> list[Path]:
    """The files below a folder, in an order that does not depend on the machine."""
    found = []
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name not in _SKIPPED and name[0] != "."]
        found += [Path(folder, name) for name in files if name.endswith(suffix) and name[0] != "."]
    return sorted(found, key=lambda file: file.relative_to(root).parts)
