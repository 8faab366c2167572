"""Messages: threads, identities and headers that stay the same."""

from __future__ import annotations

import base64
import email
import email.policy
import mailbox
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from msgspec.structs import replace

from watcher.judgement import audience
from watcher.mail import message as mail
from watcher.mail import samples
from watcher.records import (
    Confidence,
    Event,
    Kind,
    Letter,
    Message,
    Subscriber,
    UpdateRef,
)
from watcher.text.words import Words

NOW = datetime(2030, 5, 14, 18, tzinfo=UTC)
SENDER = "Advisory Watcher <watcher@example.org>"
ADMINS = Subscriber("exchange-admins", ("admins@example.org", "night@example.org"))
TAGS = {kind.value: kind.value.upper().replace("-I", " I") for kind in Kind} | {
    "suspected": "SUSPECTED"
}
WORDS = Words(
    "en",
    "en.toml",
    {
        "tag": TAGS,
        "label": {"more": "and {count} more"},
        "subject": {"exploited": "{headline}: exploited"},
    },
)


def letter(kind: Kind = Kind.PULLED, **changes: object) -> Letter:
    return audience.single(ADMINS, replace(samples.event(kind), **changes))


def written(
    told: Letter,
    *,
    sender: str = SENDER,
    now: datetime = NOW,
    text: str = "text\n",
    html: str = "<p>html</p>",
) -> Message:
    return mail.message(told, WORDS, sender, now, title="A title", text=text, html=html)


def read(message: Message) -> EmailMessage:
    return email.message_from_bytes(message.body, policy=email.policy.default)


def titled(title: str, kbs: tuple[str, ...] = (), version: int = 1) -> Letter:
    return letter(update=UpdateRef("slug", title, version, (), kbs), packages=())


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            titled("Exchange Server May 2030 SU", ("KB9000001",)),
            "[PULLED] Exchange Server May 2030 SU (KB9000001)",
        ),
        (
            letter(Kind.RE_RELEASED),
            "[RE-RELEASED] Exchange Server May 2030 SU v2 (KB9000002): exploited",
        ),
        (
            letter(Kind.RE_RELEASED, advisories=()),
            "[RE-RELEASED] Exchange Server May 2030 SU v2 (KB9000002)",
        ),
        (
            titled("Exchange Server May 2030 SU v2", ("KB9000002",), 2),
            "[PULLED] Exchange Server May 2030 SU v2 (KB9000002)",
        ),
        (titled("Windows KB9000001", ("KB9000001",)), "[PULLED] Windows KB9000001"),
        (
            titled("SharePoint May 2030", ("KB1", "KB2", "KB3", "KB4")),
            "[PULLED] SharePoint May 2030 (KB1, KB2, KB3 and 1 more)",
        ),
        (
            letter(Kind.KNOWN_ISSUE),
            "[KNOWN ISSUE] Exchange Server May 2030 SU (KB9000001)",
        ),
        (
            letter(confidence=Confidence.SUSPECTED),
            "[SUSPECTED PULLED] Exchange Server May 2030 SU (KB9000001)",
        ),
        (titled(""), "[PULLED] slug"),
        (Letter("welcome", ADMINS), "A title"),
        (Letter("digest", ADMINS, (samples.event(Kind.PULLED),)), "A title"),
    ],
)
def test_the_subject_follows_its_grammar(told: Letter, expected: str) -> None:
    assert read(written(told))["Subject"] == expected == written(told).subject


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (
            "Update\r\nBcc: everybody@example.org",
            "[PULLED] Update Bcc: everybody@example.org",
        ),
        ("Update\nX-Injected: yes\n\nbody", "[PULLED] Update X-Injected: yes body"),
        ("\u202eetadpu\u202c \u2066x\u2069", "[PULLED] etadpu x"),
        (
            "Sicherheitsupdate für Größe 😀 " + "ä" * 60,
            "[PULLED] Sicherheitsupdate für Größe 😀 " + "ä" * 60,
        ),
        ("=?utf-8?q?Bcc:?= x", "[PULLED] =?utf-8?q?Bcc:?= x"),
        ("<b>bold</b> & more", "[PULLED] <b>bold</b> & more"),
        ("lone \ud800 surrogate", "[PULLED] lone surrogate"),
    ],
)
def test_a_hostile_title_stays_in_the_subject(title: str, expected: str) -> None:
    message = written(titled(title))
    found = read(message)
    assert message.subject == expected
    assert set(found.keys()) == set(read(written(titled("plain"))).keys())
    if "=?" not in title:
        assert str(found["Subject"]) == expected


def test_a_title_of_2000_characters_is_cut() -> None:
    assert len(written(titled("word " * 400)).subject) <= 200


