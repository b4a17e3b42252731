"""Plain tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from mplfit.errors import printable

__all__ = ["render", "span"]


def render(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned by spaces: the first to the left, the others to the right.

    >>> from mplfit.cli.tables import render
    >>> print(render(["name", "MAE"], [["cosine", "0.0048"]]))
    name       MAE
    cosine  0.0048
    """
    table = [[printable(str(cell)) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for first, *rest in table:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def span(ends: tuple[float, float], digits: int = 4) -> str:
    """An interval in a cell.

    >>> from mplfit.cli.tables import span
    >>> span((2.5, 2.75)), span((-0.001, 0.02), 3)
    ('2.5000–2.7500', '-0.001 to +0.020')
    """
    low, high = ends
    if low < 0:
        return f"{low:+.{digits}f} to {high:+.{digits}f}"
    return f"{low:.{digits}f}–{high:.{digits}f}"
