"""The site's folder: written aside and swapped in whole, with nothing touched that is the same.

Beside ``public`` lies ``.public.next``, the same tree by hard links, one step behind
while it is written to.  What changed is put into it, then the two folders exchange
their names in one step, and the one that is now behind is brought level.  So readers
see the old site or the new one, a crash leaves one of them whole, and the cost follows
what changed.

Where folders cannot change places (a mount, a folder of others inside such as
``.git``, a file that Windows holds open) files are replaced one by one, each whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from watcher import private
from watcher.errors import WatcherError

OURS = ("archive", "products", "updates", "years")
WHOLE: Mapping[str, Collection[str]] = dict.fromkeys(OURS, ())
"""For ``publish``: the files that it is given are all there are."""

STATUS = "status.json"
# In the folder beside: it holds what the site holds
_LEVEL = ".level"
# RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_SWAP = 2
# AT_FDCWD of Linux
_HERE = -100


class PublishError(WatcherError):
    """The site cannot be written; what is published stays."""


def publish(
    site: Path,
    files: Iterable[tuple[str, bytes]],
    status: bytes,
    complete: Mapping[str, Collection[str]] | None = None,
    *,
    once: bool = False,
) -> tuple[str, ...]:
    """Publish ``files``, names from the site's root and their bytes, and the status.

    Give the names that changed.

    ``complete``: folders of ours, each with the names that stay in it beside ``files``;
    what else lies there goes.  ``once``: nothing is kept for a next time.

    Raises:
        PublishError: the folder cannot be written; what is published stays as it was.

    """
    site = site.resolve()
    draft = _Draft(site)
    try:
        _recover(site)
        names: set[str] = set()
        for name, body in files:
            names.add(name)
            if not _holds(site / name, body):
                draft.write(name, body)
        for folder, others in (complete or {}).items():
            for name in _strangers(site / folder, names.union(others)):
                draft.remove(name)
        draft.finish(status, once=once)
    except OSError as error:
        cause = f"{error.strerror or error}: {error.filename or site}"
        raise PublishError(
            f"The site {site} cannot be written ({cause}). What is published "
            "stays; make room or set its rights."
        ) from error
    return tuple(draft.changed)


def is_there(site: Path) -> bool:
    """Say whether something is published in ``site``."""
    return (site / "index.html").is_file()


class _Draft:
    """The next site, aside until it is whole."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.aside = site.with_name(f".{site.name}.next")
        self.changed: list[str] = []
        self.gone: list[str] = []
        self._begun = False

    def write(self, name: str, body: bytes) -> None:
        self._begin()
        _put(self.aside / name, body)
        self.changed.append(name)

    def remove(self, name: str) -> None:
        self._begin()
        (self.aside / name).unlink(missing_ok=True)
        self.changed.append(name)
        self.gone.append(name)

    def finish(self, status: bytes, *, once: bool) -> None:
        """Let the draft be the site; where nothing but the status is new, only that file is.

        The two folders change their names in one step where the system can; else files
        are replaced one by one, each whole.  ``once`` leaves nothing beside the site.
        """
        if not self._begun:
            _put(self.site / STATUS, status)
            return
        _put(self.aside / STATUS, status)
        if not self.site.exists():
            self.aside.rename(self.site)
        # A web server that has the folder mounted goes on reading the old one
        elif not (_movable(self.site) and _exchange(self.site, self.aside)):
            self._one_by_one()
        if once:
            shutil.rmtree(self.aside, ignore_errors=True)
        else:
            self._level()

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        private.without_link(self.aside)
        for place in (self.site, self.aside):
            for folder in OURS:
                private.without_link(place / folder)
        level = self.aside / _LEVEL
        if level.is_file() and self.site.is_dir():
            level.unlink()
            _mirror_files(self.site, self.aside)
        else:
            _clone(self.site, self.aside)

    def _one_by_one(self) -> None:
        """Replace what changed in the site itself, the front page and the status last."""
        kept = set(self.changed).difference(self.gone)
        front_page = kept & {"index.html"}
        for name in (*sorted(kept - front_page), *front_page, STATUS):
            _put(self.site / name, (self.aside / name).read_bytes())
        for name in self.gone:
            (self.site / name).unlink(missing_ok=True)

    def _level(self) -> None:
        """Bring the folder that is behind to what the site holds."""
        if not self.aside.is_dir():
            _clone(self.site, self.aside)
        for name in self.changed:
            if name in self.gone:
                (self.aside / name).unlink(missing_ok=True)
            else:
                _link(self.site / name, self.aside / name)
        _put(self.aside / _LEVEL, b"")


