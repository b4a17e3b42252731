"""The curves of a fit, read again from the logs that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mplfit.curve import Curve
from mplfit.errors import DataError
from mplfit.estimate.objective import Objective
from mplfit.estimate.result import Fit
from mplfit.readers.options import ReadOptions
from mplfit.readers.paths import read_curves
from mplfit.schedule import Schedule

__all__ = ["logs_of", "read_again", "read_logs"]

_SAME = 1e-4  # relative difference of the objective that rounding may make


def logs_of(fit: Fit) -> tuple[list[str], list[str]]:
    """The paths of a fit's logs, training and test: those that are there, and those that are not.

    They are as they were given to the command that made the fit.
    """
    paths = dict.fromkeys(str(one["path"]) for one in fit.data if one.get("path") is not None)
    there = [path for path in paths if Path(path).exists()]
    return there, [path for path in paths if path not in there]


def read_logs(
    fit: Fit,
    options: ReadOptions | None = None,
    schedules: Mapping[str, Schedule] | None = None,
) -> list[Curve]:
    """The curves in those logs of a fit that are there, whatever they are by now.

    All together, because some logs (W&B charts, cooldowns) need one another.
    """
    return read_curves(logs_of(fit)[0], options, schedules=schedules)


def read_again(
    fit: Fit,
    options: ReadOptions | None = None,
    schedules: Mapping[str, Schedule] | None = None,
) -> list[Curve]:
    """The training curves of a fit, as they were when it was made.

    Raises
    ------
    DataError
        If the fit names no logs, one is gone or has changed, or the logs, read with these options,
        do not give the fit's training objective under its parameters.
    """
    entries = [entry for entry in fit.data if entry["role"] == "train"]
    if not entries:
        raise DataError(
            "this fit names no logs (published parameters have none): fit your own runs first, "
            "with `mplfit fit`"
        )
    nameless = [str(entry["name"]) for entry in entries if entry.get("path") is None]
    if nameless:
        raise DataError(
            f"the curve {nameless[0]} of this fit was not read from a file: it cannot be read again"
        )
    _, missing = logs_of(fit)
    gone = [entry["path"] for entry in entries if str(entry["path"]) in missing]
    if gone:
        raise DataError(
            f"{gone[0]}, which this fit was made from, is not there (its path is as it was given "
            "to `mplfit fit`): run this from the same folder, or fit again"
        )
    read = {curve.name: curve for curve in read_logs(fit, options, schedules)}
    curves = []
    for entry in entries:
        name, curve = str(entry["name"]), read.get(str(entry["name"]))
        if curve is None or curve.origin is None or curve.origin.sha256 != entry["sha256"]:
            raise DataError(
                f"{entry['path']} has changed since the fit (the curve {name} is no longer what "
                "was fitted): fit again"
            )
        if len(curve) != entry["points"]:
            raise DataError(
                f"{name} has {len(curve)} rows where the fit had {entry['points']}: give the "
                "reading options that `mplfit fit` had (--metric, --every, --smooth, …)"
            )
        curves.append(curve)
    if fit.objective is not None:
        value = Objective.of(fit.formula, curves).value(fit.values)
        if not np.isclose(value, fit.objective, rtol=_SAME, atol=1e-12):
            raise DataError(
                f"the logs, read like this, have the objective {value:.6g} under the fit's "
                f"parameters, not its {fit.objective:.6g}: give the reading options that `mplfit "
                "fit` had (--warmup, --schedule, …)"
            )
    return curves
