"""One case against the ledger: which events it makes, which it only supports, and what stays untold and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watcher.judgement import canonical, credible, identify, phrases, rows, schedule, tell, turns
from watcher.judgement.attribute import Case, Docket, Item
from watcher.judgement.facts import Fact
from watcher.records import ChangeKind, Event, Evidence, Kind, Package, State, Update, UpdateRef

SAME_STORY = timedelta(days=7)  # within this of a release its records are the same story told by further sources
_INFORMATIONAL = re.compile(r"information(?:al)? (?:change|update)s? only|acknowledg", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Told:
    """Where decisions go: new events, evidence for earlier ones (by event id), and what was not told, with the reason."""

    events: list[Event]
    evidence: list[tuple[str, Evidence]]
    silent: list[tuple[str, str, str]]

    def support(self, event: str, items: Iterable[Item]) -> None:
        """Add the items' evidence to an earlier event, "" for what was known from the start."""
        for item in items:
            if event:
                self.evidence.extend((event, piece) for piece in tell.evidence(item.fact, item.fact.said))
            else:
                self.hush(item.fact, "it was known from the first reading")

    def widened(self, event: Event) -> Event | None:
        """The event that already tells the same of the same advisories for another update, with this one's products added."""
        for place, told in enumerate(self.events):
            if told.kind is event.kind and told.summary.partition(";")[0] == event.summary.partition(";")[0]:
                self.events[place] = tell.joined(told, event)
                return self.events[place]
        return None

    def hush(self, fact: Fact, why: str) -> None:
        """Note why a fact led to no event."""
        self.silent.append((fact.change.source, fact.entry.key, why))


def decide(case: Case, docket: Docket, told: Told) -> None:
    """Decide one case and put the update's new row."""
    row = docket.ledger[case.update]
    if docket.ledger.is_new(row.id):
        _first(row, case, docket, told)
    else:
        _again(row, case, docket, told)


def _first(row: Update, case: Case, docket: Docket, told: Told) -> None:
    """An update or advisory that nobody knew."""
    now = docket.now
    for item in case.items:
        item.packages += item.successors
    row = rows.takeover(rows.merged(row, case), docket.ledger)
    if row.type == "advisory":
        row = replace(row, title=", ".join(advisory.id for advisory in row.advisories[:3]) or row.title)
    facts = [item.fact for item in case.items]
    recalled = any(fact.entry.label is not None and fact.entry.label.pulled for fact in facts)
    turn = turns.turn(replace(row, version=row.version, changed=None), case, now)
    kind = _first_kind(row, facts, turn, now, recalled=recalled)
    if kind is Kind.PULLED:
        row = replace(row, state=State.PULLED)
    if kind is Kind.RE_RELEASED:
        row = replace(row, version=max(2, row.version))
        row = replace(row, packages=tuple(replace(p, version=row.version) for p in row.packages))
    said = turn.said if turn else ()
    evidence = [piece for fact in facts for piece in tell.evidence(fact, [s for s in fact.said if s in said])]
    event = tell.event(row, kind, now, summary=phrases.first(row, kind), evidence=evidence, facts=facts, because=phrases.because(said))
    _finish(row, docket, told, [(_key(kind, row), event)])


def _first_kind(row: Update, facts: Sequence[Fact], turn: turns.Turn | None, now: datetime, *, recalled: bool) -> Kind:
    old = credible.back_filled(row.released, now)
    if row.type == "advisory":
        listed = any(fact.entry.exploited and not fact.entry.revision for fact in facts)  # a catalogue of exploited ones
        return Kind.EXPLOITED if listed else Kind.REVISED if old else Kind.ANNOUNCED
    if row.type == "issue":
        return Kind.REVISED if old else Kind.KNOWN_ISSUE
    if old:
        return Kind.REVISED
    if recalled or (turn is not None and turn.kind is Kind.PULLED):
        return Kind.PULLED
    if row.version > 1 or (turn is not None and turn.kind is Kind.RE_RELEASED):
        return Kind.RE_RELEASED
    return Kind.RELEASED


def _key(kind: Kind, row: Update) -> str:
    return f"{kind} {row.version}" if kind in (Kind.PULLED, Kind.RE_RELEASED) else str(kind)


def _finish(row: Update, docket: Docket, told: Told, events: Sequence[tuple[str, Event]]) -> None:
    for key, event in events:
        told.events.append(event)
        row = rows.tell_event(replace(row, changed=docket.now), key, event)
    docket.ledger.put(row)


