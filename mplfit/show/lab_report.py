"""The closed loop as one HTML page: outcomes first, then all that the report of a fit has."""

from __future__ import annotations

from collections.abc import Sequence

from mplfit.assess.predict import predictions
from mplfit.curve import Curve
from mplfit.lab.loop import LoopResult
from mplfit.show.html import figure, section
from mplfit.show.lab_plot import plot_outcomes
from mplfit.show.plot import svg
from mplfit.show.report import Report, report
from mplfit.show.table import html
from mplfit.show.tables import tables

__all__ = ["loop_page"]


def loop_page(result: LoopResult, training: Sequence[Curve], commands: Sequence[str] = ()) -> bytes:
    """The page, the same bytes for the same results."""
    found = result.forecasts
    fits = {f"loop {loop}": fit for loop, fit in found.fits.items()}
    candidates = {name: predictions(fit, found.schedules) for name, fit in fits.items()}
    drawn = figure(
        svg(plot_outcomes(result.judgements)),
        "Forecast final losses with their intervals beside the observed ones",
        "Lines: 95 % intervals of the forecasts; bars: the final losses of the seeds.",
    )
    first = section("Forecast and outcome", *map(html, tables(result)), drawn)
    curves = {curve.name: curve for curve in training}
    rest = Report("The closed loops", fits, curves, candidates, commands)
    return report(rest, first=[first])
