"""numba's cache on disk may be damaged, full or absent: the kernels compile all the same."""

from __future__ import annotations

import importlib.util
import warnings

import pytest
from click.testing import CliRunner
from numba import config
from numba.core.caching import IndexDataCacheFile

from mplfit import compiled
from mplfit.cli.main import main
from mplfit.errors import MplfitWarning

SOURCE = """
from mplfit.compiled import kernel

@kernel
def twice(x):
    return 2.0 * x
"""


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A function that loads a module of one tiny kernel, as a new process would."""
    monkeypatch.setattr(compiled, "_said", [])
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "tiny.py"
    path.write_text(SOURCE)

    def load():
        spec = importlib.util.spec_from_file_location("tiny", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.twice

    return load


def hits(twice):
    return sum(twice.stats.cache_hits.values())


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("kept", [0, 60, -1], ids=["empty", "60 bytes", "all but one byte"])
def test_a_damaged_entry_is_replaced(fresh, tmp_path, kind, kept):
    fresh()(1.0)
    (entry,) = (tmp_path / "cache").rglob(f"*.{kind}")
    entry.write_bytes(entry.read_bytes()[:kept])
    with pytest.warns(MplfitWarning, match=r"numba's cache in .* is damaged .* compiled afresh"):
        assert fresh()(2.0) == 4.0
    again = fresh()
    assert again(3.0) == 6.0
    assert hits(again) == 1


def test_bytes_that_are_no_pickle_are_replaced(fresh, tmp_path):
    fresh()(1.0)
    for entry in (tmp_path / "cache").rglob("*.nb?"):
        entry.write_bytes(bytes(entry.stat().st_size))  # what a power cut leaves
    with pytest.warns(MplfitWarning, match="UnpicklingError"):
        assert fresh()(2.0) == 4.0
    again = fresh()
    assert again(3.0) == 6.0
    assert hits(again) == 1


def test_a_full_disk_is_said_once(fresh, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "_save_index", full)
    with pytest.warns(MplfitWarning, match="cannot be written") as said:
        assert [fresh()(x) for x in (2.0, 3.0)] == [4.0, 6.0]
    assert len(said) == 1


def test_a_damaged_index_that_cannot_be_replaced(fresh, tmp_path, monkeypatch):
    fresh()(1.0)
    (index,) = (tmp_path / "cache").rglob("*.nbi")
    index.write_bytes(b"")

    def read_only(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(IndexDataCacheFile, "_save_index", read_only)
    with pytest.warns(MplfitWarning, match="is damaged") as said:
        assert fresh()(2.0) == 4.0
    assert len(said) == 1
    assert index.read_bytes() == b""


def test_a_cache_folder_that_nobody_can_make(fresh, tmp_path, monkeypatch):
    for name in ("cache", "__pycache__", "home"):  # every place where numba would put it
        (tmp_path / name).write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    twice = fresh()
    assert twice(2.0) == 4.0
    assert not twice.stats.cache_hits
    assert not list(tmp_path.rglob("*.nb?"))


@pytest.mark.filterwarnings("always")
def test_the_command_says_it_in_one_line(monkeypatch):
    from mplfit.api import inputs

    usual = inputs.load_fit

    def load(name, *rest):
        warnings.warn("the cache is damaged", MplfitWarning, stacklevel=1)
        return usual(name, *rest)

    monkeypatch.setattr(inputs, "load_fit", load)
    before = warnings.showwarning
    arguments = ["predict", "--params", "25", "constant:steps=5000,peak=3e-4,warmup=2160"]
    done = CliRunner().invoke(main, [*arguments, "--no-save"])
    assert done.exit_code == 0, done.output
    assert "warning: the cache is damaged\n" in done.stderr
    assert "MplfitWarning" not in done.stderr
    assert warnings.showwarning is before
