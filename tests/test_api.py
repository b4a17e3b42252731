"""The calls of `import mplfit`: they run as the guide has them, and every result shows itself."""

from __future__ import annotations

import copy
import inspect
import io
import json
import pickle
import sys
from importlib import import_module
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

import mplfit
from mplfit.cli.main import main
from mplfit.errors import DataError, FitError, OutputError
from mplfit.estimate.prior import prior_for
from mplfit.results import Shown
from mplfit.schedule.spec import parse_schedule
from mplfit.types import Record

ROOT = Path(__file__).parents[1]
COSINE = "cosine:steps=3000,peak=6e-3,warmup=300"
WSD = "wsdld:steps=4000,peak=3e-4,decay=0.2"


def drawn(axes):
    return len(axes.lines) + len(axes.collections)


@pytest.fixture(scope="module")
def runs():
    return mplfit.read(ROOT / "data" / "lab_text")


@pytest.fixture(scope="module")
def fitted(runs):
    return mplfit.fit(runs, "effective", rival=False)


@pytest.fixture(scope="module")
def results(runs, fitted):
    return {
        "Runs": runs,
        "Fit": fitted,
        "Prediction": fitted.predict(COSINE),
        "Predictions": mplfit.predict(
            fitted, COSINE, {"wsd": "wsdld:steps=3000,peak=6e-3,decay=600"}
        ),
        "Plan": mplfit.optimize(fitted, steps=500, warmup=50, knots=5),
        "Extension": mplfit.extend(WSD, 6000),
        "Design": mplfit.design(fitted, COSINE, ["cosine:steps=900,peak=6e-3"], over=WSD),
        "Advice": mplfit.advise(fitted, steps=600),
        "BoundTable": mplfit.bound(WSD, COSINE),
        "SweepAnalysis": mplfit.sweep(ROOT / "data" / "lab_sweep" / "lab_sweep.csv", draws=100),
    }


RESULTS = (
    "Runs", "Fit", "Prediction", "Predictions", "Plan", "Extension", "BoundTable", "SweepAnalysis",
    "Design", "Advice",
)  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_shows_itself(results, name):
    found = results[name]
    assert type(found).__name__ == name
    assert 20 < len(repr(found)) < 600
    assert repr(found).splitlines()[0][:40] in str(found)
    assert len(str(found)) >= len(repr(found)) - 60
    title = found.tables()[0].title
    assert title[:30] in found._repr_html_().replace("&#x27;", "'")
    assert ("<table>" in found._repr_html_()) == any(one.columns for one in found.tables())
    again = pickle.loads(pickle.dumps(found))
    assert str(again) == str(found) == str(copy.deepcopy(found))


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_its_json(results, name):
    found = results[name]
    again = type(found).from_dict(json.loads(json.dumps(found.to_dict())))
    assert isinstance(again, Record)
    assert again == found
    assert again.tables()[0].rows == found.tables()[0].rows


def test_a_name_with_markup_is_escaped():
    curve = mplfit.Curve("<b>&", [1, 2], [3.0, 2.0], mplfit.constant(3, 1e-3))
    shown = mplfit.Runs(curve)._repr_html_()
    assert "&lt;b&gt;&amp;" in shown
    assert "<b>" not in shown


def test_runs_by_place_name_and_slice(runs):
    assert runs["lab_cosine"] is runs[runs.names.index("lab_cosine")]
    assert runs[:2].names == runs.names[:2]
    assert "lab_cosine" in runs
    assert runs[0] in runs
    assert "nothing" not in runs
    with pytest.raises(DataError, match="no run 'nothing': the runs are lab_constant, "):
        runs["nothing"]
    with pytest.raises(DataError, match="more than one run is named lab_cosine"):
        mplfit.Runs([runs["lab_cosine"]] * 2)
    with pytest.raises(DataError, match="give at least one curve"):
        mplfit.Runs([])


def test_runs_as_a_data_frame(runs, monkeypatch):
    pandas = pytest.importorskip("pandas")
    frame = runs[:2].to_pandas()
    assert list(frame.columns) == ["run", "step", "lr", "loss"]
    one = frame[frame.run == runs[1].name]
    assert np.array_equal(one.loss, runs[1].loss)
    assert np.array_equal(one.lr, runs[1].schedule.lr[runs[1].step])
    assert isinstance(frame, pandas.DataFrame)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DataError, match="pip install pandas"):
        runs.to_pandas()


