"""An update's page, ready to be shown.

Its life, what to do, packages, advisories, and every event with its evidence, with what was
edited in a text that changed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from difflib import SequenceMatcher

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import server_steps
from watcher.judgement.names import with_version
from watcher.judgement.packages import all_articles
from watcher.kinds import EVENT_KINDS
from watcher.records import Confidence, Event, Exposure, Kind, State, Update, UpdateRef
from watcher.site.feeds import anchor
from watcher.site.lists import listing_of, page_path
from watcher.site.timeline import Timeline, timeline
from watcher.text.event_json import time
from watcher.text.plain import line, link
from watcher.text.servers import ServerText, event_server_texts
from watcher.text.story import Flaw, Quote, Row, Story, headline_of, story, tag_of
from watcher.text.words import Form, Saying

# A build or a CVE is a word
_TOKEN = re.compile(r"\s+|\w+(?:[.-]\w+)*|[^\w\s]")
ALIKE = 0.6
"""Share of common words below which two texts are another text, not the same one edited."""


class Piece(Struct, frozen=True):
    """A stretch of text: ``same``, ``gone`` or ``new``."""

    kind: str
    text: str


def differences(before: str, after: str) -> tuple[Piece, ...]:
    """Give the stretches that lead from ``before`` to ``after``.

    One ``gone`` and one ``new`` where hardly anything is common.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.quick_ratio() < ALIKE or matcher.ratio() < ALIKE:
        return tuple(_change(before, after))
    found: list[Piece] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            found.append(Piece("same", "".join(old[i1:i2])))
        else:
            found += _change("".join(old[i1:i2]), "".join(new[j1:j2]))
    return _joined(found)


def _joined(found: Sequence[Piece]) -> tuple[Piece, ...]:
    """Join changes that only a space parts: words changed in a row read as one change."""
    joined: list[Piece] = []
    gone, new = "", ""
    for number, piece in enumerate(found):
        is_last = number + 1 == len(found)
        changed = bool(gone or new)
        if piece.kind == "gone":
            gone += piece.text
        elif piece.kind == "new":
            new += piece.text
        # The space after the last change belongs to neither
        elif changed and not is_last and not piece.text.strip():
            gone += piece.text
            new += piece.text
        else:
            joined += [*_change(gone, new), piece]
            gone, new = "", ""
    return (*joined, *_change(gone, new))


def _change(gone: str, new: str) -> list[Piece]:
    """Give what is gone before what is new, each only where there is any."""
    pieces = [Piece("gone", gone), Piece("new", new)]
    return [piece for piece in pieces if piece.text]


def edited(parts: Sequence[Piece]) -> bool:
    """Say whether the pieces are those of one text that was edited, so that they read
    well in a row.
    """
    return any(piece.kind == "same" and piece.text.strip() for piece in parts)


MOST_SERVERS = 200


class Proof(Struct, frozen=True):
    """Evidence: a quotation, and what is different in it when it is a text that was edited."""

    quote: Quote
    iso: str
    pieces: tuple[Piece, ...]


class EventBrief(Struct, frozen=True):
    """An event as the front page lists it."""

    kind: str
    # The gravest first
    rank: int
    tag: str
    suspected: bool
    headline: str
    summary: str
    anchor: str
    # From the site's root
    page: str
    iso: str
    day: str
    products: tuple[str, ...]
    # What the text filter looks at, in lower case
    search: str
    # Pairs of source and address
    sources: tuple[tuple[str, str], ...]


class EventStory(Struct, frozen=True):
    """An event as its update's page shows it, with its evidence."""

    story: Story
    kind: str
    version: int
    suspected: bool
    anchor: str
    iso: str
    day: str
    moment: str
    proofs: tuple[Proof, ...]


