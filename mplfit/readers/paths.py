"""From the paths on a command line to curves: which files are runs, and in what format."""

from __future__ import annotations

import glob
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.readers.detect import looks_like_events, read_log
from mplfit.readers.epfml import spliced
from mplfit.readers.finish import finish
from mplfit.readers.folders import Progress, Skipped, folder_logs, skipped_texts
from mplfit.readers.log import Log
from mplfit.readers.naming import named
from mplfit.readers.options import ReadOptions
from mplfit.readers.released import TRAIN
from mplfit.readers.same_run import once
from mplfit.readers.schedules import schedule_of
from mplfit.readers.source import log_suffix
from mplfit.readers.splits import known_split
from mplfit.readers.table import is_there, shorten
from mplfit.readers.tensorboard import read_events
from mplfit.readers.wandb import joined
from mplfit.readers.wandb_local import read_wandb
from mplfit.schedule import Schedule

if TYPE_CHECKING:  # numba takes long to import, and reading needs none
    from mplfit.estimate.result import Fit

__all__ = ["ReadRuns", "read_curves", "read_runs", "split", "split_for"]


def read_curves(
    paths: str | Path | Sequence[str | Path],
    options: ReadOptions | None = None,
    *,
    schedules: Mapping[str, Schedule | str] | None = None,
    sizes: Mapping[str, float | str] | None = None,
    progress: Progress | None = None,
) -> list[Curve]:
    """Every run in these files and folders, in any known format.

    In a folder, and in those below it, all logs are read; one that cannot be is skipped, and the
    first curve's notes or warnings say so. A file given by itself must be readable. A run is named
    after its file, or after the folder that tells it from the others (`mplfit.readers.naming`).

    Rows that spoil a fit are left out, and the curve's notes say so: those of a logged warmup and
    of the steep fall after it. `ReadOptions(from_step=0)` keeps them.

    Parameters
    ----------
    paths : files or folders, or one of them: names, file:// URLs, or patterns such as logs/*.csv.
    options : what is said about all of them.
    schedules : schedules of single runs, by name, or texts of such.
    sizes : sizes of single runs' models, by name; see `ReadOptions.size`.
    progress : called with the files done, their number, and what is done.

    Raises
    ------
    DataError
        If a path does not exist, a folder has no run, a file is given twice, or `schedules` or
        `sizes` names a run that is not there.
    """
    runs = read_runs(
        paths, options, schedules=schedules, sizes=sizes, fitted=True, progress=progress
    )
    return runs.curves


@dataclass(frozen=True)
class ReadRuns:
    """What was read: each curve with the log that it was made from, and what gave none."""

    read: tuple[tuple[Curve, Log], ...]
    skipped: tuple[Skipped, ...] = ()

    @property
    def curves(self) -> list[Curve]:
        """The curves; the first says which files of the folders gave none."""
        curves = [curve for curve, _ in self.read]
        first, origin = curves[0], curves[0].origin
        if self.skipped and origin is not None:
            notes, warnings = skipped_texts(self.skipped)
            origin = replace(
                origin, notes=(*origin.notes, *notes), warnings=(*origin.warnings, *warnings)
            )
            curves[0] = replace(first, origin=origin)
        return curves


