"""What a copy may do: come twice, in any order, lag behind, roll its window, return."""

from __future__ import annotations

import random
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.laws.memory import Memory
from tests.laws.vendor import (
    BACK,
    BLOG,
    BUILDS,
    FIRST_CHECK,
    ISSUES,
    KINDS,
    MONTH,
    PAUSED,
    Vendor,
)
from tests.unit.builders import post, snapshot
from watcher.records import Coverage, Entry, Kind, Outcome, Snapshot

SINGLE = st.sampled_from((MONTH, BUILDS, ISSUES, BLOG))
HOURS = st.integers(1, 24 * 120)


def released() -> Vendor:
    vendor = Vendor(
        released=FIRST_CHECK, version=1, recorded=1, rows=[1], issues=["Mail stops."]
    )
    vendor.revise("Information published.")
    vendor.post.append(
        "Microsoft has released Security Updates for vulnerabilities found "
        "in Exchange Server 2019 and 2016."
    )
    return vendor


def knowing(vendor: Vendor, *sources: str) -> Memory:
    memory = Memory()
    for source in sources:
        memory.check(*vendor.shows(source), kind=KINDS[source])
    return memory


@settings(max_examples=40)
@given(source=SINGLE, hours=HOURS, seed=st.integers(0, 99))
def test_the_same_copy_again_changes_nothing_whatever_its_order(
    source: str, hours: int, seed: int
) -> None:
    vendor = released()
    memory = knowing(vendor, source)
    (copy,) = vendor.shows(source)
    shuffled = tuple(random.Random(seed).sample(copy.entries, len(copy.entries)))
    again = replace(copy, entries=shuffled, time=copy.time + timedelta(hours=hours))
    entries = {place: {**rows} for place, rows in memory.entries.items()}
    assert memory.check(again, kind=KINDS[source]) == Outcome()
    assert memory.entries == entries


@settings(max_examples=40)
@given(
    source=SINGLE,
    gone=st.sets(st.integers(0, 30), min_size=1),
    hours=st.integers(1, 47),
)
def test_what_is_lost_and_comes_back_leaves_nothing_said_but_what_is_taken_back(
    source: str, gone: set[int], hours: int
) -> None:
    vendor, memory = released(), knowing(released(), MONTH, BUILDS, ISSUES, BLOG)
    before = {**memory.updates}
    (copy,) = vendor.shows(source)
    kept = tuple(
        entry for number, entry in enumerate(copy.entries) if number not in gone
    )
    lacking = replace(
        copy, entries=kept, total=len(kept), time=copy.time + timedelta(hours=1)
    )
    memory.check(lacking, kind=KINDS[source])
    memory.check(
        replace(copy, time=copy.time + timedelta(hours=1 + hours)), kind=KINDS[source]
    )
    told = [
        (event.update.id, event.kind.value, event.confidence.value)
        for event in memory.events
    ]
    suspected = [
        identity for identity, *what in told if what == ["pulled", "suspected"]
    ]
    assert told == [(i, "pulled", "suspected") for i in suspected] + [
        (i, "corrected", "confirmed") for i in suspected
    ]
    assert source == BUILDS or told == []
    assert {
        row.id: (row.state, row.version, row.suspicions)
        for row in memory.updates.values()
    } == {row.id: (row.state, row.version, row.suspicions) for row in before.values()}


@settings(max_examples=40)
@given(
    source=st.sampled_from((MONTH, BUILDS, BLOG)),
    share=st.floats(0, 0.49),
    hours=st.integers(1, 47),
)
def test_a_shrunken_copy_changes_nothing_for_two_days(
    source: str, share: float, hours: int
) -> None:
    vendor = released()
    memory = knowing(vendor, MONTH, BUILDS, BLOG)
    (copy,) = vendor.shows(source)
    kept = copy.entries[: int(len(copy.entries) * share)]
    for passed in (0, hours):
        shrunken = replace(
            copy,
            entries=kept,
            total=len(kept),
            revisions=0,
            time=copy.time + timedelta(hours=passed),
        )
        assert memory.check(shrunken, kind=KINDS[source]) == Outcome()
    assert len(memory.doubts) == 2
    assert (
        memory.check(
            replace(copy, time=copy.time + timedelta(hours=hours)), kind=KINDS[source]
        )
        == Outcome()
    )


@settings(max_examples=40)
@given(share=st.floats(0, 0.49), source=st.sampled_from((MONTH, BUILDS, BLOG)))
def test_what_a_copy_that_stays_so_has_lost_is_never_a_pull(
    share: float, source: str
) -> None:
    vendor = released()
    memory = knowing(vendor, MONTH, BUILDS, BLOG)
    (copy,) = vendor.shows(source)
    kept = copy.entries[: int(len(copy.entries) * share)]
    for hours in (0, 24, 48, 50, 100):
        shrunken = replace(
            copy,
            entries=kept,
            total=len(kept),
            revisions=0,
            time=copy.time + timedelta(hours=hours),
        )
        memory.check(shrunken, kind=KINDS[source])
    memory.check(
        replace(copy, time=copy.time + timedelta(hours=101)), kind=KINDS[source]
    )
    assert [
        event
        for event in memory.events
        if event.kind in (Kind.PULLED, Kind.CORRECTED, Kind.RE_RELEASED)
    ] == []