def test_a_message_is_ascii_with_crlf_and_short_lines() -> None:
    body = written(
        letter(), text="Grüße 😀\n" + "x" * 3000 + "\n", html="<p>ä</p>" + "y" * 3000
    ).body
    body.decode("ascii")
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert max(map(len, body.split(b"\r\n"))) <= 90


def test_text_and_html_come_back_as_they_were() -> None:
    found = read(written(letter(), text="Grüße 😀\n.\nFrom me\n", html="<p>ä</p>\n"))
    plain, html = found.get_body(("plain",)), found.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content() == "Grüße 😀\r\n.\r\nFrom me\r\n"
    assert html.get_content() == "<p>ä</p>\r\n"
    assert found.get_content_type() == "multipart/alternative"


def test_what_is_mostly_foreign_is_base64() -> None:
    assert (
        b"Content-Transfer-Encoding: base64"
        in written(letter(), text="更新" * 300).body
    )


def test_equal_arguments_give_equal_bytes_and_other_events_other_ids() -> None:
    assert written(letter()) == written(letter())
    assert written(letter()).id != written(letter(id="another")).id
    assert (
        written(letter()).id
        != written(replace(letter(), subscriber=replace(ADMINS, name="others"))).id
    )


def test_a_letter_without_events_is_its_times_own() -> None:
    welcome = Letter("welcome", ADMINS)
    assert written(welcome).id == written(welcome).id
    assert written(welcome).id != written(welcome, now=NOW + timedelta(days=1)).id


def test_the_headers_tell_machines_what_it_is() -> None:
    found = read(written(letter()))
    assert str(found["From"]) == SENDER
    assert str(found["To"]) == "admins@example.org, night@example.org"
    assert found["Date"].datetime == NOW
    assert str(found["Auto-Submitted"]) == "auto-generated"
    assert str(found["X-Auto-Response-Suppress"]) == "All"
    assert (
        str(found["List-Id"])
        == "Advisory Watcher <exchange-admins.advisory-watcher.example.org>"
    )
    # Nobody would act on it
    assert "List-Unsubscribe" not in found
    assert str(found["X-Watcher-Event"]) == "pulled"
    assert str(found["X-Watcher-Update"]) == "exchange-server-2030-05-su"


@pytest.mark.parametrize("kind", list(Kind))
def test_only_what_is_pulled_or_exploited_is_important(kind: Kind) -> None:
    mild = letter(kind, advisories=())
    assert (read(written(mild))["Importance"] == "high") is (
        kind in {Kind.PULLED, Kind.EXPLOITED}
    )


@pytest.mark.parametrize("kind", [Kind.RELEASED, Kind.ANNOUNCED, Kind.RE_RELEASED])
def test_what_fixes_or_names_an_attack_is_important(kind: Kind) -> None:
    assert read(written(letter(kind)))["Importance"] == "high"


def test_a_letter_about_no_update_names_none_and_stands_in_no_thread() -> None:
    found = read(
        written(Letter("digest", replace(ADMINS, to=()), (samples.event(Kind.PULLED),)))
    )
    assert not {
        "X-Watcher-Update",
        "References",
        "In-Reply-To",
        "Thread-Index",
        "Thread-Topic",
    } & set(found.keys())
    assert str(found["To"]) == "undisclosed-recipients:;"


@pytest.mark.parametrize(
    ("kinds", "important"),
    [
        ((Kind.RELEASED, Kind.PULLED), True),
        ((Kind.RELEASED, Kind.EXPLOITED), True),
        ((Kind.RELEASED, Kind.REVISED), False),
    ],
)
def test_a_digest_is_as_important_as_what_it_holds(
    kinds: tuple[Kind, ...], important: bool
) -> None:
    mild = [replace(samples.event(kind), advisories=()) for kind in kinds]
    digest = audience.digest(ADMINS, mild)

    assert digest is not None
    assert (read(written(digest))["Importance"] == "high") is important


def story() -> list[Message]:
    """Release, pull and re-release, each written when it happened."""
    kinds = (Kind.RELEASED, Kind.PULLED, Kind.RE_RELEASED)
    return [
        written(letter(kind), now=NOW + timedelta(days=7 * number))
        for number, kind in enumerate(kinds)
    ]


def test_release_pull_and_re_release_refer_to_one_root_that_none_of_them_is(
    tmp_path: Path,
) -> None:
    box = mailbox.Maildir(tmp_path / "mail")
    for message in story():
        box.add(message.body)
    found = list(box)
    roots = {str(one["References"]) for one in found} | {
        str(one["In-Reply-To"]) for one in found
    }
    assert len(found) == 3
    assert len(roots) == 1
    assert roots.isdisjoint({str(one["Message-ID"]) for one in found})
    assert len({str(one["Message-ID"]) for one in found}) == 3


