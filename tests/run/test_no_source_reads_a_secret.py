"""No document says where a secret is sent.

Only an address of the configuration gets the value of its ``${NAME}``.

Each way in which a document can give an address is played by real servers: what
Microsoft or a provider would serve names another server, the thief, and asks for the
mail password.  The thief is never asked for anything.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from urllib.parse import quote

import pytest
import trustme
from msgspec.structs import replace
from typer.testing import CliRunner

from tests.attacks import tried
from tests.loopback import Running
from tests.proxy import ProxyServer
from tests.run.stage import moment, november
from tests.servers import Reply, SourceServer, moved
from tests.stories.pages import article, blog, catalog, index, post, table
from tests.stories.test_csaf import PUBLISHED, advisory
from watcher import config
from watcher.cli import app
from watcher.cli.call import live_web
from watcher.records import Failure
from watcher.run.check import check
from watcher.store import Store
from watcher.web.recording import Recording

NAME, SECRET = "WATCHER_SMTP_PASSWORD", "hunter2-hunter2"
WANTS = f"${{{NAME}}}"
MAIL = (
    '[mail]\nsmtp = "smtp://anna@mail.example.org:587"\nfrom = "watcher@example.org"\n'
)
BLOG = blog(
    *(
        post(
            4250000 + day,
            f"Something else {day}",
            f"2024-10-{day}",
            "<p>Something else.</p>",
        )
        for day in (25, 24, 23)
    )
)
FIRST, SECOND = "2024-11-14T06:00:00Z", "2024-11-14T12:00:00Z"
CHANGED = "2024-11-13T08:00:00+00:00"
FORMS = {  # how an address asks; {name} is the variable
    "in the query": "/steal?x=${{{name}}}",
    "in the path": "/steal/${{{name}}}.json",
    "in percent signs": "/steal?x=%24%7B{name}%7D",
    "half in percent signs": "/steal?x=$%7b{name}}}",
    "with a tab that readers leave out": "/steal?x=$\t{{{name}}}",
}


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        server.play("/blog", Reply(BLOG))
        yield server


@pytest.fixture
def thief() -> Iterator[SourceServer]:
    with SourceServer() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHER_CONFIG", raising=False)
    return tmp_path


class Watcher:
    """A watcher with the mail password and some sources, the blog of ``web`` always among them."""

    def __init__(
        self,
        folder: Path,
        web: SourceServer,
        sources: Mapping[str, tuple[str, str]],
        more: str = "",
        **environ: str,
    ) -> None:
        named = {"blog": ("feed", web.url("/blog")), **sources}
        self.file = folder / "watcher.toml"
        self.file.write_text(
            (
                "[watch]\nbuiltin_sources = false\nstate = "
                f'"sqlite:///{folder}/watcher.db"\n{more}\n{MAIL}'
            )
            + "".join(
                f'[[source]]\nname = "{name}"\nkind = "{kind}"\nurl = "{url}"\n'
                for name, (kind, url) in named.items()
            )
            + '[[subscriber]]\nname = "admins"\nto = ["admins@example.org"]\n',
            encoding="utf-8",
        )
        self.settings = config.load(self.file, {NAME: SECRET, **environ})

    def check(self, time: str, record: Path | None = None) -> tuple[Failure, ...]:
        """Make a check with the live web, as ``watcher run`` asks it; what failed."""
        with (
            Store.open(self.settings.state) as store,
            live_web(self.settings, record) as live,
        ):
            report = check(
                self.settings, store, live, moment(time), force=True, publish=False
            )
        return tuple(
            failure for source in report.sources for failure in source.failures
        )

    def read(self, name: str) -> set[str]:
        """Name the documents of a source that were read."""
        with Store.open(self.settings.state, hold=False) as store:
            return {
                document
                for document, known in store.documents(name).items()
                if known.accepted is not None
            }


def got(*servers: Running) -> str:
    """Everything that servers were sent.

    Targets, and headers with a login decoded as it would be guessed.
    """
    return "\n".join(
        f"{asked.target} {dict(asked.headers)}"
        for server in servers
        for asked in server.requests
    )


def tells(secret: str, sent: str) -> bool:
    """Say whether something that was sent holds a secret, as it is or as half of a login."""
    logins = (
        b64encode(f"{before}{secret}{after}".encode()).decode()
        for before, after in (("", ":"), ("x:", ""), ("anna:", ""))
    )
    return any(form in sent for form in (secret, quote(secret, safe=""), *logins))


def refused(failures: tuple[Failure, ...], name: str, by: str = "a document") -> None:
    """Check that one failure is of ``name``, and that it says why and what to do.

    The blog and all others went well.
    """
    assert [failure.source for failure in failures] == [name], failures
    (failure,) = failures
    assert str(failure).startswith(f"{name}")
    assert failure.cause.startswith(f"{by}, not the configuration, gives ")
    assert failure.cause.endswith(
        "it asks for a secret by ${...}: none was put in, and nothing was asked"
    )
    assert "as the `url` of a source" in failure.remedy
    assert SECRET not in str(failure)


def serve_months(
    web: SourceServer, addresses: Mapping[str, str], path: str = "/updates"
) -> None:
    """Play MSRC's index, in which each month has the address that is given."""
    web.play(
        path,
        Reply(
            index(
                {name: replace(november(), name=name) for name in addresses},
                lambda name: addresses[name],
            )
        ),
    )


