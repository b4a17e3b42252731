"""The table of what is in logs: one row a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mplfit.curve import Curve
from mplfit.readers.log import Log
from mplfit.readers.selecting import warmup_of
from mplfit.show.table import Cell, Column, Table

__all__ = ["median_norm", "runs_table", "short_names"]

_LONG = 40  # names up to this length stay whole


def runs_table(read: Sequence[tuple[Curve, Log]]) -> Table:
    """Every run with its format, rows, losses and schedule."""
    curves = [curve for curve, _ in read]
    kinds = sorted({log.kind for _, log in read})
    updates = sum(curve.step[-1] + 1 for curve in curves)
    runs = f"{len(curves)} run{'s' if len(curves) > 1 else ''}"
    title = f"{runs} of {updates:,} updates in all, read from {', '.join(kinds)}."
    sized = any(curve.size.count for curve in curves)
    tokens = any(curve.size.tokens_per_update for curve in curves)
    batch = any(curve.size.batch for curve in curves)
    norms = any(len(log.norm) for _, log in read)
    columns = (
        Column("run"), Column("format", wide=len(kinds) == 1), Column("rows"), Column("steps"),
        Column("of"), Column("first loss", ".4f"), Column("last loss", ".4f"),
        Column("peak lr", ".4g"), Column("warmup"), Column("weight decay", "g"),
        *((Column("size"), Column("size told by", wide=True)) if sized else ()),
        *((Column("tokens per update", ".4g", wide=True),) if tokens else ()),
        *((Column("batch", ".4g", wide=True),) if batch else ()),
        *((Column("median gradient norm", ".3g", wide=True),) if norms else ()),
        Column("also logged", wide=True),
    )  # fmt: skip
    names = short_names([curve.name for curve in curves])
    shown = (sized, tokens, batch, norms)
    rows = tuple(_row(name, *pair, *shown) for name, pair in zip(names, read, strict=True))
    notes = ("Losses are as logged: single rows, whose noise no log tells (smooth=N averages).",)
    return Table(title, columns, rows, notes)


def short_names(names: Sequence[str]) -> list[str]:
    """Long names without the words that all of them share.

    >>> from mplfit.show.tables.read import short_names
    >>> short_names([f"llama_slimpajama_nlayers12_nhead12_sched_{kind}" for kind in ("cos", "wsd")])
    ['cos', 'wsd']
    """
    if max(map(len, names)) <= _LONG or len(names) == 1:
        return list(names)
    words = [name.split("_") for name in names]
    common = set(words[0]).intersection(*words[1:])
    short = ["_".join(word for word in some if word not in common) for some in words]
    return short if len(set(short)) == len(names) and all(short) else list(names)


def median_norm(log: Log) -> float | None:
    """The median of the logged gradient norms; None where there are none."""
    known = log.norm.value[np.isfinite(log.norm.value)]
    return float(np.median(known)) if known.size else None


def _row(
    name: str, curve: Curve, log: Log, sized: bool, tokens: bool, batch: bool, norms: bool
) -> tuple[Cell, ...]:
    size = curve.size
    sizes = (size.text if size.count else None, size.told_by or None) if sized else ()
    return (
        name, log.kind, len(curve), f"{curve.step[0]}–{curve.step[-1]}", curve.schedule.steps,
        float(curve.loss[0]), float(curve.loss[-1]), curve.schedule.peak, warmup_of(curve.schedule),
        curve.weight_decay, *sizes,
        *((size.tokens_per_update,) if tokens else ()), *((size.batch,) if batch else ()),
        *((median_norm(log),) if norms else ()), ", ".join(log.also) or None,
    )  # fmt: skip