def test_outlook_finds_one_conversation_in_order() -> None:
    found = [read(message) for message in story()]
    indexes = [base64.b64decode(str(one["Thread-Index"])) for one in found]
    assert {str(one["Thread-Topic"]) for one in found} == {
        "Exchange Server May 2030 SU"
    }
    assert len({index[:22] for index in indexes}) == 1
    assert [len(index) for index in indexes] == [27] * 3
    assert indexes[0][0] == 1
    assert sorted(indexes) == indexes


def test_the_child_block_keeps_finer_bits_in_the_first_years() -> None:
    early = base64.b64decode(
        mail.thread_index(letter(), datetime(2020, 6, 1, tzinfo=UTC))
    )
    late = base64.b64decode(mail.thread_index(letter(), NOW))
    assert (early[22] & 0x80, late[22] & 0x80) == (0, 0x80)


def test_subscribers_have_threads_of_their_own() -> None:
    other = replace(letter(), subscriber=replace(ADMINS, name="others"))
    assert mail.root_id(letter(), SENDER) != mail.root_id(other, SENDER)
    assert mail.thread_index(letter(), NOW) != mail.thread_index(other, NOW)


def test_two_messages_of_one_thread_and_one_second_are_apart() -> None:
    first, second = letter(), letter(id="another", thread=letter().thread)
    indexes = [mail.thread_index(each, NOW) for each in (first, second)]
    assert indexes[0][:20] == indexes[1][:20]
    assert indexes[0] != indexes[1]


def test_a_letter_without_a_thread_has_no_root() -> None:
    assert mail.root_id(Letter("welcome", ADMINS), SENDER) == ""


@pytest.mark.parametrize(
    ("thread", "update", "title", "expected"),
    [
        (
            "cve-2030-10001",
            "cve-2030-10001",
            "CVE-2030-10001: Spoofing",
            "CVE-2030-10001",
        ),
        (
            "cve-2030-10001",
            "exchange-server-2030-06-su",
            "Exchange Server June 2030 SU",
            "CVE-2030-10001",
        ),
        (
            "exchange-server-2030-05-su",
            "exchange-server-2030-05-su",
            "Exchange Server May 2030 SU v2",
            "Exchange Server May 2030 SU",
        ),
        (
            "exchange-server-2030-05-su",
            "exchange-server-2030-05-su",
            "",
            "exchange-server-2030-05-su",
        ),
        ("sharepoint-kb1", "sharepoint-kb2", "SharePoint KB2", "sharepoint-kb1"),
    ],
)
def test_the_topic_lasts_as_long_as_the_thread(
    thread: str, update: str, title: str, expected: str
) -> None:
    event = replace(
        samples.event(Kind.RELEASED), update=UpdateRef(update, title, 2), thread=thread
    )
    assert mail.topic(audience.single(ADMINS, event)) == expected


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("watcher@example.org", "example.org"),
        ("Watcher <watcher@bücher.example>", "xn--bcher-kva.example"),
        ("nobody", "localhost"),
        ("x@" + "a" * 70, "localhost"),
    ],
)
def test_ids_bear_the_senders_domain(sender: str, expected: str) -> None:
    assert mail.domain_of(sender) == expected


def test_a_long_domain_leaves_ids_whole() -> None:
    domain = f"{'a' * 60}.{'b' * 60}.example.org"
    body = written(letter(), sender=f"watcher@{domain}").body.decode()
    assert f"\r\nReferences: {mail.root_id(letter(), f'x@{domain}')}\r\n" in body
    assert (
        f"\r\nMessage-ID: <{body.split('Message-ID: <')[1].split('>')[0]}>\r\n" in body
    )


def test_an_address_beyond_ascii_is_written_in_utf_8() -> None:
    message = written(
        replace(letter(), subscriber=replace(ADMINS, to=("größe@example.org",)))
    )
    assert "größe@example.org".encode() in message.body


def test_a_sender_with_a_name_beyond_ascii_is_encoded() -> None:
    message = written(letter(), sender="Wächter <watcher@example.org>")
    message.body.decode("ascii")
    assert str(read(message)["From"]) == "Wächter <watcher@example.org>"


def test_a_whole_message_folds_as_text_too() -> None:
    found = email.message_from_bytes(written(letter()).body, policy=mail._ASCII)
    assert "Message-ID: <" in found.as_string()
    assert isinstance(found, EmailMessage)


def test_an_event_is_a_record_of_its_own() -> None:
    assert written(letter()).events == (samples.event(Kind.PULLED).id,)
    assert isinstance(samples.event(Kind.PULLED), Event)
