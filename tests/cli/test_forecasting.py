"""forecast, design and optimize --robust: what they print, write and refuse."""

from __future__ import annotations

import json
import threading
import time

import pytest

from tests.support.commands import ROOT, run

COSINE = "cosine:steps=2000,peak=3e-4,warmup=200"
WSD = "wsdld:steps=2000,peak=3e-4,decay=400,warmup=200"


pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Three runs of one law, and a fit to two of them."""
    folder = tmp_path_factory.mktemp("forecasting")
    plans = [f"cosine={COSINE}", "constant=constant:steps=2000,peak=3e-4,warmup=200", f"wsd={WSD}"]
    logs = folder / "logs"
    run("simulate", "--params", "400", *plans, "--every", 20, "--noise", "1e-3", "--out", logs)
    earlier = [logs / "cosine.csv", logs / "constant.csv"]
    run("fit", *earlier, "--law", "amplitude", "--warmup", 200, "--out", folder / "fit")
    return folder


def cut(path, target, rows):
    target.write_text("".join(path.read_text().splitlines(keepends=True)[: rows + 1]))
    return target


def test_forecast_prints_and_writes_the_rest(logs, tmp_path):
    log = cut(logs / "logs" / "wsd.csv", tmp_path / "now.csv", 50)
    result = run("forecast", log, "--schedule", WSD, "--out", "rest")
    assert "now: 50 rows to step 1180 of 2000 (59 %)" in result.stdout
    assert "95 % interval" in result.stdout
    assert "with the prior of the law" in result.stdout
    saved = json.loads((tmp_path / "rest" / "forecast.json").read_text())
    assert saved["schema"] == "mplfit.forecast/2"
    low, high = saved["intervals"]["0.95"]
    assert low < saved["final_loss"] < high
    assert saved["rest"]["step"][-1] == 1999
    table = (tmp_path / "rest" / "forecast.csv").read_text().splitlines()
    assert table[0] == "step,lr,loss,low_80,high_80,low_95,high_95"
    assert len(table) == 1 + 2000 - 1181
    assert (tmp_path / "rest" / "forecast.png").read_bytes().startswith(b"\x89PNG")


def test_earlier_runs_and_a_fit_narrow_the_forecast(logs, tmp_path):
    log = cut(logs / "logs" / "wsd.csv", tmp_path / "now.csv", 50)
    common = ["forecast", log, "--schedule", WSD, "--json"]
    alone = json.loads(run(*common, "--law", "amplitude").stdout)
    earlier = ["--with", logs / "logs" / "cosine.csv", "--with", logs / "logs" / "constant.csv"]
    runs = json.loads(run(*common, "--law", "amplitude", *earlier).stdout)
    fit = json.loads(run(*common, "--with", logs / "fit").stdout)
    assert fit["fit"]["law"] == "amplitude"
    assert fit["fit"]["prior"]["name"] == "earlier fit"
    assert len(runs["fit"]["data"]) == 3

    def width(one):
        low, high = one["intervals"]["0.95"]
        return high - low

    assert max(width(runs), width(fit)) < 0.6 * width(alone)


def test_watching_follows_the_log_to_its_end(logs, tmp_path):
    """Rows come in pieces, one of them half a line; another forecast follows; then the run ends."""
    whole = (logs / "logs" / "wsd.csv").read_bytes()
    lines = whole.splitlines(keepends=True)
    log = tmp_path / "live.csv"
    log.write_bytes(b"".join(lines[:40]) + lines[40][:9])

    def write():
        for until in (60, len(lines)):
            time.sleep(2.5)
            log.write_bytes(b"".join(lines[:until]))

    writer = threading.Thread(target=write)
    writer.start()
    options = ["--schedule", WSD, "--watch", "--poll", 0.2, "--law", "amplitude", "--json"]
    result = run("forecast", log, *options, "--out", "live")
    writer.join()
    said = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one.get("rows") for one in said[:1]] == [39]
    assert said[-1]["ended"]
    assert all(one["rows"] > 39 for one in said[1:-1])
    assert "the last line has no end yet: left out" in result.stderr
    assert (tmp_path / "live" / "forecast.png").exists()


def test_a_finished_log_without_a_last_newline_is_watched_to_its_last_row(logs, tmp_path):
    whole = (logs / "logs" / "wsd.csv").read_bytes().rstrip(b"\n")
    log = tmp_path / "live.csv"
    log.write_bytes(whole)
    options = ["--schedule", WSD, "--watch", "--poll", 0.01, "--law", "amplitude", "--json"]
    said = [json.loads(line) for line in run("forecast", log, *options).stdout.splitlines()]
    assert [one["ended"] for one in said] == [False, True]  # the second look finds it as it was
    assert said[-1]["final_loss"] == float(whole.rpartition(b",")[2])


def test_half_a_line_in_the_middle_of_a_run_never_counts(logs, tmp_path, monkeypatch):
    """A writer that waits, with part of a line in the file, has not ended it."""
    lines = (logs / "logs" / "wsd.csv").read_bytes().splitlines(keepends=True)
    log = tmp_path / "live.csv"
    log.write_bytes(b"".join(lines[:41]) + lines[41][:-9])
    looks = []

    def wait(_):
        looks.append(1)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", wait)
    options = ["--schedule", WSD, "--watch", "--law", "amplitude", "--json"]
    said = [
        json.loads(line) for line in run("forecast", log, *options, code=130).stdout.splitlines()
    ]
    assert [one["rows"] for one in said] == [40]


def test_watching_waits_for_a_log_and_ends_on_ctrl_c(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    result = run("forecast", "later.csv", "--schedule", WSD, "--watch", code=130)
    assert "waiting: later.csv does not exist" in result.stderr
    assert "watching ended" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["now.csv"], "ends where the log does"),
        (["now.csv", "--schedule", WSD, "--with", "400"], "this fit has no covariance"),
        (["now.csv", "--schedule", WSD, "--with", "25", "--with", "400"], "--with takes one FIT"),
        (["now.csv", "--schedule", WSD, "--with", "25", "--params", "400"], "one FIT, as --params"),
        (["now.csv", "--schedule", WSD, "--params", "25"], "covariance"),
        (["now.csv", "--schedule", WSD, "--with", "nothing"], "nothing is not a fit"),
        (["now.csv", "--schedule", WSD, "--watch", "--poll", "0"], "--poll must be a positive"),
        (["now.csv", "--schedule", WSD, "--law", "none"], "there is no law 'none'"),
        ([ROOT / "data" / "simulated_25"], "holds 9 runs"),
        (["binary.csv", "--schedule", WSD], "Error: binary.csv is not a text file"),
        (["now.csv", "--schedule", "constant:steps=300,peak=3e-4"], "lie past the end"),
    ],
)
def test_forecasts_that_cannot_be_made_get_a_sentence(logs, tmp_path, arguments, sentence):
    cut(logs / "logs" / "wsd.csv", tmp_path / "now.csv", 50)
    (tmp_path / "binary.csv").write_bytes(b"\x80\x811,2\n3,4")
    result = run("forecast", *arguments, "--warmup", 200, code=1)
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_design_orders_the_candidates(logs, tmp_path):
    candidates = ["--candidates", f"half={COSINE}", "--candidates", WSD]
    goal = ["--target", "linear:steps=8000,peak=3e-4,warmup=200", "--runs", 2]
    result = run("design", logs / "fit", *candidates, *goal, "--out", "next")
    for word in ("half", "wsdld", "steps spent", "one run alone", "left whatever is run"):
        assert word in result.stdout
    saved = json.loads((tmp_path / "next" / "design.json").read_text())
    assert saved["schema"] == "mplfit.design/1"
    assert [one["steps"] for one in saved["runs"]] == [2000, 2000]
    assert saved["runs"][1]["sd"] < saved["runs"][0]["sd"] < saved["sd"]
    assert (tmp_path / "next" / "design.png").read_bytes().startswith(b"\x89PNG")
    over = ["--over", "constant:steps=8000,peak=3e-4,warmup=200", "--json"]
    gain = json.loads(run("design", logs / "fit", *candidates, *goal, *over).stdout)
    assert gain["what"] == "gain"
    assert gain["value"] > 0


def test_design_refuses_what_has_no_posterior():
    wrong = run("design", "400", "--candidates", COSINE, "--target", WSD, code=1)
    assert "this fit has no covariance" in wrong.stderr


def test_optimize_says_how_sure_each_gain_is(logs):
    arguments = ["optimize", "--params", logs / "fit", "--steps", 3000, "--knots", 16]
    result = run(*arguments)
    for word in ("gain", "95 % interval", "P(gain)", "saved,"):
        assert word in result.stdout
    found = json.loads(run(*arguments, "--robust", "0.9", "--json").stdout)
    assert found["robust"]["value"] <= found["robust"]["value_of_plain"] + 1e-9
    low, high = found["intervals"]["0.95"]
    assert low < found["final_loss"] < high
    constant = found["baselines"][0]
    assert constant["gain"]["probability"] > 0.9
    low, high = constant["gain"]["intervals"]["0.95"]
    assert low < constant["gain"]["value"] < high


def test_without_a_posterior_optimize_says_why_there_is_no_interval():
    arguments = ["--steps", 3000, "--warmup", 300, "--knots", 12]
    result = run("optimize", "--params", 400, *arguments)
    assert "without an interval, as published parameters have none" in result.stdout
    assert "P(gain)" not in result.stdout
    refused = run("optimize", "--params", 400, *arguments, "--robust", "mean", code=1)
    assert "this fit has no covariance" in refused.stderr
    assert "goes without --bound" in run("optimize", "--bound", "--robust", "mean", code=2).stderr


@pytest.mark.parametrize("asked", ["high", "0.2"])
def test_robust_is_mean_or_an_upper_quantile(logs, asked):
    wrong = run("optimize", "--params", logs / "fit", "--robust", asked, code=1)
    assert "quantile" in wrong.stderr


def test_extend_predicts_with_intervals(logs):
    past = ["extend", "--from", WSD, "--to-steps", 4000]
    result = run(*past, "--params", logs / "fit")
    assert "a gain with probability" in " ".join(result.stdout.split())
    assert "P(gain)" in result.stdout
    assert "No interval: published parameters" in run(*past, "--params", 400).stdout
    ways = json.loads(run(*past, "--params", logs / "fit", "--json").stdout)["ways"]
    assert ways[0]["gain_over_same"] is None
    assert 0 <= ways[1]["gain_over_same"]["probability"] <= 1


def test_a_run_s_own_log_is_no_earlier_run(logs):
    """In a folder of runs, its later rows are what is to be forecast."""
    told = ["--schedule", WSD, "--to-step", 1200, "--warmup", 200, "--json"]
    beside = run("forecast", logs / "logs" / "wsd.csv", *told, "--with", logs / "logs")
    assert "is the run itself: not an earlier run" in beside.stderr
    others = [logs / "logs" / f"{name}.csv" for name in ("cosine", "constant")]
    alone = run(
        "forecast", logs / "logs" / "wsd.csv", *told, "--with", others[0], "--with", others[1]
    )
    final = json.loads(alone.stdout)["final_loss"]
    assert json.loads(beside.stdout)["final_loss"] == pytest.approx(final, rel=1e-8)


def test_an_earlier_run_may_have_the_same_file_name(logs, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "log.csv").write_bytes((logs / "logs" / "cosine.csv").read_bytes())
    log = cut(logs / "logs" / "wsd.csv", tmp_path / "log.csv", 50)
    told = ["--schedule", f"log={WSD}", "--warmup", 200, "--with", tmp_path / "old" / "log.csv"]
    assert "with 1 earlier run" in run("forecast", log, *told).stdout


def test_from_step_reaches_the_earlier_runs(logs, tmp_path):
    log = cut(logs / "logs" / "wsd.csv", tmp_path / "now.csv", 50)
    told = ["--schedule", f"now={WSD}", "--warmup", 200, "--from-step", 400, "--json"]
    made = json.loads(run("forecast", log, *told, "--with", logs / "logs" / "cosine.csv").stdout)
    assert [entry["first_step"] for entry in made["fit"]["data"]] == [400, 400]
