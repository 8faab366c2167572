"""Is a copy to be believed?  A copy that is not credible changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from watcher.counted import counted
from watcher.records import Change, ChangeKind, Document, Snapshot

# A copy that is still so afterwards is what the vendor means
PATIENCE = timedelta(hours=48)
# An older release date on a new row is history, not news
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
    if (
        snapshot.identity
        and history.identity
        and snapshot.identity.lower() != history.identity.lower()
    ):
        return f"the copy calls itself {snapshot.identity!r}, expected was {history.identity!r}"
    has, had = (
        counted(snapshot.total, "entry", "entries"),
        counted(history.total, "entry", "entries"),
    )
    if history.total and not snapshot.total:
        return f"the copy is empty, the one before had {had}"
    if snapshot.total * 2 < history.total:
        return f"the copy has {has}, the one before had {history.total}"
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
    if (
        snapshot.document
        and snapshot.identity
        and snapshot.identity.lower() != snapshot.document.lower()
    ):
        return f"the copy calls itself {snapshot.identity!r}, asked was for {snapshot.document!r}"
    return ""


def judge(snapshot: Snapshot, history: Document | None, now: datetime) -> Verdict:
    """Believe a copy, or say why not.

    Another month's document is never believed; any other doubt is given up after
    ``PATIENCE``.
    """
    stranger = unexpected(snapshot)
    if stranger:
        return Verdict(believed=False, doubt=stranger)
    reason = doubt(snapshot, history)
    return _patience(reason, history, now)


def is_table(snapshot: Snapshot) -> bool:
    """Say whether a copy is a table of packages.

    Posts bear labels too, but a feed that shows more of them has no new layout.
    """
    return any(entry.label is not None and entry.packages for entry in snapshot.entries)


def judge_layout(
    changes: tuple[Change, ...], history: Document | None, now: datetime
) -> Verdict:
    """Doubt a table in which many updates change at once: a new layout, not news.

    Rows that appear with a recent date are what a release looks like and do not count.
    """
    # Most checks compare no table
    from watcher.judgement.names import row_name

    moved: set[str] = set()
    for change in changes:
        if change.kind is ChangeKind.ALTERED and not _moves(change):
            continue
        if change.kind is ChangeKind.APPEARED and not back_filled(
            change.entry.published, now
        ):
            continue
        if change.kind is ChangeKind.AGED_OUT:
            continue
        moved.add(row_name(change.entry))
    reason = (
        f"{len(moved)} updates changed at once in the table: its layout has changed"
        if len(moved) > LAYOUT
        else ""
    )
    return _patience(reason, history, now)


def back_filled(released: datetime | None, now: datetime) -> bool:
    """Say whether a release date is too old for what has only now appeared to be news."""
    return released is not None and now - released > BACK_FILLED


def _moves(change: Change) -> bool:
    """Say whether an altered row names another build, KB article or update."""

    def shape(entry: object) -> object:
        packages = getattr(entry, "packages", ())
        return getattr(entry, "key", ""), tuple((p.kb, p.build) for p in packages)

    return shape(change.before) != shape(change.after)


def _patience(reason: str, history: Document | None, now: datetime) -> Verdict:
    if not reason:
        return Verdict(believed=True)
    since = history.suspect_since if history else None
    if since is not None and now - since >= PATIENCE:
        return Verdict(believed=True, doubt=reason, late=True)
    return Verdict(believed=False, doubt=reason)