def rolie(*entries: str, further: str = "") -> bytes:
    listed = [
        {"id": f"e{place}", "updated": CHANGED, "content": {"src": src}}
        for place, src in enumerate(entries)
    ]
    links = [{"rel": "next", "href": further}] if further else []
    return json.dumps({"feed": {"id": "f", "entry": listed, "link": links}}).encode()


def provider(**distribution: object) -> bytes:
    return json.dumps(
        {
            "canonical_url": "x",
            "metadata_version": "2.0",
            "distributions": [distribution],
        }
    ).encode()


def feeds(url: str) -> object:
    return {"feeds": [{"url": url, "tlp_label": "WHITE"}]}


# What a CSAF source may serve: the document that is well, and the one that asks the
# thief, or, where a list has only paths, its own host.
GOOD = "2024/good.json"
CSAF: dict[str, Callable[[SourceServer, str], bytes]] = {
    "a feed of the provider metadata": lambda _, steal: provider(rolie=feeds(steal)),
    "a directory of the provider metadata": lambda _, steal: provider(
        directory_url=steal
    ),
    "an entry of a ROLIE feed": lambda web, steal: rolie(
        web.url(f"/csaf/{GOOD}"), steal
    ),
    "the next page of a ROLIE feed": lambda web, steal: rolie(
        web.url(f"/csaf/{GOOD}"), further=steal
    ),
    "a line of changes.csv": lambda _, __: (
        f'"{GOOD}","{CHANGED}"\n"2024/{WANTS}.json","{CHANGED}"\n'.encode()
    ),
    "a line of index.txt": lambda _, __: f"{GOOD}\n2024/{WANTS}.json\n".encode(),
    "a link of a directory listing": lambda _, steal: (
        f'<html><a href="{GOOD}">a</a><a href="{steal}">b</a></html>'.encode()
    ),
    "a link to a viewer": lambda _, steal: (
        f'<html><a href="{GOOD}">a</a><a '
        f'href="viewer?csaf_url={steal.replace("http:", "https:")}">b</a></html>'
    ).encode(),
}


@tried("secrets")
@pytest.mark.parametrize("form", FORMS)
def test_an_address_of_msrcs_index_gets_no_secret(
    folder: Path, web: SourceServer, thief: SourceServer, form: str
) -> None:
    web.play("/good", Reply(november().body))
    serve_months(
        web,
        {
            "2024-Nov": web.url("/good"),
            "2024-Oct": thief.url(FORMS[form].format(name=NAME)),
        },
    )
    watcher = Watcher(folder, web, {"msrc": ("cvrf", web.url("/updates"))})

    failures = [watcher.check(time) for time in (FIRST, SECOND)]
    assert thief.requests == []
    assert not tells(SECRET, got(web))
    for each in failures:
        refused(each, "msrc")
    assert watcher.read("msrc") == {"", "2024-Nov"}
    assert watcher.read("blog") == {""}


@tried("secrets")
@pytest.mark.parametrize(
    "authority",
    [
        f"{WANTS}@127.0.0.1:{{port}}",
        f"x:{WANTS}@127.0.0.1:{{port}}",
        f"{WANTS}.localhost:{{port}}",
    ],
)
def test_neither_login_nor_host_of_a_documents_address_get_a_secret(
    folder: Path, web: SourceServer, thief: SourceServer, authority: str
) -> None:
    stolen = f"http://{authority.replace('{port}', str(thief.port))}/2024-Nov"
    serve_months(web, {"2024-Nov": stolen})

    refused(
        Watcher(folder, web, {"msrc": ("cvrf", web.url("/updates"))}).check(FIRST),
        "msrc",
    )
    assert thief.requests == []


