"""A letter as its templates see it: cleaned, bounded, in the order in which it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import fields, replace

from watcher.errors import ConfigurationError
from watcher.mail import samples, welcome
from watcher.records import (
    Advisory,
    Confidence,
    Event,
    Evidence,
    Kind,
    Letter,
    Package,
    Source,
    State,
    Subscriber,
    Unread,
    Update,
    UpdateRef,
)
from watcher.text import story, templates
from watcher.text.words import Form, Words

NOW = datetime(2030, 5, 14, 22, 30, tzinfo=UTC)


class Loud(dict[str, str]):
    """A table that has every word: its own key, and the places it is filled with."""

    def __missing__(self, key: str) -> str:
        return {"more": "and {count} more"}.get(key, f"<{key}>")

    def __contains__(self, key: object) -> bool:
        return True


TABLES = {
    name: Loud()
    for name in ("months", "vendor", "tag", "label", "advice", "note", "change")
} | {
    "scope": {"wsus": "WSUS"},
    "source": {"msrc-cvrf": "Microsoft Security Response Center"},
}
WORDS = Words("en", "en.toml", TABLES)
FORM = Form(WORDS, UTC)


def event(**changes: object) -> Event:
    return replace(samples.event(Kind.PULLED), **changes)


def proof(url: str = "", **changes: object) -> Evidence:
    return replace(
        Evidence("msrc-cvrf", url, NOW, "0" * 64, "added", "", "new"), **changes
    )


def test_times_are_the_readers_own() -> None:
    assert WORDS.moment(NOW, ZoneInfo("Europe/Berlin")) == "15 <5> 2030, 00:30 CEST"
    assert WORDS.day(None, UTC) == ""


@pytest.mark.parametrize(
    ("tables", "cause"),
    [
        ({}, "it is missing"),
        ({"note": {}}, "it is missing"),
        ({"note": {"a": "{other}"}}, "cannot be filled in"),
        ({"note": {"a": "{"}}, "cannot be filled in"),
    ],
)
def test_words_that_are_missing_or_wrong_are_named(
    tables: dict[str, dict[str, str]], cause: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"de\.toml: \[note\] a: .*{cause}"):
        Words("de", "de.toml", tables).say("note", "a", vendor="x")


def test_a_source_without_words_keeps_its_name() -> None:
    assert (WORDS.name("source", "msrc-cvrf"), WORDS.name("source", "mine")) == (
        "Microsoft Security Response Center",
        "mine",
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.msrc.microsoft.com/x", "Microsoft"),
        ("https://microsoft.github.io/CSS-Exchange/", "Microsoft"),
        ("https://microsoft.com.example.org/", ""),
        ("https://notmicrosoft.com/", ""),
        ("javascript:microsoft.com", ""),
    ],
)
def test_the_vendor_is_known_by_the_address_of_the_evidence(
    url: str, expected: str
) -> None:
    assert story.vendor_of([event(evidence=(proof(url),))]) == expected


def test_rows_show_the_newest_version_and_build_first() -> None:
    packages = tuple(
        Package(product, "KB1", build, version=version)
        for product, build, version in (
            ("A", "1.0.0.9", 1),
            ("B", "1.0.0.10", 2),
            ("C", "1.0.0.11", 2),
        )
    )
    told = story.story(event(packages=packages, update=UpdateRef("u", "U", 2)), FORM)
    assert [(row.product, row.note) for row in told.rows] == [
        ("C", ""),
        ("B", ""),
        ("A", "<old>"),
    ]


def test_the_same_package_from_two_sources_is_one_row() -> None:
    package = Package("A", "KB1", "1.0.0.9")
    assert len(story.story(event(packages=(package, package)), FORM).rows) == 1


def test_a_pulled_update_has_no_link_to_download_and_a_released_one_has() -> None:
    package = Package(
        "A", "KB9000001", "1.0.0.9", "https://downloads.example.org/1", esu=True
    )
    kinds = (Kind.PULLED, Kind.RELEASED)
    told = [
        story.story(event(kind=kind, packages=(package,)), FORM).rows[0]
        for kind in kinds
    ]
    assert (
        story.story(
            event(kind=Kind.KNOWN_ISSUE, packages=(package,), pulled=True), FORM
        )
        .rows[0]
        .url
        == ""
    )
    assert [(row.url, row.kb_url, row.note) for row in told] == [
        ("", "https://support.microsoft.com/help/9000001", "<esu>"),
        (
            "https://downloads.example.org/1",
            "https://support.microsoft.com/help/9000001",
            "<esu>",
        ),
    ]


def test_a_link_to_the_article_is_no_download() -> None:
    package = Package(
        "A", "KB9000001", "1.0.0.9", "https://support.microsoft.com/help/9000001"
    )
    assert (
        story.story(event(kind=Kind.RELEASED, packages=(package,)), FORM).rows[0].url
        == ""
    )


def test_products_without_packages_are_listed_without_columns() -> None:
    told = story.story(
        event(packages=(), update=UpdateRef("cve-1", "CVE-1", 1, ("A", "B"))), FORM
    )
    assert ([row.product for row in told.rows], told.packaged) == (["A", "B"], False)


def test_what_no_row_shows_is_listed_beside_the_table() -> None:
    told = story.story(
        event(
            update=UpdateRef(
                "u", "U", 1, (), ("KB9000001", "KB7"), (), ("15.4.1544.13", "1.2.3.4")
            )
        ),
        FORM,
    )
    assert (told.other_kbs, told.other_builds) == (
        (("KB7", "https://support.microsoft.com/help/7"),),
        ("1.2.3.4",),
    )


def test_a_name_that_is_no_number_has_no_article() -> None:
    assert (
        story.kb_url("KB1"),
        story.kb_url("Release Notes"),
        story.kb_url("KB１２"),
    ) == ("https://support.microsoft.com/help/1", "", "")


def test_exploited_vulnerabilities_come_first_then_the_gravest() -> None:
    flaws = (
        Advisory("CVE-1", cvss=9.8),
        Advisory("CVE-2", cvss=5.0, exploited=True),
        Advisory("CVE-3", disclosed=True),
        Advisory("CVE-4"),
    )
    told = story.story(event(advisories=flaws), FORM)
    assert [(flaw.id, flaw.score, flaw.status) for flaw in told.flaws] == [
        ("CVE-2", "5.0", "<exploited>"),
        ("CVE-3", "", "<disclosed>"),
        ("CVE-1", "9.8", "<not_exploited>"),
        ("CVE-4", "", "<not_exploited>"),
    ]


def test_evidence_is_quoted_with_source_time_and_a_safe_link() -> None:
    quoted = story.story(
        event(
            evidence=(
                proof("javascript:x", before="one\ntwo", after="", change="removed"),
            )
        ),
        FORM,
    ).quotes[0]
    assert (
        quoted.source,
        quoted.url,
        quoted.time,
        quoted.before,
        quoted.after,
        quoted.brief,
    ) == (
        "Microsoft Security Response Center",
        "",
        "14 <5> 2030, 22:30 UTC",
        ("one", "two"),
        (),
        "one two",
    )


def test_a_suspected_event_says_so() -> None:
    told = story.story(event(confidence=Confidence.SUSPECTED), FORM)
    assert (told.suspected, told.caution, told.tag, told.actions) == (
        True,
        "<suspected>",
        "<suspected> <pulled>",
        ("<hold>", "<hold-installed>"),
    )
    assert story.story(event(), FORM).caution == ""


def test_what_one_source_says_at_one_time_stands_under_one_heading() -> None:
    told = story.story(
        event(
            evidence=(
                proof(),
                proof(after="more"),
                proof(after="later", change="modified"),
            )
        ),
        FORM,
    )
    assert [quote.headed for quote in told.quotes] == [True, False, True]


def test_channels_are_named() -> None:
    assert (
        story.story(event(scope=("wsus", "elsewhere")), FORM).scope == "WSUS, elsewhere"
    )


def test_an_update_has_a_page_where_there_is_a_site() -> None:
    assert story.story(event(), FORM).page == ""
    assert (
        story.story(event(), replace(FORM, base_url="https://a.example.org/")).page
        == "https://a.example.org/updates/exchange-server-2030-05-su.html"
    )


def test_a_smaller_share_quotes_less_and_counts_what_is_left_out() -> None:
    many = event(
        evidence=tuple(proof(after="word " * 400) for _ in range(30)),
        packages=tuple(Package(f"P{n}", "KB1", f"1.0.0.{n}") for n in range(100)),
        advisories=tuple(Advisory(f"CVE-{n}") for n in range(100)),
    )
    whole, half = story.story(many, FORM), story.story(many, replace(FORM, share=0.5))
    assert (len(whole.rows), whole.more_rows, len(half.rows), half.more_rows) == (
        60,
        40,
        30,
        70,
    )
    assert (len(whole.quotes), whole.more_quotes, len(half.quotes)) == (10, 20, 5)
    assert (len(whole.flaws), whole.more_flaws, len(half.flaws)) == (40, 60, 20)


def test_every_text_of_a_source_is_one_harmless_line() -> None:
    evil = "line\r\nBcc: x\u202e\x00<b>" + "y" * 5000
    told = story.story(
        Event(
            evil,
            NOW,
            Kind.RELEASED,
            Confidence.CONFIRMED,
            UpdateRef(evil, evil, 1, (evil,), (evil,), (evil,), (evil,)),
            evil,
            (evil,),
            "",
            (Evidence(evil, evil, NOW, "", evil, evil, evil),),
            packages=(Package(evil, evil, evil, evil),),
            advisories=(Advisory(evil, evil, evil, 1.0, evil, url=evil),),
            guidance=(evil,),
            because=evil,
            previous=evil,
        ),
        FORM,
    )
    records: tuple[Any, ...] = (
        told,
        *told.rows,
        *told.quotes,
        *told.flaws,
        *told.sayings,
    )
    texts = [
        text
        for record in records
        for field in fields(record)
        for text in _texts(getattr(record, field.name))
    ]
    assert len(texts) >= 40
    assert [
        text
        for text in texts
        if len(text.splitlines()) > 1
        or "\u202e" in text
        or "\x00" in text
        or len(text) > 4000
    ] == []


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return (
        [text for item in value for text in _texts(item)]
        if isinstance(value, tuple)
        else []
    )


def test_a_list_in_a_sentence_is_cut_and_counted() -> None:
    assert (WORDS.series(["a", "b"], 2), WORDS.series(["a", "b", "c"], 2)) == (
        "a, b",
        "a, b and 1 more",
    )


# --- the welcome ----------------------------------------------------------------------


def update(**changes: object) -> Update:
    base = Update(
        "u",
        "U",
        "F",
        "SU",
        "",
        1,
        State.PULLED,
        NOW,
        NOW,
        NOW,
        packages=(Package("A", "KB1", "1.0.0.9"), Package("B", "KB1", "1.0.0.10")),
    )
    return replace(base, **changes)


def gone(told: Update, form: Form = FORM) -> welcome.Gone:
    return welcome.gone(Letter("welcome", Subscriber("s", ()), standing=(told,)), form)[
        0
    ]


def test_the_welcome_names_the_kb_articles_of_what_is_pulled() -> None:
    found = gone(update(), replace(FORM, base_url="https://a.example.org/"))
    assert found.kbs == (("KB1", "https://support.microsoft.com/help/1"),)
    assert found.rows == (("B", "1.0.0.10"), ("A", "1.0.0.9"))
    assert found.sources == ()
    assert gone(
        update(
            advisories=(
                Advisory("CVE-1", url="https://a.example.org/1"),
                Advisory("CVE-2"),
            )
        )
    ).sources == (("CVE-1", "https://a.example.org/1"),)
    assert (found.title, found.since, found.page) == (
        "U",
        "14 <5> 2030",
        "https://a.example.org/updates/u.html",
    )


def test_the_welcome_names_the_version_that_is_pulled() -> None:
    second = update(
        version=2,
        packages=(
            Package("A", "KB1", "1.0.0.9"),
            Package("A", "KB2", "1.0.0.10", version=2),
        ),
    )
    assert (gone(second).title, gone(second).kbs, gone(second).page) == (
        "U v2",
        (("KB2", "https://support.microsoft.com/help/2"),),
        "",
    )
    assert gone(replace(second, title="U v2")).title == "U v2"


def test_an_update_whose_packages_are_all_of_an_older_version_shows_those() -> None:
    assert gone(update(version=3)).rows == (("B", "1.0.0.10"), ("A", "1.0.0.9"))


def test_an_update_without_packages_shows_its_own_articles() -> None:
    assert gone(update(packages=(), kbs=("KB7",))).kbs == (
        ("KB7", "https://support.microsoft.com/help/7"),
    )


def test_the_welcome_says_where_products_stand() -> None:
    told = Letter(
        "welcome", Subscriber("s", ()), standing=(update(state=State.RELEASED),)
    )
    assert [
        (row.product, row.build, row.kb, row.update, row.released)
        for row in welcome.good(told, FORM, NOW)
    ] == [
        ("B", "1.0.0.10", "KB1", "U", "14 <5> 2030"),
        ("A", "1.0.0.9", "KB1", "U", "14 <5> 2030"),
    ]


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (timedelta(minutes=30), "30m"),
        (timedelta(minutes=90), "90m"),
        (timedelta(hours=6), "6h"),
        (timedelta(days=7), "7d"),
        (timedelta(seconds=1), "1m"),
    ],
)
def test_the_welcome_says_what_is_watched_and_how_often(
    every: timedelta, expected: str
) -> None:
    told = Letter(
        "welcome",
        Subscriber("s", ()),
        sources=(Source("msrc-cvrf", "cvrf", "https://example.org/", every),),
    )
    assert welcome.watched(told, FORM) == (
        welcome.Watched(
            "msrc-cvrf",
            "Microsoft Security Response Center",
            "https://example.org/",
            expected,
        ),
    )


def test_of_a_thousand_sources_the_welcome_lists_a_hundred_first_those_that_could_not_be_read() -> (
    None
):
    sources = tuple(
        Source(f"feed-{number}", "feed", "https://example.org/", timedelta(hours=1))
        for number in range(1000)
    )
    told = Letter(
        "welcome",
        Subscriber("s", ()),
        sources=sources,
        unread=(Unread("feed-998", "not found"),),
    )
    names = [source.name for source in welcome.watched(told, FORM)]
    assert names == ["feed-998", *(f"feed-{number}" for number in range(99))]


# --- the text part's columns ----------------------------------------------------------


def test_a_table_is_set_in_columns() -> None:
    rows = [
        welcome.Watched("a", "Title", "", "1h"),
        welcome.Watched("longer", "T", "", "30m"),
    ]
    assert (
        templates.table(("Name", "Every"), rows, ("name", "every"))
        == "  Name    Every\n  ------  -----\n  a       1h\n  longer  30m"
    )


def test_a_table_too_wide_is_set_one_below_the_other() -> None:
    rows = [welcome.Watched("x" * 80, "T", "", "1h"), welcome.Watched("y", "T", "", "")]
    assert (
        templates.table(("Name", "Every"), rows, ("name", "every"))
        == f"  {'x' * 80}\n    Every 1h\n  y"
    )


def test_wrapping_keeps_addresses_whole() -> None:
    url = "https://example.org/" + "a-b/" * 30
    assert url in templates.wrap(f"Read {url} now", "  ", "* ").split("\n")[1]


def test_each_address_is_named_once() -> None:
    rows = [
        welcome.Watched("a", "T", "https://example.org/", ""),
        welcome.Watched("a", "U", "https://example.org/", ""),
        welcome.Watched("b", "T", "", ""),
    ]
    assert templates.pairs(rows, "name", "url") == [("a", "https://example.org/")]
