"""Text logs: lines that a training code prints. One entry of `FORMATS` for each.

Each entry says whether the printed step counts finished updates, and which update a printed rate
belongs to: Megatron prints the rate that its scheduler has set for the *next* update, OLMo-core
that of the update itself; torchtitan, nanoGPT and litgpt print none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from mplfit.errors import DataError
from mplfit.readers.log import Log, Series, file_bytes, text_of
from mplfit.readers.names import find_column, losses_among, norm_column
from mplfit.readers.options import ReadOptions
from mplfit.readers.source import log_stem
from mplfit.readers.table import shorten

__all__ = ["FORMATS", "TextFormat", "read_text", "text_format"]

Row = tuple[float, str, float]  # step, name of the value, value

# Thousands may be set off by commas, as in OLMo-core's counts of tokens; 3,14 is no number.
# No two neighbouring quantifiers of the patterns here match the same text, or a damaged line could
# take a time that grows with the square of its length.
_NUMBER = (
    r"(?:[-+]?(?:\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
    r"|(?i:nan|inf|-inf))(?![\w.+-]|,\w)"
)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True)
class TextFormat:
    """How one training code prints its progress.

    mark : what a line of progress has, to recognise the format.
    report : what begins every report of the training loss, readable or not.
    rows : the values in a whole text, by name.
    rate_counted : the rate beside count c is that of the update c - 1; otherwise that of c.
    loss : what it calls the training loss.
    """

    name: str
    mark: re.Pattern[str]
    report: re.Pattern[str]
    rows: Callable[[str], Iterator[Row]]
    counted: bool = True
    rate_counted: bool = True
    loss: str = "loss"
    notes: tuple[str, ...] = ()


def text_format(text: str) -> TextFormat | None:
    """The format whose lines a text has most of."""
    plain = _ANSI.sub("", text)
    counts = [(sum(1 for _ in form.mark.finditer(plain)), form) for form in FORMATS]
    most, form = max(counts, key=lambda pair: pair[0])
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
        raise DataError(
            f"{path} is no log that mplfit knows: expected a table, JSON, event files, or the "
            f"lines of {', '.join(one.name for one in FORMATS)}"
        )
    columns: dict[str, tuple[list[float], list[float]]] = {}
    for step, name, value in form.rows(text):
        steps, values = columns.setdefault(name, ([], []))
        steps.append(step)
        values.append(value)
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
    counted = form.counted or (form.name == "nanoGPT" and loss != "loss")
    return Log(
        name=log_stem(path),
        kind=f"{form.name} text log",
        path=path,
        sha256=sha256,
        loss=Series.of(*columns[loss], counted=counted),
        rate=Series.of(*columns[rate], counted=form.rate_counted) if rate else Series.empty(),
        norm=Series.of(*columns[norm], counted=form.counted) if norm else Series.empty(),
        notes=tuple(notes),
        no_rate=f"({form.name}) logs no learning rate: give the run's --schedule",
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


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _from(*patterns: tuple[str, Iterable[str]]) -> Callable[[str], Iterator[Row]]:
    """Rows by patterns of a line: the first group is the step, the others are these values."""
    compiled = [(re.compile(pattern, re.M), tuple(names)) for pattern, names in patterns]

    def rows(text: str) -> Iterator[Row]:
        for pattern, names in compiled:
            for found in pattern.finditer(text):
                step, *values = found.groups()
                for name, value in zip(names, values, strict=True):
                    if value is not None and value != "n/a":
                        yield float(step), name, _number(value)

    return rows


def _megatron(text: str) -> Iterator[Row]:
    heads = list(_MEGATRON.finditer(text))
    # Ranks that print at once may put two reports on one line.
    starts = [head.start() for head in heads[1:]] + [len(text)]
    for head, start in zip(heads, starts, strict=True):
        for part in text[head.end() : start].partition("\n")[0].split("|"):
            name, _, value = part.partition(":")
            if _VALUE.fullmatch(value.strip()):
                yield float(head[1]), name.strip(), _number(value.strip())
    for found in _MEGATRON_VAL.finditer(text):
        yield float(found[1]), "validation loss", _number(found[2])


def _olmo(text: str) -> Iterator[Row]:
    step = None
    for line in text.splitlines():
        if found := _OLMO.search(line):
            step = float(found[1])
        elif step is not None and (pair := _OLMO_VALUE.fullmatch(line)):
            yield step, pair[1], _number(pair[2])
        elif line[:1].strip():
            step = None


_VALUE = re.compile(_NUMBER, re.I)
_MEGATRON = re.compile(r"iteration[ \t]+(\d+)/[ \t]*\d+[ \t]*\|")
_MEGATRON_VAL = re.compile(
    r"validation loss at iteration[ \t]+(\d+)[^\n|]{0,80}\|[ \t]*lm loss value:[ \t]*"
    rf"({_NUMBER})",
    re.I,
)
_OLMO = re.compile(r"\[step=(\d+)/\d+")
_OLMO_VALUE = re.compile(rf"[ \t]+([^ \t=\n][^=\n]*)=({_NUMBER})[ \t]*", re.I)
_TITAN = rf"(?<!validate )\bstep:[ \t]*(\d+)[ \t]+loss:[ \t]*({_NUMBER})"
_TITAN_VAL = rf"\bvalidate step:[ \t]*(\d+)[ \t]+loss:[ \t]*({_NUMBER})"
_NANO = rf"^iter (\d+): loss ({_NUMBER}), time"
_NANO_VAL = rf"^step (\d+): train loss ({_NUMBER}), val loss ({_NUMBER})"
_LIT = rf"\biter \d+ (?:\| )?step (\d+)(?: \||:) loss train: ({_NUMBER}), val: ({_NUMBER}|n/a)"

_MEAN = "each loss is the mean over the updates since the row before it"

FORMATS = (
    TextFormat(
        "Megatron-LM",
        _MEGATRON,
        _MEGATRON,
        _megatron,
        rate_counted=False,
        loss="lm loss",
        notes=(_MEAN,),
    ),
    TextFormat("OLMo-core", _OLMO, _OLMO, _olmo, loss="train/CE loss"),
    TextFormat(
        "torchtitan",
        re.compile(_TITAN),
        re.compile(r"(?<!validate )\bstep:[ \t]*\d+[ \t]+loss\b"),
        _from((_TITAN, ["loss"]), (_TITAN_VAL, ["val loss"])),
    ),
    TextFormat(
        "nanoGPT",
        re.compile(f"{_NANO}|{_NANO_VAL}", re.M),
        re.compile(r"^iter \d+: loss\b", re.M),
        _from((_NANO, ["loss"]), (_NANO_VAL, ["train loss", "val loss"])),
        counted=False,
        notes=("the loss of nanoGPT's iter lines is that of one batch",),
    ),
    TextFormat(
        "litgpt",
        re.compile(_LIT),
        re.compile(r"\biter \d+ (?:\| )?step \d+(?: \||:) loss train\b"),
        _from((_LIT, ["loss", "val loss"])),
    ),
)
