"""The administrator's servers from a CSV file.

``server,product,build``, or what Exchange's own shell exports.

A column ``owner`` may be there, too, and ``product`` may be missing.
``Get-ExchangeServer | Select Name, AdminDisplayVersion | Export-Csv`` writes
``"Version 15.2 (Build 1544.13)"``, in Windows PowerShell 5 a line ``#TYPE ...`` before
the head, in UTF-16 where it is told so; Excel saves with semicolons in many countries.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from msgspec import Struct

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Server

SERVER = (
    "server",
    "name",
    "servername",
    "computername",
    "pscomputername",
    "host",
    "hostname",
    "identity",
    "fqdn",
)
BUILD = (
    "build",
    "admindisplayversion",
    "buildnumber",
    "version",
    "productversion",
    "fileversion",
)
PRODUCT = ("product", "productname")
OWNER = ("owner", "owners", "ownedby", "managedby", "responsible")
REMEDY = (
    "Write a first line server,product,build and a line for each server: "
    "EX01,Exchange Server 2019 CU14,15.2.1544.13"
)

_DISPLAYED = re.compile(r"Version (\d+\.\d+) \(Build (\d+\.\d+)\)", re.IGNORECASE)
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


class Inventory(Struct, frozen=True):
    """The servers that could be read, and what is wrong with the other lines, each named
    by its number.
    """

    servers: tuple[Server, ...] = ()
    complaints: tuple[str, ...] = ()


def parse(body: bytes) -> Inventory:
    """Read an inventory; what is wrong with a line costs that line only.

    Raises ParseError when there is no head that names a column of servers and one of
    builds.
    """
    lines = _decoded(body).splitlines()
    start = next(
        (number for number, text in enumerate(lines) if not _skipped(text)), len(lines)
    )
    head = lines[start] if start < len(lines) else ""
    sign = max(",;\t", key=head.count)
    names = [
        re.sub(r"[^a-z]", "", name.lower()) for name in next(_rows([head], sign, 0))[1]
    ]
    server, build, product, owner = (
        _column(names, wanted) for wanted in (SERVER, BUILD, PRODUCT, OWNER)
    )
    if server is None or build is None:
        found = f'its first line is "{head[:80]}"' if head else "it is empty"
        raise ParseError(f"no column of servers and one of builds: {found}", REMEDY)
    servers: dict[str, Server] = {}
    complaints: list[str] = []
    for number, row in _rows(lines[start + 1 :], sign, start + 1):
        cells = dict(enumerate(cell.strip() for cell in row))
        if not any(cells.values()):
            continue
        name, written = cells.get(server, ""), cells.get(build, "")
        wrong = _wrong(name, written, servers)
        if wrong:
            complaints.append(f"line {number}: {wrong}")
            continue
        servers[name.lower()] = Server(
            name,
            build_of(written),
            _product(_cell(cells, product)),
            _owners(_cell(cells, owner)),
        )
    return Inventory(tuple(servers.values()), tuple(complaints))


def build_of(written: str) -> str:
    """Give the short form of a build in any form, ``Version 15.2 (Build 1544.13)`` among them.

    "" when it is none.
    """
    shown = _DISPLAYED.search(written)
    return normalize.build(f"{shown[1]}.{shown[2]}" if shown else written.strip())


def _cell(cells: dict[int, str], column: int | None) -> str:
    return "" if column is None else cells.get(column, "")


def _owners(written: str) -> tuple[str, ...]:
    """Take the owners of a cell, each once.

    Names or addresses, parted by commas, semicolons or bars.
    """
    return tuple(
        dict.fromkeys(
            filter(None, (owner.strip() for owner in re.split("[,;|]", written)))
        )
    )


def _product(written: str) -> str:
    return normalize.product(written) if written else ""


def _wrong(name: str, written: str, known: dict[str, Server]) -> str:
    if not name:
        return "it names no server"
    if name.lower() in known:
        return f'"{name[:60]}" stands there twice; the first line counts'
    if not build_of(written):
        return f'"{written[:60]}" of {name[:60]} is no build; write it as 15.2.1544.13'
    return ""


def _decoded(body: bytes) -> str:
    """Read the bytes as their mark says, else as UTF-16 where every other byte is nought,
    as UTF-8, or as Windows-1252.
    """
    encoding = next((name for mark, name in _MARKS if body.startswith(mark)), "")
    if not encoding and b"\0" in body[:2]:
        encoding = "utf-16-be" if body[:1] == b"\0" else "utf-16-le"
    if encoding:
        return body.decode(encoding, "replace")
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _skipped(text: str) -> bool:
    """Pass over what stands before the head.

    Empty lines, PowerShell's ``#TYPE``, Excel's ``sep=;``.
    """
    return (
        not text.strip()
        or text.lstrip('"').startswith("#")
        or text.lower().startswith("sep=")
    )


def _rows(lines: list[str], sign: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """Give rows with the numbers of their lines; ``before`` lines stand above."""
    reader = csv.reader(lines, delimiter=sign, skipinitialspace=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            row = []
        yield before + reader.line_num, row


def _column(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)
