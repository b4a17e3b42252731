"""`mplfit advise`, from logs to files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mplfit import load_fit, load_schedule
from mplfit.cli.main import main

LOG = str(Path(__file__).parents[2] / "data" / "lab_text" / "lab_cosine.csv")


def advise(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["advise", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def test_a_folder_has_all_that_the_next_step_needs(tmp_path: Path) -> None:
    out = tmp_path / "advice"
    shown = advise(LOG, "--steps", "1000", "--out", out).stdout
    assert shown.startswith("Run this next, 1,000 updates: ")
    assert {path.name for path in out.iterdir()} == {
        "schedule.csv", "schedule.npy", "schedule.json", "schedule.py", "advice.html",
        "advice.json", "fit.json",
    }  # fmt: skip
    values = json.loads((out / "advice.json").read_text())
    schedule = load_schedule(str(out / "schedule.csv"))
    np.testing.assert_allclose(schedule.lr, values["chosen"]["lr"], rtol=1e-12)
    final = load_fit(str(out)).loss(schedule)[-1]
    assert values["chosen"]["loss"] == pytest.approx(final, rel=1e-9)
    assert "schedule.py" in shown
    compile((out / "schedule.py").read_text(), "schedule.py", "exec")
    assert advise(LOG, "--out", out, code=1).stderr


def test_a_run_in_progress_is_ended(tmp_path: Path) -> None:
    words = [LOG, "--continue", "lab_cosine", "--from-step", "1000", "--budget", "500"]
    values = json.loads(advise(*words, "--no-save", "--json").stdout)
    assert values["schema"] == "mplfit.ending/1"
    assert len(values["ways"]) == 6


def test_two_schedules_are_compared_and_another_size_is_planned(tmp_path: Path) -> None:
    two = ["--schedule", "a=cosine:steps=600,peak=6e-3,warmup=60"]
    two += ["--schedule", "b=wsdld:steps=600,peak=6e-3,decay=100,warmup=60"]
    shown = advise(LOG, *two, "--out", tmp_path / "two").stdout
    assert shown.startswith("Lowest of 2: ")
    assert len(shown.splitlines()) <= 12
    made = load_schedule(str(tmp_path / "two" / "schedule.csv"))
    assert made.steps == 600
    sizes = str(Path(__file__).parents[2] / "data" / "lab_sizes")
    said = advise(sizes, "--size", "500k", "--steps", "600", "--out", tmp_path / "size").stdout
    assert said.startswith("Run this next, 600 updates: ")
    assert len(said.splitlines()) <= 12
    fit = load_fit(str(tmp_path / "size"))
    small = load_fit(str(Path(__file__).parents[2] / "data" / "sizes_lab"), "100k")
    assert fit.params["L0"] < small.params["L0"]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--continue", "lab_cosine"], 2, "--continue and --budget belong together"),
        (["--from-step", "5"], 2, "--from-step belongs to --continue"),
        (["--continue", "a", "--budget", "9", "--steps", "9"], 2, "it goes without --steps"),
        (["--schedule", "a=constant:steps=9,peak=1", "--steps", "9"], 2, "goes without --steps"),
        (["--continue", "other", "--budget", "99"], 1, "no run is called other"),
    ],
)
def test_what_makes_no_sense_gets_a_sentence(words: list[str], code: int, text: str) -> None:
    assert text in advise(LOG, *words, "--no-save", code=code).stderr