class Page(Struct, frozen=True):
    """An update's page."""

    path: str
    id: str
    title: str
    # Announced, released, pulled, suspected
    state: str
    kbs: tuple[tuple[str, str], ...]
    version: int
    released: datetime | None
    # When the current version came
    current: datetime | None
    # When it was pulled
    since: datetime | None
    # It was there at the first check: it has no event
    known: bool
    # Known issues of the current version, the newest first
    issues: tuple[EventStory, ...]
    summary: str
    caution: str
    actions: tuple[str, ...]
    rows: tuple[Row, ...]
    packaged: bool
    flaws: tuple[Flaw, ...]
    guidance: tuple[Saying, ...]
    vendor: str
    supersedes: tuple[str, ...]
    line: Timeline | None
    # The newest first
    told: tuple[EventStory, ...]
    links: tuple[str, ...]
    # The administrator's that it concerns, where they are published
    servers: tuple[ServerText, ...]
    more_servers: int


def brief(event: Event, form: Form) -> EventBrief:
    """Make an event ready to be listed."""
    headline, ref = headline_of(event, form.words), event.update
    summary, tag = line(event.summary, 600), tag_of(event, form.words)
    words = [headline, summary, tag, *ref.products, *ref.kbs, *ref.cves, *ref.builds]
    sources: dict[tuple[str, str], None] = {}
    for proof in event.evidence[:10]:
        name = line(form.words.name("source", proof.source), 100)
        sources[name, link(proof.url)] = None
    return EventBrief(
        event.kind.value,
        EVENT_KINDS[event.kind].gravity,
        tag,
        event.confidence is Confidence.SUSPECTED,
        headline,
        summary,
        anchor(event.id),
        page_path(ref.id),
        time(event.time),
        form.words.day(event.time, form.zone),
        tuple(line(product, 100) for product in ref.products),
        line(" ".join(words).lower(), 1200),
        tuple(sources),
    )


def with_evidence(event: Event, form: Form) -> EventStory:
    """Make an event ready to be shown with its evidence."""
    one = story(event, form)
    proofs = []
    # A story quotes the first ten pieces of evidence
    for quote, proof in zip(one.quotes, event.evidence, strict=False):
        proofs.append(Proof(quote, time(proof.time), _pieces(quote)))
    return EventStory(
        one,
        event.kind.value,
        event.update.version,
        one.suspected,
        anchor(event.id),
        time(event.time),
        form.words.day(event.time, form.zone),
        one.time,
        tuple(proofs),
    )


def _pieces(quote: Quote) -> tuple[Piece, ...]:
    """Give what was edited, () where the two texts have too little in common to be read as one."""
    if not (quote.before and quote.after):
        return ()
    before, after = "\n".join(quote.before), "\n".join(quote.after)
    pieces = differences(before, after)
    if not edited(pieces):
        return ()
    return pieces


def page(
    update: Update,
    events: Sequence[Event],
    form: Form,
    servers: Sequence[Exposure] = (),
) -> Page:
    """Compose the page of ``update``.

    ``events`` are its own, in order, ``servers`` those that are shown on it.
    """
    listing = listing_of(update, events)
    state_event = _state_event(update, events)
    now = story(state_event, form)
    latest = _latest(events, form)
    pulled = update.has_pulled_packages
    doubted = listing.suspected and not pulled
    newest_first = tuple(with_evidence(event, form) for event in reversed(events))
    issues = _issues(newest_first, update.version)
    # What is perhaps pulled is held back: servers are told what they would be of a pull
    held = replace(state_event, kind=Kind.PULLED, confidence=Confidence.SUSPECTED)
    shown_event = held if doubted else state_event
    steps = server_steps.steps_of_event(shown_event, servers)
    return Page(
        path=listing.page,
        id=listing.id,
        title=with_version(line(update.title or update.id, 160), update.version),
        state=_state(update, doubted=doubted),
        kbs=_articles(now),
        version=update.version,
        released=update.released,
        current=listing.current,
        since=listing.pulled,
        known=not events,
        issues=issues,
        summary=latest.summary if latest else "",
        caution=latest.caution if latest and doubted else "",
        actions=_actions(update, now, latest, issues),
        rows=now.rows,
        packaged=now.packaged,
        flaws=now.flaws,
        guidance=_guidance(events, form),
        vendor=_vendor(now, latest, form),
        supersedes=_supersedes(update),
        line=timeline(update, events, form.words, form.zone),
        told=newest_first,
        links=_links(update),
        servers=event_server_texts(
            steps[:MOST_SERVERS], form.words, shown_event, now.title, now.vendor
        ),
        more_servers=max(0, len(steps) - MOST_SERVERS),
    )


