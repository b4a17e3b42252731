"""Whole or not at all: a failure at any point leaves what was there, and nothing else."""

from __future__ import annotations

import errno
import os
import stat
import warnings
from pathlib import Path

import pytest

from mplfit.errors import OutputError
from mplfit.writers import files
from mplfit.writers.files import _refusal, free_folder, refuse_existing, write_file, write_folder

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
        OutputError, match=r"a.csv exists already: choose another place, or add force="
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
    with pytest.raises(OutputError, match="is a folder, but a file is to be written"):
        write_file(tmp_path / "folder", b"", force=True)
    with pytest.raises(OutputError, match="is a file, but a folder is to be written"):
        write_folder(tmp_path / "file", NEW, force=True)
    assert tree(tmp_path) == before


def test_a_message_has_a_name_of_200_characters_at_most() -> None:
    for length, end in ((200, "x"), (201, "…")):
        said = str(_refusal(Path("x" * length), OSError(5, "Input/output error")))
        assert said == "x" * 199 + f"{end} cannot be written: Input/output error"


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
    with pytest.raises(OutputError, match="run exists already: choose another place, or add for"):
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


def test_links_stay_links_and_devices_devices(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_bytes(b"old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    write_file(tmp_path / "link.csv", b"new", force=True)
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_bytes() == b"new"
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OutputError, match="fifo is a device, but a file is to be written"):
        write_file(tmp_path / "fifo", b"new", force=True)
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    write_folder(tmp_path / "real", OLD)
    (tmp_path / "link").symlink_to("real")
    write_folder(tmp_path / "link", NEW, force=True)
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "link").unlink()
    assert tree(tmp_path) == under("real", {**OLD, **NEW})


@pytest.mark.parametrize(("step", "at"), STEPS)
@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()])
def test_a_failure_leaves_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, at: int, error: BaseException
) -> None:
    write_folder(tmp_path / "run", OLD)
    calls = fail(monkeypatch, step, at, error)
    said = "run cannot be written: No space left" if error is FULL else None
    with pytest.raises((OutputError, KeyboardInterrupt), match=said):
        write_folder(tmp_path / "run", NEW, force=True)
    assert calls[0] >= at
    assert tree(tmp_path) == under("run", OLD)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_interrupt_amid_the_renames_waits_for_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    write_folder(tmp_path / "run", OLD)
    fail(monkeypatch, "replace", at, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "run", NEW, force=True)
    assert tree(tmp_path) == under("run", {**OLD, **NEW})


def test_the_json_file_is_replaced_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new fit.json stands beside new files only, and the old one is read until then."""
    write_folder(tmp_path / "run", OLD)
    real, order = os.replace, []

    def noted(source: str, target: Path) -> None:
        assert (tmp_path / "run" / "fit.json").read_bytes() == b"old"
        order.append(target.name)
        real(source, target)

    monkeypatch.setattr(files.os, "replace", noted)
    write_folder(tmp_path / "run", NEW, force=True)
    assert sorted(order) == sorted(Path(name).name for name in NEW)
    assert order[-1] == "fit.json"


def test_what_a_killed_write_left_is_removed_by_the_next(tmp_path: Path) -> None:
    write_folder(tmp_path / "run", OLD)
    (tmp_path / "run" / "plots" / ".mplfit.part.abc").write_bytes(b"half")
    write_folder(tmp_path / "run", NEW, force=True)
    assert tree(tmp_path) == under("run", {**OLD, **NEW})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("what", ["file", "folder"])
@pytest.mark.parametrize("force", [False, True])
def test_of_two_that_write_at_once_one_wins(tmp_path: Path, what: str, force: bool) -> None:
    """Without force the others are refused, with it the last one is there, whole."""
    place, count = tmp_path / "deep" / "run", 6
    gate, release = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of forks beside threads
        children = []
        for number in range(count):
            if (child := os.fork()) == 0:
                code = 2
                try:
                    os.close(release)
                    os.read(gate, 1)  # returns when all are there
                    data = str(number).encode() * 1000
                    if what == "file":
                        write_file(place, data, force=force)
                    else:
                        write_folder(place, {"a.json": data, "b/c": data}, force=force)
                    code = 0
                except OutputError as error:
                    code = 1 if "exists already" in str(error) else 2
                finally:
                    os._exit(code)
            children.append(child)
    os.close(gate)
    os.close(release)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    won = [number for number, code in enumerate(codes) if code == 0]
    assert sorted(codes) == ([0] * count if force else [0] + [1] * (count - 1))
    found = tree(tmp_path / "deep")
    assert len(found) == (1 if what == "file" else 2)
    assert len(set(found.values())) == 1
    assert set(found.values()) <= {str(number).encode() * 1000 for number in won}


def test_a_folder_made_in_the_meantime_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commands looked, found nothing, and both write: the second one gets a sentence."""
    real = os.rename

    def late(source: Path, target: Path) -> None:
        monkeypatch.setattr(files.os, "rename", real)
        write_folder(target, OLD)
        real(source, target)

    monkeypatch.setattr(files.os, "rename", late)
    with pytest.raises(OutputError, match="run exists already: choose another place, or add for"):
        write_folder(tmp_path / "run", NEW)
    assert tree(tmp_path) == under("run", OLD)
    monkeypatch.setattr(files.os, "rename", late)
    write_folder(tmp_path / "other", NEW, force=True)
    assert tree(tmp_path / "other") == {**OLD, **NEW}


