"""A state with many updates in it, for measuring how it grows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from watcher import config
from watcher.records import (
    Advisory,
    Confidence,
    Document,
    Entry,
    Event,
    Evidence,
    Kind,
    Outcome,
    Package,
    Passage,
    State,
    Times,
    Update,
    UpdateRef,
)
from watcher.store import EntryChanges, Store, StoredEntry

START = datetime(2004, 1, 13, 18, 0, tzinfo=UTC)
PRODUCT = "Exchange Server 2019 CU14"
AT_ONCE = 5000
APART = timedelta(days=1.46)
"""Between two updates: five thousand are twenty years of twenty-one a month; of more, some share a date."""


def fill(folder: Path, size: int) -> int:
    """Write a state with ``size`` updates, an event, an entry and two packages each.

    Its size in bytes.
    """
    (folder / "watcher.toml").write_text("")
    settings = config.load(folder / "watcher.toml", {})
    now = datetime.now(UTC)
    with Store.open(settings.state) as store:
        numbers = iter(range(size))
        while some := list(islice(numbers, AT_ONCE)):
            updates = tuple(_update(number) for number in some)
            entries = tuple(
                StoredEntry(_entry(number), f"{number:064x}") for number in some
            )
            events = tuple(
                _event(update, number)
                for update, number in zip(updates, some, strict=True)
            )
            document = Document(
                "msrc-cvrf",
                "",
                "https://api.example.org/",
                sha256="0" * 64,
                accepted=START,
            )
            outcome = Outcome(events=events, updates=updates)
            store.record(
                "msrc-cvrf",
                documents=[document],
                entries=[EntryChanges("", entries)],
                outcome=outcome,
            )
            store.seal([], events)
        store.touch([Times(source.name, "", now, now) for source in settings.sources])
    return sum(path.stat().st_size for path in (folder / "state").iterdir())


def _packages(number: int) -> tuple[Package, ...]:
    builds: Iterator[str] = (f"15.2.{number % 9000}.{part}" for part in (1, 2))
    return tuple(
        Package(PRODUCT, kb=f"KB{5_000_000 + number}", build=build) for build in builds
    )


def _update(number: int) -> Update:
    names = (f"kb:KB{5_000_000 + number}", f"cve:CVE-2024-{number}")
    return Update(
        id=f"windows-kb{5_000_000 + number}",
        title=f"Update {number}",
        type="SU",
        month="2004-01",
        family="Windows",
        state=State.RELEASED,
        first_seen=START + timedelta(minutes=number),
        released=START + APART * (number % AT_ONCE),
        names=names,
        products=(PRODUCT,),
        version=1,
        packages=_packages(number),
        advisories=(Advisory(f"CVE-2024-{number}"),),
    )


def _entry(number: int) -> Entry:
    text = (
        "An attacker who exploited this vulnerability could send messages as "
        "somebody else. Install the update. "
    ) * 4
    passages = (Passage("note", text, START),)
    return Entry(
        f"CVE-2024-{number}",
        f"Vulnerability {number}",
        published=START,
        packages=_packages(number),
        passages=passages,
    )


def _event(update: Update, number: int) -> Event:
    reference = UpdateRef(update.id, update.title, 1, update.products, update.kbs)
    evidence = Evidence(
        "msrc-cvrf",
        "https://api.example.org/",
        START,
        f"{number:064x}",
        "added",
        "",
        "1.0: Information published.",
    )
    when = START + timedelta(minutes=number)
    return Event(
        f"{number:016x}",
        when,
        Kind.RELEASED,
        Confidence.CONFIRMED,
        reference,
        "It is released.",
        evidence=(evidence,),
    )
