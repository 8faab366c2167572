"""The page in Chromium.

What it shows, what its scripts add, who can use it, and that nothing hostile ever
runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import feedparser
import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, expect

from tests.browser.served import served
from tests.formats import lives
from tests.formats.lives import (
    CU1,
    CU2,
    DAY,
    OLD_LIFE,
    PULLED_LIFE,
    STORY,
    T0,
    WHOLE_LIFE,
)
from watcher.records import Advisory, Event, Evidence, Kind, Package, State, UpdateRef
from watcher.site.pages import Life

pytestmark = pytest.mark.browser
Scheme = Literal["light", "dark"]
NOW = T0 + timedelta(hours=1)
PAGES = (
    "index.html",
    "updates.html",
    "years/2030.html",
    "sources.html",
    "updates/exchange-server-2030-05-su.html",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The site of an update that came, was pulled and came back."""
    folder = tmp_path_factory.mktemp("site") / "public"
    lives.site(folder, (WHOLE_LIFE, OLD_LIFE))
    with served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The site while that update is pulled."""
    folder = tmp_path_factory.mktemp("pulled") / "public"
    lives.site(folder, (PULLED_LIFE, OLD_LIFE))
    with served(folder) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page at the time of the site.

    It fails the test when the page complains or leaves its host.
    """
    yield from opened(browser, NOW)


def opened(browser: Browser, now: datetime, **options: Any) -> Iterator[Page]:
    context = browser.new_context(**options)
    page = context.new_page()
    page.clock.set_fixed_time(now)
    said: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        said.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith("http://127.0.0.1:"):
            said.append(f"asked {request.url}")

    def asked_to_speak(dialog: Dialog) -> None:
        said.append(f"dialog {dialog.message}")
        dialog.dismiss()

    page.on("console", heard)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", asked)
    page.on("dialog", asked_to_speak)
    yield page
    context.close()
    assert said == []


# --- at a glance ----------------------------------------------------------------------


def test_what_is_pulled_is_the_first_thing_on_the_page(page: Page, pulled: str) -> None:
    page.goto(pulled)
    expect(page.get_by_role("heading", level=2).first).to_have_text(
        "1 update is pulled right now"
    )
    expect(page.get_by_role("article")).to_contain_text(
        "Do not install KB9000001. Since 16 May 2030."
    )
    row = page.get_by_role("row", name=CU2)
    expect(row).to_contain_text("15.4.1544.9")
    expect(row).to_contain_text("yes: 15.4.1544.13")
    box = page.locator(".verdict").bounding_box()
    assert box is not None
    assert box["y"] < 200


def test_when_nothing_is_pulled_the_page_says_so_and_names_the_newest_good_builds(
    page: Page, site: str
) -> None:
    page.goto(site)
    expect(page.get_by_role("heading", level=2).first).to_have_text(
        "Nothing is pulled right now"
    )
    expect(page.get_by_role("row", name=CU2)).to_contain_text("15.4.1544.14")
    expect(page.get_by_role("row", name=CU1)).to_contain_text("15.4.1258.39")
    expect(page.get_by_role("row", name=CU2)).to_contain_text("no")


def test_events_are_filtered_by_kind_product_time_and_text_and_the_address_keeps_it(
    page: Page, site: str
) -> None:
    page.clock.set_fixed_time(T0 + 16 * DAY)
    page.goto(site)
    events = page.locator("#events > li:visible")
    expect(events).to_have_count(4)
    page.get_by_label("pulled", exact=True).check()
    expect(events).to_have_count(1)
    expect(page.locator("#count")).to_have_text("1 of 4 events")
    page.get_by_label("re-released").check()
    expect(events).to_have_count(2)
    page.reload()
    expect(events).to_have_count(2)
    page.get_by_role("button", name="Show all").click()
    expect(events).to_have_count(4)
    page.locator("[name=days]").select_option("7 days")
    expect(events).to_have_count(1)
    page.locator("[name=days]").select_option("all")
    page.locator("[name=text]").fill("kb9000001 known")
    expect(events).to_have_count(1)
    page.locator("[name=text]").fill("nothing like it")
    expect(page.locator("#none")).to_be_visible()
    page.locator("[name=text]").fill("")
    page.locator("[name=product]").select_option("Exchange Server 2020 CU9")
    expect(events).to_have_count(0)


