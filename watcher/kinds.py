"""What is true of each kind of source and of each kind of event: one row a kind.

Everything else reads these tables and keeps no list of its own.  A row names every
field, and the tables are checked when they are imported: a kind that lacks something
stops the program at its start, not in somebody's mail.  CONTRIBUTING.md lists what else
a new kind touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

MIB = 1 << 20


class Kind(StrEnum):
    """What an event means."""

    PULLED = "pulled"
    EXPLOITED = "exploited"
    RE_RELEASED = "re-released"
    CORRECTED = "corrected"
    KNOWN_ISSUE = "known-issue"
    RELEASED = "released"
    ANNOUNCED = "announced"
    REVISED = "revised"
    NEWS = "news"


class Follows(StrEnum):
    """How a source's documents beyond its own address are found."""

    NOTHING = "nothing"
    # The pages of watched updates, which is all that is asked
    UPDATES = "pages of updates"
    # An index of months, of which the young ones are always asked (MSRC)
    MONTHS = "an index of months"
    # An index that says when each document changed (CSAF)
    MOVED = "an index of changes"
    # A list of Microsoft Graph's, asked with a token: each page leads to the next
    GRAPH = "pages of one list"


class Rhythm(StrEnum):
    """What a source that has something new on every Patch Tuesday is missed by."""

    # The document that the month has
    MONTH = "month"
    # An entry of that day
    DAY = "day"


class SourceKind(Struct, frozen=True):
    """What is true of every source of one kind; see ``SOURCE_KINDS``."""

    name: str
    # Under watcher.sources, with ``parse(page, watch) -> Snapshot``
    module: str
    # The order in which a check's sources are judged, whatever the order of the
    # configuration: what knows KB articles and builds comes before tables, pages and
    # posts
    rank: int
    follows: Follows
    # Where the page of a KB article is, for what follows updates; "" where the package
    # itself links to its page
    page: str
    # "There is no such page" (404, 410) is a statement about the update
    gone_speaks: bool
    # Bytes of a document, decompressed, several times those of the largest seen: MSRC's
    # months have 8 MiB, its feed 2.4, CISA's catalogue 1.5, pages not one
    largest: int
    # For how long nothing is told of a row or page that is gone
    absence_waits: timedelta
    # What its pages offer a package by (an event's scope); "" when they offer none
    channel: str
    # Judged before all other sources until it was read once: it founds updates under
    # the names that the others use
    founds: bool
    # What a monthly source is missed by
    rhythm: Rhythm
    # Has something new on every Patch Tuesday where the configuration does not say
    monthly: bool

    @property
    def indexed(self) -> bool:
        """Whether its first document is an index of others."""
        return self.follows in (Follows.MONTHS, Follows.MOVED, Follows.GRAPH)

    @property
    def leads_on(self) -> bool:
        """Whether each of its documents may lead to the next, as the first one does."""
        return self.follows is Follows.GRAPH

    @property
    def follows_updates(self) -> bool:
        """Whether it is asked about watched updates only."""
        return self.follows is Follows.UPDATES


class EventKind(Struct, frozen=True):
    """What is true of every event of one kind; see ``EVENT_KINDS``.

    Its words (tag, name) stand in ``templates/mail/words``, its colour in the style
    sheets, both under the kind's own name.
    """

    kind: Kind
    # 0 is the gravest: the order in which mail is sent
    gravity: int
    # In the drawing of an update's life
    sign: str
    # Of its badge, on pages and in mail
    colour: str
    # A subscriber who names no kinds hears of it
    subscribed: bool
    # Mail about it is marked important, and nobody mutes it for good
    alarming: bool
    # Told another way when mail does not go out
    fallback: bool
    # How loud it is in a chat: Apprise's failure, warning or info
    loudness: str
    # A subscriber's ``severity`` holds it back: it is only about what is new
    held_by_severity: bool
    # Would speak of installing an update, so it must say when that is pulled
    installs: bool
    # An update's page may open with it
    opens_page: bool
    # Listed on the front page
    on_front: bool
    # What administrators write for it
    synonyms: tuple[str, ...]


def complete(table: Mapping[Kind, object], what: str) -> None:
    """Check that a table has a line for each kind of event; TypeError where it lacks one."""
    if missing := [kind.value for kind in Kind if kind not in table]:
        msg = f"{what} lacks kinds of events: {', '.join(missing)}"
        raise TypeError(msg)


def _source_kinds(*kinds: SourceKind) -> dict[str, SourceKind]:
    """Key the rows by their names, and refuse two with one name or one rank."""
    _different("name", (kind.name for kind in kinds))
    _different("rank", (kind.rank for kind in kinds))
    return {kind.name: kind for kind in kinds}


