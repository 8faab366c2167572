"""From a decided case to an event: its id, sentence, quotes and guidance."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import advice, identify, normalize, tabled
from watcher.judgement.facts import Fact, Said
from watcher.records import (
    Advisory,
    ChangeKind,
    Confidence,
    Entry,
    Event,
    Evidence,
    Kind,
    Package,
    State,
    Table,
    Update,
    UpdateRef,
)

# Characters of a quote
EXCERPT = 600
# Of a known issue
LINKS = 5
# Sentences beside those in tables
GUIDANCE = 12
# Sentences in tables
TABLED = 60
_CHANNELS = (
    ("download-center", re.compile(r"download cent(?:er|re)", re.IGNORECASE)),
    (
        "windows-update",
        re.compile(
            r"(?:windows|microsoft) update(?!\s+catalog)s?\b(?! for)", re.IGNORECASE
        ),
    ),
    ("update-catalog", re.compile(r"update catalog", re.IGNORECASE)),
    ("wsus", re.compile(r"\bwsus\b|windows server update services", re.IGNORECASE)),
)
_EMPTY = re.compile(
    r"^(?:information published|initial release)\.?$|^why (?:are|is|did)\b.*\?$",
    re.IGNORECASE,
)


class Phrase(Struct, frozen=True):
    """A sentence in English.

    Its key and what fills it in, for other languages ("" where it is none of the fixed
    ones).
    """

    text: str
    key: str = ""
    places: tuple[tuple[str, str], ...] = ()


def event_id(
    update: str,
    kind: Kind,
    confidence: Confidence,
    version: int,
    time: datetime,
    mark: str = "",
) -> str:
    """A stable id: the same history gives the same one."""
    text = "|".join((update, kind, confidence, str(version), time.isoformat(), mark))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def reference(row: Update, packages: Sequence[Package] | None = None) -> UpdateRef:
    """An update as an event shows it.

    The packages in question, else those of its current version, else its KB articles.
    """
    shown = current(row) if packages is None else tuple(packages)
    kbs = [package.kb for package in shown if package.kb] or list(
        articles(row) or row.kbs
    )
    return UpdateRef(
        id=row.id,
        title=row.title,
        version=row.version,
        products=tuple(
            sorted(
                {package.product for package in shown if package.product}
                or set(row.products)
            )
        ),
        kbs=tuple(sorted(set(kbs))),
        cves=tuple(sorted(advisory.id for advisory in row.advisories)),
        builds=tuple(
            sorted(
                {package.build for package in shown if package.build},
                key=normalize.build_key,
            )
        ),
    )


def current(row: Update) -> tuple[Package, ...]:
    """The packages of an update's current version.

    Those of the newest version that has any, unless words name other articles.
    """
    if articles(row):
        return ()
    newest = max(
        (p.version for p in row.packages if p.version <= row.version), default=1
    )
    return tuple(p for p in row.packages if p.version == newest)


def articles(row: Update) -> tuple[str, ...]:
    """The KB articles of a version of which words alone have told.

    () when it has packages or is offered under the articles it had.
    """
    if not row.former or any(
        package.version >= row.version for package in row.packages
    ):
        return ()
    return tuple(kb for kb in row.kbs if kb not in row.former)


def all_articles(row: Update) -> tuple[str, ...]:
    """All KB articles of an update, those of a version of which words alone have told first."""
    return tuple(
        dict.fromkeys(
            [
                *articles(row),
                *(package.kb for package in row.packages if package.kb),
                *row.kbs,
            ]
        )
    )


def event(  # noqa: PLR0913 - an event has that many parts
    row: Update,
    kind: Kind,
    now: datetime,
    *,
    summary: Phrase,
    evidence: Iterable[Evidence] = (),
    facts: Sequence[Fact] = (),
    confidence: Confidence = Confidence.CONFIRMED,
    packages: Sequence[Package] | None = None,
    because: str = "",
    mark: str = "",
    corrects: str = "",
    scope: tuple[str, ...] = (),
) -> Event:
    """Compose an event of a row as it stands after the decision."""
    shown = current(row) if packages is None else packages
    return Event(
        id=event_id(row.id, kind, confidence, row.version, now, mark),
        time=now,
        kind=kind,
        confidence=confidence,
        update=reference(row, packages),
        summary=summary.text,
        scope=scope
        or scopes(
            said.sentence for fact in facts for said in fact.said if said.kind is kind
        ),
        corrects=corrects,
        evidence=unique(evidence),
        thread=row.thread or row.id,
        packages=tuple(
            sorted(
                shown,
                key=lambda p: (normalize.build_key(p.build), p.product, p.kb),
                reverse=True,
            )
        ),
        advisories=row.advisories,
        guidance=guidance(facts),
        because=because,
        previous=row.last,
        pulled=row.state is State.PULLED,
        phrase=summary.key,
        places=summary.places,
        workaround=_workaround(facts),
        links=links(facts),
        tables=tables(facts),
    )


def _workaround(facts: Sequence[Fact]) -> bool:
    return any(
        name == "workaround" and advice.is_workaround(text)
        for fact in facts
        for name, text in fact.sentences
    )


def joined(told: Event, more: Event) -> Event:
    """One event for what two updates say alike.

    The first one's, with the products and packages of both.
    """

    def both(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted({*one, *other}))

    update = replace(
        told.update,
        products=both(told.update.products, more.update.products),
        kbs=both(told.update.kbs, more.update.kbs),
        builds=tuple(
            sorted({*told.update.builds, *more.update.builds}, key=normalize.build_key)
        ),
    )
    return replace(
        told,
        update=update,
        packages=(*told.packages, *more.packages),
        evidence=unique((*told.evidence, *more.evidence)),
    )


def scopes(sentences: Iterable[str]) -> tuple[str, ...]:
    """The distribution channels that sentences name."""
    text = "\n".join(sentences)
    return tuple(name for name, pattern in _CHANNELS if pattern.search(text))


def guidance(facts: Sequence[Fact]) -> tuple[str, ...]:
    """The vendor's own new words, as paragraphs; what every record says is left out."""
    told: list[str] = []
    for fact in facts:
        for passage, text in fact.sentences:
            if passage in ("title", "cause", "note"):
                continue
            for paragraph in text.splitlines():
                folded = normalize.fold(paragraph)
                if folded and folded not in told and not _EMPTY.match(folded):
                    told.append(folded)
    known = tables(facts)
    inside = [
        text for text in told if any(tabled.holds(table, text) for table in known)
    ][:TABLED]
    beside = (
        [text for text in told if text not in inside][:GUIDANCE]
        if inside
        else told[:GUIDANCE]
    )
    return tuple(text for text in told if text in inside or text in beside)


