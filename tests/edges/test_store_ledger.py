"""Updates, their names, events and what becomes of absorbed ids; on both databases."""

from __future__ import annotations

from msgspec.structs import replace

from tests.edges.ledger_samples import (
    HOUR,
    SU,
    T0,
    event,
    evidence,
    message,
    suspicion,
    update,
)
from watcher.records import (
    Absorption,
    Event,
    EventEvidence,
    Kind,
    Outcome,
    Silence,
    State,
    Update,
)
from watcher.store import Store


def tell(store: Store, *events: Event, updates: tuple[Update, ...] = ()) -> None:
    store.record("msrc", outcome=Outcome(events=events, updates=updates))


def ids(updates: tuple[Update, ...]) -> list[str]:
    return [each.id for each in updates]


def test_an_update_is_found_by_id_and_by_each_of_its_names(store: Store) -> None:
    tell(
        store,
        updates=(
            update(),
            update("windows-kb1", names=("kb:KB1", "cve:CVE-2024-49040")),
        ),
    )
    assert store.update(SU) == update()
    assert store.update("none") is None
    assert ids(store.updates_for(["kb:KB5044062"])) == [SU]
    assert ids(store.updates_for(["kb:KB1", "kb:KB1", "kb:none"])) == ["windows-kb1"]
    assert ids(store.updates_for(["cve:CVE-2024-49040"])) == [SU, "windows-kb1"]
    assert store.updates_for([]) == ()
    assert store.count_updates() == 2


def test_a_name_that_an_update_loses_no_longer_leads_to_it(store: Store) -> None:
    tell(store, updates=(update(names=("kb:wrong", "kb:KB1")),))
    tell(store, updates=(update(names=("kb:KB1", "kb:KB2")),))
    assert store.updates_for(["kb:wrong"]) == ()
    assert ids(store.updates_for(["kb:KB2"])) == [SU]


def test_a_thousand_names_find_a_thousand_updates(store: Store) -> None:
    tell(
        store,
        updates=tuple(
            update(f"u{number:04}", names=(f"kb:{number}",)) for number in range(1100)
        ),
    )
    assert len(store.updates_for(f"kb:{number}" for number in range(1100))) == 1100


def test_updates_come_newest_first_by_the_vendors_date(store: Store) -> None:
    backfilled = update(
        "old", released=T0 - 900 * HOUR, first_seen=T0 + 5 * HOUR, names=()
    )
    tell(
        store,
        updates=(
            update("b", names=()),
            backfilled,
            update("a", names=()),
            update("new", first_seen=T0 + HOUR, names=()),
        ),
    )
    assert ids(store.updates()) == ["new", "a", "b", "old"]
    assert ids(store.updates(limit=2)) == ["new", "a"]
    assert ids(store.updates(since=T0)) == ["new", "a", "b"]


def test_updates_are_chosen_by_family_state_and_product_pattern(store: Store) -> None:
    windows = update(
        "windows-kb1",
        State.PULLED,
        family="Windows",
        products=("Windows Server 2019",),
        names=(),
    )
    tell(store, updates=(update(), windows))
    assert ids(store.updates(family="Windows")) == ["windows-kb1"]
    assert ids(store.updates(state=State.RELEASED)) == [SU]
    assert ids(store.updates(product="exchange SERVER*")) == [SU]
    assert ids(store.updates(product="*", limit=1)) == [SU]


def test_young_updates_are_those_of_late_and_whatever_is_pulled(store: Store) -> None:
    old = T0 - 5000 * HOUR
    pulled = update("pulled", State.PULLED, first_seen=old, names=())
    tell(
        store,
        updates=(
            update(),
            pulled,
            update("old", first_seen=old, names=()),
            update("backfilled", released=old, names=()),
        ),
    )
    assert ids(store.young_updates(T0)) == [SU, "pulled"]


def test_an_open_suspicion_is_found_by_where_it_is_until_it_is_closed(
    store: Store,
) -> None:
    doubted = update(
        suspicions=(suspicion("builds", ""), suspicion("download", "KB5044062"))
    )
    tell(store, updates=(doubted, update("other", names=())))
    assert store.suspicions("builds", "") == (doubted,)
    assert store.suspicions("download") == (doubted,)
    assert store.suspicions() == (doubted,)
    assert store.suspicions("download", "KB1") == ()
    tell(store, updates=(update(suspicions=(suspicion("builds", ""),)),))
    assert store.suspicions("download") == ()
    tell(store, updates=(update(),))
    assert store.suspicions() == ()


