"""One page on many runs: groups of like runs, and what a person should look at."""

from __future__ import annotations

from collections.abc import Sequence

from mplfit.curve import Curve
from mplfit.readers.folders import Skipped
from mplfit.readers.log import Log
from mplfit.readers.names import listed
from mplfit.readers.plausible import DIVERGED
from mplfit.show.table import Cell, Column, Table, shorten

__all__ = ["MANY", "many_table", "skipped_lines"]

MANY = 40
"""Runs that are still shown one by one."""

_GROUPS, _SAID, _WHY = 25, 6, 160  # rows of the page; lines of one kind below it; their length
_ALIKE = "runs would be called "


def many_table(read: Sequence[tuple[Curve, Log]], skipped: Sequence[Skipped]) -> Table:
    """Groups of runs of one format and length; below them what needs a look, by name."""
    diverged = _said(read, DIVERGED)
    kinds = {log.kind for _, log in read}
    logs = [one for one in skipped if one.log]
    title = f"{len(read)} runs in {len(kinds)} format{'s' * (len(kinds) > 1)} can be read"
    title += f"; {len(diverged)} may have diverged" * bool(diverged)
    title += f"; {len(logs)} file{'s' * (len(logs) > 1)} could not be read" * bool(logs)
    groups = _groups(read, by_length=True)
    if len(groups) > _GROUPS:
        groups = _groups(read, by_length=False)
    columns = (
        Column("format"), Column("runs"), Column("such as"), Column("updates"),
        Column("peak lr", ".3g"), Column("last loss", ".3f"),
    )  # fmt: skip
    rows = tuple(_row(kind, some) for kind, some in groups)
    notes = [
        *(f"{name}: {text}" for name, text in diverged[:_SAID]),
        *skipped_lines(skipped),
        *(f"{name}: {text}" for name, text in _said(read, _ALIKE)[:_SAID]),
        "Every run, and every note: -v. To fit without some of them: train=NAME or test=NAME.",
    ]
    return Table(title + ".", columns, rows, tuple(notes))


def skipped_lines(skipped: Sequence[Skipped]) -> list[str]:
    """Which files gave no run and why; files that look like no log are counted."""
    logs = [one for one in skipped if one.log]
    lines = [f"not read: {log.path}: {shorten(log.why, _WHY)}" for log in logs[:_SAID]]
    if len(logs) > _SAID:
        lines.append(f"not read: {len(logs) - _SAID} more files (all of them: --json)")
    if others := [one.path.name for one in skipped if not one.log]:
        lines.append(f"no log: {listed(others)}")
    return lines


def _said(read: Sequence[tuple[Curve, Log]], words: str) -> list[tuple[str, str]]:
    """The runs of which something is said, with what."""
    return [
        (curve.name, text)
        for curve, _ in read
        if curve.origin is not None
        for text in (*curve.origin.warnings, *curve.origin.notes)
        if words in text
    ]


def _groups(read: Sequence[tuple[Curve, Log]], *, by_length: bool) -> list[tuple[str, list[Curve]]]:
    groups: dict[tuple[str, int], list[Curve]] = {}
    for curve, log in read:
        groups.setdefault((log.kind, curve.schedule.steps if by_length else 0), []).append(curve)
    by_size = sorted(groups.items(), key=lambda group: -len(group[1]))
    return [(kind, curves) for (kind, _), curves in by_size]


def _row(kind: str, curves: Sequence[Curve]) -> tuple[Cell, ...]:
    return (
        kind, len(curves), shorten(curves[0].name, 16),
        _range([curve.schedule.steps for curve in curves]),
        _range([curve.schedule.peak for curve in curves]),
        _range([float(curve.loss[-1]) for curve in curves]),
    )  # fmt: skip


def _range(values: Sequence[float]) -> Cell:
    low, high = min(values), max(values)
    return low if low == high else (low, high)
