"""Runs that are told tag by tag, each with steps of its own: TensorBoard, MLflow, long tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mplfit.readers.log import Log, Series
from mplfit.readers.names import find_column, losses_among, norm_column
from mplfit.readers.options import ReadOptions

__all__ = ["log_of_tags"]

_AS_INDEX = (
    "steps are taken as 0-based indices of updates (if the run logged counts: --steps-are count)"
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
    if options.steps_are is None:
        said.append(_AS_INDEX)
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
        no_rate=f"logs no learning rate (its tags: {', '.join(names[:8])}): name one with --lr-col "
        "or give --schedule",
    )
