"""Sources that log in at Microsoft Graph: its token goes there, and nowhere else."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace

from tests.edges.test_smtp import client, hidden
from tests.servers import Reply, SourceServer, moved
from tests.services import SECRET, TOKEN, Microsoft
from tests.stories.test_windows_graph import CLIENT, FEB, OOB, SERVER, listed, product
from watcher.cli.call import live_web
from watcher.config.load import read_settings
from watcher.config.source_settings import BUILTIN
from watcher.errors import ConfigurationError
from watcher.records import Watch
from watcher.run.check import Report, check
from watcher.settings import Mail, Settings
from watcher.store import Store

PATH = "/beta/admin/windows/updates/products"
FIRST, SECOND = f"{PATH}?$expand=revisions", f"{PATH}?$skiptoken=2"
GRAPH = next(source for source in BUILTIN if source.name == "windows-graph")


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def login(tls: ssl.SSLContext, tls_web: SourceServer) -> Iterator[Microsoft]:
    """Where tokens come from; Graph is ``tls_web``."""
    with Microsoft(tls) as service:
        service.graph = tls_web.url("").rstrip("/")
        yield service


@pytest.fixture
def elsewhere(tls: ssl.SSLContext) -> Iterator[SourceServer]:
    """A server that is not Graph's."""
    with SourceServer(tls) as server:
        server.play(SECOND, Reply(listed(product(SERVER, OOB))))
        yield server


class Graph:
    """A watcher of Windows that asks Graph."""

    def __init__(self, store: Store, web: SourceServer, settings: Settings) -> None:
        self.store = store
        self.web = web
        self.settings = settings

    def shows(self, *replies: Reply, path: str = FIRST) -> None:
        self.web.play(path, *replies)

    def check(self) -> Report:
        now = datetime(2031, 3, 21, 18, tzinfo=UTC)
        with live_web(self.settings) as web:
            return check(self.settings, self.store, web, now, force=True, publish=False)

    def failure(self) -> str:
        (source,) = self.check().sources
        (failure,) = source.failures
        return str(failure)

    def told(self, path: str = FIRST) -> list[str]:
        """What each request for a page said of who asks."""
        return [
            asked.headers.get("authorization", "") for asked in self.web.asked(path)
        ]


@pytest.fixture
def graph(
    login: Microsoft, tls_web: SourceServer, ca: str, tmp_path: Path
) -> Iterator[Graph]:
    source = replace(GRAPH, enabled=True, url=tls_web.url(FIRST), own=True)
    oauth = client(login.origin, login.graph, hidden(SECRET))
    settings = Settings(
        watch=Watch(("Windows*",)),
        ca_bundle=Path(ca),
        sources=(source,),
        mail=Mail(outbox=tmp_path / "outbox", oauth=oauth),
        site=tmp_path / "public",
    )
    with Store.open(f"sqlite:///{tmp_path / 'state.db'}") as store:
        yield Graph(store, tls_web, settings)


def test_a_list_of_two_pages_is_read_with_one_token(
    graph: Graph, login: Microsoft
) -> None:
    following = graph.web.url(SECOND)
    graph.shows(Reply(listed(product(CLIENT, OOB), following=following)))
    graph.shows(Reply(listed(product(SERVER, OOB, FEB))), path=SECOND)
    (source,) = graph.check().sources
    assert (source.failures, source.new) == ((), 3)
    assert graph.told() == graph.told(SECOND) == [f"Bearer {TOKEN}"]
    assert [posted.path for posted in login.posted] == [login.token_path]


def test_a_wrong_secret_is_a_failure_in_microsofts_words_and_graph_is_not_asked(
    graph: Graph,
) -> None:
    wrong = replace(graph.settings.mail.oauth, secret=hidden("wrong"))  # type: ignore[type-var]
    graph.settings = replace(
        graph.settings, mail=replace(graph.settings.mail, oauth=wrong)
    )
    said = graph.failure()
    assert "AADSTS7000215: Invalid client secret." in said
    assert "Check tenant and client in [mail]" in said
    assert graph.web.requests == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_graph_does_not_take_is_a_failure_that_names_the_right(
    graph: Graph, status: int
) -> None:
    graph.shows(Reply(b'{"error": {}}', status))
    said = graph.failure()
    assert f"Microsoft Graph answered {status}" in said
    assert "WindowsUpdates.ReadWrite.All" in said
    assert len(graph.told()) == 1


