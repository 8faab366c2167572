"""What the changes of one update mean.

Which events they make, which they only support, and what stays untold and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from watcher.judgement import believe, schedule
from watcher.judgement.change_reading import (
    PULL_OR_RETURN,
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
    packages_of,
    readings_of,
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
    as_version,
    current_packages,
    has_version,
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
from watcher.judgement.pull_and_return import StateChange, is_recalled, state_change
from watcher.judgement.summary import (
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
    """Decide what a check says of one update, and put the update as it stands then.

    ``changes`` are what the check says of it.  Events, evidence and silences go to
    ``decisions``, the update to the ledger of ``matches``.
    """
    update = matches.ledger[changes.update_id]
    if matches.ledger.is_new(update.id):
        first_sight(update, changes, matches, decisions)
    else:
        _known_update(update, changes, matches, decisions)


# -- an update or advisory that nobody knew


def first_sight(
    update: Update, changes: UpdateChanges, matches: Matches, decisions: Decisions
) -> None:
    """Decide on an update or advisory that nobody knew: one event, whatever the changes say.

    The event goes to ``decisions``, the update to the ledger of ``matches``.
    """
    now, readings = matches.now, readings_of(changes.changes)
    _take_successors(changes)
    update = merge_changes(update, changes)
    update = take_over_advisories(update, matches.ledger)
    shown = state_change(replace(update, changed=None), changes, now)
    if shown is None:
        # What is neither pulled nor back is out
        shown = StateChange(Kind.RELEASED, update.version, tuple(changes.changes))
    if update.is_advisory:
        update = replace(update, title=", ".join(update.cves[:3]) or update.title)
        kind = _first_kind_of_advisory(update, readings, now)
    elif _is_known_as_pulled(update, changes, shown):
        kind = _first_kind_of_pulled(update, now)
        update = with_pulled(update, ())
    else:
        kind = _first_kind_of_offered(update, shown, now)
    if kind is Kind.RE_RELEASED:
        update = _at_least_second(update)
    if kind in PULL_OR_RETURN:
        turned = day_of_turn(shown.statements, shown.changes, update, now)
        update = replace(update, turned=turned)
    if not update.packages:
        update = replace(update, products_by_words=update.products)

    fact = _first_fact(kind, update, changes)
    told_already = established_by(update, fact) if kind is Kind.PULLED else None
    if told_already:
        # It was told of the advisory, before the update that fixes it was known
        decisions.support(told_already, changes.changes)
        matches.ledger.put(update)
        return
    is_issue = kind is Kind.KNOWN_ISSUE
    summary = first_summary(update, kind)
    if is_issue and not readings[0].is_first:
        summary = known_issue_summary(update, readings)
    event = compose_event(
        update,
        kind,
        now,
        summary=summary,
        readings=readings,
        statements=shown.statements,
    )
    if is_issue and decisions.widen_issue(event, readings):
        matches.ledger.put(update)
        return
    _record(update, matches, decisions, [Establishing(fact, event)])


def _take_successors(changes: UpdateChanges) -> None:
    for matched in changes.changes:
        matched.packages += matched.successors


def _first_kind_of_advisory(
    update: Update, readings: Sequence[ChangeReading], now: datetime
) -> Kind:
    # A catalogue of exploited ones lists no revisions
    catalogued = [each.entry for each in readings if not each.entry.revision]
    if any(entry.exploited for entry in catalogued):
        return Kind.EXPLOITED
    is_old = believe.back_filled(update.released, now)
    return Kind.REVISED if is_old else Kind.ANNOUNCED


def _is_known_as_pulled(
    update: Update, changes: UpdateChanges, shown: StateChange
) -> bool:
    """Whether an update is pulled by the time at which it is first read of."""
    if update.type == "issue":
        return False
    return shown.kind is Kind.PULLED or is_recalled(update, changes)


def _first_kind_of_pulled(update: Update, now: datetime) -> Kind:
    """Whoever has installed what is pulled is to know of it, as long as it is young."""
    is_old = believe.back_filled(update.released, now)
    is_over = is_old and now - update.dated > schedule.YOUNG
    return Kind.REVISED if is_over else Kind.PULLED


def _first_kind_of_offered(update: Update, shown: StateChange, now: datetime) -> Kind:
    # A table that is filled with rows of years ago tells no news
    if believe.back_filled(update.released, now):
        return Kind.REVISED
    if update.type == "issue":
        return Kind.KNOWN_ISSUE
    if shown.kind is Kind.RE_RELEASED or update.version > 1:
        return Kind.RE_RELEASED
    return Kind.RELEASED


def _at_least_second(update: Update) -> Update:
    """The update as it is where it is read first after its return."""
    version = max(2, update.version)
    packages = update.packages
    # A table names the versions of its rows; a record offers the newest alone
    if not has_version(packages, version):
        packages = as_version(packages, version)
    return replace(update, version=version, packages=packages)


def _first_fact(kind: Kind, update: Update, changes: UpdateChanges) -> Established:
    if kind in PULL_OR_RETURN:
        return Established(kind, update.version)
    if kind is Kind.KNOWN_ISSUE and len(changes.changes) == 1:
        return Established(kind, detail=title_of_issue(changes.changes[0]))
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
    before = with_names_of(before, packages_of(changes.changes))
    changed = state_change(before, changes, matches.now)
    update = before
    if changed is not None:
        update = _after(changed, update, changes, matches.now)
    update = merge_changes(update, changes)
    update = take_over_advisories(update, matches.ledger)

    events: list[Establishing] = []
    if changed is not None:
        if changed.is_new_version:
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
    if changed.kind is Kind.RE_RELEASED and changed.repeats:
        return update
    update = replace(update, suspicions=())
    if changed.is_new_version:
        by_words = _only_words_name_version(changed, update)
        return replace(update, products_by_words=update.products if by_words else ())
    if changed.kind is Kind.CORRECTED:
        return forget_pull(update)
    if changed.statements:
        update = pulled_by_words(update)
    if changed.pulled_at_once is not None:
        update = establish(update, Established(Kind.RE_RELEASED, changed.version))
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
    is_same_day = changed.repeats and not is_said_later(
        changed.statements, before, turned
    )
    if is_same_day and not by_absence:
        return update
    return replace(update, turned=turned)


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
    for package in as_version(changed.packages, changed.version):
        # The record of each CVE offers it
        if package.product:
            packages = add_package(packages, package, certain=False)
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
        stated.update(articles_of_return(statement) or statement.kbs)
    if not former.isdisjoint(stated):
        return update
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
        holder = ledger.with_article(kb)
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
    is_back = changed.kind is Kind.RE_RELEASED
    detail = _names_of_part(part or (), update)
    fact = Established(changed.kind, changed.version, detail=detail)
    told_before = _told_before(changed, fact, update)
    if told_before is not None:
        offered = offered_by(update, changed.changes) if is_back else []
        decisions.support(told_before, changed.changes, offered)
        return []
    summarize = re_released_summary if is_back else pulled_summary
    event = _event_of(changed, update, now, summarize(update, part), part=part)
    return [Establishing(fact, event)]


def _told_before(changed: StateChange, fact: Established, update: Update) -> str | None:
    """The event that has told of a change of state; "" where nobody was to be told of it.

    None where it is yet to be told.
    """
    told = established_by(update, fact)
    if told is not None or not changed.repeats:
        return told
    told = last_event(update, changed.kind)
    if told or changed.kind is Kind.PULLED:
        return told
    # Who has heard of the release, and not of the second version that a table showed, is
    # to hear of that
    has_heard = established_by(update, Established(Kind.RELEASED))
    return None if has_heard else ""


def _names_of_part(part: Sequence[Package], update: Update) -> str:
    """The articles of some packages, where these are all that have them; else the packages.

    November 2024 is one article for three products: its pull for one of them is not that
    for the next.
    """
    articles = kb_articles(part)
    others = kb_articles(without(current_packages(update), part))
    if articles and set(articles).isdisjoint(others):
        return " ".join(articles)
    return names_of_part(part)


def _only_words_name_version(changed: StateChange, update: Update) -> bool:
    """Whether a title names a version of which no package is known yet.

    "Released: September 2026 V2 Exchange Server Security Updates" names no KB article:
    those of the first version are not it.
    """
    if changed.kind is not Kind.RE_RELEASED or changed.packages:
        return False
    if stated_articles(update) or has_version(update.packages, changed.version):
        return False
    return any(each.reading.version >= changed.version for each in changed.changes)


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
    packages = None
    if part is not None:
        # As they stand after the decision
        packages = those_among(current_packages(update), part)
    return compose_event(
        update,
        changed.kind,
        now,
        summary=summary,
        readings=readings_of(changed.changes),
        statements=changed.statements,
        packages=packages,
        corrects=corrects,
        distinction=corrects or " ".join(each.product for each in part or ()),
    )
