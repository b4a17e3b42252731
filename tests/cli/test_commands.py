"""The commands end to end, on data/: what they print, write and refuse."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit import load_fit, load_schedule
from mplfit.cli.main import COMMANDS, main
from mplfit.show.tables import whole_text
from tests.support.commands import ROOT, run

DATA = ROOT / "data" / "simulated_400"
COSINE = "cosine:steps=3000,peak=3e-4,final=3e-5,warmup=300"


pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A run folder, fitted once."""
    folder = tmp_path_factory.mktemp("fitted") / "run"
    result = CliRunner().invoke(main, ["fit", str(DATA), "--out", str(folder)])
    assert result.exit_code == 0, result.output
    return folder, result


def test_fit_prints_and_writes_what_it_found(fitted):
    folder, result = fitted
    saved = load_fit(folder)
    said = " ".join(result.stdout.split())
    assert said.startswith("The final losses of 6 held-out runs are predicted to ")
    assert f"({saved.law}), fitted to 3 runs (451 rows)." in said
    other, published = saved.others
    assert {saved.law, other.law} == {"effective", "mpl"}
    assert load_fit(folder / f"fit-{other.law}.json").params == other.params
    assert published.published == "400"
    assert f"\n{saved.law} is used: " in result.stdout
    assert "Statistics: with -v." in said
    statistics = whole_text(saved)
    assert f"\n{saved.law} (used) " in statistics
    assert "\nmpl, published for 400M " in statistics
    assert "descents agree to 1e-6" in statistics
    assert "descents agree to 1e-6" not in said
    assert f"written to {folder}/: fit.json, overview.png, fit-{other.law}.json, plots/" in (
        result.stdout
    )
    assert "split as released" in result.stderr
    for name in ("cosine_24000", "wsdcon_9", "constant_72000", "wsd_20000_24000"):
        assert name in statistics
        assert (name in said) == (name in saved.metrics.test.curves)
        assert (folder / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "overview.png").exists()
    saved = json.loads((folder / "fit.json").read_text())
    assert saved["schema"] == "mplfit.fit/2"
    assert set(saved) >= {
        "law", "params", "objective", "penalty", "converged", "warnings", "data", "options",
        "versions", "metrics",
    }  # fmt: skip
    assert set(saved["metrics"]["test"]["mean"]) == {
        "r2",
        "mae",
        "rmse",
        "prede",
        "worste",
        "huber",
    }
    assert {entry["role"] for entry in saved["data"]} == {"train", "test"}
    assert all(len(entry["sha256"]) == 64 for entry in saved["data"])
    assert saved["metrics"]["test"]["mean"]["mae"] < 0.01  # simulated from the law itself


def test_fit_json_is_fit_json(fitted):
    folder, _ = fitted
    printed = json.loads(run("fit", DATA, "--json", "--no-save").stdout)
    written = json.loads((folder / "fit.json").read_text())
    # Each holds the command line that made it, and these were two.
    lines = [values.pop("made_by") for values in (printed, written)]
    assert [line.split()[:2] for line in lines] == [["mplfit", "fit"]] * 2
    assert "--json" in lines[0]
    assert printed == written


def test_evaluate_has_the_same_metrics_as_the_fit(fitted):
    folder, _ = fitted
    for source in (folder, folder / "fit.json"):
        result = json.loads(run("evaluate", DATA, "--params", source, "--json").stdout)
        assert result["metrics"] == load_fit(folder).metrics.to_dict()
    assert "held out" in run("evaluate", DATA, "--params", "400").stdout


def test_an_existing_run_folder_is_refused_without_force(fitted):
    folder, _ = fitted
    before = (folder / "fit.json").read_bytes()
    result = run("fit", DATA, "--law", "onepower", "--out", folder, code=1)
    assert "exists already: choose another place, or add --force" in result.stderr
    assert (folder / "fit.json").read_bytes() == before


def test_the_default_run_folder_is_named_after_the_data():
    run("fit", DATA / "constant_24000.csv", DATA / "wsdcon_9.csv", "--law", "onepower")
    assert Path("mplfit-runs/constant_24000/fit.json").exists()


