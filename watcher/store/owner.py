"""Who may write a state in a file: its owner, and nobody else."""

from __future__ import annotations

import os
import shlex
import stat
import sys
import tempfile
from pathlib import Path

from watcher.errors import StateRefusedError
from watcher.store.address import Address


def refuse_other_owner(address: Address, file: Path) -> None:
    """Refuse to write a state as another user than its owner.

    Case: root started a run in the watcher's folder, and left files that the watcher
    could write no more.  A file that another user put there as a link is refused, too.

    Raises:
        StateRefusedError: it names both users, and the command that mends it.

    """
    if sys.platform == "win32":
        return
    me = os.geteuid()
    link = _stat(file, follow=False)
    if link is not None and stat.S_ISLNK(link.st_mode) and link.st_uid not in (me, 0):
        msg = (
            f"The state {address} is a link that {_name(link.st_uid)} made. Nothing was "
            f"touched. Look where it leads, and take it away: rm {_quoted(file)}"
        )
        raise StateRefusedError(msg)
    found = _stat(file)
    if found is None:
        # Only root writes into everybody's folders
        found = _stat(file.parent) if me == 0 else None
        if found is not None and found.st_mode & stat.S_ISVTX:
            found = None
    if found is None or found.st_uid == me or _is_everybody_one(file, found.st_uid):
        return
    owner, mine = _name(found.st_uid), _name(me)
    folder = _quoted(file.parent)
    again = f"sudo -u {owner} watcher …"
    msg = (
        f"The state {address} belongs to {owner}, and this is {mine}: {owner} could not "
        f"write the files that {mine} leaves. Nothing was touched. Run it as {owner}: "
        f"{again}; or, if {mine} shall run it from now on: chown -R {mine} {folder}"
    )
    raise StateRefusedError(msg)


def _stat(path: Path, *, follow: bool = True) -> os.stat_result | None:
    try:
        return path.stat(follow_symlinks=follow)
    except OSError:
        # What cannot be looked at cannot be opened, and that says why
        return None


def _is_everybody_one(file: Path, uid: int) -> bool:
    """Say whether the disk shows every file as one user's (CIFS, vfat)."""
    try:
        with tempfile.TemporaryFile(dir=file.parent) as probe:
            return os.fstat(probe.fileno()).st_uid == uid
    except OSError:
        return False


def _name(uid: int) -> str:
    """Name a user, by number where there is no name (a container)."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path.absolute()))
