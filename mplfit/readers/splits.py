"""Collections of runs that are split by their names: which train, and which are held out."""

from __future__ import annotations

from collections.abc import Sequence

from mplfit.readers.released import NAMES, TEST, TRAIN

__all__ = ["LAB_TRAIN", "known_split"]

LAB_TRAIN = ("lab_constant", "lab_cosine", "lab_two_stage")
"""Of data/lab_text: the three runs that the first closed loop was fitted to."""


def known_split(names: Sequence[str]) -> tuple[Sequence[str], Sequence[str], str] | None:
    """Which names train and which are held out, and why, where they are a collection's own.

    >>> from mplfit.readers.splits import known_split
    >>> known_split(["lab_constant", "lab_cosine", "lab_linear", "lab_two_stage"])[1]
    ['lab_linear']
    """
    if set(TRAIN) <= set(names) <= set(NAMES):
        return TRAIN, TEST, "split as released (Luo et al. 2025)"
    if set(LAB_TRAIN) <= set(names) and all(name.startswith("lab_") for name in names):
        held = [name for name in names if name not in LAB_TRAIN]
        return LAB_TRAIN, held, "split as in the first closed loop"
    return None
