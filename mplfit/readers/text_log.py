"""Text logs: lines that a training code prints, of any format in `mplfit.readers.text_formats`."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.log import Log, Series, UnknownLogError, file_bytes, text_of
from mplfit.readers.log_source import schedule_in_source
from mplfit.readers.names import find_column, losses_among, norm_column
from mplfit.readers.options import ReadOptions
from mplfit.readers.own_lines import OWN_LINES, has_own_lines
from mplfit.readers.sizes import decay_in_text, size_in_text
from mplfit.readers.source import log_stem
from mplfit.readers.table import shorten
from mplfit.readers.text_formats import FORMATS, TextFormat

__all__ = ["read_text", "text_format"]

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def text_format(text: str) -> TextFormat | None:
    """The format whose lines a text has most of; where it has none, lines of names and numbers."""
    plain = _ANSI.sub("", text)
    likely = [form for form in FORMATS.values() if form.word in plain]
    counts = [(sum(1 for _ in form.mark.finditer(plain)), form) for form in likely]
    most, form = max(counts, key=lambda pair: pair[0], default=(0, None))
    if not most and has_own_lines(plain):
        return OWN_LINES
    return form if most else None


def read_text(path: Path, sha256: str, options: ReadOptions) -> Log:
    """The run in a text log.

    Raises
    ------
    DataError
        If no known training code prints such lines.
    """
    text = _ANSI.sub("", text_of(path, file_bytes(path), "lines of a training log"))
    form = text_format(text)
    if form is None:
        raise UnknownLogError(
            f"{path} is no log that mplfit knows: expected a table, JSON, event files, or the "
            f"lines of {', '.join(FORMATS)}"
        )
    if form.calls and options.steps_per_row is None:
        raise DataError(
            f"{path}: {form.name} prints no step beside a loss: say how many updates lie between "
            "two of its lines (the Trainer's logging_steps), as in steps_per_row=10"
        )
    columns: dict[str, tuple[list[float], list[float]]] = {}
    try:
        for step, name, value in form.rows(text):
            steps, values = columns.setdefault(name, ([], []))
            steps.append(step)
            values.append(value)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    names = tuple(columns)
    own = form.loss if options.metric == "train" and form.loss in names else None
    column = options.loss_col or own
    notes = list(form.notes)
    loss = find_column(path, names, "loss", column, metric=options.metric, notes=notes) or ""
    rate = find_column(path, names, "lr", options.lr_col, needed=False)
    if loss == "val loss" and form.name == "litgpt":
        columns[loss] = _changes(*columns[loss])
    if loss == own and len(columns[loss][0]) < (
        reports := sum(1 for _ in form.report.finditer(text))
    ):
        notes.append(_unreadable(text, form, reports, len(columns[loss][0])))
    norm = norm_column(names)
    counted = form.counted or (form.evaluates_before and loss != form.loss)
    schedule, how = schedule_in_source(text) if form.prints_source else (None, "")
    notes += [how] if how else []
    return Log(
        name=log_stem(path),
        kind=f"{form.name} text log",
        path=path,
        sha256=sha256,
        loss=Series.of(*columns[loss], counted=counted),
        rate=Series.of(*columns[rate], counted=form.rate_counted) if rate else Series.empty(),
        norm=Series.of(*columns[norm], counted=form.counted) if norm else Series.empty(),
        schedule=schedule,
        weight_decay=decay_in_text(text),
        size=size_in_text(text),
        notes=tuple(notes),
        no_rate=f"({form.name}) logs no learning rate: give the run's schedule=",
        also=tuple(name for name in losses_among(names) if name != loss),
    )


def _unreadable(text: str, form: TextFormat, reports: int, losses: int) -> str:
    """What is said of reports whose loss is damaged, cut short or not there."""
    starts = [found.start() for found in form.report.finditer(text)]
    for start, end in pairwise([*starts, len(text)]):
        if not any(name == form.loss for _, name, _ in form.rows(text[start:end])):
            break
    first = shorten(text[start:end].partition("\n")[0].strip(), 60)
    return (
        f"{reports - losses} of {reports} reports have no {form.loss} that can be read: dropped "
        f"(the first: {first!r})"
    )


def _changes(steps: list[float], values: list[float]) -> tuple[list[float], list[float]]:
    """The rows where a value that is printed again and again is new."""
    value = np.array(values)
    new = np.append(True, value[1:] != value[:-1]) & np.isfinite(value)
    return np.array(steps)[new].tolist(), value[new].tolist()
