"""The lab's figures and page, from made-up results."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import Curve, parse_schedule
from mplfit.estimate.mean import Mean
from mplfit.lab.coordinates import CoordinateCheck
from mplfit.lab.loop import (
    LAW,
    OPTIMIZED,
    TRAINING,
    FinalForecast,
    Forecasts,
    Judgement,
    forecast,
    judge,
    loop_specs,
)
from mplfit.show.lab_plot import plot_coordinates, plot_outcomes
from mplfit.show.lab_report import loop_page
from mplfit.show.plot import png
from mplfit.show.tables import whole_text

pytestmark = pytest.mark.portable

SPECS = loop_specs(200, 1e-2, 20)


def judgement(name="linear", observed=(2.0, 2.1)):
    made = {"one": FinalForecast(2.02, 1.98, 2.06), "two": FinalForecast(2.2, 2.15, 2.25)}
    inside = {loop: sum(f.low <= loss <= f.high for loss in observed) for loop, f in made.items()}
    return Judgement(name, 200, made, observed, inside)


def test_outcomes_are_drawn_with_intervals_and_every_seed():
    figure = plot_outcomes([judgement(), judgement("optimized", (1.9, 2.0))])
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["linear", "optimized"]
    assert axes.get_legend_handles_labels()[1] == [
        "forecast, loop one", "forecast, loop two", "observed, a seed each",
    ]  # fmt: skip
    assert png(figure).startswith(b"\x89PNG")


def test_the_coordinate_check_is_drawn_a_panel_each():
    widths, steps, names = (16, 32, 64), (0, 2), ("embedding", "output")
    of_one = [[Mean(w ** (0.5 * s) / 10, w ** (0.5 * s) / 100, 3) for s in steps] for w in widths]
    scale = dict.fromkeys(names, of_one)
    check = CoordinateCheck("SP", widths, steps, names, scale, scale)
    slope = check.slope("output", 2)
    assert slope.value == pytest.approx(1.0)
    assert slope.error == pytest.approx(0.1 / (np.log(2) * np.sqrt(2)))  # of three 10 % errors
    figure = plot_coordinates({"SP": check, "muP": check})
    assert len(figure.axes) == 2
    assert len(figure.axes[0].lines) == 4


@pytest.fixture(scope="module")
def found():
    """Forecasts from two curves of a simple law."""
    curves = {}
    for name in TRAINING["two"]:
        schedule = parse_schedule(SPECS[name])
        step = np.arange(39, schedule.steps, 5)
        total = np.cumsum(schedule.lr)[step]
        loss = 1.5 + total**-0.4 + 8 * schedule.lr[step]
        curves[name] = Curve(name, step, loss, schedule)
    return curves, forecast(curves, SPECS, weight_decay=0.1)


def test_each_loop_is_fitted_to_its_runs_and_knows_every_schedule_before_it_is_trained(found):
    _, made = found
    assert isinstance(made, Forecasts)
    assert set(made.final) == {*SPECS, *OPTIMIZED.values()}
    for loop, fit in made.fits.items():
        assert (fit.law, fit.constants["weight_decay"]) == (LAW, 0.1)
        assert tuple(record.name for record in fit.data) == TRAINING[loop]
        best = made.schedules[OPTIMIZED[loop]]
        assert (best.steps, best.warmup, best.peak) == (200, 20, pytest.approx(1e-2))
        own = made.final[OPTIMIZED[loop]][loop].loss
        for name, of in made.final.items():
            if made.schedules[name].steps == 200:
                assert own <= of[loop].loss + 1e-9, name
            assert of[loop].low < of[loop].loss < of[loop].high
    assert made.final["linear"]["one"] != made.final["linear"]["two"]


def test_a_judgement_pairs_the_seeds(found):
    _, made = found
    observed = {"linear": (2.0, 2.3), "cosine_long": (1.9, 2.0), "optimized_two": (1.9, 2.1)}
    result = judge(made, observed)
    judged, gains = result.judgements, result.gains
    assert [one.name for one in judged] == list(observed)
    assert judged[0].mean == pytest.approx(2.15)
    assert judged[0].error == pytest.approx(0.15)
    # The longer run is no rival, and the other optimized schedule was not trained.
    assert [(gain.name, gain.over) for gain in gains] == [("optimized_two", "linear")]
    assert gains[0].observed == pytest.approx(0.15)
    assert gains[0].error == pytest.approx(0.05)
    plain = result.to_dict()
    assert plain["runs"][0]["observed"] == [2.0, 2.3]


def test_the_page_begins_with_the_outcome(found):
    curves, made = found
    seen = {"linear": (2.0, 2.3), "optimized_one": (2.1, 2.4), "optimized_two": (1.9, 2.1)}
    result = judge(made, seen)
    page = loop_page(result, list(curves.values()), ["mplfit lab loop"])
    assert page == loop_page(result, list(curves.values()), ["mplfit lab loop"])
    text = page.decode()
    assert text.index("Forecast and outcome") < text.index("Summary")
    assert "What optimized_two gained" in text
    shown = whole_text(result)
    said = " ".join(shown.split())
    assert said.startswith(
        "optimized_one did not win: linear ended lower or equal, clearly so: linear. optimized_two "
        "won against all 1 others (mean of 2 seeds), by more than two standard errors."
    )
    assert "loop one: cosine; loop two: cosine, constant" in said
    assert max(map(len, shown.splitlines())) <= 100
