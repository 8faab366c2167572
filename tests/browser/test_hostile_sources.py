"""What sources write is read by their parsers, judged, mailed and published, and none of
it ever runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape
from typing import Any

import feedparser
import jsonschema
import pytest
from lxml import etree
from msgspec.structs import replace
from playwright.sync_api import Browser, Dialog, Page

from tests.browser.poison import EVIL, TEXTS, WATCH, poisoned, spoiled
from tests.browser.served import served
from tests.browser.test_site import WHAT_WOULD_RUN, opened
from tests.edges.test_site_readers import mistakes, validator
from tests.formats.test_feeds import relaxng, schema
from tests.stories import test_dotnet as dotnet
from tests.stories import test_edge as edge
from tests.stories import test_office as office
from tests.stories import test_sql_articles as articles
from tests.stories import test_windows_graph as graph
from tests.stories.learn import HEALTH, Issue, message_center, status_page
from tests.stories.pages import (
    CU13,
    CU14,
    Cve,
    Fix,
    Month,
    article,
    blog,
    catalog,
    download,
    guide,
    index,
    issues,
    kev,
    month,
    post,
    table,
)
from tests.stories.telling import GONE, URLS, World
from tests.stories.test_csaf import (
    BACK,
    DIRECTORY,
    PAUSED,
    PUBLISHED,
    advisory,
    provider,
)
from tests.stories.test_tables_of_products import (
    CU1,
    FEB,
    GDR1,
    GDR2,
    JULY,
    JUNE,
    LATE,
    sharepoint,
    sql,
    windows,
)
from watcher.config.source_settings import BUILTIN
from watcher.kinds import SOURCE_KINDS
from watcher.records import Kind, Source
from watcher.run.publish import publish_site
from watcher.settings import Operator
from watcher.store import Store

pytestmark = pytest.mark.browser
LAST = datetime(2024, 11, 29, 19, tzinfo=UTC)
ARTICLE = "https://support.microsoft.com/help/5044062"
CATALOG = "https://www.catalog.update.microsoft.com/Search.aspx?q=KB5044062"
PAGES = {
    CU14: "https://www.microsoft.com/download/details.aspx?id=106530",
    CU13: "https://www.microsoft.com/download/details.aspx?id=106531",
}
BUILDS = {CU14: "15.02.1544.013", CU13: "15.02.1258.038"}
FIXES = tuple(
    Fix(product, "5044062", build, PAGES[product], supersedes="5037224")
    for product, build in BUILDS.items()
)
AGAIN = tuple(
    replace(fix, kb="5049233", build=f"{fix.build[:-1]}9", url="") for fix in FIXES
)
BLAMED = f'<a href="{ARTICLE}">November Exchange Security Update for Exchange 2019</a>'
MORE = {
    "atom": Source("atom", "feed", "https://atom.example.org/feed"),
    "rdf": Source("rdf", "feed", "https://rdf.example.org/feed"),
    "cu1": Source("cu1", "article", articles.ADDRESS),
    "json": Source("json", "cvrf", "https://json.example.org/updates"),
}
BUILTIN_URLS = {source.name: source.url for source in BUILTIN}
CENTER = f"{HEALTH}windows-message-center"
STATUS = f"{HEALTH}status-windows-server-2022"
MESSAGE = ("1900", "November 1, 2024", "Reminder: end of servicing", "It ends.")
WINDOWS_ISSUE = Issue(
    "1506",
    "Devices might show no connection",
    "They might show none.|<strong>Workaround:</strong> Restart.",
    "5046616",
    opened="2024-11-13",
)
GRAPH_ISSUE = graph.issue(
    "Devices might show none.\n\nWorkaround: Restart.",
    5046617,
    startDateTime="2024-11-13T10:00:00-08:00",
    lastUpdatedDateTime="2024-11-13T16:14:07.1881817-08:00",
)
JSON_MONTH = "https://json.example.org/2024-Nov"
# A row's product is part of its key, which ``poisoned`` keeps as it is
FARM = escape(f"SharePoint Server 2019 {TEXTS[0].format(mark='zqfarm')}")
MARKS = {
    "msrc-cvrf": "zqrecords",
    "msrc-guide": "zqguide",
    "msrc-csaf": "zqcsaf",
    "exchange-blog": "zqblog",
    "exchange-issues": "zqissues",
    "exchange-builds": "zqtable",
    "download-center": "zqdownload",
    "kb-articles": "zqarticle",
    "update-catalog": "zqcatalog",
    "cisa-kev": "zqkev",
    "atom": "zqatom",
    "rdf": "zqrdf",
    "json": "zqjson",
    "windows-health": "zqhealth",
    "windows-graph": "zqgraph",
    "windows-11-releases": "zqreleases",
    "sql-2025-builds": "zqsql",
    "sharepoint-updates": "zqfarm",
    "dotnet-releases": "zqdotnet",
    "cu1": "zqcu",
    "office-history": "zqoffice",
    "edge-issues": "zqedge",
}


def atom(*entries: tuple[int, str]) -> bytes:
    """Write a feed of releases; an entry is number and text."""
    told = "".join(
        f"<entry><id>tag:atom.example.org,2024:{number}</id><updated>2024-11-{number}T10:00:00Z</updated><author><name>Someone</name></author>"
        '<link rel="alternate" type="text/html" '
        f'href="https://atom.example.org/{number}"/><title>Release '
        f"{number}</title>"
        '<category term="releases"/><content '
        f'type="html">&lt;p&gt;{text}&lt;/p&gt;</content></entry>'
        for number, text in entries
    )
    return (
        "<feed "
        f'xmlns="http://www.w3.org/2005/Atom"><id>tag:atom.example.org,2024:all</id><title>Releases</title>{told}</feed>'
    ).encode()


def rdf(*items: tuple[int, str]) -> bytes:
    """Write a feed in RDF; an item is number and text."""
    spaces = (
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"'
    )
    told = "".join(
        f'<item rdf:about="https://rdf.example.org/{number}"><title>News '
        f"{number}</title><link>https://rdf.example.org/{number}</link>"
        f"<description>{text}</description><dc:date>2024-11-{number}T10:00:00+01:00</dc:date></item>"
        for number, text in items
    )
    return (
        f"<rdf:RDF {spaces}><channel "
        f'rdf:about="https://rdf.example.org/"><title>News</title></channel>{told}</rdf:RDF>'
    ).encode()


def json_month(*cves: str) -> bytes:
    """Write a month's document in JSON."""

    def vulnerability(cve: str) -> dict[str, Any]:
        return {
            "Title": {"Value": "Example Server Spoofing Vulnerability"},
            "Notes": [
                {"Title": "FAQ", "Type": 4, "Value": "<p>Am I protected? Yes.</p>"},
                {"Title": "Example", "Type": 7, "Value": "Example"},
            ],
            "CVE": cve,
            "ProductStatuses": [{"ProductID": ["101"], "Type": 3}],
            "Threats": [{"Description": {"Value": "Important"}, "Type": 3}],
            "CVSSScoreSets": [
                {"BaseScore": 7.5, "Vector": "CVSS:3.1/AV:N/AC:L", "ProductID": ["101"]}
            ],
            "Remediations": [
                {
                    "Description": {"Value": "5055555"},
                    "URL": "https://example.org/5055555",
                    "ProductID": ["101"],
                    "Type": 2,
                    "FixedBuild": "3.2.1.4",
                },
                {"Description": {"Value": "Close the port."}, "Type": 0},
            ],
            "RevisionHistory": [
                {
                    "Number": "1.0",
                    "Date": "2024-11-12T08:00:00",
                    "Description": {"Value": "<p>Information published.</p>"},
                }
            ],
        }

    tree = {"FullProductName": [{"ProductID": "101", "Value": "Example Server 2024"}]}
    tracking = {"Identification": {"ID": {"Value": "2024-Nov"}}}
    document = {
        "DocumentTracking": tracking,
        "ProductTree": tree,
        "Vulnerability": [vulnerability(cve) for cve in cves],
    }
    return json.dumps(document).encode()


