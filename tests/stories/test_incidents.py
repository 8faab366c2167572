"""Incidents of other years, each told as it happened."""

from __future__ import annotations

from tests.stories.pages import CU14, SE, Cve, Fix, Month, blog, month, post, table
from tests.stories.telling import World, text

SP3 = ("Exchange Server 2010 SP3", "February 12, 2013", "14.3.123.4")
RU7 = (
    "Update Rollup 7 for Exchange Server 2010 SP3",
    "August 26, 2014",
    "14.3.210.2",
    "KB2961522",
)
PUBLISHED = "Information published."


def test_a_rollup_is_recalled_in_its_rows_name_and_comes_back_as_v2(
    world: World,
) -> None:
    """Exchange 2010 SP3 RU8, December 2014: the table keeps both rows."""
    world.at("2014-12-01 06:00", table=table(RU7, SP3))
    first = (
        "Update Rollup 8 for Exchange Server 2010 SP3",
        "December 9, 2014",
        "14.3.224.1",
        "KB2986475",
    )
    assert world.at("2014-12-10 06:00", table=table(first, RU7, SP3)) == [
        "released exchange-server-2010-sp3-ru8 KB2986475"
    ]

    link = "https://techcommunity.microsoft.com/t5/exchange-team-blog/post/ba-p/599001"
    recalled = (
        "Update Rollup 8 v1 for Exchange Server 2010 SP3 (recalled)",
        "December 9, 2014",
        "14.3.224.1",
        link,
    )
    assert world.at("2014-12-11 06:00", table=table(recalled, RU7, SP3)) == [
        "pulled exchange-server-2010-sp3-ru8 KB2986475"
    ]

    second = (
        "Update Rollup 8 v2 for Exchange Server 2010 SP3",
        "December 12, 2014",
        "14.3.224.2",
        "KB2986475",
    )
    assert world.at("2014-12-13 06:00", table=table(second, recalled, RU7, SP3)) == [
        "re-released exchange-server-2010-sp3-ru8 v2 KB2986475"
    ]
    assert world.last.update.builds == ("14.3.224.2",)


def test_a_cumulative_update_is_replaced_under_its_name_and_date(world: World) -> None:
    """Exchange 2013 CU2, July 2013.

    15.0.712.22 became 15.0.712.24, and the post was edited in place.
    """
    cu1 = ("Exchange Server 2013 CU1", "April 2, 2013", "15.0.620.29")
    text_of_post = (
        "<p>Cumulative Update 2 for Exchange Server 2013 is now available.</p>"
    )
    world.at(
        "2013-07-01 06:00",
        table=table(cu1),
        blog=blog(post(590001, "Calendars", "2013-06-20", "<p>Calendars.</p>")),
    )
    before = post(
        590090,
        "Released: Exchange Server 2013 RTM Cumulative Update 2",
        "2013-07-09",
        text_of_post,
    )
    assert world.at(
        "2013-07-10 06:00",
        table=table(("Exchange Server 2013 CU2", "July 9, 2013", "15.0.712.22"), cu1),
        blog=blog(before),
    ) == ["released exchange-server-2013-cu2"]

    edited = post(
        590090,
        "Released: Exchange Server 2013 RTM Cumulative Update 2",
        "2013-07-09",
        f"{text_of_post}<p>Updated build number.</p>",
    )
    assert world.at(
        "2013-07-30 06:00",
        table=table(("Exchange Server 2013 CU2", "July 9, 2013", "15.0.712.24"), cu1),
        blog=blog(edited),
    ) == ["re-released exchange-server-2013-cu2 v2"]
    assert world.last.update.builds == ("15.0.712.24",)


