"""What an administrator is told to do now."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from watcher.judgement import advice
from watcher.records import Advisory, Confidence, Event, Kind, Package, UpdateRef

PACKAGE = Package("Exchange Server 2019 CU14", "KB9000001", "15.2.1544.13")
EXCHANGE = UpdateRef(
    "exchange-server-2030-05-su",
    "Exchange Server May 2030 SU",
    1,
    (PACKAGE.product,),
    ("KB9000001",),
)
NOW = datetime(2030, 5, 14, tzinfo=UTC)


def event(
    kind: Kind, *, guidance: tuple[str, ...] = ("Do this.",), version: int = 1
) -> Event:
    return Event(
        kind.value,
        NOW,
        kind,
        Confidence.CONFIRMED,
        replace(EXCHANGE, version=version),
        "",
        packages=(PACKAGE,),
        guidance=guidance,
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            event(Kind.PULLED),
            (
                "do-not-install",
                "withdraw-approval",
                "installed-guided",
                "health-checker-after",
            ),
        ),
        (
            event(Kind.PULLED, guidance=()),
            (
                "do-not-install",
                "withdraw-approval",
                "installed-unguided",
                "health-checker-after",
            ),
        ),
        (
            event(Kind.RE_RELEASED, version=2),
            ("install-new-version", "install-over-old", "health-checker"),
        ),
        (event(Kind.RE_RELEASED), ("install-again", "health-checker")),
        (event(Kind.RELEASED), ("install", "health-checker")),
        (event(Kind.KNOWN_ISSUE), ("issue-guided",)),
        (event(Kind.KNOWN_ISSUE, guidance=()), ("issue-unguided",)),
        (
            replace(event(Kind.KNOWN_ISSUE), workaround=True),
            ("workaround", "issue-install"),
        ),
        (
            replace(
                event(Kind.KNOWN_ISSUE),
                workaround=True,
                update=UpdateRef("issue-x", "X", 1),
                packages=(),
            ),
            ("workaround",),
        ),
        (
            replace(event(Kind.KNOWN_ISSUE), workaround=True, pulled=True),
            ("still-pulled", "workaround"),
        ),
        (event(Kind.ANNOUNCED), ("no-update-yet", "mitigate")),
        (event(Kind.ANNOUNCED, guidance=()), ("no-update-yet", "mitigate-unguided")),
        (event(Kind.CORRECTED), ("disregard",)),
        (event(Kind.REVISED), ("read-guided",)),
        (event(Kind.REVISED, guidance=()), ("read",)),
        (event(Kind.NEWS), ("read",)),
        (event(Kind.EXPLOITED), ("install-soon", "health-checker")),
    ],
)
def test_each_kind_has_its_steps(told: Event, expected: tuple[str, ...]) -> None:
    assert advice.keys(told) == expected


def test_a_cumulative_update_is_not_installed_on_itself() -> None:
    update = UpdateRef(
        "exchange-server-2019-cu15",
        "Exchange Server 2019 CU15",
        1,
        ("Exchange Server 2019 CU15",),
    )
    assert advice.keys(replace(event(Kind.RELEASED), update=update)) == (
        "install-alone",
        "health-checker",
    )


@pytest.mark.parametrize(
    ("guidance", "expected"),
    [(("Do this.",), ("issue-alone",)), ((), ("issue-alone-unguided",))],
)
def test_an_issue_of_no_update_speaks_of_none(
    guidance: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    bare = replace(
        event(Kind.KNOWN_ISSUE, guidance=guidance),
        update=UpdateRef("issue-x", "X", 1),
        packages=(),
    )
    assert advice.keys(bare) == expected


def test_health_checker_is_for_exchange_alone() -> None:
    windows = replace(
        EXCHANGE, title="Windows KB9000001", products=("Windows Server 2022",)
    )
    told = [replace(event(kind), update=windows) for kind in Kind]
    assert not any("health-checker" in key for one in told for key in advice.keys(one))


@pytest.mark.parametrize("kind", [Kind.RELEASED, Kind.EXPLOITED])
def test_an_exploited_vulnerability_hurries_the_update_that_fixes_it(
    kind: Kind,
) -> None:
    assert (
        advice.keys(
            replace(event(kind), advisories=(Advisory("CVE-2030-1", exploited=True),))
        )[0]
        == "install-now"
    )


@pytest.mark.parametrize("kind", [Kind.ANNOUNCED, Kind.EXPLOITED])
def test_an_exploited_vulnerability_without_an_update_is_said_to_be_both(
    kind: Kind,
) -> None:
    bare = replace(
        event(kind),
        update=UpdateRef("cve-2030-1", "CVE-2030-1", 1),
        packages=(),
        advisories=(Advisory("CVE-2030-1", exploited=True),),
    )
    assert advice.keys(bare) == ("exploited-no-update", "mitigate")


@pytest.mark.parametrize(
    "kind", [Kind.RELEASED, Kind.EXPLOITED, Kind.KNOWN_ISSUE, Kind.REVISED]
)
def test_nobody_is_told_to_install_what_stands_pulled(kind: Kind) -> None:
    assert advice.keys(replace(event(kind), pulled=True)) == (
        "still-pulled",
        "mitigate",
    )


def test_a_suspected_pull_asks_to_wait_and_never_to_uninstall() -> None:
    assert advice.keys(
        replace(event(Kind.PULLED), confidence=Confidence.SUSPECTED)
    ) == ("hold", "hold-installed")


def test_any_other_suspicion_asks_for_nothing() -> None:
    assert advice.keys(
        replace(event(Kind.RE_RELEASED), confidence=Confidence.SUSPECTED)
    ) == ("wait",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Restart the transport service on every server.", True),
        ("Please follow the workaround provided on this KB article", True),
        ("Meanwhile, please uninstall the update if mail flow has stopped.", True),
        ("", False),
        ("None", False),
        ("N/A", False),
        ("There is no known workaround.", False),
        ("A workaround is not yet available.", False),
        ("We are investigating this issue.", False),
        (
            "The issue is going to be fixed, and an updated version will be released.",
            False,
        ),
        ("We'll update this page once the update is released.", False),
        ("This has been fixed.", False),
    ],
)
def test_a_workaround_says_what_to_do(text: str, expected: bool) -> None:
    assert advice.is_workaround(text) is expected
