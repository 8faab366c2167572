"""Who answers for a server hears of what concerns it, and of nothing else.

Time zones are the reader's own.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from tests.stories.november import BACK, OCTOBER, OLD_ROW, PAUSED, PUBLISHED, SU
from tests.stories.pages import CU14, Cve, Fix, month, table
from tests.stories.telling import World, text
from tests.stories.test_servers import (
    begin,
    owns,
    pull,
    released,
    reminders,
    servers_of,
)
from watcher.cli.show import life
from watcher.records import Kind, Subscriber
from watcher.run import servers

CU23 = "Microsoft Exchange Server 2016 Cumulative Update 23"
OWNED = (
    "server,build,product,owner\nOLD-ONE,15.1.2507.39,Exchange Server 2016 "
    "CU23,web-team\nMAILBOX,15.2.1544.13,,mail-team\n"
)
MAIL = Subscriber(
    "mail", ("mail-team@example.org",), owners=("mail-*",), kinds=tuple(Kind)
)
WEB = Subscriber("web", ("web@example.org",), owners=("web-team",), kinds=tuple(Kind))


def told(world: World) -> list[str]:
    """Give what each subscriber was told: name and kind."""
    return sorted(
        f"{message.subscriber} {message.kind}"
        for message in world.store.messages()
        if message.kind != "welcome"
    )


def reads(world: World, *readers: Subscriber) -> None:
    world.settings = replace(world.settings, subscribers=readers)


def test_an_owner_hears_only_of_what_concerns_his_servers_and_his_mail_lists_these(
    any_world: World,
) -> None:
    world = any_world
    owns(world, OWNED)
    reads(world, MAIL, WEB)
    pull(world)
    world.at(
        "2024-11-27 19:00",
        month("2024-Nov", released(PAUSED, BACK, kb="5049233", build="15.02.1544.014")),
    )

    assert told(world) == ["mail pulled", "mail re-released", "mail released"]
    assert servers_of(text(world.mail("re-released"))) == [
        "MAILBOX 15.2.1544.13 = v1, pulled: install v2, KB5049233"
    ]
    assert [
        sorted(line.split()[0] for line in servers_of(text(m)))
        for m in world.mails
        if m["X-Watcher-Event"] == "welcome"
    ] == [["MAILBOX"], ["OLD-ONE"]]
    reasons = [
        line
        for line in life(world.update(SU), world.settings, world.store)
        if "not told" in line and "web," in line
    ]
    assert reasons == ["    not told: web, for it concerns no server of web-team"] * 3


def test_both_owners_hear_of_what_both_have(world: World) -> None:
    owns(world, OWNED)
    reads(world, MAIL, WEB)
    world.at("2024-11-08 06:00", OCTOBER, table=table(OLD_ROW))
    fixes = tuple(
        Fix(product, "5044062", build)
        for product, build in ((CU14, "15.02.1544.013"), (CU23, "15.01.2507.043"))
    )
    world.at(
        "2024-11-12 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", fixes, (PUBLISHED,))),
    )

    assert told(world) == ["mail released", "web released"]


def test_an_owners_digest_and_reminders_are_of_his_servers_too(world: World) -> None:
    owns(world, OWNED)
    reads(world, replace(MAIL, when="daily 07:00"), replace(WEB, when="daily 07:00"))
    pull(world)
    for day in range(15, 24):
        world.at(f"2024-11-{day} 07:30")

    assert told(world) == ["mail digest", "mail digest", "mail reminder"]
    assert reminders(world) == ["11-22"]  # a week after the digest
    assert [line.split()[0] for line in servers_of(text(world.mail("reminder")))] == [
        "MAILBOX"
    ]


def test_a_subscribers_own_inventory_is_all_that_they_read_of(world: World) -> None:
    owns(world, OWNED)
    customer = world.folder / "customer.csv"
    customer.write_text("server,build\nCUSTOMER,15.2.1544.13\n", encoding="utf-8")
    theirs = replace(MAIL, name="customer", owners=(), inventory=str(customer))
    reads(world, replace(MAIL, owners=()), theirs)
    pull(world)

    named = {
        str(mail["List-Id"]).split("<")[1].split(".")[0]: [
            line.split()[0] for line in servers_of(text(mail))
        ]
        for mail in world.mails
        if mail["X-Watcher-Event"] == "pulled"
    }
    assert named == {"mail": ["MAILBOX"], "customer": ["CUSTOMER"]}
    # Nobody's page shows a customer's servers
    shown = servers.listed(world.settings)
    assert [server.name for server in shown] == ["OLD-ONE", "MAILBOX"]


def test_what_is_wrong_with_a_subscribers_inventory_is_named(world: World) -> None:
    missing = world.folder / "missing.csv"
    reads(world, replace(MAIL, owners=(), inventory=str(missing)))

    (said,) = servers.complaints(world.settings)
    assert said.startswith(f"{missing}: the inventory cannot be read")


def test_a_reminder_keeps_to_the_readers_schedule(world: World) -> None:
    owns(world, OWNED)
    reads(world, replace(MAIL, when="weekly Mon 07:00"))
    pull(world)
    for day in range(15, 31):
        for hour in ("03", "09", "21"):
            world.at(f"2024-11-{day} {hour}:00")

    # The digest of Monday the 18th told of the pull; the 25th is the next Monday
    assert reminders(world) == ["11-25"]


def test_who_wants_no_reminders_gets_none(world: World) -> None:
    owns(world, OWNED)
    reads(world, replace(MAIL, reminders=False))
    pull(world)
    for day in range(15, 31):
        world.at(f"2024-11-{day} 07:30")

    assert reminders(world) == []


@pytest.mark.parametrize(
    "inventory", ["server,build\nMAILBOX,15.2.1544.13\n", "nothing of use", ""]
)
def test_owners_who_have_no_server_hear_everything_and_the_run_says_so(
    world: World, inventory: str
) -> None:
    owns(world, inventory)
    reads(world, WEB)
    pull(world)

    assert told(world) == ["web pulled", "web released"]
    assert servers.complaints(world.settings)


def test_an_owner_that_no_server_has_is_named_with_both_remedies(world: World) -> None:
    path = owns(world, OWNED)
    reads(world, MAIL, replace(WEB, owners=("web-team", "wbe")))
    pull(world)

    (said,) = servers.complaints(world.settings)
    assert said.startswith(
        f'{path}: no server has an owner "wbe", whom the subscriber web '
        "names. Correct one of the two; "
    )
    assert world.report is not None
    assert world.report.warnings == (said,)


def test_mail_and_digests_keep_the_time_zone_of_their_reader(world: World) -> None:
    tokyo = Subscriber(
        "tokyo", ("a@example.org",), when="daily 07:00", timezone="Asia/Tokyo"
    )
    home = Subscriber("home", ("b@example.org",), when="daily 07:00")
    world.settings = replace(world.settings, timezone="Europe/Berlin")
    reads(world, tokyo, home)
    begin(world)
    world.at("2024-11-14 12:00")
    world.at("2024-11-14 20:00", month("2024-Nov", released(PAUSED)))
    world.at("2024-11-14 21:59")
    assert told(world) == ["home digest", "tokyo digest"]
    world.at("2024-11-14 22:01")  # 07:01 of the 15th in Tokyo
    assert told(world) == ["home digest", "tokyo digest", "tokyo digest"]
    world.at("2024-11-15 06:01")  # 07:01 in Berlin
    assert told(world) == ["home digest", "home digest", "tokyo digest", "tokyo digest"]

    zones = {"tokyo": ZoneInfo("Asia/Tokyo"), "home": ZoneInfo("Europe/Berlin")}
    assert {
        name: world.settings.zone_of(reader)
        for name, reader in (("tokyo", tokyo), ("home", home))
    } == zones
    last = [text(mail) for mail in world.mails if mail["X-Watcher-Event"] == "digest"][
        -2:
    ]
    assert [
        "15 Nov 2024, 05:00 JST" in last[0],
        "14 Nov 2024, 21:00 CET" in last[1],
    ] == [True, True]


def test_a_severity_leaves_out_what_is_mild_and_show_says_why(world: World) -> None:
    reads(world, Subscriber("grave", ("a@example.org",), severity="critical"))
    world.at("2024-11-08 06:00", OCTOBER)
    mild = replace(released(), severity="Important")
    world.at("2024-11-12 18:00", month("2024-Nov", mild))
    world.at(
        "2024-11-14 20:00",
        month("2024-Nov", replace(mild, revisions=(PUBLISHED, PAUSED))),
    )

    shown = list(life(world.update(SU), world.settings, world.store))
    assert told(world) == ["grave pulled"]
    assert "    not told: grave, who asks for what is critical or graver" in shown


def test_a_readers_clock_that_changes_neither_drops_a_digest_nor_repeats_one(
    world: World,
) -> None:
    world.settings = replace(world.settings, timezone="Europe/Berlin")
    reads(
        world,
        Subscriber(
            "york",
            ("a@example.org",),
            when="daily 01:30",
            timezone="America/New_York",
            kinds=tuple(Kind),
        ),
    )
    first = Cve(
        "CVE-2024-49040",
        (Fix(CU14, "5044062", "15.02.1544.013"),),
        (("1.0", "2024-11-02", "Information published."),),
    )
    world.at("2024-10-20 06:00", OCTOBER)
    world.at("2024-11-03 04:00")
    world.at("2024-11-03 05:00", month("2024-Nov", first))
    world.at("2024-11-03 05:29")
    assert told(world) == []
    world.at("2024-11-03 05:31")  # 01:31 in summer time
    assert told(world) == ["york digest"]
    world.at(
        "2024-11-03 06:00",
        month(
            "2024-Nov",
            replace(
                first, revisions=(*first.revisions, ("2.0", "2024-11-03", PAUSED[2]))
            ),
        ),
    )
    world.at("2024-11-03 06:31")  # 01:31 again, in winter time
    assert told(world) == ["york digest"]
    world.at("2024-11-04 06:31")
    assert told(world) == ["york digest", "york digest"]


def test_a_readers_hour_that_a_change_of_the_clock_skips_comes_an_hour_later(
    world: World,
) -> None:
    reads(
        world,
        Subscriber(
            "york",
            ("a@example.org",),
            when="weekly Sun 02:30",
            timezone="America/New_York",
            kinds=tuple(Kind),
        ),
    )
    first = Cve(
        "CVE-2025-21111",
        (Fix(CU14, "5044062", "15.02.1544.013"),),
        (("1.0", "2025-03-08", "Information published."),),
    )
    world.at("2025-03-01 06:00", month("2025-Feb", linux=3))
    world.at("2025-03-08 06:00")
    world.at("2025-03-09 06:00", month("2025-Mar", first))
    world.at("2025-03-09 07:29")  # 03:29 in summer time: there is no 02:30 on this day
    assert told(world) == []
    world.at("2025-03-09 07:31")
    assert told(world) == ["york digest"]
    world.at("2025-03-16 06:31")
    assert told(world) == ["york digest"]
