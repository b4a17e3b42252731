"""The runs in a folder and in all folders below it: which files are logs, and which gave no run.

Hidden folders, checkpoints, caches and mplfit's own results are not entered. Links are followed
once, after the folders that they may lead to. A file that cannot be read stops no other: it is
returned with the reason.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mplfit.errors import MplfitError
from mplfit.readers.detect import log_suffixes, looks_like_events, read_log
from mplfit.readers.log import Log, UnknownLogError
from mplfit.readers.mlflow import is_mlflow_run
from mplfit.readers.names import listed
from mplfit.readers.options import ReadOptions
from mplfit.readers.same_run import merged
from mplfit.readers.source import log_suffix
from mplfit.readers.tensorboard import read_events
from mplfit.readers.wandb_local import read_wandb

__all__ = ["Progress", "Skipped", "folder_logs", "skipped_texts"]

Progress = Callable[[int, int, str], None]

_CLOSED = re.compile(
    r"\..*|__pycache__|node_modules|site-packages|mplfit-runs|(\w+[-_.])?caches?"
    r"|(checkpoint|ckpt)s?([-_.]?\w*\d+.*)?|global_step[-_]?\d+|iter_\d+|epoch[-_=]?\d+.*step.*",
    re.I,
)
# What training codes leave beside a log, however large, and what holds no curve.
_ASIDE = re.compile(
    r"\..*|(.*[-_])?config\.json|tokenizer.*|vocab.*|special_tokens_map\.json|added_tokens\.json"
    r"|(all|train|eval)_results\.json|wandb-metadata\.json|wandb-summary\.json|requirements\.txt"
    r"|debug(-\w+)?\.log|fit\.json|merges\.txt|.*\.index\.json|args\.json|hparams\.json|params\.json|package\.json",
    re.I,
)
# What is named when it is no log.
_SURE = (".csv", ".tsv", ".jsonl", ".ndjson", ".wandb", ".npz", ".parquet")
_SAID = 5  # files named in a note


@dataclass(frozen=True)
class Skipped:
    """A file that gave no run.

    path : where it lies.  why : what its reader said, without the path.  log : whether it looks
    like a log; other files, as of configurations, are only counted.
    """

    path: Path
    why: str
    log: bool = True

    @classmethod
    def of(cls, path: Path, error: MplfitError) -> Skipped:
        """The file, with what its reader said."""
        why = str(error).removeprefix(str(path)).lstrip(": ")
        unknown = isinstance(error, UnknownLogError)
        return cls(path, why, not unknown or log_suffix(path) in _SURE)


def skipped_texts(skipped: Sequence[Skipped]) -> tuple[list[str], list[str]]:
    """A note on files that hold no log, and warnings of those that look like logs, by name."""
    logs = [one for one in skipped if one.log]
    warnings = [f"beside it, {one.path} is skipped: {one.why}" for one in logs[:_SAID]]
    if len(logs) > _SAID:
        warnings.append(
            f"beside it, {len(logs) - _SAID} more files are skipped, as {logs[_SAID].path}"
        )
    others = [one.path.name for one in skipped if not one.log]
    if not others:
        return [], warnings
    what = "1 other file holds" if len(others) == 1 else f"{len(others)} other files hold"
    return [f"beside it, {what} no log that mplfit knows ({listed(others)})"], warnings


def folder_logs(
    folder: Path, options: ReadOptions, progress: Progress | None = None
) -> tuple[list[Log], list[Skipped]]:
    """The logs in a folder, whole runs or pieces of them, and the files that gave none."""
    skipped: list[Skipped] = []
    units = list(_units(folder, skipped))
    logs: list[tuple[Path, list[Log]]] = []
    for number, (place, files) in enumerate(units):
        if progress is not None:
            progress(number, len(units), "reading logs:")
        try:
            if looks_like_events(files[0]):
                logs.append((place, [read_events(files, options)]))
            elif log_suffix(files[0]) == ".wandb":
                logs.append((place, read_wandb(files, options)))
            else:
                logs.append((place, read_log(files[0], options)))
        except MplfitError as error:
            skipped.append(Skipped.of(files[0], error))
    if progress is not None:
        progress(len(units), len(units), "reading logs:")
    events = [(place, log) for place, some in logs for log in some if _is_events(log)]
    homes = [place for place, some in logs if some and _is_state(some[0])] if events else []
    taken = {id(log) for place, log in events if any(place.is_relative_to(one) for one in homes)}
    return [
        _with_events(log, place, events) if _is_state(log) else log
        for place, some in logs
        for log in some
        if id(log) not in taken
    ], skipped


def _units(folder: Path, skipped: list[Skipped]) -> Iterator[tuple[Path, list[Path]]]:
    """The files of each run, with the folder that the run lies in, in the order of their names."""
    homes, suffixes = list[Path](), log_suffixes()
    resumed: dict[str, list[Path]] = {}  # W&B's files of one run, in the order of their times
    for here, files in _folders(folder, skipped):
        for file in [file for file in files if log_suffix(file) == ".wandb"]:
            files.remove(file)
            if file.name not in resumed:
                yield here, resumed.setdefault(file.name, [])
            resumed[file.name].append(file)
        inside = any(here.is_relative_to(home) for home in homes)
        state = None if inside else _last_state(here)
        if state is not None:
            homes.append(here)
            yield here, [state]
        if is_mlflow_run(here):
            yield here, [here / "meta.yaml"]
        if events := [file for file in files if looks_like_events(file)]:
            yield here, events
        for file in files:
            known = log_suffix(file) in suffixes and file.name != "trainer_state.json"
            if known and not looks_like_events(file) and not _ASIDE.fullmatch(file.name):
                yield here, [file]


def _folders(top: Path, skipped: list[Skipped]) -> Iterator[tuple[Path, list[Path]]]:
    """Each folder below and its files; what a link leads to once, after all real folders."""
    seen: set[str] = set()
    real, links = [top], list[Path]()
    while real or links:
        here = real.pop() if real else links.pop(0)
        place = os.path.realpath(here)
        if place in seen:
            continue
        seen.add(place)
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            skipped.append(Skipped(here, f"cannot be read: {error.strerror or error}"))
            continue
        files = [here / entry.name for entry in entries if entry.is_file()]
        # Beside a run's file W&B keeps copies; below its meta.yaml MLflow keeps the run itself.
        open_ = not (any(log_suffix(file) == ".wandb" for file in files) or is_mlflow_run(here))
        yield here, files
        below = [e for e in entries if open_ and e.is_dir() and not _CLOSED.fullmatch(e.name)]
        links += [here / entry.name for entry in below if entry.is_symlink()]
        real += [here / entry.name for entry in reversed(below) if not entry.is_symlink()]


def _is_state(log: Log) -> bool:
    return log.kind == "Hugging Face trainer_state"


def _is_events(log: Log) -> bool:
    return log.kind == "TensorBoard events"


def _with_events(log: Log, home: Path, events: Sequence[tuple[Path, Log]]) -> Log:
    """A Trainer's run with the event files of its folder, which are of the same run."""
    for place, other in events:
        if place.is_relative_to(home):
            text = (
                f"{other.path} lies in the run's folder, but holds other losses: left out (give it "
                "by itself if it is another run)"
            )
            log = merged(log, other) or replace(log, warnings=(*log.warnings, text))
    return log


def _last_state(folder: Path) -> Path | None:
    """A Trainer's state: the folder's own, or that of the checkpoint with the highest number."""
    own = folder / "trainer_state.json"
    if own.is_file():
        return own
    kept = [
        (int(found[1]), state)
        for state in folder.glob("checkpoint-*/trainer_state.json")
        if (found := re.fullmatch(r"checkpoint-(\d+)", state.parent.name))
    ]
    return max(kept)[1] if kept else None
