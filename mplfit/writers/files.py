"""Writing whole or not at all: a temporary file or folder beside the target, then a rename."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mplfit.errors import OutputError
from mplfit.writers.swap import restore_parked, swap

__all__ = ["free_folder", "refuse_existing", "write_file", "write_folder"]


def refuse_existing(path: Path, force: bool) -> None:
    """Raise `OutputError` where something would be overwritten without leave.

    A folder that a killed write left parked beside its place is put back first.
    """
    restore_parked(path)
    if _exists(path) and not force:
        raise OutputError(f"{path} exists already: choose another place, or add --force")


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
        If it exists and `force` is not set, or cannot be written.
    """
    refuse_existing(path, force)
    temporary = None
    try:
        _make_parents(path)
        handle, temporary = tempfile.mkstemp(prefix=".mplfit.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            _fill(file.fileno(), data)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise _refusal(path, error) from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write_folder(path: Path, files: Mapping[str, bytes], *, force: bool = False) -> None:
    """Write a folder with these files (names may hold one slash).

    With `force`, files of these names in a folder that is there are replaced, all at once; its
    other files are kept, as they may be the user's own.

    Raises
    ------
    OutputError
        If it exists and `force` is not set, if it is not a folder, or cannot be written.
    """
    restore_parked(path)
    refuse_existing(path, force)
    if _exists(path) and not path.is_dir():
        raise OutputError(f"{path} is a file, but a folder is to be written: choose another place")
    fresh = old = None
    try:
        place = path.resolve()  # a link to a folder stays a link
        _make_parents(place)
        fresh = Path(tempfile.mkdtemp(prefix=".mplfit.", dir=place.parent))
        os.chmod(fresh, 0o777 & ~_umask())
        for name, data in files.items():
            target = fresh / name
            target.parent.mkdir(exist_ok=True)
            with target.open("wb") as file:
                _fill(file.fileno(), data)
        if place.exists():
            _copy_others(place, fresh)
            old = swap(fresh, place)
        else:
            os.rename(fresh, place)
    except OSError as error:
        raise _refusal(path, error) from None
    finally:
        for leftover in (fresh, old):
            if leftover is not None:
                shutil.rmtree(leftover, ignore_errors=True)


def _make_parents(path: Path) -> None:
    for parent in path.parents:
        if os.path.lexists(parent) and not parent.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{parent} is not a folder")
    path.parent.mkdir(parents=True, exist_ok=True)


def _copy_others(folder: Path, fresh: Path) -> None:
    """Give `fresh` what `folder` has and it has not: by a hard link, or a copy where there is none.

    Until the swap `folder` stays as it is, so that a failure here loses nothing.
    """

    def link(source: str, target: str) -> None:
        if os.path.lexists(target):
            return
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError:
            shutil.copy2(source, target, follow_symlinks=False)

    def stop(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, onerror=stop):
        here = fresh / Path(root).relative_to(folder)
        for name in folders:
            source, target = Path(root, name), here / name
            if source.is_symlink():
                link(str(source), str(target))
            elif not target.exists():
                target.mkdir()
                shutil.copystat(source, target)
        for name in names:
            link(str(Path(root, name)), str(here / name))


def _exists(path: Path) -> bool:
    """Also a link that leads nowhere; a path that cannot be looked up fails when written."""
    return os.path.lexists(path)


def _refusal(path: Path, error: OSError) -> OutputError:
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
