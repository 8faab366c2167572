"""After each Patch Tuesday whoever asks for it hears what came, or that nothing did."""

from __future__ import annotations

from msgspec.structs import replace

from tests.stories.november import OCTOBER, OLD_ROW
from tests.stories.pages import month, table
from tests.stories.telling import DOWN, World, text
from tests.stories.test_servers import released
from watcher.records import Subscriber

EXCHANGE = Subscriber("exchange", ("e@example.org",), patch_tuesday=True)
SHAREPOINT = Subscriber(
    "sharepoint", ("s@example.org",), ("SharePoint*",), patch_tuesday=True
)


def notes(world: World) -> list[str]:
    """Give to whom notes went, with their subjects."""
    return [
        f"{message.subscriber}: {message.subject}"
        for message in world.store.messages(kind="patch-tuesday")
    ]


def begin(world: World, *readers: Subscriber) -> None:
    world.settings = replace(world.settings, subscribers=readers)
    world.watches("Exchange Server*", "SharePoint*")
    world.at("2024-11-08 06:00", OCTOBER, table=table(OLD_ROW))


def test_six_hours_after_the_release_each_reader_hears_what_came_for_them(
    any_world: World,
) -> None:
    world = any_world
    begin(world, EXCHANGE, SHAREPOINT)
    world.at("2024-11-12 18:30", month("2024-Nov", released()))
    world.at("2024-11-12 23:59")

    assert notes(world) == []

    world.at("2024-11-13 00:05")
    assert sorted(notes(world)) == [
        "exchange: [PATCH TUESDAY] 12 Nov 2024: 1 released",
        "sharepoint: [PATCH TUESDAY] 12 Nov 2024: nothing for your products",
    ]
    said = [
        text(mail) for mail in world.mails if mail["X-Watcher-Event"] == "patch-tuesday"
    ]
    assert any("RELEASED: Exchange Server November 2024 SU" in each for each in said)

    for day in range(13, 30):
        world.at(f"2024-11-{day} 12:00")
    assert len(notes(world)) == 2


def test_who_asks_after_the_release_begins_with_the_next_one(world: World) -> None:
    begin(world, replace(EXCHANGE, patch_tuesday=False))
    world.at("2024-11-12 18:30", month("2024-Nov", released()))
    world.settings = replace(world.settings, subscribers=(EXCHANGE,))
    world.at("2024-11-20 12:00")
    assert notes(world) == []

    world.at("2024-12-11 01:00")
    assert len(notes(world)) == 1


def test_a_source_that_could_not_be_read_since_gives_no_all_clear(world: World) -> None:
    begin(world, SHAREPOINT)
    world.at("2024-11-13 00:05", msrc=DOWN)

    assert notes(world) == ["sharepoint: [PATCH TUESDAY] 12 Nov 2024: not read yet"]
    (said,) = [text(m) for m in world.mails if m["X-Watcher-Event"] == "patch-tuesday"]
    assert "Nothing came" not in said
    assert "msrc-cvrf" in said


def test_products_that_nobody_watches_get_no_all_clear(world: World) -> None:
    begin(world, SHAREPOINT)
    world.watches("Exchange Server*")
    world.at("2024-11-13 00:05", month("2024-Nov", released()))

    assert notes(world) == [
        "sharepoint: [PATCH TUESDAY] 12 Nov 2024: nothing can be said of your products"
    ]
    (said,) = [text(m) for m in world.mails if m["X-Watcher-Event"] == "patch-tuesday"]
    assert "Nothing came" not in said
    assert '"SharePoint*" is not watched here' in " ".join(said.split())


def test_the_note_keeps_to_the_readers_schedule(world: World) -> None:
    begin(world, replace(EXCHANGE, when="daily 07:00"))
    world.at("2024-11-12 18:30", month("2024-Nov", released()))
    world.at("2024-11-13 00:05")
    assert notes(world) == []

    world.at("2024-11-13 07:05")
    assert len(notes(world)) == 1


def test_a_note_that_a_long_silence_delayed_is_made_up_for_once(world: World) -> None:
    begin(world, EXCHANGE)
    world.at("2024-11-25 12:00", month("2024-Nov", released()))
    world.at("2024-11-26 12:00")

    assert notes(world) == ["exchange: [PATCH TUESDAY] 12 Nov 2024: 1 released"]


def test_nobody_who_does_not_ask_gets_one(world: World) -> None:
    begin(world, replace(EXCHANGE, patch_tuesday=False))
    world.at("2024-11-13 12:00")

    assert notes(world) == []
