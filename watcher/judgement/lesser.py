"""The lesser facts of a known update.

Exploitation, further products, known issues, and anything else that was revised.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from watcher.judgement import believe, normalize, phrases, rows, schedule, tell
from watcher.judgement.facts import Fact, same
from watcher.judgement.matching import Case, Item
from watcher.judgement.told import Told
from watcher.records import ChangeKind, Event, Kind, Package, State, Update

# Within this of a release its records are the same story told by further sources
SAME_STORY = timedelta(days=7)
_STORY = "another source tells of the same release"
_ASIDE = "another source has told of the update at this very check"
_EXPLOITED = "another source has told that it is exploited"
_INFORMATIONAL = re.compile(
    r"information(?:al)? (?:change|update)s? only|acknowledg", re.IGNORECASE
)


def exploited(
    before: Update, row: Update, case: Case, now: datetime, told: Told
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
        for piece in tell.evidence(
            fact, [s for s in fact.said if s.kind is Kind.EXPLOITED]
        )
    ]
    summary = phrases.exploited(
        row, cves, exploited=any(f.exploited or f.says(Kind.EXPLOITED) for f in facts)
    )
    event = tell.event(
        row,
        Kind.EXPLOITED,
        now,
        summary=summary,
        evidence=evidence,
        facts=facts,
        mark=",".join(sorted(cves)),
    )
    return [] if told.widened(event) else [(f"exploited {cves[0]}", event)]


def further(
    before: Update, row: Update, case: Case, now: datetime, told: Told, used: set[int]
) -> list[tuple[str, Event]]:
    """Packages for a further product of a known update.

    The first packages of one that only words told of are evidence.
    """
    fresh: list[Package] = []
    items: list[Item] = []
    for item in case.items:
        new = [
            p
            for p in item.packages
            if id(item) not in used
            and not rows.holds(before, p)
            and not rows.covers(before, p)
        ]
        if new and believe.back_filled(_date(item.fact), now):
            continue
        if new and (
            before.first_seen == now
            or (not before.packages and before.state is not State.ANNOUNCED)
        ):
            told.support(rows.told(before, "released") or "", [item])
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
    evidence = [piece for fact in facts for piece in tell.evidence(fact)]
    products = sorted({p.product for p in fresh})
    event = tell.event(
        row,
        Kind.RELEASED,
        now,
        summary=phrases.further(row, products),
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


def _date(fact: Fact) -> datetime | None:
    entry = fact.entry
    return (
        entry.published
        if fact.change.before is None
        else entry.updated or entry.published
    )


def known_issues(
    row: Update, case: Case, now: datetime, used: set[int]
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
            and fact.says(Kind.KNOWN_ISSUE)
            and fact.change.before is not None
        ):
            items.append(item)
    if not items:
        return []
    used |= {id(item) for item in items}
    facts = [item.fact for item in items]
    evidence = [
        piece
        for fact in facts
        for piece in tell.evidence(
            fact, [s for s in fact.said if s.kind is Kind.KNOWN_ISSUE]
        )
    ]
    keys = ",".join(sorted(fact.entry.key for fact in facts))
    event = tell.event(
        row,
        Kind.KNOWN_ISSUE,
        now,
        summary=phrases.known_issue(row, facts),
        evidence=evidence,
        facts=facts,
        mark=keys,
    )
    return [(f"known-issue {event.id}", event)]


def revised(
    before: Update, row: Update, case: Case, now: datetime, told: Told, used: set[int]
) -> list[tuple[str, Event]]:
    """Anything else that changed and concerns an administrator."""
    items = []
    for item in case.items:
        if id(item) in used:
            continue
        why = _untold(before, item, now)
        if why == "":
            items.append(item)
        elif why == _STORY and rows.last_told(before, _offered(before)):
            told.support(rows.last_told(before, _offered(before)), [item])
        elif why == _EXPLOITED:
            told.support(rows.last_told(before, "exploited "), [item])
        elif why == _ASIDE:
            told.support(before.told[-1][1], [item])
        else:
            told.hush(item.fact, why)
    if not items:
        return []
    facts = [item.fact for item in items]
    keys = ",".join(sorted(f"{fact.entry.key} {fact.change.sha256}" for fact in facts))
    evidence = [piece for fact in facts for piece in tell.evidence(fact)]
    event = tell.event(
        row,
        Kind.REVISED,
        now,
        summary=phrases.revised(row, facts),
        evidence=evidence,
        facts=facts,
        mark=keys,
    )
    return [(f"revised {event.id}", event)]


def _untold(before: Update, item: Item, now: datetime) -> str:
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


def _moves_to_known(before: Update, fact: Fact, now: datetime) -> bool:
    """Whether a source only now offers the version that another one has told of lately."""
    recent = (
        before.version > 1
        and before.changed is not None
        and now - before.changed <= SAME_STORY
    )
    known = tell.current(before)
    return (
        recent
        and bool(fact.fresh)
        and not fact.grown
        and all(any(same(one, fresh) for one in known) for fresh in fact.fresh)
    )


def _repeats_exploitation(before: Update, fact: Fact, texts: list[str]) -> bool:
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


def _of_another(row: Update, item: Item, texts: list[str]) -> bool:
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


def _redated(fact: Fact) -> bool:
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


def _adds_nothing(before: Update, item: Item) -> bool:
    """Whether an entry of a known update brings no package and no advisory that is new,
    or its first advisories soon after.
    """
    known = {advisory.id for advisory in before.advisories}
    early = (
        not known
        and before.state is State.RELEASED
        and item.fact.change.time - before.first_seen <= SAME_STORY
    )
    return all(rows.holds(before, package) for package in item.packages) and (
        early or set(item.fact.entry.cves) <= known
    )
