"""What a change rests on, quoted and linked."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.judgement import normalize
from watcher.judgement.change_reading import ChangeReading, PassageStatement
from watcher.records import (
    ChangeKind,
    Entry,
    Evidence,
    Package,
)

# Characters of a quote
EXCERPT = 600


def unique_evidence(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Evidence without repetitions: six CVEs that say the same quote it once."""
    seen: dict[tuple[str, str, str], Evidence] = {}
    for piece in evidence:
        seen.setdefault((piece.source, piece.before, piece.after), piece)
    return tuple(seen.values())


def quote_evidence(
    fact: ChangeReading, said: Iterable[PassageStatement] = ()
) -> tuple[Evidence, ...]:
    """Quote what a fact rests on.

    The deciding sentences and the packages, else the new sentences; at least one
    piece.
    """
    change = fact.change
    pieces = []
    quotes = " ".join(dict.fromkeys(piece.sentence for piece in said))
    if quotes:
        pieces.append(("", quotes))
    if change.after is not None and (fact.fresh or fact.gone or fact.grown):
        before = "; ".join(
            _package_text(p) for p in (*fact.gone, *(pair[0] for pair in fact.grown))
        )
        pieces.append(
            (
                before,
                "; ".join(
                    _package_text(p)
                    for p in (*fact.fresh, *(pair[1] for pair in fact.grown))
                ),
            )
        )
    if not pieces and change.after is not None:
        before = "" if change.before is None else _entry_text(change.before)
        pieces.append(
            (
                before,
                " ".join(text for passage, text in fact.sentences if passage != "title")
                or _entry_text(change.after),
            )
        )
    if change.after is None and change.before is not None:
        pieces = [(_entry_text(change.before), "")]
    word = {
        ChangeKind.APPEARED: "added",
        ChangeKind.MISSING: "removed",
        ChangeKind.RETURNED: "added",
    }.get(change.kind, "modified")
    url = fact.entry.url or change.url
    return tuple(
        Evidence(
            change.source,
            url,
            change.time,
            change.sha256,
            word,
            excerpt(before),
            excerpt(after),
        )
        for before, after in pieces
    )


def excerpt(text: str) -> str:
    """A quote of bearable length."""
    folded = normalize.fold(text)
    return folded if len(folded) <= EXCERPT else folded[: EXCERPT - 1].rstrip() + "…"


def _package_text(package: Package) -> str:
    return " ".join(
        part
        for part in (package.product, package.kb, package.build, package.file)
        if part
    )


def _entry_text(entry: Entry) -> str:
    if entry.packages:
        return f"{entry.title}: " + "; ".join(_package_text(p) for p in entry.packages)
    return entry.title
