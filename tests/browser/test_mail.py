"""Mail as a browser shows it: on a phone and a desk, by day and by night."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.letters import html_of
from watcher.mail import samples
from watcher.records import Kind, Letter

pytestmark = pytest.mark.browser
DIGEST = Letter(
    "digest",
    samples.letters()[0].subscriber,
    tuple(samples.event(kind) for kind in Kind),
)
LETTERS = {
    letter.kind: letter
    for letter in (
        *samples.letters()[: len(Kind)],
        DIGEST,
        samples.welcome(pulled=True),
        samples.operator(),
        samples.reminder(),
    )
}

CONTRAST = """() => {
  const rgba = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = node => { for (let n = node; n; n = n.parentElement) { const c = rgba(getComputedStyle(n).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), node = walker.currentNode.parentElement;
    if (!text || ['STYLE', 'SCRIPT'].includes(node.tagName)) continue;
    const [a, b] = [light(rgba(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(1)}: ${text.slice(0, 40)}`);
  }
  return poor;
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return browser.new_context(offline=True).new_page()


@pytest.mark.parametrize("kind", LETTERS)
def test_nothing_is_cut_off_at_any_width(page: Page, kind: str) -> None:
    page.set_content(html_of(LETTERS[kind]))
    found = {}
    for width in (360, 640, 1000):
        page.set_viewport_size({"width": width, "height": 900})
        found[width] = page.evaluate("document.documentElement.scrollWidth")
    assert found == {360: 360, 640: 640, 1000: 1000}


@pytest.mark.parametrize("kind", LETTERS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(
    page: Page, kind: str, scheme: Literal["light", "dark"]
) -> None:
    # WCAG 2.2, 1.4.3: a contrast of 4.5 to 1
    page.emulate_media(color_scheme=scheme)
    page.set_content(html_of(LETTERS[kind]))
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [("light", "rgb(255, 255, 255)"), ("dark", "rgb(30, 34, 38)")],
)
def test_the_night_is_dark(
    page: Page, scheme: Literal["light", "dark"], expected: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_content(html_of(LETTERS["pulled"]))
    assert (
        page.evaluate(
            "getComputedStyle(document.querySelector('.sheet')).backgroundColor"
        )
        == expected
    )
