"""From a decided case to an event."""

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
    days,
    fact,
    issue,
    package,
    revision,
    row,
    update,
)
from watcher.judgement.advice import MOST_SENTENCES, new_guidance
from watcher.judgement.event import (
    EXCERPT,
    Summary,
    channels_named,
    compose_event,
    deciding_words,
    event_id,
    excerpt,
    join_events,
    quote_evidence,
    unique_evidence,
    update_reference,
)
from watcher.judgement.ledger import merge_advisories
from watcher.judgement.summary import (
    exploited_summary,
    first_summary,
    known_issue_summary,
    product_list,
    pulled_summary,
    re_released_summary,
    restored_summary,
    revised_summary,
    suspected_summary,
    title_with_articles,
)
from watcher.records import (
    Advisory,
    Confidence,
    Entry,
    Evidence,
    Kind,
    Package,
    Passage,
    State,
)

HELD = update(
    SU, package(CU14, OLD_KB, "15.2.1544.13"), package(CU13, OLD_KB, "15.2.1258.38")
)


def test_the_same_history_gives_the_same_id_and_anything_else_another() -> None:
    one = event_id(SU, Kind.PULLED, Confidence.CONFIRMED, 1, NOV)
    assert one == event_id(SU, Kind.PULLED, Confidence.CONFIRMED, 1, NOV)
    others = {
        event_id("x", Kind.PULLED, Confidence.CONFIRMED, 1, NOV),
        event_id(SU, Kind.REVISED, Confidence.CONFIRMED, 1, NOV),
        event_id(SU, Kind.PULLED, Confidence.SUSPECTED, 1, NOV),
        event_id(SU, Kind.PULLED, Confidence.CONFIRMED, 2, NOV),
        event_id(SU, Kind.PULLED, Confidence.CONFIRMED, 1, NOV + days(1)),
        event_id(SU, Kind.PULLED, Confidence.CONFIRMED, 1, NOV, "x"),
    }
    assert len(others - {one}) == 6


def test_an_event_shows_the_packages_of_the_current_version_newest_build_first() -> (
    None
):
    held = replace(
        HELD,
        version=2,
        packages=(
            *HELD.packages,
            package(CU14, NEW_KB, "15.2.1544.14", version=2),
            package(CU23, NEW_KB, "", version=2),
        ),
    )
    event = compose_event(held, Kind.RE_RELEASED, NOV, summary=Summary("x"))
    assert (event.update.kbs, event.update.builds, event.update.products) == (
        (NEW_KB,),
        ("15.2.1544.14",),
        (CU23, CU14),
    )
    assert [p.product for p in event.packages] == [CU14, CU23]


def test_builds_are_in_the_order_of_their_numbers() -> None:
    assert update_reference(
        update(SU, package(build="15.2.1544.13"), package(CU13, build="15.2.1544.9"))
    ).builds == ("15.2.1544.9", "15.2.1544.13")


def test_an_update_without_packages_shows_the_articles_and_products_that_were_named() -> (
    None
):
    shown = update_reference(update(SU, kbs=("KB9000009",), products=(CU14,)))
    assert (shown.kbs, shown.products) == (("KB9000009",), (CU14,))


def test_the_deciding_words_are_quoted_with_what_changed() -> None:
    paused = fact(
        advisory(), advisory(passages=[revision("2.0", f"Nothing. {PAUSED}")])
    )
    (piece,) = quote_evidence(paused, paused.statements)
    assert (piece.change, piece.before, piece.after) == ("modified", "", PAUSED)
    swapped = fact(
        advisory("CVE-2030-0001", package(kb=OLD_KB)),
        advisory("CVE-2030-0001", package(kb=NEW_KB), passages=[revision("3.0", BACK)]),
    )
    words, packages = quote_evidence(swapped, swapped.statements)
    assert words.after == BACK
    assert (packages.before, packages.after) == (f"{CU14} {OLD_KB}", f"{CU14} {NEW_KB}")


def test_without_deciding_words_the_new_ones_else_the_entry_itself_are_quoted() -> None:
    (piece,) = quote_evidence(
        fact(advisory(), advisory(passages=[Passage("faq", "Restart twice.")]))
    )
    assert piece.after == "Restart twice."
    (piece,) = quote_evidence(fact(advisory(), replace(advisory(), severity="Low")))
    assert (piece.before, piece.after) == ("Spoofing", "Spoofing")
    (piece,) = quote_evidence(fact(row(f"{CU14} Nov30SU", "15.2.1544.13"), None))
    assert (piece.change, piece.before, piece.after) == (
        "removed",
        f"{CU14} Nov30SU: {CU14} 15.2.1544.13",
        "",
    )
    (piece,) = quote_evidence(fact(None, issue("1")))
    assert (piece.change, piece.after) == ("added", "Mail stops.")