def read_runs(
    paths: str | Path | Sequence[str | Path],
    options: ReadOptions | None = None,
    *,
    schedules: Mapping[str, Schedule | str] | None = None,
    sizes: Mapping[str, float | str] | None = None,
    fitted: bool = False,
    progress: Progress | None = None,
) -> ReadRuns:
    """The same, with the logs and what gave no run; all rows, if not to be `fitted`."""
    plans, own_sizes = dict(schedules or {}), dict(sizes or {})
    asked = options = options or ReadOptions()
    known = {name: schedule_of(plan) for name, plan in plans.items()}
    if asked.schedule is not None:
        options = replace(asked, schedule=schedule_of(asked.schedule))
    given, logs, skipped = set[Path](), list[Log](), list[Skipped]()
    for files in _together(_located(paths)):
        some, gone = _logs(files, options, progress)
        given |= {path for path in files if not path.is_dir()}
        logs, skipped = logs + some, skipped + gone
    logs = named(spliced(once(joined(logs, options))))
    names = [log.name for log in logs]
    for option, asked_of in (("schedules=", plans), ("sizes=", own_sizes)):
        if unknown := sorted(set(asked_of) - set(names)):
            raise DataError(f"{option} names {unknown[0]!r}, but the runs are {', '.join(names)}")
    read = []
    for number, log in enumerate(logs):
        if progress is not None:
            progress(number + 1, len(logs), "runs:")
        size = own_sizes.get(log.name, asked.size)
        own = replace(options, schedule=known.get(log.name, options.schedule), size=size)
        told = replace(asked, schedule=plans.get(log.name, asked.schedule), size=size).told()
        try:
            curve = finish(log, own, fitted=fitted)
        except DataError as error:
            if len(logs) == 1 or log.path in given:
                raise
            skipped.append(Skipped.of(log.path, error))
            continue
        if curve.origin is not None:
            curve = replace(curve, origin=replace(curve.origin, reading=told))
        read.append((curve, log))
    if not read:
        raise DataError(
            f"none of the {len(logs)} runs can be read: {'; '.join(skipped_texts(skipped)[1])}"
        )
    return ReadRuns(tuple(read), tuple(skipped))


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
        chosen, held, how = names, (), "all curves train (hold some out with test=)"
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


def _together(paths: Sequence[Path]) -> list[list[Path]]:
    """Each path, but the files of a resumed run together: events of a folder, W&B's of one name."""
    units: dict[tuple[str, object], list[Path]] = {}
    for number, path in enumerate(paths):
        key: tuple[str, object] = ("", number)
        if looks_like_events(path) and path.is_file():
            key = ("events", path.resolve().parent)
        elif log_suffix(path) == ".wandb" and path.is_file():
            key = ("wandb", path.name)
        units.setdefault(key, []).append(path)
    return list(units.values())


def _logs(
    files: Sequence[Path], options: ReadOptions, progress: Progress | None
) -> tuple[list[Log], list[Skipped]]:
    """The logs in a file, in those of one run, or in a folder, and what gave none."""
    path = files[0]
    if len(files) > 1:
        if len(set(map(Path.resolve, files))) < len(files):
            raise DataError(f"{path} is given twice: give each file once")
        if looks_like_events(path):
            return [read_events(files, options)], []
        return read_wandb(files, options), []
    if str(path) == "-" and not is_there(path):
        return _standard_input(options), []
    if not is_there(path):
        raise DataError(
            f"{shorten(str(path), 200)} does not exist: expected a .csv log or a folder of them, "
            "or a log of another format"
        )
    if not path.is_dir():
        return read_log(path, options), []
    logs, skipped = folder_logs(path, options, progress)
    if not logs:
        raise DataError(
            f"the folder {path} has no log that mplfit knows: expected one .csv file for each run, "
            "or files and folders as training codes write them"
            + "".join(f"; {text}" for some in skipped_texts(skipped) for text in some)
        )
    return logs, skipped


def _standard_input(options: ReadOptions) -> list[Log]:
    """The logs in what is piped in, whatever its format."""
    with tempfile.TemporaryDirectory(prefix="mplfit.") as folder:
        copy = Path(folder) / "stdin"
        copy.write_bytes(sys.stdin.buffer.read())
        try:
            logs = read_log(copy, options)
        except DataError as error:
            raise DataError(str(error).replace(str(copy), "standard input")) from None
    named_after = {"stdin": "stdin", copy.parent.name: "stdin"}
    return [replace(log, path=Path("-"), name=named_after.get(log.name, log.name)) for log in logs]
