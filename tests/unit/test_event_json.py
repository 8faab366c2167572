"""The public form of an event: exactly the fields users script against."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from msgspec.structs import replace

from watcher.records import (
    Advisory,
    Confidence,
    Event,
    Evidence,
    Kind,
    Package,
    UpdateRef,
)
from watcher.text import event_json

TIME = datetime(2024, 11, 14, 17, 37, tzinfo=UTC)
EVENT = Event(
    id="exchange-server-2024-11-su-pulled-1",
    time=TIME,
    kind=Kind.PULLED,
    confidence=Confidence.CONFIRMED,
    update=UpdateRef(
        "exchange-server-2024-11-su",
        "Exchange Server November 2024 SU",
        1,
        ("Exchange Server 2019 CU14",),
        ("KB5044062",),
        ("CVE-2024-49040",),
        ("15.2.1544.13",),
    ),
    summary="Microsoft paused it.",
    scope=("windows-update",),
    corrects="ignored",
    evidence=(
        Evidence(
            "msrc-cvrf",
            "https://api.example.org/",
            TIME,
            "00ff",
            "modified",
            "",
            "temporarily paused",
        ),
    ),
    thread="exchange-server-2024-11-su",
    packages=(
        Package(
            "Exchange Server 2019 CU14",
            "KB5044062",
            "15.2.1544.13",
            supersedes=("KB5036401",),
        ),
    ),
    advisories=(
        Advisory("CVE-2024-49040", "Spoofing", "Important", 7.5, "", disclosed=True),
    ),
    guidance=("Uninstall it.",),
    because="paused: temporarily paused the rollout",
    previous="It is available.",
)


def test_an_event_is_shown_with_the_fields_of_schema_1() -> None:
    assert event_json.public(EVENT) == {
        "schema": 1,
        "id": "exchange-server-2024-11-su-pulled-1",
        "time": "2024-11-14T17:37:00Z",
        "kind": "pulled",
        "confidence": "confirmed",
        "update": {
            "id": "exchange-server-2024-11-su",
            "title": "Exchange Server November 2024 SU",
            "version": 1,
            "products": ["Exchange Server 2019 CU14"],
            "kbs": ["KB5044062"],
            "cves": ["CVE-2024-49040"],
            "builds": ["15.2.1544.13"],
        },
        "scope": ["windows-update"],
        "summary": "Microsoft paused it.",
        "evidence": [
            {
                "source": "msrc-cvrf",
                "url": "https://api.example.org/",
                "time": "2024-11-14T17:37:00Z",
                "sha256": "00ff",
                "change": "modified",
                "before": "",
                "after": "temporarily paused",
            }
        ],
        "because": "paused: temporarily paused the rollout",
        "guidance": ["Uninstall it."],
        "packages": [
            {
                "product": "Exchange Server 2019 CU14",
                "kb": "KB5044062",
                "build": "15.2.1544.13",
                "url": "",
                "supersedes": ["KB5036401"],
                "esu": False,
                "track": "",
                "version": 1,
            }
        ],
        "advisories": [
            {
                "id": "CVE-2024-49040",
                "title": "Spoofing",
                "severity": "Important",
                "cvss": 7.5,
                "exploited": False,
                "disclosed": True,
                "likely": False,
                "url": "",
            }
        ],
    }


def test_only_a_correction_says_what_it_corrects() -> None:
    assert "corrects" not in event_json.public(EVENT)
    assert (
        event_json.public(replace(EVENT, kind=Kind.CORRECTED, corrects="e1"))[
            "corrects"
        ]
        == "e1"
    )


def test_a_fraction_of_a_second_is_shown_when_there_is_one() -> None:
    assert (
        event_json.time(TIME.replace(microsecond=250000))
        == "2024-11-14T17:37:00.250000Z"
    )


def test_a_line_is_sorted_and_one_line_for_every_reader() -> None:
    line = event_json.line(replace(EVENT, summary="Grüße\u2028\n\x9b\u202e"))

    assert line.isascii()
    assert len(line.splitlines()) == 1
    keys = list(json.loads(line))
    assert keys == sorted(keys)
    assert json.loads(line)["summary"] == "Grüße\u2028\n\x9b\u202e"
