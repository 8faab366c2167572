"""One record offers the fixes of several updates: what it says of one is not of all."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.pages import Cve, Fix, Month, month
from tests.stories.telling import World
from watcher.records import Watch

FIXES = (
    Fix("Windows Server 2019", "5990057"),
    Fix("Windows Server 2022", "5990055"),
    Fix("Windows 10 Version 21H2 for x64-based Systems", "5990043"),
)
OLD = month(
    "2030-12",
    Cve(
        "CVE-2030-0001",
        (Fix("Windows Server 2019", "5980001"),),
        revisions=(("1.0", "2030-12-10", "Published."),),
    ),
    calls_itself="2030-Dec",
)


def january(*texts: str) -> Month:
    revisions = [("1.0", "2031-01-14", "Information published.")]
    for number, text in enumerate(texts, start=2):
        revisions.append((f"{number}.0", f"2031-01-{14 + number}", text))
    return month("2031-Jan", Cve("CVE-2031-0001", FIXES, revisions=tuple(revisions)))


@pytest.fixture
def windows(world: World) -> World:
    world.settings = replace(world.settings, watch=Watch(("Windows*",)))
    december = replace(OLD, name="2030-Dec")
    world.at("2031-01-02 06:00", december)
    assert len(world.at("2031-01-14 20:00", december, january())) == 3
    return world


def test_a_revision_pulls_what_it_names_and_not_what_else_its_record_offers(
    windows: World,
) -> None:
    """KB5009557 and KB5009555 of January 2022; Windows 10's KB5009543 was never pulled."""
    text = "The updates KB5990057 and KB5990055 have been removed from Windows Update."
    told = windows.at("2031-01-16 20:00", replace(OLD, name="2030-Dec"), january(text))
    assert [line for line in sorted(told) if "revised" not in line] == [
        "pulled windows-kb5990055 KB5990055",
        "pulled windows-kb5990057 KB5990057",
    ]
    back = "KB5990057 and KB5990055 are available again."
    again = january(text, back)
    told = windows.at("2031-01-17 20:00", replace(OLD, name="2030-Dec"), again)
    assert [line for line in sorted(told) if "revised" not in line] == [
        "re-released windows-kb5990055 v2 KB5990055",
        "re-released windows-kb5990057 v2 KB5990057",
    ]


def test_advice_against_one_is_no_issue_of_the_others(windows: World) -> None:
    text = "We have withdrawn KB5990057. Do not install it."
    told = windows.at("2031-01-16 20:00", replace(OLD, name="2030-Dec"), january(text))
    assert [line for line in told if "revised" not in line] == [
        "pulled windows-kb5990057 KB5990057"
    ]
