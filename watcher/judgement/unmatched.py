"""Changes that name no update that is watched: news, and known issues of other updates."""

from __future__ import annotations

import re
from datetime import datetime

from msgspec.structs import replace

from watcher.judgement import normalize, schedule
from watcher.judgement.change_reading import ChangeReading, UpdateChanges
from watcher.judgement.decide import first_sight
from watcher.judgement.decisions import Decisions
from watcher.judgement.event import Summary, compose_event, quote_evidence
from watcher.judgement.ledger import Matches
from watcher.judgement.names import LABELLED, label_names, slug
from watcher.judgement.packages import exact_products
from watcher.judgement.prose import update_label
from watcher.records import (
    ChangeKind,
    Entry,
    Event,
    Kind,
    Label,
    State,
    Update,
    UpdateRef,
)

_BUILD = re.compile(r"\b\d+(?:\.\d+){2,3}\b")
# Characters of an id that is made of a title
LONGEST_ID = 80


def decide_unmatched(matches: Matches, decisions: Decisions) -> None:
    """Decide on changes that name no update.

    A feed's new entry is news, a known issue of something else is a known issue.
    """
    for reading in matches.unmatched:
        entry = reading.entry
        appeared = reading.change.kind is ChangeKind.APPEARED
        # A record of one CVE; a post may name some
        is_catalogued = entry.key.upper() in entry.cves
        is_issue = any(passage.name == "issue" for passage in entry.passages)
        if is_issue and (appeared or _issue_goes_on(reading, matches.now)):
            _decide_other_issue(reading, matches, decisions)
        elif appeared and entry.title and not is_catalogued:
            decisions.events.append(_news(reading, matches.now))
        else:
            decisions.be_silent(reading, "it names no update that is watched")


def _issue_goes_on(reading: ChangeReading, now: datetime) -> bool:
    """Whether an issue that was there at the first check is told otherwise now.

    March 2020: an issue of KB4535996 was resolved by KB4554364 four days after it was
    opened, whoever began to read the page in between.
    """
    before, entry = reading.change.before, reading.entry
    is_named = bool(entry.kbs) or _own_version(entry) is not None
    if before is None or reading.change.after is None or not is_named:
        return False
    opened = entry.dated
    if opened is not None and now - opened > schedule.YOUNG:
        return False
    # A row that is only reworded names nothing that it did not name before
    remedies = (reading.new_text("issue"), reading.new_text("workaround"))
    new_names = _updates_named(*remedies)
    return not new_names <= _updates_named(*(each.text for each in before.passages))


def _updates_named(*texts: str) -> set[str]:
    """The articles and builds that texts name: what brings a fix, or has the fault."""
    named: set[str] = set()
    for text in texts:
        named.update(normalize.kbs_in(text))
        named.update(_BUILD.findall(text))
    return named


def _own_version(entry: Entry) -> Label | None:
    """The version that an issue is of, where its family's updates are known by versions."""
    label = update_label(entry)
    if label is None or label.family in LABELLED:
        return None
    return label


def _decide_other_issue(
    reading: ChangeReading, matches: Matches, decisions: Decisions
) -> None:
    """A known issue of an update that no other source tells of.

    A Windows update that stops Exchange, say.
    """
    entry = reading.entry
    kb = entry.kbs[0] if entry.kbs else ""
    label = _own_version(entry)
    title = label.product if label is not None else kb or entry.title
    name = f"issue {kb or entry.key}" if label is None else title
    update_id = slug(name)[:LONGEST_ID]
    if update_id in matches.ledger:
        decisions.be_silent(reading, "its update is known by another issue")
        return
    update = Update(
        update_id,
        title=title,
        family="",
        type="issue",
        month="",
        version=1,
        state=State.RELEASED,
        first_seen=matches.now,
        released=entry.dated,
        products=entry.products,
        kbs=entry.kbs,
        thread=update_id,
        names=label_names(label),
    )
    matches.ledger.put(update)
    changes = UpdateChanges(update_id)
    changes.of(reading)
    first_sight(matches.ledger[update_id], changes, matches, decisions)


def _news(reading: ChangeReading, now: datetime) -> Event:
    entry = reading.entry
    update_id = slug(f"{reading.change.source} {entry.title}")[:LONGEST_ID].strip("-")
    update = Update(
        update_id,
        title=normalize.fold(entry.title),
        family="",
        type="news",
        month="",
        version=1,
        state=State.RELEASED,
        first_seen=now,
        products=entry.products,
        thread=update_id,
    )
    event = compose_event(
        update,
        Kind.NEWS,
        now,
        summary=Summary(update.title),
        evidence=quote_evidence(reading),
        readings=[reading],
        distinction=entry.key,
    )
    products = exact_products(entry.products)
    reference = UpdateRef(update_id, update.title, 1, products=products)
    return replace(event, update=reference)
