"""A TensorBoard run: the event files of one folder, one after the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mplfit.readers.configs import constants_in
from mplfit.readers.log import Log, Series, UnknownLogError, file_bytes
from mplfit.readers.options import ReadOptions
from mplfit.readers.tags import log_of_tags
from mplfit.readers.tfevents import read_scalars
from mplfit.types import FloatArray

__all__ = ["read_events"]


def read_events(paths: Sequence[Path], options: ReadOptions) -> Log:
    """The run whose event files these are; its name is that of their folder.

    A run that was resumed has written several files: they are read in the order of their names
    (which hold the time), so that later rows win.
    """
    digest = hashlib.sha256()
    parts: dict[str, list[tuple[FloatArray, FloatArray]]] = {}
    notes, empty, texts = [], [], dict[str, str]()
    paths = sorted(paths)
    for path in paths:
        data = file_bytes(path)
        if not data:
            empty.append(path.name)
            continue
        digest.update(data)
        scalars = read_scalars(path, data)
        if scalars.cut:
            notes.append(f"the last record of {path.name} is cut short: dropped")
        texts |= scalars.texts
        for name, series in scalars.by_tag.items():
            parts.setdefault(name, []).append(series)
    if len(paths) > 1:
        notes.append(f"{len(paths)} event files read as one run, the later rows winning")
    if not parts:
        raise UnknownLogError(f"{paths[0]} has no scalar: expected tags such as train/loss")
    whole = {
        tag: Series(np.concatenate([s for s, _ in some]), np.concatenate([v for _, v in some]))
        for tag, some in parts.items()
    }
    path = paths[-1]
    folder = path.resolve().parent.name
    name = folder or path.name
    log = log_of_tags(
        path, name, "TensorBoard events", digest.hexdigest(), whole, options, tuple(notes)
    )
    decay, size, _ = constants_in(list(map(_settings, texts.values())), "the run's settings")
    return replace(log, weight_decay=decay, size=size, beside=tuple(paths[:-1]))


def _settings(text: str) -> Any:
    """The settings in a text, as Hugging Face's Trainer writes its arguments: JSON, or nothing."""
    try:
        return json.loads(text) if text.startswith("{") else None
    except (ValueError, RecursionError):
        return None
