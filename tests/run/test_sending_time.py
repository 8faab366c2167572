"""A mail server or a service without end takes its own time, and nobody else's.

A run ends within its bound; what it had no time for waits as it was, is named, and goes
out with the next run.
"""

from __future__ import annotations

import gc
import socketserver
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Self

import pytest

from tests.attacks import tried
from tests.office import FEED, Office, event
from tests.servers import Reply, SourceServer
from tests.services import Service
from watcher import config
from watcher.cli import call
from watcher.notifiers import SendingTime
from watcher.records import Kind
from watcher.run.send import Sent, Shares, send_due
from watcher.store import Store

WELCOMED = "2030-05-13T06:00:00+00:00"
SECOND, THIRD = "2030-05-14T18:30:00+00:00", "2030-05-14T19:30:00+00:00"


@dataclass
class Slow:
    """How a mail server lets everybody wait.

    ``drips`` names the command whose answer never ends, "" for none (HELLO: the greeting,
    .: the message's, TLS: the handshake); each answer comes after ``pause`` seconds.
    """

    drips: str = ""
    pause: float = 0.0
    arrived: Counter[tuple[str, str]] = field(default_factory=Counter)


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, SlowServer)
        if server.slow.drips == "TLS":
            self._drip(b"\x16\x03\x03\x3f\xff")
            return
        if server.tls:
            self.request.do_handshake()
        self._say("HELLO", "220 ready")
        recipients: list[str] = []
        body: list[bytes] | None = None
        for line in self.rfile:
            if body is not None and line != b".\r\n":
                body.append(line)
                continue
            command = "." if body is not None else line[:4].decode().strip().upper()
            if command == "RCPT":
                recipients.append(line.decode().partition("<")[2].partition(">")[0])
            elif command == "." and body is not None:
                read = BytesParser().parsebytes(b"".join(body))
                for recipient in recipients:
                    server.slow.arrived[read["Message-ID"], recipient] += 1
                recipients, body = [], None
            elif command == "DATA":
                body = []
            elif command in ("MAIL", "RSET"):
                recipients = []
            self._say(command, "354 go on" if command == "DATA" else "250 OK")

    def _say(self, command: str, answer: str) -> None:
        server = self.server
        assert isinstance(server, SlowServer)
        if server.slow.drips == command:
            self._drip(answer[:3].encode() + b"-")
        server.closing.wait(server.slow.pause)
        self.wfile.write(f"{answer}\r\n".encode())

    def _drip(self, beginning: bytes) -> None:
        server = self.server
        assert isinstance(server, SlowServer)
        self.wfile.write(beginning)
        while not server.closing.wait(0.02):
            self.wfile.write(b"x")


class SlowServer(socketserver.ThreadingTCPServer):
    """A mail server that takes everything, in its own time."""

    daemon_threads = True

    def __init__(self, slow: Slow, tls: ssl.SSLContext | None = None) -> None:
        self.slow, self.tls, self.closing = slow, tls, threading.Event()
        super().__init__(("127.0.0.1", 0), _Talk)
        if tls:
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        scheme = "smtps" if self.tls or self.slow.drips == "TLS" else "smtp"
        return f"{scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hangs up is what these tests are about."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        server.play("/feed", Reply(FEED, etag='"1"'))
        yield server


def readers(names: list[str]) -> str:
    return "".join(
        f'[[subscriber]]\nname = "{name}"\nto = ["{name}@example.org"]\n'
        for name in names
    )


def channels(ports: dict[str, int]) -> str:
    """Write readers who are told by channels alone, each of one name."""
    return "".join(
        f'[[channel]]\nname = "{name}"\nurl = "json://127.0.0.1:{port}/{name}"\n'
        f'[[subscriber]]\nname = "{name}"\nchannels = ["{name}"]\n'
        for name, port in ports.items()
    )


def prepared(folder: Path, web: SourceServer, more: str, count: int) -> Office:
    """An office where all have been welcomed, and so many events wait to be told."""
    office = Office(folder, web.url("/feed"), more=more)
    office.run(WELCOMED)
    office.happens(*(event(Kind.PULLED, number) for number in range(count)))
    assert office.call(SECOND, "run", "--no-send").exit_code == 0
    return office


def sent(office: Office, shares: Shares | None, at: str = SECOND) -> Sent:
    """Send what is due, as a run does in the time that is left to it."""
    office.write()
    settings = config.load(office.folder / "watcher.toml", office.environ)
    with Store.open(office.state) as store:
        return send_due(
            settings, store, moment(at), lambda _: None, force=True, shares=shares
        )


def moment(text: str) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(text)


DRIPS = {
    "the greeting": "HELLO",
    "the answer to EHLO": "EHLO",
    "the handshake of TLS": "TLS",
    "the answer to the sender": "MAIL",
    "the answer to a recipient": "RCPT",
    "the answer to DATA": "DATA",
    "the answer to the message": ".",
}


