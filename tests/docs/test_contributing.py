"""CONTRIBUTING.md lists every file that a new thing touches, and none forgets a kind."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.floors.test_words_and_sizes import LONGEST_FILE
from watcher import notifiers
from watcher.config.subscriber_settings import LANGUAGES
from watcher.kinds import EVENT_KINDS, SOURCE_KINDS, Kind
from watcher.text.story import Row
from watcher.text.words import words_of

ROOT = Path(__file__).parents[2]
SOURCE, EVENT = "A new kind of source", "A new kind of event"
DELIVERY, COLUMN = "A new channel or way of delivery", "A new column of mail's table"


def files(heading: str) -> list[str]:
    """Give the first column of the table below a heading."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split(f"### {heading}\n")[1].split("\n#")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("heading", [SOURCE, EVENT, DELIVERY, COLUMN])
def test_each_listed_file_exists(heading: str) -> None:
    listed = [path for path in files(heading) if "<" not in path]
    assert len(listed) >= 3
    assert [path for path in listed if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", SOURCE_KINDS)
def test_each_kind_of_source_stands_in_every_listed_file(name: str) -> None:
    missing = []
    for path in files(SOURCE):
        filled = path.replace("<module>", SOURCE_KINDS[name].module)
        filled = filled.replace("<kind>", name)
        # A test that is listed says itself which kind it lacks, and one counts the page
        if path != filled or path.startswith(("tests/", "docs/security")):
            is_there = (ROOT / filled).exists()
        else:
            quoted = rf"[\"'`]{re.escape(name)}[\"'`]"
            is_there = re.search(quoted, text_of(path)) is not None
        if not is_there:
            missing.append(filled)
    assert not missing, f"{name}, in quotes or backticks, is missing in {missing}"


# A word of a kind stands in sentences about others, too: where it has a place of its own
PLACES = {"docs/glossary.md": "| {kind} |", "docs/webhook.schema.json": '"{kind}"'}


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_of_event_stands_in_every_listed_file(kind: Kind) -> None:
    missing = []
    for path in files(EVENT):
        if path == "templates/site/style.css" and EVENT_KINDS[kind].colour == "grey":
            continue
        if path in PLACES:
            is_there = PLACES[path].format(kind=kind.value) in text_of(path)
        else:
            named = rf"\bKind\.{kind.name}\b|(?<![\w-]){re.escape(kind.value)}(?![\w-])"
            found = re.search(named, text_of(path), re.IGNORECASE)
            # A rule of a style sheet has a letter before it
            is_there = found is not None or f"-{kind.value}" in text_of(path)
        if not is_there:
            missing.append(path)
    assert not missing, f"{kind.value} is missing in {missing}"


def test_what_is_said_of_severity_is_what_the_rows_say() -> None:
    said = text_of("docs/mail.md").split("- **`severity`**")[1].split("\n- **")[0]
    held, _, told = said.partition("must have:")
    for part, holds in ((held, True), (told, False)):
        named = {
            kind.lower() for kind in re.findall(r"(?<!\*)\*([\w-]+)\*(?!\*)", part)
        }
        rows = EVENT_KINDS.values()
        wanted = {row.kind.value for row in rows if row.held_by_severity is holds}
        assert named - wanted == set()
        assert wanted - named <= {"news"}


# Lines that one more row of a table takes, and a few
ROOM = 20


@pytest.mark.parametrize("heading", [SOURCE, EVENT])
def test_a_new_row_fits_into_each_listed_module(heading: str) -> None:
    modules = [
        path
        for path in files(heading)
        if path.startswith("watcher/") and path.endswith(".py") and "<" not in path
    ]
    assert modules
    full = [path for path in modules if text_of(path).count("\n") > LONGEST_FILE - ROOM]
    assert full == []


@pytest.mark.parametrize("name", notifiers.KINDS)
def test_each_notifier_stands_where_the_list_says(name: str) -> None:
    paths = [path.replace("<notifier>", name) for path in files(DELIVERY)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_each_column_of_mails_table_stands_in_every_listed_file() -> None:
    table = re.search(
        r"table\((\(.*?\)), story\.rows, \((.*?)\)\)",
        text_of("templates/mail/parts/products.txt"),
    )
    assert table
    fields = re.findall(r'"(\w+)"', table[2])
    heads = re.findall(r'say\("label", "(\w+)"\)', table[1])
    assert fields == heads
    assert set(fields) <= set(Row.__struct_fields__)
    html = text_of("templates/mail/parts/products.html")
    assert re.findall(r'<th .*say\("label", "(\w+)"\)', html) == heads
    meanings = tomllib.loads(text_of("tests/unit/data/meanings.toml"))["label"]
    for field in fields:
        assert f"row.{field}" in html
        assert field in meanings
        assert re.search(rf"\b{field}\b", text_of("docs/mail-templates.md"))
        for language in LANGUAGES:
            assert field in words_of(None, language).tables["label"]


def test_pre_commit_runs_what_make_check_runs() -> None:
    hooks = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    line = re.search(r"^check: (.*?)##", text_of("Makefile"), re.MULTILINE)
    assert line
    targets = [name for name in line[1].split() if name != "setup-dev"]
    assert [hook["entry"] for hook in hooks] == [f"make {name}" for name in targets]
    assert all(hook["language"] == "system" for hook in hooks)


CATEGORIES = ("Added", "Changed", "Fixed", "Security")


def test_the_changelog_is_by_version_and_category() -> None:
    heads = re.findall(r"^(#+) (.*)$", text_of("CHANGELOG.md"), re.MULTILINE)
    assert heads[0] == ("#", "Changes")
    assert heads[1][0] == "##"
    for (_, before), (level, head) in pairwise(heads[1:]):
        if level == "###":
            assert head in CATEGORIES
            if before in CATEGORIES:
                assert CATEGORIES.index(before) < CATEGORIES.index(head)
        else:
            assert re.match(r"\d+\.\d+\.\d+", head)