def test_evidence_links_the_entry_else_the_document() -> None:
    (piece,) = quote_evidence(fact(None, Entry("1", "x")))
    assert piece.url == "https://msrc.example.org/"
    (piece,) = quote_evidence(fact(None, Entry("1", "x", "https://example.org/1")))
    assert piece.url == "https://example.org/1"


def test_a_quote_of_bearable_length() -> None:
    assert excerpt("a  b") == "a b"
    long = excerpt("word " * 200)
    assert len(long) <= EXCERPT
    assert long.endswith("…")


def test_six_advisories_that_say_the_same_quote_it_once() -> None:
    one = Evidence("msrc", "https://a", NOV, "0", "added", "", "x")
    assert unique_evidence(
        [one, replace(one, url="https://b"), replace(one, after="y")]
    ) == (one, replace(one, after="y"))


@pytest.mark.parametrize(
    ("sentence", "channels"),
    [
        (
            "It is gone from the Download Center and from Windows Update.",
            ("download-center", "windows-update"),
        ),
        ("Removed from the Microsoft Update Catalog.", ("update-catalog",)),
        ("WSUS no longer offers it.", ("wsus",)),
        ("The update was paused.", ()),
    ],
)
def test_the_scope_is_the_channels_that_are_named(
    sentence: str, channels: tuple[str, ...]
) -> None:
    assert channels_named([sentence]) == channels


def test_an_events_scope_is_read_from_the_sentences_of_its_kind_unless_it_is_given() -> (
    None
):
    text = (
        "We have temporarily paused the rollout of this update through Windows Update."
    )
    paused = fact(advisory(), advisory(passages=[revision("2.0", text)]))
    assert compose_event(
        HELD, Kind.PULLED, NOV, summary=Summary("x"), readings=[paused]
    ).scope == ("windows-update",)
    assert (
        compose_event(
            HELD, Kind.REVISED, NOV, summary=Summary("x"), readings=[paused]
        ).scope
        == ()
    )
    assert compose_event(
        HELD,
        Kind.PULLED,
        NOV,
        summary=Summary("x"),
        readings=[paused],
        scope=("wsus",),
    ).scope == ("wsus",)


def test_guidance_is_the_vendors_new_words_without_what_every_record_says() -> None:
    passages = [
        revision("1.0", "Information published."),
        Passage("faq", "Why is this CVE here?\nInstall it.\nInstall it."),
        Passage("cause", "A bug."),
    ]
    assert new_guidance([fact(None, advisory(passages=passages))]) == ("Install it.",)
    many = [Passage("faq", "\n".join(f"Step {n}." for n in range(30)))]
    assert len(new_guidance([fact(None, advisory(passages=many))])) == MOST_SENTENCES


def test_what_is_said_of_an_advisory_adds_up_and_yes_stays_yes() -> None:
    known = update(
        SU,
        advisories=(
            Advisory(
                "CVE-2030-0001",
                "Spoofing",
                "Critical",
                8.1,
                "AV:N",
                exploited=True,
                url="https://a",
            ),
        ),
    )
    told = Entry(
        "CVE-2030-0001",
        "CVE-2030-0001",
        cves=("CVE-2030-0001",),
        disclosed=True,
        exploited=False,
    )
    (held,) = merge_advisories(known, [told])
    assert held == Advisory(
        "CVE-2030-0001",
        "Spoofing",
        "Critical",
        8.1,
        "AV:N",
        exploited=True,
        disclosed=True,
        url="https://a",
    )
    better = replace(
        told,
        title="Better title",
        severity="Low",
        cvss=1.0,
        vector="AV:L",
        url="https://b",
    )
    (held,) = merge_advisories(known, [better])
    assert (held.title, held.severity, held.cvss, held.vector, held.url) == (
        "Better title",
        "Low",
        1.0,
        "AV:L",
        "https://b",
    )


def test_a_post_about_several_advisories_gives_none_of_them_its_title() -> None:
    post = Entry(
        "b1",
        "Two bugs",
        "https://blog",
        cves=("CVE-2030-0001", "CVE-2030-0002"),
        exploited=True,
    )
    assert [
        (a.title, a.url, a.exploited) for a in merge_advisories(update(SU), [post])
    ] == [("", "", False)] * 2


