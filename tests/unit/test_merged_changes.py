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
from watcher.judgement.change_reading import (
    ChangeReading,
    PassageStatement,
    UpdateChanges,
)
from watcher.judgement.event import Summary, compose_event
from watcher.judgement.ledger import (
    Ledger,
    establish,
    establish_by_event,
    established_by,
    last_event,
    merge_changes,
    take_over_advisories,
)
from watcher.judgement.matching import is_about
from watcher.judgement.packages import (
    add_package,
    as_made_product,
    covers_product,
    holds_package,
    kb_articles,
    package_version,
)
from watcher.records import (
    Advisory,
    Entry,
    Established,
    Kind,
    Package,
    SourceState,
    State,
)

PULLED = Established(Kind.PULLED, 1)
BACK = Established(Kind.RE_RELEASED, 2)


def case(*facts: ChangeReading) -> UpdateChanges:
    made = UpdateChanges(SU)
    for each in facts:
        made.of(each).packages += each.entry.packages
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
    held = merge_changes(update(SU, record), case(fact(None, table)))
    as_stated = replace(
        record, build="15.2.1544.13", stated=True, released=table.published
    )
    assert held.packages == (as_stated,)
    other_way = merge_changes(
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
    held = merge_changes(update(SU), case(fact(None, note)))
    assert (held.kbs, held.products, held.links) == (
        ("KB9000009",),
        (CU13,),
        (note.url,),
    )
    assert held.source_states == (SourceState("msrc", note.title, 1),)
    packaged = merge_changes(update(SU, package()), case(fact(None, note)))
    assert packaged.kbs == ()


def test_a_standing_is_of_the_newest_version_and_by_revision_where_there_is_one() -> (
    None
):
    known = update(
        SU,
        package(kb=NEW_KB, version=2),
        version=2,
        source_states=(SourceState("msrc", "revision 3.0", 2),),
    )
    older = merge_changes(
        known, case(fact(None, row(f"{CU14} Nov30SU", "15.2.1544.13", OLD_KB)))
    )
    assert older.source_states == (SourceState("msrc", "revision 3.0", 2),)
    newer = merge_changes(
        known,
        case(fact(None, advisory("CVE-2030-0001", package(kb=NEW_KB), revision="4.0"))),
    )
    assert newer.source_states == (SourceState("msrc", "revision 4.0", 2),)


def test_the_version_of_a_package_is_as_it_is_known_by_itself_by_its_article_else_the_current_one() -> (
    None
):
    held = update(SU, package(kb=OLD_KB), package(kb=NEW_KB, version=2), version=2)
    assert package_version(held, package(kb=OLD_KB)) == 1
    assert package_version(held, package(CU13, OLD_KB)) == 1
    assert package_version(held, package(CU13, "", "15.2.1258.39")) == 2


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
    assert as_made_product(held, offered).product == "Exchange Server 2019 CU15"
    assert as_made_product(held, replace(offered, build="")) == replace(
        offered, build=""
    )
    assert as_made_product(held, replace(offered, build="15.2.1")).product == CU14
    assert as_made_product(replace(held, type="SU"), offered) == offered


def test_only_the_first_of_two_packages_under_one_name_is_completed() -> None:
    bare = (package(kb=""), package(kb=""))
    kept = add_package(bare, package(kb=OLD_KB), certain=False)
    assert [p.kb for p in kept] == [OLD_KB, ""]


def test_a_sentence_is_about_an_update_unless_it_names_other_articles() -> None:
    held, entry = update(SU, package(kb=OLD_KB)), Entry("1", "x", kbs=("KB9000007",))

    def said(*kbs: str) -> PassageStatement:
        return PassageStatement(Kind.PULLED, "r", "w", "s", kbs, "faq", NOV)

    assert is_about(said(), held, entry)
    assert is_about(said(OLD_KB, "KB1"), held, entry)
    assert is_about(said("KB9000007"), held, entry)
    assert not is_about(said("KB9000008"), held, entry)
    assert is_about(said("KB9000008"), update(SU), Entry("1", "x"))


def test_what_was_told_is_noted_once_and_found_again() -> None:
    made = compose_event(
        update(SU, package()), Kind.PULLED, NOV, summary=Summary("It was pulled.")
    )
    held = establish_by_event(update(SU), PULLED, made)
    assert established_by(held, PULLED) == made.id
    assert (
        established_by(establish(held, replace(PULLED, event="other")), PULLED)
        == made.id
    )
    assert established_by(held, BACK) is None
    assert established_by(establish(held, BACK), BACK) == ""
    assert held.last == "PULLED, 12 November 2030: It was pulled."
    assert last_event(held, Kind.PULLED) == made.id
    assert last_event(held, Kind.RELEASED) == ""


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
    assert take_over_advisories(alone, ledger) == alone
    assert ledger.absorptions == ()


def test_a_row_covers_a_product_by_its_current_packages_and_holds_those_of_any_version() -> (
    None
):
    held = update(
        SU, package(CU14, OLD_KB), package(CU13, NEW_KB, version=2), version=2
    )
    assert covers_product(held, Package(CU13))
    assert not covers_product(held, Package(CU14))
    assert holds_package(held, package(CU14, OLD_KB))
    assert not holds_package(held, package(CU14, NEW_KB))
    assert kb_articles(held.packages) == (OLD_KB, NEW_KB)
