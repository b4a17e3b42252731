"""`Table`: what a result shows, as data; here it becomes text, and HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

import numpy as np

from mplfit.errors import printable

__all__ = ["WIDTH", "Cell", "Column", "Table", "html", "shorten", "text"]

WIDTH = 100
"""Columns of a terminal that every output fits, unless it is asked to be wide."""

Cell: TypeAlias = str | float | int | tuple[float, float] | None
"""A text, a number, an interval, or nothing (None, or NaN)."""

_NARROWEST = 16  # a name is not shortened below this
_NOTHING = "–"
_NARROW = 4  # columns that a phone has room for


@dataclass(frozen=True)
class Column:
    """One column of a table.

    title : what stands above it.  format : of its numbers and of the ends of its intervals, such as
    ".4f" or "+.3g".  unit : stands behind the title.  wide : shown only where there is room for
    everything (`--wide`, HTML).
    """

    title: str
    format: str = ""
    unit: str = ""
    wide: bool = False

    @property
    def head(self) -> str:
        """The title with the unit.

        >>> from mplfit.show.table import Column
        >>> Column("saved", unit="%").head
        'saved, %'
        """
        return f"{self.title}, {self.unit}" if self.unit else self.title

    def cell(self, value: Cell) -> str:
        """A value as it is shown.

        >>> from mplfit.show.table import Column
        >>> loss = Column("loss", ".2f")
        >>> loss.cell(2.5), loss.cell((2.4, 2.6)), loss.cell((-0.1, 0.2)), loss.cell(None)
        ('2.50', '2.40–2.60', '-0.10 to +0.20', '–')
        """
        if isinstance(value, str):
            return printable(value)
        if isinstance(value, tuple):
            low, high = value
            if np.isnan(low) or np.isnan(high):
                return _NOTHING
            if low < 0 or self.format.startswith("+"):
                signed = "+" + self.format.lstrip("+")
                return f"{low:{signed}} to {high:{signed}}"
            return f"{low:{self.format}}–{high:{self.format}}"
        if value is None or np.isnan(value):
            return _NOTHING
        return format(value, self.format)


@dataclass(frozen=True)
class Table:
    """A result for people: a sentence that says what it is, columns, rows, and notes below.

    more : these are statistics, which commands print with -v alone; pages have them.

    Raises
    ------
    ValueError
        If a row has more or fewer cells than there are columns.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    more: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row of {len(row)} cells for {len(self.columns)} columns")

    def cells(self, columns: Sequence[int]) -> list[list[str]]:
        """The shown texts of some columns, row by row."""
        return [[self.columns[k].cell(row[k]) for k in columns] for row in self.rows]


def text(table: Table, *, width: int = WIDTH, wide: bool = False) -> str:
    """The title, the table and the notes as lines of at most `width` characters.

    Where the table would be wider, its heads are broken, then the names in its first column are
    shortened in the middle, then columns on the right are left out, which a note says. With `wide`
    every column is shown as it is, and only the title and the notes are wrapped.

    >>> from mplfit.show.table import Column, Table, text
    >>> print(text(Table("Two runs.", (Column("run"), Column("loss", ".2f")), (("a", 2.5),))))
    Two runs.
    <BLANKLINE>
    run  loss
    a    2.50
    """
    shown = [k for k, column in enumerate(table.columns) if wide or not column.wide]
    notes = list(table.notes)
    while True:
        grid = _grid(table, shown, None if wide else width)
        if wide or len(shown) < 3 or max(map(len, grid), default=0) <= width:
            break
        shown.pop()
    if hidden := len(table.columns) - len(shown):
        notes.append(f"{hidden} more column{'s' * (hidden > 1)} with --wide.")
    parts = [_wrapped(table.title, width)] if table.title else []
    if table.rows:
        parts.append("\n".join(grid))
    if notes:
        parts.append("\n".join(_wrapped(note, width) for note in notes))
    return "\n\n".join(parts)


def html(table: Table) -> str:
    """The same with every column, as HTML: all text is escaped; a wide table scrolls by itself.

    >>> from mplfit.show.table import Column, Table, html
    >>> "&lt;script&gt;" in html(Table("", (Column("name"),), (("<script>",),)))
    True
    """
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    if not table.rows:
        return (f"<p>{escape(table.title)}</p>" if table.title else "") + notes
    title = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    heads = "".join(f'<th scope="col">{escape(column.head)}</th>' for column in table.columns)
    many = len(table.columns) > _NARROW  # such a row becomes a list on a phone, with its heads
    before = [f' data-head="{escape(column.head)}"' if many else "" for column in table.columns]
    rows = (
        "".join(f"<td{head}>{escape(cell)}</td>" for head, cell in zip(before, row, strict=True))
        for row in table.cells(range(len(table.columns)))
    )
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="wide{" many" * many}" tabindex="0"><table>{title}'
        f"<thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table></div>{notes}"
    )


def shorten(name: str, length: int) -> str:
    """A name of at most `length` characters, cut in the middle, where runs' names differ least.

    >>> from mplfit.show.table import shorten
    >>> shorten("slimpajama_llama_wsd_0.1", 16)
    'slimpaja…wsd_0.1'
    """
    if len(name) <= length:
        return name
    head = length // 2
    return f"{name[:head]}…{name[len(name) - (length - head - 1) :]}"


def _grid(table: Table, shown: Sequence[int], width: int | None) -> list[str]:
    """The lines of the heads and rows; within `width` if that can be had."""
    if not shown:
        return []
    cells = table.cells(shown)
    heads = [[table.columns[k].head] for k in shown]
    widths = [max([len(h[0]), *(len(r[i]) for r in cells)]) for i, h in enumerate(heads)]
    if width is not None and _total(widths) > width:
        for i, head in enumerate(heads):
            longest = max([*map(len, head[0].split()), *(len(row[i]) for row in cells)], default=1)
            heads[i] = textwrap.wrap(head[0], longest, break_long_words=False) or [""]
            widths[i] = max([longest, *map(len, heads[i])])
        excess = _total(widths) - width
        if excess > 0 and table.columns[shown[0]].format == "":
            widths[0] = min(widths[0], max(widths[0] - excess, _NARROWEST))
    height = max(map(len, heads))
    lines = [[head[k - height] if k >= height - len(head) else "" for head in heads]
             for k in range(height)]  # fmt: skip
    lines += [[shorten(row[0], widths[0]), *row[1:]] for row in cells]
    aligned = []
    for first, *rest in lines:
        others = (cell.rjust(size) for cell, size in zip(rest, widths[1:], strict=True))
        aligned.append("  ".join([first.ljust(widths[0]), *others]).rstrip())
    return aligned


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _wrapped(paragraph: str, width: int) -> str:
    """A paragraph in lines; line ends that it has are kept."""
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in paragraph.splitlines()
    )
