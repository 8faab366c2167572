"""A reminder is a message of its own, in its update's thread, each week another."""

from __future__ import annotations

import email
import email.policy
from datetime import timedelta
from email.message import EmailMessage

from msgspec.structs import replace

from tests.unit.builders import SU
from tests.unit.test_exposure import PULLED, event
from tests.unit.test_servers import ENGLISH, READER, known
from watcher.judgement import audience
from watcher.mail import message
from watcher.records import Kind, Letter

SENDER = "Watcher <watcher@example.org>"
NOW = PULLED.first_seen + timedelta(days=9)
LETTER = Letter(
    "reminder",
    READER,
    (),
    SU,
    SU,
    (PULLED,),
    subject="It",
    servers=known("15.2.1544.13", ledger=(PULLED,)),
)


def head(letter: Letter, days: int = 0) -> EmailMessage:
    made = message.message(
        letter,
        ENGLISH,
        SENDER,
        NOW + timedelta(days=days),
        title="[REMINDER] It",
        text="x",
        html="<p>x</p>",
    )
    read = email.message_from_bytes(made.body, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def test_it_stands_in_the_thread_of_the_pull() -> None:
    pull = head(audience.single(READER, replace(event(Kind.PULLED, PULLED), thread=SU)))
    reminder = head(LETTER)

    assert reminder["References"] == reminder["In-Reply-To"] == pull["References"]
    assert reminder["Thread-Topic"] == pull["Thread-Topic"] == PULLED.title
    assert reminder["Thread-Index"][:20] == pull["Thread-Index"][:20]


def test_it_says_what_it_is() -> None:
    reminder = head(LETTER)

    assert (
        reminder["X-Watcher-Event"],
        reminder["X-Watcher-Update"],
        reminder["Subject"],
    ) == ("reminder", SU, "[REMINDER] It")
    assert reminder["Importance"] == "high"


def test_each_week_and_each_update_has_a_message_of_its_own() -> None:
    other = replace(LETTER, update="other", thread="other")
    ids = [
        head(letter, days)["Message-ID"]
        for letter in (LETTER, other)
        for days in (0, 7)
    ]

    assert len(set(ids)) == 4
    assert head(LETTER)["Message-ID"] == ids[0]
