"""Takes pictures of every kind of mail in Chromium: on a phone and on desks, by day and by night.

The letters are the samples that `watcher check` renders, and the mail of `make demo` when it has been run.
Needs a Chromium of the system; pictures lie in ``out/screenshots``.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from watcher import render
from watcher.config.settings import Mail, Settings
from watcher.formats import samples
from watcher.records import Kind, Letter

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "out" / "screenshots"
DEMO = ROOT / "out" / "demo"
WIDTHS = (360, 640, 1000)
SETTINGS = Settings(mail=Mail(sender="Advisory Watcher <watcher@example.org>"), base_url="https://advisories.example.org/")


def letters() -> dict[str, Letter]:
    """Give one sample letter of each kind."""
    first = samples.letters()[0].subscriber
    digest = Letter("digest", first, tuple(samples.event(kind) for kind in Kind))
    several = (*samples.letters()[: len(Kind)], digest, samples.welcome(pulled=True), samples.letters()[-1])
    return {letter.kind: letter for letter in several}


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
        context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light", offline=True)
        page = context.new_page()
        page.set_content(html)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            page.screenshot(path=OUT / f"{name}-{width}-{scheme}.png", full_page=True)
        context.close()


def main() -> int:
    """Take all pictures; 1 where there is no Chromium."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None)
    if chromium is None:
        print("No Chromium is installed. Debian: apt-get install chromium", file=sys.stderr)
        return 1
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        for name, body in mails():
            picture(browser, name, html_of(body))
        browser.close()
    print(f"{len(list(OUT.glob('*.png')))} pictures lie in {OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
