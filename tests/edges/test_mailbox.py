"""The mailbox of replies: everybody may write to it, and its server may be slow or broken."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.attacks import tried
from tests.edges.test_trust import Authorities, authorities
from tests.imap import ImapServer
from watcher import mailbox
from watcher.errors import WatcherError
from watcher.mailbox import Reply
from watcher.settings import Replies, Secret

__all__ = ["authorities"]

ANSWER = b"ack exchange-server-2024-11-su abcdefghijklmnopqrst"
NAME = "WATCHER_IMAP_PASSWORD"


def at(
    server: ImapServer,
    tls: str = "never",
    user: str = "watcher",
    password: str = "made-up",  # noqa: S107
    folder: str = "INBOX",
) -> Replies:
    secret, address = Secret(NAME, password), "watcher@example.org"
    return Replies("127.0.0.1", server.port, tls, user, secret, address, folder)


def read(replies: Replies, ca_bundle: Path | None = None) -> list[Reply]:
    with mailbox.connect(replies, ca_bundle) as box:
        came = list(box.unseen())
        box.mark_seen(came)
    return came


@tried("limits")
@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(b"ack " + b"a" * 5_000_000, id="of 5 MB"),
        pytest.param(b"ack =?utf-8?b?//8=?=", id="not in its own encoding"),
        pytest.param(b"ack =?x-nobodys?q?a?=", id="in nobody's encoding"),
        pytest.param(b"ack \xff\xfe\x00", id="bytes of no encoding"),
        pytest.param(b"ack\r\n " * 10_000, id="folded ten thousand times"),
        pytest.param(b"=?utf-8?q?ack_=0D=0Aa?=", id="a line's end within"),
    ],
)
def test_an_odd_mail_keeps_nobody_from_the_others(odd: bytes) -> None:
    with ImapServer(odd, ANSWER) as server:
        subjects = [reply.subject for reply in read(at(server))]
        assert ANSWER.decode() in subjects
        assert all(len(each) <= mailbox.LONGEST_SUBJECT for each in subjects)
        assert server.seen == ["1", "2"]


@tried("limits")
@pytest.mark.parametrize(
    "script",
    [
        {"fetch": b"* 1 FETCH (UID 1 BODY[] {99999999999}\r\n"},
        {"fetch": b"* 1 FETCH (FLAGS ())\r\n..."},
        {"capability": b"* OK and more\r\n..."},
        {"fetch": b"slowly* 1 FETCH (FLAGS ())\r\n..."},
        {"select": b"slowlyx..."},
    ],
    ids=["a literal", "lines", "lines before the login", "slow lines", "a slow line"],
)
def test_a_server_without_end_is_left(
    script: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "WHOLE", 0.5)
    monkeypatch.setattr(mailbox, "LARGEST", 100_000)
    with (
        ImapServer(ANSWER, script=script) as server,
        pytest.raises(WatcherError, match="cannot be read"),
    ):
        read(at(server))


def test_other_mail_does_not_crowd_out_the_newest_answers() -> None:
    count = mailbox.AT_ONCE + 50
    with ImapServer(*[b"feedback on lunch"] * count, ANSWER) as server:
        came = read(at(server))
        assert len(came) == count + 1
        assert came[-1].subject == ANSWER.decode()


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("INBOX", '"INBOX"'),
        ("Sent Items", '"Sent Items"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("Prüfung & mehr", '"Pr&APw-fung &- mehr"'),
        ("台北", '"&U,BTFw-"'),
    ],
)
def test_a_folder_may_have_any_name(folder: str, said: str) -> None:
    with ImapServer(ANSWER) as server:
        assert read(at(server, folder=folder))
        assert f"SELECT {said}" in server.commands


def test_a_password_may_have_any_letters() -> None:
    with ImapServer(ANSWER) as server:
        assert read(at(server, password="prüfung"))
        told = base64.b64encode("\0watcher\0prüfung".encode()).decode()
        assert told in server.commands


@tried("trust")
@pytest.mark.parametrize("name", ["system", "own"])
def test_a_mailbox_is_trusted_by_the_systems_store_and_the_own_authority(
    authorities: Authorities, name: str
) -> None:
    with ImapServer(ANSWER, tls=authorities.tls(name)) as server:
        assert read(at(server, tls="implicit"), authorities.ca)


def test_a_mailbox_that_nobody_vouches_for_gets_no_password(
    authorities: Authorities,
) -> None:
    with (
        ImapServer(ANSWER, tls=authorities.tls("own")) as server,
        pytest.raises(WatcherError, match="certificate"),
    ):
        read(at(server, tls="implicit"))
    assert server.commands == []
