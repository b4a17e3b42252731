"""From the paths on a command line to curves: which files are runs, and in what format."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.detect import LOG_SUFFIXES, looks_like_events, read_log
from mplfit.readers.epfml import spliced
from mplfit.readers.finish import finish
from mplfit.readers.log import Log
from mplfit.readers.options import ReadOptions
from mplfit.readers.released import TRAIN
from mplfit.readers.same_run import merged, once
from mplfit.readers.schedules import schedule_of
from mplfit.readers.source import log_stem, log_suffix
from mplfit.readers.splits import known_split
from mplfit.readers.table import is_there, shorten
from mplfit.readers.tensorboard import read_events
from mplfit.readers.wandb import joined
from mplfit.schedule import Schedule

if TYPE_CHECKING:  # numba takes long to import, and reading needs none
    from mplfit.estimate.result import Fit

__all__ = ["read_curves", "read_logged", "split", "split_for"]


def read_curves(
    paths: str | Path | Sequence[str | Path],
    options: ReadOptions | None = None,
    *,
    schedules: Mapping[str, Schedule | str] | None = None,
    sizes: Mapping[str, float | str] | None = None,
) -> list[Curve]:
    """Every run in these files and folders (a folder: its logs, by name), in any known format.

    Rows that spoil a fit are left out, and the curve's notes say so: those of a logged warmup and
    of the steep fall after it. `ReadOptions(from_step=0)` keeps them.

    Parameters
    ----------
    paths : files or folders, or one of them: names, file:// URLs, or patterns such as logs/*.csv.
    options : what is said about all of them.
    schedules : schedules of single runs, by name (the file's stem), or texts of such.
    sizes : sizes of single runs' models, by name; see `ReadOptions.size`.

    Raises
    ------
    DataError
        If a path does not exist, a folder has no run, two runs have one name, or `schedules`
        or `sizes` names a run that is not there.
    """
    read = read_logged(paths, options, schedules=schedules, sizes=sizes, fitted=True)
    return [curve for curve, _ in read]


def read_logged(
    paths: str | Path | Sequence[str | Path],
    options: ReadOptions | None = None,
    *,
    schedules: Mapping[str, Schedule | str] | None = None,
    sizes: Mapping[str, float | str] | None = None,
    fitted: bool = False,
) -> list[tuple[Curve, Log]]:
    """The same, each curve with the log that it was made from; all rows, if not to be `fitted`."""
    plans, own_sizes = dict(schedules or {}), dict(sizes or {})
    asked = options = options or ReadOptions()
    known = {name: schedule_of(plan) for name, plan in plans.items()}
    if asked.schedule is not None:
        options = replace(asked, schedule=schedule_of(asked.schedule))
    logs = [log for path in _located(paths) for log in _logs(path, options)]
    logs = spliced(once(joined(logs, options)))
    count = Counter(log.name for log in logs)
    logs = [
        replace(log, name=f"{log_stem(log.path)}:{log.name}")
        if log.part and count[log.name] > 1
        else log
        for log in logs
    ]
    names = [log.name for log in logs]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        both = [str(log.path) for log in logs if log.name == twice[0]]
        if len({log.path.resolve() for log in logs if log.name == twice[0]}) == 1:
            raise DataError(f"{both[0]} is given twice: give each file once")
        raise DataError(
            f"two runs are named {twice[0]} ({' and '.join(both)}): rename a file, so that "
            "results can tell them apart"
        )
    for option, given in (("--schedule", plans), ("--size", own_sizes)):
        if unknown := sorted(set(given) - set(names)):
            raise DataError(f"{option} names {unknown[0]!r}, but the runs are {', '.join(names)}")
    read = []
    for log in logs:
        size = own_sizes.get(log.name, asked.size)
        own = replace(options, schedule=known.get(log.name, options.schedule), size=size)
        told = replace(asked, schedule=plans.get(log.name, asked.schedule), size=size).told()
        curve = finish(log, own, fitted=fitted)
        if curve.origin is not None:
            curve = replace(curve, origin=replace(curve.origin, reading=told))
        read.append((curve, log))
    return read


def split(
    curves: Sequence[Curve], train: Sequence[str] = (), test: Sequence[str] = ()
) -> tuple[list[Curve], list[Curve], str]:
    """Training and held-out curves, and a sentence on how they were told apart.

    Named ones are taken as named; with only one side named, the other is the rest. Without names,
    curves that bear the names of a known collection are split as that is (`mplfit.readers.splits`,
    once its three training curves are there), and any others all train.

    Raises
    ------
    DataError
        If a name is not that of a curve, or stands on both sides.
    """
    names = [curve.name for curve in curves]
    for name in (*train, *test):
        if name not in names:
            raise DataError(f"there is no curve {name!r}: the curves are {', '.join(names)}")
        if name in train and name in test:
            raise DataError(f"{name} cannot be both a training and a held-out curve")
    if train or test:
        chosen = train or [name for name in names if name not in test]
        held = test or [name for name in names if name not in train]
        how = "split as asked"
    elif (known := known_split(names)) is not None:
        chosen, held, how = known
    else:
        chosen, held, how = names, (), "all curves train (hold some out with --test)"
    trained = [curve for curve in curves if curve.name in chosen]
    return trained, [curve for curve in curves if curve.name in held], how


def split_for(
    fit: Fit, curves: Sequence[Curve], train: Sequence[str] = (), test: Sequence[str] = ()
) -> tuple[list[Curve], list[Curve], str]:
    """Which curves a fit has been trained on, and which are held out; see `split`.

    Without names, a curve was trained on if its file's contents were (by hash); for the published
    parameters the released training curves were.
    """
    if train or test:
        return split(curves, train, test)
    if fit.data:
        trained = [curve for curve in curves if fit.has_seen(curve)]
        how = "by the contents of the files in the fit"
    else:
        trained = [c for c in curves if c.name in TRAIN]
        how = "by the released split (Luo et al. 2025)"
    return trained, [curve for curve in curves if all(curve is not one for one in trained)], how


def _located(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """The files and folders meant: ~, file:// and patterns such as logs/*.csv are resolved."""
    some = [paths] if isinstance(paths, (str, Path)) else paths
    return [path for one in some for path in _matching(one)]


def _matching(path: str | Path) -> list[Path]:
    text = os.fspath(path)
    if text.lower().startswith("file://"):
        parts = urlsplit(text)
        if parts.netloc not in ("", "localhost"):
            raise DataError(f"{text} is on another machine: expected a file of this one")
        text = unquote(parts.path, errors="surrogateescape")
    if not is_there(Path(text)):
        with suppress(RuntimeError):  # no such user, or no home
            text = str(Path(text).expanduser())
        if glob.has_magic(text) and not is_there(Path(text)):
            if not (found := sorted(glob.glob(text, recursive=True))):
                raise DataError(f"no file matches {shorten(text, 200)}")
            return list(map(Path, found))
    return [Path(text)]


def _logs(path: Path, options: ReadOptions) -> list[Log]:
    """The logs in a file or folder, whole runs or pieces of them."""
    if not is_there(path):
        raise DataError(
            f"{shorten(str(path), 200)} does not exist: expected a .csv log or a folder of them, "
            "or a log of another format"
        )
    if not path.is_dir():
        return read_log(path, options)
    folders = sorted({file.parent for file in path.rglob("*tfevents*") if file.is_file()})
    states = _states(path)
    tables = sorted(file for file in path.iterdir() if log_suffix(file) in LOG_SUFFIXES)
    tables = [f for f in tables if f.is_file() and f not in states.values() and f.name[:1] != "."]
    skipped: list[str] = []
    events = []
    for folder in folders:
        try:
            files = [f for f in folder.iterdir() if looks_like_events(f)]
            events.append((folder, read_events(files, options)))
        except DataError as error:  # as the Trainer's folder of hyperparameters, beside the run's
            if len(folders) == 1 and not states:
                raise
            skipped.append(f"{folder.relative_to(path)} is skipped: {error}")
    logs = []
    for home, state in states.items():
        own = [log for folder, log in events if folder.is_relative_to(home)]
        events = [(folder, log) for folder, log in events if not folder.is_relative_to(home)]
        logs += [_with_events(log, own) for log in read_log(state, options)]
    logs += [log for _, log in events]
    # Beside an event file or a trainer's state, a folder holds many files that are no logs.
    sure = [file for file in tables if log_suffix(file) in (".csv", ".tsv", ".jsonl")]
    for file in tables:
        try:
            logs += read_log(file, options)
        except DataError as error:
            if file in sure and not folders and not states:
                raise
            skipped.append(f"{file.name} of the same folder is skipped: {error}")
    if not logs:
        raise DataError(
            f"the folder {path} has no .csv file: expected one file for each run, or another log "
            "that `mplfit read` knows" + "".join(f"; {text}" for text in skipped[:3])
        )
    return [replace(log, notes=(*log.notes, *skipped)) for log in logs[:1]] + logs[1:]


def _with_events(log: Log, events: Sequence[Log]) -> Log:
    """A Trainer's run with the event files of its folder, which are of the same run."""
    for other in events:
        one = merged(log, other)
        text = (
            f"{other.path} lies in the run's folder, but holds other losses: left out (give it by "
            "itself if it is another run)"
        )
        log = one or replace(log, warnings=(*log.warnings, text))
    return log


def _states(path: Path) -> dict[Path, Path]:
    """The folder of each Trainer's run and its state: of this folder, or of those in it."""
    homes = [path] if _last_state(path) else sorted(f for f in path.iterdir() if f.is_dir())
    return {home: state for home in homes if (state := _last_state(home)) is not None}


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
