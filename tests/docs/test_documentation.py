"""The documentation is true: commands, keys, targets, links and samples are those of the code."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

from scripts import reference
from watcher import config
from watcher.cli import app
from watcher.config.tables import FileTables
from watcher.kinds import SOURCE_KINDS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("requirements/*.md"),
        *ROOT.glob("state/*.md"),
    ]
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def samples(language: str) -> list[Any]:
    found = [
        (page, block)
        for page in PAGES
        for block in blocks(page.read_text(encoding="utf-8"), language)
    ]
    return [
        pytest.param(block, id=f"{name(page)}-{number}")
        for number, (page, block) in enumerate(found)
    ]


@pytest.mark.parametrize("path", list(reference.pages()), ids=name)
def test_the_reference_pages_say_what_the_code_does(path: Path) -> None:
    expected = reference.pages()[path]
    assert path.read_text(encoding="utf-8") == expected, (
        f"{name(path)} is older than the code: make docs"
    )


def test_every_command_and_every_option_has_its_words() -> None:
    for spelled, command in reference.walk(typer.main.get_command(app), "watcher"):
        assert command.help, f"{spelled} says nothing"
        assert command.epilog, f"{spelled} has no example"
        assert all(getattr(parameter, "help", "") for parameter in command.params), (
            f"{spelled} has an option that says nothing"
        )


def test_every_key_of_the_configuration_has_a_meaning_and_an_example() -> None:
    from watcher.config.tables import schema

    definitions = schema()["$defs"]
    keys = {
        f"{table}.{key}": value
        for table, definition in definitions.items()
        for key, value in definition["properties"].items()
    }
    silent = [
        key
        for key, value in keys.items()
        if not key.startswith("FileTables.")
        and not (value.get("description") and value.get("examples"))
    ]
    assert silent == []


def test_every_environment_variable_of_ours_is_documented() -> None:
    code = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "watcher").rglob("*.py")
    )
    documented = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    read = set(re.findall(r"\bWATCHER_[A-Z_]*[A-Z]\b", code))
    assert [variable for variable in sorted(read) if variable not in documented] == []


@pytest.mark.parametrize("sample", samples("toml"))
def test_a_sample_of_configuration_is_valid(sample: str, tmp_path: Path) -> None:
    file = tmp_path / "watcher.toml"
    file.write_text(sample, encoding="utf-8")
    wanted = re.findall(r"\$\{(\w+)\}", sample)
    environ = dict.fromkeys(wanted, "https://chat.example.org/x") | {
        "WATCHER_CLIENT_SECRET": "a secret",
        "WATCHER_IMAP_PASSWORD": "a password of a mailbox",
    }
    if re.search(r"smtps?://[^/\s]+@", sample):
        environ["WATCHER_SMTP_PASSWORD"] = "a password"
    settings = config.load(file, environ)
    assert settings.file == file


def test_the_commented_sample_is_valid_and_so_is_each_of_its_comments(
    tmp_path: Path,
) -> None:
    text = (ROOT / "watcher" / "config" / "sample.toml").read_text(encoding="utf-8")
    opened = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)
    tables = msgspec.convert(tomllib.loads(opened), FileTables)
    assert tables.channel
    assert tables.subscriber
    file = tmp_path / "watcher.toml"
    file.write_text(text, encoding="utf-8")
    assert config.load(file, {}).watch.products == ("Exchange Server*",)


def lines(language: str) -> Iterator[str]:
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8"), language):
            yield from (line.split("#")[0].strip() for line in block.splitlines())


def test_every_command_line_in_the_documentation_can_be_typed() -> None:
    known = dict(reference.walk(typer.main.get_command(app), "watcher"))
    parts = [
        part.strip()
        for language in ("sh", "crontab")
        for line in lines(language)
        for part in re.split(r"&&|\|", line)
    ]
    typed = [
        shlex.split(match[1])
        for part in parts
        if (match := re.fullmatch(r"(?:.*\s)?(?:\S*\.venv/bin/)?(watcher \w.*)", part))
    ]
    assert typed
    for words in typed:
        spelled = next(
            (name for name in known if words[: len(name.split())] == name.split()), None
        )
        assert spelled, f"there is no such command: {words}"
        options = {
            option for parameter in known[spelled].params for option in parameter.opts
        }
        assert [
            word for word in words if word.startswith("-") and word not in options
        ] == [], words


def test_every_make_target_in_the_documentation_exists() -> None:
    targets = set(
        re.findall(
            r"^([a-z-]+):",
            (ROOT / "Makefile").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    )
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    named = {
        target
        for text in texts
        for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)
    }
    assert named
    assert named - targets == set()


def anchors(text: str) -> set[str]:
    headings = re.findall(
        r"^#+ (.*)$",
        re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL),
        re.MULTILINE,
    )
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        file = (page.parent / place).resolve() if place else page
        if not file.exists() or (
            anchor and anchor not in anchors(file.read_text(encoding="utf-8"))
        ):
            broken.append(target)
    assert broken == []


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = (
        project["project"]["dependencies"]
        + project["dependency-groups"]["dev"]
        + project["dependency-groups"]["build"]
    )
    names = {re.split(r"[\[>=;<! ]", requirement)[0] for requirement in wanted}
    explained = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert {
        dependency
        for dependency in names
        if not re.search(rf"^\|.*\b{dependency}\b.*\|", explained, re.MULTILINE)
    } == set()


def test_every_source_is_described_and_says_how_far_it_was_seen() -> None:
    from watcher.config.source_settings import BUILTIN

    rows = re.findall(
        r"^\| ([\w-]+) \| `([\w-]+)` \|",
        (ROOT / "docs" / "sources.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert rows == [(source.name, source.kind) for source in BUILTIN]


def test_every_kind_of_source_has_a_section_of_its_own() -> None:
    page = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    kinds = page.split("## What each kind reads")[1].split("### What is not read")[0]
    assert set(re.findall(r"^### (.+)$", kinds, re.MULTILINE)) == set(SOURCE_KINDS)


def test_the_locks_name_no_index_and_hash_everything() -> None:
    for lock in ("run", "dev"):
        text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
        assert "://" not in text
        assert not re.search(r"^-", text, re.MULTILINE)
        requirements = [
            entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith("#")
        ]
        assert requirements
        assert [entry for entry in requirements if "--hash=sha256:" not in entry] == []


def test_the_locks_pin_each_extra_that_is_asked_for() -> None:
    """Pip refuses, in hash mode, to take coverage==7.1 for coverage[toml] as soon as the
    index has a newer coverage.
    """
    pins = {
        re.split(r"[=;\\ ]", line, maxsplit=1)[0]: line
        for line in (ROOT / "requirements" / "dev.txt")
        .read_text(encoding="utf-8")
        .splitlines()
        if re.match(r"\w", line)
    }
    asked = set()
    for pin in pins:
        with suppress(metadata.PackageNotFoundError):  # of another system
            wanted = [
                text
                for text in metadata.requires(pin.partition("[")[0]) or ()
                if "extra ==" not in text
            ]
            asked |= {
                text.partition("[")[0]
                for text in wanted
                if re.match(r"[\w.-]+\[", text)
            }
    assert asked
    assert {name for name in asked if name in pins} == set()


def test_what_runs_is_what_is_tested() -> None:
    texts = [
        (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
        for lock in ("run", "dev")
    ]
    # The extras of a library may be more where the extras of this program are tested
    pins = [
        set(re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", text, re.MULTILINE))
        for text in texts
    ]
    assert pins[0] - pins[1] == set()


def test_the_first_screen_says_what_it_is_with_one_command_and_one_picture() -> None:
    """Forty lines of a terminal, or a laptop's window on the repository's page."""
    first = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]
    assert len(first.splitlines()) <= 40
    title, sentence = first.split("\n\n")[:2]
    assert (title, sentence[:2], sentence[-2:]) == ("# Advisory Watcher", "**", "**")
    (command,) = blocks(first, "sh")
    assert command.startswith("uvx advisory-watcher demo")
    (picture,) = re.findall(r"!\[[^\]]+\]\((\S+)\)", first)
    assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")
    ways = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Have it")[2]
    for way in (
        "pipx install advisory-watcher",
        "docker run --rm IMAGE demo",
        "make demo",
    ):
        assert way in ways[:1200], way
