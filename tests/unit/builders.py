"""Small makers of the records that judgement reads.

An advisory of MSRC, a table's row, a known issue, a post, a package page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from watcher.judgement import interpret, normalize
from watcher.judgement.change_reading import ChangeReading, read_change
from watcher.records import (
    Change,
    ChangeKind,
    Coverage,
    Entry,
    Outcome,
    Package,
    Passage,
    Snapshot,
    State,
    StoredEntry,
    Update,
)

NOV = datetime(2030, 11, 12, 8, tzinfo=UTC)
CU14 = "Exchange Server 2019 CU14"
CU13 = "Exchange Server 2019 CU13"
CU23 = "Exchange Server 2016 CU23"
OLD_KB, NEW_KB = "KB9000001", "KB9000002"
SU = "exchange-server-2030-11-su"
PAUSED = (
    "Added an FAQ to say that we have temporarily paused the rollout of this update."
)
BACK = "The known issue has been addressed and the update is now re-released."


def days(number: float) -> timedelta:
    return timedelta(days=number)


def package(
    product: str = CU14, kb: str = OLD_KB, build: str = "", **more: object
) -> Package:
    return Package(product, kb, build, **more)  # type: ignore[arg-type]


def revision(number: str, text: str, time: datetime = NOV) -> Passage:
    return Passage(f"revision {number}", text, time)


def advisory(
    cve: str = "CVE-2030-0001",
    *packages: Package,
    passages: Sequence[Passage] = (),
    **more: object,
) -> Entry:
    """Make a record of one CVE as MSRC has it."""
    fields: dict[str, object] = {
        "published": NOV,
        "exploited": False,
        "disclosed": False,
        "revision": "1.0",
    } | more
    fields.setdefault("products", tuple(sorted({p.product for p in packages})))
    return Entry(
        cve,
        "Spoofing",
        f"https://msrc.example.org/{cve}",
        cves=(cve,),
        packages=packages,
        passages=tuple(passages),
        **fields,  # type: ignore[arg-type]
    )


def row(
    name: str,
    build: str = "",
    kb: str = "",
    published: datetime | None = NOV,
    *,
    key: str = "",
    **more: object,
) -> Entry:
    """Make a row of a table of builds; the name says product and label."""
    label = normalize.label(name)
    product = label.product if label and label.product else normalize.product(name)
    made = Package(product, kb, build, type=label.type if label else "", **more)  # type: ignore[arg-type]
    return Entry(
        key or name,
        name,
        "https://learn.example.org/builds",
        published,
        products=(product,),
        packages=(made,),
        label=label,
    )


def issue(
    key: str,
    text: str = "Mail stops.",
    *,
    kbs: Sequence[str] = (),
    workaround: str = "",
    label: str = "",
    **more: object,
) -> Entry:
    """Make a row of a page of known issues."""
    passages = (
        Passage("issue", text),
        *((Passage("workaround", workaround),) if workaround else ()),
    )
    named = normalize.label(label) if label else None
    fields: dict[str, object] = {
        "published": NOV,
        "products": ("Exchange Server",),
    } | more
    return Entry(
        key,
        text,
        "https://issues.example.org/",
        kbs=tuple(kbs),
        passages=passages,
        label=named,
        **fields,  # type: ignore[arg-type]
    )


def post(key: str, title: str, text: str = "", **more: object) -> Entry:
    """Make a feed's entry."""
    fields: dict[str, object] = {
        "published": NOV,
        "products": ("Exchange Server",),
        "label": normalize.label(title, NOV),
    } | more
    passages = (Passage("content", text),) if text else ()
    url = f"https://blog.example.org/{key}"
    return Entry(key, title, url, passages=passages, **fields)  # type: ignore[arg-type]


def page(
    document: str,
    *,
    available: bool | None,
    packages: Sequence[Package] = (),
    kbs: Sequence[str] = (),
) -> Entry:
    """Make a package's page: a download, an article, a catalogue's answer."""
    url = f"https://www.microsoft.com/download/details.aspx?id={document}"
    return Entry(
        document,
        f"Download {document}",
        url,
        available=available,
        packages=tuple(packages),
        kbs=tuple(kbs),
    )


def snapshot(
    source: str, time: datetime, entries: Iterable[Entry], **more: object
) -> Snapshot:
    found = tuple(entries)
    fields: dict[str, object] = {
        "document": "",
        "coverage": Coverage.COMPLETE,
        "total": len(found),
        "url": f"https://{source}.example.org/",
    }
    fields |= {"sha256": f"{hash(found) & (2**64 - 1):064x}"} | more
    return Snapshot(source=source, time=time, entries=found, **fields)  # type: ignore[arg-type]


def stored(*entries: Entry, missing: datetime | None = None) -> dict[str, StoredEntry]:
    return {
        entry.key: StoredEntry(entry, normalize.fingerprint(entry), missing)
        for entry in entries
    }


def change(
    before: Entry | None,
    after: Entry | None,
    source: str = "msrc",
    time: datetime = NOV,
    kind: ChangeKind | None = None,
) -> Change:
    """Make a change; its kind follows from what there is before and after."""
    usual = (
        ChangeKind.APPEARED
        if before is None
        else ChangeKind.MISSING
        if after is None
        else ChangeKind.ALTERED
    )
    return Change(
        kind or usual,
        source,
        "",
        f"https://{source}.example.org/",
        time,
        "0" * 64,
        before,
        after,
    )


def fact(before: Entry | None, after: Entry | None, **more: object) -> ChangeReading:
    return read_change(change(before, after, **more))  # type: ignore[arg-type]


def tell(
    *changes: Change, known: Iterable[Update] = (), first: bool = False, kind: str = ""
) -> Outcome:
    """Interpret changes at the time of the first of them; ``kind`` is the source's."""
    news, taken_as_known = ((), changes) if first else (changes, ())
    return interpret.events(news, taken_as_known, known, changes[0].time, kind)


def update(
    identity: str = SU,
    *packages: Package,
    version: int = 1,
    state: State = State.RELEASED,
    **more: object,
) -> Update:
    """Make a row of the ledger: the month's SU, released at ``NOV``."""
    fields: dict[str, object] = {
        "month": "2030-11",
        "type": "SU",
        "title": "Exchange Server November 2030 SU",
        "family": "Exchange Server",
    }
    fields |= {
        "first_seen": NOV,
        "released": NOV,
        "products": tuple(sorted({p.product for p in packages})),
    } | more
    fields |= {"version": version, "state": state, "packages": packages}
    return Update(
        id=identity,
        **fields,  # type: ignore[arg-type]
    )


def kinds(outcome: Outcome) -> list[str]:
    """The events of an outcome, in a word each: "pulled 1", "suspected pulled 1"."""
    return [
        (
            f"{'suspected ' if event.confidence == 'suspected' else ''}{event.kind} "
            f"{event.update.version}"
        )
        for event in outcome.events
    ]


def after(outcome: Outcome, *known: Update) -> tuple[Update, ...]:
    """The ledger after an outcome."""
    gone = {each.gone for each in outcome.absorbed}
    rows = {row.id: row for row in known} | {row.id: row for row in outcome.updates}
    return tuple(row for identity, row in rows.items() if identity not in gone)
