"""What is loaded at once is there on Windows, too.

A module that only POSIX has is loaded where it is needed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for folder in ("watcher", "tests", "scripts")
    for path in (ROOT / folder).rglob("*.py")
)
POSIX = {
    "crypt",
    "fcntl",
    "grp",
    "nis",
    "posix",
    "pty",
    "pwd",
    "readline",
    "resource",
    "spwd",
    "syslog",
    "termios",
    "tty",
}
NAMES = {
    *("os.chown", "os.fork", "os.getuid", "os.mkfifo", "os.sched_yield", "os.uname"),
    *(
        "signal.SIGALRM",
        "signal.SIGHUP",
        "signal.SIGKILL",
        "signal.SIGUSR1",
        "signal.SIGUSR2",
    ),
    *(
        "socket.AF_UNIX",
        "socketserver.UnixStreamServer",
        "socketserver.ThreadingUnixStreamServer",
    ),
}


def at_once(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs when a file is loaded: everything but the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        ) and child not in getattr(node, "decorator_list", []):
            continue
        yield child
        yield from at_once(child)


def only_posix(source: str) -> list[str]:
    found = []
    for node in at_once(ast.parse(source)):
        named = (
            [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        )
        named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found += [name for name in named if name.partition(".")[0] in POSIX]
        found += (
            [ast.unparse(node)]
            if isinstance(node, ast.Attribute) and ast.unparse(node) in NAMES
            else []
        )
    return found


def test_nothing_that_only_posix_has_is_loaded_at_once() -> None:
    assert {
        str(path): found
        for path in FILES
        if (found := only_posix(path.read_text(encoding="utf-8")))
    } == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pwd\n", ["pwd"]),
        ("from resource import getrlimit\n", ["resource"]),
        ("class Here:\n    number = signal.SIGKILL\n", ["signal.SIGKILL"]),
        ("@mark([signal.SIGKILL])\ndef late(): ...\n", ["signal.SIGKILL"]),
        ("def late():\n    import pwd\n    os.fork()\n", []),
    ],
)
def test_what_only_posix_has_is_found(source: str, found: list[str]) -> None:
    assert only_posix(source) == found