def test_a_withdrawn_rollup_comes_back_under_another_article_and_the_same_name(
    world: World,
) -> None:
    """Exchange 2010 SP1 RU4, July 2011: withdrawn on the 13th, back on the 27th as KB2579150."""
    ru3 = (
        "Update Rollup 3 for Exchange Server 2010 SP1",
        "April 6, 2011",
        "14.1.289.7",
        "KB2529939",
    )
    before = (
        "Update Rollup 4 for Exchange Server 2010 SP1",
        "June 22, 2011",
        "14.1.323.1",
        "KB2509910",
    )
    title = "Released: Update Rollup 4 for Exchange Server 2010 SP1"
    world.at(
        "2011-06-01 06:00",
        table=table(ru3),
        blog=blog(post(590001, "Calendars", "2011-05-20", "<p>Calendars.</p>")),
    )
    assert world.at(
        "2011-06-23 06:00",
        table=table(before, ru3),
        blog=blog(post(590044, title, "2011-06-22", "<p>It is available.</p>")),
    ) == ["released exchange-server-2010-sp1-ru4 KB2509910"]

    pulled = (
        "<p>It is available.</p><p>Update 7/13: We have removed the rollup from "
        "the Download Center because of an issue.</p>"
    )
    assert world.at(
        "2011-07-13 20:00", blog=blog(post(590044, title, "2011-06-22", pulled))
    ) == ["pulled exchange-server-2010-sp1-ru4 KB2509910"]

    after = (
        "Update Rollup 4 for Exchange Server 2010 SP1",
        "July 27, 2011",
        "14.1.323.6",
        "KB2579150",
    )
    assert world.at("2011-07-28 06:00", table=table(after, ru3)) == [
        "re-released exchange-server-2010-sp1-ru4 v2 KB2579150"
    ]
    assert world.pulled == []


def test_rollups_are_signed_again_as_v2_and_as_v3(world: World) -> None:
    """October 2012: several rollups at once; every row stays in the table."""
    rows = [
        (
            "Update Rollup 8 for Exchange Server 2007 SP3",
            "August 13, 2012",
            "8.3.279.3",
            "KB2734323",
        ),
        (
            "Update Rollup 7 for Exchange Server 2010 SP1",
            "August 8, 2012",
            "14.1.421.0",
            "KB2743248",
        ),
        (
            "Update Rollup 4 for Exchange Server 2010 SP2",
            "August 13, 2012",
            "14.2.318.2",
            "KB2706690",
        ),
    ]
    world.at("2012-08-14 06:00", table=table(*rows))
    second = [
        (
            "Update Rollup 8-v2 for Exchange Server 2007 SP3",
            "October 9, 2012",
            "8.3.279.5",
            "KB2756497",
        ),
        (
            "Update Rollup 7 v2 for Exchange Server 2010 SP1",
            "October 10, 2012",
            "14.1.421.2",
            "KB2756496",
        ),
        (
            "Update Rollup 4 v2 for Exchange Server 2010 SP2",
            "October 9, 2012",
            "14.2.318.4",
            "KB2756485",
        ),
    ]
    assert world.at("2012-10-11 06:00", table=table(*second, *rows)) == [
        "re-released exchange-server-2007-sp3-ru8 v2 KB2756497",
        "re-released exchange-server-2010-sp1-ru7 v2 KB2756496",
        "re-released exchange-server-2010-sp2-ru4 v2 KB2756485",
    ]

    third = (
        "Update Rollup 8-v3 for Exchange Server 2007 SP3",
        "November 13, 2012",
        "8.3.279.6",
        "KB2788321",
    )
    assert world.at("2012-11-14 06:00", table=table(third, *second, *rows)) == [
        "re-released exchange-server-2007-sp3-ru8 v3 KB2788321"
    ]


def test_the_same_article_is_unavailable_for_five_days(world: World) -> None:
    """SharePoint KB5002692, April 2025."""
    world.watches("SharePoint*")
    fixes = (Fix("Microsoft SharePoint Server 2019", "5002692", "16.0.10417.20003"),)

    def april(*revisions: tuple[str, str, str]) -> Cve:
        first = ("1.0", "2025-04-08", PUBLISHED)
        return Cve(
            "CVE-2025-29794",
            fixes,
            (first, *revisions),
            title="Microsoft SharePoint Remote Code Execution Vulnerability",
            tag="SharePoint",
        )

    world.at("2025-04-01 06:00", month("2025-Mar", linux=2))
    assert world.at("2025-04-08 18:00", month("2025-Apr", april())) == [
        "released sharepoint-kb5002692 KB5002692"
    ]
    gone = (
        "2.0",
        "2025-04-10",
        "The security update KB5002692 for SharePoint Server 2019 is temporarily unavailable.",
    )
    assert world.at("2025-04-10 18:00", month("2025-Apr", april(gone))) == [
        "pulled sharepoint-kb5002692 KB5002692"
    ]
    wait = (
        "3.0",
        "2025-04-11",
        "We are still working on the update. This is an informational change only.",
    )
    assert [
        told
        for told in world.at("2025-04-11 18:00", month("2025-Apr", april(gone, wait)))
        if not told.startswith("revised")
    ] == []
    back = (
        "4.0",
        "2025-04-15",
        (
            "The security update KB5002692 for SharePoint Server 2019 is now "
            "available again. Customers should install it."
        ),
    )
    (said,) = world.at("2025-04-15 18:00", month("2025-Apr", april(gone, wait, back)))
    assert said == "re-released sharepoint-kb5002692 v2 KB5002692"


