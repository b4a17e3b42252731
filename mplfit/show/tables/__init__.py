"""What each result shows: `tables(result)`, one file a question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from importlib import import_module

from mplfit.show.table import Table, shorten, text
from mplfit.show.table import html as table_html

__all__ = ["html", "short_text", "tables", "whole_text"]

# The type of a result: the module here whose function `tables` makes its tables.
_MAKERS = {
    "Advice": "advise",
    "Agreement": "agreement",
    "BoundSweep": "bound",
    "BoundTable": "bound",
    "Comparison": "compare",
    "CoordinateChecks": "lab",
    "Design": "design",
    "Ending": "advise",
    "Extension": "extend",
    "Fit": "fit",
    "Forecast": "forecast",
    "Frontier": "sizes",
    "LoopResult": "lab",
    "NormFit": "bound",
    "Plan": "optimize",
    "Prediction": "predict",
    "Predictions": "predict",
    "Profiles": "profile",
    "Rollout": "sizes",
    "Runs": "runs",
    "SizeDesign": "sizes",
    "SizePredictions": "sizes",
    "Sizes": "sizes",
    "SweepAnalysis": "sweep",
}


def tables(result: object) -> list[Table]:
    """The tables of a result; the title of the first is the answer in a sentence."""
    name = type(result).__name__
    made: list[Table] = import_module(f"mplfit.show.tables.{_MAKERS[name]}").tables(result)
    return made


def whole_text(
    result: object,
    *,
    wide: bool = False,
    more: bool = True,
    told: Callable[[str], str] = str,
) -> str:
    """The tables of a result as text, with a blank line between; the statistics if `more`.

    told : how a note is put, as for the command line, where arguments are options.
    """
    made = [result] if isinstance(result, Table) else tables(result)
    shown = [
        text(replace(table, notes=tuple(map(told, table.notes))), wide=wide)
        for table in made
        if more or not table.more
    ]
    if len(shown) < len(made) and not isinstance(result, Table):
        shown.append("Statistics: with -v.")
    return "\n\n".join(filter(None, shown))


SHORT = 600  # characters of a repr, at most
_MORE = "(print it, or see its tables(), for all)"


def short_text(result: object) -> str:
    """A repr: the answer, what the module has as `brief`, or as many rows as there is room for."""
    maker = import_module(f"mplfit.show.tables.{_MAKERS[type(result).__name__]}")
    first, *others = tables(result)
    brief: str = maker.brief(result) if hasattr(maker, "brief") else ""
    count = len(first.rows)
    while True:
        made = text(replace(first, rows=first.rows[:count], notes=()))
        lines = [made, *([brief] if brief else [])]
        if count < len(first.rows) or first.notes or others:
            lines.append(_MORE)
        if len("\n".join(lines)) < SHORT:
            return "\n".join(lines)
        if count:
            count = min(count - 1, 12)
        else:  # the title alone is too long
            return f"{shorten(first.title or type(result).__name__, SHORT // 2)}\n{_MORE}"


def html(result: object) -> str:
    """All tables of a result, and its warnings, as a part of an HTML page."""
    warnings = "".join(f'<p class="warn">{escape(one)}</p>' for one in _warnings(result))
    return warnings + "".join(map(table_html, tables(result)))


def _warnings(result: object) -> tuple[str, ...]:
    return tuple(getattr(result, "warnings", ()))