def _again(row: Update, case: Case, docket: Docket, told: Told) -> None:
    """An update that the ledger knows."""
    before, now = row, docket.now
    turn = turns.turn(row, case, now)
    row = _turned(row, case, turn)
    row = rows.takeover(rows.merged(row, case), docket.ledger)
    events: list[tuple[str, Event]] = []
    if turn is not None:
        _tell_turn(row, turn, now, told, events)
        if not turn.echo:
            row = replace(row, suspicions=())
    used = {id(item) for item in turn.items} if turn else set()
    events += _exploited(before, row, case, now, told)
    events += _further(before, row, case, now, told, used)
    events += _known_issues(before, row, case, now, told, used)
    if not events:
        events += _revised(before, row, case, now, told, used)
    _finish(row, docket, told, events)


def _turned(row: Update, case: Case, turn: turns.Turn | None) -> Update:
    """The row after its turn; packages that made it bear the new version."""
    if turn is None:
        return row
    if turn.kind is Kind.PULLED:
        return replace(row, state=State.PULLED)
    packages = row.packages
    for package in turn.packages:
        packages = (*packages, replace(package, version=turn.version))
    for item in case.items:
        item.packages += item.successors
    state = State.RELEASED
    return replace(row, version=turn.version, state=state, packages=packages)


def _tell_turn(row: Update, turn: turns.Turn, now: datetime, told: Told, events: list[tuple[str, Event]]) -> None:
    key = f"{turn.kind} {turn.version}"
    known = rows.told(row, key)
    if turn.echo or known is not None:
        told.support(known if known is not None else rows.last_told(row, str(turn.kind)), turn.items)
        return
    facts = [item.fact for item in turn.items]
    evidence = [piece for fact in facts for piece in tell.evidence(fact, [s for s in fact.said if s in turn.said])]
    summary = phrases.pulled(row) if turn.kind is Kind.PULLED else phrases.re_released(row)
    because = phrases.because(turn.said)
    events.append((key, tell.event(row, turn.kind, now, summary=summary, evidence=evidence, facts=facts, because=because)))


def _exploited(before: Update, row: Update, case: Case, now: datetime, told: Told) -> list[tuple[str, Event]]:
    """Exploited or disclosed, from no to yes: in a field, a catalogue or words.  One event, however many updates fix it."""
    known = {advisory.id: advisory for advisory in before.advisories}
    facts, cves = [], []
    for item in case.items:
        fact, cve = item.fact, next(iter(item.fact.entry.cves), "")
        old = known.get(cve)
        turned = fact.exploited and not (old and old.exploited)
        turned |= fact.disclosed and old is not None and not (old.disclosed or old.exploited)
        turned |= fact.says(Kind.EXPLOITED) and old is not None and not old.exploited and fact.change.before is not None
        if cve and turned and before.first_seen != now:
            facts.append(fact)
            cves.append(cve)
    if not facts:
        return []
    evidence = [piece for fact in facts for piece in tell.evidence(fact, [s for s in fact.said if s.kind is Kind.EXPLOITED])]
    summary = phrases.exploited(row, cves, exploited=any(f.exploited or f.says(Kind.EXPLOITED) for f in facts))
    event = tell.event(row, Kind.EXPLOITED, now, summary=summary, evidence=evidence, facts=facts, mark=",".join(sorted(cves)))
    return [] if told.widened(event) else [(f"exploited {cves[0]}", event)]


def _further(before: Update, row: Update, case: Case, now: datetime, told: Told, used: set[int]) -> list[tuple[str, Event]]:
    """Packages for a further product of a known update; the first packages of one that only words told of are evidence."""
    fresh: list[Package] = []
    items: list[Item] = []
    for item in case.items:
        new = [p for p in item.packages if id(item) not in used and not rows.holds(before, p) and not rows.covers(before, p)]
        if new and credible.back_filled(_date(item.fact), now):
            continue
        if new and (before.first_seen == now or (not before.packages and before.state is not State.ANNOUNCED)):
            told.support(rows.told(before, "released") or "", [item])
            used.add(id(item))
        elif new:
            items.append(item)
            fresh += new
    if not fresh:
        return []
    used |= {id(item) for item in items}
    facts = [item.fact for item in items]
    packages = [p for p in row.packages if any(p.product == new.product and p.kb == new.kb for new in fresh)]
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
    return [("released" if before.state is State.ANNOUNCED else f"released {' '.join(products)}", event)]


def _date(fact: Fact) -> datetime | None:
    entry = fact.entry
    return entry.published if fact.change.before is None else entry.updated or entry.published


