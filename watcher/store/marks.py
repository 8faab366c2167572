"""What an administrator or a run has noted: dealt with, muted, and single values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.errors import StateError
from watcher.store.base import Base
from watcher.store.rows import upsert
from watcher.store.tables import ACKS, META, MUTES, moment, moment_if

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watcher.store.link import Link

EDITION = "edition"
_HEIRS = "SELECT id, update_id FROM absorbed"


class Marks(Base):
    """The verbs of notes."""

    def ack(self, update_id: str, now: datetime) -> None:
        """Note that an update (or a target of ``watcher.judgement.muting``) has been dealt with."""
        with self.writing() as link:
            upsert(link, ACKS, [{"update_id": update_id, "time": now}])

    def unack(self, update_id: str) -> None:
        """Take that note back; nothing happens when there is none."""
        with self.writing() as link:
            link.run("DELETE FROM acks WHERE update_id = :id", id=update_id)

    def acks(self) -> dict[str, datetime]:
        """Give when which update was dealt with.

        An absorbed one's note counts for the update that took it over.
        """
        with self.reading() as link:
            heirs: dict[str, str] = dict(link.rows(_HEIRS))
            rows = link.rows("SELECT update_id, time FROM acks ORDER BY time")
            return {str(heirs.get(name, name)): moment(time) for name, time in rows}

    def mute(self, target: str, until: datetime | None = None) -> None:
        """Ask for no more about ``target`` (an update's id, or as
        ``watcher.judgement.muting`` says), for good or ``until`` a time.
        """
        with self.writing() as link:
            upsert(link, MUTES, [{"target": target, "until": until}])

    def unmute(self, target: str) -> None:
        """Take a mute back; nothing happens when there is none."""
        with self.writing() as link:
            link.run("DELETE FROM mutes WHERE target = :target", target=target)

    def mutes(self, now: datetime | None = None) -> dict[str, datetime | None]:
        """Give the muted targets, with until when (None.

        For good); with ``now`` only those that still hold then.
        """
        with self.reading() as link:
            heirs: dict[str, str] = dict(link.rows(_HEIRS))
            rows = link.rows("SELECT target, until FROM mutes ORDER BY target")
            found = {
                str(heirs.get(target, target)): moment_if(until)
                for target, until in rows
            }
        return {
            target: until
            for target, until in found.items()
            if now is None or until is None or until > now
        }

    def meta(self, key: str) -> str:
        """Give a single value, "" when it was never set."""
        with self.reading() as link:
            return str(
                link.scalar("SELECT value FROM meta WHERE key = :key", key=key) or ""
            )

    def set_meta(self, key: str, value: str) -> None:
        """Keep a single value, "" takes it away.  It is exported: no check times, no secrets."""
        with self.writing() as link:
            write_notes(link, {key: value})

    def metas(self, prefix: str) -> dict[str, str]:
        """Give the single values whose keys begin with ``prefix``, by the rest of their keys."""
        with self.reading() as link:
            rows = link.rows(
                "SELECT key, value FROM meta WHERE substr(key, 1, :length) = :prefix ORDER BY key",
                prefix=prefix,
                length=len(prefix),
            )
            return {key.removeprefix(prefix): value for key, value in rows}

    def edition(self) -> int:
        """Count the transactions that changed events or updates.

        As long as it stays, what was published is true.
        """
        return int(self.meta(EDITION) or 0)

    def integrity(self) -> tuple[str, ...]:
        """Let the database check itself, which reads all of it.

        Its complaints, none when it is well.
        """
        try:
            with self.reading() as link:
                if not self.place.is_sqlite:
                    # PostgreSQL checks its pages as it reads them
                    return ()
                found = [str(said) for said in link.scalars("PRAGMA quick_check")]
                found += [
                    f"{row[0]}: a row refers to no {row[2]}"
                    for row in link.rows("PRAGMA foreign_key_check")
                ]
        except StateError as error:
            return (str(error),)
        return tuple(each for each in found if each != "ok")


def write_notes(link: Link, notes: Mapping[str, str]) -> None:
    """Write single values; "" takes one away."""
    upsert(
        link,
        META,
        [{"key": key, "value": value} for key, value in notes.items() if value],
    )
    link.run_each(
        "DELETE FROM meta WHERE key = :key",
        [{"key": key} for key, value in notes.items() if not value],
    )


def bump_edition(link: Link) -> None:
    """Count one more change of events or updates."""
    value = link.scalar("SELECT value FROM meta WHERE key = :key", key=EDITION) or "0"
    upsert(link, META, [{"key": EDITION, "value": str(int(value) + 1)}])