@tried("secrets")
@pytest.mark.parametrize("way", CSAF)
@pytest.mark.parametrize("form", ["as it is", "in percent signs"])
def test_no_list_of_a_csaf_provider_gets_a_secret(
    folder: Path, web: SourceServer, thief: SourceServer, way: str, form: str
) -> None:
    wants = WANTS if form == "as it is" else quote(WANTS, safe="")
    web.play("/csaf/list", Reply(CSAF[way](web, thief.url(f"/steal/{wants}.json"))))
    web.play(f"/csaf/{GOOD}", Reply(advisory(PUBLISHED)))
    watcher = Watcher(folder, web, {"provider": ("csaf", web.url("/csaf/list"))})

    failures = [watcher.check(time) for time in (FIRST, SECOND)]
    assert thief.requests == []
    assert {asked.target for asked in web.requests} <= {
        "/blog",
        "/csaf/list",
        f"/csaf/{GOOD}",
    }
    assert not tells(SECRET, got(web))
    for each in failures:
        refused(each, "provider")
    assert watcher.read("provider") == ({""} if "metadata" in way else {"", GOOD})


@tried("secrets")
def test_a_download_page_that_a_row_of_a_table_links_gets_no_secret(
    folder: Path, web: SourceServer, thief: SourceServer
) -> None:
    row = (
        "Exchange Server 2019 CU14 Nov24SU",
        "November 12, 2024",
        "15.2.1544.13",
        thief.url(f"/download/details.aspx?id=1&x={WANTS}"),
    )
    web.play("/builds", Reply(table(row), content_type="text/html"))
    watcher = Watcher(
        folder,
        web,
        {
            "builds": ("build-table", web.url("/builds")),
            "files": ("download", web.url("/download/")),
        },
    )

    failures = [watcher.check(time) for time in (FIRST, SECOND)]
    assert thief.requests == []
    assert not tells(SECRET, got(web))
    for each in failures:
        refused(each, "files")
    assert watcher.read("builds") == {""}


@tried("secrets")
@pytest.mark.parametrize(
    ("kind", "host", "asked"),
    [
        ("kb-article", "support.microsoft.com", "/help/5044062"),
        ("catalog", "www.catalog.update.microsoft.com", "/Search.aspx?q=KB5044062"),
    ],
)
def test_the_article_that_a_row_of_a_table_links_is_asked_by_its_number_alone(
    folder: Path,
    web: SourceServer,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    host: str,
    asked: str,
) -> None:
    link = f"https://support.microsoft.com/help/5044062?x={WANTS}"
    row = (
        "Exchange Server 2019 CU14 Nov24SU",
        "November 12, 2024",
        "15.2.1544.13",
        link,
    )
    web.play("/builds", Reply(table(row), content_type="text/html"))
    authority, tls = trustme.CA(), SSLContext(PROTOCOL_TLS_SERVER)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert(host).configure_cert(tls)
    with SourceServer(tls) as microsoft, ProxyServer({host: microsoft.port}) as proxy:
        page = (
            article("KB5044062")
            if kind == "kb-article"
            else catalog(
                "KB5044062", ("1", "Security Update for Exchange Server 2019", 9)
            )
        )
        microsoft.play(asked, Reply(page, content_type="text/html"))
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        sources = {
            "builds": ("build-table", web.url("/builds")),
            "followed": (kind, f"https://{host}/"),
        }
        watcher = Watcher(folder, web, sources, f'ca_bundle = "{folder / "ca.pem"}"')
        failures = [*watcher.check(FIRST), *watcher.check(SECOND)]

        assert failures == []
        assert {one.target for one in microsoft.requests} == {asked}
        assert not tells(SECRET, got(web, microsoft, proxy))


@tried("secrets")
@pytest.mark.parametrize("form", [form for form in FORMS if "tab" not in form])
def test_a_redirect_gets_no_secret(
    folder: Path, web: SourceServer, thief: SourceServer, form: str
) -> None:
    web.play("/old", moved(thief.url(FORMS[form].format(name=NAME))))
    watcher = Watcher(folder, web, {"news": ("feed", web.url("/old"))})

    refused(watcher.check(FIRST), "news", by="a redirect")
    assert watcher.read("blog") == {""}
    assert thief.requests == []
    assert not tells(SECRET, got(web))


