"""What is found by product without reading everything.

The newest good build, the events about it, what the site's lists count; on both
databases.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.edges.ledger_samples import T0, event, update
from watcher.records import Absorption, Event, Outcome, Package, State, Update
from watcher.store import Store
from watcher.store.connection import Connection

CU14 = "Exchange Server 2019 CU14"
DAY = timedelta(days=1)


def derived(connection: Connection) -> list[list[tuple[object, ...]]]:
    """Give what the two tables hold."""
    return [
        sorted(connection.execute(query))
        for query in ("SELECT * FROM offers", "SELECT * FROM concerned")
    ]


def tell(store: Store, *events: Event, updates: tuple[Update, ...] = ()) -> None:
    store.record("msrc", outcome=Outcome(events=events, updates=updates))


def offer(
    name: str,
    build: str = "",
    days: int = 0,
    state: State = State.RELEASED,
    version: int = 1,
    of: int = 1,
) -> Update:
    packages = (Package(CU14, "KB1", build, version=of), Package("", "KB1", build))
    return update(
        name,
        state,
        names=(),
        packages=packages,
        version=version,
        released=T0 + days * DAY,
    )


def test_the_newest_good_build_is_the_highest_number_not_the_last_text(
    store: Store,
) -> None:
    tell(
        store,
        updates=(
            offer("nine", "15.2.1544.9"),
            offer("ten", "15.2.1544.10"),
            offer("word", "unknown", 9),
        ),
    )
    assert store.best(CU14) == "ten"
    assert store.best("Windows") is None


def test_what_is_pulled_or_was_replaced_is_not_offered(store: Store) -> None:
    tell(
        store,
        updates=(
            offer("one", "15.2.1.1"),
            offer("two", "15.2.1.2"),
            offer("old", "15.2.1.9", version=2),
        ),
    )
    assert store.best(CU14) == "two"
    tell(store, updates=(offer("two", "15.2.1.2", state=State.PULLED),))
    assert store.best(CU14) == "one"


def test_of_equal_builds_the_newest_update_counts_then_the_first_id(
    store: Store,
) -> None:
    tell(store, updates=(offer("b"), offer("a"), offer("c", days=-1)))
    assert store.best(CU14) == "a"


def test_an_update_that_went_offers_nothing(store: Store) -> None:
    tell(store, updates=(offer("one", "15.2.1.1"), offer("two", "15.2.1.2")))
    store.record(
        "msrc",
        outcome=Outcome(
            updates=(offer("one", "15.2.1.1"),), absorbed=(Absorption("two", "one"),)
        ),
    )
    assert store.best(CU14) == "one"
    assert store.heirs(["two"]) == store.heirs(["one"]) == {"two": "one"}
    assert store.heirs(["three"]) == {}


def test_the_newest_events_about_products_come_in_order(store: Store) -> None:
    tell(
        store,
        *(
            event(f"e{number}", product="A" if number % 2 else "B")
            for number in range(7)
        ),
    )
    assert [found.id for found in store.events_about(["A"], 2)] == ["e3", "e5"]
    assert [found.id for found in store.events_about(["A", "B", "A"], 3)] == [
        "e4",
        "e5",
        "e6",
    ]
    assert store.events_about(["C"], 3) == store.events_about([], 3) == ()


def test_events_are_found_by_their_place(store: Store) -> None:
    tell(store, *(event(f"e{number}", update_id=f"u{number}") for number in range(5)))
    assert store.count_events() == 5
    assert [store.position_of(name) for name in ("e0", "e3", "none")] == [0, 3, None]
    assert [found.id for found in store.events_from(3, 50)] == ["e3", "e4"]
    assert store.owners(["e1", "none"]) == {"e1": "u1"}
    assert len(store.owners()) == 5


def test_the_newest_date_is_the_vendors_or_that_of_the_first_sight(
    store: Store,
) -> None:
    assert store.newest_date() is None
    tell(
        store,
        updates=(
            offer("one"),
            update("two", released=None, first_seen=T0 + 3 * DAY, names=()),
        ),
    )
    assert store.newest_date() == T0 + 3 * DAY


def test_a_state_from_before_and_an_imported_one_know_the_same(
    database_url: str, tmp_path: Path
) -> None:
    with Store.open(database_url) as store:
        tell(
            store,
            *(event(f"e{number}", product=CU14) for number in range(3)),
            updates=(offer("one", "15.2.1.1"), offer("two", "15.2.1.2")),
        )
        store.export(tmp_path / "export")
        with store.writing():
            wanted = derived(store.connection)
            store.connection.execute("DROP TABLE offers")
            store.connection.execute("DROP TABLE concerned")
            store.connection.execute("DROP TABLE remembered")
            store.connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with Store.open(database_url) as store:
        assert derived(store.connection) == wanted
    with Store.open(f"sqlite:///{tmp_path / 'again.db'}") as store:
        store.import_(tmp_path / "export")
        assert derived(store.connection) == wanted


def test_updates_are_counted_and_read_by_their_month(store: Store) -> None:
    tell(store, updates=(offer("a"), offer("b", days=1), offer("c", days=-400)))
    month, year = f"{T0:%Y-%m}", f"{T0:%Y}"
    assert sum(store.count_by_month().values()) == 3
    assert store.count_by_month()[f"{T0 - 400 * DAY:%Y-%m}"] == 1
    assert {each.id for each in store.updates_dated(year)} == {"a", "b"}
    assert "a" in {each.id for each in store.updates_dated(month)}
    assert store.updates_dated("1999") == ()


def test_the_products_of_updates_and_of_events_are_named(store: Store) -> None:
    tell(store, event("1"), updates=(offer("a"), offer("pulled", state=State.PULLED)))
    assert CU14 in store.product_names()
    assert "" not in store.product_names()
    assert store.event_products() == {
        name for name in event("1").update.products if name
    }


def test_events_are_read_of_several_updates_and_counted_off(store: Store) -> None:
    events = tuple(event(f"e{number}", time=T0 + number * DAY) for number in range(5))
    tell(store, *events)
    (owner,) = {one.update.id for one in events}
    kinds = {one.kind for one in events}
    assert store.events_of_each([owner, "nobody"], kinds) == {owner: events}
    assert store.events_of_each([owner], ()) == {}
    assert store.every_event_time(2) == tuple(one.time for one in events[::2])
