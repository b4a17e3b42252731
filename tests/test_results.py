"""Every result: it shows itself, is its JSON, is copied, and draws itself where it has a figure."""

from __future__ import annotations

import copy
import io
import json
import pickle
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import numpy as np
import pytest
from matplotlib.figure import Figure

import mplfit
from mplfit.assess.compare import compare_laws
from mplfit.assess.profile import profile
from mplfit.bounds import bound_curve
from mplfit.bounds.agreement import agreement
from mplfit.bounds.scan import scan
from mplfit.bounds.table import BoundSweep
from mplfit.errors import DataError, OutputError
from mplfit.estimate.logged_norms import fit_logged_norms
from mplfit.estimate.mean import Mean
from mplfit.lab.coordinates import CoordinateCheck, CoordinateChecks
from mplfit.lab.loop import FinalForecast, Forecasts, Judgement, LoopResult, MeasuredGain
from mplfit.plan.advise import endings
from mplfit.plan.forecast import Forecast
from mplfit.readers.outcome_table import read_outcome_table
from mplfit.readers.sizes import parse_size
from mplfit.results import Result, Shown
from mplfit.show.tables import _MAKERS, whole_text
from mplfit.sizes.design import design_sizes
from mplfit.sizes.frontier import Budget, Frontier
from mplfit.sizes.predictions import SizePrediction, SizePredictions
from mplfit.sizes.result import Sizes
from mplfit.sizes.rollout import Rollout, RolloutRow

DATA = Path(__file__).parents[1] / "data"
COSINE = "cosine:steps=3000,peak=6e-3,warmup=300"
WSD = "wsdld:steps=4000,peak=3e-4,decay=0.2"
BUDGETS = tuple(Budget(C, 1e7, 1e9, 2000, 0.2, 2.5, (2.4, 2.6), False) for C in (1e13, 1e14))


@cache
def runs():
    return mplfit.read(DATA / "lab_text")


@cache
def fitted():
    return mplfit.fit(runs(), "effective", rival=False)


@cache
def sizes():
    return Sizes.from_dict(json.loads((DATA / "sizes_lab" / "sizes.json").read_text()))


def so_far():
    """A run whose schedule goes on for longer than its rows."""
    curve = runs()["lab_cosine"]
    return mplfit.Curve("part", curve.step[:30], curve.loss[:30], curve.schedule)


def norms():
    schedule, step = mplfit.wsdld(300, 1e-2, decay=0.4), np.arange(5, 300, 5)
    G = 1.1 + np.sin(np.arange(300) / 30) / 4
    curve = mplfit.Curve("a", step, 2.5 + 0.4 * bound_curve(schedule.lr, G=3 * G)[step], schedule)
    return fit_logged_norms([curve], {"a": G})


def loop():
    names = ("linear", "optimized_one", "optimized_two")
    specs = dict.fromkeys(names, "linear:steps=200,peak=0.01")
    final = {name: {"one": FinalForecast(2.02, 1.98, 2.06)} for name in specs}
    judged = [Judgement(name, 200, final[name], (2.0, 2.1), {"one": 1}) for name in specs]
    gain = MeasuredGain(
        "optimized_one", "linear", {"one": 0.1}, {"one": (0.0, 0.2)}, 0.1, np.nan, 1
    )
    return LoopResult(Forecasts(specs, final, {"one": fitted()}), tuple(judged), (gain,))


def coordinates():
    scale = {"output": [[Mean(width / 10, 0.01, 3) for _ in range(3)] for width in (16, 32)]}
    check = CoordinateCheck("SP", (16, 32), (0, 1, 2), ("output",), scale, scale)
    return CoordinateChecks({"SP": check, "muP": check}, 3)


def rollout():
    losses = (np.array([x]) for x in (2.5, 2.52, 0.01))
    row = RolloutRow("40M", 4e7, 2, 2.0, ("cosine",), *losses, None, 0.03, "cosine", 0.01, None)
    return Rollout((row,))


def size_predictions():
    row = SizePrediction(
        "40M", 4e7, "cosine", 3000, 6e-3, None, 2.5, 0.01,
        {"0.80": (2.47, 2.53), "0.95": (2.45, 2.55)}, 1.9, 0.1, (0.05, 0.15),
    )  # fmt: skip
    return SizePredictions(sizes(), (row,))


