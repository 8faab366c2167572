"""Emerging Issues: known issues, their edits, and layouts that come and go."""

from __future__ import annotations

import pytest

from tests.stories.pages import CU14, OUTAGE, Cve, Fix, issues, month
from tests.stories.telling import World

SU = "exchange-server-2024-11-su"
BLAMED = (
    '<a href="https://support.microsoft.com/help/5044062">November 2024 Security '
    "Update for Exchange 2016 &amp; Exchange 2019</a>"
)
OLD = (
    "3/20/2024",
    (
        '<a href="https://support.microsoft.com/help/5036401">March 2024 '
        "Security Update for Exchange 2019</a>"
    ),
    "Links fail",
    "Wait",
)
RULES = "Transport rules may stop after the November 2024 Security Update was installed"


@pytest.fixture
def released(world: World) -> World:
    """November's update is out and known; the page lists an old issue only."""
    world.at("2024-11-08 06:00", month("2024-Oct", linux=1), issues=issues(OLD))
    assert world.at(
        "2024-11-12 18:00",
        month(
            "2024-Nov", Cve("CVE-2024-49040", (Fix(CU14, "5044062", "15.02.1544.013"),))
        ),
    ) == [f"released {SU} KB5044062"]
    return world


def test_a_new_row_is_a_known_issue(released: World) -> None:
    assert released.at(
        "2024-11-14 18:00",
        issues=issues(("11/14/2024", BLAMED, RULES, "Add an override"), OLD),
    ) == [f"known-issue {SU} KB5044062"]
    assert any("Add an override" in line for line in released.last.guidance)


def test_another_workaround_under_the_old_date_is_told(released: World) -> None:
    """On 2024-11-20 the workaround changed and "Updated on" did not."""
    released.at(
        "2024-11-14 18:00",
        issues=issues(("11/14/2024", BLAMED, RULES, "Add an override"), OLD),
    )

    said = released.at(
        "2024-11-20 18:00",
        issues=issues(
            (
                "11/14/2024",
                BLAMED,
                RULES,
                "If rules have stopped, uninstall the update",
            ),
            OLD,
        ),
    )
    assert said == [f"known-issue {SU} KB5044062"]


def test_another_date_or_spelling_alone_is_nothing(released: World) -> None:
    released.at(
        "2024-11-14 18:00",
        issues=issues(("11/14/2024", BLAMED, RULES, "Add an override"), OLD),
    )

    assert (
        released.at(
            "2024-11-15 18:00",
            issues=issues(("11/15/2024", BLAMED, RULES, "Add an override"), OLD),
        )
        == []
    )
    assert (
        released.at(
            "2024-11-16 18:00",
            issues=issues(("11/15/2024", BLAMED, RULES, "Add  an override."), OLD),
        )
        == []
    )


def test_a_solved_issue_that_leaves_the_page_is_nothing(released: World) -> None:
    released.at(
        "2024-11-14 18:00",
        issues=issues(("11/14/2024", BLAMED, RULES, "Add an override"), OLD),
    )

    assert released.at("2025-02-14 18:00", issues=issues(OLD)) == []
    assert released.at("2025-02-14 20:00") == []
    assert released.pulled == []


def test_an_outage_is_a_failure_and_its_end_no_news(released: World) -> None:
    assert released.at("2024-11-14 18:00", issues=OUTAGE) == []
    assert released.failures[0].startswith("exchange-issues: ")
    assert released.at("2024-11-14 20:00", issues=issues(OLD)) == []


def test_an_issue_that_another_vendors_update_causes_is_a_known_issue(
    released: World,
) -> None:
    windows = (
        '<a href="https://support.microsoft.com/kb/5999040">November 2024 update '
        "for Windows</a>"
    )

    (said,) = released.at(
        "2024-11-20 18:00",
        issues=issues(
            (
                "11/20/2024",
                windows,
                "The Exchange Transport service may not start",
                "NA",
            ),
            OLD,
        ),
    )
    assert said.startswith("known-issue ")
