"""The page on other vendors: its file is run, from three sources to a mail."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

from tests.mailing import MailServer, Postbox
from tests.run.stage import HASTY
from tests.servers import Reply, SourceServer
from watcher import config
from watcher.run.check import Report, check
from watcher.store import Store
from watcher.web.fetch import Fetcher

PAGE = Path(__file__).parents[2] / "docs" / "other-vendors.md"
HOSTS = ("psirt", "blog", "support")
METADATA = "/.well-known/csaf/provider-metadata.json"
PRODUCT = "Example Gateway 7.2.1"
OLD = "Example Gateway 7.1.4"


def file_of_page(web: SourceServer, mail: MailServer, folder: Path) -> Path:
    """Write the page's file, with this test's servers in place of its hosts."""
    (text,) = re.findall(
        r"^```toml\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    for host in HOSTS:
        assert f"https://{host}.example.org/" in text
        text = text.replace(f"https://{host}.example.org/", web.url("/"))
    sender = "smtp://mail.example.org:587"
    assert sender in text
    text = text.replace(f'"{sender}"', f'"{mail.url}?starttls=never"')
    file = folder / "watcher.toml"
    file.write_text(text, encoding="utf-8")
    return file


def advisory(number: str, product: str, *, paused: bool = False) -> bytes:
    history = [("1", "2031-11-04", "Initial version.")]
    if paused:
        history.append(("2", "2031-11-06", "We have withdrawn this update."))
    revisions = [
        {"date": f"{day}T08:00:00Z", "number": each, "summary": text}
        for each, day, text in history
    ]
    document = {
        "document": {
            "category": "csaf_security_advisory",
            "csaf_version": "2.0",
            "title": f"{product}: remote code execution",
            "publisher": {
                "category": "vendor",
                "name": "Example",
                "namespace": "https://example.org",
            },
            "tracking": {
                "id": f"EX-{number}",
                "status": "final",
                "version": history[-1][0],
                "initial_release_date": "2031-11-04T08:00:00Z",
                "current_release_date": f"{history[-1][1]}T08:00:00Z",
                "revision_history": revisions,
            },
        },
        "product_tree": {"branches": [tree(product)]},
        "vulnerabilities": [
            {
                "cve": f"CVE-2031-{number}",
                "product_status": {"fixed": ["1"]},
                "remediations": [
                    {
                        "category": "vendor_fix",
                        "details": f"Update to {product}.",
                        "product_ids": ["1"],
                        "url": "https://example.org/download/7.2.1",
                    }
                ],
            }
        ],
    }
    return json.dumps(document).encode()


def tree(product: str) -> dict[str, object]:
    """Write a product tree: vendor, product, version."""
    name, _, version = product.rpartition(" ")
    leaf = {
        "category": "product_version",
        "name": version,
        "product": {"name": product, "product_id": "1"},
    }
    branch = {"category": "product_name", "name": name, "branches": [leaf]}
    return {"category": "vendor", "name": "Example", "branches": [branch]}


def feed(*posts: tuple[str, str, str]) -> bytes:
    items = "".join(
        f"<item><title>{title}</title><guid>{number}</guid><link>https://blog.example.org/"
        f"{number}</link><description>{text}</description></item>"
        for number, title, text in posts
    )
    head = '<?xml version="1.0"?><rss version="2.0"><channel><title>Example</title>'
    return f"{head}{items}</channel></rss>".encode()


def issues(*rows: tuple[str, str]) -> bytes:
    body = "".join(
        f"<tr><td>{issue}</td><td>{remedy}</td></tr>" for issue, remedy in rows
    )
    return (
        "<html><head><title>Example Gateway known issues</title></head><body><h1>Example "
        f"Gateway known issues</h1><table><tr><th>Issue</th><th>Workaround</th></tr>{body}"
        "</table></body></html>"
    ).encode()


def served(body: bytes, kind: str = "application/xml") -> Reply:
    return Reply(body, content_type=kind)


def show(
    web: SourceServer,
    day: int,
    documents: dict[str, bytes],
    posts: bytes,
    page: bytes,
) -> None:
    newest = [f'"{name}","2031-11-{day:02}T08:00:00Z"' for name in documents]
    lists = "\n".join(newest)
    metadata = {
        "canonical_url": web.url(METADATA),
        "metadata_version": "2.0",
        "last_updated": "2031-11-04T08:00:00Z",
        "role": "csaf_provider",
        "publisher": {
            "category": "vendor",
            "name": "Example",
            "namespace": web.url("/"),
        },
        "distributions": [{"directory_url": web.url("/csaf/")}],
    }
    web.play(METADATA, served(json.dumps(metadata).encode(), "application/json"))
    web.play("/csaf/changes.csv", served(lists.encode(), "text/csv"))
    for name, body in documents.items():
        web.play(f"/csaf/{name}", served(body, "application/json"))
    web.play("/gateway/feed.xml", served(posts, "application/rss+xml"))
    web.play("/gateway/known-issues", served(page, "text/html"))


def checked(file: Path, day: int) -> Report:
    settings = config.load(file, {})
    now = datetime(2031, 11, day, 18, 0, tzinfo=UTC)
    with Store.open(settings.state) as store, Fetcher(HASTY) as fetcher:
        return check(settings, store, fetcher, now, force=True, publish=False)


def told(report: Report) -> list[str]:
    failures = [str(each) for source in report.sources for each in source.failures]
    assert failures == []
    assert report.troubles == ()
    return sorted(f"{event.kind} {event.update.title}" for event in report.events)


def test_the_pages_file_tells_of_three_sources_by_mail(tmp_path: Path) -> None:
    postbox = Postbox()
    with SourceServer() as web, MailServer(postbox) as mail:
        file = file_of_page(web, mail, tmp_path)
        known = {"2031/ex-10001.json": advisory("10001", OLD)}
        show(
            web, 4, known, feed(("1", "Welcome", "News.")), issues(("Old one", "Wait."))
        )
        assert told(checked(file, 4)) == []

        new = {**known, "2031/ex-10002.json": advisory("10002", PRODUCT)}
        posts = (
            ("2", f"{PRODUCT} is now available", "It is out."),
            ("1", "Welcome", "News."),
        )
        show(web, 5, new, feed(*posts), issues(("Old one", "Wait.")))
        said = told(checked(file, 5))
        assert f"released {PRODUCT}" in said

        paused = {
            **known,
            "2031/ex-10002.json": advisory("10002", PRODUCT, paused=True),
        }
        fault = issues(("Tunnels of 7.2.1 drop", "Restart it."), ("Old one", "Wait."))
        show(web, 6, paused, feed(*posts), fault)
        said = told(checked(file, 6))
        assert any(line.startswith("pulled Example Gateway") for line in said)
        assert any(line.startswith("known-issue") for line in said)
    mails = [
        message_from_bytes(each.body, policy=policy.default)
        for each in postbox.messages
    ]
    subjects = [str(message["Subject"]) for message in mails]
    assert any(subject.startswith("[RELEASED]") for subject in subjects)
    assert any(subject.startswith("[PULLED]") for subject in subjects)
    assert any(subject.startswith("[KNOWN ISSUE]") for subject in subjects)
    readers = {reader for each in postbox.messages for reader in each.recipients}
    assert readers == {"network@example.org"}