def test_what_was_announced_too_early_was_never_pulled(world: World) -> None:
    """Azure Connected Machine agent, CVE-2024-21329, February 2024."""
    world.watches("Azure Connected Machine Agent*")
    agent = "Azure Connected Machine Agent"

    def record(fixes: tuple[Fix, ...], *revisions: tuple[str, str, str]) -> Cve:
        title = "Azure Connected Machine Agent Elevation of Privilege Vulnerability"
        return Cve(
            "CVE-2024-21329",
            fixes,
            (("1.0", "2024-02-13", PUBLISHED), *revisions),
            title=title,
            affects=(agent,),
            tag="Azure",
        )

    fixes = (
        Fix(
            agent, "Release Notes", "1.38", "https://aka.ms/AzureConnectedMachineAgent"
        ),
    )
    world.at("2024-02-01 06:00", month("2024-Jan", linux=2))
    world.at("2024-02-13 18:00", month("2024-Feb", record(fixes)))
    early = (
        "2.0",
        "2024-02-16",
        (
            "Removed the links to the update, because the update is not yet "
            "available. It will be announced here."
        ),
    )
    told = world.at("2024-02-16 18:00", month("2024-Feb", record((), early)))
    told += world.at("2024-02-17 18:00")
    assert [said for said in told if not said.startswith("revised")] == []
    assert world.pulled == []

    there = (
        "3.0",
        "2024-03-20",
        (
            "The update for the Azure Connected Machine Agent is now available. "
            "Customers should install it."
        ),
    )
    told = world.at("2024-03-20 18:00", month("2024-Feb", record(fixes, early, there)))
    assert len(told) == 1
    assert told[0].split()[0] in {"released", "re-released"}


def test_a_servicing_stack_update_is_no_longer_offered_and_another_takes_its_place(
    world: World,
) -> None:
    """KB4601392, February 2021.

    ADV990001 was reverted by its revision 32.0 and has KB5001078 since 33.0.
    """
    world.watches("Windows*")
    name = "Windows 10 Version 1607 for x64-based Systems"

    def advisory(kb: str, *revisions: tuple[str, str, str]) -> Cve:
        old = ("30.0", "2021-01-12", "Updated the list of servicing stack updates.")
        return Cve(
            "ADV990001",
            (Fix(name, kb, subtype="Servicing Stack Update"),),
            (old, *revisions),
            title="Latest Servicing Stack Updates",
            tag="SSU",
        )

    def told(time: str, kb: str, *revisions: tuple[str, str, str]) -> list[str]:
        """What is told beside that a list of many updates was revised."""
        return [
            said
            for said in world.at(time, month("2021-Feb", advisory(kb, *revisions)))
            if not said.startswith("revised")
        ]

    assert told("2021-02-01 06:00", "4576750") == []
    new = (
        "31.0",
        "2021-02-09",
        "A servicing stack update, KB4601392, has been released for Windows 10 Version 1607.",
    )
    assert told("2021-02-09 19:00", "4601392", new) == [
        "released windows-kb4601392 KB4601392"
    ]
    out = (
        "32.0",
        "2021-02-12",
        (
            "The list is reverted to KB4576750. KB4601392 has been removed and "
            "will no longer be offered."
        ),
    )
    assert told("2021-02-12 19:00", "4576750", new, out) == [
        "pulled windows-kb4601392 KB4601392"
    ]
    assert world.pulled == ["windows-kb4601392"]
    third = (
        "33.0",
        "2021-02-12",
        "A new servicing stack update, KB5001078, is now available and replaces KB4601392.",
    )
    (said,) = told("2021-02-13 19:00", "5001078", new, out, third)
    assert said.startswith("re-released windows-kb4601392")
    assert "KB5001078" in said
    assert world.pulled == []


