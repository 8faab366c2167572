"""The administrator's own servers.

Told in every mail, reminded weekly, published only where the operator says so.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.stories.november import (
    BACK,
    OCTOBER,
    OLD_ROW,
    PAUSED,
    PUBLISHED,
    RESPACED_ROW,
    SU,
    V1_ROW,
    V2_ROW,
)
from tests.stories.pages import CU14, Cve, Fix, month, table
from tests.stories.telling import World, text
from watcher.records import Kind
from watcher.run.check import check
from watcher.run.publish import publish_site

FOLLOW = (
    "nothing replaces it yet; do what Microsoft says, and uninstall only if it "
    "says so for your case"
)
SERVERS = "server,build\nMAILBOX-ONE,15.2.1544.13\nMAILBOX-TWO,15.2.1544.11\n"


def released(
    *revisions: tuple[str, str, str], kb: str = "5044062", build: str = "15.02.1544.013"
) -> Cve:
    return Cve(
        "CVE-2024-49040",
        (
            Fix(
                CU14,
                kb,
                build,
                f"https://www.microsoft.com/download/details.aspx?familyid={kb}",
            ),
        ),
        (PUBLISHED, *revisions),
    )


def owns(world: World, servers: str = SERVERS) -> Path:
    """Give the watcher an inventory."""
    path = world.folder / "inventory.csv"
    path.write_text(servers, encoding="utf-8")
    world.settings = replace(world.settings, inventory=path)
    return path


def begin(world: World) -> None:
    world.at("2024-11-08 06:00", OCTOBER, table=table(OLD_ROW))
    world.at("2024-11-12 18:00", month("2024-Nov", released()))
    world.at("2024-11-13 06:00", table=table(V1_ROW, OLD_ROW))


def pull(world: World) -> None:
    begin(world)
    assert (
        world.at("2024-11-14 20:00", month("2024-Nov", released(PAUSED)))[0]
        == f"pulled {SU} KB5044062"
    )


def reminders(world: World) -> list[str]:
    """Give the dates of the reminders so far."""
    return [
        f"{mail['Date'].datetime:%m-%d}"
        for mail in world.mails
        if mail["X-Watcher-Event"] == "reminder"
    ]


def servers_of(body: str) -> list[str]:
    """Give what a mail says of servers, a line each."""
    _, found, rest = body.replace("\r\n", "\n").partition("YOUR SERVERS\n")
    return (
        [
            " ".join(line.split())
            for line in rest.partition("\n\n")[0].split("* ")
            if line.strip()
        ]
        if found
        else []
    )


def test_each_mail_says_what_to_do_on_which_server(any_world: World) -> None:
    world = any_world
    owns(world)
    pull(world)
    world.at(
        "2024-11-27 19:00",
        month("2024-Nov", released(PAUSED, BACK, kb="5049233", build="15.02.1544.014")),
    )

    assert servers_of(text(world.mail("released"))) == [
        (
            "MAILBOX-TWO 15.2.1544.11 = Exchange Server April 2024 HU, not the "
            "newest: install Exchange Server November 2024 SU, KB5044062"
        ),
        "MAILBOX-ONE 15.2.1544.13 = Exchange Server November 2024 SU, good: nothing to do",
    ]
    assert servers_of(text(world.mail("pulled"))) == [
        f"MAILBOX-ONE 15.2.1544.13 = Exchange Server November 2024 SU, pulled: {FOLLOW}",
        (
            "MAILBOX-TWO 15.2.1544.11 = Exchange Server April 2024 HU, good: not "
            "installed here: do not install it"
        ),
    ]
    assert servers_of(text(world.mail("re-released"))) == [
        "MAILBOX-ONE 15.2.1544.13 = v1, pulled: install v2, KB5049233",
        (
            "MAILBOX-TWO 15.2.1544.11 = Exchange Server April 2024 HU, not the "
            "newest: install v2, KB5049233"
        ),
    ]


def test_what_only_customers_of_extended_updates_get_is_said_though_a_table_shows_it_too(
    world: World,
) -> None:
    owns(world)
    world.at("2024-11-08 06:00", OCTOBER, table=table(OLD_ROW))
    world.at(
        "2024-11-12 18:00",
        month(
            "2024-Nov", Cve("CVE-2024-49040", (Fix(CU14, "5044062", "15.02.1544.013"),))
        ),
    )
    world.at("2024-11-13 06:00", table=table(V1_ROW, OLD_ROW))

    (package,) = world.update(SU).packages
    assert package.esu
    assert servers_of(text(world.mail("released")))[0].endswith(
        "install Exchange Server November 2024 SU, KB5044062, only offered "
        "to customers of extended security updates"
    )


def test_a_mail_that_concerns_no_server_says_so(world: World) -> None:
    owns(world, "server,build\nNEWER,15.2.1544.99\n")
    pull(world)

    assert "None of the servers in your inventory is concerned." in text(
        world.mail("pulled")
    )


def test_of_a_server_whose_build_no_source_tells_a_mail_claims_nothing(
    world: World,
) -> None:
    owns(world, "server,build\nOLD,15.0.1497.48\n")
    pull(world)
    said = " ".join(text(world.mail("pulled")).split())

    assert "None of the servers" not in said
    assert "The sources do not tell what these builds are: OLD 15.0.1497.48." in said


def test_without_an_inventory_mail_speaks_of_no_servers(world: World) -> None:
    pull(world)

    assert "YOUR SERVERS" not in text(world.mail("pulled"))
    assert "inventory" not in text(world.mail("pulled"))


def test_html_says_the_same_of_servers_as_text(world: World) -> None:
    owns(world)
    pull(world)
    part = world.mail("pulled").get_body(("html",))

    assert part is not None
    assert (
        "MAILBOX-TWO 15.2.1544.11 = Exchange Server April 2024 HU, good: not "
        "installed here: do not install it"
    ) in part.get_content()


def published(world: World) -> dict[str, str]:
    """Publish, and give the files that name a server, each with its text."""
    publish_site(
        world.settings, world.store, datetime(2024, 11, 14, 20, tzinfo=UTC), once=True
    )
    files = [path for path in world.settings.site.rglob("*") if path.is_file()]
    assert files
    texts = {
        path.relative_to(world.settings.site).as_posix(): path.read_bytes().decode()
        for path in files
    }
    return {name: text for name, text in texts.items() if "mailbox" in text.lower()}


def test_unless_they_are_to_be_published_no_server_is_named_anywhere_in_the_site(
    world: World,
) -> None:
    owns(world)
    pull(world)

    assert published(world) == {}
    assert "MAILBOX" not in repr([*world.store.events(), *world.store.updates()])


def rows(page: str) -> list[str]:
    """Give what a page says of servers, a line each."""
    section = (
        page.partition('id="h-servers"')[2]
        .partition("</section>")[0]
        .partition("<tbody>")[2]
    )
    return [
        " | ".join(re.sub("<[^>]*>", " ", cell).strip() for cell in row.split("<td"))
        for row in section.split("</tr>")[:-1]
    ]


def test_published_servers_stand_on_the_pages_of_the_updates_that_concern_them_and_nowhere_else(
    world: World,
) -> None:
    owns(world)
    pull(world)
    world.settings = replace(world.settings, publish_servers=True)
    shown = published(world)

    assert set(shown) == {
        f"updates/{SU}.html",
        "updates/exchange-server-2024-04-hu.html",
    }
    assert [
        " ".join(re.sub("<[^>]*>|data-label[^>]*>", " ", row).split())
        for row in rows(shown[f"updates/{SU}.html"])
    ] == [
        f"MAILBOX-ONE | 15.2.1544.13 Exchange Server November 2024 SU | pulled | {FOLLOW}",
        (
            "MAILBOX-TWO | 15.2.1544.11 Exchange Server April 2024 HU | good | "
            "not installed here: do not install it"
        ),
    ]
    (own,) = rows(shown["updates/exchange-server-2024-04-hu.html"])
    assert "MAILBOX-TWO" in own
    assert "nothing to do" in own


def test_what_stays_installed_is_reminded_of_once_a_week(any_world: World) -> None:
    world = any_world
    inventory = owns(world)
    pull(world)
    for day in range(15, 31):
        world.at(f"2024-11-{day} 20:00")
        world.at(f"2024-11-{day} 20:30")

    assert reminders(world) == ["11-21", "11-28"]
    mail = next(mail for mail in world.mails if mail["X-Watcher-Event"] == "reminder")
    assert mail["Subject"] == (
        "[REMINDER] Exchange Server November 2024 SU (KB5044062) is still "
        "installed on MAILBOX-ONE"
    )
    assert mail["References"] == world.mail("pulled")["References"]
    assert [line.partition(" = ")[0] for line in servers_of(text(mail))] == [
        "MAILBOX-ONE 15.2.1544.13"
    ]
    assert f"watcher ack {SU}" in text(mail)

    inventory.write_text(
        SERVERS.replace("15.2.1544.13", "15.2.1544.11"), encoding="utf-8"
    )
    world.at("2024-12-06 20:00")
    assert reminders(world) == ["11-21", "11-28"]


def test_the_first_version_is_reminded_of_when_the_second_is_out(world: World) -> None:
    owns(world)
    pull(world)
    world.at(
        "2024-11-28 06:00",
        month("2024-Nov", released(PAUSED, BACK, kb="5049233", build="15.02.1544.014")),
        table=table(V2_ROW, V1_ROW),
    )
    world.at("2024-12-05 06:00")

    assert reminders(world) == ["12-05"]
    assert servers_of(text(world.mails[-1])) == [
        "MAILBOX-ONE 15.2.1544.13 = v1, pulled: install v2, KB5049233"
    ]


def test_what_is_acknowledged_is_not_reminded_of_until_it_is_pulled_again(
    world: World,
) -> None:
    owns(world)
    pull(world)
    world.store.ack(SU, datetime(2024, 11, 15, tzinfo=UTC))
    world.at("2024-11-22 20:00")
    assert reminders(world) == []

    world.store.ack(SU, datetime(2024, 11, 13, tzinfo=UTC))
    world.at("2024-11-23 20:00")
    assert reminders(world) == ["11-23"]


def test_a_muted_update_is_neither_told_nor_reminded_of_but_recorded(
    world: World,
) -> None:
    owns(world)
    begin(world)
    world.store.mute(SU, datetime(2024, 12, 20, tzinfo=UTC))
    assert world.at("2024-11-14 20:00", month("2024-Nov", released(PAUSED)))[
        0
    ].startswith("pulled")
    world.at("2024-11-22 20:00")

    assert [mail["X-Watcher-Event"] for mail in world.mails] == ["welcome", "released"]
    assert world.store.unsealed_events() == ()
    assert [event.kind for event in world.store.events()] == [
        Kind.RELEASED,
        Kind.PULLED,
    ]

    world.at("2024-12-20 20:00")
    assert reminders(world) == ["12-20"]


def test_only_who_asks_for_pulls_of_the_product_is_reminded(world: World) -> None:
    owns(world)
    reader = world.settings.subscribers[0]
    others = (
        replace(reader, name="release", kinds=(Kind.RELEASED,)),
        replace(reader, name="windows", products=("Windows*",)),
    )
    world.settings = replace(world.settings, subscribers=(reader, *others))
    pull(world)
    world.at("2024-11-21 20:00")

    assert [
        message.subscriber for message in world.store.messages(kind="reminder")
    ] == [reader.name]


def test_what_was_pulled_before_the_first_check_is_reminded_of_a_week_after_the_welcome(
    world: World,
) -> None:
    owns(world)
    world.at(
        "2024-11-15 06:00",
        OCTOBER,
        month("2024-Nov", released(PAUSED)),
        table=table(V1_ROW, OLD_ROW),
    )
    assert world.pulled == [SU]
    for day in range(16, 24):
        world.at(f"2024-11-{day} 06:00")

    assert reminders(world) == ["11-22"]
    assert world.mails[-1]["References"]


def test_a_first_check_knows_that_the_version_before_was_pulled(world: World) -> None:
    owns(world)
    back = released(PAUSED, BACK, kb="5049233", build="15.02.1544.014")
    world.at(
        "2024-12-15 06:00",
        OCTOBER,
        month("2024-Nov", back),
        table=table(V2_ROW, V1_ROW, OLD_ROW),
    )
    world.at("2024-12-22 06:00")

    assert world.pulled == []
    assert servers_of(text(world.mail("reminder"))) == [
        "MAILBOX-ONE 15.2.1544.13 = v1, pulled: install v2, KB5049233"
    ]


def test_a_first_check_knows_a_row_that_says_recalled(world: World) -> None:
    owns(world, "server,build\nOLD,14.3.224.1\n")
    rows = [
        (
            "Exchange Server 2010 SP3 RU8-v2",
            "December 12, 2014",
            "14.3.224.2",
            "https://support.microsoft.com/help/2986475",
        ),
        (
            "Exchange Server 2010 SP3 RU8-v1 (recalled)",
            "December 9, 2014",
            "14.3.224.1",
            "",
        ),
    ]
    world.at("2024-12-15 06:00", OCTOBER, table=table(*rows))
    world.at("2024-12-22 06:00")

    assert servers_of(text(world.mail("reminder"))) == [
        "OLD 14.3.224.1 = v1, pulled: install v2, KB2986475"
    ]


def test_a_correction_reaches_who_was_told_though_they_have_muted_the_update(
    world: World,
) -> None:
    begin(world)
    world.at("2024-11-15 06:00", table=table(RESPACED_ROW))
    world.store.mute(SU)
    world.at("2024-11-15 06:30", table=table(V1_ROW, OLD_ROW))

    assert [mail["X-Watcher-Event"] for mail in world.mails] == [
        "welcome",
        "released",
        "pulled",
        "corrected",
    ]


def test_a_run_that_ends_before_it_sends_reminds_once(world: World) -> None:
    owns(world)
    pull(world)
    now = datetime(2024, 11, 21, 20, tzinfo=UTC)
    working, world.settings = (
        world.settings,
        replace(
            world.settings, mail=replace(world.settings.mail, smtp="smtp://127.0.0.1:1")
        ),
    )
    failed = check(
        world.settings, world.store, world.web, now, force=True, publish=False
    )
    assert failed.failed
    world.settings = working
    world.at("2024-11-21 21:00")
    world.at("2024-11-21 22:00")

    assert reminders(world) == ["11-21"]
    assert len(world.store.messages(kind="reminder")) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            None,
            "the inventory cannot be read (No such file or directory). Correct the path",
        ),
        ("EX01,15.2.1544.13\n", "no column of servers and one of builds"),
        (
            "server,build\nEX01,?\nMAILBOX-ONE,15.2.1544.13\n",
            'line 2: "?" of EX01 is no build; write it as 15.2.1544.13. The other lines count.',
        ),
    ],
)
def test_an_inventory_that_is_wrong_is_named_and_stops_nothing(
    world: World, content: str | None, said: str
) -> None:
    path = owns(world, content or "")
    if content is None:
        path.unlink()
    pull(world)

    assert world.report is not None
    (warning,) = world.report.warnings
    assert warning.startswith(str(path))
    assert said in warning
    assert not world.report.failed
    assert ("MAILBOX-ONE" in text(world.mail("pulled"))) is (
        "MAILBOX" in (content or "")
    )
