"""Windows' known issues: told of each update once, whatever the number of pages."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.learn import (
    HEALTH,
    Issue,
    message_center,
    old_status_page,
    status_page,
)
from tests.stories.telling import World
from tests.stories.telling import text as plain_text
from watcher.records import Source

CENTER = f"{HEALTH}windows-message-center"
CLIENT = f"{HEALTH}status-windows-10-22h2"
RESOLVED = f"{HEALTH}resolved-issues-windows-10-22h2"
OLD = Issue("1466", "Some keyboards might not work", "They might not work.", "5960001")
NOTICE = ("1900", "March 3, 2031", "Reminder: end of servicing", "It ends.")
PROXY = Issue(
    "1506",
    "Devices using a proxy might show limited connection status",
    "Devices using a proxy might show no internet.|<strong>Workaround:</strong> "
    "You might be able to mitigate the issue by restarting your device.",
    "5960002",
)
FIXED = replace(
    PROXY,
    status="Resolved",
    resolved_by="5960009",
    text="Devices using a proxy might show no internet.|<strong>Resolution:</strong> "
    "This issue was resolved in the out-of-band update KB5960009. It is not available "
    "from Windows Update and will not install automatically.",
    updated="2031-03-30",
)
REMOVED = Issue(
    "1492",
    "You might encounter issues with KB5960003",
    "You might encounter issues trying to install KB5960003.|<strong>Workaround:"
    "</strong> To help affected devices, the standalone security update (KB5960003) has "
    "been removed and will not re-offered from Windows Update, Windows Server Update "
    "Services (WSUS) or Microsoft Update Catalog.",
    "5960003",
)


@pytest.fixture
def health(world: World) -> World:
    """Windows 10's page lists an old issue, which was read and is no news."""
    source = Source("windows-health", "release-health", CENTER)
    world.settings = replace(world.settings, sources=(source,))
    world.watches("Windows 10 Version 22H2*")
    pages = {
        CENTER: message_center(NOTICE),
        CLIENT: status_page("Windows 10, version 22H2", OLD),
        RESOLVED: status_page("Resolved issues in Windows 10, version 22H2", OLD),
    }
    assert world.at("2031-03-20 06:00", pages=pages) == []
    assert world.failures == []
    return world


def shows(*issues: Issue) -> dict[str, bytes]:
    return {CLIENT: status_page("Windows 10, version 22H2", *issues)}


def test_a_new_issue_is_told_of_the_update_that_causes_it(health: World) -> None:
    (said,) = health.at("2031-03-26 18:00", pages=shows(PROXY, OLD))
    assert said == "known-issue issue-kb5960002 KB5960002"
    assert "restarting your device" in " ".join(health.last.guidance)


def test_an_issue_that_an_update_resolves_is_no_pull(health: World) -> None:
    """March 2020: KB4535996's issue was resolved by KB4554364, for whom it concerns."""
    health.at("2031-03-26 18:00", pages=shows(PROXY, OLD))

    said = health.at("2031-03-30 22:00", pages=shows(FIXED, OLD))
    assert [line.split()[0] for line in said] == ["known-issue"]
    assert "KB5960009" in " ".join(health.last.guidance)
    assert health.pulled == []


def test_a_pull_stands_in_the_sentences_alone(health: World) -> None:
    """February 2020: KB4524244 was removed; its issue's state stayed "Mitigated"."""
    assert health.at("2031-03-26 18:00", pages=shows(REMOVED, OLD)) == [
        "pulled windows-kb5960003 KB5960003"
    ]
    assert health.at("2031-03-27 18:00") == []


def test_the_old_layout_tells_the_same(health: World) -> None:
    page = old_status_page("Windows 10, version 22H2", REMOVED, OLD)
    said = health.at("2031-03-26 18:00", pages={CLIENT: page})
    assert said == ["pulled windows-kb5960003 KB5960003"]


def test_an_issue_that_moves_to_the_resolved_ones_and_ages_out_is_told_once(
    health: World,
) -> None:
    health.at("2031-03-26 18:00", pages=shows(PROXY, OLD))
    resolved = {
        RESOLVED: status_page("Resolved issues in Windows 10, version 22H2", FIXED, OLD)
    }
    assert len(health.at("2031-03-30 22:00", pages=shows(FIXED, OLD) | resolved)) == 1
    assert health.at("2031-04-29 22:00", pages=shows(OLD)) == []
    assert health.at("2031-04-30 22:00") == []


def test_one_issue_on_several_pages_is_one_event(health: World) -> None:
    health.watches("Windows 10 Version 22H2*", "Windows Server 2022*")
    server = f"{HEALTH}status-windows-server-2022"
    health.at(
        "2031-03-21 06:00",
        pages={server: status_page("Windows Server 2022", OLD)},
    )
    on_server = status_page(
        "Windows Server 2022", replace(PROXY, origin="5960004"), OLD
    )

    said = health.at("2031-03-26 18:00", pages=shows(PROXY, OLD) | {server: on_server})
    assert len(said) == 1
    assert health.last.update.kbs == ("KB5960002", "KB5960004")
    assert health.at("2031-03-26 20:00") == []