def test_without_scripts_everything_is_there_and_no_filter_pretends_to_work(
    browser: Browser, pulled: str
) -> None:
    for page in opened(browser, NOW, java_script_enabled=False):
        page.goto(pulled)
        assert page.locator("#events > li").count() == 3
        assert not page.locator("#filters").is_visible()
        assert page.get_by_role("link", name="status.json").is_visible()
        page.get_by_role("article").get_by_role(
            "link", name="Exchange Server May 2030 SU"
        ).click()
        assert (
            page.get_by_role("heading", level=1).inner_text()
            == "Exchange Server May 2030 SU"
        )


def test_any_update_is_found_by_article_build_cve_or_name(
    page: Page, site: str
) -> None:
    page.goto(f"{site}updates.html")
    search = page.get_by_role("searchbox")
    for text in ("KB9000001", "15.4.1258.38", "cve-2030-10001", "may 2030"):
        search.fill(text)
        expect(page.locator("#found a").first).to_have_attribute(
            "href", "updates/exchange-server-2030-05-su.html"
        )
    search.fill("nothing like it")
    expect(page.locator("#hits")).to_have_text("0 updates")
    search.fill("x")
    expect(page.locator("#hits")).to_have_text("Type at least three characters.")


# --- an update's page -----------------------------------------------------------------


def test_an_updates_page_tells_its_life_what_to_do_and_why(
    page: Page, site: str
) -> None:
    page.goto(f"{site}updates/exchange-server-2030-05-su.html")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Exchange Server May 2030 SU v2"
    )
    expect(
        page.get_by_role(
            "img", name=re.compile("14 May 2030: released; 16 May 2030: pulled")
        )
    ).to_be_visible()
    expect(page.locator("svg .span")).to_have_count(3)
    expect(
        page.get_by_role("region", name="Timeline, scrolls sideways")
    ).to_be_visible()
    expect(page.locator(".now")).to_contain_text("Install version 2 (KB9000002).")
    expect(page.get_by_role("row", name=f"{CU2} 15.4.1544.14")).to_contain_text(
        "KB9000002"
    )
    expect(page.get_by_role("row", name="CVE-2030-10001")).to_contain_text("CVSS 8.1")


def test_cases_that_a_vendor_tells_in_a_table_are_shown_as_one(
    page: Page, pulled: str
) -> None:
    page.goto(f"{pulled}updates/exchange-server-2030-05-su.html#h-says")
    said = page.get_by_role("region", name="What").locator("table.said")
    expect(said.get_by_role("row", name="was never installed")).to_contain_text(
        "install version 2."
    )
    page.set_viewport_size({"width": 360, "height": 800})
    label = (
        said.locator("td")
        .nth(1)
        .evaluate("cell => getComputedStyle(cell, '::before').content")
    )
    assert label == '"Then: "'


def test_what_changed_in_a_text_stands_out_from_what_stayed(
    page: Page, site: str
) -> None:
    page.goto(f"{site}updates/exchange-server-2030-05-su.html")
    diff = page.locator(".diff")
    expect(diff).to_have_text("The update is temporarily not available for download.")
    expect(diff.locator("ins")).to_have_text(" temporarily not")
    colours = [
        diff.locator("ins").evaluate("e => getComputedStyle(e).color"),
        diff.evaluate("e => getComputedStyle(e).color"),
    ]
    assert colours[0] != colours[1]


def test_an_event_is_reached_by_its_link(page: Page, site: str) -> None:
    page.goto(site)
    page.get_by_role("link", name="Exchange Server May 2030 SU (KB9000001)").nth(
        1
    ).click()
    assert page.url.endswith("#e-pulled48")
    expect(page.locator("#e-pulled48")).to_be_in_viewport()


# --- whether it is still true ---------------------------------------------------------