def _event_kinds(*kinds: EventKind) -> dict[Kind, EventKind]:
    """Key the rows by their kinds, gravest first, and refuse what lacks or repeats one."""
    _different("kind", (kind.kind for kind in kinds))
    _different("gravity", (kind.gravity for kind in kinds))
    _different("sign", (kind.sign for kind in kinds))
    table = {row.kind: row for row in sorted(kinds, key=lambda row: row.gravity)}
    complete(table, "EVENT_KINDS")
    return table


def _different(field: str, values: Iterable[object]) -> None:
    listed = list(values)
    if twice := [str(value) for value in set(listed) if listed.count(value) > 1]:
        msg = f"two kinds have the same {field}: {', '.join(sorted(twice))}"
        raise TypeError(msg)


SOURCE_KINDS = _source_kinds(
    SourceKind(
        name="cvrf",
        module="cvrf",
        rank=0,
        follows=Follows.MONTHS,
        page="",
        gone_speaks=False,
        largest=64 * MIB,
        absence_waits=timedelta(0),
        channel="",
        founds=False,
        rhythm=Rhythm.MONTH,
        # Nobody but Microsoft writes CVRF still
        monthly=True,
    ),
    SourceKind(
        name="csaf",
        module="csaf",
        rank=1,
        follows=Follows.MOVED,
        page="",
        gone_speaks=False,
        largest=64 * MIB,
        absence_waits=timedelta(0),
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="build-table",
        module="build_table",
        rank=2,
        follows=Follows.NOTHING,
        page="",
        gone_speaks=False,
        largest=8 * MIB,
        absence_waits=timedelta(0),
        channel="",
        founds=True,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="release-information",
        module="release_information",
        rank=3,
        follows=Follows.NOTHING,
        page="",
        gone_speaks=False,
        absence_waits=timedelta(0),
        largest=8 * MIB,
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="sql-builds",
        module="sql_builds",
        rank=4,
        follows=Follows.NOTHING,
        page="",
        gone_speaks=False,
        absence_waits=timedelta(0),
        largest=8 * MIB,
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="sharepoint-updates",
        module="sharepoint_updates",
        rank=5,
        follows=Follows.NOTHING,
        page="",
        gone_speaks=False,
        absence_waits=timedelta(0),
        largest=8 * MIB,
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="office-history",
        module="office_history",
        rank=6,
        follows=Follows.NOTHING,
        page="",
        gone_speaks=False,
        # A page that is edited by hand loses lines for hours
        absence_waits=timedelta(days=1),
        largest=8 * MIB,
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="dotnet-releases",
        module="dotnet_releases",
        rank=7,
        follows=Follows.MOVED,
        page="",
        gone_speaks=False,
        # .NET 10.0.4 was gone from its file for 70 minutes in March 2026; 2.1.29 was
        # gone for good
        absence_waits=timedelta(days=1),
        largest=16 * MIB,
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="download",
        module="download",
        rank=8,
        follows=Follows.UPDATES,
        page="",
        gone_speaks=True,
        largest=8 * MIB,
        absence_waits=timedelta(0),
        channel="download-center",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="catalog",
        module="catalog",
        rank=9,
        follows=Follows.UPDATES,
        page="https://www.catalog.update.microsoft.com/Search.aspx?q=KB{number}",
        gone_speaks=True,
        largest=8 * MIB,
        absence_waits=timedelta(0),
        channel="update-catalog",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="kb-article",
        module="kb_article",
        rank=10,
        follows=Follows.UPDATES,
        page="https://support.microsoft.com/help/{number}",
        gone_speaks=True,
        absence_waits=timedelta(0),
        # An article describes a package and offers none: when it is gone, the package
        # may well be there
        largest=8 * MIB,
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="article",
        # The same pages, each at an address of its own
        module="kb_article",
        rank=11,
        follows=Follows.NOTHING,
        page="",
        gone_speaks=False,
        absence_waits=timedelta(0),
        largest=8 * MIB,
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="feed",
        module="feed",
        rank=12,
        follows=Follows.NOTHING,
        page="",
        gone_speaks=False,
        largest=16 * MIB,
        absence_waits=timedelta(0),
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="release-health",
        module="release_health",
        rank=13,
        # Its first document is one for all releases, and leads to the watched ones'
        follows=Follows.MOVED,
        page="",
        gone_speaks=False,
        largest=8 * MIB,
        absence_waits=timedelta(0),
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="issues-page",
        module="issues_page",
        rank=14,
        follows=Follows.NOTHING,
        page="",
        gone_speaks=False,
        largest=8 * MIB,
        absence_waits=timedelta(0),
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="edge-issues",
        module="edge_issues",
        rank=15,
        follows=Follows.NOTHING,
        page="",
        gone_speaks=False,
        largest=8 * MIB,
        absence_waits=timedelta(0),
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="windows-graph",
        module="windows_graph",
        # It says what the pages of builds and of release health say, and they say more
        rank=16,
        follows=Follows.GRAPH,
        page="",
        gone_speaks=False,
        largest=32 * MIB,
        absence_waits=timedelta(0),
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
    SourceKind(
        name="kev",
        module="kev",
        rank=17,
        follows=Follows.NOTHING,
        page="",
        gone_speaks=False,
        largest=16 * MIB,
        absence_waits=timedelta(0),
        channel="",
        founds=False,
        rhythm=Rhythm.DAY,
        monthly=False,
    ),
)


EVENT_KINDS = _event_kinds(
    EventKind(
        kind=Kind.PULLED,
        gravity=0,
        sign="✕",
        colour="red",
        subscribed=True,
        alarming=True,
        fallback=True,
        loudness="failure",
        held_by_severity=False,
        installs=False,
        opens_page=True,
        on_front=True,
        synonyms=("recalled", "withdrawn", "paused", "revoked", "removed", "expired"),
    ),
    EventKind(
        kind=Kind.EXPLOITED,
        gravity=1,
        sign="!",
        colour="red",
        subscribed=True,
        alarming=True,
        fallback=True,
        loudness="failure",
        held_by_severity=False,
        installs=True,
        opens_page=True,
        on_front=True,
        synonyms=("attacked", "disclosed", "zero-day", "0-day", "kev"),
    ),
    EventKind(
        kind=Kind.RE_RELEASED,
        gravity=2,
        sign="↻",
        colour="green",
        subscribed=True,
        alarming=False,
        fallback=True,
        loudness="warning",
        held_by_severity=False,
        installs=True,
        opens_page=True,
        on_front=True,
        synonyms=("rereleased", "reissued", "reoffered", "v2"),
    ),
    EventKind(
        kind=Kind.CORRECTED,
        gravity=3,
        sign="←",
        colour="amber",
        subscribed=True,
        alarming=False,
        fallback=False,
        loudness="info",
        held_by_severity=False,
        installs=False,
        opens_page=True,
        on_front=True,
        synonyms=("correction",),
    ),
    EventKind(
        kind=Kind.KNOWN_ISSUE,
        gravity=4,
        sign="?",
        colour="amber",
        subscribed=True,
        alarming=False,
        fallback=False,
        loudness="info",
        held_by_severity=False,
        installs=True,
        opens_page=True,
        on_front=True,
        synonyms=("issue", "issues", "known-issues", "bug", "workaround"),
    ),
    EventKind(
        kind=Kind.RELEASED,
        gravity=5,
        sign="✓",
        colour="blue",
        subscribed=True,
        alarming=False,
        fallback=False,
        loudness="info",
        held_by_severity=True,
        installs=True,
        opens_page=True,
        on_front=True,
        synonyms=("release", "available", "published", "update"),
    ),
    EventKind(
        kind=Kind.ANNOUNCED,
        gravity=6,
        sign="…",
        colour="grey",
        subscribed=True,
        alarming=False,
        fallback=False,
        loudness="info",
        held_by_severity=True,
        installs=False,
        opens_page=True,
        on_front=True,
        synonyms=("advisory", "announcement", "vulnerability", "cve"),
    ),
    EventKind(
        kind=Kind.REVISED,
        gravity=7,
        sign="~",
        colour="grey",
        subscribed=False,
        alarming=False,
        fallback=False,
        loudness="info",
        held_by_severity=True,
        installs=True,
        opens_page=False,
        on_front=True,
        synonyms=("revision", "changed", "edited", "informational"),
    ),
    EventKind(
        kind=Kind.NEWS,
        gravity=8,
        sign="·",
        colour="grey",
        subscribed=False,
        alarming=False,
        fallback=False,
        loudness="info",
        held_by_severity=False,
        installs=False,
        opens_page=False,
        on_front=False,
        synonyms=("post", "entry", "new"),
    ),
)


# A heartbeat is asked like a source and is none: its 404 is a failure
NO_SOURCE = replace(
    SOURCE_KINDS["feed"],
    name="",
    largest=max(row.largest for row in SOURCE_KINDS.values()),
)


def source_kind(kind: str) -> SourceKind:
    """Give a kind's row; of what is no source's, such as a heartbeat, ``NO_SOURCE``."""
    return SOURCE_KINDS.get(kind, NO_SOURCE)


def largest(kind: str) -> int:
    """Say how many bytes a document of a kind may have; of no source as many as any."""
    return source_kind(kind).largest


def gone_speaks(kind: str) -> bool:
    """Say whether a page that is gone (404, 410) says something of an update."""
    return source_kind(kind).gone_speaks


def logs_in(kind: str) -> bool:
    """Say whether a kind is asked with a token of Microsoft Graph's."""
    return source_kind(kind).leads_on
