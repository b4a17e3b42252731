"""The curves of a fit, read again from the logs that it names, as they were read for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.estimate.records import CurveRecord
from mplfit.estimate.result import Fit
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from mplfit.schedule import Schedule
from mplfit.types import from_plain

__all__ = ["logs_of", "read_again", "read_logs"]


@dataclass
class _Alike:
    """Logs that are read with the same options, and what is said of single runs of them."""

    paths: dict[str, None] = field(default_factory=dict)
    schedules: dict[str, Schedule | str] = field(default_factory=dict)
    sizes: dict[str, float | str] = field(default_factory=dict)


def logs_of(fit: Fit) -> tuple[list[str], list[str]]:
    """The paths of a fit's logs, training and test: those that are there, and those that are not.

    They are as they were given to the command that made the fit.
    """
    paths = dict.fromkeys(path for record in fit.data for path in _files(record))
    there = [path for path in paths if Path(path).exists()]
    return there, [path for path in paths if path not in there]


def read_logs(
    fit: Fit,
    options: ReadOptions | None = None,
    schedules: Mapping[str, Schedule | str] | None = None,
    sizes: Mapping[str, float | str] | None = None,
) -> list[Curve]:
    """The curves in those logs of a fit that are there, whatever they are by now.

    Parameters
    ----------
    options, schedules, sizes : how to read them, as in `read_curves`; as the fit records it where
        None.
    """
    there, _ = logs_of(fit)
    # Of fits of the first schema, which do not say how their logs were read, all rows were kept.
    first = {"from_step": min((record.first_step for record in fit.data), default=0)}
    groups: dict[ReadOptions, _Alike] = {}
    for record in fit.data:
        if record.path is None or record.path not in there:
            continue
        alike = options
        plan, size = (schedules or {}).get(record.name), (sizes or {}).get(record.name)
        if alike is None:
            said = from_plain(ReadOptions, record.reading if record.reading is not None else first)
            plan, size = said.schedule, said.size
            alike = replace(said, schedule=None, size=None)
        # Logs that were read alike are read together: some (W&B charts, cooldowns) need others.
        group = groups.setdefault(alike, _Alike())
        group.paths |= dict.fromkeys(path for path in _files(record) if path in there)
        if plan is not None:
            group.schedules[record.name] = plan
        if size is not None:
            group.sizes[record.name] = size
    return [
        curve
        for alike, group in groups.items()
        for curve in read_curves(
            list(group.paths), alike, schedules=group.schedules, sizes=group.sizes
        )
    ]


def read_again(
    fit: Fit,
    options: ReadOptions | None = None,
    schedules: Mapping[str, Schedule | str] | None = None,
    sizes: Mapping[str, float | str] | None = None,
) -> list[Curve]:
    """The training curves of a fit, as they were when it was made.

    Parameters
    ----------
    options, schedules, sizes : as in `read_logs`.

    Raises
    ------
    DataError
        If the fit names no logs, one is gone or has changed, or the logs, read like this, have
        other rows than the fit had.
    """
    if not fit.trained:
        raise DataError(
            "this fit names no logs (published parameters have none): fit your own runs first, "
            "with `mplfit fit`"
        )
    _, gone = logs_of(fit)
    for record in fit.trained:
        if record.path is None:
            raise DataError(
                f"the curve {record.name} of this fit was not read from a file: it cannot be read "
                "again"
            )
        for path in _files(record):
            if path in gone:
                raise DataError(
                    f"{path}, which this fit was made from, is not there (its path is as it was "
                    "given to `mplfit fit`): run this from the same folder, or fit again"
                )
    curves = read_logs(fit, options, schedules, sizes)
    read = {record.name: _curve_of(record, curves) for record in fit.trained}
    for record in fit.trained:
        _check_same(fit, record, read[record.name])
    return [curve for curve in read.values() if curve is not None]


def _files(record: CurveRecord) -> tuple[str, ...]:
    """Every file that a curve was made from; none where that is not known."""
    return () if record.path is None else (*record.beside, record.path)


def _curve_of(record: CurveRecord, curves: Sequence[Curve]) -> Curve | None:
    """The curve of a record: by its name, or by its file where that has one run.

    Without the others a run may have another name (`mplfit.readers.naming`).
    """
    same = [one for one in curves if one.origin and one.origin.sha256 == record.sha256]
    own = next((curve for curve in curves if curve.name == record.name), None)
    if own is None and len(same) == 1:
        return replace(same[0], name=record.name)
    return own


def _check_same(fit: Fit, record: CurveRecord, curve: Curve | None) -> None:
    """Refuse what is not the curve that the fit was made from."""
    name = record.name
    if curve is None or curve.origin is None or curve.origin.sha256 != record.sha256:
        raise DataError(
            f"{record.path} has changed since the fit (the curve {name} is no longer what was "
            "fitted): fit again"
        )
    now, hint = CurveRecord.of(curve, "train"), "give the reading options that `mplfit fit` had"
    for what, number, then in (
        ("{} rows", now.points, record.points),
        ("a first row at step {}", now.first_step, record.first_step),
        ("a last row at step {}", now.last_step, record.last_step),
        ("a schedule of {} updates", now.steps, record.steps),
        ("a warmup of {} updates", now.warmup, record.warmup),
    ):
        if number != then:
            raise DataError(
                f"{name} has {what.format(number)} where the fit had {then}: {hint} (metric=, "
                "every=, warmup=, …)"
            )
    measured = fit.metrics.train if fit.metrics else None
    last = measured.final.get(name) if measured else None
    if (record.reading is not None and now.reading != record.reading) or (
        last is not None and abs(curve.loss[-1] / last.observed - 1) > 1e-9
    ):
        raise DataError(f"{name}, read like this, has other losses than the fit had: {hint}")