def test_one_article_is_re_released_three_times(world: World) -> None:
    """KB4474419, 2019: each time a major revision of ADV190009."""
    world.watches("Windows*")
    fix = Fix("Windows 7 for x64-based Systems Service Pack 1", "4474419")

    def advisory(*revisions: tuple[str, str, str]) -> Cve:
        return Cve(
            "ADV190009",
            (fix,),
            (("1.0", "2019-03-12", PUBLISHED), *revisions),
            title="SHA-2 Code Sign Support Advisory",
            tag="Windows",
        )

    again = [
        (
            "2.0",
            "2019-05-14",
            "Microsoft has re-released KB4474419 for Windows 7 to add support for more file types.",
        ),
        (
            "3.0",
            "2019-06-11",
            "Microsoft is re-releasing security update KB4474419 for Windows Server 2008.",
        ),
        (
            "4.0",
            "2019-08-13",
            "KB4474419 has been re-released to include boot manager files.",
        ),
    ]
    world.at("2019-03-01 06:00", month("2019-Feb", linux=2))
    told = world.at("2019-03-12 18:00", month("2019-Mar", advisory()))
    for count, (_, day, _) in enumerate(again, start=1):
        told += world.at(f"{day} 18:00", month("2019-Mar", advisory(*again[:count])))
    assert told == ["released windows-kb4474419 KB4474419"] + [
        f"re-released windows-kb4474419 v{version} KB4474419" for version in (2, 3, 4)
    ]


def test_updates_leave_windows_update_for_a_day(world: World) -> None:
    """January 2022: KB5009624 and others were removed on the 13th, and the same articles
    were back on the 14th.
    """
    world.watches("Windows*")
    fixes = (
        Fix("Windows Server 2012 R2", "5009624", "6.3.9600.20246"),
        Fix("Windows Server 2022", "5009555", "10.0.20348.469"),
    )

    def january(*revisions: tuple[str, str, str]) -> Cve:
        title = "Windows Kernel Elevation of Privilege Vulnerability"
        return Cve(
            "CVE-2022-21881",
            fixes,
            (("1.0", "2022-01-11", PUBLISHED), *revisions),
            title=title,
            tag="Windows",
        )

    world.at("2022-01-02 06:00", month("2021-Dec", linux=2))
    assert sorted(world.at("2022-01-11 18:00", month("2022-Jan", january()))) == [
        "released windows-kb5009555 KB5009555",
        "released windows-kb5009624 KB5009624",
    ]
    out = (
        "2.0",
        "2022-01-13",
        "KB5009624 and KB5009555 have been removed from Windows Update because of an issue.",
    )
    assert sorted(world.at("2022-01-13 18:00", month("2022-Jan", january(out)))) == [
        "pulled windows-kb5009555 KB5009555",
        "pulled windows-kb5009624 KB5009624",
    ]
    assert world.last.scope == ("windows-update",)
    back = (
        "3.0",
        "2022-01-14",
        "KB5009624 and KB5009555 are available again on Windows Update.",
    )
    assert sorted(
        said.split()[0]
        for said in world.at("2022-01-14 18:00", month("2022-Jan", january(out, back)))
    ) == ["re-released", "re-released"]
    assert world.pulled == []


