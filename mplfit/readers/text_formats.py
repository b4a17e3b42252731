"""The text formats: how each training code prints its progress. One entry of `_FORMATS` for each.

Each entry says whether the printed step counts finished updates, and which update a printed rate
belongs to: Megatron and DeepSpeed print the rate that the scheduler has set for the *next* update,
OLMo-core and NeMo that of the update itself; torchtitan, nanoGPT and litgpt print none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mplfit.errors import DataError

__all__ = ["FORMATS", "TextFormat"]

Row = tuple[float, str, float]  # step, name of the value, value

# Thousands may be set off by commas, as in OLMo-core's counts of tokens; 3,14 is no number.
# No two neighbouring quantifiers of the patterns here match the same text, or a damaged line could
# take a time that grows with the square of its length.
_NUMBER = (
    r"(?:[-+]?(?:\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
    r"|(?i:nan|inf|-inf))(?![\w.+-]|,\w)"
)


@dataclass(frozen=True)
class TextFormat:
    """How one training code prints its progress.

    mark : what a line of progress has, to recognise the format.
    report : what begins every report of the training loss, readable or not.
    rows : the values in a whole text, by name.
    rate_counted : the rate beside count c is that of the update c - 1; otherwise that of c.
    loss : what it calls the training loss.
    evaluates_before : a validation loss beside step s is that of the model before update s.
    calls : the rows have no step but their number.
    prints_source : the log begins with the source of the training code.
    word : what every log of it has somewhere; it is looked for before the mark, to save time.
    """

    name: str
    mark: re.Pattern[str]
    report: re.Pattern[str]
    rows: Callable[[str], Iterator[Row]]
    counted: bool = True
    rate_counted: bool = True
    loss: str = "loss"
    notes: tuple[str, ...] = ()
    evaluates_before: bool = False
    calls: bool = False
    prints_source: bool = False
    word: str = ""


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
            yield step, pair[1].rstrip(), _number(pair[2])
        elif line[:1].strip():
            step = None


def _nemo(text: str) -> Iterator[Row]:
    for head in _NEMO.finditer(text):
        end = text.find("\n", head.end())
        line = text[head.end() : end if end >= 0 else None]
        parts = [part.partition(":") for part in line.split("|")]
        named = {name.strip(): value.strip() for name, _, value in parts}
        # In later epochs the iteration begins anew, and global_step goes on.
        step = named.get("global_step", head[1])
        for name, value in named.items():
            if step.isdecimal() and _VALUE.fullmatch(value):
                yield float(step), name, _number(value)
    for found in _NEMO_BAR.finditer(text):
        yield float(found[2]), "reduced_train_loss", _number(found[1])


def _composer(text: str) -> Iterator[Row]:
    step = None
    for line in text.splitlines():
        if found := _COMPOSER.search(line):
            step = float(found[1])
        elif step is not None and (pair := _COMPOSER_VALUE.fullmatch(line)):
            name, value = pair[1], _number(pair[2])
            if name == "time/batch" and value >= 0:
                step = value + 1  # the batches of an epoch begin anew, and these go on
            # Its rates are rounded to four decimals: no rate to rebuild a schedule from.
            yield step, f"{name}, rounded" if name.startswith("lr-") else name, value
        elif line[:1].strip():
            step = None


def _levanter(text: str) -> Iterator[Row]:
    for line in text.splitlines():
        try:
            values, _ = _JSON.raw_decode(line, line.index('{"tracker"'))
        except (ValueError, RecursionError):
            continue
        step, metrics = values.get("step"), values.get("metrics")
        if type(step) in (int, float) and isinstance(metrics, dict):
            for name, value in metrics.items():
                if type(value) in (int, float):
                    yield float(step), name, float(value)


def _trainer(text: str) -> Iterator[Row]:
    """Hugging Face's dictionaries; a row's step is how many losses were printed before it.

    Where the epoch goes back, the run was resumed: the rows count on from the one of that epoch.
    """
    count, epochs = 0, list[float]()
    for found in _HF.finditer(text):
        pairs = [part.partition(": ") for part in found[0][1:-1].split(", ")]
        named = {name.strip("'"): value.strip("'") for name, _, value in pairs}
        if "loss" in named:
            count = _resumed(epochs, count, named.get("epoch", ""))
        step = count if "loss" in named else max(count - 1, 0)
        for name, value in named.items():
            if _VALUE.fullmatch(value):
                yield float(step), name, _number(value)
        count += "loss" in named


def _resumed(epochs: list[float], count: int, text: str) -> int:
    """The number of the row of this epoch, where it is not the next one; `epochs` has those before.

    Raises
    ------
    DataError
        If it lies before the last epoch, and not at one alone.
    """
    epoch = _number(text) if _VALUE.fullmatch(text) else float("nan")
    if epochs and epoch < epochs[-1]:
        places = [place for place, value in enumerate(epochs) if value == epoch]
        if len(places) != 1:
            raise DataError(
                f"the epoch goes back from {epochs[-1]:g} to {epoch:g}: was the run resumed, or "
                "are there several? Give one run in a file"
            )
        count = places[0]
        del epochs[count:]
    epochs.append(epoch)
    return count


_VALUE = re.compile(_NUMBER, re.I)
_JSON = json.JSONDecoder()
_NEMO = re.compile(r"Training epoch \d+, iteration (\d+)/\d+ \|")
_NEMO_BAR = re.compile(rf"\breduced_train_loss=({_NUMBER}), global_step=(\d+)")
_COMPOSER = re.compile(r"\[batch=(\d+)/\d+\]:")
_COMPOSER_VALUE = re.compile(
    rf"(?:\d+:)?[ \t]+(?:Train|Eval) ([^ \t:\n][^:\n]*): ({_NUMBER})[ \t]*"
)
_HF = re.compile(r"\{'(?:eval_)?loss': [^{}\n]*\}")
_DEEP = rf"\bsteps: (\d+) loss: ({_NUMBER})"
_DEEP_RATE = rf"\bstep=(\d+), skipped=\d+, lr=\[({_NUMBER})"
_CHAT = rf"\bstep (\d+)(?:/\d+)? \([\d.]+%\)[ ]+\| loss: ({_NUMBER}) \| lrm: ({_NUMBER})"
_CHAT_VAL = rf"\bStep (\d+) \| Validation bpb: ({_NUMBER})"
_SPEED = rf"\bstep:(\d+)/\d+ train_loss:({_NUMBER})"
_SPEED_VAL = rf"\bstep:(\d+)/\d+ val_loss:({_NUMBER})"
_LLMC = rf"^s:(\d+) trl:({_NUMBER})(?: lr:({_NUMBER}) norm:({_NUMBER}))?"
_LLMC_VAL = rf"^s:(\d+) tel:({_NUMBER})"
_Z = r"[ ]\([^)\n|]{0,20}\)\|"  # how far the value lies from those before it
_CONSOLE = rf"^step[ ]+(\d+)/\d+ \| loss[ ]+({_NUMBER}){_Z} norm[ ]+({_NUMBER}){_Z} lr ({_NUMBER})"
_MEGATRON = re.compile(r"(?<!\d, )iteration[ \t]+(\d+)/[ \t]*\d+[ \t]*\|")
_MEGATRON_VAL = re.compile(
    r"validation loss at iteration[ \t]+(\d+)[^\n|]{0,80}\|[ \t]*lm loss value:[ \t]*"
    rf"({_NUMBER})",
    re.I,
)
_OLMO = re.compile(r"\[step=(\d+)/\d+")
_OLMO_VALUE = re.compile(rf"[ \t]+([^ \t=\n][^=\n]*)=({_NUMBER})[ \t]*", re.I)
_TITAN = (
    r"(?<!validate )\bstep:[ \t]*(\d+)[ \t]+(?:train(?:ing|er)/)?loss(?:_mean)?:[ \t]*"
    rf"({_NUMBER})(?:[ \t]+grad_norm:[ \t]*({_NUMBER}))?"
)
_TITAN_VAL = rf"\bvalidate step:[ \t]*(\d+)[ \t]+loss:[ \t]*({_NUMBER})"
_NANO = rf"^iter (\d+): loss ({_NUMBER}), time"
_NANO_VAL = rf"^step (\d+): train loss ({_NUMBER}), val loss ({_NUMBER})"
_LIT = rf"\biter \d+ (?:\| )?step (\d+)(?: \||:) loss train: ({_NUMBER}), val: ({_NUMBER}|n/a)"

_MEAN = "each loss is the mean over the updates since the row before it"

_FORMATS = (
    TextFormat(  # before Megatron-LM, whose lines are alike
        "NeMo",
        re.compile(f"{_NEMO.pattern}|{_NEMO_BAR.pattern}"),
        re.compile(r"Training epoch \d+, iteration \d+/\d+ \||\breduced_train_loss="),
        _nemo,
        counted=False,
        rate_counted=False,
        loss="reduced_train_loss",
        word="reduced_train_loss",
    ),
    TextFormat(
        "Megatron-LM",
        _MEGATRON,
        _MEGATRON,
        _megatron,
        rate_counted=False,
        loss="lm loss",
        notes=(_MEAN,),
        word="iteration",
    ),
    TextFormat("OLMo-core", _OLMO, _OLMO, _olmo, loss="train/CE loss", word="[step="),
    TextFormat(
        "torchtitan",
        re.compile(_TITAN),
        re.compile(r"(?<!validate )\bstep:[ \t]*\d+[ \t]+(?:train(?:ing|er)/)?loss"),
        _from((_TITAN, ["loss", "grad_norm"]), (_TITAN_VAL, ["val loss"])),
        word="step:",
    ),
    TextFormat(
        "nanoGPT",
        re.compile(f"{_NANO}|{_NANO_VAL}", re.M),
        re.compile(r"^iter \d+: loss\b", re.M),
        _from((_NANO, ["loss"]), (_NANO_VAL, ["train loss", "val loss"])),
        counted=False,
        evaluates_before=True,
        notes=("the loss of nanoGPT's iter lines is that of one batch",),
        word="loss ",
    ),
    TextFormat(
        "litgpt",
        re.compile(_LIT),
        re.compile(r"\biter \d+ (?:\| )?step \d+(?: \||:) loss train\b"),
        _from((_LIT, ["loss", "val loss"])),
        word="loss train: ",
    ),
    TextFormat(
        "Composer",
        _COMPOSER,
        re.compile(r"[ \t]Train loss/train/total\b"),
        _composer,
        loss="loss/train/total",
        notes=("Composer's console rounds rates to 4 decimals: they are not used",),
        word="[batch=",
    ),
    TextFormat(
        "Levanter",
        re.compile(r'\{"tracker": ?"'),
        re.compile(r'"event": ?"log"[^\n{]{0,80}\{[^\n{}]{0,80}"train/loss"'),
        _levanter,
        counted=False,
        rate_counted=False,
        loss="train/loss",
        word='{"tracker"',
    ),
    TextFormat(
        "Hugging Face Trainer",
        _HF,
        re.compile(r"\{'loss': "),
        _trainer,
        counted=False,
        rate_counted=False,
        calls=True,
        notes=(_MEAN,),
        word="loss': ",
    ),
    TextFormat(
        "DeepSpeed",
        re.compile(_DEEP),
        re.compile(r"\bsteps: \d+ loss:"),
        _from((_DEEP, ["loss"]), (_DEEP_RATE, ["lr"])),
        rate_counted=False,
        word="steps: ",
    ),
    TextFormat(
        "nanochat",
        re.compile(_CHAT),
        re.compile(r"\bstep \d+(?:/\d+)? \([\d.]+%\)[ ]+\| loss:"),
        _from((_CHAT, ["loss", "lrm"]), (_CHAT_VAL, ["val bpb"])),
        counted=False,
        rate_counted=False,
        evaluates_before=True,
        notes=(
            "nanochat's loss is a running mean of 0.9 of the one before and 0.1 of the batch's",
            "its lrm is a share of each optimizer's rate, and not used (lr_col='lrm' does)",
        ),
        word="| lrm: ",
    ),
    TextFormat(
        "modded-nanogpt",
        re.compile(f"{_SPEED}|{_SPEED_VAL}"),
        re.compile(r"\bstep:\d+/\d+ train_loss:"),
        _from((_SPEED, ["train_loss"]), (_SPEED_VAL, ["val_loss"])),
        loss="train_loss",
        prints_source=True,
        word="_loss:",
    ),
    TextFormat(
        "llm.c",
        re.compile(f"{_LLMC}|{_LLMC_VAL}", re.M),
        re.compile(r"^s:\d+ trl:", re.M),
        _from((_LLMC, ["loss", "lr", "grad_norm"]), (_LLMC_VAL, ["val loss"])),
        counted=False,
        rate_counted=False,
        evaluates_before=True,
        notes=("llm.c rounds rates to 6 decimals",),
        word="s:",
    ),
    TextFormat(
        "llm.c's console",
        re.compile(_CONSOLE, re.M),
        re.compile(r"^step[ ]+\d+/\d+ \| loss\b", re.M),
        _from((_CONSOLE, ["loss", "grad_norm", "lr"])),
        word="| loss",
    ),
)
FORMATS = {form.name: form for form in _FORMATS}
