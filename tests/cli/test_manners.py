"""How the command behaves on odd machines and under interruption."""

from __future__ import annotations

import hashlib
import itertools
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

import numpy as np
import pytest
from click.testing import CliRunner

from mplfit.cli.lab import LAB_COMMANDS
from mplfit.cli.main import COMMANDS, main
from mplfit.cli.messages import say_notes
from mplfit.cli.output import Output
from mplfit.curve import Curve, Origin
from mplfit.errors import OutputError
from mplfit.schedule import constant
from mplfit.writers import files
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


def test_notes_of_a_thousand_runs_are_gathered_in_little_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = ["".join(letters) for letters in itertools.product("abcdefghij", repeat=3)]
    names = [name + " b" * (k % 10 == 0) for k, name in enumerate(names)]  # some with a blank

    def curve(k: int) -> Curve:
        notes = (
            f"{k + 2} rows before step {k} left out",
            f"its first rows are those of runs/{names[k // 10 * 10 + 1]}.csv ({names[-1]})",
            f"runs/{names[k]} is a cooldown of {names[k]}",
            "steps are taken as 0-based indices",
        )
        origin = Origin("a.csv", "0" * 64, notes, ("a peak of 1 is high",) * (k % 2))
        plan = constant(9000, 1e-3)
        return Curve(names[k], np.array([1, 8000]), np.array([3.0, 2.0]), plan, origin=origin)

    curves = [curve(k) for k in range(1000)]

    def seconds(some: list[Curve]) -> float:
        start = time.process_time()
        say_notes(some)
        return time.process_time() - start

    few = min(seconds(curves[:250]) for _ in range(5))
    many = min(seconds(curves) for _ in range(3))
    assert many < 8 * few  # four times the runs; each note searched for each name: twelve times
    capsys.readouterr()
    say_notes(curves)
    warning, *said = capsys.readouterr().err.splitlines()
    assert warning == "warning: 500 curves: a peak of 1 is high"
    assert said == [
        "note: aaa b: 2 rows before step 0 left out (and 999 more alike)",
        "note: 10 curves: its first rows are those of runs/aab.csv (jjj) (and 990 more alike)",
        "note: aaa b: runs/aaa b is a cooldown of aaa b (and 999 more alike)",
        "note: 1000 curves: steps are taken as 0-based indices",
    ]


@pytest.mark.parametrize(
    "command",
    [*(name for name in COMMANDS if name != "lab"), *(f"lab {name}" for name in LAB_COMMANDS)],
)
def test_every_command_has_quiet_and_examples(command: str) -> None:
    text = CliRunner().invoke(main, [*command.split(), "--help"]).output
    assert "--quiet" in text
    assert "--json" in text or command == "help"  # which has texts alone
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


def test_two_commands_that_found_the_same_name_free_both_keep_their_results(tmp_path: Path) -> None:
    usual = tmp_path / "mplfit-runs" / "predict"
    target = Output(usual, False, usual)

    def made() -> dict[str, bytes]:
        write_folder(usual, {"a": b"theirs"})
        return {"a": b"mine"}

    target.write(made)
    assert target.folder == tmp_path / "mplfit-runs" / "predict-2"
    assert (usual / "a").read_bytes() == b"theirs"
    assert (target.folder / "a").read_bytes() == b"mine"
    named = Output(tmp_path / "named", False)
    write_folder(tmp_path / "named", {"a": b"theirs"})
    with pytest.raises(OutputError, match="named exists already"):
        named.write(lambda: {"a": b"mine"})


@pytest.mark.parametrize(
    ("command", "out", "taken"),
    [
        ("train --schedule constant:steps=2,peak=1e-3", "a.csv", "a.npz"),
        ("sweep --rates 0.01 --widths 64 --schedule constant:steps=2,peak=1e-3", "a.csv", "a.json"),
        ("loop", "a", "a/loop.json"),
    ],
)
def test_a_lab_command_takes_no_name_that_another_has_just_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, out: str, taken: str
) -> None:
    """The other one comes between the first look and the first file."""
    real, theirs = files.refuse_existing, tmp_path / taken

    def looked(path: Path, force: bool) -> None:
        real(path, force)
        theirs.parent.mkdir(exist_ok=True)
        theirs.write_bytes(b"theirs")

    monkeypatch.setattr(files, "refuse_existing", looked)
    done = CliRunner().invoke(main, ["lab", *command.split(), "-o", str(tmp_path / out)])
    assert done.exit_code == 1, done.output
    assert f"{taken} exists already" in done.stderr
    assert theirs.read_bytes() == b"theirs"