def test_graph_that_wants_to_be_left_alone_is_asked_again_when_it_says(
    graph: Graph,
) -> None:
    wait = Reply(status=429, headers={"Retry-After": "0"})
    graph.shows(wait, Reply(listed(product(CLIENT, OOB))))
    (source,) = graph.check().sources
    assert source.failures == ()
    assert len(graph.told()) == 2

    graph.shows(Reply(status=429, headers={"Retry-After": "3600"}))
    assert "429 Too Many Requests, and asks to wait 3600 s" in graph.failure()
    asked = len(graph.told())
    # Nor does a check that is not forced ask before its time
    with live_web(graph.settings) as web:
        later = datetime(2031, 3, 21, 18, 59, tzinfo=UTC)
        report = check(graph.settings, graph.store, web, later, publish=False)
    assert report.sources == ()
    assert len(graph.told()) == asked


def test_a_list_that_goes_on_elsewhere_is_refused_and_nobody_there_is_told_a_token(
    graph: Graph, elsewhere: SourceServer
) -> None:
    following = elsewhere.url(SECOND)
    graph.shows(Reply(listed(product(CLIENT, OOB), following=following)))
    assert "the list goes on at another host" in graph.failure()
    assert elsewhere.requests == []


def test_a_redirect_to_elsewhere_takes_no_token_along(
    graph: Graph, elsewhere: SourceServer
) -> None:
    graph.shows(moved(elsewhere.url(SECOND)))
    graph.check()
    (asked,) = elsewhere.requests
    assert "authorization" not in asked.headers
    assert graph.told() == [f"Bearer {TOKEN}"]


def test_an_address_that_is_not_graphs_is_not_asked_at_all(
    graph: Graph, elsewhere: SourceServer, login: Microsoft
) -> None:
    (source,) = graph.settings.sources
    mistaken = replace(source, url=elsewhere.url(SECOND))
    graph.settings = replace(graph.settings, sources=(mistaken,))
    assert f"the address is not at {login.graph}" in graph.failure()
    assert elsewhere.requests == login.requests == []


def test_neither_token_nor_secret_is_shown_or_recorded(
    graph: Graph, tmp_path: Path
) -> None:
    graph.shows(Reply(b"not JSON", status=200), Reply(status=403))
    recording = tmp_path / "seen.warc.gz"
    now = datetime(2031, 3, 21, 18, tzinfo=UTC)
    with live_web(graph.settings, recording) as web:
        first = check(graph.settings, graph.store, web, now, force=True, publish=False)
    second = graph.check()
    told = f"{first}{second}{graph.store.all_times()}{recording.read_bytes()!r}"
    assert TOKEN not in told
    assert SECRET not in told


CONFIGURATION = """
[watch]
products = ["Windows Server 2025*"]

[[source]]
name = "windows-graph"
"""
NAMED = '[mail]\ntenant = "example.onmicrosoft.com"\nclient = "4711"\n'
ENVIRONMENT = {"WATCHER_CLIENT_SECRET": SECRET}


def test_without_a_client_the_source_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_settings(CONFIGURATION, None, ENVIRONMENT)
    assert 'the source "windows-graph" logs in at Microsoft Graph' in str(caught.value)
    assert read_settings(CONFIGURATION + NAMED, None, ENVIRONMENT).mail.oauth


def test_it_is_off_unless_it_is_named() -> None:
    text = CONFIGURATION.partition("[[source]]")[0]
    found = {source.name: source for source in read_settings(text, None, {}).sources}
    assert not found["windows-graph"].enabled
    assert found["windows-health"].enabled


def test_mail_may_go_by_another_server_than_microsofts() -> None:
    server = (
        'from = "watcher@example.org"\n'
        'smtp = "smtp://watcher@mail.example.org:587?auth=password"\n'
        '[[subscriber]]\nname = "admins"\nto = ["admins@example.org"]\n'
    )
    password = {"WATCHER_SMTP_PASSWORD": "a password"}
    settings = read_settings(
        CONFIGURATION + NAMED + server, None, ENVIRONMENT | password
    )
    assert settings.mail.password is not None
    assert settings.mail.password.reveal() == "a password"
