"""The newest good build of each product, and what is pulled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from watcher.judgement import newest_build
from watcher.records import Package, State, Update

NOW = datetime(2030, 5, 14, tzinfo=UTC)


def update(
    identity: str,
    packages: tuple[Package, ...],
    *,
    state: State = State.RELEASED,
    version: int = 1,
    days: int = 10,
) -> Update:
    released = NOW - timedelta(days=days)
    return Update(
        identity,
        identity,
        "Exchange Server",
        "SU",
        "",
        version,
        state,
        released,
        released,
        released,
        packages=packages,
    )


def test_builds_are_compared_by_number() -> None:
    updates = [
        update("old", (Package("Exchange Server SE", build="15.2.2562.9"),)),
        update("new", (Package("Exchange Server SE", build="15.2.2562.17"),)),
    ]
    assert [
        (row.build, row.update) for row in newest_build.newest_builds(updates, NOW)
    ] == [("15.2.2562.17", "new")]
    assert [row.build for row in newest_build.newest_builds(updates[::-1], NOW)] == [
        "15.2.2562.17"
    ]


def test_a_pulled_update_has_no_good_build() -> None:
    updates = [
        update("good", (Package("Exchange Server SE", build="15.2.2562.9"),)),
        update(
            "bad",
            (Package("Exchange Server SE", build="15.2.2562.17"),),
            state=State.PULLED,
        ),
    ]
    assert [row.update for row in newest_build.newest_builds(updates, NOW)] == ["good"]
    assert [gone.id for gone in newest_build.pulled(updates)] == ["bad"]


def test_a_version_that_was_replaced_is_not_offered() -> None:
    both = (
        Package("Exchange Server 2019 CU14", build="15.2.1544.13"),
        Package("Exchange Server 2019 CU13", build="15.2.1258.39", version=2),
    )
    assert [
        row.product
        for row in newest_build.newest_builds([update("su", both, version=2)], NOW)
    ] == ["Exchange Server 2019 CU13"]


def test_the_newest_pull_comes_first() -> None:
    updates = [
        update(name, (), state=State.PULLED, days=days)
        for name, days in (("older", 9), ("newest", 1), ("oldest", 30))
    ]
    assert [gone.id for gone in newest_build.pulled(updates)] == [
        "newest",
        "older",
        "oldest",
    ]


def test_old_levels_give_way_to_newer_ones_of_their_line() -> None:
    packages = (
        Package("Exchange Server 2019 CU15", build="15.2.1748.10"),
        Package("Exchange Server 2019 CU14", build="15.2.1544.14"),
    )
    old = (
        Package("Exchange Server 2019 CU9", build="15.2.858.15"),
        Package("Exchange Server 2010 SP3 RU32", build="14.3.513.0"),
        Package("Exchange Server 2010 SP2 RU1", build="14.2.247.5"),
        Package("Exchange Server 2019 Preview", build="15.2.196.0"),
    )
    rows = newest_build.newest_builds(
        [update("new", packages), update("old", old, days=900)], NOW
    )
    assert [row.product for row in rows] == [
        "Exchange Server 2019 CU15",
        "Exchange Server 2019 CU14",
        "Exchange Server 2010 SP3 RU32",
    ]


def test_a_package_without_a_product_is_nobodys_newest_build() -> None:
    assert (
        newest_build.newest_builds([update("su", (Package("", build="1.2.3.4"),))], NOW)
        == ()
    )
