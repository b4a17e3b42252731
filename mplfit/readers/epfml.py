"""The JSON of the runs in github.com/fabian-sp/lr-scheduling (124M Llama-style models).

`history.train` and `history.val` count finished updates; the rate beside count c is that of the
update c, the next one. The rates in between follow from `config`: the cooldown runs from a
hundredth of the peak up over the warmup, holds, and decays; the cosine runs are PyTorch's
OneCycleLR with a cosine-shaped warmup. A cooldown run (`ann…`), or one that extends another to
more updates (`wsd_twostage` at another rate), begins at a checkpoint of a run of the same model,
data, batch and rate: where that is given, its past is spliced on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mplfit.curve import RunSize
from mplfit.errors import DataError, ScheduleError
from mplfit.readers.json_rows import number
from mplfit.readers.log import Log, Series
from mplfit.readers.names import plain
from mplfit.readers.options import ReadOptions
from mplfit.readers.sizes import size_of
from mplfit.readers.source import log_stem
from mplfit.schedule import Schedule
from mplfit.types import FloatArray

__all__ = ["Epfml", "config_schedule", "is_epfml", "read_epfml", "spliced"]

_FIRST = 0.01  # the warmup begins at this share of the peak
# What two runs share of which one was branched from the other. Older logs lack some keys, and a
# run may be resumed on other machines: keys that one of the two lacks tell nothing.
_SHARED = (
    *("model", "n_layer", "n_head", "n_embd", "vocab_size", "bias", "dropout", "init_std", "moe"),
    *("dataset", "sequence_length", "seed", "data_seed", "lr", "warmup_steps", "weight_decay"),
    *("opt", "beta1", "beta2", "grad_clip", "scale_emb", "scale_depth", "scale_base_model"),
    *("mlp_dim_exp_factor", "multiple_of", "rmsnorm_eps", "tokenizer", "parallel_block"),
)
_BATCH = ("batch_size", "acc_steps", "world_size")  # their product is the batch


@dataclass(frozen=True, eq=False)
class Epfml(Log):
    """A log with its configuration, by which a branch finds the run that it was branched from.

    resumed : the count of finished updates at the checkpoint that it began from; 0 for none.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    resumed: int = 0


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
            f"{path} has no {key!r} in its history: choose with metric='train', metric='val' or a "
            "name in the file"
        )
    notes = (
        [
            "validation losses (sparse, little noise)"
            if part == "val"
            else "training losses, of one batch each (noisy; for the others: metric='val')"
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
    schedule = _schedule(path, config, notes)
    resumed = _resumed(config, rate if len(rate) else loss)
    total = config.get("iterations")
    return Epfml(
        name=log_stem(path),
        kind="epfml JSON",
        path=path,
        sha256=sha256,
        loss=Series(loss.step, loss.value, counted=True),
        rate=Series(rate.step, rate.value, counted=False),
        schedule=schedule,
        total=total if isinstance(total, int) and total > 0 else None,
        begin=_begin(config, resumed or _first(rate)),
        weight_decay=float(decay) if isinstance(decay, (int, float)) and decay >= 0 else None,
        size=_size(config),
        notes=tuple(notes),
        also=tuple(k for p, k in (("train", "train_loss"), ("val", "val_loss")) if p != part),
        config=config,
        resumed=resumed,
    )


def _size(config: Mapping[str, Any]) -> RunSize:
    """Width, depth and batch as the configuration has them."""
    told = {plain(name): float(value) for name, value in config.items() if _is_number(value)}
    if all(plain(name) in told for name in _BATCH):
        told["globalbatchsize"] = float(np.prod([told[plain(name)] for name in _BATCH]))
    return size_of(told, "the log's configuration")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18


def spliced(logs: Sequence[Log]) -> list[Log]:
    """The logs, each branch with the past that the run it was branched from logged, if given."""
    runs = [log for log in logs if isinstance(log, Epfml)]
    return [_with_past(log, runs) if isinstance(log, Epfml) else log for log in logs]


def _with_past(log: Epfml, runs: Sequence[Epfml]) -> Epfml:
    if not log.resumed or not len(log.loss):
        return log
    first = log.loss.step.min()
    # A branch's own past may be another's: checkpoints are earlier and earlier, so this ends.
    pasts = [
        _with_past(run, runs)
        for run in runs
        if run.resumed < log.resumed <= _branches_until(run) and _same_run(run, log)
    ]
    pasts = [past for past in pasts if np.any(past.loss.step < first)]
    if not pasts:
        note = (
            f"the run starts from checkpoint {log.resumed} of a stable run that is not given: its "
            "past is known by its schedule only"
        )
        return replace(log, notes=(*log.notes, note))
    source = str(log.config.get("resume_from"))
    past = max(pasts, key=lambda run: (f"/{run.name}/" in source, len(run.loss), run.name))
    # A validation loss logged at the checkpoint itself is in both runs: the later wins.
    loss = _after(past.loss, log.loss, past.loss.step < min(first, _branches_until(past) + 1))
    before = int(len(loss) - len(log.loss))
    note = (
        f"{before} earlier row{'s are those' if before > 1 else ' is that'} of {past.name}, from "
        f"whose checkpoint {log.resumed} this run started"
    )
    rate = _after(_until(past.rate, log), log.rate) if len(log.rate) else log.rate
    begin = _begin(log.config, _first(rate))
    notes, beside = (*log.notes, note), (*log.beside, past.path, *past.beside)
    return replace(log, loss=loss, rate=rate, begin=begin, notes=notes, beside=beside)


def _after(
    past: Series, series: Series, kept: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None
) -> Series:
    kept = np.ones(len(past), np.bool_) if kept is None else kept
    return Series(
        np.concatenate([past.step[kept], series.step]),
        np.concatenate([past.value[kept], series.value]),
        counted=series.counted,
    )


def _until(rate: Series, log: Epfml) -> Series:
    """The rates before the checkpoint; where they and the branch's are flat, up to its update."""
    kept = rate.step < min(log.resumed, log.rate.step.min())
    step, value, new = rate.step[kept], rate.value[kept], log.rate.value
    if value.size > 1 and value[-1] == value[-2] and step[-1] < log.resumed - 1:
        step, value = np.append(step, log.resumed - 1), np.append(value, value[-1])
        if new.size > 1 and new[0] == new[1] and log.rate.step[0] > log.resumed:
            step, value = np.append(step, log.resumed), np.append(value, new[0])
    return Series(step, value, counted=rate.counted)


def _branches_until(run: Epfml) -> int:
    """The update from which on a run decays: up to there a checkpoint has the stable rate."""
    config = run.config
    if not str(config.get("scheduler")).startswith("wsd"):
        return -1
    share, total = config.get("wsd_fract_decay"), config.get("iterations")
    if not isinstance(share, (int, float)) or not isinstance(total, int) or not 0 <= share <= 1:
        return -1
    return total - int(share * total)


def _same_run(run: Epfml, log: Epfml) -> bool:
    """Whether two runs are of one model, data, batch, optimizer and rate, as far as both tell."""
    one, two = run.config, log.config
    if run is log or "lr" not in one or not str(two.get("scheduler")).startswith("wsd"):
        return False
    both = [key for key in _BATCH if key in one and key in two]
    batches = [np.prod([float(config[key]) for key in both]) for config in (one, two)]
    alike = all(one[key] == two[key] for key in _SHARED if key in one and key in two)
    return bool(alike and batches[0] == batches[1])


def _resumed(config: Mapping[str, Any], rows: Series) -> int:
    """The count of updates at the checkpoint that a run began from; 0 if from none.

    By the number in `resume_from`; where a log lacks that, by a first row that is far from 0.
    """
    source = str(config.get("resume_from") or "").rstrip("/").split("/")
    for part in source[:-3:-1]:
        if found := re.fullmatch(r"(?:\w*?[_-])?(\d+)(?:\.\w+)?", part):
            return int(found[1])
    step = np.unique(rows.step[np.isfinite(rows.step)])
    gap = int(np.median(np.diff(step))) if step.size > 1 else 0
    warm = str(config.get("scheduler")).startswith("wsd") and step.size > 1
    return int(step[0]) - gap if warm and step[0] > 2 * gap else 0


def _begin(config: Mapping[str, Any], until: int) -> FloatArray | None:
    """The configured rates up to an update before any decay: the warmup and the peak."""
    peak, warmup = config.get("lr"), config.get("warmup_steps")
    if not isinstance(peak, (int, float)) or not isinstance(warmup, int):
        return None
    known = str(config.get("scheduler")).startswith("wsd") and warmup > 0 and 0 < peak < np.inf
    if not known or not 0 < until < 10**7:
        return None
    share = np.minimum(np.arange(until) / warmup, 1.0)
    return float(peak) * (_FIRST + (1 - _FIRST) * share)


def _first(rate: Series) -> int:
    step = rate.step[np.isfinite(rate.step)]
    return int(step.min()) if step.size else 0


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
    if config.get("scheduler") == "wsd" and "decay_type" not in config:
        notes.append("the configuration names no decay_type: taken as linear")
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
        cosine = (1 + np.cos(np.pi * share)) / 2
        shapes = {
            "linear": 1 - share,
            "sqrt": 1 - np.sqrt(share),
            "square": 1 - share**2,
            "cosine": cosine,
            "mirror_cosine": 2 * (1 - share) - cosine,
        }
        kind = config.get("decay_type", "linear")  # which older logs lack
        if kind not in shapes:
            return None
        lr[start:] = peak * (floor + (1 - floor) * shapes[kind])
    return Schedule(lr, warmup)


def _one_cycle(total: int, warmup: int, peak: float, final: float) -> FloatArray:
    """torch's OneCycleLR: cosine up from a hundredth over the warmup, cosine down to the end."""
    first, last = _FIRST * peak, final if final > 0 else 0.1 * peak
    step = np.arange(total)
    up = first + (peak - first) * (1 - np.cos(np.pi * step / (warmup - 1))) / 2
    down = last + (peak - last) * (1 + np.cos(np.pi * (step - warmup + 1) / (total - warmup))) / 2
    lr: FloatArray = np.where(step < warmup, up, down)
    return lr