def test_a_mitigation_comes_first_and_the_update_a_month_later(world: World) -> None:
    """CVE-2026-42897: the post's change log names each edit; the update came with the
    June SU, in the same thread.
    """
    cve, title = (
        "CVE-2026-42897",
        "Addressing Exchange Server May 2026 vulnerability CVE-2026-42897",
    )
    first = ("1.0", "2026-05-14", PUBLISHED)
    record = Cve(
        cve,
        (),
        (first,),
        affects=(SE,),
        exploited="Yes",
        workaround="The mitigation is applied by the Emergency Mitigation Service.",
    )
    log = (
        "<p>The mitigation service protects servers by itself.</p><p>Changes to "
        "this post:</p><p>05/14: Published.</p>"
    )
    world.at(
        "2026-05-01 06:00",
        month("2026-Apr", linux=2),
        blog=blog(post(4250001, "Calendars", "2026-04-20", "<p>Calendars.</p>")),
    )
    assert world.at(
        "2026-05-14 18:00",
        month("2026-May", record),
        blog=blog(post(4518498, title, "2026-05-14", log)),
    ) == ["announced cve-2026-42897"]

    edited = f"{log}<p>05/16: We clarified which servers the mitigation covers.</p>"
    told = world.at(
        "2026-05-16 18:00", blog=blog(post(4518498, title, "2026-05-14", edited))
    )
    assert [
        said for said in told if not said.startswith(("revised", "known-issue"))
    ] == []

    fixed = Cve(
        cve,
        (Fix(SE, "5999901", "15.02.2562.050"),),
        (first, ("2.0", "2026-06-09", "A security update is now available.")),
        exploited="Yes",
    )
    (said,) = world.at("2026-06-09 18:00", month("2026-May", fixed))
    assert said.startswith("released exchange-server-2026-06-su")
    assert world.mail("released")["References"] == world.mail("announced")["References"]


def test_an_update_for_one_edition_only_does_not_make_the_others_pulled(
    world: World,
) -> None:
    """May 2026 HU: for Subscription Edition only."""
    april = [
        (
            "Exchange Server SE RTM Apr26SU",
            "April 14, 2026",
            "15.2.2562.40",
            "KB5080001",
        ),
        (
            "Exchange Server 2019 CU15 Apr26SU",
            "April 14, 2026",
            "15.2.1748.45",
            "KB5080002",
        ),
        (
            "Exchange Server 2016 CU23 Apr26SU",
            "April 14, 2026",
            "15.1.2507.66",
            "KB5080003",
        ),
    ]
    world.at("2026-04-20 06:00", table=table(*april))
    hotfix = (
        "Exchange Server SE RTM May26HU",
        "May 19, 2026",
        "15.2.2562.41",
        "KB5080011",
    )
    assert world.at("2026-05-20 06:00", table=table(hotfix, *april)) == [
        "released exchange-server-2026-05-hu KB5080011"
    ]
    assert world.at("2026-05-25 06:00") == []


def test_a_further_edition_is_told_once_and_not_as_a_change_of_the_other_editions_updates(
    world: World,
) -> None:
    world.watches("SharePoint*")
    edition, server = (
        "Microsoft SharePoint Server Subscription Edition",
        "Microsoft SharePoint Server 2019",
    )
    first = ("1.0", "2025-07-19", "Information published.")
    more = (
        "2.0",
        "2025-07-21",
        (
            "Microsoft is announcing the availability of the security updates "
            "for SharePoint Server 2019."
        ),
    )

    def july(*fixes: Fix, revisions: tuple[tuple[str, str, str], ...]) -> Month:
        return month(
            "2025-Jul",
            Cve("CVE-2025-53770", fixes, revisions, tag="Microsoft Office SharePoint"),
            linux=1,
        )

    one, other = (
        Fix(edition, "5990768", "16.0.18526.20508"),
        Fix(server, "5990754", "16.0.10417.20037"),
    )
    world.at("2025-07-01 06:00", month("2025-Jun", linux=1))
    assert world.at("2025-07-20 06:00", july(one, revisions=(first,))) == [
        "released sharepoint-kb5990768 KB5990768"
    ]
    assert world.at("2025-07-21 18:00", july(one, other, revisions=(first, more))) == [
        "released sharepoint-kb5990754 KB5990754"
    ]
    said = (
        "3.0",
        "2025-07-24",
        "The update for SharePoint Server Subscription Edition needs a restart of the farm.",
    )
    third = Fix(
        "Microsoft SharePoint Enterprise Server 2016", "5990760", "16.0.5513.1001"
    )
    told = world.at(
        "2025-07-24 18:00", july(one, other, third, revisions=(first, more, said))
    )
    assert "revised sharepoint-kb5990768 KB5990768" in told


def test_welcome_and_mails_of_an_old_incident_name_the_article(world: World) -> None:
    world.at("2024-11-01 06:00", month("2024-Oct", linux=2))
    world.at(
        "2024-11-12 18:00",
        month(
            "2024-Nov", Cve("CVE-2024-49040", (Fix(CU14, "5044062", "15.02.1544.013"),))
        ),
    )

    assert "KB5044062" in text(world.mail("released"))
