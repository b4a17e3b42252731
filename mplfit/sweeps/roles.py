"""Which column of a sweep is what: rate, loss, seed, sizes, and what tells settings apart.

Names are compared without case, spaces, dots, dashes and underscores. What was found is said in
the table's notes, so that a wrong guess is seen; every guess can be overruled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mplfit.errors import DataError
from mplfit.sweeps.table import SweepTable
from mplfit.types import FloatArray, IntArray

__all__ = ["Columns", "Roles", "build_table", "loss_and_rate", "size_kind"]

Columns: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""A table as it was read: float64 columns (NaN: empty), and text columns as objects."""

_LR = ("lr", "learningrate", "baselr", "peaklr", "maxlr", "eta", "stepsize", "optimlr", "rate")
# A held-out loss before a training loss: the latter rewards what does not generalise. A smoothed
# loss before one of a single batch, which is noise for the most part.
_LOSS = (
    *("valloss", "validationloss", "evalloss", "testloss", "heldoutloss", "finalvalloss"),
    *("smoothloss", "smoothedloss", "losssmooth", "losssmoothed", "smoothtrainloss"),
    *("loss", "finalloss", "finaltrainloss", "trainloss", "trainingloss"),
)
_SEED = ("seed", "randomseed", "runseed", "initseed", "trial", "replicate", "repeat", "rep")
_SIZES = {
    "parameters": (
        *("numparameter", "numparameters", "numparams", "nparams", "nparameters", "parameters"),
        *("params", "parametercount", "paramcount", "modelsize", "n"),
    ),
    "width": (
        *("width", "embeddim", "dmodel", "hiddensize", "hiddendim", "nembd", "embeddingdim"),
        *("modeldim", "dim", "hidden", "nhidden"),
    ),
    "depth": ("depth", "layers", "nlayer", "nlayers", "numlayers", "numlayer", "numhiddenlayers"),
    "horizon": (
        *("steps", "numsteps", "nsteps", "maxsteps", "totalsteps", "trainsteps", "iterations"),
        *("tokens", "numtokens", "ntokens", "totaltokens", "trainingtokens", "d", "horizon"),
        *("epochs", "numepochs"),
    ),
    "batch size": (
        *("batchsize", "bs", "batch", "globalbatchsize", "globalbatch", "gbs", "batchtokens"),
        *("batchsizetokens", "bstokens", "bstoken", "tokensperbatch", "tokensperstep"),
    ),
}
_SHAPE = 0.8  # of the parameter counts: where so many have one value, a column goes with them
# What a run measures; never what tells settings apart.
_OUTCOME = re.compile(r"loss|acc|ppl|perplex|error|metric|score|time|second|hour|flop|date|speed")
_ID = re.compile(
    r"^(id|runid|run|name|runname|index|unnamed.*|jobid|path|url|tags?"
    r"|state|status|notes?|user|created|updated|sweep|hostname|commit)$"  # of W&B's tables of runs
)


@dataclass(frozen=True)
class Roles:
    """What a user may say about the columns; None: find them."""

    lr: str | None = None
    loss: str | None = None
    seed: str | None = None
    groups: tuple[str, ...] | None = None
    sizes: tuple[str, ...] | None = None


def size_kind(name: str) -> str | None:
    """What size a column's name means, or None.

    >>> from mplfit.sweeps.roles import size_kind
    >>> size_kind("embed_dim"), size_kind("num_parameter"), size_kind("use_mup")
    ('width', 'parameters', None)
    """
    plain = _plain(name)
    return next((kind for kind, names in _SIZES.items() if plain in names), None)


def loss_and_rate(columns: Columns, roles: Roles | None = None) -> tuple[str, str]:
    """The names of the columns of the loss and of the rate; DataError where there is none."""
    roles = roles or Roles()
    loss = _find(columns, "loss", "loss", _LOSS, roles.loss)
    return loss, _find(columns, "learning rate", "lr", _LR, roles.lr)


