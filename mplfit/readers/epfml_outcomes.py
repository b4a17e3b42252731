"""Finished runs from the JSON logs of github.com/epfml and github.com/fabian-sp/lr-scheduling.

Only what a comparison of final losses needs: the schedule, rebuilt from the run's `config` and
checked against every logged rate, and the final validation loss on the whole validation set. The
curves themselves are read by `mplfit.readers.epfml`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mplfit.errors import DataError
from mplfit.estimate.agreement import Outcome
from mplfit.readers.epfml import config_schedule
from mplfit.readers.log import file_bytes
from mplfit.types import FloatArray

__all__ = ["read_outcome", "read_outcomes"]


def read_outcomes(folder: Path) -> list[Outcome]:
    """Every finished run in a folder of .json logs, by name.

    Raises
    ------
    DataError
        If there is none, or one is not such a log.
    """
    files = sorted(folder.glob("*.json")) if folder.is_dir() else [folder]
    if not files:
        raise DataError(f"the folder {folder} has no .json log: expected one file for each run")
    return [read_outcome(file) for file in files]


def read_outcome(path: Path) -> Outcome:
    """The schedule and the final validation loss of a run.

    Raises
    ------
    DataError
        If the file is not such a log, its run is not finished, or the logged rates are not those
        of its configuration.
    """
    try:
        log = json.loads(file_bytes(path))
        config, summary, train = log["config"], log["summary"], log["history"]["train"]
        schedule = config_schedule(config)
        count = np.array(train["iter"], dtype=np.int64)
        logged = np.array(train["train_lr"], dtype=np.float64)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{path} is not a log of a run with config, summary and history.train: "
            f"{type(error).__name__} {error}"
        ) from None
    if schedule is None:
        raise DataError(f"{path}: the scheduler {config['scheduler']!r} is neither cos nor wsd")
    rates = schedule.lr
    loss = summary.get("final-val/loss")
    if loss is None or not np.isfinite(loss):
        raise DataError(f"{path} has no final-val/loss in its summary: the run is not finished")
    # The rate logged beside count n is that of update n, the next one; beside T it is no update's.
    inside = (count < rates.size) & np.isfinite(logged)
    away = np.abs(logged[inside] - rates[count[inside]])
    if away.size and away.max() > 1e-6 * rates.max():
        raise DataError(
            f"{path}: the rate logged at iteration {count[inside][away.argmax()]} is "
            f"{logged[inside][away.argmax()]:g}, but the configuration gives "
            f"{rates[count[inside]][away.argmax()]:g}"
        )
    kind, cooldown = _kind(config, rates)
    share = "" if cooldown is None else f" {100 * cooldown:.0f} %" if cooldown else " no cooldown"
    name = f"{kind}{share}, lr {config['lr']:g}, {config['iterations']} steps"
    return Outcome(name, schedule, float(loss), kind, cooldown)


def _kind(config: dict[str, Any], rates: FloatArray) -> tuple[str, float | None]:
    if config["scheduler"] == "cos":
        return f"cosine to {100 * round(rates[-1] / rates.max(), 3):.0f} %", None
    share = float(config["wsd_fract_decay"])
    return ("wsd linear" if not share else f"wsd {config['decay_type']}"), share