def json_index(current: str) -> bytes:
    return index(
        {"2024-Nov": Month("2024-Nov", b"", current)}, lambda _name: JSON_MONTH
    )


def records(
    *revisions: tuple[str, str, str],
    fixes: tuple[Fix, ...] = FIXES,
    faq: str = "Why? Because.",
) -> bytes:
    published = ("1.0", "2024-11-12", "Information published.")
    cve = Cve(
        "CVE-2024-49040",
        fixes,
        (published, *revisions),
        faq=faq,
        workaround="Close the port.",
        severity="Important",
    )
    return month("2024-Nov", cve, linux=3).body


def linked(row: tuple[str, ...], cell: int) -> tuple[str, ...]:
    """Give a table's row with a link in its cell of the KB article.

    Of such a row nothing but this address is a text that is shown.
    """
    kb = row[cell]
    link = f'<a href="/help/{kb.removeprefix("KB")}">{kb}</a>'
    return (*row[:cell], link, *row[cell + 1 :])


# Documents by address: source, document, body
Shown = dict[str, tuple[str, str, bytes]]

ROW = (
    "Exchange Server 2019 CU14 Nov24SU",
    "November 12, 2024",
    "15.2.1544.13",
    "KB5044062",
)
LINKED_ROW = (
    "Exchange Server 2016 CU23 Nov24SU",
    "November 12, 2024",
    "15.1.2507.43",
    "https://learn.example.org/nov24",
)
AGAIN_ROW = (
    "Exchange Server 2019 CU14 Nov24SUv2",
    "November 27, 2024",
    "15.2.1544.19",
    "KB5049233",
)
OLD_ROW = (
    "Exchange Server 2019 CU14 Apr24HU",
    "April 23, 2024",
    "15.2.1544.11",
    "KB5037224",
)
OLD_ISSUE = (
    "3/20/2024",
    '<a href="https://support.microsoft.com/help/5036401">March 2024 SU for Exchange 2019</a>',
    "Links fail",
    "Wait",
)
OLD_POST = post(
    4250001,
    "What is new for shared calendars",
    "2024-10-21",
    "<p>A look at calendars.</p>",
)
TITLE = "Released: November 2024 Exchange Server Security Updates"
TEXT = "<p>Security updates for Exchange Server 2019 are now available (KB5044062).</p>"
NOTE = "<p>11/14: We have paused the rollout of the November 2024 SU.</p>"
OLD_ADVISORY = ("CVE-2024-40000", "1", "2024-10-08", "Information published.")
MSRC_MONTH = "https://api.msrc.microsoft.com/cvrf/v3.0/cvrf/2024-Nov"
CSAF = f"{DIRECTORY}/2024/msrc_cve-2024-49040.json"