def test_train_and_test_names_choose_the_split():
    result = json.loads(
        run(
            "fit", DATA, "--law", "onepower", "--train", "constant_24000", "--test",
            "constant_72000", "--no-save", "--json",
        ).stdout
    )  # fmt: skip
    roles = {entry["name"]: entry["role"] for entry in result["data"]}
    assert roles == {"constant_24000": "train", "constant_72000": "test"}
    wrong = run("fit", DATA, "--train", "nix", "--no-save", code=1)
    assert "there is no curve 'nix'" in wrong.stderr


def test_a_fit_that_did_not_converge_is_written_and_exits_with_3(monkeypatch):
    from mplfit.estimate import solver

    monkeypatch.setattr(solver, "_ROUNDS", 0)
    monkeypatch.setattr(solver, "_LOWER", -1.0)
    result = run("fit", DATA / "constant_24000.csv", "--law", "onepower", "--out", "run", code=3)
    assert "did not converge" in result.stderr
    assert json.loads(Path("run/fit.json").read_text())["converged"] is False


def test_predict_prints_final_losses_and_writes_curves():
    spec = "short=wsdld:steps=2000,peak=6e-4,decay=500,warmup=300"
    result = run("predict", "--params", "400", "--schedule", COSINE, spec)
    assert "2 times the largest training rate" in result.stderr
    table = np.loadtxt("mplfit-runs/predict/cosine.csv", delimiter=",", skiprows=2)
    expected = load_fit("400").loss(load_schedule(COSINE))
    np.testing.assert_array_equal(table[:, 2], expected[1:])
    assert f"{expected[-1]:.4f}" in result.stdout
    assert Path("mplfit-runs/predict/losses.png").exists()
    run("predict", "--params", "400", COSINE)
    assert Path("mplfit-runs/predict-2/cosine.csv").exists()
    values = json.loads(run("predict", "--params", "25", COSINE, "--no-save", "--json").stdout)
    assert values["predictions"][0]["steps"] == 3000


def test_predict_by_exact_sums_agrees():
    fast, exact = (
        json.loads(run("predict", "--params", "400", COSINE, "--no-save", "--json", *more).stdout)
        for more in ((), ("--exact",))
    )
    assert fast["predictions"][0]["final_loss"] == pytest.approx(
        exact["predictions"][0]["final_loss"], rel=1e-9
    )


def test_optimize_prints_compares_and_writes(fitted):
    folder, _ = fitted
    result = run("optimize", "--params", folder, "--steps", 4000, "--warmup", 400, "-o", "best")
    for name in ("optimized", "constant", "cosine to 10 %", "WSD 1-sqrt", "saved,"):
        assert name in result.stdout
    schedules = [load_schedule(f"best/schedule.{kind}") for kind in ("csv", "npy", "json")]
    assert all(np.array_equal(one.lr, schedules[0].lr) for one in schedules)
    assert schedules[0].steps == 4000
    values = json.loads(Path("best/schedule.json").read_text())
    assert values["final_loss"] == pytest.approx(load_fit(folder).loss(schedules[0])[-1])
    assert Path("best/schedule.png").exists()
    said = " ".join(result.stdout.split())
    assert said.startswith("Run this for 4,000 updates: warmup over 400 updates, peak 0.0003 held")
    assert "starts end within" not in said
    page = Path("best/explore.html").read_text()
    assert "The optimized schedule, and others to try" in page
    assert "make_scheduler" in Path("best/schedule.py").read_text()


def test_optimize_saves_where_nothing_is_said():
    result = run("optimize", "--bound", "--steps", 60, "--knots", 8)
    assert "written to mplfit-runs/optimize/: schedule.csv" in result.stdout
    assert Path("mplfit-runs/optimize/schedule.py").exists()
    run("optimize", "--bound", "--steps", 60, "--knots", 8, "--no-save")
    assert not Path("mplfit-runs/optimize-2").exists()


def test_optimize_continues_a_run():
    past = "constant:steps=9000,peak=3e-4,warmup=500"
    arguments = ["--params", "400", "--from", past, "--from-step", 6000, "--steps", 8000]
    values = json.loads(run("optimize", *arguments, "--json").stdout)
    assert values["lr"][:6000] == load_schedule(past).lr[:6000].tolist()
    assert "belong together" in run("optimize", "--params", "400", "--from", past, code=2).stderr