def test_a_page_whose_job_is_dead_says_so(browser: Browser, site: str) -> None:
    for page in opened(browser, T0 + timedelta(hours=5, minutes=59)):
        page.goto(site)
        expect(page.locator("#checked")).to_contain_text("Last checked 14 May 2030")
        assert not page.locator("#stale").is_visible()
    for page in opened(browser, T0 + timedelta(hours=6, minutes=1)):
        for name in PAGES:
            page.goto(f"{site}{name}")
            expect(page.get_by_role("alert")).to_contain_text(
                "This page may be out of date: the last check was on 14 May 2030"
            )


def test_what_is_green_turns_grey_when_the_page_is_out_of_date(
    browser: Browser, tmp_path: Path
) -> None:
    lives.site(tmp_path / "public", (WHOLE_LIFE, OLD_LIFE))
    colours = []
    with served(tmp_path / "public") as address:
        for hours in (1, 7):
            for page in opened(browser, T0 + timedelta(hours=hours)):
                page.goto(address)
                expect(page.locator("#checked")).to_contain_text("Last checked")
                verdict = page.get_by_role(
                    "heading", name="Nothing is pulled right now"
                )
                colours.append(
                    [
                        each.evaluate("node => getComputedStyle(node).color")
                        for each in (verdict, page.locator(".state.ok").first)
                    ]
                )
    (verdict_then, row_then), (verdict_now, row_now) = colours
    assert verdict_then == row_then
    # As dim as any note
    assert verdict_now == row_now != verdict_then


def test_a_page_without_its_status_says_that_it_does_not_know(
    browser: Browser, tmp_path: Path
) -> None:
    lives.site(tmp_path / "public")
    (tmp_path / "public/status.json").write_text("{")
    with served(tmp_path / "public") as address:
        for page in opened(browser, NOW):
            page.goto(address)
            expect(page.get_by_role("alert")).to_contain_text(
                "status.json cannot be read"
            )


def test_the_page_of_sources_shows_how_each_fares(page: Page, site: str) -> None:
    page.goto(f"{site}sources.html")
    row = page.get_by_role("row", name="Microsoft Security Response Center")
    expect(row).to_contain_text("well")
    expect(row).to_contain_text("14 May 2030")
    # The head, and the two that are switched on
    assert page.get_by_role("row").count() == 3


# --- who can use it -------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(
    browser: Browser, site: str, pulled: str, scheme: Scheme
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="axe-playwright-python ships axe-core",
    ).Axe()
    for page in opened(browser, NOW, color_scheme=scheme):
        for address in [f"{place}{name}" for place in (site, pulled) for name in PAGES]:
            page.goto(address)
            page.evaluate(
                "document.querySelectorAll('details').forEach(d => d.open = true)"
            )
            found = axe.run(page)
            assert [
                (v["id"], [n["html"] for n in v["nodes"]])
                for v in found.response["violations"]
            ] == [], address


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_on_a_page_that_leads_on(
    browser: Browser, tmp_path: Path, scheme: Scheme
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="axe-playwright-python ships axe-core",
    ).Axe()
    lives.site(
        tmp_path / "public",
        (WHOLE_LIFE, OLD_LIFE),
        moved=(("cve-2030-10001", WHOLE_LIFE.update.id),),
    )
    moved = tmp_path / "public/updates/cve-2030-10001.html"
    text, leads = re.subn(
        r'<meta http-equiv="refresh"[^>]*>', "", moved.read_text(encoding="utf-8")
    )
    moved.write_text(text, encoding="utf-8")  # it stays, to be looked at
    assert leads == 1
    with served(tmp_path / "public") as address:
        for page in opened(browser, NOW, color_scheme=scheme):
            page.goto(f"{address}updates/cve-2030-10001.html")
            expect(page.get_by_role("main")).to_contain_text("This belongs to")
            assert [
                (v["id"], [n["html"] for n in v["nodes"]])
                for v in axe.run(page).response["violations"]
            ] == []


