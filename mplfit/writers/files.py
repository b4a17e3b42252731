"""Writing whole or not at all: a temporary file or folder beside the target, then a rename."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mplfit.errors import OutputError

__all__ = ["free_folder", "refuse_existing", "write_file", "write_folder"]


def refuse_existing(path: Path, force: bool) -> None:
    """Raise `OutputError` where something would be overwritten without leave."""
    if path.exists() and not force:
        raise OutputError(f"{path} exists already: choose another place, or add --force")


def free_folder(path: Path) -> Path:
    """`path`, or the first of path-2, path-3, … that does not exist."""
    candidate, number = path, 1
    while candidate.exists():
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
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            _fill(file.fileno(), data)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write_folder(path: Path, files: Mapping[str, bytes], *, force: bool = False) -> None:
    """Write a folder with these files (names may hold one slash), replacing an old one at once.

    Raises
    ------
    OutputError
        If it exists and `force` is not set, or cannot be written.
    """
    refuse_existing(path, force)
    fresh = old = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        os.chmod(fresh, 0o777 & ~_umask())
        for name, data in files.items():
            target = fresh / name
            target.parent.mkdir(exist_ok=True)
            with target.open("wb") as file:
                _fill(file.fileno(), data)
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent)) / path.name
            os.rename(path, old)
        os.rename(fresh, path)
        fresh = None
    except OSError as error:
        if old is not None and old.exists() and not path.exists():
            os.rename(old, path)
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        for leftover in (fresh, old.parent if old is not None else None):
            if leftover is not None:
                shutil.rmtree(leftover, ignore_errors=True)


def _fill(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