def first() -> dict[str, bytes]:
    """What is there before anything hostile comes."""
    return {
        URLS["table"]: table(OLD_ROW),
        URLS["blog"]: blog(OLD_POST),
        URLS["issues"]: issues(OLD_ISSUE),
        URLS["guide"]: guide(OLD_ADVISORY),
        URLS["kev"]: kev(),
        CENTER: message_center(MESSAGE),
        graph.GRAPH.url: graph.listed(graph.product("Windows Server 2025")),
        dotnet.INDEX: dotnet.index(),
        office.HISTORY: office.by_date(office.OLD),
        edge.URL: edge.issues(edge.KYBER),
        articles.ADDRESS: articles.FIRST,
        dotnet.CHANNEL: dotnet.channel(dotnet.THREE, dotnet.TWO),
        BUILTIN_URLS["windows-11-releases"]: windows(FEB),
        BUILTIN_URLS["sql-2025-builds"]: sql(gdr=(GDR1,)),
        BUILTIN_URLS["sharepoint-updates"]: sharepoint(JUNE),
        STATUS: status_page("Windows Server 2022"),
        MORE["atom"].url: atom((10, "The first.")),
        MORE["rdf"].url: rdf((10, "The first.")),
        MORE["json"].url: json_index("2024-11-07T08:00:00Z"),
        JSON_MONTH: json_month("CVE-2024-50000"),
    }


