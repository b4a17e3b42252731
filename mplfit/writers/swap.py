"""Putting a new folder in the place of an old one, so that one of the two is always there.

Linux exchanges two names in one step (renameat2 with RENAME_EXCHANGE); a kill at any time leaves
the old folder or the new one in its place. Where that is not to be had (other systems, some network
file systems) there are two renames; a process that is killed between them leaves the old folder
whole in `.mplfit.old.*` beside its place, from where the next write or read puts it back.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
import tempfile
from pathlib import Path

from mplfit.errors import OutputError

__all__ = ["restore_parked", "swap"]

_PARKED = ".mplfit.old."
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_NOT_HERE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)


def swap(fresh: Path, place: Path) -> Path:
    """Put the folder `fresh` at `place`; where the old folder is afterwards, for its removal.

    Raises
    ------
    OSError
        If it cannot be done; then the old folder is in its place.
    OutputError
        If even the old folder cannot be put back: it says where that is.
    """
    if _exchange(fresh, place):
        return fresh
    old = Path(tempfile.mkdtemp(prefix=_PARKED, dir=place.parent)) / place.name
    try:
        os.rename(place, old)
        os.rename(fresh, place)
    finally:  # also after an interrupt: the old folder must not be lost
        if old.exists() and not place.exists():
            try:
                os.rename(old, place)
            except OSError as error:
                raise OutputError(
                    f"{place} cannot be written, nor can its old contents be put back "
                    f"({error.strerror}): they are in {old}"
                ) from None
        if not old.exists():
            with contextlib.suppress(OSError):
                old.parent.rmdir()
    return old.parent


def restore_parked(path: Path) -> bool:
    """Put a folder back that a killed process left parked; whether there was one to put back."""
    if os.path.lexists(path) or not path.name:
        return False
    try:
        parked = [
            folder / path.name
            for folder in path.parent.glob(f"{_PARKED}*")
            if (folder / path.name).is_dir()
        ]
        if not parked:
            return False
        newest = max(parked, key=lambda folder: folder.parent.stat().st_mtime_ns)
        os.rename(newest, path)
        with contextlib.suppress(OSError):
            newest.parent.rmdir()
    except (OSError, ValueError):
        return False
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system or the file system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # an old C library
        return False
    names = os.fsencode(one), os.fsencode(other)
    if call(_AT_FDCWD, names[0], _AT_FDCWD, names[1], ctypes.c_uint(_RENAME_EXCHANGE)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NOT_HERE:
        return False
    raise OSError(code, os.strerror(code))
