"""The weight decay and the size in the configuration that a training code leaves beside its log.

Files are read for these numbers only: JSON by its keys at any depth, YAML by its lines
(`weight_decay: 0.1`, or W&B's `weight_decay:` with `value: 0.1` below it). Pickles, such as the
Trainer's training_args.bin, are not opened.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mplfit.curve import RunSize
from mplfit.readers.names import plain
from mplfit.readers.sizes import KEYS, size_of
from mplfit.readers.source import log_stem

__all__ = ["TOLD", "constants_in", "size_beside", "weight_decay_beside"]

_NAMES = (
    "config", "args", "training_args", "trainer_args", "hparams", "hyperparameters", "run_config",
    "model_config", "params",
)  # fmt: skip
_KEYS = ("weightdecay", "wd", "optimizerweightdecay", "optimweightdecay")
_RATES = ("lr", "learningrate", "peaklr", "maxlr", "maxlearningrate", "baselr", "optimizerlr")
TOLD = frozenset((*_KEYS, *_RATES, *KEYS))
"""The keys, without case and punctuation, that tell something."""
_LARGEST = 1 << 20  # bytes
_LINE = re.compile(
    r"^[ \t-]*[\"']?([\w./-]{2,40})[\"']?[ \t]*:(?:[ \t]*([-+.\deE]+)[ \t]*(?:#.*)?$"
    r"|[ \t]*\n(?:[ \t]+desc:.*\n)?[ \t]+value:[ \t]*([-+.\deE]+)[ \t]*$)",
    re.M,
)


def constants_in(config: Any, told_by: str) -> tuple[float | None, RunSize, float | None]:
    """The weight decay, the size and the learning rate in a log's own configuration.

    Of a number that it names twice, with different values, nothing is taken.

    >>> from mplfit.readers.configs import constants_in
    >>> constants_in({"optimizer": {"lr": 1e-3, "weight_decay": 0.1}}, "it")[::2]
    (0.1, 0.001)
    """
    values: dict[str, set[float]] = {}
    for key, value in _pairs(config):
        values.setdefault(plain(key), set()).add(value)
    single = {key: next(iter(some)) for key, some in values.items() if len(some) == 1}
    decay = {single[key] for key in _KEYS if key in single}
    rate = {single[key] for key in _RATES if key in single}
    told = {key: value for key, value in single.items() if key in KEYS}
    return (
        decay.pop() if len(decay) == 1 and 0 <= min(decay) < float("inf") else None,
        size_of(told, told_by),
        rate.pop() if len(rate) == 1 and 0 < min(rate) < float("inf") else None,
    )


def weight_decay_beside(log: Path) -> tuple[float, Path] | None:
    """The weight decay in a configuration in a log's folder, and the file; None where none has one.

    For a Trainer's checkpoint, and for W&B's and TensorBoard's folders in a run's, the folder above
    too. A file that names different ones, as for groups of parameters, tells nothing.
    """
    for path, values in _configurations(log):
        named = [values[key] for key in _KEYS if key in values]
        found = set[float]().union(*named)
        if len(found) == 1 and 0 <= (value := found.pop()) < float("inf"):
            return value, path
    return None


def size_beside(log: Path) -> RunSize:
    """What the configurations there say of the size; of numbers that a file has twice nothing."""
    size = RunSize()
    for path, values in _configurations(log):
        told = {key: next(iter(values[key])) for key in KEYS if len(values.get(key, ())) == 1}
        size = size.over(size_of(told, path.name))
    return size


def _configurations(log: Path) -> Iterator[tuple[Path, dict[str, set[float]]]]:
    """The configurations in a log's folder: the numbers of each, by plain key."""
    if str(log) == "-":  # piped in, from no folder
        return
    log = log.resolve()
    folder = log.parent
    above = folder.parent if re.match(r"checkpoint-|version_|files$", folder.name) else None
    if folder.parent.name == "runs":  # the Trainer's runs/DATE_host
        above = folder.parent.parent
    for place in (folder, above):
        for name in (log_stem(log), *_NAMES) if place else ():
            for suffix in (".json", ".yaml", ".yml"):
                text = os.path.join(place or folder, f"{name}{suffix}")
                if not os.path.isfile(text):  # as most are not: no Path is made of them
                    continue
                if (path := Path(text)) != log and (found := _in_file(path)):
                    yield path, found


def _in_file(path: Path) -> dict[str, set[float]]:
    found: dict[str, set[float]] = {}
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return {}
        text = path.read_text(encoding="utf-8-sig")
        for key, value in _pairs(json.loads(text)) if path.suffix == ".json" else _lines(text):
            found.setdefault(plain(key), set()).add(value)
    except (OSError, ValueError, OverflowError, RecursionError):
        return {}
    return found


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
