"""Records for tests of the state: one update's life, small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from watcher.records import (
    Absorption,
    Advisory,
    Confidence,
    Document,
    Entry,
    Event,
    EventEvidence,
    Evidence,
    Kind,
    Message,
    Outcome,
    Package,
    Passage,
    Silence,
    State,
    Suspicion,
    Times,
    Update,
    UpdateRef,
    Validators,
)
from watcher.store import EntryChanges, Store, StoredEntry

T0 = datetime(2024, 11, 12, 18, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SU = "exchange-server-2024-11-su"
PRODUCT = "Exchange Server 2019 CU14"


def document(name: str = "", source: str = "builds", **more: Any) -> Document:
    return Document(
        source,
        name,
        f"https://example.org/{source}/{name}",
        Validators(etag='"1"'),
        sha256="0" * 64,
        accepted=T0,
        **more,
    )


def entry(key: str = "row 1", title: str = "November 2024 SU", **more: Any) -> Entry:
    package = Package(PRODUCT, kb="KB5044062", build="15.2.1544.13")
    return Entry(
        key,
        title,
        published=T0,
        packages=(package,),
        passages=(Passage("note", "Säumig\nÜ", T0),),
        **more,
    )


def stored(key: str = "row 1", fingerprint: str = "f1", **more: Any) -> StoredEntry:
    return StoredEntry(entry(key), fingerprint, **more)


def update(
    update_id: str = SU,
    state: State = State.RELEASED,
    first_seen: datetime = T0,
    **more: Any,
) -> Update:
    named: dict[str, Any] = {
        "names": ("kb:KB5044062", "cve:CVE-2024-49040"),
        "products": (PRODUCT,),
        "version": 1,
        "family": "Exchange Server",
    }
    return Update(
        id=update_id,
        title="November 2024 SU",
        type="SU",
        month="2024-11",
        state=state,
        first_seen=first_seen,
        **(named | more),
    )


def suspicion(source: str, document_name: str, event_id: str = "e9") -> Suspicion:
    return Suspicion(source, document_name, ("row 1",), T0, event_id, whole=True)


def evidence(
    source: str = "builds", after: str = "temporarily paused", time: datetime = T0
) -> Evidence:
    return Evidence(
        source, f"https://example.org/{source}", time, "1" * 64, "added", "", after
    )


def event(
    event_id: str = "e1",
    kind: Kind = Kind.RELEASED,
    time: datetime = T0,
    update_id: str = SU,
    product: str = PRODUCT,
) -> Event:
    ref = UpdateRef(update_id, "November 2024 SU", 1, (product,), ("KB5044062",))
    return Event(
        event_id,
        time,
        kind,
        Confidence.CONFIRMED,
        ref,
        f"{kind} it is",
        evidence=(evidence(after="1.0"),),
        advisories=(Advisory("CVE-2024-49040"),),
    )


def message(
    number: int = 1,
    events: tuple[str, ...] = ("e1",),
    update_id: str = SU,
    kind: str = "released",
    subscriber: str = "admins",
) -> Message:
    body = (
        f"Message-ID: <{number}@example.org>\r\nSubject: no. {number}\r\n\r\nBody "
        f"{number}\r\n"
    ).encode()
    return Message(
        f"<{number}@example.org>",
        T0 + number * HOUR,
        kind,
        subscriber,
        update_id,
        f"no. {number}",
        events,
        body,
    )


WINDOWS = update(
    "windows-kb5046617",
    names=("kb:KB5046617",),
    family="Windows",
    packages=(Package("Windows Server 2025", kb="KB5046617", build="10.0.26100.2314"),),
)


def fill(store: Store) -> None:
    """Write something of everything."""
    store.record(
        "builds",
        documents=[document(), document("2024-Nov"), document("kept")],
        entries=[
            EntryChanges(
                "",
                (
                    stored("row 1"),
                    stored("row 2", missing_since=T0),
                    stored("Zeile ä", lost=True),
                    stored("ROW 1"),
                ),
                since=T0,
                left=("0123456789abcdef", "fedcba9876543210"),
            ),
            EntryChanges("2024-Nov", (stored("CVE-2024-49040"),)),
        ],
        outcome=Outcome(
            events=(
                event("e1"),
                event("e2", Kind.ANNOUNCED, update_id="cve-2024-49040"),
            ),
            updates=(update(suspicions=(suspicion("builds", ""),)), WINDOWS),
            silent=(Silence("builds", "row 1", "a date was corrected"),),
        ),
        times=[Times("builds", "", T0, T0), Times("builds", "2024-Nov", T0, T0)],
    )
    store.record(
        "msrc",
        outcome=Outcome(
            absorbed=(Absorption("cve-2024-49040", SU),),
            evidence=(EventEvidence("e1", evidence("msrc")),),
        ),
    )
    store.seal(
        [
            (message(1), [("b@example.org", "mail"), ("a@example.org", "mail")]),
            (message(2, ("e1", "e2"), kind="digest"), [("teams", "teams")]),
        ],
        ["e1"],
    )
    store.ack(SU, T0)
    store.mute("windows-kb5046617", T0 + HOUR)
    store.mute("cve-2024-1", None)
    store.set_meta("published", "0123")