def _known_issues(before: Update, row: Update, case: Case, now: datetime, told: Told, used: set[int]) -> list[tuple[str, Event]]:
    """A known issue is listed, or what to do about it has changed; one event a check however many sources say so."""
    items = []
    for item in case.items:
        fact = item.fact
        listed = any(passage.name == "issue" for passage in fact.entry.passages)
        changed = any(name in ("issue", "workaround") for name, _ in fact.sentences)
        appeared = fact.change.kind is ChangeKind.APPEARED
        recent = appeared and not credible.back_filled(fact.entry.published, now)
        young = not appeared and now - (row.released or row.first_seen) <= schedule.YOUNG
        if id(item) in used:
            continue
        if (listed and changed and (recent or young)) or (not listed and fact.says(Kind.KNOWN_ISSUE) and fact.change.before is not None):
            items.append(item)
    if not items:
        return []
    used |= {id(item) for item in items}
    facts = [item.fact for item in items]
    evidence = [piece for fact in facts for piece in tell.evidence(fact, [s for s in fact.said if s.kind is Kind.KNOWN_ISSUE])]
    keys = ",".join(sorted(fact.entry.key for fact in facts))
    event = tell.event(row, Kind.KNOWN_ISSUE, now, summary=phrases.known_issue(row, facts), evidence=evidence, facts=facts, mark=keys)
    return [(f"known-issue {event.id}", event)]


def _revised(before: Update, row: Update, case: Case, now: datetime, told: Told, used: set[int]) -> list[tuple[str, Event]]:
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
        else:
            told.hush(item.fact, why)
    if not items:
        return []
    facts = [item.fact for item in items]
    keys = ",".join(sorted(f"{fact.entry.key} {fact.change.sha256}" for fact in facts))
    evidence = [piece for fact in facts for piece in tell.evidence(fact)]
    event = tell.event(row, Kind.REVISED, now, summary=phrases.revised(row, facts), evidence=evidence, facts=facts, mark=keys)
    return [(f"revised {event.id}", event)]


_STORY = "another source tells of the same release"


def _untold(before: Update, item: Item, now: datetime) -> str:
    """Why an item is no news by itself; "" when it is."""
    fact = item.fact
    if before.first_seen == now or (fact.change.before is None and _adds_nothing(before, item)):
        return _STORY
    if fact.change.kind is ChangeKind.RETURNED:
        return "an entry that was missing is back as it was"
    texts = [text for name, text in fact.sentences if name.startswith(("revision", "faq", "content", "workaround", "issue", "note"))]
    if fact.fresh or fact.gone or fact.grown or fact.change.before is None:
        return ""
    if not texts:
        return "nothing that concerns an administrator has changed"
    revisions = [text for name, text in fact.sentences if name.startswith("revision")]
    if revisions and all(_INFORMATIONAL.search(canonical.fold(text)) for text in revisions) and not fact.said:
        return "the vendor calls it an informational change"
    return ""


def _offered(row: Update) -> str:
    """The fact that offered the current version: what a later source repeats of it is evidence for that."""
    return "released" if row.version == 1 else f"re-released {row.version}"


def _adds_nothing(before: Update, item: Item) -> bool:
    """Whether an entry of a known update brings no package and no advisory that is new, or its first advisories soon after."""
    known = {advisory.id for advisory in before.advisories}
    early = not known and before.state is State.RELEASED and item.fact.change.time - before.first_seen <= SAME_STORY
    return all(rows.holds(before, package) for package in item.packages) and (early or set(item.fact.entry.cves) <= known)


def unplaced(docket: Docket, told: Told) -> None:
    """Facts that name no update: a feed's new entry is news, a known issue of something else is a known issue."""
    for fact in docket.unplaced:
        entry, change = fact.entry, fact.change
        if any(passage.name == "issue" for passage in entry.passages) and change.kind is ChangeKind.APPEARED:
            _issue(fact, docket, told)
        elif change.kind is ChangeKind.APPEARED and entry.title and not entry.cves:
            told.events.append(_news(fact, docket.now))
        else:
            told.hush(fact, "it names no update that is watched")


def _issue(fact: Fact, docket: Docket, told: Told) -> None:
    """A known issue of an update that no other source tells of: a Windows update that stops Exchange, say."""
    entry = fact.entry
    kb = next(iter(entry.kbs), "")
    title = kb or entry.title
    update_id = identify.slug(f"issue {kb or entry.key}")[:80]
    if update_id in docket.ledger:
        told.hush(fact, "its update is known by another issue")
        return
    row = Update(
        update_id, title, "", "issue", "", 1, State.RELEASED, docket.now, released=entry.published, products=entry.products, kbs=entry.kbs, thread=update_id
    )
    docket.ledger.put(row)
    case = Case(update_id)
    case.item(fact)
    _first(docket.ledger[update_id], case, docket, told)


def _news(fact: Fact, now: datetime) -> Event:
    entry = fact.entry
    update_id = identify.slug(f"{fact.change.source} {entry.title}")[:80].strip("-")
    row = Update(update_id, canonical.fold(entry.title), "", "news", "", 1, State.RELEASED, now, products=entry.products, thread=update_id)
    event = tell.event(row, Kind.NEWS, now, summary=canonical.fold(entry.title), evidence=tell.evidence(fact), facts=[fact], mark=entry.key)
    return replace(event, update=UpdateRef(update_id, row.title, 1, products=entry.products))
