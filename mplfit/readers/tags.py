"""Runs that are told tag by tag, each with steps of its own: TensorBoard, MLflow, long tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mplfit.readers.log import Log, Series
from mplfit.readers.names import find_column, losses_among, norm_column
from mplfit.readers.options import ReadOptions
from mplfit.readers.trainer_state import placed_rates

__all__ = ["log_of_tags"]

_AS_INDEX = (
    "steps are taken as 0-based indices of updates (if the run logged counts: steps_are='count')"
)
_OF_TRAINER = (
    "the names are those of Hugging Face's Trainer, which counts finished updates (else: "
    "steps_are='index')"
)


def log_of_tags(
    path: Path,
    name: str,
    kind: str,
    sha256: str,
    tags: Mapping[str, Series],
    options: ReadOptions,
    notes: tuple[str, ...] = (),
) -> Log:
    """The run whose values these are, by tag.

    Raises
    ------
    DataError
        If no tag is a loss, or several could be meant.
    """
    said = list(notes)
    names = tuple(tags)
    loss = find_column(path, names, "loss", options.loss_col, metric=options.metric, notes=said)
    rate = find_column(path, names, "lr", options.lr_col, needed=False)
    norm = norm_column(names)
    counted = _is_trainer_s(tags) and options.steps_are is None
    if options.steps_are is None:
        said.append(_OF_TRAINER if counted else _AS_INDEX)
    if counted:
        tags = {key: replace(series, counted=True) for key, series in tags.items()}
        if rate in ("train/learning_rate", "learning_rate"):
            placed, how = placed_rates(tags[rate], None)
            tags, said = {**tags, rate: placed}, [*said, how]
    return Log(
        name=name,
        kind=kind,
        path=path,
        sha256=sha256,
        loss=tags[loss or ""],
        rate=tags[rate] if rate else Series.empty(),
        norm=tags[norm] if norm else Series.empty(),
        notes=tuple(said),
        also=tuple(tag for tag in losses_among(names) if tag != loss),
        columns=(loss or "", rate or "the learning rate"),
        no_rate=f"logs no learning rate (its tags: {', '.join(names[:8])}): name one with lr_col= "
        "or give schedule=",
    )


def _is_trainer_s(tags: Mapping[str, Series]) -> bool:
    """Whether these are the tags of Hugging Face's Trainer, in its logger or another's.

    It logs the epoch and the rate beside each loss, at counts from 1 on.
    """
    for at in ("train/", ""):
        some = [tags.get(at + name) for name in ("loss", "learning_rate", "epoch")]
        if None not in some:
            first, *others = (series.step for series in some if series is not None)
            alike = all(np.isin(first, other).all() for other in others)
            return bool(alike and first.size and np.min(first) >= 1)
    return False
