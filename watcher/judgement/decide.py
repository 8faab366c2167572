"""What the changes of one update mean.

Which events they make, which they only support, and what stays untold and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from watcher.judgement import believe, schedule
from watcher.judgement.change_reading import (
    ChangeReading,
    MatchedChange,
    UpdateChanges,
)
from watcher.judgement.event import (
    Decisions,
    Summary,
    compose_event,
    day_of_turn,
    is_said_later,
    quote_all,
)
from watcher.judgement.first_reading import untold_release
from watcher.judgement.further import offered_by
from watcher.judgement.ledger import (
    Ledger,
    Matches,
    establish,
    establish_by_event,
    established_by,
    forget_pull,
    last_event,
    merge_changes,
    pulled_by_absence,
    pulled_by_words,
    take_over_advisories,
)
from watcher.judgement.names import kb_names
from watcher.judgement.other_events import (
    Establishing,
    UpdateCheck,
    corrected_products,
    exploitation,
    further_products,
    known_issues,
    revision,
    title_of_issue,
)
from watcher.judgement.packages import (
    add_package,
    all_among,
    all_offered,
    current_packages,
    kb_articles,
    names_of_part,
    stated_articles,
    those_among,
    with_names_of,
    with_part_offered_again,
    with_pulled,
    with_told,
    without,
)
from watcher.judgement.prose import articles_of_return
from watcher.judgement.pull_and_return import StateChange, state_change
from watcher.judgement.summary import (
    deciding_words,
    denied_summary,
    first_summary,
    known_issue_summary,
    pulled_summary,
    re_released_summary,
)
from watcher.records import (
    Established,
    Event,
    Kind,
    Package,
    State,
    Update,
)


def decide(changes: UpdateChanges, matches: Matches, decisions: Decisions) -> None:
    """Decide what a check says of one update, and put the update as it stands then."""
    update = matches.ledger[changes.update_id]
    if matches.ledger.is_new(update.id):
        first_sight(update, changes, matches, decisions)
    else:
        _known_update(update, changes, matches, decisions)


# -- an update or advisory that nobody knew


def first_sight(
    update: Update, changes: UpdateChanges, matches: Matches, decisions: Decisions
) -> None:
    """Decide on an update or advisory that nobody knew: one event, whatever the changes say."""
    _take_successors(changes)
    update = merge_changes(update, changes)
    update = take_over_advisories(update, matches.ledger)
    if update.type == "advisory":
        ids = [advisory.id for advisory in update.advisories]
        update = replace(update, title=", ".join(ids[:3]) or update.title)
    readings = [matched.reading for matched in changes.changes]
    changed = state_change(replace(update, changed=None), changes, matches.now)
    kind = _first_kind(update, readings, changed, matches.now)
    statements = changed.statements if changed else ()
    if kind in (Kind.PULLED, Kind.RE_RELEASED):
        showing = changed.changes if changed else changes.changes
        turned = day_of_turn(statements, showing, update, matches.now)
        update = replace(update, turned=turned)
    if _is_known_as_pulled(update, readings, changed):
        update = with_pulled(update, ())
    if kind is Kind.RE_RELEASED:
        # Read first after its return it is at least the second version
        version = max(2, update.version)
        packages = update.packages
        # A table names the versions of its rows; a record offers the newest alone
        if all(package.version < version for package in packages):
            packages = tuple(replace(each, version=version) for each in packages)
        update = replace(update, version=version, packages=packages)

    if not update.packages:
        update = replace(update, products_by_words=update.products)
    fact = _first_fact(kind, update)
    if kind is Kind.KNOWN_ISSUE and len(changes.changes) == 1:
        fact = replace(fact, detail=title_of_issue(changes.changes[0]))
    told_already = established_by(update, fact) if kind is Kind.PULLED else None
    if told_already:
        # It was told of the advisory, before the update that fixes it was known
        decisions.support(told_already, changes.changes)
        matches.ledger.put(update)
        return
    goes_on = kind is Kind.KNOWN_ISSUE and not readings[0].is_first
    event = compose_event(
        update,
        kind,
        matches.now,
        summary=known_issue_summary(update, readings)
        if goes_on
        else first_summary(update, kind),
        evidence=quote_all(readings, statements),
        readings=readings,
        because=deciding_words(statements),
    )
    if kind is Kind.KNOWN_ISSUE and decisions.widen_issue(event, readings):
        matches.ledger.put(update)
        return
    _record(update, matches, decisions, [Establishing(fact, event)])


def _take_successors(changes: UpdateChanges) -> None:
    for matched in changes.changes:
        matched.packages += matched.successors


def _first_kind(
    update: Update,
    readings: Sequence[ChangeReading],
    changed: StateChange | None,
    now: datetime,
) -> Kind:
    # A table that is filled with rows of years ago tells no news
    old = believe.back_filled(update.released, now)
    if update.type == "advisory":
        # A catalogue of exploited ones lists no revisions
        if any(each.entry.exploited and not each.entry.revision for each in readings):
            return Kind.EXPLOITED
        return Kind.REVISED if old else Kind.ANNOUNCED
    is_pulled = _is_known_as_pulled(update, readings, changed)
    if old:
        # Of what is pulled whoever has installed it is to know, as long as it is young
        since = update.released or now
        is_told = is_pulled and now - since <= schedule.YOUNG
        return Kind.PULLED if is_told else Kind.REVISED
    if update.type == "issue":
        return Kind.KNOWN_ISSUE
    if is_pulled:
        return Kind.PULLED
    shown = changed.kind if changed is not None else Kind.RELEASED
    if shown is Kind.RE_RELEASED or update.version > 1:
        return Kind.RE_RELEASED
    return Kind.RELEASED


def _is_known_as_pulled(
    update: Update, readings: Sequence[ChangeReading], changed: StateChange | None
) -> bool:
    """Whether an update is pulled by the time at which it is first read of."""
    if update.type in ("advisory", "issue"):
        return False
    is_said = changed is not None and changed.kind is Kind.PULLED
    return is_said or _is_recalled(update, readings)


def _is_recalled(update: Update, readings: Sequence[ChangeReading]) -> bool:
    """Whether a row of the current version is called "(recalled)"."""
    recalled = [each for each in readings if each.entry.is_recalled]
    return any(each.version >= update.version for each in recalled)


def _first_fact(kind: Kind, update: Update) -> Established:
    if kind in (Kind.PULLED, Kind.RE_RELEASED):
        return Established(kind, update.version)
    return Established(kind)


def _record(
    update: Update,
    matches: Matches,
    decisions: Decisions,
    establishing: Iterable[Establishing],
) -> None:
    for each in establishing:
        decisions.events.append(each.event)
        packages = with_told(update.packages, each.event)
        update = replace(update, changed=matches.now, packages=packages)
        update = establish_by_event(update, each.fact, each.event)
    matches.ledger.put(update)


# -- an update that the ledger knows


def _known_update(
    before: Update, changes: UpdateChanges, matches: Matches, decisions: Decisions
) -> None:
    """At most one event of a kind, whatever the changes say."""
    offered = [each for matched in changes.changes for each in matched.packages]
    before = with_names_of(before, offered)
    changed = state_change(before, changes, matches.now)
    update = before
    if changed is not None:
        update = _after(changed, update, changes, matches.now)
    update = merge_changes(update, changes)
    update = take_over_advisories(update, matches.ledger)

    events: list[Establishing] = []
    if changed is not None:
        if changed.kind is Kind.RE_RELEASED and not changed.repeats:
            update = _with_stated_articles(before, update, changed, matches.ledger)
        events += _tell(changed, update, matches.now, decisions)
        update = _with_what_it_establishes(changed, update)

    check = UpdateCheck(before, update, changes, matches.now, decisions)
    # A denial of a pull of which nobody was told is judged as any other change
    if changed is not None and (changed.kind is not Kind.CORRECTED or events):
        check.used += changed.changes
    if changed is None and update.state is State.RELEASED:
        events += untold_release(check)
    events += exploitation(check)
    events += corrected_products(check)
    events += further_products(check)
    events += known_issues(check)
    # What is told of a change already needs no second event
    if not events:
        events += revision(check)
    _record(update, matches, decisions, events)


def _with_what_it_establishes(changed: StateChange, update: Update) -> Update:
    """The update with what holds beside the event of a change of state."""
    if not changed.repeats or changed.kind is Kind.PULLED:
        update = replace(update, suspicions=())
    if changed.kind is Kind.PULLED and changed.statements:
        update = pulled_by_words(update)
    if changed.pulled_at_once is not None:
        update = establish(update, Established(Kind.RE_RELEASED, changed.version))
    if changed.kind is Kind.RE_RELEASED and not changed.repeats:
        by_words = _only_words_name_version(changed, update)
        products = update.products if by_words else ()
        update = replace(update, products_by_words=products)
    if changed.kind is Kind.CORRECTED:
        update = forget_pull(update)
    return update


def _after(
    changed: StateChange, before: Update, changes: UpdateChanges, now: datetime
) -> Update:
    """The update after its state has changed, with the vendor's day of that."""
    update = before
    if changed.pulled_at_once is not None:
        update = _in_state(changed.pulled_at_once, update, changes)
    update = _in_state(changed, update, changes)
    by_absence = pulled_by_absence(before) is not None
    if by_absence and changed.kind is Kind.PULLED:
        before = replace(before, turned=before.turned_before)
    turned = day_of_turn(changed.statements, changed.changes, before, now)
    # What a later day's words repeat is still so on that day
    if (
        by_absence
        or not changed.repeats
        or is_said_later(changed.statements, before, turned)
    ):
        update = replace(update, turned=turned)
    return update