def build_table(
    columns: Columns, roles: Roles | None = None, notes: Sequence[str] = ()
) -> SweepTable:
    """The sweep in a table: which columns are what, and which tell its settings apart.

    Grouping columns, where none are named, are all columns with more than one value that are
    neither rate, loss, seed, an outcome nor a name of a run. If rates hardly vary within such
    settings, a column that sets the rate (a scaling exponent, say) is among them and is left out;
    sizes never are. Of columns that go with each other one stands for all; a column of a model's
    shape (width, depth, heads, …) that goes with its number of parameters is left out. Sizes that
    vary at one rate of settings that are named are no seeds: they tell settings apart, too.

    Raises
    ------
    DataError
        If a column is missing, is not numeric where it must be, or no setting has two rates.
    """
    roles, said = roles or Roles(), list(notes)
    loss_name, lr_name = loss_and_rate(columns, roles)
    seed_name = _find(columns, "seed", "seed", _SEED, roles.seed, needed=False)
    lr, loss = _numbers(columns, lr_name, "lr"), _numbers(columns, loss_name, "loss")
    others = [_plain(name) for name in columns if name != loss_name]
    if roles.loss is None and any(name in _LOSS for name in others):
        said.append(f"the loss is the column {loss_name} (choose another with loss=)")
    used = {lr_name, loss_name, seed_name}
    groups, derived, setter = _groups(columns, used, lr, roles, said)
    sizes = _sizes(columns, groups, derived, roles)
    if roles.groups is None:
        said.append(_grouping_note(groups, derived))
    said.append(
        f"the seed is the column {seed_name}"
        if seed_name
        else "no column tells the seed: rows that repeat a setting and a rate count as seeds"
    )
    kept = {name: columns[name] for name in (*groups, *sizes, *([setter] if setter else []))}
    seed = columns[seed_name] if seed_name else None
    table = SweepTable(lr, loss, kept, tuple(groups), tuple(sizes), seed, setter, tuple(said))
    rates = _rates_per_group(lr, [columns[name] for name in groups])
    if rates.max() < 2:
        raise DataError(
            f"no setting has more than one learning rate when runs are grouped by "
            f"{', '.join(groups) or 'nothing'}: name the columns that tell settings apart "
            "with groups="
        )
    return table


def _groups(
    columns: Columns, used: set[str], lr: FloatArray, roles: Roles, notes: list[str]
) -> tuple[list[str], dict[str, list[str]], str | None]:
    """The grouping columns, the columns that go with each one to one, and what sets the rate."""
    if roles.groups is not None:
        for name in roles.groups:
            _known(columns, name, "groups")
            if name in used:
                raise DataError(
                    f"{name!r} is the rate, loss or seed: it cannot be one of groups= too"
                )
        named = list(dict.fromkeys(roles.groups))
        for name in columns:
            if name in used or name in named or not size_kind(name):
                continue
            with_rate = {**columns, "": lr}
            if _is_size(columns[name]) and not _follows(with_rate, name, [*named, ""]):
                named.append(name)
                notes.append(
                    f"{name} differs at one rate of a setting: it is a size, no seed, and tells "
                    f"settings apart too (seed={name!r} counts its values as seeds)"
                )
        free = [name for name in columns if name not in used and name not in named]
        follow = [name for name in free if _follows(columns, name, named)]
        return named, {named[-1] if named else "": follow}, None
    candidates = [
        name
        for name in columns
        if name not in used and (size_kind(name) or not _is_outcome(name, columns[name]))
    ]
    candidates = [name for name in candidates if np.unique(_codes(columns[name])).size > 1]
    derived: dict[str, list[str]] = {}
    for name in candidates:
        twin = next((first for first in derived if _one_to_one(columns, first, name)), None)
        if twin is None:
            derived[name] = []
        else:
            derived[twin].append(name)
    _leave_out_shapes(columns, derived, notes)
    kept, setter = list(derived), None
    while len(kept) > 1 and np.median(_rates_per_group(lr, [columns[name] for name in kept])) < 2:
        free = [n for n in kept if not any(map(size_kind, (n, *derived[n])))]
        if not free:
            break
        # The column without which settings have the most rates is the one that sets the rate.
        without = {
            name: np.median(_rates_per_group(lr, [columns[n] for n in kept if n != name]))
            for name in free
        }
        setter = max(without, key=lambda name: without[name])
        kept.remove(setter)
        notes.append(f"{setter} sets the rate, so it does not tell settings apart")
    return kept, {name: derived[name] for name in kept}, setter


def _leave_out_shapes(columns: Columns, derived: dict[str, list[str]], notes: list[str]) -> None:
    """Take out the columns of which nearly every parameter count has a single value."""
    counts = [name for name in derived if size_kind(name) == "parameters"]
    if len(counts) != 1 or np.unique(columns[counts[0]]).size < 3:
        return
    number, shapes = columns[counts[0]], []
    for name in derived:
        if size_kind(name) not in (None, "width", "depth") or not _is_size(columns[name]):
            continue
        pairs = np.unique(np.stack([_codes(number), _codes(columns[name])], axis=1), axis=0)
        if np.mean(np.bincount(pairs[:, 0]) == 1) >= _SHAPE and np.unique(columns[name]).size > 2:
            shapes.append(name)
    if shapes:
        for name in shapes:
            del derived[name]
        notes.append(
            f"{', '.join(shapes)} go{'es' * (len(shapes) == 1)} with {counts[0]}: they are the "
            f"shape of a model, of which {counts[0]} tells settings apart"
        )


