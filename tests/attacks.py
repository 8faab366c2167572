"""What was tried against the watcher, kind by kind, and what of it held.

A test anywhere under ``tests`` joins the harness by its decorator:

    @tried("limits")
    @pytest.mark.parametrize("body", [...])
    def test_...(body): ...

Each case of a parametrised test is one sibling; a kind has five at least.  The suite
runs them as it runs all tests, those marked ``soak`` left out; ``make soak`` runs all.
The table in docs/security.md is what ``python -m tests.attacks`` prints, and
tests/docs/test_attacks.py keeps it so.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec import Struct

Test = TypeVar("Test", bound=Callable[..., object])

ROOT = Path(__file__).parents[1]
FEWEST = 5
MARK = "tried"

# A new kind of fault is a line here; what the table says of it is the text
KINDS = {
    "secrets": "a document asks for a secret",
    "addresses": "an address that two readers read in two ways",
    "shown": "a part of a secret is shown",
    "modes": "modes, links and owners of files",
    "trust": "names and certificates that are not what they seem",
    "limits": "a document or a server without end",
    "length": "a cost that grows faster than the text",
    "drawn": "what cannot be drawn",
    "unknown": "a delivery of which nobody knows the end",
    "settings": "a setting that is wrong, and set right",
    "age": "a clock that jumps, a machine that was off",
    "patience": "a server that asks to be left alone",
    "state": "a state that is not whole",
    "kills": "a run that is ended between two steps",
    "everyday": "surroundings that nobody thought of",
}


class Attacks(Struct, frozen=True):
    """One test of the harness, and how many siblings it tries."""

    kind: str
    file: str
    test: str
    count: int
    held: bool


_FOUND: dict[tuple[str, str], Attacks] = {}


def tried(kind: str, *, not_held: str = "") -> Callable[[Test], Test]:
    """Put a test into the harness, above its ``parametrize``.

    ``not_held`` says why the watcher does not stand it yet: the test must then fail.
    """
    if kind not in KINDS:
        msg = f"no kind of fault: {kind}; KINDS in tests/attacks.py has them"
        raise ValueError(msg)

    def join(test: Test) -> Test:
        marks = list(getattr(test, "pytestmark", ()))
        cases = [len(mark.args[1]) for mark in marks if mark.name == "parametrize"]
        code = test.__code__
        file = Path(code.co_filename).relative_to(ROOT).as_posix()
        count = math.prod(cases)
        found = Attacks(kind, file, code.co_name, count, held=not not_held)
        _FOUND[file, code.co_name] = found
        if not_held:
            test = pytest.mark.xfail(reason=not_held, strict=True)(test)
        return getattr(pytest.mark, MARK)(test)  # type: ignore[no-any-return]

    return join


def harness() -> list[Attacks]:
    """Give every test of the harness, by kind and name."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "from tests.attacks import" in path.read_text(encoding="utf-8"):
            name = path.relative_to(ROOT).with_suffix("")
            importlib.import_module(".".join(name.parts))
    order = list(KINDS)
    return sorted(
        _FOUND.values(), key=lambda each: (order.index(each.kind), each.file, each.test)
    )


def table() -> Iterator[str]:
    """Give the lines of the table in docs/security.md."""
    found = harness()
    yield "| kind of fault | tried | held | tests |"
    yield "| --- | ---: | ---: | --- |"
    for kind, text in KINDS.items():
        mine = [each for each in found if each.kind == kind]
        if not mine:
            continue
        count = sum(each.count for each in mine)
        held = sum(each.count for each in mine if each.held)
        files = ", ".join(f"`{file}`" for file in sorted({each.file for each in mine}))
        yield f"| {text} | {count} | {held} | {files} |"


if __name__ == "__main__":
    # Under the name by which the tests know it: as a program it is another module
    named = importlib.import_module("tests.attacks")
    print("\n".join(named.table()))  # noqa: T201 - the table
