"""What else is told of a known update.

Exploitation, further products, known issues, and anything else that was revised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field

from watcher.judgement import believe, normalize, schedule
from watcher.judgement.change_reading import (
    ISSUE_PASSAGES,
    ChangeReading,
    MatchedChange,
    UpdateChanges,
    is_issue,
)
from watcher.judgement.event import (
    Decisions,
    Summary,
    compose_event,
    packages_differ,
    packages_of,
    quote_kind,
    readings_of,
    tells_of_former_turn,
)
from watcher.judgement.further import offered_by
from watcher.judgement.ledger import established_by, last_event
from watcher.judgement.matching import is_about
from watcher.judgement.packages import (
    all_among,
    builds_of,
    covers_product,
    current_packages,
    is_one_named,
    is_row,
    only_words_tell_of_version,
    products_of,
    those_among,
    without,
)
from watcher.judgement.summary import (
    exploited_summary,
    further_summary,
    known_issue_summary,
    other_product_summary,
    re_released_summary,
    revised_summary,
)
from watcher.records import (
    NEVER,
    ChangeKind,
    Established,
    Event,
    Evidence,
    Kind,
    Package,
    State,
    Update,
)

# Within this of a release its records are the same story told by further sources
SAME_STORY = timedelta(days=7)
# "Updated acknowledgement. This is an informational change only."
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
    """An update that the ledger knew, and what a check says of it.

    ``before`` is the update as it was, ``update`` as it is after its state has changed
    and the changes are merged.  ``used`` are changes that an event is made of already.
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

    def compose(
        self,
        kind: Kind,
        readings: Sequence[ChangeReading],
        summary: Summary,
        *,
        evidence: Sequence[Evidence] = (),
        packages: Sequence[Package] | None = None,
        distinction: str = "",
    ) -> Event:
        """Compose an event of the update as it is now, which rests on readings.

        ``evidence`` is what quotes them where it is more than what is new in them; else
        as ``compose_event`` says.
        """
        return compose_event(
            self.update,
            kind,
            self.now,
            summary=summary,
            evidence=evidence,
            readings=readings,
            packages=packages,
            distinction=distinction,
        )

    def unused(self) -> list[MatchedChange]:
        """The changes that no event is made of yet."""
        used = set(map(id, self.used))
        return [each for each in self.changes.changes if id(each) not in used]


class NoNews(Struct, frozen=True):
    """Why a change is no news by itself.

    ``repeats`` is the event that it is further evidence for: "" for what was known from
    the start, None where it repeats none.
    """

    why: str
    repeats: str | None = None


def exploitation(check: UpdateCheck) -> list[Establishing]:
    """Compose the event that a vulnerability is exploited, or publicly known, from now on.

    A field, a catalogue or words say so.  One event, however many updates fix it.
    """
    # What the founding source says of attacks stands in its release
    if check.founded_now:
        return []
    readings = [
        reading
        for reading in readings_of(check.changes.changes)
        if _exploitation_is_new(reading, check.before)
    ]
    if not readings:
        return []
    cves = [reading.entry.cves[0] for reading in readings]
    # Attacks are told of by a field, a catalogue or words; else it is publicly known only
    exploited = any(
        reading.exploited or reading.says(Kind.EXPLOITED) for reading in readings
    )
    event = check.compose(
        Kind.EXPLOITED,
        readings,
        exploited_summary(check.update, cves, exploited=exploited),
        evidence=quote_kind(readings, Kind.EXPLOITED),
        distinction=",".join(sorted(cves)),
    )
    # One CVE that a month's update fixes for two products is one event
    if check.decisions.widen(event):
        return []
    return [Establishing(Established(Kind.EXPLOITED, detail=cves[0]), event)]


def _exploitation_is_new(reading: ChangeReading, before: Update) -> bool:
    """Whether an entry comes to say that its CVE is exploited or publicly known."""
    if not reading.entry.cves:
        return False
    advisories = {advisory.id: advisory for advisory in before.advisories}
    advisory = advisories.get(reading.entry.cves[0])
    # Words need an advisory that is known, a field or a catalogue none
    if advisory is None:
        return reading.exploited
    # Who hears of attacks needs not hear that it is publicly known
    if advisory.exploited:
        return False
    if reading.exploited or (reading.disclosed and not advisory.disclosed):
        return True
    # Words count where they are new
    return reading.says(Kind.EXPLOITED) and not reading.is_first


