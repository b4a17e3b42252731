"""The JSON of the runs in github.com/fabian-sp/lr-scheduling (124M Llama-style models).

`history.train` and `history.val` count finished updates; the rate beside count c is that of the
update c, the next one. The rates in between follow from `config`: the cooldown runs from a
hundredth of the peak up over the warmup, holds, and decays; the cosine runs are PyTorch's
OneCycleLR with a cosine-shaped warmup. A cooldown run (`ann…`) begins at a checkpoint of a
`stable…` run of the same configuration: where both are given, its past is spliced on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mplfit.errors import DataError, ScheduleError
from mplfit.readers.json_rows import number
from mplfit.readers.log import Log, Series
from mplfit.readers.options import ReadOptions
from mplfit.schedule import Schedule
from mplfit.types import FloatArray

__all__ = ["Epfml", "config_schedule", "is_epfml", "read_epfml", "spliced"]

_FIRST = 0.01  # the warmup begins at this share of the peak
_BRANCH = ("iterations", "wsd_fract_decay", "decay_type", "resume_from", "wandb_run_prefix")
_ASIDE = (*_BRANCH, "permanent_ckpt_interval", "cos_final_lr", "wsd_final_lr_scale")


@dataclass(frozen=True, eq=False)
class Epfml(Log):
    """A log with its configuration, by which a cooldown finds its stable run."""

    config: Mapping[str, Any] | None = None


def is_epfml(values: Any) -> bool:
    """Whether a JSON object is such a run."""
    if not isinstance(values, Mapping) or not isinstance(values.get("config"), Mapping):
        return False
    history = values.get("history")
    return isinstance(history, Mapping) and ("train" in history or "val" in history)


def read_epfml(path: Path, sha256: str, values: Any, options: ReadOptions) -> Epfml:
    """The run in such a file; its name is the file's."""
    config, history = values["config"], values["history"]
    part, key = {"train": ("train", "train_loss"), "val": ("val", "val_loss")}.get(
        options.metric, ("", "")
    )
    if options.loss_col or not part:
        key = options.loss_col or options.metric
        part = next((name for name, table in history.items() if key in table), "")
    table = history.get(part)
    if not isinstance(table, Mapping) or key not in table:
        raise DataError(
            f"{path} has no {key!r} in its history: choose with --metric train, --metric val or a "
            "name in the file"
        )
    notes = (
        [
            "validation losses (sparse, little noise)"
            if part == "val"
            else "training losses, of one batch each (noisy; for the others: --metric val)"
        ]
        if part in ("train", "val")
        else []
    )
    notes.append("the log counts finished updates: step = iter − 1")
    loss = _averaged(_column(path, table, key), key, notes)
    train = history.get("train")
    rate = Series.empty()
    if isinstance(train, Mapping) and "train_lr" in train:
        rate = _column(path, train, "train_lr")
        total = config.get("iterations")
        past = rate.step == total
        if past.any():
            notes.append(f"the rate logged at count {total}, after the last update, is dropped")
            rate = Series(rate.step[~past], rate.value[~past])
    decay = config.get("weight_decay")
    return Epfml(
        name=path.stem,
        kind="epfml JSON",
        path=path,
        sha256=sha256,
        loss=Series(loss.step, loss.value, counted=True),
        rate=Series(rate.step, rate.value, counted=False),
        schedule=_schedule(path, config, notes),
        weight_decay=float(decay) if isinstance(decay, (int, float)) and decay >= 0 else None,
        notes=tuple(notes),
        also=tuple(k for p, k in (("train", "train_loss"), ("val", "val_loss")) if p != part),
        config=config,
    )


def spliced(logs: Sequence[Log]) -> list[Log]:
    """The logs, each cooldown run with the past that its stable run logged, where that is there."""
    stable = [log for log in logs if isinstance(log, Epfml) and _is_stable(log)]
    return [_with_past(log, stable) if isinstance(log, Epfml) else log for log in logs]


def _with_past(log: Epfml, stable: Sequence[Epfml]) -> Log:
    if _is_stable(log) or not len(log.loss) or not (log.config or {}).get("resume_from"):
        return log
    first = log.loss.step.min()
    resumed = _checkpoint(str((log.config or {})["resume_from"]))
    if resumed == 0:
        return log
    for past in stable:
        if _setting(past) == _setting(log):
            # A validation loss logged at the checkpoint itself is in both runs: the later wins.
            before = past.loss.step < first
            if not before.any():
                return log
            loss = Series(
                np.concatenate([past.loss.step[before], log.loss.step]),
                np.concatenate([past.loss.value[before], log.loss.value]),
                counted=True,
            )
            note = (
                f"{int(before.sum())} earlier rows are those of {past.name}, from whose "
                f"checkpoint {resumed} this run started"
            )
            return replace(log, loss=loss, notes=(*log.notes, note))
    note = (
        f"the run starts from checkpoint {resumed} of a stable run that is not given: its past is "
        "known by its schedule only"
    )
    return replace(log, notes=(*log.notes, note))


