"""One of a thing is never several: in every mail, in both languages, whatever the number is."""

from __future__ import annotations

import re
from datetime import UTC, timedelta
from html import unescape

import pytest
from msgspec.structs import replace

from tests.letters import SETTINGS, html_of
from watcher.judgement import delivery
from watcher.judgement.source_health import (
    OperatorNews,
    Problem,
    ProblemKey,
    ProblemKind,
)
from watcher.mail import operator, render, samples
from watcher.plural import counted
from watcher.records import Advisory, Delivery, DeliveryState, Kind, Letter, Package
from watcher.text.words import Form, words_of

SEVERAL = (
    *(
        "events",
        "things",
        "sources",
        "times",
        "days",
        "hours",
        "minutes",
        "updates",
        "products",
        "servers",
        "rows",
        "entries",
        "packages",
    ),
    *(
        "messages",
        "failures",
        "vulnerabilities",
        "Ereignisse",
        "Quellen",
        "Mal",
        "Tage",
        "Stunden",
        "Produkte",
        "Pakete",
        "weitere",
        "mehr",
    ),
)
ONE = re.compile(rf"(?<![\w.,:/-])1 (?:{'|'.join(SEVERAL)})\b")

EDGE = (1, 2, 0)


def of_one(number: int) -> tuple[Letter, ...]:
    """Give letters in which lists are longer than what is shown by ``number``."""
    event = samples.event(Kind.RELEASED)
    many = replace(
        event,
        packages=tuple(
            Package(f"Product {n}", f"KB900{n:04}", f"15.4.{n}.1")
            for n in range(60 + number)
        ),
        advisories=tuple(Advisory(f"CVE-2030-{n:05}") for n in range(40 + number)),
        evidence=event.evidence * 3 + event.evidence[:1] * (1 + number),
    )
    reader = samples.letters()[0].subscriber
    return (
        Letter("released", reader, (many,), many.update.id, many.update.id),
        Letter("digest", reader, (many,) * max(1, number)),
        Letter(
            "digest",
            reader,
            tuple(replace(event, id=f"e{n}") for n in range(40 + number)),
        ),
    )


def troubles(number: int, language: str) -> tuple[Letter, ...]:
    """Give the operator's letters with so many failures, of one source and of two."""
    form = Form(words_of(SETTINGS.templates, language), UTC)
    kinds = (ProblemKind.FAILS, ProblemKind.LAYOUT)
    found = [
        Problem(
            ProblemKey(kind, name),
            kind,
            name,
            count=number,
            detail="It answered 503.",
            cause="it answered 503",
        )
        for kind in kinds
        for name in ("a", "b")
    ]
    reader = samples.operator().subscriber
    all_news = [
        OperatorNews(new=tuple(new), over=(), open=())
        for new in (found[:1], found[2:3], found[:2], found[2:], found)
    ]
    return (
        *(operator.changed(reader, news, form) for news in all_news),
        operator.weekly(reader, (), found, form),
    )


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_mail_counts_one_thing_as_several(language: str) -> None:
    found = []
    for letter in (*of_one(1), *samples.letters(), *troubles(1, language)):
        reader = replace(letter.subscriber, language=language)
        message = render.message(
            replace(letter, subscriber=reader), SETTINGS, samples.NOW
        )
        text = unescape(
            re.sub(
                r"<style.*?</style>|<[^>]+>",
                " ",
                html_of(replace(letter, subscriber=reader)),
                flags=re.DOTALL,
            )
        )
        found += [
            match[0] for said in (text, message.subject) for match in ONE.finditer(said)
        ]
    assert found == []


def test_the_rule_finds_what_it_is_for() -> None:
    assert all(
        ONE.search(text)
        for text in (
            "1 events",
            "1 times in a row",
            "1 Ereignisse",
            "und 1 weitere",
            "after 1 hours",
        )
    )
    assert not any(
        ONE.search(text)
        for text in (
            "1 event",
            "and 1 more",
            "1 Jan 2030",
            "15.1 things",
            "CVE-1 is",
            "version 1",
        )
    )


def test_things_are_counted_in_words() -> None:
    assert [counted(number, "entry", "entries") for number in EDGE] == [
        "1 entry",
        "2 entries",
        "0 entries",
    ]
    assert [counted(number, "event") for number in EDGE] == [
        "1 event",
        "2 events",
        "0 events",
    ]


@pytest.mark.parametrize(
    ("hours", "said"),
    [(1, "1 hour"), (5, "5 hours"), (24, "24 hours"), (120, "5 days")],
)
def test_how_long_it_was_tried_is_said_in_words(hours: int, said: str) -> None:
    span = timedelta(hours=hours)
    tried = delivery.after_try(
        Delivery("<m>", "a@example.org", attempts=3, waited=span),
        delivery.Attempt(DeliveryState.DEFERRED, "450 later"),
        span,
        samples.NOW,
    )
    assert tried.answer == f"given up after {said}: 450 later"
