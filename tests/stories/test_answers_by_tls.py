"""The mailbox of replies is read by TLS alone, of a real server whose certificate is good."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from tests import dovecot
from tests.dovecot import Dovecot
from tests.stories.test_answers_by_mail import Box
from watcher.errors import WatcherError
from watcher.mailbox import connect

Start = Callable[[trustme.LeafCert | None], Dovecot]


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def boxes() -> Iterator[Path]:
    if why := dovecot.missing():
        pytest.skip(why)
    # Dovecot's user looks into it
    folder = Path(tempfile.mkdtemp(prefix="watcher-replies-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start(boxes: Path) -> Iterator[Start]:
    """Start a server, with a certificate or without any TLS."""
    with ExitStack() as running:

        def begin(leaf: trustme.LeafCert | None) -> Dovecot:
            pem = leaf.private_key_and_cert_chain_pem.bytes() if leaf else b""
            return running.enter_context(Dovecot(boxes, "mail", certificate=pem))

        yield begin


def read(boxes: Path, port: int, tls: str, ca_bundle: Path | None) -> list[str]:
    """Give the subjects that came, one of them an answer."""
    box = Box(boxes / "watcher", port, tls)
    box.get("ack exchange-server-2024-11-su abcdefghijklmnopqrst")
    with connect(box.replies, ca_bundle) as opened:
        return [reply.subject for reply in opened.unseen()]


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_an_answer_is_read_by_tls(
    start: Start, boxes: Path, authority: trustme.CA, ca: Path, tls: str
) -> None:
    server = start(authority.issue_cert("127.0.0.1"))
    port = server.tls_port if tls == "implicit" else server.port

    assert len(read(boxes, port, tls, ca)) == 1


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize(
    ("names", "trusted"),
    [
        pytest.param(("127.0.0.1",), False, id="of an authority that nobody knows"),
        pytest.param(("other.example.org",), True, id="of another host"),
    ],
)
def test_a_certificate_that_is_not_good_is_refused_before_the_password(
    start: Start,
    boxes: Path,
    authority: trustme.CA,
    ca: Path,
    tls: str,
    names: tuple[str, ...],
    trusted: bool,
) -> None:
    server = start(authority.issue_cert(*names))
    port = server.tls_port if tls == "implicit" else server.port
    with pytest.raises(WatcherError, match="certificate") as refused:
        read(boxes, port, tls, ca if trusted else None)

    assert "127.0.0.1" in str(refused.value)
    assert "Login" not in (server.folder / "log").read_text(encoding="utf-8")


def test_a_server_that_offers_no_starttls_gets_no_password(
    start: Start, boxes: Path, ca: Path
) -> None:
    server = start(None)
    with pytest.raises(WatcherError, match="TLS"):
        read(boxes, server.port, "starttls", ca)

    assert "Login: user=" not in (server.folder / "log").read_text(encoding="utf-8")


def test_tls_from_the_start_is_not_spoken_to_a_server_that_begins_plain(
    start: Start, boxes: Path, authority: trustme.CA, ca: Path
) -> None:
    server = start(authority.issue_cert("127.0.0.1"))
    with pytest.raises(WatcherError, match="replies"):
        read(boxes, server.port, "implicit", ca)