def test_axe_finds_what_is_wrong(browser: Browser) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="axe-playwright-python ships axe-core",
    ).Axe()
    for page in opened(browser, NOW):
        page.set_content('<html><body><img src="data:,"></body></html>')
        assert {"image-alt", "html-has-lang"} <= {
            violation["id"] for violation in axe.run(page).response["violations"]
        }


@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_its_window(page: Page, pulled: str, name: str) -> None:
    page.goto(f"{pulled}{name}")
    for width in (320, 360, 800, 1440, 2560):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        cut = (
            "all => all.filter(box => box.scrollWidth > box.clientWidth).map(box "
            "=> box.innerHTML)"
        )
        assert page.locator(".scroll:not(.life)").evaluate_all(cut) == [], width


def test_light_and_dark_follow_the_system(browser: Browser, site: str) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        for page in opened(browser, NOW, color_scheme=scheme):
            page.goto(site)
            grounds.append(
                page.evaluate("getComputedStyle(document.body).backgroundColor")
            )
    assert grounds == ["rgb(244, 245, 247)", "rgb(20, 23, 26)"]


def test_the_keyboard_skips_to_the_content_and_reaches_the_filters(
    page: Page, site: str
) -> None:
    page.goto(site)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.locator("[name=text]").focus()
    page.keyboard.press("Tab")
    expect(page.locator("[name=product]")).to_be_focused()


def test_paper_shows_links_addresses_and_no_controls(page: Page, site: str) -> None:
    page.goto(site)
    page.emulate_media(media="print")
    assert not page.locator("#filters").is_visible()
    assert (
        page.evaluate("getComputedStyle(document.body).backgroundColor")
        == "rgb(255, 255, 255)"
    )


def test_an_old_address_leads_to_the_update_that_has_it_now(
    page: Page, tmp_path: Path
) -> None:
    lives.site(
        tmp_path / "public",
        (WHOLE_LIFE, OLD_LIFE),
        moved=(("cve-2030-10001", WHOLE_LIFE.update.id),),
    )
    with served(tmp_path / "public") as address:
        page.goto(f"{address}updates/cve-2030-10001.html")
        page.wait_for_url("**/updates/exchange-server-2030-05-su.html")
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "Exchange Server May 2030 SU v2"
        )


def test_published_servers_say_what_to_do_where(
    page: Page, pulled: str, site: str
) -> None:
    page.goto(f"{pulled}updates/exchange-server-2030-05-su.html")
    servers = page.get_by_role("region", name="Your servers")
    expect(servers.get_by_role("row", name="EX01 15.4.1544.13")).to_contain_text(
        "nothing replaces it yet"
    )
    expect(servers.get_by_role("row", name="EX02 15.4.1544.9")).to_contain_text(
        "not installed here: do not install it"
    )
    page.goto(f"{site}updates/exchange-server-2030-05-su.html")
    expect(page.get_by_role("heading", name="Your servers")).to_have_count(0)


def test_readers_discover_the_feeds(page: Page, site: str) -> None:
    for name in ("index.html", "updates/exchange-server-2030-05-su.html"):
        page.goto(f"{site}{name}")
        links = page.locator("link[rel=alternate]").evaluate_all(
            "all => all.map(link => link.href)"
        )
        assert [link.removeprefix(site) for link in links] == [
            "events.atom",
            "events.rss",
            "events.json",
        ]
        for link in links[:2]:
            answer = page.request.get(link)
            assert len(feedparser.parse(answer.body()).entries) == len(STORY)


# --- nothing hostile runs -------------------------------------------------------------

NASTY = (
    "<script>alert('script')</script>",
    "\"><img src=x onerror=alert('attribute')>",
    "' onmouseover='alert(1)' autofocus onfocus='alert(2)",
    "javascript:alert('link')",
    "</title></style></textarea></svg><svg onload=alert('svg')>",
    "{{ ''.__class__ }}{% raw %}<!--",
    "data:text/html,<script>alert('data')</script>",
)


WHAT_WOULD_RUN = (
    "all => all.flatMap(e => [...e.attributes].filter(a => "
    "a.name.startsWith('on') || a.name === 'style' ||"
    " (['href', 'src'].includes(a.name) && "
    "/^\\s*(javascript|data):/i.test(a.value))).map(a => e.outerHTML))"
)