def test_events_keep_the_order_in_which_they_were_established(store: Store) -> None:
    first, second, third = (
        event("z"),
        event("a", Kind.PULLED, T0 - HOUR),
        event("m", time=T0 + HOUR, product="Windows 11"),
    )
    tell(store, first, second)
    tell(store, third)
    assert store.events() == (first, second, third)
    assert store.events(limit=2) == (second, third)
    assert store.events(since=T0) == (first, third)
    assert store.events(kind=Kind.PULLED) == (second,)
    assert store.events(product="exchange*") == (first, second)
    assert store.events(product="exchange*", limit=1) == (second,)
    assert store.event("m") == third
    assert store.event("none") is None


def test_the_same_event_told_again_is_no_new_event(store: Store) -> None:
    tell(store, event("e1"), event("e1", time=T0 + HOUR))
    store.seal([], ["e1"])
    tell(store, event("e1"), event("e2"))
    assert store.events() == (event("e1"), event("e2"))
    assert store.unsealed_events() == (event("e2"),)


def test_evidence_from_a_later_source_is_added_once(store: Store) -> None:
    tell(store, event("e1"))
    more = evidence("blog", "paused")
    store.record(
        "blog",
        outcome=Outcome(
            evidence=(
                EventEvidence("e1", more),
                EventEvidence("e1", more),
                EventEvidence("gone", more),
            )
        ),
    )
    store.record(
        "blog",
        outcome=Outcome(
            evidence=(
                EventEvidence("e1", replace(more, time=T0 + HOUR)),
                EventEvidence("e1", evidence("blog", "other words")),
            )
        ),
    )
    told = store.event("e1")
    assert told is not None
    assert told.evidence == (
        evidence(after="1.0"),
        more,
        evidence("blog", "other words"),
    )


def test_evidence_may_come_with_its_event(store: Store) -> None:
    store.record(
        "blog",
        outcome=Outcome(
            events=(event("e1"),), evidence=(EventEvidence("e1", evidence("blog")),)
        ),
    )
    told = store.event("e1")
    assert told is not None
    assert [each.source for each in told.evidence] == ["builds", "blog"]


def test_an_absorbed_update_leaves_its_events_messages_and_id_to_the_other(
    store: Store,
) -> None:
    cve = update("cve-2024-49040", State.ANNOUNCED, names=("cve:CVE-2024-49040",))
    tell(store, event("e1", Kind.ANNOUNCED, update_id=cve.id), updates=(cve,))
    store.seal([(message(1, ("e1",), cve.id), [])], ["e1"])
    released = event("e2")
    store.record(
        "msrc",
        outcome=Outcome(
            events=(released,), updates=(update(),), absorbed=(Absorption(cve.id, SU),)
        ),
    )
    assert ids(store.updates()) == [SU]
    assert store.update(cve.id) == update()
    assert (
        [each.id for each in store.events_of(SU)]
        == [each.id for each in store.events_of(cve.id)]
        == ["e1", "e2"]
    )
    assert store.events()[0].update.id == cve.id, "what was told stays as it was told"
    assert store.last_message_of(SU, "admins") == message(1, ("e1",), cve.id)
    assert ids(store.updates_for(["cve:CVE-2024-49040"])) == [SU]


def test_an_absorbed_updates_names_lead_on_even_when_the_other_is_not_written_again(
    store: Store,
) -> None:
    tell(
        store,
        updates=(update("a", names=("cve:1", "cve:2")), update("b", names=("cve:2",))),
    )
    store.record(
        "msrc", outcome=Outcome(absorbed=(Absorption("a", "b"), Absorption("b", "b")))
    )
    assert (
        ids(store.updates_for(["cve:1"])) == ids(store.updates_for(["cve:2"])) == ["b"]
    )


def test_an_id_leads_on_through_two_absorptions(store: Store) -> None:
    tell(
        store,
        event("e1", update_id="a"),
        updates=(update("a", names=()), update("b", names=()), update("c", names=())),
    )
    store.record("msrc", outcome=Outcome(absorbed=(Absorption("a", "b"),)))
    store.record("msrc", outcome=Outcome(absorbed=(Absorption("b", "c"),)))
    assert store.absorbed() == {"a": "c", "b": "c"}
    assert [each.id for each in store.events_of("a")] == ["e1"]


def test_the_edition_counts_what_changes_the_page_and_nothing_else(
    store: Store,
) -> None:
    full = Outcome(
        events=(event(),),
        updates=(update(),),
        evidence=(EventEvidence("e1", evidence("blog")),),
    )
    store.record("msrc", outcome=full)
    assert store.edition() == 1
    store.record("msrc", outcome=full)
    store.record("msrc", outcome=Outcome(silent=(Silence("msrc", "row 1", "a typo"),)))
    store.seal([(message(), [])], ["e1"])
    store.set_meta("published", "1")
    assert store.edition() == 1
    store.record("msrc", outcome=Outcome(updates=(update(version=2),)))
    assert store.edition() == 2
    assert store.meta("published") == "1"
