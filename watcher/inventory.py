"""The administrator's servers from a CSV file, or from what Health Checker writes.

``server,product,build``, or what Exchange's own shell exports.

A column ``owner`` may be there, too, and ``product`` may be missing.  A column
``ExSetup`` has what ExSetup.exe says of itself, and goes before the others: what Active
Directory has of a server often stays at its cumulative update.
``Get-ExchangeServer | Select Name, AdminDisplayVersion | Export-Csv`` writes
``"Version 15.2 (Build 1544.13)"``, in Windows PowerShell 5 a line ``#TYPE ...`` before
the head, in UTF-16 where it is told so; Excel saves with semicolons in many countries.

Exchange's Health Checker writes no CSV (microsoft/CSS-Exchange, Diagnostics/HealthChecker):
what it keeps of a server is XML (Export-Clixml), of -BuildHtmlServersReport an HTML page,
of -VulnerabilityReport one JSON file of all servers.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from itertools import product, takewhile
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.errors import ParseError
from watcher.judgement import normalize, tracks
from watcher.judgement.normalize.products import canonical
from watcher.records import Server

if TYPE_CHECKING:
    from lxml import etree

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
# Of the program's own file: "fileversion" is what `Get-Command ExSetup.exe` gives
EXACT = (
    "exsetup",
    "exsetupversion",
    "exsetupfileversion",
    "exsetupbuild",
    "fileversion",
)
BUILD = (
    "build",
    "admindisplayversion",
    "buildnumber",
    "version",
    "buildversion",
    "productversion",
)
PRODUCT = ("product", "productname")
HOTPATCH = ("hotpatch", "hotpatched", "hotpatchenrolled")
TRACK = ("track", "updatetrack")
YES = ("true", "yes", "1", "enrolled", "hotpatch", "$true")
OWNER = ("owner", "owners", "ownedby", "managedby", "responsible")
REMEDY = (
    "Write a first line server,product,build and a line for each server: "
    "EX01,Exchange Server 2019 CU14,15.2.1544.13"
)

# A thousand times a large company's: it is another file that was named by mistake, and a
# run that reads it without end tells nobody anything
LARGEST = 32 * 1024 * 1024
MOST = 100_000
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


class Columns(Struct, frozen=True):
    """Which column holds what, None where the head names none of it."""

    server: int | None
    build: int | None
    # Of the program's own file
    exact: int | None
    product: int | None
    owner: int | None
    hotpatch: int | None = None
    track: int | None = None

    @property
    def has_servers_and_builds(self) -> bool:
        """Whether there is a column of servers, and one of builds."""
        builds = {self.build, self.exact} - {None}
        return self.server is not None and bool(builds)


class Row(Struct, frozen=True):
    """A line's cells, with its number in the file."""

    number: int
    cells: tuple[str, ...]

    def cell(self, column: int | None) -> str:
        """Give a cell without spaces around it, "" where there is none."""
        if column is None or column >= len(self.cells):
            return ""
        return self.cells[column].strip()


def parse(body: bytes) -> Inventory:
    """Read an inventory; what is wrong with a line costs that line only.

    Raises ParseError when there is no head that names a column of servers and one of
    builds, and when it is larger than any is.
    """
    if len(body) > LARGEST:
        raise _too_large()
    text = _decoded(body)
    start_of_text = text.lstrip()[:200].lower()
    if start_of_text.startswith("{"):
        return _vulnerability_report(text)
    if start_of_text.startswith(("<html", "<!doctype html")):
        return _html_report(text)
    if start_of_text.startswith("<"):
        return _health_checker(body)
    return _table(text)


def _table(text: str) -> Inventory:
    """Read a table of servers: what may stand before its head is passed over."""
    lines = text.splitlines()
    before = len(list(takewhile(_precedes_head, lines)))
    head, *below = lines[before:] or [""]
    separator = max(",;\t", key=head.count)
    columns = _columns(head, separator)
    if not columns.has_servers_and_builds:
        found = f'its first line is "{head[:80]}"' if head else "it is empty"
        raise ParseError(f"no column of servers and one of builds: {found}", REMEDY)
    collected = _Servers()
    for row in _rows(below, separator, before + 1):
        if any(map(str.strip, row.cells)):
            written = row.cell(columns.exact) or row.cell(columns.build)
            place = f"line {row.number}"
            collected.add(_server(row, columns), written, place)
    return collected.inventory


