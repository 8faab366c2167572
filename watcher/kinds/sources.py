"""What is true of each kind of source: one row a kind."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from watcher.kinds.events import different

MIB = 1 << 20


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


def _source_kinds(*kinds: SourceKind) -> dict[str, SourceKind]:
    """Key the rows by their names, and refuse two with one name or one rank."""
    different("name", (kind.name for kind in kinds))
    different("rank", (kind.rank for kind in kinds))
    return {kind.name: kind for kind in kinds}


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
