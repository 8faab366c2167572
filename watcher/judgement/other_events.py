"""What else is told of a known update.

Exploitation, further products, known issues, and anything else that was revised.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from watcher.judgement import believe, normalize, schedule
from watcher.judgement.change_reading import ChangeReading, MatchedChange, UpdateChanges
from watcher.judgement.decisions import Decisions
from watcher.judgement.event import compose_event
from watcher.judgement.evidence import quote_evidence
from watcher.judgement.ledger import established_by, last_event
from watcher.judgement.packages import (
    covers_product,
    current_packages,
    holds_package,
    same_package,
)
from watcher.judgement.summary import (
    exploited_summary,
    further_summary,
    known_issue_summary,
    revised_summary,
)
from watcher.records import ChangeKind, Entry, Event, Kind, Package, State, Update

# Within this of a release its records are the same story told by further sources
SAME_STORY = timedelta(days=7)


_STORY = "another source tells of the same release"


_ASIDE = "another source has told of the update at this very check"


_EXPLOITED = "another source has told that it is exploited"


_INFORMATIONAL = re.compile(
    r"information(?:al)? (?:change|update)s? only|acknowledg", re.IGNORECASE
)


def exploitation(
    before: Update, row: Update, case: UpdateChanges, now: datetime, told: Decisions
) -> list[tuple[str, Event]]:
    """Exploited or disclosed, from no to yes.

    In a field, a catalogue or words.  One event, however many updates fix it.
    """
    known = {advisory.id: advisory for advisory in before.advisories}
    facts, cves = [], []
    for item in case.items:
        fact, cve = item.fact, next(iter(item.fact.entry.cves), "")
        old = known.get(cve)
        turned = fact.exploited and not (old and old.exploited)
        turned |= (
            fact.disclosed and old is not None and not (old.disclosed or old.exploited)
        )
        turned |= (
            fact.says(Kind.EXPLOITED)
            and old is not None
            and not old.exploited
            and fact.change.before is not None
        )
        if cve and turned and before.first_seen != now:
            facts.append(fact)
            cves.append(cve)
    if not facts:
        return []
    evidence = [
        piece
        for fact in facts
        for piece in quote_evidence(
            fact, [s for s in fact.said if s.kind is Kind.EXPLOITED]
        )
    ]
    summary = exploited_summary(
        row, cves, exploited=any(f.exploited or f.says(Kind.EXPLOITED) for f in facts)
    )
    event = compose_event(
        row,
        Kind.EXPLOITED,
        now,
        summary=summary,
        evidence=evidence,
        facts=facts,
        mark=",".join(sorted(cves)),
    )
    return [] if told.widened(event) else [(f"exploited {cves[0]}", event)]


def further_products(
    before: Update,
    row: Update,
    case: UpdateChanges,
    now: datetime,
    told: Decisions,
    used: set[int],
) -> list[tuple[str, Event]]:
    """Packages for a further product of a known update.

    The first packages of one that only words told of are evidence.
    """
    fresh: list[Package] = []
    items: list[MatchedChange] = []
    for item in case.items:
        new = [
            p
            for p in item.packages
            if id(item) not in used
            and not holds_package(before, p)
            and not covers_product(before, p)
        ]
        if new and believe.back_filled(_date(item.fact), now):
            continue
        if new and (
            before.first_seen == now
            or (not before.packages and before.state is not State.ANNOUNCED)
        ):
            told.support(established_by(before, "released") or "", [item])
            used.add(id(item))
        elif new:
            items.append(item)
            fresh += new
    if not fresh:
        return []
    used |= {id(item) for item in items}
    facts = [item.fact for item in items]
    packages = [
        p
        for p in row.packages
        if any(p.product == new.product and p.kb == new.kb for new in fresh)
    ]
    evidence = [piece for fact in facts for piece in quote_evidence(fact)]
    products = sorted({p.product for p in fresh})
    event = compose_event(
        row,
        Kind.RELEASED,
        now,
        summary=further_summary(row, products),
        evidence=evidence,
        facts=facts,
        packages=packages,
        mark=",".join(products),
    )
    return [
        (
            "released"
            if before.state is State.ANNOUNCED
            else f"released {' '.join(products)}",
            event,
        )
    ]


def _date(fact: ChangeReading) -> datetime | None:
    entry = fact.entry
    return (
        entry.published
        if fact.change.before is None
        else entry.updated or entry.published
    )


def _is_post(entry: Entry) -> bool:
    """Whether an entry is prose, no record and no row: what it says first is news."""
    return not entry.packages and not entry.revision


def known_issues(
    row: Update, case: UpdateChanges, now: datetime, used: set[int]
) -> list[tuple[str, Event]]:
    """A known issue is listed, or what to do about it has changed.

    One event a check however many sources say so.
    """
    items = []
    for item in case.items:
        fact = item.fact
        listed = any(passage.name == "issue" for passage in fact.entry.passages)
        changed = any(name in ("issue", "workaround") for name, _ in fact.sentences)
        appeared = fact.change.kind is ChangeKind.APPEARED
        recent = appeared and not believe.back_filled(
            fact.entry.published or fact.entry.updated, now
        )
        young = (
            not appeared and now - (row.released or row.first_seen) <= schedule.YOUNG
        )
        if id(item) in used:
            continue
        if (listed and changed and (recent or young)) or (
            not listed
            and item.says(Kind.KNOWN_ISSUE)
            and (fact.change.before is not None or (recent and _is_post(fact.entry)))
        ):
            items.append(item)
    if not items:
        return []
    used |= {id(item) for item in items}
    facts = [item.fact for item in items]
    evidence = [
        piece
        for fact in facts
        for piece in quote_evidence(
            fact, [s for s in fact.said if s.kind is Kind.KNOWN_ISSUE]
        )
    ]
    keys = ",".join(sorted(fact.entry.key for fact in facts))
    event = compose_event(
        row,
        Kind.KNOWN_ISSUE,
        now,
        summary=known_issue_summary(row, facts),
        evidence=evidence,
        facts=facts,
        mark=keys,
    )
    return [(f"known-issue {event.id}", event)]


def revision(
    before: Update,
    row: Update,
    case: UpdateChanges,
    now: datetime,
    told: Decisions,
    used: set[int],
) -> list[tuple[str, Event]]:
    """Anything else that changed and concerns an administrator."""
    items = []
    for item in case.items:
        if id(item) in used:
            continue
        why = _untold(before, item, now)
        if why == "":
            items.append(item)
        elif why == _STORY and last_event(before, _offered(before)):
            told.support(last_event(before, _offered(before)), [item])
        elif why == _EXPLOITED:
            told.support(last_event(before, "exploited "), [item])
        elif why == _ASIDE:
            told.support(before.told[-1][1], [item])
        else:
            told.hush(item.fact, why)
    if not items:
        return []
    facts = [item.fact for item in items]
    keys = ",".join(sorted(f"{fact.entry.key} {fact.change.sha256}" for fact in facts))
    evidence = [piece for fact in facts for piece in quote_evidence(fact)]
    event = compose_event(
        row,
        Kind.REVISED,
        now,
        summary=revised_summary(row, facts),
        evidence=evidence,
        facts=facts,
        mark=keys,
    )
    return [(f"revised {event.id}", event)]


def _untold(before: Update, item: MatchedChange, now: datetime) -> str:
    """Why an item is no news by itself; "" when it is."""
    fact = item.fact
    if (
        before.first_seen == now
        or (fact.change.before is None and _adds_nothing(before, item))
        or _moves_to_known(before, fact, now)
    ):
        return _STORY
    if fact.change.kind is ChangeKind.RETURNED:
        return "an entry that was missing is back as it was"
    texts = [
        text
        for name, text in fact.sentences
        if name.startswith(
            ("revision", "faq", "content", "workaround", "issue", "note")
        )
    ]
    if _of_another(before, item, texts):
        return "it is about another update of the same record"
    if (
        fact.fresh
        or fact.gone
        or fact.grown
        or fact.change.before is None
        or _redated(fact)
    ):
        return ""
    if not texts:
        return "nothing that concerns an administrator has changed"
    revisions = [text for name, text in fact.sentences if name.startswith("revision")]
    if (
        revisions
        and all(_INFORMATIONAL.search(normalize.fold(text)) for text in revisions)
        and not fact.said
    ):
        return "the vendor calls it an informational change"
    if _repeats_exploitation(before, fact, texts):
        return _EXPLOITED
    return _ASIDE if before.changed == now and before.told else ""


def _moves_to_known(before: Update, fact: ChangeReading, now: datetime) -> bool:
    """Whether a source only now offers the version that another one has told of lately."""
    recent = (
        before.version > 1
        and before.changed is not None
        and now - before.changed <= SAME_STORY
    )
    known = current_packages(before)
    return (
        recent
        and bool(fact.fresh)
        and not fact.grown
        and all(any(same_package(one, fresh) for one in known) for fresh in fact.fresh)
    )


def _repeats_exploitation(
    before: Update, fact: ChangeReading, texts: list[str]
) -> bool:
    """Whether new words say no more than that an advisory is exploited which is known to be so."""
    known = {advisory.id for advisory in before.advisories if advisory.exploited}
    said = {
        normalize.fold(each.sentence)
        for each in fact.said
        if each.kind is Kind.EXPLOITED
    }
    lines = (normalize.fold(line) for text in texts for line in text.split("\n"))
    same = (
        bool(said)
        and bool(set(fact.entry.cves) & known)
        and all(each.kind is Kind.EXPLOITED for each in fact.said)
    )
    return same and all(line in said or _INFORMATIONAL.search(line) for line in lines)


def _of_another(row: Update, item: MatchedChange, texts: list[str]) -> bool:
    """Whether a record offers more, but nothing more of this update, and its new words
    name products that are all not this update's.
    """
    fact = item.fact
    if (
        not fact.fresh
        or fact.gone
        or fact.grown
        or fact.change.before is None
        or any(p in item.packages for p in fact.fresh)
    ):
        return False
    named = {name.lower() for text in texts for name in normalize.products_in(text)}
    return bool(named) and not any(
        name in mine.lower() or mine.lower() in name
        for name in named
        for mine in row.products
    )


def _redated(fact: ChangeReading) -> bool:
    """Whether a table's row has got another release date: a correction that is told as one."""
    before, after = fact.change.before, fact.change.after
    return (
        before is not None
        and after is not None
        and after.label is not None
        and before.published != after.published
    )


def _offered(row: Update) -> str:
    """The fact that offered the current version.

    What a later source repeats of it is evidence for that.
    """
    return "released" if row.version == 1 else f"re-released {row.version}"


def _adds_nothing(before: Update, item: MatchedChange) -> bool:
    """Whether an entry of a known update brings no package and no advisory that is new,
    or its first advisories soon after.
    """
    known = {advisory.id for advisory in before.advisories}
    early = (
        not known
        and before.state is State.RELEASED
        and item.fact.change.time - before.first_seen <= SAME_STORY
    )
    return all(holds_package(before, package) for package in item.packages) and (
        early or set(item.fact.entry.cves) <= known
    )