def further_products(check: UpdateCheck) -> list[Establishing]:
    """Compose the event that an update is out for a further product.

    The first packages of one that only words told of are evidence.
    """
    before = check.before
    matches = [each for each in check.unused() if _offers_more(each, before, check.now)]
    if not matches:
        return []
    check.used += matches
    is_return = before.version > 1
    if _is_told_already(check, matches):
        released = established_by(before, Established(Kind.RELEASED))
        earlier = last_event(before, Kind.RE_RELEASED) if is_return else released
        offered = offered_by(check.update, matches)
        check.decisions.support(earlier or "", matches, offered)
        return []
    further = _of_further_products(packages_of(matches), before)
    products = sorted(products_of(further))
    names = {(package.product, package.kb) for package in further}
    packages = [
        package
        for package in check.update.packages
        if (package.product, package.kb) in names
    ]
    # The update that an advisory waited for is out
    is_awaited = before.state is State.ANNOUNCED
    detail = "" if is_awaited else " ".join(products)
    fact = Established(Kind.RELEASED, detail=detail)
    summary = further_summary(check.update, products)
    # What comes more than a week after the second version takes the first one's place,
    # too
    if is_return:
        fact = Established(Kind.RE_RELEASED, before.version, detail=detail)
        summary = re_released_summary(check.update, packages)
    event = check.compose(
        fact.kind,
        readings_of(matches),
        summary,
        packages=packages,
        distinction=",".join(products),
    )
    return [Establishing(fact, event)]


def _is_told_already(check: UpdateCheck, matches: Sequence[MatchedChange]) -> bool:
    """Whether the event that told of an update has told of these further packages, too."""
    before = check.before
    if check.founded_now or _is_of_re_release(check):
        return True
    if not before.packages and before.state is not State.ANNOUNCED:
        return True
    if only_words_tell_of_version(before):
        return True
    return all(_words_named_it(matched, before) for matched in matches)


def corrected_products(check: UpdateCheck) -> list[Establishing]:
    """Compose the event that packages are for other products than their rows have said.

    A row that stood for CU13 and stands for CU14 now offers nothing further: who read of
    the release is not told of another one, and who runs CU14 hears that it is theirs.
    """
    corrected = []
    former: set[str] = set()
    for matched in check.unused():
        wrong = _product_before(matched, check.before)
        if wrong:
            corrected.append(matched)
            former.add(wrong)
    if not corrected:
        return []
    check.used += corrected
    packages = those_among(check.update.packages, packages_of(corrected))
    event = check.compose(
        Kind.REVISED,
        readings_of(corrected),
        other_product_summary(check.update, packages, sorted(former)),
        packages=packages,
        distinction=" ".join(sorted(former)),
    )
    return [Establishing(Established(Kind.REVISED, detail=event.id), event)]


def _product_before(matched: MatchedChange, before: Update) -> str:
    """The product that a row gave its build before it was corrected; "" where it is as it was."""
    former = matched.reading.change.before
    if former is None or not (is_row(former) and is_row(matched.entry)):
        return ""
    builds = builds_of(_of_further_products(matched.packages, before))
    for old in those_among(former.packages, before.packages):
        if old.build in builds:
            return old.product
    return ""


def _is_of_re_release(check: UpdateCheck) -> bool:
    """Whether an update's newest version was told lately: its further packages are evidence.

    Sources tell of a second version's packages in turn: a table may show September
    2026's v2 for one product before the record offers it for four.
    """
    before = check.before
    turned = before.last_turned
    if before.version == 1 or turned is None:
        return False
    return check.now - turned <= SAME_STORY


def _words_named_it(matched: MatchedChange, before: Update) -> bool:
    """Whether the words that told of the version named these products already.

    Case: in August 2023 a record said "now available for 2016 CU23 too" twelve hours
    after the post that had told v2 of 2016 CU23.
    """
    named = before.products_by_words
    for package in _of_further_products(matched.packages, before):
        if not normalize.is_named(package.product, named):
            return False
    return bool(named)


def _offers_more(matched: MatchedChange, before: Update, now: datetime) -> bool:
    """Whether a change brings packages of a further product that are not back-filled."""
    if not _of_further_products(matched.packages, before):
        return False
    entry = matched.entry
    dated = entry.published
    # A record keeps the day it was first published; its last edit says how old it is
    if not matched.reading.is_first:
        dated = entry.updated or dated
    return not believe.back_filled(dated, now)


def _of_further_products(packages: Iterable[Package], before: Update) -> list[Package]:
    """Those of the packages that an update had neither by name nor by product."""
    unheld = without(packages, before.packages)
    return [package for package in unheld if not covers_product(before, package)]


