"""From a decision to an event: its id, its evidence, and everything that mail and page need."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.advice import (
    anchors_of,
    codes_of,
    has_workaround,
    issue_links,
    new_guidance,
    new_tables,
)
from watcher.judgement.change_reading import ChangeReading, PassageStatement
from watcher.judgement.packages import (
    current_packages,
    exact_products,
    is_pulled_package,
    stated_articles,
)
from watcher.judgement.tracks import with_extended_support
from watcher.records import (
    ChangeKind,
    Confidence,
    Entry,
    Event,
    Evidence,
    Kind,
    Package,
    Update,
    UpdateRef,
)

# Characters of a quote
EXCERPT = 600
_WORD_FOR_CHANGE = {
    ChangeKind.APPEARED: "added",
    ChangeKind.MISSING: "removed",
    ChangeKind.RETURNED: "added",
}


class Quote(Struct, frozen=True):
    """What stood there before, and what stands there now."""

    before: str
    after: str


def quote_evidence(
    reading: ChangeReading, statements: Iterable[PassageStatement] = ()
) -> tuple[Evidence, ...]:
    """Quote what a change's reading rests on; at least one piece.

    The deciding sentences and the packages, else the new sentences.
    """
    change = reading.change
    evidence = []
    for quote in _quotes(reading, statements):
        piece = Evidence(
            source=change.source,
            url=reading.entry.url or change.url,
            time=change.time,
            sha256=change.sha256,
            change=_WORD_FOR_CHANGE.get(change.kind, "modified"),
            before=excerpt(quote.before),
            after=excerpt(quote.after),
        )
        evidence.append(piece)
    return tuple(evidence)


def _quotes(
    reading: ChangeReading, statements: Iterable[PassageStatement]
) -> list[Quote]:
    # A row that is gone says nothing now
    if reading.change.after is None:
        return [Quote(_entry_text(reading.entry), "")]
    quotes = []
    sentences = dict.fromkeys(statement.sentence for statement in statements)
    if sentences:
        quotes.append(Quote("", "\n".join(_without_starts(list(sentences)))))
    if reading.new_packages or reading.lost_packages or reading.changed_packages:
        quotes.append(_quote_packages(reading))
    return quotes or [_quote_new_text(reading, reading.change.after)]


def _without_starts(texts: list[str]) -> list[str]:
    """Leave out what another of the texts begins with.

    The title of an issue is its first sentence, cut short.
    """
    found = []
    for text in texts:
        start = text.removesuffix("...").removesuffix("…").strip()
        others = [each for each in texts if each != text]
        if not any(other.startswith(start) for other in others):
            found.append(text)
    return found


def _quote_packages(reading: ChangeReading) -> Quote:
    old, new = list(reading.lost_packages), list(reading.new_packages)
    for pair in reading.changed_packages:
        old.append(pair.before)
        new.append(pair.after)
    return Quote(_package_list(old), _package_list(new))


def _quote_new_text(reading: ChangeReading, after: Entry) -> Quote:
    """Quote the new sentences, else the entry's title and packages."""
    before = reading.change.before
    passages = [each for each in reading.new_passages if each.name != "title"]
    new_text = "\n".join(passage.text for passage in passages)
    old_text = _entry_text(before) if before else ""
    return Quote(old_text, new_text or _entry_text(after))


def quote_all(
    readings: Iterable[ChangeReading],
    statements: Iterable[PassageStatement] | None = None,
    kind: Kind | None = None,
) -> list[Evidence]:
    """Quote what several changes rest on.

    ``statements`` are those that decided, or all those of ``kind``.
    """
    deciding = tuple(statements or ())
    evidence: list[Evidence] = []
    for reading in readings:
        if kind is None:
            quoted = [each for each in reading.statements if each in deciding]
        else:
            quoted = reading.statements_of(kind)
        evidence += quote_evidence(reading, quoted)
    return evidence


def excerpt(text: str) -> str:
    """Give a quote of bearable length; what stood in paragraphs still does.

    At most ``EXCERPT`` letters, the last one "…" where something was cut.
    """
    folded = "\n".join(filter(None, map(normalize.fold, text.splitlines())))
    if len(folded) <= EXCERPT:
        return folded
    return folded[: EXCERPT - 1].rstrip() + "…"


