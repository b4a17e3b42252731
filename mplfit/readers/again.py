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

__all__ = ["read_again"]

_SAME = 1e-4  # relative difference of the objective that rounding may make


def read_again(
    fit: Fit,
    options: ReadOptions | None = None,
    *,
    role: str = "train",
    schedules: Mapping[str, Schedule] | None = None,
) -> list[Curve]:
    """The training (or test) curves of a fit, as they were when it was made.

    Raises
    ------
    DataError
        If the fit names no logs, one is gone or has changed, or the logs, read with these options,
        do not give the fit's training objective under its parameters.
    """
    entries = [entry for entry in fit.data if entry["role"] == role]
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
    paths = list(dict.fromkeys(str(e["path"]) for e in fit.data if e.get("path") is not None))
    needed = list(dict.fromkeys(str(entry["path"]) for entry in entries))
    gone = [path for path in needed if not Path(path).exists()]
    if gone:
        raise DataError(
            f"{gone[0]}, which this fit was made from, is not there (its path is as it was given "
            "to `mplfit fit`): run this from the same folder, or fit again"
        )
    # All together, because some logs (W&B charts, cooldowns) need one another.
    present = [path for path in paths if Path(path).exists()]
    read = {curve.name: curve for curve in read_curves(present, options, schedules=schedules)}
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
    if role == "train" and fit.objective is not None:
        value = Objective.of(fit.formula, curves).value(fit.values)
        if not np.isclose(value, fit.objective, rtol=_SAME, atol=1e-12):
            raise DataError(
                f"the logs, read like this, have the objective {value:.6g} under the fit's "
                f"parameters, not its {fit.objective:.6g}: give the reading options that `mplfit "
                "fit` had (--warmup, --schedule, …)"
            )
    return curves