def hostile(text: str, number: int) -> Life:
    """An update of which every field holds ``text``."""
    package = Package(text, text, text, text, text, 1, (text,), True, 1, text)
    proof = Evidence(
        text, text, T0, text, "modified", f"was {text} then", f"is {text} now"
    )
    advisory = Advisory(
        text, text, text, 9.9, text, exploited=True, disclosed=True, url=text
    )
    name = f"{text}{number}"
    ref = UpdateRef(name, text, 1, (text,), (text,), (text,), (text,))
    event = Event(
        f"{text}{number}",
        T0,
        Kind.PULLED,
        STORY[1].confidence,
        ref,
        text,
        (text,),
        text,
        (proof, proof),
        text,
    )
    event = replace(
        event,
        packages=(package,),
        advisories=(advisory,),
        guidance=(text,),
        because=text,
        previous=text,
    )
    update = replace(
        lives.update(State.PULLED),
        id=name,
        title=text,
        family=text,
        type=text,
        products=(text,),
        packages=(package,),
        advisories=(advisory,),
        links=(text,),
    )
    return Life(update, (event,))


def test_what_sources_say_never_runs(browser: Browser, tmp_path: Path) -> None:
    names = [hostile(text, number) for number, text in enumerate(NASTY)]
    folder = tmp_path / "public"
    lives.site(folder, names, watched=NASTY)
    assert all(
        re.fullmatch(r"[a-z0-9./-]+", str(path.relative_to(folder)))
        for path in folder.rglob("*")
    )
    pages = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html"))
    assert len(pages) > len(NASTY)
    with served(folder) as address:
        for page in opened(browser, NOW):
            for name in pages:
                page.goto(f"{address}{name}")
                page.mouse.move(200, 300)
                assert page.locator("script").count() == 1
                assert page.locator("main *").evaluate_all(WHAT_WOULD_RUN) == []
            page.goto(f"{address}updates.html")
            page.get_by_role("searchbox").fill("alert")
            expect(page.locator("#found a").first).to_be_visible()
            assert page.locator("#found img, #found script").count() == 0


def test_a_script_that_did_get_in_would_not_run(
    browser: Browser, tmp_path: Path
) -> None:
    """The policy in the page holds by itself: a test of the trap, too."""
    lives.site(tmp_path / "public")
    front = tmp_path / "public/index.html"
    front.write_text(
        front.read_text().replace(
            "</main>", "<script>alert(1)</script><img src=x onerror=alert(2)></main>"
        )
    )
    said: list[str] = []
    with served(tmp_path / "public") as address:
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        page.goto(address)
        page.close()
    assert sum("Content Security Policy" in text for text in said) >= 2


# --- WCAG 2.2, 2.5.8 ------------------------------------------------------------------

# A link within a sentence is as high as its line; a field within a label is reached by it
SMALL_TARGETS = """() => {
  const around = "p, li, blockquote, td, th, dd, dt";
  const small = [];
  for (const each of document.querySelectorAll("main a[href], button, summary, select")) {
    const box = each.getBoundingClientRect();
    const frame = each.closest(around);
    const words = (node) => node.textContent.trim().length;
    const isInSentence = getComputedStyle(each).display === "inline"
      && frame && words(frame) > words(each) + 3;
    const isSeen = box.width > 0 && box.height > 0;
    if (isSeen && !isInSentence && (box.width < 24 || box.height < 24))
      small.push(each.textContent.trim());
  }
  return small;
}"""


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("path", PAGES)
def test_what_stands_alone_is_large_enough_to_be_hit(
    site: str, page: Page, path: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{site}{path}")

    assert page.evaluate(SMALL_TARGETS) == []


@pytest.mark.parametrize("path", PAGES)
def test_each_page_says_in_a_sentence_what_it_is(
    site: str, page: Page, path: str
) -> None:
    page.goto(f"{site}{path}")
    said = page.locator('meta[name="description"]').get_attribute("content")

    assert said is not None
    assert 20 < len(said) < 700
