"""The days of what is said: which word is the last, and what is older than the last turn.

A source's copy may be late by days, and tell of a pull after the return that followed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from watcher.judgement.change_reading import (
    ChangeReading,
    MatchedChange,
    PassageStatement,
)
from watcher.judgement.ledger import pulled_by_absence
from watcher.records import Kind, Update

# What is restored within this was never pulled
TAKEN_BACK = timedelta(hours=24)


def is_later(
    pulled: Iterable[PassageStatement], back: Iterable[PassageStatement]
) -> bool:
    """Say whether pulls are dated later than returns that are read with them.

    A copy that comes late tells of both at once: paused, back, and paused again.
    """
    last_pull, last_return = last_time(pulled), last_time(back)
    if last_pull is None or last_return is None:
        return False
    return last_pull.date() > last_return.date()


def last_time(statements: Iterable[PassageStatement]) -> datetime | None:
    """Give the latest date that statements bear, None where none bears one."""
    times = [each.time for each in statements if each.time is not None]
    return max(times, default=None)


def day_of_turn(
    statements: Iterable[PassageStatement],
    changes: Iterable[MatchedChange],
    before: Update,
    now: datetime,
) -> datetime:
    """Give the vendor's day of a change of state, ``now`` where he names none.

    His statements' day, else that of the rows and records which show it.  What is dated
    before the turn that it follows bears the date of that.
    """
    days = [each.time for each in statements if each.time is not None]
    if not days:
        for matched in changes:
            dated = matched.entry.updated or matched.entry.published
            if dated is not None:
                days.append(dated)
    possible = [day for day in days if day <= now]
    earliest = before.turned or before.released
    # A post bears the day alone, a record the hour of it
    if days and earliest is not None and max(days).date() == earliest.date():
        return max(*days, earliest) if max(days) <= now else earliest
    if earliest is not None:
        possible = [day for day in possible if day > earliest]
    return max(possible, default=now)


def is_said_later(
    statements: Iterable[PassageStatement], before: Update, turned: datetime
) -> bool:
    """Say whether dated words repeat a state on a later day than it was established."""
    is_dated = any(each.time for each in statements)
    return is_dated and before.turned is not None and turned > before.turned


def is_older(statement: PassageStatement, update: Update) -> bool:
    """Say whether a sentence is dated before the day of the last change of state.

    Absence shows a pull on any day after it was said: words of it may be older.
    """
    turned = update.turned
    if statement.kind is Kind.PULLED and pulled_by_absence(update) is not None:
        turned = update.turned_before
    elif turned is None and update.version > 1:
        # Noted before turns had a day of their own
        turned = update.changed
    if statement.time is None or turned is None:
        return False
    return statement.time < turned.replace(hour=0, minute=0)


def tells_of_former_turn(reading: ChangeReading, update: Update) -> bool:
    """Say whether all that a change states is older than the last change of state."""
    statements = reading.statements
    return bool(statements) and all(is_older(each, update) for each in statements)


def was_away_before(readings: Sequence[ChangeReading], update: Update) -> bool:
    """Say whether what is back went with an earlier pull: its return is that one's."""
    since = _gone_since(readings)
    if since is None or update.turned is None or update.version == 1:
        return False
    return since < update.turned.replace(hour=0, minute=0)


def was_short(readings: Sequence[ChangeReading], update: Update, now: datetime) -> bool:
    """Say whether what is back was away for less than it takes to make it anew."""
    since = _gone_since(readings) or update.changed or now
    return now - since <= TAKEN_BACK


def _gone_since(readings: Sequence[ChangeReading]) -> datetime | None:
    """When the first of what is back went, None where nobody noted it."""
    times = [each.change.since for each in readings if each.change.since is not None]
    return min(times, default=None)
