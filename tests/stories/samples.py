"""Real documents of Microsoft's pages, rendered as they are served.

They lie beside a developer's tree, as Markdown, YAML, HTML or JSON: ``NAME@DATE.ext`` are
versions of one page.  Tests that read them are skipped where they are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

FOLDER = Path(__file__).parents[3] / "shared" / "corpus" / "products" / "samples"

_FRONT = re.compile(r"\A---\n.*?^---\n", re.DOTALL | re.MULTILINE)
_NOTE = re.compile(r"<blockquote>\s*<p>\[!(\w+)\]\s*(.*?)</blockquote>", re.DOTALL)
_INCLUDE = re.compile(r"^\[!INCLUDE \[([\w-]+)\]\(.*\)\]$", re.MULTILINE)
_IMAGE = re.compile(r":::image[^:]*:::")


def sample(
    name: str,
    put: Mapping[str, str] | None = None,
    includes: Mapping[str, str] | None = None,
) -> bytes:
    """Render a sample, whose name begins with its folder.

    ``put`` are words to be written otherwise, for a step that was told but not kept, and
    ``includes`` what stands where another file is included, by its name.
    """
    text = _read(name)
    given = includes or {}
    text = _INCLUDE.sub(lambda found: given.get(found[1], ""), text)
    for old, new in (put or {}).items():
        assert old in text, f"{name} does not say {old!r}"
        text = text.replace(old, new)
    if name.endswith(".md"):
        return rendered(_title(text), text)
    if name.endswith(".yml"):
        file = yaml.safe_load(text)
        return _page(file["title"], "".join(_sections(file["sections"])))
    return text.encode()


def source_text(name: str) -> str:
    """Give a sample's own text without its front matter."""
    return _FRONT.sub("", _read(name))


def _read(name: str) -> str:
    path = FOLDER / name
    if not path.is_file():
        pytest.skip("the samples are not beside this tree (../shared/corpus/products)")
    return path.read_text(encoding="utf-8")


def _title(text: str) -> str:
    found = re.search(r"^title: *(.*)$", text, re.MULTILINE)
    return found[1].strip().strip('"') if found else ""


def rendered(title: str, text: str) -> bytes:
    """Render a page's Markdown."""
    body = _IMAGE.sub("", _FRONT.sub("", text))
    html = str(MarkdownIt("commonmark", {"html": True}).enable("table").render(body))
    return _page(title, _NOTE.sub(_note, html))


def _note(found: re.Match[str]) -> str:
    kind = found[1]
    return f'<div class="{kind}"><p>{kind.capitalize()}</p><p>{found[2]}</div>'


def _sections(sections: list[dict[str, object]]) -> Iterator[str]:
    for section in sections:
        if "title" in section:
            yield f"<h2>{section['title']}</h2>"
        items = section.get("items")
        for item in items if isinstance(items, list) else []:
            yield str(item["text"])


def _page(title: str, body: str) -> bytes:
    # A page's own heading is the title where its source has none
    heading = "" if "<h1>" in body else f"<h1>{escape(title)}</h1>"
    return (
        '<!DOCTYPE html><html lang="en-us"><head><title>'
        f"{escape(title)} | Microsoft Learn</title></head><body><nav>"
        f"<a href='/'>Skip to main content</a></nav><main>{heading}{body}</main></body>"
        "</html>"
    ).encode()
