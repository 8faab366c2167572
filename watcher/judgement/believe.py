"""Is a copy to be believed?  A copy that is not credible changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from watcher.counted import counted
from watcher.judgement.names import row_name
from watcher.records import Change, ChangeKind, Document, Snapshot

# A copy that is still so afterwards is what the vendor means
PATIENCE = timedelta(hours=48)
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
    return _with_patience(reason, history, now)


def judge_table(
    verdict: Verdict,
    snapshot: Snapshot,
    changes: tuple[Change, ...],
    history: Document | None,
    now: datetime,
) -> Verdict:
    """Doubt a believed table whose layout has changed; give any other verdict as it is."""
    if not verdict.believed or history is None or history.accepted is None:
        return verdict
    # Posts bear labels too, but a feed that shows more of them has no new layout
    is_table = any(entry.label and entry.packages for entry in snapshot.entries)
    if not is_table:
        return verdict
    layout = judge_layout(changes, history, now)
    return layout if layout.late or not layout.believed else verdict


def judge_layout(
    changes: tuple[Change, ...], history: Document | None, now: datetime
) -> Verdict:
    """Doubt a table in which many updates change at once: a new layout, not news.

    Rows that appear with a recent date are what a release looks like and do not count.
    """
    changed = {row_name(c.entry) for c in changes if _counts_for_layout(c, now)}
    reason = ""
    if len(changed) > LAYOUT:
        reason = (
            f"{len(changed)} updates changed at once in the table: "
            "its layout has changed"
        )
    return _with_patience(reason, history, now)


def _counts_for_layout(change: Change, now: datetime) -> bool:
    if change.kind is ChangeKind.ALTERED:
        return _moves(change)
    if change.kind is ChangeKind.APPEARED:
        return back_filled(change.entry.published, now)
    return change.kind is not ChangeKind.AGED_OUT


def back_filled(released: datetime | None, now: datetime) -> bool:
    """Say whether a release date is too old for what has only now appeared to be news."""
    return released is not None and now - released > BACK_FILLED


def _moves(change: Change) -> bool:
    """Say whether an altered row names another build, KB article or update."""
    before, after = change.before, change.after
    if before is None or after is None or before.key != after.key:
        return True
    names_before = [(package.kb, package.build) for package in before.packages]
    names_after = [(package.kb, package.build) for package in after.packages]
    return names_before != names_after


def _with_patience(reason: str, history: Document | None, now: datetime) -> Verdict:
    if not reason:
        return Verdict(believed=True)
    since = history.suspect_since if history else None
    if since is not None and now - since >= PATIENCE:
        return Verdict(believed=True, doubt=reason, late=True)
    return Verdict(believed=False, doubt=reason)
