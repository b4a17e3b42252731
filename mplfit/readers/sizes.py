"""The size of a run's model and of its updates: in names, columns, configurations and options."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mplfit.curve import RunSize
from mplfit.errors import DataError

__all__ = ["COLUMNS", "KEYS", "parse_size", "size_in", "size_of"]

KEYS: Mapping[str, str] = {
    **dict.fromkeys(
        ("numparameters", "nparameters", "numparams", "nparams", "modelparameters",
         "totalparameters", "totalparams"),
        "parameters",
    ),
    **dict.fromkeys(("hiddensize", "dmodel", "nembd", "modeldim"), "width"),
    **dict.fromkeys(("numhiddenlayers", "numlayers", "nlayers", "nlayer"), "depth"),
    **dict.fromkeys(
        ("tokensperupdate", "tokensperstep", "tokensperbatch", "batchtokens", "globalbatchtokens"),
        "tokens_per_update",
    ),
    **dict.fromkeys(("globalbatchsize", "globaltrainbatchsize", "totalbatchsize"), "batch"),
    **dict.fromkeys(
        ("seqlength", "seqlen", "sequencelength", "maxsequencelength", "maxseqlength",
         "maxseqlen", "blocksize"),
        "sequence",
    ),
}  # fmt: skip
"""Keys of configurations (Hugging Face, OLMo, Megatron-LM, litgpt, …), without case and
punctuation, and what they tell; `sequence`, the tokens of one sequence, only beside a batch."""

COLUMNS: Mapping[str, str] = {
    **KEYS, "parameters": "parameters", "params": "parameters", "width": "width", "depth": "depth"
}  # fmt: skip
"""The same of a table's columns, where a whole column is one number."""

_UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_COUNT = re.compile(r"(?<![\d.])(?P<number>\d+(?:\.\d+)?)(?P<unit>[MmBb])(?![A-Za-z\d])")
_SHAPE = re.compile(r"(?<![A-Za-z\d])[dDwW](?P<width>\d{2,6})[-_.x]?[lLdD](?P<depth>\d{1,4})(?!\d)")
_OTHER = re.compile(
    r"(?:to(?:k|ken)s?|steps?|iters?|updates?|data|samples?|warmup|bs|lr|ctx|seq)[-_. =]?$",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"[-_. ]?(?:to(?:k|ken)s?|steps?|iters?|updates?|samples?)(?![a-z=:\d])", re.IGNORECASE
)
_MANY_TOKENS = 1 << 17  # a "batch" of more is one of tokens, as OLMo-core's is


def parse_size(text: str) -> RunSize:
    """A size as a person writes it: 190M, 1.3b, 1.9e8, d1024-l24 (width, depth), or 1.3b,d1024-l24.

    Raises
    ------
    DataError
        If it is none of these.

    >>> from mplfit.readers.sizes import parse_size
    >>> parse_size("1.3b").parameters, parse_size("d1024-l24").width
    (1300000000.0, 1024.0)
    """
    count, comma, form = text.partition(",")
    if comma:
        return parse_size(count).over(parse_size(form))
    shape = _SHAPE.fullmatch(text.strip())
    if shape:
        return RunSize(width=float(shape["width"]), depth=float(shape["depth"]), told_by="as given")
    unit = _UNITS.get(text.strip()[-1:].lower(), 1.0)
    digits = text.strip()[: -1 if unit > 1 else None]
    try:
        return RunSize(parameters=float(digits.replace("_", "")) * unit, told_by="as given")
    except (ValueError, DataError):
        raise DataError(
            f"a model's size must be its number of parameters (190M, 1.3b, 1.9e8), or its width "
            f"and depth (d1024-l24), got {text!r:.60}"
        ) from None


def size_in(name: str) -> tuple[RunSize, str]:
    """What a name says of the size, and a sentence if it says too much: then nothing is taken.

    A number of tokens, updates or samples is none of parameters.

    >>> from mplfit.readers.sizes import size_in
    >>> size_in("olmo_190M_cosine_10b-tokens")[0].parameters, size_in("d1024-l24")[0].depth
    (190000000.0, 24.0)
    """
    counts = {
        float(found["number"]) * _UNITS[found["unit"].lower()]
        for found in _COUNT.finditer(name)
        if not (_OTHER.search(name[: found.start()]) or _OTHERS.match(name[found.end() :]))
        and float(found["number"]) > 0
    }
    shapes = {(found["width"], found["depth"]) for found in _SHAPE.finditer(name)}
    if len(counts) > 1 or len(shapes) > 1:
        return RunSize(), "the name has several numbers that may be the model's size (set --size)"
    told: dict[str, float] = {}
    if counts:
        told["parameters"] = counts.pop()
    if shapes:
        told["width"], told["depth"] = map(float, shapes.pop())
    return RunSize(**told, told_by="the name" if told else ""), ""


def size_of(numbers: Mapping[str, float], told_by: str, names: Mapping[str, str] = KEYS) -> RunSize:
    """The size in named numbers; tokens are those of the batch's sequences, where none are named.

    numbers : by name without case and punctuation; those that are not positive tell nothing.
    """
    told: dict[str, float] = {}
    for name, key in names.items():
        if 0 < numbers.get(name, 0.0) < 1e18:
            told.setdefault(key, numbers[name])
    sequence, batch = told.pop("sequence", None), told.get("batch")
    if batch is not None and batch >= _MANY_TOKENS:
        told.setdefault("tokens_per_update", told.pop("batch"))
        if sequence is not None:
            told["batch"] = told["tokens_per_update"] / sequence
    elif batch is not None and sequence is not None:
        told.setdefault("tokens_per_update", batch * sequence)
    return RunSize(**told, told_by=told_by if told else "")
