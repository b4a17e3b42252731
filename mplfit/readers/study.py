"""A study as a folder of runs whose settings stand in their names: hidden256_gamma0.9_seed1/, …

A run's folder has the run's final loss as the last number of `val_loss.txt`, TensorBoard event
files, or both.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from mplfit.errors import DataError
from mplfit.readers.log import file_bytes, hash_file
from mplfit.readers.names import is_loss, is_rate
from mplfit.readers.tfevents import read_scalars
from mplfit.sweeps.roles import size_kind

__all__ = ["hash_table", "read_study", "study_files"]

_LOSS = "val_loss.txt"
_PART = re.compile(r"([A-Za-z]+(?:_[A-Za-z]+)*)[_=-]?(\d+(?:\.\d+)?(?:e[+-]?\d+)?)", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|nan|inf)", re.IGNORECASE)


def study_files(folder: Path) -> list[Path]:
    """The files of a study's runs, in order: losses and event files.

    Raises
    ------
    DataError
        If the folder has none.
    """
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and (path.name == _LOSS or "tfevents" in path.name)
    )
    if not found:
        raise DataError(
            f"{folder} is no study: expected folders of runs such as hidden256_gamma0.9_seed1, "
            f"each with {_LOSS} or TensorBoard event files"
        )
    return found


def hash_table(path: Path) -> str:
    """The SHA-256 of a sweep's table: of a study, that of its files' hashes, in order."""
    if not path.is_dir():
        return hash_file(path)
    return hashlib.sha256("".join(map(hash_file, study_files(path))).encode()).hexdigest()


def read_study(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """A record for each run, and what was assumed.

    The settings are the names and numbers in the folder's path below the study. The rate is the
    largest one logged, where the names do not tell it; other tags that are losses, rates or sizes
    have their last value.

    Raises
    ------
    DataError
        If no run is there, or a file is damaged.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from mplfit.readers.study import read_study
    >>> study = Path(tempfile.mkdtemp())
    >>> run = study / "hidden64_lr1e-3_seed2"
    >>> run.mkdir()
    >>> _ = (run / "val_loss.txt").write_text("3.25")
    >>> read_study(study)[0]
    [{'hidden': '64', 'lr': '1e-3', 'seed': '2', 'val_loss': '3.25'}]
    """
    runs: dict[Path, list[Path]] = {}
    for path in study_files(folder):
        runs.setdefault(path.parent, []).append(path)
    records, logged = [], False
    for place, paths in runs.items():
        record: dict[str, Any] = {}
        for path in paths:
            if path.name == _LOSS:
                numbers = _NUMBER.findall(path.read_text(encoding="utf-8", errors="replace"))
                record["val_loss"] = numbers[-1] if numbers else None
                continue
            data = file_bytes(path)
            for tag, (_, values) in (read_scalars(path, data).by_tag if data else {}).items():
                name = tag.rsplit("/", 1)[-1] if is_rate(tag) or size_kind(tag) else tag
                if is_rate(tag):
                    record.setdefault("lr", float(values.max()))
                    logged = True
                elif is_loss(tag) or size_kind(name):
                    record.setdefault(name.replace("/", "_"), float(values[-1]))
        told = dict(_PART.findall("_".join(place.relative_to(folder).parts)))
        records.append(told | {key: value for key, value in record.items() if key not in told})
    notes = [f"{folder} is read as a study: {len(records)} runs, their settings from their names"]
    if logged:
        notes.append("the rate is the largest one that a run logged")
    return records, notes
