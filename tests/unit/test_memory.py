"""What a document has said before its last copy is no news when it says it again."""

from __future__ import annotations

from msgspec.structs import replace

from tests.unit.builders import (
    CU14,
    NEW_KB,
    OLD_KB,
    PAUSED,
    advisory,
    change,
    package,
    post,
)
from watcher.judgement import compare
from watcher.judgement.change_reading import ChangeReading, read_change
from watcher.records import Change, ChangeKind, Entry, Kind

TITLE = "Released: November 2030 Exchange Server Security Updates"
FULL = post("1", TITLE, f"It is out.\n{PAUSED}")
EXCERPT = post("1", TITLE, "It is out. Read more")


def after(*earlier: Change, now: Change) -> Change:
    """What a change is when its document has gone through earlier ones."""
    left: set[str] = set()
    for each in earlier:
        (recalled,) = compare.recall([each], left)
        left |= set(compare.leaving([recalled]))
    (recalled,) = compare.recall([now], left)
    return recalled


def read_after(*earlier: Change, now: Change) -> ChangeReading:
    return read_change(after(*earlier, now=now))


def test_a_sentence_that_was_away_for_an_excerpt_is_not_new() -> None:
    reading = read_after(change(FULL, EXCERPT), now=change(EXCERPT, FULL))
    assert (reading.new_passages, reading.statements) == ((), ())


def test_a_sentence_that_an_entry_has_never_said_is_new_beside_one_that_it_has() -> (
    None
):
    more = post("1", TITLE, f"It is out.\n{PAUSED}\nUse KB9000002 instead.")
    reading = read_after(change(FULL, EXCERPT), now=change(EXCERPT, more))
    assert [each.text for each in reading.new_passages] == ["Use KB9000002 instead."]


def test_another_entry_that_says_it_says_something_new() -> None:
    """Each month's post may say that its own update is paused, in the same words."""
    other = post("2", "Released: December 2030 Exchange Server Security Updates")
    paused = post("2", other.title, PAUSED)
    reading = read_after(change(FULL, EXCERPT), now=change(other, paused))
    assert reading.says(Kind.PULLED)


def test_a_post_under_another_guid_says_nothing_new() -> None:
    aged_out = change(FULL, None, kind=ChangeKind.AGED_OUT)
    for key in ("1", "urn:uuid:1"):
        again = after(aged_out, now=change(None, replace(FULL, key=key)))
        assert again.kind is ChangeKind.RETURNED
        assert read_change(again).statements == ()


def test_a_post_that_comes_back_with_more_has_appeared_and_only_the_more_is_new() -> (
    None
):
    aged_out = change(FULL, None, kind=ChangeKind.AGED_OUT)
    more = post("1", TITLE, f"It is out.\n{PAUSED}\nUse KB9000002 instead.")
    again = after(aged_out, now=change(None, more))
    assert again.kind is ChangeKind.APPEARED
    assert read_change(again).statements == ()


def test_servers_that_alternate_say_each_thing_once() -> None:
    there, back = change(FULL, EXCERPT), change(EXCERPT, FULL)
    reading = read_after(there, back, there, back, now=there)
    assert reading.new_passages == ()


def test_a_package_that_a_lagging_copy_hid_is_not_new() -> None:
    old = advisory("CVE-2030-0001", package(CU14, OLD_KB))
    new = advisory("CVE-2030-0001", package(CU14, NEW_KB))
    for now in (change(old, new), change(new, old)):
        reading = read_after(change(old, new), change(new, old), now=now)
        assert (reading.new_packages, reading.changed_packages) == ((), ())


def test_without_memory_a_change_is_as_it_was() -> None:
    now = change(EXCERPT, FULL)
    assert after(now=now) == now
    assert after(now=change(None, FULL)) == change(None, FULL)


def test_an_entry_without_title_and_address_is_known_by_its_key_alone() -> None:
    bare = Entry("1", "")
    assert compare.post_name(bare) == ""
    assert compare.post_name(FULL) == compare.post_name(
        replace(FULL, key="2", url=FULL.url.replace("https:", "http:"))
    )
