"""Imports point down only, and the light parts stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "mplfit"

# From the bottom to the top (DESIGN, section 7): a room imports rooms below it, and itself.
ORDER = [
    "errors",
    "types",
    "results",
    "compiled",
    "trend",
    "tasks",
    "schedule",
    "curve",
    "runs",
    "powersum",
    "bounds",
    "laws",
    "estimate",
    "assess",
    "sizes",
    "plan",
    "sweeps",
    "lab",
    "processes",
    "writers",
    "readers",
    "show",
    "api",
    "cli",
]
LEVEL = {room: level for level, room in enumerate(ORDER)}
FILES = sorted(path for path in ROOT.rglob("*.py") if path.name not in ("__main__.py",))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def at_run_time(path: Path) -> set[str]:
    """The modules that `import_module` is asked for in a file, as far as a text says them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "import_module":
            said = node.args[0]
            said = said.values[0] if isinstance(said, ast.JoinedStr) else said
            if isinstance(said, ast.Constant) and isinstance(said.value, str):
                found.add(said.value)
    return found


def without_types(path: Path) -> set[str]:
    """The imports of a file that are not for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING")
    ]
    return {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_one_file_names_a_room_above_it():
    """`mplfit.results`, by which an object's methods for people find `mplfit.api`."""
    assert at_run_time(ROOT / "results.py") == {"mplfit.api"}
    assert "mplfit.types" in without_types(ROOT / "results.py")
    assert not any("show" in name or "api" in name for name in without_types(ROOT / "results.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    room = room_of(path)
    if room == "__init__":
        return
    for name in without_types(path) if room == "results" else imports(path) | at_run_time(path):
        if name.startswith("mplfit.") and name != f"mplfit.{room}":
            other = name.split(".")[1]
            if other.startswith("__"):  # the version
                continue
            assert LEVEL[other] <= LEVEL[room], f"{room} imports {other}, which is above it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_keep_to_their_tools(path):
    room, names = room_of(path), {name.split(".")[0] for name in imports(path)}
    assert "torch" not in names
    if room != "show":
        assert "matplotlib" not in names, "only mplfit.show draws"
    if room not in ("cli",):
        assert "click" not in names, "only mplfit.cli talks to the terminal"
    if LEVEL.get(room, 0) <= LEVEL["sweeps"]:
        assert not names & {"os", "pathlib", "sys", "logging"}, "mathematics reads no files"


def loaded_after(code: str) -> set[str]:
    script = f"import sys; {code}; print(' '.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in result.stdout.split()}


def test_importing_mplfit_loads_nothing_heavy():
    assert not loaded_after("import mplfit") & {"numba", "scipy", "matplotlib", "numpy"}


@pytest.mark.parametrize("command", ["", "fit", "predict", "optimize"])
def test_help_loads_nothing_heavy(command):
    arguments = [*command.split(), "--help"]
    code = (
        "from mplfit.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        "import sys; sys.stdout.write('|')"
    )
    script = f"{code}; print(' '.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in result.stdout.rsplit("|", 1)[1].split()}
    assert not loaded & {"numba", "scipy", "matplotlib"}


def test_every_public_name_resolves_and_is_declared_for_type_checkers():
    import mplfit

    for name in mplfit.__all__:
        assert getattr(mplfit, name) is not None
        assert f" as {name}" in (ROOT / "__init__.py").read_text()
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = mplfit.nothing
