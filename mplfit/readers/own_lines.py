"""Lines of names and numbers, as own training loops print them: `step=10 loss=3.2 lr=1e-3`.

It is asked last, where no known training code prints such lines. A line counts if it has a step and
a loss or a rate by their usual names (`mplfit.readers.names`), each with its number behind it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mplfit.readers.names import counts_units, is_loss, is_rate, is_step, norm_column, plain
from mplfit.readers.text_formats import TextFormat

__all__ = ["OWN_LINES", "has_own_lines"]

_FEWEST = 3  # lines
_WORTH = re.compile(r"loss|lr|rate", re.I)
_PAIR = re.compile(
    r"(?<![\w/.-])[\"']?"
    r"((?:(?:learning|global|grad|gradient|train|training|val|validation|eval|lm)[ ])?"
    r"[A-Za-z][\w/.-]{0,40})[\"']?"
    r"[ \t]{0,2}[:= \t][ \t]{0,12}[\"'(\[]?"
    r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|nan|[-+]?inf)(?![\w.]|,\d)",
    re.I,
)
_OTHER = re.compile(r"\b(?:val|valid|validation|eval|evaluation|evaluating|test|dev)\b", re.I)
_TRAIN = re.compile(r"\btrain(?:ing|_inner)?\b", re.I)

Pairs = dict[str, float]


def has_own_lines(text: str) -> bool:
    """Whether some lines have a step and a loss."""
    found = (1 for _, pairs in _lines(text) if any(map(is_loss, pairs)))
    return sum(one for one, _ in zip(found, range(_FEWEST), strict=False)) == _FEWEST


def _rows(text: str) -> Iterator[tuple[float, str, float]]:
    lines = list(_lines(text))
    usual = Counter(name for steps, pairs in lines if any(map(is_loss, pairs)) for name in steps)
    (step, _), *_ = usual.most_common(1) or [("", 0)]
    for steps, pairs in lines:
        if step in steps:
            for name, value in pairs.items():
                yield steps[step], name, value


def _lines(text: str) -> Iterator[tuple[Pairs, Pairs]]:
    """The steps of each line by name, and its losses, rates and norms."""
    for line in re.split(r"[\r\n]+", text):
        if not _WORTH.search(line):
            continue
        steps, values, told = Pairs(), Pairs(), False
        for found in _PAIR.finditer(line):
            name, number = found[1], float(found[2])
            if is_step(name) and not counts_units(name):
                steps.setdefault(name, number)
            elif is_loss(name):
                bare = plain(name) == "loss"
                if not (bare and told):  # the first of a line is its loss
                    held_out = bare and _is_held_out(line[: found.start()])
                    values.setdefault("val loss" if held_out else name, number)
                told |= bare
            elif is_rate(name) or norm_column([name]):
                values.setdefault(name, number)
        if steps and values:
            yield steps, values


def _is_held_out(before: str) -> bool:
    """Whether the words before a loss tell it to be one of validation."""
    return bool(_OTHER.search(before)) and not _TRAIN.search(before)


OWN_LINES = TextFormat(
    "key-value",
    re.compile("(?!)"),
    re.compile("(?!)"),
    _rows,
    counted=False,
    rate_counted=False,
    notes=(
        "no known training code prints such lines: the numbers behind the usual names of steps, "
        "losses and rates are taken, steps as indices (if they count updates: steps_are='count')",
    ),
)
