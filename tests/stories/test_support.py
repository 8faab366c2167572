"""Support that ends soon, or has ended, is said in mail, on the page and by ``watcher build``."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

from msgspec.structs import replace

from tests.stories.november import OCTOBER, OLD_ROW, V1_ROW
from tests.stories.pages import month, table
from tests.stories.telling import World, text
from tests.stories.test_servers import owns, released
from watcher.judgement import server_status
from watcher.records import Server
from watcher.run.publish import Touched, basis, publish_site

CU13 = (
    "Exchange Server 2019 CU13 (2023H1)",
    "May 3, 2023",
    "15.2.1258.12",
    "KB5020999",
)
CU14 = (
    "Exchange Server 2019 CU14 (2024H1)",
    "February 13, 2024",
    "15.2.1544.4",
    "KB5035606",
)
CU15 = (
    "Exchange Server 2019 CU15 (2025H1)",
    "February 10, 2025",
    "15.2.1748.10",
    "KB5042461",
)
SERVERS = (
    "server,product,build\n"
    "OLD,Exchange Server 2019 CU13,15.2.1258.12\n"
    "NEW,Exchange Server 2019 CU14,15.2.1544.13\n"
)
LEFT = "Exchange Server 2019 CU13: no further security updates are to be expected."


def said(mail: EmailMessage) -> str:
    return " ".join(text(mail).split())


def front(world: World, time: str, *, changed: bool = True) -> str:
    """Publish at a time, as the check then does, and give the front page's text."""
    now = datetime.fromisoformat(time).replace(tzinfo=UTC)
    files = publish_site(
        world.settings,
        world.store,
        now,
        basis(world.settings, world.store, now),
        Touched(),
    )
    assert bool(files) is changed
    page = world.settings.site / "index.html"
    return " ".join(page.read_text(encoding="utf-8").split())


def begin(world: World) -> None:
    owns(world, SERVERS)
    world.at("2024-11-08 06:00", OCTOBER, table=table(OLD_ROW, CU14, CU13))
    world.at(
        "2024-11-13 06:00",
        month("2024-Nov", released()),
        table=table(V1_ROW, OLD_ROW, CU14, CU13),
    )


def test_the_release_of_a_cumulative_update_names_the_one_that_it_leaves_behind(
    world: World,
) -> None:
    begin(world)
    # Of the newest two nothing is said
    assert not any(LEFT in said(mail) for mail in world.mails)

    world.at("2025-02-10 20:00", table=table(CU15, V1_ROW, OLD_ROW, CU14, CU13))
    newest = world.mails[-1]
    assert str(newest["Subject"]).startswith("[RELEASED] Exchange Server 2019 CU15")
    assert said(newest).count(LEFT) == 1
    assert "these are Exchange Server 2019 CU14, Exchange Server 2019 CU15" in said(
        newest
    )
    assert "https://learn.microsoft.com/exchange/new-features/updates" in said(newest)


def test_who_runs_no_cumulative_update_that_is_left_behind_hears_nothing_of_it(
    world: World,
) -> None:
    begin(world)
    owns(world, SERVERS.replace("OLD,Exchange Server 2019 CU13,15.2.1258.12\n", ""))
    world.at("2025-02-10 20:00", table=table(CU15, V1_ROW, OLD_ROW, CU14, CU13))

    assert LEFT not in said(world.mails[-1])


def test_mail_names_the_end_of_what_runs_here_and_of_nothing_else(world: World) -> None:
    world.at("2025-05-08 06:00", OCTOBER, table=table(OLD_ROW))
    owns(world, "server,build\nWEB,10.0.20348.2849\n")
    row = (
        "Exchange Server 2019 CU14 May25SU",
        "May 13, 2025",
        "15.2.1544.27",
        "KB5050674",
    )
    world.at("2025-05-13 18:00", table=table(row, OLD_ROW))
    other = said(world.mails[-1])
    owns(world, SERVERS)
    newer = (row[0].replace("SU", "SUv2"), "May 20, 2025", "15.2.1544.28", "KB5050675")
    world.at("2025-05-20 18:00", table=table(newer, row, OLD_ROW))

    assert other.startswith("RELEASED: Exchange Server May 2025 SU")
    assert "support ends" not in other
    assert "Exchange Server 2019: support ends in 147 days" in said(world.mails[-1])


def test_a_build_of_what_is_left_behind_says_so(world: World) -> None:
    begin(world)
    world.at("2025-02-10 20:00", table=table(CU15, V1_ROW, OLD_ROW, CU14, CU13))
    found = server_status.exposures(
        [Server("OLD", "15.2.1258.12"), Server("NEW", "15.2.1544.13")],
        world.store.updates(),
    )

    # A build of that branch which no source tells is of it, too
    (odd,) = server_status.exposures(
        [Server("ODD", "15.2.1258.99")], world.store.updates()
    )
    assert [bool(each.left_level) for each in (*found, odd)] == [True, False, True]


def test_the_note_after_a_patch_tuesday_says_whose_support_ends(world: World) -> None:
    (reader,) = world.settings.subscribers
    world.settings = replace(
        world.settings, subscribers=(replace(reader, patch_tuesday=True),)
    )
    begin(world)
    world.at("2025-03-12 12:00")
    before = said(world.mails[-1])
    assert "support" not in before

    world.at("2025-05-14 12:00")
    near = said(world.mails[-1])
    assert "Exchange Server 2019: support ends in 153 days, on 14 Oct 2025." in near

    world.at("2025-11-12 12:00")
    assert "Exchange Server 2019: support ended on 14 Oct 2025." in said(
        world.mails[-1]
    )


def test_the_page_says_that_an_end_is_near_and_that_it_has_come(world: World) -> None:
    begin(world)
    url = "https://learn.microsoft.com/lifecycle/products/exchange-server-2019"
    until = f'<a href="{url}"><time datetime="2025-10-14">2025-10-14</time></a>'

    far = front(world, "2025-04-01 12:00")
    assert f'<span class="note">support ends on {until}</span>' in far
    # Nothing happened, and yet another day's page says something else
    near = front(world, "2025-05-01 12:00")
    assert f'<span class="note near">support ends on {until}, soon</span>' in near
    front(world, "2025-05-02 12:00", changed=False)
    over = front(world, "2025-10-15 12:00")
    assert (
        f'<span class="note over">support ended on {until}, no further updates</span>'
        in over
    )
    assert "no further security updates: <a" not in over


def test_the_page_says_which_cumulative_update_is_left_behind(world: World) -> None:
    begin(world)
    # What had no update for a year the page does not show beside newer levels
    fresh = (V1_ROW[0].replace("CU14", "CU13"), V1_ROW[1], "15.2.1258.38", V1_ROW[3])
    rows = (V1_ROW, fresh, OLD_ROW, CU14, CU13)
    world.at("2024-11-14 06:00", table=table(*rows))
    assert "no further security updates" not in front(world, "2024-11-14 07:00")

    world.at("2025-02-10 20:00", table=table(CU15, *rows))
    page = front(world, "2025-02-10 21:00")
    _, _, row = page.partition("Exchange Server 2019 CU13 <a")

    assert page.count("no further security updates: <a") == 1
    assert "no further security updates: <a" in row.partition("</th>")[0]
