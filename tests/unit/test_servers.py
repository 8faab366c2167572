"""Servers in words, in mail and on the command line."""

from __future__ import annotations

from datetime import UTC

import pytest
from msgspec.structs import replace

from tests.unit.builders import CU14, SU, update
from tests.unit.test_exposure import (
    ALL,
    BACK,
    BEFORE,
    CU15,
    LATER,
    MADE,
    PULLED,
    RELEASED,
    event,
)
from watcher.judgement import server_status
from watcher.mail import render
from watcher.records import (
    Event,
    Exposure,
    Fitness,
    Kind,
    Letter,
    Offer,
    Package,
    Server,
    Subscriber,
    Update,
)
from watcher.text.servers import ServerText, grouped, offered, public, server_texts
from watcher.text.story import story
from watcher.text.words import Form, Words, words_of

ENGLISH, GERMAN = words_of(None), words_of(None, "de")
FORM = Form(ENGLISH, UTC)


def known(*builds: str, ledger: tuple[Update, ...]) -> tuple[Exposure, ...]:
    return server_status.exposures(
        [Server(f"EX{number:02}", build) for number, build in enumerate(builds, 1)],
        ledger,
    )


def place(
    build: str, *ledger: Update, told: Event | None = None, of_update: str = ""
) -> ServerText:
    exposures = known(build, ledger=ledger)
    if told is None:
        (found,) = server_texts(exposures, ENGLISH, of_update)
    else:
        (found,) = story(told, FORM, exposures).servers
    return found


def test_a_line_of_mail_says_it_all() -> None:
    told = event(Kind.RE_RELEASED, BACK)

    assert (
        place("15.2.1544.13", BACK, told=told).line
        == "EX01 15.2.1544.13 = v1, pulled: install v2, KB9000002"
    )
    assert (
        place("15.2.1544.14", BACK, told=told).line
        == "EX01 15.2.1544.14 = v2, good: nothing to do"
    )


def test_elsewhere_an_update_is_named_by_its_title() -> None:
    assert place("15.2.1544.13", BACK).line == (
        "EX01 15.2.1544.13 = Exchange Server November 2030 SU v1, pulled: install v2, KB9000002"
    )
    assert place("15.2.1544.11", BEFORE, BACK).line == (
        "EX01 15.2.1544.11 = April 2030 HU, not the newest: install Exchange "
        "Server November 2030 SU v2, KB9000002"
    )


def test_a_version_that_the_title_bears_is_not_said_twice() -> None:
    row = replace(BACK, title="Exchange Server November 2030 SU v2")

    assert place("15.2.1544.14", row).what == "Exchange Server November 2030 SU v2"


def test_a_reminder_names_versions_of_its_update_by_number() -> None:
    assert place("15.2.1544.13", BACK, of_update=SU).what == "v1"


def test_a_pulled_build_that_nothing_replaces() -> None:
    assert place("15.2.1544.13", PULLED).todo == (
        "nothing replaces it yet; do what Microsoft says, and uninstall only "
        "if it says so for your case"
    )


def test_where_to_move_is_said_with_product_build_update_and_article() -> None:
    assert place("15.2.1258.38", RELEASED, MADE, LATER).todo == (
        "Exchange Server 2019 CU13 gets no updates any more: move to Exchange "
        "Server 2019 CU15 15.2.1748.24, May 2031 SU, KB9000005"
    )


def test_an_offer_without_an_article_is_named_by_its_build() -> None:
    row = replace(
        BEFORE, packages=(replace(BEFORE.packages[0], kb="", build="15.2.1544.12"),)
    )

    assert (
        place("15.2.1544.11", BEFORE, replace(row, id="other")).todo
        == "install April 2030 HU, 15.2.1544.12"
    )


def test_a_product_that_is_its_updates_title_is_named_once() -> None:
    (found,) = known("15.2.1544.13", ledger=(RELEASED, MADE))

    assert found.ahead is not None
    assert offered(found.ahead) == f"{CU15} 15.2.1748.10"


