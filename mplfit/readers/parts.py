"""Rows of training and of evaluations in one table, which a column such as `split` tells apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mplfit.readers.names import plain
from mplfit.types import BoolArray

__all__ = ["rows_of_part"]

_NAMES = ("split", "type", "kind", "phase", "mode", "stage", "event", "subset", "set", "partition")
_TRAIN = {"train", "training", "trn", "traininner", "trainstep", "trainloss"}
_VAL = {"val", "valid", "validation", "validate", "eval", "evaluation", "evaluate", "dev", "test"}


def rows_of_part(
    header: Sequence[str], texts: Callable[[list[str]], list[list[str]]], part: str
) -> tuple[str, BoolArray] | None:
    """The column that tells the parts apart, and which rows are of the "train" or "val" asked for.

    None where no column has both.
    """
    names = [name for name in header if plain(name) in _NAMES and header.count(name) == 1]
    for name, cells in zip(names, texts(names) if names else [], strict=True):
        words = [plain(cell) for cell in cells]
        if not (_TRAIN.isdisjoint(words) or _VAL.isdisjoint(words)):
            asked = _TRAIN if part == "train" else _VAL
            return name, np.array([word in asked for word in words])
    return None
