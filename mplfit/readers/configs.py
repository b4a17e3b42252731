"""The weight decay in the configuration that a training code leaves beside its log.

Files are read for this one number only: JSON by its keys at any depth, YAML by its lines
(`weight_decay: 0.1`, or W&B's `weight_decay:` with `value: 0.1` below it). Pickles, such as the
Trainer's training_args.bin, are not opened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mplfit.readers.names import plain

__all__ = ["weight_decay_beside"]

_NAMES = (
    "config", "args", "training_args", "trainer_args", "hparams", "hyperparameters", "run_config",
    "model_config", "params",
)  # fmt: skip
_KEYS = ("weightdecay", "wd", "optimizerweightdecay", "optimweightdecay")
_LARGEST = 1 << 20  # bytes
_LINE = re.compile(
    r"^[ \t-]*[\"']?([\w./-]{2,40})[\"']?[ \t]*:(?:[ \t]*([-+.\deE]+)[ \t]*(?:#.*)?$"
    r"|[ \t]*\n(?:[ \t]+desc:.*\n)?[ \t]+value:[ \t]*([-+.\deE]+)[ \t]*$)",
    re.M,
)


def weight_decay_beside(log: Path) -> tuple[float, Path] | None:
    """The weight decay in a configuration in a log's folder, and the file; None where none has one.

    For a Trainer's checkpoint, and for W&B's and TensorBoard's folders in a run's, the folder above
    too. A file that names different ones, as for groups of parameters, tells nothing.
    """
    folder = log.resolve().parent
    above = folder.parent if re.match(r"checkpoint-|version_|files$", folder.name) else None
    if folder.parent.name == "runs":  # the Trainer's runs/DATE_host
        above = folder.parent.parent
    for place in (folder, above):
        for name in (log.stem, *_NAMES) if place else ():
            for suffix in (".json", ".yaml", ".yml"):
                path = (place or folder) / f"{name}{suffix}"
                if path != log.resolve() and (found := _in_file(path)) is not None:
                    return found, path
    return None


def _in_file(path: Path) -> float | None:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        text = path.read_text(encoding="utf-8-sig")
        pairs = _pairs(json.loads(text)) if path.suffix == ".json" else _lines(text)
        values = {value for key, value in pairs if plain(key) in _KEYS}
    except (OSError, ValueError, RecursionError):
        return None
    good = [value for value in values if 0 <= value < float("inf")]
    return good[0] if len(values) == len(good) == 1 else None


def _pairs(values: Any) -> Iterator[tuple[str, float]]:
    """The numbers in an object at any depth, by key; W&B puts them in {"value": …}."""
    if isinstance(values, list):
        for value in values:
            yield from _pairs(value)
    if isinstance(values, dict):
        for key, value in values.items():
            inner = value.get("value", value) if isinstance(value, dict) else value
            if isinstance(inner, (int, float)) and not isinstance(inner, bool):
                yield key, float(inner)
            yield from _pairs(inner)


def _lines(text: str) -> Iterator[tuple[str, float]]:
    for found in _LINE.finditer(text):
        yield found[1], float(found[2] or found[3])