def _holds(path: Path, body: bytes) -> bool:
    try:
        return path.stat().st_size == len(body) and path.read_bytes() == body
    except OSError:
        return False


def _put(path: Path, body: bytes) -> None:
    """Write a file whole.

    A new one takes the name, so that whoever reads the old one reads it to its end.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name[:200]}.new")
    # The site is for everybody
    with private.new_file(new, 0o666) as file:
        file.write(body)
    new.replace(path)


def _link(old: Path, new: Path) -> None:
    """Let ``new`` be the same file as ``old``, a copy where the file system has no links."""
    new.parent.mkdir(parents=True, exist_ok=True)
    new.unlink(missing_ok=True)
    try:
        os.link(old, new)
    except OSError:
        shutil.copy2(old, new)


def _clone(site: Path, aside: Path) -> None:
    """Make ``aside`` the same tree as ``site``: our folders, and the files beside them."""
    if aside.exists():
        shutil.rmtree(aside)
    aside.mkdir(parents=True)
    for folder in ("", *OURS):
        for name in _plain_files(site / folder):
            _link(site / folder / name, aside / folder / name)


def _mirror_files(site: Path, aside: Path) -> None:
    """Take over the files that others put beside ours (CNAME, robots.txt), and what they
    took away.
    """
    here, there = _plain_files(site), _plain_files(aside)
    for name in there.keys() - here.keys():
        (aside / name).unlink()
    for name, inode in here.items():
        if inode != there.get(name):
            _link(site / name, aside / name)


def _plain_files(folder: Path) -> dict[str, int]:
    """Give the inodes of a folder's files, links and folders left out; {} without it, or
    where it is a link: what that leads to is not the site's.
    """
    if folder.is_symlink() or not folder.is_dir():
        return {}
    found = {}
    for entry in os.scandir(folder):
        if entry.is_file(follow_symlinks=False):
            found[entry.name] = entry.inode()
    return found


def _strangers(folder: Path, names: Collection[str]) -> list[str]:
    """List what lies in a folder of ours and is none of ``names``."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    found = {f"{folder.name}/{path.name}" for path in folder.iterdir()}
    return sorted(found.difference(names))


def _movable(site: Path) -> bool:
    """Say whether the folder may change its name.

    It is no mount, and holds nothing of others but plain files: a ``.git`` in it would
    change places with it.
    """
    names = {path.name for path in site.iterdir()}
    others = names.difference(_plain_files(site), OURS)
    # Path.is_mount is not there on Windows before Python 3.12
    return not others and not os.path.ismount(site)


def _parked(site: Path) -> Path:
    return site.with_name(f".{site.name}.old")


def _recover(site: Path) -> None:
    """Put the site back where a run was killed between two names."""
    parked = _parked(site)
    if not site.exists() and parked.is_dir() and not parked.is_symlink():
        parked.rename(site)


def _exchange(site: Path, aside: Path) -> bool:
    """Let two folders change places.

    In one step where the system can, else in three; False when it will not.
    """
    if _exchanged_at_once(site, aside):
        return True
    parked = _parked(site)
    shutil.rmtree(parked, ignore_errors=True)
    try:
        site.rename(parked)
    except OSError:
        return False
    try:
        aside.rename(site)
    except OSError:
        parked.rename(site)
        return False
    with suppress(OSError):
        parked.rename(aside)
    return True


def _exchanged_at_once(site: Path, aside: Path) -> bool:
    try:
        # Where nothing is published anew, it is not loaded
        import ctypes

        system = ctypes.CDLL(None, use_errno=True)
    except (OSError, TypeError):
        # Windows
        return False
    one, other = os.fsencode(site), os.fsencode(aside)
    if hasattr(system, "renameat2"):
        return bool(system.renameat2(_HERE, one, _HERE, other, _SWAP) == 0)
    if hasattr(system, "renamex_np"):
        return bool(system.renamex_np(one, other, _SWAP) == 0)
    return False
