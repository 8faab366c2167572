"""Takes pictures of every kind of mail, and of the page, in Chromium.

On a phone and on desks, by day and by night.

The letters are the samples that `watcher check` renders, and the mail of `make demo`
when it has been run. The page is that of the demo's recording, while its update is
pulled and when it is back. Needs a Chromium of the system; pictures lie in
``out/screenshots``.
"""

from __future__ import annotations

import functools
import json
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from msgspec.structs import replace
from playwright.sync_api import Browser, sync_playwright

from watcher import config, demo
from watcher.mail import render, samples
from watcher.records import Kind, Letter
from watcher.replay import replay
from watcher.settings import Mail, Settings

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "out" / "screenshots"
DEMO = ROOT / "out" / "demo"
WIDTHS = (360, 640, 1000)
WINDOWS = (360, 800, 1440)
UPDATE = "updates/exchange-server-2024-11-su.html"
MOMENTS = {"pulled": datetime(2024, 11, 21, tzinfo=UTC), "back": None}
SETTINGS = Settings(
    mail=Mail(sender="Advisory Watcher <watcher@example.org>"),
    base_url="https://advisories.example.org/",
)


def letters() -> dict[str, Letter]:
    """Give one sample letter of each kind."""
    first = samples.letters()[0].subscriber
    digest = Letter("digest", first, tuple(samples.event(kind) for kind in Kind))
    several = (
        *samples.letters()[: len(Kind)],
        digest,
        samples.welcome(pulled=True),
        samples.operator(),
        samples.reminder(),
        samples.patch_tuesday(Kind.PULLED, Kind.RELEASED),
    )
    found = {letter.kind: letter for letter in several}
    # Forty servers, and more events than a digest tells whole
    pulled = found[Kind.PULLED.value]
    alike = (
        replace(each, server=replace(each.server, name=f"{each.server.name}-{number}"))
        for each in samples.servers()
        for number in range(10)
    )
    found["many-servers"] = replace(pulled, servers=tuple(alike))
    found["long-digest"] = replace(
        digest,
        events=tuple(
            replace(event, id=f"{event.id}-{number}")
            for number in range(3)
            for event in digest.events
        ),
    )
    return found


def mails() -> Iterator[tuple[str, bytes]]:
    """Give name and bytes of every message to be pictured."""
    for kind, letter in letters().items():
        yield f"mail-{kind}", render.message(letter, SETTINGS, samples.NOW).body
    for path in sorted(DEMO.rglob("*.eml")):
        yield f"demo-{path.stem}", path.read_bytes()


def html_of(body: bytes) -> str:
    """Give the HTML part of a message."""
    read = BytesParser(policy=policy.default).parsebytes(body)
    assert isinstance(read, EmailMessage)  # noqa: S101 - what policy.default makes
    part = read.get_body(("html",))
    return str(part.get_content()) if part else ""


def picture(browser: Browser, name: str, html: str) -> None:
    """Take a whole message at each width, light and dark."""
    for scheme in ("light", "dark"):
        context = browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light", offline=True
        )
        page = context.new_page()
        page.set_content(html)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            page.screenshot(path=OUT / f"{name}-{width}-{scheme}.png", full_page=True)
        context.close()


def readme_mail(browser: Browser, mail: Path) -> None:
    """Take the mail of a real pull, as docs/images/mail.png shows it."""
    page = browser.new_page(
        viewport={"width": 640, "height": 1050}, color_scheme="light"
    )
    page.set_content(html_of(mail.read_bytes()))
    page.screenshot(path=OUT / "readme-mail.png")  # docs/images/mail.png
    page.screenshot(  # docs/images/pulled.png
        path=OUT / "readme-pulled.png",
        clip={"x": 0, "y": 8, "width": 640, "height": 544},
    )
    page.close()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; its address."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def sites(work: Path) -> Iterator[tuple[str, Path]]:
    """Give the site of the demo's recording at each of the moments."""
    recording = work / "november-2024.warc.gz"
    demo.record(demo.pages_folder(), recording)
    settings = work / "watcher.toml"
    settings.touch()
    for name, until in MOMENTS.items():
        replay(config.load(settings, {}), [recording], work / name, None, None, until)
        yield name, work / name / "site"


def site_pictures(browser: Browser, name: str, site: Path) -> None:
    """Take the front page and an update's page at each width, light and dark, at the
    moment of their last check.
    """
    checked = json.loads((site / "status.json").read_text(encoding="utf-8"))["checked"]
    with served(site) as address:
        for scheme in ("light", "dark"):
            context = browser.new_context(
                color_scheme="dark" if scheme == "dark" else "light"
            )
            page = context.new_page()
            page.clock.set_fixed_time(checked)
            for path in ("index.html", UPDATE):
                page.goto(f"{address}{path}", wait_until="networkidle")
                for width in WINDOWS:
                    page.set_viewport_size({"width": width, "height": 900})
                    kind = "update" if path == UPDATE else "front"
                    page.screenshot(
                        path=OUT / f"site-{name}-{kind}-{width}-{scheme}.png",
                        full_page=True,
                    )
            context.close()
        if name == "pulled":
            page = browser.new_page(
                viewport={"width": 1000, "height": 720}, color_scheme="light"
            )
            page.clock.set_fixed_time(checked)
            page.goto(address, wait_until="networkidle")
            page.screenshot(path=OUT / "readme.png")  # docs/images/page.png
            page.close()


def main() -> int:
    """Take all pictures; 1 where there is no Chromium."""
    chromium = next(
        filter(
            None,
            map(
                shutil.which,
                (
                    "chromium",
                    "chromium-browser",
                    "google-chrome",
                    "google-chrome-stable",
                ),
            ),
        ),
        None,
    )
    if chromium is None:
        print(
            "No Chromium is installed. Debian: apt-get install chromium",
            file=sys.stderr,
        )
        return 1
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        for name, body in mails():
            picture(browser, name, html_of(body))
        with tempfile.TemporaryDirectory(prefix="watcher-pictures-") as work:
            for name, site in sites(Path(work)):
                site_pictures(browser, name, site)
                if name == "pulled":
                    readme_mail(
                        browser, next((site.parent / "mail").glob("*-pulled-*.eml"))
                    )
        browser.close()
    print(f"{len(list(OUT.glob('*.png')))} pictures lie in {OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
