"""Finished runs from the JSON logs of github.com/epfml and github.com/fabian-sp/lr-scheduling.

Only what a comparison of final losses needs: the schedule, rebuilt from the run's `config` and
checked against every logged rate, and the final validation loss on the whole validation set. The
curves themselves are read by `mplfit.readers.epfml`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mplfit.bounds.agreement import Outcome
from mplfit.errors import DataError, ScheduleError
from mplfit.readers.epfml import config_schedule, read_epfml, spliced
from mplfit.readers.finish import finish
from mplfit.readers.log import Log, file_bytes
from mplfit.readers.options import ReadOptions
from mplfit.schedule import Schedule

__all__ = ["read_outcome", "read_outcomes"]


def read_outcomes(folder: Path) -> tuple[list[Outcome], list[str]]:
    """Every finished run in a folder of .json logs, by name; and why others are left out.

    Raises
    ------
    DataError
        If there is no log, or none of a finished run.
    """
    files = sorted(folder.glob("*.json")) if folder.is_dir() else [folder]
    if not files:
        raise DataError(f"the folder {folder} has no .json log: expected one file for each run")
    outcomes, left_out = [], []
    for file in files:
        try:
            outcomes.append(read_outcome(file, files))
        except DataError as error:
            left_out.append(str(error))
    if not outcomes:
        raise DataError(left_out[0])
    return outcomes, left_out


def read_outcome(path: Path, others: Sequence[Path] = ()) -> Outcome:
    """The schedule and the final validation loss of a run.

    A schedule that `config` does not give, as that of `wsd_twostage`, is rebuilt from the logged
    rates, with those of the run among `others` that it was branched from.

    Raises
    ------
    DataError
        If the file is not such a log, its run is not finished or has diverged, or the logged rates
        are not those of its configuration.
    """
    try:
        log = json.loads(file_bytes(path))
        config, summary, train = log["config"], log["summary"], log["history"]["train"]
        schedule = config_schedule(config)
        count = np.array(train["iter"], dtype=np.int64)
        logged = np.array(train["train_lr"], dtype=np.float64)
        loss = summary.get("final-val/loss")
        kind, cooldown = _kind(config)
        peak, total = float(config["lr"]), int(config["iterations"])
        val = log["history"].get("val", {})
        lowest = min(val.get("val_loss", []), default=np.inf)
        step = np.array(val.get("iter", []), dtype=np.int64) - 1  # counts of finished updates
        losses = np.array(val.get("val_loss", []), dtype=np.float64)
    except (
        ArithmeticError,
        AttributeError,
        KeyError,
        RecursionError,
        ScheduleError,
        TypeError,
        ValueError,
    ) as error:
        why = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(
            f"{path} is not a log of a run with config, summary and history.train: {why}"
        ) from None
    if loss is None:
        raise DataError(f"{path} has no final-val/loss in its summary: the run is not finished")
    if not isinstance(loss, (int, float)) or not 0 < loss < np.inf or loss > 1.1 * lowest:
        was = f", {lowest:.4g} at its lowest" if 0 < lowest < np.inf else ""
        raise DataError(f"{path}: the final validation loss is {loss!r}{was}: the run has diverged")
    if schedule is None:
        schedule = _rebuilt(path, others)
    rates = schedule.lr
    # The rate logged beside count n is that of update n, the next one; beside T it is no update's.
    inside = (count < rates.size) & np.isfinite(logged)
    away = np.abs(logged[inside] - rates[count[inside]])
    if away.size and away.max() > 1e-6 * rates.max():
        raise DataError(
            f"{path}: the rate logged at iteration {count[inside][away.argmax()]} is "
            f"{logged[inside][away.argmax()]:g}, but the configuration gives "
            f"{rates[count[inside]][away.argmax()]:g}"
        )
    if config["scheduler"] == "cos":
        kind = f"cosine to {100 * round(rates[-1] / rates.max(), 3):.0f} %"
    share = "" if cooldown is None else f" {100 * cooldown:.0f} %" if cooldown else " no cooldown"
    name = f"{kind}{share}, lr {peak:g}, {total} steps"
    kept = (step >= 0) & (step < schedule.steps) if step.size == losses.size else slice(0)
    step, losses = step[kept], losses[kept]
    # Some histories have an iteration twice, or out of order: the later row wins.
    step, last = np.unique(step[::-1], return_index=True)
    return Outcome(name, schedule, float(loss), kind, cooldown, step, losses[::-1][last])


def _rebuilt(path: Path, others: Sequence[Path]) -> Schedule:
    """The schedule of one of some runs by all their logged rates."""
    logs: list[Log] = []
    options = ReadOptions()
    for file in dict.fromkeys([path, *others]):
        try:
            logs.append(read_epfml(file, "", json.loads(file_bytes(file)), options))
        except (DataError, KeyError, TypeError, ValueError, AttributeError):
            if file == path:
                raise DataError(f"{path} is not a log with its rates in history.train") from None
    return finish(spliced(logs)[0], options).schedule


def _kind(config: Mapping[str, Any]) -> tuple[str, float | None]:
    """The run's shape, and the share of its updates that decay."""
    scheduler = str(config["scheduler"])
    if not scheduler.startswith("wsd"):
        return scheduler, None
    share = float(config["wsd_fract_decay"])
    shape = config.get("decay_type", "linear") if share else "linear"
    stages = "two-stage " if scheduler == "wsd_twostage" else ""
    return f"wsd {stages}{shape}", share
