"""From a decision to an event: its id, its day, its evidence, and everything that mail and page
need; and what one check has decided so far.

A source's copy may be late by days, and tell of a pull after the return that followed it:
the days of what is said tell which word is the last, and what is older than the last turn.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.advice import (
    anchors_of,
    codes_of,
    has_workaround,
    issue_links,
    new_guidance,
    new_tables,
    tables_of_cases,
)
from watcher.judgement.change_reading import (
    ChangeReading,
    MatchedChange,
    PassageStatement,
)
from watcher.judgement.ledger import pulled_by_absence
from watcher.judgement.packages import (
    builds_of,
    current_packages,
    exact_products,
    in_build_order,
    is_pulled_package,
    kb_articles,
    products_of,
    stated_articles,
)
from watcher.judgement.tracks import with_extended_support
from watcher.records import (
    NEVER,
    ChangeKind,
    Confidence,
    Entry,
    Event,
    EventEvidence,
    EventFurther,
    EventGuidance,
    Evidence,
    Kind,
    Package,
    Silence,
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
    if packages_differ(reading):
        quotes.append(_quote_packages(reading))
    return quotes or [_quote_new_text(reading, reading.change.after)]


def readings_of(changes: Iterable[MatchedChange]) -> list[ChangeReading]:
    """Give the readings of an update's changes, in their order."""
    return [matched.reading for matched in changes]


def packages_of(changes: Iterable[MatchedChange]) -> list[Package]:
    """Give the packages that changes offer of their update, in their order.

    One that several changes offer is there as often.
    """
    return [package for matched in changes for package in matched.packages]


def packages_differ(reading: ChangeReading) -> bool:
    """Say whether an entry offers other packages than before: more, fewer or changed ones."""
    return any((reading.new_packages, reading.lost_packages, reading.changed_packages))


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
    texts = [each.text for each in reading.new_passages if each.name != "title"]
    old_text = _entry_text(before) if before else ""
    return Quote(old_text, "\n".join(texts) or _entry_text(after))


def _quote_all(
    readings: Iterable[ChangeReading], statements: Collection[PassageStatement]
) -> list[Evidence]:
    """Quote what several changes rest on; ``statements`` are those that decided."""
    evidence: list[Evidence] = []
    for reading in readings:
        deciding = [each for each in reading.statements if each in statements]
        evidence += quote_evidence(reading, deciding)
    return evidence


def deciding_words(statements: Iterable[PassageStatement]) -> str:
    """Give the rule and the words that decided.

    An event keeps it as ``because``: it answers why a sentence was taken for a pull.
    """
    named = [f"{statement.rule}: “{statement.words}”" for statement in statements]
    return "; ".join(dict.fromkeys(named))


