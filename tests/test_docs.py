"""The READMEs' commands run in order as printed, and everything that exists is documented."""

from __future__ import annotations

import re

import pytest

from mplfit.cli.main import COMMANDS
from mplfit.laws.registry import TABLE
from mplfit.readers.detect import READERS
from mplfit.readers.text_formats import FORMATS
from mplfit.schedule.spec import SHAPES
from mplfit.writers.export import EXPORTS
from tests.support.readmes import READMES, ROOT, blocks, commands, python_blocks, run


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", READMES, ids=str)
def test_a_readme_s_commands_run_as_printed(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    for block in blocks(path):
        for command in commands(block):
            if command.ours:
                run(command.line)
    for block in python_blocks(path):
        exec(compile(block, str(path), "exec"), {})


@pytest.mark.parametrize("path", READMES, ids=str)
def test_a_readme_s_links_lead_somewhere(path):
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", read(path)):
        assert (ROOT / path).parent.joinpath(link).exists(), link


def test_the_first_readme_is_short():
    text = read("README.md")
    assert len(text.splitlines()) <= 200
    assert len(text.encode()) <= 8000
    assert sum(command.ours for block in blocks("README.md") for command in commands(block)) >= 6


@pytest.mark.parametrize(
    ("readme", "names"),
    [
        ("README.md", [f"mplfit {name}" for name in COMMANDS]),
        ("mplfit/laws/README.md", [f"`{key}`" for key in TABLE]),
        ("mplfit/schedule/README.md", [f"`{shape}`" for shape in SHAPES]),
        ("mplfit/writers/README.md", list(EXPORTS)),
        ("mplfit/readers/README.md", [*READERS, *FORMATS]),
    ],
)
def test_everything_that_exists_is_documented(readme, names):
    text = read(readme)
    assert [name for name in names if name not in text] == []