def _sizes(
    columns: Columns, groups: list[str], derived: dict[str, list[str]], roles: Roles
) -> list[str]:
    every = [*groups, *(twin for twins in derived.values() for twin in twins)]
    if roles.sizes is None:
        return [name for name in every if size_kind(name) and _is_size(columns[name])]
    for name in roles.sizes:
        _known(columns, name, "sizes")
        if name not in every and not _follows(columns, name, groups):
            raise DataError(
                f"{name!r} varies within a setting, so it is not a size: settings are told apart "
                f"by {', '.join(groups) or 'nothing'} (add it with groups=)"
            )
        if not _is_size(columns[name]):
            raise DataError(f"a size must be a positive number in every row: {name!r} is not")
    return list(dict.fromkeys(roles.sizes))


def _grouping_note(groups: Sequence[str], derived: Mapping[str, Sequence[str]]) -> str:
    parts = [
        name + (f" (with {', '.join(derived[name])})" if derived.get(name) else "")
        for name in groups
    ]
    return (
        f"settings are told apart by {', '.join(parts)} (choose others with groups=)"
        if parts
        else "all runs are of one setting (name columns with groups= if they are not)"
    )


def _find(
    columns: Columns,
    what: str,
    option: str,
    aliases: Sequence[str],
    name: str | None,
    needed: bool = True,
) -> str:
    """The name of the column that holds something; "" where there is none and none is needed."""
    if name is not None:
        _known(columns, name, option)
        return name
    plain = {_plain(column): column for column in reversed(list(columns))}
    found = next((plain[alias] for alias in aliases if alias in plain), "")
    if not found and needed:
        raise DataError(
            f"the sweep has no column for the {what} (looked for {', '.join(aliases[:4])}, …): it "
            f"has {', '.join(list(columns)[:8])}; name it with {option}="
        )
    return found


def _known(columns: Columns, name: str, option: str) -> None:
    if name not in columns:
        raise DataError(
            f"the sweep has no column {name!r}: it has {', '.join(list(columns)[:8])} (choose "
            f"with {option}=)"
        )


def _numbers(columns: Columns, name: str, option: str) -> FloatArray:
    values = columns[name]
    if values.dtype == object:
        odd = next(text for text in values if not _number(text))
        raise DataError(
            f"the column {name!r} should hold numbers, got {odd!r} (choose with {option}=)"
        )
    return values


def _number(text: Any) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _plain(name: str) -> str:
    return "".join(ch for ch in name.lower() if ch.isalnum())


def _is_outcome(name: str, values: npt.NDArray[Any]) -> bool:
    plain = _plain(name)
    if _OUTCOME.search(plain) or _ID.match(plain) or plain in _LR:
        return True
    return bool(np.unique(_codes(values)).size > max(2, values.size // 3))


def _is_size(values: npt.NDArray[Any]) -> bool:
    return values.dtype != object and bool(np.all(np.isfinite(values) & (values > 0)))


def _codes(values: npt.NDArray[Any]) -> IntArray:
    codes: IntArray = np.unique(values, return_inverse=True)[1]
    return codes


def _pairs(columns: Sequence[npt.NDArray[Any]], size: int) -> IntArray:
    """One number for every combination of values."""
    code = np.zeros(size, dtype=np.int64)
    for values in columns:
        code = _codes(code * (size + 1) + _codes(values))
    return code


def _one_to_one(columns: Columns, first: str, second: str) -> bool:
    a, b = columns[first], columns[second]
    both = np.unique(_pairs([a, b], a.size)).size
    return bool(both == np.unique(_codes(a)).size == np.unique(_codes(b)).size)


def _follows(columns: Columns, name: str, groups: Sequence[str]) -> bool:
    """Whether a column has one value within every setting."""
    values = [columns[group] for group in groups]
    size = columns[name].size
    settings = np.unique(_pairs(values, size)).size
    return bool(np.unique(_pairs([*values, columns[name]], size)).size == settings)


def _rates_per_group(lr: FloatArray, columns: Sequence[npt.NDArray[Any]]) -> IntArray:
    code = _pairs(columns, lr.size)
    pairs = np.unique(np.stack([code, _codes(lr)], axis=1), axis=0)
    counts: IntArray = np.bincount(pairs[:, 0])
    return counts