MADE = {
    "Advice": lambda: mplfit.advise(fitted(), runs(), steps=600),
    "Agreement": lambda: agreement(read_outcome_table(DATA / "outcomes_simulated" / "runs.csv")),
    "BoundSweep": lambda: BoundSweep(
        "cooldown", 1.0, "1", (replace(scan(WSD, "cooldown", values=[0.2, 0.5]), name="wsd"),)
    ),
    "BoundTable": lambda: mplfit.bound(WSD, COSINE),
    "Comparison": lambda: compare_laws(runs()[:3], runs()[3:5], ["onepower"]),
    "CoordinateChecks": coordinates,
    "Design": lambda: mplfit.design(fitted(), COSINE, ["cosine:steps=900,peak=6e-3"], over=WSD),
    "Ending": lambda: endings(fitted(), runs()["lab_constant"], 2000, 500),
    "Extension": lambda: mplfit.extend(WSD, 6000),
    "Fit": fitted,
    "Forecast": lambda: mplfit.forecast(so_far(), known=fitted()),
    "Frontier": lambda: Frontier(BUDGETS, 6.0, 512.0),
    "LoopResult": loop,
    "NormFit": norms,
    "Plan": lambda: mplfit.optimize(fitted(), steps=500, warmup=50, knots=5),
    "Prediction": lambda: fitted().predict(COSINE),
    "Predictions": lambda: mplfit.predict(
        fitted(), COSINE, {"wsd": "wsdld:steps=3000,peak=6e-3,decay=600"}
    ),
    "Profiles": lambda: profile(
        mplfit.fit(runs()[:2], "onepower", rival=False), runs()[:2], ["L0"]
    ),
    "Rollout": rollout,
    "Runs": runs,
    "SizeDesign": lambda: design_sizes(sizes(), parse_size("10M"), runs=1, tokens_per_update=512),
    "SizePredictions": size_predictions,
    "Sizes": sizes,
    "SweepAnalysis": lambda: mplfit.sweep(DATA / "lab_sweep" / "lab_sweep.csv", draws=100),
}
PANEL = (
    "Advice", "BoundTable", "Comparison", "Design", "Ending", "Extension", "Frontier", "LoopResult",
    "Prediction", "Rollout", "Runs", "SizeDesign", "SizePredictions",
)  # fmt: skip
PANELS = (
    "Agreement", "BoundSweep", "CoordinateChecks", "Fit", "Plan", "Predictions", "Profiles",
    "SweepAnalysis",
)  # fmt: skip


@cache
def result(name):
    return MADE[name]()


def drawn(axes):
    return len(axes.lines) + len(axes.collections)


def test_these_are_all_results():
    for module in walk_packages(mplfit.__path__, "mplfit."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    assert [kind.__name__ for kind in Shown.__subclasses__()] == ["Result"]
    known = {
        kind.__name__ for kind in Result.__subclasses__() if kind.__module__.startswith("mplfit.")
    }
    assert known == set(MADE) == set(_MAKERS)


@pytest.mark.parametrize("name", MADE)
def test_a_result_shows_itself(name):
    found = result(name)
    assert type(found).__name__ == name
    assert 20 < len(repr(found)) < 600
    assert repr(found).splitlines()[0][:40] in str(found)
    assert len(str(found)) >= len(repr(found)) - 60
    title = found.tables()[0].title
    assert title[:30] in found._repr_html_().replace("&#x27;", "'")
    assert ("<table>" in found._repr_html_()) == any(one.columns for one in found.tables())


@pytest.mark.parametrize("name", MADE)
def test_a_result_is_its_json_and_its_copies(name):
    found = result(name)
    again = type(found).from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))
    assert again == found
    assert again.to_dict() == found.to_dict()
    assert again.tables()[0].rows == found.tables()[0].rows
    for same in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert same == found
        assert whole_text(same) == whole_text(found)


@pytest.mark.parametrize("name", PANEL)
def test_figures_of_one_panel_are_drawn_where_one_wants_them(name):
    axes = Figure().subplots()
    assert result(name).plot(ax=axes) is axes.figure
    assert drawn(axes) > 0
    alone = result(name).plot()
    assert alone is not axes.figure
    assert drawn(alone.axes[0]) == drawn(axes)


@pytest.mark.parametrize("name", PANELS)
def test_figures_of_several_panels_are_drawn_into_a_figure_or_a_part_of_one(name):
    left, right = Figure(figsize=(14, 9), layout="constrained").subfigures(1, 2)
    result(name).plot(fig=right)
    assert not left.axes
    assert right.axes
    assert all(drawn(axes) for axes in right.axes if axes.get_visible())
    right.figure.savefig(io.BytesIO(), format="png")
    with pytest.raises(OutputError, match="give fig="):
        result(name).plot(ax=Figure().subplots())


def test_a_forecast_of_json_has_not_the_rows_that_its_figure_shows():
    again = Forecast.from_dict(result("Forecast").to_dict())
    assert again.final_loss == result("Forecast").final_loss
    with pytest.raises(DataError, match="the forecast of part was read from JSON"):
        again.plot()


@pytest.mark.parametrize("name", sorted({*MADE} - {*PANEL, *PANELS, "Forecast"}))
def test_a_result_without_a_figure_says_which_have_one(name):
    with pytest.raises(OutputError, match=rf"{name} has no figure: .*Plan"):
        result(name).plot()
