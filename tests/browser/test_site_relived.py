"""The site of November 2024 as it was recorded, in Chromium.

Skipped where the recordings are not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import feedparser
import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.served import served
from watcher import config
from watcher.replay import replay

pytestmark = pytest.mark.browser
UPDATE = "updates/exchange-server-2024-11-su.html"


@pytest.fixture(scope="module")
def relived(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Relive the recording, once; give the site's folder."""
    recordings = sorted(corpus.glob("d1-*.warc.gz"))
    if not recordings:
        pytest.skip("the recording d1 is not among the recordings")
    folder = tmp_path_factory.mktemp("d1")
    file = folder / "watcher.toml"
    file.touch()
    settings = replace(
        config.load(file, {}), base_url="https://advisories.example.org/"
    )
    replay(settings, recordings, folder / "out", None, None, None)
    return folder / "out" / "site"


@pytest.fixture(scope="module")
def page(relived: Path, chromium: Path) -> Iterator[Page]:
    """A page at the moment of the recording's last check.

    Nothing but the site's host is asked, nothing is complained of.
    """
    said: list[str] = []
    with served(relived) as address, sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_context(base_url=address).new_page()
        page.clock.set_fixed_time(
            json.loads((relived / "status.json").read_text())["checked"]
        )
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(address) else said.append(request.url)
            ),
        )
        yield page
        browser.close()
    assert said == []


def test_the_front_page_names_the_good_builds_of_that_day(page: Page) -> None:
    page.goto("index.html")
    expect(page.get_by_role("heading", level=2).first).to_have_text(
        "Nothing is pulled right now"
    )
    for product, build in (
        ("Exchange Server 2019 CU14", "15.2.1544.14"),
        ("Exchange Server 2016 CU23", "15.1.2507.44"),
    ):
        expect(page.get_by_role("row", name=product)).to_contain_text(build)
    assert not page.get_by_role("alert").is_visible()


def test_the_events_are_filtered(page: Page) -> None:
    page.goto("index.html")
    page.get_by_label("re-released").check()
    expect(page.locator("#events > li:visible")).to_have_count(1)
    expect(page.locator("#events > li:visible")).to_contain_text("KB5049233")


def test_the_update_tells_its_three_turns_and_the_old_version_is_marked(
    page: Page,
) -> None:
    page.goto(UPDATE)
    spans = page.locator("svg .span").evaluate_all(
        "all => all.map(span => span.getAttribute('class'))"
    )
    assert spans == ["span n-released", "span n-pulled", "span n-released"]
    expect(
        page.get_by_role("row", name="Exchange Server 2019 CU14").last
    ).to_contain_text("version 1, replaced")
    expect(page.locator(".telling .k-pulled")).to_have_count(1)


def test_every_page_is_within_a_phone_and_pleases_axe_by_day_and_night(
    page: Page, relived: Path
) -> None:
    axe: Any = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="axe-playwright-python ships axe-core",
    ).Axe()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for name in ("index.html", UPDATE, "years/2024.html"):
            page.set_viewport_size({"width": 360, "height": 800})
            page.goto(name)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            assert [
                violation["id"] for violation in axe.run(page).response["violations"]
            ] == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})


def test_every_link_within_the_site_leads_somewhere(page: Page, relived: Path) -> None:
    for name in (
        "index.html",
        "updates.html",
        "sources.html",
        "years/2024.html",
        UPDATE,
    ):
        page.goto(name)
        links = page.locator("a[href], link[href]").evaluate_all(
            "all => all.map(link => link.href)"
        )
        here = page.evaluate("location.origin")
        paths = {
            link.removeprefix(here).partition("#")[0].lstrip("/")
            for link in links
            if link.startswith(here)
        }
        assert [path for path in sorted(paths) if not (relived / path).is_file()] == []


def test_the_feeds_hold_every_event_of_the_ledger(relived: Path) -> None:
    ledger = [
        json.loads(line)
        for line in (relived.parent / "events.jsonl")
        .read_text(encoding="utf-8")
        .splitlines()
    ]
    items = json.loads((relived / "events.json").read_text())["items"]
    assert [item["_advisory"] for item in reversed(items)] == ledger
    for name in ("events.atom", "events.rss"):
        read = feedparser.parse((relived / name).read_bytes())
        assert not read.bozo
        assert len(read.entries) == len(ledger)
