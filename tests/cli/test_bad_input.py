"""What a user gets wrong: one line that begins with Error:, exit code 1, and nothing written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mplfit.cli.main import main
from mplfit.estimate.result import published_fit
from mplfit.readers.released import released_schedule

SPEC = "constant:steps=100,peak=3e-4,warmup=10"
LOG = "step,lr,loss\n" + "\n".join(f"{t},0.0003,{3 + 9 / t}" for t in range(10, 100, 10))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    Path("runs", "a.csv").write_text(LOG)
    Path("runs", "b.csv").write_text(LOG)
    return tmp_path


def files() -> dict[str, bytes]:
    return {
        str(Path(root, name)): Path(root, name).read_bytes()
        for root, _, names in os.walk(".")
        for name in names
    }


def folders() -> set[str]:
    return {root for root, _, _ in os.walk(".")}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(*arguments: object) -> str:
    """The message of a refusal, which has left everything as it was."""
    before = files(), folders()
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)  # no traceback
    lines = result.stderr.splitlines()
    notes = [line for line in lines[:-1] if not line.startswith(("note: ", "training on "))]
    assert not notes
    assert lines[-1].startswith("Error: ")
    assert result.stdout == ""
    assert (files(), folders()) == before
    return lines[-1].removeprefix("Error: ")


BAD_LOGS = {
    "empty": (b"", "is empty"),
    "blank": (b"\n\n", "is empty"),
    "header only": (b"step,lr,loss\n", "has a header but no rows"),
    "binary": (bytes(range(256)), "is not a text file"),
    "zip": (b"PK\x03\x04\0\0\0\0,,,\n", "is not a text file"),
    "wrong columns": (b"a,b,c\n1,2,3\n", "no column for the step"),
    "spaces": (b"step lr loss\n1 2 3\n", "separated by commas, tabs or semicolons"),
    "no rate": (b"step,loss\n1,2\n", "or give --schedule"),
    "words": (b"step,lr,loss\n1,fast,3\n", "'lr' should be a number, got 'fast'"),
    "cut": (b"step,lr,loss\n1,1,3\n2,1", "a line cut short?"),
    "half step": (b"step,lr,loss\n1.5,1,3\n", "the step must be a whole number"),
    "tokens": (b"step,lr,loss\n5000000000000,1,3\n", "tokens or samples"),
    "negative step": (b"step,lr,loss\n-1,1,3\n", "got -1.0"),
    "negative loss": (b"step,lr,loss\n1,1,-3\n", "losses must be positive"),
    "zero loss": (b"step,lr,loss\n1,1,0\n", "losses must be positive"),
    "all nan": (b"step,lr,loss\n1,1,nan\n", "no finite loss"),
    "negative rate": (b"step,lr,loss\n1,-1,3\n", "learning rate of step 1 is negative"),
    "no rates": (b"step,lr,loss\n1,,3\n", "no row logs a learning rate"),
    "zero rates": (b"step,lr,loss\n1,0,3\n", "learning rates are 0"),
}


@pytest.mark.parametrize("kind", BAD_LOGS)
@pytest.mark.parametrize("command", [("fit",), ("evaluate", "--params", "25")])
def test_bad_logs(folder: Path, kind: str, command: tuple[str, ...]) -> None:
    data, said = BAD_LOGS[kind]
    Path("runs", "bad.csv").write_bytes(data)
    message = refused(*command, "runs/bad.csv")
    assert message.startswith("runs/bad.csv")
    assert said in message


def test_a_bad_log_in_a_folder_is_skipped_with_a_warning(folder: Path) -> None:
    Path("runs", "bad.csv").write_text("step,lr,loss\n")
    result = run("evaluate", "runs", "--params", "25", "--json")
    assert result.exit_code == 0, result.output
    assert "warning: a: beside it, runs/bad.csv is skipped: has a header but no" in result.stderr
    assert set(json.loads(result.stdout)["metrics"]["test"]["curves"]) == {"a", "b"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent"], "absent does not exist"),
        (["runs", "runs/a.csv"], "is given twice"),
        (["runs", "--schedule", "c=" + SPEC], "--schedule names 'c', but the runs are a, b"),
        (["runs", "--schedule", SPEC, "--schedule", SPEC], "given twice: name the run"),
        (["runs", "--schedule", "constant:steps=50,peak=1"], "lie past the end of the schedule"),
        (["runs", "--schedule", "absent.csv"], "absent.csv does not exist"),
        (["runs", "--schedule", "nonsense"], "'nonsense' is not a schedule"),
        (["runs", "--warmup", "-1"], "--warmup must be a whole number from 0 on, got -1"),
        (["runs", "--step-col", "x"], "no column 'x', asked for with --step-col"),
        (["runs", "--lr-col", "x"], "no column 'x', asked for with --lr-col"),
        (["runs", "--loss-col", "x"], "no column 'x', asked for with --loss-col"),
        (["runs", "--train", "c"], "there is no curve 'c': the curves are a, b"),
        (["runs", "--train", "a", "--test", "a"], "cannot be both"),
        (["runs", "--law", "gravity"], "there is no law 'gravity'"),
        (["runs", "--out", "runs"], "runs exists already: choose another place, or add --force"),
        (["runs", "--out", "runs/a.csv"], "runs/a.csv exists already"),
    ],
)
def test_bad_requests_to_fit(folder: Path, arguments: list[str], said: str) -> None:
    assert said in refused("fit", *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict", "--params", "500", SPEC], "500 is not a fit: expected a fit.json"),
        (["predict", "--params", "runs", SPEC], "runs is not a fit"),
        (["predict", "--params", "runs/a.csv", SPEC], "runs/a.csv is not JSON"),
        (["predict", "--params", "x" * 5000, SPEC], "is not a fit"),
        (["predict", "--params", "25", "cosine:steps=10"], "cosine lacks peak"),
        (["predict", "--params", "25", "x=absent.npy"], "absent.npy does not exist"),
        (["predict", "--params", "25", "runs"], "runs holds 2 runs (a, b): expected the log of"),
        (["predict", "--params", "25", SPEC, "--out", "runs"], "runs exists already"),
        (["schedule", "cosine:steps=1e14,peak=1"], "whole number of steps from 1 to 100,000,000"),
        (["schedule", "warp:steps=3"], "constant:steps=,peak=,[warmup=]"),
        (["schedule", SPEC, "--out", "runs/a.csv/x"], "runs/a.csv/x cannot be written: "),
        (["simulate", "--params", "25", SPEC, "--out", "runs"], "runs exists already"),
        (["optimize", "--params", "25", "--from", "no.csv", "--from-step", "3"], "no.csv does not"),
    ],
)
def test_bad_requests_to_others(folder: Path, arguments: list[str], said: str) -> None:
    assert said in refused(*arguments)


def test_a_damaged_fit(folder: Path) -> None:
    Path("fit.json").write_text(json.dumps({**published_fit("25").to_dict(), "data": [{}]}))
    assert refused("predict", "--params", "fit.json", SPEC).startswith("fit.json: this fit is dam")
    Path("fit.json").write_text("{}")
    assert "expected schema 'mplfit.fit/2'" in refused("evaluate", "runs", "--params", "fit.json")


def test_a_pickle_is_not_loaded(folder: Path) -> None:
    np.save("evil.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert "no pickled objects" in refused("predict", "--params", "25", "evil.npy")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["fit"],
        ["fit", "runs", "--unknown"],
        ["fit", "runs", "--warmup", "many"],
        ["evaluate", "runs"],
        ["predict", "--params", "25"],
        ["simulate", "--params", "25", SPEC],
        ["optimize"],
        ["optimize", "--params", "25", "--from", SPEC],
        ["schedule"],
    ],
)
def test_wrong_usage_exits_with_2(folder: Path, arguments: list[str]) -> None:
    before = files()
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert result.stdout == ""
    assert files() == before


def test_what_was_assumed_is_said_once_for_all_curves(folder: Path) -> None:
    result = run("evaluate", "runs", "--params", "25")
    assert result.exit_code == 0
    said = [line for line in result.stderr.splitlines() if "linear warmup from 0" in line]
    assert len(said) == 1
    assert said[0].startswith("note: a, b: ")


def test_a_released_name_that_disagrees_is_said(folder: Path) -> None:
    Path("runs", "wsdcon_9.csv").write_text(LOG)
    result = run("evaluate", "runs/wsdcon_9.csv", "--params", "25")
    assert result.exit_code == 0
    assert "the name is that of a released curve, but the logged rates are not" in result.stderr
    assert released_schedule("wsdcon_9") is not None


def test_forcing_the_logs_folder_keeps_the_logs(folder: Path) -> None:
    before = files()
    result = run("schedule", SPEC, "--out", "runs", "--force")
    assert result.exit_code == 0, result.output
    assert before.items() <= files().items()
    assert {"runs/schedules.png", "runs/constant.csv"} <= set(files())


def test_the_command_itself_shows_no_traceback(folder: Path) -> None:
    """Once through a real process, where a warning or a traceback would be seen."""
    Path("runs", "bad.csv").write_text("step,lr,loss\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-m", "mplfit", "fit", "runs/bad.csv"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == ("Error: runs/bad.csv has a header but no rows: expected at least one\n")
    assert not Path("mplfit-runs").exists()
