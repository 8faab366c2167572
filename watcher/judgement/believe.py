"""Is a copy to be believed?  A copy that is not credible changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement.names import row_name
from watcher.plural import counted
from watcher.records import Change, ChangeKind, Document, Snapshot

# A copy that is still so afterwards is what the vendor means
PATIENCE = timedelta(hours=48)
# Between two checks no more of that is counted: a clock that is put forward by a month
# passes no time
COUNTED = timedelta(hours=24)
# Bodies of a document that are remembered, and hex digits of each: a table of February
# came back in March for fifteen minutes
BODIES = 12
DIGITS = 16
# An older release date on a new row is history, not news: tables have been filled back
# by years
BACK_FILLED = timedelta(days=30)
# A table in which more updates than this change at once has changed its form
LAYOUT = 5


class Verdict(Struct, frozen=True):
    """Whether a copy is believed.

    ``doubt`` says why not, ``late`` that it is believed only for its age.
    """

    believed: bool
    doubt: str = ""
    late: bool = False


def doubt(snapshot: Snapshot, history: Document | None) -> str:
    """Say what speaks against a copy, "" when nothing does.

    Dates and numbers that go back prove nothing: MSRC's do so while the content is
    right.
    """
    if history is None or history.accepted is None:
        return ""
    if _differ(snapshot.identity, history.identity):
        return f"the copy calls itself {snapshot.identity!r}, expected was {history.identity!r}"
    has = counted(snapshot.total, "entry", "entries")
    had = counted(history.total, "entry", "entries")
    if history.total and not snapshot.total:
        return f"the copy is empty, the one before had {had}"
    if snapshot.total * 2 < history.total:
        return f"the copy has {has}, the one before had {history.total}"
    # A stale copy of a month lacked 74 CVEs, and had fewer revisions of the others
    if snapshot.total < history.total and snapshot.revisions < history.revisions:
        revisions = counted(snapshot.revisions, "revision")
        return (
            f"the copy is an older one: {has} and {revisions} after "
            f"{history.total} and {history.revisions}"
        )
    return ""


def unexpected(snapshot: Snapshot) -> str:
    """Say whether a document bears another document's name.

    A month that returns another month's.
    """
    if _differ(snapshot.identity, snapshot.document):
        return f"the copy calls itself {snapshot.identity!r}, asked was for {snapshot.document!r}"
    return ""


def _differ(name: str, expected: str) -> bool:
    """Say whether two names are given and are not the same."""
    return bool(name and expected) and name.lower() != expected.lower()


def judge(snapshot: Snapshot, history: Document | None, now: datetime) -> Verdict:
    """Believe a copy, or say why not.

    Another month's document is never believed; any other doubt is given up after
    ``PATIENCE``.
    """
    stranger = unexpected(snapshot)
    if stranger:
        return Verdict(believed=False, doubt=stranger)
    reason = doubt(snapshot, history)
    return _with_patience(reason, history, now) if reason else Verdict(believed=True)


def judge_age(
    verdict: Verdict,
    snapshot: Snapshot,
    changes: tuple[Change, ...],
    history: Document | None,
    now: datetime,
) -> Verdict:
    """Doubt a believed copy that is byte for byte one read before the last.

    Not one that takes nothing away: a row or page that is there again may well be there
    as it was.
    """
    if not verdict.believed or history is None:
        return verdict
    is_read_before = snapshot.sha256[:DIGITS] in history.bodies
    if not is_read_before or all(map(_gives_back, changes)):
        return verdict
    reason = "the copy is an older one: it is byte for byte one read before the last"
    return _with_patience(reason, history, now)


def _gives_back(change: Change) -> bool:
    """Whether a change only puts back what was missing, or says to be unavailable."""
    if change.kind is ChangeKind.RETURNED:
        return True
    is_back = change.entry_before.available is False
    return is_back and bool(change.entry_after.available)


def bodies_before(before: Document, snapshot: Snapshot) -> tuple[str, ...]:
    """Give the bodies that a document had before the copy that is believed now.

    As the first digits of their hashes, the newest first.  A copy that is byte for byte
    one of them is a stale one.
    """
    newest = snapshot.sha256[:DIGITS]
    bodies = (before.sha256[:DIGITS], *before.bodies)
    kept = [body for body in dict.fromkeys(bodies) if body and body != newest]
    return tuple(kept[:BODIES])


def doubted(document: Document, now: datetime) -> Document:
    """Give a document whose copy is doubted: since when, and for how long by its checks.

    Its entries stay as they were before it.
    """
    return replace(
        document,
        suspect_since=document.suspect_since or now,
        suspect_at=now,
        suspect_for=_doubted_for(document, now).total_seconds(),
    )


def _doubted_for(document: Document, now: datetime) -> timedelta:
    """How long a document's copy has been doubted: what has passed between its checks."""
    passed = timedelta(seconds=document.suspect_for)
    last = document.suspect_at or document.suspect_since
    if last is None or now < last:
        return passed
    return passed + min(now - last, COUNTED)


