"""The table of `Runs`: one row a run."""

from __future__ import annotations

from mplfit.readers.selecting import warmup_of
from mplfit.runs import Runs
from mplfit.show.table import Column, Table
from mplfit.show.tables.read import short_names

__all__ = ["tables"]


def tables(runs: Runs) -> list[Table]:
    """Every run with its rows, losses and schedule."""
    updates = sum(int(curve.step[-1]) + 1 for curve in runs)
    count = f"{len(runs)} run{'s' if len(runs) > 1 else ''}"
    columns = (
        Column("run"), Column("rows"), Column("steps"), Column("of"), Column("first loss", ".4f"),
        Column("last loss", ".4f"), Column("peak lr", ".4g"), Column("warmup"),
        Column("weight decay", "g", wide=True), Column("size", wide=True),
    )  # fmt: skip
    rows = tuple(
        (
            name, len(curve), f"{curve.step[0]}–{curve.step[-1]}", curve.schedule.steps,
            float(curve.loss[0]), float(curve.loss[-1]), curve.schedule.peak,
            warmup_of(curve.schedule), curve.weight_decay,
            curve.size.text if curve.size.count else None,
        )
        for name, curve in zip(short_names(runs.names), runs, strict=True)
    )  # fmt: skip
    return [Table(f"{count} of {updates:,} updates in all.", columns, rows)]
