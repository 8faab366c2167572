"""A site of many years in Chromium.

Older events are found, with scripts and without, and every kind of list pleases axe.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from tests.browser.served import served
from tests.browser.test_site import NOW, Scheme, opened
from tests.formats import lives
from tests.formats.lives import DAY, T0, WHOLE_LIFE
from watcher.records import Kind
from watcher.site.pages import Life

pytestmark = pytest.mark.browser
LISTS = (
    "index.html",
    "updates.html",
    "years/2030.html",
    "years/2030-05.html",
    "archive/index.html",
    "archive/1.html",
    "archive/3.html",
)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The site of 216 events, the story of an update first of all, and of 212 updates in
    one year.
    """
    folder = tmp_path_factory.mktemp("long") / "public"
    crowd = [
        Life(lives.update(name=f"crowd-{number}", released=T0 - number * DAY / 2), ())
        for number in range(210)
    ]
    told = lives.many(211).events
    later = tuple(replace(event, time=event.time + 20 * DAY) for event in told)
    news = replace(lives.event(Kind.NEWS, 19), id="news", packages=())
    lives.site(
        folder, (WHOLE_LIFE, *crowd, Life(lives.update(name="busy"), (news, *later)))
    )
    with served(folder) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    yield from opened(browser, NOW)


def shown(page: Page) -> int:
    return page.locator("#events > .event:visible").count()


def test_older_events_are_looked_through_when_it_is_asked_for(
    page: Page, long: str
) -> None:
    page.goto(f"{long}index.html")
    assert shown(page) == 66
    page.get_by_label("Text").fill("pulled")
    assert shown(page) == 0
    page.get_by_role("button", name="Look through older events").click()
    expect(page.locator("#events > .event:visible")).to_have_count(1)
    # The post in the archive is no event of the front page
    expect(page.locator("#count")).to_contain_text("1 of 215 events")
    expect(page.get_by_role("button", name="Look through older events")).to_be_hidden()
    page.locator("#events > .event:visible a").first.click()
    expect(page).to_have_url(
        f"{long}updates/exchange-server-2030-05-su.html#e-pulled48"
    )


def test_an_archive_that_cannot_be_read_is_no_end_of_the_page(
    browser: Browser, long: str
) -> None:
    page = browser.new_context().new_page()
    page.route("**/archive/*.html", lambda route: route.fulfill(status=404))
    page.goto(f"{long}index.html")
    page.get_by_role("button", name="Look through older events").click()
    expect(page.locator("#count")).to_have_text("Older events cannot be read now.")
    assert shown(page) == 66
    page.context.close()


def test_without_scripts_older_events_are_reached_by_links(
    browser: Browser, long: str
) -> None:
    for page in opened(browser, NOW, java_script_enabled=False):
        page.goto(f"{long}index.html")
        page.get_by_role("link", name="the 50 events before these").click()
        expect(page.locator("h1")).to_contain_text("Events from")
        seen = 0
        while page.get_by_role("link", name="Earlier events").count() > 1:
            seen += page.locator(".timeline > .event").count()
            page.locator(".turn").first.get_by_role(
                "link", name="Earlier events"
            ).click()
        seen += page.locator(".timeline > .event").count()
        assert seen == 150
        page.get_by_role("link", name="Exchange Server May 2030 SU").last.click()
        expect(page.locator("h1")).to_contain_text("Exchange Server May 2030 SU")


def test_the_search_finds_updates_of_a_year_that_is_shown_by_months(
    page: Page, long: str
) -> None:
    page.goto(f"{long}updates.html")
    page.get_by_label("Find by KB article").fill("crowd-209")
    expect(page.locator("#found a")).to_have_attribute("href", "updates/crowd-209.html")
    page.get_by_role("link", name="2030", exact=True).click()
    page.get_by_role("link", name="Feb 2030").click()
    expect(page.locator("h1")).to_have_text("Updates of Feb 2030")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_any_list(
    browser: Browser, long: str, scheme: Scheme
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="axe-playwright-python ships axe-core",
    ).Axe()
    for page in opened(browser, NOW, color_scheme=scheme):
        for name in LISTS:
            page.goto(f"{long}{name}")
            found = axe.run(page)
            assert [
                (v["id"], [n["html"] for n in v["nodes"]])
                for v in found.response["violations"]
            ] == [], name


@pytest.mark.parametrize("name", LISTS)
def test_no_list_is_wider_than_its_window(page: Page, long: str, name: str) -> None:
    page.goto(f"{long}{name}")
    for width in (320, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
