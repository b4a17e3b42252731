"""From the paths on a command line to curves: which files are runs, and in what format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.estimate.result import Fit
from mplfit.readers.csv_log import ReadOptions, read_csv
from mplfit.readers.released import NAMES, TEST, TRAIN
from mplfit.readers.table import is_there, shorten
from mplfit.schedule import Schedule

__all__ = ["read_curves", "split", "split_for"]


def read_curves(
    paths: Sequence[str | Path],
    options: ReadOptions | None = None,
    *,
    schedules: Mapping[str, Schedule] | None = None,
) -> list[Curve]:
    """Every run in these files and folders (a folder: its .csv files, by name).

    Parameters
    ----------
    paths : files or folders.
    options : what is said about all of them.
    schedules : schedules of single runs, by name (the file's stem).

    Raises
    ------
    DataError
        If a path does not exist, a folder has no run, two runs have one name, or `schedules`
        names a run that is not there.
    """
    files = [file for path in paths for file in _files(Path(path))]
    names = [file.stem for file in files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        both = [str(file) for file in files if file.stem == twice[0]]
        if len({file.resolve() for file in files if file.stem == twice[0]}) == 1:
            raise DataError(f"{both[0]} is given twice: give each file once")
        raise DataError(
            f"two runs are named {twice[0]} ({' and '.join(both)}): rename a file, so that "
            "results can tell them apart"
        )
    schedules, options = schedules or {}, options or ReadOptions()
    unknown = sorted(set(schedules) - set(names))
    if unknown:
        raise DataError(f"--schedule names {unknown[0]!r}, but the runs are {', '.join(names)}")
    return [
        read_csv(file, replace(options, schedule=schedules.get(file.stem, options.schedule)))
        for file in files
    ]


def split(
    curves: Sequence[Curve], train: Sequence[str] = (), test: Sequence[str] = ()
) -> tuple[list[Curve], list[Curve], str]:
    """Training and held-out curves, and a sentence on how they were told apart.

    Named ones are taken as named; with only one side named, the other is the rest. Without names,
    curves that bear the released names are split as released (once all three training curves are
    there), and any others all train.

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
    elif set(TRAIN) <= set(names) <= set(NAMES):
        chosen, held, how = TRAIN, TEST, "split as released (Luo et al. 2025)"
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
        seen = {entry["sha256"] for entry in fit.data if entry["role"] == "train"}
        trained = [c for c in curves if c.origin is not None and c.origin.sha256 in seen]
        how = "by the contents of the files in the fit"
    else:
        trained = [c for c in curves if c.name in TRAIN]
        how = "by the released split (Luo et al. 2025)"
    return trained, [curve for curve in curves if curve not in trained], how


def _files(path: Path) -> list[Path]:
    if is_there(path) and path.is_dir():
        found = sorted(file for file in path.glob("*.csv") if not file.name.startswith("."))
        if not found:
            raise DataError(f"the folder {path} has no .csv file: expected one file for each run")
        return found
    if not is_there(path):
        raise DataError(
            f"{shorten(str(path), 200)} does not exist: expected a .csv log or a folder of them"
        )
    return [path]
