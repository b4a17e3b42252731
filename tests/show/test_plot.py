"""Figures hold what they are to show, and are the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mplfit import Curve, load_fit, parse_schedule
from mplfit.assess.predict import predictions
from mplfit.plan.optimize import optimize
from mplfit.show.plot import (
    plot_curve,
    plot_overview,
    plot_plan,
    plot_predictions,
    plot_schedules,
    png,
)

DATA = Path(__file__).parents[2] / "data"
PLAN = parse_schedule("piecewise:0=3e-4,2000=3e-5,steps=5000,warmup=500")


@pytest.fixture
def curve():
    step = np.arange(500, 4000, 50)
    return Curve("run <1>", step, load_fit("400").predict(PLAN, step) * 1.001, PLAN)


def test_a_curve_s_figure_has_its_three_panels(curve):
    figure = plot_curve(curve, load_fit("400"), "held out")
    losses, errors, rates = figure.axes
    assert losses.get_title(loc="left") == "run <1> (held out)"
    observed, predicted = losses.lines
    np.testing.assert_array_equal(observed.get_ydata(), curve.loss)
    assert predicted.get_xdata()[-1] == 4999  # the rest of an unfinished run is predicted
    np.testing.assert_allclose(errors.lines[1].get_ydata(), 1 / 1.001 - 1, rtol=1e-6)
    assert {1999, 2000} <= set(rates.lines[0].get_xdata())  # a jump is drawn as one


def test_figures_are_reproducible(curve):
    fit = load_fit("400")
    one, two = (png(plot_overview([(curve, "training")], fit)) for _ in range(2))
    assert one == two
    assert one.startswith(b"\x89PNG")


def test_many_schedules_get_different_lines():
    schedules = {f"s{i}": parse_schedule(f"linear:steps=900,peak={i + 1}") for i in range(12)}
    lines = plot_schedules(schedules).axes[0].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 12


def test_predictions_show_final_losses_and_ignore_what_is_infinite():
    loss = load_fit("400").loss(PLAN)
    assert np.isinf(loss[0])
    found = predictions(load_fit("400"), {"plan": PLAN}).lowest
    figure = plot_predictions({"plan": found}, emphasis="plan")
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == [f"plan: {loss[-1]:.4f}"]
    assert np.isfinite(figure.axes[0].get_ylim()).all()
    assert not figure.axes[0].collections  # published parameters have no intervals


def test_predictions_have_bands_and_their_ends_are_the_intervals():
    fit = load_fit(DATA / "fit_25")
    found = predictions(fit, {"a": PLAN, "b": parse_schedule("linear:steps=900,peak=3e-4")})
    one = found.predictions[0]
    assert (one.low[-1], one.high[-1]) == pytest.approx(one.intervals["0.95"], rel=1e-9)
    figure = plot_predictions({each.name: each for each in found.predictions})
    assert len(figure.axes[0].collections) == 2
    plan = optimize(fit, steps=300, warmup=20, knots=6)
    assert plan.best.line.high[-1] == pytest.approx(plan.best.intervals["0.95"][1], rel=1e-9)
    drawn = plot_plan(plan)
    assert len(drawn.axes[0].collections) == 2  # of the schedule and of the best usual one
    assert drawn.axes[0].get_legend() is None  # which would take a third of the width
    assert len(drawn.legends) == 1
