"""Writing whole or not at all: a temporary file or folder beside the target, then a rename.

A new folder appears at once, with all its files. In a folder that is there, files are replaced one
by one, those that end in .json last: readers look for these, so that after a kill at any time the
old result is read or the new one, and a new .json stands beside new files only.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from mplfit.errors import OutputError

__all__ = ["free_folder", "refuse_existing", "write_file", "write_folder"]

_NEW, _PART = ".mplfit.", ".mplfit.part."  # of a killed write, the second kind is removed later


def refuse_existing(path: Path, force: bool) -> None:
    """Raise `OutputError` where something would be overwritten without leave."""
    if _exists(path) and not force:
        raise _exists_already(path)


def free_folder(path: Path) -> Path:
    """`path`, or the first of path-2, path-3, … that does not exist."""
    candidate, number = path, 1
    while _exists(candidate):
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate


def write_file(path: Path, data: bytes, *, force: bool = False) -> None:
    """Write a file; after a failure or a kill, the old one is still there, whole.

    Raises
    ------
    OutputError
        If it exists and `force` is not set (also where another process has just made it), or
        cannot be written.
    """
    refuse_existing(path, force)
    temporary = None
    try:
        place = Path(os.path.realpath(path))  # a link to a file stays a link
        _make_parents(place)
        _refuse_other_kind(place)
        temporary = _write_temporary(place.parent, _NEW, data)
        if force:
            os.replace(temporary, place)
        else:
            _rename_new(temporary, place)
    except OSError as error:
        raise _refusal(path, error) from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write_folder(path: Path, files: Mapping[str, bytes], *, force: bool = False) -> None:
    """Write a folder with these files (names may hold one slash).

    With `force`, files of these names in a folder that is there are replaced; its other files are
    kept, as they may be the user's own.

    Raises
    ------
    OutputError
        If it exists and `force` is not set (also where another process has just made it), if it is
        not a folder, or cannot be written.
    """
    refuse_existing(path, force)
    if _exists(path) and not path.is_dir():
        raise OutputError(f"{path} is a file, but a folder is to be written: choose another place")
    try:
        if not (force and path.is_dir()):
            try:
                _write_new(path, files)
                return
            except OSError:
                if not (force and path.is_dir()):  # or else another process has just made it
                    raise
        with _locked(path):
            _replace_files(path, files)
    except OSError as error:
        raise _refusal(path, error) from None


def _write_new(place: Path, files: Mapping[str, bytes]) -> None:
    """A folder that appears with all its files; FileExistsError or ENOTEMPTY if one is there."""
    _make_parents(place)
    fresh = Path(tempfile.mkdtemp(prefix=_NEW, dir=place.parent))
    try:
        os.chmod(fresh, 0o777 & ~_umask())
        for name, data in files.items():
            target = fresh / name
            target.parent.mkdir(exist_ok=True)
            with target.open("wb") as file:
                _fill(file.fileno(), data)
        os.rename(fresh, place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _replace_files(place: Path, files: Mapping[str, bytes]) -> None:
    """All that can fail comes first: then there are only renames, the .json files' last."""
    targets = {place / name: files[name] for name in sorted(files, key=_is_json)}
    staged: dict[Path, str] = {}
    made: list[Path] = []
    try:
        for folder in dict.fromkeys(target.parent for target in targets):
            if not folder.is_dir():
                if _exists(folder):
                    raise NotADirectoryError(errno.ENOTDIR, f"{folder} is not a folder")
                folder.mkdir()
                made.append(folder)
            for leftover in folder.glob(f"{_PART}*"):
                leftover.unlink()
        for target, data in targets.items():
            _refuse_other_kind(target)
            staged[target] = _write_temporary(target.parent, _PART, data)
        try:
            _rename_all(staged)
        except (KeyboardInterrupt, SystemExit):
            _rename_all(staged)  # the rest takes no time, and the result is not half new
            raise
    finally:
        for temporary in staged.values():
            Path(temporary).unlink(missing_ok=True)
        for folder in made:
            with suppress(OSError):  # it is in use
                folder.rmdir()


def _rename_all(staged: Mapping[Path, str]) -> None:
    for target, temporary in staged.items():
        if os.path.lexists(temporary):
            os.replace(temporary, target)


def _is_json(name: str) -> bool:
    return name.endswith(".json")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time replaces files of a folder, where the system has such locks."""
    descriptor = None
    with suppress(ImportError, OSError):
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _write_temporary(folder: Path, prefix: str, data: bytes) -> str:
    """A new file with usual rights; nothing is left of it after a failure."""
    handle, name = tempfile.mkstemp(prefix=prefix, dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            _fill(file.fileno(), data)
        os.chmod(name, 0o666 & ~_umask())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return name


def _rename_new(temporary: str, path: Path) -> None:
    """A rename that never replaces a file."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: the name is taken first
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(temporary, path)


def _make_parents(path: Path) -> None:
    for parent in path.parents:
        if os.path.lexists(parent) and not parent.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{parent} is not a folder")
    path.parent.mkdir(parents=True, exist_ok=True)


def _refuse_other_kind(path: Path) -> None:
    """A folder or a device is never replaced by a file."""
    if path.exists() and not path.is_file():
        what = "folder" if path.is_dir() else "device"
        raise IsADirectoryError(errno.EISDIR, f"{path} is a {what}, but a file is to be written")


def _exists(path: Path) -> bool:
    """Also a link that leads nowhere; a path that cannot be looked up fails when written."""
    return os.path.lexists(path)


def _exists_already(path: Path) -> OutputError:
    return OutputError(f"{path} exists already: choose another place, or add force=True")


def _refusal(path: Path, error: OSError) -> OutputError:
    if error.errno in (errno.EEXIST, errno.ENOTEMPTY) and _exists(path):
        return _exists_already(path)
    name = str(path) if len(str(path)) <= 200 else f"{str(path)[:199]}…"
    return OutputError(f"{name} cannot be written: {error.strerror or error}")


def _fill(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
