"""`mplfit fit --siblings`, and `mplfit sizes` with what takes its results."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mplfit.cli.main import main
from mplfit.show.tables import whole_text
from mplfit.sizes.rollout import Rollout
from mplfit.writers.text import curve_csv
from tests.sizes.runs import runs


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of simulated runs, one for each size, named by it."""
    folder = tmp_path_factory.mktemp("logs")
    for N, name in ((1e7, "10M"), (4e7, "40M"), (16e7, "160M"), (64e7, "640M")):
        (folder / name).mkdir()
        for curve in runs((N,)):
            (folder / name / f"{curve.name.split('_')[0]}.csv").write_bytes(curve_csv(curve))
    return folder


def invoke(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def test_a_fit_with_siblings_records_their_prior(logs: Path, tmp_path: Path) -> None:
    own = logs / "640M" / "constant.csv"
    small = ["--siblings", f"10M={logs / '10M'}", "--siblings", logs / "160M"]
    words = ["fit", own, *small, "--weight-decay", "1", "--no-rival", "--workers", "1"]
    done = invoke(*words, "--out", tmp_path / "fit")
    assert done.exit_code == 0, done.stderr
    assert "the prior is from 6 runs of other sizes: siblings (10M, 160M)" in done.stderr
    made = json.loads((tmp_path / "fit" / "fit.json").read_text())
    assert made["law"] == "effective"
    assert made["prior"]["name"] == "siblings (10M, 160M)"
    assert made["options"]["prior"] == "siblings (10M, 160M)"
    found = invoke("evaluate", logs / "640M", "--params", tmp_path / "fit", "--json")
    test = json.loads(found.stdout)["metrics"]["test"]
    assert set(test["curves"]) == {"cosine", "wsd"}
    assert test["mean"]["mae"] < 0.02


def test_what_siblings_do_not_go_with(logs: Path) -> None:
    own, small = logs / "640M" / "constant.csv", logs / "10M"
    for words, said in (
        (["--prior", "weak"], "--siblings give the prior: it goes without --prior"),
        (["--law", "mpl"], "--siblings belong to --law effective, got --law mpl"),
    ):
        done = invoke("fit", own, "--siblings", small, *words, "--no-save")
        assert done.exit_code == 2
        assert said in done.stderr
    same = invoke("fit", own, "--siblings", logs / "640M", "--no-save")
    assert same.exit_code == 1
    assert "a sibling has the size of the runs to fit, 640M" in same.stderr


def test_sizes_predicts_a_size_without_runs(logs: Path, tmp_path: Path) -> None:
    plan = "cosine:steps=4000,peak=1e-3,final=10%,warmup=100"
    small = [logs / name for name in ("10M", "40M", "160M")]
    words = [
        "sizes",
        *small,
        "--predict",
        "640M",
        "--schedule",
        f"best={plan}",
        "--weight-decay",
        1,
    ]
    done = invoke(*words, "--out", tmp_path / "law")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("A model of ")
    assert "one law for 3 sizes from 10M to 160M (9 runs)." in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.partition("\nwritten to")[0].splitlines())) <= 100
    for text in ("640M best", "L0(N)", "gain", "Chinchilla", "80 %", "95 %"):
        assert text in done.stdout
    assert {file.name for file in (tmp_path / "law").iterdir()} == {
        "sizes.json",
        "losses.png",
        "residuals.png",
    }
    found = json.loads(invoke(*words, "--no-save", "--json").stdout)
    (row,) = found["predictions"]["rows"]
    truth = next(curve for curve in runs((64e7,), noise=0.0) if curve.name.startswith("cosine"))
    assert row["loss"] == pytest.approx(float(truth.loss[-1]), rel=0.02)
    low, high = row["intervals"]["0.95"]
    assert low < truth.loss[-1] < high
    # The law is one for whatever plans or predicts.
    fit = ["--params", tmp_path / "law", "--size", "640M"]
    predicted = json.loads(invoke("predict", *fit, plan, "--no-save", "--json").stdout)
    assert predicted["predictions"][0]["final_loss"] == pytest.approx(row["loss"], rel=1e-9)
    best = invoke("optimize", *fit, "--steps", 400, "--warmup", 40, "--knots", 6, "--json")
    assert json.loads(best.stdout)["final_loss"] < 10
    assert "is a law over sizes: give the --size" in invoke("predict", *fit[:2], plan).stderr


