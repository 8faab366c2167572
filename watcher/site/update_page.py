"""An update's page, ready to be shown.

Its life, what to do, packages, advisories, and every event with its evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement.names import with_version
from watcher.judgement.packages import all_articles
from watcher.kinds import EVENT_KINDS
from watcher.records import (
    Confidence,
    Event,
    Exposure,
    Kind,
    State,
    Update,
    UpdateRef,
)
from watcher.site import lifeline, listing
from watcher.site.feed import anchor
from watcher.site.lifeline import Lifeline
from watcher.text import difference
from watcher.text.difference import Piece
from watcher.text.event_json import time
from watcher.text.guidance import Saying
from watcher.text.plain import line, link
from watcher.text.servers import ServerText, server_texts
from watcher.text.story import (
    Flaw,
    Form,
    Quote,
    Row,
    Story,
    headline_of,
    story,
    tag_of,
)

MOST_SERVERS = 200


class Proof(Struct, frozen=True):
    """Evidence: a quotation, and what is different in it when it is a text that was edited."""

    quote: Quote
    iso: str
    pieces: tuple[Piece, ...]


class Brief(Struct, frozen=True):
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


class Told(Struct, frozen=True):
    """An event as its update's page tells it."""

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
    # From the first check on: nothing was told of it
    known: bool
    # Known issues of the current version, the newest first
    issues: tuple[Told, ...]
    summary: str
    caution: str
    actions: tuple[str, ...]
    rows: tuple[Row, ...]
    packaged: bool
    flaws: tuple[Flaw, ...]
    guidance: tuple[Saying, ...]
    vendor: str
    supersedes: tuple[str, ...]
    line: Lifeline | None
    # The newest first
    told: tuple[Told, ...]
    links: tuple[str, ...]
    # The administrator's that it concerns, where they are published
    servers: tuple[ServerText, ...]
    more_servers: int


def brief(event: Event, form: Form) -> Brief:
    """Make an event ready to be listed."""
    headline, ref = headline_of(event, form.words), event.update
    summary, tag = line(event.summary, 600), tag_of(event, form.words)
    words = [headline, summary, tag, *ref.products, *ref.kbs, *ref.cves, *ref.builds]
    sources = dict.fromkeys(
        (line(form.words.name("source", proof.source), 100), link(proof.url))
        for proof in event.evidence[:10]
    )
    return Brief(
        event.kind.value,
        EVENT_KINDS[event.kind].gravity,
        tag,
        event.confidence is Confidence.SUSPECTED,
        headline,
        summary,
        anchor(event.id),
        listing.page(ref.id),
        time(event.time),
        form.words.day(event.time, form.zone),
        tuple(line(product, 100) for product in ref.products),
        line(" ".join(words).lower(), 1200),
        tuple(sources),
    )


def told(event: Event, form: Form) -> Told:
    """Make an event ready to be told."""
    one = story(event, form)
    proofs = tuple(
        Proof(quote, time(proof.time), _pieces(quote))
        for quote, proof in zip(one.quotes, event.evidence, strict=False)
    )
    return Told(
        one,
        event.kind.value,
        event.update.version,
        one.suspected,
        anchor(event.id),
        time(event.time),
        form.words.day(event.time, form.zone),
        one.time,
        proofs,
    )


def page(
    update: Update, events: Sequence[Event], form: Form, known: Sequence[Exposure] = ()
) -> Page:
    """Compose the page of ``update``.

    ``events`` are those told of it, in order, ``known`` the servers that are shown on
    it.
    """
    now = _now(update, events)
    stand = story(now, form)
    row = listing.listing(update, events)
    latest = [event for event in events if EVENT_KINDS[event.kind].opens_page] or list(
        events
    )
    last = story(_turn(latest), form) if latest else None
    shown = tuple(told(event, form) for event in reversed(events))
    issues = tuple(
        one
        for one in shown
        if one.kind == Kind.KNOWN_ISSUE.value and one.version == update.version
    )
    steps = (
        (
            *last.actions,
            *(
                issues[0].story.actions
                if issues and update.state is not State.PULLED
                else ()
            ),
        )
        if last
        else ()
    )
    doubted = row.suspected and update.state is not State.PULLED
    return Page(
        path=row.page,
        id=row.id,
        title=with_version(line(update.title or update.id, 160), update.version),
        state="suspected"
        if doubted
        else ("news" if update.type == "news" else update.state.value),
        kbs=tuple(
            (one.kb, one.kb_url)
            for one in dict.fromkeys(_kb(one) for one in stand.rows)
            if one.kb
        )
        or stand.other_kbs,
        version=update.version,
        released=update.released,
        current=row.current,
        since=row.pulled,
        known=not events,
        issues=issues,
        summary=last.summary if last else "",
        caution=last.caution if last and doubted else "",
        actions=tuple(dict.fromkeys(steps))
        or (stand.actions if update.state is State.PULLED else ()),
        rows=stand.rows,
        packaged=stand.packaged,
        flaws=stand.flaws,
        guidance=next(
            (
                story(event, form).sayings
                for event in reversed(latest)
                if event.guidance
            ),
            (),
        ),
        vendor=stand.vendor
        if stand.vendor != form.words.say("vendor", "other")
        else (last.vendor if last else stand.vendor),
        supersedes=tuple(
            dict.fromkeys(
                line(kb, 40) for package in update.packages for kb in package.supersedes
            )
        )[:20],
        line=lifeline.lifeline(update, events, form.words, form.zone),
        told=shown,
        links=tuple(dict.fromkeys(filter(None, map(link, update.links))))[:20],
        servers=server_texts(
            known[:MOST_SERVERS],
            form.words,
            _held(now) if doubted else now,
            vendor=stand.vendor,
        ),
        more_servers=max(0, len(known) - MOST_SERVERS),
    )


def _held(now: Event) -> Event:
    """Give the event of an update that is perhaps pulled."""
    return replace(now, kind=Kind.PULLED, confidence=Confidence.SUSPECTED)


def _turn(latest: Sequence[Event]) -> Event:
    """Give the last event that decides what to do: known issues come on top of it."""
    return next(
        (event for event in reversed(latest) if event.kind is not Kind.KNOWN_ISSUE),
        latest[-1],
    )


class _Article(Struct, frozen=True):
    kb: str
    kb_url: str


def _kb(row: Row) -> _Article:
    return _Article(row.kb, row.kb_url) if not row.note else _Article("", "")


def _now(update: Update, events: Sequence[Event]) -> Event:
    """Give an event that says what stands now, with everything that is known of the update."""
    kind = {
        State.PULLED: Kind.PULLED,
        State.RELEASED: Kind.RELEASED,
        State.ANNOUNCED: Kind.ANNOUNCED,
    }[update.state]
    builds = tuple(dict.fromkeys(p.build for p in update.packages if p.build))
    cves = tuple(advisory.id for advisory in update.advisories)
    reference = UpdateRef(
        update.id,
        update.title,
        update.version,
        update.products,
        all_articles(update),
        cves,
        builds,
    )
    return Event(
        update.id,
        update.changed or update.first_seen,
        kind,
        Confidence.CONFIRMED,
        reference,
        "",
        evidence=events[-1].evidence if events else (),
        packages=update.packages,
        advisories=update.advisories,
        pulled=update.state is State.PULLED,
    )


def _pieces(quote: Quote) -> tuple[Piece, ...]:
    """Give what was edited, () where the two texts have too little in common to be read as one."""
    if not (quote.before and quote.after):
        return ()
    pieces = difference.pieces("\n".join(quote.before), "\n".join(quote.after))
    return pieces if difference.edited(pieces) else ()
