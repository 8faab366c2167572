"""What a change rests on, quoted and linked."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from watcher.judgement import normalize
from watcher.judgement.change_reading import ChangeReading, PassageStatement
from watcher.records import ChangeKind, Entry, Evidence, Kind, Package

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
        quotes.append(Quote("", " ".join(sentences)))
    if reading.new_packages or reading.lost_packages or reading.changed_packages:
        quotes.append(_quote_packages(reading))
    return quotes or [_quote_new_text(reading, reading.change.after)]


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
    new_text = " ".join(passage.text for passage in passages)
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
    """Give a quote of bearable length."""
    folded = normalize.fold(text)
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
