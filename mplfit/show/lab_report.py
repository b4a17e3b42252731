"""The closed loop as one HTML page: outcomes first, then all that the report of a fit has."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mplfit.curve import Curve
from mplfit.lab.loop import Forecasts, Gain, Judgement
from mplfit.show.html import figure, section, table
from mplfit.show.lab_plot import plot_outcomes
from mplfit.show.plot import svg
from mplfit.show.report import Candidate, Report, report

__all__ = ["loop_page"]


def loop_page(
    found: Forecasts,
    training: Sequence[Curve],
    judgements: Sequence[Judgement],
    gains: Sequence[Gain],
    commands: Sequence[str] = (),
) -> bytes:
    """The page, the same bytes for the same results."""
    candidates = {
        name: Candidate(
            found.schedules[name],
            {law: (one.loss, {"0.95": (one.low, one.high)}) for law, one in of.items()},
        )
        for name, of in found.final.items()
    }
    curves = {curve.name: curve for curve in training}
    rest = Report("The closed loop", found.fits, curves, candidates, commands)
    return report(rest, first=[_outcomes(list(found.fits), judgements), _gains(gains)])


def _outcomes(laws: Sequence[str], judgements: Sequence[Judgement]) -> str:
    rows = []
    for one in judgements:
        cells = [one.name, str(one.steps)]
        for law in laws:
            made = one.forecasts[law]
            held = f"{one.inside[law]} of {len(one.observed)}"
            cells += [f"{made.loss:.4f} ({made.low:.4f}–{made.high:.4f})", held]
        rows.append([*cells, f"{one.mean:.4f} ± {one.error:.4f}"])
    header = ["schedule", "steps"]
    for law in laws:
        header += [f"forecast by {law}", "seeds inside"]
    drawn = figure(
        svg(plot_outcomes(judgements)),
        "Forecast final losses with their intervals beside the observed ones",
        "Lines: 95 % intervals of the forecasts; bars: the final losses of the seeds.",
    )
    note = (
        "Forecasts were made from three runs of seed 0 before the others were trained. In "
        "parentheses: 95 % intervals. Observed: mean and standard error over the seeds."
    )
    shown = table([*header, "observed"], rows)
    return section("Forecast and outcome", shown, f'<p class="note">{escape(note)}</p>', drawn)


def _gains(gains: Sequence[Gain]) -> str:
    if not gains:
        return ""
    laws = list(gains[0].predicted)
    rows = [
        [
            one.over,
            *(f"{one.predicted[law]:+.4f} ({_ends(one.intervals[law])})" for law in laws),
            f"{one.observed:+.4f} ± {one.error:.4f}",
        ]
        for one in gains
    ]
    header = ["against", *(f"gain by {law}" for law in laws), "observed"]
    return section("What the optimized schedule gained", table(header, rows))


def _ends(interval: tuple[float, float]) -> str:
    return "{:+.4f} to {:+.4f}".format(*interval)
