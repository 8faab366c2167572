"""Mail programs draw what we write.

Every element, attribute and rule is looked up in caniemail's tables.

``data/caniemail.json`` holds the part of them that our mail needs; it names its
source, date and licence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Doctype, Tag

from tests.letters import html_of
from watcher.mail import samples

LETTERS = {
    f"{number}-{letter.kind}": letter for number, letter in enumerate(samples.letters())
}
FEATURES = json.loads(
    (Path(__file__).parent / "data" / "caniemail.json").read_text(encoding="utf-8")
)["features"]
OUTLOOK, GMAIL = "outlook windows", "gmail desktop-webmail"

ELEMENTS = {
    **dict.fromkeys(("table", "tbody", "tr", "td", "th"), "html-table"),
    **dict.fromkeys(("h1", "h2"), "html-h1-h6"),
    **dict.fromkeys(("ol", "ul", "li"), "html-lists"),
    **{name: f"html-{name}" for name in ("body", "p", "span", "style")},
    "b": "html-strong",
}
ATTRIBUTES = {
    name: f"html-{name}"
    for name in (
        "align",
        "cellpadding",
        "cellspacing",
        "lang",
        "role",
        "valign",
        "width",
    )
}
UNTESTED = {"html", "head", "title", "meta", "a", "br"}
"""Elements that are as old as mail in HTML: caniemail tests none of them."""
UNTESTED_ATTRIBUTES = {
    "bgcolor",
    "border",
    "charset",
    "class",
    "content",
    "href",
    "name",
    "scope",
    "style",
    "data-css-inline",
}
UNTESTED_RULES = {"color", "font-family"}

LOST = {
    ("css-at-media", OUTLOOK): "a window of Outlook is no phone",
    (
        "css-at-media-prefers-color-scheme",
        OUTLOOK,
    ): "Outlook turns colours round by itself",
    ("css-at-media-prefers-color-scheme", GMAIL): "Gmail turns colours round by itself",
    ("html-meta-color-scheme", OUTLOOK): "as above",
    ("html-meta-color-scheme", GMAIL): "as above",
    (
        "html-meta-color-scheme",
        "apple-mail ios",
    ): "the rules for dark mode suffice there",
    ("css-overflow-wrap", OUTLOOK): "a long word widens the mail there",
    ("css-overflow-wrap", GMAIL): "a long word widens the mail there",
    ("html-doctype", OUTLOOK): "tables and inline rules look alike with and without it",
}
"""What a program does not know, and why the mail is as good without it."""

PARTLY = {
    "css-at-media": "height is not asked for",
    "css-border": "at most 4 px wide, on cells only",
    "css-font-size": "in px only",
    "css-font-weight": "only what is bold for Word, too",
    "css-important": "in rules for dark mode and phones only, in lower case, after a space",
    "css-letter-spacing": "a positive number of px",
    "css-line-height": "in px, with Word's own rule beside it",
    "css-margin": "never negative or auto, none on spans and body",
    "css-max-width": "on tables only",
    "css-overflow-wrap": "a long word is broken or it is not",
    "css-padding": "on cells only; those of a row have the same",
    "css-text-align": "left only",
    "css-text-decoration": "a single value",
    "css-width": "on tables only",
    "html-body": "Gmail makes a div of it, with our rules",
    "html-lists": "neither reversed nor value",
    "html-style": "in the head only",
    "html-width": "on tables only, in percent",
}
"""What a program knows in part, and what we keep to; the tests below look that we do."""


@cache
def drawn(name: str) -> BeautifulSoup:
    return BeautifulSoup(html_of(LETTERS[name]), "lxml")


def inline(soup: BeautifulSoup) -> list[tuple[Tag, str, str]]:
    """Every rule that stands in an element: the element, the property, its value."""
    rules = []
    for tag in soup.select("[style]"):
        for rule in str(tag["style"]).rstrip("; ").split(";"):
            key, _, value = rule.partition(":")
            rules.append((tag, key.strip(), value.strip()))
    return rules


def kept(soup: BeautifulSoup) -> list[tuple[str, str, str]]:
    """Every rule for dark mode and phones: what it is for, the property, its value."""
    text = "".join(style.get_text() for style in soup.find_all("style"))
    blocks = re.findall(r"([^{}]+)\{([^{}]*)\}", re.sub(r"@media[^{]*\{", "", text))
    return [
        (what.strip(), *(part.strip() for part in rule.split(":", 1)))
        for what, body in blocks
        for rule in body.strip("; \n").split(";")
    ]


def feature(rule: str) -> str:
    """The feature that tests a property: its sides and corners are tested together."""
    return "css-" + re.sub(
        r"^(border|margin|padding)-(?:top|right|bottom|left)(?:-color)?$", r"\1", rule
    )


def used(soup: BeautifulSoup) -> Iterator[str]:
    """Name every feature that a mail uses."""
    yield from (
        "html-comments",
        "html-meta-color-scheme",
        "css-at-media",
        "css-at-media-prefers-color-scheme",
    )
    if any(isinstance(node, Doctype) for node in soup.contents):
        yield "html-doctype"
    for tag in soup.find_all(True):
        if tag.name not in UNTESTED:
            yield ELEMENTS.get(tag.name, f"html-{tag.name}")
        yield from (
            ATTRIBUTES.get(name, f"html-{name}")
            for name in tag.attrs
            if name not in UNTESTED_ATTRIBUTES
        )
    for _, key, value in inline(soup):
        if key not in UNTESTED_RULES:
            yield feature(key)
        yield from (
            f"css-unit-{'percent' if unit == '%' else unit}"
            for unit in re.findall(r"(?<![#\w])[\d.]+(%|[a-z]+)", value)
        )
    for what, key, value in kept(soup):
        if key not in UNTESTED_RULES:
            yield feature(key)
        assert re.fullmatch(r"(?:\.?[a-z][a-z0-9-]*[ ,]*)+", what), (
            f"a selector of a kind that is not looked up: {what}"
        )
        yield from (
            "css-selector-class",
            "css-selector-type",
            "css-selector-descendant",
            "css-selector-grouping",
        )
        if "!important" in value:
            yield "css-important"


@pytest.mark.parametrize("name", LETTERS)
def test_every_mail_program_knows_all_that_a_mail_uses(name: str) -> None:
    unknown, wrong = [], []
    for one in dict.fromkeys(used(drawn(name))):
        if one not in FEATURES:
            unknown.append(one)
            continue
        for program, support in FEATURES[one]["support"].items():
            well = (
                support.startswith("y")
                or (one, program) in LOST
                or (support.startswith("a") and one in PARTLY)
            )
            if not well:
                wrong.append(
                    f"{one} in {program}: {support} {FEATURES[one].get('notes', '')}"
                )
    assert (unknown, wrong) == ([], [])


def test_every_exception_is_one() -> None:
    needed = {
        (name, program)
        for name, found in FEATURES.items()
        for program, support in found["support"].items()
        if support[0] == "n"
    }
    partly = {
        name
        for name, found in FEATURES.items()
        if any(support[0] == "a" for support in found["support"].values())
    }
    assert set(LOST) == needed
    assert set(PARTLY) == partly
    assert set(FEATURES) == {one for name in LETTERS for one in used(drawn(name))}


@pytest.mark.parametrize("name", LETTERS)
def test_what_a_program_knows_in_part_is_used_in_that_part(name: str) -> None:
    cells, tables = {"td", "th"}, {"table"}
    none = {"0", "0px", ""}
    for tag, key, value in inline(drawn(name)):
        place = f"<{tag.name} {tag.get('class')}> {key}: {value}"
        sizes = [size for size in value.split() if size not in none]
        if key.startswith("border-") and key != "border-collapse":
            assert tag.name in cells, place
            assert int(value.split("px")[0]) <= 4, place
        elif key.startswith("padding"):
            assert not sizes or tag.name in cells, place
        elif key.startswith("margin"):
            assert "-" not in value, place
            assert "auto" not in value, place
            assert not sizes or tag.name not in {"span", "body"}, place
        elif key in {"width", "max-width"}:
            assert tag.name in tables, place
        elif key in {"font-size", "line-height", "letter-spacing"}:
            assert re.fullmatch(r"\d+px", value), place
        elif key == "font-weight":
            assert int(value) >= 600, place
        elif key in {"text-align", "text-decoration"}:
            assert value in {"left", "underline"}, place
        assert "!important" not in value, place
    rules = kept(drawn(name))
    assert all(value.endswith(" !important") for _, _, value in rules)
    assert all(
        tag.parent is not None and tag.parent.name == "head"
        for tag in drawn(name).find_all("style")
    )
    assert {tag.name for tag in drawn(name).select("[width]")} <= tables
    assert drawn(name).select("[reversed], [value]") == []


@pytest.mark.parametrize("name", LETTERS)
def test_word_is_told_to_keep_the_lines_height(name: str) -> None:
    assert "mso-line-height-rule: exactly" in str(drawn(name).head)