def new() -> Shown:
    """What is told when an update comes."""
    found: Shown = {
        MSRC_MONTH: ("msrc-cvrf", "2024-Nov", records()),
        URLS["blog"]: (
            "exchange-blog",
            "",
            blog(post(4293125, TITLE, "2024-11-12", TEXT), OLD_POST),
        ),
        URLS["guide"]: (
            "msrc-guide",
            "",
            guide(
                ("CVE-2024-49040", "1", "2024-11-12", "Information published."),
                OLD_ADVISORY,
            ),
        ),
        MORE["atom"].url: ("atom", "", atom((12, "The second."), (10, "The first."))),
        MORE["rdf"].url: ("rdf", "", rdf((12, "The second."), (10, "The first."))),
        JSON_MONTH: (
            "json",
            "2024-Nov",
            json_month("CVE-2024-50000", "CVE-2024-50001"),
        ),
        CSAF: ("msrc-csaf", "2024/msrc_cve-2024-49040.json", advisory(PUBLISHED)),
        URLS["table"]: ("exchange-builds", "", table(ROW, LINKED_ROW, OLD_ROW)),
        CATALOG: (
            "update-catalog",
            "KB5044062",
            catalog(
                "KB5044062",
                ("2", "Security Update For Exchange Server 2019 CU14", 174838472),
            ),
        ),
        ARTICLE: ("kb-articles", "KB5044062", article("KB5044062")),
    }
    for product, url in PAGES.items():
        named = product.removeprefix("Microsoft ").replace("Cumulative Update ", "CU")
        body = download(
            f"Security Update For {named} (KB5044062)",
            (f"{named.replace(' ', '')}-KB5044062-x64-en.exe", 174838472),
        )
        found[url] = ("download-center", url.rpartition("=")[2], body)
    return found


def turned() -> Shown:
    """What is told when it is pulled."""
    return {
        MSRC_MONTH: (
            "msrc-cvrf",
            "2024-Nov",
            records(
                ("2.0", "2024-11-14", PAUSED[2]),
                faq="Why? We have temporarily paused its rollout.",
            ),
        ),
        URLS["blog"]: (
            "exchange-blog",
            "",
            blog(post(4293125, TITLE, "2024-11-12", TEXT + NOTE), OLD_POST),
        ),
        URLS["guide"]: (
            "msrc-guide",
            "",
            guide(("CVE-2024-49040", "2", "2024-11-14", PAUSED[2]), OLD_ADVISORY),
        ),
        URLS["issues"]: (
            "exchange-issues",
            "",
            issues(
                ("11/14/2024", BLAMED, "Transport rules may stop", "Add an override"),
                OLD_ISSUE,
            ),
        ),
        BUILTIN_URLS["windows-11-releases"]: (
            "windows-11-releases",
            "",
            windows(linked(LATE, 3), FEB),
        ),
        BUILTIN_URLS["sql-2025-builds"]: (
            "sql-2025-builds",
            "",
            sql(CU1, gdr=(linked(GDR2, 2), GDR1)),
        ),
        BUILTIN_URLS["sharepoint-updates"]: (
            "sharepoint-updates",
            "",
            sharepoint((FARM, *JULY[1:]), JUNE),
        ),
        articles.ADDRESS: ("cu1", "", articles.PULLED),
        office.HISTORY: ("office-history", "", office.by_date(office.NEW, office.OLD)),
        edge.URL: ("edge-issues", "", edge.issues(edge.EXTENSIONS, edge.KYBER)),
        CENTER: (
            "windows-health",
            "",
            message_center(
                ("1905", "November 13, 2024", "Out-of-band update", "It is out."),
                MESSAGE,
            ),
        ),
        STATUS: (
            "windows-health",
            "status-windows-server-2022",
            status_page("Windows Server 2022", WINDOWS_ISSUE),
        ),
        graph.GRAPH.url: (
            "windows-graph",
            "",
            graph.listed(
                graph.product(
                    "Windows Server 2025",
                    graph.revision("26100.2314", "2024-11-13", 5046617),
                    issues=(GRAPH_ISSUE,),
                )
            ),
        ),
        URLS["kev"]: ("cisa-kev", "", kev("CVE-2024-49040", "CVE-2024-50001")),
        CSAF: (
            "msrc-csaf",
            "2024/msrc_cve-2024-49040.json",
            advisory(PUBLISHED, PAUSED),
        ),
        ARTICLE: (
            "kb-articles",
            "KB5044062",
            article(
                "KB5044062", issue="Mail flow may stop after this update was installed."
            ),
        ),
    }


def later() -> Shown:
    """What is told the day after: the digest of the pull has more than it shows in full."""
    return {
        dotnet.CHANNEL: (
            "dotnet-releases",
            "10.0",
            dotnet.channel(dotnet.FOUR, dotnet.THREE, dotnet.TWO),
        ),
    }