def test_a_title_names_the_articles_that_it_does_not_name_itself() -> None:
    assert title_with_articles(HELD) == f"Exchange Server November 2030 SU ({OLD_KB})"
    assert (
        title_with_articles(replace(HELD, title=f"Windows {OLD_KB}"))
        == f"Windows {OLD_KB}"
    )
    many = update(SU, *(package(f"P{n}", f"KB900001{n}") for n in range(6)))
    assert title_with_articles(many).endswith(
        "(KB9000010, KB9000011, KB9000012, KB9000013, …)"
    )
    assert product_list([f"P{n}" for n in range(6)]) == "P0, P1, P2, P3 and 2 more"


def test_one_event_for_what_two_updates_say_alike() -> None:
    other = update(
        "windows-kb5990617",
        Package("Windows Server 2019", "KB5990617", "10.0.1.9"),
        title="Windows KB5990617",
    )
    one, two = (
        compose_event(held, Kind.EXPLOITED, NOV, summary=Summary("x"))
        for held in (HELD, other)
    )
    both = join_events(one, two)
    assert both.id == one.id
    assert both.update.kbs == ("KB5990617", OLD_KB)
    assert both.update.builds == ("10.0.1.9", "15.2.1258.38", "15.2.1544.13")
    assert len(both.packages) == 3


def test_the_sentences_of_each_kind() -> None:
    v2 = update(SU, package(CU14, NEW_KB, version=2), version=2)
    assert pulled_summary(HELD).text.startswith(
        f"Exchange Server November 2030 SU ({OLD_KB}) was pulled"
    )
    assert first_summary(HELD, Kind.PULLED) == pulled_summary(HELD)
    assert re_released_summary(v2).text == (
        f"Exchange Server November 2030 SU is back as v2 ({NEW_KB}) for "
        f"{CU14}. Install it in place of the version before."
    )
    assert first_summary(v2, Kind.RE_RELEASED) == re_released_summary(v2)
    assert first_summary(HELD, Kind.REVISED).text.endswith(
        f"is listed now, with an earlier date for {CU13}, {CU14}."
    )
    doubted = suspected_summary(
        HELD, "exchange-builds", ["CU14", "CU13"], row_gone=True
    )
    assert doubted.text.endswith(
        "may have been pulled: its rows are gone at exchange-builds: CU13, "
        "CU14. The vendor has not said so."
    )
    assert (doubted.key, doubted.places) == (
        "suspected-row",
        (("source", "exchange-builds"), ("titles", "CU13, CU14")),
    )
    assert (
        "its page says that it is gone at"
        in suspected_summary(HELD, "download-center", ["CU14"], row_gone=False).text
    )
    assert (
        "its pages say that they are gone at"
        in suspected_summary(
            HELD, "download-center", ["CU14", "CU13"], row_gone=False
        ).text
    )
    assert "is offered after all" in restored_summary(HELD).text
    assert (
        revised_summary(HELD, []).text
        == f"What the vendor says of Exchange Server November 2030 SU ({OLD_KB}) has changed."
    )
    made = update(
        "exchange-server-2019-cu15",
        package("Exchange Server 2019 CU15", ""),
        title="Exchange Server 2019 CU15",
        type="CU",
    )
    assert (
        first_summary(made, Kind.RELEASED).text
        == "Exchange Server 2019 CU15 is available."
    )
    alone = update(
        "cve-2030-0001",
        type="advisory",
        title="CVE-2030-0001",
        state=State.ANNOUNCED,
        advisories=(Advisory("CVE-2030-0001"),),
    )
    assert (
        first_summary(alone, Kind.EXPLOITED).text
        == "CVE-2030-0001 is now exploited in attacks."
    )
    both = exploited_summary(HELD, ["CVE-2030-2", "CVE-2030-1"], exploited=True).text
    assert both == (
        "CVE-2030-1, CVE-2030-2 are now exploited in attacks; Exchange "
        f"Server November 2030 SU ({OLD_KB}) fixes them."
    )
    four = replace(
        HELD,
        advisories=tuple(Advisory(f"CVE-2030-{n}", exploited=True) for n in range(4)),
    )
    assert first_summary(four, Kind.RELEASED).text.endswith(
        " CVE-2030-0, CVE-2030-1, CVE-2030-2 and 1 more are exploited in attacks already."
    )
    silent = fact(
        issue("1", workaround="Wait."),
        replace(issue("1", workaround="Wait."), severity="x"),
    )
    assert known_issue_summary(HELD, [silent]).text.endswith("has a known issue.")


def test_the_rule_and_the_words_that_decided_are_named_once() -> None:
    twice = fact(
        None, advisory(passages=[revision("2.0", PAUSED), Passage("faq", PAUSED)])
    )
    assert len(twice.statements) >= 1
    assert (
        deciding_words([*twice.statements, *twice.statements])
        == "suspend: the vendor does it: “paused the rollout of this update”"
    )