def known_issues(check: UpdateCheck) -> list[Establishing]:
    """Compose the event that a known issue is listed, or that its workaround changed.

    One event a check however many sources say so.
    """
    matches = []
    for matched in check.unused():
        if not _issue_is_new(matched, check.update, check.now):
            continue
        check.used.append(matched)
        title = title_of_issue(matched)
        listed = Established(Kind.KNOWN_ISSUE, detail=title)
        told = established_by(check.update, listed) if title else None
        if told is None:
            matches.append(matched)
        else:
            check.decisions.support(told, [matched])
    if not matches:
        return []
    readings = readings_of(matches)
    event = check.compose(
        Kind.KNOWN_ISSUE,
        readings,
        known_issue_summary(check.update, readings),
        evidence=quote_kind(readings, Kind.KNOWN_ISSUE),
        distinction=",".join(sorted(each.entry.key for each in readings)),
    )
    if check.decisions.widen_issue(event, readings):
        return []
    # One issue is known by its title, several by the event that tells of them
    titles = {title_of_issue(matched) for matched in matches}
    detail = titles.pop() if len(titles) == 1 else ""
    fact = Established(Kind.KNOWN_ISSUE, detail=detail or event.id)
    return [Establishing(fact, event)]


def title_of_issue(matched: MatchedChange) -> str:
    """Give the title of a known issue that is listed for the first time, "" for any other
    change.

    Microsoft Graph lists the issues of release health under numbers of its own.
    """
    entry = matched.entry
    if not matched.reading.appeared or entry.packages:
        return ""
    return normalize.fold(entry.title).lower() if is_issue(entry) else ""


def _issue_is_new(matched: MatchedChange, update: Update, now: datetime) -> bool:
    """Whether a change tells of a known issue that is news."""
    entry = matched.entry
    appeared = matched.reading.appeared
    # A page that is filled with issues of years ago is no news
    is_recent = appeared and not believe.back_filled(entry.dated, now)
    if not is_issue(entry):
        return _words_of_issue_are_news(matched, update, is_recent=is_recent)
    if not matched.reading.new_texts(*ISSUE_PASSAGES):
        return False
    # What is corrected in the issue of an old update is no news
    is_young = now - update.dated <= schedule.YOUNG
    return is_recent if appeared else is_young


def _words_of_issue_are_news(
    matched: MatchedChange, update: Update, *, is_recent: bool
) -> bool:
    """Whether a record, a row or a post says something new of an update's known issue.

    "We have withdrawn KB1. Do not install it." is no issue of KB2 of the same record.
    """
    statements = matched.statements_of(Kind.KNOWN_ISSUE)
    if not any(is_about(each, update, matched.entry) for each in statements):
        return False
    if not matched.reading.is_first:
        return True
    # What a new record or row says at once belongs to its release; what a post says
    # first is news
    is_post = not matched.entry.packages and not matched.entry.revision
    return is_recent and is_post


def revision(check: UpdateCheck) -> list[Establishing]:
    """Compose the event of anything else that changed and concerns an administrator.

    A change that repeats an earlier event is evidence for that; any other that is no
    news is noted with the reason.
    """
    readings = []
    for matched in check.unused():
        no_news = _no_news(check, matched)
        if no_news is None:
            readings.append(matched.reading)
        elif no_news.repeats is None:
            check.decisions.be_silent(matched.reading, no_news.why)
        else:
            offered = offered_by(check.update, [matched])
            check.decisions.support(no_news.repeats, [matched], offered)
    if not readings:
        return []
    copies = [f"{each.entry.key} {each.change.sha256}" for each in readings]
    event = check.compose(
        Kind.REVISED,
        readings,
        revised_summary(check.update, readings),
        distinction=",".join(sorted(copies)),
    )
    return [Establishing(Established(Kind.REVISED, detail=event.id), event)]


def _no_news(check: UpdateCheck, matched: MatchedChange) -> NoNews | None:
    """Why a change is no news by itself; None when it is news."""
    before, reading = check.before, matched.reading
    if check.founded_now or _moves_to_version_in_force(before, reading, check.now):
        return _same_release(before)
    if reading.is_first and _adds_nothing(before, matched):
        return _same_release(before)
    if reading.change.kind is ChangeKind.RETURNED:
        return NoNews("an entry that was missing is back as it was")

    # In January 2022 a post's new sentence was about three of its four updates
    if matched.bound == [] and reading.statements and not reading.is_first:
        return NoNews("what is new in it is about another update")

    texts = _new_texts(reading, _OF_CONCERN)
    if _is_of_another(before, matched, texts):
        return NoNews("it is about another update of the same record")
    if reading.is_first or packages_differ(reading) or _is_redated(reading):
        return None
    # MSRC changes titles without a revision
    if not texts:
        return NoNews("nothing that concerns an administrator has changed")
    return _words_are_no_news(check, reading, texts)