@tried("limits")
@pytest.mark.parametrize("case", DRIPS)
def test_a_mail_server_without_end_ends_no_run_and_holds_up_no_channel(
    tmp_path: Path, web: SourceServer, case: str
) -> None:
    with Service() as chat, SlowServer(Slow(DRIPS[case])) as server:
        office = prepared(
            tmp_path, web, readers(["a", "b"]) + channels({"chat": chat.port}), 1
        )
        office.smtp = server.url
        chat.posted.clear()
        said = sent(office, Shares.of(timedelta(seconds=2)))
        assert len(chat.posted) == 1
        assert said.accepted == 1
        named = "\n".join(said.troubles)
        assert "a@example.org" in named
        assert "b@example.org" in named or "by mail (1)" in named
        with SlowServer(Slow()) as well:
            office.smtp = well.url
            assert sent(office, None, THIRD).troubles == ()
            told = Counter(to for _, to in well.slow.arrived.elements())
            assert told == {"a@example.org": 1, "b@example.org": 1}
        assert sent(office, None, THIRD).accepted == 0


@tried("limits")
def test_a_handshake_without_end_is_cut_past_the_sockets_own_patience(
    tmp_path: Path, web: SourceServer
) -> None:
    """Each byte came in time, and the whole never."""
    with SlowServer(Slow("TLS")) as server:
        office = prepared(tmp_path, web, readers(["a"]), 1)
        office.smtp = f"{server.url}?timeout=30"
        said = sent(office, Shares(mail=SendingTime.of(*[timedelta(seconds=0.5)] * 2)))
    (trouble,) = said.troubles
    assert "deferred" in trouble


@tried("limits")
def test_many_recipients_of_a_slow_server_get_it_over_several_runs_each_once(
    tmp_path: Path, web: SourceServer
) -> None:
    """Nobody would ever, if each run began with all of them anew."""
    names = [f"r{number}" for number in range(12)]
    addresses = ", ".join(f'"{name}@example.org"' for name in names)
    more = f'[[subscriber]]\nname = "all"\nto = [{addresses}]\n'
    office = prepared(tmp_path, web, more, 1)
    with SlowServer(Slow(pause=0.1)) as server:
        office.smtp = server.url
        runs: list[Sent] = []
        while not runs or runs[-1].troubles:
            limits = SendingTime.of(timedelta(seconds=1), timedelta(seconds=30))
            runs.append(sent(office, Shares(mail=limits)))
            assert len(runs) < 12
        arrived = server.slow.arrived
    assert len(runs) > 1
    assert all("not begun" in "".join(each.troubles) for each in runs[:-1])
    assert Counter(to for _, to in arrived.elements()) == {
        f"{name}@example.org": 1 for name in names
    }
    assert len({identity for identity, _ in arrived}) == 1


@tried("limits")
@pytest.mark.parametrize("how", ["head", "head, slowly"])
def test_a_service_without_end_takes_no_other_channels_turn(
    tmp_path: Path, web: SourceServer, how: str
) -> None:
    with Service() as slow, Service() as fast:
        ports = {"another": slow.port, "slow": slow.port, "well": fast.port}
        office = prepared(tmp_path, web, channels(ports), 3)
        slow.never_ends = how
        fast.posted.clear()
        for _ in range(4):
            second = timedelta(seconds=1)
            sent(office, Shares(channels=SendingTime.of(second, second)))
            if len(fast.posted) == 3:
                break
        assert [each.path for each in fast.posted] == ["/well"] * 3


@tried("limits")
def test_what_a_run_had_no_time_for_waits_as_it_was_and_goes_out_with_the_next(
    tmp_path: Path, web: SourceServer
) -> None:
    over = SendingTime.of(timedelta(), timedelta())
    with Service() as chat:
        office = prepared(
            tmp_path, web, readers(["a"]) + channels({"chat": chat.port}), 2
        )
        chat.posted.clear()
        before = office.deliveries()
        said = sent(office, Shares(over, over))
        assert office.deliveries() == before
        (trouble,) = said.troubles
        assert trouble.startswith("4 deliveries not begun: the time that a run has")
        assert "by mail (2), the channel chat (2)" in trouble
        assert said.accepted == 0
        assert said.patience == ""
        assert sent(office, None).accepted == 4
        assert len(chat.posted) == 2


def test_mail_and_channels_have_each_a_share_of_what_is_left() -> None:
    for spent in (timedelta(), timedelta(minutes=15), timedelta(minutes=30)):
        shares = Shares.of(timedelta(minutes=25), spent)
        moments = [
            shares.mail.begins,
            shares.mail.ends,
            shares.channels.begins,
            shares.channels.ends,
        ]
        assert moments == sorted(moments)
        assert not shares.mail.is_over


@tried("limits")
@pytest.mark.posix
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_way_that_nothing_cuts_is_ended_with_the_run_and_tried_once_more(
    tmp_path: Path, web: SourceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apprise's own mail, say: each run told the same text, and was ended before its end.

    Or was not: on its way out it says goodbye, and hears no end of the answer.
    """
    monkeypatch.setattr(call, "GRACE", 0.5)
    with SlowServer(Slow()) as server:
        port = server.server_address[1]
        more = (
            '[limits]\nrun = "4s"\n[[channel]]\nname = "chat"\n'
            f'url = "mailto://127.0.0.1:{port}/?from=u@example.org&to=v@example.org'
            '&mode=insecure"\n'
            '[[subscriber]]\nname = "chat"\nchannels = ["chat"]\n'
        )
        office = prepared(tmp_path, web, more, 1)
        assert sum(server.slow.arrived.values()) == 1  # the welcome
        server.slow.drips = "."
        for _ in range(4):
            office.call(THIRD, "run", "--force")
        assert sum(server.slow.arrived.values()) == 3
    # What smtplib had open when it was interrupted
    gc.collect()
    assert [state for *_, state in office.deliveries()] == ["unknown"]
