"""A real mail server: what it accepts arrives once in each mailbox, what it refuses is told."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import dovecot, postfix
from tests.dovecot import Dovecot
from tests.office import FEED, Office, event
from tests.postfix import Postfix
from tests.servers import Reply, SourceServer
from watcher import report
from watcher.records import Kind

NIGHT, FIRST, SECOND, THIRD = (f"2030-05-14T{hour}:00:00+00:00" for hour in ("05", "18", "19", "23"))


@pytest.fixture(scope="module")
def server() -> Iterator[Postfix]:
    if why := postfix.missing():
        pytest.skip(why)
    with Postfix() as running:
        yield running


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    log = report.LOG
    before = (log.handlers[:], log.level, log.propagate)
    with SourceServer() as web:
        web.play("/feed", Reply(FEED))
        yield Office(tmp_path, web.url("/feed"))
    log.handlers[:], log.level, log.propagate = before


def test_release_pull_and_return_arrive_once_in_one_thread_and_a_stranger_is_refused(office: Office, server: Postfix) -> None:
    office.more = '[[subscriber]]\nname = "admins"\nto = ["one@example.org", "two@example.org", "nobody@example.org"]\n'
    office.run(NIGHT)
    office.smtp = server.url
    codes = []
    for at, kind in ((FIRST, Kind.RELEASED), (SECOND, Kind.PULLED), (THIRD, Kind.RE_RELEASED)):
        office.happens(event(kind, at=at))
        said = office.run(at)
        codes.append(said.exit_code)
        assert "mail to nobody@example.org" in said.stderr
        assert "refused: 550 5.1.1" in said.stderr
    assert codes == [1, 1, 1]
    assert office.run("2030-05-15T06:00:00+00:00").exit_code == 0
    for user in ("one", "two"):
        messages = [email.message_from_bytes(body) for body in server.messages(user, 3)]
        assert sorted(message["X-Watcher-Event"] for message in messages) == ["pulled", "re-released", "released"]
        assert len({message["Message-ID"] for message in messages}) == 3
        assert len({message["References"] for message in messages}) == 1
    assert office.status(THIRD) == (1, {"waiting": 0, "refused": 3, "given_up": 3})


def test_a_real_imap_client_sees_each_update_in_one_thread(office: Office, server: Postfix) -> None:
    if why := dovecot.missing():
        pytest.skip(why)
    office.more = '[[subscriber]]\nname = "reader"\nto = ["three@example.org"]\n'
    office.run(NIGHT)
    office.smtp = server.url
    for at, kind in ((FIRST, Kind.RELEASED), (SECOND, Kind.PULLED), (THIRD, Kind.RE_RELEASED)):
        office.happens(event(kind, 1, at=at), event(kind, 2, at=at))
        assert office.run(at).exit_code == 0
    assert len(server.messages("three", 6)) == 6
    with Dovecot(server.boxes, "postfix") as imap:
        threads = imap.threads("three")
    assert sorted(len(re.findall(r"\d+", thread)) for thread in top_level(threads)) == [3, 3]


def top_level(threads: str) -> list[str]:
    """Split what THREAD answers into its outermost groups."""
    found, depth = [""], 0
    for sign in threads:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        found[-1] += sign
        if not depth:
            found.append("")
    return [thread for thread in found if thread.strip()]
