"""The ledger's rows, as a working copy."""

from __future__ import annotations

from msgspec.structs import replace

from tests.unit.builders import NEW_KB, NOV, OLD_KB, SU, days, package, update
from watcher.judgement.ledger import Ledger
from watcher.records import Absorption, Advisory, Established, Kind, State, Update

CVE = "CVE-2030-0001"


def alone(cve: str = CVE, **more: object) -> Update:
    fields: dict[str, object] = {
        "type": "advisory",
        "month": "",
        "state": State.ANNOUNCED,
        "advisories": (Advisory(cve),),
    } | more
    return update(cve.lower(), **fields)  # type: ignore[arg-type]


def test_a_row_is_found_by_the_strongest_name_that_any_has() -> None:
    ledger = Ledger([update(SU, package(kb=OLD_KB)), alone()])
    found = ledger.find(["kb:KB9999999", f"kb:{OLD_KB}", f"cve:{CVE}"])
    assert found is not None
    assert found.id == SU
    assert ledger.find(["kb:KB9999999"]) is None
    assert ledger.find_all(()) == ()


def test_of_several_with_one_name_the_newest_comes_first() -> None:
    old, new = (
        update("old", package(), released=NOV - days(30)),
        update("new", package(), released=None, first_seen=NOV),
    )
    assert [row.id for row in Ledger([new, old]).find_all([f"kb:{OLD_KB}"])] == [
        "new",
        "old",
    ]
    assert [row.id for row in Ledger([old, new]).find_all([f"kb:{OLD_KB}"])] == [
        "new",
        "old",
    ]


def test_only_rows_that_were_put_and_differ_are_given_back() -> None:
    row = update(SU, package())
    ledger = Ledger([row])
    assert ledger.changed_updates() == ()
    ledger.put(replace(row, names=ledger["exchange-server-2030-11-su"].names))
    changed = replace(row, version=2)
    ledger.put(changed)
    assert [(given.id, given.version) for given in ledger.changed_updates()] == [
        (SU, 2)
    ]
    again = Ledger(ledger.changed_updates())
    again.put(ledger[SU])
    assert again.changed_updates() == ()


def test_a_row_that_was_put_is_found_by_its_new_names() -> None:
    ledger = Ledger([update(SU, package(kb=OLD_KB))])
    ledger.put(replace(ledger[SU], packages=(package(kb=NEW_KB),)))
    found = ledger.find([f"kb:{NEW_KB}"])
    assert found is not None
    assert found.names == (f"kb:{NEW_KB}",)
    assert not ledger.is_new(SU)
    assert ledger.is_new("other")
    assert SU in ledger


def test_an_update_takes_over_an_advisory_with_its_thread_and_what_was_told() -> None:
    gone = alone(thread="root", established=(Established(Kind.ANNOUNCED, event="e1"),))
    ledger = Ledger([gone])
    ledger.put(update(SU, package()))
    ledger.absorb(gone, ledger[SU])
    row = ledger[SU]
    assert (row.thread, row.established, [a.id for a in row.advisories]) == (
        "root",
        (Established(Kind.ANNOUNCED, event="e1"),),
        [CVE],
    )
    assert ledger[gone.id] == row
    assert gone.id not in ledger
    assert ledger.absorptions == (Absorption(gone.id, SU),)
    assert [given.id for given in ledger.changed_updates()] == [SU]


def test_an_update_that_was_told_keeps_its_own_thread_and_an_advisory_of_this_check_leaves_no_trace() -> (
    None
):
    ledger = Ledger(
        [
            update(
                SU,
                package(),
                thread=SU,
                established=(Established(Kind.RELEASED, event="e2"),),
                advisories=(Advisory(CVE, "known"),),
            )
        ]
    )
    ledger.put(alone())
    ledger.absorb(ledger[CVE.lower()], ledger[SU])
    assert ledger[SU].thread == SU
    assert ledger[SU].advisories == (Advisory(CVE, "known"),)
    assert ledger.absorptions == ()
    assert ledger.find([f"cve:{CVE}"]) == ledger[SU]
