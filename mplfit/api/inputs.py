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
    "load",
    "name_of",
    "named_schedules",
    "paths_of",
    "read",
    "schedule_from",
    "text_of",
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

CURVES = "_curves"  # of a fit that this process has made: what it was fitted to, and held out


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
    return load_fit(source if isinstance(source, str) else Path(source), size)


def schedule_from(given: ScheduleLike) -> Schedule:
    """A schedule that is given as one, as text, or by the name of a file."""
    return load_schedule(given) if isinstance(given, str) else given


def paths_of(paths: PathOrPaths) -> list[str | Path]:
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
    if len(paths) + len(curves) < len(some) or not some:
        raise DataError(
            "expected curves, or the paths of logs: got "
            + (
                type(next(one for one in some if one not in (*paths, *curves))).__name__
                if some
                else "nothing"
            )
        )
    if paths and curves:
        raise DataError("expected curves, or the paths of logs: got both")
    return list(read(paths)) if paths else curves


def curves_of_fit(fit: Fit, runs: RunsLike | None) -> list[Curve]:
    """The runs given, else those that a fit was made from: kept, or read again."""
    if runs is not None:
        return curves_given(runs)
    kept: tuple[Curve, ...] = getattr(fit, CURVES, ())
    if kept:
        return list(kept)
    names = {record.name for record in fit.data}
    again = [curve for curve in read_logs(fit) if curve.name in names] if fit.data else []
    if not again:
        raise DataError(
            "the runs of this fit are not at hand (published parameters have none, and curves that "
            "were not read from logs are not kept in a file): give them, as fit.plot(runs)"
        )
    return again


def fit_of(given: FitLike) -> Fit:
    return given if isinstance(given, Fit) else load(given)


def name_of(given: FitLike) -> str:
    return (given.published or "given") if isinstance(given, Fit) else str(given)


def text_of(given: ScheduleLike) -> str:
    return given if isinstance(given, str) else repr(given)


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
