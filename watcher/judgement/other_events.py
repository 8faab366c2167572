"""What else is told of a known update.

Exploitation, further products, known issues, and anything else that was revised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field

from watcher.judgement import believe, normalize, schedule
from watcher.judgement.change_reading import (
    ChangeReading,
    MatchedChange,
    UpdateChanges,
)
from watcher.judgement.decisions import Decisions
from watcher.judgement.event import compose_event
from watcher.judgement.evidence import quote_all
from watcher.judgement.ledger import established_by, last_event
from watcher.judgement.packages import (
    covers_product,
    current_packages,
    holds_package,
    is_among,
)
from watcher.judgement.summary import (
    exploited_summary,
    further_summary,
    known_issue_summary,
    revised_summary,
)
from watcher.records import (
    ChangeKind,
    Established,
    Event,
    Kind,
    Package,
    State,
    Update,
)

# Within this of a release its records are the same story told by further sources
SAME_STORY = timedelta(days=7)
_SAME_RELEASE = "another source tells of the same release"
_SAME_CHECK = "another source has told of the update at this very check"
_EXPLOITED = "another source has told that it is exploited"
_INFORMATIONAL = re.compile(
    r"information(?:al)? (?:change|update)s? only|acknowledg", re.IGNORECASE
)
# Passages that an administrator is to know of when they change
_OF_CONCERN = ("revision", "faq", "content", "workaround", "issue", "note")


class Establishing(Struct, frozen=True):
    """An event, and the fact that it establishes."""

    fact: Established
    event: Event


class UpdateCheck(Struct):
    """An update that the ledger knew, what a check says of it, and what was told of that.

    ``before`` is the update as it was, ``update`` as it is after its state has changed
    and the changes are merged.  ``used`` are changes of which an event tells already.
    """

    before: Update
    update: Update
    changes: UpdateChanges
    now: datetime
    decisions: Decisions
    used: list[MatchedChange] = field(default_factory=list)

    @property
    def founded_now(self) -> bool:
        """Whether the update was founded by another source of this very check."""
        return self.before.first_seen == self.now

    def unused(self) -> list[MatchedChange]:
        """The changes of which no event tells yet."""
        used = {id(matched) for matched in self.used}
        return [each for each in self.changes.changes if id(each) not in used]


def exploitation(check: UpdateCheck) -> list[Establishing]:
    """Exploited or disclosed, from no to yes.

    In a field, a catalogue or words.  One event, however many updates fix it.
    """
    readings: list[ChangeReading] = []
    cves: list[str] = []
    if check.founded_now:
        return []
    for matched in check.changes.changes:
        reading = matched.reading
        if reading.entry.cves and _exploitation_is_new(reading, check.before):
            readings.append(reading)
            cves.append(reading.entry.cves[0])
    if not readings:
        return []
    exploited = any(each.exploited or each.says(Kind.EXPLOITED) for each in readings)
    event = compose_event(
        check.update,
        Kind.EXPLOITED,
        check.now,
        summary=exploited_summary(check.update, cves, exploited=exploited),
        evidence=quote_all(readings, kind=Kind.EXPLOITED),
        readings=readings,
        distinction=",".join(sorted(cves)),
    )
    if check.decisions.widen(event):
        return []
    return [Establishing(Established(Kind.EXPLOITED, detail=cves[0]), event)]


def _exploitation_is_new(reading: ChangeReading, before: Update) -> bool:
    """Whether an entry comes to say that its CVE is exploited or publicly known."""
    cve = reading.entry.cves[0]
    stored = [advisory for advisory in before.advisories if advisory.id == cve]
    if not stored:
        # Words need an advisory that is known, a field or a catalogue none
        return reading.exploited
    advisory = stored[0]
    if advisory.exploited:
        return False
    if reading.exploited or (reading.disclosed and not advisory.disclosed):
        return True
    return reading.says(Kind.EXPLOITED) and not reading.is_first


def further_products(check: UpdateCheck) -> list[Establishing]:
    """Packages for a further product of a known update.

    The first packages of one that only words told of are evidence.
    """
    before = check.before
    only_words = not before.packages and before.state is not State.ANNOUNCED
    fresh: list[Package] = []
    telling: list[MatchedChange] = []
    for matched in check.unused():
        new = _of_further_products(matched, before)
        if not new or believe.back_filled(_dated(matched.reading), check.now):
            continue
        if check.founded_now or only_words:
            earlier = established_by(before, Established(Kind.RELEASED))
            check.decisions.support(earlier or "", [matched])
            check.used.append(matched)
            continue
        telling.append(matched)
        fresh += new
    if not fresh:
        return []
    check.used += telling
    new_names = {(package.product, package.kb) for package in fresh}
    packages = [
        package
        for package in check.update.packages
        if (package.product, package.kb) in new_names
    ]
    products = sorted({package.product for package in fresh})
    readings = [matched.reading for matched in telling]
    event = compose_event(
        check.update,
        Kind.RELEASED,
        check.now,
        summary=further_summary(check.update, products),
        evidence=quote_all(readings),
        readings=readings,
        packages=packages,
        distinction=",".join(products),
    )
    # The update that an advisory waited for is out
    first = before.state is State.ANNOUNCED
    detail = "" if first else " ".join(products)
    return [Establishing(Established(Kind.RELEASED, detail=detail), event)]


def _of_further_products(matched: MatchedChange, before: Update) -> list[Package]:
    further = []
    for package in matched.packages:
        if holds_package(before, package) or covers_product(before, package):
            continue
        further.append(package)
    return further


def _dated(reading: ChangeReading) -> datetime | None:
    entry = reading.entry
    if reading.is_first:
        return entry.published
    return entry.updated or entry.published


def known_issues(check: UpdateCheck) -> list[Establishing]:
    """A known issue is listed, or what to do about it has changed.

    One event a check however many sources say so.
    """
    telling = [
        matched
        for matched in check.unused()
        if _tells_of_issue(matched, check.update, check.now)
    ]
    if not telling:
        return []
    check.used += telling
    readings = [matched.reading for matched in telling]
    event = compose_event(
        check.update,
        Kind.KNOWN_ISSUE,
        check.now,
        summary=known_issue_summary(check.update, readings),
        evidence=quote_all(readings, kind=Kind.KNOWN_ISSUE),
        readings=readings,
        distinction=",".join(sorted(each.entry.key for each in readings)),
    )
    return [Establishing(Established(Kind.KNOWN_ISSUE, detail=event.id), event)]


def _tells_of_issue(matched: MatchedChange, update: Update, now: datetime) -> bool:
    reading, entry = matched.reading, matched.entry
    dated = entry.published or entry.updated
    appeared = reading.change.kind is ChangeKind.APPEARED
    # A page that is filled with issues of years ago is no news
    recent = appeared and not believe.back_filled(dated, now)
    if not any(passage.name == "issue" for passage in entry.passages):
        # What a new record or row says at once belongs to its release; what a post
        # says first is news
        is_post = not entry.packages and not entry.revision
        is_news = not reading.is_first or (recent and is_post)
        return is_news and bool(matched.statements_of(Kind.KNOWN_ISSUE))
    new_names = {passage.name for passage in reading.new_passages}
    if new_names.isdisjoint(("issue", "workaround")):
        return False
    # What is corrected in the issue of an old update is no news
    young = now - (update.released or update.first_seen) <= schedule.YOUNG
    return recent if appeared else young


def revision(check: UpdateCheck) -> list[Establishing]:
    """Anything else that changed and concerns an administrator."""
    telling = []
    for matched in check.unused():
        why = _why_no_news(check, matched)
        if not why:
            telling.append(matched)
            continue
        earlier = _event_that_told(check.before, why)
        if earlier is None:
            check.decisions.be_silent(matched.reading, why)
        else:
            check.decisions.support(earlier, [matched])
    if not telling:
        return []
    readings = [matched.reading for matched in telling]
    copies = [f"{each.entry.key} {each.change.sha256}" for each in readings]
    event = compose_event(
        check.update,
        Kind.REVISED,
        check.now,
        summary=revised_summary(check.update, readings),
        evidence=quote_all(readings),
        readings=readings,
        distinction=",".join(sorted(copies)),
    )
    return [Establishing(Established(Kind.REVISED, detail=event.id), event)]


def _event_that_told(before: Update, why: str) -> str | None:
    """The event that told already what a change repeats.

    "" for what was known from the start, None where the change repeats nothing.
    """
    if why == _SAME_RELEASE:
        if before.version == 1:
            return last_event(before, Kind.RELEASED) or None
        return last_event(before, Kind.RE_RELEASED, before.version) or None
    if why == _EXPLOITED:
        return _event_of_exploitation(before)
    if why == _SAME_CHECK:
        return before.established[-1].event
    return None


def _event_of_exploitation(update: Update) -> str:
    for each in reversed(update.established):
        # Without a CVE it is the first sight of an advisory
        if each.kind is Kind.EXPLOITED and each.detail:
            return each.event
    return ""


def _why_no_news(check: UpdateCheck, matched: MatchedChange) -> str:
    """Why a change is no news by itself; "" when it is."""
    before, reading = check.before, matched.reading
    if check.founded_now or _moves_to_known_version(before, reading, check.now):
        return _SAME_RELEASE
    if reading.is_first and _adds_nothing(before, matched):
        return _SAME_RELEASE
    if reading.change.kind is ChangeKind.RETURNED:
        return "an entry that was missing is back as it was"

    texts = [
        passage.text
        for passage in reading.new_passages
        if passage.name.startswith(_OF_CONCERN)
    ]
    if _is_of_another(before, matched, texts):
        return "it is about another update of the same record"
    if reading.is_first or _packages_differ(reading) or _is_redated(reading):
        return ""
    return _why_words_are_no_news(check, reading, texts)


def _why_words_are_no_news(
    check: UpdateCheck, reading: ChangeReading, texts: Sequence[str]
) -> str:
    """Why a change of words alone is no news; "" when it is."""
    before = check.before
    if not texts:
        return "nothing that concerns an administrator has changed"
    if _is_informational(reading):
        return "the vendor calls it an informational change"
    if _repeats_exploitation(before, reading, texts):
        return _EXPLOITED
    if before.changed == check.now and before.established:
        return _SAME_CHECK
    return ""


def _packages_differ(reading: ChangeReading) -> bool:
    return bool(
        reading.new_packages or reading.lost_packages or reading.changed_packages
    )


def _is_informational(reading: ChangeReading) -> bool:
    """Whether all that was revised is called informational: "Updated acknowledgement"."""
    if reading.statements:
        return False
    revisions = [
        passage.text
        for passage in reading.new_passages
        if passage.name.startswith("revision")
    ]
    for text in revisions:
        if not _INFORMATIONAL.search(normalize.fold(text)):
            return False
    return bool(revisions)


def _moves_to_known_version(
    before: Update, reading: ChangeReading, now: datetime
) -> bool:
    """Whether a source only now offers the version that another one has told of lately.

    The table of builds shows v2 hours after MSRC's record does.
    """
    if before.version == 1 or before.changed is None:
        return False
    if now - before.changed > SAME_STORY:
        return False
    if not reading.new_packages or reading.changed_packages:
        return False
    current = current_packages(before)
    return all(is_among(package, current) for package in reading.new_packages)


def _repeats_exploitation(
    before: Update, reading: ChangeReading, texts: Sequence[str]
) -> bool:
    """Whether new words say no more than that an advisory is exploited which is known to be so."""
    exploited = {each.id for each in before.advisories if each.exploited}
    if exploited.isdisjoint(reading.entry.cves) or not reading.statements:
        return False
    if len(reading.statements_of(Kind.EXPLOITED)) < len(reading.statements):
        return False
    said = {normalize.fold(each.sentence) for each in reading.statements}
    for text in texts:
        for line in map(normalize.fold, text.split("\n")):
            if line not in said and not _INFORMATIONAL.search(line):
                return False
    return True


def _is_of_another(
    update: Update, matched: MatchedChange, texts: Sequence[str]
) -> bool:
    """Whether a record offers more, but nothing more of this update.

    Its new words name products that are all not this update's: a CVE's record gets a
    package for Windows, and a sentence about it.
    """
    reading = matched.reading
    if reading.is_first or not reading.new_packages:
        return False
    if reading.lost_packages or reading.changed_packages:
        return False
    if any(package in matched.packages for package in reading.new_packages):
        return False
    named: set[str] = set()
    for text in texts:
        named.update(name.lower() for name in normalize.products_in(text))
    for product in update.products:
        mine = product.lower()
        if any(name in mine or mine in name for name in named):
            return False
    return bool(named)


def _is_redated(reading: ChangeReading) -> bool:
    """Whether a table's row has got another release date: a correction that is told as one."""
    before, after = reading.change.before, reading.change.after
    if before is None or after is None or after.label is None:
        return False
    return before.published != after.published


def _adds_nothing(before: Update, matched: MatchedChange) -> bool:
    """Whether an entry of a known update brings no package and no advisory that is new.

    Its first advisories soon after the release are the same story: the table of builds
    is there some hours before MSRC's records.
    """
    if not all(holds_package(before, package) for package in matched.packages):
        return False
    stored = {advisory.id for advisory in before.advisories}
    if stored.issuperset(matched.entry.cves):
        return True
    age = matched.reading.change.time - before.first_seen
    return not stored and before.state is State.RELEASED and age <= SAME_STORY