def test_an_issue_of_another_release_of_the_page_is_nothing(health: World) -> None:
    other = replace(PROXY, affected="Windows 10, version 21H2")
    page = status_page("Windows 10, version 21H2 and Windows 10, version 22H2", other)
    assert health.at("2031-03-26 18:00", pages={CLIENT: page}) == []


def test_pausing_optional_releases_pulls_nothing(health: World) -> None:
    """March 2020: "we are pausing all optional non-security releases"."""
    told = (
        "1905",
        "March 24, 2031",
        "Timing for upcoming Windows optional C and D releases",
        (
            "Starting in May 2031, we are pausing all optional non-security releases (C "
            "and D updates) for all supported versions of Windows."
        ),
    )
    said = health.at("2031-03-24 20:00", pages={CENTER: message_center(told, NOTICE)})
    assert [line.split()[0] for line in said] == ["news"]
    assert health.pulled == []


def test_a_message_under_a_number_that_is_taken_is_told_and_a_copy_is_none(
    health: World,
) -> None:
    other = (NOTICE[0], "March 24, 2031", "Another change", "It is another one.")
    copied = message_center(NOTICE, NOTICE)
    assert health.at("2031-03-24 18:00", pages={CENTER: copied}) == []
    both = message_center(other, NOTICE)
    said = health.at("2031-03-24 20:00", pages={CENTER: both})
    assert [line.split()[0] for line in said] == ["news"]


def test_an_out_of_band_update_is_released_to_the_releases_of_its_list(
    health: World,
) -> None:
    """November 2020: one row for Kerberos, to which articles were added for days."""
    text = (
        "An out-of-band optional update is now available on the Microsoft Update "
        "Catalog.<ul><li>Windows Server 2022 (KB5960011)</li>{}</ul>"
    )
    more = "<li>Windows 10, version 22H2 (KB5960010)</li>"
    title = "Out-of-band update for an issue with Kerberos authentication"
    first = ("1910", "March 25, 2031", title, text.format(""))
    filled = ("1910", "March 25, 2031", title, text.format(more))

    health.at("2031-03-25 18:00", pages={CENTER: message_center(first, NOTICE)})
    said = health.at("2031-03-26 18:00", pages={CENTER: message_center(filled, NOTICE)})
    assert said == ["released windows-kb5960010 KB5960010"]


def test_an_out_of_band_update_is_new_however_its_message_puts_it(
    health: World,
) -> None:
    """November 2020: "is now available to address a known issue" made none a second one."""
    text = (
        "An out-of-band optional update is now available on the Microsoft Update Catalog "
        "to address a known issue affecting Kerberos authentication.<ul><li>Windows 10, "
        "version 22H2 (KB5960010)</li></ul>"
    )
    told = ("1910", "March 25, 2031", "Out-of-band update for Kerberos", text)
    said = health.at("2031-03-25 18:00", pages={CENTER: message_center(told, NOTICE)})
    assert said == ["released windows-kb5960010 KB5960010"]


def test_an_out_of_band_update_of_one_article_is_of_all_releases_that_it_names(
    health: World,
) -> None:
    """March 2020: KB4551762, without a list."""
    health.watches("Windows 10 Version 22H2*", "Windows Server 2022*")
    assert health.at("2031-03-24 18:00") == []
    text = (
        "This vulnerability applies to Windows 10, version 22H2 and Windows Server 2022. "
        "To be protected you will need to install KB5960011, even if you have installed "
        "the security update of March."
    )
    title = "Take action: out of band security update released for CVE-2031-10001"
    told = ("1911", "March 25, 2031", title, text)
    said = health.at("2031-03-25 18:00", pages={CENTER: message_center(told, NOTICE)})
    assert said == ["released windows-kb5960011 KB5960011"]
    products = {package.product for package in health.last.packages}
    assert products == {"Windows 10 Version 22H2", "Windows Server 2022"}


def test_a_pull_is_of_the_releases_of_its_page_not_of_update_services(
    health: World,
) -> None:
    health.at("2031-03-26 18:00", pages=shows(REMOVED, OLD))
    products = [package.product for package in health.last.packages]
    assert products == ["Windows 10 Version 22H2"]


def test_an_issue_of_the_first_check_is_told_when_an_update_resolves_it(
    health: World,
) -> None:
    reworded = replace(OLD, text="Some of the keyboards do not work at all.")
    assert health.at("2031-03-28 18:00", pages=shows(reworded)) == []
    resolved = replace(reworded, status="Resolved", resolved_by="5960008")
    said = health.at("2031-03-29 18:00", pages=shows(resolved))
    assert said == ["known-issue issue-kb5960001 KB5960001"]
    assert "new guidance" in health.last.summary


def test_an_update_that_not_everybody_needs_says_so_first(health: World) -> None:
    """March and November 2020: "only install this optional update if you are affected"."""
    text = (
        "An out-of-band optional update is now available.<div>We recommend you only "
        "install this optional update if you are affected by this issue.</div><ul><li>"
        "Windows 10, version 22H2 (KB5960010)</li></ul>"
    )
    told = ("1910", "March 25, 2031", "Out-of-band update for proxies", text)
    said = health.at("2031-03-25 18:00", pages={CENTER: message_center(told, NOTICE)})
    assert said == ["released windows-kb5960010 KB5960010"]
    mail = " ".join(plain_text(health.mail("released")).split())
    assert "1. Not everybody needs KB5960010" in mail
    assert "then install on" not in mail
