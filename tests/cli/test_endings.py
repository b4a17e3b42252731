"""How every command ends: exit codes, interrupts, and outputs that cannot be written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mplfit.cli.lab import LAB_COMMANDS
from mplfit.cli.main import COMMANDS, main
from mplfit.errors import FitError

ROOT = Path(__file__).parents[2]
SPEC = "linear:steps=100,peak=1e-3"
EVERY = [*(name for name in COMMANDS if name != "lab"), *(f"lab {name}" for name in LAB_COMMANDS)]


def command_of(name: str) -> click.Command:
    found: click.Command = main
    for word in name.split():
        assert isinstance(found, click.Group)
        got = found.get_command(click.Context(found), word)
        assert got is not None
        found = got
    return found


def _within_a_class(ending: BaseException) -> RuntimeError:
    """What Python 3.11 makes of an exception in __set_name__."""
    error = RuntimeError("Error calling __set_name__")
    error.__cause__ = ending
    return error


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        (None, 0, ""),
        (FitError("no law"), 1, "Error: no law\n"),
        (MemoryError(), 1, "Error: there is not enough memory (none is left): give shorter "),
        (OSError(28, "No space left on device", "a/b"), 1, "Error: a/b: No space left on device\n"),
        (click.UsageError("give one"), 2, "Error: give one\n"),
        (SystemExit(3), 3, ""),
        (KeyboardInterrupt(), 130, "\ninterrupted\n"),
        (_within_a_class(KeyboardInterrupt()), 130, "interrupted\n"),
        (_within_a_class(SystemExit(143)), 143, ""),
    ],
    ids=[
        *("done", "refused", "memory", "system", "usage", "not converged", "interrupted"),
        *("interrupted within a class", "terminated within a class"),
    ],
)
def test_exit_codes(
    monkeypatch: pytest.MonkeyPatch, name: str, ending: BaseException | None, code: int, said: str
) -> None:
    command = command_of(name)

    def body(**_: object) -> None:
        if ending is not None:
            raise ending

    monkeypatch.setattr(command, "callback", body)
    for parameter in command.params:
        monkeypatch.setattr(parameter, "required", False)
    result = CliRunner().invoke(main, name.split())
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert CliRunner().invoke(main, [*name.split(), "--no-such-option"]).exit_code == 2


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def body(**_: object) -> None:
        raise OSError("no library called cairo")

    command = command_of("schedule")
    monkeypatch.setattr(command, "callback", body)
    result = CliRunner().invoke(main, ["schedule", SPEC])
    assert isinstance(result.exception, OSError)


def start(*words: str, cwd: Path, **streams: object) -> subprocess.Popen[bytes]:
    env = {key: value for key, value in os.environ.items() if key != "MPLFIT_WORKERS"}
    env["PYTHONPATH"] = str(ROOT)
    settings: dict[str, object] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, "-m", "mplfit", *words],
        cwd=cwd, start_new_session=True, **{"env": env, **settings, **streams},
    )  # type: ignore[call-overload, no-any-return]  # fmt: skip


def running(group: int) -> int:
    """How many processes of a group run; one that waits to be reaped does not."""
    table = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in table.stdout.splitlines()]
    return sum(row[0] == str(group) and not row[1].startswith("Z") for row in rows)


def comes(seconds: float, what: Callable[[], bool]) -> bool:
    """Whether something comes true within some seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def imports(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has begun to import what takes long."""
    maps = Path(f"/proc/{process.pid}/maps")
    if not maps.exists():
        time.sleep(0.5)
        return True
    return "numpy" in maps.read_text()


def pace() -> float:
    """How much longer than on a free machine things take now: 1 there, or more."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import decimal, json"], check=True)
    return max(1.0, (time.monotonic() - began) / 0.1)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups on this system")
@pytest.mark.parametrize(
    ("number", "whole_group", "code", "last"),
    [
        (signal.SIGINT, True, 130, "\ninterrupted\n"),
        (signal.SIGINT, False, 130, "\ninterrupted\n"),
        (signal.SIGTERM, False, 143, ""),
    ],
    ids=["terminal", "kill", "terminate"],
)
@pytest.mark.parametrize(
    ("words", "workers"),
    [
        ("fit DATA --law mpl --bootstrap 500 --workers 2 -o run", 1),
        ("compare DATA -o run", 0),
        ("lab sweep --schedule constant:steps=9k,peak=1 --widths 16 --rates 1e-3,1e-2 --workers 2"
         " --batch 1 --task icl-regression -o run", 2),
    ],
    ids=["fit", "imports", "lab sweep"],
)  # fmt: skip
def test_an_interrupt_ends_all_processes(
    tmp_path: Path, words: str, workers: int, number: int, whole_group: bool, code: int, last: str
) -> None:
    if "lab" in words:
        words = words.replace("-o run", "-o run.csv")
    words = words.replace("DATA", str(ROOT / "data" / "simulated_25"))
    with start(*words.split(), cwd=tmp_path) as process:
        # It is interrupted while it imports, or once its workers run: seconds would say neither.
        assert comes(60, lambda: imports(process))
        assert comes(60, lambda: running(process.pid) > workers)
        time.sleep(0.2 * workers)
        assert process.poll() is None, "it ended before it was interrupted"
        slower = pace()
        begin = time.monotonic()
        (os.killpg if whole_group else os.kill)(process.pid, number)
        _, said = process.communicate(timeout=60)
        took = time.monotonic() - begin
    assert process.returncode == code, said
    assert comes(slower, lambda: not running(process.pid))
    assert took < 5 * slower  # a second, on a machine that is not busy
    assert said.decode().endswith(last)
    for bad in (b"Traceback", b"ignored", b"leaked"):
        assert bad not in said
    assert not (tmp_path / "run").exists()
    assert not list(tmp_path.glob(".mplfit*"))


