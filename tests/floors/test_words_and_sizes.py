"""Files and functions stay small, and names come from the field's words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_USED = {
    "manager",
    "handler",
    "helper",
    "helpers",
    "util",
    "utils",
    "processor",
    "data",
    "info",
}
NAMED_BY_OTHERS = {"proxy_manager_for"}  # requests calls it so
LONGEST_FILE = 600
LONGEST_FUNCTION = 60  # lines below its docstring

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def sources() -> list[Path]:
    return sorted((ROOT / "watcher").rglob("*.py"))


def definitions(source: str) -> Iterator[Definition]:
    return (
        node for node in ast.walk(ast.parse(source)) if isinstance(node, Definition)
    )


def words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def length(node: Definition) -> int:
    """Count a function's lines without its docstring, and without functions and classes
    within it.
    """
    first = node.body[0]
    documented = (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
    start = first.end_lineno if documented else node.lineno
    return (node.end_lineno or 0) - (start or 0)


def names_not_used(path: str, source: str) -> list[str]:
    names = [path.removesuffix(".py"), *(node.name for node in definitions(source))]
    return [
        name
        for name in names
        if NOT_USED & set(words(name)) and name not in NAMED_BY_OTHERS
    ]


def too_long(source: str) -> list[str]:
    functions = (
        node for node in definitions(source) if not isinstance(node, ast.ClassDef)
    )
    return [
        f"{node.name}, line {node.lineno}: {length(node)} lines"
        for node in functions
        if length(node) > LONGEST_FUNCTION
    ]


@pytest.mark.parametrize(
    "path", sources(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_names_are_the_fields_words(path: Path) -> None:
    assert names_not_used(path.name, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "path", sources(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_files_and_functions_stay_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= LONGEST_FILE
    assert "migrations" in path.parts or too_long(source) == []


def test_a_name_that_says_nothing_is_found() -> None:
    assert names_not_used(
        "mail_utils.py",
        "class FeedManager: ...\ndef parse_data(): ...\ndef read(): ...",
    ) == ["mail_utils", "FeedManager", "parse_data"]


def test_a_long_function_is_found_and_its_docstring_is_free() -> None:
    body = "    x = 1\n" * LONGEST_FUNCTION
    assert too_long(f'def fits():\n    """Say\n    much.\n    """\n{body}') == []
    assert too_long(f"def grows():\n{body}    x = 2\n") == [
        f"grows, line 1: {LONGEST_FUNCTION + 1} lines"
    ]
