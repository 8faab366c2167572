"""What is mechanically different."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace

from tests.unit.builders import (
    CU13,
    CU14,
    NOV,
    advisory,
    change,
    days,
    package,
    post,
    revision,
    row,
    snapshot,
    stored,
)
from watcher.judgement import compare
from watcher.records import Coverage, Entry, StoredEntry, Watch

V1 = row(f"{CU14} Nov30SU", "15.2.1544.13", "KB9000001")
OTHER = row(f"{CU13} Nov30SU", "15.2.1258.38", "KB9000001")


def found(
    known: dict[str, StoredEntry], *entries: Entry, **more: object
) -> list[tuple[str, str]]:
    copy = snapshot("builds", NOV, entries, **more)
    return [
        (change.kind.value, change.entry.key) for change in compare.changes(known, copy)
    ]


def test_the_same_again_is_no_change() -> None:
    assert found(stored(V1, OTHER), OTHER, V1) == []


def test_a_new_row_appears_and_an_edited_one_is_altered_in_the_order_of_keys() -> None:
    later = replace(V1, published=NOV + days(1))
    assert found(stored(V1), later, OTHER) == [
        ("appeared", OTHER.key),
        ("altered", V1.key),
    ]


def test_what_churns_is_no_change() -> None:
    assert (
        found(stored(V1), replace(V1, updated=NOV + days(1), title=f"{V1.title}  "))
        == []
    )


def test_a_row_that_is_gone_is_missing_once_and_returns() -> None:
    assert found(stored(V1, OTHER), OTHER) == [("missing", V1.key)]
    gone = stored(V1, missing=NOV - days(1))
    assert found(gone) == []
    assert found(gone, V1) == [("returned", V1.key)]


@pytest.mark.parametrize("name", [f"{CU14} Nov30 SU!", "Exchenge Server 2019 CU14"])
def test_a_row_whose_name_changed_is_the_same_by_its_build(name: str) -> None:
    assert found(
        stored(V1), replace(row(name, "15.2.1544.13"), packages=V1.packages)
    ) == [("altered", name)]


def test_a_row_without_a_build_is_the_same_by_article_and_product() -> None:
    bare = row(f"{CU14} Nov30SU", "", "KB9000001")
    assert found(stored(bare), replace(bare, key="x")) == [("altered", "x")]
    assert found(stored(bare), row(f"{CU13} Nov30SU", "", "KB9000001")) == [
        ("appeared", f"{CU13} Nov30SU"),
        ("missing", bare.key),
    ]


def test_one_new_row_is_the_heir_of_one_old_row_only() -> None:
    twin = replace(V1, key="twin")
    assert sorted(found(stored(V1, twin), replace(V1, key="new"))) == [
        ("altered", "new"),
        ("missing", "twin"),
    ]


def in_feed(known: dict[str, StoredEntry], *posts: Entry) -> list[tuple[str, str]]:
    return found(known, *posts, coverage=Coverage.WINDOW, oldest=NOV - days(9))


def test_a_post_with_another_guid_its_title_and_its_address_is_the_same_post() -> None:
    """Two servers of one feed; a feed that is served by HTTPS from now on."""
    text = "It is out."
    told = post("1", "Released: November", text)
    again = replace(told, key="urn:uuid:1")
    by_http = replace(again, url=told.url.replace("https:", "http:"))
    for other in (again, by_http):
        assert in_feed(stored(told), other) == [("altered", "urn:uuid:1")]
    away = stored(told, missing=NOV)
    assert in_feed(away, again) == [("returned", "urn:uuid:1")]
    assert in_feed(stored(told), told, again) == [("appeared", "urn:uuid:1")]


def test_a_post_of_a_window_is_not_renamed_where_that_is_not_certain() -> None:
    told = post("1", "Released: November")
    elsewhere = replace(told, key="2", url="https://blog.example.org/2")
    other_title = replace(told, key="2", title="Released: December")
    unnamed = replace(told, title="", url="")
    for other in (elsewhere, other_title):
        assert ("appeared", "2") in in_feed(stored(told), other)
    assert ("appeared", "2") in in_feed(stored(unnamed), replace(unnamed, key="2"))
    twins = stored(told, replace(told, key="twin"))
    assert ("appeared", "new") in in_feed(twins, replace(told, key="new"))


def test_a_row_of_a_window_is_not_known_again_by_its_build() -> None:
    renamed = replace(V1, key="x", title="Another name")
    assert ("appeared", "x") in in_feed(stored(V1), renamed)


@pytest.mark.parametrize(
    ("published", "oldest", "kind"),
    [
        (NOV - days(9), NOV - days(8), "aged-out"),
        (NOV - days(8), NOV - days(8), "aged-out"),
        (NOV - days(7), NOV - days(8), "missing"),
        (None, NOV, "missing"),
        (NOV, None, "missing"),
    ],
)
def test_what_leaves_a_window_below_its_oldest_entry_has_aged_out(
    published: datetime | None, oldest: datetime | None, kind: str
) -> None:
    assert found(
        stored(post("1", "News", published=published)),
        coverage=Coverage.WINDOW,
        oldest=oldest,
    ) == [(kind, "1")]


def test_a_window_that_reaches_further_back_than_all_that_is_known_shows_nothing_new() -> (
    None
):
    known = stored(post("2", "News", published=NOV))
    assert found(
        known,
        post("1", "Old", published=NOV - days(1)),
        post("2", "News"),
        coverage=Coverage.WINDOW,
    ) == [("returned", "1")]
    assert found(
        known,
        post("1", "New", published=NOV),
        post("2", "News"),
        coverage=Coverage.WINDOW,
    ) == [("appeared", "1")]
    assert found(
        known,
        post("1", "Undated", published=None),
        post("2", "News"),
        coverage=Coverage.WINDOW,
    ) == [("appeared", "1")]
    revised = post("1", "Old", published=NOV - days(1), revision="2.0")
    assert found(known, revised, post("2", "News"), coverage=Coverage.WINDOW) == [
        ("appeared", "1")
    ]
    assert found(
        {}, post("1", "First", published=NOV - days(1)), coverage=Coverage.WINDOW
    ) == [("appeared", "1")]


def test_a_row_whose_two_forms_disagree_keeps_the_build_it_had() -> None:
    short = replace(
        V1,
        packages=(
            replace(V1.packages[0], build="15.2.1544.14", disputed="15.2.1544.13"),
        ),
    )
    long = replace(V1, packages=(replace(V1.packages[0], disputed="15.2.1544.14"),))
    assert found(stored(V1), short) == []
    assert found(stored(V1), long) == []


def test_a_row_whose_two_forms_agree_on_another_build_has_it() -> None:
    both = replace(V1, packages=(replace(V1.packages[0], build="15.2.1544.14"),))
    (change,) = compare.changes(stored(V1), snapshot("builds", NOV, [both]))
    assert change.entry.packages == (package(build="15.2.1544.14", type="SU"),)


def test_a_new_row_whose_forms_disagree_and_one_that_had_no_build_take_the_short_one() -> (
    None
):
    odd = replace(V1, packages=(replace(V1.packages[0], disputed="15.2.1544.14"),))
    assert found({}, odd) == [("appeared", V1.key)]
    bare = replace(V1, packages=(replace(V1.packages[0], build=""),))
    (change,) = compare.changes(stored(bare), snapshot("builds", NOV, [odd]))
    assert change.entry.packages[0].build == "15.2.1544.13"


def test_what_only_another_choice_of_products_brings_into_an_entry_appears_and_what_else_is_different_has_altered() -> (
    None
):
    both = Watch((CU14, CU13))
    one, two = (
        advisory("CVE-2030-0001", package(CU14)),
        advisory("CVE-2030-0001", package(CU14), package(CU13)),
    )
    more = replace(two, passages=(revision("2.0", "More."),))

    def seen(before: Entry, after: Entry) -> list[tuple[str, int, int]]:
        made = compare.rewatched([change(before, after)], both)
        return [
            (
                c.kind.value,
                len(c.before.packages) if c.before else 0,
                len(c.after.packages) if c.after else 0,
            )
            for c in made
        ]

    assert seen(one, two) == [("appeared", 0, 2)]
    assert seen(one, more) == [("appeared", 0, 2), ("altered", 2, 2)]
    assert seen(two, replace(two, passages=more.passages)) == [("altered", 2, 2)]
    new = change(None, two)
    assert compare.rewatched([new], both) == (new,)


def test_what_is_no_longer_watched_has_not_gone() -> None:
    two, one = (
        advisory("CVE-2030-0001", package(CU14), package(CU13)),
        advisory("CVE-2030-0001", package(CU14)),
    )
    assert compare.rewatched([change(two, one)], Watch((CU14,))) == ()
