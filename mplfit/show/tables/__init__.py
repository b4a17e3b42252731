"""What each result shows: `tables(result)`, one file a question."""

from __future__ import annotations

from importlib import import_module

from mplfit.show.table import Table, text

__all__ = ["tables", "whole_text"]

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
    "Predictions": "predict",
    "Profiles": "profile",
    "Rollout": "sizes",
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


def whole_text(result: object, *, wide: bool = False) -> str:
    """All tables of a result as text, with a blank line between."""
    return "\n\n".join(filter(None, (text(table, wide=wide) for table in tables(result))))