def test_the_call_and_the_command_make_one_fit(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(
        main, ["fit", "data/lab_text", "--law", "onepower", "--no-save", "--json", "-q"]
    )
    assert done.exit_code == 0, done.output
    theirs = json.loads(done.stdout)
    ours = mplfit.fit("data/lab_text", "onepower").to_dict()
    assert ours["others"], "the rival is fitted, too"
    for part in (theirs, ours):
        part.pop("made_by")
    assert ours == theirs


def test_which_runs_train(runs):
    def trained(*arguments, **said):
        found = mplfit.fit(*arguments, law="onepower", rival=False, **said)
        return [record.name for record in found.trained], [
            record.name for record in found.data if record.role == "test"
        ]

    two = ["lab_constant", "lab_cosine"]
    assert trained(runs, train=two, test=["lab_linear"]) == (two, ["lab_linear"])
    assert trained([runs[name] for name in two]) == (two, [])
    assert trained([runs[name] for name in two], test=runs["lab_linear"]) == (two, ["lab_linear"])
    with pytest.raises(DataError, match="names of runs, or curves: not both"):
        trained(runs, test=["lab_linear", runs["lab_cosine"]])
    with pytest.raises(DataError, match=r"expected curves, or the paths of logs: got int"):
        mplfit.fit([3])
    with pytest.raises(DataError, match=r"expected curves, or the paths of logs: got nothing"):
        mplfit.fit([])
    with pytest.raises(FitError, match="a Prior belongs to one law"):
        mplfit.fit(runs, prior=prior_for(mplfit.get_law("effective"), "weak"))


def test_predict_is_a_prediction_without_steps_and_losses_with_them(fitted):
    plan = parse_schedule(COSINE)
    found = fitted.predict(COSINE)
    assert found.final_loss == fitted.loss(plan)[-1]
    assert fitted.predict(COSINE, 2999) == pytest.approx(found.final_loss, rel=1e-9)
    assert np.array_equal(fitted.predict(plan, [9, 5]), fitted.loss(plan, [9, 5]))
    low, high = found.intervals["0.95"]
    assert low < found.final_loss < high
    assert found.curve.step[0] == 1, "no loss before the first rate"
    assert found.curve.loss.tolist() == fitted.loss(plan)[1:].tolist()
    assert "reach:" in str(found)
    far = fitted.predict("constant:steps=3000,peak=1,warmup=300")
    assert "Warning:" in str(far)
    assert far.warnings[0] in far._repr_html_()


def test_a_fit_is_saved_loaded_and_finds_its_runs_again(runs, fitted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fitted.save("here")
    with pytest.raises(OutputError, match="exists"):
        fitted.save("here")
    fitted.save(Path("here"), force=True)
    again = mplfit.load("here")
    assert again == fitted
    own, read = fitted.residuals(), again.residuals()
    assert set(own) == set(read) == set(runs.names)
    curve = runs["lab_linear"]
    expected = np.log(curve.loss / fitted.loss(curve.schedule, curve.step))
    np.testing.assert_allclose(own["lab_linear"], expected, atol=1e-12)
    np.testing.assert_array_equal(own["lab_linear"], read["lab_linear"])
    assert list(again.residuals(curve)) == ["lab_linear"]
    with pytest.raises(DataError, match=r"give them, as fit.plot\(runs\)"):
        mplfit.load("400").plot()


def test_a_schedule_is_exported_as_by_the_command(tmp_path):
    plan = mplfit.cosine(3000, peak=6e-3, warmup=300)
    path = tmp_path / "schedule.py"
    data = plan.export("torch", path)
    assert path.read_bytes() == data
    done = CliRunner().invoke(main, ["export", COSINE, "--format", "torch"])
    assert done.stdout.encode() == data
    with pytest.raises(OutputError, match="exists"):
        plan.export("torch", path)
    with pytest.raises(OutputError, match="no export 'toch'"):
        plan.export("toch")
    assert b"900" in plan.export("litgpt", accumulate=3)


def test_the_calls_below_take_texts_and_paths(runs, fitted, tmp_path):
    run = runs["lab_cosine"]
    begun = mplfit.Curve(run.name, run.step[:24], run.loss[:24], run.schedule, weight_decay=0.1)
    rest = mplfit.forecast(begun, earlier=[runs["lab_constant"]])
    assert rest.step[-1] == 2999
    assert "lab_cosine" in repr(rest)
    assert all(drawn(axes) for axes in rest.plot().axes)
    longer = mplfit.forecast(begun, schedule="cosine:steps=4000,peak=6e-3,warmup=300")
    assert longer.step[-1] == 3999
    with pytest.raises(DataError, match="a forecast is of one run"):
        mplfit.forecast(ROOT / "data" / "lab_text")
    next_run = mplfit.design(fitted, COSINE, {"short": "cosine:steps=900,peak=6e-3"}, runs=1)
    assert [one.name for one in next_run.choices] == ["short"]
    laws = mplfit.compare(runs, ["onepower"]).laws
    assert [one.law for one in laws] == ["onepower"]
    assert laws[0].held_out is not None, "the lab's split holds runs out"
    with pytest.raises(DataError, match="two schedules are called"):
        mplfit.predict("400", COSINE, COSINE)
    with pytest.raises(FitError, match="belong together"):
        mplfit.sweep(ROOT / "data" / "lab_sweep" / "lab_sweep.csv", fit="400")
    fitted.save(tmp_path / "fit")
    ways = mplfit.extend(WSD, 6000, "factor", fit=tmp_path / "fit")
    assert (ways.chosen, ways.params) == ("factor", str(tmp_path / "fit"))
    assert ways.ways[0].loss is not None


@pytest.mark.parametrize(
    "module", sorted((ROOT / "mplfit/show/tables").glob("*.py")), ids=lambda p: p.stem
)
def test_every_result_with_tables_shows_itself(module):
    made = import_module(f"mplfit.show.tables.{module.stem}")
    if module.stem == "__init__" or not hasattr(made, "tables"):
        return
    (said, *_) = get_type_hints(made.tables).values()
    for kind in get_args(said) or (said,):
        assert kind is object or issubclass(kind, Shown), kind


SHOW = ROOT / "mplfit" / "show"
PLOTS = [
    (path.stem, name, function)
    for path in sorted(SHOW.glob("*.py"))
    for name, function in vars(import_module(f"mplfit.show.{path.stem}")).items()
    if name.startswith("plot_") and function.__module__ == f"mplfit.show.{path.stem}"
]


@pytest.mark.parametrize(("module", "name", "function"), PLOTS, ids=[name for _, name, _ in PLOTS])
def test_every_plot_takes_axes_or_a_figure(module, name, function):
    assert {"ax", "fig"} & set(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", ["Runs", "Prediction"])
def test_figures_of_one_panel_are_drawn_where_one_wants_them(results, name):
    axes = Figure().subplots()
    assert results[name].plot(ax=axes) is axes.figure
    assert drawn(axes) > 0
    alone = results[name].plot()
    assert alone is not axes.figure
    assert drawn(alone.axes[0]) == drawn(axes)


@pytest.mark.parametrize("name", ["Fit", "Plan", "Predictions"])
def test_figures_of_several_panels_are_drawn_into_a_figure_or_a_part_of_one(results, name):
    left, right = Figure(figsize=(12, 5), layout="constrained").subfigures(1, 2)
    results[name].plot(fig=right)
    assert not left.axes
    assert len(right.axes) > 1
    assert all(drawn(axes) for axes in right.axes if axes.get_visible())
    right.figure.savefig(io.BytesIO(), format="png")
    with pytest.raises(OutputError, match="give fig="):
        results[name].plot(ax=Figure().subplots())


def test_one_run_of_a_fit_is_drawn_at_axes(runs, fitted):
    axes = Figure().subplots()
    fitted.plot(runs["lab_cosine"], ax=axes)
    assert axes.lines[0].get_xydata()[:, 1].tolist() == runs["lab_cosine"].loss.tolist()


def test_a_result_without_a_figure_says_which_have_one(results):
    with pytest.raises(OutputError, match=r"BoundTable has no figure: .*Plan"):
        results["BoundTable"].plot()
