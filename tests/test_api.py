"""The calls of `import mplfit`: they run as the guide has them, and every result shows itself."""

from __future__ import annotations

import inspect
import json
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
    assert b"ACCUMULATE = 3" in plan.export("litgpt", accumulate=3)


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


def test_one_run_of_a_fit_is_drawn_at_axes(runs, fitted):
    axes = Figure().subplots()
    fitted.plot(runs["lab_cosine"], ax=axes)
    assert axes.lines[0].get_xydata()[:, 1].tolist() == runs["lab_cosine"].loss.tolist()


def test_a_report_is_made_of_results_and_of_what_they_were_written_to(runs, fitted, tmp_path):
    path, said = tmp_path / "report.html", []
    page = fitted.report(path, candidates={"mine": COSINE}, say=said.append)
    assert path.read_bytes() == page.data
    assert (page.fits, page.candidates) == (("effective",), ("mine",))
    assert set(page.curves) == set(runs.names), "the runs of this process are drawn"
    assert said == []
    with pytest.raises(OutputError, match="exists already: choose another place, or add force=T"):
        mplfit.report(fitted, path)
    fitted.save(tmp_path / "fit")
    again = mplfit.report(tmp_path / "fit", candidates={"mine": COSINE})
    assert again.data == page.data, "its logs are read again, and the page is the same"
    assert mplfit.report("400").curves == ()


def test_a_report_takes_plans_comparisons_and_sweeps(fitted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{w},{lr},{2 + (lr - 2) ** 2 / w}\n" for w in (8, 16) for lr in (1, 2, 3))
    Path("swept.csv").write_text(f"d_model,lr,loss\n{rows}")
    swept = mplfit.sweep("swept.csv", draws=100)
    fitted.save("fit")
    plan = mplfit.optimize("fit", steps=300, warmup=30, knots=4)
    said = []
    page = mplfit.report([plan, swept], say=said.append)
    assert page.candidates == ("optimized",)
    assert page.fits == ("fit",), "the fit that the plan names"
    assert b"d_model" in page.data
    (tmp_path / "fit" / "fit.json").unlink()
    gone = mplfit.report(plan, say=said.append)
    assert gone.fits == ()
    assert any("the fit fit that a schedule was made with is not there" in text for text in said)


def test_a_result_saves_what_its_command_writes(fitted, tmp_path):
    out = tmp_path / "out"
    made = mplfit.predict(fitted, {"wsd": "wsdld:steps=300,peak=6e-3,decay=60"})
    made.save(out)
    assert {path.name for path in out.iterdir()} == {"losses.png", "wsd.csv"}
    with pytest.raises(OutputError, match="exists already"):
        made.save(out)
    made.save(out, force=True)
    mplfit.optimize(fitted, steps=200, warmup=20, knots=4).save(tmp_path / "plan")
    assert (tmp_path / "plan" / "schedule.csv").read_text().count("\n") == 201
    with pytest.raises(OutputError, match=r"BoundTable has no files: those of Agreement, .*Plan"):
        mplfit.bound(COSINE).save(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_fit_is_called_by_where_it_is_from(fitted, tmp_path):
    fitted.save(tmp_path / "fit")
    assert mplfit.predict(mplfit.load(tmp_path / "fit"), COSINE).params == str(tmp_path / "fit")
    assert mplfit.predict("400", COSINE).params == "400"
    assert mplfit.predict(fitted, COSINE).params == "given"


def test_what_is_decided_is_told(runs):
    said = []
    mplfit.fit(runs, "onepower", rival=False, test=["lab_linear"], say=said.append)
    assert said[0].startswith("training on lab_constant, ")
    assert said[0].endswith("held out: lab_linear: split as asked")
    with pytest.raises(FitError, match="siblings= belong to law='effective', got law='mpl'"):
        mplfit.fit(runs, "mpl", siblings=runs)
    with pytest.raises(FitError, match="siblings= give the prior: it goes without prior="):
        mplfit.fit(runs, prior="weak", siblings=runs)


def test_a_law_over_sizes_at_a_size(tmp_path):
    found = mplfit.predict(ROOT / "data" / "sizes_lab", COSINE, size="500k")
    plan = mplfit.optimize(ROOT / "data" / "sizes_lab", size="500k", steps=400, knots=4)
    assert found.params == str(ROOT / "data" / "sizes_lab")
    assert 1 < plan.loss < 3
    with pytest.raises(DataError, match="give the size= that is meant"):
        mplfit.predict(ROOT / "data" / "sizes_lab", COSINE)
