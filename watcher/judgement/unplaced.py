"""Facts that name no update that is watched: news of a feed, and known issues of something else."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from watcher.judgement import decide, identify, normalize, tell
from watcher.judgement.facts import Fact
from watcher.judgement.matching import Case, Docket
from watcher.judgement.told import Told
from watcher.records import ChangeKind, Event, Kind, State, Update, UpdateRef


def judge(docket: Docket, told: Told) -> None:
    """Facts that name no update.

    A feed's new entry is news, a known issue of something else is a known issue.
    """
    for fact in docket.unplaced:
        entry, change = fact.entry, fact.change
        if (
            any(passage.name == "issue" for passage in entry.passages)
            and change.kind is ChangeKind.APPEARED
        ):
            _issue(fact, docket, told)
        elif change.kind is ChangeKind.APPEARED and entry.title and not entry.cves:
            told.events.append(_news(fact, docket.now))
        else:
            told.hush(fact, "it names no update that is watched")


def _issue(fact: Fact, docket: Docket, told: Told) -> None:
    """A known issue of an update that no other source tells of.

    A Windows update that stops Exchange, say.
    """
    entry = fact.entry
    kb = next(iter(entry.kbs), "")
    title = kb or entry.title
    update_id = identify.slug(f"issue {kb or entry.key}")[:80]
    if update_id in docket.ledger:
        told.hush(fact, "its update is known by another issue")
        return
    row = Update(
        update_id,
        title,
        "",
        "issue",
        "",
        1,
        State.RELEASED,
        docket.now,
        released=entry.published or entry.updated,
        products=entry.products,
        kbs=entry.kbs,
        thread=update_id,
    )
    docket.ledger.put(row)
    case = Case(update_id)
    case.item(fact)
    decide.first(docket.ledger[update_id], case, docket, told)


def _news(fact: Fact, now: datetime) -> Event:
    entry = fact.entry
    update_id = identify.slug(f"{fact.change.source} {entry.title}")[:80].strip("-")
    row = Update(
        update_id,
        normalize.fold(entry.title),
        "",
        "news",
        "",
        1,
        State.RELEASED,
        now,
        products=entry.products,
        thread=update_id,
    )
    summary = tell.Phrase(row.title)
    event = tell.event(
        row,
        Kind.NEWS,
        now,
        summary=summary,
        evidence=tell.evidence(fact),
        facts=[fact],
        mark=entry.key,
    )
    return replace(
        event, update=UpdateRef(update_id, row.title, 1, products=entry.products)
    )
