"""`mplfit profile`: a table, a file, a figure; and logs that are not what they were."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.commands import ROOT, run

DATA = ROOT / "data" / "simulated_25"


@pytest.fixture
def fitted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("cosine_24000", "wsdcon_9"):
        shutil.copy(DATA / f"{name}.csv", f"{name}.csv")
    run("fit", "cosine_24000.csv", "wsdcon_9.csv", "--law", "onepower", "--out", "run")
    return Path("run")


def test_table_file_and_figure(fitted):
    said = run("profile", fitted, "--out", "profiles").stdout
    assert "95 % Laplace" in said
    assert "95 % profile" in said
    kept = json.loads(Path("profiles/profile.json").read_text())
    assert kept["schema"] == "mplfit.profile/1"
    assert list(kept["parameters"]) == ["L0", "A", "alpha"]
    low, high = kept["parameters"]["alpha"]["profile"]["0.95"]
    assert low < kept["parameters"]["alpha"]["fitted"] < high
    assert Path("profiles/profiles.png").read_bytes().startswith(b"\x89PNG")
    printed = run("profile", fitted, "--param", "alpha", "--no-save", "--json", "--workers", "2")
    assert json.loads(printed.stdout)["parameters"]["alpha"] == kept["parameters"]["alpha"]
    run("profile", fitted, "--out", "profiles", code=1)


def test_logs_are_read_as_they_were_for_the_fit(fitted):
    plan = "wsdcon_9=two-stage:steps=24000,peak=3e-4,second=9e-5,switch=8000,warmup=2160"
    run("fit", ".", "--law", "onepower", "--every", "1000", "--from-step", "3000",
        "--schedule", plan, "--train", "cosine_24000", "--out", "thin")  # fmt: skip
    said = run("profile", "thin", "--param", "alpha", "--no-save", "--workers", "2")
    assert "1 training curves" in said.stdout
    assert "give the reading options" in run("profile", "thin", "--every", "1000", code=1).stderr


def test_changed_logs_get_a_sentence(fitted):
    assert "no parameter 'gamma'" in run("profile", fitted, "--param", "gamma", code=1).stderr
    assert "names no logs" in run("profile", "400", code=1).stderr
    assert "give the reading options" in run("profile", fitted, "--every", "1000", code=1).stderr
    assert "where the fit had" in run("profile", fitted, "--warmup", "100", code=1).stderr
    assert "has other losses" in run("profile", fitted, "--smooth", "3", code=1).stderr
    text = Path("wsdcon_9.csv").read_text()
    Path("wsdcon_9.csv").write_text(text.replace("\n", "\r\n"))
    assert "wsdcon_9.csv has changed since the fit" in run("profile", fitted, code=1).stderr
    Path("wsdcon_9.csv").unlink()
    assert "is not there" in run("profile", fitted, code=1).stderr
    assert not Path("mplfit-runs/profile").exists()