@tried("secrets")
def test_a_redirect_of_a_document_that_is_followed_gets_no_secret(
    folder: Path, web: SourceServer, thief: SourceServer
) -> None:
    web.play("/2024-Nov", moved(thief.url(f"/steal?x={WANTS}"), 301))
    serve_months(web, {"2024-Nov": web.url("/2024-Nov")})

    refused(
        Watcher(folder, web, {"msrc": ("cvrf", web.url("/updates"))}).check(FIRST),
        "msrc",
        by="a redirect",
    )
    assert thief.requests == []


@tried("secrets")
def test_an_address_that_asks_is_refused_by_name_though_its_host_is_down(
    folder: Path, web: SourceServer
) -> None:
    """What is not asked for its host's sake is told of the host; this is never asked at all."""
    with SourceServer() as gone:
        pass
    serve_months(
        web,
        {
            "2024-Nov": gone.url("/2024-Nov"),
            "2024-Oct": gone.url(f"/2024-Oct?x={WANTS}"),
            "2024-Sep": gone.url("/2024-Sep"),
        },
    )

    causes = {
        failure.document: failure.cause
        for failure in Watcher(
            folder, web, {"msrc": ("cvrf", web.url("/updates"))}
        ).check(FIRST)
    }
    assert causes["2024-Nov"] == causes["2024-Sep"] == "the connection was refused"
    assert "asks for a secret" in causes["2024-Oct"]


@tried("secrets")
def test_watcher_sources_gives_no_document_a_secret(
    folder: Path,
    web: SourceServer,
    thief: SourceServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve_months(web, {"2024-Nov": thief.url(f"/steal?x={WANTS}")})
    Watcher(folder, web, {"msrc": ("cvrf", web.url("/updates"))})
    monkeypatch.setenv(NAME, SECRET)
    said = CliRunner().invoke(app, ["sources", "msrc"], prog_name="watcher")

    assert said.exit_code == 1
    assert (
        "msrc 2024-Nov: a document, not the configuration, gives this address"
        in said.stderr
    )
    assert SECRET not in said.output
    assert thief.requests == []


# --- what the configuration itself asks for still comes ---------------------------------------------------------------


@tried("secrets")
def test_the_token_of_a_sources_own_address_goes_there_and_nowhere_else(
    folder: Path, web: SourceServer, thief: SourceServer
) -> None:
    web.play("/good", Reply(november().body))
    wanting = {
        "2024-Oct": web.url("/updates?other=${TOKEN}"),
        "2024-Sep": thief.url("/updates?key=${TOKEN}"),
    }
    serve_months(
        web, {"2024-Nov": web.url("/good"), **wanting}, "/updates?key=t0ken-t0ken"
    )
    failures = Watcher(
        folder,
        web,
        {"msrc": ("cvrf", web.url("/updates?key=${TOKEN}"))},
        TOKEN="t0ken-t0ken",
    ).check(FIRST)

    assert {failure.document for failure in failures} == set(wanting)
    assert all("asks for a secret" in failure.cause for failure in failures)
    assert {asked.target for asked in web.requests} == {
        "/blog",
        "/good",
        "/updates?key=t0ken-t0ken",
    }
    assert thief.requests == []


@tried("secrets")
def test_a_token_in_the_path_of_a_source_serves_for_what_lies_below_it_live_and_relived(
    folder: Path, web: SourceServer
) -> None:
    for path, page in {
        "list.html": b'<html><a href="changes.csv">a</a></html>',
        "changes.csv": f'"{GOOD}","{CHANGED}"\n'.encode(),
        GOOD: advisory(PUBLISHED),
    }.items():
        web.play(f"/t0ken-t0ken/{path}", Reply(page))
    watcher = Watcher(
        folder,
        web,
        {"provider": ("csaf", web.url("/${TOKEN}/list.html"))},
        TOKEN="t0ken-t0ken",
    )
    recorded = folder / "recorded.warc.gz"

    assert watcher.check(FIRST, recorded) == ()
    assert watcher.read("provider") == {"", "changes.csv", GOOD}
    assert (
        watcher.check(SECOND) == ()
    )  # what the state remembers has ${TOKEN} in its address
    relived = Watcher(
        folder,
        web,
        {"provider": ("csaf", web.url("/${TOKEN}/list.html"))},
        TOKEN="t0ken-t0ken",
    )
    with (
        Store.open(f"sqlite:///{folder}/relived.db") as store,
        Recording([recorded]) as played,
    ):
        check(relived.settings, store, played, moment(FIRST), force=True, publish=False)
        assert set(store.documents("provider")) == {"", "changes.csv", GOOD}
