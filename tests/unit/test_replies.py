"""Only the reader who got a reminder can answer it, and for nobody else."""

from __future__ import annotations

import hashlib

import pytest

from watcher.judgement.audience import Answer, is_signed, key_of, read, subject

KEY, SU = key_of("made-up"), "exchange-server-2030-11-su"
READERS = ("admins", "contoso/admins", "web team")
SUBJECT = subject(KEY, "contoso/admins", SU)


@pytest.mark.parametrize(
    "text",
    [
        SUBJECT,
        f"Re: {SUBJECT}",
        f"AW: {SUBJECT.upper()} ",
        # Folded by a mail server
        SUBJECT.replace(" ", "\r\n "),
    ],
)
def test_an_answer_is_read_of_the_reader_that_it_is_signed_for(text: str) -> None:
    assert read(text, KEY, READERS) == Answer("contoso/admins", SU)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Re: [REMINDER] Exchange Server November 2030 SU is still installed",
        f"ack {SU}",
        f"ack {SU} {'a' * 20}",
        SUBJECT[:-1],
        SUBJECT.replace("2030-11", "2030-12"),
        subject(b"another", "contoso/admins", SU),
        subject(KEY, "somebody else", SU),
    ],
)
def test_nothing_else_is_an_answer(text: str) -> None:
    assert read(text, KEY, READERS) is None


def test_an_answer_holds_for_its_reader_alone() -> None:
    assert Answer("admins", SU).target == f"reader:admins:{SU}"


def test_a_signature_gives_no_way_to_try_passwords_fast() -> None:
    signed = SUBJECT.rpartition(" ")[2]
    for quick in (b"made-up", hashlib.sha256(b"made-up").digest()):
        assert signed != subject(quick, "contoso/admins", SU).rpartition(" ")[2]
    # So many rounds each guess costs
    salt = b"advisory-watcher replies"
    assert hashlib.pbkdf2_hmac("sha256", b"made-up", salt, 600_000) == KEY


@pytest.mark.parametrize(
    "text",
    [
        "Feedback on lunch",
        "Outback tour",
        "Lunch pack for Friday",
        "ack",
        "attack on us",
    ],
)
def test_other_mail_is_no_answer_whoever_signs(text: str) -> None:
    assert not is_signed(text)
    assert is_signed(f"ack {SU} {'a' * 20}")


def test_an_old_answer_that_comes_again_says_nothing_of_a_later_pull() -> None:
    first = subject(KEY, "admins", SU, "pulled-in-november")
    assert read(first, KEY, READERS, lambda _: "pulled-in-november")
    assert read(first, KEY, READERS, lambda _: "pulled-in-december") is None