def _state_event(update: Update, events: Sequence[Event]) -> Event:
    """Give an event that says how ``update`` is now, with all that is stored of it."""
    kind = {
        State.PULLED: Kind.PULLED,
        State.PULLED_IN_PART: Kind.PULLED,
        State.RELEASED: Kind.RELEASED,
        State.ANNOUNCED: Kind.ANNOUNCED,
    }[update.state]
    builds = dict.fromkeys(package.build for package in update.packages)
    # A package that is known by its KB article alone
    builds.pop("", None)
    cves = tuple(advisory.id for advisory in update.advisories)
    reference = UpdateRef(
        update.id,
        update.title,
        update.version,
        update.products,
        all_articles(update),
        cves,
        tuple(builds),
    )
    return Event(
        update.id,
        update.last_changed,
        kind,
        Confidence.CONFIRMED,
        reference,
        "",
        evidence=events[-1].evidence if events else (),
        packages=update.packages,
        advisories=update.advisories,
        pulled=update.state is State.PULLED,
    )


def _main_events(events: Sequence[Event]) -> list[Event]:
    """Give the events with which a page may open, all where there is no such event."""
    main = [event for event in events if EVENT_KINDS[event.kind].opens_page]
    return main or list(events)


def _latest(events: Sequence[Event], form: Form) -> Story | None:
    """Give the last event that decides what to do: known issues come on top of it."""
    main = _main_events(events)
    if not main:
        return None
    deciding = [event for event in main if event.kind is not Kind.KNOWN_ISSUE]
    return story((deciding or main)[-1], form)


def _issues(newest_first: Sequence[EventStory], version: int) -> tuple[EventStory, ...]:
    """Give the known issues of a version."""
    issues = (one for one in newest_first if one.kind == Kind.KNOWN_ISSUE.value)
    return tuple(one for one in issues if one.version == version)


def _state(update: Update, *, doubted: bool) -> str:
    if doubted:
        return "suspected"
    return "news" if update.type == "news" else update.state.value


def _articles(now: Story) -> tuple[tuple[str, str], ...]:
    """Give the KB articles of the current version, else those of the update, each with
    its address.
    """
    # The article of a package that was replaced is not the update's any more
    current = [(row.kb, row.kb_url) for row in now.rows if row.kb and not row.replaced]
    return tuple(dict.fromkeys(current)) or now.other_kbs


def _actions(
    update: Update, now: Story, latest: Story | None, issues: Sequence[EventStory]
) -> tuple[str, ...]:
    """Say what to do: by the last event that decides, and by the newest known issue."""
    pulled = update.state is State.PULLED
    steps: list[str] = []
    if latest:
        steps += latest.actions
    # What is pulled is not installed, with its known issues or without
    if latest and issues and not pulled:
        steps += issues[0].story.actions
    if pulled and not steps:
        steps += now.actions
    return tuple(dict.fromkeys(steps))


def _guidance(events: Sequence[Event], form: Form) -> tuple[Saying, ...]:
    """Give what the vendor says to do, from the last event in which it does."""
    for event in reversed(_main_events(events)):
        if event.guidance:
            return story(event, form).sayings
    return ()


def _vendor(now: Story, latest: Story | None, form: Form) -> str:
    """Name the vendor: the packages say it, else the last event."""
    unnamed = now.vendor == form.words.say("vendor", "other")
    return latest.vendor if latest and unnamed else now.vendor


def _supersedes(update: Update) -> tuple[str, ...]:
    """Name the KB articles in whose place the update comes."""
    found: dict[str, None] = {}
    for package in update.packages:
        found |= dict.fromkeys(line(kb, 40) for kb in package.supersedes)
    return tuple(found)[:20]


def _links(update: Update) -> tuple[str, ...]:
    """Give the vendor's pages about the update."""
    found = dict.fromkeys(map(link, update.links))
    # What is no harmless address
    found.pop("", None)
    return tuple(found)[:20]
