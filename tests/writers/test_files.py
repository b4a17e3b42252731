"""Whole or not at all: a failure at any point leaves what was there, and nothing else."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mplfit.errors import OutputError
from mplfit.writers import files
from mplfit.writers import swap as swapping
from mplfit.writers.files import free_folder, refuse_existing, write_file, write_folder
from mplfit.writers.swap import restore_parked

OLD = {"fit.json": b"old", "plots/a.png": b"old a"}
NEW = {"fit.json": b"new", "plots/b.png": b"new b", "more.csv": b""}


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too; an empty folder as NAME/."""
    found = {}
    for root, folders, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            found[str(path.relative_to(folder))] = path.read_bytes()
        if not folders and not names and Path(root) != folder:
            found[f"{Path(root).relative_to(folder)}/"] = b""
    return found


def under(name: str, contents: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{name}/{key}": data for key, data in contents.items()}


def fail(patch: pytest.MonkeyPatch, name: str, at: int, error: BaseException) -> list[int]:
    """Let the `at`-th call of os.NAME raise; the calls so far are counted in the list."""
    real, calls = getattr(os, name), [0]

    def broken(*args: object, **kwargs: object) -> object:
        calls[0] += 1
        if calls[0] == at:
            raise error
        return real(*args, **kwargs)

    patch.setattr(files.os, name, broken)
    return calls


FULL = OSError(errno.ENOSPC, "No space left on device")
STEPS = [("write", 1), ("write", 2), ("fsync", 1), ("fsync", 2), ("chmod", 1)]
FOLDER_STEPS = [*STEPS, ("rename", 1)]


@pytest.fixture
def no_exchange(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As on a system that cannot exchange two folders in one step."""
    monkeypatch.setattr(swapping, "_exchange", lambda one, other: False)
    return monkeypatch


def test_a_file_is_written_with_its_parents_and_usual_rights(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "a.csv"
    old = os.umask(0o027)
    try:
        write_file(path, b"x" * 100_000)
    finally:
        os.umask(old)
    assert tree(tmp_path) == {"new/deep/a.csv": b"x" * 100_000}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_file_is_replaced_only_with_force(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    with pytest.raises(
        OutputError, match=r"a.csv exists already: choose another place, or add --f"
    ):
        write_file(path, b"new")
    assert tree(tmp_path) == {"a.csv": b"old"}
    write_file(path, b"new", force=True)
    assert tree(tmp_path) == {"a.csv": b"new"}


@pytest.mark.parametrize(("step", "at"), [*STEPS[::2], ("replace", 1)])
@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, at: int, error: BaseException
) -> None:
    (tmp_path / "a.csv").write_bytes(b"old")
    fail(monkeypatch, step, at, error)
    said = "a.csv cannot be written: No space left" if error is FULL else None
    with pytest.raises((OutputError, KeyboardInterrupt), match=said):
        write_file(tmp_path / "a.csv", b"new", force=True)
    assert tree(tmp_path) == {"a.csv": b"old"}


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(files.os, "write", lambda fd, data: real(fd, data[:3]))
    write_file(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x").write_bytes(b"x")
    before = tree(tmp_path)
    for path, said in (
        (tmp_path / "file" / "inside", "file is not a folder"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        for force in (False, True):
            with pytest.raises(OutputError, match=said):
                write_file(path, b"", force=force)
            with pytest.raises(OutputError, match=said):
                write_folder(path, NEW, force=force)
    with pytest.raises(OutputError, match="Is a directory"):
        write_file(tmp_path / "folder", b"", force=True)
    with pytest.raises(OutputError, match="is a file, but a folder is to be written"):
        write_folder(tmp_path / "file", NEW, force=True)
    assert tree(tmp_path) == before


def test_a_name_as_long_as_the_system_allows(tmp_path: Path) -> None:
    write_file(tmp_path / ("x" * 255), b"1")
    write_folder(tmp_path / ("y" * 255), NEW)
    assert tree(tmp_path) == {"x" * 255: b"1"} | under("y" * 255, NEW)


def test_a_folder_is_written(tmp_path: Path) -> None:
    write_folder(tmp_path / "a" / "run", NEW)
    assert tree(tmp_path) == under("a/run", NEW)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a" / "run").stat().st_mode) == 0o777 & ~mask


def test_a_folder_is_replaced_only_with_force(tmp_path: Path) -> None:
    write_folder(tmp_path / "run", OLD)
    with pytest.raises(OutputError, match="run exists already: choose another place, or add --for"):
        write_folder(tmp_path / "run", NEW)
    assert tree(tmp_path) == under("run", OLD)
    write_folder(tmp_path / "run", NEW, force=True)
    assert tree(tmp_path) == under("run", {**OLD, **NEW})


def test_force_keeps_the_files_that_are_not_written(tmp_path: Path) -> None:
    """`mplfit fit runs/ --out runs --force` must not delete the logs."""
    run = tmp_path / "run"
    others = {
        "log.csv": b"1",
        "plots/mine.png": b"2",
        "deep/er/x": b"3",
        "empty/": b"",
        ".git/c": b"4",
    }
    write_folder(run, OLD)
    for name, data in others.items():
        target = run / name
        (target if name.endswith("/") else target.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            target.write_bytes(data)
    (run / "link").symlink_to("log.csv")
    (run / "folder-link").symlink_to("deep")
    (run / "dangling").symlink_to("nowhere")
    (run / "log.csv").chmod(0o600)
    write_folder(run, NEW, force=True)
    for name in ("link", "folder-link", "dangling"):
        assert (run / name).is_symlink()
        (run / name).unlink()
    assert tree(tmp_path) == under("run", {**OLD, **others, **NEW})
    assert stat.S_IMODE((run / "log.csv").stat().st_mode) == 0o600


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    write_folder(tmp_path / "real", OLD)
    (tmp_path / "link").symlink_to("real")
    write_folder(tmp_path / "link", NEW, force=True)
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "link").unlink()
    assert tree(tmp_path) == under("real", {**OLD, **NEW})


@pytest.mark.parametrize(("step", "at"), [*FOLDER_STEPS, ("rename", 2), ("link", 1)])
@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()])
def test_a_failure_leaves_the_old_folder(
    tmp_path: Path, no_exchange: pytest.MonkeyPatch, step: str, at: int, error: BaseException
) -> None:
    write_folder(tmp_path / "run", OLD)
    monkeypatch = no_exchange
    calls = fail(monkeypatch, step, at, error)
    said = "run cannot be written: No space left" if error is FULL else None
    if step == "link" and error is FULL:  # then it is copied
        write_folder(tmp_path / "run", NEW, force=True)
        assert tree(tmp_path) == under("run", {**OLD, **NEW})
        return
    with pytest.raises((OutputError, KeyboardInterrupt), match=said):
        write_folder(tmp_path / "run", NEW, force=True)
    assert calls[0] >= at
    assert tree(tmp_path) == under("run", OLD)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux exchanges folders")
def test_linux_exchanges_the_folders_in_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "run", OLD)
    calls = fail(monkeypatch, "rename", 1, KeyboardInterrupt())
    write_folder(tmp_path / "run", NEW, force=True)
    assert calls == [0]
    assert tree(tmp_path) == under("run", {**OLD, **NEW})


@pytest.mark.parametrize(
    ("code", "said"), [(errno.EINVAL, None), (errno.ENOSYS, None), (errno.EBUSY, "busy")]
)
def test_an_exchange_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, said: str | None
) -> None:
    def call(*_: object) -> int:
        ctypes.set_errno(code)
        return -1

    monkeypatch.setattr(swapping.ctypes, "CDLL", lambda *_, **__: SimpleNamespace(renameat2=call))
    write_folder(tmp_path / "run", OLD)
    if said is None:  # not to be had here: two renames
        write_folder(tmp_path / "run", NEW, force=True)
        assert tree(tmp_path) == under("run", {**OLD, **NEW})
    else:
        with pytest.raises(OutputError, match=f"(?i)run cannot be written: .*{said}"):
            write_folder(tmp_path / "run", NEW, force=True)
        assert tree(tmp_path) == under("run", OLD)


def test_a_folder_left_parked_by_a_kill_is_put_back(tmp_path: Path) -> None:
    for number, name in ((1, "older"), (2, "newer")):
        write_folder(tmp_path / f".mplfit.old.{number}" / "run", {"x": name.encode()})
        os.utime(tmp_path / f".mplfit.old.{number}", ns=(number, number))
    with pytest.raises(OutputError, match="run exists already"):
        write_folder(tmp_path / "run", NEW)
    assert (tmp_path / "run" / "x").read_bytes() == b"newer"
    assert not (tmp_path / ".mplfit.old.2").exists()
    assert not restore_parked(tmp_path / "run")
    assert not restore_parked(tmp_path / "nothing")


@pytest.mark.parametrize(("step", "at"), FOLDER_STEPS)
def test_a_failure_leaves_no_new_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, at: int
) -> None:
    fail(monkeypatch, step, at, FULL)
    with pytest.raises(OutputError):
        write_folder(tmp_path / "run", NEW)
    assert tree(tmp_path) == {}


def test_if_even_the_old_folder_cannot_be_put_back_it_is_named(
    tmp_path: Path, no_exchange: pytest.MonkeyPatch
) -> None:
    monkeypatch = no_exchange
    write_folder(tmp_path / "run", OLD)
    real, calls = os.rename, []

    def once(*args: Path) -> None:
        calls.append(args)
        if len(calls) > 1:
            raise FULL
        real(*args)

    monkeypatch.setattr(files.os, "rename", once)
    with pytest.raises(
        OutputError, match=r"nor can its old contents be put back .*: they are in"
    ) as e:
        write_folder(tmp_path / "run", NEW, force=True)
    kept = Path(str(e.value).rpartition("they are in ")[2])
    assert tree(kept) == OLD


def test_a_folder_that_cannot_be_linked_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    write_folder(tmp_path / "run", OLD)
    monkeypatch.setattr(files.os, "link", refused)
    write_folder(tmp_path / "run", NEW, force=True)
    assert tree(tmp_path) == under("run", {**OLD, **NEW})


def test_what_is_in_the_way_of_a_name(tmp_path: Path) -> None:
    """A folder where a file is to be, or a file where a folder is: refused or replaced, no mix."""
    write_folder(tmp_path / "run", {"fit.json/x": b"mine"})
    with pytest.raises(OutputError):
        write_folder(tmp_path / "run", NEW, force=True)
    assert tree(tmp_path) == {"run/fit.json/x": b"mine"}


def test_refusing_and_finding_a_free_place(tmp_path: Path) -> None:
    run = tmp_path / "run"
    refuse_existing(run, force=False)
    assert free_folder(run) == run
    run.mkdir()
    refuse_existing(run, force=True)
    with pytest.raises(OutputError, match="add --force"):
        refuse_existing(run, force=False)
    assert free_folder(run) == tmp_path / "run-2"
    (tmp_path / "run-2").symlink_to("nowhere")
    assert free_folder(run) == tmp_path / "run-3"
    with pytest.raises(OutputError, match="exists already"):
        refuse_existing(tmp_path / "run-2", force=False)
