"""What is true of each kind of event: one row a kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct


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


def different(field: str, values: Iterable[object]) -> None:
    """Refuse rows of which two say the same of ``field``; raises TypeError."""
    listed = list(values)
    if twice := [str(value) for value in set(listed) if listed.count(value) > 1]:
        msg = f"two kinds have the same {field}: {', '.join(sorted(twice))}"
        raise TypeError(msg)


def _event_kinds(*kinds: EventKind) -> dict[Kind, EventKind]:
    """Key the rows by their kinds, gravest first, and refuse what lacks or repeats one."""
    different("kind", (kind.kind for kind in kinds))
    different("gravity", (kind.gravity for kind in kinds))
    different("sign", (kind.sign for kind in kinds))
    # What a subscriber writes means one kind
    spelled: list[str] = []
    for kind in kinds:
        spelled += [kind.kind.value, *kind.synonyms]
    different("synonym", spelled)
    table = {row.kind: row for row in sorted(kinds, key=lambda row: row.gravity)}
    complete(table, "EVENT_KINDS")
    return table


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
