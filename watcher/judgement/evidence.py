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
    return tuple(
        Evidence(
            change.source,
            reading.entry.url or change.url,
            change.time,
            change.sha256,
            _WORD_FOR_CHANGE.get(change.kind, "modified"),
            excerpt(quote.before),
            excerpt(quote.after),
        )
        for quote in _quotes(reading, statements)
    )


def _quotes(
    reading: ChangeReading, statements: Iterable[PassageStatement]
) -> list[Quote]:
    before, after = reading.change.before, reading.change.after
    if after is None:
        return [Quote(_entry_text(reading.entry), "")]
    quotes = []
    sentences = dict.fromkeys(statement.sentence for statement in statements)
    if sentences:
        quotes.append(Quote("", " ".join(sentences)))
    if reading.new_packages or reading.lost_packages or reading.changed_packages:
        quotes.append(_quote_packages(reading))
    if quotes:
        return quotes
    new_text = [
        passage.text for passage in reading.new_passages if passage.name != "title"
    ]
    old = "" if before is None else _entry_text(before)
    return [Quote(old, " ".join(new_text) or _entry_text(after))]


def _quote_packages(reading: ChangeReading) -> Quote:
    old, new = list(reading.lost_packages), list(reading.new_packages)
    for pair in reading.changed_packages:
        old.append(pair.before)
        new.append(pair.after)
    return Quote("; ".join(map(_package_text, old)), "; ".join(map(_package_text, new)))


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
            mine = [each for each in reading.statements if each in deciding]
        else:
            mine = reading.statements_of(kind)
        evidence += quote_evidence(reading, mine)
    return evidence


def excerpt(text: str) -> str:
    """Give a quote of bearable length."""
    folded = normalize.fold(text)
    if len(folded) <= EXCERPT:
        return folded
    return folded[: EXCERPT - 1].rstrip() + "…"


def unique_evidence(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Give evidence without repetitions: six CVEs that say the same quote it once."""
    seen: dict[tuple[str, str, str], Evidence] = {}
    for piece in evidence:
        seen.setdefault((piece.source, piece.before, piece.after), piece)
    return tuple(seen.values())


def _package_text(package: Package) -> str:
    named = (package.product, package.kb, package.build, package.file)
    return " ".join(name for name in named if name)


def _entry_text(entry: Entry) -> str:
    if not entry.packages:
        return entry.title
    return f"{entry.title}: " + "; ".join(map(_package_text, entry.packages))