def test_an_unknown_build_says_so() -> None:
    assert place("15.2.9999.1", RELEASED).line == (
        "EX01 15.2.9999.1 = unknown build: no source tells of this build or "
        "its like: check the inventory"
    )


def test_a_build_that_may_hide_an_update_says_so() -> None:
    assert place("15.2.1544.4", *ALL).line.endswith(
        "; its build may hide an installed update (see below)"
    )


def test_a_build_that_is_asked_for_itself_is_not_said_twice() -> None:
    (found,) = server_texts(
        server_status.exposures([Server("15.2.1544.13", "15.2.1544.13")], (RELEASED,)),
        ENGLISH,
    )

    assert found.line.startswith("15.2.1544.13 = Exchange")


@pytest.mark.parametrize(
    ("words", "said"),
    [(ENGLISH, "check how it is written"), (GERMAN, "die Schreibweise prüfen")],
)
def test_of_a_build_that_is_asked_for_itself_no_inventory_is_blamed(
    words: Words, said: str
) -> None:
    (found,) = server_texts(
        server_status.exposures([Server("15.2.9999.1", "15.2.9999.1")], (RELEASED,)),
        words,
    )

    assert found.todo.endswith(said)


def test_the_object_has_everything_that_a_script_needs() -> None:
    (found,) = known("15.2.1544.13", ledger=(BACK,))
    (shown,) = server_texts((found,), ENGLISH)

    assert public(found, shown) == {
        "server": "EX01",
        "inventory": "",
        "support": {
            "product": "Exchange Server 2019",
            "ends": "2025-10-14",
            "url": "https://learn.microsoft.com/lifecycle/products/exchange-server-2019",
            "dated": "2021-12-10",
            "editions": [],
        },
        "left_level": None,
        "build": "15.2.1544.13",
        "product": CU14,
        "state": "pulled",
        "todo": "install v2, KB9000002",
        "update": _offer(1, "KB9000001", "15.2.1544.13"),
        "newest": _offer(2, "KB9000002", "15.2.1544.14"),
        "unrestricted": None,
        "ahead": None,
    }


def _offer(version: int, kb: str, build: str) -> dict[str, object]:
    title = "Exchange Server November 2030 SU"
    return {
        "id": SU,
        "title": title,
        "type": "SU",
        "version": version,
        "released": "2030-11-12",
        "product": CU14,
        "build": build,
        "kb": kb,
        "esu": False,
    }


def test_a_hostile_name_stays_one_harmless_line() -> None:
    (found,) = server_texts(
        server_status.exposures(
            [Server("EX\n\x1b[2J" + "x" * 200, "15.2.1544.13")], (RELEASED,)
        ),
        ENGLISH,
    )

    assert "\n" not in found.line
    assert "\x1b" not in found.line
    assert len(found.name) <= 60


# --- in a letter ----------------------------------------------------------------------

READER = Subscriber("admins", ("admins@example.org",))


def test_a_story_has_the_servers_that_it_concerns() -> None:
    told = story(
        event(Kind.PULLED, PULLED),
        FORM,
        known("15.2.1544.13", "15.2.1544.11", "15.2.1544.99", ledger=(BEFORE, PULLED)),
    )

    assert [(found.name, found.todo.partition(";")[0]) for found in told.servers] == [
        ("EX01", "nothing replaces it yet"),
        ("EX02", "not installed here: do not install it"),
    ]
    assert (told.inventory, told.more_servers) == (True, 0)
    assert (told.other_servers, told.unknown_servers) == (1, ())


def test_a_story_without_an_inventory_has_none() -> None:
    told = story(event(Kind.PULLED, PULLED), FORM)

    assert (told.servers, told.inventory) == ((), False)


def test_an_issue_without_an_update_never_says_what_is_installed_where() -> None:
    told = event(
        Kind.KNOWN_ISSUE, update("issue"), packages=(), products=("Exchange Server",)
    )
    found = place("15.2.1544.13", PULLED, told=told)

    assert found.line == "EX01 15.2.1544.13: check whether it is affected"
    assert (found.what, found.state) == ("", "")