def whole(number: int) -> bytes:
    body = number.to_bytes(8, "big", signed=True) * 16000
    return body + hashlib.sha256(body).digest()


def number_of(data: bytes) -> int:
    return int.from_bytes(data[:8], "big", signed=True)


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
def test_a_kill_leaves_a_readable_folder_200_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file is whole; the .json file is there, and none beside it is older than it."""
    target, rng = tmp_path / "run", random.Random(2)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # a kill is no loss of power

    def write(number: int) -> None:
        data = whole(number)
        write_folder(target, {"a.json": data, "b": data, "plots/c": data}, force=True)

    write(0)
    (target / "mine").write_bytes(b"mine")
    last, longest = 0, 0.006
    for _ in range(200):
        first = last + 1
        killed(lambda number: write(first + number), rng.uniform(0.0005, longest))  # noqa: B023
        found = [(target / name).read_bytes() for name in ("a.json", "plots/c", "b")]
        assert all(is_whole(data) for data in found)
        ages = [number_of(data) for data in found]
        assert ages == sorted(ages)
        assert ages[-1] <= ages[0] + 1
        # On a busy machine a write takes longer: a kill must come during some and after others.
        longest = max(0.006, longest * (1.3 if ages[0] < first else 0.8))
        last = ages[0]
    assert last > 20  # and some writes came to their end
    write(last + 1)
    names = sorted(path.name for path in target.rglob("*") if path.is_file())
    assert names == ["a.json", "b", "c", "mine"]
    assert (target / "mine").read_bytes() == b"mine"


def test_help_shows_guides_and_commands_and_names_what_is_near():
    from mplfit.cli.help import TOPICS

    listed = CliRunner().invoke(main, ["help"]).stdout
    for topic, (package, _) in TOPICS.items():
        assert f"  {topic}" in listed
        guide = CliRunner().invoke(main, ["help", topic]).stdout
        room = ROOT / package.replace(".", "/")
        assert guide == (room / "README.md").read_text(encoding="utf-8")
    own = CliRunner().invoke(main, ["help", "predict"]).stdout
    assert own.startswith("Usage: ")
    assert "\n  SPEC is a file" in own
    unknown = CliRunner().invoke(main, ["help", "schedulez"])
    assert (unknown.exit_code, "did you mean schedule or schedules" in unknown.stderr) == (1, True)


@pytest.mark.parametrize(
    ("kind", "head"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_figures_are_of_the_format_that_was_asked_for(kind, head, tmp_path):
    spec, out = "linear:steps=300,peak=1", tmp_path / "out"
    result = CliRunner().invoke(main, ["bound", spec, "--format", kind, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert (out / f"bound.{kind}").read_bytes().startswith(head)
    assert f"written to {out}/: bound.{kind} and the numbers" in result.stdout
    assert [path.suffix for path in out.iterdir() if path.stem == "bound"] == [f".{kind}"]
    again = tmp_path / "again"
    CliRunner().invoke(main, ["bound", spec, "--format", kind, "--out", str(again)])
    assert (again / f"bound.{kind}").read_bytes() == (out / f"bound.{kind}").read_bytes()


def test_every_command_that_writes_figures_takes_the_format_and_no_save(monkeypatch, tmp_path):
    for name in ("fit", "optimize", "sweep", "bound", "predict", "extend", "forecast", "profile"):
        text = CliRunner().invoke(main, [name, "--help"]).stdout
        assert "--format [png|svg|pdf]" in text, name
        assert "--no-save" in text, name
    monkeypatch.chdir(tmp_path)
    asked = ["optimize", "--bound", "--steps", "50", "--knots", "8", "--no-save", "--out", "kept"]
    assert CliRunner().invoke(main, asked).exit_code == 0
    assert not list(tmp_path.iterdir())