def tables(facts: Sequence[Fact]) -> tuple[Table, ...]:
    """The vendor's own tables that hold what is new, whole.

    Half of one would say something else.
    """
    found = (
        table
        for fact in facts
        for table in tabled.new(
            fact.entry.tables,
            (line for _, text in fact.sentences for line in text.splitlines()),
        )
    )
    return tuple(dict.fromkeys(found))[: tabled.MOST]


def cases(fact: Fact) -> tuple[tuple[tuple[str, ...], Table], ...]:
    """The tables of one change with the sentences that they hold.

    What a further source adds to what is told already.
    """
    said = guidance([fact])
    return tuple(
        (tuple(text for text in said if tabled.holds(table, text)), table)
        for table in tables([fact])
    )


def links(facts: Sequence[Fact]) -> tuple[str, ...]:
    """Where the text of known issues leads: their workarounds often stand elsewhere."""
    found = (
        link
        for fact in facts
        if any(passage.name == "issue" for passage in fact.entry.passages)
        for link in fact.entry.links
    )
    return tuple(dict.fromkeys(found))[:LINKS]


def unique(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Evidence without repetitions: six CVEs that say the same quote it once."""
    seen: dict[tuple[str, str, str], Evidence] = {}
    for piece in evidence:
        seen.setdefault((piece.source, piece.before, piece.after), piece)
    return tuple(seen.values())


def evidence(fact: Fact, said: Iterable[Said] = ()) -> tuple[Evidence, ...]:
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
            _package(p) for p in (*fact.gone, *(pair[0] for pair in fact.grown))
        )
        pieces.append(
            (
                before,
                "; ".join(
                    _package(p)
                    for p in (*fact.fresh, *(pair[1] for pair in fact.grown))
                ),
            )
        )
    if not pieces and change.after is not None:
        before = "" if change.before is None else _line(change.before)
        pieces.append(
            (
                before,
                " ".join(text for passage, text in fact.sentences if passage != "title")
                or _line(change.after),
            )
        )
    if change.after is None and change.before is not None:
        pieces = [(_line(change.before), "")]
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


def advisories(row: Update, entries: Iterable[Entry]) -> tuple[Advisory, ...]:
    """The row's advisories with what entries newly say of them; yes stays yes."""
    known = {advisory.id: advisory for advisory in row.advisories}
    for entry in entries:
        for cve in entry.cves:
            old = known.get(cve, Advisory(cve))
            # The advisory itself: a post about it does not give it its headline
            its = cve in entry.key.upper()
            mine = len(entry.cves) == 1 or entry.key.upper() == cve
            known[cve] = replace(
                old,
                title=(entry.title if its and entry.title != cve else "") or old.title,
                severity=entry.severity or old.severity,
                cvss=entry.cvss if entry.cvss is not None else old.cvss,
                vector=entry.vector or old.vector,
                exploited=old.exploited or bool(mine and entry.exploited),
                disclosed=old.disclosed or bool(mine and entry.disclosed),
                url=(entry.url if its else "") or old.url,
            )
    return tuple(known[cve] for cve in sorted(known))


def named(row: Update, packages: Sequence[Package] | None = None) -> str:
    """Title, version and KB articles: "Exchange Server November 2024 SU v2 (KB5049233)"."""
    ref = reference(row, packages)
    kbs = [kb for kb in ref.kbs if kb.lower() not in row.title.lower()]
    shown = ", ".join(kbs[:4]) + (", …" if len(kbs) > 4 else "")
    return identify.with_version(row.title, row.version) + (
        f" ({shown})" if shown else ""
    )


def products(names: Sequence[str]) -> str:
    """Products in a sentence."""
    shown = sorted(set(names))
    return ", ".join(shown[:4]) + (
        f" and {len(shown) - 4} more" if len(shown) > 4 else ""
    )


def _package(package: Package) -> str:
    return " ".join(
        part
        for part in (package.product, package.kb, package.build, package.file)
        if part
    )


def _line(entry: Entry) -> str:
    if entry.packages:
        return f"{entry.title}: " + "; ".join(_package(p) for p in entry.packages)
    return entry.title
