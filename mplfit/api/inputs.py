"""What the calls take: runs, fits and schedules, as they are or by where they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.estimate.result import Fit
from mplfit.readers.again import read_logs
from mplfit.readers.fits import load_fit
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from mplfit.readers.schedules import load_schedule
from mplfit.runs import Runs
from mplfit.schedule import Schedule
from mplfit.tasks import Progress

__all__ = [
    "CURVES",
    "FitLike",
    "PathName",
    "PathOrPaths",
    "RunsLike",
    "ScheduleLike",
    "curves_given",
    "curves_of_fit",
    "fit_of",
    "kept_curves",
    "load",
    "name_of",
    "named_schedules",
    "paths_of",
    "read",
    "schedule_from",
    "schedule_named",
]

PathName: TypeAlias = str | PathLike[str]
PathOrPaths: TypeAlias = PathName | Sequence[PathName]
"""A log or a folder of logs, or several of them."""
RunsLike: TypeAlias = PathOrPaths | Curve | Iterable[Curve]
"""Runs that are read already, or where they are."""
FitLike: TypeAlias = Fit | PathName
"""A fit, the file or folder of one, or "25", "100" or "400" (published parameters)."""
ScheduleLike: TypeAlias = Schedule | str
"""A schedule, its text (`mplfit schedule --help`), or the name of a file."""

# What this process knows of a result beside what is written of it.
CURVES = "_curves"  # what it was fitted to, and what was held out
_SOURCE = "_source"  # where a fit was loaded from


def read(
    paths: PathOrPaths,
    *,
    schedules: Mapping[str, ScheduleLike] | None = None,
    sizes: Mapping[str, float | str] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Runs:
    """Read the runs in files and folders, of any format that mplfit knows.

    Parameters
    ----------
    paths : files, folders and patterns such as logs/*.csv.
    schedules, sizes : of single runs, by name, where the logs do not tell them.
    options : what is said about all logs: the fields of `mplfit.readers.options.ReadOptions`, such
        as metric="val" or from_step=0.

    Raises
    ------
    DataError
        If there is no such file, or it holds no run.

    >>> import mplfit
    >>> runs = mplfit.read("data/lab_text")
    >>> len(runs), runs["lab_cosine"]
    (10, Curve('lab_cosine', 48 points in steps 649–2999 of 3000))
    """
    return Runs(
        read_curves(
            paths_of(paths),
            ReadOptions(**options),
            schedules=schedules,
            sizes=sizes,
            progress=progress,
        )
    )


def load(source: PathName, size: str | None = None) -> Fit:
    """The fit in a file or folder, or the published parameters 25, 100 or 400.

    size : of the model, where the file holds a law over sizes.

    >>> import mplfit
    >>> mplfit.load("400").law
    'mpl'
    """
    fit = load_fit(source if isinstance(source, str) else Path(source), size)
    object.__setattr__(fit, _SOURCE, str(source))
    return fit


def schedule_from(given: ScheduleLike) -> Schedule:
    """A schedule that is given as one, as text, or by the name of a file."""
    return load_schedule(given) if isinstance(given, str) else given


def paths_of(paths: PathOrPaths) -> list[str | Path]:
    """The paths as readers take them."""
    some = [paths] if isinstance(paths, (str, PathLike)) else paths
    return [path if isinstance(path, str) else Path(path) for path in some]


def curves_given(runs: RunsLike) -> list[Curve]:
    """The curves of runs, read where they are given by their paths."""
    if isinstance(runs, Curve):
        return [runs]
    if isinstance(runs, (str, PathLike)):
        return list(read(runs))
    some = list(runs)
    paths = [one for one in some if isinstance(one, (str, PathLike))]
    curves = [one for one in some if isinstance(one, Curve)]
    other = [type(one).__name__ for one in some if not isinstance(one, (str, PathLike, Curve))]
    if other or not some or (paths and curves):
        got = other[0] if other else "both" if some else "nothing"
        raise DataError(f"expected curves, or the paths of logs: got {got}")
    return list(read(paths)) if paths else curves


def curves_of_fit(fit: Fit, runs: RunsLike | None) -> list[Curve]:
    """The runs given, else those that a fit was made from: kept, or read again."""
    if runs is not None:
        return curves_given(runs)
    train, test = kept_curves(fit)
    if train:
        return [*train, *test]
    names = {record.name for record in fit.data}
    again = [curve for curve in read_logs(fit) if curve.name in names] if fit.data else []
    if not again:
        raise DataError(
            "the runs of this fit are not at hand (published parameters have none, and curves that "
            "were not read from logs are not kept in a file): give them, as fit.plot(runs)"
        )
    return again


def kept_curves(result: object) -> tuple[tuple[Curve, ...], tuple[Curve, ...]]:
    """The training and the held-out curves of a result that this process has made, else none."""
    train, test = getattr(result, CURVES, ((), ()))
    return train, test


def fit_of(given: FitLike, size: str | None = None) -> Fit:
    """The fit that is meant."""
    return given if isinstance(given, Fit) else load(given, size)


def name_of(given: FitLike) -> str:
    """What a fit is called in results: by where it is from."""
    if not isinstance(given, Fit):
        return str(given)
    return given.published or str(getattr(given, _SOURCE, "given"))


def schedule_named(given: ScheduleLike | Mapping[str, ScheduleLike]) -> tuple[str, Schedule]:
    """One schedule, and what it is called: its text, or the name that it has in a mapping."""
    if isinstance(given, Mapping):
        ((name, schedule),) = given.items()
        return name, schedule_from(schedule)
    return given if isinstance(given, str) else repr(given), schedule_from(given)


def named_schedules(
    given: Iterable[ScheduleLike | Mapping[str, ScheduleLike]],
) -> dict[str, Schedule]:
    """Schedules by name: a text's own, else their place among the schedules."""
    named: dict[str, Schedule] = {}
    for one in given:
        if isinstance(one, Mapping):
            pairs = dict(one)
        else:
            pairs = {one if isinstance(one, str) else f"schedule {len(named) + 1}": one}
        for name, plan in pairs.items():
            if name in named:
                raise DataError(f"two schedules are called {name!r}: give each another name")
            named[name] = schedule_from(plan)
    return named
