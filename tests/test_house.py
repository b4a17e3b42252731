"""Rules of the house that a reader can count: names, dictionaries of anything, helpers of tests."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "mplfit").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_few_dictionaries_of_anything_are_left():
    """They stand where JSON is read or written, and where numba takes its options."""
    assert sum(text(path).count("dict[str, Any]") for path in MODULES) <= 15


def test_a_public_class_has_one_name():
    names = [
        node.name
        for path in MODULES
        for node in ast.parse(text(path)).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_no_shell_line_is_parsed():
    calls = ("shlex.split", "shlex.shlex", "os.system", "shell=True")
    assert [(path, call) for path in MODULES for call in calls if call in text(path)] == []


def test_no_test_module_is_imported():
    """Helpers stand in tests/support."""
    for path in TESTS:
        for node in ast.walk(ast.parse(text(path))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
                assert not (node.module or "").rpartition(".")[2].startswith("test_"), path
