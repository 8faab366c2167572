"""What an administrator or a run has noted: dealt with, muted, and single values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.store.connection import (
    Queries,
    Transactions,
    optional_time_from,
    time_from,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


EDITION = "edition"


class Notes(Transactions):
    """The verbs of notes."""

    def ack(self, update_id: str, now: datetime) -> None:
        """Note that an update (or a target of ``judgement.audience``) has been dealt with.

        Who has done so gets no more reminders of it.  A second time moves the note to
        ``now``.
        """
        with self.writing() as sql:
            sql.write_acks([{"update_id": update_id, "time": now}])

    def unack(self, update_id: str) -> None:
        """Take that note back; nothing happens when there is none."""
        with self.writing() as sql:
            sql.delete_ack(update_id=update_id)

    def acks(self) -> dict[str, datetime]:
        """Give when which update was dealt with.

        An absorbed one's note counts for the update that took it over.
        """
        with self.reading() as sql:
            absorbed: dict[str, str] = dict(sql.absorbed())
            return {
                absorbed.get(update_id, update_id): time_from(time)
                for update_id, time in sql.acks()
            }

    def mute(self, target: str, until: datetime | None = None) -> None:
        """Ask for no more about ``target`` (an update's id, or as
        ``watcher.judgement.audience`` says), for good or ``until`` a time.
        """
        with self.writing() as sql:
            sql.write_mutes([{"target": target, "until": until}])

    def unmute(self, target: str) -> None:
        """Take a mute back; nothing happens when there is none."""
        with self.writing() as sql:
            sql.delete_mute(target=target)

    def mutes(self, now: datetime | None = None) -> dict[str, datetime | None]:
        """Give the muted targets, with until when (None: for good).

        With ``now`` only those that still hold then.
        """
        found: dict[str, datetime | None] = {}
        with self.reading() as sql:
            # What was muted under an advisory's id stays muted when its update is known
            absorbed: dict[str, str] = dict(sql.absorbed())
            for target, until in sql.mutes():
                found[absorbed.get(target, target)] = optional_time_from(until)
        return {
            target: until
            for target, until in found.items()
            if now is None or until is None or until > now
        }

    def meta(self, key: str) -> str:
        """Give a single value, "" when it was never set."""
        with self.reading() as sql:
            return str(sql.value(key=key) or "")

    def set_meta(self, key: str, value: str) -> None:
        """Keep a single value, "" takes it away.  It is exported: no check times, no secrets.

        An export is compared byte by byte: what changes at each run does not belong
        here.
        """
        with self.writing() as sql:
            write_values(sql, {key: value})

    def metas(self, prefix: str) -> dict[str, str]:
        """Give the single values whose keys begin with ``prefix``, by the rest of their keys.

        One query for all of a kind: when each subscriber last had a digest, say.
        """
        with self.reading() as sql:
            rows = sql.values_of_prefix(prefix=prefix, length=len(prefix))
            return {key.removeprefix(prefix): value for key, value in rows}

    def edition(self) -> int:
        """Count the transactions that changed events or updates.

        As long as it stays, what was published is true.
        """
        return int(self.meta(EDITION) or 0)


def write_values(sql: Queries, notes: Mapping[str, str]) -> None:
    """Write single values; "" takes one away.

    All in the transaction that is open.
    """
    sql.write_values(
        [{"key": key, "value": value} for key, value in notes.items() if value]
    )
    sql.delete_values([{"key": key} for key, value in notes.items() if not value])


def next_edition(sql: Queries) -> None:
    """Count one more change of events or updates.

    Where it stayed the same, no page needs to be made anew.
    """
    edition = int(sql.value(key=EDITION) or 0) + 1
    write_values(sql, {EDITION: str(edition)})
