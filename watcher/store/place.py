"""Where a state lives, and what its database's errors mean to an administrator."""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from watcher.errors import StateError, StateRefusedError

_FORMS = "Write 'sqlite:///state/watcher.db' or 'postgresql+psycopg://user@host/database' as [watch] state."

_ROOM = 1 << 18  # bytes: SQLite's side files begin with 32 KiB, and pages come by the transaction

# What the database says, in lower case -> what is the matter and what to do.  The first that is found counts.
_MEANINGS: tuple[tuple[str, str], ...] = (
    ("not a database", "The file is not a state of this program, or it is damaged. {rescue}"),
    ("malformed", "The file is damaged. {rescue}"),
    ("disk is full", "{full}"),
    ("no space left", "{full}"),
    ("readonly", "The file cannot be written. Give the watcher's account write access to the file and to its folder."),
    ("read-only", "The database cannot be written. Use the primary server, and an account that may write."),
    ("permission denied", "The account may not do that. Grant it the rights to create, read and write tables in its schema."),
    ("unable to open", "The file cannot be opened. Give the watcher's account access to the file and to its folder."),
    ("could not serialize", "Another program wrote the same rows at the same moment. Run again."),
    ("locked", "Another program works on the file. Close it and run again."),
    ("disk i/o error", "The disk fails, or lies on a network share that cannot lock. Keep the state on a local disk. {rescue}"),
    ("does not exist", "The database, its user or its schema is missing. Create it, then run again."),
    ("authentication failed", "The server refused the account. Check user and password (PGPASSWORD, PGPASSFILE)."),
    ("no password supplied", "The server wants a password. Put it into PGPASSWORD or into a file named by PGPASSFILE."),
    ("connection", "The server cannot be reached. Check host and port, and that it runs; then run again."),
)
_FULL = "The disk is full. Free some space and run again: nothing that was recorded before is lost."
_RESCUE = "Restore it from a backup, or move it away and import the last export with 'watcher state import'."


@dataclass(frozen=True, slots=True)
class Place:
    """A state's address: a database URL, and the file it means where it is one of SQLite."""

    url: URL
    file: Path | None  # None: PostgreSQL, or SQLite in memory

    def __str__(self) -> str:
        """Name the place without its password."""
        if self.file is not None:
            return str(self.file)
        host = self.url.host or self.url.query.get("host") or "localhost"
        return URL.create(self.url.drivername, self.url.username, None, str(host), self.url.port, self.url.database).render_as_string()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is SQLite, in a file or in memory."""
        return self.url.get_backend_name() == "sqlite"

    def unwell(self, error: BaseException) -> StateError:
        """Put a database's error into words: which state, the cause, the remedy; never the password."""
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        if self.url.password:
            said = said.replace(str(self.url.password), "***")
        folded = said.lower()
        meaning = next((text for mark, text in _MEANINGS if mark in folded), "Run again; if it stays, check the database. {rescue}")
        if "disk i/o error" in folded and self._is_full():
            meaning = "{full}"
        return StateError(f"The state {self} does not work: {said}. {meaning.format(rescue=_RESCUE, full=_FULL)}")

    def closed(self, verb: str, error: OSError) -> StateError:
        """Say that the state cannot be ``verb`` (written, locked), and what to do about what the system said."""
        remedy = "Give the watcher's account write access to the file and its folder, on a local disk."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = _FULL
        if error.errno == errno.EROFS:
            remedy = "Its disk is read-only. Mount it so that it can be written, or name another [watch] state."
        return StateError(f"The state {self} cannot be {verb}: {error}. {remedy}")

    def _is_full(self) -> bool:
        """Whether SQLite's files have no room to grow: it does not always say so itself."""
        try:
            return self.file is not None and shutil.disk_usage(self.file.parent).free < _ROOM
        except OSError:
            return False


def place(url: str) -> Place:
    """Read a database URL; StateRefusedError (without any password) when it is none that is known."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        msg = f"The state's address is not a database URL. {_FORMS}"
        raise StateRefusedError(msg) from None  # the error would quote the address with its password
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "postgresql+psycopg"} or (parsed.drivername == "sqlite" and parsed.query):
        msg = f"The state cannot be kept in {parsed.drivername!r}. {_FORMS}"
        raise StateRefusedError(msg)
    named = parsed.database if parsed.drivername == "sqlite" else None
    in_memory = not named or named == ":memory:"
    return Place(parsed, None if in_memory else Path(str(named)))
