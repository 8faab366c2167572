"""Patterns that see nothing are told, with the names that may be meant."""

from __future__ import annotations

from msgspec.structs import replace

from watcher.config.source_settings import USUAL
from watcher.judgement.source_health import (
    Names,
    hears_nothing,
    of_reader,
    sees_nothing,
    unseen,
)
from watcher.records import Subscriber, UnseenPattern, Watch
from watcher.text import complaints

READ = Names(("Exchange Server 2019 CU15", "Windows Server 2022"), USUAL, unread=False)
ADMIN = Subscriber("admins", ())
DBA = Subscriber("dba", (), products=("SQL Server 2019*",))


def patterns(found: tuple[UnseenPattern, ...]) -> list[str]:
    return [each.pattern for each in found]


def test_a_typing_error_is_told_with_the_nearest_names() -> None:
    (found,) = unseen(Watch(("Exchnage Server*", "Windows*")), [ADMIN], READ)
    assert found.pattern == "Exchnage Server*"
    assert "Exchange Server" in found.nearest
    (text,) = complaints.unseen([found])
    assert "[watch]" in text
    assert "Exchange Server" in text


def test_a_product_that_no_source_names_is_told_when_all_were_read() -> None:
    watch = Watch(("SharePoint*", "Exchange Server*"))
    assert patterns(unseen(watch, [], READ)) == ["SharePoint*"]
    assert unseen(watch, [], replace(READ, unread=True)) == ()


def test_what_other_sources_may_name_is_no_mistake() -> None:
    others = replace(READ, open_ended=True)
    assert unseen(Watch(("FortiOS*",)), [], others) == ()
    assert patterns(unseen(Watch(("FortiOS*",)), [], READ)) == ["FortiOS*"]
    assert patterns(unseen(Watch(("Exchnage Server*",)), [], others)) == [
        "Exchnage Server*"
    ]


def test_everything_is_never_a_mistake() -> None:
    assert unseen(Watch(("*",)), [ADMIN], READ) == ()
    assert unseen(Watch(("*Server*",)), [ADMIN], READ) == ()


def test_a_subscriber_outside_of_what_is_watched_hears_nothing() -> None:
    watch = Watch(("Exchange Server*",))
    found = unseen(watch, [ADMIN, DBA], READ)
    assert found == (
        UnseenPattern("SQL Server 2019*", "dba", ("Exchange Server*",), outside=True),
    )
    assert hears_nothing(DBA, watch, found)
    assert not hears_nothing(ADMIN, watch, found)
    assert of_reader(found, ADMIN) == ()
    assert not sees_nothing(watch, found)


def test_a_watch_of_one_mistake_sees_nothing() -> None:
    watch = Watch(("Exchnage Server*",))
    found = unseen(watch, [ADMIN], READ)
    assert sees_nothing(watch, found)
    assert hears_nothing(ADMIN, watch, found)


def test_an_organisation_reads_of_its_own_patterns_only() -> None:
    watch = Watch(("Exchnage Server*", "Windows*"))
    other = replace(ADMIN, name="fabrikam/admins", watched=("Windows*",))
    found = unseen(watch, [other], READ)
    assert of_reader(found, other) == ()
    assert not hears_nothing(other, watch, found)


def test_the_second_name_of_a_product_is_not_told_apart() -> None:
    watch = Watch(("Microsoft 365 Apps*", "365 Apps*"))
    assert patterns(unseen(watch, [], READ)) == ["Microsoft 365 Apps*"]