def test_optimize_with_a_free_peak_warns_beyond_the_training_rates():
    result = run(
        "optimize", "--params", "400", "--steps", 3000, "--warmup", 300, "--peak-lr", "free:6e-4"
    )
    assert "the peak rate was stopped at the end of its range, 0.0006" in result.stderr
    wrong = run("optimize", "--params", "400", "--peak-lr", "high", code=1)
    assert "--peak-lr must be a rate or the word free" in wrong.stderr
    wrong = run("optimize", "--params", "400", "--peak-lr", "free:high", code=1)
    assert "--peak-lr must be a rate or the word free (or free:RATE), got 'free:high'" in (
        wrong.stderr
    )


def test_schedule_writes_the_rates():
    said = run("schedule", COSINE, "b=linear:steps=10,peak=1", "--out", "plans").stdout.splitlines()
    assert said[0].endswith(" of 2 schedules; b has the largest sum of them.")
    assert [line.split()[0] for line in said[2:5]] == ["schedule", "cosine", "b"]
    assert max(map(len, said)) <= 100
    assert load_schedule("plans/cosine.csv") == load_schedule("plans/cosine.npy")
    assert load_schedule("plans/b.npy").steps == 10
    values = json.loads(run("schedule", "b=linear:steps=10,peak=1", "--no-save", "--json").stdout)
    assert values["schedules"]["b"]["steps"] == 10


def test_commands_are_listed_with_the_help_that_they_have():
    listed = run("--help").stdout
    for name, text in COMMANDS.items():
        assert f"{name} " in listed
        own = run(name, "--help").stdout
        assert "Examples" in own
        assert text.rstrip(".").split()[0] in own


def test_the_solver_s_log_has_its_iterations_and_a_figure(tmp_path):
    curve = DATA / "constant_24000.csv"
    asked = ("fit", curve, "-v", "--law", "onepower", "--solver", "lbfgs", "--no-save", "--log")
    result = run(*asked, "logs/fit.csv")
    rows = np.genfromtxt(tmp_path / "logs" / "fit.csv", delimiter=",", names=True)
    names = ("descent", "iteration", "objective", "gradient_norm", "L0", "A", "alpha")
    assert rows.dtype.names == names
    assert f"written to logs/fit.csv: {rows.size} iterations of 5 descents" in result.stdout
    own = rows[rows["descent"] == 0]
    assert np.all(np.diff(own["objective"]) <= 0)
    assert f"Objective {own['objective'][-1]:.5g} " in result.stdout
    assert (tmp_path / "logs" / "fit.png").read_bytes().startswith(b"\x89PNG")
    assert "logs/fit.csv" in run(*asked, "logs/fit.csv", code=1).stderr
    assert "the figure beside it" in run(*asked, "fit.png", code=2).stderr


def test_optimize_says_what_the_release_prints():
    text = run("optimize", "--params", "400").stdout
    assert "it prints 2.5332 for its 24000 updates; so counted, this schedule has 2.5332." in (
        " ".join(text.split())
    )


def examples():
    from importlib import import_module

    for name in COMMANDS:
        command = getattr(import_module(f"mplfit.cli.{name}"), f"{name}_command")
        assert command.examples, f"{name} has no examples"
        for example in command.examples:
            yield pytest.param(example, id=example[:60])


@pytest.mark.parametrize("example", list(examples()))
def test_examples_run_as_they_stand(example, monkeypatch, tmp_path):
    """In a folder with the project's data/, and with /tmp/ redirected to a folder of the test's."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    words = example.replace("/tmp/", f"{tmp_path}/out-").split()
    assert words[0] == "mplfit"
    monkeypatch.delenv("MPLFIT_WIDTH")
    result = run(*words[1:])
    lines = [*result.stdout.splitlines(), *result.stderr.splitlines()]
    if "--json" in words or words[1] in ("export", "simulate", "help"):
        lines = result.stderr.splitlines()  # files and guides are as they are
    else:
        answer = result.stdout.partition("\n\n")[0]
        assert answer.count(" ") > 3, "the first line is no sentence"
        assert "  " not in answer, "the first line is the head of a table"
    # A path is as long as it is.
    assert not [one for one in lines if len(one) > 100 and str(tmp_path) not in one]


def test_python_m_mplfit_works_from_a_checkout():
    result = subprocess.run(
        [sys.executable, "-m", "mplfit", "--version"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert re.fullmatch(r"mplfit, version \d+\.\d+\.\d+\n", result.stdout)


def test_progress_is_silent_when_piped(fitted):
    assert "\r" not in fitted[1].stderr