def _in_state(changed: StateChange, update: Update, changes: UpdateChanges) -> Update:
    """The update in its new state; packages that show it bear the new version."""
    if changed.kind is Kind.PULLED:
        return with_pulled(update, changed.packages)
    if changed.kind is Kind.CORRECTED:
        packages = all_offered(update.packages)
        return replace(update, state=State.RELEASED, packages=packages)
    if changed.repeats:
        return update
    if _is_part_of(changed.packages, update):
        return with_part_offered_again(update, changed.packages, changed.version)
    # Without new packages it is the former ones that are offered again, unless the words
    # name other articles
    is_anew = changed.packages or any(map(articles_of_return, changed.statements))
    packages = update.packages if is_anew else all_offered(update.packages)
    for package in changed.packages:
        if package.product:
            # The record of each CVE offers it
            offered = replace(package, version=changed.version)
            packages = add_package(packages, offered, certain=False)
    _take_successors(changes)
    return replace(
        update, version=changed.version, state=State.RELEASED, packages=packages
    )


def _is_part_of(packages: Sequence[Package], update: Update) -> bool:
    """Whether packages that are offered again are some of those that the update has."""
    current = current_packages(update)
    if not packages or not all_among(packages, current):
        return False
    return not all_among(current, packages)


def _with_stated_articles(
    before: Update, update: Update, changed: StateChange, ledger: Ledger
) -> Update:
    """The update that knows the KB articles of a version of which words alone tell.

    November 2024 was back as KB5049233 in a post hours before any record offered it:
    what installs the former articles must not be offered as v2.
    """
    if any(package.version == changed.version for package in update.packages):
        return update
    former = {*update.former, *before.kbs, *kb_articles(before.packages)}
    stated: set[str] = set()
    for statement in changed.statements:
        # "KB5009624, KB5009557 and KB5009555 are available again": each under its own
        articles = set(articles_of_return(statement)) or set(statement.kbs)
        if not former.isdisjoint(articles):
            return update
        stated.update(articles)
    stated -= former
    if not stated:
        stated.update(update.kbs)
        for matched in changed.changes:
            stated.update(_new_articles(matched, update, ledger))
        stated -= former
    if not stated:
        return update
    kbs = tuple(sorted({*update.kbs, *stated}))
    return replace(update, kbs=kbs, former=tuple(sorted(former)))


