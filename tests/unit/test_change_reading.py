"""What one change says."""

from __future__ import annotations

import pytest

from tests.unit.builders import (
    BACK,
    CU13,
    CU14,
    NEW_KB,
    NOV,
    OLD_KB,
    PAUSED,
    advisory,
    change,
    days,
    fact,
    package,
    post,
    revision,
    row,
)
from watcher.judgement.change_reading import (
    PackageChange,
    history_of,
    read_change,
)
from watcher.judgement.packages import build_grew, same_package
from watcher.records import Entry, Kind, Package, Passage


def test_what_a_record_offers_at_first_sight_is_fresh() -> None:
    offered = (package(CU14), package(CU13))
    found = fact(None, advisory("CVE-2030-0001", *offered))
    assert (found.new_packages, found.lost_packages, found.changed_packages) == (
        offered,
        (),
        (),
    )


def test_another_kb_article_is_a_fresh_package_and_the_old_one_is_gone() -> None:
    found = fact(
        advisory("CVE-2030-0001", package(kb=OLD_KB)),
        advisory("CVE-2030-0001", package(kb=NEW_KB)),
    )
    assert (found.new_packages, found.lost_packages) == (
        (package(kb=NEW_KB),),
        (package(kb=OLD_KB),),
    )


def test_another_build_of_one_article_is_a_changed_package_neither_new_nor_lost() -> (
    None
):
    old, new = package(build="15.2.1544.13"), package(build="15.2.1544.14")
    found = fact(advisory("CVE-2030-0001", old), advisory("CVE-2030-0001", new))
    assert (found.new_packages, found.lost_packages, found.changed_packages) == (
        (),
        (),
        (PackageChange(old, new),),
    )


def test_two_files_of_one_product_that_both_change_pair_with_nothing() -> None:
    old = (package(file="a.msp"), package(file="b.msp"))
    new = (package(file="c.msp"),)
    found = fact(advisory("CVE-2030-0001", *old), advisory("CVE-2030-0001", *new))
    assert (found.new_packages, found.lost_packages, found.changed_packages) == (
        new,
        old,
        (),
    )


def test_a_build_that_comes_later_to_an_article_is_the_same_package() -> None:
    found = fact(
        advisory("CVE-2030-0001", package()),
        advisory("CVE-2030-0001", package(build="15.2.1544.13")),
    )
    assert (found.new_packages, found.lost_packages, found.changed_packages) == (
        (),
        (),
        (),
    )


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Package(CU14, "KB9000001"), True),
        (Package(CU14, "", "15.2.1544.13"), True),
        (Package(CU13, "KB9000001", "15.2.1544.13"), False),
        (Package(CU14, "KB9000002", "15.2.1544.13"), False),
        (Package(CU14, "KB9000001", "15.2.1544.14"), False),
        (Package(CU14, "KB9000001", "15.2.1544.13", file="b.exe"), False),
        (Package(CU14, "KB9000001", "15.2.1544.13", file="a.exe", size=3), False),
        (Package(CU14), False),
    ],
)
def test_packages_are_one_by_all_that_both_name(other: Package, *, same: bool) -> None:
    one = Package(CU14, "KB9000001", "15.2.1544.13", file="a.exe", size=2)
    assert same_package(one, other) is same
    assert same_package(other, one) is same


def test_only_sentences_that_are_new_are_read() -> None:
    old = revision("2.0", PAUSED)
    found = fact(
        advisory(passages=[old]), advisory(passages=[old, revision("3.0", BACK)])
    )
    assert [said.kind for said in found.statements] == [Kind.RE_RELEASED]
    assert (
        found.statements[0].passage,
        found.statements[0].sentence,
        found.statements[0].time,
    ) == (
        "revision 3.0",
        BACK,
        NOV,
    )
    assert found.says(Kind.RE_RELEASED)
    assert not found.says(Kind.PULLED)


def test_a_sources_language_tells_what_a_short_text_does_not() -> None:
    short = change(None, post("1", "Firmware 7.1.2: Download gestoppt."))
    assert read_change(short, "de").says(Kind.PULLED)
    assert not read_change(short, "en").says(Kind.PULLED)


def test_a_title_says_something_and_a_description_of_the_vulnerability_nothing() -> (
    None
):
    found = fact(
        None,
        post(
            "1", "Re-release of November 2030 Exchange Server Security Update packages"
        ),
    )
    assert found.says(Kind.RE_RELEASED)
    described = fact(None, advisory(passages=[Passage("description", PAUSED)]))
    assert (described.statements, described.new_passages) == (
        (),
        (Passage("title", "Spoofing"),),
    )


def test_what_goes_says_nothing_new() -> None:
    found = fact(
        advisory("CVE-2030-0001", package(), passages=[revision("2.0", PAUSED)]), None
    )
    assert (found.new_passages, found.statements, found.lost_packages) == (
        (),
        (),
        (package(),),
    )


@pytest.mark.parametrize(
    ("before", "after", "turned"),
    [
        (None, True, True),
        (False, True, True),
        (True, True, False),
        (True, False, False),
        (False, None, False),
    ],
)
def test_exploited_is_news_from_no_to_yes_only(
    before: bool | None, after: bool | None, turned: bool
) -> None:
    found = fact(
        advisory(exploited=before, disclosed=before),
        advisory(exploited=after, disclosed=after),
    )
    assert (found.exploited, found.disclosed) == (turned, turned)


@pytest.mark.parametrize(
    ("before", "after", "grew"),
    [
        ("15.2.1544.13", "15.2.1544.14", True),
        ("15.2.1544.9", "15.2.1544.13", True),
        ("15.2.1544.14", "15.2.1544.13", False),
        ("15.2.1544.13", "15.2.1545.14", False),
        ("15.2.1544.13", "15.2.1544", False),
        ("", "15.2.1544.14", False),
    ],
)
def test_a_re_release_raises_the_last_number_only(
    before: str, after: str, grew: bool
) -> None:
    assert build_grew(package(build=before), package(build=after)) is grew


def test_a_form_that_is_corrected_to_what_the_other_form_said_has_not_grown() -> None:
    before = package(build="15.2.1544.13", disputed="15.2.1544.14")
    assert not build_grew(before, package(build="15.2.1544.14"))
    assert build_grew(before, package(build="15.2.1544.15"))


def _history(*passages: Passage) -> str | None:
    said = history_of(Entry("k", "t", passages=passages))
    return said.kind.value if said else None


def test_a_history_of_revisions_ends_with_its_last_turn() -> None:
    pulled, back = (
        revision("2.0", PAUSED, NOV + days(2)),
        revision("3.0", BACK, NOV + days(15)),
    )
    assert _history(pulled) == "pulled"
    assert _history(pulled, back) == "re-released"
    assert _history(back, revision("4.0", PAUSED, NOV + days(20))) == "pulled"
    assert _history(revision("1.0", "Information published.")) is None


def test_revisions_outweigh_a_text_that_was_never_cleared() -> None:
    assert _history(Passage("faq", PAUSED), revision("3.0", BACK)) == "re-released"


def test_a_text_that_tells_of_pull_and_return_was_continued_after_the_return() -> None:
    assert _history(Passage("faq", BACK), Passage("faq", PAUSED)) == "re-released"
    assert _history(Passage("faq", PAUSED)) == "pulled"
    assert _history(Passage("description", PAUSED)) is None


def test_a_row_is_read_with_its_label() -> None:
    found = fact(None, row(f"{CU14} Nov30SUv2", "15.2.1544.14"))
    assert found.entry.label is not None
    assert found.entry.label.version == 2