def _too_large() -> ParseError:
    """Give the refusal of a file that is larger than an inventory is."""
    return ParseError(
        f"it is larger than an inventory is ({LARGEST >> 20} MiB, {MOST:,} servers)",
        "Name the file of servers, or divide it: an inventory for each subscriber.",
    )


def _columns(head: str, separator: str) -> Columns:
    """Find the columns by their names, of which Exchange's shell and others have many."""
    cells = next(_rows([head], separator, 0)).cells
    names = [re.sub(r"[^a-z]", "", cell.lower()) for cell in cells]

    def column(wanted: tuple[str, ...]) -> int | None:
        return next((names.index(name) for name in wanted if name in names), None)

    return Columns(
        column(SERVER),
        column(BUILD),
        column(EXACT),
        column(PRODUCT),
        column(OWNER),
        column(HOTPATCH),
        column(TRACK),
    )


def _server(row: Row, columns: Columns) -> Server:
    product = row.cell(columns.product)
    # A server that the script could not reach has what Active Directory says of it
    exact = build_of(row.cell(columns.exact))
    return Server(
        row.cell(columns.server),
        exact or build_of(row.cell(columns.build)),
        normalize.product(canonical(product)) if product else "",
        _owners(row.cell(columns.owner)),
        exact=bool(exact),
        track=_track(row, columns),
    )


def _track(row: Row, columns: Columns) -> str:
    """Give the track that a line names: our script writes whether a server is enrolled."""
    if row.cell(columns.hotpatch).lower() in YES:
        return tracks.HOTPATCH
    written = row.cell(columns.track).lower().replace(" ", "-")
    return written if written in (tracks.HOTPATCH, tracks.SECURITY_ONLY) else ""


