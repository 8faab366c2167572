"""Folders and files for their owner only, whatever the umask and whoever made them.

State, outbox, export, previews, recordings and evidence hold addresses, or show what is
watched.  Nothing is written through a symbolic link that lies where a file is to be:
somebody else may have put it there.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

OWNER_ONLY = 0o600
_FOLDER = 0o700
_OTHERS = 0o077
_NOT_LINKS = getattr(os, "O_NOFOLLOW", 0)
# Windows would write each line end as two without it
_AS_IT_IS = getattr(os, "O_BINARY", 0)


def folder(path: Path) -> None:
    """Make a folder for its owner only; one that others may look into is closed to them.

    One that is not the watcher's alone stays as it is: where a command is started,
    what belongs to somebody else, what everybody writes to (``/tmp``), and what holds
    a folder that others read, such as the site.

    Raises:
        OSError: it cannot be made.

    """
    path.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    if os.name == "posix" and _is_ours_alone(path):
        # On a disk without modes there is nothing to close
        with suppress(OSError):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & _FOLDER)


def without_link(path: Path) -> None:
    """Take away a link that lies where something within a folder of ours is to be: what it
    leads to is not ours.

    Raises:
        OSError: it cannot be taken away.

    """
    if path.is_symlink():
        path.unlink()


def _is_ours_alone(path: Path) -> bool:
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if not mode & _OTHERS or found.st_uid != os.geteuid() or mode & stat.S_ISVTX:
        return False
    whole = path.resolve()
    if whole in (here := Path.cwd().resolve(), *here.parents):
        return False
    if (path / "watcher.toml").exists():
        return False
    return not any(_is_for_others(each) for each in path.iterdir())


def _is_for_others(path: Path) -> bool:
    """Say whether something is a folder that others read."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) and bool(mode & 0o005)


def new_file(path: Path, mode: int = OWNER_ONLY) -> BinaryIO:
    """Open a new file, for its owner only unless ``mode`` says otherwise; what lies there,
    a link too, goes first.

    Raises:
        OSError: it cannot be made.

    """
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOT_LINKS | _AS_IT_IS
    return os.fdopen(os.open(path, flags, mode), "wb")


def appended_file(path: Path) -> FileIO:
    """Open a file to write behind its end, for its owner only; it is made if need be.

    Raises:
        OSError: it cannot be opened, or is a link.

    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NOT_LINKS | _AS_IT_IS
    handle = os.open(path, flags, OWNER_ONLY)
    close_to_others(handle)
    return os.fdopen(handle, "ab", buffering=0)


def close_to_others(file: int | Path) -> None:
    """Take from a file of ours what others may do with it; a device stays as it is."""
    if os.name != "posix":
        return
    found = os.stat(file)  # a handle or a path  # noqa: PTH116
    is_ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
    if is_ours and stat.S_IMODE(found.st_mode) & _OTHERS:
        with suppress(OSError):
            os.chmod(file, found.st_mode & 0o700)  # likewise  # noqa: PTH101
