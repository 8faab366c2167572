"""A least severity holds back what is new and mild, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from watcher.judgement import audience
from watcher.records import Advisory, Confidence, Event, Kind, Subscriber, UpdateRef

NOW = datetime(2030, 5, 14, 18, tzinfo=UTC)
ADMINS = Subscriber("admins", ("admins@example.org",), kinds=tuple(Kind))


def event(
    kind: Kind, *severities: str, exploited: bool = False, disclosed: bool = False
) -> Event:
    advisories = tuple(
        Advisory(
            f"CVE-2030-000{n}", severity=word, exploited=exploited, disclosed=disclosed
        )
        for n, word in enumerate(severities)
    )
    update = UpdateRef(
        "exchange-server-2030-05-su",
        "Exchange Server May 2030 SU",
        1,
        ("Exchange Server 2019 CU14",),
    )
    return Event(
        kind.value, NOW, kind, Confidence.CONFIRMED, update, "", advisories=advisories
    )


@pytest.mark.parametrize(
    ("least", "severities", "told"),
    [
        ("", ("Low",), True),
        ("critical", ("Important",), False),
        ("critical", ("Critical",), True),
        ("critical", ("Moderate", "CRITICAL "), True),
        ("important", ("Important",), True),
        ("important", ("Moderate", "Low"), False),
        ("important", ("High",), True),
        ("important", ("Medium",), False),
        ("moderate", ("medium",), True),
        ("low", ("None",), True),
        ("critical", ("Moderate", ""), True),
        ("critical", ("Wichtig",), True),
        ("critical", (), True),
    ],
)
def test_what_is_new_is_told_from_the_least_severity_on_and_without_any(
    least: str, severities: tuple[str, ...], told: bool
) -> None:
    reader = replace(ADMINS, severity=least)
    for kind in (Kind.ANNOUNCED, Kind.RELEASED, Kind.REVISED):
        assert audience.concerns(reader, event(kind, *severities)) is told


@pytest.mark.parametrize(
    "kind",
    [
        Kind.PULLED,
        Kind.EXPLOITED,
        Kind.RE_RELEASED,
        Kind.CORRECTED,
        Kind.KNOWN_ISSUE,
        Kind.NEWS,
    ],
)
def test_what_concerns_whoever_has_the_update_is_told_however_mild_it_is(
    kind: Kind,
) -> None:
    assert audience.concerns(replace(ADMINS, severity="critical"), event(kind, "Low"))


@pytest.mark.parametrize("turn", ["exploited", "disclosed"])
def test_what_is_exploited_or_disclosed_is_never_too_mild(turn: str) -> None:
    assert not audience.is_below_severity(
        "critical", event(Kind.RELEASED, "Low", **{turn: True})
    )
    assert audience.is_below_severity("critical", event(Kind.RELEASED, "Low"))