def _new_articles(matched: MatchedChange, update: Update, ledger: Ledger) -> set[str]:
    """The KB articles that an entry has only now come to name, and no other update has.

    A post of December 2014 names three rollups; that one is back gives it none of the
    others' articles.
    """
    change = matched.reading.change
    before = change.before.kbs if change.before is not None else ()
    found = set()
    for kb in matched.entry.kbs:
        holder = ledger.find(kb_names([kb]))
        if kb not in before and (holder is None or holder.id == update.id):
            found.add(kb)
    return found


def _tell(
    changed: StateChange, update: Update, now: datetime, decisions: Decisions
) -> list[Establishing]:
    """The event of a change of state, if it is not established already."""
    if changed.kind is Kind.CORRECTED:
        return _tell_correction(changed, update, now)
    part: Sequence[Package] | None = None
    if _is_part_of(changed.packages, update):
        part = changed.packages
    elif _only_words_name_version(changed, update):
        part = ()
    detail = _names_of_part(part or (), update)
    fact = Established(changed.kind, changed.version, detail=detail)
    event = established_by(update, fact)
    if event is None and changed.repeats:
        event = last_event(update, changed.kind)
        # That it is the second version was learned from the table, and not told
        if not event and changed.kind is Kind.RE_RELEASED and _was_told(update):
            event = None
    if event is not None:
        is_back = changed.kind is Kind.RE_RELEASED
        offered = offered_by(update, changed.changes) if is_back else []
        decisions.support(event, changed.changes, offered)
        return []
    if changed.kind is Kind.PULLED:
        summary = pulled_summary(update, part)
    else:
        summary = re_released_summary(update, part)
    return [Establishing(fact, _event_of(changed, update, now, summary, part=part))]


