"""`mplfit fit --siblings`, and `mplfit sizes` with what takes its results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mplfit.cli.main import main
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