def quote_kind(readings: Iterable[ChangeReading], kind: Kind) -> list[Evidence]:
    """Quote what several changes rest on: what they say of a kind, else what is new."""
    evidence: list[Evidence] = []
    for reading in readings:
        evidence += quote_evidence(reading, reading.statements_of(kind))
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
    """Give evidence without repetitions, in its order.

    Six CVEs of one update say the same: it is quoted once for a source.
    """
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
    evidence: Collection[Evidence] = (),
    readings: Sequence[ChangeReading] = (),
    statements: Collection[PassageStatement] = (),
    confidence: Confidence = Confidence.CONFIRMED,
    packages: Sequence[Package] | None = None,
    because: str = "",
    distinction: str = "",
    corrects: str = "",
    scope: tuple[str, ...] = (),
) -> Event:
    """Compose an event of an update as it stands after the decision.

    ``readings`` are the changes that it tells of, ``statements`` those of their words
    that decided, ``packages`` those that it is true of when they are not all of the
    current version.  ``evidence`` and ``because`` are given where these words are not
    what it rests on.  ``distinction`` tells two events of one kind and check apart.
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
        evidence=unique_evidence(evidence or _quote_all(readings, statements)),
        thread=update.thread or update.id,
        packages=tuple(sorted(of_event, key=_newest_build_first, reverse=True)),
        advisories=update.advisories,
        guidance=guidance,
        because=because or deciding_words(statements),
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
    products = products_of(of_event) - {""}
    kbs = kb_articles(of_event) or set(stated_articles(update) or update.kbs)
    return UpdateRef(
        id=update.id,
        title=update.title,
        version=update.version,
        products=exact_products(products or update.products),
        kbs=tuple(sorted(kbs)),
        cves=tuple(sorted(update.cves)),
        builds=builds_of(of_event),
    )


def is_before(one: datetime | None, other: datetime | None) -> bool:
    """Say whether one time is before another; an unknown one is before and after none."""
    return one is not None and other is not None and one < other


def join_events(event: Event, more: Event) -> Event:
    """Give one event for what two updates say alike.

    The first one, with the products and packages of both.
    """
    one, other = event.update, more.update
    update = replace(
        one,
        products=exact_products((*one.products, *other.products)),
        kbs=tuple(sorted({*one.kbs, *other.kbs})),
        builds=in_build_order((*one.builds, *other.builds)),
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


class Decisions(Struct, frozen=True):
    """Where decisions go.

    New events, evidence and guidance for earlier ones, and what led to no event, with
    the reason.
    """

    events: list[Event] = field(default_factory=list)
    evidence: list[EventEvidence] = field(default_factory=list)
    silent: list[Silence] = field(default_factory=list)
    guidance: list[EventGuidance] = field(default_factory=list)
    further: list[EventFurther] = field(default_factory=list)
    # The events that tell of known issues, by the issues' keys
    issues: dict[str, str] = field(default_factory=dict)

    def support(
        self,
        event: str,
        changes: Sequence[MatchedChange],
        offered: Collection[Package] = (),
    ) -> None:
        """Add the changes' evidence and tables of cases to an earlier event.

        ``event`` is its id, "" for what was known from the start; ``offered`` are the
        packages that the changes name, of the version of which it told.
        """
        readings = readings_of(changes)
        if not event:
            for reading in readings:
                self.be_silent(reading, "it was known from the first reading")
            return
        if offered:
            time = readings[0].change.time
            self.further.append(EventFurther(event, time, tuple(offered)))
        for reading in readings:
            for piece in quote_evidence(reading, reading.statements):
                self.evidence.append(EventEvidence(event, piece))
            for cases in tables_of_cases(reading):
                guidance = EventGuidance(event, cases.sentences, cases.table)
                self.guidance.append(guidance)

    def widen(self, event: Event) -> bool:
        """Add an event to one that says the same of the same advisories, if there is one.

        One CVE that two updates fix is exploited once.
        """
        said = event.summary.partition(";")[0]
        alike = [
            earlier
            for earlier in self.events
            if earlier.kind is event.kind and earlier.summary.partition(";")[0] == said
        ]
        return self._join_first(alike, event)

    def widen_issue(self, event: Event, readings: Iterable[ChangeReading]) -> bool:
        """Add an event to the one that tells of the same issues on another page, if any.

        Windows' issues bear one number on up to ten pages, each with the update of its
        own release.
        """
        keys = {f"{each.change.source} {each.entry.key}" for each in readings}
        first = self.issues.setdefault("|".join(sorted(keys)), event.id)
        alike = [earlier for earlier in self.events if earlier.id == first]
        return self._join_first(alike, event)

    def _join_first(self, alike: Sequence[Event], event: Event) -> bool:
        """Join an event to the first of those that say the same, if there is any."""
        if not alike:
            return False
        number = self.events.index(alike[0])
        self.events[number] = join_events(alike[0], event)
        return True

    def be_silent(self, reading: ChangeReading, why: str) -> None:
        """Keep why a change led to no event."""
        self.silent.append(Silence(reading.change.source, reading.entry.key, why))


# What is restored within this was never pulled
TAKEN_BACK = timedelta(hours=24)


def is_later(
    pulled: Iterable[PassageStatement], back: Iterable[PassageStatement]
) -> bool:
    """Say whether pulls are dated later than returns that are read with them.

    By their days: of one day the return is the later.  A copy that comes late tells of
    both at once: paused, back, and paused again.
    """
    last_pull, last_return = last_time(pulled), last_time(back)
    if last_pull is None or last_return is None:
        return False
    return last_pull.date() > last_return.date()


def last_time(statements: Iterable[PassageStatement]) -> datetime | None:
    """Give the latest date that statements bear, None where none bears one."""
    return max(_dated(each.time for each in statements), default=None)


def _dated(times: Iterable[datetime | None]) -> list[datetime]:
    """The times that are known."""
    return [time for time in times if time is not None]


def day_of_turn(
    statements: Iterable[PassageStatement],
    changes: Iterable[MatchedChange],
    before: Update,
    now: datetime,
) -> datetime:
    """Give the vendor's day of a change of state, ``now`` where he names none.

    His statements' day, else that of the rows and records which show it.  What is dated
    before the turn that it follows bears the date of that.
    """
    days = _dated(said.time for said in statements)
    if not days:
        entries = [matched.entry for matched in changes]
        days = _dated(entry.updated or entry.published for entry in entries)
    if not days:
        return now
    last_day = max(days)
    turn_before = before.turned or before.released or NEVER
    # A post bears the day alone, a record the hour of it
    if last_day.date() == turn_before.date():
        return turn_before if last_day > now else max(last_day, turn_before)
    possible = [day for day in days if turn_before < day <= now]
    return max(possible, default=now)


def is_said_later(
    statements: Iterable[PassageStatement], before: Update, turned: datetime
) -> bool:
    """Say whether dated words repeat a state on a later day than it was established.

    ``before`` is the update as it was, ``turned`` the day that ``day_of_turn`` gives.
    """
    return last_time(statements) is not None and is_before(before.turned, turned)


def is_older(statement: PassageStatement, update: Update) -> bool:
    """Say whether a sentence is dated before the day of the last change of state.

    Absence shows a pull on any day after it was said: words of it may be older.
    """
    turned = update.turned
    if statement.kind is Kind.PULLED and pulled_by_absence(update) is not None:
        turned = update.turned_before
    elif update.version > 1:
        # Noted before turns had a day of their own
        turned = update.last_turned
    return is_before(statement.time, _midnight(turned))


def tells_of_former_turn(reading: ChangeReading, update: Update) -> bool:
    """Say whether all that a change states is older than the last change of state.

    So of nothing that states nothing.
    """
    statements = reading.statements
    return bool(statements) and all(is_older(each, update) for each in statements)


def was_away_before(readings: Sequence[ChangeReading], update: Update) -> bool:
    """Say whether what is back went with an earlier pull: its return is that one's."""
    if update.version == 1:
        return False
    return is_before(_gone_since(readings), _midnight(update.turned))


def _midnight(time: datetime | None) -> datetime | None:
    """The beginning of a day, None where it is unknown."""
    return None if time is None else time.replace(hour=0, minute=0)


def was_short(readings: Sequence[ChangeReading], update: Update, now: datetime) -> bool:
    """Say whether what is back was away for less than it takes to make it anew.

    ``TAKEN_BACK``, from when the first of it was gone, else from the update's last change.
    """
    since = _gone_since(readings) or update.changed or now
    return now - since <= TAKEN_BACK


def _gone_since(readings: Sequence[ChangeReading]) -> datetime | None:
    """When the first of what is back went, None where nobody noted it."""
    return min(_dated(each.change.since for each in readings), default=None)
