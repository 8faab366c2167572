"""What templates may use is written down."""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

from watcher.mail import render, samples, welcome
from watcher.text import story, templates, words
from watcher.text.words import Form, words_of

ROOT = Path(__file__).parents[2]
DOCUMENTED = set(
    re.findall(
        r"`([\w/.-]+)`",
        (ROOT / "docs" / "mail-templates.md").read_text(encoding="utf-8"),
    )
)


def test_every_name_of_the_context_is_documented() -> None:
    names = render.of(samples.letters()[0], Form(words_of(None), UTC), samples.NOW)
    assert set(names) - DOCUMENTED == set()


@pytest.mark.parametrize(
    "record",
    [
        story.Story,
        story.Row,
        story.Quote,
        story.Flaw,
        words.Saying,
        welcome.Gone,
        welcome.Good,
        welcome.Watched,
    ],
)
def test_every_field_that_a_template_sees_is_documented(record: Any) -> None:
    assert {field.name for field in fields(record)} - DOCUMENTED == set()


def test_every_template_is_documented() -> None:
    shipped = {
        str(path.relative_to(templates.shipped_folder()))
        for path in (templates.shipped_folder() / "mail").rglob("*.*")
    }
    named = {name.removesuffix(".html").removesuffix(".txt") for name in shipped} | {
        name for name in shipped if name.endswith((".css", ".toml"))
    }
    assert {
        name
        for name in named
        if name not in DOCUMENTED and f"{name}.html" not in DOCUMENTED
    } - {"mail/words/de.toml"} == set()
