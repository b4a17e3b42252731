"""`mplfit lab` end to end, on models small enough to train in a blink."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit.cli.lab import LAB_COMMANDS, lab_command
from mplfit.cli.main import main
from mplfit.readers.csv_log import read_csv
from mplfit.schedule.spec import parse_schedule

ROOT = Path(__file__).parents[2]
SMALL = ("--task", "icl-regression", "--block", 8, "--layers", 1, "--heads", 2, "--batch", 2)
SMALL += ("--eval-sequences", 4, "--every", 5)
WIDTH = ("--width", 16)


pytestmark = pytest.mark.usefixtures("empty_folder")


def run(*arguments, code=0):
    result = CliRunner().invoke(main, ["lab", *(str(argument) for argument in arguments)])
    assert result.exit_code == code, result.output
    return result


def examples():
    for name in LAB_COMMANDS:
        command = lab_command.get_command(None, name)
        assert command.examples
        for example in command.examples:
            yield pytest.param(example, id=example[:40])


@pytest.mark.parametrize("example", list(examples()))
def test_examples_run_as_they_stand(example, tmp_path):
    words = example.replace("/tmp/", f"{tmp_path}/out-").split()
    assert words[:2] == ["mplfit", "lab"]
    run(*words[2:])


@pytest.mark.parametrize("name", LAB_COMMANDS)
def test_every_command_of_the_lab_has_quiet_and_examples(name):
    text = run(name, "--help").output
    assert "--quiet" in text
    assert "\nExamples:\n  mplfit lab " in text
    assert f"  {name} " in run("--help").output


def test_a_log_is_what_fit_reads_with_its_exact_schedule():
    spec = "cosine:steps=40,peak=1e-2,warmup=5,final=10%"
    run("train", *SMALL, *WIDTH, "--schedule", spec, "--weight-decay", 0.05, "--out", "a.csv")
    curve = read_csv(Path("a.csv"))
    assert curve.schedule == parse_schedule(spec)
    assert curve.schedule.warmup == 5
    assert curve.step.tolist() == [4, 9, 14, 19, 24, 29, 34, 39]
    assert curve.weight_decay == 0.05
    run("train", *SMALL, *WIDTH, "--schedule", spec, "--loss", "eval", "--out", "b.csv")
    val = CliRunner().invoke(main, ["read", "a.csv", "--metric", "val"])
    assert val.exit_code == 0
    assert "train_loss" in Path("b.csv").read_text().splitlines()[1]


def test_branches_and_resumed_runs_are_whole_runs():
    stable, cooled = "constant:steps=30,peak=1e-2", "wsdld:steps=30,peak=1e-2,decay=10"
    run("train", *SMALL, *WIDTH, "--schedule", stable, "--keep", 17, "--out", "stable.csv")
    run("train", "--from", "stable.17.npz", "--schedule", cooled, "--out", "branch.csv")
    run("train", *SMALL, *WIDTH, "--schedule", cooled, "--out", "whole.csv")
    assert Path("branch.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert (
        Path("stable.csv").read_text().splitlines()[2:5]
        == (Path("whole.csv").read_text().splitlines()[2:5])
    )
    assert "after 30 of 30" in run("train", "--resume", "--out", "whole.csv").output


def test_nothing_is_overwritten_in_silence():
    arguments = ("train", *SMALL, *WIDTH, "--schedule", "constant:steps=5,peak=1e-3", "--out")
    run(*arguments, "a.csv")
    assert "exists already" in run(*arguments, "a.csv", code=1).output
    run(*arguments, "a.csv", "--force")
    assert ".csv file" in run(*arguments, "a.txt", code=1).output
    assert "give a --schedule" in run("train", "--out", "b.csv", code=2).output


def test_json_says_what_was_done():
    spec = "constant:steps=10,peak=1e-3"
    found = json.loads(
        run("train", *SMALL, *WIDTH, "--schedule", spec, "--out", "a.csv", "--json").stdout
    )
    assert found["schema"] == "mplfit.lab/1"
    assert found["finished"]
    assert found["updates"] == found["steps"] == 10


def test_a_diverged_run_says_so():
    result = run(
        "train", *SMALL, *WIDTH, "--clip", 0, "--schedule", "constant:steps=50,peak=1e14",
        "--out", "a.csv",
    )  # fmt: skip
    assert "has diverged" in result.stderr


@pytest.mark.slow
def test_an_interrupt_leaves_a_log_and_a_checkpoint_to_go_on_from(tmp_path):
    spec = "cosine:steps=4000,peak=1e-2,warmup=5"
    words = ["lab", "train", *map(str, (*SMALL, *WIDTH)), "--schedule", spec, "--out"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "mplfit", *words, "a.csv", "--keep", "20"]
    with subprocess.Popen(command, env=env, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        limit = time.monotonic() + 120
        while not Path("a.20.npz").exists() and time.monotonic() < limit:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 130
    part = read_csv(Path("a.csv"))
    assert part.schedule == parse_schedule(spec)
    assert part.step[-1] < 3999
    run("train", "--resume", "--out", "a.csv")
    run(*words[1:], "b.csv")
    a, b = (Path(name).read_text().splitlines() for name in ("a.csv", "b.csv"))
    assert a[1:] == b[1:]


GRID = ("sweep", *SMALL, "--base-width", 8, "--schedule", "cosine:steps=15,peak=1,warmup=2")


def test_a_sweep_is_resumed_and_read():
    arguments = (*GRID, "--widths", "8,16", "--seeds", 1, "--workers", 1, "--out", "s.csv")
    run(*arguments, "--rates", "1e-3,1e-2")
    first = Path("s.csv").read_text().splitlines()
    assert len(first) == 9
    out = run(*arguments, "--rates", "1e-3:1e-1:3", "--resume")
    assert "4 of 12 runs to train" in out.stderr
    assert set(first) <= set(Path("s.csv").read_text().splitlines())
    refused = run(*arguments, "--rates", "1e-3", "--resume", "--layers", 2, code=1)
    assert "other settings" in refused.output
    read = CliRunner().invoke(main, ["sweep", "s.csv"])
    assert read.exit_code == 0
    assert "12 runs of 4 settings" in " ".join(read.output.split())


def test_a_sweep_tells_how_long_the_rest_takes(monkeypatch):
    told = []
    monkeypatch.setattr("mplfit.cli.lab.options.progress", lambda *given: told.append(given))
    clock = SimpleNamespace(monotonic=iter([100.0, 130.0, 190.0]).__next__)
    monkeypatch.setattr("mplfit.cli.lab.options.time", clock)
    arguments = (*GRID, "--widths", 8, "--parametrizations", "SP", "--seeds", 1, "--workers", 1)
    run(*arguments, "--rates", "1e-3,1e-2", "--out", "s.csv")
    assert told == [(1, 2, "about 0:30 left: runs"), (2, 2, "about 0:00 left: runs")]


def test_a_rate_of_many_digits_is_found_again():
    arguments = (*GRID, "--widths", 8, "--parametrizations", "SP", "--seeds", 1, "--workers", 1)
    arguments = (*arguments, "--rates", "0.00123456789", "--out", "s.csv")
    run(*arguments)
    assert "SP,8,1,15,2,0.00123456789,0," in Path("s.csv").read_text()
    assert "0 of 1 runs to train" in run(*arguments, "--resume").stderr


def test_a_sweep_goes_over_depth_steps_and_batch_for_sweep_to_test_transfer_along_each():
    arguments = (*GRID, "--widths", 8, "--seeds", 1, "--workers", 1, "--parametrizations", "muP")
    arguments = (*arguments, "--layers", "1,2", "--batch", "2,3", "--steps", "6,12")
    run(*arguments, "--rates", "1e-3,1e-2,1e-1", "--out", "s.csv")
    table = Path("s.csv").read_text().splitlines()
    assert table[0] == "parametrization,width,depth,steps,batch,lr,seed,loss,val_loss,seconds"
    given = {tuple(line.split(",")[2:5]) for line in table[1:]}
    assert given == set(product("12", ("6", "12"), "23"))
    assert len(table) == 1 + 24
    read = CliRunner().invoke(main, ["sweep", "s.csv", "--json"])
    assert read.exit_code == 0, read.output
    assert set(json.loads(read.stdout)["sizes"]) == {"depth", "steps", "batch"}


def test_results_of_runs_gather_in_one_table():
    spec = "constant:peak=1e-3,steps=10"
    for seed in (0, 1):
        out = ("--seed", seed, "--out", f"{seed}.csv", "--results", "all.csv")
        run("train", *SMALL, *WIDTH, "--schedule", spec, *out)
    table = Path("all.csv").read_text().splitlines()
    assert table[0] == "parametrization,width,depth,steps,batch,lr,seed,loss,val_loss,seconds"
    assert table[1].startswith("SP,16,1,10,2,0.001,0,")
    assert table[2].startswith("SP,16,1,10,2,0.001,1,")
    assert table[2].split(",")[7] == Path("1.csv").read_text().splitlines()[-1].split(",")[2]
    wrong = ("train", *SMALL, *WIDTH, "--schedule", spec, "--out", "c.csv", "--results", "0.csv")
    assert "0.csv has other columns than" in run(*wrong, code=1).output
    assert not Path("c.csv").exists()


def test_ranges_are_read_with_one_end_or_two():
    spec = ("--schedule", "constant:peak=1e-3,steps=2", "--out", "a.csv")
    said = run("train", *SMALL, *WIDTH, "--ranges", "1:2,3", *spec, code=1).output
    assert "--ranges must be three numbers" in said
    run("train", *SMALL, *WIDTH, "--ranges", "1:2,3,-1:0", "--block", 7, *spec)


@pytest.mark.slow
def test_processes_make_the_same_sweep(tmp_path):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    tables = []
    for workers in ("1", "2"):
        command = [*map(str, GRID), "--widths", "8", "--rates", "1e-3,1e-2", "--seeds", "1"]
        command += ["--workers", workers, "--out", f"s{workers}.csv"]
        subprocess.run(
            [sys.executable, "-m", "mplfit", "lab", *command],
            env=env, cwd=tmp_path, check=True, capture_output=True,
        )  # fmt: skip
        lines = Path(f"s{workers}.csv").read_text().splitlines()
        tables.append([line.rsplit(",", 1)[0] for line in lines])
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rates", "1e-3,x"), "--rates must be numbers"),
        (("--rates", "1e-3:1e-4:3"), "LOW < HIGH"),
        (("--rates", "0,1"), "must be positive"),
        (("--rates", "1,1"), "rate twice"),
        (("--rates", "1,2", "--parametrizations", "SP,NTK"), "choose SP or muP"),
    ],
)
def test_a_wrong_grid_is_refused(arguments, words):
    result = run(*GRID, "--widths", "8", "--out", "s.csv", *arguments, code=1)
    assert words in result.output


LOOP = (
    "loop", "--steps", 80, "--seeds", 2, "--width", 16, "--layers", 1, "--batch", 2, "--block", 16,
    "--every", 4, "--eval-sequences", 16, "--workers", 1, "--out", "loop",
)  # fmt: skip


@pytest.mark.slow
def test_the_loops_forecast_train_and_judge(monkeypatch):
    result = run(*LOOP)
    assert "What optimized_one gained." in result.output
    assert result.stdout.startswith("optimized_one ")
    found = json.loads(Path("loop/results.json").read_text())
    assert found["trained"] == 1 + 8 * 2  # constant, and eight with two seeds
    names = [one["name"] for one in found["runs"]]
    assert names == [
        "cosine", "cosine_zero", "linear", "wsd_linear", "wsd_sqrt", "cosine_long",
        "optimized_one", "optimized_two",
    ]  # fmt: skip
    for one in found["runs"]:
        assert one["mean"] == pytest.approx(np.mean(one["observed"]))
    # Rows from twice the warmup on; fewer of the runs that are not fitted.
    assert read_csv(Path("loop/runs/cosine-s0.csv")).step.tolist() == list(range(19, 80, 4))
    assert read_csv(Path("loop/runs/cosine-s1.csv")).step.tolist() == [31, 47, 63, 79]
    page = Path("loop/report.html").read_text()
    assert "Forecast and outcome" in page
    assert "mplfit lab loop --steps 80" in page
    forecasts = Path("loop/forecasts.json").read_bytes()
    # What was said before the runs stands, and is not made again.
    monkeypatch.setattr("mplfit.lab.loop.fit", None)
    again = json.loads(run(*LOOP, "--resume", "--json").stdout)
    assert again["trained"] == 0
    assert again["runs"] == found["runs"]
    assert again["gains"] == found["gains"]
    assert Path("loop/forecasts.json").read_bytes() == forecasts
    assert "other settings" in run(*LOOP, "--resume", "--peak-lr", 1e-3, code=1).output
    assert "exists already" in run(*LOOP, code=1).output
    Path("loop/forecasts.json").write_text("{}")
    assert "are not whole: remove" in run(*LOOP, "--resume", code=1).output