def test_a_folder_made_right_after_the_first_look_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = files.refuse_existing

    def late(path: Path, force: bool) -> None:
        monkeypatch.setattr(files, "refuse_existing", looked)
        looked(path, force)
        write_folder(path, OLD)

    monkeypatch.setattr(files, "refuse_existing", late)
    with pytest.raises(OutputError, match="run exists already: choose another place, or add for"):
        write_folder(tmp_path / "run", NEW)
    assert tree(tmp_path) == under("run", OLD)


@pytest.mark.parametrize("links", [True, False])
def test_a_file_made_in_the_meantime_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    path, real = tmp_path / "a.csv", os.link

    def late(source: str, target: Path) -> None:
        if not path.exists():
            path.write_bytes(b"theirs")
        if not links:
            raise OSError(errno.EPERM, "no links here")
        real(source, target)

    monkeypatch.setattr(files.os, "link", late)
    with pytest.raises(OutputError, match=r"a.csv exists already: choose another place, or add"):
        write_file(path, b"mine")
    assert tree(tmp_path) == {"a.csv": b"theirs"}
    path.unlink()
    monkeypatch.setattr(files.os, "link", real)
    if not links:
        fail(monkeypatch, "link", 1, OSError(errno.EPERM, "no links here"))
    write_file(path, b"mine")
    assert tree(tmp_path) == {"a.csv": b"mine"}


@pytest.mark.parametrize(("step", "at"), FOLDER_STEPS)
def test_a_failure_leaves_no_new_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, at: int
) -> None:
    fail(monkeypatch, step, at, FULL)
    with pytest.raises(OutputError):
        write_folder(tmp_path / "run", NEW)
    assert tree(tmp_path) == {}


def test_what_is_in_the_way_of_a_name(tmp_path: Path) -> None:
    """A folder where a file is to be, or a file where a folder is: refused or replaced, no mix."""
    write_folder(tmp_path / "run", {"fit.json/x": b"mine"})
    with pytest.raises(OutputError):
        write_folder(tmp_path / "run", NEW, force=True)
    assert tree(tmp_path) == {"run/fit.json/x": b"mine"}
    write_folder(tmp_path / "other", {"plots": b"mine", "fit.json": b"old"})
    with pytest.raises(OutputError, match=r"other cannot be written: .*/plots is not a folder"):
        write_folder(tmp_path / "other", NEW, force=True)
    assert tree(tmp_path / "other") == {"plots": b"mine", "fit.json": b"old"}


def test_refusing_and_finding_a_free_place(tmp_path: Path) -> None:
    run = tmp_path / "run"
    refuse_existing(run, force=False)
    assert free_folder(run) == run
    run.mkdir()
    refuse_existing(run, force=True)
    with pytest.raises(OutputError, match="add force=True"):
        refuse_existing(run, force=False)
    assert free_folder(run) == tmp_path / "run-2"
    (tmp_path / "run-2").symlink_to("nowhere")
    assert free_folder(run) == tmp_path / "run-3"
    with pytest.raises(OutputError, match="exists already"):
        refuse_existing(tmp_path / "run-2", force=False)