def _health_checker(body: bytes) -> Inventory:
    """Read what Health Checker keeps of a server (Export-Clixml).

    Raises ParseError when it is no such file.
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ParseError(f"this XML cannot be read: {error}", REMEDY) from error
    servers: dict[str, Server] = {}
    for properties in root.iterfind(".//{*}S[@N='ServerName']/.."):
        name = properties.findtext("{*}S[@N='ServerName']", "").strip()
        build = _setup_build(properties)
        if name and build:
            server = Server(name, build, exact=not _failed_to_ask(properties))
            servers.setdefault(name.lower(), server)
    if not servers:
        raise ParseError("this XML is not what Health Checker writes", REMEDY)
    return Inventory(tuple(servers.values()))


def _setup_build(properties: etree._Element) -> str:
    """Give the build that ExSetup.exe had on the server, "" for none."""
    setups = properties.iterfind(".//{*}Obj[@N='ExchangeSetup']")
    # Newer Health Checkers keep the version that they have read off it
    paths = (".//{*}S[@N='FileVersion']", ".//{*}Version[@N='BuildVersion']")
    elements = product((*setups, properties), paths)
    builds = (build_of(element.findtext(path, "")) for element, path in elements)
    return next(filter(None, builds), "")


def _failed_to_ask(properties: etree._Element) -> bool:
    """Say whether ExSetup.exe could not be asked: then AdminDisplayVersion stands in its place."""
    failed = properties.iterfind(".//{*}B[@N='FailedGetExSetup']")
    return "true" in {(element.text or "").strip().lower() for element in failed}


def _vulnerability_report(text: str) -> Inventory:
    """Read the JSON of Health Checker's -VulnerabilityReport, of all servers at once.

    Of a server that was not reached it has AdminDisplayVersion.  Raises ParseError when
    it is no such file.
    """
    remedy = "Of JSON, Health Checker's HealthChecker-VulnerabilityReport is read."
    try:
        report = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"this JSON cannot be read: {error}", remedy) from error
    rows = report.get("Servers") if isinstance(report, dict) else None
    if not isinstance(rows, list):
        raise ParseError("this JSON is not what Health Checker writes", remedy)
    collected = _Servers()
    for number, row in enumerate(rows, 1):
        cells = row if isinstance(row, dict) else {}
        written = str(cells.get("BuildVersion", ""))
        name, exact = str(cells.get("Name", "")).strip(), cells.get("Online") is True
        server = Server(name, build_of(written), exact=exact)
        collected.add(server, written, f"server {number}")
    return collected.inventory


def _html_report(text: str) -> Inventory:
    """Read the details in Health Checker's HTML report, row by row.

    A row "Server Name" begins a server, and a row "Build Number" has what its ExSetup.exe
    says, or AdminDisplayVersion where that could not be asked: which of the two, the page
    does not tell.  Raises ParseError when it is no such page.
    """
    from lxml import html

    servers: dict[str, Server] = {}
    name = ""
    try:
        rows = html.fromstring(text.encode()).iter("tr")
    except (html.etree.ParserError, ValueError) as error:
        raise ParseError(f"this HTML cannot be read: {error}", REMEDY) from error
    for row in rows:
        texts = (str(cell.xpath("string()")) for cell in row.iter("th", "td"))
        match [" ".join(text.split()) for text in texts]:
            case ["Server Name", written]:
                name = written
            case ["Build Number", written] if name and build_of(written):
                servers.setdefault(name.lower(), Server(name, build_of(written)))
    if not servers:
        raise ParseError("this HTML is not what Health Checker writes", REMEDY)
    return Inventory(tuple(servers.values()))


class _Servers:
    """Collects the servers of a file by their names, and what is wrong with the others."""

    def __init__(self) -> None:
        self._servers: dict[str, Server] = {}
        self._complaints: list[str] = []

    def add(self, server: Server, written: str, place: str) -> None:
        """Take a server in; ``written`` is its build as it stands at its ``place``.

        Raises:
            ParseError: there are more than any inventory has.

        """
        wrong = self._complaint(server, written)
        if wrong:
            self._complaints.append(f"{place}: {wrong}")
        else:
            self._servers[server.name.lower()] = server
        if max(len(self._servers), len(self._complaints)) > MOST:
            raise _too_large()

    def _complaint(self, server: Server, written: str) -> str:
        """Say what is wrong with a server, "" when nothing is."""
        name = server.name[:60]
        if not name:
            return "it names no server"
        if server.name.lower() in self._servers:
            return f'"{name}" stands there twice; the first line counts'
        if not server.build:
            return f'"{written[:60]}" of {name} is no build; write it as 15.2.1544.13'
        return ""

    @property
    def inventory(self) -> Inventory:
        """All of them."""
        return Inventory(tuple(self._servers.values()), tuple(self._complaints))


def build_of(written: str) -> str:
    """Give the short form of a build in any form, ``Version 15.2 (Build 1544.13)`` among them.

    "" when it is none.
    """
    displayed = _DISPLAYED.search(written)
    if displayed:
        return normalize.build(f"{displayed[1]}.{displayed[2]}")
    return normalize.build(written.strip())


def _owners(written: str) -> tuple[str, ...]:
    """Take the owners of a cell, each once.

    Names or addresses, parted by commas, semicolons or bars.
    """
    names = map(str.strip, re.split("[,;|]", written))
    return tuple(dict.fromkeys(filter(None, names)))


def _decoded(body: bytes) -> str:
    """Read the bytes as their mark says, else as what they look like."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body.decode(encoding, "replace")
    # UTF-16 without its mark: every other byte of what is ASCII is nought
    if body[:1] == b"\0":
        return body.decode("utf-16-be", "replace")
    if body[1:2] == b"\0":
        return body.decode("utf-16-le", "replace")
    try:
        return body.decode()
    except UnicodeDecodeError:
        # Excel in the West saves CSV so
        return body.decode("cp1252", "replace")


def _precedes_head(text: str) -> bool:
    """Say whether a line stands before the head.

    Empty lines, PowerShell's ``#TYPE``, Excel's ``sep=;``.
    """
    if not text.strip():
        return True
    return text.lstrip('"').startswith("#") or text.lower().startswith("sep=")


def _rows(lines: list[str], separator: str, before: int) -> Iterator[Row]:
    """Give rows with the numbers of their lines; ``before`` lines stand above."""
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            # A cell of megabytes costs its own line
            cells = []
        yield Row(before + reader.line_num, tuple(cells))
