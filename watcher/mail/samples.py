"""Sample letters of every kind, made up, by which `watcher check` and `watcher mail
preview` show what templates do.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from watcher.judgement import server_status
from watcher.records import (
    Advisory,
    Confidence,
    Event,
    Evidence,
    Exposure,
    Kind,
    Letter,
    Package,
    Server,
    Source,
    State,
    Subscriber,
    Table,
    Unread,
    Update,
    UpdateRef,
)

NOW = datetime(2030, 5, 14, 18, 0, tzinfo=UTC)
_SUBSCRIBER = Subscriber("exchange-admins", ("exchange-admins@example.org",))
_PAGE = "https://advisories.microsoft.com.example.org/sample"
_ADVISORIES = (
    Advisory(
        "CVE-2030-10001",
        "Exchange Server Sample",
        "Critical",
        8.1,
        "CVSS:3.1/AV:N",
        exploited=True,
        disclosed=True,
        url=_PAGE,
    ),
    Advisory("CVE-2030-10002"),
)
_PACKAGES = (
    Package(
        "Exchange Server 2030 CU2",
        "KB9000001",
        "15.4.1544.13",
        "https://downloads.example.org/details?id=1",
    ),
    Package("Exchange Server 2030 CU1", "KB9000001", "15.4.1258.38", esu=True),
)
_SECOND = tuple(
    replace(package, kb="KB9000002", build=f"{package.build}9", version=2)
    for package in _PACKAGES
)


_IF_THEN = Table(
    ("If you...", "Then..."),
    (
        (
            "have installed this update and use <transport rules>",
            "Uninstall the update from each server.\nRestart the services.",
        ),
        (
            "have installed it and use none of these",
            "Leave it installed, and watch the mail flow.",
        ),
        ("have not installed it yet", "Wait for the next version."),
    ),
)


def event(kind: Kind) -> Event:
    """Give a sample event of ``kind`` with every field filled in.

    Products, articles and dates of the year 2030, so that nobody takes it for news.
    """
    version = 2 if kind is Kind.RE_RELEASED else 1
    packages = (*_PACKAGES, *_SECOND) if version > 1 else _PACKAGES
    return Event(
        id=f"sample-{kind.value}",
        time=NOW,
        kind=kind,
        confidence=Confidence.CONFIRMED,
        update=UpdateRef(
            "exchange-server-2030-05-su",
            "Exchange Server May 2030 SU",
            version,
            tuple(package.product for package in _PACKAGES),
            tuple(dict.fromkeys(package.kb for package in packages)),
            ("CVE-2030-10001",),
            tuple(package.build for package in packages),
        ),
        summary=f"A sample of an event: {kind.value}.",
        scope=("download-center", "windows-update"),
        corrects="sample-before" if kind is Kind.CORRECTED else "",
        evidence=(
            Evidence(
                "msrc-cvrf",
                _PAGE,
                NOW - timedelta(hours=1),
                "0" * 64,
                "added",
                "",
                "A sentence that is new.",
            ),
            Evidence(
                "exchange-issues",
                _PAGE,
                NOW,
                "1" * 64,
                "modified",
                "As it was.",
                "As it is & was <not>.",
            ),
            Evidence(
                "download-center", _PAGE, NOW, "2" * 64, "removed", "What is gone.", ""
            ),
        ),
        thread="exchange-server-2030-05-su",
        packages=packages,
        advisories=_ADVISORIES,
        guidance=(
            "The vendor's first paragraph.",
            _IF_THEN.rows[0][1],
            "The vendor's second paragraph.",
        ),
        because="a sample rule: “a sentence that is new”",
        previous="What was said before.",
        workaround=kind is Kind.KNOWN_ISSUE,
        links=(_PAGE,) if kind is Kind.KNOWN_ISSUE else (),
        tables=(_IF_THEN,),
    )


def letters() -> tuple[Letter, ...]:
    """Give a letter of every kind: filled, suspected and bare events, digest, welcome, operator.

    ``watcher check`` renders each of them, in each language, and so finds what is wrong
    in a template before a pull does.
    """
    events = tuple(event(kind) for kind in Kind)
    suspected = tuple(
        replace(sample, id=f"{sample.id}-suspected", confidence=Confidence.SUSPECTED)
        for sample in events
    )
    bare = tuple(
        Event(
            f"{sample.id}-bare",
            NOW,
            sample.kind,
            sample.confidence,
            UpdateRef("cve-2030-10001", "CVE-2030-10001", 1),
            "",
        )
        for sample in events
    )
    singles = tuple(
        Letter(
            sample.kind.value,
            _SUBSCRIBER,
            (sample,),
            sample.update.id,
            sample.update.id,
        )
        for sample in (*events, *suspected, *bare)
    )
    return (
        *singles,
        Letter("digest", _SUBSCRIBER, events),
        welcome(pulled=True),
        welcome(pulled=False),
        Letter("welcome", _SUBSCRIBER),
        operator(),
        *(
            replace(letter, servers=servers())
            for letter in (
                *singles[:3],
                Letter("digest", _SUBSCRIBER, events[:3]),
                welcome(pulled=True),
            )
        ),
        reminder(),
        patch_tuesday(Kind.PULLED, Kind.RELEASED),
        patch_tuesday(),
        patch_tuesday(unread=True),
    )


def operator() -> Letter:
    """Give a sample of what the watcher says about itself."""
    return Letter(
        "operator",
        _SUBSCRIBER,
        subject="sample-source fails",
        lines=("sample-source failed three times.",),
    )


def patch_tuesday(*kinds: Kind, unread: bool = False) -> Letter:
    """Give a sample of the note after a Patch Tuesday."""
    return Letter(
        "patch-tuesday",
        _SUBSCRIBER,
        tuple(event(kind) for kind in kinds),
        subject="14 May 2030",
        unread=(Unread("msrc-cvrf", ""),) if unread else (),
    )


def reminder() -> Letter:
    """Give a sample of the weekly reminder that a pulled build is still installed."""
    update = _update("exchange-server-2030-05-su", State.PULLED)
    on_pulled = server_status.on_pulled(update.id, servers())
    return Letter(
        "reminder",
        _SUBSCRIBER,
        (),
        update.id,
        update.id,
        (update,),
        subject=f"{update.title} (KB9000001)",
        servers=on_pulled,
    )


def servers() -> tuple[Exposure, ...]:
    """Give samples of servers.

    One with a pulled build, one that is good, one behind, one of which nothing is
    known.
    """
    updates = (
        _update("exchange-server-2030-02-su", State.RELEASED),
        _update("exchange-server-2030-05-su", State.PULLED),
    )
    names = {
        "EX01": "15.4.1544.13",
        "EX02": "15.4.1258.38",
        "EX03": "15.4.1544.4",
        "EX04": "1.2.3.4",
    }
    return server_status.exposures(
        [Server(name, build) for name, build in names.items()], updates
    )


def welcome(*, pulled: bool) -> Letter:
    """Give a sample welcome, with or without a pulled update."""
    standing = (
        _update("exchange-server-2030-02-su", State.RELEASED),
        *((_update("exchange-server-2030-05-su", State.PULLED),) if pulled else ()),
    )
    sources = (
        Source("msrc-cvrf", "cvrf", _PAGE),
        Source("exchange-builds", "build-table", _PAGE, timedelta(minutes=90)),
    )
    unread = () if pulled else (Unread("exchange-builds", "it answered 503"),)
    return Letter(
        "welcome",
        _SUBSCRIBER,
        standing=standing,
        sources=sources,
        products=("Exchange Server*",),
        unread=unread,
    )


def _update(identity: str, state: State) -> Update:
    month = identity[16:23]
    return Update(
        identity,
        f"Exchange Server {month} SU",
        "Exchange Server",
        "SU",
        month,
        1,
        state,
        NOW,
        NOW,
        NOW,
        packages=_PACKAGES,
        advisories=_ADVISORIES,
    )