def back() -> Shown:
    """What is told when it comes back."""
    return {
        MSRC_MONTH: (
            "msrc-cvrf",
            "2024-Nov",
            records(
                ("2.0", "2024-11-14", PAUSED[2]),
                ("3.0", "2024-11-27", "Re-released as KB5049233."),
                fixes=AGAIN,
            ),
        ),
        URLS["blog"]: (
            "exchange-blog",
            "",
            blog(
                post(
                    4293125,
                    TITLE,
                    "2024-11-12",
                    f"{TEXT}<p>It has been re-released.</p>",
                ),
                OLD_POST,
            ),
        ),
        URLS["table"]: (
            "exchange-builds",
            "",
            table(AGAIN_ROW, ROW, LINKED_ROW, OLD_ROW),
        ),
        CSAF: (
            "msrc-csaf",
            "2024/msrc_cve-2024-49040.json",
            advisory(PUBLISHED, PAUSED, BACK, kb="5049233", build="15.02.1544.019"),
        ),
    }


def check(
    world: World, time: str, shown: Shown, turn: int = 0, *, whole: bool = True
) -> None:
    """Make a check of sources that show documents with an attack in each of their fields,
    which their lists say are new.
    """
    day = time.partition(" ")[0]
    kinds = {source.name: source.kind for source in world.settings.sources}
    kept = {
        url: body for url, body in world.web.shown.items() if url in (MSRC_MONTH, CSAF)
    }
    world.shows(Month("2024-Nov", b"", f"{day}T08:00:00Z"))
    listed = {MORE["json"].url: json_index(f"{day}T08:00:00Z"), **provider(day, b"")}
    bad = {
        url: poisoned(kinds[source], body, MARKS[source], turn, document, url)
        if whole
        else spoiled(body, MARKS[source], turn)
        for url, (source, document, body) in shown.items()
    }
    world.at(time, pages={**listed, **kept, **bad})
    assert not whole or world.failures == [], time


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A watcher to which every source told an update's whole life, with an attack in
    every field.
    """
    folder = tmp_path_factory.mktemp("hostile")
    with Store.open(f"sqlite:///{folder / 'state.db'}") as store:
        world = World(store, folder, WATCH.products)
        first_told = world.settings.subscribers[0]
        # A digest offers no download of what it calls pulled
        installing = replace(first_told, name="installing", kinds=(Kind.RELEASED,))
        world.settings = replace(
            world.settings,
            sources=(*world.settings.sources, *MORE.values()),
            subscribers=(first_told, installing),
            operator=Operator(first_told, failures=1),
            base_url="https://advisories.example.org/",
        )
        world.at(
            "2024-11-08 06:00",
            month("2024-Oct", linux=3),
            pages={**provider(""), **first()},
        )
        check(world, "2024-11-12 18:00", new(), 0)
        check(world, "2024-11-12 20:00", {})  # what the documents lead to is followed
        world.at(
            "2024-11-13 12:00",
            pages={
                CATALOG: catalog("KB5044062"),
                **dict.fromkeys(PAGES.values(), GONE),
            },
        )
        world.at("2024-11-13 14:00")
        check(world, "2024-11-14 18:00", turned(), 1)
        check(world, "2024-11-15 18:00", later(), 1)
        check(world, "2024-11-27 18:00", back(), 2)
        every = new() | turned() | later() | back()
        check(world, "2024-11-29 18:00", every, 3, whole=False)
        check(world, "2024-11-29 19:00", every, 4, whole=False)
        publish_site(world.settings, store, LAST)
        yield world


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test when anything speaks up or asks another host."""
    yield from opened(browser, LAST)


def said(page: Page) -> str:
    """Give what a page shows, and the addresses that it links."""
    return page.locator("body").inner_text() + "".join(
        page.locator("a").evaluate_all("all => all.map(a => a.href)")
    )


def test_every_kind_of_source_is_hostile(world: World) -> None:
    kinds = {source.kind for source in world.settings.sources if source.name in MARKS}
    assert kinds == set(SOURCE_KINDS)
    assert {event.kind.value for event in world.store.events()} >= {
        "released",
        "pulled",
        "known-issue",
        "exploited",
        "re-released",
        "news",
    }


