"""The size of a run's model and of its updates: in names, columns, configurations and options."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mplfit.curve import RunSize
from mplfit.errors import DataError
from mplfit.readers.names import plain

__all__ = ["COLUMNS", "KEYS", "decay_in_text", "parse_size", "size_in", "size_in_text", "size_of"]

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
_FEWEST = 1000.0  # parameters of a model
_HEAD = 1 << 17  # characters of a text log in which its arguments are looked for
_ARGUMENT = re.compile(r"^(?:\d+: )?[ \t]{1,8}(\w{2,40}) \.{3,80} (\d{1,18})[ \t]*$", re.M)
# The batch as training codes print it: nanoGPT; nanochat; torchtitan; the Trainer; llm.c's table.
_BATCHES = (
    ("tokensperupdate", re.compile(r"tokens per iteration will be: (\d[\d,]{0,24})")),
    ("totalbatchsize", re.compile(r"^Total batch size:? (\d[\d,]{0,24})(?= |$)", re.M)),
    ("globalbatchsize", re.compile(r"global batch size (\d{1,12}), (?:gradient|seq)")),
    ("sequencelength", re.compile(r"global batch size [^\n]{0,80}?sequence length (\d{1,12})")),
    ("totalbatchsize", re.compile(r"Total train batch size \([^)\n]{0,80}\) = (\d[\d,]{0,24})")),
    ("totalbatchsize", re.compile(r"^\| total batch size {1,40}\| (\d{1,18}) {1,80}\|", re.M)),
    ("sequencelength", re.compile(r"^\| sequence length T {1,40}\| (\d{1,18}) {1,80}\|", re.M)),
)
_DECAY = re.compile(
    r"(?<![\w.])weight[_ ]decay[\"']?[ \t]{0,40}(?:[:=|]|\.{3,80})[ \t]{0,4}"
    r"(\d*\.?\d+(?:e[-+]?\d+)?)(?![\w.])",
    re.I,
)
_PARAMETERS = re.compile(
    r"(?:number of (?:trainable )?parameters(?:: {0,4}| = )|num_parameters {1,40}\| |"
    r"total parameters: {0,4}|size: {0,2})"
    r"(\d[\d,]{0,24}(?:\.\d{1,6})?)(?:([MB])\b|(?= total parameters)|(?=[ \t]*\|?[ \t]*$))",
    re.IGNORECASE | re.M,
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
        return RunSize(), "the name has several numbers that may be the model's size (set size=)"
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


def size_in_text(text: str) -> RunSize:
    """What the first lines of a text log say: Megatron-LM's list of arguments, and parameters and
    batches as other training codes print them. Numbers that differ tell nothing.

    >>> from mplfit.readers.sizes import size_in_text
    >>> size_in_text("number of parameters: 123.59M").parameters
    123590000.0
    >>> size_in_text("  hidden_size ..................... 1024").width
    1024.0
    """
    head = text[:_HEAD]
    numbers: dict[str, set[float]] = {}
    for name, value in _ARGUMENT.findall(head):
        numbers.setdefault(plain(name), set()).add(float(value))
    for name, pattern in _BATCHES:
        found = {float(digits.replace(",", "")) for digits in pattern.findall(head)}
        numbers.setdefault(name, set()).update(found)
    told = {name: values.pop() for name, values in numbers.items() if len(values) == 1}
    counts = {
        float(digits.replace(",", "")) * _UNITS.get(unit.lower(), 1.0)
        for digits, unit in _PARAMETERS.findall(head)
    }
    if len(counts) == 1 and max(counts) >= _FEWEST:
        told["numparameters"] = counts.pop()
    return size_of(told, "the log")


def decay_in_text(text: str) -> float | None:
    """The weight decay in the first lines of a text log, where they tell one alone.

    >>> from mplfit.readers.sizes import decay_in_text
    >>> decay_in_text("  weight_decay ............ 0.1"), decay_in_text("weight decay: none")
    (0.1, None)
    """
    values = {float(digits) for digits in _DECAY.findall(text[:_HEAD])}
    return values.pop() if len(values) == 1 else None
