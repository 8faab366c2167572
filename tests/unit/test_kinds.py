"""Every kind of source and of event has its whole row, or the program does not start."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from watcher.config.subscriber_settings import LANGUAGES
from watcher.kinds import (
    EVENT_KINDS,
    SOURCE_KINDS,
    EventKind,
    Kind,
    SourceKind,
    events,
    sources,
)
from watcher.text.words import words_of

ROOT = Path(__file__).parents[2]
TABLES_OF_WORDS = ("tag", "kind")


def test_each_kind_of_event_has_a_row_gravest_first() -> None:
    assert list(EVENT_KINDS) == list(Kind)
    assert [row.gravity for row in EVENT_KINDS.values()] == list(range(len(Kind)))


def test_a_table_that_lacks_a_kind_of_event_is_refused_by_name() -> None:
    rows = [row for row in EVENT_KINDS.values() if row.kind is not Kind.CORRECTED]
    with pytest.raises(TypeError, match="EVENT_KINDS lacks kinds of events: corrected"):
        events._event_kinds(*rows)


@pytest.mark.parametrize("row", [EventKind, SourceKind])
def test_a_row_that_lacks_a_field_is_refused_by_name(
    row: type[EventKind | SourceKind],
) -> None:
    for field in row.__struct_fields__:
        given: dict[str, Any] = dict.fromkeys(row.__struct_fields__, "")
        del given[field]
        with pytest.raises(TypeError, match=f"'{field}'"):
            row(**given)


@pytest.mark.parametrize("field", ["name", "rank"])
def test_two_kinds_of_source_differ(field: str) -> None:
    one, other, *_ = SOURCE_KINDS.values()
    same = replace(other, **{field: getattr(one, field)})
    with pytest.raises(TypeError, match=f"two kinds have the same {field}"):
        sources._source_kinds(one, same)


@pytest.mark.parametrize("field", ["gravity", "sign"])
def test_two_kinds_of_event_differ(field: str) -> None:
    one, other, *_ = EVENT_KINDS.values()
    same = replace(other, **{field: getattr(one, field)})
    with pytest.raises(TypeError, match=f"two kinds have the same {field}"):
        events._event_kinds(one, same)


@pytest.mark.parametrize("name", ["recalled", "pulled"])
def test_what_a_subscriber_writes_means_one_kind_of_event(name: str) -> None:
    one, other, *_ = EVENT_KINDS.values()
    same = replace(other, synonyms=(*other.synonyms, name))
    with pytest.raises(TypeError, match=f"two kinds have the same synonym: {name}"):
        events._event_kinds(one, same)


@pytest.mark.parametrize("row", SOURCE_KINDS.values(), ids=SOURCE_KINDS)
def test_the_module_of_a_kind_of_source_parses(row: SourceKind) -> None:
    assert callable(import_module(f"watcher.sources.{row.module}").parse)


@pytest.mark.parametrize("row", SOURCE_KINDS.values(), ids=SOURCE_KINDS)
def test_only_what_follows_updates_has_their_pages_and_offers_packages(
    row: SourceKind,
) -> None:
    assert row.follows_updates or not (row.page or row.channel)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("table", TABLES_OF_WORDS)
def test_each_kind_of_event_has_its_words(table: str, language: str) -> None:
    written = words_of(None, language).tables[table]
    assert [kind.value for kind in Kind if not written.get(kind.value)] == []


# The style sheets have a rule for each kind and use; grey is what a rule leaves as it is
# on the site.
STYLES = (
    ("mail/style.css", "c-{kind}", True),
    ("mail/style.css", "b-{kind}", True),
    ("mail/screen.css", "c-{kind}", True),
    ("site/style.css", "badge.k-{kind}", False),
    ("site/style.css", "dot.k-{kind} circle", False),
)


@pytest.mark.parametrize(("sheet", "selector", "grey"), STYLES)
def test_the_style_sheets_colour_each_kind_of_event_as_its_row_says(
    sheet: str, selector: str, *, grey: bool
) -> None:
    text = (ROOT / "templates" / sheet).read_text(encoding="utf-8")
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", text)
    coloured: dict[str, set[str]] = {}
    for row in EVENT_KINDS.values():
        name = f".{selector.format(kind=row.kind.value)}"
        found = {
            body.strip()
            for heads, body in rules
            if name in {head.strip() for head in heads.split(",")}
        }
        if grey or row.colour != "grey":
            assert len(found) == 1, f"{sheet} has no rule, or two, for {name}"
            coloured.setdefault(row.colour, set()).update(found)
        else:
            assert found == set(), f"{sheet} colours {name}, which is grey"
    assert all(len(bodies) == 1 for bodies in coloured.values()), coloured
    assert len({min(bodies) for bodies in coloured.values()}) == len(coloured)