def test_servers_whose_build_no_source_tells_are_counted_apart() -> None:
    told = story(
        event(Kind.PULLED, PULLED),
        FORM,
        known("15.2.1544.13", "9.9.9.9", "15.2.1544.99", ledger=(BEFORE, PULLED)),
    )

    assert (told.other_servers, told.unknown_servers) == (1, ("EX02 9.9.9.9",))


def test_of_very_many_servers_some_are_counted_only() -> None:
    told = story(
        event(Kind.PULLED, PULLED),
        FORM,
        known(*["15.2.1544.13"] * 70, ledger=(PULLED,)),
    )

    assert (len(told.servers), told.more_servers) == (60, 10)


def test_a_welcome_says_where_the_servers_stand() -> None:
    names = render.of(
        Letter(
            "welcome",
            READER,
            servers=known("15.2.1544.13", "15.2.1544.14", ledger=(BACK,)),
        ),
        FORM,
        BACK.first_seen,
    )

    assert [found.state for found in names["servers"]] == ["pulled", "good"]


@pytest.mark.parametrize(
    ("kind", "expected"), [("reminder", ["EX01"]), ("operator", [])]
)
def test_only_a_reminder_has_servers_of_its_own(kind: str, expected: list[str]) -> None:
    letter = Letter(
        kind,
        READER,
        update=SU,
        standing=(PULLED,),
        subject="It",
        servers=known("15.2.1544.13", ledger=(PULLED,)),
    )
    names = render.of(letter, FORM, PULLED.first_seen)

    assert [found.name for found in names["servers"]] == expected
    assert names["title"] == (
        "[REMINDER] It is still installed on EX01" if expected else "[OPERATOR] It"
    )


def test_an_article_that_a_title_names_is_named_once() -> None:
    title = "2024-11 Cumulative Update for Windows Server 2022 (KB5046616)"
    package = Package("Windows Server 2022", "KB5046616", "10.0.20348.2849")
    offer = Offer("windows-kb5046616", title, "", 1, 1, package)
    exposure = Exposure(
        Server("WEB01", "10.0.20348.2762"),
        Fitness.NEWER,
        "Windows Server 2022",
        newest=offer,
    )
    (text,) = server_texts((exposure,), ENGLISH)

    assert offered(offer).count("KB5046616") == 1
    assert text.todo.count("KB5046616") == 1


# --- many servers -----------------------------------------------------------------------


def many(*counts: tuple[str, int]) -> tuple[ServerText, ...]:
    """Give so many servers of each build, in turn."""
    servers = [
        Server(f"EX{build.rpartition('.')[2]}-{number}", build)
        for build, count in counts
        for number in range(count)
    ]
    return server_texts(server_status.exposures(servers, (BACK,)), ENGLISH)


def test_many_servers_of_which_the_same_is_said_stand_together() -> None:
    texts = many(("15.2.1544.13", 7), ("15.2.1544.14", 2))
    groups = grouped(texts, ENGLISH, 100)

    assert groups[0].line == (
        f"7 servers with 15.2.1544.13 = {texts[0].what}, pulled: install v2, KB9000002"
    )
    assert groups[0].names == tuple(text.name for text in texts[:7])
    # Two of a kind are read as quickly as a sentence on both
    assert [group.line for group in groups[1:]] == [text.line for text in texts[7:]]
    assert sum(group.servers for group in groups) == len(texts)


def test_few_servers_each_have_a_line() -> None:
    texts = many(("15.2.1544.13", 8))

    assert [each.line for each in grouped(texts, ENGLISH, 100)] == [
        text.line for text in texts
    ]


def test_names_that_find_no_room_are_counted() -> None:
    (group,) = grouped(many(("15.2.1544.13", 400)), ENGLISH, 100)

    assert (len(group.names), group.more, group.servers) == (100, 300, 400)