def test_nothing_runs_on_any_page_and_every_source_is_quoted(
    world: World, page: Page
) -> None:
    folder, read = world.settings.site, ""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html"))
    assert len(names) > 15
    with served(folder) as address:
        for name in names:
            page.goto(f"{address}{name}")
            page.evaluate(
                "document.querySelectorAll('details').forEach(d => d.open = true)"
            )
            page.mouse.move(200, 300)
            assert page.locator("script").count() == 1, name
            assert page.locator("main *").evaluate_all(WHAT_WOULD_RUN) == [], name
            assert (
                page.locator(
                    "main :is(iframe, object, embed, base, link, style, "
                    "math, img, form:not(#filters, #search))"
                ).count()
                == 0
            ), name
            read += said(page)
    assert [source for source, mark in MARKS.items() if mark not in read] == []
    assert "<script>alert('zqissues')</script>" in read  # as text


def test_nothing_runs_in_any_mail(world: World, page: Page) -> None:
    read = ""
    for mail in world.mails:
        part = mail.get_body(("html",))
        assert isinstance(part, EmailMessage)
        page.set_content(part.get_content())
        assert (
            page.locator("body *").evaluate_all(
                WHAT_WOULD_RUN.replace(" || a.name === 'style'", "")
            )
            == []
        ), mail["Subject"]
        assert page.locator("script, iframe, img, base, link, math").count() == 0, mail[
            "Subject"
        ]
        read += said(page)
    assert {mail["X-Watcher-Event"] for mail in world.mails} >= {
        "welcome",
        "operator",
        "digest",
        "pulled",
        "re-released",
    }
    # Of its rows mail takes names and numbers that it can read, and nothing else
    unquoted = [source for source, mark in MARKS.items() if mark not in read]
    assert unquoted == ["exchange-builds"]


def test_nothing_runs_in_a_reader_that_shows_what_feeds_hold(
    world: World, page: Page
) -> None:
    read, feeds = (
        "",
        [world.settings.site / name for name in ("events.atom", "events.rss")],
    )
    told = [
        str(item["content_html"])
        for item in json.loads((world.settings.site / "events.json").read_text())[
            "items"
        ]
    ]
    for path in (*feeds, *world.settings.site.glob("products/*.atom")):
        entries = feedparser.parse(path.read_bytes(), sanitize_html=False).entries
        told += [
            entry.content[0].value if "content" in entry else entry.description
            for entry in entries
        ]
    for content in dict.fromkeys(told):
        page.set_content(content)
        assert page.locator("body *").evaluate_all(WHAT_WOULD_RUN) == []
        assert page.locator("script, iframe, img, base, link, style, math").count() == 0
        read += said(page)
    # Of which only addresses are kept
    assert [source for source, mark in MARKS.items() if mark not in read] == [
        "exchange-builds",
        "windows-11-releases",
        "sql-2025-builds",
    ]


def test_pages_and_feeds_stay_valid(world: World) -> None:
    folder = world.settings.site
    for path in (folder / "events.atom", *folder.glob("products/*.atom")):
        relaxng().assertValid(etree.parse(path))
    jsonschema.validate(json.loads((folder / "events.json").read_text()), schema())
    assert all(
        feedparser.parse((folder / name).read_bytes()).bozo == 0
        for name in ("events.rss", "events.atom")
    )
    assert mistakes(validator(), sorted(folder.rglob("*.html"))) == []


def test_the_attacks_do_run_where_nothing_keeps_them(browser: Browser) -> None:
    heard: list[str] = []
    page = browser.new_page()

    def answer(dialog: Dialog) -> None:
        heard.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", answer)
    page.on(
        "request",
        lambda request: heard.append(request.url) if EVIL in request.url else None,
    )
    page.route(f"{EVIL}/**", lambda route: route.abort())
    silent = []
    for attack in TEXTS:
        heard.clear()
        page.set_content(
            f"<p title='{attack.format(mark='zqraw')}'>{attack.format(mark='zqraw')}</p>",
            wait_until="commit",
        )
        page.wait_for_load_state()
        if not heard:
            silent.append(attack)
    page.close()
    # Templates, entities, a link that waits to be clicked, and a frame
    assert len(silent) <= 4
