"""What a hostile source cannot do, as far as no other file tests it.

Docs/security.md names the tests of every threat.
"""

from __future__ import annotations

import ast
import os
import random
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.attacks import tried
from tests.steps import Steps
from watcher.errors import ParseError
from watcher.judgement import normalize, reading
from watcher.kinds import SOURCE_KINDS
from watcher.notifiers import outbox
from watcher.records import Message, Page, Watch
from watcher.sources import markup, parser
from watcher.store import Store

NOW = datetime(2030, 11, 12, 18, 0, tzinfo=UTC)
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BILLION = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{LAUGHS}]>'
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l9 SYSTEM "file:///etc/hostname">]>'
)
FORMS = {
    "feed": (
        "<rss "
        'version="2.0"><channel><title>&l9;</title><item><title>&l9;</title></item></channel></rss>'
    ),
    "cvrf": (
        "<cvrf:cvrfdoc "
        'xmlns:cvrf="http://www.icasi.org/CVRF/schema/cvrf/1.1"><cvrf:DocumentTitle>&l9;</cvrf:DocumentTitle></cvrf:cvrfdoc>'
    ),
    "csaf": '<feed xmlns="http://www.w3.org/2005/Atom"><title>&l9;</title></feed>',
}


def page(body: str, kind: str) -> Page:
    document = "2030-Nov" if kind == "cvrf" else ""
    return Page(
        "s",
        document,
        "https://example.org/x",
        NOW,
        200,
        body.encode(),
        "application/xml",
    )


@pytest.mark.parametrize("kind", SOURCE_KINDS)
@pytest.mark.parametrize(
    "head", [BILLION, OUTSIDE], ids=["billion laughs", "a file of this machine"]
)
def test_entities_are_neither_expanded_nor_read_from_files(
    head: str, kind: str
) -> None:
    body = head + FORMS.get(kind, "<html><body>&l9;</body></html>")
    hostname = (
        Path("/etc/hostname").read_text(encoding="utf-8").strip()
        if Path("/etc/hostname").exists()
        else "no such name"
    )
    tracemalloc.start()
    try:
        said = repr(parser(kind)(page(body, kind), Watch(("*",))))
    except ParseError as error:
        said = str(error)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "lollol" not in said
    assert not hostname or hostname not in said or hostname in body
    assert peak < 50_000_000


ALPHABETS = (
    "a ",
    "KB5 ",
    "15.2.",
    "CVE-",
    "Exchange Server 2019 CU",
    "**_",
    "[](",
    "<p",
    "not un",
    "re-released as ",
    "((",
    "1) ",
    "&#x",
    "..., ",
)
ROOT = Path(__file__).parents[2]
READERS: tuple[Callable[[str], object], ...] = (
    normalize.product,
    normalize.products_in,
    normalize.kbs_in,
    normalize.cves_in,
    normalize.builds_in,
    normalize.date,
    normalize.link,
    normalize.family,
    normalize.label,
    markup.plain,
    reading.sentences,
    reading.read,
)


HOSTILE = (
    *ALPHABETS,
    *("".join(random.Random(seed).choices(ALPHABETS, k=3)) for seed in range(6)),
)


@tried("length")
@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_no_text_takes_more_steps_than_its_length_is_worth(
    read: Callable[[str], object],
) -> None:
    """Eight times as long: eight times the steps, and 64 times were it the square."""
    for alphabet in HOSTILE:
        counts: list[int] = []
        for size in (1_000, 1_000, 8_000):
            # No two texts are alike, so that none is remembered
            text = (alphabet * size)[:size] + f" n{len(counts)}"
            with Steps() as spent:
                read(text)
            counts.append(spent.count)
        _, short, long = counts
        assert long <= 12 * short + 200, f"{alphabet!r}: {short} calls, then {long}"


@tried("length")
@pytest.mark.posix
@pytest.mark.parametrize(
    "number", range(len(READERS)), ids=[r.__name__ for r in READERS]
)
def test_no_text_makes_a_pattern_blow_up(number: int) -> None:
    """The steps of a pattern cannot be counted: the system ends a process that takes a
    minute for what takes a moment, 100,000 characters of what the patterns look for.
    """
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (60, 60))\n"
        "from tests.edges import test_security as hostile\n"
        "for alphabet in hostile.HOSTILE:\n"
        f"    hostile.READERS[{number}]((alphabet * 100_000)[:100_000])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_no_table_for_a_spreadsheet_is_written_and_no_shell_or_program_is_started() -> (
    None
):
    """Neither formulas nor commands can be injected where there are no tables and no shells."""
    forbidden = {
        "csv.writer",
        "csv.DictWriter",
        "os.system",
        "os.popen",
        "eval",
        "exec",
        "pickle.loads",
        "pickle.load",
        "yaml.load",
    }
    package = Path(parser.__code__.co_filename).parents[1]
    found = []
    # The watcher's own parsers; the system's scheduler, when `watcher init` is told to
    apart = {package / "parsing" / "parsers.py", package / "setup" / "schedule.py"}
    for path in sorted({*package.rglob("*.py")} - apart):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = (
                {alias.name for alias in node.names}
                if isinstance(node, ast.Import)
                else set()
            )
            named |= {node.module or ""} if isinstance(node, ast.ImportFrom) else set()
            named |= {ast.unparse(node.func)} if isinstance(node, ast.Call) else set()
            found += [
                f"{path}: {name}"
                for name in named
                & (forbidden | {"subprocess", "pty", "pickle", "marshal", "shelve"})
            ]
    assert found == []


@pytest.mark.skipif(os.name != "posix", reason="this system has no POSIX modes")
def test_state_and_outbox_are_for_their_owner_only(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'state' / 'watcher.db'}") as store:
        store.set_meta("a", "b")
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in (tmp_path / "state").iterdir()
            if path.suffix not in (".lock", ".holder")
        }
    assert modes
    assert set(modes.values()) == {0o600}, modes
    message = Message(
        "<1@example.org>",
        NOW,
        "released",
        "admins",
        "../../etc/passwd",
        "s",
        (),
        b"Message-ID: <1@example.org>\r\n\r\n",
    )
    (receipt,) = outbox.Outbox(tmp_path / "outbox").send(message, ["a@example.org"])
    written = Path(receipt.answer)
    assert written.parent == tmp_path / "outbox"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