def test_several_sizes_schedules_and_horizons_side_by_side(logs: Path) -> None:
    words = ["sizes", logs, "--predict", "640M", "--predict", "2.5b", "--steps", "2k"]
    words += ["--steps", "4k", "--schedule", "wsdld:steps=1000,peak=1e-3,decay=20%"]
    done = invoke(*words, "--weight-decay", 1, "--no-save", "--json")
    rows = json.loads(done.stdout)["predictions"]["rows"]
    names = [(row["size"], row["schedule"], row["steps"]) for row in rows]
    assert names == [
        (size, f"wsdld {text}", steps)
        for size in ("640M", "2.5B")
        for text, steps in (("2k", 2000), ("4k", 4000))
    ]
    assert rows[0]["alone"] is not None
    assert rows[2]["alone"] is None
    assert rows[1]["loss"] < rows[0]["loss"]
    usual = invoke("sizes", logs, "--predict", "2.5b", "--steps", "2k", "--no-save", "--json")
    kinds = [row["schedule"] for row in json.loads(usual.stdout)["predictions"]["rows"]]
    assert kinds == ["constant 2k", "cosine 2k", "wsdld 2k"]


def test_a_rollout_scores_every_size_by_those_below(logs: Path) -> None:
    done = invoke("sizes", logs, "--rollout", "--weight-decay", 1, "--no-save", "--json")
    found = json.loads(done.stdout)["rollout"]
    assert [row["size"] for row in found["rows"]] == ["160M", "640M"]
    for row in found["rows"]:
        assert len(row["observed"]) == 2
        pairs = zip(row["observed"], row["predicted"], row["sd"], strict=True)
        assert all(abs(math.log(seen / said)) < 2.5 * sd for seen, said, sd in pairs)
        assert row["with_short"] < 0.03
        assert row["short"].startswith(row["size"])
    text = whole_text(Rollout.from_dict(found))
    assert text.startswith("Fitted to the sizes below each in turn, the law has been off by 0.0")
    assert max(map(len, text.splitlines())) <= 100
    two = invoke("sizes", logs / "10M", logs / "40M", "--rollout", "--no-save")
    assert two.exit_code == 1
    assert "a rollout needs two sizes below another, got 2 sizes" in two.stderr


def test_a_frontier_knows_the_schedule(logs: Path) -> None:
    words = ["sizes", logs, "--flops", "1e18", "--flops", "4e18", "--weight-decay", 1, "--no-save"]
    unknown = invoke(*words)
    assert unknown.exit_code == 1
    assert "say it with --update-tokens N" in unknown.stderr
    done = invoke(*words, "--update-tokens", 5e5, "--json")
    one, two = json.loads(done.stdout)["frontier"]["budgets"]
    for budget in (one, two):
        cost = 6 * budget["parameters"] * budget["tokens"]
        assert cost == pytest.approx(budget["flops"], rel=0.02)
        assert 0.02 < budget["cooldown"] < 0.9
    assert two["loss"] < one["loss"]
    assert two["parameters"] > one["parameters"]
    shown = invoke(*words, "--update-tokens", 5e5).stdout
    assert shown.startswith("For 4e+18 FLOPs: ")


def test_bad_input_is_one_sentence(logs: Path) -> None:
    for words, code, said in (
        ((logs / "10M",), 1, "a law over sizes needs two sizes or more, got runs of one (10M)"),
        ((logs, "--predict", "huge"), 1, "a model's size must be its number of parameters"),
        ((logs, "--schedule", "constant:steps=9,peak=1"), 2, "belong to --predict"),
        ((logs, "--flops", "-1", "--update-tokens", "9"), 1, "must be positive"),
        ((logs, "--flops", "1e9", "--update-tokens", "1e6"), 1, "pays for no run of 200"),
    ):
        done = invoke("sizes", *words, "--no-save")
        assert done.exit_code == code
        assert said in done.stderr
    far = invoke("sizes", logs, "--predict", "99b", "--weight-decay", 1, "--no-save")
    assert "99B is 155 times the largest size with runs (640M)" in far.stderr
    fit = invoke("predict", "--params", "25", "--size", "1b", "constant:steps=9,peak=1")
    assert fit.exit_code == 1


def test_design_names_the_run_that_tells_most_for_its_flops(logs: Path) -> None:
    words = ["sizes", logs / "10M", logs / "40M", "--predict", "640M", "--weight-decay", 1]
    words += ["--no-save", "--design"]
    found = json.loads(invoke(*words, "--update-tokens", 5e5, "--json").stdout)["design"]
    sd = [found["sd"], *(run["sd"] for run in found["runs"])]
    assert sd == sorted(sd, reverse=True)
    assert sd[1] < 0.8 * sd[0]
    for run in found["runs"]:
        assert run["parameters"] < 640e6
        assert run["tokens"] == 4000 * 5e5
        assert run["flops"] == pytest.approx(6 * run["parameters"] * run["tokens"])
    shown = invoke(*words).stdout
    assert shown.startswith("To know the losses at 640M better, run ")