def _same_release(before: Update) -> NoNews:
    """What a further source tells of the version that was told.

    Record, table and post told of November 2024's v2 in turn: the later ones are
    evidence for the re-release, not for the release of v1.
    """
    if before.version > 1:
        event = last_event(before, Kind.RE_RELEASED, before.version)
    else:
        event = last_event(before, Kind.RELEASED)
    return NoNews("another source tells of the same release", event or None)


def _words_are_no_news(
    check: UpdateCheck, reading: ChangeReading, texts: Sequence[str]
) -> NoNews | None:
    """Why a change of words alone is no news; None when it is news."""
    before = check.before
    if _is_informational(reading):
        return NoNews("the vendor calls it an informational change")
    if tells_of_former_turn(reading, before):
        return NoNews("what is new in it is older than the last pull or return")
    if _repeats_exploitation(before, reading, texts):
        # Without a CVE it is the first sight of an advisory
        facts = [each for each in before.established if each.detail]
        told = [each.event for each in facts if each.kind is Kind.EXPLOITED]
        return NoNews(
            "another source has told that it is exploited", told[-1] if told else ""
        )
    if before.changed == check.now and before.established:
        return NoNews(
            "another source has told of the update at this very check",
            before.established[-1].event,
        )
    return None


def _new_texts(reading: ChangeReading, names: tuple[str, ...]) -> list[str]:
    """The new sentences of the passages whose names begin with one of ``names``."""
    passages = reading.new_passages
    return [each.text for each in passages if each.name.startswith(names)]


def _is_informational(reading: ChangeReading) -> bool:
    """Whether all that was revised is called informational: "Updated acknowledgement"."""
    # "Updated Exploited to Yes. This is an informational change only."
    if reading.statements:
        return False
    revisions = [normalize.fold(text) for text in _new_texts(reading, ("revision",))]
    return bool(revisions) and all(map(_INFORMATIONAL.search, revisions))


def _moves_to_version_in_force(
    before: Update, reading: ChangeReading, now: datetime
) -> bool:
    """Whether a source only now offers the version that another one has told of lately.

    The table of builds shows v2 hours after MSRC's record does.
    """
    if before.version == 1 or now - (before.changed or NEVER) > SAME_STORY:
        return False
    # Another build or file under the same name is more than the version told of
    if not reading.new_packages or reading.changed_packages:
        return False
    return all_among(reading.new_packages, current_packages(before))


def _repeats_exploitation(
    before: Update, reading: ChangeReading, texts: Sequence[str]
) -> bool:
    """Whether new words say no more than that an advisory is exploited which is known to be so."""
    exploited = {each.id for each in before.advisories if each.exploited}
    if exploited.isdisjoint(reading.entry.cves):
        return False
    if {each.kind for each in reading.statements} != {Kind.EXPLOITED}:
        return False
    said = {normalize.fold(each.sentence) for each in reading.statements}
    new_lines = set(map(normalize.fold, "\n".join(texts).split("\n")))
    return all(map(_INFORMATIONAL.search, new_lines - said))


def _is_of_another(
    update: Update, matched: MatchedChange, texts: Sequence[str]
) -> bool:
    """Whether a record offers more, but nothing more of this update.

    Its new words name products that are all not this update's: a CVE's record gets a
    package for Windows, and a sentence about it.
    """
    reading = matched.reading
    # Where something was taken away or exchanged, the words may be about that
    if reading.is_first or reading.lost_packages or reading.changed_packages:
        return False
    brought = reading.new_packages
    if not brought or not set(brought).isdisjoint(matched.packages):
        return False
    named: list[str] = []
    for text in texts:
        named += normalize.products_in(text)
    return not is_one_named(update.products, named)


def _is_redated(reading: ChangeReading) -> bool:
    """Whether a table's row has got another release date.

    It is a correction, and is told as one.
    """
    before, after = reading.change.before, reading.entry
    if before is None or after.label is None:
        return False
    return before.published != after.published


def _adds_nothing(before: Update, matched: MatchedChange) -> bool:
    """Whether an entry of a known update brings no package and no advisory that is new.

    Its first advisories soon after the release are the same story: the table of builds
    is there some hours before MSRC's records.
    """
    if not all_among(matched.packages, before.packages):
        return False
    if set(before.cves).issuperset(matched.entry.cves):
        return True
    # A further CVE beside known ones is a revision, however soon it comes
    if before.cves or before.state is not State.RELEASED:
        return False
    return matched.reading.change.time - before.first_seen <= SAME_STORY
