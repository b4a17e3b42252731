"""What commands say of how far to trust a number: rivals, residuals side by side, peaks outside."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.commands import ROOT, run

DATA = ROOT / "data" / "simulated_25"
WSD = "wsdld:steps=3000,peak={},decay=600,warmup=300"


pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted") / "run"
    return folder, run("fit", DATA, "--law", "onepower", "--out", folder, "-v")


def test_fit_says_that_another_law_predicts_better(fitted):
    folder, result = fitted
    assert "Another law predicts better: effective, mean error" in result.stdout
    assert "on the 6 held-out curves" in result.stdout
    assert re.search(
        r"Differences, effective less onepower, curve by curve: -\S+ ± \S+ and -\S+ ± \S+;",
        " ".join(result.stdout.split()),
    )
    assert re.search(r"^95 % +\d+ % +\d+–\d+ % +\d of 6 +\d+–\d+ %$", result.stdout, re.M)
    table = result.stdout.split("\nheld out ")[1].split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in table[-2:]] == ["mean", "±"]
    assert len(table[-1].split()) == 8  # an error of every metric and of the final error
    kept = json.loads((folder / "fit.json").read_text())
    rival, published = kept["others"]
    assert rival["law"] == "effective"
    assert published["published"] == "25"
    assert f"{rival['metrics']['test']['mean']['mae']:.5f} against" in result.stdout
    assert kept["metrics"]["test"]["standard_error"]["mae"] > 0


def test_fit_prints_what_was_left_out_and_a_rival_can_be_refused():
    names = [DATA / f"{name}.csv" for name in ("constant_24000", "cosine_24000", "wsdcon_9")]
    shown = ["--train", "constant_24000", "--train", "cosine_24000", "--train", "wsdcon_9"]
    result = run("fit", *names, *shown, "--law", "onepower", "--no-save", "--no-rival")
    assert "training, left out in turn" in result.stdout
    assert "another law" not in result.stdout


def test_fit_says_what_is_open_and_which_further_run_would_tell():
    names = [DATA / f"{name}.csv" for name in ("constant_24000", "wsdcon_9")]
    result = run("fit", *names, "--law", "effective", "--no-save", "--no-rival", "--json")
    found = json.loads(result.stdout)["identification"]
    assert found["candidates"]["a run that jumps to 10 % after a third"] == 24000
    assert re.search(
        r"leaves \d+ % of that; a constant run at half the peak would leave \d+ % of what is open",
        "\n".join(found["sentences"]),
    )


def test_compare_draws_residuals_side_by_side():
    result = run("compare", DATA, "--laws", "onepower,momentum", "--out", "laws")
    assert "written to laws/: residuals.png, comparison.json" in result.stdout
    with open("laws/residuals.png", "rb") as file:
        assert file.read(4) == b"\x89PNG"
    with open("laws/comparison.json", encoding="utf-8") as file:
        found = json.load(file)
    assert [one["law"] for one in found["laws"]] == ["momentum", "onepower"]
    best, other = found["laws"]
    assert set(best["fit"]["params"]) == {"L0", "A", "alpha", "C", "lambda"}
    assert best["standard_errors"]["final_error"] > 0
    assert best["less_best"] is None
    assert other["less_best"]["sure"] is True
    assert re.search(
        r"^less momentum.*\nonepower +\+\S+ ± \S+ +\+\S+ ± \S+ +yes$", result.stdout, re.M
    )
    again = run("compare", DATA, "--law", "onepower", "--out", "laws", code=1)
    assert "exists already" in again.stderr


def test_predict_says_how_far_a_peak_extrapolates(fitted):
    folder, _ = fitted
    above = run("predict", "--params", folder, WSD.format("6e-4"), "--no-save").stderr
    assert "the peak rate 0.0006 is 2 times the largest training rate 0.0003" in above
    below = run("predict", "--params", folder, WSD.format("1e-4"), "--no-save").stderr
    assert "0.333 times the peak 0.0003 of the training runs (the only one)" in below
    assert "peak" not in run("predict", "--params", folder, WSD.format("3e-4"), "--no-save").stderr


def test_a_free_peak_is_warned_of_and_shown_with_its_band(fitted):
    folder, _ = fitted
    options = ("--steps", "2000", "--warmup", "200", "--knots", "12", "--peak-lr", "free")
    result = run("optimize", "--params", folder, *options)
    assert "the best peak rate is a law's guess" in result.stderr
    assert re.search(r"^peak lr +final loss +80 % interval +95 % interval$", result.stdout, re.M)
    assert "are predicted to end within the 80 % interval of the best one" in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "--params", "held.json", WSD.format("3e-4"), "--no-save"),
        ("extend", "--params", "held.json", "--from", WSD.format("3e-4"), "--to-steps", "4000"),
        ("optimize", "--params", "held.json", "--steps", "2000", "--warmup", "200", "--knots", "4"),
    ],
    ids=lambda words: words[0],
)
def test_intervals_of_a_fit_with_a_parameter_at_its_bound_are_warned_of(fitted, words):
    values = json.loads((fitted[0] / "fit.json").read_text())
    covariance = values["spread"]["covariance"]
    covariance[-1] = [None] * len(covariance)
    for row in covariance:
        row[-1] = None
    Path("held.json").write_text(json.dumps(values))
    said = run(*words).stderr
    assert f"{list(values['params'])[-1]} stopped at a bound of the law's box" in said


def test_predict_says_how_sure_a_difference_between_schedules_is(fitted):
    folder, _ = fitted
    plans = (WSD.format("3e-4"), "linear:steps=3000,peak=3e-4,warmup=300")
    found = json.loads(run("predict", "--params", folder, *plans, "--no-save", "--json").stdout)
    lowest, other = sorted(found["predictions"], key=lambda one: one["final_loss"])
    assert lowest["above_lowest"] is None
    apart = other["above_lowest"]
    assert apart["value"] == pytest.approx(other["final_loss"] - lowest["final_loss"])
    low, high = apart["intervals"]["0.95"]
    assert low < apart["value"] < high
    shown = run("predict", "--params", folder, *plans, "--no-save").stdout
    assert re.search(r"above lowest +95 % interval$", shown, re.M)
    alone = run("predict", "--params", "25", *plans, "--no-save").stdout
    assert "above lowest\n" in alone
    assert "No interval: published parameters do not say how far runs scatter." in alone


def test_evaluate_gives_the_shares_that_intervals_held_with_their_own(fitted):
    folder, _ = fitted
    found = json.loads(run("evaluate", DATA, "--params", folder, "--json").stdout)["coverage"]
    low, high = found["0.95"]["finals_interval"]
    assert low <= found["0.95"]["finals"] / found["0.95"]["curves"] <= high
    published = json.loads(run("evaluate", DATA, "--params", "25", "--json").stdout)
    assert published["coverage"] is None
    assert published["metrics"]["test"]["standard_error"]["mae"] > 0


def test_a_fitted_weight_decay_is_kept_and_printed_with_its_interval(monkeypatch):
    def profiled(train, *, prior):
        assert len(train) == 2
        return 0.2, (0.05, None)

    monkeypatch.setattr("mplfit.api.fitting.profiled_weight_decay", profiled)
    names = [DATA / f"{name}.csv" for name in ("constant_24000", "wsdcon_9")]
    words = ("fit", "-v", *names, "--weight-decay")
    result = run(*words, "fit", "--law", "effective", "--no-rival", "--out", "run")
    said = "weight_decay was fitted too: 0.2, 95 % interval from 0.05 to open, by its profile."
    assert said in result.stdout
    kept = json.loads(Path("run/fit.json").read_text())
    assert kept["constants"]["weight_decay"] == 0.2
    assert kept["fitted_constants"] == {"weight_decay": [0.05, None]}
    wrong = run(*words, "fit", "--law", "mpl", "--no-save", code=2)
    assert "--weight-decay fit belongs to --law effective" in wrong.stderr
    wrong = run(*words, "much", "--no-save", code=1)
    assert "--weight-decay must be a number or the word fit, got 'much'" in wrong.stderr
    assert "weight decay of 0 or more" in run(*words, "-1", "--no-save", code=1).stderr
