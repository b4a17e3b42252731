"""The README's commands run as printed, and everything that exists is documented."""

from __future__ import annotations

import re
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner

from mplfit.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands():
    """Every line that begins with `$ mplfit` in a console block."""
    for block in re.findall(r"```console\n(.*?)```", README, re.S):
        for line in block.splitlines():
            if line.strip().startswith("$ mplfit"):
                yield line.strip()[2:]


def make_logs():
    """The two runs of the walk through the README."""
    Path("logs").mkdir()
    for name, run in (("constant_24000", "run1"), ("wsdcon_9", "run2")):
        shutil.copy(ROOT / "data" / "simulated_400" / f"{name}.csv", f"logs/{run}.csv")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """The fit that the walk makes of them, and its later commands use."""
    with chdir(tmp_path_factory.mktemp("walk")):
        make_logs()
        result = CliRunner().invoke(main, ["fit", "logs", "--warmup", "2160"])
        assert result.exit_code == 0, result.output
        return Path("mplfit-runs").resolve()


@pytest.mark.parametrize("command", list(commands()))
def test_readme_commands_run_as_printed(command, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "data", "data")
    shutil.copytree("data/simulated_400", "csv_400")
    make_logs()
    if "mplfit-runs/logs" in command:
        shutil.copytree(request.getfixturevalue("fitted"), "mplfit-runs")
    result = CliRunner().invoke(main, command.split()[1:])
    assert result.exit_code == 0, result.output


def test_the_readme_has_commands():
    assert len(list(commands())) >= 8


def test_every_command_is_in_the_readme():
    for name in COMMANDS:
        assert f"mplfit {name}" in README


def test_the_readme_s_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    for block in re.findall(r"```python\n(.*?)```", README, re.S):
        exec(compile(block, "README.md", "exec"), {})
