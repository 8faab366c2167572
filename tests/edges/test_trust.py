"""One trust for pages, mail, tokens, channels and proxies: the system's store and ``ca_bundle``.

The system's store is played by a file with an authority of its own (SSL_CERT_FILE, as
OpenSSL reads it).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from tests.attacks import tried
from tests.edges.test_channels import send as tell
from tests.edges.test_smtp import (
    MESSAGE,
    ONE,
    client,
    delivering,
    hidden,
    logged_in,
    mail_by,
    states,
)
from tests.fetching import failed, impatient, page
from tests.mailing import MailServer, Postbox
from tests.proxy import ProxyServer
from tests.servers import Reply, SourceServer
from tests.services import SECRET, Microsoft, Service
from watcher import notifiers, trust
from watcher.settings import Channel


class Authorities:
    """The system's authority and the organisation's; ``ca`` is the file of the second."""

    def __init__(self, folder: Path) -> None:
        self.system, self.own = trustme.CA(), trustme.CA()
        self.store, self.ca = folder / "system.pem", folder / "own.pem"
        self.system.cert_pem.write_to_path(str(self.store))
        self.own.cert_pem.write_to_path(str(self.ca))

    def tls(self, name: str) -> ssl.SSLContext:
        """Give a server's certificate by one of the two."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority = {"system": self.system, "own": self.own}[name]
        authority.issue_cert("127.0.0.1", "advisories.example").configure_cert(context)
        return context


@pytest.fixture
def authorities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Authorities]:
    made = Authorities(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.store))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    trust.forget()
    yield made
    trust.forget()


def a_page(tls: ssl.SSLContext, ca: Path | None) -> bool:
    with SourceServer(tls) as web:
        web.play("/feed", Reply(b"x"))
        settings = impatient(ca_bundle=ca)
        try:
            return page(web.url("/feed"), settings).body == b"x"
        except AssertionError:
            cause = failed(web.url("/feed"), settings).cause
            assert "certificate is not trusted" in cause
            return False


def mail_by_starttls(tls: ssl.SSLContext, ca: Path | None) -> bool:
    with MailServer(Postbox(), tls=tls, auth=True) as server:
        (receipt,) = notifiers.send(
            MESSAGE, [ONE], logged_in(server.url, str(ca) if ca else None)
        )
    return receipt.state.value == "accepted"


def mail_by_tls(tls: ssl.SSLContext, ca: Path | None) -> bool:
    with MailServer(Postbox(), tls=tls, implicit=True) as server:
        receipts = notifiers.send(MESSAGE, [ONE], delivering(mail_by(server.url), ca))
    return states(receipts) == ["accepted"]


def mail_by_graph(tls: ssl.SSLContext, ca: Path | None) -> bool:
    with Microsoft(tls) as microsoft:
        oauth = client(microsoft.origin, microsoft.origin, secret=hidden(SECRET))
        mail = mail_by("graph://watcher@example.org", oauth=oauth)
        (receipt,) = notifiers.send(MESSAGE, [ONE], delivering(mail, ca))
    return receipt.state.value == "accepted"


def a_channel(tls: ssl.SSLContext, ca: Path | None) -> bool:
    with Service(tls) as hook:
        channel = Channel("teams", hidden(f"jsons://127.0.0.1:{hook.port}/x"))
        (receipt,) = tell(delivering(mail_by(""), ca, (channel,)), "teams")
    if receipt.state.value != "accepted":
        assert receipt.settings_wrong
        assert "ca_bundle" in receipt.answer
    return receipt.state.value == "accepted"


WAYS: tuple[Callable[[ssl.SSLContext, Path | None], bool], ...] = (
    a_page,
    mail_by_starttls,
    mail_by_tls,
    mail_by_graph,
    a_channel,
)


@tried("trust")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    ("signed_by", "named", "trusted"),
    [
        ("system", False, True),
        ("system", True, True),
        ("own", True, True),
        ("own", False, False),
    ],
)
def test_all_that_is_encrypted_is_trusted_alike(
    authorities: Authorities,
    way: Callable[[ssl.SSLContext, Path | None], bool],
    signed_by: str,
    named: bool,
    trusted: bool,
) -> None:
    ca = authorities.ca if named else None
    assert way(authorities.tls(signed_by), ca) is trusted


@tried("trust")
@pytest.mark.parametrize("named_by", ["ca_bundle", "REQUESTS_CA_BUNDLE", "a folder"])
@pytest.mark.parametrize("by", ["a page", "a channel"])
def test_a_proxy_that_is_asked_by_https_is_trusted_likewise(
    authorities: Authorities,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    named_by: str,
    by: str,
) -> None:
    ca: Path | None = authorities.ca
    if named_by == "REQUESTS_CA_BUNDLE":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authorities.ca))
        ca = None
    if named_by == "a folder":
        ca = tmp_path / "folder"
        ca.mkdir()
        # As openssl rehash names it
        number = _subject_hash(authorities.ca)
        (ca / f"{number}.0").write_bytes(authorities.ca.read_bytes())
    with ExitStack() as stack:
        web = stack.enter_context(SourceServer(authorities.tls("system")))
        hook = stack.enter_context(Service(authorities.tls("system")))
        proxy = stack.enter_context(
            ProxyServer(
                {"advisories.example": web.port if by == "a page" else hook.port},
                tls=authorities.tls("own"),
            )
        )
        monkeypatch.setenv("https_proxy", f"https://127.0.0.1:{proxy.port}")
        if by == "a page":
            web.play("/feed", Reply(b"x"))
            fetched = page("https://advisories.example/feed", impatient(ca_bundle=ca))
            assert fetched.body == b"x"
        else:
            channel = Channel("teams", hidden("jsons://advisories.example/x"))
            (receipt,) = tell(delivering(mail_by(""), ca, (channel,)), "teams")
            assert receipt.state.value == "accepted", receipt.answer
        assert [asked.method for asked in proxy.requests] == ["CONNECT"]


def _subject_hash(file: Path) -> str:
    import subprocess

    words = ["openssl", "x509", "-hash", "-noout", "-in", str(file)]
    try:
        said = subprocess.run(words, capture_output=True, check=True, text=True)
    except FileNotFoundError:
        pytest.skip("openssl, the program, is missing")
    return said.stdout.strip()


def test_a_bundle_that_is_no_certificate_is_blamed(
    authorities: Authorities, tls_web: SourceServer, tmp_path: Path
) -> None:
    (tmp_path / "wrong.pem").write_text("no certificate", encoding="utf-8")
    failure = failed(tls_web.url("/feed"), impatient(ca_bundle=tmp_path / "wrong.pem"))
    assert "ca_bundle" in failure.remedy
