"""The libraries that a run asks for are those that it imports, and those that the docs explain."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.floors.test_imports_go_down import imports, module_name

ROOT = Path(__file__).parents[2]

# What is asked for and imported nowhere, and why
NEVER_IMPORTED = {"tzdata": "data that zoneinfo reads on Windows"}


def asked_for_to_run() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = list(project["project"]["dependencies"])
    for extra in project["project"].get("optional-dependencies", {}).values():
        wanted += extra
    return {re.split(r"[\[>=;<! ]", requirement)[0].lower() for requirement in wanted}


def imported_to_run() -> set[str]:
    """Give the top names of all modules that the watcher imports, early or late."""
    return {
        each.target.split(".")[0]
        for path in (ROOT / "watcher").rglob("*.py")
        for each in imports(
            path.read_text(encoding="utf-8"),
            module_name(path, ROOT),
            package=path.name == "__init__.py",
        )
    }


def test_what_is_asked_for_to_run_is_imported() -> None:
    """Two libraries had their reasons in the docs, and no line of code."""
    modules: dict[str, set[str]] = {}
    for module, places in packages_distributions().items():
        for place in places:
            modules.setdefault(place.lower().replace("_", "-"), set()).add(module)
    imported = imported_to_run()
    unused = {
        name
        for name in asked_for_to_run() - NEVER_IMPORTED.keys()
        if not modules.get(name, set()) & imported
    }
    assert unused == set()


def test_the_page_of_dependencies_names_what_runs_and_nothing_else() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    table = page.partition("## To run")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| ([\w-]+) \|", table, re.MULTILINE)) - {
        "library",
        "---",
    }
    assert named == asked_for_to_run()