def _was_told(update: Update) -> bool:
    """Whether readers have heard of an update's release."""
    return bool(established_by(update, Established(Kind.RELEASED)))


def _names_of_part(part: Sequence[Package], update: Update) -> str:
    """The articles of some packages, where these are all that have them; else the packages.

    November 2024 is one article for three products: its pull for one of them is not that
    for the next.
    """
    articles = kb_articles(part)
    others = without(current_packages(update), part)
    if articles and not set(articles) & set(kb_articles(others)):
        return " ".join(articles)
    return names_of_part(part)


def _only_words_name_version(changed: StateChange, update: Update) -> bool:
    """Whether a title names a version of which no package is known yet.

    "Released: September 2026 V2 Exchange Server Security Updates" names no KB article:
    those of the first version are not it.
    """
    if changed.kind is not Kind.RE_RELEASED or changed.packages:
        return False
    if any(package.version >= changed.version for package in update.packages):
        return False
    stated = [matched.reading.version for matched in changed.changes]
    return max(stated, default=1) >= changed.version and not stated_articles(update)


def _tell_correction(
    changed: StateChange, update: Update, now: datetime
) -> list[Establishing]:
    """The vendor says that there was no pull: told to whoever was told of one."""
    wrong = established_by(update, Established(Kind.PULLED, changed.version))
    if not wrong:
        return []
    event = _event_of(changed, update, now, denied_summary(update), corrects=wrong)
    return [Establishing(Established(Kind.CORRECTED, detail=wrong), event)]


def _event_of(
    changed: StateChange,
    update: Update,
    now: datetime,
    summary: Summary,
    *,
    part: Sequence[Package] | None = None,
    corrects: str = "",
) -> Event:
    readings = [matched.reading for matched in changed.changes]
    return compose_event(
        update,
        changed.kind,
        now,
        summary=summary,
        evidence=quote_all(readings, changed.statements),
        readings=readings,
        because=deciding_words(changed.statements),
        packages=None if part is None else _as_they_stand(part, update),
        corrects=corrects,
        distinction=corrects or " ".join(each.product for each in part or ()),
    )


def _as_they_stand(packages: Sequence[Package], update: Update) -> list[Package]:
    """Packages as the update has them after the decision."""
    return those_among(current_packages(update), packages)