def judge_table(
    verdict: Verdict,
    snapshot: Snapshot,
    changes: tuple[Change, ...],
    history: Document | None,
    now: datetime,
) -> Verdict:
    """Doubt a believed table whose layout has changed; give any other verdict as it is.

    ``history`` is the document as it was: a table that is read for the first time has no
    layout to differ from.
    """
    if not verdict.believed or history is None or history.accepted is None:
        return verdict
    # Posts bear labels too, but a feed that shows more of them has no new layout
    is_table = any(entry.label and entry.packages for entry in snapshot.entries)
    if not is_table:
        return verdict
    layout = judge_layout(changes, history, now)
    return layout if layout.doubt else verdict


def judge_layout(
    changes: tuple[Change, ...], history: Document, now: datetime
) -> Verdict:
    """Doubt a table in which many updates change at once: a new layout, not news.

    Rows that appear with a recent date are what a release looks like and do not count.
    """
    changed = set()
    for change in changes:
        if _counts_for_layout(change, history.newest, now):
            changed.add(row_name(change.entry))
    if len(changed) <= LAYOUT:
        return Verdict(believed=True)
    reason = (
        f"{len(changed)} updates changed at once in the table: its layout has changed"
    )
    return _with_patience(reason, history, now)


def _counts_for_layout(change: Change, newest: datetime | None, now: datetime) -> bool:
    if change.kind is ChangeKind.ALTERED:
        return _moves(change)
    if change.kind is ChangeKind.APPEARED:
        # What is younger than anything in the copy before has come since, however long
        # ago that is: a machine that was off for a quarter finds a dozen builds at once
        published = change.entry.published
        if published and newest and published > newest:
            return False
        return back_filled(published, now)
    return change.kind is not ChangeKind.AGED_OUT


def back_filled(released: datetime | None, now: datetime) -> bool:
    """Say whether a release date is too old for what has only now appeared to be news.

    Tables have been filled back by years: what is dated more than ``BACK_FILLED`` ago is
    known from then on, and told to nobody.
    """
    return released is not None and now - released > BACK_FILLED


def _moves(change: Change) -> bool:
    """Say whether an altered row names another build, KB article or update."""
    before, after = change.entry_before, change.entry_after
    if before.key != after.key:
        return True
    names_before = [(package.kb, package.build) for package in before.packages]
    names_after = [(package.kb, package.build) for package in after.packages]
    return names_before != names_after


def _with_patience(reason: str, history: Document | None, now: datetime) -> Verdict:
    """Give up a doubt of a copy that has stayed so for ``PATIENCE``."""
    if history is not None and _doubted_for(history, now) >= PATIENCE:
        return Verdict(believed=True, doubt=reason, late=True)
    return Verdict(believed=False, doubt=reason)
