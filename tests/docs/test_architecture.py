"""The page of the architecture is true: what it names exists, and no room is forgotten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
# The house is drawn as a tree of names, two columns further in for each level
HOUSE = TEXT.split("## The house")[1].split("```")[1]
WAY = TEXT.split("## The way of one advisory")[1].split("```")[1]


def drawn() -> list[str]:
    """Give the paths of the house's rooms and files, as the tree draws them."""
    found, room = [], ""
    for line in HOUSE.splitlines():
        match = re.match(r"(?:  \d  |     )(?P<deeper>  )?(?P<name>[\w./]+)", line)
        if match is None:
            continue
        name = match["name"]
        if match["deeper"]:
            found.append(f"watcher/{room}{name}")
        else:
            room = name
            found.append(f"watcher/{name}")
    return found


@pytest.mark.parametrize(
    "path",
    sorted({*re.findall(r"\b(?:watcher|tests|templates)/[\w./]*\w", TEXT), *drawn()}),
)
def test_each_file_that_is_named_exists(path: str) -> None:
    # In the wheel alone
    if path == "watcher/templates":
        return
    assert (ROOT / path).exists()


def test_the_house_has_every_room_and_every_file_beside_them() -> None:
    package = ROOT / "watcher"
    rooms = {f"watcher/{each.parent.name}/" for each in package.glob("*/__init__.py")}
    files = {f"watcher/{each.name}" for each in package.glob("[a-z_]*.py")}
    assert {*rooms, *files} - {"watcher/__init__.py"} <= set(drawn())


def test_the_way_has_ten_steps_and_the_file_of_each() -> None:
    steps = re.findall(r"^ ?(\d+)  .*?(watcher/[\w/]+\.py)", WAY, re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, 11))


def test_the_page_of_judgement_names_each_of_its_files() -> None:
    page = (ROOT / "docs" / "judgement.md").read_text(encoding="utf-8")
    table = page.split("| file | decides |")[1].split("\n\n")[0]
    folder = ROOT / "watcher" / "judgement"
    files = {each.name for each in folder.glob("*.py") if each.name != "__init__.py"}
    rooms = {f"{each.parent.name}/" for each in folder.glob("*/__init__.py")}
    spelled = {each.name for each in (folder / "normalize").glob("[a-z]*.py")}
    named = set(re.findall(r"`([a-z_]+(?:\.py|/))`", table))
    assert named == {*files, *rooms, *spelled}
