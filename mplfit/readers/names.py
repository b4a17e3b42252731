"""The usual names of columns, tags and keys: one list for every format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mplfit.errors import DataError
from mplfit.readers.log import UnknownLogError
from mplfit.readers.table import shorten

__all__ = [
    "CALLS",
    "COUNTERS",
    "counts_units",
    "find_column",
    "is_loss",
    "is_rate",
    "is_step",
    "is_val",
    "listed",
    "losses_among",
    "norm_column",
    "paired",
    "plain",
    "refuse_units",
]

_PUNCTUATION = re.compile(r"[\W_]+")
# In order of preference; compared without case, spaces, dots, dashes, underscores and slashes.
_ALIASES = {
    "step": (
        "step",
        "steps",
        "globalstep",
        "trainstep",
        "traineriterations",
        "trainglobalstep",
        "trainerglobalstep",
        "iteration",
        "iterations",
        "iter",
        "update",
        "updates",
        "numupdates",
        "timebatch",
    ),
    "lr": (
        "lr",
        "learningrate",
        "trainlr",
        "trainlearningrate",
        "optimlr",
        "optimlrgroup0",
        "optimlearningrate",
        "optimlearningrategroup0",
        "lrgroup0",
        "lradamw",
        "lradam",
        "lrsadamw",
        "lrmetricsmanagerglobalavglr",
        "traininglr",
        "traininglearningrate",
        "lradamwgroup0",
        "lradamwpg1",
        "lradamgroup0",
        "lrdecoupledadamwgroup0",
        "lrdecoupledlionwgroup0",
    ),
    "loss": (
        "loss",
        "trainloss",
        "trainingloss",
        "lmloss",
        "celoss",
        "traincrossentropyloss",
        "trainceloss",
        "trainlmloss",
        "crossentropyloss",
        "lmlosstraining",
        "trainlossstep",
        "losstrain",
        "lossmetricsglobalavgloss",
        "losstraintotal",
        "reducedtrainloss",
        "losstrainerlossmean",
        "trainerlossmean",
    ),
    "val": (
        "valloss",
        "validationloss",
        "evalloss",
        "lossval",
        "valceloss",
        "evallmceloss",
        "lmlossvalidation",
        "validloss",
        "validationlmloss",
        "metricsevallanguagecrossentropy",
    ),
    "norm": (
        "gradnorm",
        "traingradnorm",
        "gradientnorm",
        "traingradientnorm",
        "globalgradnorm",
        "traingradnormglobal",
        "optimtotalgradnorm",
        "totalgradnorm",
        "gradnormtotal",
        "l2normgradglobal",
        "gradnormglobal",
    ),
}
# Counters of something else than updates, which say nothing without the number in each update.
_UNITS = frozenset(
    prefix + unit + suffix
    for unit in ("tokens", "samples", "examples", "sequences")
    for prefix in ("", "total", "consumed", "consumedtrain", "num", "n", "ed", "seen")
    for suffix in ("", "seen", "consumed", "processed")
)
# Counters that a training code keeps; W&B's own _step counts the calls of wandb.log instead.
COUNTERS = ("globalstep", "trainglobalstep", "trainerglobalstep", "iter", "iteration")

CALLS = (
    "W&B's {where} is taken for the update, but it counts calls of wandb.log unless the run gave "
    "it a step: if rows are some updates apart, the steps are wrong. Give the column or the chart "
    "that has the update (train/global_step, trainer/global_step, iter), or steps_per_row=N; if "
    "it is the update: steps_are='index'"
)


def plain(name: str) -> str:
    """A name without case and punctuation.

    >>> from mplfit.readers.names import plain
    >>> plain("optim/LR (group 0)")
    'optimlrgroup0'
    """
    return _PUNCTUATION.sub("", name.lower())


def is_rate(name: str) -> bool:
    """Whether a name is that of a learning rate."""
    return plain(name) in _ALIASES["lr"]


def is_step(name: str) -> bool:
    """Whether a name is that of a count or an index of updates, or of tokens."""
    return plain(name) in _ALIASES["step"] or counts_units(name)


def is_loss(name: str) -> bool:
    """Whether a name is that of a training or validation loss."""
    return plain(name) in _ALIASES["loss"] + _ALIASES["val"]


def is_val(name: str) -> bool:
    """Whether a name is that of a validation loss."""
    return plain(name) in _ALIASES["val"]


def counts_units(name: str) -> bool:
    """Whether a name is that of a count of tokens, samples or the like, and not of updates.

    >>> from mplfit.readers.names import counts_units
    >>> counts_units("train/tokens_seen"), counts_units("consumed-samples"), counts_units("step")
    (True, True, False)
    """
    return plain(name).removeprefix("train") in _UNITS


def refuse_units(path: Path, name: str, tokens_per_step: float | None) -> None:
    """Refuse a count of tokens or samples as the step, unless it is known how many an update has.

    Raises
    ------
    DataError
        If it is not known.
    """
    if counts_units(name) and tokens_per_step is None:
        raise DataError(
            f"{path} counts {name!r}, which are no updates: say how many an update takes, as in "
            "tokens_per_step=524288, or name a column of updates with step_col="
        )


def norm_column(header: Sequence[str]) -> str | None:
    """The column of gradient norms; None where there is none, or it is not clear which.

    >>> from mplfit.readers.names import norm_column
    >>> norm_column(["step", "loss", "train/grad_norm"])
    'train/grad_norm'
    """
    plains = [plain(name) for name in header]
    known = (alias for alias in _ALIASES["norm"] if plains.count(alias) == 1)
    return next((header[plains.index(alias)] for alias in known), None)


def losses_among(names: Sequence[str]) -> tuple[str, ...]:
    """The names that are losses."""
    return tuple(name for name in names if is_loss(name))


def paired(name: str, part: str) -> str:
    """The name of a metric that is told in two parts, in the order in which it is known.

    >>> from mplfit.readers.names import paired
    >>> paired("loss", "train"), paired("train", "loss"), paired("loss", "loss"), paired("a", "b")
    ('train/loss', 'train/loss', 'loss', 'a/b')
    """
    if part in ("", name):
        return name
    both = f"{part}/{name}", f"{name}/{part}"
    usual = [alias for key in ("loss", "val", "lr", "norm") for alias in _ALIASES[key]]
    return min(both[::-1], key=lambda one: usual.index(plain(one)) if plain(one) in usual else 999)


def find_column(
    path: Path,
    header: Sequence[str],
    what: str,
    name: str | None,
    *,
    needed: bool = True,
    metric: str = "train",
    notes: list[str] | None = None,
) -> str | None:
    """The name of the column (or tag) that holds the step, rate or loss.

    `metric` "val" asks for a validation loss, and any other word but "train" is a column's name.

    Raises
    ------
    DataError
        If there is none and one is needed, or several could be meant.
    """
    option = f"{what}_col="
    if what == "loss" and name is None and metric not in ("train", "val"):
        name, option = metric, "metric="
    if name is not None:
        if header.count(name) != 1:
            got = f"{header.count(name)} columns" if name in header else "no column"
            raise DataError(
                f"{path} has {got} {name!r}, asked for with {option}: it has {listed(header)}"
            )
        return name
    key = "val" if what == "loss" and metric == "val" else what
    title = {"lr": "learning rate", "val": "validation loss"}.get(key, key)
    plains = [plain(column) for column in header]
    if what == "step" and "_step" in header:
        own = ["" if column == "_step" else plain(column) for column in header]
        for alias in ("step", *COUNTERS):
            if own.count(alias) == 1:
                found = header[own.index(alias)]
                if notes is not None:
                    notes.append(
                        f"the step is {found}: W&B's own _step counts its calls (else: step_col=)"
                    )
                return found
    counted = set(plains)
    for alias in _ALIASES[key]:
        if alias not in counted:
            continue
        if plains.count(alias) > 1:
            raise DataError(
                f"{path} has {plains.count(alias)} columns that could hold the {title}: it has "
                f"{listed(header)}; choose one with {option}"
            )
        found = header[plains.index(alias)]
        steps = zip(header, plains, strict=True) if what == "step" else ()
        others = [name for name, bare in steps if bare in _ALIASES["step"] and name != found]
        if others and notes is not None:
            notes.append(f"the step is {found}, not {listed(others)} (else: step_col=)")
        return found
    val = [header[plains.index(one)] for one in _ALIASES["val"] if plains.count(one) == 1]
    if what == "loss" and key == "loss" and val:
        if notes is not None:
            notes.append(f"no training loss is logged: {val[0]}, of validation, is taken")
        return val[0]
    if what == "step" and "losstraintotal" in plains and plains.count("batch") == 1:
        return header[plains.index("batch")]  # Composer's; elsewhere it may be a batch's size
    if what == "step" and (units := [name for name in header if counts_units(name)]):
        return units[0]
    if not needed:
        return None
    change = f"name it with {option}" + (", or give schedule=" if what == "lr" else "")
    raise UnknownLogError(
        f"{path} has no column for the {title} (such as {', '.join(_ALIASES[key][:2])}): it has "
        f"{listed(header)}; {change}"
    )


def listed(names: Sequence[str]) -> str:
    """Up to eight names, and how many more there are."""
    shown = ", ".join(shorten(name) or "(no name)" for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")
