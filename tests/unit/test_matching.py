"""Which update a fact is about."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.builders import (
    BACK,
    CU13,
    CU14,
    CU23,
    NEW_KB,
    NOV,
    OLD_KB,
    PAUSED,
    SU,
    advisory,
    after,
    change,
    days,
    issue,
    kinds,
    package,
    post,
    revision,
    row,
    tell,
    update,
)
from watcher.records import Absorption, Advisory, Entry, Label, Outcome, Package, State

SERVER = "Windows Server 2019"


def told(outcome: Outcome) -> list[tuple[str, str]]:
    return [(event.kind.value, event.update.id) for event in outcome.events]


def loud(outcome: Outcome) -> list[tuple[str, str]]:
    return [(kind, identity) for kind, identity in told(outcome) if kind != "revised"]


def test_fixes_of_one_family_first_seen_at_one_check_are_one_update_though_their_articles_differ() -> (
    None
):
    outcome = tell(
        change(
            None,
            advisory("CVE-2030-0001", package(CU14, OLD_KB), package(CU23, NEW_KB)),
        ),
        change(None, advisory("CVE-2030-0002", package(CU13, NEW_KB))),
    )
    assert told(outcome) == [("released", SU)]
    (event,) = outcome.events
    assert event.update.kbs == (OLD_KB, NEW_KB)
    assert event.update.products == tuple(sorted((CU13, CU14, CU23)))
    assert event.update.cves == ("CVE-2030-0001", "CVE-2030-0002")


def test_elsewhere_an_update_is_its_article() -> None:
    outcome = tell(
        change(
            None,
            advisory(
                "CVE-2030-0001",
                Package(SERVER, "KB5990617"),
                Package("Windows Server 2022", "KB5990618"),
            ),
        )
    )
    assert told(outcome) == [
        ("released", "windows-kb5990617"),
        ("released", "windows-kb5990618"),
    ]


def test_a_month_has_a_hotfix_update_and_a_security_update() -> None:
    outcome = tell(
        change(None, row(f"{CU14} Nov30SU", "15.2.1544.13", OLD_KB), source="builds"),
        change(None, row(f"{CU14} Nov30HU", "15.2.1544.20", NEW_KB), source="builds"),
    )
    assert told(outcome) == [
        ("released", "exchange-server-2030-11-hu"),
        ("released", SU),
    ]


def test_cumulative_updates_of_one_date_are_one_and_another_date_is_another() -> None:
    one, two = (
        row("Exchange Server 2019 CU15", "15.2.1748.10"),
        row("Exchange Server 2016 CU24", "15.1.2600.7"),
    )
    assert told(tell(change(None, one), change(None, two))) == [
        ("released", "exchange-server-2030-11-cu")
    ]
    apart = tell(change(None, one), change(None, replace(two, published=NOV + days(1))))
    assert told(apart) == [
        ("released", "exchange-server-2016-cu24"),
        ("released", "exchange-server-2019-cu15"),
    ]


def test_a_second_row_of_a_known_cumulative_update_is_no_release() -> None:
    known = after(tell(change(None, row("Exchange Server 2019 CU15", "15.2.1748.10"))))
    again = row("Exchange Server 2019 CU15", "15.2.1748.10", "KB9000009", key="again")
    assert told(tell(change(None, again, time=NOV + days(1)), known=known)) == []


def test_a_table_that_links_a_wrong_article_is_believed_by_its_label_unless_the_build_agrees() -> (
    None
):
    october = update(
        "exchange-server-2030-10-su",
        package(kb=OLD_KB, build="15.2.1544.9"),
        month="2030-10",
        names=("label:exchange server/2030-10/su",),
    )
    wrong_link = tell(
        change(None, row(f"{CU14} Nov30SU", "15.2.1544.13", OLD_KB)), known=[october]
    )
    assert told(wrong_link) == [("released", SU)]
    same_build = tell(
        change(None, row(f"{CU14} Nov30SU", "15.2.1544.9", OLD_KB)), known=[october]
    )
    assert SU not in [identity for _, identity in told(same_build)]


def test_a_build_that_is_known_under_another_article_is_not_the_same_update() -> None:
    known = update(
        "windows-kb5990617",
        Package(SERVER, "KB5990617", "10.0.17763.1"),
        month="",
        family="Windows",
        type="update",
    )
    (event,) = tell(
        change(
            None,
            advisory("CVE-2030-0002", Package(SERVER, "KB5990618", "10.0.17763.1")),
        ),
        known=[known],
    ).events
    assert event.update.id == "windows-kb5990618"
    same = tell(
        change(None, advisory("CVE-2030-0002", Package(SERVER, "", "10.0.17763.1"))),
        known=[known],
    )
    assert [held.id for held in same.updates] == ["windows-kb5990617"]


def test_an_unlabelled_article_soon_after_a_release_is_a_further_one_for_a_product_not_covered() -> (
    None
):
    known = [
        update(SU, package(CU14, OLD_KB), names=("label:exchange server/2030-11/su",))
    ]
    further = tell(
        change(
            None, advisory("CVE-2030-0002", package(CU23, NEW_KB)), time=NOV + days(3)
        ),
        known=known,
    )
    assert told(further) == [("released", SU)]
    read_late = tell(
        change(
            None, advisory("CVE-2030-0002", package(CU23, NEW_KB)), time=NOV + days(9)
        ),
        known=known,
    )
    assert told(read_late) == [("released", SU)]
    late = tell(
        change(
            None,
            advisory("CVE-2030-0002", package(CU23, NEW_KB), published=NOV + days(9)),
            time=NOV + days(9),
        ),
        known=known,
    )
    # Nine days after Patch Tuesday a date names no month
    assert told(late) == [("released", "exchange-server-2030-11-21")]
    covered = tell(
        change(
            None, advisory("CVE-2030-0002", package(CU14, NEW_KB)), time=NOV + days(3)
        ),
        known=known,
    )
    assert told(covered) == [("released", f"exchange-server-{NEW_KB.lower()}")]


def test_the_same_lone_article_again_is_the_same_update() -> None:
    outcome = tell(
        change(None, advisory("CVE-2030-0001", Package("Edge", "", ""))),
        change(None, advisory("CVE-2030-0002", Package("Edge", "", ""))),
    )
    assert told(outcome) == [("released", "edge-2030-11")]


def test_an_update_of_no_article_whose_id_is_taken_gets_a_number() -> None:
    taken = update(SU, package(CU14, "KB9000009"), month="2030-11")
    outcome = tell(
        change(None, row(f"{CU13} Nov30SU", "15.2.1258.38", OLD_KB)), known=[taken]
    )
    assert told(outcome) == [("released", f"{SU}-2")]


def test_a_rollup_meets_its_record_by_product_and_month() -> None:
    record = advisory(
        "CVE-2030-0001", Package("Exchange Server 2010 SP3 RU32", "KB9000005")
    )
    known = after(tell(change(None, record)))
    rollup = row("Update Rollup 32 for Exchange Server 2010 SP3", "14.3.513.0", "")
    outcome = tell(
        change(None, rollup, time=NOV + days(1), source="builds"), known=known
    )
    # What was told under the month is the rollup's, which the row names
    assert told(outcome) == []
    assert [held.id for held in outcome.updates] == ["exchange-server-2010-sp3-ru32"]
    assert outcome.absorbed == (Absorption(SU, "exchange-server-2010-sp3-ru32"),)
    elsewhere = replace(rollup, published=NOV + days(30))
    assert told(tell(change(None, elsewhere, time=NOV + days(31)), known=known)) == [
        ("released", "exchange-server-2010-sp3-ru32")
    ]
    built = after(
        tell(
            change(
                None,
                replace(
                    record, packages=(replace(record.packages[0], build="14.3.500.0"),)
                ),
            )
        )
    )
    assert told(tell(change(None, rollup, time=NOV + days(1)), known=built)) == [
        ("released", "exchange-server-2010-sp3-ru32")
    ]


@pytest.mark.parametrize("state", [State.RELEASED, State.PULLED])
def test_an_article_that_replaces_another_in_its_month_is_the_next_version(
    state: State,
) -> None:
    old, new = (
        advisory("CVE-2030-0001", package(kb=OLD_KB)),
        advisory("CVE-2030-0001", package(kb=NEW_KB)),
    )
    outcome = tell(
        change(old, new, time=NOV + days(15)),
        known=[update(SU, package(kb=OLD_KB), state=state)],
    )
    assert told(outcome) == [("re-released", SU)]
    assert kinds(outcome) == ["re-released 2"]
    assert outcome.events[0].update.kbs == (NEW_KB,)


def test_an_article_of_another_month_is_another_update() -> None:
    old, new = (
        advisory("CVE-2030-0001", package(kb=OLD_KB)),
        advisory("CVE-2030-0001", package(kb=NEW_KB), updated=NOV + days(28)),
    )
    outcome = tell(
        change(old, new, time=NOV + days(28)),
        known=[
            update(SU, package(kb=OLD_KB), names=("label:exchange server/2030-11/su",))
        ],
    )
    # December's, or November's next version: no source has named it yet
    assert loud(outcome) == [("released", "exchange-server-2030-12-10")]


def test_an_article_of_no_month_is_replaced_by_the_vendors_words_only() -> None:
    known = [
        update(
            "windows-kb5990617",
            Package(SERVER, "KB5990617"),
            month="",
            family="Windows",
            type="update",
        )
    ]
    old = advisory("CVE-2030-0001", Package(SERVER, "KB5990617"))
    new = advisory("CVE-2030-0001", Package(SERVER, "KB5990618"))
    assert loud(tell(change(old, new, time=NOV + days(1)), known=known)) == [
        ("released", "windows-kb5990618")
    ]
    spoken = replace(
        new,
        passages=(
            revision(
                "2.0", "Microsoft has re-released this security update as KB5990618."
            ),
        ),
    )
    assert told(tell(change(old, spoken, time=NOV + days(1)), known=known)) == [
        ("re-released", "windows-kb5990617")
    ]


def test_a_replacement_for_another_product_or_of_an_unknown_package_is_its_own() -> (
    None
):
    new = advisory("CVE-2030-0001", package(CU13, NEW_KB))
    old = advisory("CVE-2030-0001", package(CU14, OLD_KB))
    known = [
        update(
            SU,
            package(CU14, OLD_KB),
            state=State.PULLED,
            names=("label:exchange server/2030-11/su",),
        )
    ]
    assert "re-released" not in [
        kind
        for kind, _ in told(tell(change(old, new, time=NOV + days(1)), known=known))
    ]
    assert told(
        tell(
            change(
                old,
                advisory("CVE-2030-0001", package(CU14, NEW_KB)),
                time=NOV + days(1),
            )
        )
    ) == [("released", SU)]


def test_a_row_of_another_month_never_succeeds() -> None:
    held = update(
        SU,
        package(kb=OLD_KB, build="15.2.1544.13"),
        state=State.PULLED,
        names=("label:exchange server/2030-11/su",),
    )
    old, new = (
        row(f"{CU14} Nov30SU", "15.2.1544.13", OLD_KB),
        row(f"{CU14} Dec30SU", "15.2.1544.20", NEW_KB),
    )
    outcome = tell(
        change(old, replace(new, published=NOV + days(28)), time=NOV + days(28)),
        known=[held],
    )
    assert loud(outcome) == [("released", "exchange-server-2030-12-su")]


def test_words_are_about_the_update_of_their_label_article_or_cve_in_that_order() -> (
    None
):
    by_label = update(
        SU, package(kb=OLD_KB), names=("label:exchange server/2030-11/su",)
    )
    by_article = update("other", package(kb="KB9000007"), month="2030-10")
    by_cve = update(
        "third",
        package(kb="KB9000008"),
        month="2030-09",
        advisories=(Advisory("CVE-2030-0009"),),
    )
    known = [by_label, by_article, by_cve]
    text = "We have temporarily paused the rollout of this update."
    entry = Entry("1", "A title", kbs=("KB9000007",), cves=("CVE-2030-0009",))
    cases = {
        SU: post(
            "1",
            "November 2030 Exchange Server Security Updates",
            text,
            kbs=("KB9000007",),
        ),
        "other": replace(post("1", "A title", text), kbs=entry.kbs, cves=entry.cves),
        "third": replace(post("1", "A title", text), cves=entry.cves),
    }
    for identity, said in cases.items():
        before = replace(said, passages=())
        assert [
            held.id
            for held in tell(
                change(before, said, time=NOV + days(2)), known=known
            ).updates
        ] == [identity]


def test_a_post_may_name_an_update_before_any_table_does() -> None:
    title = "Released: November 2030 Exchange Server Security Updates"
    outcome = tell(
        change(
            None,
            post(
                "1",
                title,
                "We released Security Updates for vulnerabilities found in Exchange Server 2019.",
            ),
        )
    )
    assert told(outcome) == [("released", SU)]
    cumulative = tell(
        change(
            None,
            post(
                "2",
                "Released: Exchange Server 2019 CU15",
                "Today we released CU15 for Exchange Server 2019.",
            ),
        )
    )
    assert [identity for _, identity in told(cumulative)] == [
        "exchange-server-2019-cu15"
    ]
    silent = tell(
        change(
            None,
            post(
                "3",
                "Thoughts on the November 2030 Exchange Server Security Updates",
                "We like them.",
            ),
        )
    )
    assert SU not in [identity for _, identity in told(silent)]


def test_a_label_that_names_no_update_founds_none() -> None:
    bare = post(
        "1", "A rollup", BACK, label=Label("Exchange Server", "", "RU", version=2)
    )
    assert [kind for kind, _ in told(tell(change(None, bare)))] == ["news"]


def test_a_cumulative_update_joins_the_one_of_its_date_when_both_are_in_one_check() -> (
    None
):
    one, two = (
        row("Exchange Server 2019 CU15", "15.2.1748.10"),
        row("Exchange Server 2016 CU24", "15.1.2600.7"),
    )
    known = after(tell(change(None, one)))
    linked = replace(one, packages=(replace(one.packages[0], kb="KB9000009"),))
    outcome = tell(
        change(one, linked, time=NOV + days(1)),
        change(None, two, time=NOV + days(1)),
        known=known,
    )
    assert {identity for _, identity in told(outcome)} == {"exchange-server-2019-cu15"}


def test_advisories_without_update_of_one_family_at_one_check_are_one() -> None:
    one, two = (
        advisory(cve, products=(CU14,)) for cve in ("CVE-2030-0001", "CVE-2030-0002")
    )
    windows = advisory("CVE-2030-0003", products=(SERVER,))
    outcome = tell(change(None, one), change(None, two), change(None, windows))
    assert told(outcome) == [
        ("announced", "cve-2030-0001"),
        ("announced", "cve-2030-0003"),
    ]
    assert outcome.events[0].update.cves == ("CVE-2030-0001", "CVE-2030-0002")
    later = tell(
        change(None, advisory("CVE-2030-0004", products=(CU14,)), time=NOV + days(1)),
        known=outcome.updates,
    )
    assert told(later) == [("announced", "cve-2030-0004")]


def test_a_package_that_goes_is_about_the_update_that_had_it() -> None:
    two = advisory("CVE-2030-0001", package(CU14), package(CU13))
    known = [
        update(
            SU, package(CU14), package(CU13), advisories=(Advisory("CVE-2030-0001"),)
        )
    ]
    outcome = tell(
        change(two, replace(two, packages=(package(CU14),)), time=NOV + days(1)),
        known=known,
    )
    assert told(outcome) == [("revised", SU)]
    unknown = tell(change(two, replace(two, packages=()), time=NOV + days(1)))
    assert told(unknown) == []


def test_a_pull_in_a_record_of_two_updates_is_about_the_one_that_it_names() -> None:
    both = (package(CU14, OLD_KB), Package(SERVER, "KB5990617"))
    known = after(tell(change(None, advisory("CVE-2030-0001", *both))))
    paused = advisory(
        "CVE-2030-0001",
        *both,
        passages=[revision("2.0", f"KB5990617 is affected: {PAUSED}", NOV + days(2))],
    )
    assert len(known) == 2
    outcome = tell(
        change(advisory("CVE-2030-0001", *both), paused, time=NOV + days(2)),
        known=known,
    )
    assert "pulled" in [kind for kind, _ in told(outcome)]


def test_an_issue_is_about_its_label() -> None:
    known = [update(SU, package(), names=("label:exchange server/2030-11/su",))]
    outcome = tell(
        change(None, issue("1", label="Exchange Server Nov30SU"), source="issues"),
        known=known,
    )
    assert told(outcome) == [("known-issue", SU)]


def test_an_article_that_the_vendor_names_as_the_return_of_a_pulled_one_is_its_next_version() -> (
    None
):
    known = [
        update(
            "windows-kb5990617",
            Package(SERVER, "KB5990617"),
            month="",
            family="Windows",
            type="update",
            state=State.PULLED,
        )
    ]
    words = (
        "Microsoft has re-released KB5990617 as KB5990618 to resolve the known issue."
    )
    spoken = advisory(
        "CVE-2030-0002", Package(SERVER, "KB5990618"), passages=[revision("2.0", words)]
    )
    outcome = tell(
        change(advisory("CVE-2030-0002"), spoken, time=NOV + days(9)), known=known
    )
    assert loud(outcome) == [("re-released", "windows-kb5990617")]
    elsewhere = replace(spoken, packages=(Package("Windows Server 2022", "KB5990618"),))
    assert ("released", "windows-kb5990618") in loud(
        tell(
            change(advisory("CVE-2030-0002"), elsewhere, time=NOV + days(9)),
            known=known,
        )
    )
