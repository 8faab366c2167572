"""Where a state lives, and what its database's errors mean to an administrator."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from watcher.errors import StateError, StateRefusedError

_FORMS = (
    "Write 'sqlite:///state/watcher.db' or "
    "'postgresql+psycopg://user@host/database' as [watch] state."
)

_SERVERS = ("postgresql+psycopg", "postgresql", "postgres")

# Bytes: SQLite's side files begin with 32 KiB, and pages come by the transaction
_ROOM = 1 << 18

# What the database says, in lower case -> what is the matter and what to do.  The first
# that is found counts.
_MEANINGS: tuple[tuple[str, str], ...] = (
    (
        "not a database",
        "The file is not a state of this program, or it is damaged. {rescue}",
    ),
    ("malformed", "The file is damaged. {rescue}"),
    ("disk is full", "{full}"),
    ("no space left", "{full}"),
    (
        "readonly",
        (
            "The file cannot be written. Give the watcher's account write access "
            "to the file and to its folder."
        ),
    ),
    (
        "read-only",
        "The database cannot be written. Use the primary server, and an account that may write.",
    ),
    (
        "permission denied",
        (
            "The account may not do that. Grant it the rights to create, read "
            "and write tables in its schema."
        ),
    ),
    (
        "unable to open",
        (
            "The file cannot be opened. Give the watcher's account access to the "
            "file and to its folder."
        ),
    ),
    (
        "could not serialize",
        "Another program wrote the same rows at the same moment. Run again.",
    ),
    ("locked", "Another program works on the file. Close it and run again."),
    (
        "disk i/o error",
        (
            "The disk fails, or lies on a network share that cannot lock. Keep "
            "the state on a local disk. {rescue}"
        ),
    ),
    (
        "does not exist",
        "The database, its user or its schema is missing. Create it, then run again.",
    ),
    (
        "authentication failed",
        "The server refused the account. Check user and password (PGPASSWORD, PGPASSFILE).",
    ),
    (
        "no password supplied",
        "The server wants a password. Put it into PGPASSWORD or into a file named by PGPASSFILE.",
    ),
    (
        "connection",
        "The server cannot be reached. Check host and port, and that it runs; then run again.",
    ),
)
_FULL = "The disk is full. Free some space and run again: nothing that was recorded before is lost."
_RESCUE = (
    "Restore it from a backup, or move it away and import the last export with "
    "'watcher state import'."
)


class Address(Struct, frozen=True):
    """A state's address.

    The file that it means where it is one of SQLite, else a server's address as libpq
    reads it.
    """

    # None: PostgreSQL, or SQLite in memory
    file: Path | None = None
    # With its password
    server: str = ""
    # Of the server, without
    name: str = ":memory:"

    def __str__(self) -> str:
        """Name the address without its password."""
        return self.name if self.file is None else str(self.file)

    __repr__ = __str__

    @property
    def is_sqlite(self) -> bool:
        """Whether it is SQLite, in a file or in memory."""
        return not self.server

    def explain(self, error: BaseException) -> StateError:
        """Put a database's error into words.

        Which state, the cause, the remedy; never the password.
        """
        said = " ".join(str(error).split())
        password = urlsplit(self.server).password
        for secret in filter(None, (password, unquote(password or ""))):
            said = said.replace(secret, "***")
        folded = said.lower()
        meaning = next(
            (text for words, text in _MEANINGS if words in folded),
            "Run again; if it stays, check the database. {rescue}",
        )
        if "disk i/o error" in folded and self._is_full():
            meaning = "{full}"
        return StateError(
            f"The state {self} does not work: {said}. {meaning.format(rescue=_RESCUE, full=_FULL)}"
        )

    def refuse(self, verb: str, error: OSError) -> StateError:
        """Say that the state cannot be ``verb`` (written, locked), and what to do about
        what the system said.
        """
        remedy = (
            "Give the watcher's account write access to the file and its folder, "
            "on a local disk."
        )
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = _FULL
        if error.errno == errno.EROFS:
            remedy = (
                "Its disk is read-only. Mount it so that it can be written, or "
                "name another [watch] state."
            )
        return StateError(f"The state {self} cannot be {verb}: {error}. {remedy}")

    def _is_full(self) -> bool:
        """Whether SQLite's files have no room to grow: it does not always say so itself."""
        try:
            return (
                self.file is not None
                and shutil.disk_usage(self.file.parent).free < _ROOM
            )
        except OSError:
            return False


def address_of(url: str) -> Address:
    """Read a database URL.

    StateRefusedError (without any password) when it is none that is known.
    """
    scheme, there, rest = url.partition("://")
    if not there:
        msg = f"The state's address is not a database URL. {_FORMS}"
        raise StateRefusedError(msg)
    if scheme == "sqlite" and "?" not in rest and rest[:1] in {"", "/"}:
        named = rest[1:]
        return Address() if named in {"", ":memory:"} else Address(Path(named))
    if scheme not in _SERVERS:
        msg = f"The state cannot be kept in {scheme!r}. {_FORMS}"
        raise StateRefusedError(msg)
    server = f"postgresql://{rest}"
    try:
        parts = urlsplit(server)
        host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
        account, port = (
            f"{parts.username}@" if parts.username else "",
            f":{parts.port}" if parts.port else "",
        )
    except ValueError:
        msg = f"The state's address is not a database URL. {_FORMS}"
        # The error would quote the address with its password
        raise StateRefusedError(msg) from None
    return Address(
        None, server, f"postgresql+psycopg://{account}{host}{port}{parts.path}"
    )
