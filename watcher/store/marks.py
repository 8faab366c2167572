"""What an administrator or a run has noted: dealt with, muted, and single values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from watcher.errors import StateError
from watcher.store.base import Base
from watcher.store.rows import upsert
from watcher.store.tables import ABSORBED, ACKS, META, MUTES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

EDITION = "edition"


class Marks(Base):
    """The verbs of notes."""

    def ack(self, update_id: str, now: datetime) -> None:
        """Note that an update (or a target of ``watcher.judgement.muting``) has been dealt with."""
        with self.writing() as connection:
            upsert(connection, ACKS, [{"update_id": update_id, "time": now}])

    def unack(self, update_id: str) -> None:
        """Take that note back; nothing happens when there is none."""
        with self.writing() as connection:
            connection.execute(delete(ACKS).where(ACKS.c.update_id == update_id))

    def acks(self) -> dict[str, datetime]:
        """Give when which update was dealt with; an absorbed one's note counts for the update that took it over."""
        with self.reading() as connection:
            heirs = _heirs(connection)
            rows = connection.execute(select(ACKS).order_by(ACKS.c.time))
            return {heirs.get(row.update_id, row.update_id): row.time for row in rows}

    def mute(self, target: str, until: datetime | None = None) -> None:
        """Ask for no more about ``target`` (an update's id, or as ``watcher.judgement.muting`` says), for good or ``until`` a time."""
        with self.writing() as connection:
            upsert(connection, MUTES, [{"target": target, "until": until}])

    def unmute(self, target: str) -> None:
        """Take a mute back; nothing happens when there is none."""
        with self.writing() as connection:
            connection.execute(delete(MUTES).where(MUTES.c.target == target))

    def mutes(self, now: datetime | None = None) -> dict[str, datetime | None]:
        """Give the muted targets, with until when (None: for good); with ``now`` only those that still hold then."""
        with self.reading() as connection:
            heirs = _heirs(connection)
            found = {heirs.get(row.target, row.target): row.until for row in connection.execute(select(MUTES).order_by(MUTES.c.target))}
        return {target: until for target, until in found.items() if now is None or until is None or until > now}

    def meta(self, key: str) -> str:
        """Give a single value, "" when it was never set."""
        with self.reading() as connection:
            return connection.scalar(select(META.c.value).where(META.c.key == key)) or ""

    def set_meta(self, key: str, value: str) -> None:
        """Keep a single value, "" takes it away.  It is exported: no check times, no secrets."""
        with self.writing() as connection:
            write_notes(connection, {key: value})

    def metas(self, prefix: str) -> dict[str, str]:
        """Give the single values whose keys begin with ``prefix``, by the rest of their keys."""
        with self.reading() as connection:
            rows = connection.execute(select(META).where(META.c.key.startswith(prefix, autoescape=True)).order_by(META.c.key))
            return {row.key.removeprefix(prefix): row.value for row in rows}

    def edition(self) -> int:
        """Count the transactions that changed events or updates: as long as it stays, what was published is true."""
        return int(self.meta(EDITION) or 0)

    def integrity(self) -> tuple[str, ...]:
        """Let the database check itself, which reads all of it: its complaints, none when it is well."""
        try:
            with self.reading() as connection:
                if not self.place.is_sqlite:
                    return ()  # PostgreSQL checks its pages as it reads them
                found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check")]
                found += [f"{row[0]}: a row refers to no {row[2]}" for row in connection.exec_driver_sql("PRAGMA foreign_key_check")]
        except StateError as error:
            return (str(error),)
        return tuple(each for each in found if each != "ok")


def write_notes(connection: Connection, notes: Mapping[str, str]) -> None:
    """Write single values; "" takes one away."""
    upsert(connection, META, [{"key": key, "value": value} for key, value in notes.items() if value])
    for key in (key for key, value in notes.items() if not value):
        connection.execute(delete(META).where(META.c.key == key))


def bump_edition(connection: Connection) -> None:
    """Count one more change of events or updates."""
    value = connection.scalar(select(META.c.value).where(META.c.key == EDITION)) or "0"
    upsert(connection, META, [{"key": EDITION, "value": str(int(value) + 1)}])


def _heirs(connection: Connection) -> dict[str, str]:
    return {row.id: row.update_id for row in connection.execute(select(ABSORBED))}
