"""The closed loop as one HTML page: outcomes first, then all that the report of a fit has."""

from __future__ import annotations

from collections.abc import Sequence

from mplfit.curve import Curve
from mplfit.lab.loop import LoopResult
from mplfit.show.html import figure, section, table_html
from mplfit.show.lab_plot import plot_outcomes
from mplfit.show.plot import svg
from mplfit.show.report import Candidate, Report, report
from mplfit.show.tables import tables

__all__ = ["loop_page"]


def loop_page(result: LoopResult, training: Sequence[Curve], commands: Sequence[str] = ()) -> bytes:
    """The page, the same bytes for the same results."""
    found = result.forecasts
    candidates = {
        name: Candidate(
            found.schedules[name],
            {law: (one.loss, {"0.95": (one.low, one.high)}) for law, one in of.items()},
        )
        for name, of in found.final.items()
    }
    drawn = figure(
        svg(plot_outcomes(result.judgements)),
        "Forecast final losses with their intervals beside the observed ones",
        "Lines: 95 % intervals of the forecasts; bars: the final losses of the seeds.",
    )
    first = section("Forecast and outcome", *map(table_html, tables(result)), drawn)
    curves = {curve.name: curve for curve in training}
    rest = Report("The closed loop", found.fits, curves, candidates, commands)
    return report(rest, first=[first])
