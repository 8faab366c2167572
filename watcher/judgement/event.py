"""From a decision to an event: its id, and everything that mail and page need."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.change_reading import ChangeReading
from watcher.judgement.evidence import unique_evidence
from watcher.judgement.guidance import (
    has_workaround,
    issue_links,
    new_guidance,
    new_tables,
)
from watcher.judgement.packages import (
    current_packages,
    is_pulled_package,
    stated_articles,
)
from watcher.records import (
    Confidence,
    Event,
    Evidence,
    Kind,
    Package,
    Update,
    UpdateRef,
)

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
    of_event = current_packages(update) if packages is None else packages
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
        guidance=new_guidance(readings),
        because=because,
        previous=update.last,
        pulled=any(is_pulled_package(update, package) for package in of_event)
        or update.is_pulled,
        phrase=summary.key,
        places=summary.places,
        workaround=has_workaround(readings),
        links=issue_links(readings),
        tables=new_tables(readings),
    )


def event_id(
    update: str,
    kind: Kind,
    confidence: Confidence,
    version: int,
    time: datetime,
    distinction: str = "",
) -> str:
    """Give a stable id: the same history gives the same one."""
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
        products=tuple(sorted(products or update.products)),
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
        products=tuple(sorted({*one.products, *other.products})),
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
    """Give the distribution channels that sentences name."""
    text = "\n".join(sentences)
    return tuple(name for name, pattern in _CHANNELS.items() if pattern.search(text))