def test_watching_ends_with_130_and_keeps_the_last_forecast(tmp_path: Path) -> None:
    source = (ROOT / "data" / "simulated_25" / "cosine_24000.csv").read_text().splitlines()
    (tmp_path / "log.csv").write_text("\n".join(source[: len(source) * 3 // 4]) + "\n")
    spec = "cosine:steps=24000,peak=3e-4,final=3e-5,warmup=2160"
    words = f"forecast log.csv --law mpl --watch --poll 60 -o out --schedule {spec}"
    with start(*words.split(), cwd=tmp_path) as process:
        end = time.monotonic() + 60
        while not (tmp_path / "out" / "forecast.json").exists() and time.monotonic() < end:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.1)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert b"watching ended" in said
    assert (tmp_path / "out" / "forecast.json").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("words", [["export", SPEC, "--format", "csv"], ["--help"]])
def test_standard_output_that_cannot_be_written(tmp_path: Path, words: list[str]) -> None:
    with open("/dev/full", "wb") as full, start(*words, cwd=tmp_path, stdout=full) as process:
        said = process.communicate(timeout=60)[1].decode()
    assert said == "Error: standard output cannot be written: No space left on device\n"
    assert process.returncode == 1
    reader, writer = os.pipe()
    os.close(reader)  # before the command starts, which may be quick
    with open(writer, "wb") as pipe, start(*words, cwd=tmp_path, stdout=pipe) as process:
        said = process.communicate(timeout=60)[1].decode()
    assert said == "Error: standard output cannot be written: Broken pipe\n"
    assert process.returncode == 1


def test_standard_error_that_cannot_be_written_loses_messages_only(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    for words, code in ((["nonsense"], 2), (["export", SPEC, "--format", "csv", "-o", "a"], 0)):
        with open("/dev/full", "wb") as full, start(*words, cwd=tmp_path, stderr=full) as process:
            process.communicate(timeout=60)
        assert process.returncode == code


def test_too_little_memory_is_said(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="no limits on this system")
    limit = 1_500_000_000
    words = ["schedule", "constant:steps=100m,peak=1e-3"]
    with start(
        *words, cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    ) as process:  # fmt: skip
        said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert said.startswith("Error: there is not enough memory (Unable to allocate ")
    assert said.count("\n") == 1


def test_nothing_from_a_command_line_reaches_the_terminal_raw(tmp_path: Path) -> None:
    evil = "a\x1b[31m\x9b2J\r\u202eb"
    for words in (
        [evil],
        ["read", evil],
        ["predict", "--params", evil, SPEC],
        ["schedule", f"{evil}={SPEC}", "-o", str(tmp_path / "\x1b[2Jout")],
        ["schedule", SPEC, f"--{evil}"],
        ["fit", "x", "--law", f"{evil}\nError: more"],
    ):
        result = CliRunner().invoke(main, words)
        assert not {*"\x1b\x9b\r\u202e"} & {*result.output}, result.output
        assert "x1b[" in result.output
        assert "\nError: more" not in result.output


def test_an_output_that_knows_no_utf_8(tmp_path: Path) -> None:
    spec = "linear:steps=100,peak=1e-3"
    with start(
        "schedule", f"ü={spec}", cwd=tmp_path, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
    ) as process:  # fmt: skip
        out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert b"\\xfc" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["optimise"], "No such command 'optimise'. Did you mean optimize?\n"),
        (["lab", "trian"], "No such command 'trian'. Did you mean train?\n"),
        (["xyzzy"], "No such command 'xyzzy'.\n"),
    ],
)
def test_a_mistyped_command_suggests_the_near_one(words: list[str], said: str) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert result.stderr.endswith(said)


def test_help_has_groups() -> None:
    text = CliRunner().invoke(main, ["--help"]).output
    titles = ["Read:", "Fit:", "Decide:", "Hand over:", "Theory:", "Lab:"]
    assert [line for line in text.splitlines() if line in titles] == titles
    assert text.index("Decide:") < text.index("\n  optimize ") < text.index("Hand over:")
    text = CliRunner().invoke(main, ["fit", "--help"]).output
    options, fitting, reading, output, end = (
        text.index(f"\n{title}:\n")
        for title in ("Options", "Fitting", "Reading logs", "Output", "Examples")
    )
    assert options < text.index("\n  --seed ") < fitting < text.index("\n  --law ") < reading
    assert reading < text.index("\n  --warmup ") < output < text.index("\n  -o, --out ") < end


@pytest.mark.parametrize(
    ("name", "rest"),
    [("profile", ["--param", "nothing"]), ("design", ["--target", SPEC, "--candidates", SPEC])],
)
def test_a_fit_is_given_with_params_or_first(tmp_path: Path, name: str, rest: list[str]) -> None:
    def said(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, [name, *words, *rest])
        return result.exit_code, result.stderr

    fit = str(ROOT / "data" / "fits" / "absent.json")
    assert said(fit) == said("--params", fit)
    assert said(fit)[0] == 1
    assert f"{fit} is not a fit" in said(fit)[1]
    for words in ([], [fit, "--params", fit]):
        code, text = said(*words)
        assert code == 2
        assert "give one fit: --params FIT (or FIT as the first argument)" in text
