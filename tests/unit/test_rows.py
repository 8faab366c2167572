"""A ledger row brought up to date."""

from __future__ import annotations

from msgspec.structs import replace

from tests.unit.builders import (
    CU13,
    CU14,
    NEW_KB,
    NOV,
    OLD_KB,
    SU,
    advisory,
    fact,
    package,
    post,
    row,
    update,
)
from watcher.judgement import rows
from watcher.judgement.facts import Fact, Said
from watcher.judgement.ledger import Ledger
from watcher.judgement.matching import Case
from watcher.judgement.tell import Phrase, event
from watcher.records import Advisory, Entry, Kind, Package, State


def case(*facts: Fact) -> Case:
    made = Case(SU)
    for each in facts:
        made.item(each).packages += each.entry.packages
    return made


def test_two_sources_of_one_package_complete_it_and_the_table_knows_the_build() -> None:
    record = package(
        kb=OLD_KB,
        build="15.2.1544.12",
        url="https://example.org/1",
        supersedes=("KB9000000",),
        type="SU",
        size=5,
        file="a",
    )
    table = row(f"{CU14} Nov30SU", "15.2.1544.13", "")
    held = rows.merged(update(SU, record), case(fact(None, table)))
    assert held.packages == (replace(record, build="15.2.1544.13"),)
    other_way = rows.merged(
        update(SU, *table.packages), case(fact(None, advisory("CVE-2030-0001", record)))
    )
    assert other_way.packages[0].build == "15.2.1544.13"


def test_a_row_gathers_products_links_articles_and_standings() -> None:
    note = post(
        "1",
        "November 2030 Exchange Server Security Updates",
        "x",
        kbs=("KB9000009",),
        products=(CU13,),
    )
    held = rows.merged(update(SU), case(fact(None, note)))
    assert (held.kbs, held.products, held.links) == (
        ("KB9000009",),
        (CU13,),
        (note.url,),
    )
    assert held.standings == (("msrc", note.title, "1"),)
    packaged = rows.merged(update(SU, package()), case(fact(None, note)))
    assert packaged.kbs == ()


def test_a_standing_is_of_the_newest_version_and_by_revision_where_there_is_one() -> (
    None
):
    known = update(
        SU,
        package(kb=NEW_KB, version=2),
        version=2,
        standings=(("msrc", "revision 3.0", "2"),),
    )
    older = rows.merged(
        known, case(fact(None, row(f"{CU14} Nov30SU", "15.2.1544.13", OLD_KB)))
    )
    assert older.standings == (("msrc", "revision 3.0", "2"),)
    newer = rows.merged(
        known,
        case(fact(None, advisory("CVE-2030-0001", package(kb=NEW_KB), revision="4.0"))),
    )
    assert newer.standings == (("msrc", "revision 4.0", "2"),)


def test_the_version_of_a_package_is_as_it_is_known_by_itself_by_its_article_else_the_current_one() -> (
    None
):
    held = update(SU, package(kb=OLD_KB), package(kb=NEW_KB, version=2), version=2)
    assert rows.known_version(held, package(kb=OLD_KB)) == 1
    assert rows.known_version(held, package(CU13, OLD_KB)) == 1
    assert rows.known_version(held, package(CU13, "", "15.2.1258.39")) == 2


def test_a_cumulative_update_is_filed_under_the_product_that_it_makes() -> None:
    made = package("Exchange Server 2019 CU15", "", "15.2.1748.10")
    held = update(
        "exchange-server-2019-cu15",
        made,
        type="CU",
        month="",
        names=("made:exchange server 2019 cu15",),
    )
    offered = package(CU14, OLD_KB, "15.2.1748.10")
    assert rows.made(held, offered).product == "Exchange Server 2019 CU15"
    assert rows.made(held, replace(offered, build="")) == replace(offered, build="")
    assert rows.made(held, replace(offered, build="15.2.1")).product == CU14
    assert rows.made(replace(held, type="SU"), offered) == offered


def test_only_the_first_of_two_packages_under_one_name_is_completed() -> None:
    bare = (package(kb=""), package(kb=""))
    kept = rows.put(bare, package(kb=OLD_KB), certain=False)
    assert [p.kb for p in kept] == [OLD_KB, ""]


def test_a_sentence_is_about_an_update_unless_it_names_other_articles() -> None:
    held, entry = update(SU, package(kb=OLD_KB)), Entry("1", "x", kbs=("KB9000007",))

    def said(*kbs: str) -> Said:
        return Said(Kind.PULLED, "r", "w", "s", kbs, "faq", NOV)

    assert rows.about(said(), held, entry)
    assert rows.about(said(OLD_KB, "KB1"), held, entry)
    assert rows.about(said("KB9000007"), held, entry)
    assert not rows.about(said("KB9000008"), held, entry)
    assert rows.about(said("KB9000008"), update(SU), Entry("1", "x"))


def test_what_was_told_is_noted_once_and_found_again() -> None:
    made = event(
        update(SU, package()), Kind.PULLED, NOV, summary=Phrase("It was pulled.")
    )
    held = rows.tell_event(update(SU), "pulled 1", made)
    assert rows.told(held, "pulled 1") == made.id
    assert rows.told(rows.tell_key(held, "pulled 1", "other"), "pulled 1") == made.id
    assert rows.told(held, "re-released 2") is None
    assert rows.told(rows.tell_key(held, "re-released 2", ""), "re-released 2") == ""
    assert held.last == "PULLED, 12 November 2030: It was pulled."
    assert rows.last_told(held, "pulled") == made.id
    assert rows.last_told(held, "released") == ""


def test_an_advisory_without_update_takes_over_nothing() -> None:
    alone = update(
        "cve-2030-0001",
        type="advisory",
        state=State.ANNOUNCED,
        advisories=(Advisory("CVE-2030-0001"),),
        month="",
    )
    other = replace(alone, id="cve-2030-0001-2")
    ledger = Ledger([alone, other])
    assert rows.takeover(alone, ledger) == alone
    assert ledger.absorbed == ()


def test_a_row_covers_a_product_by_its_current_packages_and_holds_those_of_any_version() -> (
    None
):
    held = update(
        SU, package(CU14, OLD_KB), package(CU13, NEW_KB, version=2), version=2
    )
    assert rows.covers(held, Package(CU13))
    assert not rows.covers(held, Package(CU14))
    assert rows.holds(held, package(CU14, OLD_KB))
    assert not rows.holds(held, package(CU14, NEW_KB))
    assert rows.all_kbs(held.packages) == (OLD_KB, NEW_KB)