POSTS = [
    post(
        f"p{n}",
        f"November 2030 Exchange Server Security Updates, part {n}",
        "All is well.",
        published=FIRST_CHECK + timedelta(hours=n),
    )
    for n in range(40)
]


def window(first: int, size: int) -> Snapshot:
    shown: list[Entry] = POSTS[first : first + size]
    return snapshot(
        BLOG,
        FIRST_CHECK + timedelta(days=3, hours=first),
        shown,
        coverage=Coverage.WINDOW,
        oldest=shown[0].published,
    )


@settings(max_examples=40)
@given(steps=st.lists(st.integers(1, 6), max_size=6), size=st.integers(4, 10))
def test_what_leaves_a_window_has_aged_out(steps: list[int], size: int) -> None:
    memory = knowing(released(), MONTH, BUILDS)
    memory.check(window(0, size))
    first = 0
    for step in steps:
        first = min(first + step, len(POSTS) - size)
        memory.check(window(first, size))
    assert [
        event for event in memory.events if event.kind in (Kind.PULLED, Kind.CORRECTED)
    ] == []
    assert set(memory.entries[BLOG, ""]) == {
        entry.key for entry in POSTS[first : first + size]
    }


@settings(max_examples=40)
@given(order=st.permutations((MONTH, BUILDS, BLOG)), days=st.integers(1, 3))
def test_the_order_of_sources_does_not_matter_for_what_the_ledger_comes_to(
    order: list[str], days: int
) -> None:
    vendor = Vendor()
    memory = knowing(vendor, MONTH, BUILDS, BLOG)
    after = released()
    after.now += timedelta(days=days)
    for source in order:
        memory.check(*after.shows(source), kind=KINDS[source])
    after.now += timedelta(days=1)
    after.revise(PAUSED)
    after.post.append(PAUSED)
    for source in order:
        memory.check(*after.shows(source), kind=KINDS[source])
    loud = [
        (event.kind.value, event.update.id, event.update.version)
        for event in memory.events
        if event.kind is not Kind.REVISED
    ]
    assert loud == [
        ("released", "exchange-server-2030-11-su", 1),
        ("pulled", "exchange-server-2030-11-su", 1),
    ]
    (row,) = [
        row for row in memory.updates.values() if row.id == "exchange-server-2030-11-su"
    ]
    assert sorted(package.build for package in row.packages) == sorted(
        p.build for p in after.offered(1)
    )
    assert [advisory.id for advisory in row.advisories] == [
        "CVE-2030-0001",
        "CVE-2030-0002",
    ]


@settings(max_examples=40)
@given(
    order=st.permutations((MONTH, BUILDS, BLOG)),
    back=st.permutations((MONTH, BUILDS, BLOG)),
)
def test_whatever_source_says_first_that_it_is_back_no_package_of_before_is_named(
    order: list[str], back: list[str]
) -> None:
    """Exchange, September 2026: "back as v2" was told with the articles of v1."""
    memory = knowing(Vendor(), MONTH, BUILDS, BLOG)
    vendor = released()
    vendor.now += timedelta(days=1)
    for source in order:
        memory.check(*vendor.shows(source), kind=KINDS[source])
    vendor.now += timedelta(days=1)
    vendor.revise(PAUSED)
    vendor.post.append(PAUSED)
    for source in order:
        memory.check(*vendor.shows(source), kind=KINDS[source])
    vendor.now += timedelta(days=13)
    vendor.version = vendor.recorded = 2
    vendor.rows.append(2)
    vendor.revise(BACK)
    vendor.post.append("The update has been re-released as KB9000002.")
    for source in back:
        memory.check(*vendor.shows(source), kind=KINDS[source])

    turns = [
        event
        for event in memory.events
        if event.kind in (Kind.RELEASED, Kind.PULLED, Kind.RE_RELEASED)
    ]
    assert [(event.kind, event.update.version) for event in turns] == [
        (Kind.RELEASED, 1),
        (Kind.PULLED, 1),
        (Kind.RE_RELEASED, 2),
    ]
    for event in turns:
        named = {package.kb for package in event.packages} - {""}
        assert named <= {f"KB900000{event.update.version}"}, event.summary
    (update,) = [row for row in memory.updates.values() if row.id == turns[0].update.id]
    offered = {package.build for package in update.packages if package.version == 2}
    assert offered == {package.build for package in vendor.offered(2)}
