"""From a decision to an event: its id, and everything that mail and page need."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import advice, normalize
from watcher.judgement.change_reading import ChangeReading
from watcher.judgement.evidence import unique_evidence
from watcher.judgement.guidance import new_guidance, new_tables
from watcher.judgement.packages import current_packages, stated_articles
from watcher.records import (
    Confidence,
    Event,
    Evidence,
    Kind,
    Package,
    State,
    Update,
    UpdateRef,
)

# Of a known issue
LINKS = 5


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


class Summary(Struct, frozen=True):
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


def update_reference(
    row: Update, packages: Sequence[Package] | None = None
) -> UpdateRef:
    """An update as an event shows it.

    The packages in question, else those of its current version, else its KB articles.
    """
    shown = current_packages(row) if packages is None else tuple(packages)
    kbs = [package.kb for package in shown if package.kb] or list(
        stated_articles(row) or row.kbs
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


def compose_event(  # noqa: PLR0913 - an event has that many parts
    row: Update,
    kind: Kind,
    now: datetime,
    *,
    summary: Summary,
    evidence: Iterable[Evidence] = (),
    facts: Sequence[ChangeReading] = (),
    confidence: Confidence = Confidence.CONFIRMED,
    packages: Sequence[Package] | None = None,
    because: str = "",
    mark: str = "",
    corrects: str = "",
    scope: tuple[str, ...] = (),
) -> Event:
    """Compose an event of a row as it stands after the decision."""
    shown = current_packages(row) if packages is None else packages
    return Event(
        id=event_id(row.id, kind, confidence, row.version, now, mark),
        time=now,
        kind=kind,
        confidence=confidence,
        update=update_reference(row, packages),
        summary=summary.text,
        scope=scope
        or channels_named(
            said.sentence for fact in facts for said in fact.said if said.kind is kind
        ),
        corrects=corrects,
        evidence=unique_evidence(evidence),
        thread=row.thread or row.id,
        packages=tuple(
            sorted(
                shown,
                key=lambda p: (normalize.build_key(p.build), p.product, p.kb),
                reverse=True,
            )
        ),
        advisories=row.advisories,
        guidance=new_guidance(facts),
        because=because,
        previous=row.last,
        pulled=row.state is State.PULLED,
        phrase=summary.key,
        places=summary.places,
        workaround=_workaround(facts),
        links=issue_links(facts),
        tables=new_tables(facts),
    )


def _workaround(facts: Sequence[ChangeReading]) -> bool:
    return any(
        name == "workaround" and advice.is_workaround(text)
        for fact in facts
        for name, text in fact.sentences
    )


def join_events(told: Event, more: Event) -> Event:
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
        evidence=unique_evidence((*told.evidence, *more.evidence)),
    )


def channels_named(sentences: Iterable[str]) -> tuple[str, ...]:
    """The distribution channels that sentences name."""
    text = "\n".join(sentences)
    return tuple(name for name, pattern in _CHANNELS if pattern.search(text))


def issue_links(facts: Sequence[ChangeReading]) -> tuple[str, ...]:
    """Where the text of known issues leads: their workarounds often stand elsewhere."""
    found = (
        link
        for fact in facts
        if any(passage.name == "issue" for passage in fact.entry.passages)
        for link in fact.entry.links
    )
    return tuple(dict.fromkeys(found))[:LINKS]