def _is_stable(log: Epfml) -> bool:
    config = log.config or {}
    return config.get("scheduler") == "wsd" and config.get("wsd_fract_decay") == 0


def _setting(log: Epfml) -> dict[str, Any]:
    """The configuration without what may differ between a run and its cooldown."""
    return {key: value for key, value in (log.config or {}).items() if key not in _ASIDE}


def _checkpoint(folder: str) -> int:
    last = folder.rstrip("/").rpartition("/")[2]
    return int(last) if last.isdigit() else -1


def _column(path: Path, table: Mapping[str, Any], key: str) -> Series:
    step, value = table.get("iter"), table[key]
    if not isinstance(step, list) or not isinstance(value, list) or len(step) != len(value):
        raise DataError(f"{path}: expected lists of one length for iter and {key}")
    return Series.of(
        [number(path, i, "iter", one) for i, one in enumerate(step)],
        [number(path, i, key, one) for i, one in enumerate(value)],
    )


def _averaged(series: Series, key: str, notes: list[str]) -> Series:
    """One row a count, in order: repeated ones are averaged, as neither is the better."""
    known = np.isfinite(series.step)
    if known.all() and np.all(np.diff(series.step) > 0):
        return series
    step, place, times = np.unique(series.step, return_inverse=True, return_counts=True)
    value = np.bincount(place, series.value, minlength=step.size) / times
    if (times > 1).any():
        again = step[times > 1]
        notes.append(
            f"{again.size} counts of {key} are logged more than once ({again[0]:g}–{again[-1]:g}): "
            "averaged"
        )
    if np.any(np.diff(series.step) < 0):
        notes.append(f"rows of {key} were not in the order of their counts: sorted")
    return Series(step, value)


def _schedule(path: Path, config: Mapping[str, Any], notes: list[str]) -> Schedule | None:
    try:
        return config_schedule(config)
    except (KeyError, TypeError, ValueError, OverflowError, ScheduleError) as error:
        notes.append(f"no schedule could be made from the configuration ({error!r:.80})")
        return None


def config_schedule(config: Mapping[str, Any]) -> Schedule | None:
    """The schedule that a configuration describes; None where it is of no known kind.

    >>> from mplfit.readers.epfml import config_schedule
    >>> wsd = {"scheduler": "wsd", "lr": 1e-3, "iterations": 1000, "warmup_steps": 100}
    >>> config_schedule({**wsd, "wsd_fract_decay": 0.2, "decay_type": "linear"}).lr[[0, 50, 900]]
    array([1.00e-05, 5.05e-04, 5.00e-04])
    """
    peak, total = float(config["lr"]), int(config["iterations"])
    warmup = int(config["warmup_steps"])
    if not 0 < warmup < total <= 10**7:
        return None
    if config["scheduler"] == "cos":
        final = float(config.get("cos_final_lr", -1))
        return Schedule(_one_cycle(total, warmup, peak, final), warmup)
    if config["scheduler"] != "wsd":
        return None
    lr = np.full(total, peak)
    lr[:warmup] = peak * (_FIRST + (1 - _FIRST) * np.arange(warmup) / warmup)
    cooldown = int(float(config["wsd_fract_decay"]) * total)
    floor = float(config.get("wsd_final_lr_scale", 0))
    if cooldown:
        start = total - cooldown
        share = np.arange(cooldown) / cooldown
        shapes = {"linear": 1 - share, "sqrt": 1 - np.sqrt(share)}
        if config["decay_type"] not in shapes:
            return None
        lr[start:] = peak * (floor + (1 - floor) * shapes[config["decay_type"]])
    return Schedule(lr, warmup)


def _one_cycle(total: int, warmup: int, peak: float, final: float) -> FloatArray:
    """torch's OneCycleLR: cosine up from a hundredth over the warmup, cosine down to the end."""
    first, last = _FIRST * peak, final if final > 0 else 0.1 * peak
    step = np.arange(total)
    up = first + (peak - first) * (1 - np.cos(np.pi * step / (warmup - 1))) / 2
    down = last + (peak - last) * (1 + np.cos(np.pi * (step - warmup + 1) / (total - warmup))) / 2
    lr: FloatArray = np.where(step < warmup, up, down)
    return lr
