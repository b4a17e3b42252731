"""How the command behaves on odd machines and under interruption."""

from __future__ import annotations

import hashlib
import os
import pty
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from mplfit.cli.lab import LAB_COMMANDS
from mplfit.cli.main import COMMANDS, main
from mplfit.writers import swap
from mplfit.writers.files import write_file, write_folder

ROOT = Path(__file__).parents[2]
LOG = "step,lr,loss\n" + "".join(f"{t},0.01,{2 + 1 / (1 + t) ** 0.5:.6f}\n" for t in range(60))
SPEC = "linear:steps=100,peak=1e-3"


def mplfit(*args: str, cwd: Path, **environment: str | None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-m", "mplfit", *args],
        cwd=cwd, capture_output=True, text=True, timeout=300, check=False,
        env={key: value for key, value in env.items() if value is not None},
    )  # fmt: skip


def test_quiet_leaves_warnings_and_results(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(LOG)
    run = CliRunner()
    loud = run.invoke(main, ["fit", str(tmp_path), "--law", "onepower", "--no-save"])
    quiet = run.invoke(main, ["fit", str(tmp_path), "--law", "onepower", "--no-save", "-q"])
    assert loud.exit_code == quiet.exit_code == 0
    assert "training on a" in loud.stderr
    assert "training on" not in quiet.stderr
    assert loud.stdout == quiet.stdout


@pytest.mark.parametrize(
    "command",
    [*(name for name in COMMANDS if name != "lab"), *(f"lab {name}" for name in LAB_COMMANDS)],
)
def test_every_command_has_quiet_and_examples(command: str) -> None:
    text = CliRunner().invoke(main, [*command.split(), "--help"]).output
    assert "--quiet" in text
    assert "--json" in text
    assert "--out" not in text or "--force" in text
    assert "\nExamples:\n  mplfit " in text


def test_no_colour_where_it_is_not_wanted(tmp_path: Path) -> None:
    """A warning on a terminal is coloured, and not with NO_COLOR."""

    def seen(**environment: str) -> bytes:
        master, slave = pty.openpty()
        args = ["predict", "--params", "25", "constant:steps=50,peak=1", "--no-save"]
        command = [sys.executable, "-m", "mplfit", *args]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **environment}
        env = {key: value for key, value in env.items() if value != "unset"}
        with subprocess.Popen(command, cwd=tmp_path, stdout=slave, stderr=slave, env=env):
            os.close(slave)
            text = b""
            try:
                while part := os.read(master, 65536):
                    text += part
            except OSError:  # how Linux says that the other side is closed
                pass
        os.close(master)
        return text

    assert b"\x1b[" in seen(NO_COLOR="unset")
    plain = seen(NO_COLOR="1")
    assert b"warning: " in plain
    assert b"\x1b[" not in plain


def test_completion(tmp_path: Path) -> None:
    done = mplfit(
        cwd=tmp_path, _MPLFIT_COMPLETE="bash_complete", COMP_WORDS="mplfit re", COMP_CWORD="1"
    )
    assert set(done.stdout.split()) >= {"plain,read", "plain,report"}
    script = mplfit(cwd=tmp_path, _MPLFIT_COMPLETE="zsh_source")
    assert "compdef" in script.stdout


def test_without_a_home_and_without_a_cache(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(LOG)
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "cache")  # below a file: nobody can make it
    done = mplfit(
        "fit", "a.csv", "--law", "onepower", cwd=tmp_path,
        HOME=None, XDG_CACHE_HOME=None, NUMBA_CACHE_DIR=nowhere, MPLCONFIGDIR=None,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "mplfit-runs" / "a" / "fit.json").exists()
    read_only = mplfit(
        "predict", "--params", "25", SPEC, "--no-save", cwd=tmp_path, NUMBA_CACHE_DIR=nowhere
    )
    assert read_only.returncode == 0, read_only.stderr


def test_a_place_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "below", Path("/proc/mplfit")):
        for args in (
            ["export", SPEC, "--format", "csv", "-o", str(place)],
            ["report", "25", "-o", str(place)],
            ["schedule", SPEC, "-o", str(place)],
        ):
            done = CliRunner().invoke(main, args)
            assert done.exit_code == 1, done.output
            assert done.stderr.count("\n") == 1
            assert "cannot be written" in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small tmpfs cannot be mounted here (no privilege)")
    yield place
    subprocess.run(["umount", str(place)], check=False)


def test_a_full_disk_leaves_the_old_file(small_disk: Path) -> None:
    target = small_disk / "lr.csv"
    target.write_text("old")
    spec = "cosine:steps=24000,peak=1e-3"
    done = CliRunner().invoke(
        main, ["export", spec, "--format", "csv", "-o", str(target), "--force"]
    )
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {target} cannot be written: No space left")
    assert target.read_text() == "old"
    assert [path.name for path in small_disk.iterdir()] == ["lr.csv"]


def whole(number: int) -> bytes:
    body = hashlib.sha256(str(number).encode()).digest() * 4000
    return body + hashlib.sha256(body).digest()


def is_whole(data: bytes) -> bool:
    return len(data) > 32 and hashlib.sha256(data[:-32]).digest() == data[-32:]


def killed(write: Callable[[int], None], wait: float) -> None:
    """Run writes in a child until it is killed without warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of forks beside threads
        child = os.fork()
    if child == 0:
        try:
            for number in range(10**6):
                write(number)
        finally:
            os._exit(1)
    time.sleep(wait)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_kill_leaves_the_old_file_or_the_new_one_200_times(tmp_path: Path) -> None:
    target, rng = tmp_path / "fit.json", random.Random(1)
    write_file(target, whole(-1))
    contents = [whole(number) for number in range(8)]

    def write(number: int) -> None:
        write_file(target, contents[number % 8], force=True)

    seen = set()
    for _ in range(200):
        killed(write, rng.uniform(0.0005, 0.012))
        data = target.read_bytes()
        assert is_whole(data)
        seen.add(data[:8])
    assert len(seen) > 1  # it was killed before and after some writes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("exchange", [True, False], ids=["exchange", "two renames"])
def test_a_kill_leaves_the_old_folder_or_the_new_one_200_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    """In its place, whole; after two renames, once the next read or write has looked."""
    if not exchange:
        monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
    target, rng = tmp_path / "run", random.Random(2)
    write_folder(target, {"a": whole(-1), "b": whole(-1)})
    contents, seen = [whole(number) for number in range(8)], set()

    def write(number: int) -> None:
        data = contents[number % 8]
        write_folder(target, {"a": data, "b": data}, force=True)

    for _ in range(200):
        killed(write, rng.uniform(0.0005, 0.012))
        if not target.exists():
            assert not exchange or not sys.platform.startswith("linux")
            assert swap.restore_parked(target)
        a, b = (target / "a").read_bytes(), (target / "b").read_bytes()
        assert a == b
        assert is_whole(a)
        seen.add(a[:8])
    assert len(seen) > 1
