"""The house has five floors: imports go down only, and edges do not know each other."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The first name that fits decides; a module that none fits has no place in the house
# yet.
FLOORS: tuple[tuple[str, int], ...] = (
    ("watcher.records", 0),
    ("watcher.errors", 0),
    ("watcher.settings", 0),
    ("watcher.settings", 0),
    ("watcher.kinds", 0),
    ("watcher.plural", 0),
    ("watcher.judgement", 1),
    ("watcher.sources", 2),
    ("watcher.inventory", 2),
    ("watcher.text", 2),
    ("watcher.trust", 2),
    ("watcher.private", 2),
    ("watcher.web", 3),
    ("watcher.store", 3),
    ("watcher.notifiers", 3),
    ("watcher.config", 3),
    ("watcher.mail", 3),
    ("watcher.site", 3),
    ("watcher.parsing", 3),
    ("watcher.report", 3),
    ("watcher.mailbox", 3),
    ("watcher.run", 4),
    ("watcher.replay", 4),
    ("watcher.demo", 4),
    ("watcher.setup", 4),
    ("watcher.doctor", 4),
    ("watcher.cli", 4),
    ("watcher.__main__", 4),
)
# What knows files, though it stands low: paths in settings, templates, authorities,
# modes of files.
NOT_PURE = ("watcher.settings", "watcher.text", "watcher.trust", "watcher.private")
# Edges that may use another one: none does.
MAY_USE: set[tuple[str, str]] = set()
NAMES = {0: "words", 1: "judgement", 2: "forms", 3: "edges", 4: "composition"}

# What floors 0 to 2 must not touch: the clock is an argument, documents are bytes.
# Judgement's rules are read once from the package.
WORLD = {
    "socket",
    "ssl",
    "http",
    "urllib.request",
    "requests",
    "aiosql",
    "sqlite3",
    "os",
    "subprocess",
    "time",
    "pathlib",
    "shutil",
    "threading",
}


@dataclass(frozen=True, slots=True)
class Import:
    """One import of ours or of others: who, in which line, of what."""

    module: str
    line: int
    target: str


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str, module: str, *, package: bool = False) -> Iterator[Import]:
    """Walk all imports of a module, those within functions too; relative ones are spelled out."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(module, node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = (
                module.split(".")[: len(module.split(".")) - node.level + package]
                if node.level
                else []
            )
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (
                Import(module, node.lineno, f"{base}.{name.name}")
                for name in node.names
            )


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def floor(name: str) -> int | None:
    return next((number for prefix, number in FLOORS if within(name, prefix)), None)


def edge(name: str) -> str:
    return ".".join(name.split(".")[:2])


def complaint(found: Import) -> str:
    """Say what is wrong with an import, "" when nothing is."""
    here, there = floor(found.module), floor(found.target)
    where = f"{found.module}, line {found.line}, imports {found.target}"
    if here is None or (there is None and within(found.target, "watcher")):
        return (
            ""
            if found.target in {"watcher", "watcher.__version__"}
            else f"{where}: one of them stands on no floor; give it one in FLOORS"
        )
    if there is None:
        pure = here <= 2 and not any(within(found.module, name) for name in NOT_PURE)
        touches = pure and any(within(found.target, name) for name in WORLD)
        return (
            f"{where}: floor {here} ({NAMES[here]}) is pure and touches nothing of the world"
            if touches
            else ""
        )
    if there > here:
        return (
            f"{where}: it climbs from floor {here} ({NAMES[here]}) to floor "
            f"{there} ({NAMES[there]})"
        )
    apart = (edge(found.module), edge(found.target))
    if here == there == 3 and apart[0] != apart[1] and apart not in MAY_USE:
        return f"{where}: edges know words, not each other"
    return ""


def modules() -> list[Path]:
    return sorted(
        path
        for path in (ROOT / "watcher").rglob("*.py")
        if path.name != "__init__.py" or path.parent.name != "watcher"
    )


@pytest.mark.parametrize("path", modules(), ids=lambda path: module_name(path, ROOT))
def test_a_module_imports_from_its_own_floor_or_below(path: Path) -> None:
    found = imports(
        path.read_text(encoding="utf-8"),
        module_name(path, ROOT),
        package=path.name == "__init__.py",
    )
    assert [line for line in map(complaint, found) if line] == []


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        (
            "watcher.judgement.compare",
            "from watcher.store import Store",
            "climbs from floor 1 (judgement) to floor 3 (edges)",
        ),
        (
            "watcher.judgement.compare",
            "def f():\n    from ..web import fetch",
            "line 2, imports watcher.web.fetch: it climbs",
        ),
        (
            "watcher.sources.feed",
            "import watcher.run",
            "climbs from floor 2 (forms) to floor 4 (composition)",
        ),
        (
            "watcher.store.ledger",
            "from watcher.config import Settings",
            "edges know words, not each other",
        ),
        (
            "watcher.judgement.schedule",
            "import time",
            "is pure and touches nothing of the world",
        ),
        (
            "watcher.sources.cvrf",
            "from urllib.request import urlopen",
            "is pure and touches nothing of the world",
        ),
        ("watcher.run", "from watcher.cellar import Wine", "stands on no floor"),
        ("watcher.store.ledger", "from watcher.store.events import owner_of", ""),
        ("watcher.run", "from watcher.judgement import compare", ""),
        ("watcher.sources.cvrf", "from urllib.parse import urlsplit", ""),
        ("watcher.cli", "from watcher import __version__", ""),
    ],
)
def test_a_wrong_import_is_named_with_its_line(
    module: str, source: str, expected: str
) -> None:
    found = " ".join(filter(None, map(complaint, imports(source, module))))
    assert (expected in found) if expected else (found == "")


# Loading requests and urllib3 is a quarter of a run that asks nobody
LATE = {
    ("watcher.web.fetch", "watcher.web.client"),
    ("watcher.cli.call", "watcher.notifiers.microsoft"),
}


def test_own_modules_are_imported_at_the_top() -> None:
    found = set()
    for path in modules():
        text = path.read_text(encoding="utf-8")
        module = module_name(path, ROOT)
        indented = re.findall(
            r"^[ \t]+(?:from|import) (watcher[\w.]*)", text, re.MULTILINE
        )
        found |= {(module, target) for target in indented}
    assert found == LATE


def declared() -> set[str]:
    """Give the names under which what pyproject.toml asks for is imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = {re.split(r"[\[>=;<! ]", requirement)[0].lower() for requirement in wanted}
    return {
        module
        for module, places in packages_distributions().items()
        if names & {place.lower().replace("_", "-") for place in places}
    }


@pytest.mark.parametrize("folder", ["watcher", "tests", "scripts"])
def test_what_is_imported_is_asked_for(folder: str) -> None:
    ours = {"watcher", "tests", "scripts"}
    known = ours | declared() | set(sys.stdlib_module_names)
    found = {
        each.target.split(".")[0]: f"{path.relative_to(ROOT)}, line {each.line}"
        for path in (ROOT / folder).rglob("*.py")
        for each in imports(
            path.read_text(encoding="utf-8"),
            module_name(path, ROOT),
            package=path.name == "__init__.py",
        )
    }
    assert {name: where for name, where in found.items() if name not in known} == {}
