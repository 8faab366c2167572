"""What a mail says of an event in its reader's language."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from watcher.mail import samples
from watcher.records import Advisory, Before, Event, Kind
from watcher.text import story
from watcher.text.words import Form, Words, words_of

GERMAN, ENGLISH = words_of(None, "de"), words_of(None)


def event(kind: Kind = Kind.PULLED, phrase: str = "pulled", **changes: object) -> Event:
    return replace(samples.event(kind), phrase=phrase, **{"advisories": (), **changes})


def said(
    told: Event, words: Words = ENGLISH, earlier: Before | None = None
) -> story.Story:
    return story.story(told, Form(words, samples.NOW.tzinfo), (), earlier)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "english", "german"),
    [
        (
            event(Kind.RELEASED, "released"),
            "This update is available for Exchange Server 2030 CU2, Exchange Server 2030 CU1.",
            "Dieses Update ist verfügbar für Exchange Server 2030 CU2, Exchange Server 2030 CU1.",
        ),
        (
            event(
                Kind.RELEASED,
                "released",
                advisories=(
                    Advisory("CVE-2030-1", exploited=True),
                    Advisory("CVE-2030-2", disclosed=True),
                ),
            ),
            (
                "This update is available for Exchange Server 2030 CU2, Exchange "
                "Server 2030 CU1. Exploited in attacks already: CVE-2030-1."
            ),
            (
                "Dieses Update ist verfügbar für Exchange Server 2030 CU2, "
                "Exchange Server 2030 CU1. Schon ausgenutzt: CVE-2030-1."
            ),
        ),
        (
            event(
                Kind.ANNOUNCED,
                "announced",
                advisories=(Advisory("CVE-2030-2", disclosed=True),),
                update=replace(samples.event(Kind.ANNOUNCED).update, products=()),
            ),
            "This is published, and there is no update yet. Publicly known already: CVE-2030-2.",
            (
                "Dies ist veröffentlicht, und noch gibt es kein Update. Schon "
                "öffentlich bekannt: CVE-2030-2."
            ),
        ),
        (
            event(
                phrase="suspected-row",
                places=(("source", "exchange-builds"), ("titles", "CU2")),
            ),
            "This update may have been pulled. No longer listed at Exchange build numbers: CU2.",
            (
                "Dieses Update wurde vielleicht zurückgezogen. Nicht mehr "
                "aufgeführt bei Buildnummern von Exchange: CU2."
            ),
        ),
        (
            event(
                Kind.REVISED,
                "also-fixes",
                places=(("cves", "CVE-1, CVE-2, CVE-3, CVE-4, CVE-5"),),
            ),
            "This update also fixes CVE-1, CVE-2, CVE-3, CVE-4 and 1 more.",
            "Dieses Update behebt auch CVE-1, CVE-2, CVE-3, CVE-4 und noch 1.",
        ),
        (
            event(phrase="from-a-later-version"),
            "A sample of an event: pulled.",
            "A sample of an event: pulled.",
        ),
    ],
)
def test_a_fixed_sentence_is_said_in_the_readers_language(
    told: Event, english: str, german: str
) -> None:
    assert (said(told).said, said(told, GERMAN).said) == (english, german)


def test_what_the_title_says_is_not_said_again() -> None:
    title = samples.event(Kind.NEWS).update.title
    assert said(event(Kind.NEWS, "", summary=title)).said == ""


@pytest.mark.parametrize("told", [True, False])
def test_an_earlier_event_is_quoted_in_the_readers_language(told: bool) -> None:
    released = event(Kind.RELEASED, "released")
    story = said(event(), GERMAN, Before("sample-pulled", released, told))
    assert story.previous.startswith(
        "ERSCHIENEN, 14 Mai 2030: Dieses Update ist verfügbar"
    )
    assert story.remembered is told
