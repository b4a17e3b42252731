"""The lab's figures and page, from made-up results."""

from __future__ import annotations

import numpy as np
import pytest

from mplfit import Curve, parse_schedule
from mplfit.estimate.mean import Mean
from mplfit.lab.coordinates import CoordinateCheck
from mplfit.lab.loop import (
    LAWS,
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
    made = {"effective": FinalForecast(2.02, 1.98, 2.06), "mpl": FinalForecast(2.2, 2.15, 2.25)}
    inside = {law: sum(f.low <= loss <= f.high for loss in observed) for law, f in made.items()}
    return Judgement(name, 200, made, observed, inside)


def test_outcomes_are_drawn_with_intervals_and_every_seed():
    figure = plot_outcomes([judgement(), judgement("optimized", (1.9, 2.0))])
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["linear", "optimized"]
    assert axes.get_legend_handles_labels()[1] == ["effective", "mpl", "observed, a seed each"]
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
    """Forecasts from three curves of a simple law."""
    curves = []
    for name in TRAINING:
        schedule = parse_schedule(SPECS[name])
        step = np.arange(39, schedule.steps, 5)
        total = np.cumsum(schedule.lr)[step]
        loss = 1.5 + total**-0.4 + 8 * schedule.lr[step]
        curves.append(Curve(name, step, loss, schedule))
    return curves, forecast(curves, SPECS, weight_decay=0.1)


def test_a_forecast_knows_every_schedule_before_it_is_trained(found):
    _, made = found
    assert isinstance(made, Forecasts)
    assert set(made.fits) == set(LAWS)
    assert set(made.final) == {*SPECS, OPTIMIZED}
    assert made.fits["effective"].constants["weight_decay"] == 0.1
    best = made.schedules[OPTIMIZED]
    assert best == parse_schedule(made.specs[OPTIMIZED])
    assert (best.steps, best.warmup, best.peak) == (200, 20, pytest.approx(1e-2))
    own = made.final[OPTIMIZED]["effective"].loss
    for name, of in made.final.items():
        if made.schedules[name].steps == 200:
            assert own <= of["effective"].loss + 1e-9, name
        assert of["effective"].low < of["effective"].loss < of["effective"].high


def test_a_judgement_pairs_the_seeds(found):
    _, made = found
    observed = {"linear": (2.0, 2.3), "cosine_long": (1.9, 2.0), OPTIMIZED: (1.9, 2.1)}
    result = judge(made, observed)
    judged, gains = result.judgements, result.gains
    assert [one.name for one in judged] == list(observed)
    assert judged[0].mean == pytest.approx(2.15)
    assert judged[0].error == pytest.approx(0.15)
    assert [gain.over for gain in gains] == ["linear"]  # the longer run is no rival
    assert gains[0].observed == pytest.approx(0.15)
    assert gains[0].error == pytest.approx(0.05)
    plain = result.to_dict()
    assert plain["runs"][0]["observed"] == [2.0, 2.3]


def test_the_page_begins_with_the_outcome(found):
    curves, made = found
    result = judge(made, {"linear": (2.0, 2.3), OPTIMIZED: (1.9, 2.1)})
    page = loop_page(result, curves, ["mplfit lab loop"])
    assert page == loop_page(result, curves, ["mplfit lab loop"])
    text = page.decode()
    assert text.index("Forecast and outcome") < text.index("Summary")
    assert "What the optimized schedule gained" in text
    shown = whole_text(result)
    assert shown.startswith(
        "The optimized schedule won against all 1 others (mean of 2 seeds), by "
    )
    assert max(map(len, shown.splitlines())) <= 100
    lost = judge(made, {"linear": (2.0, 2.0), OPTIMIZED: (2.1, 2.1)})
    assert whole_text(lost).startswith("The optimized schedule did not win: linear ended lower or")