def unique_evidence(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Give evidence without repetitions."""
    # Six CVEs of one update say the same: it is quoted once
    seen: dict[tuple[str, str, str], Evidence] = {}
    for piece in evidence:
        seen.setdefault((piece.source, piece.before, piece.after), piece)
    return tuple(seen.values())


def _package_list(packages: Iterable[Package]) -> str:
    named = []
    for package in packages:
        names = (package.product, package.kb, package.build, package.file)
        named.append(" ".join(filter(None, names)))
    return "; ".join(named)


def _entry_text(entry: Entry) -> str:
    if not entry.packages:
        return entry.title
    return f"{entry.title}: {_package_list(entry.packages)}"


_CHANNELS = {
    "download-center": re.compile(r"download cent(?:er|re)", re.IGNORECASE),
    # The catalogue is another channel, and "Windows updates for ..." is none
    "windows-update": re.compile(
        r"(?:windows|microsoft) update(?!\s+catalog)s?\b(?! for)", re.IGNORECASE
    ),
    "update-catalog": re.compile(r"update catalog", re.IGNORECASE),
    "wsus": re.compile(r"\bwsus\b|windows server update services", re.IGNORECASE),
}


class Summary(Struct, frozen=True):
    """The sentence of an event, in English.

    Its key and what fills it in, for other languages ("" where it is none of the fixed
    ones).
    """

    text: str
    key: str = ""
    places: tuple[tuple[str, str], ...] = ()


def compose_event(  # noqa: PLR0913 - an event has that many parts
    update: Update,
    kind: Kind,
    now: datetime,
    *,
    summary: Summary,
    evidence: Iterable[Evidence] = (),
    readings: Sequence[ChangeReading] = (),
    confidence: Confidence = Confidence.CONFIRMED,
    packages: Sequence[Package] | None = None,
    because: str = "",
    distinction: str = "",
    corrects: str = "",
    scope: tuple[str, ...] = (),
) -> Event:
    """Compose an event of an update as it stands after the decision.

    ``readings`` are the changes that it tells of, ``packages`` those that it is true of
    when they are not all of the current version.  ``distinction`` tells two events of
    one kind and check apart.
    """
    chosen = current_packages(update) if packages is None else packages
    of_event = [with_extended_support(each, update.released) for each in chosen]
    guidance = new_guidance(readings)
    deciding: list[str] = []
    for reading in readings:
        deciding += [said.sentence for said in reading.statements_of(kind)]
    return Event(
        id=event_id(update.id, kind, confidence, update.version, now, distinction),
        time=now,
        kind=kind,
        confidence=confidence,
        update=update_reference(update, packages),
        summary=summary.text,
        scope=scope or channels_named(deciding),
        corrects=corrects,
        evidence=unique_evidence(evidence),
        thread=update.thread or update.id,
        packages=tuple(sorted(of_event, key=_newest_build_first, reverse=True)),
        advisories=update.advisories,
        guidance=guidance,
        because=because,
        previous=update.last,
        pulled=any(is_pulled_package(update, package) for package in of_event)
        or update.is_pulled,
        phrase=summary.key,
        places=summary.places,
        workaround=has_workaround(readings),
        links=issue_links(readings),
        tables=new_tables(readings),
        anchors=anchors_of(readings, guidance),
        codes=codes_of(readings, guidance),
    )


def event_id(
    update: str,
    kind: Kind,
    confidence: Confidence,
    version: int,
    time: datetime,
    distinction: str = "",
) -> str:
    """Give a stable id: the same history gives the same one.

    20 hex digits.  ``distinction`` parts events that are alike in all else: the CVEs of
    one check.  A killed run that decides again finds its own event there.
    """
    parts = (update, kind, confidence, str(version), time.isoformat(), distinction)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:20]


def _newest_build_first(package: Package) -> tuple[tuple[int, ...], str, str]:
    return normalize.build_key(package.build), package.product, package.kb


def update_reference(
    update: Update, packages: Sequence[Package] | None = None
) -> UpdateRef:
    """Give an update as an event shows it.

    With the packages in question, else those of its current version, else its KB
    articles.
    """
    of_event = current_packages(update) if packages is None else packages
    kbs = {package.kb for package in of_event if package.kb}
    products = {package.product for package in of_event if package.product}
    builds = {package.build for package in of_event if package.build}
    return UpdateRef(
        id=update.id,
        title=update.title,
        version=update.version,
        products=exact_products(products or update.products),
        kbs=tuple(sorted(kbs or set(stated_articles(update) or update.kbs))),
        cves=tuple(sorted(advisory.id for advisory in update.advisories)),
        builds=tuple(sorted(builds, key=normalize.build_key)),
    )


def join_events(event: Event, more: Event) -> Event:
    """Give one event for what two updates say alike.

    The first one, with the products and packages of both.
    """
    one, other = event.update, more.update
    builds = {*one.builds, *other.builds}
    update = replace(
        one,
        products=exact_products({*one.products, *other.products}),
        kbs=tuple(sorted({*one.kbs, *other.kbs})),
        builds=tuple(sorted(builds, key=normalize.build_key)),
    )
    return replace(
        event,
        update=update,
        packages=(*event.packages, *more.packages),
        evidence=unique_evidence((*event.evidence, *more.evidence)),
    )


def channels_named(sentences: Iterable[str]) -> tuple[str, ...]:
    """Give the distribution channels that sentences name.

    As the names of channels: ``windows-update``, ``update-catalog``, ``wsus``,
    ``download-center``.
    """
    text = "\n".join(sentences)
    return tuple(name for name, pattern in _CHANNELS.items() if pattern.search(text))
