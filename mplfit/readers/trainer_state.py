"""Hugging Face's trainer_state.json: the rows of its `log_history`.

The Trainer counts finished updates, and its loss is a mean over the updates since the last row.
Which update the logged rate belongs to has changed between its versions: older ones log the rate
of the *next* update. The warmup's first rows tell, because a linear warmup begins with rate 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.json_rows import number
from mplfit.readers.log import Log, Series
from mplfit.readers.names import losses_among
from mplfit.readers.options import ReadOptions
from mplfit.readers.source import log_stem
from mplfit.trend import trend_of

__all__ = ["is_trainer_state", "placed_rates", "read_trainer_state"]


_MOST = 1e15  # steps: beyond it there is no next one


def is_trainer_state(values: Any) -> bool:
    """Whether a JSON object is the state of a Trainer."""
    return isinstance(values, Mapping) and isinstance(values.get("log_history"), list)


def read_trainer_state(path: Path, sha256: str, values: Any, options: ReadOptions) -> Log:
    """The run in a trainer_state.json; its name is that of the run's folder."""
    rows = [row for row in values["log_history"] if isinstance(row, Mapping)]
    rows = [row for row in rows if isinstance(row.get("step"), (int, float))]
    keys = tuple(dict.fromkeys(key for row in rows for key in row))
    key = {"train": "loss", "val": "eval_loss"}.get(options.metric, options.metric)
    key = options.loss_col or key
    only = key == "loss" and key not in keys and "eval_loss" in keys
    key = "eval_loss" if only else key
    if key not in keys:
        raise DataError(
            f"{path} has no {key!r} in its log_history: it has "
            f"{', '.join(keys[:12]) or 'no row with a step'} (choose with metric=)"
        )
    losses = [(i, row) for i, row in enumerate(rows) if key in row]
    rates = [(i, row) for i, row in enumerate(rows) if "learning_rate" in row]
    norms = [(i, r) for i, r in enumerate(rows) if isinstance(r.get("grad_norm"), (int, float))]
    loss = _series(path, losses, key, counted=True)
    rate = _series(path, rates, "learning_rate", counted=True)
    total = values.get("max_steps")
    total = total if isinstance(total, int) and total > 0 else None
    rate, how = placed_rates(rate, total)
    notes = [how] if len(rate) else []
    if only:
        notes.append("no training loss is logged: eval_loss, of validation, is taken")
    if key == "loss":
        notes.append("each loss is the mean over the updates since the row before it")
    if len(loss) and np.allclose(np.round(loss.value, 4), loss.value, rtol=0, atol=1e-9):
        notes.append("losses are rounded to 4 decimals")
    aside = sum(1 for row in rows if key not in row)
    if aside:
        notes.append(f"{aside} rows without {key} (evaluations, the summary) kept apart")
    return Log(
        name=_name(path),
        kind="Hugging Face trainer_state",
        path=path,
        sha256=sha256,
        loss=loss,
        rate=rate,
        norm=_series(path, norms, "grad_norm", counted=True),
        notes=tuple(notes),
        total=total,
        also=tuple(name for name in losses_among(keys) if name not in (key, "train_loss")),
    )


def _series(
    path: Path, rows: list[tuple[int, Mapping[str, Any]]], key: str, *, counted: bool
) -> Series:
    return Series.of(
        [number(path, i, "step", row["step"]) for i, row in rows],
        [number(path, i, key, row[key]) for i, row in rows],
        counted=counted,
    )


def placed_rates(rate: Series, total: int | None) -> tuple[Series, str]:
    """The rates with the update that they belong to, and how that was found."""
    later = Series(rate.step, rate.value, counted=False)
    if len(rate) and rate.value[-1] == 0 and rate.step[-1] == total:
        return later, "the rate of a row is that of the next update (the last row's is 0)"
    if (
        len(rate) > 2
        and 0 < rate.value[0] < rate.value[1]
        and -1 < rate.step[0] < rate.step[1] < _MOST
    ):
        slope = (rate.value[1] - rate.value[0]) / (rate.step[1] - rate.step[0])
        begin = rate.step[0] - rate.value[0] / slope
        if abs(begin) < 0.2:
            return later, "the rate of a row is that of the next update (by its warmup's line)"
        if abs(begin - 1) < 0.2:
            return rate, "the rate of a row is that of the last update (by its warmup's line)"
    whole = np.all(np.isfinite(rate.value)) and np.all(np.isfinite(rate.step))
    if total is not None and len(rate) > 2 and whole and np.all(np.diff(rate.step) > 0):
        trend = trend_of(rate.step.astype(np.int64), rate.value)
        end = trend.end - total if trend is not None and trend.form == "linear" else np.inf
        if abs(end) < 0.2:
            return later, "the rate of a row is that of the next update (by its decay's end)"
        if abs(end - 1) < 0.2:
            return rate, "the rate of a row is that of the last update (by its decay's end)"
    return rate, (
        "the rate of a row is taken as that of the last update, as recent Trainers log it (older "
        "ones log the next update's)"
    )


def _name(path: Path) -> str:
    """The run's folder: the one above checkpoint-N, where the file lies in that."""
    if log_stem(path) != "trainer_state":
        return log_stem(path)
    folder = path.resolve().parent
    if folder.name.startswith("checkpoint-"):
        folder = folder.parent
    return folder.name or log_stem(path)
